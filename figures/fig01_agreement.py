"""How closely the circuits follow the algebra, and what the drugs do to the write.

Claims: the spiking error falls as one over the square root of the number of cells, down
to a small floor without noise; the error of the textbook relation halves with the time
step while the integrator-aware one stays at rounding; AP5 and CNQX change the write by
the factors that the circuit's own equations predict.
Sizes: 8 tokens, 8 key and 8 value dimensions, random rectified keys of unit length, 8
seeds (as heads).
nRMSE: root mean square error of the read-out over the standard deviation of the rule's
own.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.plotting import COLOURS, GREY, PAGE

BETA = {"hebb": 0.5, "delta": 0.8}
DRUG_BETA = 0.9
MEASURES = ("nRMSE", "slope", "correlation")


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the study; quick uses fewer cells, seeds and time steps."""
    seeds, counts = (4, (10, 40, 160)) if quick else (8, (10, 25, 50, 100, 200, 400))
    jobs = [
        ("scaling, population, Poisson", lambda: _scaling(counts, seeds, "poisson")),
        (
            "scaling, population, regular",
            lambda: _scaling(counts, seeds, "integrate_and_fire"),
        ),
        ("per-synapse weights", lambda: _synapses(50 if quick else 200, 4)),
        ("floor", lambda: _floor(seeds)),
        (
            "time step",
            lambda: _steps((1.0, 0.5, 0.25) if quick else (1.0, 0.5, 0.25, 0.125)),
        ),
        ("drugs", lambda: _drugs(2 if quick else 6, 50 if quick else 100)),
    ]
    parts = []
    for n, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(n / len(jobs), name)
        parts.append(job())
    return xr.merge(parts, combine_attrs="drop_conflicts").assign_coords(
        rule=list(BETA), measure=list(MEASURES)
    )


def _program(seeds, **changes):
    return fwp.tasks.associative_recall(tokens=8, dim=8, heads=seeds, seed=1, **changes)


def _measures(reference, other) -> list[float]:
    found = fwp.compare(reference, other)
    return [found.nrmse, found.slope, found.correlation]


def _scaling(counts, seeds, kind) -> xr.Dataset:
    """Error against the artificial run and against the same circuit without spike
    noise."""
    against = {"artificial": [], "rates": []}
    for rule, beta in BETA.items():
        program = _program(seeds, beta=beta)
        references = {
            "artificial": fwp.run(program, rule),
            "rates": fwp.run(program, rule, "spiking", cells=float("inf")),
        }
        runs = [
            fwp.run(
                program,
                rule,
                "spiking",
                cells=n,
                key_cells=kind,
                seed=n,
                record_spikes=False,
            )
            for n in counts
        ]
        for name, reference in references.items():
            against[name].append([_measures(reference, run) for run in runs])
    dims = ("rule", f"cells_{kind}", "measure")
    data = {
        f"{kind}_{name}": (dims, np.array(values)) for name, values in against.items()
    }
    return xr.Dataset(data, {f"cells_{kind}": list(counts)}, {"seeds": seeds})


def _synapses(cells, seeds) -> xr.Dataset:
    values = []
    for rule, beta in BETA.items():
        program = _program(seeds, beta=beta)
        run = fwp.run(
            program, rule, "spiking", cells=cells, layout="synapse", record_spikes=False
        )
        values.append(_measures(fwp.run(program, rule), run))
    return xr.Dataset(
        {"synapse": (("rule", "measure"), np.array(values))},
        attrs={"synapse_cells": cells},
    )


def _floor(seeds) -> xr.Dataset:
    """What is left without spike noise, and where it comes from."""
    import brian2 as b2

    long = fwp.circuits.Timeline(gap=300 * b2.ms, rest=300 * b2.ms)
    variants = {
        "closed-form rate": {"calibration": "closed"},
        "propagator rate (default)": {},
        "with silent gaps of 300 ms": {"timeline": long},
        "with linear membranes": {"synapse": "linear_difference"},
        "with both": {"timeline": long, "synapse": "linear_difference"},
    }  # fmt: skip
    values = []
    for rule, beta in BETA.items():
        program = _program(seeds, beta=beta)
        reference = fwp.run(program, rule)
        values.append(
            [
                _measures(
                    reference, fwp.run(program, rule, "spiking", cells=float("inf"), **o)
                )
                for o in variants.values()
            ]
        )
    return xr.Dataset(
        {"floor": (("rule", "variant", "measure"), np.array(values))},
        {"variant": list(variants)},
    )


