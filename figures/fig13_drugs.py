"""What drugs would show: AP5 the calcium readout, CNQX the error term; and what a key
alone writes.

Claims: (a) a fraction f of blocked NMDA receptors leaves (1 - f)^n of a write, so that
the dose response tells which power n of calcium is read; with a threshold a write ends at
a dose; (b) AMPA receptors blocked while a value is written take the prediction away from
the delta rule, which then writes too much, and change nothing in the Hebbian rule:
spikes beside the algebra of one exponential and beside the circuit without noise (with
all AMPA blocked delta writes 2.2 times as much, not 2.6 times: to write what is commanded
without the drug, the circuit is calibrated to learn more slowly than one exponential
would); (c) a key alone, as in a read without a teacher, writes a little too, least where
the fourth power of calcium is read (here at rest; AMPA input that depolarises the cell
makes it more, see fig11).

Established: AP5 blocks the induction and spares the expression of potentiation
(Collingridge, Kehl & McLennan 1983); CNQX blocks AMPA receptors. Modelling choice: the
point spine and its readouts (Ellwood 2024, doi:10.1371/journal.pcbi.1011843, for the
fourth power), additive writes. Inference of this package: that the dose response
identifies the readout, that CNQX at the write would tell delta from Hebb in a synapse,
and the sizes of all effects.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.plotting import GREY, PAGE, READOUT_COLOURS, rule_look

#: readout -> power of calcium, not a number where it is none
READOUTS = {
    "linear": 1, "square": 2, "fourth_power": 4, "hill_4": np.nan,
    "soft_threshold": np.nan,
}  # fmt: skip
BETA = 0.9


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the study; quick uses fewer doses, cells and synapses."""
    doses = np.linspace(0, 1, 5 if quick else 11)
    jobs = [
        ("AP5", lambda: _ap5(doses)),
        ("CNQX", lambda: _cnqx(np.linspace(0, 1, 3 if quick else 6), 2 if quick else 6)),
        ("reading", lambda: _reading(4 if quick else 32)),
    ]
    parts = []
    for n, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(n / len(jobs), name)
        parts.append(job())
    return xr.merge(parts, combine_attrs="drop_conflicts")


def _ap5(doses) -> xr.Dataset:
    """Write of 20 pairs at +4 ms and 10 Hz, as a share of the write without the drug."""
    import brian2 as b2

    written = np.zeros((len(READOUTS), len(doses)))
    for r, readout in enumerate(READOUTS):
        model = fwp.synapses.get("point_spine", readout)
        for n, dose in enumerate(doses):
            blocked = model.changed(nmda=1 - dose)
            curve = fwp.synapses.stdp_curve(blocked, None, 4 * b2.ms, 20, 10 * b2.Hz)
            written[r, n] = float(curve) - 1
    return xr.Dataset(
        {"ap5": (("readout", "ap5_dose"), written / written[:, :1], {"units": "1"})},
        {"readout": list(READOUTS), "ap5_dose": doses},
    )


def _cnqx(doses, seeds) -> xr.Dataset:
    """Size of one write under CNQX relative to the algebra, without and with spike
    noise."""
    key = np.zeros((1, seeds, 16))
    for head in range(seeds):
        key[0, head, np.random.default_rng(head).choice(16, 3, replace=False)] = 3**-0.5
    value = np.random.default_rng(0).uniform(-1, 1, (1, seeds, 8))
    program = fwp.Program(key, value, beta=BETA)
    runs = {
        "no noise": {"cells": float("inf")}, "spikes": {"cells": 100},
    }
    written = np.zeros((2, len(doses), len(runs)))
    for r, rule in enumerate(("hebb", "delta")):
        algebra = fwp.run(program, rule)["weights"].values
        for c, options in enumerate(runs.values()):
            for n, dose in enumerate(doses):
                drug = [fwp.CNQX(float(dose), window="write")] if dose else []
                found = fwp.run(
                    program, rule, "spiking", drugs=drug, record_spikes=False,
                    device="numpy", constants={"weight_baseline": 2.0}, **options,
                )["weights"].values  # fmt: skip
                written[r, n, c] = (algebra * found).sum() / (algebra**2).sum()
    return xr.Dataset(
        {"cnqx": (("rule", "cnqx_dose", "circuit"), written, {"units": "1"})},
        {"rule": ["hebb", "delta"], "cnqx_dose": doses, "circuit": list(runs)},
    )


def over_written(dose):
    """Return how much more delta writes with a fraction ``dose`` of AMPA blocked: the
    algebra.

    dW = h (v - (1 - dose) W k) k' for a window that learns beta = 1 - exp(-h) without the
    drug.
    """
    left = np.maximum(1 - np.asarray(dose, dtype=float), 1e-9)
    return (1 - (1 - BETA) ** left) / (left * BETA)


