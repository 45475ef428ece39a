"""Where the points of a sweep run: local processes, or an executor that the user
gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..code_hash import parse, simulation
from ..errors import Cannot, FwpError, shown
from ..validation import whole
from .pool import LocalPool
from .preload import import_brian2

#: more local processes than these are a slip, on a machine of fewer than 250 cores
MOST_WORKERS = 1000


@dataclass(frozen=True)
class Chosen:
    """An executor to be.

    Attributes:
        name: what it is.
        start: returns it.
        stop: ends it, given it.
        check: called with it, raises `Cannot` if it can finish nothing any more.
    """

    name: str
    start: Callable[[], Executor | LocalPool]
    stop: Callable[..., None] = lambda executor: None
    check: Callable[..., None] = lambda executor: None


def choose(executor, workers: int | None, points: int) -> Chosen:
    """Return the executor for a sweep of so many points.

    Args:
        executor: a `concurrent.futures.Executor`, a Dask client, or None for local
            processes.
        workers: number of local processes; None for one a core that this process may use.

    Raises:
        FwpError: anything else, or local processes from a script that they would run
            again.
    """
    if executor is None:
        count = cores() if workers is None else whole(workers, "workers")
        if count > (most := max(MOST_WORKERS, 4 * cores())):
            raise FwpError(
                f"workers is {shown(count)}; legal are at most {most} processes"
            )
        check_main()
        return Chosen(
            "local processes", lambda: LocalPool(min(count, points)), LocalPool.stop,
            LocalPool.check,
        )  # fmt: skip
    if workers is not None:
        raise FwpError("workers is for local processes: the executor given has its own")
    executor = given(executor)
    return Chosen(
        type(executor).__name__, lambda: _ready(executor), check=_check_connection
    )


def given(executor) -> Executor:
    """Return the executor that a user gave; FwpError if it is none."""
    if hasattr(executor, "get_executor"):  # a Dask client
        executor = executor.get_executor(pure=False)
    if not isinstance(executor, Executor):
        raise FwpError(
            "executor must be a concurrent.futures.Executor, a Dask client or None, got "
            f"{type(executor).__name__}"
        )
    return executor


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_main() -> None:
    """Raise FwpError in a script that workers cannot import, or would sweep again as they
    do."""
    main = sys.modules.get("__main__")
    path, frame = getattr(main, "__file__", None), sys._getframe()
    if path == "<stdin>":
        raise FwpError(
            "the script comes from standard input, and workers cannot import it: save it "
            "as a .py file and run that"
        )
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and name in ("__main__", "__mp_main__"):
            if path is None or frame.f_globals is not vars(main) and name == "__main__":
                return
            guarded = _guarded(frame.f_code.co_filename, frame.f_lineno)
            if name == "__mp_main__" or not guarded:
                raise FwpError(
                    f"{os.path.basename(path or 'the script')} sweeps when it is "
                    "imported, and "
                    "every worker imports it: put the call under `if __name__ == "
                    '"__main__":`'
                )
        frame = frame.f_back


def _guarded(path: str, line: int) -> bool:
    """Whether a line of a script is not run when the script is imported."""
    if not path.endswith(".py") or not os.path.isfile(path):
        return True
    imported = simulation(parse(Path(path)), None)
    return not any(s.lineno <= line <= (s.end_lineno or s.lineno) for s in imported)


def _ready(executor: Executor) -> Executor:
    """Return an executor whose workers can import Brian2 when they first need it."""
    client = getattr(executor, "_client", None)
    if hasattr(client, "register_plugin"):
        from .plugin import set_up  # noqa: PLC0415  needs Dask

        set_up(client)
    elif isinstance(executor, ThreadPoolExecutor):
        import_brian2()  # here and now: only a main thread can
    return executor


def _check_connection(executor: Executor) -> None:
    """Raise `Cannot` if the client of a Dask executor has given up its scheduler."""
    status = getattr(getattr(executor, "_client", None), "status", "running")
    if status == "closed":
        raise Cannot("the connection to the Dask scheduler is lost")
