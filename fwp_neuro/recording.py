"""Recording: what a realisation measured, with named dims, units and its own origin inside.

A thin wrapper of an `xarray.Dataset`; the file is netCDF-3, which needs SciPy alone and which
netCDF tools, MATLAB and R read.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fwp_neuro.errors import FwpError, unknown
from fwp_neuro.programs import Program
from fwp_neuro.provenance import provenance as make_provenance

FORMAT = "fwp_neuro recording 1"
_STORED_TYPE = "stored_dtype"
_STORED_SIZES = "stored_sizes"


class Recording:
    """Read-out, fast weights and further variables of one run of a program.

    ``rec["readout"]`` is ``[token, (head,) post]``, ``rec["weights"]`` ``[token, (head,) post,
    pre]``, both xarray.DataArrays; the program's arrays are variables too. A run that keeps less
    (``record_weights``) has ``rec["final_weights"]`` ``[(head,) post, pre]`` or no weights, and one
    with probes ``rec["probe_readout"]`` ``[token, (head,) probe, post]``. Every variable has the
    attributes ``units`` (``"1"`` if dimensionless) and ``long_name``.
    """

    def __init__(self, dataset: xr.Dataset):
        if not isinstance(dataset, xr.Dataset):
            raise FwpError(
                f"Recording takes an xarray.Dataset, and got a {type(dataset).__name__}; "
                "make_recording(...) makes one from arrays, load(path) from a file"
            )
        self.dataset = dataset

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the whole recording: rule, text, realisation, provenance, ..."""
        return self.dataset.attrs

    @property
    def provenance(self) -> dict[str, Any]:
        """Rule, realisation, seed, options, versions, platform, commit and time of the run."""
        return json.loads(self.attrs.get("provenance", "{}"))

    @property
    def program(self) -> Program:
        """The program that was run."""
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
            return self["weights"].isel(token=-1)
        if "token_cell_pre" in self and "token_cell_post" in self:
            pre, post = self["token_cell_pre"], self["token_cell_post"]
            dims = [*(dim for dim in ("head",) if dim in pre.dims), "post", "pre"]
            last = xr.dot(pre, post, dim="token_cell").transpose(*dims)
            return last.assign_attrs(units="1", long_name="fast weights after the last token")
        return self["final_weights"]  # which says in a sentence why there are none

    def __getitem__(self, name: str) -> xr.DataArray:
        if name not in self.dataset.variables:
            missing = self._not_kept(name)
            if missing:
                raise FwpError(missing)
            raise unknown(name, map(str, self.dataset.variables), "recorded variable")
        return self.dataset[name]

    def _not_kept(self, name: str) -> str:
        """Say why fast weights are missing, or return '' if the run did not decide it."""
        options = self.provenance.get("options") or {}
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
        return name in self.dataset.variables

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size} {dim}" for dim, size in self.dataset.sizes.items())
        measured = [
            str(name)
            for name, variable in self.dataset.data_vars.items()
            if variable.attrs.get("role") != "program"
        ]
        rule = self.attrs.get("rule", "unknown")
        realisation = self.attrs.get("realisation", "unknown")
        return (
            f"Recording(rule {rule!r}, realisation {realisation!r}; {sizes}; "
            f"{', '.join(measured) or 'nothing measured'})"
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Write one netCDF file, whole or not at all, and return its path (used as given).

        Raises FwpError if the folder is missing or cannot be written to, if ``path`` is a folder,
        or if a variable holds numbers that netCDF-3 has no type for.
        """
        stored = _encoded(self.dataset)
        with atomic_path(path, "recording") as temporary:
            try:
                stored.to_netcdf(temporary, engine="scipy")
            except (TypeError, ValueError) as problem:
                raise FwpError(f"netCDF-3 cannot hold this recording: {problem}") from problem
        return Path(path)


def load(path: str | os.PathLike) -> Recording:
    """Read a recording that `Recording.save` wrote; FwpError if there is none at ``path``."""
    path = _path(path, "read a recording from")
    if not path.exists():
        raise FwpError(f"there is no recording at {str(path)!r}")
    if path.is_dir():
        raise FwpError(f"cannot read a recording from {str(path)!r}: it is a folder")
    try:
        stored = io.BytesIO(path.read_bytes())
    except OSError as problem:
        raise FwpError(
            f"cannot read a recording from {str(path)!r}: {problem.strerror or problem}"
        ) from problem
    try:
        with xr.open_dataset(stored, engine="scipy") as dataset:
            dataset = dataset.load()
    except Exception as problem:  # a damaged or foreign file fails in many ways inside the reader
        raise FwpError(
            f"{str(path)!r} is not a recording: it is not a netCDF file, or it is damaged"
        ) from problem
    if dataset.attrs.pop("format", None) != FORMAT:
        raise FwpError(f"{str(path)!r} is not a recording: fwp_neuro did not write it")
    return Recording(_decoded(dataset))


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
        if array is None and name == "weights":
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
    named = {"long_name": name.replace("_", " ")} | {n: _attribute(a) for n, a in attrs.items()}
    return xr.Variable(dims, array, named)


def _attribute(value: Any) -> Any:
    """Return an attribute netCDF-3 can hold unchanged: a string, a float or a small integer."""
    if isinstance(value, np.generic):
        value = value.item()
    small = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    if isinstance(value, str | float) or small:
        return value
    return str(value)


def _encoded(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset in the number types of netCDF-3, the original type kept as attribute."""
    attributes = {name: _attribute(value) for name, value in dataset.attrs.items()}
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, variable in dataset.variables.items():
        array, kind, dims = variable.values, variable.dtype.kind, variable.dims
        attrs = {key: _attribute(value) for key, value in variable.attrs.items()}
        if kind not in "biufUO":
            raise FwpError(f"cannot save variable {name!r}: netCDF-3 has no type {variable.dtype}")
        if not array.size:  # netCDF-3 has no dims of length 0
            attrs[_STORED_SIZES] = json.dumps(dict(variable.sizes))
            dims, array = (), np.array("") if kind in "UO" else np.zeros((), variable.dtype)
        if kind in "biuf" and variable.dtype not in (np.int32, np.float32, np.float64):
            attrs[_STORED_TYPE] = variable.dtype.name
            array = _storable(str(name), array)
        parts[name in dataset.coords][name] = xr.Variable(dims, array, attrs)
    return xr.Dataset(parts[False], parts[True], {**attributes, "format": FORMAT})


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    for dtype in (np.int32, np.float64):
        with np.errstate(invalid="ignore", over="ignore"):
            cast = array.astype(dtype)
            if np.array_equal(cast.astype(array.dtype), array, equal_nan=array.dtype.kind == "f"):
                return cast
    raise FwpError(
        f"cannot save variable {name!r}: its {array.dtype} numbers do not fit a 32-bit integer or "
        "a float64 exactly"
    )


def _decoded(dataset: xr.Dataset) -> xr.Dataset:
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, variable in dataset.variables.items():
        attrs = dict(variable.attrs)
        # The file is big-endian, and PyTorch refuses arrays that are not in native byte order.
        dtype = np.dtype(attrs.pop(_STORED_TYPE, variable.dtype)).newbyteorder("=")
        dims, array = variable.dims, variable.values.astype(dtype)
        if _STORED_SIZES in attrs:
            sizes = json.loads(attrs.pop(_STORED_SIZES))
            dims, array = (
                tuple(sizes),
                np.zeros(tuple(sizes.values()), "U1" if dtype.kind == "O" else dtype),
            )
        parts[name in dataset.coords][name] = xr.Variable(dims, array, attrs)
    return xr.Dataset(parts[False], parts[True], dataset.attrs)


def _path(path, doing: str) -> Path:
    """Return a usable path; FwpError for something that names no file."""
    try:
        found = Path(path)
        found.exists()  # a name that is too long for the file system fails here
    except (TypeError, ValueError, OSError) as problem:
        raise FwpError(f"cannot {doing} {path!r}: give the path of a file as a string") from problem
    return found


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, what: str) -> Iterator[Path]:
    """Give a temporary path in the same folder and move it over ``path`` if the block succeeds.

    A failure leaves an older file as it was and no temporary file; OSErrors become FwpErrors.
    """
    path = _path(path, f"save the {what} to")
    where = f"cannot save the {what} to {str(path)!r}"
    if path.is_dir():
        raise FwpError(f"{where}: it is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise FwpError(f"{where}: there is no folder {str(path.parent)!r}")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as problem:
        raise FwpError(f"{where}: {problem.strerror or problem}") from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
