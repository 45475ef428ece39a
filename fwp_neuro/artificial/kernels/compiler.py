"""Compile generated C++ once, keep it in a cache by content, and load it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import subprocess
from pathlib import Path

from ... import code_cache
from ...errors import Cannot
from ...temporaries import cannot_write
from ...toolchain import find, missing, processor, telling, there, version  # noqa: F401

#: contracted multiply-add, but no reordering of sums: results do not depend on the
#: optimiser
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fopenmp-simd",
         "-shared", "-fPIC", "-pthread")  # fmt: skip
#: where kernels are kept: $FWP_NEURO_CACHE/kernels, else fwp_neuro/kernels in the user's
#: cache
_KIND = "kernels"


def _command(compiler: str) -> list[str]:
    arm = platform.machine().lower() in ("arm64", "aarch64")
    extra = os.environ.get("CXX", "").split()[1:]
    return [compiler, *extra, *FLAGS, "-mcpu=native" if arm else "-march=native"]


def asked_for() -> tuple[str | None, str | None]:
    """Return what says which compiler is used: PATH and CXX.

    Who remembers that a program could not be compiled tries again when they change.
    """
    return os.environ.get("PATH"), os.environ.get("CXX")


def library(source: str, what: str) -> ctypes.CDLL:
    """Load the library of a C++ source; compile it if the cache has none that is whole.

    The file's name is a hash of source, command, compiler version and processor; a digest
    lies beside it. Without a cache that is this user's alone it lives in a temporary
    folder until the process ends (see `fwp_neuro.code_cache`).

    Args:
        source: the C++ text.
        what: whose kernel it is, for errors.

    Raises:
        Cannot: there is no compiler, or it failed; with the first line of its message.
    """
    compiler = find()
    if compiler is None:
        raise Cannot(f"cannot compile the kernel of {what}: {missing()}")
    name = _name(source, compiler)
    for folder in code_cache.places(_KIND):
        if _whole(folder / name):
            try:
                return ctypes.CDLL(str(folder / name))
            except OSError:  # it needs what is no longer here: compile it again
                with contextlib.suppress(OSError):
                    (folder / name).unlink()
    place = code_cache.root(_KIND) / name

    def make(work: Path) -> None:
        _compile(_command(compiler), source, work / name, what)
        os.replace(_digest_of(work / name), _digest_of(place))
        os.replace(work / name, place)

    try:
        code_cache.make_once(place.parent, place.stem, lambda: _whole(place), make)
        return ctypes.CDLL(str(place))
    except OSError as problem:
        what, variable = f"the kernel of {what}", "FWP_NEURO_CACHE"
        raise Cannot(cannot_write(what, problem, variable, place.parent)) from None


def _name(source: str, compiler: str) -> str:
    key = "\0".join((source, *_command(compiler), version(compiler), processor()))
    return hashlib.sha256(key.encode()).hexdigest()[:32] + ".so"


def _digest_of(place: Path) -> Path:
    return place.with_suffix(".sha256")


def _whole(place: Path) -> bool:
    return code_cache.intact(place, _digest_of(place))


def _compile(command: list[str], source: str, made: Path, what: str) -> None:
    text = made.with_name("kernel.cpp")
    text.write_text(source)
    try:
        done = subprocess.run(
            [*command, str(text), "-o", str(made)], capture_output=True, check=False,
            text=True, errors="replace",
        )  # fmt: skip
    except OSError as problem:
        raise Cannot(f"{command[0]} cannot be run: {problem.strerror}") from None
    if done.returncode or not made.exists():
        first = telling(done.stderr).replace(f"{made.parent}{os.sep}", "")
        raise Cannot(f"{command[0]} could not compile the kernel of {what}: {first}")
    code_cache.seal(made, _digest_of(made))
