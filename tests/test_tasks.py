"""Tasks: keys, digits, recall."""

import numpy as np
import pytest

from fwp_neuro import tasks
from fwp_neuro.errors import FwpError


@pytest.mark.parametrize("dim", [1, 2, 5, 16])
def test_random_keys_are_nonnegative_unit_vectors(dim):
    keys = tasks.random_keys(41, dim, seed=3)
    assert keys.shape == (41, dim)
    assert keys.min() >= 0
    np.testing.assert_allclose(np.linalg.norm(keys, axis=1), 1)


def test_random_keys_signed_sparse_and_seeded():
    assert tasks.random_keys(50, 6, nonnegative=False).min() < 0
    sparse = tasks.random_keys(20, 10, sparsity=0.3)
    assert (np.count_nonzero(sparse, axis=1) == 3).all()
    assert sparse.min() >= 0
    np.testing.assert_array_equal(sparse, tasks.random_keys(20, 10, sparsity=0.3))
    assert not np.array_equal(sparse, tasks.random_keys(20, 10, seed=1, sparsity=0.3))


@pytest.mark.parametrize(
    ("count", "dim", "active"), [(5, 8, 3), (8, 8, 3), (12, 64, 8), (3, 3, 1)]
)
def test_sparse_keys_keep_their_overlap(count, dim, active):
    keys = tasks.sparse_keys(count, dim, active, seed=2, max_overlap=0.5)
    overlap = keys @ keys.T
    np.testing.assert_allclose(np.diag(overlap), 1)
    assert (np.count_nonzero(keys, axis=1) == active).all()
    assert (overlap - np.eye(count)).max() <= 0.5 + 1e-12


def test_onehot_keys():
    np.testing.assert_array_equal(tasks.onehot_keys(2, 3), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda: tasks.onehot_keys(4, 3), "count is 4.*at most 3"),
        (lambda: tasks.random_keys(0, 3), "count is 0"),
        (lambda: tasks.random_keys(2, 3.5), "dim is 3.5"),
        (lambda: tasks.random_keys(2, 3, sparsity=0), "sparsity must be above 0"),
        (lambda: tasks.sparse_keys(9, 8, 3), "found no 9 keys with 3 of 8"),
        (lambda: tasks.sparse_keys(2, 3, 4), "active is 4"),
        (
            lambda: tasks.sparse_keys(2, 3, 2, max_overlap=2),
            "max_overlap must be in \\[0, 1\\]",
        ),
        (lambda: tasks.associative_recall(keys="onehott"), "did you mean 'onehot'"),
        (lambda: tasks.associative_recall(tokens=9, keys="onehot"), "count is 9"),
        (lambda: tasks.associative_recall(heads=0), "heads is 0"),
        (lambda: tasks.associative_recall(beta=[1.0, 2.0]), "beta"),
        (lambda: tasks.digit_memory(digits=()), "at least one"),
        (lambda: tasks.digit_memory(digits=(1, 1)), "all different"),
        (lambda: tasks.digit_memory(digits=(1, 12)), "digits\\[.\\] is 12"),
        (lambda: tasks.digit_memory(digits=(1, 2), rebind=(0, 5)), "starts from 0"),
        (lambda: tasks.digit_memory(rebind=(0,)), "rebind"),
        (lambda: tasks.digit_memory(rebind=5), "rebind must be several values"),
        (lambda: tasks.digit_memory(digits=5), "digits must be several values"),
    ],
)
def test_mistakes_are_sentences(mistake, sentence):
    with pytest.raises(FwpError, match=sentence):
        mistake()


