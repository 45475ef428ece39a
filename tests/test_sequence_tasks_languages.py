"""Sequence tasks of languages and groups against enumeration, known counts and
distributions."""

from itertools import product
from math import comb

import numpy as np
import pytest

from fwp_neuro import tasks

ORDERS = {"Z2": 2, "Z60": 60, "S3": 6, "S4": 24, "S5": 120, "A4": 12, "A5": 60}
CLASSES = {"Z2": 2, "Z60": 60, "S3": 3, "S4": 5, "S5": 7, "A4": 4, "A5": 5}


def assert_uniform(labels, classes):
    """Every class has frequency 1/classes, within 5 standard errors."""
    counts = np.bincount(labels.ravel(), minlength=classes)
    expected = labels.size / classes
    assert np.abs(counts - expected).max() < 5 * (expected * (1 - 1 / classes)) ** 0.5


# ---------------------------------------------------------------------- groups


@pytest.mark.parametrize("group", tasks.GROUPS)
def test_groups_have_their_order_and_obey_the_axioms(group):
    order, table = ORDERS[group], tasks.group_table(group)
    assert tasks.group_elements(group).shape[0] == order and table.shape == (order, order)
    every = np.arange(order)
    assert (np.sort(table, axis=0) == every[:, None]).all()  # closed, every inverse once
    assert (np.sort(table, axis=1) == every).all()
    assert (table[0] == every).all() and (table[:, 0] == every).all()
    assert (table[table] == table[:, table]).all() if order <= 60 else True
    # commuting pairs = order * number of conjugacy classes, known for each group
    assert (table == table.T).sum() == order * CLASSES[group]


def test_composition_is_first_b_then_a_and_z60_is_addition():
    number = np.arange(60)
    assert (tasks.group_table("Z60") == (number[:, None] + number) % 60).all()
    elements, table = tasks.group_elements("S5"), tasks.group_table("S5")
    rng = np.random.default_rng(0)
    for a, b, c in rng.integers(120, size=(200, 3)):
        as_matrix = np.eye(5)[:, elements[a]] @ np.eye(5)[:, elements[b]]
        assert (np.eye(5)[:, elements[table[a, b]]] == as_matrix).all()
        assert table[table[a, b], c] == table[a, table[b, c]]


@pytest.mark.parametrize(("group", "swaps"), [("S3", 3), ("S4", 6), ("S5", 10)])
def test_swaps_only_are_the_transpositions_and_generate_the_signs(group, swaps):
    batch = tasks.group_word_problem(group, swaps_only=True).sample(400, length=9)
    elements = tasks.group_elements(group)
    drawn = np.unique(batch.inputs)
    assert len(drawn) == swaps
    assert ((elements[drawn] != np.arange(int(group[1]))).sum(axis=1) == 2).all()
    sign = np.linalg.det(np.eye(int(group[1]))[elements[batch.targets]]).round()
    assert (sign == (-1.0) ** np.arange(1, 10)).all()


@pytest.mark.parametrize("group", tasks.GROUPS)
def test_every_product_is_equally_likely(group):
    batch = tasks.group_word_problem(group).sample(4000, 2, 3)
    for token in range(3):
        assert_uniform(batch.targets[:, token], ORDERS[group])


# ---------------------------------------------------------------------- counting modulo m


def test_parity_and_cycle_positions_are_balanced():
    parity = tasks.parity().sample(4000, 1, 9)
    for token in range(9):
        assert_uniform(parity.targets[:, token], 2)
    np.testing.assert_array_equal(parity.targets[:, 0], parity.inputs[:, 0])
    cycle = tasks.cycle_navigation().sample(4000, 1, 40)
    # eigenvalues of the walk: (1 + 2 cos(2 pi k/5))/3, at most .54, so that 20 moves mix
    # it
    for token in range(20, 40):
        assert_uniform(cycle.targets[:, token], 5)


