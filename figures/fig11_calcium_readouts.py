"""Calcium readouts: Hill-4 writes the best outer product until the input itself fires the
cell.

Claims: with imposed back-propagating spikes, and in cells that a teacher fires while AMPA
input stays well below threshold, a Hill-4 readout calibrated to the cell's own pair peak
is the most bilinear write (R2 .99 of c v k'). That does not survive input that comes near
to firing the cell:
depolarised by 14 mV or more, its R2 falls below that of a soft threshold at 1.5
presynaptic peaks (.93 against .97 where input fires 1 Hz, .86 against .94 at 5 Hz; there
the square of calcium is best, .97, but noisier). Hence the soft threshold, not Hill-4, is
the default of `point_spine`. Ellwood's fourth power leaks least but is supralinear and
needs many times as many synapses. Calibrating to the cell's working point instead of its
rest matters as much as the choice between good readouts. With "foreign keys" (same
firing, but keys that had no part in it) little changes:
the leak is depolarised membrane, not correlation.
Sizes: 6 x 6 rates, 10 cells and 8 keys a rate, 10 s (quick: 4, 8, 2 s); all cells see all
keys. Weights stay fixed while calcium is integrated, so that no write feeds back into the
firing. Published: NMDA, magnesium and calcium constants, fourth power (Ellwood 2024,
doi:10.1371/journal.pcbi.1011843), thresholds scaled by own peaks (Chindemi et al. 2022,
doi:10.1038/s41467-022-30214-w). Ours: the cell, the measures, all points.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro import synapses
from fwp_neuro.characterise.bilinear import fit
from fwp_neuro.circuits import driven_cells
from fwp_neuro.plotting import GREY, PAGE, READOUT_COLOURS
from fwp_neuro.synapses import calcium_writes, spine_calcium
from fwp_neuro.synapses.calcium_readouts import READOUTS

RATES = np.array([0.0, 5, 10, 20, 30, 40])
GAINS = (0.0, 1.0, 1.5, 2.0, 2.25, 2.5)
CIRCUITS = ("imposed", *(f"{gain:g}" for gain in GAINS), "foreign keys")
STATES = ("rest", "working point")
DT, SAMPLE = 1e-4, 0.1
WINDOWS = (0.1, 0.5, 1.0, 2.0)
USUAL = list(RATES).index(20.0)


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Measure the writes of all readouts in all circuits."""
    seconds, cells, keys = (2, 4, 8) if quick else (10, 10, 8)
    part = _Parts(progress)
    p = synapses.get("point_spine").parameters
    rng = np.random.default_rng(11)
    pre, foreign = (_trains(rng, np.repeat(RATES, keys), seconds) for _ in range(2))
    opened = spine_calcium.opening(p, pre, DT)
    teachers = np.repeat(RATES, cells)
    many = len(teachers)

    volts = spine_calcium.voltage(p, _trains(rng, teachers, seconds), DT)
    rest = {"rest": _peaks(spine_calcium.peaks(p), many)}
    imposed = _cumulative(p, opened, volts, rest, part(0, 0.2))

    gains = np.repeat(GAINS, many)
    taught = _trains(rng, np.tile(teachers, len(GAINS)), seconds)
    found = driven_cells.run(p, pre, taught, gains, DT, progress=part(0.2, 0.4))
    quiet = np.tile(teachers, len(GAINS)) == 0
    working = [np.median(found["U"][2000:, quiet & (gains == gain)]) for gain in GAINS]
    peaks = calibrate(p, [float(p["E_rest"]), *working])
    scales = {
        "rest": _peaks(peaks[0], gains.size),
        "working point": np.repeat(peaks[1:], many, 0).T,
    }
    genuine = _cumulative(p, opened, found["V"], scales, part(0.4, 0.95))
    # the cells of the highest gain, with keys that have no part in making them fire
    last = {name: both[:, -many:] for name, both in scales.items()}
    foreign = _cumulative(p, spine_calcium.opening(p, foreign, DT), found["V"][:, -many:],
                          last, part(0.95, 1.0))  # fmt: skip

    fired = (
        (found["spikes"].sum(0) / seconds).reshape(len(GAINS), len(RATES), cells).mean(-1)
    )
    grids = [np.repeat(imposed, 2, 0)]
    grids += [genuine[:, :, :, n * many : (n + 1) * many] for n in range(len(GAINS))] + [
        foreign
    ]
    rates = [RATES, *fired, fired[-1]]
    return _gather(grids, rates, cells, keys, seconds, working, peaks)


