"""Sweeps in processes of this machine: deaths, interruptions, and two sweeps in one
folder."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import sweep_points

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.errors import FwpError, FwpWarning

PATIENCE = 120.0  # seconds, for a busy machine

SCRIPT = """
import sys
import fwp_neuro as fwp
from {module} import point

if __name__ == "__main__":
    fwp.sweep(point, {{"a": range(6)}}, out="out", workers=2)
"""


@pytest.fixture
def traces(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return sweep_points.Traces(tmp_path)


@pytest.fixture
def point(traces):
    return importlib.import_module(traces.module).point


def until(condition):
    """Wait until ``condition()`` is true, and return what it gives."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def saved(folder):
    return len(list(folder.glob("out/points/*.nc")))


def in_thread(work):
    """Start ``work()``; return what waits for its result."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()

    def result():
        thread.join(PATIENCE)
        assert found, "no result"
        return found[0]

    return result


def test_a_killed_worker_costs_the_point_that_it_computed_only(traces, point, tmp_path):
    traces.switch("hold", 0)
    grid = {"a": range(6)}
    result = in_thread(lambda: fwp.sweep(point, grid, tmp_path / "out", workers=2))
    until(lambda: saved(tmp_path) == 5)  # all that the other worker can do
    victim = traces.process(0)
    os.kill(victim, signal.SIGKILL)
    until(lambda: traces.process(0) != victim)
    traces.switch("hold", 0, on=False)
    found = result()
    assert (
        found.result.values.tolist() == [0, 10, 20, 30, 40, 50]
        and (found.error == "").all()
    )
    assert traces.calls() == {(0, 0): 2, **{(a, 0): 1 for a in range(1, 6)}}
    assert not alive(traces.process(0))


def test_files_that_change_while_a_sweep_runs_are_not_computed_with(
    traces, point, tmp_path, edit
):
    traces.switch("hold", 0)
    traces.switch("die", 1)  # a worker comes late, and reads the file late

    def sweep():
        with pytest.raises(
            FwpError, match="a worker cannot run point: .* a file was changed"
        ):
            fwp.sweep(point, {"a": range(3)}, tmp_path / "out", workers=1)
        return True

    result = in_thread(sweep)
    until(lambda: traces.process(0))
    file = tmp_path / f"{traces.module}.py"
    edit(file, "import time", "import time  # a comment changes nothing")
    edit(file, "FACTOR = 10", "FACTOR = 100")
    traces.switch("hold", 0, on=False)
    assert result()
    assert saved(tmp_path) == 1 and traces.calls() == {(0, 0): 1, (1, 0): 1}


def test_a_point_that_kills_its_workers_is_given_up(traces, point, tmp_path):
    traces.switch("die", 1)
    with pytest.warns(FwpWarning, match=r"ended by SIGKILL \(out of memory\?\), 3 times"):
        found = fwp.sweep(point, {"a": range(3)}, tmp_path / "out", workers=2)
    assert np.array_equal(found.result, [0, np.nan, 20], equal_nan=True)
    assert traces.calls() == {(0, 0): 1, (1, 0): 3, (2, 0): 1}


def test_a_sweep_that_was_killed_goes_on_where_it_was(traces, point, tmp_path):
    traces.switch("hold", 2)
    (tmp_path / "script.py").write_text(SCRIPT.format(module=traces.module))
    sweep = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path)
    until(lambda: saved(tmp_path) == 5)
    worker = traces.process(2)
    sweep.kill()
    sweep.wait()
    until(lambda: not alive(worker))  # it does not outlive the sweep
    traces.switch("hold", 2, on=False)
    (tmp_path / "out/points/.0123.nc.abcd.tmp").touch()  # half a file harms nobody
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True)
    assert traces.calls() == {(2, 0): 2, **{(a, 0): 1 for a in (0, 1, 3, 4, 5)}}
    found = fwp.load(tmp_path / "out/sweep.nc").dataset
    assert found.result.values.tolist() == [0, 10, 20, 30, 40, 50]


STARTS = """
import subprocess
import tempfile
from pathlib import Path


