"""How near a table of weight changes is to an outer product of a key and a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bilinear:
    """What a table of changes [value, key] says about the write.

    Attributes:
        gain: c of the least-squares fit c v k' to the table.
        r2: 1 - residual / variance about the mean, of that fit with its one parameter.
        rank_one: share of the squared table in its largest singular value.
        key_only, value_only: mean change with a key (a value) alone, as a share of that
            with both.
        key_power, value_power: exponents of k and v in the largest rank-one part.
    """

    gain: float
    r2: float
    rank_one: float
    key_only: float
    value_only: float
    key_power: float
    value_power: float


def fit(table: np.ndarray, values: np.ndarray, keys: np.ndarray) -> Bilinear:
    """Fit c v k' to a table of changes.

    Args:
        table: mean changes [value, key].
        values, keys: the numbers coded, from 0 on, increasing.
    """
    outer = np.outer(values, keys)
    gain = float((table * outer).sum() / (outer**2).sum())
    spread = float(((table - table.mean()) ** 2).sum())
    missed = float(((table - gain * outer) ** 2).sum())
    left, singular, right = np.linalg.svd(table)
    energy = float((singular**2).sum())
    both = table[1:, 1:].mean()
    return Bilinear(
        gain,
        1 - missed / spread if spread > 0 else float("nan"),
        float(singular[0] ** 2) / energy if energy > 0 else float("nan"),
        _share(table[0, 1:].mean(), both),
        _share(table[1:, 0].mean(), both),
        _power(keys, right[0]),
        _power(values, left[:, 0]),
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _power(numbers: np.ndarray, part: np.ndarray) -> float:
    """Return the slope of log |part| on log number; not a number where the part changes
    sign."""
    part = part[numbers > 0]
    if (part > 0).all() or (part < 0).all():
        return float(np.polyfit(np.log(numbers[numbers > 0]), np.log(np.abs(part)), 1)[0])
    return float("nan")
