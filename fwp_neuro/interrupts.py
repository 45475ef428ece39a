"""Ctrl+C that is not lost."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading

#: s until a lost Ctrl+C is sent again; the callback that lost it has ended by then
_PAUSE = 0.05
#: the module that takes Ctrl+C away
_QUIET = "dask_jobqueue.runner"


@contextlib.contextmanager
def heard():
    """Let no Ctrl+C be lost while the block runs.

    Where Python is in a callback of a weak reference or in a `__del__`, nothing can be
    raised: it prints the KeyboardInterrupt and goes on. In the block it is sent again.
    dask_jobqueue replaces the handler when it is imported, by one that ends the process
    with status 0 and without a word. In the block the one of Python is back.
    """
    before = sys.unraisablehook
    handler = signal.getsignal(signal.SIGINT)
    quiet = getattr(handler, "__module__", None) == _QUIET
    quiet = quiet and threading.current_thread() is threading.main_thread()

    def send_again(unraisable):
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            with contextlib.suppress(RuntimeError):  # Python ends: no thread can start
                threading.Timer(_PAUSE, _press).start()
        else:
            before(unraisable)

    sys.unraisablehook = send_again
    if quiet:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        sys.unraisablehook = before
        if quiet:
            signal.signal(signal.SIGINT, handler)


def _press() -> None:
    """Press Ctrl+C in the main thread, also where it waits for something."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()
