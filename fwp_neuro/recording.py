"""Recording: what a realisation measured, with named dims, units and its own origin inside.

A thin wrapper of an `xarray.Dataset`; `fwp_neuro.recording_file` describes the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fwp_neuro import recording_file
from fwp_neuro.arguments import filename, instance, takes
from fwp_neuro.errors import FwpError, no_attribute, shown, unknown
from fwp_neuro.programs import Program
from fwp_neuro.provenance import provenance as make_provenance
from fwp_neuro.recording_file import attribute


@takes(dataset=instance("xarray:Dataset", xr.Dataset))
class Recording:
    """Read-out, fast weights and further variables of one run of a program.

    ``rec["readout"]`` is ``[token, (head,) post]``, ``rec["weights"]`` ``[token, (head,) post,
    pre]``, both xarray.DataArrays; the program's arrays are variables too. A run that keeps less
    (``record_weights``) has ``rec["final_weights"]`` ``[(head,) post, pre]`` or no weights, and one
    with probes ``rec["probe_readout"]`` ``[token, (head,) probe, post]``. Every variable has the
    attributes ``units`` (``"1"`` if dimensionless) and ``long_name``.
    """

    def __init__(self, dataset: xr.Dataset):
        self.dataset = dataset

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the whole recording: rule, text, realisation, provenance, ..."""
        return self.dataset.attrs

    @property
    def provenance(self) -> dict[str, Any]:
        """Rule, realisation, seed, options, versions, platform, commit and time of the run."""
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
        if "key" not in self.dataset or "value" not in self.dataset:
            raise FwpError("this recording carries no program: it has no 'key' and 'value'")
        return Program.from_dataset(self.dataset)

    @property
    def final_weights(self) -> xr.DataArray:
        """Fast weights after the last token, ``[(head,) post, pre]``, however they were recorded.

        Raises FwpError if nothing was kept of them.
        """
        if "final_weights" in self:
            return self["final_weights"]
        if "weights" in self:
            weights = self["weights"]
            if not weights.sizes.get("token"):
                raise FwpError(
                    f"the weights of this recording have no tokens, only {dict(weights.sizes)}: "
                    "the axis was cut or renamed"
                )
            return weights.isel(token=-1)
        if "token_cell_pre" in self and "token_cell_post" in self:
            pre, post = self["token_cell_pre"], self["token_cell_post"]
            dims = [*(dim for dim in ("head",) if dim in pre.dims), "post", "pre"]
            last = xr.dot(pre, post, dim="token_cell").transpose(*dims)
            return last.assign_attrs(units="1", long_name="fast weights after the last token")
        return self["final_weights"]  # which says in a sentence why there are none

    def __getitem__(self, name: str) -> xr.DataArray:
        if not isinstance(name, str):
            raise FwpError(f"a recorded variable has a name as text, got {shown(name)}")
        if name not in self.dataset.variables:
            missing = self._not_kept(name)
            if missing:
                raise FwpError(missing)
            swept = self.swept
            what = f"variable of {swept}:" if swept else "recorded variable"
            raise unknown(name, map(str, self.dataset.variables), what)
        return self.dataset[name]

    def __getattr__(self, name: str):
        items = self.dataset.variables if "dataset" in vars(self) else ()  # a copy has none yet
        raise no_attribute("a Recording", "rec", name, items)

    @property
    def swept(self) -> str:
        """Say which sweep these are the results of, or return '' for any other Dataset."""
        try:
            origin = self.provenance
        except FwpError:
            return ""
        if not {"function", "grid"} <= {*origin} or not isinstance(origin["grid"], dict | list):
            return ""
        over = ", ".join(map(str, origin["grid"]))
        return f"the results of a sweep of {origin['function']} over {over}"

    def _not_kept(self, name: str) -> str:
        """Say why fast weights are missing, or return '' if the run did not decide it."""
        options = self.provenance.get("options")
        options = options if isinstance(options, dict) else {}
        mode, reason = (options.get(f"record_weights{end}") for end in ("", "_reason"))
        if mode not in ("last", "none") or name not in ("weights", "final_weights"):
            return ""
        kept = ": recording.final_weights has those after the last token" if mode == "last" else ""
        return (
            f"{name!r} was not recorded, because the run had record_weights={mode!r} ({reason})"
            f"{kept}; give record_weights='snapshots' for the weights after every token, or "
            "probes=... for what they read"
        )

    def __contains__(self, name: object) -> bool:
        return isinstance(name, Hashable) and name in self.dataset.variables

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size} {dim}" for dim, size in self.dataset.sizes.items())
        measured = [
            str(name)
            for name, variable in self.dataset.data_vars.items()
            if variable.attrs.get("role") != "program"
        ]
        rule = self.attrs.get("rule", "unknown")
        realisation = self.attrs.get("realisation", "unknown")
        what = self.swept or f"rule {rule!r}, realisation {realisation!r}"
        return f"Recording({what}; {sizes}; {', '.join(measured) or 'nothing measured'})"

    @takes(path=filename("run.nc"))
    def save(self, path: str | os.PathLike) -> Path:
        """Write one netCDF file, whole or not at all, and return its path.

        Raises FwpError if ``path`` does not end in ``.nc``, if the folder is missing or cannot be
        written to, or if a variable holds something that netCDF-3 has no type for.
        """
        return recording_file.write(self.dataset, path)


