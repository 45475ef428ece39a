"""Stands in for nvcc: compiles CUDA projects for the CPU, and links them.

``pretend`` puts it on a path, next to an nvidia-smi that tells of a GPU, so that a
circuit with device="cuda_standalone" goes all the way on a machine that has neither.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SMI = """#!/bin/sh
case "$1" in
--query-gpu*) echo "0, GPU-0000, NVIDIA of the tests, 9.0, 580.10" ;;
*) echo "| NVIDIA-SMI 580.10   Driver Version: 580.10   CUDA Version: 13.0  |" ;;
esac
"""
_NVCC = """#!/bin/sh
exec "{python}" "{script}" "$@"
"""


def pretend(folder: Path) -> None:
    """Write programs called nvidia-smi and nvcc into a folder."""
    text = _NVCC.format(python=sys.executable, script=Path(__file__).resolve())
    for name, source in (("nvidia-smi", _SMI), ("nvcc", text)):
        (folder / name).write_text(source)
        (folder / name).chmod(0o755)


def main(arguments: list[str]) -> int:
    """Do what nvcc does with these arguments."""
    if arguments == ["--version"]:
        print(
            "nvcc of the tests\nfor the\nCPU\nCuda compilation tools, release 13.0, "
            "V13.0.88"
        )
        return 0
    if arguments == ["--list-gpu-arch"]:
        print("compute_75\ncompute_90")
        return 0
    from project import prepare_headers, translate

    made = Path(arguments[arguments.index("-o") + 1])
    if "-dc" not in arguments:
        objects = [one for one in arguments if one.endswith(".o")]
        return subprocess.call(["g++", *objects, "-o", str(made)])
    source = Path(arguments[arguments.index("-dc") + 1])
    assert "-arch=sm_90" in arguments
    # the last one counts
    standard = [one for one in arguments if one.startswith("-std=")][-1]
    flags = prepare_headers(Path.cwd())
    return subprocess.call(
        [
            "g++",
            standard,
            *flags,
            "-O0",
            "-I.",
            "-c",
            str(translate(source)),
            "-o",
            str(made),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
