"""The spiking circuit whose last value is a pool of keys that shunts the read-out of the
others, see `fwp_neuro.divisive`.

Each value channel has a read-out cell with the time constant of the membrane. The pool's
ON less its OFF cell says how far the shunts of a head are open; a negative sum opens
none.
"""

from __future__ import annotations

import numpy as np

from .biophysical import Network


class DividedNetwork(Network):
    """The circuit with read-out cells that a pool shunts."""

    def __init__(self, plan, model, schedule, dt):
        super().__init__(plan, model, schedule, dt)
        scale = float(np.max(plan.record.scale))  # a pool of 1 in units of the programme
        self.namespace.update(shunt_gain=plan.divisive, pool_scale=scale)
        # the pool itself is read as it is
        pool = f"int(i % {self.post} == {self.post - 1})"
        self.reading = f"total += reading(t)*(quotient + {pool}*(drive - quotient))*dt"

    def _value_equations(self) -> str:
        shunt = "shunt_gain*pool_scale*clip(pool, 0, inf)"
        return super()._value_equations() + f"""
            pool : 1
            shunt = {shunt} : 1
            dquotient/dt = (shunt_gain*drive - (1 + shunt)*quotient)/tau_membrane : 1
        """

    def _value_cells(self):
        made = super()._value_cells()
        channels = np.arange(self.heads * 2 * self.post)
        head = channels // (2 * self.post)
        pools = head * 2 * self.post + self.post - 1  # the ON cell of each head's pool
        both = np.concatenate([pools, pools + self.post])
        sign = f"(1 - 2*((i//{self.post}) % 2))"  # less the OFF cell
        found = self._connect(
            made, made, f"pool_post = drive_pre*{sign} : 1 (summed)", "shunts",
            both, np.concatenate([channels, channels]),
        )  # fmt: skip
        found.summed_updaters["pool_post"].order = -4
        return made

    def code(self) -> tuple:
        return (*super().code(), type(self).__name__)
