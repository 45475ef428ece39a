"""Parts of a recording: by dim, one sequence of several, and why a part is missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from .errors import FwpError, pick, shown, unknown


def one_sequence(dataset: xr.Dataset, number: int) -> xr.Dataset:
    """Return one sequence of a batch, see `Recording.sequence`."""
    sequences = dataset.sizes.get("sequence", 1)
    if number >= sequences:
        raise FwpError(
            f"there is no sequence {number}: this recording holds {sequences}, from 0 on"
        )
    if "sequence" not in dataset.dims:
        return dataset
    length = int(dataset["sequence_length"][number])
    one = dataset.isel(sequence=number, token=slice(0, length))
    one = one.drop_vars("sequence_length")
    if "duration" in one.attrs:
        end = one.attrs["duration"] * length / dataset.sizes["token"]
        one.attrs["duration"] = float(np.round(end, 12))
        if "time" in one.dims:
            one = one.sel(time=slice(None, one.attrs["duration"]))
    if "cell_sequence" in one.coords:
        one = own_cells(one, one["cell_sequence"].values == number)
        one = one.drop_vars("cell_sequence")
    return one


def own_cells(dataset: xr.Dataset, mine: np.ndarray) -> xr.Dataset:
    """Return a dataset with some of the cells, numbered anew, and their spikes."""
    one = selected(dataset, {"cell": mine})
    populations = one["population"].values
    numbers = np.zeros(len(populations), np.int32)
    for name in set(populations.tolist()):
        numbers[populations == name] = np.arange((populations == name).sum())
    if "spike_cell" in one:
        spike = np.searchsorted(one["cell"].values, one["spike_cell"].values)
        one["spike_cell"] = one["spike_cell"].copy(data=spike.astype(np.int32))
    one["number"] = one["number"].copy(data=numbers)
    cells = one["cell"].copy(data=np.arange(len(numbers), dtype=np.int32))
    return one.assign_coords(cell=cells)


def selected(dataset: xr.Dataset, indexers: Mapping) -> xr.Dataset:
    """Return what `Recording.sel` selects."""
    indexers = dict(indexers)
    found, spiked = dataset, "spike_time" in dataset
    legal = dict.fromkeys([*map(str, found.dims), *["time"] * spiked])
    for dim, label in indexers.items():
        if dim not in legal:
            raise unknown(dim, legal, "dim of the recording")
        indexers[dim] = _label(dim, label, found)
    try:
        found = found.sel(
            {dim: label for dim, label in indexers.items() if dim in found.dims}
        )
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        said = str(problem)
        if "method" in said:  # what xarray advises is not for this call
            said = ("there is no sample of exactly this label; select a slice, or the "
                    "nearest one of a variable: rec[name].sel(..., method='nearest')")
        raise FwpError(f"cannot select {shown(indexers)}: {said}") from problem
    if spiked and "spike" in found.dims and not {"time", "cell"}.isdisjoint(indexers):
        found = found.isel(spike=_spikes_of(found, indexers))
    return found


def check_spikes(cells: xr.DataArray, population: str, legal: np.ndarray) -> None:
    """Raise `FwpError` if there is no such population, or its spikes were not recorded;
    ``cells`` are those of all spikes."""
    pick(population, dict.fromkeys(legal.tolist()), "population of cells")
    kept = cells.attrs.get("populations", population).split()  # old files do not say
    if population not in kept:
        raise FwpError(
            f"the spikes of population {population!r} were not recorded (recorded: "
            f"{', '.join(kept)}); run again with record_spikes=[{population!r}]"
        )


def _label(dim: str, label, dataset: xr.Dataset):
    """Return a label as xarray takes it: times in seconds, and names for a mask of a
    dim."""
    label = getattr(label, "values", label)
    if dim == "time":
        if isinstance(label, slice):
            label = slice(*map(_seconds, (label.start, label.stop, label.step)))
        else:
            label = _seconds(label)
    elif not isinstance(label, slice) and np.asarray(label).dtype == bool:
        label = dataset[dim].values[np.asarray(label)]
    return label


def _seconds(time):
    """Return a time without the unit that Brian2 gives it; others are seconds already."""
    return np.asarray(time) if hasattr(time, "dim") else time


def _spikes_of(dataset: xr.Dataset, indexers: Mapping) -> np.ndarray:
    """Return which spikes belong to the cells and to the slice of time that were
    selected."""
    times = np.round(dataset["spike_time"].values, 12)
    found = np.ones(len(times), bool)
    if "cell" in indexers and "cell" in dataset.coords:
        found = np.isin(dataset["spike_cell"].values, dataset["cell"].values)
    window = indexers.get("time", slice(None))
    if isinstance(window, slice):
        found &= times >= (-np.inf if window.start is None else window.start)
        found &= times <= (np.inf if window.stop is None else window.stop)
    return found


def check_kept(provenance: Mapping, name: str) -> None:
    """Say why fast weights are missing, if it is the run that decided it."""
    options = provenance.get("options")
    options = options if isinstance(options, dict) else {}
    mode, reason = (options.get(f"record_weights{end}") for end in ("", "_reason"))
    if mode not in ("last", "none") or name not in ("weights", "final_weights"):
        return
    kept = (
        ": recording.final_weights has those after the last token"
        if mode == "last"
        else ""
    )
    raise FwpError(
        f"{name!r} was not recorded, because the run had record_weights={mode!r} "
        f"({reason}){kept}; give record_weights='snapshots' for the weights after "
        "every token, or probes=... for what they read"
    )
