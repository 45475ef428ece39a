"""How fast this machine can read and write weights: the line that no layout of floats can
cross."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from ...artificial.kernels.compiler import library

SOURCE = """
extern "C" void sweep(float *w, long count, long times) {
    for (long again = 0; again < times; again++) {
        #pragma omp simd
        for (long k = 0; k < count; k++) w[k] = w[k] * 0.999f + 0.001f;
    }
}
"""
#: bytes of one float read and written
BYTES = 8


def bandwidth(floats: int, rounds: int = 5, least: float = 0.05) -> float:
    """Return bytes a second (processor time, one thread) to read and write an array in
    place.

    Args:
        floats: length of the array.
        rounds: of which the fastest counts: what the machine can do.
        least: seconds of a round.
    """
    sweep = library(SOURCE, "the memory bandwidth").sweep
    sweep.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
    sweep.restype = None
    w = np.ones(floats, np.float32)

    def seconds(times: int) -> float:
        begun = time.process_time()
        sweep(w.ctypes.data, floats, times)
        return time.process_time() - begun

    seconds(1)
    times = 1
    while seconds(times) < least:
        times *= 2
    return BYTES * floats * times / min(seconds(times) for _ in range(rounds))
