"""A fast weight that is the sum of two pools, each with its own time constant."""

import brian2 as b2
import numpy as np
import pytest
from programs import artificial, random_program, spiking

import fwp_neuro as fwp

#: seconds from token to token, and of the two pools (Erickson et al. 2010: 1.6, 19 min)
STEP, FAST, SLOW = 30.0, 96.0, 1140.0
SHARE = 1 / 3


def left(seconds):
    """Return the part of a write that is left after a time."""
    return (1 - SHARE) * np.exp(-seconds / FAST) + SHARE * np.exp(-seconds / SLOW)


def remembered():
    """Return a program, and its fast weights [token, head, post, pre] by the closed
    form: every write by itself, faded by its age."""
    program = random_program(8, 2, 4, 3, alpha=np.exp(-STEP / FAST),
                             gamma=np.exp(-STEP / SLOW), share=SHARE)  # fmt: skip
    age = STEP * np.subtract.outer(np.arange(8), np.arange(8))
    kernel = np.where(age >= 0, 0.8 * left(np.maximum(age, 0)), 0)
    return program, np.einsum("ts,shi,shj->thij", kernel, program["value"],
                              program["key"])  # fmt: skip


def test_every_write_fades_with_two_time_constants():
    program, exact = remembered()
    found = artificial(program, "two_pool_hebb")
    assert np.abs(found["weights"].values - exact).max() < 1e-14
    rate = fwp.run(program, "two_pool_hebb", "rate", device="numpy")
    assert np.abs(rate["weights"].values - exact).max() < 1e-10


@pytest.mark.slow
def test_the_spiking_circuit_fades_as_the_closed_form():
    program, exact = remembered()
    errors = []
    for cells in (100, 400):
        found = spiking(program, "two_pool_hebb", cells=cells, dt=1 * b2.ms)
        weights = found["weights"].values
        errors.append(np.sqrt(np.mean((weights - exact) ** 2)) / exact.std())
        slope = (weights * exact).sum() / (exact**2).sum()
        assert slope == pytest.approx(1, abs=0.03)
    # the noise of spikes falls as one over the root of their number
    assert errors[0] < 0.08 and errors[1] == pytest.approx(errors[0] / 2, rel=0.3)


def test_the_decay_is_that_of_the_potentiation_synapse():
    """The time constants are those of the registered synapse."""
    model = fwp.synapses.get("short_term_potentiation")
    assert float(model.parameters["tau_fast"]) == FAST
    assert float(model.parameters["tau_slow"]) == SLOW
    parts = [float(model.parameters[f"A_{pool}"]) for pool in ("fast", "slow")]
    assert parts[1] / sum(parts) == pytest.approx(SHARE)
