"""The spike times of pairing protocols."""

from __future__ import annotations

import numpy as np

from ...errors import FwpError


def pairs_of_spikes(lag: float, pairs: int, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Return presynaptic and postsynaptic spike times of repeated pairs.

    Args:
        lag: postsynaptic minus presynaptic spike, seconds.
        pairs: how many.
        frequency: of the pairs, Hz.

    Returns:
        two arrays [pair] in seconds, the first spike of all at 0.

    Raises:
        FwpError: a lag of a whole period or more, at which pairs overlap.
    """
    if pairs > 1 and abs(lag) * frequency >= 1:
        raise FwpError(
            f"lags must be shorter than the {1e3 / frequency:g} ms between pairs, got "
            f"{1e3 * lag:g} ms"
        )
    start = np.arange(pairs) / frequency
    return start + max(0.0, -lag), start + max(0.0, lag)


def merged(pre: np.ndarray, post: np.ndarray) -> list[tuple[float, bool]]:
    """Return all spikes in order as (time, is presynaptic); at the same time pre comes first."""
    both = [(time, 0) for time in pre] + [(time, 1) for time in post]
    return [(float(time), side == 0) for time, side in sorted(both)]
