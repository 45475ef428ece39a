"""A programme on anybody's rate cells: its signals are variables of two groups."""

import brian2 as b2
import numpy as np

from fwp_neuro.circuits.plastic.connecting import connect
from fwp_neuro.circuits.rate import ode_windows, window_rates
from fwp_neuro.rules import rule
from fwp_neuro.symbolic import first_order

ms = b2.ms


def course(array, dt, unit=1):
    """A TimedArray of [token, (dim)]."""
    return b2.TimedArray(np.asarray(array, float) * unit, dt=dt)


def cells(signals, size, dt, name, more="", **options):
    """Rate cells with a variable x_<name> for every signal [token, dim]."""
    tables = {f"{name}_{n}": course(a, dt) for n, a in signals.items()}
    rows = [f"x_{n} = {name}_{n}(t, i) : 1" for n in signals]
    made = b2.NeuronGroup(
        size, "\n".join([*rows, more]), name=f"{name}_cells*", **options
    )
    made.namespace.update(tables)
    return made


def event_network(
    name, program, weights, every=5 * ms, layout="factorised", gate_as="table"
):
    """Groups, connected rule and a recording of a program whose tokens last ``every``."""
    chosen = rule(name)
    bound = {n: a[:, 0] for n, a in program.bind(chosen).items()}
    homes = {**chosen.homes, "q": "pre"}
    sides = {"pre": {}, "post": {}}
    gates, names = {}, {}
    for n, home in homes.items():
        if n in chosen.gates and gate_as == "table":
            gates[n] = course(bound[n], every)
        elif home == "shared":
            sides["post"][n] = np.repeat(bound[n][:, None], program.post, 1)
            gates[n] = f"x_{n}"
        else:
            sides[home][n] = bound[n]
            (gates if n in chosen.gates else names)[n] = f"x_{n}"
    pre = cells(sides["pre"], program.pre, every, "pre")
    post = cells(sides["post"], program.post, every, "post", "y : 1")
    made = connect(
        name,
        pre,
        post,
        every=every,
        gate=gates,
        names={**names, "readout": "y"},
        layout=layout,
    )
    for state, array in weights.items():
        made.set(state, array.T.ravel())
    return pre, post, made


def by_token(made, groups, program, every, names=("w",)):
    """Run; return read-outs [token, post] and states [token, post, pre]."""
    reads = b2.StateMonitor(groups[1], "y", record=True, dt=every)
    states = [made.monitor(n, dt=every, label=f"states_{n}*") for n in names]
    network = b2.Network(*groups, made.objects, reads, states)
    # samples are those of the start of a step: the last token is seen one step later
    network.run(program.tokens * every + b2.defaultclock.dt, namespace={})
    shape = (-1, program.pre, program.post)
    found = {
        n: np.array(getattr(one, n)).T[1:].reshape(shape).swapaxes(1, 2)
        for n, one in zip(names, states, strict=True)
    }
    return np.array(reads.y).T[1:], found


#: rules whose gates and signals `windows` can put into windows; what a new rule does
#: there is held by `test_rate` without it
IN_WINDOWS = {
    "hebb", "decayed_hebb", "gla", "hgrn2", "delta", "gated_delta", "delta_then_decay",
    "leaky_delta", "kimi_delta", "gdn2", "comba", "longhorn", "delta_product", "oja",
    "oja_neuron", "gated_oja",
}  # fmt: skip


def windows(name, program, steps, dt):
    """Signals [window, cell] and gates [window, 1 or cell] in 1/s, as `fwp.run` does.

    One window a statement, in which its gates alone are open, and one for the read-out.
    Rates are those of `gains.rates`; where decay and write share a window, the value is
    scaled as they say.
    """
    chosen = rule(name)
    signals = program.bind(chosen)
    found = (
        ode_windows.derive(chosen) if name != "hgrn2" else ode_windows.derive(chosen)[:1]
    )
    per = len(found) + 1
    shape = {"pre": program.pre, "post": program.post, "shared": 1}
    homes = {**chosen.homes, "q": "pre"}
    own = {n: np.repeat(signals[n][:, 0], per, 0) for n in homes if n not in chosen.gates}
    rates = first_order.derive(chosen)
    gates = {
        n: np.zeros((program.tokens * per, shape[homes.get(n, "shared")]))
        for n in (*chosen.gates, *[rates.write_rate][: bool(rates.write_rate)])
    }
    if name == "oja_neuron":
        gates["beta"] = np.zeros((program.tokens * per, program.post))
    for n, phase in enumerate(found):
        rows, numbers = slice(n, None, per), ode_windows.evaluate(phase, signals)
        rate = {
            k: a[:, 0]
            for k, a in window_rates.rates(numbers, steps, dt, "integrator-aware").items()
        }
        numbers = {k: a[:, 0] for k, a in numbers.items()}
        told = [g for g in chosen.gates if g in {s.name for s in phase.keep.free_symbols}]
        if told and name != "oja_neuron":
            gates[told[0]][rows] = rate["decay"]
        if phase.side is None or name == "hgrn2":
            continue
        wrote = numbers["drive"] / rate["written"]
        if name == "oja_neuron":
            gates["beta"][rows] = wrote**2 / rate["decay"]
            own["v"][rows] = rate["decay"] / wrote
        elif {"erase", "write"} <= set(gates):
            probe = signals["erase"][:, 0] if homes["erase"] == "pre" else 1
            gates["erase"][rows] = probe * rate["erase"]
            value = signals["write"][:, 0]
            gates["write"][rows] = value.reshape(len(value), -1) / rate["written"]
        elif phase.probe is None:
            if rates.write_rate:
                gates[rates.write_rate][rows] = 1 / rate["written"]
            else:
                gates["beta"][rows] = signals["beta"][:, :1] / rate["written"]
        else:
            erase, drive = (
                {s.name for s in one.free_symbols} for one in (phase.erase, phase.drive)
            )
            gate = next(g for g in chosen.gates if g in erase)
            gates[gate][rows] = rate["erase"]
            told = next(n for n in homes if n in drive - {gate})
            own[told][rows] = wrote / rate["erase"]
    return own, gates, per, homes


def continuous_network(name, own, gates, window, homes, weights, layout="factorised"):
    """Groups and the connected rule for signals and gates from `windows`."""
    size = {"pre": weights.shape[1], "post": weights.shape[0]}
    groups = {
        side: cells(
            {n: a for n, a in own.items() if homes[n] == side},
            size[side],
            window,
            side,
            "y : 1" * (side == "post"),
        )
        for side in size
    }
    tables = {
        n: course(a if a.shape[1] > 1 else a[:, 0], window, b2.Hz)
        for n, a in gates.items()
    }
    names = {n: f"x_{n}" for n in own}
    made = connect(
        name,
        groups["pre"],
        groups["post"],
        dynamics="continuous",
        gate=tables,
        names={**names, "readout": "y"},
        layout=layout,
    )
    made.set("w", weights.T.ravel())
    return (groups["pre"], groups["post"]), made
