"""Programmes by hand: every state is that of the task's own solver, whatever form runs
them."""

import numpy as np
import pytest

from fwp_neuro import tasks
from fwp_neuro.artificial import apply
from fwp_neuro.artificial.hand_programmed import (
    exchanges_of,
    reflect_parity,
    reflect_permutations,
    rotate,
)
from fwp_neuro.errors import FwpError


@pytest.mark.parametrize("group", ["S3", "S4", "S5", "A5"])
def test_exchanges_multiply_to_the_transposed_permutation(group):
    for element in tasks.group_elements(group):
        size = len(element)
        matrix = np.zeros((size, size))
        matrix[element, np.arange(size)] = 1  # P e_i = e_{element[i]}
        found, pairs = np.eye(size), exchanges_of(element)
        for i, j in pairs:
            key = (np.eye(size)[i] - np.eye(size)[j]) / np.sqrt(2)
            found = found @ (np.eye(size) - 2 * np.outer(key, key))
        np.testing.assert_allclose(found, matrix.T, rtol=0, atol=1e-14)
        assert len(pairs) <= size - 1


@pytest.mark.parametrize("form", ["step", "chunk"])
@pytest.mark.parametrize(
    ("group", "swaps", "rule"),
    [
        ("S5", True, "delta"),
        ("S5", False, "delta_product_n"),
        ("A5", False, "delta_product_n"),
    ],
)
def test_words_are_exact(group, swaps, rule, form):
    drawn = tasks.group_word_problem(group, swaps_only=swaps).sample(4, length=512)
    programme = reflect_permutations(drawn.inputs, tasks.group_elements(group))
    assert programme.rule.name == rule
    readout, _ = apply(programme.rule, **programme.signals, form=form)
    np.testing.assert_array_equal(programme.decode(readout), drawn.targets)


def test_parity_is_exact_for_ever():
    drawn = tasks.parity().sample(2, length=4096)
    programme = reflect_parity(drawn.inputs)
    readout, _ = apply(programme.rule, **programme.signals, form="step")
    np.testing.assert_array_equal(programme.decode(readout), drawn.targets)


@pytest.mark.parametrize("positions", [2, 5, 7])
def test_rotation_counts(positions):
    drawn = tasks.cycle_navigation(positions).sample(4, length=301)
    programme = rotate(np.array([0, 1, -1])[drawn.inputs], positions)
    readout, _ = apply(programme.rule, **programme.signals, form="step")
    np.testing.assert_array_equal(programme.decode(readout), drawn.targets)


def test_strength_one_projects():
    """One write of strength 1 erases: parity reads 0 from the first 1 on."""
    programme = reflect_parity(np.array([[0, 1, 0, 1]]), strength=1)
    readout, _ = apply(programme.rule, **programme.signals, form="step")
    assert readout.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reflect_parity(np.array([[0, 2]])), "from 0 to 1"),
        (lambda: reflect_parity(np.array([0, 1])), r"int \[batch, token\]"),
        (
            lambda: reflect_parity(np.array([[0, 1]]), 2.5),
            r"strength must be in \[0, 2\]",
        ),
        (lambda: rotate(np.array([[0.5]]), 5), r"int \[batch, token\]"),
        (lambda: exchanges_of([0, 0]), "is no permutation"),
        (
            lambda: reflect_permutations(np.array([[3]]), tasks.group_elements("S3"), 1),
            "products of 2 exchanges",
        ),
    ],
)
def test_nonsense_is_refused(call, words):
    with pytest.raises(FwpError, match=words):
        call()
