"""Sweeps on a real Dask scheduler with two worker processes on this machine."""

import functools
import importlib
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import sweep_draws
import sweep_points
import test_sweep
from test_sweep_processes import PATIENCE, in_thread, saved, until

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.cli import main
from fwp_neuro.errors import FwpWarning
from fwp_neuro.sweep import preload

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory):
    """A client of a scheduler with two workers of one thread and one GPU tag each."""
    import dask

    settings = {
        "distributed.comm.timeouts.connect": f"{PATIENCE:g}s",
        "temporary-directory": str(tmp_path_factory.mktemp("dask")),
    }
    with dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1", resources={"GPU": 1},
        )  # fmt: skip
        with (
            cluster,
            distributed.Client(cluster, timeout=PATIENCE, set_as_default=False) as client,
        ):
            yield client


@pytest.fixture
def client(shared_client):
    """The client, with both workers: a killed one may still be starting again."""
    shared_client.wait_for_workers(2, timeout=PATIENCE)
    return shared_client


@pytest.fixture
def traces(tmp_path, monkeypatch):
    # of this process; the workers find the file by its path
    monkeypatch.syspath_prepend(tmp_path)
    return sweep_points.Traces(tmp_path)


@pytest.fixture
def point(traces):
    return importlib.import_module(traces.module).point


def test_a_killed_worker_loses_nothing_that_was_saved(client, traces, point, tmp_path):
    traces.switch("hold", 0)
    grid = {"a": range(8)}
    result = in_thread(lambda: fwp.sweep(point, grid, tmp_path / "out", client))
    until(lambda: saved(tmp_path) == 7)
    victim = traces.process(0)
    workers = client.run(os.getpid)
    assert victim in workers.values() and len(workers) == 2
    os.kill(victim, signal.SIGKILL)
    until(lambda: traces.process(0) != victim)
    traces.switch("hold", 0, on=False)
    found = result()
    assert found.result.values.tolist() == [10 * a for a in range(8)]
    assert (found.error == "").all()
    assert traces.calls() == {(0, 0): 2, **{(a, 0): 1 for a in range(1, 8)}}


def test_equal_calls_are_not_taken_for_one(client, traces, point, tmp_path):
    traces.switch("fail", 1)
    executor = client.get_executor(pure=True)
    with pytest.warns(FwpWarning, match="ValueError: no 1 today"):
        fwp.sweep(point, {"a": range(2)}, tmp_path / "out", executor)
    traces.switch("fail", 1, on=False)
    found = fwp.sweep(point, {"a": range(2)}, tmp_path / "out", executor)
    assert found.result.values.tolist() == [0, 10]
    assert traces.calls() == {(0, 0): 1, (1, 0): 2}


