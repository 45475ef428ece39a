"""Recordings as NWB files (Neurodata Without Borders)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import numpy as np

from .arguments import filename, instance, takes, text
from .errors import FwpError, shown
from .files import atomic_path
from .neo_blocks import extra, one_sequence, spike_trains, tokens, traces, units_of

if TYPE_CHECKING:
    from types import ModuleType

    from .recording import Recording

#: names the files of one run, so that the same run gets the same identifier
_RUNS = UUID("6d1c2f0e-5f0b-4c39-9f0e-2b8f3c7a9f10")


@takes(
    recording=instance("fwp_neuro.recording:Recording"),
    path=filename("run.nwb"),
    description=text(),
)
def write(
    recording: Recording,
    path: str | os.PathLike,
    description: str = "simulated circuit of fast weights",
) -> Path:
    """Write a recording of a circuit as an NWB file; see `Recording.to_nwb`."""
    one_sequence(recording, "to_nwb")
    if Path(path).suffix.lower() != ".nwb":
        raise FwpError(f"to_nwb: give a name that ends in .nwb, not {shown(path)}")
    pynwb = extra("pynwb", "to_nwb")
    made = _file(pynwb, recording, description)
    _units(made, recording)
    _tokens(made, recording)
    module = made.create_processing_module("simulation", "variables of the circuit")
    for name, array in traces(recording):
        units, values = units_of(array), array.values
        if values.ndim > 4:  # the most that a series may have
            values = values.reshape(len(values), -1, *values.shape[-2:])
        module.add(
            pynwb.TimeSeries(
                name=name, data=values, **_sampling(array["time"].values),
                unit=units if units != "1" else "n.a.",
                description=f"dims: {', '.join(map(str, array.dims))}",
            )
        )  # fmt: skip
    with atomic_path(Path(path), "NWB file") as temporary:
        with pynwb.NWBHDF5IO(temporary, "w") as file:
            file.write(made)
    return Path(path)


def _sampling(times: np.ndarray) -> dict:
    """Return when the rows of a series were sampled: a rate if it is one, else times."""
    step = np.diff(times)
    if len(step) and np.allclose(step, step[0], rtol=1e-6):
        return {"starting_time": float(times[0]), "rate": float(1 / step[0])}
    return {"timestamps": times}


def _file(pynwb: ModuleType, recording: Recording, description: str):
    origin = recording.provenance
    when = origin.get("time")
    start = datetime.fromisoformat(when) if when else datetime.now(UTC)
    said = recording.attrs["provenance"]
    return pynwb.NWBFile(
        session_description=description,
        identifier=str(uuid5(_RUNS, said)),
        session_start_time=start if start.tzinfo else start.replace(tzinfo=UTC),
        notes=f"rule {recording.attrs['rule']}: {recording.attrs['text']}",
        source_script=said,
        source_script_file_name="provenance.json",
        keywords=["simulation", "fast weights", "synaptic plasticity"],
        experiment_description="A simulation by fwp_neuro; no animal was used.",
    )


def _units(made, recording: Recording) -> None:
    described = {
        "population": "kind of cell", "number": "of the cell in its population",
        "dimension": "of the key or value that the cell stands for",
        "cell_head": "head of the programme", "cell_sign": "1: ON cell, -1: OFF cell",
    }  # fmt: skip
    columns: set[str] = set()
    for _, times, what in spike_trains(recording):
        for name in what.keys() - columns:
            made.add_unit_column(name, described[name])
            columns.add(name)
        made.add_unit(
            spike_times=times, obs_intervals=[[0.0, recording.duration]], **what
        )


def _tokens(made, recording: Recording) -> None:
    made.add_trial_column("label", "what the programme calls the token")
    made.add_trial_column("readout", "what the query of the token recalled, W q")
    readout = recording["readout"].values
    for begin, end, label, recalled in zip(*tokens(recording), readout, strict=True):
        made.add_trial(start_time=float(begin), stop_time=float(end), label=label,
                       readout=recalled)  # fmt: skip
