"""Where a circuit runs: the only package that knows Brian2's devices and code generation targets.

Brian2 keeps device, code generation target, default clock and seed in module state. `simulate` sets
them for one run and puts them back, so that two circuits in one process cannot disturb each other;
`lock` keeps Brian2 for one thread at a time.
`compiled` makes a program of a circuit that runs many times with other numbers; compiled programs
are kept in a cache (`builds`), which `clear_builds` empties.
"""

from ..lazy_names import lazy_names

# Brian2 is imported only by what needs it
_NAMES = {
    "Built": "base",
    "DEVICES": "choice",
    "Program": "program",
    "Size": "base",
    "choose": "choice",
    "clear_builds": "builds",
    "compiled": "program",
    "generate": "run",
    "has_compiler": "choice",
    "has_gpu": "cuda",
    "simulate": "run",
}
_SUBMODULES = (
    "base",
    "builds",
    "choice",
    "cuda",
    "execute",
    "guards",
    "inputs",
    "program",
    "run",
    "state",
)

__all__ = list(_NAMES)
__getattr__, __dir__ = lazy_names(__name__, _NAMES, _SUBMODULES)
