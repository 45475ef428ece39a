"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path

from .errors import FwpError, shown


def file_path(path, doing: str) -> Path:
    """Return a usable path; FwpError for something that names no file."""
    try:
        found = Path(path)
        os.stat(os.fsencode(found))  # an odd character or a name that is too long fails here
    except FileNotFoundError:
        pass
    except (TypeError, ValueError, OSError) as problem:
        why = f" ({problem.strerror})" if getattr(problem, "strerror", None) else ""
        raise FwpError(
            f"cannot {doing} {shown(path, 200)}{why}: give the path of a file as a string"
        ) from problem
    return found


def check_writable(path, what: str) -> Path:
    """Return a path that a file can be written to, before the work whose result it will hold.

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
        raise FwpError(f"{where}: the folder {shown(str(path.parent), 200)} cannot be written to")
    return path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, what: str) -> Iterator[Path]:
    """Give a temporary path in the same folder and move it over ``path`` if the block succeeds.

    A failure leaves an older file as it was and no temporary file; OSErrors become FwpErrors. What
    a killed process left is removed by the next one that writes the same file.
    """
    path = check_writable(path, what)
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    owner = f".{path.name}.{machine}-"
    temporary = path.with_name(f"{owner}{os.getpid()}-{secrets.token_hex(4)}.tmp")
    _remove_leftovers(path.parent, owner)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as problem:
        raise FwpError(
            f"cannot save the {what} to {shown(str(path), 200)}: {problem.strerror or problem}"
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _remove_leftovers(folder: Path, owner: str) -> None:
    """Remove temporary files of this machine's processes that are gone."""
    for left in folder.glob(f"{glob.escape(owner)}*.tmp"):
        number = left.name[len(owner) :].partition("-")[0]
        if number.isdigit() and not is_running(int(number)):
            with contextlib.suppress(OSError):
                left.unlink()


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
