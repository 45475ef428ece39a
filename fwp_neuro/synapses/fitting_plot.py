"""Fits drawn over the data, and what is left of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import brian2 as b2
import numpy as np

from .. import plotting
from ..errors import FwpError
from .fitting_data import Table
from .registered_synapses import measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .fitting_result import Fit

#: panels of one figure, and of one of its rows
_MOST, _ROW = 12, 4
#: one colour, marker and dash a model, so that each tells them apart
_LOOKS = list(
    zip(
        ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
        "s^Dvo<",
        ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2))),
        strict=True,
    )
)
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


@dataclass(frozen=True)
class _Panel:
    """Rows of a table that are drawn over one axis.

    Attributes:
        title: what they share.
        rows: numbers of the rows, in the order of ``x``.
        x: [row], in the unit of the axis.
        axis: "time", "lag" or "frequency".
    """

    title: str
    rows: np.ndarray
    x: np.ndarray
    axis: str


_LABELS = {
    "time": "time (ms)", "lag": "lag, post - pre (ms)", "frequency": "frequency of "
    "pairs (Hz)",
}  # fmt: skip


def figure_of(fits: dict[str, Fit]) -> Figure:
    """Draw fits to the same data by name: a panel a train or protocol, residuals below
    each.

    Error bars are those of the data; residuals are in units of them where they are given.
    """
    table = next(iter(fits.values())).table
    assert table is not None  # all have the same, as `named_fits` saw to
    all_panels = list(_panels(table))
    panels = all_panels[:_MOST]
    across = min(_ROW, len(panels))
    down = -(-len(panels) // across)
    width = plotting.COLUMN if across <= 2 else plotting.PAGE
    with plotting.style():
        figure = plotting.visible_figure(figsize=(width, 2.4 * down + 0.3))
        grid = figure.add_gridspec(2 * down, across, height_ratios=[3, 1.2] * down)
        upper, lower = None, None
        for place, panel in enumerate(panels):
            row, column = divmod(place, across)
            upper = figure.add_subplot(grid[2 * row, column], sharey=upper)
            lower = figure.add_subplot(grid[2 * row + 1, column], sharex=upper,
                                       sharey=lower)  # fmt: skip
            _draw(panel, fits, table, upper, lower, column == 0)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center",
                      ncols=min(len(labels), 1 + across))  # fmt: skip
        _limits(figure.axes[::2], fits, table)
        if len(all_panels) > len(panels):
            figure.suptitle(
                f"the first {len(panels)} of {len(all_panels)}", fontsize=8, y=0
            )
    return figure


def _panels(table: Table) -> Iterator[_Panel]:
    columns = table.columns
    if table.kind == "trains":
        for rows in table.groups:
            times = columns["time"][rows]
            title = str(columns["train"][rows[0]]) if "train" in columns else ""
            yield _Panel(title, rows, 1e3 * (times - times[0]), "time")
        return
    lags = columns["lag"]
    rates = columns.get("frequency", np.ones(len(lags)))
    if len(np.unique(rates)) > len(np.unique(lags)):
        for lag in np.unique(lags)[::-1]:
            rows = np.flatnonzero(lags == lag)
            rows = rows[np.argsort(rates[rows], kind="stable")]
            yield _Panel(f"lag {1e3 * lag:+g} ms", rows, rates[rows], "frequency")
        return
    for rows in table.groups:
        rows = rows[np.argsort(lags[rows], kind="stable")]
        title = f"{rates[rows[0]]:g} Hz" if len(table.groups) > 1 else ""
        yield _Panel(title, rows, 1e3 * lags[rows], "lag")


def _draw(
    panel: _Panel, fits: dict[str, Fit], table: Table, upper, lower, first: bool
) -> None:
    """Draw data, fits and residuals of one panel."""
    size, label = _unit(table)
    weighted = "sem" in table.columns
    sem = table.columns["sem"][panel.rows] if weighted else None
    bars = {"capsize": 1.5, "elinewidth": 0.7}
    upper.errorbar(
        panel.x, table.measured[panel.rows] / size, None if sem is None else sem / size,
        fmt="o", color="black", ms=3, label="data", zorder=1, **bars,
    )  # fmt: skip
    wide = float(np.ptp(panel.x)) or 2.0
    for number, (name, found) in enumerate(fits.items()):
        colour, marker, dash = _LOOKS[number % len(_LOOKS)]
        x, y = _curve(panel, found, table)
        single = {"marker": marker} if len(panel.x) == 1 else {}
        upper.plot(x, y / size, ls=dash, color=colour, label=name, zorder=2, **single)
        left = found.residuals[panel.rows] / (size if sem is None else sem)
        aside = 0.02 * wide * (number - (len(fits) - 1) / 2)
        lower.errorbar(
            panel.x + aside, left, None if sem is None else 1.0, fmt=marker, ms=3,
            color=colour, **bars,
        )  # fmt: skip
    if len(panel.x) == 1:
        upper.set_xticks(panel.x)
    lower.axhline(0, color=plotting.GREY, lw=0.7)
    middle = (panel.x.min() + panel.x.max()) / 2
    upper.set(title=panel.title, xlim=middle + np.array([-0.58, 0.58]) * wide)
    upper.tick_params(labelbottom=False)
    lower.set_xlabel(_LABELS[panel.axis])
    if first:
        upper.set_ylabel(label)
        lower.set_ylabel("residual /\nerror" if weighted else "residual")
    else:
        for axes in (upper, lower):
            axes.tick_params(labelleft=False)
    if panel.axis == "lag":
        upper.axvline(0, color=plotting.GREY, lw=0.5, zorder=0)
    if table.kind == "plasticity":
        upper.axhline(1, color=plotting.GREY, lw=0.5, zorder=0)


def _limits(axes: Sequence, fits: dict[str, Fit], table: Table) -> None:
    """Show the data and what the models predict for them; between, curves may leave."""
    size, _ = _unit(table)
    errors = table.columns.get("sem", np.zeros(len(table.measured)))
    points = np.concatenate(
        [
            table.measured - errors,
            table.measured + errors,
            *(f.predicted for f in fits.values()),
        ]
    )
    margin = 0.08 * (np.ptp(points) or 1.0)
    axes[0].set_ylim((points.min() - margin) / size, (points.max() + margin) / size)


def _unit(table: Table) -> tuple[float, str]:
    """Return the size of the unit that is drawn, and the label of the axis."""
    if table.kind == "plasticity":
        return 1.0, "weight after / before"
    if isinstance(table.unit, int):
        return 1.0, "amplitude (as given)"
    largest = float(np.abs(table.measured).max()) or 1.0
    size, prefix = next((one for one in _PREFIXES if largest >= one[0]), _PREFIXES[-1])
    symbol = {b2.volt: "V", b2.amp: "A"}.get(table.unit, "S")
    return size, f"amplitude ({prefix}{symbol})"


def _curve(panel: _Panel, found: Fit, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return a fine curve of a model, or its predictions where the data are."""
    here = panel.x, found.predicted[panel.rows]
    if panel.axis == "time" or len(panel.x) < 2:
        return here
    how = measured(found.model, None, "stdp", "plot")
    if how.of_sets is not None:  # runs a Brian2 text: seconds a point
        return here
    ends = panel.x.min(), panel.x.max()
    x = np.unique(np.concatenate([np.linspace(*ends, 121), panel.x]))
    try:
        y = np.array([_at(one, panel, found, table, how.run) for one in x])
    except FwpError:  # pairs that overtake each other between two that do not
        return here
    if panel.axis == "lag" and ends[0] < 0 < ends[1]:  # the sides do not meet
        place = int(np.searchsorted(x, 0))
        x, y = np.insert(x, place, 0.0), np.insert(y, place, np.nan)
    return x, y


def _at(x: float, panel: _Panel, found: Fit, table: Table, run) -> float:
    """Return what a model predicts at a place of an axis, all else as at the nearest
    row."""
    row = panel.rows[np.argmin(np.abs(panel.x - x))]
    columns, more = table.columns, dict(found.options)
    lag = columns["lag"][row] if panel.axis == "frequency" else 1e-3 * x
    rate = float(columns["frequency"][row]) if "frequency" in columns else 1.0
    pairs = 60
    if "pairs" in columns:  # where rows have other numbers, those between
        pairs = round(float(np.interp(x, panel.x, columns["pairs"][panel.rows])))
    if "groups" in columns:
        more["groups"] = int(columns["groups"][row])
    if "interval" in columns:
        more["interval"] = columns["interval"][row] * b2.second
    rate = x if panel.axis == "frequency" else rate
    return float(np.ravel(run(found.model, np.array([lag]), pairs, rate, **more))[0])
