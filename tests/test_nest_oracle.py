"""The same protocol in NEST, an independent simulator, and in the package."""

import brian2 as b2
import numpy as np
import pytest
from nest_runs import ask, needs_nest

import fwp_neuro as fwp
from fwp_neuro.synapses.clopath_2010 import targets as clopath_2010
from fwp_neuro.synapses.clopath_2010.events import weights
from fwp_neuro.synapses.nmda_receptors.events import gating
from fwp_neuro.synapses.urbanczik_senn_2014.events import Cells

pytestmark = needs_nest
ms, mV, pF, nS, pA = b2.ms, b2.mV, b2.pF, b2.nS, b2.pA


def clopath_in_nest(model, frequencies, dt):
    """Weights in % [frequency, side]; NEST's names for the same cell and rule."""
    units = {
        "C_m": ("C", pF), "g_L": ("g_L", nS), "E_L": ("E_L", mV), "V_m": ("E_L", mV),
        "Delta_T": ("Delta_T", mV), "V_th_rest": ("V_T_rest", mV),
        "V_th_max": ("V_T_max", mV),
        "tau_V_th": ("tau_VT", ms), "a": ("a", nS), "b": ("b", pA),
        "tau_w": ("tau_w", ms),
        "I_sp": ("I_sp", pA), "tau_z": ("tau_z", ms), "V_reset": ("V_reset", mV),
        "V_clamp": ("V_clamp", mV), "V_peak": ("V_clamp", mV), "t_clamp": ("t_clamp", ms),
        "theta_minus": ("theta_minus", mV), "theta_plus": ("theta_plus", mV),
        "tau_u_bar_minus": ("tau_minus", ms), "tau_u_bar_plus": ("tau_plus", ms),
        "delay_u_bars": ("delay", ms), "A_LTD": ("A_LTD", 1 / mV),
        "A_LTP": ("A_LTP", 1 / mV**2),
    }  # fmt: skip
    cell = {
        name: float(model.parameters[own] / unit) for name, (own, unit) in units.items()
    }
    pre, post = (
        [np.round(train * 1e3, 2).tolist() for train in side]
        for side in clopath_2010.trains(frequencies)
    )
    found = ask(
        "clopath", dt=dt, cell={**cell, "t_ref": 0.0}, push=80.0, pre=pre, post=post,
        weight=float(model.parameters["w_start"]),
        tau_x=float(model.parameters["tau_x"] / ms),
    )  # fmt: skip
    return clopath_2010.percent(model, [course[-1] for course in found["weights"]])


def test_clopath_steps_as_in_nest_to_two_parts_in_ten_thousand():
    model = fwp.synapses.get("clopath_2010").changed(
        delay=3 * ms, b=80.5 * pA, V_reset=-60 * mV
    )
    frequencies = [1, 10, 40]
    nest = clopath_in_nest(model, frequencies, 0.1)
    found = weights(model, *clopath_2010.trains(frequencies), 1e-4, "nest")
    assert clopath_2010.percent(model, found) == pytest.approx(nest, rel=2e-4)


def test_clopath_numbers_of_the_rows_are_nests():
    model = fwp.synapses.get("clopath_2010")
    for dt, published in ((0.1, clopath_2010.NEST), (0.01, clopath_2010.NEST_FINE)):
        nest = clopath_in_nest(model, published, dt)
        assert nest == pytest.approx(np.array([*published.values()]), abs=0.006)


def test_clopath_brian2_text_tends_to_nest_in_fine_steps():
    model = fwp.synapses.get("clopath_2010")
    nest = clopath_in_nest(model, [30, 40], 0.01)
    assert clopath_2010.injected(model, [30, 40], 0.1 * ms) == pytest.approx(
        nest, rel=0.005
    )


