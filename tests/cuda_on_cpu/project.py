"""Compile a project that Brian2 has written, CUDA or C++, with g++ and few, large files.

Generated files repeat the same long headers, which is what compiling them one by one costs. Here
they are put together into one file for each process that compiles; what a file keeps to itself, in
its unnamed namespace, gets a namespace with a name.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INCLUDE = Path(__file__).parent / "include"
FORWARDED = (
    "cuda.h", "cuda_runtime.h", "cuda_profiler_api.h", "curand.h", "curand_kernel.h",
    *(f"thrust/{name}.h" for name in ("copy", "count", "device_vector", "execution_policy", "fill",
      "host_vector", "reduce", "sequence", "sort", "system_error", "unique")),
)  # fmt: skip
_LAUNCH = re.compile(r"([A-Za-z_]\w*)\s*<<<(.*?)>>>\s*\(", re.DOTALL)
_UNNAMED = re.compile(r"^namespace\s*\{", re.MULTILINE)
_SUPPORT = re.compile(r"^///// Support code /////\n(.*?)^(?=void )", re.MULTILINE | re.DOTALL)


def sources(folder: Path) -> list[str]:
    """Return the source files that a project's makefile names."""
    return re.search(r"^SRCS = (.*)$", (folder / "makefile").read_text(), re.M).group(1).split()


def translated(text: str, number: int) -> str:
    """Turn kernel launches into calls, and name what file ``number`` keeps to itself."""
    own = f"file_{number}"
    text = _LAUNCH.sub(r"cuda_on_cpu::launch(\1, \2)(", text)
    text = _UNNAMED.sub(f"namespace {own} {{", text)
    text = _SUPPORT.sub(rf"namespace {own} {{\n\1}}\n", text)
    text = text.replace("using namespace brian;", f"using namespace brian; using namespace {own};")
    return f"namespace {own} {{}}\n{text}"


def compile_project(folder: Path, jobs: int = 2, flags: Sequence[str] = ("-O0",)) -> Path:
    """Compile a project; return its program ``main``.

    Args:
        folder: holds the makefile.
        jobs: compilers at a time, each with its share of the files.
        flags: for g++.

    Raises:
        RuntimeError: with the first errors of the compiler.
    """
    made = folder / "cuda_on_cpu"
    for name in FORWARDED:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text('#include "cuda_on_cpu.h"\n')
    files = sources(folder)
    cuda = files[-1].endswith(".cu")
    sizes = {name: (folder / name).stat().st_size for name in files}
    shares = [files[n::jobs] for n in range(jobs)]
    for share in shares:
        share.sort(key=lambda name: (name.count("/") > 0, sizes[name]))
    command = ["g++", "-std=c++17", "-w", "-fpermissive", *flags]
    if cuda:
        command += [f"-I{made}", f"-I{INCLUDE}", "-include", "cuda_on_cpu.h"]

    def compiled(number: int) -> Path:
        source, made_of = made / f"part_{number}.cpp", made / f"part_{number}.o"
        source.write_text("\n".join(
            translated((folder / name).read_text(), files.index(name))
            for name in shares[number]
        ))  # fmt: skip
        _run([*command, f"-I{folder}", "-c", str(source), "-o", str(made_of)])
        return made_of

    with ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compiled, range(jobs)))
    program = folder / "main"
    _run(["g++", *map(str, objects), "-o", str(program)])
    return program


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
        raise RuntimeError("\n".join(lines[:8]) or done.stderr[-2000:])
