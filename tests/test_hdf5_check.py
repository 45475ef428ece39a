"""Files that are damaged, that HDF5 would read for ever, or that another program
changed."""

import subprocess
import time

import h5py
import pytest

import fwp_neuro as fwp
from fwp_neuro import hdf5_check


@pytest.fixture
def saved(tmp_path):
    program = fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5)
    return fwp.run(program, "delta").save(tmp_path / "run.nc")


def test_a_file_as_it_was_saved_starts_no_process(saved, monkeypatch):
    def started(*arguments, **options):
        raise AssertionError("it starts a process")

    monkeypatch.setattr(subprocess, "run", started)
    assert "readout" in fwp.load(saved)


def test_a_file_that_another_program_changed_is_read(saved):
    with h5py.File(saved, "a") as file:
        file["readout"].attrs["mine"] = 1.0
    assert fwp.load(saved)["readout"].attrs["mine"] == 1.0


def test_every_bit_that_flipped_is_found(saved):
    """Also those of numbers, which would else be read as other numbers without a word."""
    content = saved.read_bytes()
    for place in range(0, len(content) - 85, len(content) // 200):  # 85: before the hash
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        saved.write_bytes(bytes(damaged))
        with pytest.raises(fwp.FwpError, match="not a netCDF file, or it is damaged"):
            fwp.load(saved)


def test_a_file_that_hdf5_reads_for_ever_is_one_sentence(saved, monkeypatch):
    content = saved.read_bytes()
    # of another origin
    saved.write_bytes(content[: content.index(b"\nfwp_neuro sha256 ")])
    assert "readout" in fwp.load(saved)
    # the library's endless loop
    monkeypatch.setattr(hdf5_check, "_CODE", "while True: pass")
    monkeypatch.setattr(hdf5_check, "PATIENCE", 1.0)
    begun = time.monotonic()
    with pytest.raises(fwp.FwpError, match="not a netCDF file, or it is damaged"):
        fwp.load(saved)
    assert time.monotonic() - begun < 12
