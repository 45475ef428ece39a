"""What CUDA needs of this machine, and how Brian2CUDA must be set up for it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from ..errors import FwpError


def need_brian2cuda() -> None:
    """Raise `FwpError`, with the way to get it, if brian2cuda is not installed."""
    from importlib.util import find_spec

    if find_spec("brian2cuda") is None:
        raise FwpError(
            "device='cuda_standalone' needs brian2cuda, which is not installed: pip install "
            "-e '.[gpu]' on Python 3.12, or pip install --no-deps brian2cuda==1.0a7 on 3.11"
        )


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers on this machine (nvidia-smi is on the path)."""
    return shutil.which("nvidia-smi") is not None


_RESET = re.compile(r"(_idx = neuron_id;\n)(.*?)(^\}\n)", re.DOTALL | re.MULTILINE)


def mend(device) -> None:
    """Let a CUDA device of Brian2 write kernels of resets that compile.

    The kernels of brian2cuda have scalar code, then code in braces for each element: both may
    declare the same name. In resets the braces are missing, so that a text as simple as
    ``timestep(t - last, dt) > timestep(pause, dt)`` declares ``dt`` twice.
    """
    write = device.generate_codeobj_source

    def written(writer):
        write(writer)
        for path in Path(writer.project_dir, "code_objects").glob("*.cu"):
            text = path.read_text()
            mended = _RESET.sub(r"\1    {\n\2    }\n\3", text)
            if mended != text:
                path.write_text(mended)

    device.generate_codeobj_source = written


def preferences(prefs) -> dict[str, Any]:
    """Return the Brian2 preferences that a CUDA build needs on this machine."""
    backend = "devices.cuda_standalone.cuda_backend."
    gcc = "codegen.cpp.extra_compile_args_gcc"
    nvcc = backend + "extra_compile_args_nvcc"
    # Thrust of CUDA 13 needs C++17, for nvcc (the last flag wins) and for the host compiler
    needed = {
        gcc: [flag for flag in prefs[gcc] if not flag.startswith("-std=")] + ["-std=c++17"],
        nvcc: [flag for flag in prefs[nvcc] if not flag.startswith("-std=")] + ["-std=c++17"],
    }
    asked: dict[str, Any] = {}
    if not has_gpu():  # without a driver there is nothing to ask for the compute capability
        asked |= {"detect_gpus": False, "gpu_id": 0, "compute_capability": 7.5}
    if shutil.which("nvcc") is None:
        path = os.environ.get("CUDA_PATH", "/usr/local/cuda")
        asked |= {"detect_cuda": False, "cuda_runtime_version": 12.0, "cuda_path": path}
    return needed | {backend + name: value for name, value in asked.items()}
