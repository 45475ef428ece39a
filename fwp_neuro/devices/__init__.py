"""Where a circuit runs: the only package that knows Brian2's devices and code generation
targets.

Brian2 keeps device, code generation target, default clock and seed in module state.
`simulate` sets them for one run and puts them back, so that two circuits in one process
cannot disturb each other; `lock` keeps Brian2 for one thread at a time.
`compiled` makes a program of a circuit that runs many times with other numbers; compiled
programs are kept in a cache (`compiled_builds`), which `clear_builds` empties.
"""

from ..lazy_names import lazy_names

# Brian2 is imported only by what needs it
_NAMES = {
    "Built": "device",
    "DEVICES": "device_choice",
    "DeviceProgram": "device_program",
    "Program": "device_program",
    "Size": "device",
    "choose": "device_choice",
    "clear_builds": "compiled_builds",
    "compiled": "device_program",
    "generate": "device_run",
    "has_compiler": "device_choice",
    "has_gpu": "cuda",
    "simulate": "device_run",
}
_SUBMODULES = (
    "device",
    "compiled_builds",
    "device_choice",
    "cuda",
    "execute",
    "guards",
    "inputs",
    "device_program",
    "device_run",
    "brian2_state",
)

__all__ = list(_NAMES)
_FORMER = {
    "base": "device",
    "builds": "compiled_builds",
    "choice": "device_choice",
    "program": "device_program",
    "run": "device_run",
    "state": "brian2_state",
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES, _SUBMODULES, _FORMER)
