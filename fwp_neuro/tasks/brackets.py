"""Bracket languages: Dyck words of one or more kinds of brackets, and Dyck-1 with
resets."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import SEED, optional, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

OPEN, CLOSE, RESET = 0, 1, 2  # tokens of `reset_dyck`


@takes(kinds=whole(1, 10**4), depth=optional(whole(1, 10**6)), seed=SEED)
def dyck(kinds: int = 1, depth: int | None = None, seed: int = 0) -> SequenceTask:
    """Return the task to tell, inside a Dyck word, which symbols may legally come next.

    Inputs are whole Dyck words, uniform over all words of their length: tokens 0 to
    kinds - 1 open a bracket of that kind, tokens kinds to 2 kinds - 1 close it. The
    target after each token is the set of legal next symbols (an end of the word
    included), which is fixed by the innermost open bracket, so that a set is one class
    (`legal_brackets` spells it out):

    * 0: nothing is open; every opening bracket and the end are legal;
    * 1 + i: kind i is innermost; every opening bracket and closing i are legal;
    * kinds + 1 + i: as before, but ``depth`` brackets are open and only closing i is
      legal.

    A length counts tokens and is even: 2 to 50 unless given.

    Args:
        kinds: 1 for Dyck-1, 2 for Dyck-2, ...
        depth: how many brackets may be open at once; None for any number.
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: next-symbol prediction of Suzgun et al. 2019 (arXiv:1911.03329) and
    Bhattamishra, Ahuja & Goyal 2020 (arXiv:2009.11264), where the set is a k-hot vector;
    bounded depth of Hewitt et al. 2020 (arXiv:2010.07515).
    """
    return SequenceTask(
        name="dyck",
        citation="bhattamishra2020ability; lengths of irie2023practical",
        input_size=2 * kinds,
        output_size=1 + kinds if depth is None else 1 + 2 * kinds,
        lengths=range(2, LONGEST, 2),
        default_length=(2, 50),
        draw=partial(_draw, kinds, depth),
        solver=partial(_solve, kinds, depth),
        seed=seed,
        parameters={"kinds": kinds, "depth": depth},
    )


@takes(label=whole(0), kinds=whole(1, 10**4))
def legal_brackets(label: int, kinds: int = 1) -> set[int]:
    """Return the set of tokens that a target of `dyck` stands for; 2 kinds is the end of
    the word.

    Raises:
        FwpError: no such label.
    """
    if label > 2 * kinds:
        raise FwpError(
            f"legal_brackets: label is {label}; with kinds={kinds} it is at most "
            f"{2 * kinds}"
        )
    if label == 0:
        return {*range(kinds), 2 * kinds}
    if label <= kinds:
        return {*range(kinds), kinds + label - 1}
    return {label - 1}


def _draw(kinds, depth, rng, batch, length) -> Batch:
    """Walk from height 0 back to height 0, each step weighted by the walks it leaves
    possible."""
    top = length // 2 if depth is None else min(depth, length // 2)
    walks = np.zeros((length + 1, top + 3))  # [steps left, 1 + height], over 2**steps
    walks[0, 1] = 1
    for left in range(1, length + 1):
        walks[left, 1:-1] = (walks[left - 1, :-2] + walks[left - 1, 2:]) / 2
    full = length if depth is None else depth  # so high that no further bracket may open
    rows, height = np.arange(batch), np.zeros(batch, dtype=np.int64)
    stack = np.zeros((batch, top + 1), dtype=np.int64)  # kinds of the open brackets
    inputs, targets = np.empty((2, batch, length), dtype=np.int64)
    for token in range(length):
        after = walks[length - token - 1]
        up, down = after[height + 2], after[height]
        opens = rng.random(batch) * (up + down) < up
        kind = np.where(opens, rng.integers(kinds, size=batch), stack[rows, height - 1])
        stack[rows[opens], height[opens]] = kind[opens]
        height = height + np.where(opens, 1, -1)
        inputs[:, token] = np.where(opens, kind, kinds + kind)
        innermost = 1 + stack[rows, height - 1] + kinds * (height == full)
        targets[:, token] = np.where(height == 0, 0, innermost)
    return Batch(inputs, targets, np.ones((batch, length), dtype=bool))


def _solve(kinds, depth, inputs) -> np.ndarray:
    """Look back from each token for the nearest opening bracket that nothing has
    closed."""
    targets = np.zeros_like(inputs)
    for row, tokens in enumerate(inputs.tolist()):
        for last in range(len(tokens)):
            closed = 0
            for token in reversed(tokens[: last + 1]):
                if token >= kinds:
                    closed += 1
                elif closed:
                    closed -= 1
                else:
                    targets[row, last] = 1 + token
                    break
            opened = sum(1 if token < kinds else -1 for token in tokens[: last + 1])
            if depth is not None and opened >= depth:
                targets[row, last] += kinds
    return targets


@takes(reset=real(0, 1), mistake=real(0, 1), seed=SEED)
def reset_dyck(reset: float = 0.1, mistake: float = 0.2, seed: int = 0) -> SequenceTask:
    """Return the task to tell how the brackets since the last reset stand.

    Inputs: 0 opens, 1 closes, 2 resets: all before it is forgotten. The words of the
    language are S* # v, with # the reset, S all three symbols and v a Dyck-1 word, so
    that after each token what counts is v, the tokens since the last reset (or the
    start). Targets:

    * 0: v is a Dyck word (the sequence may end here);
    * 1: v can still become one (a bracket is open);
    * 2: v cannot any more (more closed than were open), until the next reset.

    Each token is a reset with probability ``reset``. Else, with nothing open, it closes
    (the mistake) with probability ``mistake`` and opens otherwise; with something open,
    or after a mistake, it opens or closes with equal probability. A length counts tokens:
    2 to 50 unless given.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: language of Bhattamishra, Ahuja & Goyal 2020 (arXiv:2009.11264), "Reset
    Dyck-1"; for fast weights Irie, Csordas & Schmidhuber 2023 (arXiv:2310.16076). The
    three-class target is this package's form of "may the word end here, or later".
    """
    return SequenceTask(
        name="reset_dyck",
        citation="bhattamishra2020ability; irie2023practical",
        input_size=3,
        output_size=3,
        lengths=range(1, LONGEST),
        default_length=(2, 50),
        draw=partial(_draw_resets, reset, mistake),
        solver=_solve_resets,
        seed=seed,
        parameters={"reset": reset, "mistake": mistake},
    )


def _draw_resets(reset, mistake, rng, batch, length) -> Batch:
    height = np.zeros(batch, dtype=np.int64)  # -1 after a mistake
    inputs, targets = np.empty((2, batch, length), dtype=np.int64)
    for token in range(length):
        closes = rng.random(batch) < np.where(height == 0, mistake, 0.5)
        resets = rng.random(batch) < reset
        step = np.where(closes, -1, 1)
        height = np.where(resets, 0, np.where(height < 0, -1, height + step))
        inputs[:, token] = np.where(resets, RESET, np.where(closes, CLOSE, OPEN))
        targets[:, token] = np.where(height < 0, 2, height > 0)
    return Batch(inputs, targets, np.ones((batch, length), dtype=bool))


def _solve_resets(inputs) -> np.ndarray:
    """Cut out what stands since the last reset and strike pairs of brackets until none is
    left."""
    targets = np.empty_like(inputs)
    for row, tokens in enumerate(inputs):
        text = "".join("()#"[token] for token in tokens)
        for last in range(len(text)):
            rest = text[: last + 1].rpartition("#")[2]
            while "()" in rest:
                rest = rest.replace("()", "")
            targets[row, last] = 2 if ")" in rest else int(rest != "")
    return targets
