"""The synapse of the spiking circuit, every term in the colour that it has in the
equation.

Claim: one synapse holds one fast weight. NMDA receptors remember the key, the difference
of two voltages is the error, a neuromodulator opens the gate, and AMPA receptors read.

A drawing, no data. Established: the magnesium block (Jahr & Stevens 1990,
doi:10.1523/JNEUROSCI.10-09-03178.1990) and dendritic prediction as a model (Urbanczik &
Senn 2014, doi:10.1016/j.neuron.2013.11.030). Choice: the two compartments, the gate.
Inference of this package: that the difference of the unblocked fractions stands for the
error; no single spine sees both voltages (docs/idealisations.md).
"""

from __future__ import annotations

import xarray as xr

from fwp_neuro.plotting import GREY, PAGE

#: term -> colour, what it is in the circuit, what it is in the rule
TERMS = {
    "gate": ("#E69F00", "neuromodulator", "write strength, beta"),
    "x": ("#0072B2", "NMDA trace of the key cells", "key, k"),
    "apical": ("#CC79A7", "unblocked NMDA, apical voltage", "value, v"),
    "basal": ("#009E73", "unblocked NMDA, basal voltage", "recall, read(k)"),
    "decay": (GREY, "turnover of AMPA receptors", "decay, alpha"),
    "w": ("#D55E00", "AMPA conductance", "fast weight, w"),
}
EQUATION = (
    (r"$\dot{w}_{ij}$", "w"), ("$=$", None), (r"$g(t)$", "gate"), (r"$x_j$", "x"),
    ("$[$", None), (r"$B(V^{apical}_i)$", "apical"), ("$-$", None),
    (r"$B(V^{basal}_i)$", "basal"), ("$]$", None), ("$-$", None),
    (r"$(w_{ij}-w_0)/\tau$", "decay"),
)  # fmt: skip


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Return the terms that are drawn."""
    return xr.Dataset(
        {
            "circuit": ("term", [said for _, said, _ in TERMS.values()]),
            "rule": ("term", [said for *_, said in TERMS.values()]),
        },
        {"term": list(TERMS)},
    )


def report(data) -> str:
    """Return what each term is, in the circuit and in the rule."""
    return "\n".join(
        f"{str(one.term.values):7} {str(one.circuit.values):32} {str(one.rule.values)}"
        for one in (data.isel(term=n) for n in range(data.sizes["term"]))
    )


def plot(data):
    """Draw the synapse on the left, the equation and its terms on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 2.9))
    drawing, words = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _cells(drawing)
    _words(words)
    for ax in (drawing, words):
        ax.set_axis_off()
    return figure


def _words(ax) -> None:
    x = 0.0
    widths = [0.08, 0.06, 0.1, 0.07, 0.025, 0.235, 0.06, 0.215, 0.035, 0.06, 0.2]
    for (text, term), width in zip(EQUATION, widths, strict=True):
        colour = TERMS[term][0] if term else "black"
        ax.text(x, 0.9, text, color=colour, fontsize=10, va="center")
        x += width
    ax.text(0, 0.69, "in the circuit", weight="bold", fontsize=7.5)
    ax.text(0.66, 0.69, "in the rule", weight="bold", fontsize=7.5)
    for row, (colour, circuit, rule) in enumerate(TERMS.values()):
        y = 0.58 - 0.105 * row
        ax.text(0, y, circuit, color=colour, fontsize=7.5, va="center")
        ax.text(0.66, y, rule, color=colour, fontsize=7.5, va="center")
    ax.text(0, -0.09, r"B(V): share of NMDA receptors free of magnesium.  Read-out: "
            r"$y_i = \sum_j w_{ij} q_j$", fontsize=7, va="center")  # fmt: skip
    ax.set(xlim=(0, 1.1), ylim=(-0.15, 1))


def _cells(ax) -> None:
    """Draw key axon, spine, value cell with two compartments, teacher, modulator."""
    from matplotlib.patches import Circle, Ellipse, FancyBboxPatch

    colour = {name: each[0] for name, each in TERMS.items()}
    usual = {"fontsize": 7, "ha": "center", "va": "center"}
    arrow = {"arrowstyle": "-|>", "lw": 1.1, "shrinkA": 0, "shrinkB": 1}
    ax.add_patch(FancyBboxPatch((5.3, 1.1), 1.0, 5.6, boxstyle="round,pad=0.15",
                                fc="0.96", ec="0.6", lw=0.8))  # fmt: skip
    ax.add_patch(Ellipse((5.8, 6.0), 1.9, 1.5, fc="white", ec=colour["apical"], lw=1.3))
    ax.add_patch(Ellipse((5.8, 1.9), 1.9, 1.5, fc="white", ec=colour["basal"], lw=1.3))
    ax.text(5.8, 6.0, "apical\n$V^{apical}$", color=colour["apical"], **usual)
    ax.text(5.8, 1.9, "basal\n$V^{basal}$", color=colour["basal"], **usual)
    ax.text(5.8, 0.55, "value cell i", **usual)
    # the synapse on the basal compartment
    ax.add_patch(Circle((3.9, 1.9), 0.75, fc="white", ec="0.5", lw=0.8))
    ax.plot([4.62, 4.9], [1.9, 1.9], color="0.5", lw=3)
    ax.text(
        3.9, 2.2, "NMDA  $x_j$", color=colour["x"], fontsize=6, ha="center", va="center"
    )
    ax.text(3.9, 1.6, "AMPA  $w_{ij}$", color=colour["w"], fontsize=6, ha="center",
            va="center")  # fmt: skip
    ax.annotate("", (3.1, 1.9), (1.3, 1.9), arrowprops={**arrow, "color": colour["x"]})
    ax.text(1.2, 2.75, "key cells j", color=colour["x"], **usual)
    for height in (0, 0.12, 0.3, 0.36, 0.62):
        ax.plot([0.55 + height] * 2, [1.7, 2.1], color=colour["x"], lw=1)
    ax.annotate(
        "", (6.85, 6.0), (8.2, 6.0), arrowprops={**arrow, "color": colour["apical"]}
    )
    ax.text(8.4, 6.85, "teacher\ncells", color=colour["apical"], **usual)
    ax.annotate(
        "", (3.9, 2.75), (3.0, 4.9), arrowprops={**arrow, "color": colour["gate"]}
    )
    ax.text(2.7, 5.4, "neuromodulator\n$g(t)$", color=colour["gate"], **usual)
    ax.set(xlim=(0.2, 9.2), ylim=(0.2, 7.4))
