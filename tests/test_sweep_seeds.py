"""Random numbers of sweeps: independent points, the same numbers wherever a point is
computed."""

import importlib
import multiprocessing
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import sweep_draws
from test_sweep import Here

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.errors import FwpError
from fwp_neuro.sweep.seeds import point_seed, seeded


@pytest.fixture
def draw(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("points_that_draw", None)
    yield sweep_draws.write(tmp_path)
    sys.modules.pop("points_that_draw", None)


GRID = {"a": range(8), "with_torch": [True], "with_brian2": [True]}
# imports take seconds
FEW = {"a": range(8), "with_torch": [False], "with_brian2": [False]}


def same(first, second):
    names = [name for name in (*sweep_draws.GENERATORS, "point_seed") if name in first]
    return len(names) >= 4 and all(first[name].equals(second[name]) for name in names)


@pytest.mark.parametrize(
    "in_processes", [FEW, pytest.param(GRID, marks=pytest.mark.slow)]
)
def test_any_number_of_processes_draws_the_same(draw, tmp_path, in_processes):
    found = fwp.sweep(draw, in_processes, tmp_path / "here", Here())
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for folder, options in (("three", {"workers": 3}), ("pool", {"executor": pool})):
            other = fwp.sweep(draw, in_processes, tmp_path / folder, **options)
            assert same(found, other), folder


def test_points_that_draw_are_independent_and_the_same_everywhere(draw, tmp_path):
    import brian2  # noqa: F401  (its generator of runtime targets is one of those)
    import torch

    grid = GRID
    found = fwp.sweep(draw, grid, tmp_path / "one", workers=1)
    assert (found.error == "").all()
    for name in sweep_draws.GENERATORS:
        numbers = found[name].values.ravel()
        assert len(set(numbers)) == numbers.size and np.isfinite(numbers).all(), name
    # also between generators: equal seeds would give some of them the same numbers
    every = np.concatenate(
        [found[name].values.ravel() for name in sweep_draws.GENERATORS]
    )
    assert len(set(every)) == every.size

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    backwards = {**grid, "a": range(7, -1, -1)}
    with ThreadPoolExecutor(4) as threads:
        for folder, executor in (("threads", threads), ("here", Here())):
            other = fwp.sweep(draw, backwards, tmp_path / folder, executor)
            assert same(found, other.isel(a=slice(None, None, -1))), folder
    assert random.getstate() == before[0]
    assert all(
        np.array_equal(a, b)
        for a, b in zip(np.random.get_state(), before[1], strict=True)
    )
    assert torch.equal(torch.get_rng_state(), before[2])
    # a wider grid, resumed, and points one by one
    few = fwp.sweep(draw, {**grid, "a": [3]}, tmp_path / "few", Here())
    assert same(few, found.sel(a=[3]))
    wider = fwp.sweep(draw, {**grid, "a": [2, 3, 9]}, tmp_path / "few", Here())
    assert same(wider.sel(a=[2, 3]), found.sel(a=[2, 3]))
    assert fwp.load(tmp_path / "few/sweep.nc").dataset.point_seed.equals(wider.point_seed)
    module = importlib.import_module("points_that_draw")
    with fwp.sweep.seeded(int(found.point_seed.sel(a=5).item())):
        by_hand = module.draw(5, with_brian2=True, with_torch=True)
    assert all(
        np.array_equal(by_hand[name], found[name].sel(a=5).squeeze()) for name in by_hand
    )


FRESH = """
import sys, numpy as np, random
from fwp_neuro.sweep.seeds import seeded
assert "torch" not in sys.modules and "brian2" not in sys.modules
for seed in (1, 1, 2):
    with seeded(seed):
        import importlib.util
        importlib.util.find_spec("torch")  # looking for it is not importing it
        import torch
        import brian2 as b2
        b2.prefs.codegen.target = "numpy"
        cells = b2.NeuronGroup(2, "x : 1")
        network = b2.Network(cells)
        cells.x = "rand()"
        print(float(torch.rand(1, dtype=torch.float64)), float(cells.x[0]), np.random.rand())
    assert not [f for f in sys.meta_path if f.__class__.__module__ == "fwp_neuro.sweep.seeds"]
    import inspect
    assert "def manual_seed" in inspect.getsource(torch.random)
    assert type(torch.__spec__.loader).__name__ == "SourceFileLoader"
    assert not vars(torch.__spec__.loader).get("exec_module")
"""  # noqa: E501


def test_what_a_point_imports_itself_is_seeded():
    answer = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    first, again, other = (line.split() for line in answer.stdout.splitlines())
    assert first == again and not set(first) & set(other)


def test_generators_come_back_also_after_an_error_and_with_another_bit_generator():
    np.random.seed(3)
    np.random.standard_normal()  # the second one of its pair waits
    expected = np.random.RandomState(3).standard_normal(4)[1:]
    with pytest.raises(ZeroDivisionError), seeded(0):
        np.random.seed(5)
        np.random.standard_normal(11)
        raise ZeroDivisionError
    assert np.array_equal(np.random.standard_normal(3), expected)
    usual = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(4))
        with seeded(0):
            first = np.random.random()
            np.random.set_bit_generator(usual)
        assert (
            np.random.random()
            == np.random.RandomState(np.random.PCG64(4)).random()
            != first
        )
        with seeded(0):
            assert np.random.random() == first
    finally:
        np.random.set_bit_generator(usual)


