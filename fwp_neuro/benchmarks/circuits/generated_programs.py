"""Programs that Brian2 generates: compiled once for a case, run as often as is measured.

A program tells by itself what its simulation took: two lines stand around Brian2's own
run, so that neither making synapses nor writing results to disk is counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import brian2 as b2
import numpy as np

from ...devices import brian2_state, compiled_builds
from ...devices.cpp import CppDevice
from ...errors import FwpError
from . import brian
from .measured import Measured, spent
from .network import DT, NetworkCase

_START = r"""auto fwp_bytes = [](const std::string& what) {
    std::ifstream file("/proc/self/status");
    std::string word; double value = 0;
    while (file >> word) if (word == what) file >> value;
    return 1024*value; };
const double fwp_base = fwp_bytes("VmRSS:"); const std::clock_t fwp_zero = std::clock();"""  # noqa: E501
_BEFORE = "const std::clock_t fwp_start = std::clock();"
_AFTER = r"""{ const std::clock_t fwp_end = std::clock(); std::ofstream file("cost.txt");
file << double(fwp_end - fwp_start)/CLOCKS_PER_SEC << " "
     << double(fwp_start - fwp_zero)/CLOCKS_PER_SEC << " " << fwp_bytes("VmHWM:") - fwp_base
     << std::endl; }"""  # noqa: E501

_RESULTS, _RIGHT, _DIGEST = "measured", "right.npz", "digest.json"


def prepare(case: NetworkCase, folder: Path, layout: str) -> dict[str, float]:
    """Write and compile the program, run it once and keep its result.

    Returns:
        "build", processor seconds to write and compile.
    """
    begun, device = spent(), CppDevice()
    with brian2_state.standalone(
        "cpp_standalone", folder, DT * b2.second, case.seed, device
    ):
        device.header = compiled_builds.header(
            " ".join(b2.prefs["codegen.cpp.extra_compile_args_gcc"])
        )
        for slot, code in (("before_start", _START), ("before_network_run", _BEFORE),
                           ("after_network_run", _AFTER)):  # fmt: skip
            device.insert_code(slot, code)
        network = brian.network(case, layout)
        network.all.run(case.duration * b2.second, namespace={})
        device.build(directory=str(folder), compile=False, run=False)
        shutil.copy2(compiled_builds.program(folder)[0], folder / "main")
        device.numbers.write(folder)
        taken = spent() - begun
        device.run(str(folder), results_directory=_RESULTS, with_output=False)
        weights, spikes = network.weights(), network.spikes()
        arrays = [v for v in device.arrays if v.dtype == np.float64 and not v.scalar
                  and getattr(v.owner, "name", "") in ("plastic",
                      "post_cells")]  # fmt: skip
        names = sorted(
            Path(device.get_array_filename(variable)).name for variable in arrays
        )
    np.savez(folder / _RIGHT, weights=weights, spikes=spikes)
    (folder / _DIGEST).write_text(json.dumps({"of": names, "is": _digest(folder, names)}))
    shutil.rmtree(folder / _RESULTS)
    return {"build": taken}


def measure(case: NetworkCase, folder: Path, layout: str) -> Measured:
    """Run the program once; read what it took, and see that it gave what it gave at
    first.

    Raises:
        FwpError: it stopped, or its results are not those that `prepare` has kept.
    """
    results = folder / _RESULTS
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    try:
        command = ["./main", "--results_dir", f"{_RESULTS}{os.sep}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise FwpError(
                f"the Brian2 program stopped: {(done.stdout + done.stderr)[-300:]}"
            )
        cpu, setup, grown = map(float, (folder / "cost.txt").read_text().split())
        digest = json.loads((folder / _DIGEST).read_text())
        if _digest(folder, digest["of"]) != digest["is"]:
            raise FwpError("two runs of the Brian2 program gave different results")
    finally:
        shutil.rmtree(results, ignore_errors=True)
    with np.load(folder / _RIGHT) as kept:
        return Measured(cpu, setup, grown, kept["weights"], kept["spikes"])


def _digest(folder: Path, names: list[str]) -> str:
    """Return a hash of the state of synapses and cells that a run has left."""
    found = hashlib.blake2b()
    for name in names:
        found.update(np.memmap(folder / _RESULTS / name, mode="r"))
    return found.hexdigest()
