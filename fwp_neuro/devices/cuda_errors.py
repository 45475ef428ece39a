"""What nvcc, the CUDA runtime and brian2cuda say when they fail, as a sentence for a
user."""

from __future__ import annotations

import re

from ..errors import FwpError

_HEAP = "brian2.prefs.devices.cuda_standalone.cuda_backend.gpu_heap_size"

#: what a failed build says -> what it means and what to do
_BUILD = (
    (
        r"[Uu]nsupported gpu architecture|not defined for option 'gpu-arch|not defined "
        r"for option 'gpu-code",
        "nvcc does not know the architecture of this GPU: put a CUDA toolkit that does "
        "on PATH or into CUDA_PATH",
    ),
    (
        r"unsupported GNU version|gcc versions later than|unsupported clang version",
        "nvcc refuses this C++ compiler, which is newer than it knows: put an older one "
        "into the variable CXX, or take a newer CUDA toolkit",
    ),
    (
        r"curand\w*\.h: No such file|cannot find -lcurand",
        "the CUDA toolkit has no cuRAND: install it (package libcurand-dev, or pip "
        "install --no-deps --target DIR nvidia-curand and FWP_CURAND=DIR)",
    ),
    (
        r"requires at least C\+\+17|#error.*C\+\+17",
        "the CUDA toolkit wants C++17 and got an older standard: leave -std out of "
        "brian2.prefs.codegen.cpp.extra_compile_args_gcc",
    ),
    (
        r"Killed|cannot allocate memory|virtual memory exhausted",
        "the compilers ran out of main memory: close other programs, or build on a "
        "larger machine",
    ),
    (
        r"nvcc: (command )?not found|nvcc: No such file|nvcc\W+No such file",
        "no CUDA compiler is here (nvcc): install the CUDA toolkit, and put its bin "
        "folder on PATH",
    ),
)

#: what a failed run says -> what it means and what to do
_RUN = (
    (
        r"driver version is insufficient|unsupported toolchain|unsupported PTX version",
        "the NVIDIA driver is older than the CUDA toolkit that compiled the circuit: "
        "update the driver, or put an older toolkit on PATH or into CUDA_PATH",
    ),
    (
        r"ERROR.* while (allocating|creating).*(cudaVector|spikequeue)",
        "the memory for spikes under way is full, which brian2cuda sets aside before a "
        f"run: give it more megabytes with {_HEAP} = 1024 (128 unless set), or take "
        "shorter delays",
    ),
    (
        r"out of memory|bad_alloc|bad allocation|ALLOCATION_FAILED",
        "the GPU is out of memory: take fewer synapses or recorded samples, a GPU with "
        f"more memory, or leave it more by a smaller {_HEAP}",
    ),
    (
        r"no kernel image is available|invalid device function",
        "the program was not compiled for the architecture of this GPU: compile it here, "
        "or set brian2.prefs.devices.cuda_standalone.cuda_backend.compute_capability",
    ),
    (
        r"no CUDA-capable device|invalid device ordinal",
        "the program finds no GPU: see nvidia-smi, and the variable CUDA_VISIBLE_DEVICES",
    ),
    (
        r"devices are busy or unavailable|device is busy",
        "the GPU is taken by another program: wait, or choose another GPU with "
        "CUDA_VISIBLE_DEVICES",
    ),
    (
        r"error while loading shared libraries: (lib\w+)",
        "a library of CUDA is not found when the program starts: put the folder of the "
        "CUDA libraries into LD_LIBRARY_PATH",
    ),
    (
        r"too many resources requested",
        "a kernel needs more registers than the GPU has for blocks so large: set "
        "brian2.prefs.devices.cuda_standalone.launch_bounds = True",
    ),
    (
        r"illegal memory access|unspecified launch failure|misaligned address|Assertion "
        r".* failed",
        "a kernel failed on the GPU; the same circuit on device='cpp_standalone' shows "
        "whether the circuit or its CUDA code is at fault",
    ),
)


def build_failed(said: str, folder: str) -> FwpError:
    """Return the error for a CUDA project that did not compile."""
    return _error(_BUILD, said, f"the CUDA project in {folder} did not compile")


def run_failed(said: str, folder: str) -> FwpError:
    """Return the error for a CUDA program that failed."""
    return _error(_RUN, said, f"the CUDA program in {folder} failed")


def _error(table, said: str, what: str) -> FwpError:
    for pattern, meaning in table:
        if re.search(pattern, said):
            return FwpError(f"device='cuda_standalone': {meaning}")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|ERROR|terminate|what\(\)", line)
    ]
    shown = (telling or lines or ["nothing"])[0 if telling else -1]
    return FwpError(f"device='cuda_standalone': {what}, which says: {shown[:300]}")
