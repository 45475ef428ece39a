"""Laws that every registered rule must pass, and identities that tie the rules to each
other."""

from itertools import permutations

import numpy as np
import pytest
import torch
from oracles import ORACLES, draw, draw_states, walk
from scipy.integrate import solve_ivp

from fwp_neuro.artificial import apply, oracle
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import Rule, rule, rules
from fwp_neuro.rules.catalogue import preconditioned_delta

BATCH, TOKENS, HEADS, PRE, POST = 2, 7, 2, 5, 3
EVERY_RULE = pytest.mark.parametrize("name", rules())


def by_oracle(name, signals, states=None):
    """The package's oracle for signals [token, dim]: final weights and read-outs."""
    chosen = rule(name)
    post = signals["v"].shape[-1] if "v" in signals else POST
    start = dict.fromkeys(chosen.states, np.zeros((post, signals["q"].shape[-1]))) | (
        states or {}
    )
    readouts, traces = oracle(chosen, signals, start)
    return traces["w"][-1], readouts


def case(name, seed=0):
    """Signals [batch, token, head, dim] and states [batch, head, post, pre] of a rule."""
    signals = draw(rule(name), (BATCH, TOKENS, HEADS), PRE, POST, seed)
    return signals, draw_states(rule(name), (BATCH, HEADS), PRE, POST, seed)


def by_hand(name, signals, states):
    """The hand-written oracle, sequence by sequence: read-outs and final states."""
    readouts = np.empty((BATCH, TOKENS, HEADS, POST))
    final = {state: np.empty_like(array) for state, array in states.items()}
    for b, h in np.ndindex(BATCH, HEADS):
        one = {n: array[b, :, h] for n, array in signals.items()}
        readouts[b, :, h], traces = walk(
            name, one, {n: array[b, h] for n, array in states.items()}
        )
        for state, trace in zip(states, traces, strict=True):
            final[state][b, h] = trace[-1]
    return readouts, final


def tensors(arrays, dtype):
    return {
        n: torch.tensor(array, dtype=getattr(torch, dtype)) for n, array in arrays.items()
    }


def by_torch(name, signals, states, dtype="float64"):
    signals = tensors(signals, dtype)
    readout, final = apply(
        name, signals.pop("q"), **signals, initial_state=tensors(states, dtype)
    )
    final = final if isinstance(final, dict) else {"w": final}
    return readout.numpy(), {n: array.numpy() for n, array in final.items()}


def by_numpy(name, signals, states, dtype="float64"):
    signals = {n: np.moveaxis(array, 1, 0).astype(dtype) for n, array in signals.items()}
    states = {n: array.astype(dtype) for n, array in states.items()}
    readout, traces = oracle(rule(name), signals, states)
    return np.moveaxis(readout, 0, 1), {n: trace[-1] for n, trace in traces.items()}


def error(got, want):
    """Largest difference of read-outs and final states, relative to the largest number
    there."""
    pairs = [(got[0], want[0]), *((got[1][n], want[1][n]) for n in want[1])]
    return max(np.abs(a - b).max() / max(1.0, np.abs(b).max()) for a, b in pairs)


# --------------------------------------------------------- 1 equals a hand-written oracle


def test_every_registered_rule_has_a_hand_written_oracle():
    for name in rules():
        new = (
            "add to tests/oracles.py, with the step of the rule by hand:\n@oracle\n"
            f"def {name}(W, s):  # more states: (W, other, s)"
        )
        assert name in ORACLES, new
    assert set(ORACLES) == set(rules())


@pytest.mark.parametrize("form", [by_numpy, by_torch])
@EVERY_RULE
def test_equals_the_hand_written_oracle(name, form):
    assert off_by_hand(name, form, "float64") < 1e-12


@pytest.mark.parametrize("form", [by_numpy, by_torch])
@EVERY_RULE
def test_equals_the_hand_written_oracle_in_single_precision(name, form):
    assert off_by_hand(name, form, "float32") < 1e-5


def off_by_hand(name, form, dtype):
    """The `error` of a form in a number format."""
    signals, states = case(name)
    got = form(name, signals, states, dtype)
    assert got[0].dtype == dtype
    return error(got, by_hand(name, signals, states))


