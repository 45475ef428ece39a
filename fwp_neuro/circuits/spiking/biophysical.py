"""The spiking circuit: NMDA-gated writes into AMPA weights of two-compartment value
cells.

A value dimension i has an ON and an OFF value cell; their teachers fire at (v0 + v_i/2)
and (v0 - v_i/2) times the reference rate. Every weight w >= 0 is excitatory and a fixed
feed-forward inhibition takes the baseline weight away, so that the fast weight of the
algebra is w_ON - w_OFF and Dale's law holds. While the gate is open

    dw_ij/dt = eta beta-gate x_j [B(V_apical,i) - B(V_basal,i)]       (delta)
    dw_ij/dt = eta beta-gate x_j [B(V_apical,i) - B(V at v0)]         (Hebb)

Order inside a step: token bookkeeping ("start"), sums from the present weights ("groups",
-5), traces that are recorded (-4), accumulators (-1), weights (0), membranes and traces
(1), thresholds, spikes into traces ("synapses"), resets. Everything continuous therefore
advances from the values at the start of the step.
"""

from __future__ import annotations

from typing import Any

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...synapses.circuit_models import CircuitSynapse
from ..circuit_structure import Kept, structure
from ..collector import Collector
from ..head_layout import Layout, fired_cells, firing_cells
from ..token_schedule import Schedule
from .circuit_plan import CircuitPlan, start_weights, tables, turnover
from .circuit_ports import SENT, ports


def builder(plan: CircuitPlan, model: CircuitSynapse, schedule: Schedule, dt, kind=None):
    """Return (build, size, structure) for `devices.simulate`; ``kind`` is a class of
    networks."""
    heads, post, pre = plan.weights.shape
    per = 1 if plan.layout == "population" or np.isinf(plan.cells) else int(plan.cells)
    steps = schedule.tokens * schedule.token_steps
    synapses = heads * 2 * post * pre * per
    populations = heads * (pre * (1 + plan.signed) + 2 * post)
    each = 0 if np.isinf(plan.cells) else 1 if plan.counted else int(plan.cells)
    sources = populations * each
    busy = synapses if per == 1 else synapses * 0.05
    size = Size(steps, 30, int(5 * busy + 3 * sources))

    def network() -> Network:
        # each time new ones, because Brian2's devices write to what they are given
        return (kind or Network)(plan, model, schedule, dt)

    return lambda: network().built(), size, lambda: structure(network())


# What a presynaptic spike does to a synapse: the weight catches up with everything since
# the last spike (exactly: the trace decays as an exponential, so its share of the
# integral factors out), and then transmits. The trace itself is kicked later, in the
# reset of the key cell.
_ON_SPIKE = """
w += x_nmda_pre*exp((t + dt - token_start(t))/tau_nmda)*(integral_post - seen)
seen = integral_post
current_post += kick_ampa*(clip(w, 0, 2*w0) - w0)
"""


#: how many ON and OFF key cells fire
SIGNS = ("fired_on", "fired_off")


