"""Draw the curves of a validation over their targets."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import plotting
from .errors import FwpError
from .plotting import GREY
from .targets.rows import Row

#: panels side by side on a page
COLUMNS = 5
OURS = {"color": "#D55E00", "marker": ".", "ms": 2.5, "lw": 1.0, "zorder": 3}
MISSED = {
    "marker": "o",
    "ms": 6.5,
    "mfc": "none",
    "color": "black",
    "mew": 0.8,
    "ls": "",
    "clip_on": False,
}


def figure(rows: list[Row]):
    """Return a matplotlib Figure with a panel for every curve of the rows.

    Grey points are targets with the tolerance as bars, lines are the package's; a ring is
    around a value that misses.

    Raises:
        FwpError: no row belongs to a curve.
    """
    curves: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.curve:
            curves.setdefault((row.model, row.curve), []).append(row)
    if not curves:
        raise FwpError("none of these models has a curve to draw")
    columns = min(COLUMNS, len(curves))
    lines = -(-len(curves) // columns)
    drawn = Figure(
        figsize=(plotting.PAGE * columns / COLUMNS, plotting.PAGE * 0.2 * lines + 0.3)
    )
    if drawn.get_layout_engine() is not None:  # titles may be wider than their panels
        drawn.get_layout_engine().set(rect=(0, 0, 0.97, 1))
    panels = drawn.subplots(lines, columns, squeeze=False).ravel()
    for panel, ((model, name), points) in zip(panels, curves.items(), strict=False):
        _draw_curve(panel, sorted(points, key=lambda row: row.x))
        named = model.split("_")[0].lower() in name.lower()
        panel.set_title(_title(name if named else f"{model}: {name}"), fontsize=6)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    drawn.legend(handles=_legend(), loc="outside upper center", ncols=3)
    return drawn


def _draw_curve(panel, points: list[Row]) -> None:
    x = [row.x for row in points]
    panel.errorbar(
        x, [row.target for row in points], [row.tolerance for row in points], fmt="o",
        color=GREY, ms=3.5, lw=0.8,
    )  # fmt: skip
    panel.plot(x, [row.value for row in points], **OURS)
    missed = [row for row in points if not row.passed]
    if missed:  # an empty line that may leave its panel has no place in the layout
        panel.plot([row.x for row in missed], [row.value for row in missed], **MISSED)
    across, up = points[0].axes
    panel.set_xlabel(textwrap.fill(across, 20), fontsize=6)
    panel.set_ylabel(textwrap.fill(up, 16), fontsize=6)
    panel.tick_params(labelsize=6)
    panel.margins(0.08)


def _title(name: str) -> str:
    """Return the name of a curve in lines: authors before a year with capitals, no
    underscores."""
    words = name.replace("_", " ")
    authors = re.compile(r"(?:\b[a-z]+ )+(?=\d{4}\b)")
    words = authors.sub(lambda found: found.group().title(), words)
    return "\n".join(textwrap.wrap(words[0].upper() + words[1:], 22))


def _legend() -> list:
    grey = {"color": GREY, "ls": "", "ms": 3.5}
    return [
        Line2D([], [], label="this package", **OURS),
        Line2D([], [], marker="o", label="target (bar: what passes)", **grey),
        Line2D([], [], label="known miss", **MISSED),
    ]


def draw(rows: list[Row], path: str | os.PathLike) -> Path:
    """Write the picture of `figure`.

    Raises:
        FwpError: no row belongs to a curve, or the file cannot be written.
    """
    with plotting.style():
        drawn = figure(rows)
    return plotting.save(drawn, path)
