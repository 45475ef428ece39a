"""What a result depends on: every file of code that was loaded for it, and no other."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_sweep import Here

import fwp_neuro
import fwp_neuro as fwp
from fwp_neuro import loaded_code
from fwp_neuro.errors import FwpError, FwpWarning
from fwp_neuro.figure_scripts import figure_scripts
from fwp_neuro.loaded_code import NOT_COUNTED, changed, record
from fwp_neuro.sweep import function as functions
from fwp_neuro.synapses import registered_synapses

PACKAGE = Path(fwp_neuro.__file__).parent

POINTS = '''
"""Points that load other files in every way that there is."""

import importlib
import importlib.util
import runpy
from pathlib import Path

import plain_import
from parts import inner

HERE = Path(__file__).parent
try:
    import not_there_yet
except ImportError:
    not_there_yet = None


def point(a):
    """Return what all files say together."""
    import imported_late

    by_name = importlib.import_module("computed_" + "name"[:4])
    dunder = __import__(f"dunder_{'name'}")
    spec = importlib.util.spec_from_file_location("any name", HERE / "by_path.py")
    by_path = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(by_path)
    run = runpy.run_path(str(HERE / "run_path.py"))
    text = HERE / "executed.py"
    names = {}
    exec(compile(text.read_text(), str(text), "exec"), names)
    every = [plain_import, inner, imported_late, by_name, dunder, by_path]
    (HERE / "calls").open("a").write(f"{a} ")
    return a + sum(m.N for m in every) + run["N"] + names["N"] + bool(not_there_yet)
'''
LOADED = ("plain_import", "parts/__init__", "parts/inner", "imported_late",
          "computed_name", "dunder_name", "by_path", "run_path", "executed")  # fmt: skip
NOT_LOADED = ("unused", "parts/unused")

SWEEP = """
import sys
import fwp_neuro as fwp
from points import point

if __name__ == "__main__":
    executor = None
    if sys.argv[1] == "threads":
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(2)
    fwp.sweep(point, {"a": [1, 2, 3]}, out=sys.argv[2], executor=executor, **(
        {} if executor else {"workers": 1}))
"""


@pytest.fixture
def project(tmp_path):
    """A folder with ``points.py`` and all that it loads, and a script that sweeps."""
    folder = tmp_path / "project"
    (folder / "parts").mkdir(parents=True)
    for name in (*LOADED, *NOT_LOADED):
        (folder / f"{name}.py").write_text('"""Words."""\n\nN = 1\n')
    (folder / "points.py").write_text(POINTS)
    (folder / "script.py").write_text(SWEEP)
    return folder


def sweep(project, how="processes", out="out"):
    """Sweep in a fresh process; return how many points were computed, and the warning."""
    calls = project / "calls"
    calls.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "script.py", how, out], cwd=project, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    count = len(calls.read_text().split()) if calls.exists() else 0
    return count, done.stderr


def test_every_file_that_a_point_loads_counts_and_no_other(project, edit):
    """The law, for each file in turn, on the record itself."""
    script = project / "points.py"
    command = [sys.executable, "-c", "import sys; from pathlib import Path\n"
               "from fwp_neuro.loaded_code import record, watching\n"
               "script = Path('points.py').resolve()\n"
               "with watching(script):\n    import points; points.point(1)\n"
               "print(record(script, ('point',)))"]  # fmt: skip
    text = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=True,
    ).stdout.rstrip("\n")  # fmt: skip
    sys.path.insert(0, str(project))
    try:
        assert changed(text, script, ("point",)) == ""
        for name in (*LOADED, *NOT_LOADED, "points"):
            file = project / f"{name}.py"
            source = file.read_text()
            file.write_text(source.replace("Words", "Others") + "\n# a comment\n")
            assert changed(text, script, ("point",)) == "", name
            file.write_text(source + "\nADDED = 1\nprint(ADDED)\n")
            said = "" if name in NOT_LOADED else f"{file.name} has changed"
            assert changed(text, script, ("point",)) == said, name
            file.unlink()
            said = "" if name in NOT_LOADED else f"{file.name} is gone"
            assert changed(text, script, ("point",)) == said, name
            file.write_text(source)
            assert changed(text, script, ("point",)) == "", name
        new = project / "not_there_yet.py"  # what is looked for and missing counts too
        new.write_text("")
        importlib.invalidate_caches()
        assert "no module not_there_yet before" in changed(text, script, ("point",))
        new.unlink()
        hidden = project / "plain_import"  # a package comes before a module of its name
        hidden.mkdir()
        (hidden / "__init__.py").write_text("N = 2\n")
        importlib.invalidate_caches()
        assert changed(text, script, ("point",)) == "plain_import.py has changed"
    finally:
        sys.path.remove(str(project))


@pytest.mark.parametrize(
    "how", ["processes", pytest.param("threads", marks=pytest.mark.slow)]
)
def test_a_sweep_computes_again_what_is_of_other_code(project, edit, how):
    assert sweep(project, how) == (3, "")
    assert sweep(project, how) == (0, "")
    edit(project / "computed_name.py", "Words", "Others")
    edit(project / "unused.py", "N = 1", "N = 2")
    assert sweep(project, how) == (0, "")
    edit(project / "computed_name.py", "N = 1", "N = 2")
    count, said = sweep(project, how)
    assert count == 3
    assert "3 of 3 points are computed again: computed_name.py has changed" in said
    edit(project / "computed_name.py", "N = 2", "N = 1")
    assert sweep(project, how) == (0, "")  # the results of both versions are kept


def test_a_sweep_goes_on_after_its_project_has_moved_and_on_other_executors(project):
    assert sweep(project)[0] == 3
    moved = project.parent / "elsewhere" / "moved"
    moved.parent.mkdir()
    shutil.move(project, moved)
    assert sweep(moved) == (0, "")
    assert sweep(moved, "threads") == (0, "")
    (moved / "by_path.py").write_text("N = 7\n")
    assert sweep(moved, "threads")[0] == 3
    assert sweep(moved) == (0, "")


@pytest.mark.slow
def test_a_sweep_on_dask_knows_what_its_workers_loaded(project, edit, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("PYTHONPATH", f"{project}{os.pathsep}{PACKAGE.parent}")
    assert sweep(project)[0] == 3
    calls = project / "calls"
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):

        def on_dask():
            calls.unlink(missing_ok=True)
            fwp.sweep("points:point", {"a": [1, 2, 3]}, project / "out", client)
            return calls.exists()

        assert not on_dask()  # results of local processes
        edit(project / "computed_name.py", "N = 1", "N = 2")
        with pytest.warns(FwpWarning, match="computed_name.py has changed"):
            assert on_dask()
        assert sweep(project) == (0, "")  # and those of Dask count elsewhere
        edit(project / "computed_name.py", "N = 2", "N = 3")
        with pytest.warns(FwpWarning, match="computed_name.py has changed"):
            with pytest.raises(FwpError, match="computed_name.py has changed meanwhile"):
                on_dask()  # the worker has loaded the former one
        assert sweep(project)[0] == 3
    sys.modules.pop("points")


CHILDREN = """
import subprocess
import sys
from pathlib import Path

