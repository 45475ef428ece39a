"""Laws of every sequence task: labels, masks, seeds, lengths, scores, refusals."""

import numpy as np
import pytest

from fwp_neuro import tasks
from fwp_neuro.errors import FwpError

# small forms of every task: options and lengths to sample at
FORMS = {
    "schlag_recall": [
        ({"keys": 5}, (None, 1, (2, 5))),
        ({"keys": 6, "replacement": True}, (None, 1, 7, (3, 20))),
        ({"keys": 4, "replacement": True, "queries": "one"}, (None, 9, (1, 5))),
    ],
    "multi_query_recall": [
        ({"vocab": 32, "pairs": 3}, (None, 12, (12, 30))),
        ({"vocab": 10, "pairs": 4, "random_fill": True}, (16, (20, 26))),
        ({"power_a": 1}, (None,)),
    ],
    "forgetting_recall": [
        ({}, (None, 4, (6, 31))),
        ({"keys": 1, "values": 2, "ask": 0.3, "erase": 0.5}, (4, 20)),
    ],
    "parity": [({}, (None, 1, (40, 60))), ({"every": False}, (None, 7))],
    "modular_arithmetic": [
        ({}, (None, 2, 4, (20, 41))),
        ({"brackets": True}, (None, 2, 3, 4, 5, 6, (20, 30))),
        ({"modulus": 3, "multiplication": False, "brackets": True}, (None, 17)),
    ],
    "cycle_navigation": [
        ({}, (None, 1)),
        ({"positions": 3, "every": False}, (5, (2, 9))),
    ],
    "group_word_problem": [
        *(({"group": group}, (None, 1, (3, 6))) for group in tasks.GROUPS),
        ({"group": "S4", "swaps_only": True, "every": False}, (None, 5)),
    ],
    "dyck": [
        ({}, (None, 2, 8)),
        ({"kinds": 2}, (None, 40, (2, 12))),
        ({"kinds": 3, "depth": 2}, (20, (2, 12))),
        ({"depth": 1}, (6,)),
    ],
    "reset_dyck": [({}, (None, 1, (5, 9))), ({"reset": 0.0, "mistake": 0.0}, (30,))],
    "counters": [
        ({"language": "anbn"}, (None, 2, (4, 20))),
        ({"language": "anbncn"}, (None, 3, 12)),
        ({"language": "aa"}, (None, 2)),
        ({"language": "abab"}, (None, 4, 12)),
    ],
    "regression": [({}, (None, 12, (10, 14))), ({"dim": 3}, (3, (3, 9)))],
    "selective_copy": [({"items": 3, "vocab": 4}, (None, 6, (6, 20))), ({}, (40,))],
    "few_shot_episodes": [
        ({}, (None, 6, (8, 12))),
        ({"ways": 2, "dim": 1, "spread": 2.0}, (3,)),
    ],
    "delayed_match": [
        ({}, (None, 3, 4)),
        ({"stimuli": 2, "distractors": 1.0}, (3, (5, 9))),
        ({"distractors": 0.0}, (6,)),
        ({"repeats": False}, (12,)),
    ],
}
CASES = [
    pytest.param(name, options, length, id=f"{name}-{options}-{length}")
    for name, forms in FORMS.items()
    for options, lengths in forms
    for length in lengths
]
NAMES = list(tasks.sequence_tasks())


def make(name, options=None, **more):
    return tasks.sequence_tasks()[name](**(options or {}), **more)


def same(one, other):
    pairs = [
        (getattr(one, name), getattr(other, name))
        for name in ("inputs", "targets", "mask")
    ]
    return all(np.array_equal(a, b) for a, b in pairs)


def test_every_listed_task_is_tested_here():
    for name in NAMES:
        new = (
            "add to FORMS of tests/test_sequence_tasks.py its options and lengths "
            f'(None: the usual one): "{name}": [({{}}, (None, 1, 7))],'
        )
        assert name in FORMS, new
    assert set(FORMS) == set(NAMES)
    assert all(
        getattr(tasks, name) is make_it
        for name, make_it in tasks.sequence_tasks().items()
    )


@pytest.mark.parametrize(("name", "options", "length"), CASES)
def test_labels_are_those_of_the_solver_and_arrays_are_as_declared(name, options, length):
    task = make(name, options)
    assert task.name == name and task.citation and set(options) <= set(task.parameters)
    for seed in range(6):
        batch = task.sample(1 + 4 * seed, seed, length)
        task.check(batch)
        assert batch.mask.dtype == bool and batch.mask.any(axis=1).all()
        assert len(batch.inputs) == 1 + 4 * seed
        if batch.inputs.ndim == 2:
            assert batch.inputs.dtype == np.int64
            assert 0 <= batch.inputs.min() and batch.inputs.max() < task.input_size
        else:
            assert (
                batch.inputs.dtype == np.float64
                and batch.inputs.shape[2] == task.input_size
            )
        if task.loss == "cross_entropy":
            assert (
                batch.targets.dtype == np.int64
                and batch.targets.shape == batch.mask.shape
            )
            assert 0 <= batch.targets.min() and batch.targets.max() < task.output_size
        else:
            assert batch.targets.shape == (*batch.mask.shape, task.output_size)
        if isinstance(length, int):
            assert batch.mask.shape[1] == length + task.extra_tokens


