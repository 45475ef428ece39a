"""What first-order synapses cannot do: fast tokens, eigenvalues below 0 under a fixed
teacher, keys that share cells.

Claims: (a) the NMDA current that a token leaves to the next bounds how many tokens a
second can be written; (b) with a teacher fixed at the value a first-order write takes a
weight toward its target and never past it, so that its eigenvalue stays above 0; with
the prediction held over the write and the teacher over-driven, the same synapses
have the eigenvalue 1 - x of a discrete write down to -1 (see
`fwp_neuro.circuits.spiking.held_writes`); (c) short-term plasticity of the presynaptic
cell scales columns of the weight matrix and cannot store pairs whose keys share cells.

In (b) x is the drive of the write: the write strength of a pulse and of a held write,
-ln(1 - strength) of a write with a fixed teacher.
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own.

Simulated: (a), the circuits of (b), (c). Algebra: the lines of (b), among them the
second-order one, whose frequency is set by hand, and parity, which is a product of 1 -
beta.

Established: the decay of NMDA currents over tens to hundreds of milliseconds (Destexhe,
Mainen & Sejnowski 1994; Lester et al. 1990); the algebra of (b) (Grazzi et al. 2025,
arXiv:2411.12537: state tracking needs negative eigenvalues) and of (c). Modelling choice:
the time course of a token, one population of key cells a dimension, that a prediction is
held. Inference of this package: that these bounds would hold for a fast-weight memory in
a brain, and that a held prediction, or a second-order, underdamped synapse, would lift
(b); the second one only in part, as what it takes away at its overshoot stays below 2.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.plotting import COLOURS, GREY, PAGE

SILENCE = 60.0  # ms of settling that end a silent gap before the gate opens
RULES = ("tsodyks_markram", "pair_stdp")
CLEAR = 0.05  # nRMSE up to which a read-out counts as clear


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the study; quick uses fewer gaps, time constants and patterns."""
    taus, gaps = ((50, 150), (20, 120, 300)) if quick else (
        (25, 50, 100, 150), (10, 30, 60, 120, 200, 300, 500)
    )  # fmt: skip
    jobs = [
        ("tokens per second", lambda: _tokens(taus, gaps)),
        ("eigenvalue of a write", lambda: _eigenvalues(7 if quick else 13)),
        ("parity", lambda: _parity(32 if quick else 128)),
        ("shared keys", lambda: _shared(2 if quick else 5)),
    ]
    parts = []
    for n, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(n / len(jobs), name)
        parts.append(job())
    return xr.merge(parts)


def _tokens(taus, gaps) -> xr.Dataset:
    """Error of the spiking circuit without noise by NMDA decay and silence between tokens
    (ms)."""
    import brian2 as b2

    program = fwp.tasks.associative_recall(tokens=8, dim=8, heads=4, seed=1, beta=0.8)
    reference = fwp.run(program, "delta")
    found = np.zeros((len(taus), len(gaps), 2))
    for a, tau in enumerate(taus):
        for b, gap in enumerate(gaps):
            run = fwp.run(
                program, "delta", "spiking", cells=float("inf"), device="numpy",
                timeline=fwp.circuits.Timeline(gap=gap * b2.ms, rest=gap * b2.ms),
                constants={"tau_nmda": tau * b2.ms},
            )  # fmt: skip
            compared = fwp.compare(reference, run)
            found[a, b] = compared.nrmse, compared.slope
    attributes = {"units": "1", "long_name": "read-out against the artificial network"}
    return xr.Dataset(
        {"crowding": (("tau_nmda", "gap", "measure"), found, attributes)},
        {"tau_nmda": list(taus), "gap": list(gaps), "measure": ["nRMSE", "slope"]},
    )


def _eigenvalues(count: int) -> xr.Dataset:
    """What is left of a weight along the key after one write of value 0, by the drive of
    it."""
    drive = np.linspace(0, 3, count)
    first, spiking, pulse, held, held_spiking = (
        np.full(count, np.nan) for _ in range(5)
    )
    for n, x in enumerate(drive):
        beta = float(-np.expm1(-x))
        first[n] = _left(beta, "rate", device="numpy")
        spiking[n] = _left(beta, "spiking", cells=float("inf"), device="numpy")
        if x <= 2:
            pulse[n] = _left(float(x), "rate", dynamics="event", device="numpy")
            options = {"write": "held_target", "device": "numpy"}
            held[n] = _left(float(x), "rate", **options)
            held_spiking[n] = _left(float(x), "spiking", cells=float("inf"), **options)
    left = xr.Dataset(
        {
            "first_order": (("drive",), first, {"units": "1"}),
            "spiking": (("drive",), spiking, {"units": "1"}),
            "pulse": (("drive",), pulse, {"units": "1"}),
            "held": (("drive",), held, {"units": "1"}),
            "held_spiking": (("drive",), held_spiking, {"units": "1"}),
            "second_order": (
                ("drive",),
                [_underdamped(x) for x in drive],
                {"units": "1"},
            ),
        },
        {"drive": drive},
    )
    return left


