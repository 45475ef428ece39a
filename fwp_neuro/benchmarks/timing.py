"""Measure calls in turn, so that a change of the machine's load meets all of them
alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

try:
    import resource
except ImportError:  # Windows: programs that a call starts are not counted there
    resource = None


def spent() -> float:
    """Return processor seconds so far, with those of programs that were started."""
    if resource is None:
        return time.process_time()
    every = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in every)


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    progress: Callable | None = None,
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
            wall, cpu = time.perf_counter(), spent()
            call()
            took = (spent() - cpu, time.perf_counter() - wall)
            if count:
                times[name].append(took)
    return {name: np.array(every) for name, every in times.items()}


SGEMM_SIZE = 1024


def sgemm():
    """Return the machine's own matrix product (float32) as a call, and its operations."""
    a, b = torch.randn(SGEMM_SIZE, SGEMM_SIZE), torch.randn(SGEMM_SIZE, SGEMM_SIZE)
    return lambda: a @ b, 2.0 * SGEMM_SIZE**3