def _steps(steps) -> xr.Dataset:
    """Error of the rate circuit for both relations of gains and rates, by time step
    (ms)."""
    import brian2 as b2

    relations = ("exponential", "integrator-aware")
    program = fwp.tasks.associative_recall(tokens=8, dim=8, seed=1, beta=0.8)
    reference = fwp.run(program, "delta")
    error = [
        [
            fwp.compare(
                reference, fwp.run(program, "delta", "rate", relation=r, dt=dt * b2.ms)
            ).nrmse
            for dt in steps
        ]
        for r in relations
    ]
    return xr.Dataset(
        {"relation_error": (("relation", "dt"), error)},
        {"relation": list(relations), "dt": list(steps)},
    )


def _drugs(seeds, cells) -> xr.Dataset:
    """One write of a sparse key under each drug, relative to the write without drug."""
    treatments = {
        "no drug": [],
        "AP5 50 %": [fwp.AP5(0.5)],
        "AP5 100 %": [fwp.AP5(1.0)],
        "CNQX 100 % at write": [fwp.CNQX(1.0, window="write")],
        "CNQX 100 % at read": [fwp.CNQX(1.0, window="read")],
    }
    key = np.zeros((1, seeds, 16))
    for head in range(seeds):
        key[0, head, np.random.default_rng(head).choice(16, 3, replace=False)] = 3**-0.5
    value = np.random.default_rng(0).uniform(-1, 1, (1, seeds, 8))
    program = fwp.Program(key, value, beta=DRUG_BETA)
    names = ("no noise, closed-form rate", "no noise", "spikes")
    options = (
        {"cells": float("inf"), "calibration": "closed"},
        {"cells": float("inf")},
        {"cells": cells},
    )
    written = np.zeros((len(BETA), len(treatments), len(names)))
    for r, rule in enumerate(BETA):
        algebra = fwp.run(program, rule)["weights"].values
        for c, option in enumerate(options):
            option = {
                **option,
                "constants": {"weight_baseline": 2.0},
                "record_spikes": False,
            }
            for t, treatment in enumerate(treatments.values()):
                drugged = fwp.run(program, rule, "spiking", drugs=treatment, **option)[
                    "weights"
                ].values
                written[r, t, c] = (algebra * drugged).sum() / (algebra**2).sum()
    laws = ("algebra", "with the circuit's lags")
    data = {
        "drug_write": (("rule", "drug", "circuit"), written),
        "drug_law": (("rule", "drug", "law"), _laws()),
    }
    coordinates = {"drug": list(treatments), "circuit": list(names), "law": list(laws)}
    return xr.Dataset(data, coordinates, {"drug_cells": cells})


def _laws() -> np.ndarray:
    """What each drug makes of one write of strength beta, [rule, drug, (algebra, lagging
    circuit)].

    Algebra: half the rate learns 1 - (1 - beta)^(1/2); without its prediction delta goes
    on at the first rate for the whole window, -ln(1 - beta). The lagging circuit learns
    `calibration.learned`.
    """
    import brian2 as b2

    from fwp_neuro.circuits.spiking import calibration
    from fwp_neuro.circuits.token_schedule import Timeline, make

    model, schedule = (
        fwp.synapses.get("two_compartment_nmda"),
        make(Timeline(), 0.5 * b2.ms, 1),
    )
    beta, one = np.array([[DRUG_BETA]]), np.ones((1, 1))
    h = (
        calibration.learning_rate(beta, one, True, model, schedule, "propagator", False)[
            0
        ]
        * model.slope
    )
    half = float(calibration.learned(h / 2, model, schedule, True, False)[0]) / DRUG_BETA
    over = float(calibration.learned(h, model, schedule, False, False)[0]) / DRUG_BETA
    hebb = [[1.0] * 2, [0.5] * 2, [0.0] * 2, [1.0] * 2, [1.0] * 2]
    algebra = (1 - (1 - DRUG_BETA) ** 0.5) / DRUG_BETA, -np.log(1 - DRUG_BETA) / DRUG_BETA
    delta = [[1.0] * 2, [algebra[0], half], [0.0] * 2, [algebra[1], over], [1.0] * 2]
    return np.array([hebb, delta])


