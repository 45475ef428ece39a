"""Ctrl+C during a training: wait until the step is done."""

from __future__ import annotations

import contextlib
import signal
import threading


@contextlib.contextmanager
def held_back():
    """Hold Ctrl+C back while the block runs; a second one interrupts at once.

    Gives a function that tells whether it was pressed. Only the main thread gets signals,
    and a program may have Ctrl+C ignored or handle it outside Python; there nothing
    changes.
    """
    asked = []
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(before):
        yield lambda: False
        return

    def later(number, frame):
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    signal.signal(signal.SIGINT, later)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
