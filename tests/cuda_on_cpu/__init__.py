"""Run CUDA projects on the CPU: what brian2cuda generates, compiled as C++ and executed.

Generated, compiled and emulated is not run on a GPU: see ``include/cuda_on_cpu.h`` for
what this checks and what it cannot.
"""

from .device import Run, run
from .project import compile_project
from .together import Together, captured

__all__ = ["Run", "Together", "captured", "compile_project", "run"]