class Network(Kept):
    """Builds the Brian2 objects of one run; one method for each part of the circuit."""

    form, told = "biophysical", ("plan", "schedule", "namespace")

    def __init__(self, plan: CircuitPlan, model: CircuitSynapse, schedule: Schedule, dt):
        self.plan, self.model, self.schedule, self.dt = plan, model, schedule, dt
        self.heads, self.post, self.pre = plan.weights.shape
        self.token = schedule.token_steps * dt
        self.infinite = np.isinf(plan.cells)
        self.own = plan.own
        self.counted = int(plan.cells) if plan.counted else 0
        self.keys = "key_cells" if self.own else "key_traces"
        # in the synapse layout excitation has no variable of its own until somebody asks
        # for it
        self.excitation = plan.own and not {"g_ampa", "g_inhibition"}.isdisjoint(
            plan.record.names
        )
        self.phases = np.random.default_rng(plan.seed)
        # the cells of a dimension share its number
        each = int(plan.cells) if self.own else 1
        self.collector = Collector(
            schedule, plan.keep, ports(plan, model) if plan.record.names else {},
            plan.record, each, seed=plan.seed,
        )  # fmt: skip
        self.probing, self.run_time = self.collector.probing, self.collector.run_time
        self.namespace = tables(plan, model, schedule, dt)
        self.namespace.update(turnover(plan, each, self.token))
        self.objects: list[Any] = []

    # ------------------------------------------------------------------ cells

    def _group(self, size, equations, name, **options):
        made = b2.NeuronGroup(
            size, equations, namespace=self.namespace, name=name, **options
        )
        self.objects.append(made)
        return made

    def _connect(self, source, target, model, name, pre, post, **options):
        made = b2.Synapses(
            source, target, model, namespace=self.namespace, name=name, **options
        )
        made.connect(i=pre, j=post)
        self.objects.append(made)
        return made

    def _key_cells(self):
        """Cells that fire at the rate of their key dimension; OFF after ON for signed
        keys."""
        plan, units = self.plan, self.heads * self.pre * (1 + self.plan.signed)
        extra, reset = "", ""
        # the NMDA trace lives on the cell and is kicked after its synapses saw it
        if self.own:
            extra, reset = (
                "\ndx_nmda/dt = -x_nmda/tau_nmda : 1",
                "x_nmda += kick_nmda_own",
            )
            extra += self.collector.equations("pre")
        made = firing_cells(
            units, int(plan.cells), plan.kind, "key_rate", "key_cells", self.namespace,
            self.phases, self.dt, extra, reset,
            self.probing.events(self.namespace) if self.own else None,
        )  # fmt: skip
        self.objects.append(made)
        sign = {"sign": 2} if plan.signed else {}
        self.collector.population(
            "key", made, int(plan.cells), **sign, head=self.heads, dimension=self.pre
        )
        return made

    def _key_traces(self):
        """Traces of each key dimension: AMPA of ON and of OFF cells, NMDA of their
        difference."""
        source = "" if not self.infinite else " + {}/tau_"
        on, off = "clip(shown, 0, inf)", "clip(-shown, 0, inf)"
        equations = ["shown = shown_table(t, i) : 1 (constant over dt)"]
        if self.counted:
            equations += [f"{name} : 1" for name in SIGNS[: 1 + self.plan.signed]]
        traces = ("on", "ampa", on), ("off", "ampa", off), ("nmda", "nmda", "shown")
        for name, tau, drive in traces:
            gain = source.format(drive) + tau if source else ""
            equations.append(f"dx_{name}/dt = -x_{name}/tau_{tau}{gain} : 1")
        made = self._group(
            self.heads * self.pre, "\n".join(equations) + self.collector.equations("pre"),
            "key_traces", method="exponential_euler", order=1,
            **self.probing.events(self.namespace),
        )  # fmt: skip
        if self.infinite:
            return made
        units, size = self.heads * self.pre, int(self.plan.cells)
        if self.counted:
            self._draw_keys(made, units)
            return made
        cells = self._key_cells()
        signs = (("+", "on"), ("-", "off"))[: 1 + self.plan.signed]
        for n, (sign, trace) in enumerate(signs):
            every = np.arange(units * size)
            self._connect(
                cells, made, "", f"key_{trace}", every + n * units * size, every // size,
                on_pre=f"x_{trace}_post += kick_ampa\nx_nmda_post {sign}= kick_nmda",
                delay=0 * b2.second,
            )  # fmt: skip
        return made

    def _draw_keys(self, made, units: int) -> None:
        """Kick the traces of each key dimension by as many cells as fire."""
        both = ("+", "on", 0), ("-", "off", units)
        for sign, trace, first in both[: 1 + self.plan.signed]:
            lines = [
                f"fired_{trace} = "
                f"fired_cells(rand(), cells, key_rate(t, i + {first})*dt)",
                f"x_{trace} += kick_ampa*fired_{trace}",
                f"x_nmda {sign}= kick_nmda*fired_{trace}",
            ]
            # each on its own: NumPy draws for all dimensions at once, C++ one by one
            self._draw(made, lines, f"key_{trace}_spikes")
        signed = {"sign": 2} if self.plan.signed else {}
        self.collector.population(
            "key", made, int(self.plan.cells), SIGNS[: 1 + self.plan.signed], **signed,
            head=self.heads, dimension=self.pre,
        )  # fmt: skip

    def _draw(self, group, lines: list[str], name: str) -> None:
        """Draw spikes of populations at the place in a step at which spikes arrive."""
        self.namespace["fired_cells"] = fired_cells
        group.run_regularly("\n".join(lines), dt=self.dt, when="synapses", name=name)

    def _taught(self) -> str:
        """Return what moves the teacher's trace at all times."""
        if self.infinite:
            return " + teach_table(t, i)/tau_teacher"
        return " + value_baseline/tau_teacher" if self.plan.tonic else ""

    #: chance of a teacher cell to fire in a step, and the sign of its kicks
    chance, sign = "teacher_rate(t, i)*dt", "*teacher_sign(t, {})"

    def _value_equations(self) -> str:
        """Return the equations of a basal and an apical compartment."""
        basal = "current" if self.own else "g_exc - g_inh"
        equations = (
            self.model.compartments
            + f"""
            g_basal = conductance*(value_baseline + drive) : 1
            g_apical = conductance*teacher : 1
            drive = ampa_open(t)*({basal}) : 1
            error = {self.model.error_code("V_basal", "V_apical")} : 1 (constant over dt)
            write = eta_table(t, i)*error : Hz (constant over dt)
            dteacher/dt = -teacher/tau_teacher{self._taught()} : 1
            total : 1
        """
        )
        if self.own:
            equations += """
            dcurrent/dt = -current/tau_ampa : 1
            integral : 1
            """
            return equations + "dg_exc/dt = -g_exc/tau_ampa : 1" * self.excitation
        return equations + """
            g_exc : 1
            g_inh : 1
            """

    #: adds to the read-out in each step; bounds the weights at the end of a token
    reading, end_of_token = "total += reading(t)*drive*dt", "w = clip(w, 0, 2*w0)"

    def _value_cells(self):
        """ON and OFF value cells with a basal and an apical compartment, and their
        teachers."""
        equations = self._value_equations()
        if self.counted:
            equations += "\nfired : 1"
        equations += self.collector.equations("post")
        channels = self.heads * 2 * self.post
        made = self._group(
            channels, equations, "value_cells", method="exponential_euler", order=1
        )
        made.teacher = "value_baseline"
        made.V_basal = made.V_apical = self.model.rest_code("value_baseline")
        accumulate = self.reading
        if self.own:
            accumulate += "\nintegral += write*dt*exp(-(t - token_start(t))/tau_nmda)"
        made.run_regularly(
            accumulate, dt=self.dt, when="groups", order=-1, name="accumulate"
        )
        if self.own:
            made.run_regularly(
                "integral = 0", dt=self.token, when="start", order=1, name="new_integral"
            )
        size = 0 if self.infinite else int(self.plan.cells)
        kick = "kick_teacher" + (self.sign if self.plan.tonic else "")
        if self.counted:
            fired = f"fired_cells(rand(), cells, {self.chance})"
            lines = [f"fired = {fired}", f"teacher += {kick.format('i')}*fired"]
            self._draw(made, lines, "teacher_spikes")
            self.collector.population(
                "teacher", made, size, ("fired",), head=self.heads, sign=2,
                dimension=self.post,
            )  # fmt: skip
        elif not self.infinite:
            teachers = firing_cells(
                channels, size, self.plan.kind, "teacher_rate", "teachers",
                self.namespace, self.phases, self.dt,
            )  # fmt: skip
            self.objects.append(teachers)
            self.collector.population(
                "teacher", teachers, size, head=self.heads, sign=2, dimension=self.post
            )
            every = np.arange(channels * size)
            self._connect(
                teachers, made, "", "teaching", every, every // size,
                on_pre=f"teacher_post += {kick.format('j')}",
                # one for all, or Brian2 keeps one for each synapse
                delay=0 * b2.second,
            )  # fmt: skip
        return made

    # ------------------------------------------------------------------ fast weights

    def _synapse_equations(self) -> str:
        """Return what a synapse of a whole population computes in each step."""
        sent = "clip(w, 0, 2*w0)*x_on_pre"
        if self.plan.signed:
            sent += " + clip(2*w0 - w, 0, 2*w0)*x_off_pre"
        return f"""dw/dt = x_nmda_pre*write_post : 1 (clock-driven)
            g_exc_post = {sent} : 1 (summed)
            g_inh_post = w0*(x_on_pre + x_off_pre) : 1 (summed)"""

    def _fast_weights(self, source, values):
        """All-to-all weights of each head; one a key dimension, or one a key cell
        ("synapse")."""
        per = int(self.plan.cells) if self.own else 1
        before, after = Layout(self.heads, self.pre * per, 2 * self.post).connections()
        if self.own:
            spike = _ON_SPIKE + (
                f"g_exc_post += kick_ampa*{SENT}" if self.excitation else ""
            )
            made = self._connect(
                source, values, "w : 1\nseen : 1" + self.collector.equations("synapse"),
                "fast_weights", before, after, **self.probing.pathway(SENT,
                    {"pre": spike}),
            )  # fmt: skip
        else:
            made = self._connect(
                source, values,
                self._synapse_equations() + self.collector.equations("synapse"),
                "fast_weights", before, after, method="euler",
                **self.probing.pathway(SENT),
            )  # fmt: skip
            for name in ("g_exc_post", "g_inh_post"):
                made.summed_updaters[name].order = -5
        made.w = start_weights(self.plan, per)
        flush = self.end_of_token
        if self.own:
            flush = (
                "w += "
                f"x_nmda_pre*exp({float(self.token)!r}*second/tau_nmda)*(integral_post - "
                f"seen)\nseen = 0\n{flush}"
            )
        made.run_regularly(
            flush, dt=self.token, when="start", order=0, name="end_of_token"
        )
        # Receptors turn over toward baseline while nothing fires: one exact factor a
        # token, written so that a factor of 1 leaves a weight as it is to the last bit.
        made.run_regularly(
            "w += (keep_before(t, i)*keep_after(t, j) - 1)*(w - w0)", dt=self.token,
            when="start", order=8, name="turnover",
        )  # fmt: skip
        return made

    # ------------------------------------------------------------------ the whole

    def code(self) -> tuple:
        plan, model = self.plan, self.model
        each = 0 if self.infinite or self.counted else int(plan.cells)
        return (
            model.compartments, model.unblocked_code("V_apical"),
            model.rest_code("value_baseline"), plan.signed,
            plan.weights.shape, self.own, self.infinite, plan.kind, each, plan.tonic,
            tuple(sorted(self.schedule.spans.items())),
        )  # fmt: skip

    def start(self) -> dict[str, np.ndarray]:
        cells = 0 if self.infinite else int(self.plan.cells)
        found = {"fast_weights.w": start_weights(self.plan, cells if self.own else 1)}
        if cells and self.plan.kind != "poisson":  # as the groups draw them, in turn
            phases, heads = np.random.default_rng(self.plan.seed), self.heads
            keys = heads * self.pre * (1 + self.plan.signed) * cells
            found["key_cells.phase"] = phases.random(keys)
            found["teachers.phase"] = phases.random(heads * 2 * self.post * cells)
        return found

    def built(self) -> Built:
        """Assemble the network and its recordings."""
        collector = self.collector
        keys = self._key_cells() if self.own else self._key_traces()
        values = self._value_cells()
        synapses = self._fast_weights(keys, values)
        self.total = b2.StateMonitor(values, "total", record=True, dt=self.token,
                                     when="start", order=2, name="totals")  # fmt: skip
        collector.weights(synapses, {"w": "w"}, when="start", order=2)
        collector.traces("synapse", synapses, when="start", order=6)
        for of, group in (("pre", keys), ("post", values)):
            collector.traces(of, group, when="groups", order=-4)
        recorders = collector.attach(keys, values, synapses, 2)
        network = b2.Network(*self.objects, self.total, *recorders)
        return Built(network, self._collect, self.run_time, keep=(self.namespace, self))

    def _collect(self) -> dict[str, Any]:
        tokens, w0 = self.schedule.tokens, self.namespace["w0"]
        raw = self.collector.raw("w")
        total = np.diff(np.array(self.total.total).T[: tokens + 1], axis=0)
        return {
            "readout": self._by_value(total),
            "clipped": float(np.mean((raw <= 0) | (raw >= 2 * w0))),
            "lowest": float(raw.min()),
            **self.collector.found({"w": self._fast}, self._by_value),
        }

    def _fast(self, flat):
        """Turn [token, synapse] into ON minus OFF weights [token, head, post, pre]."""
        sent = self.plan.by_channel(flat)
        return sent[:, :, 0] - sent[:, :, 1]

    def _by_value(self, array):
        """Turn [..., value cell] into ON minus OFF, [..., head, post]."""
        both = array.reshape(*array.shape[:-1], self.heads, 2, self.post)
        return both[..., 0, :] - both[..., 1, :]
