"""The device "cython": code of Brian2 compiled part by part."""

from __future__ import annotations

from . import in_process
from .device import Costs, Device

DEVICE = Device(
    "cython",
    Costs(updater=1.8e-6, element=0.8e-9, generate=0.4, compile_updater=3.6),
    start=lambda job: lambda: in_process.run(job, "cython"),
)
