"""The Brian2 text of every model against its NumPy form: the same spikes, the same
weights.

Two cells on either side fire random spikes and all pairs of them have a synapse, in one
Brian2 network that runs on the device "numpy". A row is the largest difference over the
largest change; its bound is what the steps of the text leave, or rounding where both
forms are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import forms_of_receptors, forms_of_rules
from .form_cases import ROUNDING
from .rows import Row


def rows(model: str) -> Iterator[Row]:
    """Compare the forms of a model."""
    for case in {**forms_of_rules.CASES, **forms_of_receptors.CASES}.get(model, ()):
        brian, numpy, before = case.run()
        brian, numpy = np.asarray(brian, dtype=float), np.asarray(numpy, dtype=float)
        change = np.abs(numpy - before).max()
        off = np.abs(brian - numpy).max() / change if change > 0 else np.nan
        what = f", {case.what}" if case.what else ""
        yield Row(
            model, f"Brian2 text = NumPy form{what}: difference / "
                   "change", float(off), case.within,
            0.0, "both forms on the same random spikes, 'numpy' device", "at most",
            strength="two own forms", set_after=case.within > ROUNDING,
        )  # fmt: skip