@pytest.mark.parametrize("every", [True, False])
def test_loss_counts_everywhere_or_at_the_end(every):
    for make in (tasks.parity, tasks.cycle_navigation, tasks.group_word_problem):
        mask = make(every=every).sample(50, 1, (2, 6)).mask
        # of lengths 2 to 6
        lengths = mask.shape[1] - np.argmax(mask[:, ::-1], axis=1)
        np.testing.assert_array_equal(mask.sum(axis=1), lengths if every else 1)


@pytest.mark.parametrize("brackets", [False, True])
@pytest.mark.parametrize("multiplication", [False, True])
@pytest.mark.parametrize("modulus", [2, 5, 7])
def test_arithmetic_agrees_with_python(modulus, brackets, multiplication):
    task = tasks.modular_arithmetic(modulus, brackets, multiplication)
    symbols = [*map(str, range(modulus)), *"+-*=", *("()" if brackets else ""), ""]
    assert task.input_size == len(symbols)
    batch = task.sample(200, 4, (2, 31))
    for tokens, targets, mask in zip(
        batch.inputs, batch.targets, batch.mask, strict=True
    ):
        text = "".join(symbols[token] for token in tokens)
        expression, equals, rest = text.partition("=")
        assert equals and not rest and mask.sum() == 1
        assert ("*" not in text) or multiplication
        assert targets[mask].item() == eval(expression) % modulus
        assert mask[len(expression)]


def test_arithmetic_has_the_published_number_of_token_classes():
    assert tasks.modular_arithmetic().input_size == 10
    assert tasks.modular_arithmetic(brackets=True).input_size == 12


@pytest.mark.parametrize("brackets", [False, True])
def test_values_are_uniform_without_products_and_zero_leads_with_them(brackets):
    plain = tasks.modular_arithmetic(brackets=brackets, multiplication=False).sample(
        4000, 1, 12
    )
    assert_uniform(plain.targets[plain.mask], 5)
    times = tasks.modular_arithmetic(brackets=brackets).sample(4000, 1, 12)
    counts = np.bincount(times.targets[times.mask], minlength=5)
    assert counts.argmax() == 0 and 0.2 < counts[0] / 4000 < 0.4


# ---------------------------------------------------------------------- brackets


def legal_words(kinds, length):
    """Every Dyck word of this length: strings from which striking pairs leaves
    nothing."""
    found = []
    for word in product(range(2 * kinds), repeat=length):
        rest = list(word)
        place = 0
        while place + 1 < len(rest):
            if rest[place] < kinds and rest[place + 1] == rest[place] + kinds:
                del rest[place : place + 2]
                place = 0
            else:
                place += 1
        if not rest:
            found.append(word)
    return found


def deepest(word, kinds):
    return max(np.cumsum([1 if token < kinds else -1 for token in word]), default=0)


@pytest.mark.parametrize(
    ("kinds", "length"), [(1, 2), (1, 6), (1, 10), (2, 2), (2, 4), (2, 6)]
)
@pytest.mark.parametrize("depth", [None, 1, 2])
def test_dyck_words_are_all_drawn_equally_often_and_none_else(kinds, length, depth):
    words = legal_words(kinds, length)
    pairs = length // 2
    # Catalan number
    assert len(words) == comb(length, pairs) // (pairs + 1) * kinds**pairs
    words = [word for word in words if depth is None or deepest(word, kinds) <= depth]
    batch = tasks.dyck(kinds, depth).sample(100 * len(words), 3, length)
    drawn, counts = np.unique(batch.inputs, axis=0, return_counts=True)
    assert [tuple(word) for word in drawn.tolist()] == sorted(words)
    assert np.abs(counts - 100).max() < 5 * 10  # standard error 10


