"""Opening of kinetic receptors under pulses of transmitter: exact."""

from __future__ import annotations

import numpy as np

from ..synapse_class import Synapse


def opened(
    alpha: float, beta: float, transmitter: float, pulse: float, r: float = 0.0
) -> float:
    """Return the open fraction after a pulse that starts at r, in any consistent
    units."""
    rate = alpha * transmitter + beta
    goal = alpha * transmitter / rate
    return goal + (r - goal) * float(np.exp(-rate * pulse))


def gating(model: Synapse, spikes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the open fraction at times ``at`` (seconds, increasing) of spikes: exact."""
    r_, x = model.name.removesuffix("_kinetic"), model.numbers
    (alpha, beta), (transmitter, pulse) = (
        x(f"alpha_{r_}", f"beta_{r_}"), x(f"transmitter_{r_}", f"pulse_{r_}"),
    )  # fmt: skip
    spikes = np.sort(np.asarray(spikes, float))
    ends = spikes + pulse
    # a pulse that a later spike starts anew does not end
    ends = ends[np.append(np.diff(spikes) > pulse, True)] if spikes.size else ends
    edges = np.unique(np.concatenate([spikes, ends, at]))
    r, before, bound, found = 0.0, edges[0], False, {}
    for now in edges:
        drive = alpha * transmitter if bound else 0.0
        r = opened(drive, beta, 1.0, now - before, r)
        before, found[now] = now, r
        bound = bool(((spikes <= now) & (now < spikes + pulse)).any())
    return np.array([found[now] for now in at])
