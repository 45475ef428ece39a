"""Sequence tasks of recall and regression: definitions, known losses."""

from math import comb

import numpy as np
import pytest

from fwp_neuro import tasks
from fwp_neuro.tasks.drawing import distinct, race


def standard_error(samples):
    return samples.std() / len(samples) ** 0.5


def assert_frequency(count, draws, probability):
    assert (
        abs(count / draws - probability)
        <= 5 * (probability * (1 - probability) / draws) ** 0.5
    )


# ---------------------------------------------------------------------- draws


def test_race_draws_one_after_another_without_replacement():
    weights = np.array([0.5, 0.3, 0.2])
    drawn = race(np.random.default_rng(0), 20000, 7 * weights, 2)
    for i in range(3):
        for j in range(3):
            expected = 0 if i == j else weights[i] * weights[j] / (1 - weights[i])
            found = ((drawn[:, 0] == i) & (drawn[:, 1] == j)).sum()
            assert_frequency(found, 20000, expected)
    shuffled = distinct(np.random.default_rng(0), 6000, 3, 3)
    orders, counts = np.unique(shuffled, axis=0, return_counts=True)
    assert len(orders) == 6
    for count in counts:
        assert_frequency(count, 6000, 1 / 6)


# --------------------------------------------------------------------- Schlag et al. 2021


def averaging_loss(task, batch):
    """Loss of a memory that reads out the mean of all values written under the key."""
    key, value = np.split(batch.inputs, 2, axis=-1)
    written = np.einsum("btk,btv->bkv", key, value)  # the sum rule
    writes = np.einsum("btk,bt->bk", key, value.sum(axis=-1))
    mean = written / np.maximum(writes, 1)[..., None]
    return task.score(np.einsum("bkv,btk->btv", mean, key), batch)["loss"]


@pytest.mark.parametrize(("size", "published"), [(20, 0.1048), (60, 0.1229)])
def test_averaging_memory_in_the_released_evaluation_is_the_published_sum_rule(
    size, published
):
    # L = S, every distinct key once: n ~ Binomial(L, 1/S) given n >= 1 values are
    # averaged, and an average of n independent values loses (1 - 1/S)(1 - 1/n)/2
    chances = [
        comb(size, n) * (size - 1) ** (size - n) / size**size for n in range(1, size + 1)
    ]
    inverse = sum(p / n for n, p in enumerate(chances, 1)) / sum(chances)
    exact = (1 - 1 / size) * (1 - inverse) / 2
    task = tasks.schlag_recall(size, replacement=True)
    evaluations = [
        averaging_loss(task, task.sample(20, seed, size)) for seed in range(40)
    ]
    error = np.std(evaluations)  # of one evaluation, 20 sequences as published
    assert abs(np.mean(evaluations) - exact) < 4 * error / 40**0.5
    assert abs(published - exact) < 3 * error


@pytest.mark.parametrize("size", [20, 60])
def test_averaging_memory_loses_more_in_the_setting_of_the_text(size):
    # L = 2 S, the key of a uniformly drawn write: n - 1 ~ Binomial(L - 1, 1/S)
    exact = (1 - 1 / size) * (1 - (1 - (1 - 1 / size) ** (2 * size)) / 2) / 2
    assert 0.268 < exact < 0.283
    task = tasks.schlag_recall(size, replacement=True, queries="one")
    found = np.array([averaging_loss(task, task.sample(200, seed)) for seed in range(16)])
    assert standard_error(found) < 0.005
    assert abs(found.mean() - exact) < 4 * standard_error(found)


@pytest.mark.parametrize(("size", "rank"), [(8, 3), (12, 12), (20, 1)])
def test_best_read_out_of_a_rank_meets_the_capacity_bound(size, rank):
    task = tasks.schlag_recall(size)
    batch = task.sample(4, 1)
    key, value = np.split(batch.inputs, 2, axis=-1)
    weights = np.einsum("btv,btk->bvk", value, key)
    left, strength, right = np.linalg.svd(weights)
    cut = np.einsum(
        "bvr,br,brk->bvk", left[..., :rank], strength[:, :rank], right[:, :rank]
    )
    scores = task.score(np.einsum("bvk,btk->btv", cut, key), batch)
    assert scores["loss"] == pytest.approx(max(0, 1 - rank / size) / 2, abs=1e-12)


