"""Sweeps without processes: grids, keys, results in one Dataset, what is kept,
mistakes."""

import functools
import importlib
import json
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
import sweep_points
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.cli import main
from fwp_neuro.commands.sweep import listed
from fwp_neuro.errors import FwpError, FwpWarning
from fwp_neuro.sweep import function as functions
from fwp_neuro.sweep.drive import ATTEMPTS, drive
from fwp_neuro.sweep.function import code_of, read_function
from fwp_neuro.sweep.gather import gather
from fwp_neuro.sweep.grid import read_grid
from fwp_neuro.sweep.parameter_text import key
from fwp_neuro.sweep.point_result import to_dataset
from fwp_neuro.sweep.store import Failure, PointStore


class Here(Executor):
    """An executor that calls at once, in this process."""

    def submit(self, function, /, *arguments, **options):
        future = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as problem:
            future.set_exception(problem)
        return future


@pytest.fixture
def traces(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return sweep_points.Traces(tmp_path)


@pytest.fixture
def point(traces):
    return importlib.import_module(traces.module).point


def sweep(function, grid, out, **options):
    return fwp.sweep(function, grid, out=out, executor=Here(), **options)


def test_a_product_is_computed_once_and_labelled(traces, point, tmp_path):
    grid = {"a": range(3), "b": np.array([5, 7])}
    found = sweep(point, grid, tmp_path / "out")
    assert found.result.dims == ("a", "b") and found.result.dtype.kind == "i"
    assert np.array_equal(found.result, 10 * np.arange(3)[:, None] + [5, 7])
    assert found.a.values.tolist() == [0, 1, 2] and found.b.values.tolist() == [5, 7]
    assert (found.error == "").all() and (found.seconds >= 0).all()
    origin = json.loads(found.attrs["provenance"])
    assert origin["function"] == "point" and origin["points"] == 6
    assert origin["grid"] == {"a": [0, 1, 2], "b": [5, 7]} and origin["versions"]["numpy"]
    assert set(traces.calls().values()) == {1}
    assert fwp.load(tmp_path / "out/sweep.nc").dataset.equals(found)
    again = sweep(point, {"a": range(4), "b": [5, 7]}, tmp_path / "out")
    assert again.isel(a=slice(3)).result.equals(found.result.astype(again.result.dtype))
    assert len(traces.calls()) == 8 and set(traces.calls().values()) == {1}


def test_chosen_points(traces, point, tmp_path):
    found = sweep(point, [{"a": 2, "b": 1}, {"a": 0, "b": 3}], tmp_path / "out")
    assert found.result.dims == ("point",) and found.result.values.tolist() == [21, 3]
    assert found.a.dims == ("point",) and found.a.values.tolist() == [2, 0]


def test_a_failed_point_stops_nothing_and_is_computed_again(traces, point, tmp_path):
    traces.switch("fail", 1)
    with pytest.warns(
        FwpWarning, match=r"1 of 3 points .*'a': 1.*ValueError: no 1 today, sorry"
    ):
        found = sweep(point, {"a": range(3)}, tmp_path / "out")
    assert np.isnan(found.result[1]) and found.result[2] == 20
    assert found.error.values.tolist() == ["", "ValueError: no 1 today, sorry", ""]
    (record,) = (tmp_path / "out/points").glob("*.json")
    record = json.loads(record.read_text())
    assert record["type"] == "ValueError" and record["settings"] == {"a": 1}
    assert "raise ValueError" in record["traceback"]
    with pytest.warns(FwpWarning):
        kept = sweep(point, {"a": range(3)}, tmp_path / "out", retry=False)
    assert kept.error.equals(found.error) and traces.calls()[1, 0] == 1
    traces.switch("fail", 1, on=False)
    found = sweep(point, {"a": range(3)}, tmp_path / "out")
    assert found.result.values.tolist() == [0, 10, 20] and (found.error == "").all()
    assert traces.calls() == {(0, 0): 1, (1, 0): 2, (2, 0): 1}
    assert not list((tmp_path / "out/points").glob("*.json"))


def test_a_damaged_result_is_computed_again(traces, point, tmp_path):
    sweep(point, {"a": range(2)}, tmp_path / "out")
    file = sorted((tmp_path / "out/points").glob("*.nc"))[0]
    file.write_bytes(file.read_bytes()[:50])
    with pytest.warns(FwpWarning, match="damaged: the point is computed again"):
        found = sweep(point, {"a": range(2)}, tmp_path / "out")
    assert found.result.values.tolist() == [0, 10] and sum(traces.calls().values()) == 3


def test_an_executor_that_loses_points_is_asked_a_bounded_number_of_times(
    point, tmp_path
):
    class Loses(Here):
        asked = 0

        def submit(self, function, job):
            self.asked += 1
            if job.settings["a"] == 1:
                future = Future()
                future.set_exception(OSError("the line is dead"))
                return future
            return super().submit(function, job)

    executor = Loses()
    with pytest.warns(
        FwpWarning, match="no worker finished it: OSError: the line is dead"
    ):
        found = fwp.sweep(point, {"a": range(3)}, tmp_path / "out", executor)
    assert executor.asked == 2 + ATTEMPTS and found.result[2] == 20

    class Breaks(Here):
        def submit(self, function, job):
            if job.settings["a"] == 4:
                raise RuntimeError("cannot schedule new futures after shutdown")
            return super().submit(function, job)

    with pytest.warns(
        FwpWarning, match="2 of 6 .* not computed: RuntimeError: cannot schedule"
    ):
        found = fwp.sweep(point, {"a": [0, 1, 2, 3, 4, 5]}, tmp_path / "out", Breaks())
    assert found.result[:4].values.tolist() == [0, 10, 20, 30]


def test_code_decides_what_is_computed_again(traces, point, tmp_path, edit):
    file = tmp_path / f"{traces.module}.py"
    place = read_function(point).place
    sweep(point, {"a": [1]}, tmp_path / "out")
    before = code_of(place)
    edit(file, "Points that leave traces", "Other words")
    edit(file, "import time", "import time  # a comment")
    assert code_of(place) == before
    sweep(point, {"a": [1]}, tmp_path / "out")
    edit(file, "FACTOR = 10", "FACTOR = 100")
    assert code_of(place) != before
    # this process has the old code in memory: its results would be kept under a wrong
    # name
    with pytest.raises(
        FwpError, match="has loaded is not the code .* that were restarted"
    ):
        sweep(point, {"a": [1, 2]}, tmp_path / "out")
    assert traces.calls() == {(1, 0): 1}


def test_the_key_tells_every_value_apart():
    import brian2 as b2

    values = [1, 1.0, True, "1", None, (1,), [1], 2, 1 * b2.ms, 1 * b2.mV, np.ones(1),
              np.ones(2),
              {"a": 1}, float("nan"), np.zeros(1), b"1"]  # fmt: skip
    assert len({key("code", {"x": value}) for value in values}) == len(values)
    assert key("code", {"x": np.float64(2)}) == key("code", {"x": 2.0})
    assert key("code", {"x": 1000 * b2.usecond}) == key("code", {"x": 1 * b2.ms})
    assert key("code", {"x": 1, "y": 2}) == key("code", {"y": 2, "x": 1})
    assert key("code", {"x": 1}) != key("edoc", {"x": 1})
    with pytest.raises(FwpError, match="is a Executor; legal are numbers"):
        key("code", {"x": Executor()})


def test_results_of_every_kind():
    import brian2 as b2

    assert to_dataset(3).result.item() == 3
    assert to_dataset(np.zeros((2, 3))).result.dims == ("dim_0", "dim_1")
    voltages = to_dataset([1, 2] * b2.mV).result
    assert voltages.attrs["units"] == "V" and voltages.values.tolist() == [0.001, 0.002]
    named = to_dataset({"rate": 2.5, "course": [1, 2], "who": "me"})
    assert named.course.dims == ("course_0",) and named.who.item() == "me"
    array = xr.DataArray([1.0], dims="time", name="v")
    assert to_dataset(array).v.dims == ("time",)
    recording = fwp.run(fwp.tasks.digit_memory(), "delta")
    assert to_dataset(recording) is recording.dataset
    for wrong in (None, object(), [[1], [1, 2]], {}, {"x": None}, 1j):
        with pytest.raises(FwpError, match="the function returned"):
            to_dataset(wrong)


def test_results_of_different_lengths_and_clashing_names_are_joined():
    grid = read_grid({"size": [2, 3, 4], "rule": ["delta"]})
    first = xr.Dataset(
        {"v": ("token", [1, 2]), "text": ((), "yes"), "size": ("s", [7, 8])}
    )
    first = first.assign_coords(time=("time", [0.1, 0.3]), s=("s", ["a", "b"]))
    first["course"] = ("time", [10.0, 30.0])
    second = xr.Dataset({"v": ("token", [1, 2, 3]), "course": ("time", [20.0])})
    second = second.assign_coords(time=("time", [0.2]))
    found = gather(grid, {0: first, 1: second}, {2: Failure("E", "went wrong")}, {0: 0.5})
    assert found.v.dims == ("size", "rule", "token") and found.v.shape == (3, 1, 3)
    assert found.v[1, 0].values.tolist() == [1, 2, 3]
    assert np.array_equal(found.v[0, 0], [1, 2, np.nan], equal_nan=True)
    assert np.isnan(found.v[2]).all()
    assert found.time.values.tolist() == [0.1, 0.2, 0.3]
    assert np.array_equal(found.course[0, 0], [10, np.nan, 30], equal_nan=True)
    assert np.array_equal(found.course[1, 0], [np.nan, 20, np.nan], equal_nan=True)
    assert found.text.values.tolist() == [["yes"], [""], [""]]
    assert found.result_size.sel(s="b").values[0, 0] == 8
    assert found.error.values.tolist() == [[""], [""], ["went wrong"]]
    assert found.sel(size=2, rule="delta").seconds == 0.5
    other = xr.Dataset({"v": ("post", [1.0])})
    with pytest.warns(FwpWarning, match="'v' has the dims .* it is left out"):
        assert "v" not in gather(grid, {0: first, 1: other}, {}, {})


def test_quantities_and_other_values_label_the_grid(tmp_path):
    import brian2 as b2

    grid = read_grid(
        {"dt": [0.1, 1] * b2.ms, "where": [(1, 2), None], "on": [True, False]}
    )
    labels = gather(grid, {}, {}, {})
    assert np.allclose(labels.dt, [0.0001, 0.001]) and labels.dt.attrs["units"] == "s"
    assert (
        labels["where"].values.tolist() == ["(1, 2)", "None"] and labels.on.dtype == bool
    )
    assert labels.error.shape == (2, 2, 2)
    assert grid.points[0]["dt"] == 0.1 * b2.ms
    labels = gather(read_grid({"seed": [1, 2**64], "few": [1, 2**53]}), {}, {}, {})
    # no number of a file holds it
    assert labels.seed.values.tolist() == ["1", str(2**64)]
    assert labels.few.values.tolist() == [1, 2**53]


def nested():
    def inner(a):
        return a

    return inner


class Thing:
    def method(self, a):
        return a


def takes_all(a, *, b=1, **others):
    return a


def by_place(a, /):
    return a


@pytest.mark.parametrize(
    ("function", "grid", "sentence"),
    [
        (takes_all, {}, "grid is empty"),
        (takes_all, [], "grid is empty"),
        (takes_all, 3, "grid must be a dict of names"),
        (
            takes_all,
            {"a": 1},
            r"grid\['a'\] must be a list of values, got 1; write \[1\]",
        ),
        (takes_all, {"a": "delta"}, r"write \['delta'\]"),
        (takes_all, {"a": []}, "has no values"),
        (takes_all, {"a": [1, 2, 1]}, "same value twice: number 0 and number 2 are 1"),
        (takes_all, {"a": range(2000), "b": range(2000)}, "has 4000000 points"),
        (takes_all, {"a b": [1]}, "got 'a b'"),
        (takes_all, {"a": [1], "error": [1]}, "uses the name 'error' itself"),
        (
            takes_all,
            {"a": [object()]},
            r"grid\['a'\]\[0\] is a object; legal are numbers",
        ),
        (takes_all, {"b": [1]}, "takes_all needs a, which grid does not set"),
        (takes_all, [{"a": 1}, {"b": 1}], r"grid\[1\] sets b, but grid\[0\] sets a"),
        (takes_all, [{"a": 1}, {"a": 1}], "same point twice"),
        (takes_all, [1], r"grid\[0\] must be a dict"),
        (functools.partial(takes_all, b=2), {"a": [1], "b": [1]}, "has 'b' set already"),
        (functools.partial(takes_all, 1), {"b": [1]}, "takes its arguments by name only"),
        (by_place, {"a": [1]}, "takes 'a' by place only"),
        (
            nested(),
            {"a": [1]},
            "'nested.<locals>.inner': it is defined inside another function",
        ),
        (lambda a: a, {"a": [1]}, "it is a lambda"),
        (Thing.method, {"a": [1]}, "it is a method"),
        (len, {"a": [1]}, "function must be a function or 'module:name'"),
        ("numpy", {"a": [1]}, "such as 'my_model:simulate', and got 'numpy'"),
        ("no_such_thing:f", {"a": [1]}, "No module named 'no_such_thing'"),
        ("sweep_points:Trace", {"a": [1]}, "unknown function of sweep_points: 'Trace'"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, function, grid, sentence):
    with pytest.raises(FwpError, match=sentence):
        sweep(function, grid, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_the_function_does_not_take(point, tmp_path):
    with pytest.raises(
        FwpError, match="unknown parameter of point 'bb'; did you mean 'b'"
    ):
        sweep(point, {"a": [1], "bb": [1]}, tmp_path / "out")


def test_folders_and_executors_that_cannot_be(point, tmp_path):
    (tmp_path / "file").touch()
    for out, sentence in (
        (tmp_path / "file", "not a folder"),
        (3, "out must name a folder"),
    ):
        with pytest.raises(FwpError, match=sentence):
            sweep(point, {"a": [1]}, out)
    with pytest.raises(
        FwpError, match="executor must be a .*Executor, a Dask client or None"
    ):
        fwp.sweep(point, {"a": [1]}, tmp_path / "out", executor=3)
    with pytest.raises(FwpError, match="workers is for local processes"):
        fwp.sweep(point, {"a": [1]}, tmp_path / "out", Here(), workers=2)
    with pytest.raises(FwpError, match="workers is 0"):
        fwp.sweep(point, {"a": [1]}, tmp_path / "out", workers=0)
    assert not (tmp_path / "out").exists()


def test_a_worker_without_the_folder_sends_the_file(traces, point, tmp_path, monkeypatch):
    monkeypatch.setattr(PointStore, "is_here", lambda store: False)
    traces.switch("fail", 1)
    with pytest.warns(FwpWarning):
        found = sweep(point, {"a": range(3)}, tmp_path / "out")
    assert found.result[2] == 20 and found.error[1] == "ValueError: no 1 today, sorry"
    monkeypatch.undo()
    traces.switch("fail", 1, on=False)
    found = sweep(f"{traces.module}:point", {"a": range(3)}, tmp_path / "out")
    assert (
        found.result.values.tolist() == [0, 10, 20] and sum(traces.calls().values()) == 4
    )


def test_a_partial_function_and_its_values_count(traces, point, tmp_path):
    found = sweep(functools.partial(point, b=3), {"a": [1, 2]}, tmp_path / "out")
    assert found.result.values.tolist() == [13, 23]
    assert json.loads(found.attrs["provenance"])["fixed"] == {"b": 3}
    sweep(functools.partial(point, b=4), {"a": [1, 2]}, tmp_path / "out")
    assert sum(traces.calls().values()) == 4


def test_a_model_is_swept_over_its_parameters(home, edit):
    function = functions.model_function("toy")
    swept = drive(function, {"gain": [1.0, 2.0], "size": [2, 3]}, home / "out", Here())
    assert swept.dataset.value.sel(gain=2, size=3).values.tolist() == [0, 2, 4]
    edit(home / "models/toy.py", 'f"sum', 'f"Sum')  # only the report
    assert functions.model_function("toy").code == function.code
    edit(home / "models/toy.py", "np.arange", "2 * np.arange")
    assert functions.model_function("toy").code != function.code


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("toy", "required: --out"),
        ("toy --out o", "needs --set NAME=V1,V2 at least once"),
        ("toys --set size=1 --out o", "did you mean 'toy'"),
        ("toy --set siz=3 --out o", "did you mean 'size'?"),
        ("toy --set size=3,x --out o", "takes a whole number, and got 'x'"),
        ("toy --set size=3,,4 --out o", "empty value among '3,,4'"),
        ("toy --set size=3,3 --out o", "same value twice"),
        ("toy --set size=3 --set size=4 --out o", "gives size twice"),
        ("toy --set size=3 --out models/toy.py", "it is not a folder"),
        (
            "toy --set size=3 --out o --resources GPU=1",
            "for the workers of a --scheduler",
        ),
        ("toy --set size=3 --out o --scheduler here", "an address such as tcp://"),
        ("toy --set size=3 --out o --scheduler no.json", "no scheduler file 'no.json'"),
        (
            "toy --set size=3 --out o --scheduler tcp://h:1 --workers 2",
            "is for this machine",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(home, capsys, arguments, sentence):
    assert main(["sweep", *arguments.split()]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and sentence in printed.err
    assert not (home / "o").exists()


def test_values_are_split_outside_of_brackets():
    assert listed("1, 2,3") == ["1", "2", "3"]
    assert listed("(1,2),[3,4]") == ["(1,2)", "[3,4]"]
    assert listed("'a,b',c") == ["'a,b'", "c"]
    assert listed("50*ms,1 ms") == ["50*ms", "1 ms"]


def test_points_in_threads_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "counts_itself.py").write_text(
        "import time\n\nRUNNING = []\n\n\ndef point(a):\n    RUNNING.append(a)\n"
        "    time.sleep(0.02)\n    together = len(RUNNING)\n    RUNNING.remove(a)\n"
        "    return together\n"
    )
    with ThreadPoolExecutor(4) as threads:
        found = fwp.sweep(
            "counts_itself:point", {"a": range(8)}, tmp_path / "out", threads
        )
    assert found.result.values.tolist() == [1] * 8


def test_the_file_of_a_sweep_says_what_it_is_where_a_run_is_needed(
    traces, point, tmp_path
):
    sweep(point, {"a": [1, 2]}, tmp_path / "out")
    found = fwp.load(tmp_path / "out" / "sweep.nc")
    program = fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5)
    run = fwp.run(program, "delta")
    what = "the results of a sweep of .*point.* over a"
    for ask in (
        lambda: found.program,
        lambda: found.final_weights,
        lambda: found["readout"],
        lambda: fwp.compare(found, run),
        lambda: fwp.compare(run, found),
        lambda: fwp.run(program, "delta", initial_states_of=found),
    ):
        with pytest.raises(FwpError, match=what):
            ask()
    assert repr(found).startswith("Recording(the results of a sweep of ")
