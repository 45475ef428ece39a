"""Which device a circuit runs on, by estimated cost, and why."""

from __future__ import annotations

import shutil

from ..errors import pick, warn
from .base import Size
from .cuda import need_brian2cuda

DEVICES = ("auto", "numpy", "cython", "cpp_standalone", "cuda_standalone")

# Rough costs in seconds; only their ratios matter for the choice. One object is one Brian2 updater
# called once a step; one element is one cell or synapse that is touched in a step.
_OBJECT = {"numpy": 45e-6, "cython": 20e-6}
_ELEMENT = {"numpy": 6e-9, "cython": 2e-9}
_COLD_COMPILE = 60.0


def has_compiler() -> bool:
    """Whether a C++ compiler is on the path."""
    return any(shutil.which(name) for name in ("g++", "clang++", "c++"))


def choose(device: str, size: Size) -> tuple[str, str]:
    """Return the device to use and the reason, by estimated cost when ``device`` is "auto".

    Raises:
        FwpError: unknown device, or one that this machine cannot give.
    """
    pick(device, DEVICES, "device")
    if device == "numpy":
        return device, "asked for"
    if device == "cuda_standalone":
        need_brian2cuda()
    if device != "auto":
        if not has_compiler():
            warn(
                f"no C++ compiler found: device={device!r} falls back to 'numpy', with the same "
                "results, slower",
                stacklevel=2,
            )
            return "numpy", f"fallback: {device} was asked for but there is no C++ compiler"
        return device, "asked for"
    cost = {
        name: size.steps * (size.objects * _OBJECT[name] + size.elements * _ELEMENT[name])
        for name in _OBJECT
    }
    cost["cython"] += _COLD_COMPILE
    words = f"estimated {cost['numpy']:.0f} s against {cost['cython']:.0f} s with compiling"
    if cost["numpy"] <= cost["cython"]:
        return "numpy", f"small network: numpy {words}"
    if not has_compiler():
        warn("no C++ compiler found: a large network runs with numpy code, slower", stacklevel=2)
        return "numpy", "fallback: large network, but there is no C++ compiler"
    return "cython", f"large network: numpy {words}"
