"""Fast-weight rules between anybody's Brian2 cells: their dynamics, from names and from
texts."""

import brian2 as b2
import numpy as np
import pytest
from oracles import draw, draw_states
from rule_cases import IN_WINDOWS, by_token, continuous_network, event_network, windows
from rule_synapse_cases import plain_brian, rate_cells  # noqa: F401  plain_brian is a fixture
from test_rate import make

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.rules import rule, rules

ms = b2.ms
EXACT = 1e-10
TOKENS, PRE, POST = 5, 6, 4


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
        name,
        program,
        states,
        layout=LAYOUTS[at % 2],
        gate_as=("table", "variable")[at // 2 % 2],
    )
    y, found = by_token(made, (pre, post), program, 5 * ms, states)
    reference = fwp.run(
        program, name, "rate", initial_states=states, dynamics="event", device="numpy"
    )
    for state, array in found.items():
        other = reference["weights" if state == "w" else state].values
        np.testing.assert_allclose(array, other, rtol=0, atol=EXACT)
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", [n for n in rules() if n in IN_WINDOWS])
def test_continuous_dynamics_are_the_rate_circuit(name):
    program, weights = make(name)
    own, gates, per, homes = windows(name, program, 5, 1e-3)
    groups, made = continuous_network(
        name, own, gates, 5 * ms, homes, weights, LAYOUTS[rules().index(name) % 2]
    )
    y, found = by_token(made, groups, program, 5 * per * ms)
    reference = fwp.run(
        program,
        name,
        "rate",
        initial_weights=weights,
        dt=1 * ms,
        window=5 * ms,
        device="numpy",
    )
    assert reference.provenance["options"]["dynamics"] == "continuous"
    np.testing.assert_allclose(
        found["w"], reference["weights"].values, rtol=0, atol=EXACT
    )
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


# ---------------------------------------------------------- texts, differential equations


def test_a_text_and_a_rule_are_connected_like_a_name():
    found = []
    text = "w = alpha*w; w += beta*(v - read(k))*k"
    own = fwp.Rule("mine", text, gates={"alpha": "shared", "beta": "shared"})
    for given in (
        "gated_delta",
        text,
        own,
        fwp.synapses.of_rule("gated_delta", every=2 * ms),
    ):
        pre, post = rate_cells("pre", 4), rate_cells("post", 3, seed=1)
        every = None if isinstance(given, fwp.synapses.Synapse) else 2 * ms
        made = connect(
            given,
            pre,
            post,
            every=every,
            gate={"alpha": 0.9, "beta": 0.4},
            names={"key": "x", "query": "z"},
            teacher="z",
        )
        b2.Network(pre, post, made.objects).run(6 * ms, namespace={})
        found.append((made.values("w"), np.array(post.readout)))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    assert np.abs(found[0][0]).max() > 0.01


@pytest.mark.parametrize(
    "name", ["gated_delta", "gdn2", "rwkv7", "momentum_delta", "hgrn2"]
)
def test_continuous_dynamics_of_several_statements_add_up(name):
    """Against Euler steps of the equations of `first_order`, written by hand."""
    program, states = programme(name, tokens=1)
    s = {n: a[0, 0] for n, a in program.bind(rule(name)).items()}
    dt, steps = 1e-3, 7
    w, m = states["w"], states.get("m")
    for _ in range(steps):
        if name == "gated_delta":
            slope = -s["alpha"] * w + s["beta"] * np.outer(s["v"] - w @ s["k"], s["k"])
        elif name == "gdn2":
            error = s["write"] * s["v"] - w @ (s["erase"] * s["k"])
            slope = -s["alpha"] * w + np.outer(error, s["k"])
        elif name == "rwkv7":  # one gate for what has none
            slope = -s["decay"] * w - np.outer(w @ s["kappa"], s["a"] * s["kappa"])
            slope = slope + 5.0 * np.outer(s["v"], s["k"])
        elif name == "hgrn2":
            slope = s["alpha"] * (s["v"][:, None] - w)
        else:
            slope = -s["alpha"] * w + 5.0 * m
            m = m + dt * (
                s["beta"] * np.outer(s["v"] - w @ s["k"], s["k"]) - s["eta"] * m
            )
        w = w + dt * slope
    own = {n: np.atleast_2d(a) for n, a in s.items() if n not in rule(name).gates}
    gates = {n: np.atleast_2d(a) for n, a in s.items() if n in rule(name).gates}
    if name in ("rwkv7", "momentum_delta"):
        gates["write_rate"] = np.full((1, 1), 5.0)
    groups, made = continuous_network(
        name, own, gates, 1 * b2.second, {**rule(name).homes, "q": "pre"}, states["w"]
    )
    if "m" in states:
        made.set("m", states["m"].T.ravel())
    b2.Network(*groups, made.objects).run(steps * dt * b2.second, namespace={})
    np.testing.assert_allclose(
        made.values("w").reshape(PRE, POST).T, w, rtol=0, atol=1e-13
    )
