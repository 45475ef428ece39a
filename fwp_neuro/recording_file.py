"""The file of a recording: netCDF-4, which xarray, netCDF4, h5py, MATLAB and R read.

Before, recordings were netCDF-3 files; those still load. What netCDF-4 has no type for
(half precision, missing texts, attributes that are True or complex) is named in
attributes and comes back as it was."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import xarray as xr
from xarray.backends import H5NetCDFStore
from xarray.backends.locks import HDF5_LOCK

from . import hdf5_check
from .errors import FwpError, shown
from .files import atomic_path, file_path
from .provenance import attribute

FORMAT = "fwp_neuro recording 2"
SUFFIX = ".nc"
OLD_FORMAT = "fwp_neuro recording 1"
_STORED_TYPE = "stored_dtype"
_STORED_SIZES = "stored_sizes"  # of netCDF-3, which has no dims of length 0
_STORED_ATTRIBUTES = "stored_attributes"
#: a text that stands for None; netCDF's own name for it, so that others see a missing
#: value too
_MISSING = "missing_value"
_NO_LIBRARY = (
    "files of recordings need the package h5py, which is missing: pip install h5py"
)
_NATIVE = (*"bBhHiIlLqQfdFD?",)


def write(dataset: xr.Dataset, path: str | os.PathLike) -> Path:
    """Write a dataset whole or not at all; return the path. See `Recording.save` for
    errors."""
    path = file_path(path, "save the recording to")
    if path.name not in ("", "..") and not path.is_dir() and path.suffix != SUFFIX:
        raise FwpError(
            f"cannot save the recording to {shown(str(path), 200)}: its name must end in "
            f"{SUFFIX!r}, the one format of recordings (netCDF)"
        )
    stored = _encoded(dataset)
    with atomic_path(path, "recording") as temporary:
        plain = {name: {"_FillValue": None} for name in stored.variables}
        try:
            # into memory first: the HDF5 library ends the process where it finds the disk
            # full
            content = _bytes(stored, plain)
        except ImportError as problem:
            raise FwpError(_NO_LIBRARY) from problem
        except (TypeError, ValueError) as problem:
            raise FwpError(f"netCDF-4 cannot hold this recording: {problem}") from problem
        temporary.write_bytes(content)
    return path


def _bytes(dataset: xr.Dataset, encoding: dict) -> bytes:
    """Return a dataset as netCDF-4.

    The store is opened here, with the lock of this process: xarray would ask a Dask
    scheduler, of which this process may be a worker, for one that only that scheduler
    knows.
    """
    target = io.BytesIO()
    store = H5NetCDFStore.open(target, mode="w", lock=HDF5_LOCK)
    try:
        dataset.dump_to_store(store, encoding=encoding)
    finally:
        store.close()
    return hdf5_check.marked(target.getvalue())


def read(path: str | os.PathLike) -> xr.Dataset:
    """Read what `write` wrote, or an older netCDF-3 file.

    Raises:
        FwpError: there is no file, it cannot be read, or it is no recording.
    """
    path = file_path(path, "read a recording from")
    if not path.exists():
        raise FwpError(f"there is no recording at {shown(str(path), 200)}")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise FwpError(
            f"cannot read a recording from {shown(str(path), 200)}: it is {what}"
        )
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise FwpError(
            f"cannot read a recording from {shown(str(path), 200)}: "
            f"{problem.strerror or problem}"
        ) from problem
    no = f"{shown(str(path), 200)} is not a recording: "
    try:
        dataset = _opened(content)
    except ImportError as problem:
        raise FwpError(_NO_LIBRARY) from problem
    except Exception as problem:
        # a damaged or foreign file fails in many ways inside the reader
        raise FwpError(f"{no}it is not a netCDF file, or it is damaged") from problem
    if dataset.attrs.pop("format", None) not in (FORMAT, OLD_FORMAT):
        raise FwpError(f"{no}fwp_neuro did not write it")
    try:
        return _decoded(dataset)
    except Exception as problem:
        # attributes that were changed by hand, or bits that flipped
        raise FwpError(f"{no}it is damaged") from problem


def _opened(content: bytes) -> xr.Dataset:
    """Return what a netCDF file holds; anything may be raised for what is none."""
    if content.startswith(b"CDF"):
        with xr.open_dataset(io.BytesIO(content), engine="scipy") as dataset:
            return dataset.load()
    import h5py  # noqa: PLC0415  a large library of C, which most uses of the package do not need

    hdf5_check.check(content)
    # damage is found here: h5netcdf would leave a half-made object behind, whose end
    # complains
    with h5py.File(io.BytesIO(content)) as file:
        dict(file.attrs)
    # the scales, masks and dates that a netCDF reader derives from attributes are not
    # applied
    with xr.open_dataset(
        io.BytesIO(content),
        engine="h5netcdf",
        mask_and_scale=False,
        decode_times=False,
        lock=HDF5_LOCK,
    ) as dataset:
        return dataset.load()


def _stored(attributes: dict) -> dict:
    """Return attributes in types of netCDF, with a note of those that have another
    one."""
    found = {name: attribute(value) for name, value in attributes.items()}
    noted: dict[str, str] = {}
    for name, value in found.items():
        if isinstance(value, bool):
            found[name], noted[name] = int(value), "bool"
        elif isinstance(value, complex):
            found[name], noted[name] = np.array([value.real, value.imag]), "complex"
        elif isinstance(value, str):  # of a class of its own, as torch.__version__ is
            found[name] = str.__str__(value)
    return found | ({_STORED_ATTRIBUTES: json.dumps(noted)} if noted else {})


def _restored(attributes: dict) -> dict:
    """Return attributes as they were before `_stored`."""
    found = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in attributes.items()
    }
    for name, kind in json.loads(found.pop(_STORED_ATTRIBUTES, "{}")).items():
        found[name] = bool(found[name]) if kind == "bool" else complex(*found[name])
    return found


def _encoded(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset in types of netCDF-4, the original type kept as attribute."""
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, variable in dataset.variables.items():
        array, attrs = variable.values, _stored(variable.attrs)
        if array.dtype.kind not in "biufcUO":
            raise FwpError(
                f"cannot save variable {name!r}: netCDF-4 has no type {variable.dtype}"
            )
        if array.dtype.kind in "OU":
            array, missing = _texts(str(name), array)
            attrs |= missing
        elif array.dtype.char not in _NATIVE:
            attrs[_STORED_TYPE] = variable.dtype.name
            array = _storable(str(name), array)
        parts[name in dataset.coords][name] = xr.Variable(variable.dims, array, attrs)
    attributes = {**_stored(dataset.attrs), "format": FORMAT}
    return xr.Dataset(parts[False], parts[True], attributes)


