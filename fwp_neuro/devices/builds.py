"""Compiled standalone programs, kept by the content of their source.

They lie in "builds" in the cache (see `fwp_neuro.toolchain.cache`): one folder for each program,
named by a hash of its source files, compiler, flags, processor and Brian2's version, with the
program, a digest of it and what it was made of. A program is built in a folder beside and moved
into place when it is whole, under a lock that the system lifts when a process dies: neither two
processes at a time nor an interruption leave half a program behind. Beyond `LIMIT` bytes the
programs that were not used for longest go; `clear` removes all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .. import toolchain
from ..errors import FwpError, warn

#: bytes that the cache may hold
LIMIT = 2_000_000_000
_PROGRAM, _DIGEST, _MADE_OF = "main", "main.sha256", "made_of.json"
#: standard headers that Brian2's sources include: most of the time of a build goes into them
_HEADER = """#include <algorithm>
#include <climits>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <math.h>
#include <random>
#include <set>
#include <stdint.h>
#include <stdlib.h>
#include <string>
#include <time.h>
#include <tuple>
#include <utility>
#include <vector>
"""


class NotBuilt(FwpError):
    """A program that could not be compiled."""


def folder() -> Path:
    """Return the folder of the cache, whether it is there or not."""
    return toolchain.cache("builds")


def clear() -> None:
    """Remove all compiled programs (those that run at the moment run on)."""
    shutil.rmtree(folder(), ignore_errors=True)


def compiler() -> str:
    """Return the path of the compiler that builds use.

    Raises:
        FwpError: there is none.
    """
    found = toolchain.find()
    if found is None:
        raise NotBuilt(f"cannot build a standalone program: {toolchain.missing()}")
    return found


def key(project: Path) -> str:
    """Return the name in the cache of the program that a project makes."""
    digest = hashlib.sha256()
    used = compiler()
    for part in (toolchain.version(used), toolchain.processor(), os.environ.get("CXX", "")):
        digest.update(part.encode() + b"\0")
    for file in _sources(project):
        text = file.read_bytes()
        digest.update(f"{file.relative_to(project)}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:32]


def have(project: Path) -> bool:
    """Tell whether the program of a project is in the cache."""
    return _whole(folder() / key(project))


def program(project: Path) -> tuple[Path, bool]:
    """Return the compiled program of a project, and whether it was compiled just now.

    Args:
        project: folder that Brian2 has written, with a makefile that makes "main".

    Raises:
        FwpError: there is no compiler, or it failed; with the first line of its message.
    """
    name = key(project)
    place = folder() / name
    if _whole(place):
        _touch(place)
        return place / _PROGRAM, False
    root = _writable()
    place = root / name
    with _locked(root / f"{name}.lock"):
        if _whole(place):  # another process has built it meanwhile
            return place / _PROGRAM, False
        with _building(root, place) as work:
            _build(project, work)
    _prune(root, keep=name)
    return place / _PROGRAM, True


def header(flags: str) -> str:
    """Return the path of a precompiled header for these flags, or "" where there is none.

    gcc only; where the header does not fit gcc reads the text beside it.
    """
    used = compiler()
    version = toolchain.version(used)
    if "Free Software Foundation" not in version:
        return ""
    parts = (version, toolchain.processor(), os.environ.get("CXX", ""), flags, _HEADER)
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    root = _writable()
    place = root / f"header_{name}"
    ready = place / "standard.h.gch"
    if not ready.exists():
        with _locked(root / f"header_{name}.lock"):
            if not ready.exists():
                with _building(root, place) as work:
                    (work / "standard.h").write_text(_HEADER)
                    command = f"$CXX -x c++-header {flags} -c standard.h -o standard.h.gch"
                    _shell(command, work, used, "the precompiled header")
    _touch(place)
    return str(place / "standard.h")


@contextlib.contextmanager
def _building(root: Path, place: Path) -> Iterator[Path]:
    """Give a folder to build in, which takes its place when all went well; call it locked."""
    for left in (*root.glob(f"building_{place.name}_*"), place):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=root, prefix=f"building_{place.name}_"))
    try:
        yield work
        os.rename(work, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build(project: Path, work: Path) -> None:
    """Compile a project and leave nothing but the program and what it was made of in a folder."""
    start, source = time.monotonic(), work / "source"
    files = list(_sources(project))
    for file in files:
        target = source / file.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    _shell(f"make -s -j{jobs}", source, compiler(), "the standalone program")
    shutil.move(source / _PROGRAM, work / _PROGRAM)
    shutil.rmtree(source)
    about = {"files": len(files), "seconds": round(time.monotonic() - start, 2)}
    (work / _MADE_OF).write_text(json.dumps(about))
    (work / _DIGEST).write_text(_digest(work / _PROGRAM))


def _shell(command: str, work: Path, used: str, what: str) -> None:
    """Run a command of a build; it ends with this process's interruption."""
    process = subprocess.Popen(
        command, cwd=work, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"CXX": used, **os.environ, "LC_ALL": "C"}, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate()
    except BaseException:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)
        process.wait()
        raise
    if process.returncode:
        lines = [line for line in said.splitlines() if line.strip()] or ["no message"]
        first = next((line for line in lines if "error" in line.lower()), lines[0])
        raise NotBuilt(f"{Path(used).name} could not compile {what}: {first}")


def _sources(project: Path) -> Iterator[Path]:
    """Yield what a program is made of, in one order."""
    for file in sorted(project.rglob("*")):
        inside = file.relative_to(project).parts[0]
        kept = inside not in ("static_arrays", "results") and file.is_file()
        if kept and (file.suffix in (".cpp", ".h") or file.name == "makefile"):
            yield file


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _whole(place: Path) -> bool:
    try:
        return (place / _DIGEST).read_text() == _digest(place / _PROGRAM)
    except OSError:
        return False


def _touch(place: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(place)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends; without one on Windows."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(file, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=1)
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="fwp_neuro_builds_")


def _writable() -> Path:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            return folder()
    except OSError as problem:
        warn(
            f"the cache of compiled programs {folder().name!r} cannot be written "
            f"({problem.strerror}): they are compiled again in the next session",
            stacklevel=3,
        )
        return Path(_temporary().name)


def _prune(root: Path, keep: str) -> None:
    """Remove the programs that were not used for longest, down to `LIMIT` bytes."""
    places = []
    for place in root.iterdir():
        if place.is_dir() and not place.name.startswith("building_"):
            with contextlib.suppress(OSError):
                size = sum(file.stat().st_size for file in place.iterdir())
                places.append((place.stat().st_mtime, size, place))
    total = sum(size for _, size, _ in places)
    for _, size, place in sorted(places, key=lambda item: item[0]):
        if total <= LIMIT:
            return
        if place.name != keep:
            shutil.rmtree(place, ignore_errors=True)
            total -= size
