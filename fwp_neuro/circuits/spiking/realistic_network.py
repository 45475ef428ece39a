"""The spiking circuit with some of its idealisations taken away, see `realism`.

It is the circuit of `biophysical` in the population layout; each part of `Realism` that
is not None changes a line of its equations or adds an event. The order inside a step is
that of `biophysical`. A synapse that draws its releases has AMPA and NMDA traces of its
own; the inhibition follows the spikes of the key cells themselves.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..delay_line import delay_line
from .biophysical import Network
from .realism import at_baseline, gains, most_active
from .release_pathway import release_pathway
from .released_quanta import released_quanta
from .value_somas import MOST, PAPERS, firing_curve, numbers, somas, start_voltages

#: correlation time of the membrane noise (a choice)
NOISE_TIME = 5 * b2.ms


class RealisticNetwork(Network):
    """Builds the Brian2 objects of one run; `realism` says what each part means."""

    def __init__(self, plan, model, schedule, dt):
        super().__init__(plan, model, schedule, dt)
        self.realism = plan.realism
        self.inhibition, self.gate = self.realism.inhibition, self.realism.gate
        self.values = self.realism.value_cells
        if self.values is not None:
            self.sizes = {"value": self._value_number}
        self.namespace.update(self._numbers())
        if self.realism.levels is not None:
            self.end_of_token = _LEVELS if self.infinite else _LEVELS_IN_SPIKES
        self.reading = self._reading()

    def _numbers(self) -> dict:
        """Return what the equations need beside the numbers of the idealised circuit."""
        realism, found, dt = self.realism, {}, self.dt
        p = self.model.parameters
        rest, found["volts"] = at_baseline(self.model)
        found["voltage_at_baseline"] = rest
        if self.inhibition is not None:
            found["E_inh"] = self.inhibition.reversal
            found["against"] = (p["E_exc"] - rest) / (rest - self.inhibition.reversal)
            found["tau_inh"] = self.inhibition.decay or p["tau_ampa"]
            found["pool_most"] = most = most_active(
                realism, self.plan.key, self.plan.query, self.plan.signed, p
            )
            if self.inhibition.cells:
                each = float(p["rate"]) * self.schedule.dt * self.inhibition.cells
                left = np.exp(-float(dt / found["tau_inh"]))
                found.update(inh_each=float(self.inhibition.cells), inh_rate=p["rate"],
                             kick_inh=most * (1 - left) / each)  # fmt: skip
        if self.values is not None:
            found["value_each"] = float(self._value_number)
            found["value_rate"] = self.values.rate
            if self._integrating:
                found.update(self._curve_numbers())
        if realism.membrane_noise is not None:
            left = np.exp(-float(dt / NOISE_TIME))
            found["noise_left"] = left
            each = 1 if self.values is None else self._value_number  # their mean counts
            found["noise_size"] = realism.membrane_noise * np.sqrt((1 - left**2) / each)
        if self.gate is not None:
            found.update(tau_gate=self.gate.tau, gate_leak=self.gate.leak)
            found.update(self._gate_tables())
        if realism.drawn_amounts:
            found.update(release=realism.release, sites=float(realism.sites),
                         released_quanta=released_quanta)  # fmt: skip
        if realism.levels is not None:
            found["weight_step"] = 2 * p["weight_baseline"] / (realism.levels - 1)
        return found

    @property
    def _value_number(self) -> int:
        if self.values.cells is not None:
            return self.values.cells
        return 100 if self.infinite else int(self.plan.cells)

    @property
    def _integrating(self) -> bool:
        """Whether the value cells that spike are simulated one by one."""
        return self.values is not None and self.values.model != "poisson"

    def _curve_numbers(self) -> dict:
        """Return what the somas need: a table of drives, looked up by rate as if that
        were a time."""
        begin, end = self.schedule.spans["read"]
        # what is recalled arrives with the lag of AMPA and of the basal compartment
        p = self.model.parameters
        at_rest = 1 + p["conductance"] * p["value_baseline"]
        lag = p["tau_ampa"] + p["tau_membrane"] / at_rest
        before = begin - self.schedule.spans["query"][0] - round(float(lag / self.dt))
        curve = firing_curve(self.values.model, float(self.values.rate), float(self.dt),
                             max(before, 1), end - begin)  # fmt: skip
        return {
            **numbers(), "soma_drives": b2.TimedArray(curve.drives * b2.volt, dt=self.dt),
            "soma_adapted": curve.adaptation * b2.volt, "value_most": MOST,
            "soma_step": curve.step * b2.Hz, "soma_base": curve.baseline * b2.volt,
        }  # fmt: skip

    def _gate_tables(self) -> dict:
        """Return the learning rate over whole tokens, and the window of the release of
        the modulator."""
        plan, schedule = self.plan, self.schedule
        each = np.repeat(plan.eta, schedule.token_steps, axis=0)
        each = each * (1 - np.broadcast_to(plan.ap5, len(each)))[:, None]
        window = np.tile(schedule.active("write"), schedule.tokens)
        table = np.repeat(each, 2 * self.post, axis=1)
        return {"eta_table": b2.TimedArray(table * b2.Hz, dt=self.dt),
                "released": b2.TimedArray(window.astype(float), dt=self.dt)}  # fmt: skip

    @staticmethod
    def papers(realism) -> str:
        """Return what the run cites beside its synapse."""
        values = realism.value_cells
        return PAPERS if values is not None and values.model != "poisson" else ""

    def code(self) -> tuple:
        cells = (self.values.model, self._value_number) if self._integrating else ()
        return (*super().code(), type(self).__name__, *self.realism.structure, *cells)

    def start(self) -> dict:
        found = super().start()
        if self.realism.levels is not None:
            found["fast_weights.w_before"] = found["fast_weights.w"]
        if self._integrating:
            found["value_somas.V"] = self._start_voltages()
        drawn = self._drawn().items()
        return {**found, **{f"value_cells.{name}": one for name, one in drawn}}

    def _start_voltages(self):
        rng = np.random.default_rng([self.plan.seed, 6])
        number = self.heads * 2 * self.post * self._value_number
        return start_voltages(rng, number) * b2.volt

    def _drawn(self) -> dict[str, np.ndarray]:
        """Return the gains of each value channel, by variable."""
        channels = self.heads * 2 * self.post
        drawn = gains(self.realism, self.plan.seed, channels)
        return {**drawn, **(self.plan.gains or {})}

    # ------------------------------------------------------------------ value cells

    def _value_equations(self) -> str:
        realism = self.realism
        noisy = realism.membrane_noise is not None
        basal, apical = ("(V_basal + noise_basal)", "(V_apical + noise_apical)")
        if not noisy:
            basal, apical = "V_basal", "V_apical"
        membrane, received = self.model.compartments, "drive"
        if self.inhibition is not None:
            first, _, rest = membrane.strip().partition("\n")
            assert first.startswith("dV_basal/dt = (") and first.endswith(": volt")
            first = first.replace("= (", "= (g_shunt*(E_inh - V_basal) + ", 1)
            membrane, received = f"{first}\n{rest}", f"excited{self._background}"
        lines = [
            membrane,
            f"g_basal = basal_gain*conductance*(value_baseline + {received}) : 1",
            "g_apical = apical_gain*conductance*teacher : 1",
            "excited = ampa_open(t)*g_exc : 1",
            f"inhibited = ampa_open(t)*inhibition_gain*{self._inhibiting} : 1",
            "drive = excited - inhibited : 1",
            f"error = {self.model.error_code(basal, apical)} : 1 (constant over dt)",
            f"write = eta_table(t, i)*{self._opened}error : Hz (constant over dt)",
            f"dteacher/dt = -teacher/tau_teacher{self._taught()} : 1",
            f"recalled = ({basal} - voltage_at_baseline)/volts : 1",
            "total : 1", "g_exc : 1", "g_inh : 1",
            *self._gains(),
        ]  # fmt: skip
        if self.inhibition is not None:
            lines += [f"g_shunt = conductance*against*(inhibited{self._background}) : 1"]
            lines += self._inhibition_lines()
        if noisy:
            lines += ["noise_basal : volt", "noise_apical : volt"]
        if self.gate is not None:
            lines += ["dgate/dt = (released(t) - gate)/tau_gate : 1",
                      "opened = gate_leak + (1 - gate_leak)*gate : 1"]  # fmt: skip
        if self.values is not None:
            chance = "clip(value_rate*(1 + recalled + threshold)*dt, 0, 1)"
            lines += ["fired_value : 1"]
            lines += ["soma_drive : volt"] if self._integrating else [
                f"value_chance = {chance} : 1"]  # fmt: skip
        return "\n".join(lines)

    def _gains(self) -> list[str]:
        return [f"{name} : 1 (constant)" for name in gains(self.realism, 0, 1)]

    @property
    def _background(self) -> str:
        """What a balanced background adds to excitation and to inhibition."""
        if not self.inhibition.steady:
            return ""
        return " + ampa_open(t)*clip(pool_most - g_inh, 0, inf)"

    @property
    def _opened(self) -> str:
        return "" if self.gate is None else "opened*"

    @property
    def _inhibiting(self) -> str:
        """Name of the variable of the inhibition that arrives."""
        kind = self.inhibition
        if kind is None:
            return "g_inh"
        if kind.delay is not None:
            return "g_late"
        return "g_slow" if kind.decay is not None or kind.cells else "g_inh"

    def _inhibition_lines(self) -> list[str]:
        kind, lines = self.inhibition, []
        if kind.cells:
            lines += ["dg_slow/dt = -g_slow/tau_inh : 1", "fired_inh : 1"]
        elif kind.decay is not None:
            lines += ["dg_slow/dt = (g_inh - g_slow)/tau_inh : 1"]
        if kind.delay is not None:
            lines += ["g_late : 1"]
        return lines

    def _reading(self) -> str:
        if self.values is not None:
            total = "total += reading(t)*(fired_value/(value_each*value_rate*dt) - 1)*dt"
            return total + "\nfired_value = 0" * self._integrating
        number = "drive" if self.inhibition is None else "recalled"
        return f"total += reading(t)*{number}*dt"

    def _value_cells(self):
        made = super()._value_cells()
        for name, values in self._drawn().items():
            setattr(made, name, values)
        if self.realism.membrane_noise is not None:
            for part in ("basal", "apical"):  # each on its own: one draw a code object
                name = f"noise_{part}"
                made.run_regularly(
                    f"{name} = noise_left*{name} + noise_size*randn()", dt=self.dt,
                    when="groups", order=2, name=name,
                )  # fmt: skip
        if self._integrating:
            self._somas(made)
        elif self.values is not None:
            self._draw(made, ["fired_value = fired_cells(rand(), value_each, "
                              "value_chance)"], "value_spikes")  # fmt: skip
            self.collector.population(
                "value", made, self._value_number, ("fired_value",), head=self.heads,
                sign=2, dimension=self.post,
            )  # fmt: skip
        if self.inhibition is not None and self.inhibition.cells:
            chance = "clip(g_inh/pool_most*inh_rate*dt, 0, 1)"
            lines = [f"fired_inh = fired_cells(rand(), inh_each, {chance})",
                     "g_slow += kick_inh*fired_inh"]  # fmt: skip
            self._draw(made, lines, "inhibition_spikes")
        if self.inhibition is not None and self.inhibition.delay is not None:
            of = "g_slow" if "g_slow" in made.variables else "g_inh"
            self.objects.append(delay_line(made, "g_late", of, self.inhibition.delay,
                                           self.dt, self.namespace))  # fmt: skip
        return made

    def _somas(self, made) -> None:
        """Attach the cells that fire as the basal compartments of their channel say."""
        wanted = "clip(1 + recalled + threshold, 0, value_most)*value_rate"
        made.soma_drive = "soma_base"
        made.run_regularly(  # after the membranes of this step
            f"soma_drive = soma_drives({wanted}/soma_step*dt)", dt=self.dt,
            when="groups", order=3, name="soma_drives_now",
        )  # fmt: skip
        each, channels = self._value_number, self.heads * 2 * self.post
        equations, threshold, reset = somas(self.values.model)
        cells = self._group(
            channels * each, f"{equations}\ndrive : volt (linked)", "value_somas",
            threshold=threshold, reset=reset, method="euler", order=4,
        )  # fmt: skip
        every = np.arange(channels * each)
        cells.drive = b2.linked_var(made, "soma_drive", index=every // each)
        cells.V = self._start_voltages()
        if "w" in cells.variables:
            cells.w = "soma_adapted"
        self._connect(cells, made, "", "value_spikes", every, every // each,
                      on_pre="fired_value_post += 1", delay=0 * b2.second)  # fmt: skip
        self.collector.population("value", cells, each, head=self.heads, sign=2,
                                  dimension=self.post)  # fmt: skip

    # ------------------------------------------------------------------ synapses

    def _synapse_equations(self) -> str:
        text = super()._synapse_equations()
        if self.realism.drawn_amounts:
            for trace in ("on", "off", "nmda"):
                head, tail = text.split("g_inh_post", 1)
                text = head.replace(f"x_{trace}_pre", f"z_{trace}") + "g_inh_post" + tail
            signs = ("on", "off")[: 1 + self.plan.signed]
            for trace, tau in [*((sign, "ampa") for sign in signs), ("nmda", "nmda")]:
                text += f"\ndz_{trace}/dt = -z_{trace}/tau_{tau} : 1 (clock-driven)"
            text += "".join(f"\nreleased_{sign} : 1" for sign in signs)
        if self.realism.levels is not None:
            text += "\nw_before : 1\nchange : 1"
        return text

    def _connect(self, source, target, model, name, pre, post, **options):
        release = self.realism.short_term
        if name == "fast_weights" and self.realism.drawn_amounts:
            options["method"] = "exponential_euler"
        if name not in ("key_on", "key_off"):
            return super()._connect(source, target, model, name, pre, post, **options)
        if self.realism.delay is not None:
            options["delay"] = self.realism.delay
        if release is None:
            return super()._connect(source, target, model, name, pre, post, **options)
        found = release_pathway(release, float(self.model.parameters["rate"]))
        options["on_pre"] = found.on_pre(options["on_pre"])
        made = b2.Synapses(source, target, found.equations, name=name, **options,
                           namespace={**self.namespace, **found.namespace})  # fmt: skip
        made.connect(i=pre, j=post)
        for variable, start in found.initial.items():
            setattr(made, variable, start)
        self.objects.append(made)
        return made

    def _fast_weights(self, source, values):
        made = super()._fast_weights(source, values)
        if self.realism.levels is not None:
            made.w_before = "w"
        if self.realism.drawn_amounts:
            for sign, by in (("on", "+"), ("off", "-"))[: 1 + self.plan.signed]:
                drawn = f"released_quanta(rand(), sites*fired_{sign}_pre, release)"
                made.run_regularly(
                    f"released_{sign} = {drawn}/(sites*release)\n"
                    f"z_{sign} += kick_ampa*released_{sign}\n"
                    f"z_nmda {by}= kick_nmda*released_{sign}",
                    dt=self.dt, when="synapses", order=1, name=f"releases_{sign}",
                )  # fmt: skip
        return made


# What the cells of a dimension step by at the end of a token: all by the whole steps of
# the change, and some by one step more.
_STEPS = """
change = (w - w_before)/weight_step
w = clip(w_before + sign(change)*weight_step*(floor(abs(change)) + {extra}), 0, 2*w0)
w_before = w
"""
_LEVELS = _STEPS.format(extra="abs(change) - floor(abs(change))")
_LEVELS_IN_SPIKES = _STEPS.format(
    extra="fired_cells(rand(), cells, abs(change) - floor(abs(change)))/cells"
)
