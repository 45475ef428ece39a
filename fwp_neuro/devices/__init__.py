"""Where a circuit runs: the only package that knows Brian2's devices and code generation targets.

Brian2 keeps device, code generation target, default clock and seed in module state. `simulate` sets
them for one run and puts them back, so that two circuits in one process cannot disturb each other.
"""

from .base import Built, Size
from .choice import DEVICES, choose, has_compiler
from .cuda import has_gpu
from .run import generate, simulate

__all__ = ["DEVICES", "Built", "Size", "choose", "generate", "has_compiler", "has_gpu", "simulate"]
