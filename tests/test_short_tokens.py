"""The rule that short tokens imply, held to the circuit without spikes."""

import brian2 as b2
import numpy as np
import pytest
from programs import nrmse, spiking

import fwp_neuro as fwp
from fwp_neuro.circuits import Timeline, with_traces_left

ms = b2.ms
SHORT = Timeline(settle=20 * ms, write=50 * ms, gap=40 * ms, query=50 * ms, read=33 * ms,
                 rest=40 * ms)  # fmt: skip
PROGRAM = fwp.tasks.associative_recall(
    tokens=6, dim=6, beta=0.8, alpha=0.9, heads=6, seed=1
)


@pytest.mark.parametrize("tau", [26, 50])
@pytest.mark.parametrize("rule", ["delta", "hebb", "gated_delta", "decayed_hebb"])
def test_the_circuit_of_short_tokens_is_the_rule_with_what_traces_hold(rule, tau):
    circuit = spiking(
        PROGRAM, rule, cells=float("inf"), timeline=SHORT, dt=1 * ms,
        constants={"tau_nmda": tau * ms, "weight_baseline": 2.0},
    )  # fmt: skip
    program, implied = with_traces_left(PROGRAM, rule, SHORT, tau * ms)
    left = nrmse(circuit, fwp.run(program, implied))
    assert left < 0.03
    assert nrmse(circuit, fwp.run(PROGRAM, rule)) > 2.5 * left


def test_long_tokens_imply_the_rule_itself():
    program, implied = with_traces_left(PROGRAM, "delta", Timeline(rest=2000 * ms))
    assert np.allclose(fwp.run(program, implied)["readout"],
                       fwp.run(PROGRAM, "delta")["readout"], atol=1e-9)  # fmt: skip


def test_a_rule_without_a_biophysical_form_is_refused():
    with pytest.raises(fwp.FwpError):
        with_traces_left(PROGRAM, "oja")
