"""Receptors: kinetics of the papers, three forms of the NMDA gate, Brian2 text against
oracles."""

import brian2 as b2
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.exponential_receptors import events as exponential
from fwp_neuro.synapses.kinetic_receptors import events as kinetic
from fwp_neuro.synapses.nmda_receptors import events as nmda
from fwp_neuro.synapses.receptor_current import current

ms, mV, nS, Hz = b2.ms, b2.mV, b2.nS, b2.Hz
DT = 0.1e-3
SPIKES = np.array([20, 31, 36, 180, 500]) * DT


def conductance(model, trains, duration=0.1, device="numpy", **options):
    """Return (time, conductance of one postsynaptic cell) under spikes of presynaptic
    cells."""
    pre = injected.raster(
        [t * b2.second for t in trains], duration * b2.second, DT * b2.second
    )
    (name,) = (n for n in ("ampa", "gaba_a", "nmda") if f"g_{n}" in model.equations.post)
    found = injected.run(
        model, pre, np.zeros((len(pre), 1)), dt=DT * b2.second, record=[f"g_{name}"],
        record_every=DT * b2.second, device=device, **options,
    )  # fmt: skip
    return found["time"], found[f"g_{name}"][:, 0]


@pytest.mark.parametrize(
    ("tau_rise", "tau_decay", "k0", "k1"),
    [(2, 100, 0.648417, -0.632121), (2, 80, 0.652608, -0.632121),
     (2, 26, 0.699137, -0.632121),
     (5, 60, 1.059251, -0.917915)],
)  # fmt: skip
def test_constants_of_the_jump(tau_rise, tau_decay, k0, k1):
    model = synapses.get("nmda_jump").changed(
        tau_rise=tau_rise * ms, tau_nmda=tau_decay * ms
    )
    assert model.numbers("k0", "k1") == pytest.approx((k0, k1), abs=5e-7)


def test_constants_that_a_user_sets_stay():
    model = synapses.get("nmda_jump").changed(k0=0.5)
    changed = model.changed(tau_nmda=26 * ms, alpha=1 / ms)
    assert changed.numbers("k0") == (0.5,)
    assert changed.numbers("k1") == pytest.approx(np.expm1(-2))


@pytest.mark.parametrize(("name", "open_fraction", "decay"), [
    ("ampa_kinetic", 0.6180, 5.26), ("nmda_kinetic", 0.06924, 151.5),
])  # fmt: skip
def test_kinetics_after_a_pulse(name, open_fraction, decay):
    r = kinetic.gating(synapses.get(name), [0], [1e-3, 11e-3])
    assert r[0] == pytest.approx(open_fraction, rel=1e-3)
    assert 10 / np.log(r[0] / r[1]) == pytest.approx(decay, rel=1e-3)


def test_the_exponential_set_of_destexhe_is_its_kinetics():
    model = synapses.get("ampa", "destexhe_1998")
    # its former name
    assert synapses.get("ampa", "destexhe_1994").parameters == model.parameters
    g = exponential.conductance(model, [0], [0, 4e-3])
    r = kinetic.gating(synapses.get("ampa_kinetic"), [0], [1e-3, 5e-3])
    assert g / 1e-9 == pytest.approx(r, rel=1e-12)


def test_the_exact_gate_solves_its_equation():
    model = synapses.get("nmda_per_cell").changed(tau_nmda=26 * ms)

    def slope(t, y):
        return [-y[0] / 2e-3, -y[1] / 26e-3 + 500 * y[0] * (1 - y[1])]

    y, expected = np.zeros(2), []
    for start, end in zip(SPIKES, [*SPIKES[1:], 0.06], strict=True):
        y = solve_ivp(slope, (start, end), y + [1, 0], rtol=1e-10, atol=1e-13).y[:, -1]
        expected.append(y[1])
    assert nmda.gating(model, SPIKES, [*SPIKES[1:], 0.06]) == pytest.approx(
        expected, rel=1e-7
    )


