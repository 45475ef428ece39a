"""The file of a recording: others read it, nothing changes on the way, old files still
load."""

import subprocess
import sys

import numpy as np
import old_recordings
import pytest
import xarray as xr
from test_recording import EXTRA, a_recording, same

from fwp_neuro.recording import Recording, load

ATTRIBUTES = {
    "yes": True, "no": False, "gain": 1 - 2j, "count": 3, "many": 2**40, "half": 0.5,
    "empty": "", "words": "a ü", "numpy": np.float64(0.25), "flag": np.bool_(True),
    "missing_value": "none", "scale_factor": 2.0, "_FillValue": 0.0,
}  # fmt: skip


def test_a_text_of_a_class_of_its_own_is_a_text(tmp_path):
    class Version(str):
        __slots__ = ()

    data = xr.Dataset(attrs={"torch": Version("2.0")})
    Recording(data).save(tmp_path / "a.nc")
    found = load(tmp_path / "a.nc").attrs["torch"]
    assert found == "2.0" and type(found) is str


def test_attributes_survive(tmp_path):
    dataset = xr.Dataset(
        {"x": ("token", [1.0, np.nan, 0.0], ATTRIBUTES)}, attrs=ATTRIBUTES
    )
    found = load(Recording(dataset).save(tmp_path / "run.nc")).dataset
    for attrs in (found.attrs, found["x"].attrs):
        assert attrs == ATTRIBUTES
        for name in ("yes", "no", "flag", "gain", "count"):
            assert type(attrs[name]) is type(getattr(ATTRIBUTES[name], "item",
                lambda n=name: (
                ATTRIBUTES[n]))())  # fmt: skip
    np.testing.assert_array_equal(found["x"].values, [1, np.nan, 0])


NUMBERS = [
    np.array([2**63 - 1, -(2**63)]), np.array([2**64 - 1], "u8"),
    np.array([1 + 2j, np.nan]),
    np.array([1j], "c8"), np.array([True, False]), np.array([0.1, np.inf], "f2"),
    np.array([1, -1], "i1"), np.array([0.5], np.longdouble), np.array([1.5], ">f8"),
    np.zeros((0, 3)), np.array(2.5), np.array(["a", "", "ü"]), np.array("text"),
]  # fmt: skip


@pytest.mark.parametrize("array", NUMBERS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_every_type_comes_back(tmp_path, array):
    dims = ("x", "y")[: array.ndim]
    dataset = xr.Dataset({"a": (dims, array), "b": (dims, array)}).set_coords("b")
    found = load(Recording(dataset).save(tmp_path / "run.nc")).dataset
    for name in ("a", "b"):
        assert (
            found[name].values.dtype == array.dtype.newbyteorder("=")
            and not found[name].attrs
        )
        np.testing.assert_array_equal(found[name].values, array)


@pytest.mark.parametrize("heads", [True, False])
def test_old_files_load(tmp_path, heads):
    recording = a_recording(heads, **EXTRA)
    recording["small"].attrs["exact"] = "True"  # as netCDF-3 kept it
    found = load(old_recordings.save(recording.dataset, tmp_path / "old.nc"))
    same(recording, found)
    assert found.program.labels == recording.program.labels
    same(found, load(found.save(tmp_path / "new.nc")))


def test_old_files_of_silent_cells_load(tmp_path):
    dataset = xr.Dataset(
        {"times": (("cell", "spike"), np.zeros((2, 0)), {"units": "s"}),
         "source": ("spike", np.zeros(0, np.int64)),
         "name": ("spike", np.zeros(0, "U1"))},
        {"of": ("spike", np.zeros(0, bool))},
    )  # fmt: skip
    found = load(old_recordings.save(dataset, tmp_path / "old.nc")).dataset
    assert found.identical(dataset) and found.source.dtype == np.int64


def test_others_read_it(tmp_path):
    recording = a_recording(True, **EXTRA)
    path = recording.save(tmp_path / "run.nc")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        for name in ("readout", "trace", "time", "label", "small", "fired", "key"):
            np.testing.assert_array_equal(found[name].values, recording[name].values)
            assert found[name].dims == recording[name].dims
        assert found.trace.units == "mV" and "time" in found.indexes
        assert found.attrs["rule"] == "delta"
    h5py = pytest.importorskip("h5py")
    with h5py.File(path) as found:
        assert found["readout"].attrs["units"] == "1"
        np.testing.assert_array_equal(found["weights"][:], recording["weights"].values)
        assert found["label"].asstr()[:].tolist() == ["a", "ü", "", "b c", "a"]
        assert [dim[0].name for dim in found["trace"].dims] == ["/time", "/token"]


def test_netcdf4_reads_it(tmp_path):
    pytest.importorskip("netCDF4")
    path = a_recording(True, **EXTRA).save(tmp_path / "run.nc")
    code = (  # in a process of its own: its HDF5 library is another one
        "import sys, netCDF4\nwith netCDF4.Dataset(sys.argv[1]) as found:\n"
        "    print(found.data_model, found['trace'].dimensions, found['trace'].units,\n"
        "          found['label'][:].tolist(), found['readout'][:].sum())\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, check=True
    )
    total = a_recording(True, **EXTRA)["readout"].values.sum()
    assert said.stdout.decode().strip() == (
        f"NETCDF4 ('time', 'token') mV ['a', 'ü', '', 'b c', 'a'] {total}"
    )


def test_a_full_disk_ends_no_process(tmp_path):
    """HDF5 itself ends the process when it cannot write."""
    pytest.importorskip("resource")
    path, code = a_recording(True).save(tmp_path / "run.nc"), (
        "import resource, signal, sys, fwp_neuro as fwp\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "recording = fwp.load(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        "try:\n    recording.save(sys.argv[1])\nexcept fwp.FwpError as problem:\n"
        "    print(problem)\n"
    )  # fmt: skip
    before = path.read_bytes()
    said = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, check=True
    )
    assert said.stdout.decode().startswith("cannot save the recording to ")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_damage_is_one_sentence_or_no_damage(tmp_path):
    path = a_recording(True, **EXTRA).save(tmp_path / "run.nc")
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(changed))
        try:
            load(path)
        except ValueError as problem:
            assert "is not a recording: " in str(problem) and "\n" not in str(problem)
            refused += 1
    for end in (4, 10, len(content) // 2, len(content) - 8, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(
            ValueError, match="is not a recording: it is not a netCDF file, or it"
        ):
            load(path)
    assert refused
