"""Recording: what a realisation measured, with named dims, units and its own origin
inside.

A thin wrapper of an `xarray.Dataset`; `fwp_neuro.recording_file` describes the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fwp_neuro import notebook_html, recording_file
from fwp_neuro.arguments import (
    filename,
    function,
    inside,
    instance,
    optional,
    takes,
    text,
    whole,
)
from fwp_neuro.errors import FwpError, no_attribute, shown, unknown
from fwp_neuro.programs import Program
from fwp_neuro.provenance import attribute
from fwp_neuro.provenance import provenance as make_provenance
from fwp_neuro.recording_outputs import RecordingOutputs
from fwp_neuro.selecting import check_kept, check_spikes, one_sequence, selected


@takes(dataset=instance("xarray:Dataset", xr.Dataset), later=optional(function()))
class Recording(RecordingOutputs):
    """Read-out, fast weights and further variables of one run of a program: ``dataset``,
    and what ``later()`` computes when it is asked for. ``rec["readout"]`` is ``[token,
    (head,) post]``, ``rec["weights"]`` ``[token, (head,) post, pre]``, both
    xarray.DataArrays; the program's arrays are variables too. A run that keeps less
    (``record_weights``) has ``rec["final_weights"]`` ``[(head,) post, pre]`` or no
    weights, and one with probes ``rec["probe_readout"]`` ``[token, (head,) probe,
    post]``. A circuit adds ``rec["token_start"]`` (s) and `duration`; a spiking one the
    spikes of its cells (`spikes`) and the traces that were asked for, on the dim ``time``
    (s). Every variable has the attributes ``units`` (``"1"`` if dimensionless) and
    ``long_name``.
    """

    def __init__(self, dataset: xr.Dataset, later: Callable | None = None):
        self._dataset, self._later = dataset, later

    @property
    def dataset(self) -> xr.Dataset:
        """Everything that was recorded."""
        later = self._later  # once: another thread may be here too
        if later is not None:
            self._dataset, self._later = self._dataset.assign(later()), None
        return self._dataset

    @property
    def so_far(self) -> xr.Dataset:
        """What was recorded, without spikes that nobody asked for yet."""
        return self._dataset

    def __reduce__(self):
        return Recording, (self.dataset,)

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the whole recording: rule, text, realisation, provenance, ..."""
        return self._dataset.attrs

    @property
    def provenance(self) -> dict[str, Any]:
        """Rule, realisation, seed, options, versions, platform, commit and time of the
        run."""
        try:
            found = json.loads(self.attrs.get("provenance", "{}"))
        except (TypeError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise FwpError("the provenance of this recording is damaged")
        return found

    @property
    def program(self) -> Program:
        """The program that was run."""
        if self.swept:
            raise FwpError(f"this recording carries no program: it is {self.swept}")
        if "sequence" in self._dataset.dims:
            raise FwpError(
                f"this recording carries {self._dataset.sizes['sequence']} programs: "
                "rec.sequence(n).program is one of them"
            )
        if "key" not in self._dataset or "value" not in self._dataset:
            raise FwpError(
                "this recording carries no program: it has no 'key' and 'value'"
            )
        data = self._dataset
        # one sequence that was selected
        if "sequence_length" in data and "token" in data.dims:
            data = data.isel(token=slice(0, int(data["sequence_length"])))
        return Program.from_dataset(data)

    @property
    def final_weights(self) -> xr.DataArray:
        """Fast weights after the last token, ``[(head,) post, pre]``, however they were
        recorded.

        Raises FwpError if nothing was kept of them.
        """
        if "final_weights" in self:
            return self["final_weights"]
        if "weights" in self:
            weights = self["weights"]
            if (
                set(weights.dims) <= {"head", "post", "pre"}
                and "token" not in self._dataset.dims
            ):
                return weights  # of one token that was selected
            if not weights.sizes.get("token"):
                raise FwpError(
                    "the weights of this recording have no tokens, only "
                    f"{dict(weights.sizes)}: the axis was cut or renamed"
                )
            if "sequence_length" in self:  # of every sequence its own last token
                lengths = self["sequence_length"].drop_vars("sequence_length")
                return weights.isel(token=lengths - 1)
            return weights.isel(token=-1)
        if "token_cell_pre" in self and "token_cell_post" in self:
            pre, post = self["token_cell_pre"], self["token_cell_post"]
            dims = [*(d for d in ("sequence", "head") if d in pre.dims), "post", "pre"]
            last = xr.dot(pre, post, dim="token_cell").transpose(*dims)
            return last.assign_attrs(
                units="1", long_name="fast weights after the last token"
            )
        return self["final_weights"]  # which says in a sentence why there are none

    @property
    def duration(self) -> float:
        """Simulated time in seconds; FwpError if the realisation has none
        (artificial)."""
        if "duration" not in self.attrs:
            raise FwpError("this recording has no duration: its realisation has no time")
        return float(self.attrs["duration"])

    @takes(
        indexers=inside(
            "labels of a dim: a value, a list or a slice", lambda: slice(0, 1)
        ),
    )
    def sel(self, **indexers) -> Recording:
        """Select by dim, as `xarray.Dataset.sel`: times in seconds, tokens and cells by
        number.

        ``time`` and ``cell`` also select among the spikes, ``time`` those of a slice.
        Ends of a slice belong to it; one of tokens, which have no labels, ends before its
        stop.

        Example:
            >>> rec.sel(time=slice(0.6, 1.2))["V_apical"]  # doctest: +SKIP
            >>> rec.sel(token=3)["readout"]  # doctest: +SKIP
            >>> rec.sel(cell=rec["population"] == "key")["spike_time"]  # doctest: +SKIP

        Raises:
            FwpError: a dim that the recording does not have, or a label that it does not
                have.
        """
        return Recording(selected(self.dataset, indexers))

    @takes(number=whole(0))
    def sequence(self, number: int) -> Recording:
        """Return one sequence of a run of several programmes, as if it had run alone.

        Example:
            >>> rec.sequence(3)["readout"]  # doctest: +SKIP

        Raises:
            FwpError: the recording has no such sequence.
        """
        return Recording(one_sequence(self.dataset, number))

    @takes(population=optional(text("key")))
    def spikes(self, population: str | None = None) -> xr.Dataset:
        """Return the spikes of one population of cells, or of all, with what each cell
        is.

        Returns:
            Dataset [spike] of "time" (s), "cell" and the coordinates of the cells:
            "population", "number" (in it), "dimension", "cell_head", "cell_sign".

        Raises:
            FwpError: an unknown population, or spikes were not recorded.
        """
        cells = self["spike_cell"].values
        named = self["population"].values[cells]
        which = slice(None)
        if population is not None:
            check_spikes(self["spike_cell"], population, self["population"].values)
            which = named == population
        columns = ("population", "number", "dimension", "cell_head", "cell_sign")
        found = {"time": self["spike_time"].variable, "cell": self["spike_cell"].variable}
        found |= {name: self[name].variable[cells] for name in columns}
        data = {name: ("spike", each.values, each.attrs) for name, each in found.items()}
        return xr.Dataset(data).isel(spike=which)

    def __getitem__(self, name: str) -> xr.DataArray:
        if not isinstance(name, str):
            raise FwpError(f"a recorded variable has a name as text, got {shown(name)}")
        if name in self._dataset.variables:
            return self._dataset[name]
        if name not in self.dataset.variables:
            if name == "sample_time" and "time" in self.dataset.variables:
                raise FwpError(
                    "'sample_time' is now 'time', the index of all traces: write "
                    "rec['time'], and rec.sel(time=...) to select"
                )
            check_kept(self.provenance, name)
            swept = self.swept
            what = f"variable of {swept}:" if swept else "recorded variable"
            raise unknown(name, map(str, self.dataset.variables), what)
        return self.dataset[name]

    def __iter__(self):
        """Names of what was recorded, as those of a Dataset."""
        return iter(self.dataset)

    def __getattr__(self, name: str):
        # a copy has none yet
        items = self._dataset.variables if "_dataset" in vars(self) else ()
        raise no_attribute("a Recording", "rec", name, items)

    @property
    def swept(self) -> str:
        """Say which sweep these are the results of, or return '' for any other
        Dataset."""
        try:
            origin = self.provenance
        except FwpError:
            return ""
        grid = origin.get("grid")
        if "function" not in origin or not isinstance(grid, dict | list):
            return ""
        over = ", ".join(map(str, grid))
        return f"the results of a sweep of {origin['function']} over {over}"

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, Hashable):
            return False
        return name in self._dataset.variables or name in self.dataset.variables

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size} {dim}" for dim, size in self.dataset.sizes.items())
        measured = [
            str(name)
            for name, variable in self.dataset.data_vars.items()
            if variable.attrs.get("role") != "program"
        ]
        named = (self.attrs.get(name, "unknown") for name in ("rule", "realisation"))
        what = self.swept or "rule {!r}, realisation {!r}".format(*named)
        return f"Recording({what}; {sizes}; {', '.join(measured) or 'nothing measured'})"

    _repr_html_ = notebook_html.of_recording

    @takes(path=filename("run.nc"))
    def save(self, path: str | os.PathLike) -> Path:
        """Write one netCDF file, whole or not at all, and return its path.

        netCDF-4, which xarray, netCDF4, h5py, MATLAB and R open. Raises FwpError if no
        file ``*.nc`` can be written there, or where netCDF-4 has no type for a variable.
        """
        return recording_file.write(self.dataset, path)


