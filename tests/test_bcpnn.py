"""BCPNN: Brian2 text and event form against the oracle, stationary values, forgetting,
gate."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.bcpnn import event_text
from fwp_neuro.synapses.bcpnn import events as oracle
from fwp_neuro.synapses.bcpnn import synapse as bcpnn

ms, Hz, second = b2.ms, b2.Hz, b2.second
SETS = synapses.parameter_sets("bcpnn")


def trains(cells=2, steps=600, rate=0.03, seed=0):
    """Random spikes [step, cell] of 1 ms, none in the last step."""
    table = (np.random.default_rng(seed).random((steps, cells)) < rate).astype(float)
    table[-1] = 0
    return table


def times(column):
    """Spike times in seconds: a spike acts at the end of its step of 1 ms."""
    return (np.flatnonzero(column) + 1) * 1e-3


def finer(table, factor):
    """The same spikes with shorter steps: each acts at the end of the last part of its
    step."""
    fine = np.zeros((len(table) * factor, table.shape[1]))
    fine[factor - 1 :: factor] = table
    return fine


def on_brian2(model, pre, post, dt=1.0, **options):
    factor = round(1 / dt)
    return injected.run(
        model, finer(pre, factor), finer(post, factor), dt=dt * ms, **options
    )


@pytest.mark.parametrize("chosen", SETS)
def test_brian2_text_is_the_oracle(chosen):
    model = synapses.get("bcpnn", chosen)
    pre, post = trains(1, 300, seed=1), trains(1, 300, seed=2)
    pre[100] = post[100] = 1  # together in one step
    found = on_brian2(
        model, pre, post, 0.5 if chosen != "chrysanthidis_double_bouquet" else 0.1
    )
    for receptor in bcpnn.RECEPTORS:
        exact = oracle.traces(model, times(pre), times(post), [0.3], receptor)[0]
        for n, name in enumerate(oracle.STATE[1:], 1):
            value = float(found[f"{name}_{receptor}"].squeeze())
            assert value == pytest.approx(exact[n], rel=2e-4, abs=1e-12), name
        if receptor == "ampa":
            assert found["weight"] == pytest.approx(oracle.weight(exact), rel=2e-3)
            assert oracle.weight(exact) != 0


@pytest.mark.parametrize(
    "chosen, receptor",
    [pytest.param(SETS[0], "ampa", marks=pytest.mark.slow), (SETS[4], "nmda")],
)
def test_event_form_is_the_oracle_at_the_last_spike(chosen, receptor):
    model = synapses.get("bcpnn", chosen)
    pre, post = trains(1, 300, seed=3), trains(1, 300, seed=4)
    pre[100] = post[100] = pre[280] = 1
    pre[281:] = post[280:] = 0  # the last spike is the presynaptic one at 0.281 s
    found = on_brian2(event_text.events(model, receptor), pre, post)["weight"]
    exact = oracle.weight(
        oracle.traces(model, times(pre), times(post), [0.281], receptor)[0]
    )
    assert float(found.squeeze()) == pytest.approx(exact, rel=1e-8)


def test_event_form_refuses_equal_time_constants():
    model = synapses.get("bcpnn").changed(tau_e=5 * ms)
    with pytest.raises(fwp.FwpError, match="needs different tau_zi and tau_e"):
        event_text.events(model)


def test_oracle_by_small_euler_steps():
    """The published equations, stepped as they stand."""
    model = synapses.get("bcpnn", "tully_knight_sequences")
    p = {name: float(value) for name, value in model.parameters.items()}
    eps, dt = p["eps"], 0.01e-3
    pre, post = [0.02, 0.05], [0.03, 0.051]
    Zi = Zj = Ei = Ej = Pi = Pj = eps
    Eij = Pij = eps**2
    for step in range(15000):
        t = step * dt
        Zi += dt * (eps - Zi) / p["tau_zi_nmda"]
        Zj += dt * (eps - Zj) / p["tau_zj_nmda"]
        Zi += any(abs(t - s) < dt / 2 for s in pre) / (p["f_max"] * p["tau_zi_nmda"])
        Zj += any(abs(t - s) < dt / 2 for s in post) / (p["f_max"] * p["tau_zj_nmda"])
        Pi, Pj, Pij = (
            P + dt * p["kappa"] * (E - P) / p["tau_p"]
            for P, E in ((Pi, Ei), (Pj, Ej), (Pij, Eij))
        )
        Ei, Ej, Eij = (
            E + dt * (Z - E) / p["tau_e"] for E, Z in ((Ei, Zi), (Ej, Zj), (Eij, Zi * Zj))
        )
    exact = oracle.traces(model, pre, post, [0.15], "nmda")[0]
    assert exact[7:] == pytest.approx([Pi, Pj, Pij], rel=2e-3)


def test_the_gate_shut_changes_nothing_exactly():
    model = synapses.get("bcpnn").changed(kappa=0)
    found = on_brian2(
        model, trains(1, 300, seed=5, rate=0.1), trains(1, 300, seed=6, rate=0.1)
    )
    eps = model.parameters["eps"]
    assert (found["Pi_ampa"] == eps).all() and (found["Pij_ampa"] == eps**2).all()
    assert (found["Pij_nmda"] == eps**2).all() and (found["Eij_ampa"] > eps**2).all()
    silent = on_brian2(model, *np.zeros((2, 300, 1)))
    assert (found["weight"] == silent["weight"]).all()


def test_signs_of_the_weight_follow_the_correlation():
    model = synapses.get("bcpnn", "tully_2014").changed(tau_p=0.5 * second)
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 4, 40))
    same = oracle.weight(oracle.traces(model, times, times, [4])[0])
    half = (times // 0.5) % 2 == 0  # taking turns
    turns = oracle.weight(oracle.traces(model, times[half], times[~half], [4])[0])
    assert same > 0.3 and turns < -0.3


def test_p_is_the_decayed_sum_of_key_times_value_where_z_and_e_are_short():
    rng = np.random.default_rng(1)
    pre, post = (np.sort(rng.uniform(0, 3, 60)) for _ in range(2))
    errors = []
    for scale in (4.0, 2.0, 1.0):  # tau_e in ms
        model = synapses.get("bcpnn").changed(
            tau_zi_ampa=scale * ms / 2,
            tau_zj_ampa=scale * ms / 2,
            tau_e=scale * ms,
            eps=1e-12,
        )
        exact = oracle.traces(model, pre, post, [3.2])[0][9]
        sums = oracle.decayed_products(model, pre, post, 3.2)
        errors.append(abs(exact / sums - 1))
    assert errors[-1] < 0.003
    # first order in the short time constants
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.3)


def test_forgetting_is_exponential_and_scaled_by_the_gate():
    for kappa in (1, 0.3):
        model = synapses.get("bcpnn").changed(eps=1e-12, kappa=kappa)
        pij = oracle.traces(model, [0.01, 0.02], [0.015, 0.022], [1.5, 2.5])[:, 9]
        assert pij[1] / pij[0] == pytest.approx(np.exp(-kappa), rel=1e-4)


def test_nmda_traces_bind_a_key_to_a_later_value():
    model = synapses.get("bcpnn", "tully_knight_sequences")
    forward, backward = oracle.curve(model, [0.1, -0.1], 20, 1.0, "nmda")
    assert forward > 1.3 * backward
    ampa = oracle.curve(model, [0.1, -0.1], 20, 1.0, "ampa")
    assert ampa[0] == pytest.approx(ampa[1], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    model, pre, post = synapses.get("bcpnn"), trains(3, seed=7), trains(2, seed=8)
    assert on_brian2(model, pre, post, device=device)["weight"] == pytest.approx(
        on_brian2(model, pre, post)["weight"], abs=1e-12
    )
