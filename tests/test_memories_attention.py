"""Identities of the memories that keep pairs: softmax attention, PaTH and the hybrids."""

import pytest
import torch
from memory_cases import BATCH, HEADS, apart
from memory_identities import TOKENS, drawn, ones, rule, run

from fwp_neuro.artificial.memories import memory
from fwp_neuro.artificial.memories.memory_parts import heads_first

# ---------------------------------------------------------------- softmax and PaTH


def test_softmax_attention_state_holds_every_pair_and_a_zero_query_reads_their_mean():
    s = drawn("softmax_attention")
    state = memory("softmax_attention").initial(BATCH, HEADS, 3, 5, s["q"])
    assert state["keys"].shape == (BATCH, 0, HEADS, 5)
    y, state = run("softmax_attention", s | {"q": 0 * s["q"]})
    assert torch.equal(state["keys"], s["k"]) and torch.equal(state["values"], s["v"])
    means = s["v"].cumsum(1) / torch.arange(1, TOKENS + 1)[:, None, None]
    assert apart(y, means) < 1e-13


def test_a_sharp_softmax_reads_the_value_of_the_nearest_key():
    s = drawn("softmax_attention")
    y, _ = run("softmax_attention", s, scale=1e6)
    similar = torch.einsum("bihk,bjhk->bhij", s["q"], s["k"]).tril()
    similar = similar.masked_fill(torch.ones(TOKENS, TOKENS).triu(1).bool(), -torch.inf)
    nearest = heads_first(s["v"]).take_along_dim(similar.argmax(-1)[..., None], 2)
    assert apart(heads_first(y), nearest) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_path_attention_without_reflections_is_softmax_attention(form):
    s = drawn("path_attention")
    y, state = run("path_attention", s | {"beta": 0 * ones(s)}, form)
    expected, kept = run("softmax_attention", s)
    assert apart(y, expected) < 1e-12 and apart(state["keys"], kept["keys"]) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_path_attention_with_full_reflections_keeps_the_length_of_keys(form):
    s = drawn("path_attention")
    _, state = run("path_attention", s | {"beta": 2 * ones(s)}, form)
    assert apart(state["keys"].norm(dim=-1), s["k"].norm(dim=-1)) < 1e-12
    assert apart(state["keys"], s["k"]) > 0.1


# ---------------------------------------------------------------- forget gates


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_open_forget_gates_leave_the_attention_without_them(form):
    s = drawn("path_fox") | {"forget": ones(drawn("path_fox"))}
    for gated, plain in (
        ("forgetting_attention", "softmax_attention"), ("path_fox", "path_attention")
    ):  # fmt: skip
        assert apart(run(gated, s, form)[0], run(plain, s)[0]) < 1e-12
    without = run("path_fox", drawn("path_fox") | {"beta": 0 * ones(s)}, form)[0]
    assert apart(without, run("forgetting_attention", drawn("path_fox"))[0]) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_forgetting_attention_of_equal_keys_is_a_ratio_of_decayed_sums(form):
    s = drawn("forgetting_attention")
    s |= {"q": torch.ones_like(s["q"]), "k": torch.ones_like(s["k"])}
    y, _ = run("forgetting_attention", s, form)
    one = {n: s[n][..., :1] for n in "qk"} | {"alpha": s["forget"], "beta": ones(s)}
    sums, _ = rule("decayed_hebb", s | one, alpha=s["forget"], beta=ones(s))
    totals, _ = rule(
        "decayed_hebb",
        s | one | {"v": ones(s)[..., None]},
        alpha=s["forget"],
        beta=ones(s),
    )
    assert apart(y, sums / totals) < 1e-12


@pytest.mark.parametrize("name", ["forgetting_attention", "path_fox"])
@pytest.mark.parametrize("form", ["step", "parallel"])
def test_a_closed_forget_gate_leaves_the_present_pair_alone_with_finite_gradients(
    name, form
):
    s = drawn(name)
    gates = torch.zeros_like(s["forget"]).requires_grad_()
    y, _ = run(name, s | {"forget": gates}, form)
    assert apart(y, s["v"]) < 1e-12
    assert torch.isfinite(torch.autograd.grad(y.square().sum(), gates)[0]).all()


