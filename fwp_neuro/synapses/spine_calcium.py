"""The calcium of a spine as linear filters on a time grid, for whole spike trains at
once.

The grid is Brian2's: within a step the synapse first reads NMDA opening and voltage of
the step's start, then the traces decay, then spikes kick them. All functions take time
along axis 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import FwpError
from .linear_filter import filtered
from .magnesium import BLOCKS

#: lag of the pair whose calcium peak calibrates a spine (postsynaptic minus presynaptic
#: spike)
PAIR_LAG = 4e-3
_CALIBRATION_DT = 0.02e-3
_BLOCK = BLOCKS["ellwood_2024"]


def peak_factor(rise: float, decay: float) -> float:
    """Return what makes the peak of exp(-t/decay) - exp(-t/rise) one.

    Raises:
        FwpError: the rise is not shorter than the decay.
    """
    if not rise < decay:
        raise FwpError(
            f"a time course needs a rise shorter than its decay, got {rise * 1e3:g} and "
            f"{decay * 1e3:g} ms"
        )
    peak = rise * decay / (decay - rise) * np.log(decay / rise)
    return float(1 / (np.exp(-peak / decay) - np.exp(-peak / rise)))


def two_exponentials(
    spikes: np.ndarray, rise: float, decay: float, dt: float
) -> np.ndarray:
    """Return the sum of time courses of peak one, one a spike."""
    both = filtered(spikes, decay, dt) - filtered(spikes, rise, dt)
    return peak_factor(rise, decay) * both


def opening(p: Mapping[str, Any], pre: np.ndarray, dt: float) -> np.ndarray:
    """Return NMDA opening under presynaptic spikes, 1 = peak of one spike, at most
    `cap`."""
    course = two_exponentials(pre, float(p["tau_rise"]), float(p["tau_nmda"]), dt)
    return np.clip(course, 0, float(p["cap"]))


def voltage(p: Mapping[str, Any], post: np.ndarray, dt: float) -> np.ndarray:
    """Return the spine's potential in volts under back-propagating spikes."""
    course = two_exponentials(post, float(p["tau_bap_rise"]), float(p["tau_bap"]), dt)
    return float(p["E_rest"]) + float(p["bap"]) * course


def unblocked(p: Mapping[str, Any], volts: np.ndarray) -> np.ndarray:
    """Return what potential contributes to the calcium drive: unblocked share x driving
    force."""
    block = 1 / (1 + _BLOCK.factor * np.exp(-_BLOCK.slope * 1e3 * volts))
    return block * (float(p["E_ca"]) - volts)


def calcium(
    p: Mapping[str, Any],
    opened: np.ndarray,
    volts: np.ndarray,
    dt: float,
    nmda: float = 1.0,
) -> np.ndarray:
    """Return calcium for NMDA opening and potential, which broadcast against each
    other."""
    drive = opened * unblocked(p, volts)
    tau = float(p["tau_ca"])
    gain = nmda * float(p["influx"]) * tau * -np.expm1(-dt / tau)
    return filtered(drive, tau, dt, gain)


def peaks(p: Mapping[str, Any]) -> tuple[float, float]:
    """Return peak calcium of one presynaptic spike, and of one pair, without drugs."""
    dt, steps = _CALIBRATION_DT, int(0.12 / _CALIBRATION_DT)
    pre, post = np.zeros((steps, 1)), np.zeros((steps, 2))
    pre[0], post[round(PAIR_LAG / dt), 1] = 1, 1
    found = calcium(p, opening(p, pre, dt), voltage(p, post, dt), dt).max(0)
    return float(found[0]), float(found[1])
