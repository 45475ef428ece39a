"""The device "cython": code of Brian2 compiled part by part."""

from __future__ import annotations

from functools import partial

from .device import Costs, Device
from .device_run import here

DEVICE = Device(
    "cython",
    Costs(updater=1.8e-6, element=0.8e-9, generate=0.4, compile_updater=3.6),
    start=partial(here, "cython"),
)
