"""A pool of local processes in which the death of one costs the point that it was computing only.

`concurrent.futures.ProcessPoolExecutor` breaks as a whole when one of its processes dies. Here each
process has its own pipe: the call that it had fails with `WorkerDied`, a fresh process takes its
place, and the others go on. Processes come from a fork server, which starts them fast and clean.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path

from ..files import is_abandoned, owner
from .preload import quiet_threads

_PRELOAD = ["numpy", "pandas", "xarray", "xarray.backends.scipy_", "scipy.io", "filelock"]
_FOLDER = "fwp_neuro_worker_"
_GRACE = 2.0  # seconds to clean up in, before a process is killed


class WorkerDied(BrokenExecutor):
    """The process that computed a call ended without an answer."""


class LocalPool(Executor):
    """An executor of ``workers`` processes, one thread each."""

    def __init__(self, workers: int):
        method = (
            "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        )
        self.context = multiprocessing.get_context(method)
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._processes: set = set()
        self._closed = False
        for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):  # of a sweep that was killed
            with contextlib.suppress(OSError):
                if is_abandoned(left):
                    shutil.rmtree(left, ignore_errors=True)
        if method == "forkserver":
            _start_fork_server()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable, /, *arguments, **options) -> Future:
        """Queue ``function(*arguments, **options)``; all of it must be picklable."""
        if self._closed:
            raise RuntimeError("the pool is shut down")
        future: Future = Future()
        self._calls.put((future, (function, arguments, options)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when their calls are done, or (``cancel_futures``) now."""
        self._closed = True
        if cancel_futures:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._calls.get_nowait()[0].cancel()
            _end(list(self._processes))
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        """Give calls to one process after another (run by one thread a process)."""
        died = True
        while died:
            with contextlib.ExitStack() as stack:
                died = self._serve_by_one(stack)

    def _serve_by_one(self, stack: contextlib.ExitStack) -> bool:
        """Give calls to one process until it dies (True) or there are no more."""
        process = connection = None
        while (call := self._calls.get()) is not None:
            future, content = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if process is None:
                    process, connection = self._start(stack)
                connection.send(content)
                raised, answer = connection.recv()
            except (EOFError, OSError) as problem:  # the pipe has no other end any more
                if process is not None:
                    process.join()
                    self._processes.discard(process)
                future.set_exception(WorkerDied(_death(process, problem)))
                return True
            except Exception as problem:  # what cannot be pickled
                future.set_exception(problem)
            else:
                (future.set_exception if raised else future.set_result)(answer)
        if process is not None:
            connection.close()  # which ends it
            process.join()
            self._processes.discard(process)
        return False

    def _start(self, stack: contextlib.ExitStack):
        # what a process leaves in its temporary folder goes with it, however it ends
        name = f"{_FOLDER}{owner()}"
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix=name, ignore_cleanup_errors=True)
        )
        ours, theirs = self.context.Pipe()
        environment = {**os.environ, "TMPDIR": folder}
        quiet_threads(environment)
        process = self.context.Process(target=_answer, args=(theirs, environment, os.getcwd()))
        process.start()
        theirs.close()
        self._processes.add(process)
        if self._closed:  # shut down meanwhile
            _end([process])
        return process, ours


def _answer(connection, environment: dict[str, str], folder: str) -> None:
    """Answer calls until the other end closes (run by a worker process)."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl+C is for the process that sweeps; programs started here end with us
    # the fork server may be older than the sweep
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None  # to be asked for again
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_outlive_no_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            function, arguments, options = connection.recv()
            try:
                answer = (False, function(*arguments, **options))
            except Exception as problem:
                answer = (True, problem)
            connection.send(answer)
    shutil.rmtree(environment["TMPDIR"], ignore_errors=True)


def _stop(number, frame):
    # where Python is in a callback of a weak reference it prints what is raised, and goes on
    sys.unraisablehook = lambda unraisable: None
    raise KeyboardInterrupt  # temporary folders are removed on the way out


def _outlive_no_parent() -> None:
    """End this process and what it started when the process that sweeps is gone."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE)
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _end(processes: list) -> None:
    """End processes with all that they started, after a moment to clean up in."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    end = time.monotonic() + _GRACE
    for process in processes:
        with contextlib.suppress(OSError, ValueError):
            multiprocessing.connection.wait([process.sentinel], max(0, end - time.monotonic()))
    for process in processes:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(process, number) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, number)
        return
    with contextlib.suppress(OSError, ValueError):  # no group of its own, yet or ever
        process.terminate() if number == signal.SIGTERM else process.kill()


def _death(process, problem) -> str:
    code = None if process is None else process.exitcode
    if code is None:
        return f"could not start: {problem}"
    if code < 0:
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"ended with status {code}"


def _start_fork_server() -> None:
    """Start the fork server with what every worker needs, unless it runs already.

    It loads no code of the user's and none of this package, which may change while it runs.
    """
    from multiprocessing import forkserver

    server = getattr(forkserver, "_forkserver", None)
    usual = getattr(server, "_preload_modules", None) == ["__main__"]  # not what the user chose
    with _environment():  # what it loads must be told of one thread as well
        if usual:
            multiprocessing.set_forkserver_preload(_PRELOAD)
        forkserver.ensure_running()
        if usual:
            multiprocessing.set_forkserver_preload(["__main__"])


@contextlib.contextmanager
def _environment():
    """Set what a worker's libraries must find while the fork server starts, then put it back."""
    wanted: dict[str, str] = {}
    quiet_threads(wanted)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(
        {**wanted, **({"MPLBACKEND": before["MPLBACKEND"]} if before["MPLBACKEND"] else {})}
    )
    try:
        yield
    finally:
        for name, text in before.items():
            os.environ.pop(name, None)
            if text is not None:
                os.environ[name] = text
