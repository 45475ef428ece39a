"""The device "numpy": NumPy code of Brian2, for small networks and without a compiler."""

from __future__ import annotations

from . import in_process
from .device import Costs, Device

DEVICE = Device(
    "numpy",
    Costs(updater=7e-6, element=4e-9, generate=0.2),
    start=lambda job: lambda: in_process.run(job, "numpy"),
    compiles=False,
)
