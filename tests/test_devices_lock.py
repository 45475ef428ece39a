"""Brian2 in threads and child processes, and what a script that ends with an error
prints."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import brian2 as b2
import numpy as np
import pytest
from device_cases import program

import fwp_neuro as fwp
from fwp_neuro import devices, toolchain
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.devices.lock import brian2_lock

SIZE = devices.Size(100, 4, 10)


def circuit(number):
    """A circuit whose result names it; it has a time step and a seed of its own."""

    def build():
        cells = b2.NeuronGroup(2, "dv/dt = -v/tau : 1\nx : 1", method="exact",
                               name="cells",
                               namespace={"tau": (number + 1) * b2.ms})  # fmt: skip
        cells.v, cells.x = 1, "rand()"
        return devices.Built(
            b2.Network(cells),
            lambda: {"v": np.array(cells.v), "x": np.array(cells.x)},
            5 * b2.ms,
        )

    return build


def simulated(number):
    dt = (0.1, 0.25, 0.5)[number % 3] * b2.ms
    return devices.simulate(circuit(number), SIZE, device="numpy", dt=dt, seed=number)[0]


def connected(number):
    cells = b2.NeuronGroup(3, "dv/dt = -v/(5*ms) : 1", threshold="v > 1", method="exact")
    made = connecting.connect(
        fwp.synapses.get("pair_stdp"), cells, cells, name=f"mine_{number}"
    )
    return {"w": np.array(made.values("w"))}


def ran(number):
    options = {"cells": 2, "seed": number} if number % 2 else {}
    found = fwp.run(
        program(), "delta", ("rate", "spiking")[number % 2], device="numpy", **options
    )
    return {"readout": found["readout"].values, "weights": found["weights"].values}


@pytest.mark.parametrize(
    "work, target",
    [(simulated, "auto"), (connected, "numpy"), (ran, "auto"),
     # it takes seconds to compile what connects
     pytest.param(connected, "auto", marks=pytest.mark.slow)],
)  # fmt: skip
def test_threads_give_what_one_after_the_other_gives(work, target, monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", target)
    before = float(b2.defaultclock.dt), b2.prefs.codegen.target, type(b2.get_device())
    wanted = [work(number) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))
    for one, other in zip(wanted, found, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert (
        float(b2.defaultclock.dt),
        b2.prefs.codegen.target,
        type(b2.get_device()),
    ) == before


@pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
def test_threads_run_one_compiled_program():
    def course(tau):
        return compiled.run({"tau": tau * b2.ms}, seed=tau)

    with devices.compiled(circuit(0), dt=0.1 * b2.ms) as compiled:
        wanted = [course(tau) for tau in range(1, 7)]
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(course, range(1, 7)))
    assert len({float(one["v"][0]) for one in wanted}) == 6
    for one, other in zip(wanted, found, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_lock_nests_and_waits():
    order = []

    def other():
        with brian2_lock():
            order.append("other")

    with brian2_lock(), brian2_lock():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent():
    wanted, held, go = simulated(1), threading.Event(), threading.Event()

    def hold():
        with brian2_lock():
            held.set()
            go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        right = np.array_equal(simulated(1)["v"], wanted["v"])
        os._exit(0 if right else 1)
    hangs = threading.Timer(120, os.kill, (child, 9))
    hangs.start()
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        hangs.cancel()
        go.set()
        thread.join()


def script(text, tmp_path, *arguments):
    file = tmp_path / "script.py"
    file.write_text(text)
    return subprocess.run(
        [sys.executable, str(file), *arguments], capture_output=True, text=True,
        check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip


FRESH = """
import sys, threading, signal
import fwp_neuro as fwp
program = fwp.tasks.associative_recall(tokens=2, dim=2, beta=0.5)
found = []
def run():
    found.append(fwp.run(program, "delta", "rate", device="numpy")["readout"].values.tolist())
threads = [threading.Thread(target=run) for _ in range(2)]
before = signal.signal, signal.getsignal(signal.SIGINT)
assert "brian2" not in sys.modules
for each in threads: each.start()
for each in threads: each.join()
run()
assert (signal.signal, signal.getsignal(signal.SIGINT)) == before
assert len(found) == 3 and found[0] == found[1] == found[2]
"""  # noqa: E501


def test_the_first_run_of_a_process_may_be_in_a_thread(tmp_path):
    """Brian2 cannot be imported there as it is: it takes over Ctrl+C."""
    done = script(FRESH, tmp_path)
    assert done.returncode == 0, done.stderr


ENDS = """
import sys
if sys.argv[1] != "later":
    import brian2
import fwp_neuro as fwp
if sys.argv[1] == "later":
    import brian2
    brian2.NeuronGroup(1, "x : 1")
program = fwp.tasks.associative_recall(tokens=2, dim=2, beta=0.5)
if sys.argv[1] == "other":
    raise KeyError("not ours")
fwp.run(program, "delta", "rate", dynamics="slow")
"""


@pytest.mark.parametrize("order", ["first", "later", "other"])
def test_an_error_of_ours_is_not_called_one_of_brian2(tmp_path, order):
    done = script(ENDS, tmp_path, order)
    last = done.stderr.strip().splitlines()[-1]
    kept = [item.name for item in tmp_path.iterdir() if item.name.startswith("brian_")]
    assert done.returncode == 1
    if order == "other":
        assert "Brian 2 encountered an unexpected error" in done.stderr and kept
        return
    assert last.startswith("fwp_neuro.errors.FwpError: ") and "slow" in last
    assert "Brian 2" not in done.stderr and "bug" not in done.stderr and not kept
