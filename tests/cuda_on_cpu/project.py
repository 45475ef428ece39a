"""Compile a project that Brian2 has written, CUDA or C++, as C++ with g++."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INCLUDE = Path(__file__).parent / "include"
#: headers that generated code includes, each of which is ``cuda_on_cpu.h``
FORWARDED = (
    "cuda.h", "cuda_runtime.h", "cuda_profiler_api.h", "curand.h", "curand_kernel.h",
    *(f"thrust/{name}.h" for name in ("copy", "count", "device_vector",
                                      "execution_policy", "fill",
      "host_vector", "reduce", "sequence", "sort", "system_error", "unique")),
)  # fmt: skip
_FILE = re.compile(r"^namespace file_\d+ \{\}\n(.*)$", re.MULTILINE)
_LAUNCH = re.compile(r"([A-Za-z_]\w*)\s*<<<(.*?)>>>\s*\(", re.DOTALL)


def prepare_headers(folder: Path) -> list[str]:
    """Write the headers that CUDA code of a project includes; return the flags of g++ for
    it."""
    headers = folder / "cuda_on_cpu"
    for name in FORWARDED:
        (headers / name).parent.mkdir(parents=True, exist_ok=True)
        (headers / name).write_text('#include "cuda_on_cpu.h"\n')
    included = [f"-I{headers}", f"-I{INCLUDE}", "-include", "cuda_on_cpu.h"]
    return ["-w", "-fpermissive", *included]


def translate(source: Path) -> Path:
    """Turn the kernel launches of joined CUDA files into calls; return the C++ file.

    What is compiled for both sides takes the side of the GPU, but for synapses that are
    made by a rule, which brian2cuda does on the host.
    """

    def sided(found: re.Match) -> str:
        on_host = "create_generator" in found.group(1)
        define = "" if on_host else "#define __CUDA_ARCH__ 900\n"
        return f"#undef __CUDA_ARCH__\n{define}{found.group(0)}"

    text = _LAUNCH.sub(r"cuda_on_cpu::launch(\1, \2)(", source.read_text())
    made = source.with_suffix(".cpp")
    made.write_text(_FILE.sub(sided, text))
    return made


def compile_project(folder: Path, jobs: int = 2, flags: Sequence[str] = ("-O0",)) -> Path:
    """Compile a project; return its program ``main``.

    Args:
        folder: holds the makefile.
        jobs: compilers at a time, each with its part of the source.
        flags: for g++, the same for C++ and CUDA, so that results can be compared to the
            last bit.

    Raises:
        RuntimeError: with the first errors of the compiler.
    """
    from fwp_neuro.devices.joined import join

    parts = join(folder, jobs)
    command = ["g++", "-std=c++17", "-w", *flags, f"-I{folder}"]
    if parts[0].suffix == ".cu":
        command += prepare_headers(folder)
        parts = [translate(part) for part in parts]

    def compiled(part: Path) -> Path:
        made = part.with_suffix(".o")
        _run([*command, "-c", str(part), "-o", str(made)])
        return made

    with ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compiled, parts))
    program = folder / "main"
    _run(["g++", *map(str, objects), "-o", str(program)])
    return program


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [
            line
            for line in done.stderr.splitlines()
            if re.search("error|undefined", line)
        ]
        raise RuntimeError("\n".join(lines[:8]) or done.stderr[-2000:])