class _Parts:
    """Progress of a part of the work as progress of the whole."""

    def __init__(self, progress):
        self.progress = progress

    def __call__(self, start: float, end: float):
        if self.progress is None:
            return None
        return lambda done, note: self.progress(start + (end - start) * done, note)


def _trains(rng, rates: np.ndarray, seconds: float) -> np.ndarray:
    """Return independent Poisson trains [step, cell]."""
    return (rng.random((round(seconds / DT), len(rates))) < rates * DT).astype(float)


def _peaks(both, count: int) -> np.ndarray:
    return np.repeat(np.array(both, float)[:, None], count, 1)


def _cumulative(p, opened, volts, scales, progress) -> np.ndarray:
    every = round(SAMPLE / DT)
    return calcium_writes.cumulative(
        p, opened, volts, DT, every, scales, progress=progress
    )


def calibrate(p, levels: list[float]) -> np.ndarray:
    """Return p_pre and p_pair [level, 2] of the spiking cell, held at membrane
    potentials.

    The teacher makes it fire once, and the presynaptic spike comes 4 ms before its spike.
    """
    hold = np.array(levels) - float(p["E_rest"])
    silent, once = np.zeros((2000, 1)), np.zeros((2000, len(levels)))
    once[500] = 1
    course = driven_cells.run(p, silent, once, np.zeros(len(levels)), DT, hold)
    fired = course["spikes"].argmax(0)
    pre = np.zeros_like(once)
    pre[fired - round(spine_calcium.PAIR_LAG / DT), np.arange(len(levels))] = 1
    opened = spine_calcium.opening(p, pre, DT)
    quiet = np.broadcast_to(np.array(levels), once.shape)
    both = [spine_calcium.calcium(p, opened, v, DT).max(0) for v in (quiet, course["V"])]
    return np.array(both).T


def _gather(grids, rates, cells, keys, seconds, working, peaks) -> xr.Dataset:
    """Return the measures of cumulative writes [state, readout, sample, post, pre] of
    circuits."""
    count = len(RATES)
    columns = []
    for grid, fired in zip(grids, rates, strict=True):
        grid = grid.reshape(*grid.shape[:3], count, cells, count, keys)
        columns.append([_statistics(one, fired) for one in grid])
    own = {"write": ("v", "k"), "snr": ("window",)}
    data = {
        name: (
            ("circuit", "state", "readout", *own.get(name, ())),
            np.array([[one[name] for one in column] for column in columns]),
        )
        for name in columns[0][0]
    }
    data["fired"] = (("circuit", "v"), np.array(rates))
    data["working_point"] = ("gain", np.array(working))
    data["peaks"] = (("level", "spikes"), peaks)
    coordinates = {
        "circuit": list(CIRCUITS), "state": list(STATES), "readout": list(READOUTS),
        "v": RATES, "k": RATES, "window": list(WINDOWS), "gain": list(GAINS),
        "level": ["rest", *(f"gain {gain:g}" for gain in GAINS)],
        "spikes": ["pre", "pair"],
    }  # fmt: skip
    return xr.Dataset(
        data, coordinates, {"seconds": seconds, "cells": cells, "keys": keys}
    )


