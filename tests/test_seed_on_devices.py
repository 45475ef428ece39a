"""A seed gives the same numbers with NumPy and as a compiled program."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.circuits import Heterogeneity, Realism, Timeline

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
ms = b2.ms
SHORT = Timeline(**dict.fromkeys(("settle", "write", "gap", "query", "rest"), 20 * ms),
                 read=10 * ms)  # fmt: skip
#: name -> (rule, options of the programme, options of the run)
CASES = {
    "signed, heads": ("gated_delta", {"heads": 2, "signed": True},
                      {"signed_keys": "opponent"}),
    "each cell": ("gated_delta", {}, {"layout": "synapse"}),
    "feedback": ("oja", {"signed": True}, {"feedback": True}),
}  # fmt: skip
SLOW = {
    "numbers": ("hebb", {}, {"record_spikes": True}),
    "traces": ("delta", {}, {"record": ["w"], "record_every": 10 * ms}),
    "regular cells": ("delta", {}, {"key_cells": "integrate_and_fire"}),
    "published": ("hebb", {}, {"synapse": "pair_stdp", "timeline": Timeline()}),
    "held target": ("delta", {}, {"write": "held_target", "clean_up": (-1, 0, 1)}),
    "held error": ("delta", {}, {"write": "held_error",
                                 "constants": {"value_baseline": 0.8}}),
    "tonic teachers": ("delta", {}, {"teacher": "tonic"}),
    "release model": ("delta", {}, {"realism": Realism(short_term="tsodyks_markram")}),
    "divisive": ("hebb", {"pool": True}, {"divisive": 10.0}),
    "cells that read": ("delta", {}, {"realism": Realism(value_cells="adex")}),
    "realism": ("delta", {}, {"realism": Realism(
        value_cells="spiking", inhibition="conductance", release=0.5, sites=2,
        background=2 * b2.Hz, membrane_noise=2 * b2.mV, levels=5,
        heterogeneity=Heterogeneity(apical=0.1, inhibition=0.1))}),
}  # fmt: skip


def programme(heads=None, signed=False, pool=False) -> fwp.Program:
    rng, shape = np.random.default_rng(3), (3,) if heads is None else (3, heads)
    key = rng.random((*shape, 4)) - 0.5 * signed
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    found = fwp.Program(key, rng.uniform(-1, 1, (*shape, 3)), alpha=0.9, beta=0.4)
    return fwp.with_pool(found) if pool else found


@pytest.mark.parametrize(
    ("rule", "of_program", "options"),
    [pytest.param(*case, id=name) for name, case in CASES.items()]
    + [pytest.param(*case, id=name, marks=pytest.mark.slow)
       for name, case in SLOW.items()],
)  # fmt: skip
def test_a_seed_gives_the_same_numbers(rule, of_program, options):
    program = programme(**of_program)
    given = {"cells": 20, "timeline": SHORT, "seed": 3, **options}
    plain, compiled = (fwp.run(program, rule, "spiking", **given, device=device)
                       for device in ("numpy", "cpp_standalone"))  # fmt: skip
    np.testing.assert_allclose(compiled["readout"], plain["readout"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(
        compiled.final_weights, plain.final_weights, rtol=0, atol=1e-11
    )
    for one in ("time", "number"):
        np.testing.assert_array_equal(compiled.spikes("key")[one],
                                      plain.spikes("key")[one])  # fmt: skip