@pytest.mark.parametrize("name", NAMES)
def test_check_finds_one_wrong_label(name):
    task = make(name, FORMS[name][0][0])
    batch = task.sample(5, 3)
    row, token = np.argwhere(batch.mask)[-1]
    if task.loss == "cross_entropy":
        batch.targets[row, token] = (batch.targets[row, token] + 1) % task.output_size
    else:
        batch.targets[row, token, 0] += 1e-3
    with pytest.raises(
        FwpError, match=f"{name}: the target of sequence {row}, token {token} is"
    ):
        task.check(batch)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_a_function_of_its_seeds_alone(name):
    options = FORMS[name][0][0]
    task = make(name, options)
    first = task.sample(9, 5)
    np.random.seed(0)
    task.sample(3, 1)
    assert same(first, task.sample(9, 5))
    assert same(first, make(name, options, seed=0).sample(9, 5))
    for other in (task.sample(9, 6), make(name, options, seed=1).sample(9, 5)):
        assert not np.array_equal(first.inputs, other.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_and_a_wrong_prediction_score_as_they_should(name):
    task = make(name, FORMS[name][0][0])
    batch = task.sample(8, 2)
    targets = batch.targets
    if task.loss == "squared_error":
        assert task.score(targets, batch)["loss"] == 0
        assert task.score(targets + 2.0, batch)["loss"] == pytest.approx(
            2 * task.output_size
        )
        assert ("accuracy" in task.score(targets, batch)) == task.one_hot
        return
    logits = np.eye(task.output_size)[targets]
    logits[~batch.mask] = np.nan  # nothing outside the mask counts
    for perfect in (targets, logits):
        assert set(task.score(perfect, batch).values()) == {1.0}
    wrong = task.score((targets + 1) % task.output_size, batch)
    assert wrong["accuracy"] == wrong["sequence_accuracy"] == 0
    if task.chance is not None:
        assert wrong["scaled_accuracy"] == pytest.approx(-task.chance / (1 - task.chance))
    assert task.score(np.full(logits.shape, np.nan), batch)["accuracy"] == 0


def test_scores_of_a_small_example():
    task = tasks.cycle_navigation(positions=3)
    batch = tasks.Batch(
        inputs=np.array([[1, 1, 0], [2, 0, 0]]),
        targets=np.array([[1, 2, 2], [2, 2, 0]]),
        mask=np.array([[True, True, True], [True, True, False]]),
    )
    scores = task.score(np.array([[1, 2, 2], [2, 0, 0]]), batch)
    assert scores["accuracy"] == 0.8 and scores["sequence_accuracy"] == 0.5
    assert scores["scaled_accuracy"] == pytest.approx((0.8 - 1 / 3) / (2 / 3))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "multi_query_recall"])