# ---------------------------------------------------------------- DeltaFormer


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_deltaformer_that_corrects_nothing_is_softmax_attention(form):
    s = drawn("deltaformer")
    y, state = run("deltaformer", s | {"beta": 0 * ones(s)}, form)
    assert apart(y, run("softmax_attention", s)[0]) < 1e-12
    assert torch.equal(state["values"], s["v"])


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_deltaformer_with_a_linear_kernel_is_the_delta_rule(form):
    s, linear = drawn("deltaformer"), {"kernel": "linear", "scale": 1.0}
    y, state = run("deltaformer", s, form, **linear)
    expected, w = rule("leaky_delta", s, alpha=ones(s), erase=s["beta"], write=ones(s))
    written = torch.einsum("bthv,bthk->bhvk", state["values"], state["keys"])
    assert apart(y, expected) < 1e-12 and apart(written, w) < 1e-12
    y, _ = run("deltaformer", s | {"beta": ones(s)}, form, **linear)
    assert apart(y, rule("delta", s, beta=ones(s))[0]) < 1e-10


# ---------------------------------------------------------------- slots


def gates(s, name):
    """The gates of all slots, [batch, token, head, slot]."""
    slots = sum(key.startswith(name) for key in s)
    return torch.stack([s[f"{name}{n}"] for n in range(slots)], -1)


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_gated_slots_are_two_layers_of_the_rule_hgrn2_joined_by_a_softmax(form):
    s = drawn("gated_slot_attention", slots=4)
    y, state = run("gated_slot_attention", s, form, slots=4)
    alpha = gates(s, "alpha")
    written = {"k": alpha, "q": alpha}  # hgrn2 makes its own key, 1 - alpha
    products = []  # of the slots' keys with the query, a slot at a time
    for slot in range(4):
        one = torch.nn.functional.one_hot(torch.tensor(slot), 4).double().expand_as(alpha)
        keys, w = rule("hgrn2", written | {"v": s["k"], "q": one}, alpha=alpha)
        products.append((keys * s["q"]).sum(-1))
    assert apart(state["slot_keys"].mT, w) < 1e-12
    read = (torch.stack(products, -1) / 5**0.5).softmax(-1)
    expected, w = rule("hgrn2", written | {"v": s["v"], "q": read}, alpha=alpha)
    assert apart(y, expected) < 1e-12 and apart(state["slot_values"].mT, w) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_one_slot_reads_the_decayed_mean_of_the_values_whatever_is_asked(form):
    s = drawn("gated_slot_attention", slots=1)
    y, _ = run("gated_slot_attention", s, form, slots=1)
    one = {"k": ones(s)[..., None], "q": ones(s)[..., None]}
    expected, _ = rule("decayed_hebb", s | one, alpha=s["alpha0"], beta=1 - s["alpha0"])
    assert apart(y, expected) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_bounded_memory_is_gated_slots_with_the_gates_of_a_running_mean(form):
    s = drawn("bounded_memory_attention", slots=4)
    y, state = run("bounded_memory_attention", s, form, slots=4)
    totals = gates(s, "control").exp().cumsum(1)
    alpha = torch.cat([0 * totals[:, :1], totals[:, :-1] / totals[:, 1:]], 1)
    gated = s | {f"alpha{n}": alpha[..., n] for n in range(4)}
    expected, slots = run("gated_slot_attention", gated, slots=4)
    assert (
        apart(y, expected) < 1e-12
        and apart(state["slot_keys"], slots["slot_keys"]) < 1e-12
    )
    # a slot for each token, that one control alone opens, is softmax attention once all
    # are full
    slots = torch.where(torch.eye(TOKENS, dtype=torch.bool), 0.0, -1e3).double()
    s |= {f"control{n}": slots[:, n, None].expand_as(ones(s)[0])[None].expand_as(ones(s))
          for n in range(TOKENS)}  # fmt: skip
    y, _ = run("bounded_memory_attention", s, form, slots=TOKENS)
    assert apart(y[:, -1], run("softmax_attention", s)[0][:, -1]) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_large_controls_neither_overflow_nor_lose_the_mean(form):
    s = drawn("bounded_memory_attention", slots=2)
    y = [run("bounded_memory_attention", s | {f"control{n}": s[f"control{n}"] + add
                                              for n in range(2)}, form, slots=2)[0]
         for add in (0.0, 5000.0, -5000.0)]  # fmt: skip
    assert apart(y[0], y[1]) < 1e-10 and apart(y[0], y[2]) < 1e-10


