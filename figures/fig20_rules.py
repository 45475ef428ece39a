"""Every registered rule at a glance: text, loss, transition, eigenvalues, locality.

Claim: 16 of the 23 rules are gradient steps on a loss of their own fast weights, and the
other seven provably are not; all but two get by with what arrives at the synapse's own
two cells.

Nothing is typed in here: every entry is derived from the rule's text by the package. A
rule has no loss if the Jacobian of its change of w is not symmetric. Eigenvalues: of one
token's transition, for keys of unit norm and gates inside their domains. The papers of
each rule: ``fwp-neuro cite RULE``; the loss view: Irie & Gershman 2025, arXiv:2508.08435.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.plotting import GREY, PAGE
from fwp_neuro.symbolic.objective import asymmetry

#: where what a synapse needs comes from -> colour, words
LOCALITY = {
    "local": ("#0072B2", "its two cells"),
    "post-local error": ("#009E73", "and its cell's summed input"),
    "post-local error with pooled presynaptic activity":
        ("#E69F00", "and pooled key activity"),
    "needs feedback": ("#D55E00", "and feedback from the values"),
}  # fmt: skip
ROUNDING = 1e-9
SHORT = {"exp(": "…"}  # what is cut out of texts that are too long


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Derive every column from the texts of the rules (the same with quick)."""
    names = list(fwp.rules())
    columns: dict[str, list] = {name: [] for name in (
        "text", "loss", "transition", "low", "high", "complex", "locality"
    )}  # fmt: skip
    for n, name in enumerate(names):
        if progress is not None:
            progress(n / len(names), name)
        rule = fwp.rule(name)
        eigenvalues = rule.eigenvalues
        known = eigenvalues is not None
        found = {
            "text": rule.text, "loss": _loss(rule),
            "transition": str(rule.transition).partition(" (")[0],
            "low": eigenvalues.low if known else np.nan,
            "high": eigenvalues.high if known else np.nan,
            "complex": known and eigenvalues.complex,
            "locality": rule.locality.name,
        }  # fmt: skip
        for column, value in found.items():
            columns[column].append(value)
    units = {"low": {"units": "1"}, "high": {"units": "1"}}
    return xr.Dataset(
        {name: ("rule", values, units.get(name, {})) for name, values in columns.items()},
        {"rule": names},
    )


def _loss(rule) -> str:
    if rule.objective is not None:
        return " + ".join(rule.objective.terms)
    return "none" if asymmetry(rule) > ROUNDING else ""


def report(data) -> str:
    """Return one line a rule."""
    return "\n".join(
        f"{str(one.rule.values):21} {str(one.locality.values):18} loss: "
        f"{str(one.loss.values) or '-'}; real parts {float(one.low):.2f} to "
        f"{float(one.high):.2f}{', complex' if bool(one.complex) else ''}"
        for one in (data.isel(rule=n) for n in range(data.sizes["rule"]))
    )


def plot(data):
    """Draw a table with the eigenvalues as bars."""
    from matplotlib.figure import Figure

    rows = data.sizes["rule"]
    figure = Figure(figsize=(PAGE, 0.8 + 0.31 * rows))
    words, bars = figure.subplots(1, 2, width_ratios=[4.4, 1], sharey=True)
    for row in range(rows):
        _row(words, bars, row, data.isel(rule=row))
    words.set(xlim=(0, 1), ylim=(rows - 0.5, -1.2))
    words.set_axis_off()
    for x, title in ((0, "rule"), (0.19, "text"), (0.58, "loss that it descends")):
        words.text(x, -1, title, weight="bold", fontsize=7, va="center")
    bars.set(xlabel="eigenvalues of a token\n(real part)", yticks=[], xlim=(-2.2, 2.5))
    bars.axvspan(-1, 1, color="0.93", lw=0, zorder=0)
    for edge in (-1, 0, 1):
        bars.axvline(edge, color="white" if edge == 0 else GREY, lw=0.5, zorder=1)
    bars.set_title("grey: nothing grows", fontsize=6.5)
    handles = [
        bars.plot([], [], lw=4, color=colour)[0] for colour, _ in LOCALITY.values()
    ]
    figure.legend(handles, [said for _, said in LOCALITY.values()], ncols=4, fontsize=6.5,
                  loc="outside lower center", title="a synapse needs",
                  title_fontsize=7, columnspacing=1.0)  # fmt: skip
    return figure


def _row(words, bars, row: int, one) -> None:
    colour = LOCALITY[str(one.locality.values)][0]
    usual = {"fontsize": 4.8, "va": "center", "family": "monospace"}
    words.text(0, row, str(one.rule.values), color=colour, fontsize=6, va="center",
               weight="bold")  # fmt: skip
    words.text(0.19, row, _shortened(str(one.text.values)), **usual)
    words.text(
        0.58, row, _shortened(str(one.loss.values).replace("**", "^")) or "-", **usual
    )
    words.axhline(row + 0.5, color="0.9", lw=0.5)
    low, high = float(one.low), float(one.high)
    if np.isnan(low):
        bars.text(0, row, "not affine in w", fontsize=5.5, ha="center", va="center")
        return
    bars.plot([low, high], [row, row], color=colour, lw=3, solid_capstyle="butt")
    if high - low < 1e-9:
        bars.plot([low], [row], "o", color=colour, ms=3.5)
    if bool(one.complex):
        bars.text(2.6, row - 0.33, "complex", fontsize=5, va="center", ha="right")


def _shortened(text: str) -> str:
    for begin, mark in SHORT.items():
        if begin in text:
            text = text[: text.index(begin)] + mark
    return text
