"""Fast-weight programmers, artificial and biological: one rule text, several realisations.

    import fwp_neuro as fwp

    program = fwp.tasks.digit_memory()
    reference = fwp.run(program, "delta")
    circuit = fwp.run(program, "delta", realisation="rate")
    print(fwp.compare(reference, circuit).table())

Nothing heavy (torch, brian2, matplotlib) is imported before something needs it.
"""

from importlib import import_module

# public name -> the module that defines it
_NAMES = {
    "rule": "rules",
    "Rule": "rules",
    "Program": "programs",
    "Recording": "recording",
    "load": "recording",
    "run": "running",
    "compare": "comparison",
    "cite": "registries",
    "FwpError": "errors",
    "AP5": "circuits.drugs",
    "CNQX": "circuits.drugs",
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

__all__ = ["__version__", *_NAMES, *_SUBMODULES]


def __getattr__(name: str):
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name == "__version__":
        value = _version()
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  loaded when it is needed

    try:
        return version("fwp_neuro")
    except PackageNotFoundError:  # a source tree that was not installed
        return "0+source"
