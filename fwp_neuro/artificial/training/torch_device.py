"""Which device PyTorch computes on."""

from __future__ import annotations

import torch

from ... import device_names
from ...errors import FwpError


def torch_device(name: str = "auto") -> tuple[torch.device, str]:
    """Return a device and why it was taken.

    Args:
        name: "auto" (CUDA where there is a usable GPU), "cpu" or "cuda".

    Raises:
        FwpError: unknown name, or CUDA is asked for and there is none.
    """
    device_names.torch(name)
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        built = "sees no GPU" if torch.version.cuda else "was built without CUDA"
        raise FwpError(
            f"device='cuda' cannot be used: this PyTorch {built}; legal here is 'cpu'"
        )
    if name != "auto":
        return torch.device(name), "asked for"
    return (
        (torch.device("cuda"), "there is a GPU")
        if there
        else (torch.device("cpu"), "no GPU")
    )
