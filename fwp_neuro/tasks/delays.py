"""Tasks that hold something over a delay: selective copying and delayed match to
sample."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, real, takes, whole
from fwp_neuro.tasks.drawing import distinct
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

# token classes of both tasks; data and stimuli start at FIRST
BLANK, CUE, FIRST = 0, 1, 2


@takes(items=whole(1, 10**6), vocab=whole(2, 10**6), seed=SEED)
def selective_copy(items: int = 16, vocab: int = 16, seed: int = 0) -> SequenceTask:
    """Return the task to repeat, in order, the data tokens that were scattered among
    blanks.

    Token classes: 0 is blank, 1 is the cue to answer, then ``vocab`` data tokens. Of the
    first T - items tokens, ``items`` at uniformly drawn places are uniform data tokens
    and the others are blank; the last ``items`` tokens are cues. The target at cue i is
    the i-th data token (0 to vocab - 1), and the loss counts at cues only. A length is T,
    2 items at least: 16 items unless given, 256 by default as in the second source.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Gu & Dao 2023 (arXiv:2312.00752), section 4.1.1; sizes of Poli et al. 2024
    (arXiv:2403.17844).
    """
    return SequenceTask(
        name="selective_copy",
        citation="gu2023mamba; poli2024mechanistic",
        input_size=FIRST + vocab,
        output_size=vocab,
        lengths=range(2 * items, LONGEST),
        default_length=16 * items,
        draw=partial(_draw_copy, items, vocab),
        solver=_solve_copy,
        seed=seed,
        parameters={"items": items, "vocab": vocab},
    )


def _draw_copy(items, vocab, rng, batch, length) -> Batch:
    inputs, targets = np.zeros((2, batch, length), dtype=np.int64)
    data = rng.integers(vocab, size=(batch, items))
    places = np.sort(distinct(rng, batch, length - items, items), axis=1)
    np.put_along_axis(inputs, places, FIRST + data, axis=1)
    inputs[:, -items:], targets[:, -items:] = CUE, data
    return Batch(inputs, targets, inputs == CUE)


def _solve_copy(inputs) -> np.ndarray:
    """Queue up what is not blank and take one off the queue at each cue."""
    targets = np.zeros_like(inputs)
    for row, tokens in enumerate(inputs.tolist()):
        queue = []
        for place, token in enumerate(tokens):
            if token >= FIRST:
                queue.append(token - FIRST)
            elif token == CUE:
                targets[row, place] = queue.pop(0)
    return targets


@takes(stimuli=whole(2, 10**6), distractors=real(0, 1), repeats=FLAG, seed=SEED)
def delayed_match(
    stimuli: int = 8, distractors: float = 0.5, repeats: bool = True, seed: int = 0
) -> SequenceTask:
    """Return the task to tell whether the stimulus after the cue is the one that came
    first.

    Token classes: 0 is blank, 1 is the cue, then ``stimuli`` stimuli. The first token is
    the sample, uniform; then comes a delay, each token of which is a distractor with
    probability ``distractors`` (uniform over the other stimuli), else blank; then the
    cue, then the probe. The probe is the sample in half of the sequences. Else it is,
    with ``repeats``, one of the distractors shown (so that having been seen before does
    not give a match away), and without, or where none was shown, uniform over the other
    stimuli. The target, at the probe only, is 1 for a match and 0 else. A length counts
    tokens, from 3 (no delay): 8 to 24 unless given.

    Args:
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: delayed match to sample with intervening stimuli and their repetition of
    Miller, Erickson & Desimone 1996 (doi 10.1523/JNEUROSCI.16-16-05154.1996), one probe a
    trial.
    """
    return SequenceTask(
        name="delayed_match",
        citation="miller1996neural",
        input_size=FIRST + stimuli,
        output_size=2,
        lengths=range(3, LONGEST),
        default_length=(8, 24),
        draw=partial(_draw_match, stimuli, distractors, repeats),
        solver=_solve_match,
        chance=0.5,
        seed=seed,
        parameters={"stimuli": stimuli, "distractors": distractors, "repeats": repeats},
    )


def _draw_match(stimuli, distractors, repeats, rng, batch, length) -> Batch:
    sample = rng.integers(stimuli, size=batch)
    shift = rng.integers(1, stimuli, size=(batch, length - 2))
    others = (sample[:, None] + shift) % stimuli  # never the sample
    delay, other = others[:, 1:], others[:, 0]
    shown = rng.random(delay.shape) < distractors
    if repeats and length > 3:
        pick_one = np.argmax(rng.random(delay.shape) * shown, axis=1)
        other = np.where(shown.any(axis=1), delay[np.arange(batch), pick_one], other)
    match = rng.random(batch) < 0.5
    inputs, targets = np.zeros((2, batch, length), dtype=np.int64)
    inputs[:, 0] = FIRST + sample
    inputs[:, 1:-2] = np.where(shown, FIRST + delay, BLANK)
    inputs[:, -2], inputs[:, -1] = CUE, FIRST + np.where(match, sample, other)
    targets[:, -1] = match
    mask = np.zeros(inputs.shape, dtype=bool)
    mask[:, -1] = True
    return Batch(inputs, targets, mask)


def _solve_match(inputs) -> np.ndarray:
    """Find the cue and compare what follows it with the first token."""
    targets = np.zeros_like(inputs)
    for row, tokens in enumerate(inputs):
        probe = np.flatnonzero(tokens == CUE)[0] + 1
        targets[row, probe] = tokens[probe] == tokens[0]
    return targets
