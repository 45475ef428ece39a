"""A realisation and its prepared run, which `fwp.run` and code generation share."""

import sys

import brian2 as b2
import numpy as np
import pytest
from brian2.core.variables import ArrayVariable

import fwp_neuro as fwp
from fwp_neuro.circuits import AP5, RATE, Timeline, generate, prepared_circuit
from fwp_neuro.devices.brian2_state import own_names, runtime
from fwp_neuro.realisation_options import Prepared
from fwp_neuro.running import REALISATIONS

ms = b2.ms
PRE, POST, TOKENS = 4, 3, 3
BRISK = Timeline(
    **{name: 20 * ms for name in ("settle", "write", "gap", "query", "read", "rest")}
)
SPIKES = {"cells": 5, "dt": 1 * ms, "timeline": BRISK, "seed": 3}
PROBES = np.eye(PRE)[:2]
#: every circuit of the package: realisation, rule and options
CIRCUITS = {
    "windows": ("rate", "gated_delta", {}),
    "windows, factored": ("rate", "gated_delta", {"write": "factored", "probes": PROBES}),
    "windows, AMPA lag": ("rate", "delta", {"ampa_lag": 2 * ms}),
    "windows, low rank": ("rate", "gated_delta", {"layout": "low_rank"}),
    "windows, feedback": ("rate", "oja", {}),
    "events": ("rate", "delta", {"dynamics": "event", "probes": PROBES}),
    "events, low rank": ("rate", "delta", {"dynamics": "event", "layout": "low_rank"}),
    "events, two states": ("rate", "momentum_delta", {}),
    "population": ("spiking", "gated_delta", {**SPIKES, "probes": PROBES}),
    "synapse": ("spiking", "gated_delta", {**SPIKES, "layout": "synapse"}),
    "regular cells": ("spiking", "hebb", {**SPIKES, "key_cells": "integrate_and_fire"}),
    "no spikes": ("spiking", "delta", {**SPIKES, "cells": float("inf")}),
    "opponent": ("spiking", "delta", {**SPIKES, "signed_keys": "opponent"}),
    "traces, drug": ("spiking", "delta", {**SPIKES, "drugs": [AP5(0.5)],
                                          "record_every": 5 * ms}),
    "generic": ("spiking", "momentum_delta", SPIKES),
    "generic, feedback": ("spiking", "oja", {**SPIKES, "feedback": True}),
    "published": ("spiking", "delta", {
        "synapse": "pair_stdp", "coding": "volleys", "cells": 3, "value_cells": 2,
        "seed": 3,
    }),
}  # fmt: skip


def program(rule):
    rng = np.random.default_rng(0)
    keys, queries = rng.uniform(0.05, 0.4, (2, TOKENS, PRE))
    gates = {name: np.full(TOKENS, 0.6) for name in fwp.rule(rule).gates}
    return fwp.Program(keys, rng.uniform(-1, 1, (TOKENS, POST)), queries, **gates)


