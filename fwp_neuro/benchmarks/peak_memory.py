"""Peak memory of one run, measured in a process of its own."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import resource
import subprocess
import sys

import torch

from .artificial_contenders import ATTENTION, attention, fast_weights


def peak_memory(
    contender: str, tokens: int, heads: int, dim: int, backward: bool
) -> float:
    """Return the bytes that a run adds to the peak of its process.

    Args:
        contender: "softmax attention" or "RULE FORM".
    """
    arguments = json.dumps([contender, tokens, heads, dim, backward])
    run = [sys.executable, "-m", __name__, arguments]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def memory(what: str) -> int:
    """Return bytes of this process: "VmRSS" now, "VmHWM" the peak."""
    try:
        with open("/proc/self/status") as lines:
            return 1024 * next(
                int(line.split()[1]) for line in lines if line.startswith(what)
            )
    except (OSError, StopIteration):  # no Linux: only the peak since the start is known
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def trim() -> None:
    """Give memory that was freed back to the system (glibc), so that new memory is seen
    as new."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def forget_peak() -> None:
    """Let the peak start anew from what is in use now (Linux)."""
    gc.collect()
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as switch:
        switch.write("5")


def _measure(contender: str, tokens: int, heads: int, dim: int, backward: bool) -> int:
    torch.set_num_threads(1)

    def make(length):
        if contender == ATTENTION:
            return attention(length, heads, dim)
        return fast_weights(*contender.split(), length, heads, dim)

    small, large = make(64), make(tokens)
    # load libraries and compile outside of the measurement
    for one in (small.both, small.once):
        one()
    forget_peak()
    before = memory("VmRSS")
    (large.both if backward else large.once)()
    return memory("VmHWM") - before


if __name__ == "__main__":
    print(_measure(*json.loads(sys.argv[1])))
