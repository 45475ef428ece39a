"""In which number format fast weights are computed: float32 at least, whatever the inputs
have.

A sum of thousands of writes in bfloat16 stops growing after a few hundred: its 8 bits
hold no smaller step. So everything is computed in float32 (float64 for float64), and what
is read is rounded once, to the format of the inputs; `torch.autocast` is switched off on
the way.
"""

from __future__ import annotations

import contextlib

import torch

from ..errors import FwpError

#: formats of inputs that are computed in float32
HALF = (torch.bfloat16, torch.float16)
LEGAL = (*HALF, torch.float32, torch.float64)


def computed(dtype: torch.dtype) -> torch.dtype:
    """Return the format that inputs of ``dtype`` are computed in."""
    return torch.float32 if dtype in HALF else dtype


def mixes(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Whether two inputs may meet: halves and float32 may, float64 goes with itself
    alone."""
    return dtype is other or (dtype in LEGAL[:3] and other in LEGAL[:3])


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the format that it is computed in; whole numbers stay as they
    are."""
    return tensor.float() if tensor.dtype in HALF else tensor


#: reusable and empty
_AS_IT_IS = contextlib.nullcontext()


def autocasts(device: torch.device) -> bool:
    """Whether `torch.autocast` is on for a device."""
    kind = device.type
    known = kind in ("cpu", "cuda") or torch.amp.is_autocast_available(kind)
    return known and torch.is_autocast_enabled(kind)


def full(device: torch.device):
    """Return a context without autocast, where products are computed in the format of
    inputs."""
    return torch.autocast(device.type, enabled=False) if autocasts(device) else _AS_IT_IS


def dense(where: str, x) -> torch.Tensor:
    """Return ``x`` if it is a dense torch tensor.

    Raises:
        FwpError: anything else; the error begins with ``where``, as in "apply: query".
    """
    if not isinstance(x, torch.Tensor):
        raise FwpError(f"{where} must be a torch tensor, got {type(x).__name__}")
    if x.layout is not torch.strided or x.is_nested:
        raise FwpError(f"{where} must be a dense torch tensor")
    return x


def same_device(where: str, x: torch.Tensor, parameter: torch.Tensor) -> None:
    """Raise `FwpError` if an input lies on another device than the parameters of a
    module."""
    if x.device != parameter.device:
        raise FwpError(
            f"{where} has parameters on {parameter.device}, so x must be there, got a "
            f"tensor on {x.device}"
        )