@pytest.mark.parametrize("name", synapses.names("receptor"))
def test_brian2_text_is_its_oracle(name):
    model = synapses.get(name)
    time, g = conductance(model, [SPIKES])
    gbar = next(float(v) for n, v in model.parameters.items() if n.startswith("gbar"))
    summed = "summed" in model.equations.synapse
    # a spike acts on the state of the next step; a summed variable is one more step late
    at = time - (2 if summed else 1) * DT
    if "tau_rise" in model.parameters:
        expected = gbar * nmda.gating(model, SPIKES, at + 1e-12)
    elif name.endswith("kinetic"):
        expected = gbar * kinetic.gating(model, SPIKES, at)
    else:
        expected = exponential.conductance(model, SPIKES, at + 1e-12)
    tolerance = 1e-5 if model.equations.method == "rk4" else 1e-8
    assert g / gbar == pytest.approx(expected / gbar, abs=tolerance)
    assert g.max() > 0.05 * gbar


def test_one_gate_a_cell_is_one_gate_a_synapse():
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.choice(800, 12, replace=False)) * DT for _ in range(5)]
    weights = {"initial": {"w": rng.random((1, 5))}}
    found = [conductance(synapses.get(n), trains, **weights)[1] for n in
             ("nmda_per_synapse", "nmda_per_cell")]  # fmt: skip
    assert found[0].max() > 0.1e-9
    assert found[0] / 1e-9 == pytest.approx(found[1] / 1e-9, abs=1e-13)


@pytest.mark.parametrize(
    ("tau_rise", "tau_decay", "low", "high"),
    [(2, 100, 0.015, 0.020), (2, 26, 0.067, 0.080), (5, 60, 0.058, 0.115)],
)
def test_bias_of_the_jump_with_regular_trains(tau_rise, tau_decay, low, high):
    model = synapses.get("nmda_jump").changed(
        tau_rise=tau_rise * ms, tau_nmda=tau_decay * ms
    )
    found = [nmda.bias(model, rate) for rate in (5, 20, 80)]
    assert low < found[0] < found[1] < found[2] < high


def test_ap5_closes_the_receptor_exactly():
    for name in ("nmda_per_synapse", "nmda_per_cell", "nmda_jump", "nmda_kinetic"):
        assert (conductance(synapses.get(name).changed(nmda=0), [SPIKES])[1] == 0).all()


def test_the_current_carries_what_the_cell_needs():
    """A clamped cell: the current is conductance x driving force (x magnesium block)."""
    model = synapses.get("nmda_jump")
    for receptor, block, expected in (
        (model, None, 2 * 70 * 0.044468),
        (model, "ellwood_2024", 2 * 70 * 0.010987),
        (synapses.get("gaba_a"), None, 0),
        (synapses.get("ampa"), None, 140),
    ):
        name = next(n[2:] for n in receptor.parameters if n.startswith("E_"))
        code = current(receptor, "V", block).replace("exp", "np.exp")
        local = {
            **receptor.parameters,
            f"g_{name}": 2 * nS,
            "V": -70 * mV,
            "mV": mV,
            "np": np,
        }
        assert float(eval(code, local) / b2.pA) == pytest.approx(
            expected, rel=1e-4, abs=1e-9
        )  # noqa: S307
    with pytest.raises(fwp.FwpError, match="has no magnesium block"):
        current(synapses.get("ampa"), block="ellwood_2024")
    with pytest.raises(
        fwp.FwpError, match="needs a model of kind 'receptor', got 'pair_stdp'"
    ):
        current(synapses.get("pair_stdp"))


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_the_same_spikes_give_the_same_conductance_on_every_device(device):
    for name in ("nmda_per_synapse", "nmda_jump"):
        reference, found = (
            conductance(synapses.get(name), [SPIKES], device=d)[1]
            for d in ("numpy", device)
        )
        assert found / 1e-9 == pytest.approx(reference / 1e-9, abs=1e-12)
