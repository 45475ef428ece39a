"""Two worlds of devices: each says which name of its own is meant by one of the other."""

import pytest

import fwp_neuro as fwp
from fwp_neuro import device_names, devices
from fwp_neuro.artificial.training import torch_device

SIZE = devices.Size(10, 5, 10)


@pytest.mark.parametrize("name", device_names.BRIAN)
def test_names_of_brian2_mean_something_there_only(name):
    assert device_names.brian(name) == name
    if name not in device_names.TORCH:
        with pytest.raises(
            fwp.FwpError, match=f"device='{name}' is a name of Brian2 circuits"
        ):
            torch_device(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("cuda", "cuda_standalone"), ("cuda:1", "cuda_standalone"), ("cpu", "auto")],
)
def test_names_of_pytorch_are_explained_to_circuits(name, meant):
    sentence = (
        f"device='{name}' is a name of PyTorch; for a Brian2 circuit it is "
        f"device='{meant}'"
    )
    with pytest.raises(fwp.FwpError, match=sentence):
        devices.choose(name, SIZE)


def test_the_gpu_of_brian2_is_cuda_in_pytorch():
    with pytest.raises(
        fwp.FwpError, match="for a PyTorch network it is device='cuda' .legal: a"
    ):
        torch_device("cuda_standalone")


@pytest.mark.parametrize("name", ["gpu", "nunpy", None, 3])
def test_other_names_are_unknown_in_both(name):
    words = (
        "unknown device"
        if isinstance(name, str)
        else "device.* must be one of auto, .*, got"
    )
    for check in (device_names.brian, device_names.torch):
        with pytest.raises(fwp.FwpError, match=words):
            check(name)
