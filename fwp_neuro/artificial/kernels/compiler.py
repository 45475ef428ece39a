"""Compile generated C++ once, keep it in a cache by content, and load it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from ...errors import FwpError
from ...toolchain import cache, find, missing, processor, version

#: contracted multiply-add, but no reordering of sums: results do not depend on the optimiser
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fopenmp-simd", "-shared",
         "-fPIC", "-pthread")  # fmt: skip


def _command(compiler: str) -> list[str]:
    arm = platform.machine().lower() in ("arm64", "aarch64")
    extra = os.environ.get("CXX", "").split()[1:]
    return [compiler, *extra, *FLAGS, "-mcpu=native" if arm else "-march=native"]


def folder() -> Path:
    """Return the cache: $FWP_NEURO_CACHE/kernels, else fwp_neuro/kernels in the user's cache."""
    return cache("kernels")


@lru_cache(maxsize=1)
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="fwp_neuro_kernels_")


def _writable() -> Path:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            return folder()
    except OSError:
        return Path(_temporary().name)


def library(source: str, what: str) -> ctypes.CDLL:
    """Load the library of a C++ source; compile it if the cache has none that is whole.

    The file's name is a hash of source, command, compiler version and processor; a digest lies
    beside it. A compile works in a folder of its own and moves its result into place, so that
    neither two processes at a time nor an interruption leave half a library behind. Without a
    writable cache it lives in a temporary folder until the process ends.

    Args:
        source: the C++ text.
        what: whose kernel it is, for errors.

    Raises:
        FwpError: there is no compiler, or it failed; with the first line of its message.
    """
    compiler = find()
    if compiler is None:
        raise FwpError(f"cannot compile the kernel of {what}: {missing()}")
    name = _name(source, compiler)
    for place in (folder() / name, Path(_temporary().name) / name):
        if _whole(place):
            try:
                return ctypes.CDLL(str(place))
            except OSError:  # it needs what is no longer here: compile it again, into its place
                break
    place = _writable() / name
    _compile(_command(compiler), source, place, what)
    return ctypes.CDLL(str(place))


def _name(source: str, compiler: str) -> str:
    key = "\0".join((source, *_command(compiler), version(compiler), processor()))
    return hashlib.sha256(key.encode()).hexdigest()[:32] + ".so"


def _digest(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()


def _whole(place: Path) -> bool:
    """Tell whether a library is as it was compiled: to load half a file can end the process."""
    try:
        return place.with_suffix(".sha256").read_text() == _digest(place)
    except OSError:
        return False


def _compile(command: list[str], source: str, place: Path, what: str) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="building_") as build:
        text, made = Path(build, "kernel.cpp"), Path(build, place.name)
        text.write_text(source)
        done = subprocess.run(
            [*command, str(text), "-o", str(made)], capture_output=True, text=True, check=False
        )
        if done.returncode or not made.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            first = next((line for line in lines if "error" in line), (lines or ["no message"])[0])
            raise FwpError(
                f"{command[0]} could not compile the kernel of {what}: "
                f"{first.replace(build, '').lstrip('/')}"
            )
        made.with_suffix(".sha256").write_text(_digest(made))
        os.replace(made.with_suffix(".sha256"), place.with_suffix(".sha256"))
        os.replace(made, place)
