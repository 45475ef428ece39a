"""What a worker does with one point: find the function, call it, keep the result."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import FwpError
from ..expected_runs import expected
from ..loaded_code import changed, record, watching
from .function import Place, find
from .preload import one_thread, quiet_threads
from .seeds import point_seed, seeded
from .store import Failure, PointStore

# Brian2 keeps its device and clock in module state: one simulation at a time in a process
_ALONE = threading.Lock()


def here() -> str:
    """Return a name of this process that no other process of the cluster has."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class PointJob:
    """One point for a worker.

    Attributes:
        place: of the function.
        code: the hash that the code in its file must have.
        settings: what to call it with.
        key: names the result.
        folder, mark: of the `PointStore`.
        driver: the process that sweeps, see `here`.
        attempt: unlike that of any other job: Dask takes two equal calls for one.
        patience: seconds to wait for a point that another process computes.
        seed: of the random numbers, see `fwp_neuro.sweep.seeds`.
        about: kept with the result.
        coming: points that a worker may expect to compute.
    """

    place: Place
    code: str
    settings: dict[str, Any]
    key: str
    folder: str
    mark: str
    driver: str
    attempt: str
    patience: float = 0.0
    seed: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    coming: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        kind: "saved" now; "kept" from before; "sent" as ``content``, because the worker
            does not see the folder; "failed"; "busy", another process computes it;
            "unfit", this worker cannot run the function; "unsaved", the file system took
            no result.
        failure: the error of a failed point, of an unfit worker or of the file system.
        content: the file of a result.
        code: the name of the record of its code, or for "sent" that record.
    """

    kind: str
    failure: Failure | None = None
    content: bytes | None = None
    code: str = ""


def work(job: PointJob) -> Outcome:
    """Compute a point, if nobody has or does, and keep it."""
    with _ALONE:
        if here() != job.driver:
            quiet_threads()
        store = PointStore(job.folder, job.mark)
        try:
            if not store.is_here():
                return _send(job)
            with store.lock(job.key, job.patience) as mine:
                for code in store.kept([job.key])[job.key]:
                    if not changed(store.code(code), *_script(job)):
                        return Outcome("kept", code=code)
                if not mine:
                    return Outcome("busy")
                return _compute(job, store)
        except OSError as error:  # e.g. a full disk: not the fault of the point
            return Outcome("unsaved", Failure.of(error))


def _script(job: PointJob) -> tuple[Path, tuple[str, ...]]:
    return Path(job.place.path), job.place.start


def _compute(job: PointJob, store: PointStore) -> Outcome:
    with watching(_script(job)[0]):
        return _compute_watched(job, store)


def _compute_watched(job: PointJob, store: PointStore) -> Outcome:
    try:
        with seeded(point_seed(str(job.place.name), {})):  # what its module draws
            function = find(job.place, job.code)
    except Exception as error:  # whatever the import of the user's file raises
        return Outcome("unfit", Failure.of(error))
    if here() != job.driver:
        one_thread()
    from .point_result import to_dataset  # noqa: PLC0415  after `one_thread`

    start = time.perf_counter()
    try:
        with expected(job.coming), seeded(job.seed):
            value = function(**job.settings)
            took = time.perf_counter() - start
            dataset = to_dataset(value)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        about = {**job.about, "seconds": took, "time": now}
        dataset = dataset.assign_attrs(sweep=json.dumps(about))
        return _save(job, store, dataset)
    except (Exception, SystemExit) as error:
        if isinstance(error, ValueError) and "main thread" in str(error):
            error = FwpError(
                "it runs points in a thread that cannot import Brian2; import brian2 in "
                "the main thread of the process first, as fwp_neuro.sweep.preload does"
            )
            return Outcome("unfit", Failure.of(error))
        failure = Failure.of(error)
        try:
            code = record(*_script(job))
            store.fail(job.key, failure, job.about.get("settings", {}), code)
        except Exception as problem:
            # e.g. a full disk: the sweep still says what happened
            lost = (
                f"{failure.sentence} (and this was not kept: "
                f"{Failure.of(problem).sentence})"
            )
            failure = dataclasses.replace(failure, sentence=lost)
        return Outcome("failed", failure)


def _save(job: PointJob, store: PointStore, dataset) -> Outcome:
    try:
        code = store.save(job.key, dataset, record(*_script(job)))
    except FwpError as error:
        if not isinstance(error.__cause__, OSError):
            raise  # the result is of a kind that no file holds
        return Outcome("unsaved", Failure.of(error))
    return Outcome("saved", code=code)


def _send(job: PointJob) -> Outcome:
    """Compute a point into a folder of this machine, and return the file."""
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as folder:
        store = PointStore(Path(folder), job.mark)
        store.points.mkdir()
        store.codes.mkdir()
        outcome = _compute(job, store)
        if outcome.kind != "saved":
            return outcome
        content = store.path(job.key, outcome.code).read_bytes()
        return Outcome("sent", content=content, code=store.code(outcome.code))
