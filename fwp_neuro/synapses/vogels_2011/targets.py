"""Inhibitory plasticity: the cell's rate comes to rho_0 whatever its excitation."""

from __future__ import annotations

from collections.abc import Iterator

from ...targets.rows import Row
from .. import get
from .events import balanced_spikes

MODEL = "vogels_2011"
_SOURCE = "fixed point of Vogels et al. 2011, Science 334:1569: nu_post = rho_0"


def rows(quick: bool) -> Iterator[Row]:
    """Compare the rate of a Poisson cell under plastic inhibition with the target of 3
    Hz."""
    model = get(MODEL).changed(eta=0.05)
    target = float(model.parameters["rho_0"])
    seconds = 100.0 if quick else 400.0
    for excitation in (20.0, 40.0):
        spikes = balanced_spikes(model, excitation, 10.0, 200, seconds)
        value = float((spikes > seconds / 2).sum() / (seconds / 2))
        what = f"rate in Hz under {excitation:g} Hz of excitation"
        yield Row(MODEL, what, value, target, 0.25, _SOURCE, strength="closed form")
