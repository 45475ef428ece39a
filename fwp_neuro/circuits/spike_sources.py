"""Spike trains from elsewhere as a Brian2 group: Neo, NWB, CSV, arrays, recordings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np

from ..arguments import inside, numbers, optional, takes, text, whole
from ..devices.lock import brian2_lock
from ..errors import FwpError, shown
from ..neo_blocks import extra, one_sequence
from ..program_arguments import SIGNAL
from ..programs import Program
from ..quantities import a_time, as_brian2, rate
from ..recording import Recording
from ..synapses.fitting_files import columns_of, numbers_of, with_unit
from ..validation import affordable

_CELLS = ("cell", "unit", "neuron", "id")
_EXAMPLE = "time [ms],cell"


@brian2_lock()
@takes(
    spikes=inside(
        "a .csv or .nwb file, a Neo object, a dict from cell to times, (times, cells), "
        "or a Recording",
        lambda: {0: [0.01, 0.02]},
    ),
    cells=optional(whole()),
    population=optional(text("key")),
)
def spike_source(spikes, cells: int | None = None, *, population=None):
    """Return a Brian2 group that fires given spike trains, an input for `connect`.

    Args:
        spikes: where they come from:
            a CSV file with a column of times (``time [ms]``, ``time (s)``, or ``time`` in
            seconds) and one of whole numbers (``cell``, ``unit``, ``neuron`` or ``id``);
            an NWB file, whose units are the cells;
            a Neo Block, Segment or list of SpikeTrains, each train a cell;
            a dict from cell to its times, or a pair (times, cells); times have units, of
            Brian2 or of another package, or are seconds;
            a `Recording`, with ``population``.
        cells: size of the group; as many as there are (the largest number + 1) if None.
        population: of a Recording, such as "key"; all cells if None.

    Returns:
        `brian2.SpikeGeneratorGroup`. Spikes that the time step cannot keep apart are
        refused by Brian2 when the network runs.

    Raises:
        FwpError: a file that cannot be read, a header that is not known, times that are
            negative or not finite, or a cell that the group does not have.

    Example:
        >>> inputs = fwp_neuro.circuits.spike_source("spikes.csv")  # doctest: +SKIP
        >>> fwp_neuro.circuits.connect("pair_stdp", inputs, cells)  # doctest: +SKIP
    """
    times, index = _checked(spikes, population)
    return b2.SpikeGeneratorGroup(_size(index, cells), index, times * b2.second)


@takes(
    spikes=inside("as for spike_source", lambda: {0: [0.01, 0.02]}),
    value=numbers("[token, post]"),
    token=optional(a_time("600*ms")),
    full_rate=inside("a rate, such as 100*Hz, or None"),
    cells=optional(whole()),
    population=optional(text("key")),
    signals=SIGNAL,
)
def program_of_spikes(
    spikes, value, token=None, full_rate=None, cells: int | None = None, *,
    population=None, **signals,
) -> Program:  # fmt: skip
    """Return a programme whose keys are recorded spike trains, for any realisation.

    Each cell is a dimension of the key: its rate in a token over ``full_rate``. The
    circuits then draw cells of their own at these rates.

    Args:
        spikes, cells, population: as for `spike_source`.
        value: what to store under each key, [token, post]; it says how many tokens.
        token: duration of a token (Brian2 time; 600 ms).
        full_rate: rate that is the number 1 (Brian2 rate; 100 Hz).
        signals: gates and further signals of the rule, such as ``beta=0.5``.

    Raises:
        FwpError: as for `spike_source`, or a value that is no [token, post].

    Example:
        >>> program = fwp_neuro.circuits.program_of_spikes(
        ...     "spikes.csv", values, token=500*ms, beta=0.5)  # doctest: +SKIP
        >>> fwp_neuro.run(program, "delta", "spiking")  # doctest: +SKIP
    """
    times, index = _checked(spikes, population)
    value = np.atleast_2d(np.asarray(value, dtype=float))
    seconds = 0.6 if token is None else float(token / b2.second)
    hertz = float(rate(full_rate, "full_rate", 100 * b2.Hz) / b2.Hz)
    count = _size(index, cells)
    affordable(count * len(value), f"keys of {count} cells and {len(value)} tokens")
    place = np.floor(times / seconds + 1e-9).astype(np.int64)  # the token of a spike
    inside_it = place < len(value)
    key = np.zeros((len(value), count))
    np.add.at(key, (place[inside_it], index[inside_it]), 1.0)
    return Program(key=key / (seconds * hertz), value=value, **signals)


def _checked(spikes, population) -> tuple[np.ndarray, np.ndarray]:
    times, index = _read(spikes, population)
    if not np.isfinite(times).all() or (times < 0).any():
        raise FwpError("spikes: times must be finite and not negative, in seconds")
    return times, index


def _size(index: np.ndarray, cells: int | None) -> int:
    """Return how many cells there are."""
    least = int(index.max()) + 1 if len(index) else 1
    if (index < 0).any() or (cells is not None and cells < least):
        raise FwpError(
            f"spikes: cells are numbered from {int(index.min()) if len(index) else 0} to "
            f"{least - 1} there; {least if cells is None else cells} cells have the "
            "numbers from 0 up"
        )
    affordable(cells or least, f"spikes of {cells or least} cells")
    return cells or least


def _read(spikes, population) -> tuple[np.ndarray, np.ndarray]:
    """Return times in s, and cells."""
    if isinstance(spikes, Recording):
        one_sequence(spikes, "spike_source")
        found = spikes.spikes(population)
        number = found["cell" if population is None else "number"]
        return _arrays(found["time"].values, number.values)
    if population is not None:
        raise FwpError("spikes: population is an option of a Recording")
    if isinstance(spikes, str | os.PathLike):
        path = Path(spikes)
        if path.suffix.lower() == ".csv":
            return _of_csv(path)
        if path.suffix.lower() == ".nwb":
            return _of_nwb(path)
        raise FwpError(
            f"spikes come from .csv and .nwb files, and {str(path)!r} is neither"
        )
    if isinstance(spikes, Mapping) and spikes:
        return _joined(spikes)
    trains = None if isinstance(spikes, Mapping) else _trains(spikes)
    if trains is not None:
        return _joined({n: one.rescale("s").magnitude for n, one in enumerate(trains)})
    if isinstance(spikes, tuple | list) and len(spikes) == 2:
        return _arrays(*spikes)
    raise FwpError(
        "spikes must be a .csv or .nwb file, a Neo Block, Segment or list "
        "of SpikeTrains, a dict from cell to times, a pair (times, cells), or a "
        f"Recording, got {shown(spikes)}"
    )


def _trains(spikes) -> list | None:
    """Return the spike trains of a Neo object, None for any other."""
    if hasattr(spikes, "segments"):
        if len(spikes.segments) != 1:
            raise FwpError(
                f"spikes: the block has {len(spikes.segments)} segments; give one, "
                "as in block.segments[0]"
            )
        spikes = spikes.segments[0]
    spikes = getattr(spikes, "spiketrains", spikes)
    try:
        found = list(spikes)
    except Exception:  # whatever a foreign object raises
        return None
    is_train = [hasattr(one, "rescale") and hasattr(one, "t_stop") for one in found]
    return found if found and all(is_train) else None


def _arrays(times, cells) -> tuple[np.ndarray, np.ndarray]:
    try:
        seconds = _seconds(times)
        number = np.asarray(cells)
        whole_numbers = number.astype(np.int64)
        fits = seconds.ndim == number.ndim == 1 and len(seconds) == len(number)
        fits = fits and (whole_numbers == number).all()
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise FwpError(
            "spikes: (times, cells) must be one time, in seconds, and one whole "
            "number a spike"
        )
    return seconds, whole_numbers


def _seconds(times) -> np.ndarray:
    """Return times in seconds; those of other packages are converted."""
    what = "spikes: times in seconds, or with units of time"
    times = as_brian2(times, b2.second, what, "such as 20*ms")
    if isinstance(times, b2.Quantity):
        if not b2.have_same_dimensions(times, b2.second):
            raise FwpError(f"{what}, got {shown(times)}")
        times = times / b2.second
    return np.atleast_1d(np.asarray(times, dtype=float))


def _joined(trains: Mapping[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    times, cells = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for cell, own in trains.items():
        try:
            seconds = _seconds(own)
            seconds, number = _arrays(seconds, [cell] * len(seconds))
        except (TypeError, ValueError):
            raise FwpError(
                "spikes: a dict goes from a whole number, the cell, to its times "
                f"in seconds; got {shown(cell)}: {shown(own)}"
            ) from None
        times.append(seconds)
        cells.append(number)
    return np.concatenate(times), np.concatenate(cells)


def _of_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    where = f"file of spikes {str(path)!r}"
    columns, units, lines = columns_of(path, where)
    cell = [name for name in columns if name in _CELLS]
    if "time" not in columns or len(cell) != 1:
        raise FwpError(
            f"{where} needs a column 'time' and one called {', '.join(_CELLS)}, as in "
            f"{_EXAMPLE!r}; it has {', '.join(columns)}"
        )
    times, number = (
        numbers_of(columns[name], lines, f"column {name!r} of {str(path)!r}")
        for name in ("time", cell[0])
    )
    return _arrays(with_unit(times, units["time"], "time", "column 'time'"), number)


def _of_nwb(path: Path) -> tuple[np.ndarray, np.ndarray]:
    pynwb = extra("pynwb", "spike_source")
    if not path.is_file():
        raise FwpError(f"spikes: there is no file {str(path)!r}")
    try:
        with pynwb.NWBHDF5IO(path, "r") as file:
            units = file.read().units
            trains = {} if units is None else {
                n: np.asarray(units["spike_times"][n]) for n in range(len(units))
            }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FwpError(
            f"spikes: {str(path)!r} is no NWB file with units: {problem}"
        ) from None
    return _joined(trains)
