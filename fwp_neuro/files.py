"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import platform
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import FwpError, shown

_A_DAY = 86400.0
_OWNER = re.compile(r"([0-9a-f]{8})-([0-9]{1,9})-[^.-]*(\.tmp)?$")
_LONG = 0.005  # seconds for a look at a folder
# when a large folder is looked at again, in time of this thread
_rested: dict[Path, float] = {}


def file_path(path, doing: str) -> Path:
    """Return a usable path; FwpError for something that names no file."""
    try:
        found = Path(path)
        # an odd character or a name that is too long fails here
        os.stat(os.fsencode(found))
    except FileNotFoundError:
        pass
    except (TypeError, ValueError, OSError) as problem:
        why = f" ({problem.strerror})" if getattr(problem, "strerror", None) else ""
        raise FwpError(
            f"cannot {doing} {shown(path, 200)}{why}: give the path of a file as a string"
        ) from problem
    return found


def check_writable(path, what: str) -> Path:
    """Return a path that a file can be written to, before the work whose result it will
    hold.

    Raises:
        FwpError: it is a folder, or its folder is missing or cannot be written to.
    """
    path = file_path(path, f"save the {what} to")
    where = f"cannot save the {what} to {shown(str(path), 200)}"
    if path.is_dir():
        raise FwpError(f"{where}: it is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise FwpError(f"{where}: there is no folder {shown(str(path.parent), 200)}")
    if not os.access(path.parent, os.W_OK):
        raise FwpError(
            f"{where}: the folder {shown(str(path.parent), 200)} cannot be written to"
        )
    return path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, what: str) -> Iterator[Path]:
    """Give a temporary path in the same folder and move it over ``path`` if the block
    succeeds.

    A failure leaves an older file as it was and no temporary file; OSErrors become
    FwpErrors. What a killed process left is removed by the next one that writes the same
    file.
    """
    path = check_writable(path, what)
    temporary = path.with_name(f".{path.name}.{owner()}{secrets.token_hex(4)}.tmp")
    remove_leftovers(path.parent, path.name)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as problem:
        raise FwpError(
            f"cannot save the {what} to {shown(str(path), 200)}: "
            f"{problem.strerror or problem}"
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def owner(process: int | None = None) -> str:
    """Return what the name of a temporary file says of a process: its machine and its
    number."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f"{machine}-{os.getpid() if process is None else process}-"


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporary files, of one file or of all, that processes left which are gone.

    Those of other machines, whose processes nobody here can ask for, go after a day. A
    folder of very many files is not looked through again for a while.
    """
    start = time.thread_time()
    if name is not None and start < _rested.get(folder, 0.0):
        return
    pattern = "*" if name is None else glob.escape(name)
    for left in folder.glob(f".{pattern}.*.tmp"):
        with contextlib.suppress(OSError):
            if is_abandoned(left):
                left.unlink()
    took = time.thread_time() - start
    if took > _LONG:  # so that of all time a hundredth goes there
        _rested[folder] = start + 100 * took


def is_abandoned(left: Path) -> bool:
    """Return whether the process is gone that made a temporary file or folder, by its
    name."""
    found = _OWNER.search(left.name)
    if found and owner(int(found[2])).startswith(f"{found[1]}-"):
        return not is_running(int(found[2]))
    return time.time() - left.stat().st_mtime > _A_DAY


def is_running(process: int) -> bool:
    """Return whether a process of this machine is alive (or cannot be asked)."""
    if os.name != "posix":  # elsewhere, signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def output_folder(path: str | os.PathLike, what: str = "the folder for results") -> Path:
    """Return ``path`` as a folder that can be written to; it is not made yet.

    Raises FwpError before any long work if it is a file, or if nothing can be written
    there.
    """
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise FwpError(f"{what} must name a folder, got {shown(path)}")
    try:
        # an odd character or a name that is too long fails here
        os.stat(os.fsencode(path))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        where = shown(str(path), 200)
        raise FwpError(f"cannot write to folder {where}: {reason}") from problem
    folder = existing = Path(path)
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return folder
    except OSError as problem:
        reason = "it is not a folder" if not existing.is_dir() else problem.strerror
        at = "" if existing == folder else f" ({existing})"
        where = shown(str(folder), 200)
        raise FwpError(f"cannot write to folder {where}: {reason}{at}") from problem


def output_file(path: str | os.PathLike, option: str) -> Path:
    """Return ``path`` as a file that can be written, or written anew; nothing is made
    yet.

    Raises FwpError before any long work if it is empty, a folder or no ordinary file, or
    if its folder cannot be written to; the sentence names the ``option`` that it was
    given to.
    """
    given = os.fspath(path)
    if not given.strip() or "\0" in given:
        raise FwpError(f"{option} takes the name of a file to write, got {given!r}")
    file = Path(given)
    try:
        is_folder, is_other = file.is_dir(), file.exists() and not file.is_file()
        if not is_folder:  # as it is called while it is written
            file.with_name(f".{file.name}.{owner()}12345678.tmp").exists()
    except OSError as problem:  # such as a name that is too long
        raise FwpError(
            f"{option}: cannot write to {given!r}: {problem.strerror}"
        ) from problem
    if is_folder or given.endswith(("/", os.sep)):
        raise FwpError(
            f"{option} takes the name of a file to write, and {given!r} is a folder"
        )
    if is_other:
        raise FwpError(
            f"{option} takes the name of a file to write; {given!r} is a device"
        )
    output_folder(file.parent)
    return file
