"""Fast-weight rules between anybody's Brian2 cells."""

import brian2 as b2
import numpy as np
import pytest
from oracles import draw, draw_states
from cannot import can
from rule_cases import by_token, continuous_network, event_network, windows
from test_rate import make

import fwp_neuro as fwp
from fwp_neuro.circuits import phases
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
