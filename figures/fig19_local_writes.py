"""Delta memories whose writes use only what is at their own spine, and what they cost.

Claims: (a) writes of one voltage (anti-Hebbian) and of a dendritic branch (dendritic
balance) run the delta rule as nearly as the package's two-compartment write, which takes
the difference of two voltages that no spine sees together; (b) where operating points
differ, cells that find theirs themselves lose next to nothing; (c) drugs and a second
value act as each mechanism's closed form says; (d) calcium and burst rules of the
library do not carry the delta write, even where the circuit takes recall off their cells.
Sizes: 8 tokens, 8 key and 8 value dimensions, delta with beta 0.8; 8 programmes at mean
rates (dendritic prediction: 2), 2 where cells spike (100 a number); in (d) 1 programme of
4 dimensions, beta 0.7, 10 cells.
Published: the rules (Bell et al. 1997, doi:10.1038/387278a0; Mikulasch, Rudelt &
Priesemann 2021, doi:10.1073/pnas.2021925118; Urbanczik & Senn 2014,
doi:10.1016/j.neuron.2013.11.030; Graupner & Brunel 2012, doi:10.1073/pnas.1109359109;
Payeur et al. 2021, doi:10.1038/s41593-021-00857-x). Ours: to use them as fast-weight
memories, the closed forms, sizes, and homeostasis in seconds for hours.
Dendritic prediction (Urbanczik & Senn) runs in its NumPy form with counts of spikes: 100
key cells, 100 somata; release fails for all synapses of an axon together there. Why
writes miss: `models/local_write_causes.py` and docs/local_writes.md.
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.model_scripts import load_model
from fwp_neuro.plotting import COLOURS, GREY, PAGE
from fwp_neuro.synapses.anti_hebbian import targets as anti_hebbian
from fwp_neuro.synapses.balanced_cells import presentation
from fwp_neuro.synapses.mikulasch_2021 import targets as mikulasch

MODEL = load_model("local_delta_memory")
PREDICTION = load_model("urbanczik_senn_2014_delta_memory")
#: write -> words, colour
WRITES = {
    "two_compartment_nmda": ("two voltages (default)", COLOURS["spiking"]),
    "anti_hebbian": ("one voltage, anti-Hebbian", "#CC79A7"),
    "mikulasch_2021": ("dendritic balance", "#009E73"),
    "urbanczik_senn_2014": ("dendritic prediction", "#E69F00"),
}
LOCAL = ("anti_hebbian", "mikulasch_2021")
#: condition -> words, changes of `MODEL.Parameters`, wanted nRMSE
CONDITIONS = {
    "no noise": ("no noise", {"spikes": "none"}, 0.05),
    "overwriting": ("same keys", {"spikes": "none", "replacement": True}, 0.05),
    "thresholds": ("spread 10 %", {"spikes": "none", "spread": 0.1}, 0.10),
    "release": ("release .25", {"spikes": "regular", "release": 0.25}, 0.10),
    "poisson": ("Poisson spikes", {}, 0.12),
    "all": ("all of these", {"release": 0.25, "spread": 0.1, "replacement": True}, None),
}
WAYS = {
    "homeostasis": ("each cell finds its own", {}, "-"),
    "own": ("fixed, read from its own", {"setup": 0.0}, "--"),
    "nominal": ("fixed, read from the mean", {"setup": 0.0, "own": False}, ":"),
}
RULES = ("payeur_2021", "graupner_brunel")
MEASURES = ["nRMSE", "slope"]
SOMATA = 100


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the study; quick has small programmes and leaves slow networks out."""
    sizes = {"tokens": 4, "dim": 4, "cells": 30} if quick else {}
    jobs = [(f"{write}, {name}", write, name) for write in WRITES for name in CONDITIONS]
    table = np.full((len(WRITES), len(CONDITIONS), 2), np.nan)
    for number, (label, write, name) in enumerate(jobs):
        if progress is not None:
            progress(number / (len(jobs) + 3), label)
        row = divmod(number, len(CONDITIONS))
        table[row] = one(write, name, quick, sizes)
    data = xr.Dataset(
        {"table": (("write", "condition", "measure"), table)},
        {"write": list(WRITES), "condition": list(CONDITIONS), "measure": MEASURES},
    )
    for number, job in enumerate((_spreads, _treatments, _rules)):
        if progress is not None:
            progress((len(jobs) + number) / (len(jobs) + 3), job.__name__.strip("_"))
        data = data.merge(job(quick))
    return data


