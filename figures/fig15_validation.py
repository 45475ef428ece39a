"""Every number of the validation report against its tolerance, and six curves over their
points.

Claim: the models give the published numbers within the tolerances that the report names,
but for the rows that are listed, each with its reason in ``fwp-neuro validate``. (a) how
far each row is off, in units of its tolerance, by what the row is evidence of: strong
evidence is a published number or a run of another simulator, if its bound was not set
after the value was known. Rows that are off by less than 1e-4 of their tolerance, and
bounds that are kept, lie at the bottom; what is off by more than 30 tolerances, or misses
a bound without tolerance, lies at the top. (b) six models computed densely, over the
points of the report (bars: tolerances, which for measured means are standard errors, at
least the .06 by which two readings of the drawing differ). The supplement
(fig15_validation_supplement) has a panel for every curve. The points of triplet STDP were
measured, those of the release were computed by NEST, those of the point spine are what
this package was fitted to; the others are closed forms. Established: the measured points.
Modelling choice: tolerances, which are the papers' own errors or rounding where they have
any, and which implementation is followed where publications disagree (each model's
docstring).
"""

from __future__ import annotations

import json
import textwrap

import brian2 as b2
import numpy as np
import xarray as xr

from fwp_neuro import synapses, targets
from fwp_neuro.plotting import GREY, PAGE
from fwp_neuro.synapses.magnesium import magnesium_block
from fwp_neuro.synapses.point_spine.targets import timing
from fwp_neuro.targets.rows import STRENGTHS
from fwp_neuro.validation_picture import figure as every_curve

#: basis of a row -> colour; the first and the third are strong evidence
BASES = dict(zip(STRENGTHS, (
    "#D55E00", "#E69F00", "#0072B2", "#CC79A7", "#009E73", "#56B4E9", "#8C8C8C", "black",
), strict=True))  # fmt: skip
LEAST, MOST = 1e-4, 30.0  # of deviations over tolerance that are drawn
POINTS = 161
SPIKES = (0, 50, 100, 300, 310, 800)  # ms, of the release that NEST was asked for


def _pair(lags):
    return 100 * (synapses.stdp_curve("pair_stdp", lags=lags * b2.ms, pairs=1) - 1)


def _triplet(lag: float):
    def change(rates):
        return [
            float(synapses.stdp_curve(
                "triplet_stdp", "visual_cortex_all_to_all_minimal", lags=lag * b2.ms,
                pairs=60, frequency=hertz * b2.Hz,
            )) - 1
            for hertz in rates
        ]  # fmt: skip

    return change


def _release(times):
    """Release at each time, had a spike come there after those before it."""
    found = []
    for time in times:
        before = [spike for spike in SPIKES if spike < time]
        spikes = (100 + np.array([*before, time])) * b2.ms
        found.append(synapses.short_term(
            "tsodyks_markram_to_zero", "mongillo_2008", spikes)[-1])  # fmt: skip
    return found


def _timing(lags):
    found = timing(synapses.get("point_spine", "fourth_power"), lags)
    return found / found.max()


