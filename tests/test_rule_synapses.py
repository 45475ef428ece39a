"""Fast-weight rules between anybody's Brian2 cells."""

import brian2 as b2
import numpy as np
import pytest
import receptor_oracle
from cannot import can
from oracles import draw, draw_states
from rule_cases import by_token, continuous_network, event_network, windows
from test_rate import make

import fwp_neuro as fwp
from fwp_neuro.circuits import connect, phases
from fwp_neuro.circuits.plastic import LAYOUTS
from fwp_neuro.rules import rule, rules

ms = b2.ms
EXACT = 1e-10
TOKENS, PRE, POST = 5, 6, 4


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    before = b2.defaultclock.dt
    b2.defaultclock.dt = 1 * ms
    yield
    b2.defaultclock.dt = before


def programme(name, seed=0, tokens=TOKENS):
    rng = np.random.default_rng([seed, 7])
    signals = {"k": rng.normal(size=(tokens, PRE)), "v": rng.normal(size=(tokens, POST))}
    signals |= draw(rule(name), (tokens,), PRE, POST, seed)
    signals["k"] /= np.linalg.norm(signals["k"], axis=-1, keepdims=True)
    return fwp.Program(**signals), draw_states(rule(name), (), PRE, POST, seed)


@pytest.mark.parametrize("name", rules())
def test_event_dynamics_are_the_rate_circuit(name):
    program, states = programme(name)
    at = rules().index(name)
    pre, post, made = event_network(
        name, program, states, layout=LAYOUTS[at % 2], gate_as=("table", "variable")[at // 2 % 2]
    )
    y, found = by_token(made, (pre, post), program, 5 * ms, states)
    reference = fwp.run(program, name, "rate", initial_states=states, dynamics="event",
                        device="numpy")  # fmt: skip
    for state, array in found.items():
        other = reference["weights" if state == "w" else state].values
        np.testing.assert_allclose(array, other, rtol=0, atol=EXACT)
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", [n for n in rules() if can(phases.derive, rule(n))])
def test_continuous_dynamics_are_the_rate_circuit(name):
    program, weights = make(name)
    own, gates, per, homes = windows(name, program, 5, 1e-3)
    groups, made = continuous_network(
        name, own, gates, 5 * ms, homes, weights, LAYOUTS[rules().index(name) % 2]
    )
    y, found = by_token(made, groups, program, 5 * per * ms)
    reference = fwp.run(program, name, "rate", initial_weights=weights, dt=1 * ms, window=5 * ms,
                        device="numpy")  # fmt: skip
    assert reference.provenance["options"]["dynamics"] == "continuous"
    np.testing.assert_allclose(found["w"], reference["weights"].values, rtol=0, atol=EXACT)
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


# ---------------------------------------------------------------- NMDA-gated writes

CELL = """
dv/dt = (-70*mV - v + (0.125 + g_in{unit})*(0*mV - v))/(10*ms) : volt
dg_in/dt = -g_in/(5*ms) : {dim}
v_dend : volt
"""


def trains(size, steps, chance, seed):
    rng = np.random.default_rng(seed)
    table = rng.random((steps, size)) < chance
    table[0] = False
    return table


def source(table, dt, name):
    step, cell = np.nonzero(table)
    return b2.SpikeGeneratorGroup(table.shape[1], cell, step * dt, name=f"{name}*")


def biophysical(name, gates, *, layout="factorised", siemens=False, teacher="group", steps=400,
                dt=0.5 * ms, size=(5, 3), inhibition=None, voltage=None):  # fmt: skip
    """Weights [step, pre, post], v and V_teacher of a run, with what drove it."""
    b2.defaultclock.dt = dt
    keys, teachers = trains(size[0], steps, 0.05, 1), trains(size[1], steps, 0.04, 2)
    pre, taught = source(keys, dt, "keys"), source(teachers, dt, "teachers")
    unit, dim = ("/(10*nS)", "siemens") if siemens else ("", "1")
    post = b2.NeuronGroup(size[1], CELL.format(unit=unit, dim=dim), method="exponential_euler")
    post.v = "(-70*mV)/(1 + 0.125)"
    if voltage is not None:
        post.namespace["dend"] = b2.TimedArray(voltage * b2.volt, dt=dt)
        post.run_regularly("v_dend = dend(t, i)", when="before_start", order=-1, dt=dt)
    rule_of = name
    if inhibition is not None:
        rule_of = fwp.synapses.of_rule(name, "biophysical").changed(inhibition=inhibition)
    names = {"conductance": "g_in"} | ({"membrane": "v"} if "delta" in name else {})
    made = connect(rule_of, pre, post, gate=gates, names=names, layout=layout,
                   form=None if inhibition is not None else "biophysical",
                   teacher="v_dend" if voltage is not None else taught)  # fmt: skip
    w = np.random.default_rng(3).uniform(0.6, 1.4, size)
    made.set("w", w.ravel())
    weights = made.monitor("w")
    volts = b2.StateMonitor(post, "v", record=True)
    network = b2.Network(pre, post, taught, *made.objects, weights, volts)
    network.run(steps * dt, namespace={})
    return keys, teachers, w, weights.w.T.reshape(-1, *size), np.array(volts.v).T, made


def opened(steps, values):
    """A gate that changes along the way, [step, 1]."""
    return np.repeat(np.array(values), -(-steps // len(values)))[:steps, None]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["hebb", "decayed_hebb", "delta", "gated_delta"])
def test_biophysical_form_is_its_oracle(name, layout):
    dt, steps = 0.5e-3, 400
    gate = opened(steps, [0.0, 20.0, 0.0, 8.0])
    decay = opened(steps, [0.0, 3.0]) * ("alpha" in rule(name).gates)
    gates = {"beta": b2.TimedArray(gate[:, 0] * b2.Hz, dt=dt * b2.second)}
    if decay.any():
        gates["alpha"] = b2.TimedArray(decay[:, 0] * b2.Hz, dt=dt * b2.second)
    keys, teachers, w, found, volts, made = biophysical(name, gates, layout=layout)
    eta = made.model.parameters["eta"]
    assert eta == pytest.approx(1 / receptor_oracle.slope(), rel=1e-9)
    weights, v, _ = receptor_oracle.walk(keys, teachers, w, dt, compare="delta" in name,
                                         gate=gate, decay=decay, eta=eta)  # fmt: skip
    assert np.abs(weights[-1] - w).max() > 0.05
    np.testing.assert_allclose(found[1:], weights[:-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(volts[1:], v[:-1], rtol=0, atol=1e-12)
