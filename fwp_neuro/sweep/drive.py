"""Run the points of a sweep on an executor until each is kept, has failed, or was given
up."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import queue
import secrets
import time
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from ..errors import Cannot, FwpError, shown, warn
from ..files import output_folder
from ..loaded_code import changed, count_elsewhere, files_of, record
from ..provenance import commit, plain, versions
from ..recording import Recording
from ..run_arguments import ProgressCallback
from ..validation import flag
from . import parameter_text
from .executors import Chosen, choose
from .function import Function, other_code, read_function
from .gather import gather
from .grid import Grid, read_grid
from .point_worker import Outcome, PointJob, here, work
from .pool import death
from .seeds import point_seed
from .store import PATIENCE, Failure, PointStore

#: how often a point is given to a worker that dies of it or loses it
ATTEMPTS = 3
#: the Dataset of a sweep, in its folder
FILE = "sweep.nc"


@dataclass
class Swept:
    """A sweep that ended.

    Attributes:
        dataset: all results, see `fwp_neuro.sweep.gather.gather`.
        path: the file that holds them.
        kept, computed: how many results were there before, and how many came now.
        failures: number of a point -> why it has no result.
        grid: the points.
    """

    dataset: xr.Dataset
    path: Path
    kept: int
    computed: int
    failures: dict[int, Failure]
    grid: Grid


@dataclass
class _Run:
    """The state of one sweep: what is known of each point by its number."""

    function: Function
    grid: Grid
    keys: list[str]
    seeds: list[int]
    store: PointStore
    since: float = field(default_factory=time.time)
    # of each record of code: what of it is no longer so
    changes: dict[str, str] = field(default_factory=dict)
    # file -> hash that it has in this sweep
    code: dict[str, str] = field(default_factory=dict)
    found: dict[int, xr.Dataset] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)

    def change(self, code: str) -> str:
        """Say what of a record of code is no longer so; "" if all is."""
        if code not in self.changes:
            place = self.function.place
            text = self.store.code(code)
            self.changes[code] = changed(text, Path(place.path), place.start)
            if not self.changes[code]:
                self.code.update(json.loads(text)["files"])
        return self.changes[code]

    def look(self, number: int, codes: Iterable[str]) -> str:
        """Take a result of this code, if there is one; else say why the others do not
        count."""
        why = ""
        for code in codes:
            why = self.change(code)
            if not why and self.take(number, code):
                return ""
        return why

    def accept(self, code: str, patience: float) -> None:
        """Raise FwpError if a worker has other code than this process and the others."""
        text = self.store.code(code, patience)
        place = self.function.place
        why = changed(text, Path(place.path), place.start, self.since) if text else ""
        files = json.loads(text)["files"] if text else {}
        for key, value in files.items():
            if not why and self.code.setdefault(key, value) != value:
                why = f"{key.rpartition(':')[2] or Path(place.path).name} has changed"
        if why:
            problem = other_code(f"{why} meanwhile")
            raise FwpError(f"a worker cannot run {self.function.label}: {problem}")
        self.changes[code] = ""

    def take(self, number: int, code: str, patience: float = 0.0) -> bool:
        """Read the result of a point; return whether there is one."""
        dataset = self.store.read(self.keys[number], code, patience)
        if dataset is None:
            return False
        attrs = dict(dataset.attrs)
        self.seconds[number] = json.loads(attrs.pop("sweep", "{}")).get(
            "seconds", float("nan")
        )
        self.found[number] = dataset.drop_attrs(deep=False).assign_attrs(attrs)
        self.failures.pop(number, None)
        return True

    def lose(self, number: int, failure: Failure) -> bool:
        """Count that a point was lost; return whether it is tried again."""
        self.attempts[number] = self.attempts.get(number, 0) + 1
        if self.attempts[number] < ATTEMPTS:
            return True
        self.failures[number] = failure
        place = self.function.place
        self.store.fail(
            self.keys[number],
            failure,
            plain(self.grid.points[number]),
            record(Path(place.path), place.start),
        )
        return False

    def give_up(self, numbers: Iterable[int], why: str) -> None:
        """Say of points that they were not computed, for want of an executor."""
        numbers = list(numbers)
        there = self.store.kept(self.keys[number] for number in numbers)
        for number in numbers:
            # a worker may have kept it all the same
            self.look(number, there[self.keys[number]])
            if number not in self.found:
                self.failures[number] = Failure("NotComputed", f"not computed: {why}")


def drive(
    function, grid, out: str | os.PathLike, executor=None, workers: int | None = None,
    retry: bool = True, progress: ProgressCallback | None = None,
) -> Swept:  # fmt: skip
    """Sweep; see `fwp_neuro.sweep.sweep`."""
    function, grid = read_function(function), read_grid(grid)
    function.check(grid.names)
    retry = flag(retry, "retry")
    _check_progress(progress)
    output_folder(out, "out")
    chosen = choose(executor, workers, len(grid.points))
    settings = [{**function.fixed, **point} for point in grid.points]
    called = f"{Path(function.place.path).stem}:{function.place.name}"
    names = [parameter_text.key(called, values) for values in settings]
    seeds = [point_seed(function.label, values) for values in settings]
    run = _Run(function, grid, names, seeds, PointStore.open(out))
    _read_kept(run, retry)
    kept = len(run.found)
    todo = [n for n in range(len(names)) if n not in run.found and n not in run.failures]
    if todo:
        try:
            _compute(run, todo, chosen, progress)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(
                f"interrupted: {_count_kept(run)} of {len(names)} points are "
                f"kept in {os.fspath(out)}; the same sweep goes on from there"
            ) from stop
    for code in (code for code, change in run.changes.items() if not change):
        # for a point or a figure that sweeps in its turn
        path = Path(function.place.path)
        count_elsewhere(files_of(run.store.code(code), path), run.since)
    dataset = gather(grid, run.found, run.failures, run.seconds)
    drawn = np.array(seeds, dtype=np.int64).reshape(grid.shape)
    dataset["point_seed"] = (
        grid.dims,
        drawn,
        {"long_name": "seed of the random numbers"},
    )
    dataset.attrs = _attributes(run, chosen.name)
    path = Path(out) / FILE
    Recording(dataset).save(path)
    return Swept(dataset, path, kept, len(run.found) - kept, run.failures, grid)


def _count_kept(run: _Run) -> int:
    there = run.store.kept(run.keys).values()
    return sum(any(not run.change(code) for code in codes) for codes in there)


def _read_kept(run: _Run, retry: bool) -> None:
    """Take the results, and without ``retry`` the failures, that are of this code."""
    why: list[str] = []
    there = run.store.kept(run.keys)
    for number, key in enumerate(run.keys):
        change = run.look(number, there[key])
        if number in run.found:
            continue
        if not retry and (failed := run.store.failure(key)) is not None:
            failure, code = failed
            if not (change := run.change(code)):
                run.failures[number] = failure
        if change:
            why.append(change)
    if why:
        warn(
            f"{len(why)} of {len(run.keys)} points are computed again: {why[0]} since "
            "they were computed",
            stacklevel=5,
        )


def _check_progress(progress) -> None:
    called = callable(progress) and not isinstance(progress, type)
    try:
        if called:
            inspect.signature(progress).bind(0.0, "")
    except TypeError:
        called = False
    except ValueError:  # a function of Python's own that does not say what it takes
        pass
    if progress is not None and not called:
        raise FwpError(
            "progress must be a function that takes (fraction done, note), or None, got "
            f"{shown(progress)}"
        )


def _compute(
    run: _Run, todo: list[int], chosen: Chosen, progress: ProgressCallback | None
) -> None:
    """Give points to the executor and take in what comes back."""
    executor = chosen.start()
    waiting, done = deque(todo), queue.SimpleQueue()
    running: dict[Future, int] = {}
    sweep, count = secrets.token_hex(4), itertools.count()
    try:
        while waiting or running:
            while waiting:
                number = waiting.popleft()
                patience = 1.0 if number in run.attempts else 0.0
                job = _job(run, number, f"{sweep}-{next(count)}", patience)
                try:
                    future = executor.submit(work, job)
                    future.add_done_callback(done.put)
                except Exception as problem:  # it is broken, shut down or disconnected
                    run.give_up([number, *waiting], _said(problem))
                    waiting.clear()
                    break
                running[future] = number
            if not running:
                break
            try:  # not for ever: Ctrl+C must be seen on every system
                future = done.get(timeout=1.0)
            except queue.Empty:
                _report(run, todo, progress)
                try:
                    chosen.check(executor)
                except Cannot as lost:  # its futures would never end
                    run.give_up(running.values(), str(lost))
                    running.clear()
                continue
            number = running.pop(future)
            if _settle(run, number, future):
                waiting.append(number)
            _report(run, todo, progress)
    finally:
        for future in running:
            future.cancel()
        chosen.stop(executor)


def _settle(run: _Run, number: int, future: Future) -> bool:
    """Take in what became of a point; return whether it must be given out again."""
    if future.cancelled():
        return run.lose(number, Failure("Cancelled", "the executor cancelled it"))
    error = future.exception()
    if error is not None:
        if isinstance(error, ImportError | AttributeError) or "pickle" in str(error):
            raise FwpError(f"the workers cannot run a point: {_said(error)}") from error
        said = death(error)
        said = f"the worker that computed it {said}, {ATTEMPTS} times" if said else (
            f"no worker finished it: {_said(error)}"
        )  # fmt: skip
        return run.lose(number, Failure(type(error).__name__, said))
    outcome: Outcome = future.result()
    if not isinstance(outcome, Outcome):
        raise FwpError(f"the executor gave {shown(outcome)} for a point: it must return "
                       "what the function that it is given returns")  # fmt: skip
    # nothing that is computed further would be saved either
    if outcome.kind == "unsaved":
        raise FwpError(
            f"the sweep stops, as a result cannot be saved: {outcome.failure.sentence}; "
            f"{len(run.found)} of {len(run.keys)} points are kept, and the same sweep "
            "goes on from there"
        )
    if outcome.kind == "unfit":
        raise FwpError(
            f"a worker cannot run {run.function.label}: {outcome.failure.sentence}"
        )
    if outcome.kind == "failed":
        run.failures[number] = outcome.failure
        return False
    # another sweep computes it: it is asked for later, for a while each
    if outcome.kind == "busy":
        run.attempts.setdefault(number, 0)
        return True
    code, patience = outcome.code, PATIENCE
    if outcome.kind == "sent":
        patience = 0.0
        code = run.store.receive(run.keys[number], outcome.content, outcome.code)
    if run.changes.get(code, "unknown"):
        run.accept(code, patience)
    if run.take(number, code, patience):
        return False
    return run.lose(
        number, Failure("Lost", "its result was computed, but cannot be read")
    )


def _job(run: _Run, number: int, attempt: str, patience: float) -> PointJob:
    settings = {**run.function.fixed, **run.grid.points[number]}
    about = {
        "function": run.function.label,
        "code": run.function.code,
        "settings": plain(settings),
        "seed": run.seeds[number],
    }
    return PointJob(
        run.function.place, run.function.code, settings, run.keys[number],
        str(run.store.folder),
        run.store.mark, here(), attempt, patience, run.seeds[number], about,
        coming=max(1, len(run.keys) // (os.cpu_count() or 1)),
    )  # fmt: skip


def _report(run: _Run, todo: list[int], progress: ProgressCallback | None) -> None:
    if progress is not None:
        over = sum(number in run.found or number in run.failures for number in todo)
        failed = f", {len(run.failures)} failed" if run.failures else ""
        progress(over / len(todo), f"{over} of {len(todo)} points{failed}")


def _said(error: BaseException) -> str:
    return Failure.of(error).sentence


def _attributes(run: _Run, executor: str) -> dict:
    """Return the attributes of the Dataset: those that all results share, and where it is
    from."""
    every = [dict(result.attrs) for result in run.found.values()]
    shared = {
        name: value
        for name, value in (every[0] if every else {}).items()
        if all(name in attrs and attrs[name] == value for attrs in every)
    }
    axes = run.grid.axes or {
        name: [p[name] for p in run.grid.points] for name in run.grid.names
    }
    provenance: Mapping = {
        "function": run.function.label,
        "code": run.function.code,
        "fixed": plain(run.function.fixed),
        "grid": plain(axes),
        "points": len(run.keys),
        "failed": len(run.failures),
        "executor": executor,
        "versions": versions(),
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return {**shared, "provenance": json.dumps(provenance)}
