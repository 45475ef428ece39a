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

    def to_dataframe(self, variable: str = "readout"):
        """Return a variable as a pandas table: a row for each number, a column for each
        dim and for each coordinate on it; ``.to_csv("readout.csv")`` writes it.

        Raises:
            FwpError: the recording has no such variable.

        Example:
            >>> rec.to_dataframe("weights").to_csv("weights.csv")  # doctest: +SKIP
        """
        array = self[variable]  # type: ignore[index]
        labelled = array.assign_coords({dim: array[dim] for dim in array.dims})
        return labelled.to_dataframe(name=str(array.name)).reset_index()

    def to_neo(self):
        """Return the run of a circuit as a `neo.Block` of one segment, which Elephant
        takes: a spike train of each cell (annotated with population, number, dimension,
        head and sign), a signal of each trace, and the tokens as an epoch.

        Needs the extra ``[io]``. Neo has no unit for conductances in units of the leak;
        such signals are dimensionless and annotated with ``unit_as_said``.

        Raises:
            FwpError: several sequences, a realisation without time, or no Neo.

        Example:
            >>> trains = rec.to_neo().segments[0].spiketrains  # doctest: +SKIP
            >>> elephant.statistics.mean_firing_rate(trains[0])  # doctest: +SKIP
        """
        return import_module("fwp_neuro.neo_blocks").block(self)

    def to_nwb(self, path, description: str = "simulated circuit of fast weights"):
        """Write the run of a circuit as an NWB file, whole or not at all, and return its
        path: units are the cells, trials the tokens with their read-outs, and a
        processing module holds the traces. There is no subject, as no animal was used.

        Needs the extra ``[io]``.

        Raises:
            FwpError: several sequences, a realisation without time, no pynwb, or a folder
                that cannot be written to.

        Example:
            >>> rec.to_nwb("run.nwb")  # doctest: +SKIP
        """
        return import_module("fwp_neuro.nwb_files").write(self, path, description)


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
