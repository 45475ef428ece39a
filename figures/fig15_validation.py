"""Every curve of the validation report over its published points.

Claim: the models give the published numbers within the tolerances that the report names
(see ``fwp-neuro validate``, which also has the numbers that lie on no curve).
Established: the published points. Modelling choice: tolerances, which are the papers' own
errors or rounding where they have any, and which implementation is followed where
publications disagree (each model's docstring).
"""

from __future__ import annotations

import json

import xarray as xr

from fwp_neuro import targets
from fwp_neuro.validation_picture import figure


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Compute the rows of all models."""
    rows = [row.record() for row in targets.collect(quick=quick, progress=progress)]
    for row in rows:
        for verdict in ("passed", "expected", "strong"):  # they follow from the rest
            row.pop(verdict)
    return xr.Dataset(
        {"value": (("row",), [row["value"] for row in rows])},
        {"quantity": (("row",), [f"{row['model']}: {row['quantity']}" for row in rows])},
        {"rows": json.dumps(rows)},
    )


def rows_of(data) -> list[targets.Row]:
    """Return the rows that a dataset was made from."""
    kept = json.loads(data.attrs["rows"])
    return [targets.Row(**{**row, "axes": tuple(row["axes"])}) for row in kept]


def report(data) -> str:
    """Return the rows as the command prints them."""
    return targets.report(rows_of(data))


def plot(data):
    """Draw a panel for every curve."""
    return figure(rows_of(data))
