"""Comparison of two recordings of one program: how far a circuit is from its reference.

Every variable that both recordings hold in equal shape is compared, read-out first:
nRMSE = RMSE / (standard deviation of the reference), the regression of the other on the
reference (slope and bias; a slope below 1 is a loss of gain), and Pearson's correlation.
For recall tasks the retrieval accuracy asks which stored value the read-out is nearest
to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from fwp_neuro import notebook_html
from fwp_neuro.arguments import instance, takes, text
from fwp_neuro.errors import FwpError, shown, unknown
from fwp_neuro.recording import Recording
from fwp_neuro.retrieval import retrieval
from fwp_neuro.run_arguments import RECORDING
from fwp_neuro.text_table import aligned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare", "table"]


def __dir__() -> list[str]:
    return sorted(__all__)  # what is public, for tab completion


_FIRST = ("readout", "weights", "final_weights")
# any of them gives the last weights
_LAST = ("weights", "final_weights", "token_cell_pre")


@dataclass(frozen=True)
class Agreement:
    """How well ``other`` follows ``reference`` in one variable (NaN where it is
    undefined)."""

    nrmse: float
    slope: float
    bias: float
    correlation: float


@takes(reference=RECORDING, other=RECORDING)
class Comparison:
    """Result of `compare`; ``comparison["weights"].nrmse`` and so on for each variable.

    Args:
        reference, other: Recordings of the same program.
    """

    def __init__(self, reference: Recording, other: Recording):
        for run in (reference, other):
            readout = run.so_far.get("readout", xr.DataArray(""))
            if readout.dtype.kind not in "biuf" or not {"token", "post"} <= {
                *readout.dims
            }:
                raise FwpError(
                    "compare needs a 'readout' of numbers [token, ..., post], and "
                    f"{_title(run)} has none"
                )
        self.reference, self.other = reference, other
        self.notes: list[str] = []
        self._pairs = {
            name: _pair(reference, other, name) for name in _shared(reference, other)
        }
        self._agreements = {name: self._agreement(name) for name in self._pairs}
        self.retrieval = retrieval(reference, other)
        differing = _differing_gates(reference, other)
        if _other_probes(reference, other):
            self.notes.append(
                "the two runs had different probes, so their read-outs are left out"
            )
        if differing:
            self.notes.append(f"the two runs had different gates: {', '.join(differing)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The compared variables, read-out first."""
        return tuple(self._agreements)

    def __getitem__(self, name: str) -> Agreement:
        if name not in self._agreements:
            if name in _FIRST:
                for recording in (self.reference, self.other):
                    _values(recording, name)  # says why the recording does not have it
            raise unknown(name, self.names, "compared variable")
        return self._agreements[name]

    @property
    def nrmse(self) -> float:
        """nRMSE of the read-out."""
        return self["readout"].nrmse

    @property
    def slope(self) -> float:
        """Slope of the regression of the other read-out on the reference."""
        return self["readout"].slope

    @property
    def bias(self) -> float:
        """Intercept of that regression."""
        return self["readout"].bias

    @property
    def correlation(self) -> float:
        """Pearson correlation of the two read-outs."""
        return self["readout"].correlation

    @property
    def per_token(self) -> xr.Dataset:
        """nrmse, slope and correlation with dims ``[variable, token]``.

        The RMSE of a token is divided by the standard deviation of the whole reference;
        slope and correlation are NaN at tokens whose reference is constant.
        """
        names = [
            name for name in self.names if "token" in _values(self.reference, name).dims
        ]
        rows = np.full((3, len(names), self.reference.so_far.sizes["token"]), np.nan)
        for row, name in enumerate(names):
            axis = self.reference[name].dims.index("token")
            reference, other = (
                np.moveaxis(array, axis, 0) for array in self._pairs[name]
            )
            scale = _spread(reference)
            for token in range(rows.shape[2]):
                found, _ = agree(reference[token], other[token], scale)
                rows[:, row, token] = found.nrmse, found.slope, found.correlation
        titles = ("RMSE / SD of the reference", "regression slope", "Pearson correlation")
        data = {
            name: (("variable", "token"), array, {"units": "1", "long_name": title})
            for name, title, array in zip(
                ("nrmse", "slope", "correlation"), titles, rows, strict=True
            )
        }
        coords: dict[str, Any] = {"variable": names}
        if "label" in self.reference.so_far.coords:
            coords["label"] = self.reference.so_far.coords["label"].variable
        return xr.Dataset(data, coords)

    def table(self) -> str:
        """Return a text table: one row a variable, then retrieval and notes."""
        lines = [f"{_title(self.other)} against {_title(self.reference)} (the reference)"]
        return "\n".join([*lines, *aligned(self._rows()), *self._remarks()])

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the table, its header first."""
        header = ("variable", "nRMSE", "slope", "bias", "correlation")
        return [header, *((name, *_cells(self[name])) for name in self.names)]

    def _remarks(self) -> list[str]:
        """Return retrieval and notes, a line each."""
        found = self.retrieval
        told = "retrieval: no query asks for a stored key"
        if found.tokens:
            told = (
                f"retrieval: reference {found.reference:.3f}, other {found.other:.3f}, "
                f"chance {found.chance:.3f} ({found.tokens} queries of a stored key)"
            )
        return [told, *(f"note: {note}" for note in self.notes)]

    def plot(self) -> Figure:
        """Return a figure: read-out against reference, and nRMSE per token."""
        from fwp_neuro.plotting import comparison_figure  # noqa: PLC0415  numbers need no matplotlib

        return comparison_figure(self)

    __str__ = table

    def _repr_html_(self) -> str:
        return notebook_html.of_table(self.table(), self._rows(), self._remarks())

    def __repr__(self) -> str:
        numbers = (
            f"nrmse={self.nrmse:.4g}, slope={self.slope:.4g}, corr={self.correlation:.4g}"
        )
        return (
            f"Comparison({_title(self.other)} against {_title(self.reference)}: "
            f"{numbers})"
        )

    @takes(name=text("readout"))
    def pair(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the two arrays of a compared variable, reference first, axes in equal
        order."""
        self[name]
        return self._pairs[name]

    def _agreement(self, name: str) -> Agreement:
        found, note = agree(*self._pairs[name])
        if note:
            self.notes.append(f"{name}: {note}")
        return found