def _reading(repeats) -> xr.Dataset:
    """Change by a key alone, as a share of that by key and value: Poisson, 0 to 40 Hz, 2
    s."""
    from fwp_neuro.characterise import experiments, measure

    alone = []
    for readout in READOUTS:
        model = fwp.synapses.get("point_spine", readout)
        alone.append(
            measure(model, experiments("point_spine")[0], repeats).write.key_only
        )
    return xr.Dataset({"read_write": (("readout",), np.array(alone), {"units": "1"})})


def power(data, readout: str) -> float:
    """Return the slope of log write on log (1 - f) over doses up to .75."""
    curve = data.ap5.sel(readout=readout)
    some = curve.ap5_dose.values <= 0.75
    x, y = np.log(1 - curve.ap5_dose.values[some]), np.log(curve.values[some])
    return float((x * y).sum() / (x * x).sum())


def report(data) -> str:
    """Return the numbers of the figure."""
    lines = ["write under AP5 as a share of that without, 20 pairs at +4 ms, 10 Hz"]
    for readout in data.readout.values:
        row = "  ".join(f"{f:g}: {float(x):.3f}" for f, x in zip(
            data.ap5_dose.values, data.ap5.sel(readout=readout).values,
            strict=True))  # fmt: skip
        lines.append(f"   {readout:13}(1 - f)^{power(data, readout):.2f}   {row}")
    lines.append(
        f"one write under CNQX while it is written, relative to the algebra, beta {BETA}"
    )
    for rule in data.rule.values:
        for dose in data.cnqx_dose.values:
            law = float(over_written(dose)) if rule == "delta" else 1.0
            both = data.cnqx.sel(rule=rule, cnqx_dose=dose).values
            lines.append(f"   {rule:6}{dose:4.1f}  algebra {law:.3f}  no noise "
                         f"{both[0]:.3f}  spikes {both[1]:.3f}")  # fmt: skip
    for readout in data.readout.values:
        share = float(data.read_write.sel(readout=readout))
        lines.append(f"key alone writes {share:.3f} of key and value, {readout}")
    return "\n".join(lines)


def plot(data):
    """Draw dose responses and what reading writes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.36))
    ap5, cnqx, read = figure.subplots(1, 3, width_ratios=[1, 1, 0.8])
    fine = np.linspace(0, 1, 100)
    names = {
        "fourth_power": "fourth power",
        "hill_4": "Hill-4",
        "soft_threshold": "soft threshold",
    }
    for readout, n in READOUTS.items():
        colour = READOUT_COLOURS[readout]
        curve = data.ap5.sel(readout=readout)
        line = f"{names.get(readout, readout)}"
        ap5.plot(data.ap5_dose, curve, "o", color=colour, label=line)
        if np.isfinite(n):
            ap5.plot(fine, (1 - fine) ** n, "-", color=colour, lw=0.9)
        else:
            ap5.plot(data.ap5_dose, curve, ":", color=colour, lw=0.9)
    ap5.set(
        xlabel="blocked NMDA, f", ylabel="write, share of control", ylim=(-0.05, 1.35)
    )
    ap5.legend(title="readout; lines: $(1-f)^n$", title_fontsize=7, loc="upper right")
    _title(ap5, "a", "AP5 tells the readout")
    laws = {"delta": over_written(fine), "hebb": np.ones_like(fine)}
    for rule, law in laws.items():
        look = rule_look(rule)
        dose, found = data.cnqx_dose, data.cnqx.sel(rule=rule)
        cnqx.plot(fine, law, "--", color=GREY, lw=0.9,
                  label="algebra" if rule == "delta" else None)  # fmt: skip
        cnqx.plot(dose, found.sel(circuit="no noise"), "-", color=look["color"], lw=0.9,
                  label=f"{rule}, no noise")  # fmt: skip
        cnqx.plot(dose, found.sel(circuit="spikes"), ls="", ms=4, **look,
                  label=f"{rule}, spikes")  # fmt: skip
    cnqx.set(
        xlabel="blocked AMPA at the write", ylabel="size of a write", ylim=(0.7, 3.9)
    )
    cnqx.legend(loc="upper left", ncols=1)
    _title(cnqx, "b", "CNQX tells delta from hebb")
    share = data.read_write.values
    colours = [READOUT_COLOURS[readout] for readout in READOUTS]
    read.bar(range(len(share)), share, color=colours, width=0.65)
    for n, x in enumerate(share):
        read.annotate(f"{x:.3f}", (n, max(x, 0)), (0, 2), textcoords="offset points",
                      ha="center", fontsize=7)  # fmt: skip
    read.set_xticks(range(len(share)), ["lin.", "sq.", "4th", "Hill", "soft"])
    read.set(ylabel="key alone / key and value", ylim=(0, max(share) * 1.2))
    _title(read, "c", "A key alone writes")
    return figure


def _title(ax, letter, words):
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=8, weight="bold")
