"""Measure calls in turn, so that a change of the machine's load meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(
    calls: Mapping[str, Callable[[], object]], rounds: int, progress: Callable | None = None
) -> dict[str, np.ndarray]:
    """Time every call once a round, after one round that is not counted.

    Args:
        calls: name -> function without arguments.
        rounds: counted rounds.
        progress: called with (fraction done, name).

    Returns:
        name -> [round, 2] seconds: of the processor (all threads), and on the wall.
    """
    times: dict[str, list] = {name: [] for name in calls}
    for count in range(rounds + 1):
        for number, (name, call) in enumerate(calls.items()):
            if progress is not None:
                progress((count + number / len(calls)) / (rounds + 1), name)
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            spent = (time.process_time() - cpu, time.perf_counter() - wall)
            if count:
                times[name].append(spent)
    return {name: np.array(spent) for name, spent in times.items()}


def sgemm_peak(size: int = 1024, rounds: int = 7) -> float:
    """Return the FLOP/s of the machine's own matrix product (float32), one of its best rounds."""
    import torch

    a, b = torch.randn(size, size), torch.randn(size, size)
    spent = interleaved({"sgemm": lambda: a @ b}, rounds)["sgemm"]
    return 2.0 * size**3 / float(np.sort(spent[:, 1])[1])