import fwp_neuro as fwp

HERE = Path(__file__).parent


def point(a):
    import inner_points

    code = "import fwp_neuro, only_in_child"
    subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)
    out = Path(sys.argv[1]) / f"inner{a}"
    return fwp.sweep(inner_points.inner, {"b": [1]}, out, workers=1).result.item()


if __name__ == "__main__":
    fwp.sweep(point, {"a": [1]}, sys.argv[1], workers=1)
"""


def test_what_child_processes_load_counts(tmp_path, edit):
    (tmp_path / "outer.py").write_text(CHILDREN)
    inner = "def inner(b):\n    import only_in_inner\n    return b\n"
    (tmp_path / "inner_points.py").write_text(inner)
    for name in ("only_in_child", "only_in_inner"):
        (tmp_path / f"{name}.py").write_text("N = 1\n")
    command = [sys.executable, "outer.py", str(tmp_path / "out")]
    subprocess.run(command, cwd=tmp_path, check=True)
    (text,) = [path.read_text() for path in tmp_path.glob("out/code/*.json")]
    names = {key.rpartition(":")[2] for key in json.loads(text)["files"]}
    assert {"only_in_child.py", "only_in_inner.py", "inner_points.py"} <= names


FORKS = """
import multiprocessing


def inner(x):
    import only_in_fork
    return x


def point(a):
    return multiprocessing.get_context("fork").Pool(1).map(inner, [a])[0]
