"""A trace that decays and that a drive adds to, for whole spike trains at once."""

from __future__ import annotations

import numpy as np


def filtered(drive: np.ndarray, tau: float, dt: float, gain: float = 1.0) -> np.ndarray:
    """Return y with y[n + 1] = exp(-dt/tau) y[n] + gain drive[n] and y[0] = 0, along axis
    0."""
    # loading scipy.signal costs half a second, which no circuit needs
    from scipy.signal import lfilter  # noqa: PLC0415

    return lfilter([0, gain], [1, -np.exp(-dt / tau)], drive, axis=0)
