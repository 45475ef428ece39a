"""One thread at a time in Brian2, whose device, clock, preferences and names are module
state.

Threads that want to build or run a circuit wait for each other. Who compiles a program
once and runs it from several threads waits for the reading of results only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def brian2_lock() -> Iterator[None]:
    """Have Brian2 for this thread alone; also a decorator. A thread may nest it."""
    with _lock:
        _load()
        yield


def _load() -> None:
    """Import Brian2, in any thread.

    Brian2 takes over Ctrl+C when it is imported, which Python refuses outside the main
    thread, and then the import fails. Another thread leaves Ctrl+C alone.
    """
    if "brian2" in sys.modules or threading.current_thread() is threading.main_thread():
        import brian2  # noqa: F401, PLC0415  waits while another thread is importing it

        return
    theirs = signal.signal

    def of_main_thread(number, handler):
        if threading.current_thread() is threading.main_thread():
            return theirs(number, handler)
        return signal.getsignal(number)

    signal.signal = of_main_thread
    try:
        import brian2  # noqa: F401, PLC0415
    finally:
        signal.signal = theirs


def _forked() -> None:
    """Forget, in a child process, a lock that another thread of the parent holds."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
