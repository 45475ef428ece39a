"""The folder of a sweep: one file a point, named by its key, whole or not there at all.

``points/KEY-CODE.nc`` holds a result, ``points/KEY.json`` the error of a point that
failed, and ``code/CODE.json`` what code these are of (`fwp_neuro.loaded_code`). A point
is computed under a lock (``.KEY.lock``), which the system frees when its process dies, so
that two sweeps in one folder share the work.
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
from ..loaded_code import name_of
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
        self.points, self.codes = self.folder / "points", self.folder / "code"

    @classmethod
    def open(cls, out: str | os.PathLike) -> PointStore:
        """Make the folder, or open it; FwpError if nothing can be written there."""
        folder = output_folder(out, "out").resolve()
        file = folder / _MARK
        try:
            (folder / "points").mkdir(parents=True, exist_ok=True)
            output_folder(folder / "points")
            (folder / "code").mkdir(exist_ok=True)
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
        remove_leftovers(self.codes)
        for path in self.points.glob(".*.lock"):
            with self.lock(path.name[1 : -len(".lock")], 0.0):
                pass  # a lock that can be had is removed when it is freed

    def is_here(self) -> bool:
        """Whether this process sees the folder that ``mark`` came from."""
        try:
            return (self.folder / _MARK).read_text() == self.mark
        except OSError:
            return False

    def path(self, key: str, code: str) -> Path:
        """Return the file of a result; ``code`` is the name of the record of its code."""
        return self.points / f"{key}-{code}.nc"

    def kept(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Return the names of the codes that results of each key are of; results may be
        damaged."""
        # one listing: asking for each file by name would let NFS remember that it is not
        # there
        found: dict[str, list[str]] = {key: [] for key in keys}
        for name in sorted(os.listdir(self.points)):
            key, dash, code = name.removesuffix(".nc").partition("-")
            if dash and name.endswith(".nc") and key in found:
                found[key].append(code)
        return found

    def code(self, name: str, patience: float = 0.0) -> str:
        """Return a record of code; "" if there is none, or a damaged one."""
        path = self.codes / f"{name}.json"
        if not self._appears(path, patience):
            return ""
        text = path.read_text(encoding="utf-8", errors="replace")
        return text if name_of(text) == name else ""

    def read(self, key: str, code: str, patience: float = 0.0):
        """Return the Dataset of a point, or None; a file that is damaged is taken
        away."""
        path = self.path(key, code)
        if not self._appears(path, patience):
            return None
        try:
            return load(path).dataset
        except FwpError as problem:
            if path.is_dir():  # whose it is, nobody knows
                raise
            warn(f"{problem}: the point is computed again")
            path.unlink(missing_ok=True)
            return None

    def save(self, key: str, dataset, record: str) -> str:
        """Keep a result, in the place of a former failure; return the name of its
        code."""
        code = self._keep(record)
        Recording(dataset).save(self.path(key, code))
        self._error(key).unlink(missing_ok=True)
        return code

    def receive(self, key: str, content: bytes, record: str) -> str:
        """Keep the file of a result that a worker without this folder sent; return the
        name of its code."""
        code = self._keep(record)
        with atomic_path(self.path(key, code), "result") as temporary:
            temporary.write_bytes(content)
        self._error(key).unlink(missing_ok=True)
        return code

    def fail(self, key: str, failure: Failure, settings: dict, record: str) -> None:
        """Keep why a point has no result."""
        code = self._keep(record)
        found = {**dataclasses.asdict(failure), "settings": settings, "code": code}
        with atomic_path(self._error(key), "error") as temporary:
            temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")

    def failure(self, key: str) -> tuple[Failure, str] | None:
        """Return why a point failed before and the name of the code, or None."""
        try:
            found = json.loads(self._error(key).read_text(encoding="utf-8"))
            failure = Failure(found["type"], found["sentence"], found["traceback"])
            return failure, str(found["code"])
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

    def _keep(self, record: str) -> str:
        """Keep a record of code; return its name."""
        name = name_of(record)
        if self.code(name) != record:
            self.codes.mkdir(exist_ok=True)
            with atomic_path(self.codes / f"{name}.json", "code") as temporary:
                temporary.write_text(record, encoding="utf-8")
        return name

    def _appears(self, path: Path, patience: float) -> bool:
        """Wait for a file that another machine wrote."""
        end = time.monotonic() + patience
        while not path.exists():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
            os.listdir(path.parent)
        return True

    def _error(self, key: str) -> Path:
        return self.points / f"{key}.json"
