"""Identities between memories, rules and textbook formulas, each against an independent
side."""

import numpy as np
import pytest
import torch
from memory_cases import HEADS, apart, moved, start
from memory_identities import TOKENS, drawn, ones, rule, run
from scipy.linalg import lstsq

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories import memory
from fwp_neuro.artificial.memories.features import FeatureMap, feature_map
from fwp_neuro.errors import FwpError

# ---------------------------------------------------------------- linear attention


def test_unmapped_unnormalised_linear_attention_is_the_hebb_rule():
    s = drawn("normalised_linear_attention")
    y, state = run(
        "normalised_linear_attention", s, feature_map="identity", normalise=False
    )
    expected, w = rule("hebb", s, beta=ones(s))
    assert set(state) == {"w"}
    assert apart(y, expected) < 1e-13 and apart(state["w"], w) < 1e-13


def test_normalised_read_outs_are_convex_combinations_of_the_values_and_ignore_scale():
    s = drawn("normalised_linear_attention")
    y, _ = run("normalised_linear_attention", s, eps=0.0)
    highest, lowest = s["v"].cummax(1)[0], s["v"].cummin(1)[0]
    assert (y <= highest + 1e-12).all() and (y >= lowest - 1e-12).all()
    assert apart(y[:, 0], s["v"][:, 0]) < 1e-12

    class Tripled(FeatureMap):
        def __call__(self, x):
            return 3 * feature_map("elu")(x)

    scaled, _ = run("normalised_linear_attention", s, eps=0.0, feature_map=Tripled())
    assert apart(y, scaled) < 1e-12


# ---------------------------------------------------------------- mLSTM


def test_mlstm_with_open_gates_is_linear_attention_over_the_larger_of_its_sum_and_one():
    s = drawn("mlstm")
    s |= {"input": 0 * ones(s), "forget": 0 * ones(s)}
    for form in ("step", "parallel"):
        y, _ = run("mlstm", s, form, forget_gate="exp", key_scale=1.0)
        expected, _ = rule("hebb", s, beta=ones(s))
        total = (s["q"] * s["k"].cumsum(1)).sum(-1, keepdim=True).abs()
        assert (total > 1).any() and (total < 1).any()
        assert apart(y, expected / total.clamp(min=1)) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_mlstm_state_times_exp_m_is_the_unstabilised_state(form):
    s = drawn("mlstm")
    _, state = run("mlstm", s, form)
    f, i = torch.sigmoid(s["forget"]), s["input"].exp()
    expected, w = rule("decayed_hebb", s | {"k": s["k"] * 5**-0.5}, alpha=f, beta=i)
    assert apart(state["w"] * state["m"].exp()[..., None, None], w) < 1e-12
    y, n = run("mlstm", s, form)[0], state["n"] * state["m"].exp()[..., None]
    total = (n * s["q"][:, -1]).sum(-1, keepdim=True).abs().clamp(min=1)
    assert apart(y[:, -1], expected[:, -1] / total) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_mlstm_stays_finite_where_its_gates_overflow(form):
    s = drawn("mlstm")
    s |= {name: s[name].abs() for name in "kq"}  # no cancellation in the divisor
    y = {
        add: run("mlstm", s | {"input": s["input"] + add}, form)[0] for add in (60, 5000)
    }
    # beyond the floor of one, a common factor of all write gates cancels
    assert apart(y[60], y[5000]) < 1e-10
    for part, value in (("input", -5000.0), ("forget", -5000.0), ("forget", 5000.0)):
        gate = torch.full_like(s[part], value, requires_grad=True)
        z, _ = run("mlstm", s | {part: gate}, form)
        assert torch.isfinite(z).all()
        assert torch.isfinite(torch.autograd.grad(z.sum(), gate)[0]).all()


# ---------------------------------------------------------------- RWKV-6


def test_rwkv6_reads_as_gated_linear_attention_one_write_earlier():
    s = drawn("rwkv6")
    y, state = run("rwkv6", s | {"u": torch.zeros(HEADS, 5).double()})
    # W_{t-1} q_t: gated linear attention with every write put off by one token
    put_off = {
        n: torch.cat([torch.zeros_like(s[n][:, :1]), s[n][:, :-1]], 1) for n in "kv"
    }
    alpha = torch.cat([torch.ones_like(s["k"][:, :1]), s["decay"][:, :-1]], 1)
    assert apart(y, rule("gla", s | put_off, alpha=alpha)[0]) < 1e-13
    assert apart(state["w"], rule("gla", s, alpha=s["decay"])[1]) < 1e-13
    s.pop("u")
    bonus, _ = run("rwkv6", s)
    now = (s["q"] * s["k"]).sum(-1, keepdim=True) * s["v"]  # u = 1 by default
    assert apart(bonus - y, now) < 1e-13


