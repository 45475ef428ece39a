"""Names of devices, those of PyTorch and those of Brian2, and what is said when they are
mixed up.

"auto" is a name in both worlds. An NVIDIA GPU is "cuda" for PyTorch, which computes on it
at once, and "cuda_standalone" for a Brian2 circuit, whose program is generated and
compiled for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import FwpError, pick, shown
from .registry import Registry

TORCH = ("auto", "cpu", "cuda")

#: devices of circuits; each entry is what `fwp_neuro.devices` calls it
DEVICES = Registry("device")
_BRIAN2, _CUDA = "stimberg2019brian", "stimberg2019brian; alevi2022brian2cuda"
for _name, _summary, _citation in (
    ("auto", "the cheapest of the others by estimated cost", _BRIAN2),
    ("numpy", "NumPy code of Brian2, for small networks and without a compiler", _BRIAN2),
    ("cython", "code of Brian2 compiled part by part", _BRIAN2),
    ("cpp_standalone", "a C++ program of the whole circuit, compiled and run", _BRIAN2),
    ("cuda_standalone", "a CUDA program of the whole circuit, for an NVIDIA GPU", _CUDA),
):
    DEVICES.put(_name, _name, _summary, _citation)
#: those of this package
BRIAN = tuple(DEVICES)

#: name of the other world -> the nearest thing in this one
_BRIAN_FOR = {"cuda": "cuda_standalone", "cpu": "auto"}
_TORCH_FOR = {
    "cuda_standalone": "cuda",
    "cpp_standalone": "cpu",
    "cython": "cpu",
    "numpy": "cpu",
}


def brian(name: str, argument: str = "device") -> str:
    """Return the name of a device of Brian2 circuits.

    Args:
        name: of a device; argument: that holds it, which every sentence calls device.

    Raises:
        FwpError: any other name; for one of PyTorch's the sentence says which one is
            meant.
    """
    legal = tuple(DEVICES)
    return _checked(name, legal, _BRIAN_FOR, "PyTorch", "a Brian2 circuit", "device")


def torch(name: str) -> str:
    """Return the name of a device of PyTorch.

    Raises:
        FwpError: any other name; for one of Brian2's the sentence says which one is
            meant.
    """
    return _checked(
        name, TORCH, _TORCH_FOR, "Brian2 circuits", "a PyTorch network", "device:"
    )


def _checked(
    name: str,
    legal: tuple[str, ...],
    mixed_up: Mapping[str, str],
    other: str,
    here: str,
    what: str,
) -> str:
    if not isinstance(name, str):
        raise FwpError(f"{what} must be one of {', '.join(legal)}, got {shown(name)}")
    # "cuda:1" is how PyTorch numbers GPUs
    meant = mixed_up.get(name.partition(":")[0])
    if meant is None or name in legal:
        return pick(name, legal, what)
    raise FwpError(
        f"device={name!r} is a name of {other}; for {here} it is device={meant!r} "
        f"(legal: {', '.join(legal)})"
    )
