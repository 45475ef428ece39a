"""The 150-key task of match and control with point spines, against Ellwood's published data."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Row

TASK = "ellwood_2024_match_and_control"
_PAPER = "Ellwood 2024, PLoS Comput. Biol. 20:e1011843"
_TASK = _PAPER + ", figure 5: shipped data of 1000 trials"
#: match window s -> success by number of query spikes
BY_COUNT = {0.5: {3: 0.116, 4: 0.701}, 1.0: {5: 0.646, 7: 0.931}}
_EQUAL = (
    "all spines are equal here, so that trials with as many query spikes pass or fail together; "
    "the paper's 1500 differ: bAP amplitudes that scatter by 5 % make our success graded as well"
)


def rows(quick: bool) -> Iterator[Row]:
    """Compare success and spurious shares of the read; quick: one match window, few trials."""
    import numpy as np

    from ..models import load_model

    trials, windows = (24, (1.0,)) if quick else (300, (0.5, 1.0, 2.0))
    script = load_model(TASK)
    data = script.run(script.Parameters(trials=trials, windows=windows))
    for window in windows:
        one = data.sel(window=window)
        names = zip(("success", "spurious"), script.PUBLISHED[window], strict=True)
        for name, target in names:
            value = float(one[name].mean())
            # the mean of so many trials cannot be expected nearer than two of its standard errors
            spread = 2 * float(one[name].std()) / np.sqrt(trials)
            yield Row(
                TASK, f"{name}, match window {window:g} s, {trials} trials", value, target,
                max(0.04, spread) if trials < 100 else 0.04, _TASK, curve=f"{name} of the read",
                x=window, axes=("match window (s)", f"{name} (share of spikes)"),
            )  # fmt: skip
        for count, target in BY_COUNT.get(window, {}).items() if trials >= 100 else ():
            some = one.success.values[one["query"].values == count]
            yield Row(TASK, f"success after {count} query spikes, match window {window:g} s",
                      float(some.mean()), target, 0.1, _TASK, reason=_EQUAL)  # fmt: skip