def test_schlag_recall_without_replacement_asks_every_key_once():
    batch = tasks.schlag_recall(6).sample(7, 1)
    key, value = np.split(batch.inputs, 2, axis=-1)
    for part in (key[:, :6], value[:, :6], key[:, 6:], batch.targets[:, 6:]):
        assert (part.sum(axis=1) == 1).all() and (part.sum(axis=2) == 1).all()
    assert not value[:, 6:].any()
    np.testing.assert_array_equal(batch.mask, np.tile(np.arange(12) >= 6, (7, 1)))


def test_schlag_recall_masks_keys_that_were_never_written():
    batch = tasks.schlag_recall(6, replacement=True).sample(300, 1, 6)
    key = batch.inputs[..., :6]
    written = key[:, :6].any(axis=1)  # [batch, key]
    asked = key[:, 6:].argmax(axis=-1)
    np.testing.assert_array_equal(
        batch.mask[:, 6:], np.take_along_axis(written, asked, axis=1)
    )
    missing = (5 / 6) ** 6
    # keys of one sequence are not independent, but negatively correlated: a bound on the
    # error
    assert_frequency((~batch.mask[:, 6:]).sum(), 1800, missing)


# ---------------------------------------------------------------------- other recall


def test_multi_query_recall_follows_its_layout():
    task = tasks.multi_query_recall(vocab=40, pairs=4)
    batch = task.sample(50, 1, 30)
    keys, values, rest = (
        batch.inputs[:, 0:8:2],
        batch.inputs[:, 1:8:2],
        batch.inputs[:, 8:],
    )
    assert ((1 <= keys) & (keys < 20)).all() and ((20 <= values) & (values < 40)).all()
    assert all(len(set(row)) == 4 for row in [*keys.tolist(), *values.tolist()])
    assert not rest[:, 1::2].any() and ((rest > 0).sum(axis=1) == 4).all()
    np.testing.assert_array_equal(np.sort(rest, axis=1)[:, -4:], np.sort(keys, axis=1))
    np.testing.assert_array_equal(batch.mask[:, 8:], rest > 0)
    filled = tasks.multi_query_recall(vocab=40, pairs=4, random_fill=True).sample(
        50, 1, 30
    )
    np.testing.assert_array_equal(filled.mask, batch.mask)
    np.testing.assert_array_equal(filled.targets, batch.targets)
    assert (filled.inputs[~batch.mask & (batch.inputs == 0)] > 0).mean() > 0.9


def test_multi_query_recall_solves_an_example_by_hand():
    # keys 2 and 4 with values 8 and 7
    inputs = [[2, 8, 4, 7, 0, 0, 4, 0, 0, 0, 0, 0, 2, 0]]
    solved = tasks.multi_query_recall(vocab=12, pairs=2).solve(np.array(inputs))
    assert solved.tolist() == [[0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 8, 0]]


@pytest.mark.parametrize("power_a", [0.01, 1.0, 2.0])
def test_multi_query_gaps_follow_the_power_law(power_a):
    task = tasks.multi_query_recall(vocab=8, pairs=1, power_a=power_a)
    batch = task.sample(6000, 1, 14)
    law = np.arange(1, 7) ** (power_a - 1)
    for gap, probability in enumerate(law / law.sum()):
        assert_frequency(batch.mask[:, 2 + 2 * gap].sum(), 6000, probability)