@takes(reference=RECORDING, other=RECORDING)
def compare(reference: Recording, other: Recording) -> Comparison:
    """Compare two recordings of the same program.

    Args:
        reference: is taken to be right.
        other: is compared with it.

    Gates may differ (an ablation); the table then says which. Raises FwpError if one is
    not a Recording or has no read-out, or if read-outs or fast weights differ in shape,
    or keys, values or queries in their numbers.
    """
    return Comparison(reference, other)


@takes(comparisons=instance("collections.abc:Mapping", dict))
def table(comparisons: Mapping[str, Comparison]) -> str:
    """Return a text table with one row a named comparison: the read-out's numbers and
    retrieval.

    Args:
        comparisons: name -> result of `compare`.
    """
    titles = (
        "",
        "nRMSE",
        "slope",
        "bias",
        "correlation",
        "retrieval",
        "chance",
        "queries",
    )
    rows: list[tuple[str, ...]] = [titles]
    for name, comparison in comparisons.items():
        if not isinstance(comparison, Comparison):
            raise FwpError(
                f"table takes a dict from name to Comparison, got {shown(comparison)}"
            )
        found = comparison.retrieval
        recall = (
            ("-", "-")
            if not found.tokens
            else (f"{found.other:.3f}", f"{found.chance:.3f}")
        )
        rows.append(
            (str(name), *_cells(comparison["readout"]), *recall, str(found.tokens))
        )
    return "\n".join(aligned(rows))


# ---------------------------------------------------------------------- numbers


def _spread(array: np.ndarray) -> float:
    """Return the standard deviation, exactly 0 where it is only round-off."""
    array = np.asarray(array, dtype=np.float64)
    if not array.size or not np.isfinite(array).all():
        return math.nan
    deviation = float(np.std(array))
    return deviation if deviation > 1e-12 * float(np.abs(array).max()) else 0.0


