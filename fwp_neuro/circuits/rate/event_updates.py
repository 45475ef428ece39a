"""The rate circuit as event-time updates: the rule's own statements, run once a token in
Brian2.

One time step is one token. Inside it, in slot "groups", every statement first gathers its
sums and then updates its synapses, in the order of the text; the read-out is summed last.
This form takes any local text, also one that is not affine or has further synaptic
states.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...rules import Rule
from ...states import Keep
from ...symbolic import brian2_code
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
    """Return (build, size) for `devices.simulate`; one step of ``dt`` is one token."""
    tokens = len(signals["q"])
    dims = {"pre": layout.pre, "post": layout.post}
    equations, order = synapse_model(rule)
    variables = {name: f"s_{name}" for name in rule.states}

    def build() -> Built:
        groups: dict[str, b2.NeuronGroup] = {}
        namespace: dict = {}
        collector = Collector(Schedule({}, 1, tokens, float(dt)), keep, last_step=True)
        for side, names in homes_of_cells(rule).items():
            lines = summed_variables(rule, side)
            for name, home in names.items():
                array = signals[name][..., None] if home == "shared" else signals[name]
                namespace[f"table_{name}"] = b2.TimedArray(
                    cells(array, dims[side]), dt=dt
                )
                lines.append(f"x_{name} = table_{name}(t, i) : 1 (constant over dt)")
            groups[side] = b2.NeuronGroup(
                layout.heads * dims[side], "\n".join(lines) + collector.equations(side),
                namespace=namespace, name=f"{side}synaptic",
                **(collector.probing.events(namespace) if side == "pre" else {}),
            )  # fmt: skip
        synapses = b2.Synapses(
            groups["pre"], groups["post"], equations, name="fast_weights",
            **collector.probing.pathway("s_w"),
        )  # fmt: skip
        pre, post = layout.connections()
        synapses.connect(i=pre, j=post)
        for name, variable in variables.items():
            setattr(synapses, variable, layout.flat(states[name]))
        attach(synapses, order, dt=dt)
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
        return Built(network, collect, tokens * dt, keep=(namespace,))

    return build, Size(tokens, 8 + 2 * len(order), layout.synapses * len(order))