@pytest.mark.parametrize("block", [1, 3, 16, 64, 200])
def test_rwkv6_parallel_form_is_right_where_cumulative_decays_underflow(block):
    s = drawn("rwkv6", tokens=150)
    decay = (
        torch.where(torch.arange(5) < 3, 1e-4, 0.9).double().expand_as(s["decay"]).clone()
    )
    # 1e-4 ** 150 and 0: no logarithm and no quotient would do
    decay[:, 40:44, :, 1] = 0.0
    decay[:, 90:, :, 0] = 0.999
    assert (decay.cumprod(1)[:, -1, :, 2] == 0).all()
    leaf = decay.requires_grad_()
    runs = [
        run("rwkv6", s | {"decay": leaf}, form, block=block)
        for form in ("step", "parallel")
    ]
    assert apart(runs[0][0], runs[1][0]) < 1e-12
    totals = [(y * s["v"]).sum() + state["w"].sum() for y, state in runs]
    assert apart(*(torch.autograd.grad(total, leaf)[0] for total in totals)) < 1e-11


# ---------------------------------------------------------------- Mesa

EXACT = {"ridge_map": "identity", "solver": "exact"}


def test_mesa_is_ridge_regression_and_its_dual():
    s = drawn("mesa")
    s["ridge"] = s["ridge"].abs() + 0.3
    y, _ = run("mesa", s, **EXACT)
    for t in (0, 3, TOKENS - 1):
        k, v, q = (s[n][1, : t + 1, 0].numpy() for n in "kvq")
        gamma, beta = s["gamma"][1, :, 0].numpy(), s["beta"][1, : t + 1, 0].numpy()
        weight = beta * [gamma[j + 1 : t + 1].prod() for j in range(t + 1)]
        ridge = s["ridge"][0].numpy()
        # least squares with the ridge as further rows
        rows = np.concatenate([np.sqrt(weight)[:, None] * k, np.diag(np.sqrt(ridge))])
        targets = np.concatenate([np.sqrt(weight)[:, None] * v, np.zeros((5, 3))])
        best = lstsq(rows, targets)[0].T
        assert np.abs(y[1, t, 0].numpy() - best @ q[t]).max() < 1e-11
        kernel = k / ridge @ k.T  # dual: one coefficient for each pair
        dual = np.linalg.solve(kernel + np.diag(1 / weight), k / ridge @ q[t])
        assert np.abs(y[1, t, 0].numpy() - v.T @ dual).max() < 1e-11


def test_mesa_is_recursive_least_squares():
    s = drawn("mesa")
    s |= {
        "gamma": ones(s),
        "beta": ones(s),
        "ridge": torch.full((HEADS, 5), 0.7, dtype=torch.float64),
    }
    y, _ = run("mesa", s, **EXACT)
    k, v, q = (s[n][0, :, 1].numpy() for n in "kvq")
    w, p = np.zeros((3, 5)), np.eye(5) / 0.7
    for t in range(TOKENS):
        gain = p @ k[t] / (1 + k[t] @ p @ k[t])
        w = w + np.outer(v[t] - w @ k[t], gain)
        p = p - np.outer(gain, k[t] @ p)
        assert np.abs(y[0, t, 1].numpy() - w @ q[t]).max() < 1e-11


def test_mesa_tends_to_linear_attention_for_a_large_ridge():
    s = drawn("mesa")
    expected, _ = rule("decayed_hebb", s, alpha=s["gamma"], beta=s["beta"])

    def error(ridge, solver):
        s["ridge"] = torch.full((HEADS, 5), ridge, dtype=torch.float64)
        return apart(ridge * run("mesa", s, **EXACT | {"solver": solver})[0], expected)

    for solver in ("exact", "cg"):
        assert error(1e4, solver) < 1e-3
        assert error(1e3, solver) / error(1e4, solver) == pytest.approx(10, rel=0.02)


