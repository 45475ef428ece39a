"""Every circuit, synapse model and network model at its smallest: what CUDA code is made
of.

A case is a function without arguments that returns (build, dt), as `devices.simulate`
takes them. Circuits and synapse models all have the same time step, so that one project
can hold them, and draw no random numbers, so that every device gets the same spikes.
"""

from __future__ import annotations

from collections.abc import Callable

import brian2 as b2
import numpy as np
from cannot import can
from cuda_on_cpu import captured
from programs import random_program, rule_program

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import (
    AP5,
    CNQX,
    Realism,
    SpikingValues,
    Timeline,
    driven_cells,
    injected,
)
from fwp_neuro.circuits.rate import ode_windows, rate_circuit
from fwp_neuro.circuits.spiking import spiking_circuit
from fwp_neuro.devices import Built
from fwp_neuro.model_scripts import load_model
from fwp_neuro.rules import rule, rules

ms = b2.ms
DT = 1 * ms
BRISK = Timeline(
    **{name: 20 * ms for name in ("settle", "write", "gap", "query", "read", "rest")}
)
Case = Callable[[], tuple]


def _spikes(cells: int, seed: int, share: float = 0.05) -> np.ndarray:
    return (np.random.default_rng(seed).random((200, cells)) < share).astype(float)


# ---------------------------------------------------------------- synapse models


def _injected(name: str) -> Case:
    def case():
        model = synapses.get(name)
        if "sigma" in model.parameters:  # two devices draw different noise
            model = model.changed(sigma=0 * model.parameters["sigma"])
        return captured(
            injected, lambda: injected.run(model, _spikes(3, 1), _spikes(2, 2), dt=DT)
        )  # fmt: skip

    return case


#: receptors, short-term plasticity and plasticity on injected spikes
MODELS = {
    name: _injected(name)
    for kind in ("receptor", "short-term plasticity", "plasticity")
    for name in synapses.names(kind)
    if synapses.get(name).equations.synapse
}

# ---------------------------------------------------------------- circuits of programmes


def _program(name: str) -> fwp.Program:
    """A programme whose keys are so short that windows of ODEs exist for every write
    strength."""
    program = rule_program(name)
    homes, signals = rule(name).homes, program.bind(rule(name))
    short = [
        n for n, home in homes.items() if home == "pre" and n not in rule(name).gates
    ]
    names = {"k": "key", "q": "query"}
    return program.replace(**{names.get(n, n): 0.5 * signals[n] for n in short})


def _rate(name: str, **options) -> Case:
    def case():
        ready = rate_circuit.prepare(_program(name), rule(name), **options)
        return ready.build, ready.dt

    return case


def _spiking(name: str, program=None, **options) -> Case:
    common = {"key_cells": "integrate_and_fire", "cells": 3, "timeline": BRISK, "dt": DT}
    common["feedback"] = rule(name).locality.feedback

    def case():
        given = rule_program(name) if program is None else program
        try:
            ready = spiking_circuit.prepare(given, rule(name), **{**common, **options})
        except fwp.FwpError:  # a rule whose decay depends on the value's sign
            given = given.replace(value=abs(given["value"]))
            ready = spiking_circuit.prepare(given, rule(name), **{**common, **options})
        return ready.build, ready.dt

    return case


def _cells():
    spine = synapses.get("point_spine").parameters
    return captured(
        driven_cells,
        lambda: driven_cells.run(
            spine, _spikes(4, 1), _spikes(3, 2), np.ones(3), float(DT)
        ),
    )


def _ring(dt=None) -> Case:
    """Cells that hand a number on to each other: what each synapse reads, another one
    writes."""

    def build():
        spikes = b2.TimedArray(_spikes(5, 3, 0.3), dt=DT)
        cells = b2.NeuronGroup(
            5, "z : 1\nlast : 1", threshold="spikes(t, i) > 0.5", reset="z *= 0.9",
            namespace={"spikes": spikes}, dt=dt,
        )  # fmt: skip
        cells.z = np.arange(5)
        synapses = b2.Synapses(
            cells, cells, "w : 1", dt=dt,
            on_pre="w += 0.1*z_post\nz_pre += 0.01*w" if dt is None else "last_post += 1",
            delay=(0 if dt is None else 10) * ms,
        )  # fmt: skip
        synapses.connect(condition="i != j")
        return Built(
            b2.Network(cells, synapses), dict, 200 * DT, keep=(cells, synapses, spikes)
        )

    return lambda: (build, DT)


#: what the guards refuse, and why: CUDA code does something else than C++ code
REFUSED = {"same cells on both sides": _ring(), "a time step of their own": _ring(2 * DT)}


def continuous(name: str) -> bool:
    """Whether the rate circuit of a rule can be windows of ODEs."""
    return can(ode_windows.derive, rule(name))


def biophysical(name: str) -> bool:
    """Whether a rule has the NMDA-gated spiking circuit."""
    program = rule_program(name)
    return can(
        ode_windows.biophysical_write, rule(name), program.bind(rule(name)), (4, 3)
    )


