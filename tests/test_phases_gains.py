"""From statements to phases, and from gains to the rates of an integrator; no Brian2
runs."""

import brian2 as b2
import numpy as np
import pytest
from cannot import can, reason
from leaky_delta import leaky_delta_gates
from oracles import draw
from scipy.integrate import solve_ivp

import fwp_neuro as fwp
from fwp_neuro.circuits.head_layout import Layout, cells
from fwp_neuro.circuits.rate import continuous, ode_windows, window_rates
from fwp_neuro.quantities import rate, time
from fwp_neuro.rules import Rule, rule, rules
from fwp_neuro.symbolic import arrays

TOKENS, HEADS, PRE, POST = 3, 2, 5, 4
CONTINUOUS = [name for name in rules() if can(ode_windows.derive, rule(name))]


def apply(phase, numbers, weights, at):
    """The phase as a matrix statement: [post, pre] after one token of one head."""
    keep, along, probe, erase, drive = (
        numbers[name][at] for name in ("keep", "along", "probe", "erase", "drive")
    )
    keeps_pre = phase.part.statement.home(phase.keep) == "pre"
    kept = weights * (keep[None, :] if keeps_pre else keep[:, None])
    if phase.side is None:
        return kept
    if (
        phase.side == "post"
    ):  # the write runs along the value cells and is compared at the key cells
        return kept + np.outer(along, drive - erase * (probe @ weights))
    return kept + np.outer(drive - erase * (weights @ probe), along)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_phase_is_its_statement(name):
    chosen = rule(name)
    signals = draw(chosen, (TOKENS, HEADS), PRE, POST)
    placed = {n: arrays.to_home(signals[n], home) for n, home in chosen.homes.items()}
    rng = np.random.default_rng(1)
    for phase in ode_windows.derive(chosen):
        numbers = ode_windows.evaluate(phase, signals)
        assert all(array.shape[:2] == (TOKENS, HEADS) for array in numbers.values())
        overlap = (numbers["probe"] * numbers["along"]).sum(-1, keepdims=True)
        assert np.array_equal(numbers["overlap"], overlap)
        for at in np.ndindex(TOKENS, HEADS):
            weights = rng.normal(size=(POST, PRE))
            now = {n: array[at] for n, array in placed.items()}
            want = arrays.step([phase.part.statement], {"w": weights}, now)["w"]
            assert np.abs(apply(phase, numbers, weights, at) - want).max() < 1e-13


@pytest.mark.parametrize(
    ("text", "gates", "sides"),
    [
        ("w = alpha*w", {"alpha": "pre"}, [None]),
        ("w = alpha*w + v*k", {"alpha": "pre"}, ["pre"]),
        ("w += (v - 2*read(k))*k*alpha", {"alpha": "shared"}, ["pre"]),
        ("w = alpha*w + k*(v - read(k))", {"alpha": "post"}, ["pre"]),
        ("w = alpha*w + v*(k - back(v))", {"alpha": "pre"}, ["post"]),
        ("w += v*k\nw -= back(v)*v", {}, ["pre", "post"]),
    ],
)
def test_texts_with_a_continuous_form(text, gates, sides):
    found = ode_windows.derive(Rule("mine", text, gates))
    assert [phase.side for phase in found] == sides


@pytest.mark.parametrize(
    ("text", "gates", "words"),
    [
        ("w = tanh(w) + v*k", {}, "not affine"),
        ("w = alpha*w + (v - read(k))*k", {"alpha": "pre"}, "mixes decay and write"),
        ("w = alpha*w + v*(k - back(v))", {"alpha": "post"}, "mixes decay and write"),
        ("w = (1 - v*k)*w", {}, "mixes decay and write"),
        ("w += read(k)*k - read(q)*q", {}, "mixes decay and write"),
        ("w += tanh(v*k)", {}, "mixes decay and write"),
        ("w += v*q - read(k)*k", {}, "mixes decay and write"),
    ],
)
def test_texts_without_a_continuous_form(text, gates, words):
    assert words in reason(ode_windows.derive, Rule("mine", text, gates))


def test_further_states_have_no_continuous_form():
    assert "(m)" in reason(ode_windows.derive, rule("momentum_delta"))


# ---------------------------------------------------------------- gains to rates


def numbers(keep=1.0, erase=0.0, overlap=1.0, drive=1.0):
    given = {"keep": keep, "erase": erase, "overlap": overlap, "drive": drive}
    return {name: np.full((1, 1, 1), float(value)) for name, value in given.items()}


def euler(given, found, steps, dt, before, lag=None):
    """Integrate a window from W x = ``before``: (W x at its end, change of W along s)."""
    found = {name: float(np.squeeze(array)) for name, array in found.items()}
    total, change, read = before, 0.0, before
    for _ in range(steps):
        slope = float(given["drive"].item()) / found["written"] - found["erase"] * (
            read if lag else total
        )
        if lag:
            read += dt / lag * (total - read)
        total += dt * (float(given["overlap"].item()) * slope - found["decay"] * total)
        change += dt * (slope - found["decay"] * change)
    return total, change