def _left(beta: float, realisation: str, **options) -> float:
    program = fwp.Program([[1.0, 0.0]], [[0.0]], query=[[1.0, 0.0]], beta=beta)
    run = fwp.run(
        program, "delta", realisation, initial_weights=np.array([[0.5, 0.0]]), **options
    )
    return float(run["weights"].values[-1].ravel()[0] / 0.5)


def _underdamped(drive: float, damping: float = 0.3) -> float:
    """W after unit time of W'' + 2 z w W' + w^2 W = 0 from W = 1 at rest, w^2 = the drive
    x 9.

    The factor 9 puts the first half turn, w t = pi, at a drive of about 1.
    """
    from scipy.linalg import expm

    w = 3 * np.sqrt(drive)
    return float(expm(np.array([[0, 1], [-w * w, -2 * damping * w]]))[0, 0])


def _parity(length: int) -> xr.Dataset:
    """Share of right parities of random bits, read from the sign of one weight, by write
    strength.

    A one is a write of value 0 along the key: it multiplies the weight by 1 - beta.
    """
    strengths = np.array([0.5, 0.9, 0.99, 1.5, 1.9, 2.0])
    bits = np.random.default_rng(0).integers(0, 2, (64, length))
    truth = 1 - 2.0 * (bits.cumsum(1) % 2)
    right = []
    for beta in strengths:
        weight = np.cumprod(1 - beta * bits, axis=1)
        right.append(float((np.sign(weight) == truth)[:, -1].mean()))
    return xr.Dataset({"parity": (("strength",), right)}, {"strength": strengths})


def _shared(seeds: int) -> xr.Dataset:
    """Explained variance of what random overlapping pairs read out, by rule and number of
    pairs."""
    from fwp_neuro.characterise import experiments, storage

    items = (2, 4, 8, 16)
    found = np.zeros((len(RULES), len(items), seeds))
    for r, name in enumerate(RULES):
        model, how = fwp.synapses.get(name), experiments(name)[-1]
        for n, count in enumerate(items):
            for seed in range(seeds):
                found[r, n, seed] = storage.store(model, how, count, seed=seed).r2
    return xr.Dataset(
        {"stored": (("synapse", "items", "seed"), found)},
        {"synapse": list(RULES), "items": list(items)},
    )


def fastest(data) -> dict[float, float]:
    """Return tokens a second at which the read-out is just clear, by NMDA time constant
    (ms)."""
    found = {}
    for tau in data.tau_nmda.values:
        error = data.crowding.sel(tau_nmda=tau, measure="nRMSE").values
        gaps = data.gap.values.astype(float)
        clear = np.flatnonzero(error <= CLEAR)
        if clear.size and clear[0] > 0:
            n = clear[0]
            share = (np.log(error[n - 1]) - np.log(CLEAR)) / np.log(
                error[n - 1] / error[n]
            )
            gap = gaps[n - 1] + share * (gaps[n] - gaps[n - 1])
        else:
            gap = gaps[0] if clear.size else np.nan
        found[float(tau)] = 1000 / (360 + 2 * gap)
    return found


def report(data) -> str:
    """Return the numbers of the figure."""
    lines = [
        "read-out error without spike noise by silence between tokens (delta, 4 seeds)"
    ]
    for tau in data.tau_nmda.values:
        row = data.crowding.sel(tau_nmda=tau)
        points = "  ".join(
            f"{gap:g} ms: {float(row.sel(gap=gap, measure='nRMSE')):.3f} (slope "
            f"{float(row.sel(gap=gap, measure='slope')):.3f})"
            for gap in data.gap.values
        )
        lines.append(f"   tau {tau:g} ms  {points}")
    for tau, rate in fastest(data).items():
        lines.append(
            f"   nRMSE <= {CLEAR} up to {rate:.2f} tokens a second at tau {tau:g} ms"
        )
    lines.append("eigenvalue along the key after one write, smallest met")
    for name in ("first_order", "spiking", "pulse", "held", "held_spiking",
                 "second_order"):  # fmt: skip
        lines.append(f"   {name:13}{float(data[name].min()):+.3f}")
    for strength in data.strength.values:
        lines.append(
            f"   parity with write strength {strength:g}: "
            f"{float(data.parity.sel(strength=strength)):.2f} right"
        )
    for rule in data.synapse.values:
        row = data.stored.sel(synapse=rule).mean("seed").values
        cells = "  ".join(
            f"{n}: {x:+.2f}" for n, x in zip(data["items"].values, row, strict=True)
        )
        lines.append(f"stored pairs, explained variance, {rule}: {cells}")
    return "\n".join(lines)