def test_forgetting_recall_by_hand():
    ask, erase, k0, k1, v0, v2 = 0, 1, 2, 3, 4, 6
    events = [(k0, v0), (k1, v2), (k0, ask), (k0, v2), (k0, ask), (k0, erase), (k0, ask)]
    events += [(k1, ask), (k0, erase), (k0, v0), (k0, ask)]
    solved = tasks.forgetting_recall(keys=2, values=3).solve(
        np.array(events).reshape(1, -1)
    )
    answers = [
        label
        for label, (_, action) in zip(solved[0, 1::2], events, strict=True)
        if action == ask
    ]
    assert answers == [0, 2, 3, 2, 0]


@pytest.mark.parametrize(
    ("length", "empty"), [(4, 0.0), (6, 0.2), (8, 0.28), (10, 0.312)]
)
def test_forgetting_recall_is_empty_as_often_as_it_should(length, empty):
    # one key: some event after the first changed it with 1 - .4^m, and erased it in a
    # third
    batch = tasks.forgetting_recall(keys=1, values=4).sample(4000, 1, length)
    assert_frequency((batch.targets[:, -1] == 4).sum(), 4000, empty)
    bound = batch.targets[:, -1][batch.targets[:, -1] < 4]
    for value in range(4):
        assert_frequency((bound == value).sum(), len(bound), 0.25)


def test_selective_copy_scatters_evenly():
    batch = tasks.selective_copy(items=2, vocab=3).sample(4000, 1, 9)
    places = (batch.inputs >= 2).mean(axis=0)
    np.testing.assert_array_equal(places[7:], 0)
    for place in places[:7]:
        assert_frequency(4000 * place, 4000, 2 / 7)
    for token in range(3):
        assert_frequency((batch.targets[:, -1] == token).sum(), 4000, 1 / 3)
    hand = tasks.selective_copy(items=2, vocab=3).solve(np.array([[0, 4, 0, 2, 0, 1, 1]]))
    assert hand.tolist() == [[0, 0, 0, 0, 0, 2, 0]]


@pytest.mark.parametrize("repeats", [True, False])
def test_delayed_match_is_balanced_and_familiarity_does_not_solve_it(repeats):
    task = tasks.delayed_match(stimuli=6, distractors=0.5, repeats=repeats)
    batch = task.sample(4000, 1, 12)
    sample, delay, probe = (
        batch.inputs[:, :1],
        batch.inputs[:, 1:-2],
        batch.inputs[:, -1:],
    )
    match = batch.targets[:, -1] == 1
    assert_frequency(match.sum(), 4000, 0.5)
    assert not (delay == sample).any() and (batch.inputs[:, -2] == 1).all()
    assert_frequency((delay > 0).sum(), delay.size, 0.5)
    shown, seen = (delay > 0).any(axis=1), (delay == probe).any(axis=1)
    assert not seen[match].any()
    if repeats:
        assert seen[~match & shown].all()
    else:  # a probe out of 5, each of 9 places shows it with chance 1/10
        others = ~match
        assert_frequency(seen[others].sum(), others.sum(), 1 - 0.9**9)


def test_few_shot_labels_come_one_token_late_and_means_classify():
    task = tasks.few_shot_episodes(ways=4, dim=16, spread=0.3)
    batch = task.sample(200, 1, 40)
    late = batch.inputs[:, :, 16:]
    assert not late[:, 0].any() and not batch.inputs[:, -1, :16].any()
    np.testing.assert_array_equal(late[:, 1:].argmax(axis=-1), batch.targets[:, :-1])
    for row in range(20):  # the mask: class shown before
        labels = batch.targets[row, :-1].tolist()
        shown = [label in labels[:place] for place, label in enumerate(labels)]
        assert batch.mask[row].tolist() == [*shown, False]
    for label in range(4):
        assert_frequency((batch.targets[:, :-1] == label).sum(), 8000, 0.25)
    scores = task.score(tasks.nearest_mean(batch.inputs, 4), batch)
    assert scores["accuracy"] > 0.99 and scores["scaled_accuracy"] > 0.98
    hard = tasks.few_shot_episodes(ways=4, dim=2, spread=3.0)
    batch = hard.sample(200, 1, 40)
    scores = hard.score(tasks.nearest_mean(batch.inputs, 4), batch)
    assert 0 < scores["scaled_accuracy"] < 0.5


