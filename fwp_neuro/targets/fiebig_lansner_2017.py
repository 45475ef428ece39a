"""The BCPNN working memory: encoded items come back, others and blocked ones do not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..model_scripts import load_model
from .rows import Row

MODEL = "fiebig_lansner_2017_working_memory"
PAPER = (
    "Fiebig & Lansner 2017: one-shot encoding, free reactivation; no published number "
    "here"
)
OURS = "kappa = 0 writes nothing and AP5 leaves too little current: our controls"


def rows(quick: bool) -> Iterator[Row]:
    """Count what comes back: quick by cues, else by itself."""
    model = load_model(MODEL)
    data = model.run(model.Parameters(**(model.QUICK if quick else {})))
    encoded = data.kind.values == "encoded"
    bursts, completed = data.bursts.values, data.completed.values
    plastic, *blocked = range(3)
    if not quick:
        back = (bursts[plastic, encoded] > 0).mean()
        yield Row(
            MODEL,
            "share of encoded items that came back",
            back,
            0.75,
            0,
            PAPER,
            "at least",
            strength="own bound",
            set_after=True,
        )
    yield Row(MODEL, "bursts of patterns never shown", bursts[plastic, ~encoded].sum(), 0,
              0, PAPER, "at most", strength="own bound", set_after=True)  # fmt: skip
    whole = completed[plastic, encoded].mean()
    yield Row(
        MODEL,
        "completion by half a pattern, encoded (Hz)",
        whole,
        10,
        0,
        PAPER,
        "at least",
        strength="own bound",
        set_after=True,
    )
    yield Row(MODEL, "completion, never shown (Hz)", completed[plastic, ~encoded].mean(),
              3, 0, PAPER, "at most", strength="own bound", set_after=True)  # fmt: skip
    yield Row(
        MODEL,
        "bursts with kappa = 0 or AP5",
        np.sum(bursts[blocked]),
        0,
        0,
        OURS,
        "at most",
        strength="own bound",
        set_after=True,
    )
