"""Release of `tsodyks_markram` at given spikes: exact; its steady state and its mean
field."""

from __future__ import annotations

import numpy as np

from ..release_conventions import CONVENTIONS, convention_of
from ..synapse_class import Synapse


def states(model: Synapse, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return u after and x before each spike at given times (seconds): exact.

    Many trains and parameter sets at once: times [spike, train] and parameters [set, 1]
    give [spike, set, train].
    """
    convention = convention_of(model)
    U, tau_F, tau_D = model.numbers("U", "tau_F", "tau_D")
    rest = U if CONVENTIONS[convention].rests_at_U else 0.0
    three = convention == "three_state"
    tau_psc = model.numbers("tau_psc")[0] if three else tau_D
    shape = np.broadcast_shapes(*map(np.shape, (U, tau_F, tau_D, tau_psc, times[0])))
    y = z = np.zeros(shape)
    u, after, left = rest + y, [], []
    for gap in np.diff(times, axis=0, prepend=times[:1]):
        u = rest + (u - rest) * np.exp(-gap / tau_F)
        back = np.exp(-gap / tau_D)
        if three:
            gone = np.exp(-gap / tau_psc)
            equal = np.isclose(tau_psc, tau_D, rtol=1e-9)
            apart = np.where(equal, 1.0, tau_psc - tau_D)
            fed = np.where(equal, gap / tau_psc * gone, tau_D / apart * (gone - back))
            y, z = y * gone, z * back + y * fed
        else:  # what was released recovers at once
            y, z = 0.0 * y, (y + z) * back
        x = 1 - y - z
        u = u + U * (1 - u)
        after.append(u)
        left.append(x)
        y = y + u * x
    return np.array(after), np.array(left)


def release(model: Synapse, times: np.ndarray) -> np.ndarray:
    """Return what each spike releases, as a share of all resources."""
    u, x = states(model, times)
    return u * x


def steady_state(model: Synapse, rate: float) -> tuple[float, float]:
    """Return u after and x before a spike of an endless regular train (Hz)."""
    slowest = max(model.numbers("tau_F", "tau_D"))
    u, x = states(model, np.arange(int(40 * slowest * rate) + 50) / rate)
    return float(u[-1]), float(x[-1])


def mean_field(model: Synapse, rate: float) -> tuple[float, float]:
    """Return u and x of the published rate equations at a constant rate (Hz).

    They release u as it is *before* a spike raises it where u decays to U (Mongillo 2008,
    eqs 1-2), which is u after the spike where it decays to 0: one formula for both.
    """
    U, tau_F, tau_D = model.numbers("U", "tau_F", "tau_D")
    u = U * (1 + rate * tau_F) / (1 + U * rate * tau_F)
    return u, 1 / (1 + u * rate * tau_D)
