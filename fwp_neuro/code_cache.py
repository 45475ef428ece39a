"""Compiled code on disk: trusted if only its owner can write it, made once by many
processes.

Whoever can write a file of compiled code can let this user run anything. So a folder that
another user owns or can write is not used, nor is a file in it; instead of it a private
temporary folder serves until the process ends.

An entry is made in a folder beside, named building_ENTRY.XXX, and moved into place when
it is whole, under a lock that the system lifts when a process dies: neither two processes
at a time nor an interruption leave half an entry behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from . import temporaries, toolchain
from .errors import Cannot, warn

_WORK = "building_"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_private(path: Path, shared: bool = False) -> None:
    """Refuse a file or folder that another user can change.

    Args:
        path: exists; a link to it must not belong to another user either.
        shared: whether others may add files, if they cannot replace each other's (as in
            /tmp).

    Raises:
        Cannot: what is wrong with it; OSError: it is not there.
    """
    if not hasattr(os, "geteuid"):  # Windows keeps the caches of its users apart
        return
    found = path.stat()
    for about in (path.lstat(), found):
        if about.st_uid not in (os.geteuid(), 0):
            raise Cannot(f"belongs to another user (number {about.st_uid})")
    if found.st_mode & _OTHERS_WRITE and not (shared and found.st_mode & stat.S_ISVTX):
        raise Cannot("can be written by other users")


def is_private(path: Path) -> bool:
    """Tell whether no other user can change a file or folder that exists."""
    try:
        check_private(path)
    except Cannot:
        return False
    return True


def places(kind: str) -> list[Path]:
    """Return the folders where compiled things of a kind may lie, none that others can
    write."""
    folder, found = toolchain.cache(kind), []
    with contextlib.suppress(OSError, Cannot):
        _check_place(folder)
        found.append(folder)
    return [*found, _private(kind)] if _private.cache_info().currsize else found


def root(kind: str) -> Path:
    """Return the folder to write compiled things of a kind to, which exists then.

    It is a private one, which goes with the process, where the cache cannot be written or
    others can write it; a warning says so.
    """
    folder = toolchain.cache(kind)
    try:
        _make(folder)
        _check_place(folder)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except Cannot as reason:
        why, what_to_do = str(reason), "run chmod -R go-w on it if it is yours, or let"
    except OSError as problem:
        why, what_to_do = f"cannot be written ({problem.strerror})", "let"
    warn(
        f"the cache of compiled {kind} {str(folder)!r} {why} and is not used: "
        f"{what_to_do} the variable FWP_NEURO_CACHE name another folder; until then "
        f"{kind} are compiled again in every session",
        stacklevel=3,
    )
    return _private(kind)


def make_once(
    where: Path, name: str, whole: Callable[[], bool], make: Callable[[Path], None]
) -> bool:
    """Make an entry unless it is there; processes and threads that need it wait for the
    first.

    Args:
        where: folder from `root`.
        name: of the entry.
        whole: tells whether the entry is there.
        make: called with a folder to work in; must move what it has made into place.

    Returns:
        whether it was made just now.

    Raises:
        OSError: it cannot be written.
    """
    _remove_leftovers(where)
    with FileLock(where / f"{name}.lock"):
        if whole():
            return False
        work = Path(tempfile.mkdtemp(dir=where, prefix=f"{_WORK}{name}."))
        try:
            make(work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return True


def is_work(path: Path) -> bool:
    """Tell whether a folder is one that an entry is made in."""
    return path.name.startswith(_WORK)


def keep_private(file: Path) -> None:
    """Keep others from writing a file that was made, whatever the user's umask is."""
    file.chmod(stat.S_IMODE(file.stat().st_mode) & ~_OTHERS_WRITE)


def seal(file: Path, digest: Path) -> None:
    """Keep others from writing a file that was made, and write its digest."""
    keep_private(file)
    digest.write_text(_digest(file))


def intact(file: Path, digest: Path) -> bool:
    """Tell whether a file is as it was sealed: to load half a file can end the
    process."""
    try:
        return is_private(file) and digest.read_text() == _digest(file)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _check_place(folder: Path) -> None:
    """Refuse the folder of a kind if another user can change it or the one that it lies
    in."""
    check_private(folder)
    check_private(folder.parent, shared=True)


def _make(folder: Path) -> None:
    """Make a folder and those above it, for the user alone."""
    for each in reversed([folder, *folder.parents]):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(20, "it is a file")


@lru_cache(maxsize=8)
def _private(kind: str) -> Path:
    return temporaries.make(kind)


def _remove_leftovers(where: Path) -> None:
    """Remove what killed processes were working in: nobody holds its lock."""
    for left in where.glob(f"{_WORK}*"):
        name, dot, _ = left.name.removeprefix(_WORK).rpartition(".")
        with contextlib.suppress(OSError, Timeout):
            if dot:
                with FileLock(where / f"{name}.lock", timeout=0):
                    shutil.rmtree(left, ignore_errors=True)
            elif time.time() - left.stat().st_mtime > 86400:
                # of an older version, unlocked
                shutil.rmtree(left, ignore_errors=True)
