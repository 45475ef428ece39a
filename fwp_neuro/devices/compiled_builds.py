"""Compiled standalone programs, kept by the content of their source.

They lie in "builds" in the cache (see `fwp_neuro.toolchain.cache`): one folder for each
program, named by a hash of its source files, compiler, flags, processor and Brian2's
version, with the program, a digest of it and what it was made of. `fwp_neuro.code_cache`
says who may write there and how a program gets there whole. Beyond `LIMIT` bytes the
programs that were not used for longest go; `clear` removes all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .. import code_cache, toolchain
from ..errors import Cannot
from ..temporaries import cannot_write

_KIND = "builds"
#: bytes that the cache may hold
LIMIT = 2_000_000_000
_PROGRAM, _DIGEST, _MADE_OF = "main", "main.sha256", "made_of.json"
_COMPILED = "standard.h.gch"
_MARK = "structure_"
#: project -> process that builds it
_running: dict[Path, subprocess.Popen] = {}
#: standard headers that Brian2's sources include: most of the time of a build goes into
#: them
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


def folder() -> Path:
    """Return the folder of the cache, whether it is there or not."""
    return toolchain.cache(_KIND)


def clear() -> None:
    """Remove all compiled programs (those that run at the moment run on)."""
    shutil.rmtree(folder().resolve(), ignore_errors=True)


def compiler() -> str:
    """Return the path of the compiler that builds use.

    Raises:
        Cannot: there is none.
    """
    found = toolchain.find()
    if found is None:
        raise Cannot(f"cannot build a standalone program: {toolchain.missing()}")
    return found


def key(project: Path) -> str:
    """Return the name in the cache of the program that a project makes."""
    digest = hashlib.sha256()
    used = compiler()
    for part in (
        toolchain.version(used),
        toolchain.processor(),
        os.environ.get("CXX", ""),
    ):
        digest.update(part.encode() + b"\0")
    for file in _sources(project):
        text = file.read_bytes()
        digest.update(f"{file.relative_to(project)}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:32]


def have(project: Path) -> bool:
    """Tell whether the program of a project is in the cache."""
    return _found(key(project)) is not None


def program(project: Path) -> tuple[Path, bool]:
    """Return the compiled program of a project, and whether it was compiled just now.

    Args:
        project: folder that Brian2 has written, with a makefile that makes "main".

    Raises:
        Cannot: there is no compiler, or it failed; with the first line of its message.
    """
    name = key(project)
    place = _found(name)
    if place is not None:
        _touch(place)
        return place / _PROGRAM, False

    def build(work: Path) -> None:
        _build(project, work)
        _into_place(work, root / name)

    root = code_cache.root(_KIND)
    with _in_a_sentence("the standalone program", root):
        new = code_cache.make_once(root, name, lambda: _whole(root / name), build)
    if new:
        _prune(root, keep=name)
    return root / name / _PROGRAM, new


def mark(program: Path, name: str) -> None:
    """Note beside a compiled program a name that it can be asked for by, see `marked`."""
    with contextlib.suppress(OSError):
        (program.parent / f"{_MARK}{name}").touch()


def marked(name: str) -> bool:
    """Tell whether a program of this name was compiled before, by some version of the
    code."""
    return any(
        next(folder.glob(f"*/{_MARK}{name}"), None) is not None
        for folder in code_cache.places(_KIND)
    )


def stop(project: Path) -> None:
    """End the build of a project that another thread waits for."""
    process = _running.get(project)
    if process is not None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)


def header(flags: str) -> str:
    """Return the path of a precompiled header for these flags, or "" where there is none.

    gcc only; where the header does not fit gcc reads the text beside it.
    """
    used = compiler()
    version = toolchain.version(used)
    if "Free Software Foundation" not in version:
        return ""
    parts = (version, toolchain.processor(), os.environ.get("CXX", ""), flags, _HEADER)
    name = f"header_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"

    def build(work: Path) -> None:
        (work / "standard.h").write_text(_HEADER)
        command = f"$CXX -x c++-header {flags} -c standard.h -o {_COMPILED}"
        _shell(command, work, used, "the precompiled header")
        code_cache.keep_private(work / _COMPILED)
        _into_place(work, place)

    def there() -> bool:
        with contextlib.suppress(OSError):
            return code_cache.is_private(place / _COMPILED)
        return False

    for each in code_cache.places(_KIND):
        place = each / name
        if there():
            break
    else:
        place = code_cache.root(_KIND) / name
        with _in_a_sentence("the precompiled header", place.parent):
            code_cache.make_once(place.parent, name, there, build)
    _touch(place)
    return str(place / "standard.h")


def _found(name: str) -> Path | None:
    """Return where a program lies, if it does."""
    every = (folder / name for folder in code_cache.places(_KIND))
    return next((place for place in every if _whole(place)), None)


def _into_place(work: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)  # what is damaged
    os.rename(work, place)


@contextlib.contextmanager
def _in_a_sentence(what: str, root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise Cannot(cannot_write(what, problem, "FWP_NEURO_CACHE", root)) from None


def _build(project: Path, work: Path) -> None:
    """Compile a project and leave nothing but the program and what it was made of in a
    folder."""
    start, source = time.monotonic(), work / "source"
    files = list(_sources(project))
    for file in files:
        target = source / file.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    _shell(f"make -s -j{jobs}", source, compiler(), "the standalone program", project)
    shutil.move(source / _PROGRAM, work / _PROGRAM)
    shutil.rmtree(source)
    about = {"files": len(files), "seconds": round(time.monotonic() - start, 2)}
    (work / _MADE_OF).write_text(json.dumps(about))
    code_cache.seal(work / _PROGRAM, work / _DIGEST)


def _shell(
    command: str, work: Path, used: str, what: str, project: Path | None = None
) -> None:
    """Run a command of a build; it ends with this process's interruption."""
    # what a compiler that was killed leaves goes with the folder
    own = {"LC_ALL": "C", "TMPDIR": str(work.resolve())}
    process = subprocess.Popen(
        command, cwd=work, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
        env={"CXX": used, **os.environ, **own}, start_new_session=True,
    )  # fmt: skip
    if project is not None:
        _running[project] = process
    try:
        said, _ = process.communicate()
    except BaseException:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)
        process.wait()
        raise
    finally:
        _running.pop(project, None)
    if process.returncode:
        raise Cannot(
            f"{Path(used).name} could not compile {what}: {toolchain.telling(said)}"
        )


def _sources(project: Path) -> Iterator[Path]:
    """Yield what a program is made of, in one order."""
    for file in sorted(project.rglob("*")):
        inside = file.relative_to(project).parts[0]
        kept = inside not in ("static_arrays", "results") and file.is_file()
        if kept and (file.suffix in (".cpp", ".h") or file.name == "makefile"):
            yield file


def _whole(place: Path) -> bool:
    return code_cache.intact(place / _PROGRAM, place / _DIGEST)


def _touch(place: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(place)


def _prune(root: Path, keep: str) -> None:
    """Remove the programs that were not used for longest, down to `LIMIT` bytes."""
    places = []
    for place in root.iterdir():
        if place.is_dir() and not code_cache.is_work(place):
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


clear_builds = clear  # its public name, in `fwp_neuro.devices`