def test_points_that_draw_get_the_numbers_that_they_get_here(
    client, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    draw, grid = sweep_draws.write(tmp_path), {"a": range(6)}
    found = fwp.sweep(draw, grid, tmp_path / "out", client)
    here = fwp.sweep(draw, grid, tmp_path / "here", test_sweep.Here())
    for name in ("numpy", "python", "again", "point_seed"):
        assert found[name].equals(here[name]), name
        assert len(set(found[name].values.ravel())) == found[name].size


def test_a_model_runs_on_a_scheduler_by_its_address(client, home, capsys, monkeypatch):
    client.run(os.chdir, "/")
    address = client.scheduler.address
    command = ["sweep", "toy", "--set", "size=2,3", "--set", "gain=1,2", "--out", "out"]
    assert main([*command, "--scheduler", address, "--resources", "GPU=1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "4 points: 4 computed, 0 kept from before, 0 failed",
        "wrote out/sweep.nc (size 2, gain 2, token 3)",
    ]
    found = fwp.load(home / "out/sweep.nc").dataset
    assert found.value.sel(size=3, gain=2).values.tolist() == [0, 2, 4]
    # all is kept: nothing is asked of workers that nobody has
    assert main([*command, "--scheduler", address, "--resources", "GPU=2"]) == 0
    said = capsys.readouterr().err
    assert "warning: none of 2 workers has the resources GPU=2" in said


def test_workers_are_set_up_by_the_preload(client):
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MPLBACKEND", "CYTHON_CACHE_DIR")
    for found in client.run(
        lambda: {name: os.environ.get(name) for name in names}
    ).values():
        assert found["OMP_NUM_THREADS"] == found["NUMBA_NUM_THREADS"] == "1"
        assert found["MPLBACKEND"] == "Agg"
        assert found["CYTHON_CACHE_DIR"] in (
            preload.local_cache(),
            os.environ.get(names[3]),
        )


def test_the_cache_of_a_machine_is_private(tmp_path, monkeypatch):
    monkeypatch.setattr(preload.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = Path(preload.local_cache())
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # whoever may write there could put code of theirs
    assert preload.local_cache() is None


def test_no_scheduler_is_one_sentence(home, capsys, monkeypatch):
    from fwp_neuro.sweep import cluster

    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    command = [
        "sweep",
        "toy",
        "--set",
        "size=2",
        "--out",
        "out",
        "--scheduler",
        "tcp://127.0.0.1:9",
    ]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1
        and "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in said
    )


def recipes():
    """The blocks of Python in the page on clusters."""
    page = Path(fwp.__file__).parent / "data/clusters.md"
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_recipe_for_slurm_writes_the_script_that_it_says(tmp_path, monkeypatch):
    jobs = pytest.importorskip("dask_jobqueue")
    slurm = [block for block in recipes() if "SLURMCluster" in block]
    assert len(slurm) == 2  # CPUs and GPUs
    scripts = []
    monkeypatch.chdir(tmp_path)
    for block in slurm:
        settings = block[block.index("cluster = ") : block.index("cluster.adapt")]
        anywhere = {"dashboard_address": ":0"}  # the usual port may be taken
        names = {
            "SLURMCluster": functools.partial(
                jobs.SLURMCluster, scheduler_options=anywhere
            )
        }
        exec(settings, names)
        with names["cluster"] as cluster:
            scripts.append(cluster.job_script())
    for script in scripts:
        assert "#SBATCH --cpus-per-task=1" in script and "--nthreads 1" in script
        assert "--preload fwp_neuro.sweep.preload" in script
        assert "export OMP_NUM_THREADS=1" in script
    assert "#SBATCH --gres=gpu:1" in scripts[1] and "--resources GPU=1" in scripts[1]


def test_every_recipe_is_python_that_names_what_there_is():
    for block in recipes():
        compile(block, "clusters.md", "exec")
        for name in re.findall(r"fwp\.(\w+)", block):
            assert hasattr(fwp, name), name


CIRCUIT = '''
"""A rate circuit of the package."""

import fwp_neuro as fwp


def point(beta, device="numpy"):
    program = fwp.tasks.digit_memory(dim=8, beta=beta)
    return fwp.run(program, "delta", "rate", device=device)
'''


@pytest.mark.slow
def test_a_circuit_on_dask_is_what_it_is_here(client, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rate_circuit.py").write_text(CIRCUIT)
    beta = [0.2, 0.5, 0.8]
    found = fwp.sweep("rate_circuit:point", {"beta": beta}, tmp_path / "out", client)
    assert (found.error == "").all() and found.readout.dims == ("beta", "token", "post")
    here = importlib.import_module("rate_circuit").point(0.5)
    assert np.array_equal(found.weights.sel(beta=0.5), here["weights"])


@pytest.mark.slow
def test_two_workers_compile_a_circuit_once(client, tmp_path, monkeypatch):
    if toolchain.find() is None:
        pytest.skip("no C++ compiler")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rate_circuit.py").write_text(CIRCUIT)
    cache = tmp_path / "cache"
    client.run(lambda: os.environ.update(FWP_NEURO_CACHE=str(cache)))
    grid = {"beta": [0.1, 0.3, 0.5, 0.7, 0.9, 0.95], "device": ["cpp_standalone"]}
    found = fwp.sweep("rate_circuit:point", grid, tmp_path / "out", client)
    assert (found.error == "").all()
    assert len(list(cache.glob("builds/*/main"))) == 1
    numpy = importlib.import_module("rate_circuit").point(0.3)
    difference = found.weights.sel(beta=0.3, device="cpp_standalone") - numpy["weights"]
    assert abs(difference).max() < 1e-12
