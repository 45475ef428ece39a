"""Programs that Brian2 generates: compiled once for a case, run as often as is measured.

A program tells by itself what its simulation took: two lines stand around Brian2's own run, so that
neither making synapses nor writing results to disk is counted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from ...errors import FwpError
from .measured import Measured, spent
from .network import DT, Case, decayed, relaxed

_START = r"""auto fwp_bytes = [](const std::string& what) {
    std::ifstream file("/proc/self/status");
    std::string word; double value = 0;
    while (file >> word) if (word == what) file >> value;
    return 1024*value; };
const double fwp_base = fwp_bytes("VmRSS:"); const std::clock_t fwp_zero = std::clock();"""
_BEFORE = "const std::clock_t fwp_start = std::clock();"
_AFTER = r"""{ const std::clock_t fwp_end = std::clock(); std::ofstream file("cost.txt");
file << double(fwp_end - fwp_start)/CLOCKS_PER_SEC << " "
     << double(fwp_start - fwp_zero)/CLOCKS_PER_SEC << " " << fwp_bytes("VmHWM:") - fwp_base
     << std::endl; }"""


def prepare(case: Case, folder: Path, layout: str) -> dict[str, float]:
    """Write and compile the program; return the processor seconds that this took."""
    import brian2 as b2

    from ...devices import builds, state
    from ...devices.cpp import Device

    begun, device = spent(), Device()
    with state.standalone("cpp_standalone", folder, DT * b2.second, case.seed, device):
        device.header = builds.header(" ".join(b2.prefs["codegen.cpp.extra_compile_args_gcc"]))
        write(case, folder, layout, compile=False)
    shutil.copy2(builds.program(folder)[0], folder / "main")
    device.numbers.write(folder)
    return {"build": spent() - begun}


def write(case: Case, folder: Path, layout: str, compile: bool) -> None:
    """Let the active device write the project of a case, and compile it as Brian2 does."""
    import brian2 as b2

    from . import brian

    device = b2.device
    device.insert_code("before_start", _START)
    device.insert_code("before_network_run", _BEFORE)
    device.insert_code("after_network_run", _AFTER)
    network, where = brian.network(case, layout)
    network.run(case.duration * b2.second, namespace={})
    device.build(directory=str(folder), compile=compile, run=False)
    files = {name: device.get_array_filename(owner.variables[variable])
             for name, (owner, variable) in where.items()}  # fmt: skip
    (folder / "arrays.json").write_text(json.dumps(files))


def measure(case: Case, folder: Path, layout: str) -> Measured:
    """Run the program once; read what it took and gave."""
    results = folder / "measured"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    try:
        command = ["./main", "--results_dir", f"measured{os.sep}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise FwpError(f"the Brian2 program stopped: {(done.stdout + done.stderr)[-300:]}")
        cpu, setup, grown = map(float, (folder / "cost.txt").read_text().split())
        files = json.loads((folder / "arrays.json").read_text())
        arrays = {name: np.memmap(results / file, dtype=float, mode="r")
                  for name, file in files.items()}  # fmt: skip
        spikes = np.array(arrays["spikes"], dtype=int)
        return Measured(cpu, setup, grown, _weights(case, arrays), spikes)
    finally:
        shutil.rmtree(results, ignore_errors=True)


def _weights(case: Case, arrays) -> np.ndarray:
    """Return the weights at the last time step: they are stored as of each synapse's last event."""
    w = case.sampled(arrays["w"])
    if "lastupdate" in arrays:
        return relaxed(w, case.sampled(arrays["lastupdate"]), (case.steps - 1) * DT)
    left = [arrays[name] for name in ("left_pre", "left_post") if name in arrays]
    if not left:
        return w
    kept = np.array(left[0])[case.rows, None]
    if len(left) == 2:
        kept = np.maximum(kept, np.array(left[1]))
    return decayed(w, kept)