def test_conjugate_gradients_are_exact_after_as_many_iterations_as_dimensions():
    s = drawn("mesa")
    exact = run("mesa", s, solver="exact")[0]
    gone = [apart(run("mesa", s, iterations=n)[0], exact) for n in (1, 3, 5, 30)]
    assert gone[0] > 0.1 > gone[1] > 1e-4 and gone[2] < 1e-11 and gone[3] < 1e-13
    # the default ridge of the paper's start is 1
    one = run("mesa", s | {"ridge": torch.ones(HEADS, 5).double()}, **EXACT)[0]
    s.pop("ridge")
    assert apart(run("mesa", s, solver="exact")[0], one) < 1e-12


# ---------------------------------------------------------------- test-time training

PLAIN = {"layer_norm": False, "residual": False, "bias": False}


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_plain_ttt_linear_with_batches_of_one_is_the_delta_rule(form):
    s = drawn("ttt_linear", **PLAIN)
    w = moved(start(memory("ttt_linear", **PLAIN))[0])["w"]
    y, state = run("ttt_linear", s, form, {"w": w}, batch=1, **PLAIN)
    expected, final = apply(
        "delta", s["q"], s["k"], s["v"], beta=s["eta"], initial_state=w
    )
    assert apart(y, expected) < 1e-12 and apart(state["w"], final) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_plain_ttt_linear_in_one_batch_from_zero_is_linear_attention(form):
    s = drawn("ttt_linear", **PLAIN)
    y, state = run("ttt_linear", s, form, batch=TOKENS, **PLAIN)
    expected, final = rule("hebb", s, beta=s["eta"])
    assert apart(y, expected) < 1e-12 and apart(state["w"], final) < 1e-12


def test_a_bias_is_one_more_key_that_is_always_on():
    options = {**PLAIN, "bias": True, "batch": 4}
    s = drawn("ttt_linear", **options)
    y, _ = run("ttt_linear", s, **options)
    on = {n: torch.cat([s[n], torch.ones_like(s[n][..., :1])], -1) for n in "kq"}
    expected, _ = run("ttt_linear", s | on, **PLAIN, batch=4)
    assert apart(y, expected) < 1e-12


def test_ttt_with_a_residual_wants_square_weights():
    with pytest.raises(
        FwpError, match="ttt_mlp: residual=True .* must equal key_dim=5, got 3"
    ):
        memory("ttt_mlp").initial(1, 1, 3, 5, torch.zeros(()))


@pytest.mark.parametrize("name", ["ttt_mlp", "titans"])
def test_networks_start_from_their_seed_and_learn(name):
    like = torch.zeros((), dtype=torch.float64)
    states = [
        memory(name, seed=seed).initial(1, 1, 4, 4, like)["w1"] for seed in (0, 0, 1)
    ]
    assert torch.equal(states[0], states[1]) and not torch.allclose(states[0], states[2])
    wide = memory(name, expansion=256).initial(1, 1, 4, 4, like)["w1"]
    assert float(wide.std()) == pytest.approx(0.02, rel=0.05)
    generator = torch.Generator().manual_seed(0)
    k, v = (torch.randn(1, 1, 1, 4, generator=generator).double() for _ in "kv")
    options = {
        "std": 0.5,
        **({"batch": 1, "layer_norm": False} if name == "ttt_mlp" else {}),
    }
    gates = (
        {"eta": 0.1} if name == "ttt_mlp" else {"eta": 0.0, "theta": 0.05, "alpha": 0.0}
    )
    shown = {"k": k, "v": v, "q": k} | {
        n: torch.full((1, 1, 1), x) for n, x in gates.items()
    }
    shown = {n: x.double().expand(1, 60, *x.shape[2:]) for n, x in shown.items()}
    errors = (run(name, shown, **options)[0] - v).norm(dim=-1)[0, :, 0]
    assert errors[-1] < 1e-3 * errors[0]


# ---------------------------------------------------------------- Titans


def test_linear_titans_without_momentum_and_decay_is_the_delta_rule_of_twice_the_step():
    s = drawn("titans", depth=1)
    s |= {"eta": 0 * ones(s), "alpha": 0 * ones(s)}
    y, state = run("titans", s, depth=1)
    expected, w = rule("delta", s, beta=2 * s["theta"])
    assert apart(y, expected) < 1e-12 and apart(state["w"], w) < 1e-12


