"""Pictures of a recording: ``rec.plot.raster()``, ``.weights()``, ``.traces()``,
``.token(n)``, ``.comparison(other)``.

Each method returns a Matplotlib Figure, which a notebook shows and
`fwp_neuro.plotting.save` writes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from .arguments import inside, instance, optional, takes, whole
from .errors import FwpError, pick, shown
from .plotting import COLUMN, GREY, PAGE, style, visible_figure
from .run_arguments import RECORD, RECORDING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .comparison import Comparison
    from .recording import Recording

#: what tasks note of a token, which commands nothing
NOTES = ("slot", "answer", "former", "digit", "former_digit", "read_only")
#: population -> colour of its spikes
POPULATION_COLOURS = {"key": "#0072B2", "teacher": "#D55E00", "value": "#009E73"}
#: lines of one panel, of different elements of a variable
LINE_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
#: lines drawn of one variable
MOST_LINES = 6
#: unit of a variable -> that of its panel, and the factor
UNITS = {"V": ("mV", 1e3), "S": ("nS", 1e9), "leak conductance": ("g_leak", 1.0)}
#: tokens drawn by `Plots.weights`
MOST_TOKENS = 12
#: what is drawn of a token, from top to bottom
TOKEN_ROWS = ("x_nmda", "gate", "V_basal", "V_apical", "unblocked", "g_ampa", "w")
_ASK = f"pass record={TOKEN_ROWS} and record_every=2*ms to fwp_neuro.run(..., 'spiking')"
#: the interval in which the gate is open
OPEN = "#F0E442"


def _recording():
    return RECORDING.example()


@takes(recording=instance("fwp_neuro.recording:Recording", _recording))
class Plots:
    """The pictures of one recording; ``rec.plot`` makes it."""

    def __init__(self, recording: Recording):
        self.recording = recording

    def __repr__(self) -> str:
        names = [name for name in vars(type(self)) if not name.startswith("_")]
        return f"<pictures of a Recording: {', '.join(f'.{n}()' for n in names)}>"

    @takes(populations=RECORD)
    def raster(self, populations=None) -> Figure:
        """Draw the spikes of all populations, or of those named, cell over time.

        Raises:
            FwpError: no spikes were recorded, or an unknown population.

        Example:
            >>> rec.plot.raster(["key"])  # doctest: +SKIP
        """
        recording = self._one("spike_time")
        cells = recording["population"].values
        legal = list(dict.fromkeys(cells))
        for name in populations or ():
            pick(name, legal, "population")
        kept = np.isin(cells, populations or legal)
        row = np.cumsum(kept) - 1
        with style():
            figure = visible_figure(figsize=(PAGE, 2.6))
            ax = figure.subplots()
            spikes = recording["spike_cell"].values
            for name in populations or legal:
                mine = spikes[cells[spikes] == name]
                times = recording["spike_time"].values[cells[spikes] == name]
                ax.plot(times, row[mine], ".", ms=1.2, mew=0, rasterized=True,
                        color=POPULATION_COLOURS.get(name, GREY))  # fmt: skip
            middles = [row[kept & (cells == n)].mean() for n in populations or legal]
            ax.set_yticks(middles, [f"{name} cells" for name in populations or legal])
            ax.set(xlabel="time (s)", ylim=(-1, kept.sum()), xlim=(0, recording.duration))
            self._tokens(ax, recording)
        return figure

    @takes(by=inside("'token' or 'time'"), head=whole(0))
    def weights(self, by: str = "token", head: int = 0) -> Figure:
        """Draw the fast weights: a matrix after every token, or lines over time.

        Args:
            by: "token" (a matrix [post, pre] each), or "time" (the trace ``w`` of a
                circuit: record=("w",), record_every=...).
            head: which one, if there are several.

        Raises:
            FwpError: the recording has no such weights, or no such head.

        Example:
            >>> rec.plot.weights(by="time")  # doctest: +SKIP
        """
        if pick(by, ("token", "time"), "by") == "time":
            return self.traces(["w"], head)
        every = self._head(self._one("weights")["weights"], head)
        shown_tokens = np.linspace(0, len(every) - 1, min(len(every), MOST_TOKENS))
        most = float(np.abs(every.values).max()) or 1.0
        with style():
            columns = min(6, len(shown_tokens))
            rows = -(-len(shown_tokens) // columns)
            figure = visible_figure(figsize=(PAGE, 0.3 + 1.25 * rows))
            panels = figure.subplots(rows, columns, squeeze=False).ravel()
            for ax, token in zip(panels, shown_tokens.round().astype(int), strict=False):
                picture = ax.imshow(every[token], cmap="RdBu_r", vmin=-most, vmax=most,
                                    aspect="auto", interpolation="nearest")  # fmt: skip
                ax.set_title(f"after token {token}")
                ax.set(xticks=[], yticks=[])
            for ax in panels[len(shown_tokens) :]:
                ax.set_axis_off()
            panels[0].set(xlabel="key", ylabel="value")
            figure.colorbar(picture, ax=list(panels), label="fast weight", shrink=0.8)
        return figure

    @takes(names=RECORD, head=whole(0))
    def traces(self, names=None, head: int = 0) -> Figure:
        """Draw what was recorded over time, one panel a variable.

        Args:
            names: of variables on the dim ``time``; all if None. Of each variable the six
                elements that change most are drawn.
            head: which one, if there are several.

        Raises:
            FwpError: nothing was recorded over time, or not this.

        Example:
            >>> rec.plot.traces(["w", "gate"])  # doctest: +SKIP
        """
        recording = self._timed()
        there = self._over_time(recording)
        for name in names or ():
            pick(name, there, "trace")
        return self._panels(recording, names or there, head, 0.0, recording.duration)

    @takes(token=whole(0), head=whole(0))
    def token(self, token: int, head: int = 0) -> Figure:
        """Draw one token in a spiking circuit, from spikes to the fast weights.

        Key and teacher spikes, NMDA trace, gate, voltages of the ON cells, unblocked
        fraction, AMPA conductance and fast weights, as far as they were recorded: the
        interval in which the gate is open is shaded.

        Raises:
            FwpError: no such token, or nothing was recorded over time; the sentence says
                what to pass to `fwp_neuro.run`.

        Example:
            >>> rec = fwp_neuro.run(program, "delta", "spiking", record=(
            ...     "w", "g_ampa", "x_nmda", "V_basal", "V_apical", "gate", "unblocked"),
            ...     record_every=2*ms)  # doctest: +SKIP
            >>> rec.plot.token(0)  # doctest: +SKIP
        """
        recording = self._timed()
        starts = [*recording["token_start"].values, recording.duration]
        if token >= len(starts) - 1:
            raise FwpError(
                f"token is {shown(token)}; the recording has {len(starts) - 1} tokens"
            )
        names = [name for name in TOKEN_ROWS if name in self._over_time(recording)]
        if not names:
            raise FwpError(f"none of {TOKEN_ROWS} was recorded; {_ASK}")
        begin, end = float(starts[token]), float(starts[token + 1])
        spikes = "spike_time" in recording
        figure = self._panels(recording, names, head, begin, end, spikes)
        if "readout" in recording:
            self._read(figure, self._head(recording["readout"][token], head))
        labels = recording["label"].values if "label" in recording else ()
        said = f": {labels[token]}" if len(labels) else ""
        figure.suptitle(f"token {token}{said}", fontsize=8)
        return figure

    @takes(other=RECORDING)
    def comparison(self, other: Recording) -> Figure:
        """Draw the read-out of another recording of the programme against this one.

        Example:
            >>> artificial.plot.comparison(spiking)  # doctest: +SKIP
        """
        return _compared(self.recording, other).plot()

    # ------------------------------------------------------------------ parts

    def _one(self, needed: str) -> Recording:
        """Return the recording if it is of one sequence and has what is needed."""
        self._one_sequence()
        self.recording[needed]  # says in a sentence why there is none
        return self.recording

    def _one_sequence(self) -> None:
        if "sequence" in self.recording.so_far.dims:
            raise FwpError(
                "this recording has several sequences: draw one, as in "
                "rec.sequence(0).plot"
            )

    def _timed(self) -> Recording:
        """Return the recording if something was recorded over time."""
        self._one_sequence()
        if "time" not in self.recording.so_far.dims:
            raise FwpError(f"nothing was recorded over time; {_ASK}")
        return self._one("time")

    @staticmethod
    def _over_time(recording: Recording) -> list[str]:
        data = recording.so_far
        return [str(n) for n, one in data.data_vars.items() if one.dims[:1] == ("time",)]

    @staticmethod
    def _head(array, head: int):
        heads = array.sizes.get("head", 1)
        if head >= heads:
            raise FwpError(f"head is {shown(head)}; the recording has {heads} heads")
        return array.isel(head=head) if "head" in array.dims else array

    @staticmethod
    def _tokens(ax: Axes, recording: Recording) -> None:
        for start in recording["token_start"].values[1:]:
            ax.axvline(start, color=GREY, lw=0.5, ls=":")

    def _panels(self, recording, names, head, begin, end, spikes=False) -> Figure:
        """Draw variables over time one below the other, with the gate shaded."""
        time = recording["time"].values
        inside_it = (time >= begin) & (time <= end)
        with style():
            rows = len(names) + spikes
            figure = visible_figure(
                figsize=(COLUMN if spikes else PAGE, 0.4 + 0.85 * rows)
            )
            panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
            if spikes:
                self._spikes(panels[0], recording, head, begin, end)
            for ax, name in zip(panels[spikes:], names, strict=True):
                array = self._head(recording[name], head)
                if "channel" in array.dims and spikes:
                    array = array.isel(channel=0)  # the ON cells
                _lines(ax, time[inside_it], array.values[inside_it], name, array.attrs)
            for ax in panels:
                if "gate" in recording:
                    _shade(ax, time, recording["gate"].values)
                self._tokens(ax, recording)
            panels[-1].set(xlabel="time (s)", xlim=(begin, end))
            figure.align_ylabels(list(panels))
        return figure

    @staticmethod
    def _read(figure: Figure, readout) -> None:
        """Say the read-out of the token beside the weights that gave it."""
        said = "  ".join(f"{n}: {one:+.2f}" for n, one in enumerate(readout.values[:8]))
        with style():
            figure.supxlabel(f"read-out W q of each value dimension\n{said}", fontsize=7)

    @staticmethod
    def _spikes(ax: Axes, recording, head: int, begin: float, end: float) -> None:
        found = recording.spikes()
        mine = (found["cell_head"] == head) & (found["time"] >= begin)
        found = found.isel(spike=np.flatnonzero(mine & (found["time"] <= end)))
        offset = 0
        for name in dict.fromkeys(recording["population"].values):
            cells = np.flatnonzero(
                (recording["population"].values == name)
                & (recording["cell_head"].values == head)
            )
            own = found["population"].values == name
            row = np.searchsorted(cells, found["cell"].values[own]) + offset
            ax.plot(found["time"].values[own], row, ".", ms=1.2, mew=0, rasterized=True,
                    color=POPULATION_COLOURS.get(name, GREY), label=name)  # fmt: skip
            offset += len(cells)
        ax.set(ylim=(-1, offset), ylabel="cell")
        ax.legend(loc="upper right", ncols=3, markerscale=6, bbox_to_anchor=(1, 1.5))


def _compared(reference, other) -> Comparison:
    # `comparison` builds on recordings, which have these pictures
    return import_module("fwp_neuro.comparison").compare(reference, other)


def _lines(ax: Axes, time, values: np.ndarray, name: str, attrs) -> None:
    """Draw the elements of a variable that change most."""
    flat = np.asarray(values, dtype=float).reshape(len(time), -1)
    order = np.argsort(-np.ptp(flat, axis=0), kind="stable") if len(flat) else [0]
    shape = np.shape(values)[1:]
    unit, scale = UNITS.get(str(attrs.get("units", "1")), (attrs.get("units"), 1.0))
    for rank, n in enumerate(sorted(order[:MOST_LINES])):
        # the same colour for the same cell in every panel
        colour = LINE_COLOURS[(n if len(shape) < 2 else rank) % len(LINE_COLOURS)]
        label = ",".join(map(str, np.unravel_index(n, shape)))
        ax.plot(time, scale * flat[:, n], color=colour, lw=0.9, label=label)
    if flat.shape[1] > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=5.5,
                  handlelength=0.7, labelspacing=0.1, borderaxespad=0.3)  # fmt: skip
    ax.set_ylabel(name if unit == "1" else f"{name}\n({unit})")


def _shade(ax: Axes, time: np.ndarray, gate: np.ndarray) -> None:
    """Shade where a gate is open."""
    is_open = np.asarray(gate).reshape(len(time), -1).max(1) > 0
    edges = np.flatnonzero(np.diff(np.r_[False, is_open, False].astype(int)))
    for begin, end in edges.reshape(-1, 2):
        ax.axvspan(time[begin], time[end - 1], color=OPEN, alpha=0.3, lw=0)


@takes(program=instance("fwp_neuro.programs:Program"), head=optional(whole(0)))
def program_figure(program, head: int | None = None) -> Figure:
    """Draw keys, values, queries and gates of a programme, dimension over token.

    What a task notes to score answers by is left out.

    Args:
        head: which one, if there are several (the first if None).
    """
    names = [name for name in program.names if name not in NOTES]
    arrays = [np.asarray(program[name], dtype=float) for name in names]
    if (head or 0) >= (program.heads or 1):
        raise FwpError(f"head is {head}; the programme has {program.heads or 1} heads")
    if program.heads is not None:
        arrays = [one if one.ndim == 1 else one[:, head or 0] for one in arrays]
    arrays = [array.reshape(len(array), -1) for array in arrays]
    heights = [0.4 + 0.12 * min(array.shape[1], 12) for array in arrays]
    with style():
        figure = visible_figure(figsize=(COLUMN, 0.4 + sum(heights)))
        panels = figure.subplots(
            len(names), 1, sharex=True, squeeze=False, height_ratios=heights
        )[:, 0]
        for ax, name, array in zip(panels, names, arrays, strict=True):
            if array.shape[1] == 1:
                ax.bar(np.arange(len(array)), array[:, 0], color=GREY, width=0.6)
                ax.set_ylabel(name)
                continue
            most = float(np.abs(array).max()) or 1.0
            picture = ax.imshow(array.T, cmap="RdBu_r", vmin=-most, vmax=most,
                                aspect="auto", interpolation="nearest")  # fmt: skip
            figure.colorbar(picture, ax=ax, pad=0.02)
            ax.set_ylabel(name)
            ax.set_yticks([])
        panels[-1].set_xlabel("token")
        panels[-1].locator_params(axis="x", nbins=8, integer=True)
        figure.align_ylabels(list(panels))
    return figure