def agree(
    reference: np.ndarray, other: np.ndarray, scale: float | None = None
) -> tuple[Agreement, str]:
    """Return the agreement and a sentence on what is undefined ('' if nothing is)."""
    nan = math.nan
    if not reference.size:
        return Agreement(nan, nan, nan, nan), "it is empty, so nothing can be compared"
    for array, name in ((reference, "reference"), (other, "other recording")):
        if not np.isfinite(array).all():
            return Agreement(
                nan, nan, nan, nan
            ), f"the {name} holds NaN or infinite numbers"
    reference, other = np.float64(reference).ravel(), np.float64(other).ravel()
    own, spread = _spread(reference), _spread(other)
    scale = own if scale is None else scale
    rmse = float(np.sqrt(np.mean((other - reference) ** 2)))
    nrmse = rmse / scale if scale else nan
    if own == 0:
        note = "the reference is constant, so nRMSE, slope and correlation are undefined"
        return Agreement(nrmse, nan, nan, nan), note
    covariance = float(np.mean((reference - reference.mean()) * (other - other.mean())))
    slope = covariance / own**2
    bias = float(other.mean() - slope * reference.mean())
    if abs(bias) < 1e-15 * max(np.abs(reference).max(), np.abs(other).max()):
        bias = 0.0  # round-off of the two means
    if spread == 0:
        return Agreement(nrmse, slope, bias, nan), (
            "the other recording is constant, so its correlation is undefined"
        )
    return Agreement(
        nrmse, slope, bias, float(np.clip(covariance / (own * spread), -1, 1))
    ), ""


def _shared(reference: Recording, other: Recording) -> list[str]:
    """Return the measured, numeric variables both hold in equal shape, read-out first."""

    def measured(recording: Recording) -> list[str]:
        variables = recording.so_far.data_vars.items()
        return [
            str(name)
            for name, variable in variables
            if "role" not in variable.attrs and variable.dtype.kind in "biuf"
        ]

    theirs = measured(other)
    names = [name for name in measured(reference) if name in theirs]
    if "weights" not in names and all(
        any(n in run for n in _LAST) for run in (reference, other)
    ):
        names.append("final_weights")
    if _other_probes(reference, other):
        names.remove("probe_readout")
    names = [name for name in _FIRST if name in names] + [
        n for n in names if n not in _FIRST
    ]
    sizes = {
        n: (dict(_values(reference, n).sizes), dict(_values(other, n).sizes))
        for n in names
    }
    for name in _FIRST:
        if name in sizes and sizes[name][0] != sizes[name][1]:
            raise FwpError(
                f"compare: {name!r} is {_sizes(sizes[name][0])} in {_title(reference)} "
                f"(the reference), but {_sizes(sizes[name][1])} in {_title(other)}"
            )
    for name in ("key", "value", "query"):
        if name in reference and name in other:
            if "sequence" in reference[name].dims:
                _ = reference.program  # which says how to get one of several
            if not np.array_equal(reference[name].values, other[name].values):
                raise FwpError(
                    f"compare: the two recordings ran different programs (their {name!r} "
                    "differ)"
                )
    return [name for name in names if sizes[name][0] == sizes[name][1]]


def _differing_gates(reference: Recording, other: Recording) -> list[str]:
    """Return the program arrays that both hold with different numbers (keys and such are
    equal)."""
    variables = reference.so_far.data_vars.items()
    return [
        str(name)
        for name, variable in variables
        if variable.attrs.get("role") == "program"
        and name in other
        and not np.array_equal(variable.values, other[str(name)].values)
    ]


def _pair(
    reference: Recording, other: Recording, name: str
) -> tuple[np.ndarray, np.ndarray]:
    first = _values(reference, name)
    return first.values, _values(other, name).transpose(*first.dims).values


def _values(recording: Recording, name: str) -> xr.DataArray:
    """Return a variable; the last weights also of a run that kept them in another way."""
    return recording.final_weights if name == "final_weights" else recording[name]


def _other_probes(reference: Recording, other: Recording) -> bool:
    """Whether both runs were probed, and with different vectors."""
    both = "probe_readout" in reference and "probe_readout" in other
    return both and not np.array_equal(reference["probes"].values, other["probes"].values)


# ---------------------------------------------------------------------- words


def _title(recording: Recording) -> str:
    if recording.swept:
        return recording.swept
    rule = recording.attrs.get("rule", "unknown rule")
    return f"{rule} ({recording.attrs.get('realisation', 'unknown realisation')})"


def _sizes(sizes: Mapping) -> str:
    one = " (.sequence(n) takes one)" if "sequence" in sizes else ""
    return "[" + ", ".join(f"{dim} {size}" for dim, size in sizes.items()) + "]" + one


def _cells(found: Agreement) -> list[str]:
    return [
        f"{found.nrmse:.4g}",
        f"{found.slope:.4f}",
        f"{found.bias:.4g}",
        f"{found.correlation:.4f}",
    ]
