"""Draw the curves of a validation over the published points."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FwpError
from .base import Row


def draw(rows: list[Row], path: str | os.PathLike) -> Path:
    """Draw every curve of the rows in a panel of its own and write the picture.

    Points are published values with the tolerance as bars, lines are the package's.

    Raises:
        FwpError: no row belongs to a curve, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    from .. import plotting

    curves: dict[str, list[Row]] = {}
    for row in rows:
        if row.curve:
            curves.setdefault(row.curve, []).append(row)
    if not curves:
        raise FwpError("none of these models has a curve to draw: leave --out away")
    columns = min(3, len(curves))
    lines = -(-len(curves) // columns)
    with plotting.style():
        figure = Figure(figsize=(plotting.PAGE * columns / 3, plotting.PAGE * 0.3 * lines))
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for panel, (name, points) in zip(panels, curves.items(), strict=False):
            points = sorted(points, key=lambda row: row.x)
            x = [row.x for row in points]
            panel.errorbar(
                x, [row.target for row in points], [row.tolerance for row in points], fmt="o",
                color=plotting.GREY, label="published",
            )  # fmt: skip
            panel.plot(x, [row.value for row in points], color="#D55E00", label="this package")
            panel.set(title=name, xlabel=points[0].axes[0], ylabel=points[0].axes[1])
        panels[0].legend()
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
    return plotting.save(figure, path)