#: curve of the report -> its panel, where it is computed, and how
DENSE = {
    "magnesium block, jahr_stevens_1990, 1 mM": (
        "magnesium block\n(points: closed form)", (-90, 20),
        lambda mv: magnesium_block(mv * b2.mV, "jahr_stevens_1990", 1 * b2.mmolar)),
    "tsodyks2_synapse, Mongillo 2008": (
        "release, Tsodyks-Markram\n(points: NEST)", (0, 800), _release),
    "pair STDP, one pair": ("pair STDP\n(points: closed form)", (-60, 60), _pair),
    "triplet rule, +10 ms": (
        "triplet STDP (points:\nSjöström et al. 2001)", (0.1, 52), _triplet(10)),
    "triplet rule, -10 ms": (
        "triplet STDP (points:\nSjöström et al. 2001)", (0.1, 52), _triplet(-10)),
    "Graupner-Brunel DP": (
        "calcium rule, DP\n(points: closed form)", (-62, 62),
        lambda lags: synapses.stdp_curve("graupner_brunel", "DP", lags=lags * b2.ms)),
    "timing of a pair": (
        "point spine, fourth power\n(points: fitted)", (-5, 22), _timing),
}  # fmt: skip


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Compute the rows of all models, and six curves densely."""
    rows = [row.record() for row in targets.collect(quick=quick, progress=progress)]
    for row in rows:
        for verdict in ("passed", "expected", "strong"):  # they follow from the rest
            row.pop(verdict)
    grids = np.array([np.linspace(*ends, POINTS) for _, ends, _ in DENSE.values()])
    curves = [
        np.asarray(curve(x), dtype=float)
        for x, (_, _, curve) in zip(grids, DENSE.values(), strict=True)
    ]
    return xr.Dataset(
        {"value": (("row",), [row["value"] for row in rows]),
         "x": (("curve", "point"), grids), "dense": (("curve", "point"), curves)},
        {"quantity": (("row",), [f"{row['model']}: {row['quantity']}" for row in rows]),
         "curve": list(DENSE)},
        {"rows": json.dumps(rows)},
    )  # fmt: skip


def rows_of(data) -> list[targets.Row]:
    """Return the rows that a dataset was made from."""
    kept = json.loads(data.attrs["rows"])
    return [targets.Row(**{**row, "axes": tuple(row["axes"])}) for row in kept]


def share_of_tolerance(row: targets.Row) -> float:
    """Return how far a row is off in units of its tolerance: 0 for a bound that is kept,
    infinite for a miss where nothing is tolerated."""
    if row.off <= 0:
        return 0.0
    return row.off / row.tolerance if row.tolerance > 0 else np.inf


def report(data) -> str:
    """Return the rows as the command prints them."""
    return targets.report(rows_of(data))


def plot(data):
    """Draw every row's deviation, and six curves."""
    from matplotlib.figure import Figure

    rows = rows_of(data)
    by_basis = sorted(rows, key=lambda row: STRENGTHS.index(row.strength))
    missed = [row for row in by_basis if not row.passed]
    lines = -(-len(missed) // 2)
    figure = Figure(figsize=(PAGE, 6.6 + 0.1 * lines))
    above, middle, below = figure.subfigures(3, 1, height_ratios=(2.6, 4, 0.1 * lines))
    _deviations(above.subplots(), rows, missed)
    _curves(middle.subplots(2, 3).ravel(), data, rows)
    _misses(below.subplots(), missed)
    return figure


def _deviations(ax, rows, missed) -> None:
    place, ticks = 0.0, []
    for basis, colour in BASES.items():
        those = [row for row in rows if row.strength == basis]
        if not those:
            continue
        wide = 12 * len(those) ** 0.5  # few rows stand further apart
        x = np.linspace(place, place + wide, len(those))
        y = np.clip([share_of_tolerance(row) for row in those], LEAST, MOST)
        ax.plot(x, y, "o", color=colour, ms=2.2, mew=0, clip_on=False)
        for row, at, high in zip(those, x, y, strict=True):
            if not row.passed:
                ax.plot(at, high, "o", mfc="none", color="black", ms=4.5, mew=0.6)
                number = missed.index(row)
                ax.annotate(str(number + 1), (at, high), (0, 3 + 5 * (number % 3)),
                            textcoords="offset points", ha="center", fontsize=5)
        words = textwrap.fill(basis, 12).replace(" ", "\n")
        ticks.append((place + wide / 2, f"{words}\n({len(those)})", colour))
        place += wide + 12
    ax.axhline(1, color="black", lw=0.8)
    ax.text(1.005, 1, "tolerance", fontsize=6, va="center",
            transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set_xticks([at for at, _, _ in ticks], [words for _, words, _ in ticks])
    for label, (_, _, colour) in zip(ax.get_xticklabels(), ticks, strict=True):
        label.set(color=colour, fontsize=6)
    ax.tick_params(axis="x", length=0)
    ax.set(yscale="log", ylim=(0.7 * LEAST, 6 * MOST), xlim=(-8, place),
           ylabel="off by, in tolerances")  # fmt: skip
    ax.set_yticks([LEAST, 1e-2, 1], ["less", "0.01", "1"])
    ax.minorticks_off()
    passed = len(rows) - len(missed)
    title = f"a   {passed} of {len(rows)} numbers lie within their tolerance"
    ax.set_title(title, loc="left", fontsize=8, weight="bold")


def _curves(panels, data, rows) -> None:
    places = dict(zip(dict.fromkeys(t for t, _, _ in DENSE.values()), panels,
                      strict=True))  # fmt: skip
    for n, (name, (title, _, _)) in enumerate(DENSE.items()):
        ax, points = places[title], [row for row in rows if row.curve == name]
        colour = BASES[points[0].strength]
        line = "--" if "-10" in name else "-"
        label = name.rpartition(", ")[2] if "triplet" in name else None
        one = data.isel(curve=n)
        ax.plot(one.x, one.dense, line, color=colour, lw=1.1, label=label, zorder=2)
        ax.errorbar([row.x for row in points], [row.target for row in points],
                    [row.tolerance for row in points], fmt="o", color=GREY, ms=3, lw=0.8,
                    mfc="white" if line == "--" else GREY, zorder=3)  # fmt: skip
        across, up = points[0].axes
        ax.set_xlabel(across.replace("postsynaptic minus presynaptic spike", "lag"))
        ax.set_ylabel(up)
        ax.set_title(title, fontsize=7)
        if label:
            ax.legend(loc="upper left")
    panels[0].annotate("b", (0, 1), (-30, 8), xycoords="axes fraction", weight="bold",
                       textcoords="offset points", fontsize=8)  # fmt: skip


def _misses(ax, missed) -> None:
    ax.set_axis_off()
    half = -(-len(missed) // 2)
    for n, row in enumerate(missed):
        over = share_of_tolerance(row)
        by = f"{over:.1f}" if np.isfinite(over) else "bound"
        words = textwrap.shorten(f"{row.model}: {row.quantity}", 66, placeholder=" ...")
        column, line = divmod(n, half)
        ax.text(0.51 * column, 1 - (line + 0.5) / half, f"{n + 1}  {words} ({by})",
                fontsize=5, va="center", transform=ax.transAxes)  # fmt: skip


def supplement(data):
    """Draw a panel for every curve of the report."""
    return every_curve(rows_of(data))
