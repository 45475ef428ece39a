"""Recordings: dims, units, provenance, and a file that is exact, whole or not there."""

import copy
import json
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from fwp_neuro import provenance as origin
from fwp_neuro.errors import FwpError
from fwp_neuro.files import atomic_path
from fwp_neuro.programs import Program
from fwp_neuro.recording import Recording, load, make_recording
from fwp_neuro.rules import rule

RULE = rule("delta")
T, H, PRE, POST = 5, 2, 3, 4


def a_program(heads=True):
    rng = np.random.default_rng(0)
    axes = (T, H) if heads else (T,)
    key, value = rng.random((*axes, PRE)), rng.normal(size=(*axes, POST))
    return Program(
        key=key, value=value, beta=rng.random(T), labels=["a", "ü", "", "b c", "a"]
    )


def a_recording(heads=True, **extra):
    rng = np.random.default_rng(1)
    count = H if heads else 1
    readout, weights = (
        rng.normal(size=(T, count, POST)),
        rng.normal(size=(T, count, POST, PRE)),
    )
    provenance = origin.provenance(RULE, "rate", seed=3, options={"dt": 0.1})
    return make_recording(
        a_program(heads), RULE, "rate", readout, weights, extra, provenance
    )


def same(first, second):
    assert first.dataset.identical(second.dataset)
    for name, variable in first.dataset.variables.items():
        if variable.dtype.kind not in "UO":
            assert second[name].dtype == variable.dtype and second[name].dtype.isnative


EXTRA = {
    "trace": (("time", "token"), np.arange(10.0).reshape(2, T), {"units": "mV"}),
    "time": (
        ("time",),
        np.array([0.0, 0.5]),
        {"units": "s", "long_name": "time of the sample"},
    ),
    "spikes": (("token",), np.array([0, 1, 2, 3, 2**40]), {"units": "1"}),
    "small": (
        ("token",),
        np.arange(5),
        {"units": "1", "bins": 3, "exact": True, "limit": 0.5},
    ),
    "fired": (("token",), np.array([True, False, True, True, False]), {"units": "1"}),
    "half": (
        ("token",),
        np.array([0.5, np.nan, np.inf, 0, 1], dtype="float16"),
        {"units": "1"},
    ),
    "single": (("token",), np.arange(5, dtype="float32") / 3, {"units": "1"}),
}


def test_dims_units_and_attributes():
    rec = a_recording()
    assert rec["readout"].dims == ("token", "head", "post")
    assert rec["weights"].dims == ("token", "head", "post", "pre")
    assert rec["key"].dims == ("token", "head", "pre") and rec["beta"].dims == ("token",)
    assert (rec.attrs["rule"], rec.attrs["realisation"]) == ("delta", "rate")
    assert rec.attrs["text"] == RULE.text
    assert all(
        v.attrs["units"] and v.attrs["long_name"] for v in rec.dataset.data_vars.values()
    )
    assert "readout" in rec and "nothing" not in rec
    assert repr(rec) == (
        "Recording(rule 'delta', realisation 'rate'; 5 token, 2 head, 3 pre, 4 post; "
        "readout, weights)"
    )


def test_names_of_what_was_recorded_can_be_listed():
    recording = a_recording()
    assert list(recording) == list(recording.dataset) and "readout" in recording
    assert "weight" not in recording


def test_head_axis_is_dropped_for_a_program_without_heads():
    voltage = (("time", "head"), [[1.0], [2.0]], {"units": "V"})
    rec = a_recording(heads=False, voltage=voltage)
    assert rec["readout"].dims == ("token", "post")
    assert rec["weights"].dims == ("token", "post", "pre")
    assert (
        rec["voltage"].dims == ("time",)
        and rec["voltage"].attrs["long_name"] == "voltage"
    )
    assert make_recording(a_program(False), RULE, "rate", np.zeros((T, 1, POST)))[
        "readout"
    ].shape