def test_nearest_mean_does_not_look_ahead():
    inputs = tasks.few_shot_episodes().sample(3, 1, 20).inputs
    whole = tasks.nearest_mean(inputs, 5)
    np.testing.assert_array_equal(tasks.nearest_mean(inputs[:, :9], 5), whole[:, :9])


# ---------------------------------------------------------------------- regression


@pytest.fixture(scope="module")
def regressions():
    """40000 sequences with 10 examples of 10 dimensions: (x, y, query), target."""
    batch = tasks.regression().sample(40000, 7)
    return tasks.split_regression(batch.inputs), batch.targets[:, -1, 0]


@pytest.mark.parametrize(
    ("solver", "options", "exact", "published"),
    [
        (tasks.predict_zero, {}, 10 / 24, 0.4167),
        (tasks.gradient_step, {}, tasks.gradient_step_loss(), 0.20623),
        (tasks.gradient_step, {"step": 0.3}, tasks.gradient_step_loss(step=0.3), None),
        (tasks.delta_pass, {"beta": 0.5}, tasks.delta_pass_loss(beta=0.5), 0.214),
        (tasks.delta_pass, {"beta": 1.0}, tasks.delta_pass_loss(beta=1.0), 0.159),
        (tasks.delta_pass, {"beta": 2.0}, tasks.delta_pass_loss(beta=2.0), 0.297),
        (tasks.ridge, {"penalty": 0.01}, None, 0.028),
    ],
)
def test_solvers_have_their_known_losses(regressions, solver, options, exact, published):
    given, target = regressions
    losses = 0.5 * (solver(*given, **options) - target) ** 2
    error = standard_error(losses)
    assert error < 0.01 * losses.mean() + 0.001  # 1 % at most
    if exact is not None:
        assert abs(losses.mean() - exact) < 4 * error
        if published is not None:
            digits = len(str(published).split(".")[1])
            assert abs(exact - published) <= 0.5001 * 10**-digits
    else:
        # published to 3 digits
        assert abs(losses.mean() - published) < 4 * error + 0.0005


def test_best_step_is_the_published_one_and_the_best():
    assert tasks.optimal_step() == pytest.approx(0.6061, abs=5e-5)
    best = tasks.gradient_step_loss(4, 7)
    for step in (0.9, 1.1):
        assert tasks.gradient_step_loss(4, 7, step * tasks.optimal_step(4, 7)) > best


@pytest.mark.parametrize(("dim", "pairs"), [(3, 8), (6, 2)])
def test_closed_forms_hold_at_other_sizes(dim, pairs):
    batch = tasks.regression(dim).sample(20000, 3, pairs)
    given, target = tasks.split_regression(batch.inputs), batch.targets[:, -1, 0]
    for solver, exact in (
        (tasks.gradient_step, tasks.gradient_step_loss(dim, pairs)),
        (tasks.delta_pass, tasks.delta_pass_loss(dim, pairs, 1.0)),
    ):
        losses = 0.5 * (solver(*given) - target) ** 2
        assert abs(losses.mean() - exact) < 4 * standard_error(losses)


def test_regression_inputs_and_scores():
    task = tasks.regression(4)
    batch = task.sample(2000, 1, 6)
    x, y, query = tasks.split_regression(batch.inputs)
    assert np.abs(x).max() <= 0.5 and np.abs(query).max() <= 0.5
    assert x.var() == pytest.approx(1 / 12, abs=0.002)
    assert not batch.inputs[:, -1, -1].any()
    np.testing.assert_array_equal(batch.mask, np.tile(np.arange(7) == 6, (2000, 1)))
    predictions = np.zeros((2000, 7, 1))
    predictions[:, -1, 0] = tasks.ridge(x, y, query, 1e-9)
    assert task.score(predictions, batch)["loss"] < 1e-6
    assert task.score(0 * predictions, batch)["loss"] == pytest.approx(4 / 24, rel=0.1)