CASES = {
    "hebb": {},
    "decayed_hebb": {"keep": 0.8},
    "delta": {"erase": 0.7},
    "weak_delta": {"erase": 1e-9},
    "weak_key": {"erase": 0.7, "overlap": 1e-9},
    "gated": {"keep": 0.9, "erase": 0.5, "overlap": 1.2},
    "hardly_decaying": {"keep": 1 - 1e-9, "erase": 1e-8},
    "nearly_overwriting": {"erase": 0.9999},
    "orthogonal_probe": {"keep": 0.9, "erase": 0.5, "overlap": 0.0},
    "opposite_probe": {"keep": 0.9, "erase": 0.5, "overlap": -0.7},
    "anti_learning": {"keep": 0.9, "erase": -0.5},
    "growing": {"keep": 1.3, "erase": 0.5},
}


@pytest.mark.parametrize("lag", [None, 0.005])
@pytest.mark.parametrize("steps", [1, 7, 200])
@pytest.mark.parametrize("case", CASES)
def test_the_window_is_the_statement_for_the_euler_integrator(case, steps, lag):
    given, dt, before = numbers(drive=0.8, **CASES[case]), 0.0005, 1.3
    found = window_rates.rates(given, steps, dt, "integrator-aware", lag)
    total, change = euler(given, found, steps, dt, before, lag)
    want = float(given["drive"].item() - given["erase"].item() * before)
    assert change == pytest.approx(want, rel=1e-12)
    after = given["keep"].item() * before + given["overlap"].item() * want
    assert total == pytest.approx(after, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_exponential_relation_is_the_limit_of_small_steps(case):
    given, window = numbers(**CASES[case]), 0.05
    limit = window_rates.rates(given, 100, window / 100, "exponential")
    steps, gaps = np.array([1000, 2000, 4000]), []
    for n in steps:
        found = window_rates.rates(given, n, window / n, "integrator-aware")
        gaps.append(
            [
                abs(found[name] / limit[name] - 1).item()
                for name in ("erase", "written")
                if limit[name].any()
            ]
        )
    gaps = np.array(gaps)
    assert gaps[-1].max() < 2e-3  # nearly overwriting: ln(1e-4) / 4000
    for column in gaps.T:
        if column[0] > 1e-9:
            assert np.polyfit(np.log(steps), np.log(column), 1)[0] == pytest.approx(
                -1, abs=0.02
            )


def test_the_textbook_rates_of_hebb_and_delta():
    hebb = window_rates.rates(numbers(keep=0.8), 100, 0.001, "exponential")
    assert hebb["decay"].item() == pytest.approx(-np.log(0.8) / 0.1)
    delta = window_rates.rates(numbers(erase=0.6, overlap=1.5), 100, 0.001, "exponential")
    assert delta["erase"].item() == pytest.approx(-np.log(1 - 0.9) / (1.5 * 0.1))
    aware = window_rates.rates(
        numbers(erase=0.6, overlap=1.5), 100, 0.001, "integrator-aware"
    )
    assert aware["erase"].item() == pytest.approx((1 - 0.1 ** (1 / 100)) / (1.5 * 0.001))


def test_rates_of_many_tokens_heads_and_cells_at_once():
    rng = np.random.default_rng(2)
    shapes = {
        "keep": (3, 2, 1),
        "erase": (3, 2, 4),
        "overlap": (3, 2, 1),
        "drive": (3, 2, 4),
    }
    many = {name: rng.uniform(0.6, 0.9, shape) for name, shape in shapes.items()}
    many["overlap"] *= 0.5
    for lag in (None, 0.005):
        found = window_rates.rates(many, 40, 0.0005, "integrator-aware", lag)
        for at in np.ndindex(3, 2, 4):
            one = {
                n: np.broadcast_to(a, (3, 2, 4))[at].reshape(1, 1, 1)
                for n, a in many.items()
            }
            single = window_rates.rates(one, 40, 0.0005, "integrator-aware", lag)
            for name, array in found.items():
                want = single[name].item()
                assert np.broadcast_to(array, (3, 2, 4))[at] == pytest.approx(
                    want, rel=1e-13
                )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"erase": 1.0},
            ("beta*|k|^2 >= 1 has no first-order continuous counterpart", "is 0 where"),
        ),
        ({"erase": 2.0}, ("beta*|k|^2 >= 1", "is -1 where")),
        ({"keep": 0.5, "erase": 0.6}, ("beta*|k|^2 >= 1", "is -0.1 where")),
        ({"keep": 0.0}, ("decay factor is 0", "infinitely fast turnover")),
        ({"keep": -1.0}, ("decay factor is -1",)),
    ],
)
def test_gains_that_no_continuous_dynamics_can_reach(given, words):
    with pytest.raises(fwp.FwpError) as problem:
        window_rates.check(numbers(**given), "the line")
    for word in ("statement 'the line', token 0", "dynamics='event'", *words):
        assert word in str(problem.value)


