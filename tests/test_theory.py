"""The closed forms against brute force: enumeration, drawing, and gradient descent."""

from itertools import product

import numpy as np
import pytest

from fwp_neuro.artificial import theory
from fwp_neuro.errors import FwpError
from fwp_neuro.published import FEATURES, recall_losses


def test_capacity_is_that_of_the_best_matrix_of_rank_d():
    rng = np.random.default_rng(0)
    for keys, features in ((7, 3), (5, 5), (4, 6)):
        left, values, right = np.linalg.svd(
            np.eye(keys) + 1e-6 * rng.standard_normal((keys, keys))
        )
        best = (left[:, :features] * values[:features]) @ right[:features]
        brute = ((best - np.eye(keys)) ** 2).sum() / (2 * keys)
        assert theory.capacity_loss(features, keys) == pytest.approx(brute, abs=1e-5)
        drawn = rng.standard_normal((keys, features))
        found = theory.best_readout_loss(drawn)
        assert found == pytest.approx(theory.capacity_loss(features, keys), abs=1e-12)
    np.testing.assert_allclose(theory.capacity_loss(2, np.array([1, 2, 4])), [0, 0, 0.25])


def brute(memory, beta, keys, length, writes=None, queries="all"):
    """Enumerate which tokens write the key that is asked, and all values of those."""
    total = weight = 0.0
    for hits in product((0, 1), repeat=length):
        n = sum(hits)
        if n == 0 or (writes is not None and n != writes):
            continue
        chance = (
            (1 / keys) ** n
            * (1 - 1 / keys) ** (length - n)
            * (n if queries == "one" else 1)
        )
        for values in product(range(keys), repeat=n):
            read, row, own = np.zeros(keys), 0, 0
            for hit in hits:
                if memory == "gated":
                    read = (1 - beta) * read
                if not hit:
                    continue
                value = np.eye(keys)[values[row]]
                row, own = row + 1, own + 1
                if memory == "delta":
                    read = read + beta * (value - read)
                elif memory == "average":
                    read = read + (value - read) / own
                else:
                    read = read + beta * value
            total += chance / keys**n * ((value - read) ** 2).sum() / 2
        weight += chance
    return total / weight


@pytest.mark.parametrize("memory", theory.REBINDING)
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_losses_equal_enumeration(memory, beta):
    keys, length = 3, 4
    for n in range(1, length + 1):
        found = theory.rebinding_loss(memory, n, keys, beta, length)
        assert found == pytest.approx(brute(memory, beta, keys, length, n), abs=1e-12)
    for queries in ("all", "one"):
        found = theory.overwriting_loss(memory, keys, length, beta, queries)
        assert found == pytest.approx(
            brute(memory, beta, keys, length, None, queries), abs=1e-12
        )


def test_the_average_has_the_losses_of_the_published_settings():
    alls = [theory.overwriting_loss("average", s, s) for s in (20, 200)]
    ones = [
        theory.overwriting_loss("average", s, 2 * s, queries="one") for s in (20, 200)
    ]
    np.testing.assert_allclose(alls + ones, [0.108, 0.116, 0.268, 0.282], atol=5e-4)


def test_nonsense_is_refused():
    with pytest.raises(FwpError, match="did you mean 'delta'"):
        theory.rebinding_loss("detla", 1, 5)
    with pytest.raises(FwpError, match="length of the gated memory is None"):
        theory.rebinding_loss("gated", 1, 5)
    with pytest.raises(FwpError, match="keys must be at least 1"):
        theory.capacity_loss(3, [0, 1])
    with pytest.raises(FwpError, match=r"must be \[S, d\]"):
        theory.best_readout_loss(np.zeros(3))


def test_published_losses_are_those_of_the_paper():
    keys, losses = recall_losses("linear")
    assert keys.tolist() == list(range(20, 601, 20))
    table = [0.0008887422, 0.024646008, 0.1715406, 0.34256673]
    np.testing.assert_allclose(losses[[0, 2, 4, 9]], table, rtol=1e-12)
    keys, losses = recall_losses("dpfp1", "delta", 2)
    assert keys.tolist() == list(range(20, 201, 20)) and losses[-1] == pytest.approx(
        0.1855, 1e-3
    )
    assert np.isnan(recall_losses("favor64", "delta", 2)[1][1:]).all()
    assert (
        recall_losses("linear", which="best_loss")[1] <= recall_losses("linear")[1]
    ).all()
    assert set(FEATURES) < {"tanh", "softmax", *FEATURES}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("linaer",), "did you mean 'linear'"),
        (("linear", "fwm"), "legal: sum"),
        (("linear", "sum", 3), "legal: 1, 2"),
        (("linear", "sum", 1, "loss"), "legal: final_loss, best_loss"),
    ],
)
def test_unknown_runs_are_refused(arguments, words):
    with pytest.raises(FwpError, match=words):
        recall_losses(*arguments)
