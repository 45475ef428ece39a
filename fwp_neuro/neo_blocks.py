"""Recordings as Neo blocks, which Elephant, SpikeInterface and others read."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import FwpError

if TYPE_CHECKING:
    from .recording import Recording

#: units that are no units of the `quantities` package: what a number of it is
_PLAIN = "dimensionless"
#: what each cell is, beside its number
CELL = ("population", "number", "dimension", "cell_head", "cell_sign")


def extra(name: str, what: str) -> Any:
    """Import a package of the extra [io].

    Raises:
        FwpError: it is not installed; the sentence says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as problem:
        raise FwpError(
            f"{what} needs the package {name.partition('.')[0]}: pip install "
            '"fwp_neuro[io]"'
        ) from problem


def one_sequence(recording: Recording, what: str) -> None:
    """Raise `FwpError` unless the recording is of one sequence with time in it."""
    if "sequence" in recording.so_far.dims:
        raise FwpError(
            f"{what} takes one sequence: this recording has "
            f"{recording.so_far.sizes['sequence']}, and rec.sequence(n) is one of them"
        )
    if "token_start" not in recording:
        raise FwpError(
            f"{what} needs a recording of a circuit: the realisation "
            f"{recording.attrs.get('realisation')!r} has no time"
        )


def spike_trains(recording: Recording):
    """Yield (number of the cell, its spike times in s, what it is) of every cell."""
    if "spike_time" not in recording:
        return
    cells = recording["spike_cell"].values
    order = np.argsort(cells, kind="stable")
    times = recording["spike_time"].values[order]
    edges = np.searchsorted(cells[order], np.arange(recording.dataset.sizes["cell"] + 1))
    columns = {name: recording[name].values for name in CELL if name in recording}
    for cell, (begin, end) in enumerate(zip(edges, edges[1:], strict=False)):
        what = {name: column[cell].item() for name, column in columns.items()}
        yield cell, np.sort(times[begin:end]), what


def traces(recording: Recording):
    """Yield (name, array [time, ...]) of everything that was recorded over time."""
    for name, array in recording.dataset.data_vars.items():
        if array.dims[:1] == ("time",):
            yield str(name), array


def units_of(array) -> str:
    """Return the units that a recorded variable says it has."""
    return str(array.attrs.get("units", "1"))


def tokens(recording: Recording):
    """Return begin, end (s) and label of every token."""
    begin = recording["token_start"].values
    end = np.append(begin[1:], recording.duration)
    labels = [f"token {n}" for n in range(len(begin))]
    if "label" in recording:
        labels = [str(label) or usual for label, usual in
                  zip(recording["label"].values, labels, strict=True)]  # fmt: skip
    return begin, end, labels


def block(recording: Recording):
    """Return a recording of a circuit as a `neo.Block`; see `Recording.to_neo`."""
    one_sequence(recording, "to_neo")
    neo, pq = extra("neo", "to_neo"), extra("quantities", "to_neo")
    made = neo.Block(name=f"{recording.attrs['rule']} {recording.attrs['realisation']}",
                     rule=recording.attrs["rule"], text=recording.attrs["text"],
                     provenance=recording.attrs["provenance"])  # fmt: skip
    segment = neo.Segment(name="run")
    made.segments.append(segment)
    for cell, times, what in spike_trains(recording):
        segment.spiketrains.append(
            neo.SpikeTrain(times, units="s", t_start=0.0, t_stop=recording.duration,
                           name=f"{what.get('population', 'cell')} {cell}", cell=cell,
                           **what)
        )  # fmt: skip
    begin, end, labels = tokens(recording)
    segment.epochs.append(
        neo.Epoch(begin * pq.s, (end - begin) * pq.s, np.array(labels), name="tokens")
    )
    for name, array in traces(recording):
        _add_trace(neo, pq, segment, name, array)
    return made


def _add_trace(neo, pq, segment, name: str, array) -> None:
    units, times = units_of(array), array["time"].values
    elements = [
        " ".join(f"{dim} {n}" for dim, n in zip(array.dims[1:], place, strict=True))
        for place in np.ndindex(array.shape[1:])
    ]
    usual = {
        "units": units if _known(pq, units) else _PLAIN, "name": name,
        "array_annotations": {"element": np.array(elements)}, "unit_as_said": units,
    }  # fmt: skip
    values, step = array.values.reshape(len(times), -1), np.diff(times)
    if len(step) and np.allclose(step, step[0], rtol=1e-6):
        segment.analogsignals.append(
            neo.AnalogSignal(values, sampling_period=step[0] * pq.s,
                             t_start=times[0] * pq.s, **usual)
        )  # fmt: skip
    else:
        segment.irregularlysampledsignals.append(
            neo.IrregularlySampledSignal(times * pq.s, values, **usual)
        )


def _known(pq, units: str) -> bool:
    if units == "1":
        return False
    try:
        pq.Quantity(1, units)
    except (LookupError, SyntaxError):
        return False
    return True
