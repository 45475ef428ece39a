"""What compiling costs: Brian2 as it comes, this package, and a run with other numbers
after it."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import brian2  # noqa: F401  importing is no part of a build
import brian2 as b2

from ... import devices
from . import brian
from .measured import spent
from .network import DT, NetworkCase

#: two sizes of the textbook network: populations are compiled in, so that the second
#: builds anew
CASE, OTHER = NetworkCase(10_000, 0.1), NetworkCase(12_100, 0.1)
RUNS = 7


def stock(folder: Path) -> dict[str, float]:
    """Build the textbook network as Brian2 does by itself: "cpu" and "wall" seconds."""
    begun, wall = spent(), time.perf_counter()
    b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
    b2.defaultclock.dt = DT * b2.second
    brian.network(CASE, "textbook").all.run(CASE.duration * b2.second, namespace={})
    b2.device.build(directory=str(folder), compile=True, run=False)
    return {"cpu": spent() - begun, "wall": time.perf_counter() - wall}


def ours(folder: Path) -> dict[str, float]:
    """Build the same network with the package, in an empty cache, then run it with other
    numbers.

    Returns:
        "cpu" and "wall" seconds of the first build on a machine, which makes the
        precompiled header too; "again", processor seconds of the next circuit's; of a
        further run of the first one "marginal" processor and "marginal_wall" seconds, and
        "overhead": its wall time without the program's own.
    """

    def build(case: NetworkCase):
        def made():
            network = brian.network(case, "textbook")
            return devices.Built(network.all, lambda: {"spikes": network.spikes()},
                                 case.duration * b2.second, (network,))  # fmt: skip

        return devices.compiled(made, dt=DT * b2.second)

    os.environ["FWP_NEURO_CACHE"] = str(folder)
    begun, wall = spent(), time.perf_counter()
    with build(CASE) as program:
        found = {"cpu": spent() - begun, "wall": time.perf_counter() - wall}
        program.run()
        runs = []
        for number in range(RUNS):
            begun = spent()
            program.run({"tau_w": (100 + 10 * number) * b2.ms})
            simulated, all = program.seconds
            runs.append((spent() - begun, all, all - simulated))
    begun = spent()
    build(OTHER).close()
    names = ("marginal", "marginal_wall", "overhead")
    middle = [statistics.median(column) for column in zip(*runs, strict=True)]
    return found | dict(zip(names, middle, strict=True)) | {"again": spent() - begun}


def measure(which: str) -> dict[str, float]:
    """Measure "stock" or "ours" in this process, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as folder:
        return {"stock": stock, "ours": ours}[which](Path(folder))
