"""The hand-written C++ loop as a contender."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import hand_written
from .measured import Measured
from .network import NetworkCase


def prepare(case: NetworkCase, folder: Path, variant: str) -> dict[str, float]:
    """Compile the loop, unless that was done before."""
    hand_written.build()
    return {}


def measure(case: NetworkCase, folder: Path, variant: str) -> Measured:
    """Run the loop once."""
    found = hand_written.run(
        case.cells, case.spikes, case.steps, variant=variant, w=case.weights(), keep=True
    )
    spikes = np.bincount(found.spikes[:, 1], minlength=case.cells)
    return Measured(
        found.seconds,
        found.setup,
        found.bytes,
        case.sampled(found.w),
        spikes,
        found.spikes,
    )
