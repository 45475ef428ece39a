"""What a worker process needs before it simulates.

One thread, no window, a cache on its own disk, and Brian2 imported in the main thread:
Brian2 takes over Ctrl+C when it is imported, which Python allows in the main thread only,
and Dask runs tasks in another one.

A Dask worker does it when it starts with ``--preload fwp_neuro.sweep.preload``. A sweep
asks every worker for it as well (`fwp_neuro.sweep.plugin`), too late for libraries that
are loaded by then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ..code_cache import is_private

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def quiet_threads(environment=os.environ) -> None:
    """Let libraries that are loaded later use one thread, and draw without a window."""
    environment.update(dict.fromkeys(THREADS, "1"))
    environment.setdefault("MPLBACKEND", "Agg")


def one_thread() -> None:
    """Let PyTorch use one thread, if it is loaded."""
    torch = sys.modules.get("torch")
    if (
        torch is not None
        and hasattr(torch, "set_num_threads")
        and torch.get_num_threads() != 1
    ):
        torch.set_num_threads(1)


def local_cache() -> str | None:
    """Return a folder on this machine's own disk for compiled code, private to the user.

    The workers of a machine share it: Brian2 compiles under a file lock, which is slow or
    broken in a home folder on NFS. None if the place is taken by somebody else.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"fwp_neuro_cython_{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_dir() and is_private(folder):
            return str(folder)
    return None


def import_brian2() -> None:
    """Import Brian2, and leave Ctrl+C to whom it belonged to."""
    handler = signal.getsignal(signal.SIGINT)
    import brian2  # noqa: F401, PLC0415

    if handler is not None:
        signal.signal(signal.SIGINT, handler)


def dask_setup(worker) -> None:
    """Set up a Dask worker (Dask calls this, in the main thread of the worker's
    process)."""
    quiet_threads()
    one_thread()
    # Brian2 asks Cython where its cache is; a folder that the user chose stays
    if "CYTHON_CACHE_DIR" not in os.environ and (folder := local_cache()) is not None:
        os.environ["CYTHON_CACHE_DIR"] = folder
    # not so for workers that are threads
    if threading.current_thread() is threading.main_thread():
        import_brian2()