def law_slope(data, kind: str, rule: str) -> float:
    """Return the slope of log nRMSE, against the circuit without noise, on log cells."""
    error = data[f"{kind}_rates"].sel(rule=rule, measure="nRMSE").values
    return float(np.polyfit(np.log(data[f"cells_{kind}"].values), np.log(error), 1)[0])


def report(data) -> str:
    """Return every number of the figure as a table."""
    lines = [
        f"spiking circuit against the artificial network, {data.attrs['seeds']} seeds, "
        "T=8, d=8"
    ]
    for kind, words in (("poisson", "Poisson"), ("integrate_and_fire", "regular")):
        for rule in BETA:
            lines.append(f"{rule}, {words} cells: slope of log nRMSE on log N (against "
                         f"rates) {law_slope(data, kind, rule):+.3f}")  # fmt: skip
            for n in data[f"cells_{kind}"].values:
                a, b = (
                    data[f"{kind}_{x}"].sel({"rule": rule, f"cells_{kind}": n}).values
                    for x in ("artificial", "rates")
                )
                lines.append(f"   N={n:4d}  against artificial: nRMSE {a[0]:.4f} slope "
                             f"{a[1]:.3f} corr {a[2]:.4f}"
                             f"   against rates: nRMSE {b[0]:.4f}")  # fmt: skip
    for rule in BETA:
        a = data.synapse.sel(rule=rule).values
        lines.append(f"{rule}, per-synapse weights, Poisson "
                     f"N={data.attrs['synapse_cells']}: nRMSE {a[0]:.4f} slope "
                     f"{a[1]:.3f} corr {a[2]:.4f}")  # fmt: skip
    lines.append(
        "floor without spike noise (N -> infinity), against the artificial network"
    )
    for rule in BETA:
        for name in data.variant.values:
            a = data.floor.sel(rule=rule, variant=name).values
            lines.append(
                f"   {rule:6}{name:28} nRMSE {a[0]:.4f} slope {a[1]:.3f} corr {a[2]:.5f}"
            )
    lines.append("rate circuit, delta, nRMSE against artificial by time step (ms)")
    for relation in data.relation.values:
        row = "  ".join(
            f"{dt:g}: {e:.1e}"
            for dt, e in zip(
                data.dt.values,
                data.relation_error.sel(relation=relation).values,
                strict=True,
            )
        )
        lines.append(f"   {relation:18}{row}")
    lines.append(
        "size of one write under a drug, relative to the artificial one without (beta "
        f"{DRUG_BETA})"
    )
    for rule in BETA:
        for drug in data.drug.values:
            law, w = (
                data[x].sel(rule=rule, drug=drug).values
                for x in ("drug_law", "drug_write")
            )
            both = [
                *zip(data.law.values, law, strict=True),
                *zip(data.circuit.values, w, strict=True),
            ]
            lines.append(
                f"   {rule:6}{drug:22}"
                + "   ".join(f"{name}: {x:.3f}" for name, x in both)
            )
    return "\n".join(lines)