@EVERY_RULE
def test_every_signal_matters(name):
    signals, states = case(name)
    whole = by_hand(name, signals, states)
    for changed in signals:
        other = {**signals, changed: signals[changed] + 0.1}
        assert error(by_torch(name, other, states), whole) > 1e-3, changed


# ---------------------------------------------------------------- 2 whole = two halves


@pytest.mark.parametrize("form", [by_numpy, by_torch])
@EVERY_RULE
def test_whole_sequence_is_two_halves_with_carried_state(name, form):
    signals, states = case(name, seed=1)
    whole = form(name, signals, states)
    first = form(name, {n: array[:, :3] for n, array in signals.items()}, states)
    second = form(name, {n: array[:, 3:] for n, array in signals.items()}, first[1])
    halves = np.concatenate([first[0], second[0]], 1), second[1]
    assert error(halves, whole) < 1e-13


# ---------------------------------------------------------- 3 gradients, nothing in place


@EVERY_RULE
def test_gradients_of_all_signals_and_of_the_initial_state(name):
    chosen = rule(name)
    signals = tensors(draw(chosen, (1, 2, 1), 2, 3, seed=2), "float64")
    states = tensors(draw_states(chosen, (1, 1), 2, 3, seed=2), "float64")

    def run(*flat):
        arrays = dict(zip([*signals, *states], flat, strict=True))
        start = {n: arrays.pop(n) for n in states}
        readout, final = apply(name, arrays.pop("q"), **arrays, initial_state=start)
        return (readout, *(final.values() if isinstance(final, dict) else [final]))

    flat = [array.requires_grad_() for array in (*signals.values(), *states.values())]
    assert torch.autograd.gradcheck(run, flat)


@EVERY_RULE
def test_inputs_are_not_changed_in_place(name):
    signals, states = case(name)
    for dtype, place in (("torch", torch.tensor), ("numpy", np.array)):
        kept = {n: place(array) for n, array in (*signals.items(), *states.items())}
        given = {n: kept[n] for n in signals}
        start = {n: kept[n] for n in states}
        if dtype == "torch":
            apply(name, given.pop("q"), **given, initial_state=start)
        else:
            oracle(rule(name), {n: np.moveaxis(a, 1, 0) for n, a in given.items()}, start)
        for n, array in (*signals.items(), *states.items()):
            assert np.array_equal(kept[n], array), (dtype, n)


# ---------------------------------------------------------------- 4 reductions

REDUCTIONS = [(name, each) for name in rules() for each in rule(name).reductions]


def substituted(chosen, expressions, base):
    """Signals of ``chosen`` from base signals, some given by expressions, token by
    token."""
    signals = {}
    for name, home in {**chosen.homes, "q": "pre"}.items():
        shape = {"shared": (), "pre": (PRE,), "post": (POST,)}[home]
        rows = []
        for t in range(TOKENS):
            words = {n: array[t] for n, array in base.items()} | {"pool": np.sum}
            value = eval(expressions.get(name, name), {"__builtins__": {}}, words)
            rows.append(np.broadcast_to(value, shape))
        signals[name] = np.stack(rows)
    return signals


@pytest.mark.parametrize(
    ("name", "reduction"),
    REDUCTIONS,
    ids=[f"{name}-{each.to}" for name, each in REDUCTIONS],
)
def test_declared_reductions_hold(name, reduction):
    first, second = rule(name), rule(reduction.to)
    homes = {**first.homes, **second.homes}
    # a signal that is shared in one rule and a vector in the other is the same number
    # everywhere
    pairs = (*first.homes.items(), *second.homes.items())
    homes |= {n: home for n, home in pairs if home == "shared"}
    rng = np.random.default_rng(3)
    size = {"shared": (), "pre": (PRE,), "post": (POST,)}
    homes["q"] = "pre"
    base = {n: rng.uniform(0.1, 0.95, (TOKENS, *size[home])) for n, home in homes.items()}
    start = draw_states(first, (), PRE, POST, seed=3)
    _, got = by_oracle(name, substituted(first, reduction.these, base), start)
    other = {n: array for n, array in start.items() if n in second.states}
    _, want = by_oracle(reduction.to, substituted(second, reduction.those, base), other)
    assert np.abs(got - want).max() < 1e-12


