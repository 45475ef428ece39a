"""Whatever devices do, and however they fail: the state of the user's process is as it
was."""

import gc
import logging
import os
import random
import signal
import sys
import tempfile
import warnings

import brian2 as b2
import numpy as np
import pytest
from brian2.utils.logger import std_silent

import fwp_neuro as fwp
from fwp_neuro import devices, toolchain
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.devices import brian2_state as devices_state
from fwp_neuro.devices.lock import brian2_lock

SIZE = devices.Size(100, 4, 10)
DEVICE = sys.modules["brian2.devices.device"]
CPP = "cpp_standalone" if toolchain.find() else "numpy"


def state(temporary):
    """Return what a user may have set."""
    gc.collect()  # Brian2's objects, whose names count, refer to each other
    loggers = [
        logging.getLogger(name) for name in ("", "brian2", "py.warnings", "fwp_neuro")
    ]
    generator = np.random.get_state()
    return {
        "device": (
            b2.get_device(),
            len(DEVICE.previous_devices),
            float(b2.defaultclock.dt),
        ),
        "preferences": {name: b2.prefs[name] for name in b2.prefs if "cuda" not in name},
        "seeds": (generator[1].tolist(), generator[2], random.getstate()),
        "errors of numpy": np.geterr(),
        "warnings": list(warnings.filters),
        "loggers": [
            (each.level, list(each.handlers), list(each.filters)) for each in loggers
        ],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "signals": (signal.signal, signal.getsignal(signal.SIGINT)),
        "open files": len(os.listdir("/proc/self/fd"))
        if os.path.isdir("/proc/self/fd")
        else 0,
        "temporary files": sorted(os.listdir(temporary)),
        "names": b2.NeuronGroup(1, "x : 1").name,
    }


def circuit(fail=""):
    def build():
        start = float("nan") if fail == "results" else 1
        cells = b2.NeuronGroup(2, "dv/dt = -v/(5*ms) : 1", threshold="v > 2",
                               reset="v = 0", method="exact", name="cells")  # fmt: skip
        cells.v = start
        np.random.random(3)
        if fail == "build":
            raise ZeroDivisionError
        others = b2.NeuronGroup(1, "x : 1") if fail == "guard" else None
        network = b2.Network(cells)
        duration = (1e9 if fail == "cost" else 0.002) * b2.second

        def collect():
            if fail == "collect":
                raise ZeroDivisionError
            return {"v": np.array(cells.v)}

        return devices.Built(network, collect, duration, keep=(others,))

    return build


def compiled(fail=""):
    with devices.compiled(
        circuit(fail if fail != "number" else ""), dt=0.1 * b2.ms
    ) as program:
        program.run({"cells.v": [1, 2, 3] if fail == "number" else 0.5}, seed=3)


def connected(fail=""):
    cells = b2.NeuronGroup(2, "dv/dt = -v/(5*ms) : 1", threshold="v > 2", method="exact")
    connecting.connect(fwp.synapses.get("pair_stdp"), cells, 3 if fail else cells)


def ran(fail=""):
    program = fwp.tasks.associative_recall(tokens=2, dim=2, beta=0.5)
    fwp.run(
        program, "delta", "rate", device="numpy", **({"dynamics": "slow"} if fail else {})
    )


def simulated(fail, device):
    devices.simulate(circuit(fail), SIZE, device=device, dt=0.1 * b2.ms, seed=1)


def generated(fail, folder):
    devices.generate(circuit(fail), device="cpp_standalone", dt=0.1 * b2.ms, seed=1,
                     directory=folder / f"project_{fail}")  # fmt: skip


FAILURES = ("", "build", "guard", "cost", "results", "collect")
WORK = {
    **{f"numpy {fail}": lambda _, f=fail: simulated(f, "numpy") for fail in FAILURES},
    **{f"standalone {fail}": lambda _, f=fail: simulated(f, CPP) for fail in FAILURES},
    **{
        f"generated {fail}": lambda folder, f=fail: generated(f, folder)
        for fail in FAILURES[:4]
    },
    **{
        f"compiled {fail}": lambda _, f=fail: compiled(f)
        for fail in ("", "number", "cost")
    },
    **{f"connected {fail}": lambda _, f=fail: connected(f) for fail in ("", "wrongly")},
    **{f"ran {fail}": lambda _, f=fail: ran(f) for fail in ("", "wrongly")},
}


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Do what happens once: libraries add filters of warnings, Brian2 opens files of its
    own."""
    ran()
    with std_silent():
        pass


@pytest.mark.parametrize("what", WORK)
def test_nothing_of_the_user_changes(what, tmp_path, monkeypatch):
    if what.startswith("compiled") and toolchain.find() is None:
        pytest.skip("no C++ compiler")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    kept = float(b2.defaultclock.dt), b2.prefs.codegen.target
    np.random.seed(4)
    b2.defaultclock.dt, b2.prefs.codegen.target = 0.3 * b2.ms, "numpy"
    try:
        before = state(temporary)
        np.random.seed(4)
        expected = np.random.random()
        np.random.seed(4)
        try:
            WORK[what](tmp_path)
            failed = False
        except (fwp.FwpError, ZeroDivisionError):
            failed = True
        assert np.random.random() == expected
        np.random.seed(4)
        after = state(temporary)
        assert failed == bool(what.split()[1:]) or "generated collect" in what
        assert {name: after[name] for name in before if before[name] != after[name]} == {}
        with brian2_lock():  # nobody holds it
            pass
    finally:
        b2.defaultclock.dt, b2.prefs.codegen.target = kept[0] * b2.second, kept[1]


def test_results_are_read_with_the_time_step_of_the_device():
    device = type(b2.all_devices["cpp_standalone"])()
    kept = b2.defaultclock.dt
    with devices_state._active(device, 0.5 * b2.ms, 0, {}, build_on_run=False):
        pass
    with devices_state.reading(device):
        assert abs(float(b2.defaultclock.dt) - 0.5e-3) < 1e-12
    assert b2.defaultclock.dt == kept != 0.5 * b2.ms
