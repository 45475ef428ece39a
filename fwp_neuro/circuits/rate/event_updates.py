"""The rate circuit as event-time updates: the rule's own statements, run once a token in
Brian2.

One time step is one token. Inside it, in slot "groups", every statement first gathers its
sums and then updates its synapses, in the order of the text; the read-out is summed last.
This form takes any local text, also one that is not affine or has further synaptic
states.
"""

from __future__ import annotations

from functools import partial

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...rules import Rule
from ...states import Keep
from ...symbolic import brian2_code
from ..circuit_structure import Kept, structure
from ..collector import Collector
from ..head_layout import Layout, cells
from ..token_schedule import Schedule

#: suffix by home; shared signals are kept on the postsynaptic cells, which all carry the
#: same value
_SUFFIX = {"pre": "_pre", "post": "_post", "shared": "_post"}


def homes_of_cells(rule: Rule) -> dict[str, dict[str, str]]:
    """Return side -> signal -> home, for every signal that a side's cells carry."""
    homes = {**rule.homes, "q": "pre"}
    return {
        "pre": {name: home for name, home in homes.items() if home == "pre"},
        "post": {name: home for name, home in homes.items() if home != "pre"},
    }


def synapse_model(rule: Rule) -> tuple[str, list[tuple[str, str]]]:
    """Return the synapse equations and the ordered steps of one token.

    Returns:
        equations, and a list of ("sum", variable) and ("update", code) in the order of
        execution.
    """
    lines = [f"s_{name} : 1" for name in rule.states]
    # so that no name of a user meets another one, or one of Brian2
    names = {name: f"x_{name}{_SUFFIX[home]}" for name, home in rule.homes.items()}
    names |= {name: f"s_{name}" for name in rule.states}
    order: list[tuple[str, str]] = []
    for one in brian2_code.passes(rule.statements, names, "s_w"):
        if one.kind == "sum":
            variable = f"{one.target}_{one.side}"
            lines.append(f"{variable} = {one.code} : 1 (summed)")
            order.append(("sum", variable))
        else:
            order.append(("update", f"s_{one.target} = {one.code}"))
    lines.append("x_readout_post = s_w*x_q_pre : 1 (summed)")
    order.append(("sum", "x_readout_post"))
    return "\n".join(lines), order


def summed_variables(rule: Rule, side: str) -> list[str]:
    """Return the declarations of the sums that land on one side's cells."""
    _, order = synapse_model(rule)
    found = [name for kind, name in order if kind == "sum" and name.endswith(f"_{side}")]
    return [f"{name.removesuffix(f'_{side}')} : 1" for name in found]


def attach(synapses, order, *, dt, when: str = "groups", first: int = 0) -> None:
    """Give every sum and update of a token its place in the time step."""
    for n, (kind, what) in enumerate(order, start=first):
        if kind == "sum":
            synapses.summed_updaters[what].when = when
            synapses.summed_updaters[what].order = n
        else:
            synapses.run_regularly(
                what, dt=dt, when=when, order=n, name=f"{synapses.name}_step_{n}"
            )


def builder(
    rule: Rule, signals, layout: Layout, states: dict[str, np.ndarray], dt, keep: Keep
) -> tuple:
    """Return (build, size, structure) for `devices.simulate`; one step of ``dt`` is one
    token."""
    # each time new ones, because Brian2's devices write to what they are given
    make = partial(_Circuit, rule, signals, layout, states, dt, keep)
    order = len(synapse_model(rule)[1])
    size = Size(len(signals["q"]), 8 + 2 * order, layout.synapses * order)
    return lambda: make().built(), size, lambda: structure(make())


class _Circuit(Kept):
    """The circuit of one rule."""

    form, told, keys = "event", (), "presynaptic"

    def __init__(
        self, rule: Rule, signals, layout: Layout, states: dict[str, np.ndarray], dt,
        keep: Keep,
    ):  # fmt: skip
        self.rule, self.layout, self.states, self.dt = rule, layout, states, dt
        tokens, self.dims = len(signals["q"]), {"pre": layout.pre, "post": layout.post}
        self.equations, self.order = synapse_model(rule)
        self.homes, self.run_time = homes_of_cells(rule), tokens * dt
        self.collector = Collector(
            Schedule({}, 1, tokens, float(dt)), keep, last_step=True
        )
        self.namespace = {}
        for side, names in self.homes.items():
            for name, home in names.items():
                array = signals[name][..., None] if home == "shared" else signals[name]
                table = b2.TimedArray(cells(array, self.dims[side]), dt=dt)
                self.namespace[f"table_{name}"] = table

    def code(self) -> tuple:
        layout = self.layout
        return (
            self.equations, tuple(self.order), self.rule.states, repr(self.homes),
            (layout.heads, layout.post, layout.pre),
        )  # fmt: skip

    def start(self) -> dict[str, np.ndarray]:
        flat, states = self.layout.flat, self.states
        return {f"fast_weights.s_{name}": flat(states[name]) for name in self.rule.states}

    def _cells(self, side: str) -> b2.NeuronGroup:
        probing = self.collector.probing
        lines = summed_variables(self.rule, side)
        lines += [
            f"x_{name} = table_{name}(t, i) : 1 (constant over dt)"
            for name in self.homes[side]
        ]
        return b2.NeuronGroup(
            self.layout.heads * self.dims[side],
            "\n".join(lines) + self.collector.equations(side),
            namespace=self.namespace, name=f"{side}synaptic",
            **(probing.events(self.namespace) if side == "pre" else {}),
        )  # fmt: skip

    def built(self) -> Built:
        """Make the circuit."""
        layout, collector = self.layout, self.collector
        groups = {side: self._cells(side) for side in self.homes}
        synapses = b2.Synapses(
            groups["pre"], groups["post"], self.equations, name="fast_weights",
            **collector.probing.pathway("s_w"),
        )  # fmt: skip
        pre, post = layout.connections()
        synapses.connect(i=pre, j=post)
        variables = {name: f"s_{name}" for name in self.rule.states}
        for name, variable in variables.items():
            setattr(synapses, variable, layout.flat(self.states[name]))
        attach(synapses, self.order, dt=self.dt)
        reads = b2.StateMonitor(
            groups["post"], "x_readout", record=True, when="end", name="reads"
        )
        collector.weights(synapses, variables, "end", 0)
        recorders = collector.attach(groups["pre"], groups["post"], synapses, 0, "end")

        def by_value(array):
            return array.reshape(*array.shape[:-1], layout.heads, layout.post)

        def collect():
            found = collector.found(dict.fromkeys(variables, layout.weights), by_value)
            return {"readout": by_value(np.array(reads.x_readout).T), **found}

        network = b2.Network(*groups.values(), synapses, reads, *recorders)
        return Built(network, collect, self.run_time, keep=(self.namespace, self))
