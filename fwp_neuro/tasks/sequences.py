"""Sequence tasks for training: batches of inputs, targets and mask, with a solver for the
labels.

`SequenceTask` is what every task function (`parity`, `dyck`, `multi_query_recall`, ...)
returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fwp_neuro.arguments import (
    FLAG,
    FUNCTION,
    SEED,
    Kind,
    inside,
    instance,
    one_of,
    optional,
    real,
    takes,
    text,
    whole,
)  # fmt: skip
from fwp_neuro.errors import FwpError, shown
from fwp_neuro.foreign_units import as_numpy, package_of, plain_array
from fwp_neuro.short_reprs import of_fields
from fwp_neuro.validation import affordable
from fwp_neuro.validation import whole as whole_number

LOSSES = ("cross_entropy", "squared_error")
LONGEST = 2**20  # upper end of open ranges of legal lengths


def _array(kinds: str, legal: str, example: np.ndarray) -> Kind:
    """An array whose numbers are of some kinds (NumPy's letters), with a batch and a
    token axis."""

    def read(value, name: str) -> np.ndarray:
        fits = (
            isinstance(value, np.ndarray)
            and value.dtype.kind in kinds
            and value.ndim >= 2
        )
        if not fits or package_of(value):
            raise FwpError(f"{name} must be an array of {legal}, got {shown(value)}")
        return value

    return Kind(f"an array of {legal}", read, lambda: example)


@takes(
    inputs=_array("if", "numbers [batch, token, ...]", np.ones((1, 2), int)),
    targets=_array("if", "numbers [batch, token, ...]", np.ones((1, 2), int)),
    mask=_array("b", "True or False [batch, token]", np.ones((1, 2), bool)),
)
@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences with their labels.

    Args:
        inputs: int64 [batch, token] classes, or float64 [batch, token, input_size].
        targets: int64 [batch, token] classes, or float64 [batch, token, output_size].
        mask: bool [batch, token]; the loss and the score count where it is true.

    Raises:
        FwpError: the arrays differ in batch or token count, or nothing is masked in.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray

    def __repr__(self) -> str:
        parts = (
            f"{name} {array.dtype} {list(array.shape)}"
            for name, array in vars(self).items()
        )
        return f"Batch({', '.join(parts)})"

    def __post_init__(self):
        shape = self.mask.shape
        if (
            len(shape) != 2
            or self.inputs.shape[:2] != shape
            or self.targets.shape[:2] != shape
        ):
            raise FwpError(
                f"Batch: inputs {self.inputs.shape}, targets {self.targets.shape} and "
                f"mask {self.mask.shape} must share their first two axes, batch and token"
            )
        if not self.mask.any():
            raise FwpError(
                "Batch: the mask is false everywhere, so there is nothing to learn"
            )


def _batch() -> Batch:
    """Return two sequences of four tokens with three inputs, and one answer at the
    end."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (2, 4, 3))
    mask = np.tile(np.arange(4) == 3, (2, 1))
    return Batch(inputs, rng.uniform(-1, 1, (2, 4, 1)), mask)


BATCH = instance("fwp_neuro.tasks.sequences:Batch", _batch)


@takes(
    name=text(),
    citation=text(empty=True),
    input_size=whole(1, 10**9),
    output_size=whole(1, 10**9),
    lengths=instance("builtins:range", lambda: range(1, 9)),
    default_length=inside("a length, or (least, most)", lambda: 2),
    draw=FUNCTION,
    solver=FUNCTION,
    loss=one_of(LOSSES, "loss"),
    chance=optional(real(0, 1)),
    one_hot=FLAG,
    pad=whole(0),
    extra_tokens=whole(0),
    seed=SEED,
    view=optional(FUNCTION),
    parameters=instance("collections.abc:Mapping", dict),
)
@dataclass(frozen=True, eq=False)
class SequenceTask:
    """A task that samples labelled sequences; built by the task functions, not by hand.

    Args:
        name: name of the task function; its docstring is the exact definition.
        citation: where the definition comes from.
        input_size: number of token classes, or width of real-valued inputs.
        output_size: number of target classes, or width of real-valued targets.
        lengths: the legal lengths; what a length counts is said by the task's docstring.
        default_length: length, or (least, most), that `sample` takes if it is given none.
        draw: (rng, batch, length) -> Batch of that many sequences of one length.
        solver: inputs -> targets, by another algorithm than ``draw``.
        loss: ``"cross_entropy"`` or ``"squared_error"`` (half the sum of squares of a
            token).
        chance: accuracy of guessing, where the literature scales by it, else None.
        one_hot: the real-valued targets are one-hot classes, so that accuracy makes
            sense.
        pad: token class that fills sequences shorter than the batch (real inputs: zeros).
        extra_tokens: tokens of a sequence beyond its length, e.g. for queries.
        seed: of the task; `sample` mixes it with its own.
        view: inputs and targets of one episode -> the writes and reads in it, or None
            (see `as_program`).
        parameters: the arguments of the task function, for the record.
    """

    name: str
    citation: str
    input_size: int
    output_size: int
    lengths: range
    default_length: int | tuple[int, int]
    draw: Callable = field(repr=False)
    solver: Callable = field(repr=False)
    loss: str = "cross_entropy"
    chance: float | None = None
    one_hot: bool = False
    pad: int = 0
    extra_tokens: int = 0
    seed: int = 0
    view: Callable | None = field(default=None, repr=False)
    parameters: Mapping = field(default_factory=dict)

    __repr__ = of_fields

    def __post_init__(self):
        self._choices(self.default_length)

    @takes(batch=whole(1, 10**7), seed=SEED, length=inside("a length, or (least, most)"))
    def sample(self, batch: int, seed: int = 0, length=None) -> Batch:
        """Draw a batch; the same arguments give the same batch.

        Args:
            batch: number of sequences.
            seed: whole number; another one gives other sequences.
            length: one legal length, or (least, most): each sequence then draws its own
                uniformly from the legal ones in that range, and all are padded, with mask
                false, to the longest of them. Left out: ``default_length``.

        Raises:
            FwpError: an argument is not legal.
        """
        choices = self._choices(self.default_length if length is None else length)
        affordable(
            batch * (choices[-1] + self.extra_tokens), f"{batch} sequences of {self.name}"
        )
        rng = np.random.default_rng([self.seed, seed])
        if len(choices) == 1:
            return self.draw(rng, batch, choices[0])
        drawn = rng.choice(choices, batch)
        tokens = choices[-1] + self.extra_tokens
        parts = [(drawn == one, int(one)) for one in np.unique(drawn)]
        parts = [(rows, self.draw(rng, int(rows.sum()), one)) for rows, one in parts]
        arrays = {}
        for name, fill in {"inputs": self.pad, "targets": 0, "mask": False}.items():
            first = getattr(parts[0][1], name)
            arrays[name] = np.full(
                (batch, tokens, *first.shape[2:]), fill, dtype=first.dtype
            )
            for rows, part in parts:
                piece = getattr(part, name)
                arrays[name][rows, : piece.shape[1]] = piece
        return Batch(**arrays)

    @takes(inputs=inside("an array of inputs of this task", lambda: np.ones((1, 2), int)))
    def solve(self, inputs: np.ndarray) -> np.ndarray:
        """Recompute the targets from the inputs; right wherever the mask of a batch is
        true.

        Raises:
            FwpError: the inputs have another shape, or cannot be sequences of this task.
        """
        numbers = plain_array(inputs, f"{self.name}: inputs", finite=False)
        integers = np.asarray(as_numpy(inputs)).dtype.kind == "i"
        inputs = numbers.astype(np.int64) if integers else numbers
        try:
            if self._fits(inputs):
                return self.solver(inputs)
        except (IndexError, KeyError, TypeError):
            # e.g. an answer is asked for and none was given
            pass
        raise FwpError(
            f"{self.name}: the inputs, of shape {inputs.shape}, are no sequences of this "
            f"task (input size {self.input_size})"
        )

    def _fits(self, inputs: np.ndarray) -> bool:
        if inputs.dtype.kind == "i":
            inside = (0 <= inputs).all() and (inputs < self.input_size).all()
            return inputs.ndim == 2 and bool(inside)
        fits = inputs.dtype.kind == "f" and inputs.ndim == 3
        return (
            fits
            and inputs.shape[2] == self.input_size
            and bool(np.isfinite(inputs).all())
        )

    @takes(batch=BATCH)
    def check(self, batch: Batch) -> None:
        """Raise unless the targets of a batch are those of the solver, where the mask is
        true.

        Raises:
            FwpError: names the first target that is wrong.
        """
        solved = self.solve(batch.inputs)
        if self.loss == "cross_entropy":
            wrong = solved != batch.targets
        else:
            scale = 1e-6 * max(1.0, np.abs(batch.targets).max())
            wrong = ~np.isclose(solved, batch.targets, rtol=0, atol=scale).all(axis=-1)
        places = np.argwhere(wrong & batch.mask)
        if len(places):
            row, token = places[0]
            raise FwpError(
                f"{self.name}: the target of sequence {row}, token {token} is "
                f"{batch.targets[row, token]}, but the solver finds {solved[row, token]}"
            )

    @takes(
        predictions=inside("predictions [batch, token, output_size]", list), batch=BATCH
    )
    def score(self, predictions, batch: Batch) -> dict[str, float]:
        """Score predictions over the masked tokens.

        Args:
            predictions: [batch, token, output_size] logits or values, or, for classes,
                int [batch, token].

        Returns:
            ``loss``, mean over tokens of half the sum of squares (squared error only);
            ``accuracy``, fraction of tokens that are right (classes and one-hot targets);
            one with an output that is not a number is wrong;
            ``sequence_accuracy``, fraction of sequences with every token right;
            ``scaled_accuracy`` = (accuracy - chance) / (1 - chance), where ``chance`` is
            set.

        Raises:
            FwpError: a wrong shape.
        """
        predictions = plain_array(predictions, f"{self.name}: predictions", finite=False)
        targets, mask = batch.targets, batch.mask
        scores = {}
        full = (*mask.shape, self.output_size)
        classes = self.loss == "cross_entropy" and predictions.shape == mask.shape
        if predictions.shape != full and not classes:
            raise FwpError(
                f"{self.name}: predictions have shape {predictions.shape}; they must be "
                f"[batch, token, output] = {full}"
                + (f" or classes {mask.shape}" if self.loss == "cross_entropy" else "")
            )
        if self.loss == "squared_error":
            error = 0.5 * ((predictions - targets) ** 2).sum(axis=-1)
            scores["loss"] = float(error[mask].mean())
            if not self.one_hot:
                return scores
            targets = targets.argmax(axis=-1)
        known = True
        if not classes:
            known = ~np.isnan(predictions).any(axis=-1)
            predictions = predictions.argmax(axis=-1)
        right = known & (predictions == targets)
        scores["accuracy"] = float(right[mask].mean())
        asked = mask.any(axis=1)
        scores["sequence_accuracy"] = float((right | ~mask).all(axis=1)[asked].mean())
        if self.chance is not None:
            scores["scaled_accuracy"] = (scores["accuracy"] - self.chance) / (
                1 - self.chance
            )
        return scores

    def _choices(self, length) -> list[int]:
        """Return the legal lengths that ``length``, a number or (least, most), stands
        for."""
        legal, what = self.lengths, f"{self.name}: length"
        if isinstance(length, list | tuple):
            ends = list(length)
            if len(ends) != 2:
                raise FwpError(
                    f"{what} is {shown(length)}; give a number or (least, most)"
                )
            least, most = (
                whole_number(end, f"{what} ({name})")
                for end, name in zip(ends, ("least", "most"), strict=True)
            )
        else:
            least = most = whole_number(length, what)
        choices = [one for one in range(least, min(most, legal[-1]) + 1) if one in legal]
        # a range that reaches above what exists would silently be another range
        if not choices or most > legal[-1]:
            ways = ", ".join(str(one) for one in legal[:3])
            ways += "" if len(legal) <= 3 else f", ... {legal[-1]}"
            raise FwpError(f"{what} is {shown(length)}; legal lengths are {ways}")
        return choices