def test_shorter_sequences_are_padded_and_their_lengths_are_uniform(name):
    # (the end of a sequence of multi_query_recall cannot be told from the blanks in it)
    task = make(name, FORMS[name][0][0])
    legal = list(task.lengths[:3])
    batch = task.sample(3000, 1, (legal[0], legal[-1]))
    longest = legal[-1] + task.extra_tokens
    assert batch.mask.shape[1] == longest
    real = batch.mask if batch.inputs.ndim == 2 else batch.inputs.any(axis=2)
    end = longest - np.argmax(real[:, ::-1], axis=1)
    counts = [(end == one + task.extra_tokens).sum() for one in legal]
    assert sum(counts) == 3000
    # a third each, standard error (3000 * 2/9)**.5 = 26
    np.testing.assert_allclose(counts, 1000, atol=4 * 26)
    padding = np.arange(longest) >= end[:, None]
    assert not batch.mask[padding].any()
    assert (batch.inputs[padding] == task.pad).all()


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_is_refused_in_one_sentence(name):
    make_it, options = tasks.sequence_tasks()[name], FORMS[name][0][0]
    task = make_it(**options)
    too_short = task.lengths[0] - 1
    for mistake in (
        lambda: make_it(seed=-1),
        lambda: task.sample(0),
        lambda: task.sample(2.5),
        lambda: task.sample(2, seed="a"),
        lambda: task.sample(2, length=too_short),
        lambda: task.sample(2, length=2**30),
        lambda: task.sample(2, length=(9, 5)),
        lambda: task.sample(2, length=(5, 9, 11)),
        lambda: task.score(np.zeros((3, 2)), task.sample(2)),
    ):
        with pytest.raises(FwpError) as error:
            mistake()
        assert "\n" not in str(error.value) and ". " not in str(error.value).replace(
            "... ", ""
        )


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda: tasks.parity(every=1), "parity: every must be True or False, got 1"),
        (lambda: tasks.parity().sample(2, length=0), "length is 0"),
        (lambda: tasks.cycle_navigation(positions=1), "positions is 1"),
        (lambda: tasks.modular_arithmetic(modulus=1), "modulus is 1"),
        (
            lambda: tasks.modular_arithmetic().sample(2, length=5),
            "is 5; legal lengths are 2, 4, 6",
        ),
        (lambda: tasks.group_word_problem("S6"), "did you mean 'S"),
        (
            lambda: tasks.group_word_problem("A5", swaps_only=True),
            "symmetric group .* got A5",
        ),
        (lambda: tasks.group_elements("Q8"), "unknown group 'Q8'"),
        (lambda: tasks.dyck(kinds=0), "kinds is 0"),
        (lambda: tasks.dyck(depth=0), "depth is 0"),
        (lambda: tasks.legal_brackets(3), "label is 3; with kinds=1 it is at most 2"),
        (lambda: tasks.reset_dyck(reset=1.5), r"reset must be in \[0, 1\], got 1.5"),
        (
            lambda: tasks.reset_dyck(mistake=float("nan")),
            "mistake must be a finite number",
        ),
        (lambda: tasks.counters("anbnc"), "did you mean 'anbncn'"),
        (lambda: tasks.legal_letters("b"), "unknown counter language"),
        (lambda: tasks.schlag_recall(keys=0), "keys is 0"),
        (lambda: tasks.schlag_recall(queries="al"), "did you mean 'all'"),
        (
            lambda: tasks.schlag_recall(keys=4).sample(2, length=5),
            "is 5; .* 1, 2, 3, ... 4",
        ),
        (lambda: tasks.multi_query_recall(vocab=9), "vocab is 9; it must be even"),
        (lambda: tasks.multi_query_recall(vocab=8, pairs=4), "at least 10"),
        (lambda: tasks.multi_query_recall(power_a=0), "power_a must be above 0, got 0"),
        (lambda: tasks.forgetting_recall(ask=0.7, erase=0.4), "more than 1"),
        (
            lambda: tasks.regression(dim=4).check(
                tasks.regression(dim=4).sample(2, length=3)
            ),
            "3 ex",
        ),
        (
            lambda: tasks.ridge(np.ones((1, 1, 1)), np.ones((1, 1)), np.ones((1, 1)), 0),
            "penalty",
        ),
        (lambda: tasks.selective_copy(vocab=1), "vocab is 1"),
        (lambda: tasks.few_shot_episodes(ways=1), "ways is 1"),
        (
            lambda: tasks.few_shot_episodes(spread=-1.0),
            "spread must be above 0, got -1.0",
        ),
        (lambda: tasks.delayed_match(stimuli=1), "stimuli is 1"),
        (
            lambda: tasks.delayed_match(distractors="a"),
            "distractors must be a finite number",
        ),
        (
            lambda: tasks.Batch(
                np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 4), dtype=bool)
            ),
            "first two axes",
        ),
        (
            lambda: tasks.Batch(
                np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3), dtype=bool)
            ),
            "false everywhere",
        ),
    ],
)
def test_mistakes_are_named(mistake, sentence):
    with pytest.raises(FwpError, match=sentence):
        mistake()


@pytest.mark.parametrize(
    ("task", "inputs"),
    [
        (tasks.parity(), [0, 1]),  # no batch axis
        (tasks.parity(), [[0, 2]]),  # no such class
        (tasks.parity(), [[0.0, 1.0]]),
        (tasks.dyck(), [[0, -1]]),
        (tasks.regression(3), [[[0.0, 1.0]]]),  # another width
        (tasks.regression(3), [[[0.0] * 4]]),  # no query
        (tasks.modular_arithmetic(), [[1, 5, 2]]),  # no "="
        (tasks.modular_arithmetic(), [[5, 5, 8]]),  # no numbers
        (tasks.forgetting_recall(), [[2, 0]]),  # asked before anything was written
        (tasks.selective_copy(2), [[2, 1, 1]]),  # more cues than data
        (tasks.delayed_match(), [[2, 0, 2]]),  # no cue
    ],
)
def test_solvers_refuse_what_is_no_sequence_of_the_task(task, inputs):
    with pytest.raises(FwpError, match=f"{task.name}: the inputs, .* are no sequences"):
        task.solve(inputs)
