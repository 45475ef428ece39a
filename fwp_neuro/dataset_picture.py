"""Pictures of datasets that nothing else draws: a panel for each variable, and read-outs
against each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fwp_neuro.plotting import COLOURS, COLUMN, rule_look

#: as many panels are legible side by side on a page, two in a row
MOST_PANELS = 6
#: as many lines can be told apart in a panel
MOST_LINES = 8
_RUNS = {"circuit": COLOURS["spiking"], "spiking": COLOURS["spiking"],
         "hebb": rule_look("hebb")["color"], "expected": COLOURS["rate"]}  # fmt: skip


def against(data, reference: str, runs: Iterable[str], title: str) -> Figure:
    """Draw read-outs ``data.readout`` [run, ...] of some runs against one of another
    run."""
    figure = Figure(figsize=(COLUMN, COLUMN * 0.85))
    ax = figure.subplots()
    x = data.readout.sel(run=reference).values.ravel()
    drawn = [x]
    for run in runs:
        y = data.readout.sel(run=run).values.ravel()
        label = f"{run}, nRMSE {np.sqrt(np.mean((y - x) ** 2)) / x.std():.2g}"
        ax.plot(x, y, "os^"[(len(drawn) - 1) % 3], ms=3, mew=0, alpha=0.7,
                color=_RUNS.get(run, "black"), label=label)  # fmt: skip
        drawn.append(y)
    ends = np.array([min(map(np.min, drawn)), max(map(np.max, drawn))])
    ax.plot(ends, ends, "--", color="black", lw=0.8, label="identity", zorder=0)
    ax.set(xlabel=f"read-out, rule {reference} (1)", ylabel="read-out (1)")
    ax.set_title(title, loc="left")
    ax.legend(loc="upper left")
    return figure


def plot(data) -> Figure:
    """Draw every variable of numbers that has a dimension, up to `MOST_PANELS`."""
    named = [
        name
        for name, array in data.data_vars.items()
        if array.ndim and array.size > 1 and array.dtype.kind in "iufb"
    ]
    named = named[:MOST_PANELS] or [""]
    rows = -(-len(named) // 2)
    figure = Figure(figsize=(COLUMN * min(2, len(named)), COLUMN * 0.75 * rows))
    panels = figure.subplots(rows, min(2, len(named)), squeeze=False).ravel()
    for ax, name in zip(panels, named, strict=False):
        if name:
            _panel(ax, data[name], name)
        else:
            ax.text(0.5, 0.5, "no series to draw: see the table", ha="center")
    for ax in panels[len(named) :]:
        ax.set_axis_off()
    return figure


def _panel(ax, array, name: str) -> None:
    x, ticks = _axis(array, array.dims[-1])
    rows = array.values.reshape(-1, array.shape[-1]).astype(float)
    if len(rows) <= MOST_LINES:
        labels = _labels(array)
        for row, label, line in zip(rows, labels, ("-", "--", "-.", ":") * 2,
                                    strict=False):  # fmt: skip
            ax.plot(x, row, line, label=label, marker="." if len(x) < 30 else None)
        ax.set_ylabel(_with_unit(array, name))
        if len(rows) > 1:
            ax.legend()
    else:
        shown = ax.imshow(rows, aspect="auto", interpolation="nearest", origin="lower",
                          extent=(-0.5, len(x) - 0.5, -0.5, len(rows) - 0.5))  # fmt: skip
        ax.figure.colorbar(shown, ax=ax, label=_with_unit(array, name))
        ax.set_ylabel(" x ".join(array.dims[:-1]))
        x = np.arange(len(x))
    if ticks is None:
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel(_with_unit(array.coords.get(array.dims[-1]), array.dims[-1]))
    else:
        ax.set_xticks(x, ticks, rotation=30, ha="right")
        ax.set_xlabel(array.dims[-1])


def _axis(array, dim: str):
    """Return where the entries of a dimension lie, and what stands there if these are
    words."""
    values = array[dim].values if dim in array.coords else np.arange(array.sizes[dim])
    if values.dtype.kind in "iuf":
        return values, None
    return np.arange(len(values)), [str(value) for value in values]


def _labels(array) -> list[str]:
    outer = array.dims[:-1]
    shape = [array.sizes[dim] for dim in outer]
    names = [_axis(array, dim) for dim in outer]
    return [
        ", ".join(
            str(words[at] if words is not None else f"{dim} {where[at]:g}")
            for dim, (where, words), at in zip(outer, names, place, strict=True)
        )
        for place in np.ndindex(*shape)
    ]


def _with_unit(array, name: str) -> str:
    unit = "" if array is None else array.attrs.get("units", "")
    return f"{name} ({unit})" if unit else name