# ---------------------------------------------------------------- polynomial kernels


def test_based_of_short_keys_is_softmax_attention():
    s = drawn("based")
    errors = []
    for length in (0.2, 0.1):
        short = s | {"k": length * s["k"]}
        errors.append(
            apart(run("based", short, eps=0.0)[0], run("softmax_attention", short)[0])
        )
    # third order in the products
    assert errors[0] < 2e-3 and 7 < errors[0] / errors[1] < 9


def test_rebased_without_norm_gain_and_shift_is_attention_by_the_squared_product():
    s = drawn("softmax_attention")
    y, _ = run("rebased", s, layer_norm=False, eps=0.0)
    weights = torch.einsum("bihk,bjhk->bhij", s["q"], s["k"]).tril().square()
    expected = weights / weights.sum(-1, keepdim=True) @ heads_first(s["v"])
    assert apart(heads_first(y), expected) < 1e-11


# ---------------------------------------------------------------- hybrids

HYBRIDS = ("hybrid_synchronous", "hybrid_delayed_streaming", "hybrid_delayed_chunk")
RAW = {"feature_map": "identity", "key_norm": "none", "mixing": "sum"}


@pytest.mark.parametrize("form", ["step", "parallel"])
@pytest.mark.parametrize("name", HYBRIDS)
def test_a_hybrid_without_a_window_is_the_delta_rule(name, form):
    s = drawn(name, mixing="sum")
    y, state = run(name, s, form, window=0, **RAW)
    expected, w = rule("delta", s, beta=s["beta"])
    assert apart(y, expected) < 1e-12 and apart(state["w"], w) < 1e-12
    assert state["keys"].shape[1] == 0


@pytest.mark.parametrize("form", ["step", "parallel"])
@pytest.mark.parametrize("name", HYBRIDS)
def test_a_hybrid_with_a_window_over_everything(name, form):
    s = drawn(name, mixing="sum")
    y, state = run(name, s, form, window=TOKENS + 1, **RAW)
    expected, _ = run("softmax_attention", s)
    if name == "hybrid_synchronous":  # both memories hold all pairs
        expected = expected + rule("delta", s, beta=s["beta"])[0]
    else:  # no pair has left the window yet
        assert not state["w"].any()
    assert apart(y, expected) < 1e-12


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_delayed_streaming_holds_the_weights_of_as_many_tokens_ago(form):
    s = drawn("hybrid_delayed_streaming", mixing="sum")
    s["beta"] = 0.4 * ones(s)
    _, state = run("hybrid_delayed_streaming", s, form, window=6, **RAW)
    _, w = rule("delta", {n: x[:, :-6] for n, x in s.items()}, beta=s["beta"][:, :-6])
    assert apart(state["w"], w) < 1e-12
    assert torch.equal(state["keys"], s["k"][:, -6:])


@pytest.mark.parametrize("form", ["step", "parallel"])
def test_delayed_chunk_writes_whole_chunks_only(form):
    s = drawn("hybrid_delayed_chunk", mixing="sum")
    _, state = run("hybrid_delayed_chunk", s, form, window=6, **RAW)
    _, w = rule("delta", {n: x[:, :18] for n, x in s.items()}, beta=s["beta"][:, :18])
    assert apart(state["w"], w) < 1e-12
    assert torch.equal(state["strengths"], s["beta"][:, 18:])


@pytest.mark.parametrize("name", HYBRIDS)
def test_mixing_gates_choose_one_memory(name):
    s = drawn(name, mixing="vector")
    fast, kept = (run(name, s | {"mix": x + 0 * s["v"]}, window=4)[0] for x in (1.0, 0.0))
    both, _ = run(name, s | {"mix": 0.3 + 0 * s["v"]}, window=4)
    assert apart(both, 0.3 * fast + 0.7 * kept) < 1e-13
    total, _ = run(name, s, window=4, mixing="sum")
    assert apart(total, fast + kept) < 1e-13
    gates = {"mix_fast": 0.2 * ones(s), "mix_window": 0.9 * ones(s)}
    scaled, _ = run(name, s | gates, window=4, mixing="scalar")
    assert apart(scaled, 0.2 * fast + 0.9 * kept) < 1e-13