def _texts(name: str, array: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
    """Return texts with a word of their own for the missing ones, and the attribute that
    says it.

    Raises:
        FwpError: objects that are neither text nor missing (None, or NaN among texts), or
            a text with a null.
    """
    missing = np.array([each is None or each != each for each in array.flat], bool)
    there = [each for each, none in zip(array.flat, missing, strict=True) if not none]
    odd = [each for each in there if not isinstance(each, str)]
    odd += [each for each in array.flat if not there and each is not None]
    if odd:
        raise FwpError(
            f"cannot save variable {name!r}: netCDF-4 cannot hold this recording's "
            f"objects, such as {shown(odd[0])}"
        )
    texts = set(there)
    if any("\0" in each for each in texts):
        raise FwpError(
            f"cannot save variable {name!r}: netCDF-4 has no text with a null in it"
        )
    if not missing.any():
        return array, {}
    word = "missing"
    while word in texts:
        word += "_"
    filled = array.astype(object)
    filled[missing.reshape(array.shape)] = word
    return filled, {_MISSING: word}


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    """Return numbers of another precision in double precision, if that is exact."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        if np.array_equal(cast.astype(array.dtype), array, equal_nan=True):
            return cast
    raise FwpError(
        f"cannot save variable {name!r}: its {array.dtype} numbers do not fit a float64 "
        "exactly"
    )


def _decoded(dataset: xr.Dataset) -> xr.Dataset:
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, variable in dataset.variables.items():
        attrs = _restored(variable.attrs)
        # netCDF-3 is big-endian, and PyTorch refuses arrays that are not in native byte
        # order
        dtype = np.dtype(attrs.pop(_STORED_TYPE, variable.dtype)).newbyteorder("=")
        dims, array = variable.dims, variable.values.astype(dtype)
        if _STORED_SIZES in attrs:
            sizes = json.loads(attrs.pop(_STORED_SIZES))
            dims, kind = tuple(sizes), "U1" if dtype.kind == "O" else dtype
            array = np.zeros(tuple(sizes.values()), kind)
        if array.dtype.kind in "OU" and _MISSING in attrs:
            word = attrs.pop(_MISSING)
            array = array.astype(object)
            array[array == word] = None
        parts[name in dataset.coords][name] = xr.Variable(dims, array, attrs)
    return xr.Dataset(parts[False], parts[True], _restored(dataset.attrs))
