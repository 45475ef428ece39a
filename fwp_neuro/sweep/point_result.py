"""What a function returned, as a labelled Dataset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from ..errors import FwpError
from ..foreign_units import as_numpy

#: the name of a result that has none
NAME = "result"


def to_dataset(value) -> xr.Dataset:
    """Return a number, an array, a dict of these, a Dataset, a DataArray or a Recording
    labelled.

    A number or an array becomes the variable ``result`` (an array with dims ``dim_0``,
    ...); a Brian2 quantity is kept in SI units, which the attribute ``units`` names.

    Raises:
        FwpError: anything else.
    """
    value = (
        getattr(value, "dataset", value) if not isinstance(value, xr.Dataset) else value
    )
    if isinstance(value, xr.Dataset):
        return value
    if isinstance(value, xr.DataArray):
        return value.to_dataset(name=value.name or NAME)
    if isinstance(value, Mapping):
        if not value:
            raise FwpError(
                "the function returned an empty dict, so there is nothing to keep"
            )
        return xr.Dataset(
            {str(name): _variable(item, str(name)) for name, item in value.items()}
        )
    return xr.Dataset({NAME: _variable(value, NAME)})


def _variable(value, name: str) -> xr.Variable | xr.DataArray:
    if isinstance(value, xr.DataArray | xr.Variable):
        return value
    attrs = {}
    if hasattr(value, "dim") and hasattr(value, "in_best_unit"):
        from brian2 import get_unit  # noqa: PLC0415  units only

        attrs["units"] = str(get_unit(value.dim)) if not value.is_dimensionless else "1"
    array = None
    try:
        array = np.asarray(as_numpy(value))
    except (ValueError, TypeError, RuntimeError):
        # lists of different lengths, odd tensors
        pass
    if array is None or array.dtype.kind not in "biufU":
        raise FwpError(
            f"the function returned {name} of type {type(value).__name__}, which cannot "
            "be kept; legal are numbers, text, arrays, dicts of these, Datasets and "
            "Recordings"
        )
    dims = [
        f"{name}_{axis}" if name != NAME else f"dim_{axis}" for axis in range(array.ndim)
    ]
    return xr.Variable(dims, array, attrs)
