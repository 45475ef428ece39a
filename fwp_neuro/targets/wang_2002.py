"""Wang's decision network: rates before, in and after the stimulus, and after NMDA is blocked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Row

MODEL = "wang_2002_decision"
#: sizes that run in seconds: half the cells with weights doubled, shorter windows, coarser steps
QUICK = {
    "coherence": (51.2,), "cells": 1000, "dt": 0.2, "device": "numpy",
    "stimulus": (400.0, 1100.0), "windows": (200.0, 400.0, 600.0, 1100.0, 1200.0, 1600.0),
}  # fmt: skip
FULL = {"coherence": (51.2,) * 4 + (0.0,) * 4}
#: NEST 3.10, iaf_bw_2001, the same network: coherence -> (seeds, (population, window, mean rate in
#: Hz, tolerance as a share)). Standard deviation between seeds of the late winner: 2.1 and 0.8 Hz.
NEST = {
    51.2: (6, (("winner", "pre", 2.51, 0.2), ("nonsel", "pre", 2.55, 0.1),
               ("inh", "pre", 8.42, 0.1),
               ("winner", "late", 21.87, 0.1), ("nonsel", "late", 4.06, 0.1),
               ("inh", "late", 12.91, 0.05))),
    0.0: (6, (("winner", "late", 19.60, 0.1), ("inh", "late", 12.63, 0.05))),
}  # fmt: skip
SOURCE = "NEST 3.10 (iaf_bw_2001), N = 2000, mean of {n} seeds, our run; another single seed: "
SINGLE = {51.2: "18.8 Hz for the late winner", 0.0: "17.9 Hz for the late winner"}


def ordered(rate: np.ndarray) -> np.ndarray:
    """Return rates [network, population, window] with the later winner before the loser."""
    lost = rate[:, 0, 2] < rate[:, 1, 2]
    rate = rate.copy()
    rate[lost, :2] = rate[lost, 1::-1]
    return rate


def rows(quick: bool) -> Iterator[Row]:
    """Compare with NEST; quick: that a choice is held, and that it is not without NMDA."""
    from ..models import load_model

    model = load_model(MODEL)
    data = model.run(model.Parameters(**(QUICK if quick else FULL)))
    rate = ordered(data.rate.values)
    ap5, choices = rate[-1], rate[:-1]
    where = "NEST, N = 2000, 51.2 % coherence: 18 to 24 Hz in 6 seeds"
    if quick:
        yield Row(MODEL, "winner after the stimulus, N = 1000 (Hz)", choices[0, 0, 2], 14, 0, where,
                  "at least")  # fmt: skip
    yield Row(MODEL, "loser after the stimulus, most (Hz)", choices[:, 1, 2].max(), 4, 0,
              "NEST: 1.1 to 1.7 Hz; bound 4 Hz", "at most")  # fmt: skip
    yield Row(MODEL, "winner after the stimulus under AP5 (Hz)", ap5[0, 2], 4, 0,
              "persistent activity rests on NMDA (Wang 2002); bound as for the loser",
              "at most")  # fmt: skip
    if quick:
        return
    for level, (seeds, numbers) in NEST.items():
        chosen = choices[np.isclose(FULL["coherence"], level)].mean(0)
        source = SOURCE.format(n=seeds) + SINGLE[level]
        for name, window, target, within in numbers:
            population = ("winner", "loser", "nonsel", "inh").index(name)
            value = chosen[population, ("pre", "stimulus", "late").index(window)]
            yield Row(MODEL, f"{name}, {window}, {level:g} % (Hz)", value, target,
                      within * target, source)  # fmt: skip
