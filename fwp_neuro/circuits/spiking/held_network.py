"""The spiking circuit whose teachers depend on what their cells predicted before the
write; `held_writes` says what they add."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from .biophysical import Network


class HeldNetwork(Network):
    """The circuit with a teacher that depends on what its cell predicted."""

    def __init__(self, plan, model, schedule, dt):
        super().__init__(plan, model, schedule, dt)
        self.hold, steps = plan.hold, schedule.token_steps
        start = schedule.spans["write"][0]
        window = np.tile(schedule.active("write"), schedule.tokens)[:, None]
        holding = np.zeros(steps)
        holding[self.hold.start : start] = 1 / ((start - self.hold.start) * schedule.dt)

        def table(each):
            each = np.repeat(np.repeat(each, steps, axis=0), 2 * self.post, axis=1)
            return b2.TimedArray(each * window, dt=dt)

        self.namespace.update(
            holding=b2.TimedArray(np.tile(holding, schedule.tokens) * b2.Hz, dt=dt),
            over=table(self.hold.over), back=table(self.hold.back),
            unit_rate=model.parameters["rate"],
        )  # fmt: skip
        self.reading = f"{self.reading}\nheld += holding(t)*drive*dt"
        number = "(teach_table(t, i) + more - value_baseline)"
        if plan.tonic:
            self.chance = f"clip(abs{number}*unit_rate*dt, 0, 1)"
            self.sign = f"*sign{number}"
        else:
            self.chance = "clip((teach_table(t, i) + more)*unit_rate*dt, 0, 1)"

    def code(self) -> tuple:
        return (*super().code(), self.hold.kind, self.hold.levels)

    def _taught(self) -> str:
        if self.infinite:
            return " + (teach_table(t, i) + more)/tau_teacher"
        return super()._taught()

    def _value_equations(self) -> str:
        beyond = "over(t, i)*(teach_table(t, i) - value_baseline - predicted)"
        return super()._value_equations() + f"""
            held : 1
            predicted = {self._restored()} : 1
            more = {beyond} - back(t, i)*predicted : 1
        """

    def _restored(self) -> str:
        """Return the held number, or the level that is nearest to it; a channel has
        half of each."""
        levels = [level / 2 for level in self.hold.levels]
        if not levels:
            return "held"
        steps = [f"{high - low!r}*int(held > {(high + low) / 2!r})"
                 for low, high in zip(levels, levels[1:], strict=False)]  # fmt: skip
        return " + ".join([repr(levels[0]), *steps])

    def _value_cells(self):
        made = super()._value_cells()
        made.run_regularly("held = 0", dt=self.token, when="start", order=1,
                           name="new_prediction")  # fmt: skip
        return made