@pytest.mark.parametrize(("kinds", "depth"), [(1, None), (1, 2), (2, None), (2, 2)])
def test_dyck_targets_are_the_sets_of_symbols_that_can_follow(kinds, depth):
    # all words of up to twice the length, bounded in depth, tell what can follow a prefix
    short, long = (6, 12) if kinds == 1 else (3, 6)
    words = [
        word for length in range(0, long + 1, 2) for word in legal_words(kinds, length)
    ]
    words = [word for word in words if depth is None or deepest(word, kinds) <= depth]
    follow = {}
    for word in words:
        for last in range(len(word) + 1):
            follow.setdefault(word[:last], set()).add((*word, 2 * kinds)[last])
    task = tasks.dyck(kinds, depth)
    prefixes = [prefix for prefix in follow if 0 < len(prefix) < short]
    assert len(prefixes) > 5
    for prefix in prefixes:
        labels = task.solve(np.array([prefix]))[0]
        for last, label in enumerate(labels):
            assert tasks.legal_brackets(int(label), kinds) == follow[prefix[: last + 1]]


def test_long_dyck_words_close():
    batch = tasks.dyck(2, 5).sample(20, 1, 1000)
    assert (batch.targets[:, -1] == 0).all()
    height = np.cumsum(np.where(batch.inputs < 2, 1, -1), axis=1)
    assert height.min() == 0 and height.max() == 5
    unbounded = tasks.dyck().sample(20, 1, 1000).inputs
    assert (np.cumsum(1 - 2 * unbounded, axis=1)[:, -1] == 0).all()


def test_reset_dyck_by_hand_and_in_its_statistics():
    text = ")(#()((#)(#()#"
    labels = tasks.reset_dyck().solve(
        np.array([["()#".index(symbol) for symbol in text]])
    )
    assert labels.tolist() == [[2, 2, 0, 1, 0, 1, 1, 0, 2, 2, 0, 1, 0, 0]]
    batch = tasks.reset_dyck(reset=0.25).sample(500, 1, 40)
    resets = (batch.inputs == 2).mean()
    assert abs(resets - 0.25) < 5 * (0.25 * 0.75 / 20000) ** 0.5
    assert (
        np.bincount(batch.targets.ravel(), minlength=3).min() > 0.05 * batch.targets.size
    )
    # nothing open: a mistake has its probability (first tokens: nothing is open)
    first = tasks.reset_dyck(reset=0, mistake=0.3).sample(4000, 1, 1).inputs
    assert abs((first == 1).mean() - 0.3) < 5 * (0.3 * 0.7 / 4000) ** 0.5
    assert (tasks.reset_dyck(reset=0, mistake=0).sample(99, 1, 30).targets < 2).all()


# ---------------------------------------------------------------------- counters


@pytest.mark.parametrize(
    ("language", "word", "follows"),
    [
        ("anbn", "aabb", ["ab", "ab", "b", "$"]),
        ("anbn", "ab", ["ab", "$"]),
        ("anbncn", "aabbcc", ["ab", "ab", "b", "c", "c", "$"]),
        ("anbncn", "abc", ["ab", "c", "$"]),
        ("aa", "aaaa", ["a", "a$", "a", "a$"]),
        ("abab", "abababab", ["b", "a", "b", "a$"] * 2),
    ],
)
def test_counter_words_and_their_sets_by_hand(language, word, follows):
    batch = tasks.counters(language).sample(3, length=len(word))
    sets = tasks.legal_letters(language)
    for tokens, targets in zip(batch.inputs, batch.targets, strict=True):
        assert "".join("abc"[token] for token in tokens) == word
        assert [sets[target] for target in targets] == follows


@pytest.mark.parametrize("language", ["anbn", "anbncn", "aa", "abab"])
def test_solver_of_counters_agrees_at_every_short_length(language):
    task = tasks.counters(language)
    for length in task.lengths[:12]:
        task.check(task.sample(1, length=length))
    # what is in no word has no legal continuation
    if task.input_size > 1:
        assert task.solve(np.array([[1, 1]]))[0].tolist() == [-1, -1]
