"""Any local text in spikes: the statements run at the end of each token on population activity.

Every signal of the rule is a population of cells that fires at |x| times the reference rate during
the write window (values: ON and OFF cells about a baseline); the query fires in the query window.
The cells' spikes are averaged over their window, and the rule's own text is evaluated on these
averages.
Weights are signed numbers here: this form keeps the spikes' noise and the text, not the receptors.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..devices import Built, Size
from ..rules import Rule
from ..synapses.models import SynapseModel
from ..weight_recording import Keep
from . import cells as cell_groups
from . import events
from .kept import Probing, by_head
from .layout import Layout, cells
from .schedule import Schedule, timed


def builder(
    rule: Rule,
    signals,
    states,
    number: int,
    kind: str,
    model: SynapseModel,
    schedule: Schedule,
    dt,
    seed: int,
    keep: Keep,
) -> tuple:
    """Return (build, size) for `devices.simulate`; arguments as in `spiking.prepare`."""
    heads, post, pre = states["w"].shape
    layout, tokens = Layout(heads, pre, post), schedule.tokens
    dims, rate = {"pre": pre, "post": post}, model.parameters["rate"]
    v0 = model.parameters["value_baseline"]
    equations, order = events.synapse_model(rule)
    # the update belongs to the token that has just ended; at the very start there is none
    order = [(how, _gated(what) if how == "update" else what) for how, what in order]
    token = schedule.token_steps * dt
    probing = Probing(by_head(keep.probes), schedule.token_steps, tokens, dt)
    sides = events.homes_of_cells(rule)
    spiking = {name: side for side, names in sides.items() for name, home in names.items()
               if home == side and name not in rule.gates}  # fmt: skip

    def baseline(values):
        return max(v0, np.abs(values).max() / 2)

    for name, side in spiking.items():
        largest = np.abs(signals[name]).max()
        fastest = largest if side == "pre" else baseline(signals[name]) + largest / 2
        cell_groups.check_rate(fastest, rate, dt)

    def build() -> Built:
        phases, namespace, objects = np.random.default_rng(seed), {}, []
        done = np.arange(tokens + 1)[:, None] > 0
        namespace["ended"] = b2.TimedArray(done.astype(float), dt=token)
        groups = {}
        for side, names in sides.items():
            lines = events.summed_variables(rule, side)
            for name, home in names.items():
                if name in spiking:
                    lines.append(f"x_{name} : 1")
                    continue
                array = signals[name][..., None] if home == "shared" else signals[name]
                table = cells(array, dims[side])
                namespace[f"table_{name}"] = b2.TimedArray(np.vstack([table[:1], table]), dt=token)
                lines.append(f"x_{name} = table_{name}(t, i) : 1 (constant over dt)")
            if side == "post":
                lines.append("token_ended = ended(t, 0) : 1 (constant over dt)")
            groups[side] = b2.NeuronGroup(
                heads * dims[side], "\n".join(lines + probing.lines(side)), namespace=namespace,
                name=f"{side}synaptic",
                **(probing.events(namespace) if side == "pre" else {}),
            )  # fmt: skip
        fast = b2.Synapses(
            groups["pre"], groups["post"], equations, name="fast_weights", namespace=namespace,
            **probing.pathway("s_w"),
        )  # fmt: skip
        before, after = layout.connections()
        fast.connect(i=before, j=after)
        for name in rule.states:
            setattr(fast, f"s_{name}", layout.flat(states[name]))
        events.attach(fast, order, dt=token)
        for name, side in spiking.items():
            window = "query" if name == "q" else "write"
            spread = np.ptp(schedule.spans[window]) * schedule.dt
            course = schedule.course((window, cells(signals[name], dims[side])))
            signs = (1, -1) if side == "post" or (course < 0).any() else (1,)
            half = 2 if side == "post" else 1
            base = 0.0
            if side == "post":  # ON and OFF cells about a baseline that keeps both rates positive
                base = baseline(signals[name]) * schedule.course((window, np.ones((tokens, 1))))
            rates = [np.maximum(base + sign * course / half, 0) for sign in signs]
            table = f"rate_{name}"
            namespace[table] = timed(np.concatenate(rates, 1) * float(rate), dt, b2.Hz)
            units = heads * dims[side]
            made = cell_groups.group(
                units * len(signs), number, kind, table, f"cells_{name}", namespace, phases, dt
            )
            every = np.arange(units * number)
            objects.append(made)
            for n, sign in enumerate(signs):
                kick = float(sign / (number * float(rate) * spread))
                paths = b2.Synapses(
                    made, groups[side], on_pre=f"x_{name}_post += {kick!r}",
                    name=f"average_{name}_{n}",
                    namespace=namespace, delay=0 * b2.second,
                )  # fmt: skip
                paths.connect(i=every + n * units * number, j=every // number)
                objects.append(paths)
            groups[side].run_regularly(
                f"x_{name} = 0",
                dt=token,
                when="groups",
                order=len(order) + 2,
                name=f"forget_{name}",
            )
        boundary = {"dt": token, "when": "groups", "order": len(order) + 1}
        reads = b2.StateMonitor(groups["post"], "x_readout", record=True, name="reads", **boundary)
        if keep.mode == "snapshots":
            kept = b2.StateMonitor(
                fast, [f"s_{name}" for name in rule.states], record=np.arange(layout.synapses),
                name="kept_weights", **boundary,
            )  # fmt: skip
            objects.append(kept)
        objects += probing.attach(groups["pre"], groups["post"], fast, len(order) + 1, "groups")
        network = b2.Network(*groups.values(), fast, *objects, reads)

        def collect():
            y = np.array(reads.x_readout).T[1 : tokens + 1].reshape(tokens, heads, post)
            found = {"readout": y}
            if keep.mode == "snapshots":
                found["snapshots"] = {
                    name: layout.weights(np.array(getattr(kept, f"s_{name}")).T[1 : tokens + 1])
                    for name in rule.states
                }
            elif keep.mode == "last":
                found["last"] = {
                    name: layout.weights(np.array(getattr(fast, f"s_{name}")))
                    for name in rule.states
                }
            if keep.probes is not None:
                read = probing.found().reshape(tokens, -1, heads, post)
                found["probe_readout"] = np.swapaxes(read, 1, 2)
            return found

        return Built(network, collect, tokens * token + dt, keep=(namespace,))

    sources = sum(heads * dims[side] * number for side in spiking.values())
    return build, Size(
        tokens * schedule.token_steps, 15 + 4 * len(spiking), layout.synapses * 3 + 3 * sources
    )


def _gated(update: str) -> str:
    target, right = update.split(" = ", 1)
    return f"{target} = {target}*(1 - token_ended_post) + token_ended_post*({right})"
