"""Plots at journal width: legible at 8.5 cm, safe for the colour-blind, no display
needed."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fwp_neuro.arguments import filename, instance, real, takes, text
from fwp_neuro.errors import FwpError, pick
from fwp_neuro.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fwp_neuro.comparison import Comparison

__all__ = [
    "COLOURS", "COLUMN", "GREY", "PAGE", "READOUT_COLOURS", "comparison_figure",
    "rule_look", "save", "style",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)  # what is public, for tab completion


COLUMN = 8.5 / 2.54
"""Width of one text column, inches."""
PAGE = 17.5 / 2.54
"""Width of a page, inches."""
COLOURS = {"artificial": "#0072B2", "rate": "#009E73", "spiking": "#D55E00"}
"""One colour a realisation (Okabe & Ito's palette)."""
GREY = "#595959"
#: readout of calcium -> colour
READOUT_COLOURS = {
    "linear": "#8C8C8C", "square": "#E69F00", "fourth_power": "#CC79A7",
    "soft_threshold": "#0072B2", "step": "#56B4E9", "hill_2": "#009E73",
    "hill_4": "#D55E00",
}  # fmt: skip

# Paul Tol's muted palette, safe for the colour-blind; none is a realisation's colour
_SHADES = ("#332288", "#CC6677", "#882255", "#88CCEE", "#999933", "#117733", "#DDCC77",
           "#AA4499", "#44AA99")  # fmt: skip
_MARKERS = "os^DvP<>p"
#: the first rules have a colour each
_DRAWN_MOST = ("delta", "hebb", "decayed_hebb", "gated_delta", "gla", "oja")

#: of pictures
FORMATS = ("png", "pdf", "svg")
_MOST_POINTS = 4000
_STYLE = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.0,
    "figure.constrained_layout.use": True,
    "figure.dpi": 150.0,
    "savefig.dpi": 300.0,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}

#: settings of Matplotlib that draw nothing, and are left to the user
_WINDOWS = ("backend", "backend_fallback", "interactive", "toolbar", "timezone",
            "webagg.address", "webagg.open_in_browser", "webagg.port",
            "webagg.port_retries", "tk.window_focus", "docstring.hardcopy",
            "figure.max_open_warning", "savefig.directory", "date.epoch", "figure.hooks",
            "macosx.window_mode")  # fmt: skip


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Use the package's plot settings inside a with block; the user's own come back after
    it.

    They start from Matplotlib's own, so that no matplotlibrc breaks or changes a figure:
    neither its fonts, LaTeX and layout nor what it says of files. Only how windows are
    made stays.
    """
    import matplotlib  # noqa: PLC0415  slow, and names of formats do without
    from cycler import cycler  # noqa: PLC0415  slow, and names of formats do without

    cycle = {
        "axes.prop_cycle": cycler(color=[*COLOURS.values(), "#CC79A7", "#56B4E9", GREY])
    }
    usual = {
        name: matplotlib.rcParamsDefault[name] for name in matplotlib.rcParamsDefault
    }
    usual = {name: value for name, value in usual.items() if name not in _WINDOWS}
    with matplotlib.rc_context():
        matplotlib.rcParams.update(usual | _STYLE | cycle)
        yield


@takes(comparison=instance("fwp_neuro.comparison:Comparison"))
def comparison_figure(comparison: Comparison) -> Figure:
    """Draw the read-out against its reference, and the nRMSE per token, one column wide.

    Args:
        comparison: of two recordings.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  slow, and names of formats do without

    realisation = str(comparison.other.attrs.get("realisation", "other"))
    against = str(comparison.reference.attrs.get("realisation", "reference"))
    colour = COLOURS.get(realisation, GREY)
    reference, other = (array.ravel() for array in comparison.pair("readout"))
    finite = np.isfinite(reference) & np.isfinite(other)
    reference, other = reference[finite], other[finite]
    with style():
        figure = visible_figure(figsize=(COLUMN, COLUMN * 0.58))
        left, right = figure.subplots(1, 2)
        # Every n-th point is enough to see the cloud; the regression uses all of them.
        step = max(1, -(-reference.size // _MOST_POINTS))
        left.plot(
            reference[::step],
            other[::step],
            "o",
            color=colour,
            alpha=0.45,
            mew=0,
            rasterized=True,
        )
        ends = _limits(reference, other)
        left.plot(ends, ends, "--", color=GREY, lw=0.9, label="identity")
        if np.isfinite(comparison.slope):
            fit = comparison.bias + comparison.slope * ends
            left.plot(
                ends, fit, color="black", lw=0.9, label=f"slope {comparison.slope:.3f}"
            )
        left.set(xlim=ends, ylim=ends)
        marks = (" (reference)", " (other)") if realisation == against else ("", "")
        left.set(
            xlabel=f"{against} read-out{marks[0]}",
            ylabel=f"{realisation} read-out{marks[1]}",
        )
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_locator(MaxNLocator(4))

        per_token = comparison.per_token["nrmse"].sel(variable="readout").values
        line = "-o" if per_token.size <= 50 else "-"
        right.plot(per_token, line, color=colour, clip_on=False, label="each token")
        if np.isfinite(comparison.nrmse):
            overall = f"overall {comparison.nrmse:.3g}"
            right.axhline(comparison.nrmse, ls="--", lw=0.9, color=GREY, label=overall)
        top = np.nanmax(per_token) if np.isfinite(per_token).any() else 0.0
        right.set(xlabel="token", ylabel="read-out nRMSE", ylim=(0, 1.1 * top or 1.0))
        right.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        for axes in (left, right):
            axes.set_box_aspect(1)
            axes.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0), borderaxespad=0.2)
    return figure