def plot(data):
    """Draw error against cells, the floor, error against time step, and drug effects."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.72))
    (law, floor), (step, drug) = figure.subplots(2, 2, width_ratios=[1, 1.15])
    _plot_law(law, data)
    _plot_floor(floor, data)
    _plot_steps(step, data)
    _plot_drugs(drug, data)
    return figure


def _title(ax, letter, words):
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def _plot_law(ax, data):
    for kind, words in (("poisson", "Poisson"), ("integrate_and_fire", "regular")):
        for rule, mark in (("hebb", "s"), ("delta", "o")):
            error = data[f"{kind}_rates"].sel(rule=rule, measure="nRMSE")
            fill = COLOURS["spiking"] if rule == "delta" else "white"
            ax.plot(data[f"cells_{kind}"], error, mark, ms=4.5, color=COLOURS["spiking"],
                    mfc=fill, alpha=1 if kind == "poisson" else 0.5,
                    label=f"{rule}, {words} "
                          f"({law_slope(data, kind, rule):+.2f})")  # fmt: skip
    n = np.array([8.0, 500.0])
    ax.plot(n, 0.6 / np.sqrt(n), "--", color=GREY, lw=0.9, label=r"$0.6/\sqrt{N}$")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set(
        xlabel="cells for each number, N", ylabel="nRMSE against rates", ylim=(1.2e-3, 12)
    )
    ax.legend(
        loc="upper right",
        ncols=1,
        fontsize=6.5,
        title="slope in brackets",
        title_fontsize=6.5,
    )
    _title(ax, "a", "Spike noise averages out")


def _plot_floor(ax, data):
    names = list(data.variant.values)
    for shift, (rule, mark) in zip(
        (-0.13, 0.13), (("hebb", "s"), ("delta", "o")), strict=True
    ):
        error = data.floor.sel(rule=rule, measure="nRMSE").values
        fill = COLOURS["spiking"] if rule == "delta" else "white"
        ax.plot(
            error,
            np.arange(len(names)) + shift,
            mark,
            ms=4.5,
            color=COLOURS["spiking"],
            mfc=fill,
            label=rule,
        )
    ax.set_xscale("log")
    ax.set_yticks(range(len(names)), names)
    ax.set(
        ylim=(len(names) - 0.5, -0.5), xlabel="nRMSE against artificial, no spike noise"
    )
    ax.legend(loc="lower right")
    _title(ax, "b", "What is left without noise")


def _plot_steps(ax, data):
    for relation, mark in (("exponential", "D"), ("integrator-aware", "o")):
        error = data.relation_error.sel(relation=relation).values
        order = np.polyfit(np.log(data.dt.values), np.log(np.maximum(error, 1e-17)), 1)[0]
        words = (
            f"{relation} (error ~ dt^{order:.2f})" if error.min() > 1e-12 else relation
        )
        ax.plot(data.dt, np.maximum(error, 1e-17), f"-{mark}", color=COLOURS["rate"],
                ms=4.5, label=words,
                mfc="white" if mark == "D" else COLOURS["rate"])  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(data.dt.values, [f"{dt:g}" for dt in data.dt.values])
    ax.set(xlabel="time step (ms)", ylabel="nRMSE, rate circuit", ylim=(1e-17, 10))
    ax.legend(loc="center right", title="gains to rates", title_fontsize=7)
    _title(ax, "c", "Rate circuit, delta rule")


def _plot_drugs(ax, data):
    rows = [(rule, drug) for drug in data.drug.values for rule in BETA]
    colour = COLOURS["spiking"]
    style = {
        "no noise, closed-form rate": ("D", "white"),
        "no noise": ("o", "white"),
        "spikes": ("o", colour),
    }
    for row, (rule, drug) in enumerate(rows):
        first = row == 0
        for law, line in zip(data.law.values, ("-", ":"), strict=True):
            x = float(data.drug_law.sel(rule=rule, drug=drug, law=law))
            ax.plot(
                [x, x],
                [row - 0.46, row + 0.46],
                line,
                color="black",
                lw=1.3,
                label=str(law) if first else None,
            )
        for shift, (circuit, (mark, fill)) in zip(
            (-0.2, 0.0, 0.2), style.items(), strict=True
        ):
            value = float(data.drug_write.sel(rule=rule, drug=drug, circuit=circuit))
            ax.plot(
                value,
                row + shift,
                mark,
                ms=4,
                color=colour,
                mfc=fill,
                label=circuit if first else None,
            )
    ax.set_yticks(range(len(rows)), [f"{drug}, {rule}" for rule, drug in rows])
    ax.set(
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="size of one write, relative to artificial",
        xlim=(-0.1, 4.3),
    )
    ax.legend(loc="upper right", fontsize=6.5)
    _title(ax, "d", "Drugs")
