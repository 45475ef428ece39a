"""The point spine against Ellwood's published timing curve of 1500 modelled spines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import ms

from ... import synapses
from ...characterise.bilinear import fit
from ...targets.rows import Row
from .. import calcium_writes, spine_calcium
from ..calcium_readouts import READOUTS

MODEL = "point_spine"
_CURVE = (
    "Ellwood 2024, PLoS Comput. Biol. 20:e1011843: shipped data of the offset "
    "experiment, mean, peak-normalised; the imposed spike was fitted to it"
)
#: lag ms -> published write, and its bootstrap standard deviation
POINTS = {-2: (0.076, 0.013), 0: (0.472, 0.041), 2: (0.892, 0.023), 4: (1.0, 0.02),
          8: (0.763, 0.02), 12: (0.486, 0.02), 20: (0.183, 0.006)}  # fmt: skip
#: readout -> write of a presynaptic spike alone / largest write of a pair
ALONE = {
    "linear": (0.326, 0.002),
    "square": (0.063, 0.001),
    "fourth_power": (0.002, 5e-4),
}
_HALF = _CURVE + ", half-maximum by linear interpolation of its points"
_ALONE = "computed by hand from the equations and parameters of Ellwood 2024"


def timing(model, lags):
    """Return the write of one pair at each lag (ms)."""
    return synapses.stdp_curve(model, lags=lags * ms, pairs=1) - 1


def half_maximum(lags, write) -> tuple[float, float]:
    """Return between which lags a curve is above half of its largest value,
    interpolated."""
    lags, above = np.asarray(lags, float), np.asarray(write) / np.max(write) - 0.5
    crossings = [
        lags[n] - above[n] * (lags[n + 1] - lags[n]) / (above[n + 1] - above[n])
        for n in np.flatnonzero(np.diff(above > 0))
    ]
    return float(crossings[0]), float(crossings[-1])


def outer_product(
    readouts: tuple[str, ...], seconds: float = 6.0, cells: int = 12, seed: int = 0
):
    """Return how near the write of Poisson trains of six rates is to an outer product.

    Returns:
        `Bilinear` by readout, over ``cells`` x ``cells`` pairs of trains a pair of rates.
    """
    p, dt, rates = (
        synapses.get(MODEL).parameters,
        1e-4,
        np.array([0.0, 5, 10, 20, 30, 40]),
    )
    rng = np.random.default_rng(seed)
    steps, each = round(seconds / dt), np.repeat(rates, cells)
    pre, post = (
        (rng.random((steps, each.size)) < each * dt).astype(float) for _ in range(2)
    )
    scale = {"rest": tuple(np.full(each.size, peak) for peak in spine_calcium.peaks(p))}
    found = calcium_writes.cumulative(
        p,
        spine_calcium.opening(p, pre, dt),
        spine_calcium.voltage(p, post, dt),
        dt,
        steps,
        scale,
        readouts,
    )[0, :, -1]
    mean = found.reshape(len(readouts), rates.size, cells, rates.size, cells).mean((2, 4))
    return {
        name: fit(write, rates, rates) for name, write in zip(readouts, mean, strict=True)
    }


#: readout -> what it gives for calcium of 0.5, 2 and 4 where p_pre is 1 and p_pair is 2
READ = {
    "linear": (0.25, 1, 2), "square": (0.0625, 1, 4), "fourth_power": (0.00390625, 1, 16),
    "soft_threshold": (0, 0.25, 1.25), "step": (0, 0, 1), "hill_2": (1 / 17, 0.5, 0.8),
    "hill_4": (1 / 257, 0.5, 16 / 17),
}  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    """Compare the timing curve, what a presynaptic spike alone writes, and AP5."""
    model = synapses.get(MODEL, "fourth_power")
    lags = np.arange(-5, 20.01, 0.5)
    write = timing(model, lags) / timing(model, lags).max()
    found = np.interp(list(POINTS), lags, write)
    off = found - [target for target, _ in POINTS.values()]
    for (lag, (target, spread)), value in zip(POINTS.items(), found, strict=True):
        yield Row(
            MODEL, f"write at {lag:+d} ms / largest, fourth power", value, target,
            min(max(0.02, 2 * spread), 3 * spread), _CURVE, curve="timing of a pair",
            x=lag, strength="fitted by us",
            axes=("postsynaptic minus presynaptic spike (ms)", "write / largest write"),
        )  # fmt: skip
    yield Row(MODEL, "RMS deviation from the timing curve",
              float(np.sqrt((off**2).mean())), 0.02, 0, _CURVE + "; bound .02",
              kind="at most", strength="own bound", set_after=True)  # fmt: skip
    yield Row(MODEL, "lag of the largest write (ms)", lags[write.argmax()], 4, 1, _CURVE,
              strength="fitted by us")  # fmt: skip
    published = (
        np.array(list(POINTS)),
        np.array([target for target, _ in POINTS.values()]),
    )
    for side, value, target in zip(
        ("first", "last"),
        half_maximum(lags, write),
        half_maximum(*published),
        strict=True,
    ):
        yield Row(MODEL, f"{side} lag with half of the largest write "
                         "(ms)", value, target, 1, _HALF,
                  strength="fitted by us")  # fmt: skip
    for readout, (target, within) in ALONE.items():
        one = synapses.get(MODEL, readout)
        p = one.parameters
        # same scale of the readout
        silent = one.changed(bap=1e-9 * p["bap"], p_pair=p["p_pair"])
        alone = timing(silent, np.array([0.0]))[0]
        yield Row(MODEL, f"presynaptic spike alone / best pair, {readout}",
                  alone / timing(one, lags).max(), target, within, _ALONE,
                  strength="closed form")  # fmt: skip
    yield from _readouts()
    half = timing(model.changed(nmda=0.5), np.array([4.0])) / timing(
        model, np.array([4.0])
    )
    yield Row(MODEL, "write under half the NMDA receptors, fourth "
                     "power", float(half[0]), 0.0625,
              1e-9, "write in proportion to calcium^4: (1 - f)^4",
              strength="closed form")  # fmt: skip
    reference = (
        "computed by this package before from the same equations (6 x 6 rates, "
        "independent Poisson)"
    )
    targets = {"hill_4": (0.97, 0.995), "soft_threshold": (0.97, 0.995)}
    for readout, found in outer_product(tuple(targets), cells=8 if quick else 16).items():
        for quantity, value, target in zip(
            ("R2 of the write on c v k'", "rank-1 energy of the write"),
            (found.r2, found.rank_one), targets[readout], strict=True,
        ):  # fmt: skip
            yield Row(MODEL, f"{quantity}, {readout}", value, target, 0, reference,
                      "at least", strength="own bound", set_after=True)  # fmt: skip
    closed = timing(synapses.get(MODEL).changed(nmda=0), np.array([4.0]))[0]
    yield Row(MODEL, "write under full AP5", float(closed), 0.0, 0.0,
              "NMDA closed: no calcium", strength="closed form")  # fmt: skip


def _readouts() -> Iterator[Row]:
    for name, targets in READ.items():
        for ca, target in zip((0.5, 2.0, 4.0), targets, strict=True):
            value = float(READOUTS[name](np.array(ca), 1.0, 2.0))
            yield Row(MODEL, f"readout {name} of calcium {ca:g}, p_pre 1, p_pair "
                             "2", value, target,
                      1e-12, "its equation, by hand", strength="closed form")  # fmt: skip
