"""Fast-weight programmers, artificial and biological: one rule text, several
realisations.

    import fwp_neuro as fwp

    program = fwp.tasks.digit_memory()
    reference = fwp.run(program, "delta")
    circuit = fwp.run(program, "delta", realisation="rate")
    print(fwp.compare(reference, circuit).table())

Nothing heavy (torch, brian2, matplotlib) is imported before something needs it.
"""

import os as _os
from importlib import import_module

from . import former_names as _former_names

_former_names.install()
if _os.environ.get("FWP_NEURO_LOADED"):  # a process that counts its code started this one
    import_module(f"{__name__}.loaded_list").write_at_exit()

# public name -> the module that defines it
_NAMES = {
    "rule": "rules",
    "Rule": "rules",
    "Program": "programs",
    "Recording": "recording",
    "load": "recording",
    "run": "running",
    "swap": "swapping",
    "compare": "comparison",
    "with_pool": "divisive",
    "cite": "registries",
    "FwpError": "errors",
    "AP5": "circuits.drugs",
    "CNQX": "circuits.drugs",
    "__version__": "version",
}
# `rules` is both: the subpackage, and (it is callable) the listing fwp_neuro.rules()
_SUBMODULES = (
    "artificial",
    "circuits",
    "comparison",
    "devices",
    "plotting",
    "rules",
    "sweep",
    "synapses",
    "tasks",
)

__all__ = [*_NAMES, *_SUBMODULES]


def __getattr__(name: str):
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = globals()[name] = getattr(
            import_module(f"{__name__}.{_NAMES[name]}"), name
        )
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