def one(write: str, condition: str, quick: bool, sizes) -> list[float]:
    """Return nRMSE and slope of a write under a condition; NaN where it cannot run."""
    changes = CONDITIONS[condition][1]
    many = changes.get("spikes") == "none" and write != "urbanczik_senn_2014"
    heads = 1 if quick else 8 if many else 2
    p = MODEL.Parameters(heads=heads, **sizes, **changes)
    if quick and (p.spikes != "none" or write not in LOCAL and condition != "no noise"):
        return [np.nan, np.nan]
    if write in LOCAL:
        found = MODEL.run(replace(p, mechanism=write))
        return list(found.measures.sel(run="circuit").values[:2])
    program = MODEL.program_of(p)
    reference = fwp.run(program, "delta")["readout"].values
    if write == "urbanczik_senn_2014":
        read = predicted(program, p)
    elif p.spread or p.release < 1:  # the default circuit has neither
        return [np.nan, np.nan]
    else:
        count = float("inf") if p.spikes == "none" else p.cells
        made = fwp.run(program, "delta", "spiking", cells=count, record_spikes=False)
        read = made["readout"].values
    return agreement(reference, read)


def agreement(reference, read) -> list[float]:
    """Return nRMSE and slope."""
    error = np.sqrt(((read - reference) ** 2).mean()) / reference.std()
    return [float(error), float(np.polyfit(reference.ravel(), read.ravel(), 1)[0])]


class Somata(PREDICTION.LinearCells):
    """Cells of which the dendrite's prediction is off by so many volts [post]."""

    off = 0.0

    @property
    def V_star(self):
        """The prediction, with what it is off."""
        return super().V_star + self.off


def predicted(program, p) -> np.ndarray:
    """Return read-outs [token, head, post] by dendritic prediction, with drawn counts.

    Means over cells obey the equations of one cell that hears and fires mean counts, as
    all of it is linear.
    """
    rng = np.random.default_rng([p.seed, 3])
    settings = PREDICTION.Parameters(beta=_nominal(float(program["beta"].max())))
    model, found, dt = PREDICTION.neuron(settings), [], settings.dt * 1e-3
    values = {name: float(value) for name, value in model.parameters.items()}

    def fired(rate):
        return _fired(rate * dt, p, rng)

    for head in range(program.heads):
        signals = {n: program[n][:, head] for n in ("key", "value", "query")}
        beta = np.full(program.tokens, program["beta"].max())
        part = fwp.Program(**signals, beta=beta)
        keys, told, taught, looks = PREDICTION.protocol(
            part, settings, values["tau_Delta"]
        )
        pulls = PREDICTION.nudging(told, taught, values)
        cells = Somata(model, (part.post, part.pre), dt)
        cells.copies = settings.key_cells
        cells.off = p.spread * 2 * PREDICTION.UNIT * rng.standard_normal(part.post)
        U = np.zeros((len(keys), part.post))
        for step, key in enumerate(keys):
            cells.step(_heard(key, dt, p, rng), fired, *pulls[:, step])
            U[step] = cells.U
        mean = np.stack([U[look].mean(0) for look in looks])
        found.append((mean - values["E_L"]) / PREDICTION.UNIT)
    return np.stack(found, 1)


def _heard(key, dt, p, rng):
    """Return mean spikes of the key cells of a step, as released."""
    expected = PREDICTION.KEY_RATE * dt * key
    if p.spikes == "none":
        return expected
    spikes = expected if p.spikes == "regular" else rng.poisson(expected * p.cells)
    if p.release == 1:
        return spikes / p.cells
    spikes = spikes * (p.cells if p.spikes == "regular" else 1)
    whole = np.floor(spikes + rng.random(np.shape(spikes))).astype(int)
    return rng.binomial(whole * p.sites, p.release) / (p.sites * p.release * p.cells)


def _fired(expected, p, rng):
    """Return mean spikes of the somata of a step."""
    if p.spikes != "poisson":
        return expected
    return rng.poisson(np.maximum(expected, 0) * SOMATA) / SOMATA