@pytest.mark.parametrize("heads", [False, True])
def test_file_round_trip_is_exact(tmp_path, heads):
    rec = a_recording(heads, **EXTRA)
    path = tmp_path / "run.nc"
    assert rec.save(path) == path and os.listdir(tmp_path) == ["run.nc"]
    again = load(str(path))
    same(rec, again)
    assert again["trace"].coords["time"].attrs["units"] == "s"
    assert again.provenance == rec.provenance and again.provenance["seed"] == 3
    program = again.program
    assert program.labels == a_program().labels and program.heads == (
        H if heads else None
    )
    for name in program.names:
        np.testing.assert_array_equal(program[name], a_program(heads)[name])
    again.save(path)
    same(rec, load(path))


def test_loaded_arrays_go_into_torch(tmp_path):
    torch = pytest.importorskip("torch")
    a_recording().save(tmp_path / "run.nc")
    assert torch.from_numpy(load(tmp_path / "run.nc")["readout"].values).shape == (
        T,
        H,
        POST,
    )


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "run.nc"
    rec = a_recording()
    rec.save(path)
    before = path.read_bytes()

    def fails(target, content):
        with open(target, "wb") as file:
            file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", fails)
    with pytest.raises(
        FwpError, match="cannot save the recording to .*: No space left on device"
    ):
        a_recording(**EXTRA).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.nc"]

    def interrupted(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rec.save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.nc"]


def test_save_mistakes(tmp_path):
    rec = a_recording()
    with pytest.raises(FwpError, match="there is no folder '.*nowhere'"):
        rec.save(tmp_path / "nowhere" / "run.nc")
    with pytest.raises(FwpError, match="it is a folder; give the path of a file"):
        rec.save(tmp_path)
    if os.path.isdir("/proc/self"):  # no one can write there, root included
        with pytest.raises(
            FwpError, match="cannot save the recording to '/proc/self/run.nc': "
        ):
            rec.save("/proc/self/run.nc")
    for array, sentence in (
        (
            np.full(T, 1 + np.finfo(np.longdouble).eps),
            "its longdouble|its float128 numbers do not",
        ),
        (np.full(T, "2020-01-01", dtype="M8[D]"), "netCDF-4 has no type datetime64"),
        (
            np.array([1, "a", None, {}, 2], dtype=object),
            "netCDF-4 cannot hold this .* such as 1",
        ),
        (
            np.array([{}, "a", None, {}, 2], dtype=object),
            "netCDF-4 cannot hold this .* such as {}",
        ),
        (np.full(T, np.nan, dtype=object), "netCDF-4 cannot hold this .* such as nan"),
        (np.full(T, "a\0b"), "netCDF-4 has no text with a null in it"),
        (
            np.full(T, "\udcff"),
            "netCDF-4 cannot hold this recording: .*surrogates not allowed",
        ),
    ):
        with pytest.raises(FwpError, match=sentence):
            a_recording(odd=(("token",), array, {"units": "1"})).save(tmp_path / "run.nc")
    assert os.listdir(tmp_path) == []


def test_load_mistakes(tmp_path):
    with pytest.raises(FwpError, match="there is no recording at '.*missing.nc'"):
        load(tmp_path / "missing.nc")
    with pytest.raises(FwpError, match="cannot read a recording from .*: it is a folder"):
        load(tmp_path)
    path = tmp_path / "run.nc"
    a_recording().save(path)
    for damaged in (b"", b"some text", path.read_bytes()[:200]):
        path.write_bytes(damaged)
        with pytest.raises(
            FwpError, match="not a recording: it is not a netCDF file, or it is da"
        ):
            load(path)
    for engine in ("scipy", "h5netcdf"):
        xr.Dataset({"x": ("token", [1.0])}).to_netcdf(path, engine=engine)
        with pytest.raises(FwpError, match="not a recording: fwp_neuro did not write it"):
            load(path)


MISTAKES = [
    (
        "readout",
        ("x", [1], {"units": "1"}),
        "extra 'readout', a name the recording already has",
    ),
    ("key", ("x", [1], {"units": "1"}), "extra 'key', a name the recording already has"),
    (
        "a",
        ("x", [1], {}),
        "extra 'a' has no units: give attrs {'units': ...}, '1' if dimens",
    ),
    ("a", ("x", [1], None), "extra 'a' has no units"),
    (
        "a",
        (("x", "y"), [1], {"units": "1"}),
        "has dims ('x', 'y'), but an array of shape (1,)",
    ),
    ("a", ("token", [1], {"units": "1"}), "extra 'a' does not fit: "),
]


@pytest.mark.parametrize("name, entry, sentence", MISTAKES)
def test_extra_mistakes(name, entry, sentence):
    with pytest.raises(FwpError) as caught:
        a_recording(**{name: entry})
    assert sentence in str(caught.value)


def test_other_mistakes():
    with pytest.raises(
        FwpError, match=r"got readout of shape \(5, 4\); .* must be \(5, 2, 4\)"
    ):
        make_recording(a_program(), RULE, "rate", np.zeros((T, POST)))
    with pytest.raises(
        FwpError, match="unknown recorded variable 'redout'; did you mean 'readout'"
    ):
        a_recording()["redout"]
    with pytest.raises(FwpError, match="Recording: dataset must be a Dataset, got"):
        Recording({})
    with pytest.raises(FwpError, match="this recording carries no program"):
        print(Recording(xr.Dataset({"readout": ("token", [1.0])})).program)


def test_brian2_units_are_refused_in_extra():
    b2 = pytest.importorskip("brian2")
    with pytest.raises(FwpError, match="extra 'v' has Brian2 units; give plain numbers"):
        a_recording(v=("x", [1, 2] * b2.mV, {"units": "mV"}))


# ---------------------------------------------------------------------- provenance


def test_provenance_is_json_and_complete():
    found = a_recording().provenance
    assert found["rule"] == "delta" and found["text"] == RULE.text and found["seed"] == 3
    assert found["realisation"] == "rate" and found["options"] == {"dt": 0.1}
    assert set(found["versions"]) == {
        "python",
        "fwp_neuro",
        "numpy",
        "brian2",
        "torch",
        "xarray",
    }
    assert found["versions"]["numpy"] == np.__version__
    assert set(found["platform"]) == {"system", "machine"}
    assert found["time"].endswith("+00:00") and isinstance(found["commit"], str)
    default = make_recording(a_program(), RULE, "rate", np.zeros((T, H, POST))).provenance
    assert default["seed"] is None and default["options"] == {}


def test_options_become_plain():
    class Thing:
        pass

    values = {
        "number": np.float64(0.5),
        "count": np.int64(3),
        "flag": np.True_,
        "nan": float("nan"),
        "list": (1, [2.0, None]),
        "small": np.array([[1, 2]]),
        "large": np.zeros((20, 20)),
        "nested": {1: Thing()},
        "call": np.tanh,
        "file": "/home/someone/secret/weights.pt",
        "rule": "delta",
    }
    plain = origin.plain(values)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain == {
        **{
            "number": 0.5,
            "count": 3,
            "flag": True,
            "nan": "nan",
            "list": [1, [2.0, None]],
        },
        **{
            "small": [[1, 2]],
            "large": "array (20, 20) float64",
            "nested": {"1": "Thing"},
        },
        **{"call": "tanh", "file": "weights.pt", "rule": "delta"},
    }


def test_quantities_keep_their_unit():
    b2 = pytest.importorskip("brian2")
    assert origin.plain({"dt": 5 * b2.ms, "tau": [1, 2] * b2.second}) == {
        "dt": "5. ms",
        "tau": "[1. 2.] s",
    }


def test_commit(monkeypatch):
    answers = {
        "rev-parse --show-toplevel": str(
            origin.Path(origin.__file__).resolve().parents[1]
        )
    }
    answers["rev-parse --verify"] = "abc123"

    def git(folder, *arguments):
        return answers.get(" ".join(arguments[:2]), answers.get("status", ""))

    monkeypatch.setattr(origin, "_git", git)
    assert origin.commit.__wrapped__() == "abc123"
    answers["status"] = " M fwp_neuro/rules.py"
    assert origin.commit.__wrapped__() == "abc123+changes"
    # an installed copy in another repository
    answers["rev-parse --show-toplevel"] = "/elsewhere"
    assert origin.commit.__wrapped__() == "unknown"
    monkeypatch.setattr(origin, "_git", lambda *arguments: None)
    assert origin.commit.__wrapped__() == "unknown"


def test_variables_without_elements_come_back(tmp_path):
    """Such as the spike times of cells that were silent."""
    dataset = xr.Dataset(
        {"count": ("cell", [0, 0]), "times": (("cell", "spike"), np.zeros((2, 0)),
                                              {"units": "s"}),
         "source": ("spike", np.zeros(0, np.int64)),
         "name": ("spike", np.zeros(0, "U1"))},
        {"spike": np.zeros(0), "of": ("spike", np.zeros(0, bool))},
    )  # fmt: skip
    found = load(Recording(dataset).save(tmp_path / "silent.nc")).dataset
    assert found.drop_attrs().equals(dataset.drop_attrs()) and found.times.attrs == {
        "units": "s"
    }
    assert found.sizes == dataset.sizes and set(found.coords) == set(dataset.coords)
    assert [found[n].dtype.kind for n in ("source", "of", "name")] == ["i", "b", "U"]


def test_the_suffix_decides_the_format(tmp_path):
    for name in ("run", "run.h5", "run.csv", "run.NC", "run.nc.gz"):
        with pytest.raises(FwpError, match="its name must end in '.nc'"):
            a_recording().save(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "texts",
    [[None, "", "a"], ["", "a"], [None, "missing", ""], [None, None], ["missing"], [""]],
)
def test_missing_text_is_kept_apart_from_empty_text(tmp_path, texts):
    dataset = xr.Dataset({"note": ("x", np.array(texts, dtype=object))})
    found = load(Recording(dataset).save(tmp_path / "run.nc"))["note"]
    # xarray itself writes nan for None beside other texts
    assert [each if isinstance(each, str) else None for each in found.values] == texts
    assert found.identical(dataset["note"]) and found.attrs == {}


NO_PATHS = [None, 3, b"run.nc", "", "a\0b.nc", "\ud800.nc", "a" * 300 + ".nc"]


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_one_sentence(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for use in (load, a_recording().save):
        with pytest.raises(FwpError, match="file|folder"):
            use(path)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_save_left_is_removed_by_the_next_one(tmp_path):
    code = (
        "import os, signal, sys\nfrom fwp_neuro.files import atomic_path\n"
        "with atomic_path(sys.argv[1], 'recording') as half:\n"
        "    half.write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "run.nc"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".run.nc.") and left.endswith(".tmp")
    with atomic_path(tmp_path / "other.nc", "recording") as whole:
        whole.write_bytes(b"whole")
    assert set(os.listdir(tmp_path)) == {left, "other.nc"}
    with (
        atomic_path(path, "recording") as whole,
        atomic_path(path, "recording") as another,
    ):
        another.write_bytes(b"another")  # of a process that is alive
        whole.write_bytes(b"whole")
    assert set(os.listdir(tmp_path)) == {"run.nc", "other.nc"}
    assert path.read_bytes() == b"whole"


def test_a_variable_asked_for_as_an_attribute_gets_the_word_for_it():
    recording = a_recording()
    for ask in (AttributeError, FwpError):
        with pytest.raises(ask, match=r'write rec\["readout"\], not rec.readout'):
            recording.readout  # noqa: B018
        with pytest.raises(ask, match=r'write program\["key"\]'):
            a_program().key  # noqa: B018
    with pytest.raises(
        AttributeError, match=r'no attribute .redout.; did you mean rec\["readout"'
    ):
        recording.redout  # noqa: B018
    assert not hasattr(recording, "shape") and not hasattr(recording, "__array__")
    for made in (copy.deepcopy(recording), pickle.loads(pickle.dumps(recording))):
        assert made.dataset.identical(recording.dataset)
    assert copy.deepcopy(a_program()).names == a_program().names
