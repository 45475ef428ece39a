"""What leaves a recording or a programme: pictures, tables, and files of other packages.

The modules that do it stand above the recording, so they are found by name when they are
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .recording_plots import Plots


class RecordingOutputs:
    """What a `Recording` can give away."""

    @property
    def plot(self) -> Plots:
        """Pictures: ``rec.plot.raster()``, ``.weights()``, ``.traces()``, ``.token(n)``,
        ``.comparison(other)``."""
        return import_module("fwp_neuro.recording_plots").Plots(self)


class ProgramOutputs:
    """What a `Program` can give away."""

    __slots__ = ()

    def plot(self, head: int | None = None) -> Figure:
        """Draw keys, values, queries and gates, dimension over token.

        Args:
            head: which one, if there are several (the first if None).

        Example:
            >>> fwp_neuro.tasks.associative_recall().plot()  # doctest: +SKIP
        """
        return import_module("fwp_neuro.recording_plots").program_figure(self, head)
