"""Graupner & Brunel: STDP curves, the authors' own simulations, frequency in cortical
slices."""

from __future__ import annotations

import math
from collections.abc import Iterator

from brian2 import Hz, ms, second

from ...targets import sjostrom
from ...targets.rows import Row
from .. import get, stdp_curve
from ..pairing import pairs_of_spikes
from .events import analytic

MODEL = "graupner_brunel"
AXES = ("lag (ms)", "weight after / before")
_CODE = "authors' C++ simulation of Graupner & Brunel 2012, fig. 2 (2000 synapses)"
#: set -> lag in ms -> weight after / before, 60 pairs at 1 Hz, analytic
ANALYTIC = {
    "DP": {
        -60: 0.9408, -30: 0.7753, -20: 0.7643, -10: 0.8818, 0: 1.0079, 5: 1.2405,
        10: 1.2214, 20: 1.1722, 40: 1.0849, 60: 1.0349,
    },
    "DPD": {
        -20: 0.9983, -10: 0.8592, -5: 0.8461, 0: 0.9966, 5: 1.1933, 10: 0.9607,
        15: 0.8408, 20: 0.8675, 30: 0.9992,
    },
}  # fmt: skip
#: the same, the authors' stochastic simulation, which has standard errors up to 0.015; D
#: and P are symmetric in the lag (no delay, equal jumps), so their points are means over
#: both signs (P at 20: 1.0953 and 1.0593)
SIMULATED = {
    "DP": {-20: 0.760, 5: 1.237},
    "D": {0: 0.6593, 5: 0.9940},
    "P": {5: 1.2577, 20: 1.0773, 30: 1.0590, 40: 1.0353},
    "DPD_prime": {-40: 0.894, -10: 0.7793, 5: 1.146, 20: 0.8893},
    "D_prime": {-40: 0.84, -15: 0.6993, 0: 0.792, 20: 0.8747},
}
#: (lag in ms, Hz) in cortical slices -> how far off at most, and why
MISSES = {
    (10, 0.1): (0.11, "the published set, fitted to all points at once, potentiates by "
                      ".06 where the measured mean is -.04 +- .05"),
}  # fmt: skip


def simulated_error(chosen: str, lag: float, synapses: int) -> float:
    """Return the standard error of the difference of two simulations, ours and the
    authors'.

    Args:
        chosen: parameter set.
        lag: of 60 pairs at 1 Hz, in ms.
        synapses: in our simulation; the authors' has 2000.
    """
    model = get(MODEL, chosen)
    up, down = analytic(model, *pairs_of_spikes(lag * 1e-3, 60, 1.0))
    share, b = model.numbers("beta", "b")
    variance = share * up * (1 - up) + (1 - share) * down * (1 - down)
    unit = (b - 1) / (share + (1 - share) * b)
    return unit * math.sqrt(variance * (1 / synapses + 1 / 2000))


def rows(quick: bool) -> Iterator[Row]:
    """Compare curves; with ``quick`` the simulations are of fewer synapses."""
    for chosen, points in ANALYTIC.items():
        found = stdp_curve(MODEL, chosen, lags=list(points) * ms)
        for (lag, target), value in zip(points.items(), found, strict=True):
            yield Row(
                MODEL, f"{chosen}, {lag:+d} ms, analytic", float(value), target, 1e-3,
                "closed form of Graupner & Brunel 2012, SI, computed independently",
                curve=f"Graupner-Brunel {chosen}", x=lag, axes=AXES,
                strength="closed form",
            )  # fmt: skip
    way = dict(method="simulation", synapses=4000 if quick else 20000)
    for chosen, points in SIMULATED.items():
        found = stdp_curve(MODEL, chosen, lags=list(points) * ms, **way)
        for (lag, target), value in zip(points.items(), found, strict=True):
            yield Row(
                MODEL,
                f"{chosen}, {lag:+d} ms, simulation",
                float(value),
                target,
                min(0.03, 3 * simulated_error(chosen, lag, way["synapses"])),
                _CODE,
                strength="other simulator",
            )
    found = sjostrom.changes(MODEL, "cortical_slices", pairs=75)  # as in fig. 4
    yield from sjostrom.rows(MODEL, found, "Graupner-Brunel, cortical slices", MISSES)
    yield Row(
        MODEL, "cortical slices, mean square error in SEM", sjostrom.error(found), 1.0,
        0.0, f"on average within the SEM of {sjostrom.SOURCE}", "at most",
        strength="own bound",
    )  # fmt: skip
    sign = {"strength": "qualitative published"}
    bursts = dict(post_spikes=2, burst_frequency=1 / (11.5 * ms))
    at = dict(lags=20 * ms, pairs=100, frequency=5 * Hz)
    pairs = float(stdp_curve(MODEL, "hippocampal_slices", **at))
    doublets = float(stdp_curve(MODEL, "hippocampal_slices", **at, **bursts))
    source = (
        "Graupner & Brunel 2012, fig. 3: pairs depress, doublets potentiate (sign only)"
    )
    yield Row(
        MODEL,
        "hippocampal slices, 100 pairs at 5 Hz, +20 ms",
        pairs,
        1,
        0,
        source,
        "at most",
        **sign,
    )
    yield Row(
        MODEL,
        "same, with postsynaptic doublets",
        doublets,
        1,
        0,
        source,
        "at least",
        **sign,
    )
    ends = dict(burst_frequency=0.5 / (0.005 * second))
    post, pre = (
        float(stdp_curve(MODEL, "hippocampal_cultures", lags=lag * ms, **ends, **spikes))
        for lag, spikes in ((5, dict(post_spikes=2)), (-5, dict(pre_spikes=2)))
    )
    source = "Wang et al. 2005, Nat. Neurosci. 8:187 (sign only; read in the abstract)"
    yield Row(MODEL, "hippocampal cultures, post-pre-post 5 ms", post, 1, 0, source,
              "at least", **sign)  # fmt: skip
    yield Row(MODEL, "hippocampal cultures, pre-post-pre 5 ms", pre, post, 0, source,
              "at most", **sign)  # fmt: skip