@takes(path=filename())
def load(path: str | os.PathLike) -> Recording:
    """Read a recording that `Recording.save` wrote; FwpError if there is none at ``path``."""
    return Recording(recording_file.read(path))


def make_recording(
    program: Program,
    rule,
    realisation: str,
    readout: np.ndarray,
    weights: np.ndarray | None = None,
    extra: Mapping[str, tuple] | None = None,
    provenance: Mapping | None = None,
) -> Recording:
    """Wrap the arrays of a run.

    Parameters
    ----------
    readout : ``[token, head, post]``; weights : ``[token, head, post, pre]`` or None. The head axis
        (of size 1) is dropped if the program has no heads.
    extra : name -> (dims, array, attrs); attrs must say the ``units``. A head axis is dropped
        likewise; an entry named like its only dim (``time``) becomes that dim's coordinate.
    provenance : the dict of `fwp_neuro.provenance.provenance`; made here if left out.
    """
    dataset = program.dataset(rule.homes)
    leading = (program.tokens, program.heads or 1)
    measured: dict[str, tuple] = {}
    for name, array, dims, shape, long_name in (
        ("readout", readout, ("post",), (program.post,), "read-out of the fast weights"),
        ("weights", weights, ("post", "pre"), (program.post, program.pre), "fast weights"),
    ):
        if array is None:  # no weights were kept
            continue
        if np.shape(array) != leading + shape:
            raise FwpError(
                f"make_recording got {name} of shape {np.shape(array)}; for {program!r} it must "
                f"be {leading + shape}"
            )
        attrs = {"units": "1", "long_name": long_name}
        measured[name] = (("token", "head", *dims), array, attrs)
    for name, entry in (extra or {}).items():
        if name in dataset.variables or name in measured:
            raise FwpError(f"make_recording got extra {name!r}, a name the recording already has")
        measured[name] = entry
    for name, (dims, array, attrs) in measured.items():
        variable = _variable(name, dims, array, attrs or {}, program)
        try:
            dataset = dataset.assign({name: variable})
        except ValueError as problem:  # a dim of another size than before, or a 2-D 'token'
            raise FwpError(f"make_recording's extra {name!r} does not fit: {problem}") from problem
        if dataset[name].dims == (name,):
            dataset = dataset.set_coords(name)
    if provenance is None:
        provenance = make_provenance(rule, realisation)
    dataset.attrs = {
        "rule": str(rule.name),
        "text": str(rule.text),
        "realisation": str(realisation),
        "provenance": json.dumps(provenance),
    }
    return Recording(dataset)


def _variable(name: str, dims, array, attrs: Mapping, program: Program) -> xr.Variable:
    where = f"make_recording's extra {name!r}"
    dims = (dims,) if isinstance(dims, str) else tuple(dims)
    if getattr(getattr(array, "dim", None), "is_dimensionless", True) is False:
        raise FwpError(f"{where} has Brian2 units; give plain numbers and name the unit in attrs")
    array = np.array(array)
    if array.ndim != len(dims):
        raise FwpError(f"{where} has dims {dims}, but an array of shape {array.shape}")
    if not attrs.get("units"):
        raise FwpError(f"{where} has no units: give attrs {{'units': ...}}, '1' if dimensionless")
    if program.heads is None and "head" in dims and array.shape[dims.index("head")] == 1:
        array = np.squeeze(array, dims.index("head"))
        dims = tuple(dim for dim in dims if dim != "head")
    named = {"long_name": name.replace("_", " ")} | {n: attribute(a) for n, a in attrs.items()}
    return xr.Variable(dims, array, named)
