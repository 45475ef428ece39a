"""How the learning rate changes over a training."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "linear", "cosine")


def factor(step: int, steps: int, schedule: str, warmup: int) -> float:
    """Return the factor of the learning rate at a step.

    It rises linearly over the first ``warmup`` steps to 1; then it stays, or falls
    towards 0 at ``steps``: linearly, or as half a cosine (Loshchilov & Hutter 2017,
    arXiv:1608.03983).

    Args:
        step: from 0 to steps - 1.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    if schedule == "linear":
        return 1.0 - done
    return 0.5 * (1.0 + math.cos(math.pi * done)) if schedule == "cosine" else 1.0
