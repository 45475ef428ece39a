"""Payeur et al. 2021: the change has the sign of burst probability minus its running
mean.

Postsynaptic events at random times are bursts with some probability; the same times and
presynaptic spikes serve every probability. With averages that do not move (tau_avg very
long) the mean change crosses zero at Pbar, and with moving ones it ends once Pbar has
followed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Hz, second

from ...targets.rows import Row
from .. import get
from .events import changed_weight

MODEL = "payeur_2021"
SOURCE = "Payeur et al. 2021, eq. 1: mean change in proportion to P - Pbar"
PROBABILITIES = (0.0, 0.1, 0.2, 0.3, 0.5)
#: burst probability -> standard deviation of the change an event over that between
#: probabilities 1 and 0, between 8 seeds of 3000 events
SCATTER = {0.0: 0.006, 0.1: 0.015, 0.2: 0.0165, 0.3: 0.021, 0.5: 0.021}


def trains(probability: float, events: int, seed: int = 0):
    """Return presynaptic and postsynaptic spikes (seconds): events at about 5 Hz, some
    bursts."""
    rng = np.random.default_rng(seed)
    gaps = 0.05 + rng.exponential(0.15, (2, events))  # far enough apart to be events
    pre, post = gaps.cumsum(1)
    chance = rng.permutation(events) / events  # exactly the share asked for
    return pre, np.sort(np.concatenate([post, post[chance < probability] + 0.01]))


def change(model, probability: float, events: int, seed: int = 0) -> float:
    """Return the mean change of the weight for each postsynaptic event, in eta."""
    start, eta = model.numbers("w_start", "eta")
    after = changed_weight(model, *trains(probability, events, seed))
    return (after - start) / eta / events


def zero_crossing(model, events: int) -> float:
    """Return the burst probability at which the mean change is zero, by a straight
    line."""
    found = [change(model, probability, events) for probability in PROBABILITIES]
    slope, offset = np.polyfit(PROBABILITIES, found, 1)
    return -offset / slope


def rows(quick: bool) -> Iterator[Row]:
    """Compare where the change crosses zero with Pbar, and that it ends when Pbar has
    followed."""
    events = 3000 if quick else 30000
    for mean in (0.15, 0.35):
        still = get(MODEL).changed(tau_avg=1e9 * second, B_start=5 * mean * Hz)
        # the chance that bursts fall together with the presynaptic trace
        chance = np.sqrt(mean * (1 - mean) / events)
        within = 5.4 * chance  # 2 to 3 standard deviations between 8 seeds
        quantity = f"burst probability of no change, Pbar {mean:g}"
        yield Row(
            MODEL,
            quantity,
            zero_crossing(still, events),
            mean,
            within,
            SOURCE,
            strength="closed form",
        )
        for probability in PROBABILITIES:
            target = change(still, 1.0, events) - change(still, 0.0, events)
            yield Row(
                MODEL, f"change per event at burst probability {probability:g}, Pbar "
                       f"{mean:g}",
                change(still, probability, events), target * (probability - mean),
                target * 2.5 * SCATTER[probability] * np.sqrt(3000 / events),
                SOURCE, curve=f"burst rule, Pbar {mean:g}", x=probability,
                axes=("burst probability", "change per event (eta)"),
                strength="own bound",
            )  # fmt: skip
    early, late = following(get(MODEL), 0.4, 100 if quick else 1000)
    yield Row(
        MODEL, "change per event once Pbar has followed / "
               "before", abs(late) / early, 0, 0.25,
        "Payeur et al. 2021, eq. 1: no mean change at P = Pbar", "at most",
        strength="own bound",
    )  # fmt: skip


def following(model, probability: float, runs: int) -> tuple[float, float]:
    """Return the mean change an event over the first 20 events and over those from 150 to
    250."""
    found = []
    for seed in range(runs):
        pre, post = trains(probability, 250, seed)
        events = post[np.diff(post, prepend=-1) > 0.02]
        ends = [events[count] - 1e-6 for count in (20, 150, 249)]
        found.append(
            [changed_weight(model, pre[pre < end], post[post < end]) for end in ends]
        )
    start, eta = model.numbers("w_start", "eta")
    first, middle, last = (np.mean(found, 0) - start) / eta
    return first / 20, (last - middle) / 99