#: gate -> the value at which it does nothing
QUIET = {
    "beta": 0,
    "beta2": 0,
    "alpha": 1,
    "decay": 1,
    "erase": 0,
    "write": 0,
    "a": 0,
    "eta": 0,
}
QUIET |= {"mu": 0, "gamma": 1, "rho": 0}
#: rules that write whatever their gates are -> the signals that must be zero as well
UNGATED = {"gla": "v", "rwkv7": "v", "iplr": "va", "dplr": "va"}


@pytest.mark.parametrize("name", [n for n in rules() if set(rule(n).gates) <= set(QUIET)])
def test_quiet_gates_leave_the_weights_alone(name):
    signals = draw(rule(name), (TOKENS,), PRE, POST)
    signals |= {
        gate: np.full_like(signals[gate], QUIET[gate]) for gate in rule(name).gates
    }
    signals |= {n: 0 * signals[n] for n in UNGATED.get(name, "")}
    start = draw_states(rule(name), (), PRE, POST)
    assert np.array_equal(by_oracle(name, signals, start)[0], start["w"])


def test_longhorn_with_a_large_gate_is_normalised_least_mean_squares():
    signals = draw(rule("longhorn"), (TOKENS,), PRE, POST)
    signals["beta"][:] = 1e12
    step = 1 / (signals["k"] ** 2).sum(-1)
    nlms, _ = by_oracle("delta", {**signals, "beta": step})
    assert np.allclose(by_oracle("longhorn", signals)[0], nlms, atol=1e-9)


def test_preconditioned_delta_without_squash_is_gated_delta():
    plain = preconditioned_delta(squash=1)
    signals = draw(plain, (TOKENS,), PRE, POST, seed=20)
    start = draw_states(plain, (), PRE, POST, seed=20)
    _, traces = oracle(plain, signals, start)
    want, _ = by_oracle("gated_delta", signals, {"w": start["w"]})
    assert np.abs(traces["w"][-1] - want).max() < 1e-13


@pytest.mark.parametrize(
    ("past", "gain"), [(0.0, 1.5), (1e12, 1 / 1.5), (np.exp(-0.2), 1.0)]
)
def test_the_write_gain_of_a_key_line_falls_with_its_past_activity(past, gain):
    """From 1.5 at a silent line to 1/1.5 at a busy one, and 1 at the stated centre."""
    signals = {n: np.ones((1, size)) for n, size in (("k", 1), ("q", 1), ("v", POST))}
    signals |= {
        n: np.full(1, x) for n, x in (("gamma", 1.0), ("rho", 0.0), ("alpha", 1.0))
    }
    signals["beta"] = np.array([0.4])
    start = {"h": np.full((POST, 1), past), "w": np.zeros((POST, 1))}
    w, _ = by_oracle("preconditioned_delta", signals, start)
    # eps bounds the logarithm at a silent line, so that the limits are reached within 4
    # percent
    assert w == pytest.approx(
        0.4 * gain * np.ones((POST, 1)), rel=1e-5 if gain == 1 else 0.04
    )


@pytest.mark.parametrize("arguments", [{"squash": 0.5}, {"eps": 0}, {"center": np.nan}])
def test_preconditioned_delta_refuses_bad_numbers(arguments):
    with pytest.raises(
        FwpError, match=f"preconditioned_delta: {next(iter(arguments))} must be"
    ):
        preconditioned_delta(**arguments)


# ---------------------------------------------------------------- dualities


def test_oja_is_the_transpose_dual_of_delta():
    signals = draw(rule("oja"), (TOKENS,), PRE, POST, seed=4)
    start = draw_states(rule("oja"), (), PRE, POST, seed=4)
    swapped = {
        "k": signals["v"],
        "v": signals["k"],
        "q": signals["v"],
        "beta": signals["beta"],
    }
    dual, _ = by_oracle("delta", swapped, {"w": start["w"].T})
    assert np.abs(by_oracle("oja", signals, start)[0] - dual.T).max() < 1e-13


@pytest.mark.parametrize(("post", "same"), [(1, True), (5, False)])
def test_the_two_oja_rules_are_one_for_a_single_neuron_only(post, same):
    signals = draw(rule("oja"), (TOKENS,), PRE, post, seed=5)
    start = draw_states(rule("oja"), (), PRE, post, seed=5)
    matrix, neuron = (
        by_oracle(name, signals, start)[0] for name in ("oja", "oja_neuron")
    )
    difference = np.abs(matrix - neuron).max()
    assert difference < 1e-13 if same else difference > 0.1


