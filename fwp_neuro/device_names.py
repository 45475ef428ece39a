"""Names of devices, those of PyTorch and those of Brian2, and what is said when they are mixed up.

"auto" is a name in both worlds. An NVIDIA GPU is "cuda" for PyTorch, which computes on it at once,
and "cuda_standalone" for a Brian2 circuit, whose program is generated and compiled for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import FwpError, pick, shown

TORCH = ("auto", "cpu", "cuda")
BRIAN = ("auto", "numpy", "cython", "cpp_standalone", "cuda_standalone")

#: name of the other world -> the nearest thing in this one
_BRIAN_FOR = {"cuda": "cuda_standalone", "cpu": "auto"}
_TORCH_FOR = {"cuda_standalone": "cuda", "cpp_standalone": "cpu", "cython": "cpu", "numpy": "cpu"}


def brian(name: str) -> str:
    """Return the name of a device of Brian2 circuits.

    Raises:
        FwpError: any other name; for one of PyTorch's the sentence says which one is meant.
    """
    return _checked(name, BRIAN, _BRIAN_FOR, "PyTorch", "a Brian2 circuit", "device")


def torch(name: str) -> str:
    """Return the name of a device of PyTorch.

    Raises:
        FwpError: any other name; for one of Brian2's the sentence says which one is meant.
    """
    return _checked(name, TORCH, _TORCH_FOR, "Brian2 circuits", "a PyTorch network", "device:")


def _checked(
    name: str, legal: tuple[str, ...], mixed_up: Mapping[str, str], other: str, here: str, what: str
) -> str:
    if not isinstance(name, str):
        raise FwpError(f"{what} must be one of {', '.join(legal)}, got {shown(name)}")
    # "cuda:1" is how PyTorch numbers GPUs
    meant = mixed_up.get(name.partition(":")[0])
    if meant is None or name in legal:
        return pick(name, legal, what)
    raise FwpError(
        f"device={name!r} is a name of {other}; for {here} it is device={meant!r} (legal: "
        f"{', '.join(legal)})"
    )