def handed_on(monkeypatch, name, call):
    """Return what ``call`` hands to a function of devices, which does nothing."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(
            prepared_circuit,
            name,
            lambda build, *_, **options: found.append((build, options)),
        )
        try:
            call()
        except TypeError:  # nothing came back that could be recorded
            assert found
    return found[0]


def described(build, dt):
    """Return everything that a network consists of: objects, places in a step, text,
    numbers."""
    found = {}
    with runtime("numpy", dt, 0), own_names():
        built = build()
        waiting = [*built.network.objects]
        while waiting:
            one = waiting.pop()
            waiting += one.contained_objects
            said = [type(one).__name__, one.when, one.order, float(one.clock.dt)]
            said += [
                str(getattr(one, text, "")) for text in ("equations", "abstract_code")
            ]
            for name, item in getattr(one, "variables", {}).items():
                if isinstance(item, ArrayVariable):
                    said.append((name, np.asarray(item.get_value()).tolist()))
            for name, item in (getattr(one, "namespace", None) or {}).items():
                numbers = getattr(item, "values", item)
                said.append(
                    (name, numbers if callable(numbers) else np.asarray(numbers).tolist())
                )
            found[one.name] = said
        return found | {"duration": float(built.duration)}


SLOW = [pytest.param(name, marks=pytest.mark.slow) if name == "published" else name
        for name in CIRCUITS]  # fmt: skip


@pytest.mark.parametrize("circuit", SLOW)
def test_the_project_of_a_circuit_is_of_the_network_that_runs(
    circuit, monkeypatch, tmp_path
):
    realisation, rule, options = CIRCUITS[circuit]
    given = program(rule)
    build, said = handed_on(monkeypatch, "simulate", lambda: fwp.run(
        given, rule, realisation, device="numpy", **options
    ))  # fmt: skip
    other, told = handed_on(monkeypatch, "generate", lambda: generate(
        given, rule, realisation, device="cpp_standalone", directory=tmp_path / "never",
        **options
    ))  # fmt: skip
    assert float(said["dt"]) == float(told["dt"]) and said["seed"] == told["seed"]
    ran, written = described(build, said["dt"]), described(other, told["dt"])
    assert ran.keys() == written.keys() and len(ran) > 5
    for name, parts in ran.items():
        assert parts == written[name], name


@pytest.mark.slow
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_the_project_of_a_circuit_is_written(circuit, tmp_path):
    realisation, rule, options = CIRCUITS[circuit]
    folder = generate(
        program(rule),
        rule,
        realisation,
        device="cpp_standalone",
        directory=tmp_path,
        **options,
    )
    assert (folder / "main.cpp").is_file() and (folder / "makefile").is_file()


@pytest.mark.parametrize(
    "circuit", ["windows, low rank", "events", "population", "generic"]
)
def test_a_prepared_circuit_runs_again_and_again(circuit):
    realisation, rule, options = CIRCUITS[circuit]
    given, options = program(rule), {**options, "device": "numpy"}
    ready = REALISATIONS.get(realisation).prepare(given, rule, **options)
    assert isinstance(ready, Prepared) and ready.rule is fwp.rule(rule)
    assert ready.program is given and ready.options["device"] == "numpy"
    once, again, ran = (
        ready.run(),
        ready.run(),
        fwp.run(given, rule, realisation, **options),
    )
    for name in ran.dataset.variables:
        np.testing.assert_array_equal(once[name], ran[name])
        np.testing.assert_array_equal(again[name], ran[name])


def test_a_realisation_prepares_with_an_object_of_its_options():
    given = program("delta")
    one = RATE.prepare(
        given, "delta", RATE.options(dynamics="event"), record_weights="last"
    )
    assert one.details["dynamics"] == "event" and one.keep.mode == "last"
    artificial = REALISATIONS.get("artificial")
    chosen = artificial.options(backend="numpy")
    found = artificial.run(given, "delta", options=chosen)
    np.testing.assert_array_equal(
        found["readout"], fwp.run(given, "delta", backend="numpy")["readout"]
    )
    with pytest.raises(
        fwp.FwpError, match="of the rate realisation.*did you mean 'layout'"
    ):
        RATE.prepare(given, "delta", layuot="synapse")


def passed(call):
    """Return the modules of the package whose functions are called."""
    found = set()

    def look(frame, event, argument):
        if event == "call":
            found.add(frame.f_globals.get("__name__", ""))

    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(None)
    return {name for name in found if name.partition(".")[0] == "fwp_neuro"}


def test_a_spiking_run_passes_through_few_modules():
    given, delta, run = program("delta"), fwp.rule("delta"), fwp.run
    # with "auto" the choice of the device may look for a compiler and for a compiled
    # program
    options = {"cells": 5, "dt": 1 * ms, "timeline": BRISK, "device": "numpy"}
    new = fwp.Rule("new", delta.text, dict(delta.gates), limits=dict(delta.limits))
    run(given, "delta", "spiking", **options)  # imports what it needs
    found = passed(lambda: run(given, "delta", "spiking", **options))
    first = passed(lambda: run(given, new, "spiking", **options))
    print(f"{len(found)} modules:", *sorted(found))
    print(f"and where the rule is new, {len(first)}:", *sorted(first - found))
    assert len(found) <= 32
    assert len(first) <= 39