def plot(data):
    """Draw crowding, eigenvalues and shared keys."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.43))
    crowd, eigen, share = figure.subplots(1, 3)
    _plot_crowding(crowd, data)
    _plot_eigenvalues(eigen, data)
    _plot_shared(share, data)
    return figure


def _title(ax, letter, words):
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=8, weight="bold")


def _plot_crowding(ax, data):
    shades = np.linspace(0.35, 1.0, data.tau_nmda.size)
    for tau, shade in zip(data.tau_nmda.values, shades, strict=True):
        silence = (data.gap.values + SILENCE) / tau
        error = data.crowding.sel(tau_nmda=tau, measure="nRMSE")
        ax.plot(
            silence,
            error,
            "-o",
            color=COLOURS["spiking"],
            alpha=shade,
            label=f"{tau:g} ms",
        )
    x = np.linspace(0.5, 5.5, 50)
    ax.plot(x, np.exp(-x), "--", color=GREY, lw=0.9, label="exp(-x)")
    ax.axhline(CLEAR, color=GREY, lw=0.6, ls=":")
    ax.set_yscale("log")
    ax.set(
        xlabel="silence before a write / NMDA decay",
        ylabel="read-out nRMSE",
        xlim=(0, 9.5),
    )
    ax.legend(title="NMDA decay", title_fontsize=7, loc="upper right")
    _title(ax, "a", "NMDA bounds the rate")


def _plot_eigenvalues(ax, data):
    x = data.drive.values
    fine = np.linspace(0, 3, 100)
    ax.axhline(0, color=GREY, lw=0.6)
    ax.plot(fine, np.exp(-fine), "-", color="black", lw=0.9, label="exp(-x)")
    ax.plot(x, data.pulse, "-", color=COLOURS["artificial"], label="pulse, 1 - x")
    for words, rate, spiking in (
        ("", data.first_order, data.spiking), ("_", data.held, data.held_spiking),
    ):  # fmt: skip
        ax.plot(x, rate, "s", color=COLOURS["rate"], label=f"{words}rate circuit")
        ax.plot(x, spiking, "o", color=COLOURS["spiking"], mfc="white",
                label=f"{words}NMDA write")  # fmt: skip
    curve = [_underdamped(one) for one in fine]
    ax.plot(fine, curve, "--", color="#CC79A7", label="second order")
    ax.text(0.75, 0.62, "fixed teacher", fontsize=7)
    ax.text(1.65, -0.45, "held prediction", fontsize=7)
    ax.set(xlabel="drive of the write, x", ylabel="eigenvalue along the key",
           ylim=(-1.1, 1.1))  # fmt: skip
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.24), ncols=2,
              columnspacing=0.8, handletextpad=0.5)  # fmt: skip
    _title(ax, "b", "Fixed teacher stays > 0")


def _plot_shared(ax, data):
    words = {
        "tsodyks_markram": "short-term (column gate)",
        "pair_stdp": "Hebbian (pair STDP)",
    }
    for rule, colour, mark in zip(
        data.synapse.values, ("#CC79A7", "#D55E00"), "so", strict=True
    ):
        rows = data.stored.sel(synapse=rule)
        ax.errorbar(
            data["items"], rows.mean("seed"), rows.std("seed"), fmt=f"-{mark}",
            color=colour, capsize=2, label=words.get(str(rule), str(rule)),
        )  # fmt: skip
    ax.axhline(0, color=GREY, lw=0.6)
    ax.set_xscale("log", base=2)
    ax.set_xticks(data["items"].values, [f"{n:g}" for n in data["items"].values])
    ax.set(xlabel="pairs with shared key cells", ylabel="explained variance of reads",
           ylim=(-0.08, 1.45))  # fmt: skip
    ax.legend(loc="upper right")
    _title(ax, "c", "Column gates store none")