@cache
def _nominal(beta: float) -> float:
    """Return the write strength to ask for, so that one presentation writes beta."""
    low, high = beta / 2, 6.0
    for _ in range(12):
        middle = (low + high) / 2
        less = PREDICTION.written(PREDICTION.Parameters(beta=middle)) < beta
        low, high = (middle, high) if less else (low, middle)
    return (low + high) / 2


def _spreads(quick: bool) -> xr.Dataset:
    """Error without noise against the spread of operating points and thresholds."""
    spreads = [0.0, 0.1] if quick else [0.0, 0.1, 0.2, 0.3]
    sizes = {"tokens": 4, "dim": 4, "heads": 1} if quick else {"heads": 4}
    found = [
        [
            [MODEL.run(MODEL.Parameters(mechanism=write, spikes="none", spread=spread,
                                        **sizes, **changes))
             .measures.sel(run="circuit", measure="nRMSE").item() for spread in spreads]
            for _, changes, _ in WAYS.values()
        ]
        for write in LOCAL
    ]  # fmt: skip
    return xr.Dataset(
        {"spread_error": (("local", "way", "spread"), np.array(found))},
        {"local": list(LOCAL), "way": list(WAYS), "spread": spreads},
    )


def _treatments(quick: bool) -> xr.Dataset:
    """Recall after one presentation under each treatment, and its closed form."""
    lag = anti_hebbian.TAU_AMPA + anti_hebbian.TAU_M
    found = {f"anti_hebbian: {name}": (
        anti_hebbian.treated(name, MODEL.MECHANISMS["anti_hebbian"]), target)
        for name, target in anti_hebbian.closed_forms(lag).items()}  # fmt: skip
    for name, (options, target) in mikulasch.CASES.items():
        value = presentation("mikulasch_2021", mikulasch.BETA, new=mikulasch.NEW,
                             value=MODEL.MECHANISMS["mikulasch_2021"],
                             **options)  # fmt: skip
        found[f"mikulasch_2021: {name}"] = value, target
    return xr.Dataset(
        {"recall": (("treatment", "form"), np.array(list(found.values())))},
        {"treatment": list(found), "form": ["simulated", "closed form"]},
    )


def _rules(quick: bool) -> xr.Dataset:
    """The library's calcium and burst rules in the circuit of published synapses."""
    from fwp_neuro.characterise import memories

    names = ["nRMSE", "slope", "gain", "erase", "decay"]
    table = np.full((len(RULES), len(names)), np.nan)
    if not quick:
        found = memories(list(RULES), None, cells=10, value_cells=10)
        table = np.array([
            [one.nrmse, one.slope, one.gain, one.erase, one.decay]
            for one in found if one.rule == "delta"
        ])  # fmt: skip
    return xr.Dataset({"rules": (("rule", "number"), table)},
                      {"rule": list(RULES), "number": names})  # fmt: skip


def report(data) -> str:
    """Return the numbers of the figure."""
    lines = ["nRMSE (slope) against the algebra, delta"]
    words = [CONDITIONS[str(name)][0] for name in data.condition.values]
    lines.append(f"{'':28}" + "".join(f"{word:>21}" for word in words))
    for write in data.write.values:
        cells = data.table.sel(write=write).values
        row = "".join(f"{_number(e):>13} ({_number(s)})" for e, s in cells)
        lines.append(f"{WRITES[str(write)][0]:28}{row}")
    for write in data.local.values:
        for way in data.way.values:
            row = data.spread_error.sel(local=write, way=way)
            found = "  ".join(f"{float(s):g}: {float(e):.3f}" for s, e in
                              zip(data.spread, row, strict=True))  # fmt: skip
            lines.append(f"spread, {write}, threshold {WAYS[str(way)][0]}: {found}")
    for treatment in data.treatment.values:
        found, law = data.recall.sel(treatment=treatment).values
        lines.append(f"{treatment:50} recall {found:.3f}, closed form {law:.3f}")
    for rule in data.rule.values:
        row = data.rules.sel(rule=rule)
        found = "  ".join(f"{name} {float(row.sel(number=name)):.2f}" for name in
                          data.number.values)  # fmt: skip
        lines.append(f"{rule}, run as delta: {found}")
    return "\n".join(lines)


