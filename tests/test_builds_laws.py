"""For every circuit and synapse model: no number of it makes another program."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses, toolchain
from fwp_neuro.circuits import injected
from fwp_neuro.devices import builds

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")


class Stop(Exception):
    """Code was generated; nothing is compiled here."""


@pytest.fixture
def key(monkeypatch, tmp_path):
    """Return the name of the program that a function would compile."""
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path))
    monkeypatch.setattr(builds, "header", lambda flags: "")
    found = []

    def stop(project):
        found.append(builds.key(project))
        raise Stop

    monkeypatch.setattr(builds, "program", stop)

    def of(function, *arguments, **options):
        with pytest.raises(Stop):
            function(*arguments, device="cpp_standalone", **options)
        return found.pop()

    return of


def spikes(seed, steps):
    rng = np.random.default_rng(seed)
    return [(rng.random((steps, cells)) < 0.1).astype(float) for cells in (3, 2)]


def other_numbers(model):
    """The same model with every number changed that its checks let pass."""
    changed = 0
    kept = {delay for _, delay in model.equations.delayed.values()}
    for name, value in model.parameters.items():
        if name not in kept and not isinstance(value, bool | int):
            try:
                model, changed = model.changed(**{name: value * 1.25}), changed + 1
            except fwp.FwpError:
                pass
    return model, changed


def injectable():
    return [name for name in synapses.names() if hasattr(synapses.get(name), "equations")
            and hasattr(synapses.get(name).equations, "pre_spike")]  # fmt: skip


LEAN = ("pair_stdp",)


@pytest.mark.parametrize(
    "name", [name if name in LEAN else pytest.param(name, marks=pytest.mark.slow)
             for name in injectable()]
)  # fmt: skip
def test_numbers_of_a_synapse_model(name, key):
    model = synapses.get(name)
    other, changed = other_numbers(model)
    assert changed > 0
    first = key(injected.run, model, *spikes(1, 50), dt=1 * b2.ms)
    # what waits in a line of delayed values has as many places as there are steps in the delay
    dt = (1.0 if model.equations.delayed else 0.5) * b2.ms
    assert key(injected.run, other, *spikes(2, 90), dt=dt) == first


def program(tokens, **gates):
    rng = np.random.default_rng(tokens)
    key = np.abs(rng.normal(size=(tokens, 4)))
    key *= 0.8 / np.linalg.norm(key, axis=-1, keepdims=True)
    return fwp.Program(key=key, value=rng.normal(size=(tokens, 3)), **gates)


CIRCUITS = {
    "rate": ("gated_delta", "rate", {}, {"window": 30 * b2.ms, "dt": 0.25 * b2.ms}),
    "rate in events": ("gated_delta", "rate", {"dynamics": "event"}, {}),
    "population": (
        "delta", "spiking", {"cells": 4},
        {"dt": 0.25 * b2.ms, "seed": 4, "constants": {"rate": 37 * b2.Hz, "weight_baseline": 2.7}},
    ),
    "synapse": (
        "delta", "spiking", {"cells": 4, "layout": "synapse"},
        {"seed": 4, "constants": {"rate": 37 * b2.Hz}},
    ),
    "generic": (
        "gated_delta", "spiking", {"cells": 4, "form": "generic"},
        {"seed": 4, "constants": {"rate": 37 * b2.Hz}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if name == "population" else pytest.param(name, marks=pytest.mark.slow)
             for name in CIRCUITS]
)  # fmt: skip
def test_numbers_of_a_circuit(name, key):
    rule, realisation, options, changed = CIRCUITS[name]
    gates, others = {"beta": 0.6}, {"beta": 0.35}
    if rule == "gated_delta":
        gates, others = {**gates, "alpha": 0.9}, {**others, "alpha": 0.75}
    first = key(fwp.run, program(3, **gates), rule, realisation, **options)
    again = key(fwp.run, program(5, **others), rule, realisation, **options, **changed)
    assert again == first
    if options.get("layout") == "synapse":  # what is recorded is structure
        recorded = {**options, "record_every": 1 * b2.ms}
        assert key(fwp.run, program(3, **gates), rule, realisation, **recorded) != first