def _statistics(grid: np.ndarray, fired: np.ndarray) -> dict[str, np.ndarray]:
    """Return all measures of cumulative writes [readout, sample, v, cell, k, key]."""
    rng = np.random.default_rng(0)
    final = grid[:, -1]
    mean = final.mean((2, 4))
    resampled = []
    for _ in range(40):  # bootstrap over postsynaptic and presynaptic cells
        cell, key = (rng.integers(0, n, n) for n in (final.shape[2], final.shape[4]))
        some = final[:, :, cell][..., key].mean((2, 4))
        resampled.append([fit(w, RATES, RATES).r2 for w in some])
    second = _windows(grid, 1.0)
    snr = [[_ratio(w[:, USUAL, :, USUAL]) for w in _windows(grid, s)] for s in WINDOWS]
    apart = [
        calcium_writes.told_apart(w[:, USUAL, :, USUAL], w[:, 1, :, USUAL])
        for w in second
    ]
    fits = [fit(w, RATES, RATES) for w in mean]
    return {
        "write": mean / mean[:, USUAL, USUAL, None, None],
        "bilinearity": np.array([one.r2 for one in fits]),
        "error": np.std(resampled, 0),
        "bilinearity_fired": np.array([fit(w, fired, RATES).r2 for w in mean]),
        "rank_one": np.array([one.rank_one for one in fits]),
        "leak": mean[:, 0, USUAL] / mean[:, USUAL, USUAL],
        "apart": np.array(apart),
        "snr": np.array(snr).T,
    }


def _windows(grid: np.ndarray, length: float) -> np.ndarray:
    """Return the writes of consecutive windows [readout, window, v, cell, k, key]."""
    step = round(length / SAMPLE)
    return np.diff(grid[:, step - 1 :: step], axis=1, prepend=0)


def _ratio(sample: np.ndarray) -> float:
    return sample.mean() / sample.std()


def report(data: xr.Dataset) -> str:
    """Return the table of measures."""
    lines = [
        f"6 x 6 rates, {data.attrs['cells']} x {data.attrs['keys']} cells each, "
        f"{data.attrs['seconds']} s; R2 of c v k^T (+- bootstrap) with the teacher's and "
        "with the cell's own rate;",
        "leak = write of (k, v) = (20, 0) / (20, 20), which is read / write where input "
        "fires the cell; AUC of (20, 20) against (20, 5) in 1 s; SNR = mean / SD of one "
        "synapse",
    ]
    for circuit in data.circuit.values:
        d = data.sel(circuit=circuit)
        name = (
            circuit if circuit in ("imposed", "foreign keys") else f"input gain {circuit}"
        )
        lines.append(f"{name}: cells fire at {d.fired.values.round(1).tolist()} Hz")
        lines.append(f"   {'readout':15}{'calibrated to':15}{'R2':>6}{'+-':>6}{'own':>7}{'leak':>7}"  # noqa: E501
                     f"{'rank-1':>8}{'AUC':>6}   SNR at {list(WINDOWS)} s")  # fmt: skip
        for state in STATES[: 1 if circuit == "imposed" else 2]:
            for readout in data.readout.values:
                r = {n: x.values for n, x in d.sel(state=state, readout=readout).items()}
                snr = " ".join(f"{x:.2f}" for x in r["snr"])
                lines.append(
                    f"   {readout:15}{state:15}{r['bilinearity']:6.3f}{r['error']:6.3f}"
                    f"{r['bilinearity_fired']:7.3f}{r['leak']:7.3f}{r['rank_one']:8.4f}"
                    f"{r['apart']:6.2f}   {snr}"
                )
    peaks = (data.peaks.sel(spikes="pair") / data.peaks.sel(spikes="pre")).values.round(2)
    lines.append(f"working points {(1e3 * data.working_point.values).round(1).tolist()} "
                 "mV; pair peak / presynaptic peak at rest and there "
                 f"{peaks.tolist()}")  # fmt: skip
    return "\n".join(lines)


