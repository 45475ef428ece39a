"""The Lenz-Ising network: energy, fixed points, capacity and the first-step error of
theory."""

import math

import pytest
import torch
from scipy.stats import binom

from fwp_neuro.artificial.recurrent import network
from fwp_neuro.artificial.recurrent.hopfield import CAPACITY, energy, recall, store
from fwp_neuro.errors import FwpError


def random_patterns(count, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (count, size), generator=generator).double() * 2 - 1


def flipped(patterns, fraction, seed=1):
    generator = torch.Generator().manual_seed(seed)
    flips = torch.rand(patterns.shape, generator=generator, dtype=torch.double) < fraction
    return torch.where(flips, -patterns, patterns)


def test_weights_are_the_symmetric_sum_of_outer_products_without_a_diagonal():
    patterns = random_patterns(3, 6)
    weights = store(patterns)
    for i in range(6):
        for j in range(6):
            expected = 0 if i == j else sum(p[i] * p[j] for p in patterns)
            assert weights[i, j] == expected
    assert torch.equal(store(patterns[1:], store(patterns[:1])), weights)
    assert torch.equal(store(patterns.float()), weights.float())


def test_energy_is_that_of_the_sum_over_pairs_and_never_rises():
    weights, state = store(random_patterns(30, 60)), random_patterns(1, 60, seed=3)[0]
    pairs = -sum(weights[i, j] * state[i] * state[j] for i in range(60) for j in range(i))
    assert abs(energy(weights, state) - pairs) < 1e-9
    before = energy(weights, state)
    changes = 0
    for sweep in range(4):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(sweep))
        for cell in order:
            new = recall(weights, state, 1, order=cell[None])
            after = energy(weights, new)
            assert after <= before + 1e-9
            changes += int(after < before)
            state, before = new, after
    assert changes > 5
    assert torch.equal(recall(weights, state, 20), recall(weights, state, 21))


@pytest.mark.parametrize("update", ["asynchronous", "synchronous"])
def test_corrupted_patterns_are_completed_below_capacity(update):
    patterns = random_patterns(10, 200)
    weights = store(patterns)
    cues = flipped(patterns, 0.2)
    assert (cues * patterns).mean() < 0.7
    batched = weights.expand(10, 200, 200)
    recalled = recall(batched, cues, update=update)
    assert (recalled * patterns).mean() > 0.995
    alone = torch.stack([recall(weights, cue, update=update) for cue in cues])
    assert torch.equal(alone, recalled)


def test_recall_fails_beyond_the_capacity():
    size = 500
    overlaps = {}
    for load in (0.6 * CAPACITY, 2 * CAPACITY):
        patterns = random_patterns(int(load * size), size)
        weights = store(patterns).expand(len(patterns), size, size)
        recalled = recall(weights, patterns, 60, "synchronous")
        overlaps[load] = float((recalled * patterns).mean())
    assert overlaps[0.6 * CAPACITY] > 0.98
    assert overlaps[2 * CAPACITY] < 0.6


@pytest.mark.parametrize("load", [0.1, 0.185, 0.37, 0.61])
def test_errors_of_the_first_update_are_those_of_random_crosstalk(load):
    size, count, seeds = 400, int(load * 400), 6
    wrong = 0
    for seed in range(seeds):
        patterns = random_patterns(count, size, seed)
        wrong += int(((patterns @ store(patterns)) * patterns < 0).sum())
    # a pattern supports each of its cells with N - 1 against (P - 1)(N - 1) random signs;
    # for many cells this is erfc(sqrt(N / 2P)) / 2 (Hertz, Krogh & Palmer 1991, section
    # 2.2)
    signs = (count - 1) * (size - 1)
    expected = binom.sf((signs + size - 1) // 2, signs, 0.5)
    trials = seeds * count * size
    assert abs(wrong - trials * expected) < 4 * math.sqrt(trials * expected)


def test_a_cell_without_input_keeps_its_state():
    state = random_patterns(2, 5)
    assert torch.equal(recall(torch.zeros(5, 5).double(), state), state)


def test_one_pattern_and_its_negative_are_the_attractors():
    pattern = random_patterns(1, 50)
    weights = store(pattern)
    near, far = flipped(pattern[0], 0.3), flipped(-pattern[0], 0.3)
    assert torch.equal(recall(weights, near), pattern[0])
    assert torch.equal(recall(weights, far), -pattern[0])


def test_the_network_answers_with_what_earlier_inputs_make_of_the_present_one():
    patterns = random_patterns(4, 100)
    cues = flipped(patterns, 0.15)
    x = torch.cat((patterns, cues))[None] * 0.7
    y = network("hopfield", 100).double()(x)[0]
    assert torch.equal(y[0], patterns[0])
    assert torch.equal(y[4:], patterns)
    assert not torch.equal(cues, patterns)


def test_what_is_no_pattern_is_refused():
    with pytest.raises(FwpError, match="\\+1 or -1"):
        store(torch.zeros(2, 4))
    with pytest.raises(FwpError, match="'synchronous'"):
        recall(torch.zeros(3, 3), torch.ones(3), update="synchronus")
    with pytest.raises(FwpError, match="sweeps"):
        recall(torch.zeros(3, 3), torch.ones(3), sweeps=-1)