def test_oja_neuron_finds_the_top_principal_component():
    rng = np.random.default_rng(6)
    axis = np.array([3.0, 4.0, 0.0]) / 5
    neuron, w = rule("oja_neuron"), np.array([[0.3, -0.1, 0.2]])
    for x in rng.standard_normal((4000, 1)) * axis + 0.3 * rng.standard_normal((4000, 3)):
        token = {"k": x[None], "v": w @ x[None].T, "q": x[None], "beta": np.array([0.01])}
        w = oracle(neuron, token, {"w": w})[1]["w"][-1]
    assert np.linalg.norm(w) == pytest.approx(1, abs=0.05)
    assert abs(w[0] @ axis) > 0.99


def test_leaky_delta_is_the_exact_solution_of_its_differential_equation():
    rng = np.random.default_rng(7)
    w0, k, v = rng.standard_normal((3, 5)), rng.standard_normal(5), rng.standard_normal(3)
    tau, b, span = 0.7, 0.4, 0.9

    def slope(_, flat):
        w = flat.reshape(3, 5)
        return (-w / tau + b * np.outer(v - w @ k, k)).ravel()

    tight = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    exact = solve_ivp(slope, (0, span), w0.ravel(), **tight).y[:, -1].reshape(3, 5)
    norm, alpha = k @ k, np.exp(-span / tau)
    # decay along the key: leak and erasure together
    both = alpha * np.exp(-b * norm * span)
    signals = {"k": k[None], "q": k[None], "v": v[None], "alpha": np.array([alpha])}
    signals["erase"] = np.array([(alpha - both) / norm])
    signals["write"] = np.array([b / (1 / tau + b * norm) * (1 - both)])
    assert np.abs(by_oracle("leaky_delta", signals, {"w": w0})[0] - exact).max() < 1e-10


# -------------------------------------------------------- 5 retrieval and decay placement


def orthonormal(items=4, pre=5, post=3, seed=8):
    rng = np.random.default_rng(seed)
    keys = np.linalg.qr(rng.standard_normal((pre, pre)))[0][:items]
    return {
        "k": keys,
        "q": keys,
        "v": rng.standard_normal((items, post)),
        "beta": np.ones(items),
    }


def test_orthonormal_keys_hebb_is_delta_and_recall_is_exact():
    signals = orthonormal()
    hebb, delta = (by_oracle(name, signals)[0] for name in ("hebb", "delta"))
    assert np.abs(hebb - delta).max() < 1e-14
    assert np.abs(signals["k"] @ delta.T - signals["v"]).max() < 1e-14


def test_a_unit_key_at_full_strength_overwrites_and_rewriting_changes_nothing():
    signals = orthonormal(items=1)
    start = draw_states(rule("delta"), (), PRE, POST)
    once, read = by_oracle("delta", signals, start)
    twice, _ = by_oracle("delta", signals, {"w": once})
    assert (
        np.abs(read - signals["v"]).max() < 1e-13 and np.abs(twice - once).max() < 1e-13
    )


def test_rebinding_a_key_mixes_the_old_and_the_new_value():
    signals = {n: np.repeat(array, 2, 0) for n, array in orthonormal(items=1).items()}
    signals["v"] = np.array([[1.0, 2, 3], [3.0, 0, -1]])
    signals["beta"] = np.array([1.0, 0.3])
    read = by_oracle("delta", signals)[1][-1]
    assert np.allclose(read, 0.7 * signals["v"][0] + 0.3 * signals["v"][1], atol=1e-14)


def test_hebb_forgets_the_order_of_the_tokens_and_delta_does_not():
    signals = draw(rule("delta"), (TOKENS,), PRE, POST, seed=9)
    backward = {n: array[::-1] for n, array in signals.items()}
    difference = {
        name: np.abs(by_oracle(name, signals)[0] - by_oracle(name, backward)[0]).max()
        for name in ("hebb", "delta")
    }
    assert difference["hebb"] < 1e-14 < 0.05 < difference["delta"]