def plot(data):
    """Draw writes, bilinearity, leak and noise."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.74))
    (first, second, third), (fourth, fifth, sixth) = figure.subplots(2, 3)
    _plot_write(first, data, "imposed")
    _title(first, "a", "Imposed spikes")
    _plot_circuits(second, data, "bilinearity")
    second.set(ylabel=r"$R^2$ of the write on $c\,v\,k^\top$", ylim=(0.5, 1.0))
    _title(second, "b", "How bilinear")
    _plot_circuits(third, data, "leak")
    third.set(ylabel="write without / with teacher", ylim=(0, 0.6))
    _title(third, "c", "Reading writes")
    _plot_write(fourth, data, f"{GAINS[-1]:g}")
    _title(fourth, "d", "Input fires cells")
    _plot_noise(fifth, data)
    _plot_circuits(sixth, data, "apart")
    sixth.set(ylabel="AUC of 20 against 5 Hz, 1 s")
    _title(sixth, "f", "Telling values apart")
    handles, labels = second.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def _name(readout: str) -> str:
    return readout.replace("_", " ").replace("hill ", "Hill-")


def _plot_write(ax, data, circuit: str) -> None:
    ideal = np.outer(RATES, RATES).ravel() / 400
    for readout in ("linear", "fourth_power", "soft_threshold", "hill_4"):
        write = data.write.sel(
            circuit=circuit, state="working point", readout=readout
        ).values
        ax.plot(
            ideal,
            write.ravel(),
            "o",
            color=READOUT_COLOURS[readout],
            ms=3,
            alpha=0.8,
            mew=0,
        )
    ax.plot([0, 4], [0, 4], color="black", lw=0.9)
    ax.set(xlim=(-0.1, 4.1), ylim=(-0.2, 8.5), xlabel=r"$v\,k$ / (20 Hz)$^2$",
           ylabel="write / write at (20, 20) Hz")  # fmt: skip


def _plot_circuits(ax, data, measure: str) -> None:
    place = np.arange(len(CIRCUITS) - 1.0)
    place[0] = -0.5  # apart: no circuit
    for readout, colour in READOUT_COLOURS.items():
        values = data[measure].sel(readout=readout, circuit=list(CIRCUITS[:-1]))
        strong = readout in ("soft_threshold", "hill_4")
        ax.plot(place, values.sel(state="working point"), "-o", color=colour,
                label=_name(readout),
                lw=1.6 if strong else 0.9, ms=3.5 if strong else 2.5)  # fmt: skip
        if strong:
            ax.plot(place, values.sel(state="rest"), ":", color=colour, lw=1.2)
    if measure != "apart":
        ax.plot(
            [],
            [],
            ":",
            color="black",
            label="calibrated at rest, not at the working point",
        )
    ax.set_xticks(place, ["imposed", *CIRCUITS[1:-1]])
    ax.set_xlabel("gain of the AMPA input")


def _plot_noise(ax, data) -> None:
    for readout, colour in READOUT_COLOURS.items():
        snr = data.snr.sel(circuit="imposed", state="rest", readout=readout)
        ax.plot(WINDOWS, snr, "-o", color=colour, ms=2.5)
        snr = data.snr.sel(
            circuit=f"{GAINS[-1]:g}", state="working point", readout=readout
        )
        ax.plot(WINDOWS, snr, "--", color=colour, lw=0.9)
    ax.plot([], [], "-", color=GREY, label="imposed spikes")
    ax.plot([], [], "--", color=GREY, label="input fires cells")
    ax.set_xscale("log")
    ax.set_xticks(WINDOWS, [f"{window:g}" for window in WINDOWS])
    ax.minorticks_off()
    ax.set(
        xlabel="length of the write (s)",
        ylabel="mean / SD of one synapse",
        ylim=(0, None),
    )
    ax.legend(loc="upper left")
    _title(ax, "e", "Noise of one synapse")
