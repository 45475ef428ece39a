"""Where a circuit runs: the only package that knows Brian2's devices and code generation targets.

Brian2 keeps device, code generation target, default clock and seed in module state. `simulate` sets
them for one run and puts them back, so that two circuits in one process cannot disturb each other;
`lock` keeps Brian2 for one thread at a time.
`compiled` makes a program of a circuit that runs many times with other numbers; compiled programs
are kept in a cache (`builds`), which `clear_builds` empties.
"""

from .base import Built, Size
from .builds import clear as clear_builds
from .choice import DEVICES, choose, has_compiler
from .cuda import has_gpu
from .program import Program, compiled
from .run import generate, simulate

__all__ = [
    "DEVICES",
    "Built",
    "Program",
    "Size",
    "choose",
    "clear_builds",
    "compiled",
    "generate",
    "has_compiler",
    "has_gpu",
    "simulate",
]