def test_delta_is_equivariant_under_rotations_of_keys_and_of_values():
    signals = draw(rule("delta"), (TOKENS,), PRE, POST, seed=10)
    rng = np.random.default_rng(10)
    turn_k, turn_v = (np.linalg.qr(rng.standard_normal((d, d)))[0] for d in (PRE, POST))
    turned = {n: signals[n] @ turn_k.T for n in ("k", "q")} | {
        "v": signals["v"] @ turn_v.T
    }
    want = turn_v @ by_oracle("delta", signals)[0] @ turn_k.T
    assert np.abs(by_oracle("delta", {**signals, **turned})[0] - want).max() < 1e-13


def test_where_the_decay_stands_is_visible():
    signals = {
        **draw(rule("comba"), (TOKENS,), PRE, POST, seed=11),
        "alpha": np.full(TOKENS, 0.9),
    }
    signals["p"] = signals["k"]
    start = draw_states(rule("delta"), (), PRE, POST, seed=11)
    names = ("gated_delta", "delta_then_decay", "comba")
    final = {name: by_oracle(name, signals, start)[0] for name in names}
    for one, other in permutations(names, 2):
        distance = np.linalg.norm(final[one] - final[other]) / np.linalg.norm(final[one])
        assert distance > 0.01, (one, other)


# -------------------------------------------------------- state tracking without training


def test_delta_counts_parity_with_negative_eigenvalues():
    bits = np.random.default_rng(12).integers(0, 2, 201)
    ones = np.ones((201, 1))
    _, read = by_oracle(
        "delta",
        {"k": ones, "q": ones, "v": 0 * ones, "beta": 2.0 * bits},
        {"w": np.ones((1, 1))},
    )
    assert np.array_equal(read[:, 0], (-1.0) ** bits.cumsum())


def test_delta_tracks_three_hundred_swaps_of_five_items():
    rng = np.random.default_rng(13)
    swaps = np.array([rng.choice(5, 2, replace=False) for _ in range(300)])
    order, keys = np.arange(1.0, 6.0), np.zeros((300, 5))
    for t, (i, j) in enumerate(swaps):
        keys[t, [i, j]] = np.array([1, -1]) / np.sqrt(2)
        order[[i, j]] = order[[j, i]]
    signals = {"k": keys, "q": keys, "v": np.zeros((300, 1)), "beta": np.full(300, 2.0)}
    final, _ = by_oracle("delta", signals, {"w": np.arange(1.0, 6.0)[None]})
    assert np.abs(final[0] - order).max() < 1e-12


def test_two_reflections_in_a_token_are_a_rotation_that_counts_modulo_five():
    half = np.pi / 5  # two mirrors at this angle turn by twice as much
    keys = np.array([[1.0, 0.0], [np.cos(half), np.sin(half)]])
    rows = {
        n: np.ones((101, 1)) * keys[row] for n, row in (("k", 0), ("k2", 1), ("q", 0))
    }
    gates = {"alpha": np.ones(101), "beta": np.full(101, 2.0), "beta2": np.full(101, 2.0)}
    nothing = {"v": np.zeros((101, 2)), "v2": np.zeros((101, 2))}
    _, read = by_oracle("delta_product", {**rows, **gates, **nothing}, {"w": np.eye(2)})
    turns = 2 * half * np.arange(1, 102)
    assert np.abs(read[:, 0] - np.cos(turns)).max() < 1e-12
    assert np.abs(np.abs(read[:, 1]) - np.abs(np.sin(turns))).max() < 1e-12


def test_a_rule_typed_in_is_stepped_like_a_registered_one():
    mine = Rule("mine", "w += beta*v*k\nw -= beta*read(k)*k", {"beta": "shared"})
    signals = draw(mine, (TOKENS,), PRE, POST, seed=14)
    now = np.zeros((POST, PRE))
    for t in range(TOKENS):
        now = now + signals["beta"][t] * np.outer(signals["v"][t], signals["k"][t])
        # the second statement reads what the first one wrote
        now = now - signals["beta"][t] * np.outer(now @ signals["k"][t], signals["k"][t])
    _, traces = oracle(mine, signals, {"w": np.zeros((POST, PRE))})
    assert np.abs(traces["w"][-1] - now).max() < 1e-13
