"""The file of a recording: netCDF-3, which needs SciPy alone and which netCDF tools, MATLAB and R
read. Types that it lacks (64-bit and unsigned integers, booleans, dims of length 0) are named in
attributes and come back as they were."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .errors import FwpError, shown
from .files import atomic_path, file_path

FORMAT = "fwp_neuro recording 1"
SUFFIX = ".nc"
_STORED_TYPE = "stored_dtype"
_STORED_SIZES = "stored_sizes"


def write(dataset: xr.Dataset, path: str | os.PathLike) -> Path:
    """Write a dataset whole or not at all; return the path. See `Recording.save` for errors."""
    path = file_path(path, "save the recording to")
    if path.name not in ("", "..") and not path.is_dir() and path.suffix != SUFFIX:
        raise FwpError(
            f"cannot save the recording to {shown(str(path), 200)}: its name must end in "
            f"{SUFFIX!r}, the one format of recordings (netCDF)"
        )
    stored = _encoded(dataset)
    with atomic_path(path, "recording") as temporary:
        try:
            stored.to_netcdf(temporary, engine="scipy")
        except (TypeError, ValueError) as problem:
            raise FwpError(f"netCDF-3 cannot hold this recording: {problem}") from problem
    return path


def read(path: str | os.PathLike) -> xr.Dataset:
    """Read what `write` wrote.

    Raises:
        FwpError: there is no file, it cannot be read, or it is no recording.
    """
    path = file_path(path, "read a recording from")
    if not path.exists():
        raise FwpError(f"there is no recording at {shown(str(path), 200)}")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise FwpError(f"cannot read a recording from {shown(str(path), 200)}: it is {what}")
    try:
        stored = io.BytesIO(path.read_bytes())
    except OSError as problem:
        raise FwpError(
            f"cannot read a recording from {shown(str(path), 200)}: {problem.strerror or problem}"
        ) from problem
    no = f"{shown(str(path), 200)} is not a recording: "
    try:
        with xr.open_dataset(stored, engine="scipy") as dataset:
            dataset = dataset.load()
    except Exception as problem:  # a damaged or foreign file fails in many ways inside the reader
        raise FwpError(f"{no}it is not a netCDF file, or it is damaged") from problem
    if dataset.attrs.pop("format", None) != FORMAT:
        raise FwpError(f"{no}fwp_neuro did not write it")
    try:
        return _decoded(dataset)
    except Exception as problem:  # attributes that were changed by hand, or bits that flipped
        raise FwpError(f"{no}it is damaged") from problem


def attribute(value: Any) -> Any:
    """Return an attribute netCDF-3 can hold unchanged: a string, a float or a small integer."""
    if isinstance(value, np.generic):
        value = value.item()
    small = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    if isinstance(value, str | float) or small:
        return value
    return str(value)


def _encoded(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset in the number types of netCDF-3, the original type kept as attribute."""
    attributes = {name: attribute(value) for name, value in dataset.attrs.items()}
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, variable in dataset.variables.items():
        array, kind, dims = variable.values, variable.dtype.kind, variable.dims
        attrs = {key: attribute(value) for key, value in variable.attrs.items()}
        if kind not in "biufUO":
            raise FwpError(f"cannot save variable {name!r}: netCDF-3 has no type {variable.dtype}")
        if kind in "OU":
            _check_text(str(name), array)
        if not array.size:  # netCDF-3 has no dims of length 0
            attrs[_STORED_SIZES] = json.dumps(dict(variable.sizes))
            dims, array = (), np.array("") if kind in "UO" else np.zeros((), variable.dtype)
        if kind in "biuf" and variable.dtype not in (np.int32, np.float32, np.float64):
            attrs[_STORED_TYPE] = variable.dtype.name
            array = _storable(str(name), array)
        parts[name in dataset.coords][name] = xr.Variable(dims, array, attrs)
    return xr.Dataset(parts[False], parts[True], {**attributes, "format": FORMAT})


def _check_text(name: str, array: np.ndarray) -> None:
    """Raise `FwpError` for missing entries among texts, which would come back as ""."""
    missing = [each is None or each != each for each in array.flat]
    texts = [isinstance(each, str) for each in array.flat]
    if any(text and each.endswith("\0") for text, each in zip(texts, array.flat, strict=True)):
        raise FwpError(f"cannot save variable {name!r}: netCDF-3 loses a null at the end of a text")
    if array.size and not any(texts):
        raise FwpError(
            f"cannot save variable {name!r}: netCDF-3 cannot hold this recording's objects, such "
            f"as {shown(array.flat[0])}"
        )
    if 0 < sum(texts) < array.size == sum(texts) + sum(missing):
        raise FwpError(
            f"cannot save variable {name!r}: {sum(missing)} of its {array.size} texts are missing "
            "(None), and netCDF-3 has no missing text; give a word such as 'none' for them"
        )


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