# ---------------------------------------------------------------- decay during the write


@pytest.mark.parametrize("norm", [0.0, 1e-12, 0.3, 4.0])
def test_leaky_delta_gates_solve_the_equation(norm):
    rng = np.random.default_rng(3)
    weights, v = rng.normal(size=(POST, PRE)), rng.normal(size=POST)
    k = np.sqrt(norm) * np.linalg.qr(rng.normal(size=(PRE, PRE)))[0][0]
    tau, b, span = 0.7, 3.0, 0.2
    gates = leaky_delta_gates(tau, b, span, norm)

    def slope(_, flat):
        w = flat.reshape(POST, PRE)
        return (-w / tau + b * np.outer(v - w @ k, k)).ravel()

    tight = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-13}
    exact = (
        solve_ivp(slope, (0, span), weights.ravel(), **tight).y[:, -1].reshape(POST, PRE)
    )
    error = gates["write"] * v - gates["erase"] * weights @ k
    assert np.abs(gates["alpha"] * weights + np.outer(error, k) - exact).max() < 1e-11


def test_leaky_delta_gates_of_many_keys_and_their_limits():
    norms = np.array([0.0, 0.5, 1.0])
    found = leaky_delta_gates(1e12, 2, 0.5, norms)
    assert all(value.shape == (3,) for value in found.values())
    # without leak it is a delta rule of strength (1 - e^{-b |k|^2 T}) / |k|^2
    strength = np.array([1.0, (1 - np.exp(-0.5)) / 0.5, 1 - np.exp(-1)])
    assert np.allclose(found["alpha"], 1) and np.allclose(found["write"], strength)
    assert np.allclose(found["erase"], strength)
    short = leaky_delta_gates(1, 2, 1e-6, norms)
    assert np.allclose(short["erase"], 2e-6, rtol=1e-5) and np.allclose(
        short["write"], 2e-6, rtol=1e-5
    )


# ------------------------------------------------------------ layout, windows, quantities


def test_layout_orders_synapses_and_back():
    layout = Layout(HEADS, PRE, POST)
    before, after = layout.connections()
    weights = np.random.default_rng(4).normal(size=(HEADS, POST, PRE))
    flat = layout.flat(weights)
    assert len(flat) == layout.synapses == HEADS * PRE * POST
    for n, (j, i) in enumerate(zip(before, after, strict=True)):
        assert j // PRE == i // POST and flat[n] == weights[j // PRE, i % POST, j % PRE]
    assert np.array_equal(
        layout.weights(np.stack([flat, 2 * flat])), np.stack([weights, 2 * weights])
    )
    assert cells(np.ones((TOKENS, HEADS, 1)), PRE).shape == (TOKENS, HEADS * PRE)


@pytest.mark.parametrize(("lag", "per_token"), [(None, 3), (0.005, 4)])
def test_a_token_is_a_window_a_statement_one_to_settle_and_one_to_read(lag, per_token):
    program = fwp.Program(
        key=np.eye(PRE)[:TOKENS] / 2, value=np.ones((TOKENS, POST)), alpha=0.9, beta=0.5
    )
    signals = program.bind(rule("gated_delta"))
    found = ode_windows.derive(rule("gated_delta"))
    plan = continuous.plan(
        found, signals, Layout(1, PRE, POST), 80, 0.0005, "integrator-aware", lag, False
    )
    assert (plan.per_token, plan.steps) == (per_token, 80)
    pre, post = plan.tables["pre"], plan.tables["post"]
    assert (
        pre["probe"].shape == (TOKENS * per_token, PRE) and post["drive"].shape[1] == POST
    )
    probes = pre["probe"].any(1).reshape(TOKENS, per_token)
    assert (probes == [False] + [True] * (per_token - 1)).all()  # the decay asks nothing
    drives = post["drive"].any(1).reshape(TOKENS, per_token)
    assert drives.sum() == TOKENS and drives[:, -2].all()
    decays = post["decay"].any(1).reshape(TOKENS, per_token)
    assert decays.sum() == TOKENS and decays[:, 0].all()


def test_quantities():
    assert time(None, "dt", 3) == 3 and time(2 * b2.ms, "dt") == 2 * b2.ms
    assert rate(2 * b2.Hz, "rate") == 2 * b2.Hz
    with pytest.raises(fwp.FwpError, match="rate must be a rate"):
        rate(2 * b2.ms, "rate")
    with pytest.raises(fwp.FwpError, match="dt must be positive and finite"):
        time(np.nan * b2.ms, "dt")
