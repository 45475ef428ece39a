"""The NVIDIA GPUs, driver and compiler of this machine, asked from nvidia-smi and
nvcc."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cannot

_WHERE = ("/usr/local/cuda", "/opt/cuda")


@dataclass(frozen=True)
class Gpu:
    """One GPU that programs of this process may use; ``capability`` as (major, minor)."""

    name: str
    capability: tuple[int, int]
    driver: str


@dataclass(frozen=True)
class Compiler:
    """A CUDA compiler: its path, its release and the architectures that it can compile
    for."""

    path: str
    release: tuple[int, int]
    architectures: tuple[tuple[int, int], ...]


def _answer(*command: str) -> str:
    """Return what a program prints, also when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"{Path(command[0]).name} failed: {problem}"
    return done.stdout + done.stderr


def has_gpu() -> bool:
    """Whether there is an NVIDIA driver on this machine (nvidia-smi is on the path)."""
    return shutil.which("nvidia-smi") is not None


def gpus() -> list[Gpu]:
    """Return the GPUs that this process may use, first the one that it will use.

    Raises:
        Cannot: no driver, one that does not answer, or no GPU that may be used.
    """
    if not has_gpu():
        raise Cannot("no NVIDIA GPU with a driver is here (no nvidia-smi)")
    asked = "--query-gpu=index,uuid,name,compute_cap,driver_version"
    said = _answer("nvidia-smi", asked, "--format=csv,noheader").strip()
    rows = [[part.strip() for part in line.split(",")] for line in said.splitlines()]
    found = [row for row in rows if len(row) == 5 and re.fullmatch(r"\d+\.\d+", row[3])]
    if not found:
        first = said.splitlines()[0] if said else "nothing"
        raise Cannot(
            f"the NVIDIA driver finds no GPU that works: nvidia-smi says {first!r}"
        )
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        found = _visible(found, shown)
    return [
        Gpu(name, _pair(capability), driver) for _, _, name, capability, driver in found
    ]


def _visible(rows: list[list[str]], shown: str) -> list[list[str]]:
    """Return the rows that CUDA_VISIBLE_DEVICES names, by number or by (part of) their
    UUID."""
    chosen = []
    for asked in (part.strip() for part in shown.split(",")):
        row = next(
            (
                row
                for row in rows
                if asked and (asked == row[0] or row[1].startswith(asked))
            ),
            None,
        )
        # part of a GPU: as capable as the whole
        if row is None and asked.startswith("MIG-"):
            row = rows[0]
        if row is None:  # CUDA leaves out this one and all that follow
            break
        chosen.append(row)
    if not chosen:
        raise Cannot(
            f"the variable CUDA_VISIBLE_DEVICES={shown!r} hides every GPU of this "
            f"machine (legal are {', '.join(row[0] for row in rows)})"
        )
    return chosen


def newest_cuda() -> tuple[int, int] | None:
    """Return the newest CUDA that the driver runs, or None if it does not say."""
    found = re.search(r"CUDA (?:UMD )?Version:\s*(\d+\.\d+)", _answer("nvidia-smi"))
    return _pair(found.group(1)) if found else None


def toolkit() -> str | None:
    """Return the folder of the CUDA toolkit: $CUDA_PATH, that of nvcc on the path, or a
    usual one.

    These are the places where brian2cuda looks, in its order.
    """
    given = os.environ.get("CUDA_PATH", "")
    if given and os.path.exists(given):
        return given
    on_path = shutil.which("nvcc")
    if on_path:
        return str(Path(on_path).parent.parent)
    return next((folder for folder in _WHERE if os.path.exists(folder)), None)


def compiler() -> Compiler:
    """Return the CUDA compiler.

    Raises:
        Cannot: there is none, or it does not answer.
    """
    folder = toolkit()
    path = Path(folder or "", "bin", "nvcc")
    if folder is None or not path.exists():
        raise Cannot(
            "no CUDA compiler is here (nvcc): install the CUDA toolkit, and put its bin "
            "folder on PATH or its folder into the variable CUDA_PATH"
        )
    said = _answer(str(path), "--version")
    release = re.search(r"release (\d+\.\d+)", said)
    if release is None:
        raise Cannot(
            f"the CUDA compiler {str(path)!r} does not work: {said.strip()[:200]!r}"
        )
    listed = re.findall(r"compute_(\d+)(\d)\b", _answer(str(path), "--list-gpu-arch"))
    known = sorted((int(major), int(minor)) for major, minor in listed)
    return Compiler(str(path), _pair(release.group(1)), tuple(known))


def architecture(capability: tuple[int, int], nvcc: Compiler) -> tuple[int, int]:
    """Return the architecture to compile for: the GPU's, or the newest older one that
    nvcc knows.

    nvcc keeps an intermediate code in the program, from which the driver makes that of a
    GPU newer than nvcc.

    Raises:
        Cannot: the GPU is older than every architecture that nvcc knows.
    """
    older = [one for one in nvcc.architectures if one <= capability]
    if not nvcc.architectures or capability in older:
        return capability
    if not older:
        oldest, release = _text(nvcc.architectures[0]), _text(nvcc.release)
        raise Cannot(
            f"this GPU has compute capability {_text(capability)}, and nvcc {release} "
            f"compiles for {oldest} and newer: put an older CUDA toolkit on PATH or into "
            "CUDA_PATH"
        )
    return older[-1]


def _pair(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"
