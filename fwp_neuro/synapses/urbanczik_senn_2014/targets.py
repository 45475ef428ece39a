"""Urbanczik & Senn 2014, figure 1B as in NEST's example: a dendrite learns what a soma is
taught.

200 inputs repeat one Poisson pattern of 200 ms; conductances nudge the soma toward a
matching potential that rises and falls twice a pattern. The error falls to less than half
in 20 repetitions and then stays. Single runs scatter with the pattern and the drawn
spikes (one of NEST's falls to a quarter, the mean over 24 of them does not), so that
means over seeds are compared; that the same spikes give the very weights of NEST is
checked in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.signal import lfilter

from ...targets.rows import Row
from .. import get
from .events import Cells

MODEL = "urbanczik_senn_2014"
SOURCE = (
    "NEST 3.10, urbanczik_synapse_example, our own re-measurement: mean over {n} seeds"
)
PERIOD, INPUTS, RATE = 0.2, 200, 10.0
#: repetition -> mean, SD over seeds and number of seeds in NEST, of the mean |phi(U) -
#: phi(V*)| (1/ms) over it and its neighbours
ERRORS = {
    0: (0.03961, 0.00457, 24), 4: (0.02708, 0.00391, 24), 9: (0.02007, 0.00232, 24),
    19: (0.01647, 0.0031, 24), 98: (0.0144, 0.00227, 8),
}  # fmt: skip
#: repetition -> the same error, and the RMS distance below, of the reference run (one
#: seed)
SINGLE_ERRORS = {0: 0.0365, 4: 0.0239, 9: 0.0204, 19: 0.0099, 98: 0.0129}
SINGLE_DISTANCES = {1: 7.93, 19: 3.97, 98: 4.12}
SINGLE = "NEST 3.10, urbanczik_synapse_example, reference run of one seed"
#: why a mean may be more than a standard deviation between NEST's seeds from that one
#: seed
_SEEDS = "one seed of NEST; the means over its seeds, and ours, lie elsewhere"
#: the same of the RMS of V* - matching potential (mV) in it
DISTANCES = {
    1: (8.61, 0.777, 24), 9: (5.617, 0.373, 24), 19: (4.895, 0.473, 24),
    98: (4.175, 0.416, 8),
}  # fmt: skip
#: the same of the ratio of the first error to the mean of five around repetition 19
FALL = (2.41, 0.41, 24)


def nudging(dt: float, repetitions: int) -> np.ndarray:
    """Return excitatory and inhibitory conductance [kind, step] in siemens, filtered over
    3 ms."""
    t = dt * (1 + np.arange(round(PERIOD * repetitions / dt)))
    # NEST's example adds to the conductances every 0.1 ms
    excitation = 300e-9 * (0.018 + 0.016 * np.sin(2 * np.pi * 2 / PERIOD * t))
    jumps = np.stack([excitation, np.full(t.size, 300e-9 * 0.06)]) * dt / 1e-4
    return lfilter([1], [1, -np.exp(-dt / 3e-3)], jumps, axis=1)


def learning(
    model, repetitions: int, seed: int = 0, dt: float = 1e-4
) -> dict[str, np.ndarray]:
    """Return how well the dendrite predicts in each repetition, two untaught ones before.

    Returns:
        "error": mean |phi(U) - phi(V*)|, 1/ms; "distance": RMS of V* - matching
        potential, mV; both [repetition].
    """
    rng = np.random.default_rng(seed)
    p = {name: float(value) for name, value in model.parameters.items()}
    steps, dead = round(PERIOD / dt), round(p["t_ref"] / dt)
    pattern = (rng.random((steps, INPUTS)) < RATE * dt).astype(float)
    g_E, g_I = np.pad(nudging(dt, repetitions), ((0, 0), (2 * steps, 0)))
    cells = Cells(model, (1, INPUTS), dt)
    waiting = 0

    def draw(rate):
        nonlocal waiting
        waiting -= 1
        spike = waiting < 0 and rng.random() < -np.expm1(-rate[0] * dt)
        waiting = dead if spike else waiting
        return np.array([float(spike)])

    errors, distances = np.zeros((2, g_E.size))
    for step, (E, I) in enumerate(zip(g_E, g_I, strict=True)):  # noqa: E741  conductance names
        cells.step(pattern[step % steps], draw, E, I)
        predicted = cells.V_star
        errors[step] = np.abs(cells.phi(cells.U) - cells.phi(predicted))[0] * 1e-3
        matching = (E * p["E_E"] + I * p["E_I"]) / (E + I) if E + I > 0 else p["E_L"]
        distances[step] = (predicted[0] - matching) * 1e3
    taught = slice(2 * steps, None)
    return {
        "error": errors[taught].reshape(repetitions, steps).mean(1),
        "distance": np.sqrt((distances[taught].reshape(repetitions, steps) ** 2).mean(1)),
    }


def rows(quick: bool) -> Iterator[Row]:
    """Compare the course of the error with NEST's: its fall, its plateau, its
    distances."""
    model = get(MODEL)
    repetitions, seeds = (24, 2) if quick else (100, 8)
    runs = [learning(model, repetitions, seed) for seed in range(seeds)]
    errors, distances = (
        np.array([run[name] for run in runs]) for name in ("error", "distance")
    )
    fall = (errors[:, 0] / errors[:, 17:22].mean(1)).mean()
    quantity = f"error at first / after 20 repetitions, {seeds} seeds"
    yield _seeded(quantity, fall, FALL, seeds)
    yield Row(
        MODEL, "error at first / after 20 repetitions, criterion", fall, 3.0, 0.0,
        f"{SINGLE}: falls at least threefold, then plateaus", "at least",
        known_miss=1.1, strength="other simulator",
        reason="one seed of NEST; over 24 seeds NEST itself falls 2.41 (SD .41) times",
    )  # fmt: skip
    late = errors[:, -5:].mean() / errors[:, 17:22].mean()
    yield Row(MODEL, "error at the end / after 20 repetitions", late, 1, 0.2,
              f"{SINGLE}: plateaus; 20 % is our bound", "at most", strength="own bound",
              set_after=True)  # fmt: skip
    for repetition, numbers in ERRORS.items():
        if repetition < repetitions:
            around = (
                slice(max(0, repetition - 1), repetition + 2)
                if repetition
                else slice(0, 1)
            )
            quantity = f"mean |phi(U) - phi(V*)| in repetition {repetition} (1/ms)"
            value = errors[:, around].mean()
            yield _seeded(
                quantity, value, numbers, seeds, curve="dendritic "
                                                       "prediction", x=repetition,
                axes=("repetition", "error (1/ms)"),
            )  # fmt: skip
            yield _single(quantity, value, SINGLE_ERRORS[repetition], numbers[1])
    for repetition, numbers in DISTANCES.items():
        if repetition < repetitions:
            quantity = f"RMS(V* - matching potential) in repetition {repetition} (mV)"
            value = distances[:, repetition].mean()
            yield _seeded(quantity, value, numbers, seeds)
            if repetition in SINGLE_DISTANCES:
                yield _single(quantity, value, SINGLE_DISTANCES[repetition], numbers[1])


def _seeded(quantity: str, value: float, numbers: tuple, seeds: int, **place) -> Row:
    """Return the row against our means over NEST's seeds (mean, SD, number of seeds)."""
    mean, deviation, count = numbers
    return Row(MODEL, quantity, value, mean, _scatter(deviation, count, seeds),
               SOURCE.format(n=count), strength="other simulator", **place)  # fmt: skip


def _single(quantity: str, value: float, target: float, deviation: float) -> Row:
    """Return the row against the reference's one seed: one SD passes, four are a
    fault."""
    row = Row(MODEL, f"{quantity}, one seed", value, target, deviation, SINGLE,
              strength="other simulator")  # fmt: skip
    return row if row.passed else replace(row, reason=_SEEDS, known_miss=4 * deviation)


def _scatter(deviation: float, count: int, seeds: int) -> float:
    """Return three standard errors of a difference of two means over seeds."""
    return 3 * deviation * float(np.sqrt(1 / seeds + 1 / count))