def point(a):
    if a == 1:
        program = subprocess.Popen(["sleep", "1000"])
        Path("left").write_text(f"{program.pid} {tempfile.mkdtemp()}")
        program.wait()
    return 10 * a
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_a_point_starts_and_leaves_ends_with_the_sweep(tmp_path, ending):
    (tmp_path / "starts.py").write_text(STARTS)
    (tmp_path / "script.py").write_text(SCRIPT.format(module="starts"))
    sweep = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    left = tmp_path / "left"
    until(lambda: saved(tmp_path) == 5 and left.exists() and left.read_text())
    program, folder = left.read_text().split()
    assert alive(program) and os.path.isdir(folder) and folder.startswith(str(tmp_path))
    sweep.send_signal(ending)
    _, words = sweep.communicate(timeout=PATIENCE)
    until(lambda: not alive(program))
    until(lambda: not list(tmp_path.glob("fwp_neuro_worker_*")))
    if ending == signal.SIGINT:
        assert "5 of 6 points are kept" in words.splitlines()[-1]


def test_workers_that_cannot_start_are_one_sentence(traces, tmp_path):
    source = SCRIPT.format(module=traces.module).replace(
        "if __name__",
        "import os\nif __name__ != '__main__':\n    os._exit(3)\nif __name__",
    )
    (tmp_path / "script.py").write_text(source)
    command = [sys.executable, "script.py"]
    answer = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "6 of 6 points have no result" in answer.stderr
    assert "ended before it could take a point, 3 times" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert traces.calls() == {}


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(home, edit):
    slow = (
        "if parameters.seed == 3:\n        import time\n        time.sleep(1000)\n    "
        "values ="
    )
    edit(home / "models/toy.py", "values =", slow)
    # each in a process of its own, as a user's, which has loaded nothing else
    start = [sys.executable, "-m", "fwp_neuro", "sweep", "toy", "--out", "out", "--set"]
    command = [*start, "seed=0,3,1,2", "--workers", "2"]
    sweep = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until(lambda: saved(home) == 3)
    sweep.send_signal(signal.SIGINT)
    words = sweep.communicate(timeout=PATIENCE)[1]
    assert sweep.returncode == 2, words
    assert words.splitlines()[-1] == (
        "fwp-neuro: interrupted: 3 of 4 points are kept in out; the same sweep goes on "
        "from there"
    )
    assert "Traceback" not in words
    said = subprocess.run([*start, "seed=0,1,2"], capture_output=True, text=True)
    assert said.stdout.splitlines() == [
        "3 points: 0 computed, 3 kept from before, 0 failed",
        "wrote out/sweep.nc (seed 3, token 3)",
    ], said.stderr


def test_two_sweeps_in_one_folder_share_the_work(traces, point, tmp_path):
    for a in (0, 1):
        traces.switch("hold", a)
    grid = {"a": range(6)}
    results = [in_thread(lambda: fwp.sweep(point, grid, tmp_path / "out", workers=1))
               for _ in range(2)]  # fmt: skip
    until(lambda: len(traces.calls()) == 2)  # each has one
    for a in (0, 1):
        traces.switch("hold", a, on=False)
    first, second = (result() for result in results)
    assert first.result.equals(second.result)
    assert first.result.values.tolist() == [0, 10, 20, 30, 40, 50]
    assert traces.calls() == {(a, 0): 1 for a in range(6)}
    assert not list((tmp_path / "out/points").glob(".*"))


def test_a_broken_pool_of_the_users_ends_the_sweep_with_what_there_is(
    traces, point, tmp_path
):
    traces.switch("die", 1)
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        with pytest.warns(FwpWarning, match="2 of 3 .* not computed: BrokenProcessPool"):
            found = fwp.sweep(point, {"a": range(3)}, tmp_path / "out", pool)
    assert np.array_equal(found.result, [0, np.nan, np.nan], equal_nan=True)
    traces.switch("die", 1, on=False)
    found = fwp.sweep(point, {"a": range(3)}, tmp_path / "out", workers=1)
    assert found.result.values.tolist() == [0, 10, 20]
    assert traces.calls() == {(0, 0): 1, (1, 0): 2, (2, 0): 1}


def test_a_script_that_would_sweep_in_every_worker_is_told(traces, tmp_path):
    source = SCRIPT.format(module=traces.module).replace(
        'if __name__ == "__main__":', "if True:"
    )
    (tmp_path / "script.py").write_text(source)
    command = [sys.executable, "script.py"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 1 and not (tmp_path / "out").exists()
    assert "script.py sweeps when it is imported" in answer.stderr.splitlines()[-1]
    assert '`if __name__ == "__main__":`' in answer.stderr.splitlines()[-1]
    command, source = [sys.executable, "-"], SCRIPT.format(module=traces.module)
    answer = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, input=source
    )
    assert answer.returncode == 1 and not (tmp_path / "out").exists()
    assert "comes from standard input" in answer.stderr.splitlines()[-1]


