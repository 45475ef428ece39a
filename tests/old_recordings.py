"""Recordings in the netCDF-3 files of before: what netCDF-3 has no type for is in
attributes."""

import json

import numpy as np
import xarray as xr


def save(dataset, path):
    """Write a dataset of numbers and texts as it was written then."""
    variables = {}
    for name, variable in dataset.variables.items():
        dims, array, attrs = variable.dims, variable.values, dict(variable.attrs)
        attrs = {key: str(a) if isinstance(a, bool) else a for key, a in attrs.items()}
        if not array.size:
            attrs["stored_sizes"] = json.dumps(dict(variable.sizes))
            text = array.dtype.kind in "UO"
            dims, array = (), np.array("") if text else np.zeros((), array.dtype)
        if array.dtype.kind in "biuf" and array.dtype not in (
            np.int32,
            np.float32,
            np.float64,
        ):
            attrs["stored_dtype"] = array.dtype.name
            small = (
                array.dtype.kind != "f" and (np.abs(array.astype(float)) < 2**31).all()
            )
            array = array.astype(np.int32 if small else np.float64)
        variables[name] = xr.Variable(dims, array, attrs)
    old = xr.Dataset(
        variables, attrs={**dataset.attrs, "format": "fwp_neuro recording 1"}
    )
    old.set_coords(list(dataset.coords)).to_netcdf(path, engine="scipy")
    return path
