"""Sweeps on a full disk, after a kill, and with arguments that make no sense."""

import decimal
import errno
import importlib
import itertools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import sweep_points
from test_sweep import Here

import fwp_neuro as fwp
from fwp_neuro.cli import main
from fwp_neuro.errors import FwpError
from fwp_neuro.files import is_abandoned, owner, remove_leftovers
from fwp_neuro.sweep.store import PointStore


@pytest.fixture
def traces(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return sweep_points.Traces(tmp_path)


@pytest.fixture
def point(traces):
    return importlib.import_module(traces.module).point


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["os.replace", "fwp_neuro.recording_file._bytes",
                                   "pathlib.Path.mkdir",
                                   "filelock.FileLock.acquire"])  # fmt: skip
def test_a_full_disk_is_one_sentence_and_the_sweep_goes_on_later(
    traces, point, tmp_path, monkeypatch, where
):
    out = tmp_path / "out"
    fwp.sweep(point, {"a": [0]}, out, Here())
    before = sorted(path for path in out.rglob("*") if path.is_file())
    with monkeypatch.context() as patched:
        patched.setattr(where, full)
        with pytest.raises(FwpError, match="No space left on device") as refusal:
            fwp.sweep(point, {"a": range(3)}, out, Here())
    assert "\n" not in str(refusal.value)
    assert sorted(path for path in out.rglob("*") if path.is_file()) == before
    found = fwp.sweep(point, {"a": range(3)}, out, Here())
    assert found.result.values.tolist() == [0, 10, 20] and (found.error == "").all()
    assert traces.calls()[0, 0] == 1


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs to mount")
def test_a_disk_that_is_full_in_fact(traces, point, tmp_path):
    out = tmp_path / "small"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(out)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount")
    try:
        (out / "filler").write_bytes(bytes(48 * 1024))
        with pytest.raises(
            FwpError, match="of 100 points are kept, and the same sweep goes on"
        ):
            fwp.sweep(point, {"a": range(100)}, out, workers=2)
        assert not list(out.rglob(".*.tmp"))
        (out / "filler").unlink()
        assert len(traces.calls()) < 100  # it stopped at the first that it could not save
        found = fwp.sweep(point, {"a": range(4)}, out, workers=2)
        assert found.result.values.tolist() == [0, 10, 20, 30]
        assert set(traces.calls().values()) <= {1, 2}
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_what_killed_processes_left_is_removed_by_the_next_sweep(traces, point, tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    points = tmp_path / "out/points"
    points.mkdir(parents=True)
    dead, alive = f".one.nc.{owner(ended.pid)}ab.tmp", f".two.nc.{owner()}ab.tmp"
    other, old = ".three.nc.0123abcd-7-ab.tmp", ".four.nc.0123abcd-7-ab.tmp"
    for name in (dead, alive, other, old, ".five.lock"):
        (points / name).touch()
    os.utime(points / old, (0, 0))
    fwp.sweep(point, {"a": range(2)}, tmp_path / "out", Here())
    assert {path.name for path in points.glob(".*")} == {alive, other}


def test_a_lock_that_is_held_stays(tmp_path):
    store = PointStore.open(tmp_path / "out")
    with store.lock("key", 0.0) as mine:
        assert mine
        code = (
            "import sys\nfrom fwp_neuro.sweep.store import PointStore\n"
            f"store = PointStore.open({str(tmp_path / 'out')!r})\n"
            "with store.lock('key', 0.0) as mine:\n    sys.exit(mine)"
        )
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0
        assert (store.points / ".key.lock").exists()
    assert not list(store.points.glob(".*"))


def test_a_folder_of_many_files_is_not_looked_through_for_each(tmp_path, monkeypatch):
    from fwp_neuro import files

    monkeypatch.setattr(files, "_LONG", 0.0)
    left = tmp_path / ".a.nc.0123abcd-7-ab.tmp"
    left.touch()
    os.utime(left, (0, 0))
    assert is_abandoned(left)
    remove_leftovers(tmp_path, "b.nc")
    assert left.exists()
    remove_leftovers(tmp_path, "a.nc")  # too soon
    assert left.exists()
    remove_leftovers(tmp_path)
    assert not left.exists()


def test_the_folders_of_killed_workers_are_removed(traces, point, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for number in (ended.pid, os.getpid()):
        (tmp_path / f"fwp_neuro_worker_{owner(number)}xyz/inside").mkdir(parents=True)
    fwp.sweep(point, {"a": range(2)}, tmp_path / "out", workers=1)
    assert [path.name for path in tmp_path.glob("fwp_neuro_worker_*")] == [
        f"fwp_neuro_worker_{owner()}xyz"
    ]


class Odd:
    """An object whose repr and iteration fail."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __iter__(self):
        raise RuntimeError("no iteration")


def deep():
    value = []
    for _ in range(5000):
        value = [value]
    return value


HUGE = {
    "range": (lambda: {"a": range(10**12)}, "has 1000000000000 values"),
    "array": (lambda: {"a": np.broadcast_to(0.0, 10**9)}, "has 1000000000 values"),
    "longest": (lambda: {"a": range(10**30)}, r"has 1.*e\+?30 values|has 10{30} values"),
    "endless": (lambda: {"a": itertools.count()}, "more than 1000000 values"),
    "product": (lambda: {"a": range(10**5), "b": range(10**5)}, "has 10000000000 points"),
    "points": (lambda: range(10**12), "has 1000000000000 points"),
    "all points": (
        lambda: ({"a": a} for a in itertools.count()),
        "more than 1000000 points",
    ),
}


@pytest.mark.parametrize(("grid", "sentence"), HUGE.values(), ids=HUGE)
def test_a_grid_beyond_all_bounds_is_refused_with_its_size(
    point, tmp_path, grid, sentence
):
    with pytest.raises(FwpError, match=sentence):
        fwp.sweep(point, grid(), tmp_path / "out", Here())
    assert not (tmp_path / "out").exists()


#: what no argument of a sweep takes
BAD = {
    "true": lambda: True, "minus": lambda: -1, "one and a half": lambda: 1.5,
    "bytes": lambda: b"x", "nan": lambda: float("nan"), "inf": lambda: float("inf"),
    "huge": lambda: 10**5000, "object": object, "odd": Odd, "complex": lambda: 1j,
    "0-d": lambda: np.array(3),
    "array": lambda: np.zeros((2, 3)), "empty array": lambda: np.zeros(0),
    "lock": threading.Lock, "decimal": lambda: decimal.Decimal("1.5"), "empty": dict,
    "empty list": list, "class": lambda: int, "deep": deep, "list": lambda: [None],
    "text of a surrogate": lambda: "\0\udce4",
}  # fmt: skip
ARGUMENTS = ("function", "grid", "out", "executor", "workers", "retry", "progress")


def bad_quantity():
    import brian2 as b2

    return 3 * b2.ms


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_bad_value_of_any_argument_is_one_sentence(point, tmp_path, argument):
    for name, value in {**BAD, "quantity": bad_quantity}.items():
        if (argument, name) == ("retry", "true"):
            continue
        options = {"function": point, "grid": {"a": [1]}, "out": tmp_path / "out"}
        if argument != "workers":
            options["executor"] = Here()
        with pytest.raises(FwpError) as refusal:
            fwp.sweep(**{**options, argument: value()})
        assert len(str(refusal.value)) < 700 and "\n" not in str(refusal.value), name
        assert not (tmp_path / "out").exists(), name
    for nearly in {"workers": (0, 10**9, "2"), "retry": (None, 1)}.get(argument, ()):
        with pytest.raises(FwpError, match=argument):
            fwp.sweep(point, {"a": [1]}, tmp_path / "out", **{argument: nearly})


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--workers", ["", "0", "-1", "nan", "1.5", "x", "1000000000", "9" * 30]),
        ("--out", ["", "a\0b", "x" * 5000, "/proc/there/is/none", "models/toy.py"]),
        ("--scheduler", ["", " ", "x", "tcp://", "a\0b", "none.json"]),
        ("--resources", ["", "GPU", "GPU=", "=1", "GPU=nan", "GPU=inf", "GPU=-1", "GPU=0",
                         "a b=1"]),
        ("--set", ["", "x", "=1", "size", "size=", "size=nan", "size=1.5",
                   f"size={10**30}", "gain=1e400", "gain=nan", "gain=inf",
                   "size=" + "(" * 3000, "seed=-1", f"gain={'9' * 5000}", "nosuch=1"]),
    ],
)  # fmt: skip
def test_a_bad_option_of_the_command_is_one_sentence(home, capsys, option, values):
    for value in values:
        command = {"--set": "size=2", "--out": "o"}
        if option == "--resources":
            command["--scheduler"] = "tcp://127.0.0.1:9"
        words = [word for pair in {**command, option: value}.items() for word in pair]
        assert main(["sweep", "toy", *words]) == 2, value
        printed = capsys.readouterr()
        assert (
            printed.out == "" and printed.err.count("\n") == 1 < len(printed.err) < 800
        ), value
        assert not (home / "o").exists(), value
