"""Print the names in the cache of the programs of models and circuits, as JSON.

    python build_keys.py 3 pair_stdp/factorised clocks

With a number above 0 sets of Brian2's objects have another order for each number, as they
have another one in each process, where a hash is an address.
"""

import gc
import json
import sys

import brian2 as b2
import numpy as np

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.devices import Built, compiled, compiled_builds


def injectable():
    """Return the names of the models that `injected.run` runs."""
    models = ((name, synapses.get(name)) for name in synapses.names())
    return [
        name
        for name, model in models
        if hasattr(getattr(model, "equations", 0), "pre_spike")
    ]


def spikes(seed, steps):
    rng = np.random.default_rng(seed)
    return [(rng.random((steps, cells)) < 0.1).astype(float) for cells in (3, 2)]


def programme(tokens, **gates):
    rng = np.random.default_rng(tokens)
    key = np.abs(rng.normal(size=(tokens, 4)))
    key *= 0.8 / np.linalg.norm(key, axis=-1, keepdims=True)
    return fwp.Program(key=key, value=rng.normal(size=(tokens, 3)), **gates)


def clocks():
    """A circuit with all that Brian2 keeps in sets: clocks, also idle ones, synapses, two
    runs."""
    cells = b2.NeuronGroup(3, "dv/dt = -v/(5*ms) : 1\na : 1\nb : 1", threshold="v > 1",
                           reset="v = 0", method="exact", name="cells")  # fmt: skip
    idle = [
        b2.NeuronGroup(2, "y = 2*t/ms : 1", dt=n * b2.ms, name=f"idle_{n}")
        for n in (2, 3, 4)
    ]
    steps = [
        cells.run_regularly(f"a += {n}", dt=n * b2.ms, name=f"step_{n}")
        for n in (5, 6, 7)
    ]
    paths = [b2.Synapses(cells, cells, "w : 1", on_pre="a_post += w", name=f"paths_{n}")
             for n in range(4)]  # fmt: skip
    for path in paths:
        path.connect(i=[0, 1], j=[1, 2])
        path.w = [0.1, 0.2]
    # one value before all, then one: the order counts
    cells.b[:], cells.a[:] = 0.5, 0.25
    cells.b[1], cells.a[2], cells.b[1] = 0.7, 0.9, 0.8
    network = b2.Network(cells, *idle, *steps, *paths)
    network.run(1 * b2.ms, namespace={})
    return Built(network, dict, 2 * b2.ms)


#: circuit -> rule, realisation and options
CIRCUITS = {
    "rate": ("gated_delta", "rate", {}),
    "rate in events": ("gated_delta", "rate", {"dynamics": "event"}),
    "rate of low rank": ("delta", "rate", {"layout": "low_rank"}),
    "population": ("delta", "spiking", {"cells": 4}),
    "synapse": ("delta", "spiking", {"cells": 4, "layout": "synapse"}),
    "generic": ("gated_delta", "spiking", {"cells": 4, "form": "generic"}),
}


def everything():
    models = [
        f"{name}/{layout}"
        for name in injectable()
        for layout in ("textbook", "factorised")
    ]
    return [*models, *CIRCUITS, "clocks"]


class Stop(Exception):
    """Code was generated; nothing is compiled."""


def key_of(function, *arguments, device="cpp_standalone", **options):
    """Return the name of the program that a function would compile."""
    found = []

    def stop(project):
        found.append(compiled_builds.key(project))
        raise Stop

    if device:
        options["device"] = device
    kept, compiled_builds.program = compiled_builds.program, stop
    try:
        function(*arguments, **options)
    except Stop:
        return found.pop()
    finally:
        compiled_builds.program = kept
    raise AssertionError("no program was made")


def key_of_label(label):
    """Return the name of the program of a model in a layout, or of a circuit."""
    if label == "clocks":
        return key_of(compiled, clocks, dt=0.5 * b2.ms, device="")
    if label in CIRCUITS:
        rule, realisation, options = CIRCUITS[label]
        gates = {"beta": 0.6} | ({"alpha": 0.9} if rule == "gated_delta" else {})
        return key_of(fwp.run, programme(3, **gates), rule, realisation, **options)
    name, layout = label.split("/")
    model = synapses.get(name)
    return key_of(injected.run, model, *spikes(1, 50), dt=1 * b2.ms, layout=layout)


def shuffle(number):
    """Let the hashes of Brian2's objects that are made from now on depend on a number."""
    from brian2.core.functions import Function
    from brian2.core.tracking import Trackable
    from brian2.core.variables import Variable

    classes = (Trackable, Variable, Function)
    there = {id(item): item for item in gc.get_objects() if isinstance(item, classes)}

    def shuffled(self):
        if id(self) in there:
            return object.__hash__(self)
        return (id(self) // 16) * (2 * number + 1) * 0x9E3779B97F4A7C15 >> 7 & 0xFFFFFFFF

    for each in classes:
        each.__hash__ = shuffled


if __name__ == "__main__":
    if int(sys.argv[1]):
        shuffle(int(sys.argv[1]))
    compiled_builds.header = lambda flags: ""
    print(
        json.dumps({label: key_of_label(label) for label in sys.argv[2:] or everything()})
    )
