"""Identities of the memories that keep pairs: softmax attention, PaTH and the hybrids."""

import pytest
import torch
from memory_cases import BATCH, HEADS, apart
from memory_identities import TOKENS, drawn, ones, rule, run

from fwp_neuro.artificial.memories import memory
from fwp_neuro.artificial.memories.forms import heads_first

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