def test_linear_titans_is_the_delta_rule_with_momentum():
    s = drawn("titans", depth=1)
    y, state = run("titans", s, depth=1)
    gates = {"alpha": 1 - s["alpha"], "beta": 2 * s["theta"], "eta": s["eta"]}
    expected, final = rule("momentum_delta", s, **gates)
    assert apart(y, expected) < 1e-12
    assert apart(state["w"], final["w"]) < 1e-12
    assert apart(state["momentum_w"], final["m"]) < 1e-12


# ---------------------------------------------------------------- log-linear attention


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_log_linear_attention_with_equal_levels_is_decayed_linear_attention(form):
    s = drawn("log_linear_attention", levels=6)
    s |= {f"lambda{level}": ones(s) for level in range(6)}
    y, state = run("log_linear_attention", s, form, levels=6)
    expected, w = rule("decayed_hebb", s, alpha=s["alpha"], beta=ones(s))
    assert apart(y, expected) < 1e-12 and apart(state["levels"].sum(2), w) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_log_linear_attention_keeps_as_many_buckets_as_the_count_has_bits(form):
    for tokens in range(1, 18):
        s = drawn("log_linear_attention", tokens=tokens, levels=6)
        _, state = run("log_linear_attention", s, form, levels=6)
        full = (state["levels"].abs().sum((-1, -2)) > 0)[0, 0].tolist()
        past = tokens - 1
        assert full == [True, *(bool(past >> level & 1) for level in range(5))]


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_log_linear_attention_refuses_more_tokens_than_its_levels_hold(form):
    s = drawn("log_linear_attention", tokens=9, levels=4)
    run("log_linear_attention", {n: x[:, :8] for n, x in s.items()}, form, levels=4)
    with pytest.raises(FwpError, match="levels=4 hold 8 tokens, got 9; pass levels=5"):
        run("log_linear_attention", s, form, levels=4)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("mesa", {"solver": "cgg"}, "unknown solver of mesa: 'cgg'; did you mean 'cg'"),
        ("mesa", {"iterations": 0}, "mesa: iterations is 0; it must be a whole number"),
        ("mesa", {"floor": 1.0}, "floor must be below 1, the default ridge, got 1.0"),
        (
            "mesa",
            {"ridge_map": "soft"},
            "ridge_map of mesa: 'soft'; did you mean 'softplus'",
        ),
        ("mlstm", {"forget_gate": "sigmoi"}, "did you mean 'sigmoid'"),
        ("mesa", {"floor": -0.1}, "mesa: floor must be at least 0, got -0.1"),
        (
            "mlstm",
            {"key_scale": "1"},
            "mlstm: key_scale must be a finite number, got '1'",
        ),
        ("mlstm", {"eps": -1}, "mlstm: eps must be at least 0, got -1"),
        (
            "ttt_linear",
            {"residual": 1},
            "residual of a fast network must be True or False, got 1",
        ),
        (
            "ttt_linear",
            {"token_scale": "mean"},
            "token_scale must be True or False, got 'mean'",
        ),
        (
            "ttt_mlp",
            {"std": float("nan")},
            "ttt_mlp: std must be a finite number, got nan",
        ),
        ("titans", {"seed": -1}, "seed must be a whole number"),
        (
            "softmax_attention",
            {"scale": True},
            "softmax_attention: scale must be a finite number",
        ),
        ("rwkv6", {"block": 0}, "rwkv6: block is 0"),
        ("ttt_mlp", {"batch": -1}, "ttt_mlp: batch is -1"),
        ("ttt_mlp", {"activation": "glu"}, "activation .* 'glu'; did you mean 'gelu'"),
        ("titans", {"depth": 0}, "depth of a fast network is 0"),
        ("titans", {"expansion": 1.5}, "expansion of a fast network is 1.5"),
        ("log_linear_attention", {"levels": 0}, "levels is 0"),
        ("path_attention", {"direction_norm": "l1"}, "unknown key_norm 'l1'"),
        ("hybrid_delayed_chunk", {"window": -1}, "hybrid_delayed_chunk: window is -1"),
        (
            "hybrid_synchronous",
            {"mixing": "gate"},
            "mixing of hybrid_synchronous: 'gate'",
        ),
        ("normalised_linear_attention", {"feature_map": "elu2"}, "did you mean 'elu"),
        ("normalised_linear_attention", {"key_norm": "l3"}, "unknown key_norm 'l3'"),
    ],
)
def test_bad_options_are_refused_by_name(name, options, sentence):
    with pytest.raises(FwpError, match=sentence):
        memory(name, **options)
