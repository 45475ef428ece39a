"""The device "numpy": NumPy code of Brian2, for small networks and without a compiler."""

from __future__ import annotations

from functools import partial

from .device import Costs, Device
from .device_run import here

DEVICE = Device(
    "numpy",
    Costs(updater=7e-6, element=4e-9, generate=0.2),
    start=partial(here, "numpy"),
    compiles=False,
)