def _number(value) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def plot(data):
    """Draw errors by condition, by spread, treatments and the library's rules."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.7), layout="constrained")
    (table, spread), (drugs, rules) = figure.subplots(2, 2, width_ratios=[1.3, 1])
    _plot_table(table, data)
    for write in data.local.values:
        colour = WRITES[str(write)][1]
        for way, (words, _, line) in WAYS.items():
            found = data.spread_error.sel(local=write, way=way)
            label = words if write == LOCAL[0] else None
            mark = dict(zip(LOCAL, "os", strict=True))[str(write)]
            open_ = {"mfc": "none", "ms": 5} if mark == "s" else {}
            spread.plot(100 * data.spread, found, line, marker=mark, color=colour,
                        **open_)  # fmt: skip
            if label:
                spread.plot([], [], line, color=GREY, label=label)
    spread.set(xlabel="spread, % of the value range",
               ylabel="error (nRMSE)", ylim=(0, 1.5))  # fmt: skip
    spread.legend(loc="upper left", title="threshold", title_fontsize=7)
    _title(spread, "b", "Cells find their thresholds")
    _plot_drugs(drugs, data)
    at = np.arange(data.sizes["rule"])
    for offset, (name, mark) in zip((-0.1, 0.1), (("nRMSE", "o"), ("slope", "s")),
                                    strict=True):  # fmt: skip
        rules.plot(at + offset, data.rules.sel(number=name), mark, color=GREY,
                   mfc=GREY if mark == "o" else "white", label=name)  # fmt: skip
    rules.axhline(1, color=GREY, lw=0.7, ls=":")
    words = [str(name).replace("_", "\n", 1) for name in data.rule.values]
    rules.set_xticks(at, words)
    rules.set(xlim=(-0.5, len(at) - 0.5), ylim=(0, 1.45), xlabel="rule",
              ylabel="nRMSE, slope")  # fmt: skip
    rules.legend(loc="upper right", ncols=2)
    _title(rules, "d", "Burst and calcium rules")
    return figure


def _plot_table(axes, data) -> None:
    at = np.arange(data.sizes["condition"])
    for number, write in enumerate(data.write.values):
        words, colour = WRITES[str(write)]
        errors = data.table.sel(write=write, measure="nRMSE").values
        axes.plot(at + 0.13 * (number - 1.5), errors, "o", color=colour, label=words)
    for place, (_, _, wanted) in zip(at, CONDITIONS.values(), strict=True):
        if wanted is not None:
            axes.plot([place - 0.35, place + 0.35], [wanted] * 2, color=GREY, lw=0.9)
    axes.plot([], [], color=GREY, lw=0.9, label="wanted: below")
    words = [one[0].replace(" ", "\n", 1) for one in CONDITIONS.values()]
    axes.set_xticks(at, words, fontsize=6.5)
    axes.set(xlabel="condition", yscale="log", ylabel="error (nRMSE)", ylim=(3e-4, 60))
    axes.legend(loc="upper left", ncols=2, columnspacing=0.6, fontsize=6.5)
    _title(axes, "a", "Error against the algebra")


def _plot_drugs(axes, data) -> None:
    names = [str(name) for name in data.treatment.values]
    at = np.arange(len(names))
    for place, name in zip(at, names, strict=True):
        found, law = data.recall.sel(treatment=name).values
        axes.plot(found, place, "o", color=WRITES[name.split(":")[0]][1])
        axes.plot([law, law], [place - 0.35, place + 0.35], color=GREY, lw=0.9)
    axes.plot([], [], color=GREY, lw=0.9, label="closed form")
    words = [name.split(": ")[1].replace("none", "no drug") for name in names]
    axes.set_yticks(at, words)
    axes.set(xlabel="recall of a key told 0.8", ylabel="drug", xlim=(0, 1.15),
             ylim=(len(names) - 0.4, -0.6))  # fmt: skip
    axes.legend(loc="upper right")
    _title(axes, "c", "Half of the receptors blocked")


def _title(axes, letter, words):
    axes.set_title(f"{letter}   {words}", loc="left", fontsize=8, weight="bold")