_WINDOW = {"dt": DT, "window": 10 * ms}
_SIGNED = random_program(2, 2, 4, 3, signed=True, beta=0.6)
#: one circuit of each kind that the package has
CIRCUITS = {
    "rate, continuous": _rate("gated_delta", **_WINDOW),
    "rate, factored": _rate("gated_delta", write="factored", **_WINDOW),
    "rate, exponential": _rate("delta", relation="exponential", **_WINDOW),
    "rate, AMPA lag": _rate("delta", dt=DT, ampa_lag=2 * ms),
    "rate, feedback": _rate("oja", **_WINDOW),
    "rate, event": _rate("delta", dynamics="event"),
    "rate, event, two states": _rate("momentum_delta"),
    "spiking, population": _spiking("gated_delta"),
    "spiking, one weight a key cell": _spiking("gated_delta", layout="synapse"),
    "spiking, opponent keys": _spiking("delta", _SIGNED, signed_keys="opponent"),
    "spiking, without noise": _spiking("hebb", cells=float("inf"), key_cells="poisson"),
    "spiking, drugs and traces": _spiking(
        "delta", drugs=[AP5(0.5), CNQX(0.5)], record_every=5 * ms
    ),
    "spiking, linear synapse": _spiking("delta", synapse="linear_difference"),
    "spiking, generic": _spiking("momentum_delta"),
    "spiking, generic, feedback": _spiking("oja"),
    "driven cells": _cells,
}
#: the circuits of every rule, besides those above
RULES = (
    {f"rate, {n}": _rate(n, **_WINDOW) for n in rules() if continuous(n)}
    | {f"rate, {n}, factored": _rate(n, write="factored", **_WINDOW)
       for n in rules() if continuous(n)}
    | {f"rate, {n}, event": _rate(n, dynamics="event") for n in rules()}
    | {f"spiking, {n}": _spiking(n) for n in rules()}
    | {f"spiking, {n}, one weight a key cell": _spiking(n, layout="synapse")
       for n in rules() if biophysical(n)}
)  # fmt: skip

# ---------------------------------------------------------------- with random numbers

#: the same with cells that draw random numbers, which differ from device to device
POISSON = {
    "spiking, population, Poisson": _spiking("delta", key_cells="poisson"),
    "spiking, one weight a key cell, Poisson": _spiking(
        "delta", key_cells="poisson", layout="synapse"
    ),
    "spiking, integrate-and-fire values": _spiking(
        "delta", key_cells="poisson",
        realism=Realism(value_cells=SpikingValues(cells=3, model="adex")),
    ),
    "spiking, generic, Poisson": _spiking("momentum_delta", key_cells="poisson"),
}


def _network(name: str, **parameters) -> Case:
    def case():
        script = load_model(name)
        module = injected if name == "milstein_2021_one_shot_memory" else script
        return captured(module, lambda: script.run(script.Parameters(**parameters)))

    return case


#: of the network models, those that draw no random numbers while they run
CERTAIN = (
    "limbacher_2022_key_value_memory", "milstein_2021_one_shot_memory",
    "ellwood_2024_match_and_control",
)  # fmt: skip
#: those whose synapses have delays of their own: brian2cuda makes their queues in threads
#: that read what the first thread writes, without a barrier between. Threads of a real
#: GPU start together, so that all read first; here they must not share a block
DELAYED = ("mongillo_2008_working_memory", "ellwood_2024_match_and_control")
#: the network models, as small and as short as they go
NETWORKS = {
    "wang_2002_decision": _network(
        "wang_2002_decision", coherence=(51.2,), cells=200, dt=0.2, stimulus=(50, 150),
        windows=(0, 50, 50, 150, 150, 200),
    ),
    "wang_2002_decision, saturating": _network(
        "wang_2002_decision", coherence=(51.2,), cells=100, dt=0.2, stimulus=(50, 150),
        windows=(0, 50, 50, 150, 150, 200), nmda="saturating",
    ),
    "mongillo_2008_working_memory": _network(
        "mongillo_2008_working_memory", cells=200, cue_at=100, cue_for=50, silence=50,
        readout_for=20,
    ),
    "fiebig_lansner_2017_working_memory": _network(
        "fiebig_lansner_2017_working_memory", items=1, controls=1, columns=2, cells=2,
        shown=50, free=100, cued=20,
    ),
    "limbacher_2022_key_value_memory": _network("limbacher_2022_key_value_memory",
                                                items=(2,)),
    "milstein_2021_one_shot_memory": _network(
        "milstein_2021_one_shot_memory", inputs=20, cells=2, track=60,
    ),
    "ellwood_2024_match_and_control": _network(
        "ellwood_2024_match_and_control", trials=2, axons=4, windows=(0.5,), dt=0.25
    ),
    "urbanczik_senn_2014_delta_memory": _network(
        "urbanczik_senn_2014_delta_memory", pairs=2, dim=2, post=2, key_cells=3, somata=3,
        teach=100, tau_delta=20,
    ),
}  # fmt: skip