@takes(rule=text("delta"))
def rule_look(rule: str) -> dict[str, str]:
    """Return the colour and the marker that a rule has in every figure.

    No two of up to 81 registered rules look the same, and no rule has the colour of a
    realisation (``COLOURS``). Softmax attention, which is no rule, is black.

    Args:
        rule: name of a registered rule or one of its other names, or
            "softmax_attention".

    Returns:
        ``{"color": ..., "marker": ...}``, as Matplotlib's ``plot`` takes them.

    Raises:
        FwpError: no rule has this name.

    Example:
        >>> import fwp_neuro as fwp
        >>> fwp.plotting.rule_look("delta")
        {'color': '#332288', 'marker': 'o'}
    """
    # slow, and names of formats do without
    from fwp_neuro import rules  # noqa: PLC0415

    if rule == "softmax_attention":
        return {"color": "black", "marker": "X"}
    names = list(dict.fromkeys((*_DRAWN_MOST, *rules.rules())))
    place = names.index(rules.rule(rule).name)
    row, column = divmod(place, len(_SHADES))
    # the diagonal: a colour comes again with another marker
    marker = _MARKERS[(column + row) % len(_MARKERS)]
    return {"color": _SHADES[column], "marker": marker}


def visible_figure(**settings) -> Figure:
    """Return a Figure that notebooks show although no window system (pyplot) knows it."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow, and names of formats do without

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            with style():
                self.savefig(buffer, format="png", dpi=110)
            return buffer.getvalue()

    return Shown(**settings)


def _figure() -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415  slow, and names of formats do without

    return Figure(figsize=(1, 1))


@takes(
    figure=instance("matplotlib.figure:Figure", _figure),
    path=filename("figure.png"),
    dpi=real(1, 10_000, example=72.0),
)
def save(figure: Figure, path: str | os.PathLike, dpi: float = 300.0) -> Path:
    """Write a figure (png, pdf or svg by its suffix), whole or not at all, and return its
    path; ``dpi`` are dots an inch of pixels.

    Raises FwpError for another suffix, a missing folder or one that cannot be written to.
    """
    path = Path(path)
    kind = format_of(path)
    with style(), atomic_path(path, "figure") as temporary:
        figure.savefig(temporary, format=kind, dpi=dpi)
    return path


def format_of(path: str | os.PathLike) -> str:
    """Return the format of a picture's name.

    Raises:
        FwpError: the name has another suffix than .png, .pdf or .svg, or none.
    """
    suffix = Path(path).suffix.lstrip(".").lower()
    if not suffix:
        raise FwpError(
            f"cannot save a figure to {str(path)!r}: give a name that ends in .png"
        )
    return pick(suffix, FORMATS, "figure format")


def _limits(*arrays: np.ndarray) -> np.ndarray:
    """Return common axis limits with a small margin, also for empty or constant data."""
    joined = np.concatenate(arrays)
    low, high = (joined.min(), joined.max()) if joined.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return np.array([low - margin, high + margin])
