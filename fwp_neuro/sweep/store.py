"""The folder of a sweep: one file a point, named by its key, whole or not there at all.

``points/KEY.nc`` holds a result, ``points/KEY.json`` the error of a point that failed. A
point is computed under a lock (``.KEY.lock``), which the system frees when its process
dies, so that two sweeps in one folder share the work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from ..errors import FwpError, shown, warn
from ..files import atomic_path, output_folder, remove_leftovers
from ..recording import Recording, load

_MARK = ".sweep"
#: seconds in which a file that another machine wrote must show up on a shared file system
PATIENCE = 60.0


@dataclass(frozen=True)
class Failure:
    """Why a point has no result: the type of the error, one sentence, and where it came
    from."""

    type: str
    sentence: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what is kept of an error."""
        words = " ".join(str(error).split()) or "no message"
        sentence = (
            words if isinstance(error, FwpError) else f"{type(error).__name__}: {words}"
        )
        return cls(
            type(error).__name__, sentence, "".join(traceback.format_exception(error))
        )


class PointStore:
    """The points in the folder ``folder``; ``mark`` is what its file ``.sweep`` holds."""

    def __init__(self, folder: str | os.PathLike, mark: str):
        self.folder, self.mark = Path(folder), mark
        self.points = self.folder / "points"

    @classmethod
    def open(cls, out: str | os.PathLike) -> PointStore:
        """Make the folder, or open it; FwpError if nothing can be written there."""
        folder = output_folder(out, "out").resolve()
        file = folder / _MARK
        try:
            (folder / "points").mkdir(parents=True, exist_ok=True)
            output_folder(folder / "points")
            with filelock.FileLock(folder / "points/.mark.lock"):
                # the disk may have been full
                if not file.exists() or not file.read_text():
                    with atomic_path(file, "mark of the sweep") as temporary:
                        temporary.write_text(secrets.token_hex(8))
            store = cls(folder, file.read_text())
        except OSError as problem:
            where = shown(str(out), 200)
            raise FwpError(
                f"cannot write to folder {where}: {problem.strerror}"
            ) from problem
        store.clean()
        return store

    def clean(self) -> None:
        """Remove what processes that were killed left: temporary files and locks."""
        remove_leftovers(self.points)
        for path in self.points.glob(".*.lock"):
            with self.lock(path.name[1 : -len(".lock")], 0.0):
                pass  # a lock that can be had is removed when it is freed

    def is_here(self) -> bool:
        """Whether this process sees the folder that ``mark`` came from."""
        try:
            return (self.folder / _MARK).read_text() == self.mark
        except OSError:
            return False

    def path(self, key: str) -> Path:
        """Return the file of a result."""
        return self.points / f"{key}.nc"

    def kept(self, keys: Iterable[str]) -> set[str]:
        """Return those keys that have a result, which may be damaged."""
        # one listing: asking for each file by name would let NFS remember that it is not
        # there
        there = set(os.listdir(self.points))
        return {key for key in keys if f"{key}.nc" in there}

    def read(self, key: str, patience: float = 0.0):
        """Return the Dataset of a point, or None; a file that is damaged is taken
        away."""
        end = time.monotonic() + patience
        while not self.path(key).exists():
            if time.monotonic() > end:
                return None
            time.sleep(0.2)
            os.listdir(self.points)
        try:
            return load(self.path(key)).dataset
        except FwpError as problem:
            if self.path(key).is_dir():  # whose it is, nobody knows
                raise
            warn(f"{problem}: the point is computed again")
            self.path(key).unlink(missing_ok=True)
            return None

    def save(self, key: str, dataset) -> None:
        """Keep a result, in the place of a former failure."""
        Recording(dataset).save(self.path(key))
        self._error(key).unlink(missing_ok=True)

    def receive(self, key: str, content: bytes) -> None:
        """Keep the file of a result that a worker without this folder sent."""
        with atomic_path(self.path(key), "result") as temporary:
            temporary.write_bytes(content)
        self._error(key).unlink(missing_ok=True)

    def fail(self, key: str, failure: Failure, settings: dict) -> None:
        """Keep why a point has no result."""
        record = {**dataclasses.asdict(failure), "settings": settings}
        with atomic_path(self._error(key), "error") as temporary:
            temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")

    def failure(self, key: str) -> Failure | None:
        """Return why a point failed before, or None."""
        try:
            record = json.loads(self._error(key).read_text(encoding="utf-8"))
            return Failure(record["type"], record["sentence"], record["traceback"])
        except (OSError, ValueError, KeyError):
            return None

    @contextlib.contextmanager
    def lock(self, key: str, patience: float) -> Iterator[bool]:
        """Hold a point; yields False if another process holds it for ``patience``
        seconds."""
        path = self.points / f".{key}.lock"
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=patience, poll_interval=0.05)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)  # who waits for it looks for the result first
            lock.release()

    def _error(self, key: str) -> Path:
        return self.points / f"{key}.json"