CYTHON = """
import brian2 as b2
from fwp_neuro.sweep.seeds import seeded

b2.prefs.codegen.target = "cython"

def draw():
    cells = b2.NeuronGroup(3, "x : 1\\ny : 1")
    cells.run_regularly("x = rand(); y = randn()")
    network = b2.Network(cells)
    network.run(2*b2.defaultclock.dt)
    return [*cells.x, *cells.y]

b2.seed(7)
alone = [draw(), draw()]
b2.seed(7)
between = [draw()]
points = []
for seed in (1, 2, 1, 1):
    with seeded(seed):
        points.append(draw())
between.append(draw())
assert between == alone, (between, alone)
assert points[0] == points[2] == points[3] and not set(points[0]) & set(points[1])
assert not set(points[0]) & {*alone[0], *alone[1]}
"""


@pytest.mark.slow
def test_what_compiled_code_keeps_in_advance_is_set_aside(tmp_path):
    if toolchain.find() is None:
        pytest.skip("no C++ compiler")
    (tmp_path / "script.py").write_text(CYTHON)
    command = [sys.executable, "script.py"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_the_seed_is_of_the_name_and_the_values():
    seeds = {point_seed("f", {"a": a, "b": b}) for a in range(100) for b in range(100)}
    assert len(seeds) == 10_000 and max(seeds) < 2**53
    assert point_seed("f", {"a": 1, "b": 2}) == point_seed(
        "f", {"b": 2, "a": np.int64(1)}
    )
    assert point_seed("f", {"a": 1}) != point_seed("g", {"a": 1})
    for wrong in (-1, 2**53, 1.5, None, True, "1", float("nan")):
        with pytest.raises(FwpError, match="seed"):
            with fwp.sweep.seeded(wrong):
                pass


def test_a_changed_function_draws_the_same(draw, tmp_path, edit):
    found = fwp.sweep(draw, {"a": [1, 2]}, tmp_path / "out", Here())
    edit(
        tmp_path / "points_that_draw.py",
        'found["again"]',
        "found['other'] = 1\n    found['again']",
    )
    del sys.modules["points_that_draw"]
    from fwp_neuro.sweep import function

    function._found.clear()
    again = fwp.sweep(draw, {"a": [1, 2]}, tmp_path / "out", Here())
    assert "other" in again and again.again.equals(found.again)
    assert again.point_seed.equals(found.point_seed)
