"""The 150-key task of match and control with point spines, against Ellwood's published data."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Row

TASK = "ellwood_2024_match_and_control"
_PAPER = "Ellwood 2024, PLoS Comput. Biol. 20:e1011843"
_TASK = _PAPER + ", figure 5: shipped data of 1000 trials"
#: match window s -> success by number of query spikes
BY_COUNT = {0.5: {3: 0.116, 4: 0.701, 5: 0.931}, 1.0: {5: 0.646, 6: 0.822, 7: 0.931}}
_EQUAL = (
    "equal spines and 6 Hz outside the refractory time: success does not grade with the number of "
    "query spikes, and one false key in ten windows is too few; scenario 'scattered' has both"
)
_SCATTERED = (
    "the paper's success ends at .95 however many query spikes there are: its cell misses some "
    "spikes of a fully potentiated match, the soma here misses none"
)


def rows(quick: bool) -> Iterator[Row]:
    """Compare success and spurious shares of the read; quick: one match window, few trials."""
    from ..models import load_model

    script = load_model(TASK)
    trials, windows = (24, (1.0,)) if quick else (300, (0.5, 1.0, 2.0))
    for scenario in ("scattered",) if quick else script.SCENARIOS:
        parameters = script.Parameters(trials=trials, windows=windows, scenario=scenario)
        yield from _compare(script, script.run(parameters), scenario)


def _compare(script, data, scenario: str) -> Iterator[Row]:
    import numpy as np

    trials = data.sizes["trial"]
    reason = _EQUAL if scenario == "equal" else _SCATTERED
    for window in data.window.values:
        one = data.sel(window=window)
        where = f"match window {window:g} s, {scenario} spines"
        names = zip(("success", "spurious"), script.PUBLISHED[float(window)], strict=True)
        for name, target in names:
            # few trials cannot be expected nearer than two standard errors of their mean
            spread = 2 * float(one[name].std()) / np.sqrt(trials) if trials < 100 else 0.0
            yield Row(
                TASK, f"{name}, {where}", float(one[name].mean()), target, max(0.04, spread),
                _TASK, reason=reason, curve=f"{name}, {scenario} spines", x=float(window),
                axes=("match window (s)", f"{name} (share of spikes)"),
            )  # fmt: skip
        counts = BY_COUNT.get(float(window), {}) if scenario == "scattered" and trials > 100 else {}
        for count, target in counts.items():
            some = one.success.values[one["query"].values == count]
            spread = 2 * float(some.std()) / np.sqrt(some.size)
            yield Row(TASK, f"success after {count} query spikes, {where}", float(some.mean()),
                      target, max(0.04, spread), _TASK, reason=reason)  # fmt: skip