@takes(path=filename())
def load(path: str | os.PathLike) -> Recording:
    """Read what `Recording.save` wrote; FwpError if there is none at ``path``."""
    return Recording(recording_file.read(path))


def make_recording(
    program: Program,
    rule,
    realisation: str,
    readout: np.ndarray,
    weights: np.ndarray | None = None,
    extra: Mapping[str, tuple] | None = None,
    provenance: Mapping | None = None,
    coords: Mapping[str, tuple] | None = None,
    duration: float | None = None,
    later: Callable[[], Mapping[str, tuple]] | None = None,
) -> Recording:
    """Wrap the arrays of a run.

    Parameters
    ----------
    readout : ``[token, head, post]``; weights : ``[token, head, post, pre]`` or None. The
    head axis
        (of size 1) is dropped if the program has no heads.
    extra : name -> (dims, array, attrs); attrs must say the ``units``. A head axis is
    dropped
        likewise; an entry named like its only dim (``time``) becomes that dim's
        coordinate.
    provenance : the dict of `fwp_neuro.provenance.provenance`; made here if left out.
    coords : coordinates, in the form of ``extra``.
    duration : simulated time in seconds; None for a realisation without time. later :
    gives further ``extra`` when somebody asks for it or for the whole dataset.
    """
    dataset = program.dataset(rule.homes)
    leading = (program.tokens, program.heads or 1)
    measured: dict[str, tuple] = {}
    for name, array, dims, shape, long_name in (
        ("readout", readout, ("post",), (program.post,), "read-out of the fast weights"),
        (
            "weights",
            weights,
            ("post", "pre"),
            (program.post, program.pre),
            "fast weights",
        ),
    ):
        if array is None:  # no weights were kept
            continue
        if np.shape(array) != leading + shape:
            raise FwpError(
                f"make_recording got {name} of shape {np.shape(array)}; for {program!r} "
                f"it must be {leading + shape}"
            )
        attrs = {"units": "1", "long_name": long_name}
        measured[name] = (("token", "head", *dims), array, attrs)
    for name, entry in {**(coords or {}), **(extra or {})}.items():
        if name in dataset.variables or name in measured:
            raise FwpError(
                f"make_recording got extra {name!r}, a name the recording already has"
            )
        measured[name] = entry
    variables = {
        name: _variable(name, dims, array, attrs or {}, program)
        for name, (dims, array, attrs) in measured.items()
    }
    own = {n for n, each in variables.items() if each.dims == (n,)} | {*(coords or {})}
    dataset = _assigned(dataset, variables).set_coords(own)
    if provenance is None:
        provenance = make_provenance(rule, realisation)
    dataset.attrs = {
        "rule": str(rule.name),
        "text": str(rule.text),
        "realisation": str(realisation),
        "provenance": json.dumps(provenance),
    } | ({} if duration is None else {"duration": float(duration)})
    if later is None:
        return Recording(dataset)

    def variables_later():
        return {
            name: _variable(name, dims, array, attrs, program)
            for name, (dims, array, attrs) in later().items()
        }

    return Recording(dataset, variables_later)


