"""Draw the curves of a validation over their targets."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from ..errors import FwpError
from .base import Row


def figure(rows: list[Row]):
    """Return a matplotlib Figure with a panel for every curve of the rows.

    Points are targets with the tolerance as bars, lines are the package's.

    Raises:
        FwpError: no row belongs to a curve.
    """
    from matplotlib.figure import Figure

    from .. import plotting

    curves: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.curve:
            curves.setdefault((row.model, row.curve), []).append(row)
    if not curves:
        raise FwpError("none of these models has a curve to draw")
    columns = min(4, len(curves))
    lines = -(-len(curves) // columns)
    drawn = Figure(figsize=(plotting.PAGE * columns / 4, plotting.PAGE * 0.24 * lines))
    panels = drawn.subplots(lines, columns, squeeze=False).ravel()
    for panel, ((model, name), points) in zip(panels, curves.items(), strict=False):
        points = sorted(points, key=lambda row: row.x)
        x = [row.x for row in points]
        panel.errorbar(
            x, [row.target for row in points], [row.tolerance for row in points], fmt="o",
            color=plotting.GREY, ms=2.5, lw=0.8, label="target, with what passes",
        )  # fmt: skip
        panel.plot(x, [row.value for row in points], color="#D55E00", label="this package")
        title = name if model.split("_")[0].lower() in name.lower() else f"{model}: {name}"
        words = textwrap.wrap(title.replace("_", " "), 24)
        panel.set_title("\n".join(words), fontsize=6.5)
        panel.set_xlabel(points[0].axes[0], fontsize=6.5)
        panel.set_ylabel("\n".join(textwrap.wrap(points[0].axes[1], 22)), fontsize=6.5)
        panel.tick_params(labelsize=6)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    handles = panels[0].get_legend_handles_labels()
    drawn.legend(*handles, loc="outside upper center", ncols=2)
    return drawn


def draw(rows: list[Row], path: str | os.PathLike) -> Path:
    """Write the picture of `figure`.

    Raises:
        FwpError: no row belongs to a curve, or the file cannot be written.
    """
    from .. import plotting

    with plotting.style():
        drawn = figure(rows)
    return plotting.save(drawn, path)