def test_urbanczik_senn_has_the_weights_of_nest_after_the_same_spikes():
    model, rng = fwp.synapses.get("urbanczik_senn_2014"), np.random.default_rng(1)
    dt, period, repeats, count = 0.1, 200.0, 4, 60
    pattern = [
        np.unique(np.round(rng.uniform(1, 199, rng.poisson(3)), 1)).tolist()
        for _ in range(count)
    ]
    steps = round(period * repeats / dt)
    course = np.sin(2 * np.pi * np.arange(steps) * dt / 100)
    part = {"C_m": 300.0, "E_L": -70.0, "g_L": 30.0, "V_m": -70.0}
    part |= {"tau_syn_ex": 3.0, "tau_syn_in": 3.0}
    found = ask(
        "urbanczik", dt=dt, seed=2, pattern=pattern, period=period, repeats=repeats,
        every=1.0, cell={"t_ref": 3.0, "g_sp": 600.0, "dendritic": part, "phi_max": 0.15,
                         "rate_slope": 0.5,
              "beta": 1 / 3, "theta": -55.0, "soma": {**part, "E_ex": 0.0,
                  "E_in": -75.0}},
        synapse={"tau_Delta": 100.0, "eta": 0.17, "weight": 90.0, "Wmax": 1350.0},
        nudge={"soma_exc": (5 + 5 * course).tolist(), "soma_inh": [18.0] * steps},
    )  # fmt: skip
    pre, post = np.zeros((steps, count)), np.zeros((steps, 1))
    for cell, times in enumerate(pattern):
        for repeat in range(repeats):
            pre[np.round((np.array(times) + repeat * period) / dt).astype(int), cell] = 1
    # at the end of a step
    post[np.round(np.array(found["spikes"]) / dt).astype(int) - 1, 0] = 1
    cells, sent = Cells(model, (1, count), dt * 1e-3, "nest"), np.zeros(count)
    for now, then in zip(pre, post, strict=True):
        sent = np.where(now, cells.w[0], sent)
        cells.step(now, then)
    nest = np.array([found["weights"].get(str(n), 0.0) for n in range(count)])
    assert len(found["spikes"]) > 20 and np.abs(nest - 90).max() > 50
    assert np.clip(sent, 0, 1350e-12) * 1e12 == pytest.approx(nest, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "nest_model", "names"),
    [
        ("tsodyks_markram_three_state", "tsodyks_synapse", {"tau_psc": "tau_psc"}),
        ("tsodyks_markram_to_zero", "tsodyks2_synapse", {}),
    ],
)
def test_tsodyks_markram_releases_as_in_nest(name, nest_model, names):
    rng, dt = np.random.default_rng(5), 0.1
    spikes = np.round(np.cumsum(5 + rng.exponential(60, 25)), 1)  # ms
    names = {"U": "U", "tau_fac": "tau_F", "tau_rec": "tau_D", **names}
    models = [
        fwp.synapses.get(name, chosen) for chosen in fwp.synapses.parameter_sets(name)
    ]
    given = []
    for model in models:
        p = {nest: model.parameters[own] for nest, own in names.items()}
        given.append(
            {n: float(value if n == "U" else value / ms) for n, value in p.items()}
        )
        # both state variables as before a first spike
        given[-1] |= {
            "x": 1.0,
            "u": given[-1]["U"] if nest_model == "tsodyks2_synapse" else 0.0,
        }
    found = ask(
        "short_term", model=nest_model, dt=dt, spikes=spikes.tolist(), synapses=given
    )
    for model, released in zip(models, found["release"], strict=True):
        own = fwp.synapses.short_term(model, spike_times=spikes * ms)
        assert own == pytest.approx(np.array(released), rel=1e-9), model.parameter_set
        assert np.ptp(own) > 0.01


@pytest.mark.parametrize(
    ("name", "nest_model"),
    [("nmda_per_cell", "iaf_bw_2001_exact"), ("nmda_jump", "iaf_bw_2001")],
)
def test_nmda_gates_and_currents_are_nests(name, nest_model):
    model = fwp.synapses.get(name, "brunel_wang_2001")
    p, weight, delay = model.parameters, 1.3, 1.0
    cell = {
        "E_L": -70.0, "E_ex": 0.0, "E_in": -70.0, "V_th": -50.0, "V_reset": -55.0,
        "C_m": 500.0, "g_L": 25.0, "tau_decay_NMDA": float(p["tau_nmda"] / ms),
        "conc_Mg2": 1.0, "tau_rise_NMDA": float(p["tau_rise"] / ms),
        "alpha": float(p["alpha"] * ms),
    }  # fmt: skip
    found = ask(
        "nmda", model=nest_model, dt=0.1, cell=cell, weight=weight, delay=delay,
        duration=300.0, spikes=[10.0, 30.0, 50.0, 60.0, 65.0, 150.0],
        current={"amplitude_times": [100.0], "amplitude_values": [700.0]},
    )  # fmt: skip
    t, g, V = (np.array(found[key]) for key in ("times", "s_NMDA", "V_m"))
    arrivals = np.array(found["spikes"]) + delay
    assert len(arrivals) == 6 and np.ptp(V) > 20
    # NEST reports the gate after the spike of a step, `gating` before one
    gates = weight * gating(model, arrivals * 1e-3, t * 1e-3 + 1e-12)
    assert gates == pytest.approx(g, abs=1e-8)
    if nest_model == "iaf_bw_2001_exact":
        block = fwp.synapses.magnesium_block(V * mV, "jahr_stevens_1990")
        assert gates * block * V == pytest.approx(np.array(found["I_NMDA"]), abs=1e-6)
