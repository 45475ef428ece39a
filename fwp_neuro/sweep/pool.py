"""A pool of local processes in which the death of one costs the point that it was
computing only.

`pebble` keeps the processes and puts a fresh one in the place of one that died. Here is
what a simulation needs besides: processes from a fork server, which starts them fast and
clean; a process group and a temporary folder for each, so that programs and files that a
point leaves go with its process; and an end of all of them when the sweep ends or is
killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pebble

from ..files import is_abandoned, owner
from .preload import quiet_threads

_PRELOAD = ["numpy", "pandas", "xarray", "xarray.backends.scipy_", "scipy.io", "filelock"]
_FOLDER = "fwp_neuro_worker_"
_GRACE = 2.0  # seconds to clean up in, before a process is killed
_NONE_STARTED = "All workers expired"  # what pebble says
_PIPE_BROKEN = ""  # likewise, where it was writing to a worker as that ended
_busy = False  # whether this process, a worker, computes


class LocalPool:
    """``workers`` processes, one thread each, until `stop`."""

    def __init__(self, workers: int):
        methods = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context(
            "forkserver" if "forkserver" in methods else "spawn"
        )
        self._workers = workers
        self._futures: set[Future] = set()
        _remove_folders()
        if "forkserver" in methods:
            _start_fork_server()
        self._start()

    def submit(self, function: Callable, /, *arguments) -> Future:
        """Queue ``function(*arguments)``, all of which must be picklable."""
        try:
            future = self._pool.schedule(_call, (function, *arguments))
        except RuntimeError:  # processes died before they had a call, and pebble gave up
            self.stop()
            self._start()
            future = self._pool.schedule(_call, (function, *arguments))
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def check(self) -> None:
        """Fail the calls that pebble forgot when it gave up; others can follow them."""
        if not self._pool.active:
            for future in list(self._futures):
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(BrokenProcessPool(_NONE_STARTED))

    def stop(self) -> None:
        """End the processes now, with all that they started."""
        self._pool.stop()  # before they end, so that none is replaced
        self._leash.close()
        self._pool.join()
        self._end.close()
        _remove_folders()

    def _start(self) -> None:
        # no process but this one holds the leash: the others see it close, however this
        # one ends
        self._end, self._leash = self._context.Pipe(duplex=False)
        environment = dict(os.environ)
        quiet_threads(environment)
        self._pool = pebble.ProcessPool(
            self._workers, initializer=_set_up, initargs=(self._end, environment,
                os.getcwd()),
            context=self._context,
        )  # fmt: skip


def death(error: BaseException) -> str:
    """Say how a worker ended; "" if ``error`` is not that one did."""
    broken = isinstance(error, BrokenProcessPool)
    if broken and str(error) in (_NONE_STARTED, _PIPE_BROKEN):
        cause = error.__cause__  # a pipe that broke says nothing more, a full system does
        told = isinstance(cause, OSError) and not isinstance(cause, ConnectionError)
        return "ended before it could take a point" + (f" ({cause})" if told else "")
    if not isinstance(error, pebble.ProcessExpired):
        return ""
    _remove_folders()
    if error.exitcode < 0:
        name = signal.Signals(-error.exitcode).name
        return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"ended with status {error.exitcode}"


def _set_up(end, environment: dict[str, str], folder: str) -> None:
    """Make a worker of this process (pebble calls this when it starts)."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # programs started here end with us
    # the fork server may be older than the sweep
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # to be asked for again
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(
        prefix=f"{_FOLDER}{owner()}"
    )
    os.chdir(folder)
    signal.signal(signal.SIGTERM, _on_term)
    threading.Thread(target=_watch, args=(end,), daemon=True).start()
    # pebble lets a process without a call return when its pipe closes, maybe before
    # `_watch`
    multiprocessing.util.Finalize(None, _leave, exitpriority=0)


def _call(function: Callable, *arguments):
    """Call a function; do not return when this process is told to end (run by a
    worker)."""
    global _busy
    _busy = True
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        _leave()
    finally:
        _busy = False


def _on_term(number, frame) -> None:
    if not _busy:
        _leave()
    # where Python is in a callback of a weak reference it prints what is raised, and goes
    # on
    sys.unraisablehook = lambda unraisable: None
    raise KeyboardInterrupt  # temporary folders are removed on the way out


def _watch(end) -> None:
    """End this process and what it started when the sweep has ended or is gone."""
    with contextlib.suppress(EOFError, OSError):
        end.recv()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE)
    _leave()


def _leave() -> None:
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _remove_folders() -> None:
    """Remove the temporary folders of workers that are gone."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError):
            if is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)


def _start_fork_server() -> None:
    """Start the fork server with what every worker needs, unless it runs already.

    It loads no code of the user's and none of this package, which may change while it
    runs.
    """
    from multiprocessing import forkserver  # noqa: PLC0415  not on Windows

    server = getattr(forkserver, "_forkserver", None)
    # not what the user chose
    usual = getattr(server, "_preload_modules", None) == ["__main__"]
    before = dict(os.environ)
    quiet_threads(os.environ)  # what it loads must be told of one thread as well
    try:
        if usual:
            multiprocessing.set_forkserver_preload(_PRELOAD)
        forkserver.ensure_running()
        if usual:
            multiprocessing.set_forkserver_preload(["__main__"])
    finally:
        os.environ.clear()
        os.environ.update(before)
