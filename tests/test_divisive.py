"""Divisive inhibition: normalised linear attention in every realisation."""

import brian2 as b2
import numpy as np
import pytest
import torch
from programs import random_program

import fwp_neuro as fwp
from fwp_neuro.artificial.memories.linear import NormalisedLinearAttention
from fwp_neuro.circuits import Realism
from fwp_neuro.divisive import divided

GAIN, TOKENS, HEADS = 100.0, 5, 3


def make(tokens=TOKENS, heads=HEADS, **gates):
    gates = {"beta": 1.0, **gates}
    return random_program(tokens, heads, 4, 3, **gates)


def attention(program, gain, decay=1.0):
    """The definition: a mean of values with weights k.q, older ones decayed."""
    k, v, q = (program[name] for name in ("key", "value", "query"))
    found = np.zeros_like(v)
    for t in range(len(k)):
        score = np.einsum("shj,hj->sh", k[: t + 1], q[t])
        score = score * decay ** (t - np.arange(t + 1))[:, None]
        found[t] = np.einsum("sh,shi->hi", score, v[: t + 1])
        found[t] /= score.sum(0)[:, None] + 1 / gain
    return found


@pytest.mark.parametrize(("rule", "decay"), [("hebb", 1.0), ("decayed_hebb", 0.8)])
@pytest.mark.parametrize("realisation", ["artificial", "rate"])
def test_it_is_normalised_linear_attention(realisation, rule, decay):
    program = make() if rule == "hebb" else make(alpha=decay)
    expected = attention(program, GAIN, decay)
    found = fwp.run(fwp.with_pool(program), rule, realisation, divisive=GAIN)
    assert np.abs(found["readout"].values[..., :-1] - expected).max() < 1e-10
    if realisation == "rate":
        assert "Carandini" in fwp.cite(found)


def test_it_is_the_memory_of_the_artificial_side():
    """That maps keys and queries itself; a programme of mapped ones is the same."""
    program, memory = make(), NormalisedLinearAttention("elu", eps=1 / GAIN)
    like = torch.zeros((), dtype=torch.float64)
    state = memory.initial(1, HEADS, program.post, program.pre, like)
    mapped = {name: memory.phi(torch.as_tensor(program[name].copy())).numpy()
              for name in ("key", "query")}  # fmt: skip
    found = fwp.run(fwp.with_pool(program.replace(**mapped)), "hebb", divisive=GAIN)
    for token in range(TOKENS):
        now = {name: torch.as_tensor(program[name][token : token + 1].copy())
               for name in "kvq"}  # fmt: skip
        expected, state = memory.step(state, now)
        difference = found["readout"].values[token, :, :-1] - expected[0].numpy()
        assert np.abs(difference).max() < 1e-12


@pytest.mark.parametrize("rule", ["hebb", "delta"])
def test_without_spikes_the_circuit_divides_as_its_cells_do_at_rest(rule):
    program = fwp.with_pool(make(beta=0.5))
    options = {"cells": float("inf"), "dt": 1 * b2.ms,
               "constants": {"weight_baseline": 3.0}}  # fmt: skip
    divided_in_cells = fwp.run(program, rule, "spiking", divisive=GAIN, **options)
    plain = fwp.run(program, rule, "spiking", **options)["readout"].values
    expected = divided(plain, GAIN)
    assert np.abs(divided_in_cells["readout"].values - expected).max() < 2e-3
    assert np.abs(expected).max() > 0.3


def error(cells, divisive, program):
    rule = fwp.run(program, "hebb", divisive=divisive)["readout"].values[..., :-1]
    found = fwp.run(program, "hebb", "spiking", divisive=divisive, cells=cells,
                    dt=1 * b2.ms, constants={"weight_baseline": 4.0},
                    record_spikes=False)["readout"].values[..., :-1]  # fmt: skip
    return np.sqrt(np.mean((found - rule) ** 2)) / rule.std()


@pytest.mark.slow
def test_errors_of_spikes_fall_with_the_root_of_their_number():
    program = fwp.with_pool(make(tokens=6, heads=24, beta=0.5))
    few, many = (error(cells, GAIN, program) for cells in (100, 1600))
    assert few / many == pytest.approx(4, rel=0.3)
    assert few < 0.3


def test_with_pool_adds_one_value():
    program = make()
    more = fwp.with_pool(program)
    assert more.post == program.post + 1 and (more["value"][..., -1] == 1).all()
    assert np.array_equal(more["value"][..., :-1], program["value"])


REFUSED = {
    "last value is always 1": {},
    "realism cannot be combined": {"realism": Realism(release=0.5)},
    "write cannot be combined": {"write": "held_target"},
    "value_scale='fit' cannot": {"value_scale": "fit"},
    "divisive must be above 0": {"divisive": 0.0},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_is_refused(sentence):
    program = make() if "last value" in sentence else fwp.with_pool(make())
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.run(program, "delta", "spiking", **{"divisive": GAIN, **REFUSED[sentence]})


@pytest.mark.parametrize("realisation", ["artificial", "rate", "spiking"])
def test_sequences_of_other_lengths_run_side_by_side(realisation):
    programs = [fwp.with_pool(make()), fwp.with_pool(make(beta=0.5))[:3]]
    options = {"artificial": {}, "rate": {"device": "numpy"},
               "spiking": {"cells": float("inf"), "dt": 1 * b2.ms}}[realisation]
    found = fwp.run(programs, "hebb", realisation, divisive=GAIN, **options)
    for n, program in enumerate(programs):
        alone = fwp.run(program, "hebb", realisation, divisive=GAIN, **options)
        assert np.allclose(found.sequence(n)["readout"], alone["readout"], atol=1e-12)


@pytest.mark.parametrize(("tokens", "dim"), [(8, 16), (8, 64), (32, 64)])
def test_powers_of_a_second_stage_sharpen_as_softmax_does(tokens, dim):
    """From the formulas, as the page on divisive inhibition says."""
    rng, episodes = np.random.default_rng(0), 2000

    def unit(x):
        x = np.maximum(x, 0)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    key = unit(rng.standard_normal((episodes, tokens, dim)))
    asked = np.arange(episodes), rng.integers(tokens, size=episodes)
    query = unit(key[asked] + 0.1 * rng.standard_normal((episodes, dim)))
    score = np.einsum("etd,ed->et", key, query)

    def shared(x):
        return x / x.sum(-1, keepdims=True)

    error = {}
    for sharp in (5, 10, 20):
        soft = shared(np.exp(sharp * score))
        error[sharp] = [np.sqrt(((shared(score**n) - soft) ** 2).mean() / soft.var())
                        for n in (1, 2, 4, 8)]  # fmt: skip
    if tokens == 8:
        for column, (low, high) in enumerate([(0.70, 0.86), (0.36, 0.66), (0.16, 0.35)]):
            each = [row[column] for row in error.values()]
            assert low - 0.03 < min(each) and max(each) < high + 0.03
        assert max(error[10][3], error[20][3]) < 0.13
    else:
        assert 0.40 < shared(score**4)[asked].mean() < 0.44