def _assigned(dataset: xr.Dataset, variables: dict[str, xr.Variable]) -> xr.Dataset:
    """Return a dataset with more variables, all at once because that is fast."""
    try:
        return dataset.assign(variables)
    except ValueError:  # a dim of another size than before, or a 2-D 'token': which one?
        for name, variable in variables.items():
            try:
                dataset = dataset.assign({name: variable})
            except ValueError as problem:
                raise FwpError(
                    f"make_recording's extra {name!r} does not fit: {problem}"
                ) from problem
        return dataset


def _variable(name: str, dims, array, attrs: Mapping, program: Program) -> xr.Variable:
    where = f"make_recording's extra {name!r}"
    dims = (dims,) if isinstance(dims, str) else tuple(dims)
    if getattr(getattr(array, "dim", None), "is_dimensionless", True) is False:
        raise FwpError(
            f"{where} has Brian2 units; give plain numbers and name the unit in attrs"
        )
    array = np.array(array)
    if array.ndim != len(dims):
        raise FwpError(f"{where} has dims {dims}, but an array of shape {array.shape}")
    if not attrs.get("units"):
        raise FwpError(
            f"{where} has no units: give attrs {{'units': ...}}, '1' if dimensionless"
        )
    if program.heads is None and "head" in dims and array.shape[dims.index("head")] == 1:
        array = np.squeeze(array, dims.index("head"))
        dims = tuple(dim for dim in dims if dim != "head")
    named = {"long_name": name.replace("_", " ")} | {
        n: attribute(a) for n, a in attrs.items()
    }
    return xr.Variable(dims, array, named)
