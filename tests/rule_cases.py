"""A programme on anybody's rate cells: signals as variables of two groups, gates as asked for."""

import brian2 as b2
import numpy as np

from fwp_neuro.circuits.plastic import connect
from fwp_neuro.rules import rule

ms = b2.ms


def course(array, dt, unit=1):
    """A TimedArray of [token, (dim)]."""
    return b2.TimedArray(np.asarray(array, float) * unit, dt=dt)


def cells(signals, size, dt, name, more="", **options):
    """Rate cells with a variable x_<name> for every signal [token, dim], on a fine time step."""
    tables = {f"{name}_{n}": course(a, dt) for n, a in signals.items()}
    rows = [f"x_{n} = {name}_{n}(t, i) : 1" for n in signals]
    made = b2.NeuronGroup(size, "\n".join([*rows, more]), name=f"{name}_cells*", **options)
    made.namespace.update(tables)
    return made


def event_network(name, program, weights, every=5 * ms, layout="factorised", gate_as="table", **options):
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
    made = connect(name, pre, post, every=every, gate=gates, names={**names, "readout": "y"},
                   layout=layout, **options)  # fmt: skip
    for state, array in weights.items():
        made.set(state, array.T.ravel())
    return pre, post, made


def by_token(made, network, post, program, every, names=("w",)):
    """Run token by token; return the read-out [token, post] and states [token, post, pre]."""
    readout, found = [], {n: [] for n in names}
    for _ in range(program.tokens):
        network.run(every, namespace={})
        readout.append(np.array(post.y[:]))
        for n in names:
            found[n].append(made.values(n).reshape(program.pre, program.post).T)
    return np.array(readout), {n: np.array(a) for n, a in found.items()}