"""


def test_what_a_process_of_the_users_own_may_load_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("only_in_fork", "named_in_turn", "unused"):
        (tmp_path / f"{name}.py").write_text("N = 1\n")
    (tmp_path / "only_in_fork.py").write_text("def f():\n    import named_in_turn\n")
    points = module(tmp_path, "forking_points", FORKS)
    files = set(json.loads(record(Path(points.__file__), ("point",)))["files"])
    assert {"only_in_fork:only_in_fork.py", "named_in_turn:named_in_turn.py"} <= files
    assert "unused:unused.py" not in files


def module(folder, name, source):
    (folder / f"{name}.py").write_text(source)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_a_process_that_has_loaded_other_code_is_told(tmp_path, monkeypatch, edit):
    """Also if what changed is a file that the function only imports."""
    monkeypatch.syspath_prepend(tmp_path)
    module(tmp_path, "stale_helper", "N = 1\n")
    module(tmp_path, "stale_other", "N = 1\n")
    points = module(
        tmp_path, "stale_points", "from stale_helper import N\ndef f(a):\n    return N\n"
    )
    fwp.sweep(points.f, {"a": [1]}, tmp_path / "out", Here())
    edit(tmp_path / "stale_other.py", "N = 1", "N = 2")  # it has nothing to do with it
    fwp.sweep(points.f, {"a": [1, 2]}, tmp_path / "out", Here())
    edit(tmp_path / "stale_helper.py", "N = 1", "N = 2")
    with pytest.warns(FwpWarning, match="2 of 3 points are computed again: stale_helper"):
        with pytest.raises(FwpError, match="has loaded is not .*stale_helper.py has"):
            fwp.sweep(points.f, {"a": [1, 2, 3]}, tmp_path / "out", Here())
    importlib.reload(sys.modules["stale_helper"]), importlib.reload(points)
    found = fwp.sweep(points.f, {"a": [1, 2, 3]}, tmp_path / "out", Here())
    assert found.result.values.tolist() == [2, 2, 2]


def test_a_failure_of_other_code_is_computed_again(tmp_path, monkeypatch, edit):
    monkeypatch.syspath_prepend(tmp_path)
    points = module(tmp_path, "failing", "def f(a):\n    raise ValueError('no')\n")
    grid, out = {"a": [1]}, tmp_path / "out"
    for _ in range(2):
        with pytest.warns(FwpWarning, match="ValueError: no"):
            fwp.sweep(points.f, grid, out, Here(), retry=False)
    edit(tmp_path / "failing.py", "raise ValueError('no')", "return 5")
    importlib.reload(points)
    with pytest.warns(FwpWarning, match="failing.py has changed"):
        found = fwp.sweep(points.f, grid, out, Here(), retry=False)
    assert found.result.values.tolist() == [5]


def test_a_record_that_is_damaged_or_of_other_versions_does_not_count(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    points = module(tmp_path, "recorded", "def f(a):\n    return a\n")
    script = Path(points.__file__)
    text = record(script, ("f",))
    assert changed(text, script, ("f",)) == ""
    for damaged in ("", "{", "[]", text[: len(text) // 2], "{}"):
        assert "not known" in changed(damaged, script, ("f",))
    monkeypatch.setattr(loaded_code, "computing", lambda: {"numpy": "0.1"})
    assert "numpy was" in changed(text, script, ("f",))


def test_a_main_script_counts_as_far_as_workers_run_it(project, edit):
    assert sweep(project)[0] == 3
    edit(project / "script.py", "import sys", "import sys\nimport json")
    edit(project / "script.py", "executor = None", "executor = None; print()")
    assert sweep(project)[0] == 0
    edit(project / "script.py", "import json", "import parts.inner\nparts.inner.N = 5")
    assert sweep(project)[0] == 3


RUN = """
import sys
from pathlib import Path
from fwp_neuro.code_hash import START
from fwp_neuro.loaded_code import record, watching
from fwp_neuro.model_scripts import load_script
path = Path(sys.argv[1])
with watching(path):
    script = load_script(path, ("simulate",))
    script.simulate(quick=True, progress=lambda fraction, note="": None)
print("RECORD", record(path, START).replace("\\n", ""))
print("LOADED", *(vars(m).get("__file__") for n, m in list(sys.modules.items())
                  if n.partition(".")[0] == "fwp_neuro"))
"""
FIGURES = (
    pytest.param("fig02_capacity", ("circuits", "synapses", "benchmarks", "devices")),
    pytest.param("fig01_digit_memory", ("artificial/training", "targets"),
                 marks=pytest.mark.slow),
)  # fmt: skip


@pytest.mark.parametrize(("name", "never"), FIGURES)
def test_a_figure_depends_on_what_its_simulation_loads(name, never):
    path = figure_scripts()[name]
    answer = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], capture_output=True, text=True, check=True
    )
    lines = dict(line.split(" ", 1) for line in answer.stdout.splitlines()[-2:])
    files = set(json.loads(lines["RECORD"])["files"])
    loaded = {Path(p).relative_to(PACKAGE.parent) for p in lines["LOADED"].split()}
    counted = {p for p in loaded if p.parts[1] not in NOT_COUNTED}
    assert len(counted) > 20 and {p.as_posix() for p in counted} <= files
    for part in (*never, "plotting.py", "commands", "figure_scripts.py"):
        assert not any(file.startswith(f"fwp_neuro/{part}") for file in files), part


def test_a_file_that_is_new_in_a_registry_counts(tmp_path, monkeypatch):
    registered_synapses.SYNAPSES.names()
    patterns = loaded_code.PATTERNS
    assert "fwp_neuro/synapses/*/synapse.py" in patterns
    folder = tmp_path / "fwp_neuro/synapses"
    (folder / "one").mkdir(parents=True)
    (folder / "one/synapse.py").touch()
    monkeypatch.setattr(loaded_code, "PACKAGE", tmp_path / "fwp_neuro")
    key = "fwp_neuro/synapses/*/synapse.py"
    before = loaded_code._names(key)
    (folder / "one/other.py").touch()
    assert loaded_code._names(key) == before
    (folder / "two").mkdir()
    (folder / "two/synapse.py").touch()
    assert loaded_code._names(key) != before


def test_functions_that_are_found_are_those_of_the_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    points = module(tmp_path, "found_here", "def f(a):\n    return a\n")
    place = functions.read_function(points.f).place
    code = functions.code_of(place)
    assert functions.find(place, code) is points.f
    with pytest.raises(FwpError, match="not the code"):
        functions.find(place, "another")
    with ThreadPoolExecutor(2) as threads:
        found = fwp.sweep(points.f, {"a": [1, 2]}, tmp_path / "out", threads)
    assert found.result.values.tolist() == [1, 2]