def test_workers_use_one_thread_and_the_environment_of_the_sweep(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "threads_of_a_worker.py").write_text(
        "import os\nimport sys\nimport types\n\n"
        "torch = types.ModuleType('torch')  # the real one takes long\n"
        "if os.getpid() != int(os.environ['DRIVER']):\n"
        "    sys.modules['torch'] = torch\n"
        "torch.threads = 7\n"
        "torch.get_num_threads = lambda: torch.threads\n"
        "torch.set_num_threads = lambda threads: setattr(torch, 'threads', threads)\n\n\n"
        "def look(a):\n"
        "    names = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MPLBACKEND', 'WHERE')\n"
        "    said = {name: os.environ.get(name, '') for name in names}\n"
        "    return {**said, 'torch': torch.get_num_threads(), 'folder': os.getcwd()}\n"
    )
    monkeypatch.setenv("WHERE", "here")
    monkeypatch.setenv("DRIVER", str(os.getpid()))
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.chdir(tmp_path)
    found = fwp.sweep("threads_of_a_worker:look", {"a": [1]}, tmp_path / "out")
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert found.OMP_NUM_THREADS == "1" and found.OPENBLAS_NUM_THREADS == "1"
    assert found.MPLBACKEND == "Agg" and found.WHERE == "here" and found.torch == 1
    assert found.folder == str(tmp_path)


def test_a_function_that_workers_cannot_import_stops_the_sweep(
    traces, point, tmp_path, edit
):
    edit(
        tmp_path / f"{traces.module}.py", "import os", "import os\nimport no_such_module"
    )
    with pytest.raises(FwpError, match="a worker cannot run point: .*no_such_module"):
        fwp.sweep(point, {"a": range(3)}, tmp_path / "out", workers=1)
    assert traces.calls() == {}


COMPILED = '''
"""A circuit that each worker makes once, and runs with other numbers."""

import functools

import brian2 as b2

from fwp_neuro import devices


@functools.cache
def program():
    def build():
        cells = b2.NeuronGroup(
            1000, "dv/dt = (2 - v)/tau : 1", threshold="v > 1", reset="v = 0", method="euler",
            namespace={"tau": 10*b2.ms}, name="cells",
        )
        fired = b2.SpikeMonitor(cells)
        return devices.Built(b2.Network(cells, fired), lambda: {"n": int(fired.num_spikes)},
                             100*b2.ms)

    return devices.compiled(build, dt=0.1*b2.ms)


def point(tau, seed):
    made = "program" if program.cache_info().currsize else ""
    found = program().run({"tau": tau*b2.ms}, seed=seed)
    return {"spikes": found["n"], "compiled": program().compiled and not made}
'''  # noqa: E501


@pytest.mark.slow
def test_a_circuit_is_compiled_once_in_a_sweep(tmp_path, monkeypatch):
    if toolchain.find() is None:
        pytest.skip("no C++ compiler")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "compiled_circuit.py").write_text(COMPILED)
    grid = {"tau": np.linspace(5, 20, 50), "seed": [0, 1]}
    found = fwp.sweep("compiled_circuit:point", grid, tmp_path / "out", workers=2)
    assert (found.error == "").all() and int(found.compiled.sum()) == 1
    # tau dv/dt = 2 - v from 0 to 1 takes tau ln 2
    expected = 1000 * np.floor(100 / (found.tau * np.log(2)))
    assert (abs(found.spikes.isel(seed=0) - expected) <= 1000).all()
    seconds = np.sort(found.seconds.values.ravel())
    first, marginal = seconds[-1], np.median(seconds)
    print(f"first point {first:.2f} s, median of {len(seconds)} points {marginal:.4f} s")
    assert marginal <= first / 100
    # another sweep, in other processes, compiles nothing
    found = fwp.sweep(
        "compiled_circuit:point", {"tau": [7.0], "seed": [5]}, tmp_path / "out"
    )
    assert not found.compiled.any()


@pytest.mark.parametrize("said", ["", "All workers expired"])
def test_a_worker_that_ends_as_it_is_given_a_point_is_one_that_ended(said):
    from concurrent.futures.process import BrokenProcessPool

    from fwp_neuro.sweep import pool

    assert pool.death(BrokenProcessPool(said)) == "ended before it could take a point"
    assert pool.death(BrokenProcessPool("Unpicklable object from worker")) == ""
