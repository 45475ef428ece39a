"""Temporary folders that are removed also after their process was killed.

Each holds a file that its process keeps locked. The system lifts the lock when the
process ends, however it ends; whoever makes the next folder then removes those that
nobody holds.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import FwpError

try:
    import fcntl
except ImportError:  # Windows: nothing is left there but by processes that were killed
    fcntl = None

_HELD = ".in_use"
#: folder -> (process that made it, open file that is locked)
_folders: dict[Path, tuple[int, int | None]] = {}


def make(what: str) -> Path:
    """Return a new temporary folder, for its owner alone; it goes with the process at the
    latest.

    Args:
        what: is in it; a part of its name.

    Raises:
        FwpError: it cannot be made, e.g. because the disk is full.
    """
    with written("a temporary folder"):
        _remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=f"fwp_neuro_{what}_"))
        _folders[folder] = os.getpid(), None
        _folders[folder] = os.getpid(), _hold(folder)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder that this process has made; a child process leaves its parent's
    alone."""
    process, handle = _folders.get(folder, (None, None))
    if process != os.getpid():
        return
    del _folders[folder]
    shutil.rmtree(folder, ignore_errors=True)
    if handle is not None:
        os.close(handle)


def cannot_write(what: str, problem: OSError, variable: str = "TMPDIR", where="") -> str:
    """Return the sentence for something that could not be written, e.g. to a full
    disk."""
    where = where or problem.filename and os.path.dirname(problem.filename)
    where = f" to {str(where)!r}" if where else ""
    why = problem.strerror or f"{problem}, as on a full disk"  # NumPy's have no number
    return (
        f"{what} cannot be written{where}: {why}; free some space, or let the variable "
        f"{variable} name another folder"
    )


@contextlib.contextmanager
def written(what: str, variable: str = "TMPDIR") -> Iterator[None]:
    """Turn what goes wrong with files inside into one `FwpError`, see `cannot_write`."""
    try:
        yield
    except OSError as problem:
        raise FwpError(cannot_write(what, problem, variable)) from None


def _hold(folder: Path) -> int | None:
    if fcntl is None:
        return None
    handle = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.rename(folder / "new", folder / _HELD)  # it is locked before anybody can find it
    return handle


def _remove_leftovers() -> None:
    """Remove folders of this user whose process is gone."""
    if fcntl is None:
        return
    for held in Path(tempfile.gettempdir()).glob(f"fwp_neuro_*/{_HELD}"):
        with contextlib.suppress(OSError):
            if held.lstat().st_uid != os.geteuid() or held.parent in _folders:
                continue
            handle = os.open(held, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(held.parent, ignore_errors=True)
            finally:
                os.close(handle)


@atexit.register
def _remove_all() -> None:
    for folder in list(_folders):
        remove(folder)