def test_digits_are_those_of_the_source():
    images, labels = tasks.digits()
    assert images.shape == (1200, 64) and labels.shape == (1200,)
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 120))
    assert images.min() == 0 and images.max() == 1
    np.testing.assert_array_equal(images * 16, np.round(images * 16))
    # the first image of the source is a zero; its first two rows
    assert labels[0] == 0
    np.testing.assert_array_equal(
        images[0, :16] * 16, [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    )
    images[:] = 7  # a caller's copy
    assert tasks.digits()[0].max() == 1


def nearest_class(image):
    images, labels = tasks.digits()
    means = np.stack([images[labels == digit].mean(0) for digit in range(10)])
    return int(np.argmin(((means - image) ** 2).sum(1)))


def test_each_digit_looks_like_its_class():
    images, labels = tasks.digits()
    assert (
        np.mean([nearest_class(i) == k for i, k in zip(images, labels, strict=True)])
        > 0.85
    )


@pytest.mark.parametrize("keys", ["random", "onehot", "sparse"])
@pytest.mark.parametrize("heads", [None, 2])
@pytest.mark.parametrize("replacement", [False, True])
def test_recall_asks_for_what_was_written(keys, heads, replacement):
    program = tasks.associative_recall(
        tokens=7, dim=9, post=5, seed=4, heads=heads, keys=keys, replacement=replacement
    )
    assert (program.tokens, program.heads, program.pre, program.post) == (7, heads, 9, 5)
    assert program["key"].min() >= 0
    assert np.abs(program["value"]).max() <= 1
    answer = program["answer"].astype(int).reshape(7, -1)
    key, query = (program[name].reshape(7, -1, 9) for name in ("key", "query"))
    for token in range(7):
        for head, wanted in enumerate(answer[token]):
            assert wanted <= token
            np.testing.assert_array_equal(query[token, head], key[wanted, head])
            later = key[wanted + 1 : token + 1, head]
            # the last write counts
            assert not (later == key[wanted, head]).all(axis=-1).any()
    assert (answer < np.arange(7)[:, None]).any()  # not only the write of the moment


def test_recall_reads_out_its_targets_with_orthogonal_keys():
    program = tasks.associative_recall(tokens=6, dim=6, keys="onehot", beta=1.0)
    weights = np.einsum("tv,tk->tvk", program["value"], program["key"]).cumsum(0)
    readout = np.einsum("tvk,tk->tv", weights, program["query"])
    np.testing.assert_allclose(readout, tasks.targets(program))


def test_recall_is_seeded_and_carries_gates():
    one, two, other = (tasks.associative_recall(seed=seed) for seed in (1, 1, 2))
    for name in one.names:
        np.testing.assert_array_equal(one[name], two[name])
    assert not np.array_equal(one["value"], other["value"])
    assert (one["alpha"] == 1).all() and (one["beta"] == 0.8).all()
    assert tasks.associative_recall(nonnegative=False)["key"].min() < 0
    assert (tasks.associative_recall(alpha=0.9)["alpha"] == 0.9).all()


def test_replacement_brings_keys_back():
    program = tasks.associative_recall(tokens=20, dim=4, replacement=True)
    assert len(np.unique(program["key"], axis=0)) <= 4
    assert (program["former"] >= 0).any()


def test_digit_memory_writes_rebinds_and_reads():
    program = tasks.digit_memory(digits=(3, 7, 1), rebind=(7, 2), seed=5)
    assert program.labels == (
        "write 3",
        "write 7",
        "write 1",
        "re-bind 7 -> 2",
        "read key 3",
        "read key 7",
        "read key 1",
    )
    assert (program.pre, program.post) == (8, 64)
    np.testing.assert_array_equal(program["beta"], [0.9] * 4 + [0] * 3)
    np.testing.assert_array_equal(program["read_only"], [0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(program["slot"], [0, 1, 2, 1, 0, 1, 2])
    np.testing.assert_array_equal(program["answer"], [0, 1, 2, 3, 0, 3, 2])
    np.testing.assert_array_equal(program["former"], [-1, -1, -1, 1, -1, 1, -1])
    np.testing.assert_array_equal(program["digit"], [3, 7, 1, 2, 3, 2, 1])
    np.testing.assert_array_equal(program["former_digit"], [-1, -1, -1, 7, -1, 7, -1])
    np.testing.assert_array_equal(program["key"][3], program["key"][1])
    np.testing.assert_array_equal(program["query"], program["key"])
    assert not program["value"][4:].any()
    images, labels = tasks.digits()
    for value, digit in zip(program["value"][:4], (3, 7, 1, 2), strict=True):
        found = np.flatnonzero((2 * images - 1 == value).all(axis=1))
        assert labels[found].tolist() == [digit]


def test_digit_memory_separates_hebb_from_delta():
    """Crosstalk is moderate, and only error correction forgets the digit that was
    replaced."""
    for seed in range(3):
        program = tasks.digit_memory(seed=seed, beta=1.0)
        wanted = tasks.targets(program)[-5:]
        errors = {}
        for name, corrects in (("hebb", 0.0), ("delta", 1.0)):
            weights, readout = np.zeros((64, 8)), []
            for key, value, beta in zip(
                program["key"], program["value"], program["beta"], strict=True
            ):
                error = value - corrects * weights @ key
                weights = weights + beta * np.outer(error, key)
                readout.append(weights @ key)
            errors[name] = np.sqrt(((np.array(readout[-5:]) - wanted) ** 2).mean(1))
        assert (errors["delta"] < 0.5).all()
        assert errors["delta"][0] < 1e-12  # written last
        assert errors["hebb"].mean() > 2 * errors["delta"].mean()
        assert errors["hebb"][0] > 0.8  # the old digit is still there


def test_digit_memory_takes_another_image_of_the_same_class():
    program = tasks.digit_memory(digits=(0, 1), rebind=(0, 1))
    assert program["digit"][2] == 1
    assert not np.array_equal(program["value"][1], program["value"][2])
    assert tasks.digit_memory(digits=(0, 1), rebind=None).tokens == 4
