"""What a training is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np

from ...errors import FwpError, pick, unknown
from ...validation import positive, real, real_or_none, seed_number, whole
from .learning_rate import SCHEDULES


@dataclass(frozen=True)
class Options:
    """Arguments of a training.

    Args:
        steps: number of steps, all told.
        batch, length: sequences a step, and their length as for ``task.sample``.
        learning_rate, weight_decay, betas: of AdamW.
        schedule, warmup: "constant", "linear" or "cosine"; see `learning_rate.factor`.
        clip: largest norm of the gradient; None for no limit.
        evaluate_every: steps between evaluations on held-out sequences, the same every
            time.
        evaluation_batch: number of held-out sequences.
        long_length: length of further held-out sequences, to see whether longer ones work
            too.
        target_loss, target_accuracy: stop as soon as the held-out sequences reach it.
        patience: stop after so many evaluations without a smaller held-out loss.
        seed: of batches and dropout (initial weights are the model's affair).

    Raises:
        FwpError: one is not legal.
    """

    steps: int = 1000
    batch: int = 64
    length: int | tuple[int, int] | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "constant"
    warmup: int = 0
    clip: float | None = 1.0
    evaluate_every: int = 100
    evaluation_batch: int = 256
    long_length: int | tuple[int, int] | None = None
    target_loss: float | None = None
    target_accuracy: float | None = None
    patience: int | None = None
    seed: int = 0

    def __post_init__(self):
        for field in fields(self):  # a checkpoint holds plain numbers
            object.__setattr__(self, field.name, _bare(getattr(self, field.name)))
        for name in ("steps", "batch", "evaluate_every", "evaluation_batch"):
            whole(getattr(self, name), f"train: {name}")
        whole(self.warmup, "train: warmup", least=0)
        positive(self.learning_rate, "train: learning_rate")
        real(self.weight_decay, "train: weight_decay", 0)
        pick(self.schedule, SCHEDULES, "schedule of train:")
        try:
            first, second = self.betas
        except TypeError:
            first = second = None
        except ValueError:
            raise FwpError(
                f"train: betas must be two numbers, got {self.betas!r}"
            ) from None
        for beta in (first, second):
            if not 0 <= real(beta, "train: betas") < 1:
                raise FwpError(
                    f"train: betas must be at least 0 and below 1, got {self.betas!r}"
                )
        if self.clip is not None:
            positive(self.clip, "train: clip")
        if self.patience is not None:
            whole(self.patience, "train: patience")
        real_or_none(self.target_loss, "train: target_loss")
        real_or_none(self.target_accuracy, "train: target_accuracy")
        seed_number(self.seed)

    @classmethod
    def of(cls, given: dict) -> Options:
        """Build from keywords.

        Raises:
            FwpError: unknown name, with the nearest legal one, or an illegal value.
        """
        legal = [field.name for field in fields(cls)]
        for name in given:
            if name not in legal:
                raise unknown(name, legal, "option of train:")
        return cls(**given)

    def lasting(self) -> dict:
        """Return what must stay the same when a training is resumed.

        The number of steps may grow where the learning rate does not depend on it.
        """
        kept = asdict(self)
        if self.schedule == "constant":
            del kept["steps"]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in kept.items()}


def _bare(value):
    """Return NumPy numbers as Python's, and sequences as tuples."""
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(_bare(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value
