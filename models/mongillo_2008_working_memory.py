"""An item held without spikes: short-term facilitation in a selective population, read by
a burst.

Paper: Mongillo, Barak & Tsodyks 2008, Science 319:1543, doi:10.1126/science.1150769, Fig.
2A. Parameters, synaptic time constant and event order: Tiddia, Golosio, Fanti & Paolucci
2022, Front. Integr. Neurosci. 16:972055, doi:10.3389/fnint.2022.972055, and their code
(NEST).

8000 excitatory and 2000 inhibitory leaky integrate-and-fire cells; five populations of a
tenth of the excitatory ones each have stronger synapses inside. Every synapse between
excitatory cells has Tsodyks-Markram plasticity, convention to_U
(`fwp_neuro.synapses.release_conventions`); its state lives in the presynaptic cell. A cue
drives population 0 for 350 ms; 1.5 s of silence later a weak input to *all* excitatory
cells makes that population, and no other, burst: the calcium-like u is the memory. As a
fast-weight programme: a column gate W = J diag(u x) on fixed J, not a write of v k^T
(`fwp_neuro.characterise.rank_argument` has the rank argument).

Known deviations: dt is 0.1 ms instead of 0.05 ms; membrane potentials start at random;
the silence lasts 1.5 s. The published network (one stable state) is ``--set cells=8000
--set connection=0.2 --set eta_exc=22.7 --set readout=1.05``; the bistable case, in which
a loaded population goes on firing by itself, is ``--set eta_exc=23.7`` on top.

Scaling: the smaller default network keeps the 1600 excitatory inputs of a cell (some are
double), so that mean and variance of its input stay and no weight is scaled. Populations
of 320 instead of 800 cells share more inputs and fluctuate more together, which at the
published 22.7 mV wakes the loaded population now and then in the silence; the default is
0.2 mV lower for that, and reads out with 1.07 for 1.05. Where cells x connection is
smaller than 1600, J is multiplied by 1600 / (cells x connection): means stay, variances
grow by that factor (at 2.5 the burst is a blurred 12 Hz).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, has_compiler, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import affordable_steps, real, seed_number, whole

POPULATIONS, CODING = 5, 0.1
FULL_CELLS, FULL_CONNECTION = 8000, 0.2
# mV, ms
THRESHOLD, RESET, TAU, REFRACTORY, SIGMA = 20.0, (16.0, 13.0), (15.0, 10.0), 2.0, 1.0
TAU_SYNAPSE, DELAYS, DT = 2.0, (0.1, 1.0), 0.1  # ms
#: peak of a unitary response (mV), the time constant of the membrane (ms) for which it
#: peaks so, and that of the target; where they differ, the published code takes that of
#: the source
J = {
    "potentiated": (0.45, 15.0, 15.0), "baseline": (0.10, 15.0, 15.0),
    "inh to exc": (-0.25, 10.0, 15.0), "selective to inh": (0.135, 10.0, 10.0),
    "other to inh": (0.135, 15.0, 10.0), "inh to inh": (-0.20, 10.0, 10.0),
}  # fmt: skip
GAMMA = 0.10  # share of potentiated synapses among those of the cells in no population
BIN, SAMPLE = 10.0, 10.0  # ms


@dataclass
class Parameters:
    """What a user can change."""

    cells: int = parameter(
        3200, "1", "excitatory cells (and a quarter as many inhibitory ones)"
    )
    connection: float = parameter(
        0.5, "1", "inputs a cell as a share of the cells of a kind"
    )
    eta_exc: float = parameter(
        22.5, "mV",
        "mean external input: 22.5 to 22.7 for silence, 23.7 for self-sustained bursts"
    )  # fmt: skip
    eta_inh: float = parameter(20.5, "mV", "mean external input of inhibitory cells")
    cue: float = parameter(1.15, "1", "factor on eta_exc while the cue lasts")
    readout: float = parameter(1.07, "1", "factor on eta_exc while the read-out lasts")
    cue_at: float = parameter(1000.0, "ms", "start of the cue")
    cue_for: float = parameter(350.0, "ms", "length of the cue")
    silence: float = parameter(1500.0, "ms", "from the cue to the read-out")
    readout_for: float = parameter(250.0, "ms", "length of the read-out")
    stp: str = parameter("tiddia_2022", "1", "name of the parameter set of the synapses")
    seed: int = parameter(0, "1", "of wiring and noise")
    device: str = parameter(
        "auto", "1", "auto is cpp_standalone where there is a compiler, else numpy"
    )


#: a network that runs in seconds without a compiler: u through a short silence, no burst
QUICK = {
    "cells": 400, "connection": 1.0, "cue_at": 100.0, "silence": 300.0,
    "readout_for": 60.0, "device": "numpy",
}  # fmt: skip


def weight(name: str) -> float:
    """Return the jump of the synaptic input (mV) that peaks as a potential of the size in
    `J`."""
    peak, tau, target = J[name]
    ratio, speed = tau / TAU_SYNAPSE, tau - TAU_SYNAPSE
    height = ratio ** (-TAU_SYNAPSE / speed) - ratio ** (-tau / speed)
    return peak * target * speed / (tau * TAU_SYNAPSE * height)


def wiring(parameters: Parameters) -> dict[str, tuple[np.ndarray, ...]]:
    """Return the synapses of the four pathways as (source, target, jump in mV, delay in
    ms).

    Every cell gets a fixed number of inputs from each population; self and double
    connections are allowed, as in Tiddia et al.
    """
    rng = np.random.default_rng(parameters.seed)
    exc, inh, c = parameters.cells, parameters.cells // 4, parameters.connection
    size = round(CODING * exc)
    scale = FULL_CONNECTION * FULL_CELLS / (c * exc)
    groups = [np.arange(n * size, (n + 1) * size) for n in range(POPULATIONS)]
    rest = np.arange(POPULATIONS * size, exc)
    everyone = {"exc": np.arange(exc), "inh": np.arange(inh)}
    pathways: dict[str, list] = {name: [] for name in ("ee", "ei", "ie", "ii")}

    def connect(pathway, sources, targets, inputs: float, strength: str) -> None:
        number = round(inputs)
        source = rng.choice(sources, (len(targets), number)).ravel()
        delay = rng.uniform(*DELAYS, source.size)
        jump = np.full(source.size, scale * weight(strength))
        pathways[pathway].append((source, np.repeat(targets, number), jump, delay))

    for group in groups:
        for other in groups:
            connect(
                "ee",
                other,
                group,
                c * size,
                "potentiated" if other is group else "baseline",
            )
        connect("ee", group, rest, c * size, "baseline")
        connect("ei", group, everyone["inh"], c * size, "selective to inh")
    for strength, share in (("potentiated", GAMMA), ("baseline", 1 - GAMMA)):
        connect("ee", rest, everyone["exc"], share * c * len(rest), strength)
    connect("ei", rest, everyone["inh"], c * len(rest), "other to inh")
    connect("ie", everyone["inh"], everyone["exc"], c * inh, "inh to exc")
    connect("ii", everyone["inh"], everyone["inh"], c * inh, "inh to inh")
    return {
        name: tuple(np.concatenate(part) for part in zip(*parts, strict=True))
        for name, parts in pathways.items()
    }


def contrast(parameters: Parameters) -> tuple[np.ndarray, dict[str, float]]:
    """Return the factor on eta_exc [ms, population or rest], and when things happen
    (ms)."""
    p = parameters
    end = p.cue_at + p.cue_for
    when = {"cue": p.cue_at, "silence": end, "readout": end + p.silence}
    when["end"] = when["readout"] + p.readout_for + 200
    table = np.ones((round(when["end"]) + 1, POPULATIONS + 1))
    table[round(p.cue_at) : round(end), 0] = p.cue
    table[round(when["readout"]) : round(when["readout"] + p.readout_for)] = p.readout
    return table, when


def build(parameters: Parameters) -> Built:
    """Make the Brian2 network (once the device is active)."""
    import brian2 as b2

    from fwp_neuro.synapses.release_conventions import per_cell

    p, ms, mV = parameters, b2.ms, b2.mV
    rng = np.random.default_rng(p.seed + 1)
    table, when = contrast(p)
    synapse = fwp.synapses.get("tsodyks_markram_to_U", p.stp)
    text = per_cell(synapse)
    size = round(CODING * p.cells)
    kept = []

    def cells(count: int, kind: int, eta: float, stp: bool):
        space = {
            **synapse.parameters, "tau": TAU[kind] * ms, "tau_synapse": TAU_SYNAPSE * ms,
            "noise": SIGMA * np.sqrt(2 * TAU[kind]) * mV, "eta": eta * mV,
            "contrast": b2.TimedArray(table, dt=1 * ms), "hold": 1 * ms,
            "threshold": THRESHOLD * mV, "rest": RESET[kind] * mV,
        }  # fmt: skip
        group = b2.NeuronGroup(
            count,
            "dV/dt = (drive + I - V)/tau : volt (unless refractory)\n"
            "dI/dt = -I/tau_synapse : volt\ndrive : volt\npopulation : integer "
            "(constant)\n"
            + (text.pre if stp else ""),
            threshold="V > threshold", reset="V = rest\n" + (text.pre_spike
                if stp else ""),
            refractory=REFRACTORY * ms, method="exact", namespace=space,
            name=("exc", "inh")[kind],
        )  # fmt: skip
        factor = "contrast(t, population)*" if stp else ""
        # external noise that is held for 1 ms, as the generator of Tiddia et al.
        kept.append(
            group.run_regularly(
                f"drive = {factor}eta + noise*randn()", dt=1 * ms, when="start"
            )
        )
        group.V = rng.uniform(RESET[kind], THRESHOLD, count) * mV
        return group

    exc = cells(p.cells, 0, p.eta_exc, True)
    inh = cells(p.cells // 4, 1, p.eta_inh, False)
    exc.population = np.minimum(np.arange(p.cells) // size, POPULATIONS)
    exc.u, exc.x = float(synapse.parameters["U"]), 1
    objects = [exc, inh]
    ends = {"e": exc, "i": inh}
    for name, (source, target, jump, delay) in wiring(p).items():
        code = "I_post += jump*released_pre" if name == "ee" else "I_post += jump"
        pathway = b2.Synapses(
            ends[name[0]], ends[name[1]], "jump : volt", on_pre=code, name=name
        )
        pathway.connect(i=source, j=target)
        pathway.jump, pathway.delay = jump * mV, delay * ms
        objects.append(pathway)
    spikes = b2.SpikeMonitor(exc, name="exc_spikes")
    others = b2.SpikeMonitor(inh, name="inh_spikes")
    state = b2.StateMonitor(
        exc, ("u", "x"), record=np.arange(p.cells), dt=SAMPLE * ms, name="stp"
    )

    def collect() -> dict[str, np.ndarray]:
        found = {"time": np.array(spikes.t / ms), "cell": np.array(spikes.i[:])}
        found |= {"inh_time": np.array(others.t / ms), "sample": np.array(state.t / ms)}
        return found | {name: np.array(getattr(state, name)) for name in ("u", "x")}

    network = b2.Network(*objects, spikes, others, state)
    return Built(network, collect, when["end"] * ms, (objects, kept))


def _checked(p: Parameters) -> None:
    if whole(p.cells, "cells") < 100 or p.cells % 40:
        raise fwp.FwpError(
            f"cells is {p.cells}; it must be a multiple of 40, 100 or more"
        )
    # the rarest kind: potentiated ones of cells in no population
    fewest = 2 / (CODING * p.cells)
    if not fewest <= real(p.connection, "connection") <= 1:
        raise fwp.FwpError(
            f"connection is {p.connection:g}; with {p.cells} cells it must be from "
            f"{fewest:g}, so that a cell has inputs of every kind, to 1"
        )
    for name in ("eta_exc", "eta_inh", "cue", "readout"):
        real(getattr(p, name), name, 0)
    for name in ("cue_at", "cue_for", "silence", "readout_for"):
        least = 40 if name == "silence" else SAMPLE  # some bins of it are to be measured
        if not real(getattr(p, name), name) >= least:
            raise fwp.FwpError(
                f"{name} is {getattr(p, name):g} ms; it must be at least {least:g}"
            )
    affordable_steps(
        (p.cue_at + p.cue_for + p.silence + p.readout_for) / DT, "the protocol"
    )
    seed_number(p.seed)
    fwp.synapses.get("tsodyks_markram_to_U", p.stp)


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Simulate cue, silence and read-out; return rates and synaptic state by population.

    Dims: bin (10 ms), population (five, then the cells in none), sample (10 ms).

    Raises:
        FwpError: a network too small for whole populations or without inputs, durations
            that are too short, or other numbers that make no network.
    """
    import brian2 as b2

    p = parameters
    _checked(p)
    _, when = contrast(p)
    device = p.device
    if device == "auto":
        device = "cpp_standalone" if has_compiler() else "numpy"
    size = Size(round(when["end"] / DT), 20, 10 * p.cells)
    found, info = simulate(
        lambda: build(p), size, device=device, dt=DT * b2.ms, seed=p.seed,
        progress=progress, label="network",
    )  # fmt: skip
    return _gather(p, found, info, when)


def _gather(p: Parameters, found, info, when) -> xr.Dataset:
    member = np.minimum(np.arange(p.cells) // round(CODING * p.cells), POPULATIONS)
    edges = np.arange(0, when["end"] + BIN / 2, BIN)
    rates = [
        np.histogram(found["time"][member[found["cell"]] == n], edges)[0]
        / (np.sum(member == n) * BIN / 1000)
        for n in range(POPULATIONS + 1)
    ]
    inhibitory = np.histogram(found["inh_time"], edges)[0] / (p.cells // 4 * BIN / 1000)
    data = xr.Dataset(
        {
            "rate": (("bin", "population"), np.transpose(rates), {"units": "Hz"}),
            "inhibitory_rate": (("bin",), inhibitory, {"units": "Hz"}),
            "spike_time": (("spike",), found["time"], {"units": "ms"}),
            "spike_cell": (("spike",), found["cell"], {"units": "1"}),
        },
        coords={
            "bin": edges[:-1], "sample": found["sample"],
            "population": [*map(str, range(POPULATIONS)), "none"],
        },
    )  # fmt: skip
    for name in ("u", "x"):
        means = [found[name][member == n].mean(0) for n in range(POPULATIONS + 1)]
        data[name] = (("sample", "population"), np.transpose(means), {"units": "1"})
    data.attrs |= {name: when[name] for name in when}
    data.attrs |= {
        "settings": f"{p.cells} excitatory and {p.cells // 4} inhibitory cells, "
        f"connection {p.connection:g}, eta_exc {p.eta_exc:g} mV, seed {p.seed}",
        "device": f"{info['device']} ({info['device_reason']})",
        "weight_scale": FULL_CONNECTION * FULL_CELLS / (p.connection * p.cells),
    }
    held = measures(data)
    return data.assign_coords(measure=list(held)).assign(
        measures=("measure", list(held.values()))
    )


def measures(data: xr.Dataset) -> dict[str, float]:
    """Return u when the read-out comes and the bursts that it makes, cued against the
    others."""
    at = data.attrs

    def window(start: float, stop: float):
        return data.rate.sel(bin=slice(start, stop - 1)).values

    others = slice(1, POPULATIONS)
    before = data.sel(sample=at["readout"], method="nearest").u.values
    loaded = data.sel(sample=at["silence"], method="nearest").u.values
    burst = window(at["readout"], at["end"])
    # without the tail of the cue
    silent = window(
        at["silence"] + min(200, (at["readout"] - at["silence"]) / 2), at["readout"]
    )
    return {
        "u, cued, end of cue": float(loaded[0]),
        "u, cued, at read-out": float(before[0]),
        "u, others, at read-out": float(before[others].mean()),
        "cue rate (Hz)": float(window(at["cue"], at["silence"])[:, 0].mean()),
        "silent rate, cued (Hz)": float(silent[:, 0].mean()),
        "silent rate, others (Hz)": float(silent[:, others].mean()),
        "peak of burst, cued (Hz)": float(burst[:, 0].max()),
        "peak of burst, others (Hz)": float(burst[:, others].max()),
    }


def report(data: xr.Dataset) -> str:
    """Return what the memory held and what the read-out brought back."""
    found = measures(data)
    lines = [
        data.attrs["settings"],
        f"weights scaled by {data.attrs['weight_scale']:.3g}",
    ]
    lines += [f"{name:28}{value:10.3f}" for name, value in found.items()]
    cued, others = (found[f"peak of burst, {who} (Hz)"] for who in ("cued", "others"))
    verdict = "yes" if cued > 3 * others else "no"
    lines.append(f"the read-out wakes the cued population and no other: {verdict}")
    lines.append(f"code generation: {data.attrs['device']}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw rates, facilitation and resources of the cued population and of the others."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN, GREY

    figure = Figure(figsize=(COLUMN, COLUMN * 0.95))
    rates, state = figure.subplots(2, 1, sharex=True)
    others = [str(n) for n in range(1, POPULATIONS)]
    for who, names, colour in (("cued", ["0"], COLOURS["spiking"]),
                               ("others, mean", others, GREY)):  # fmt: skip
        mean = data.sel(population=names).mean("population")
        rates.plot(data["bin"] / 1e3, mean.rate, color=colour, label=who)
        for name, line in (("u", "-"), ("x", "--")):
            state.plot(data["sample"] / 1e3, mean[name], line, color=colour,
                       label=f"{name}, {who}")  # fmt: skip
    for ax in (rates, state):
        for start, stop in (("cue", "silence"), ("readout", "end")):
            ax.axvspan(data.attrs[start] / 1e3, data.attrs[stop] / 1e3, color="#E8E8E8",
                       lw=0, zorder=0)  # fmt: skip
    rates.set(ylabel="rate (Hz)", ylim=(0, None))
    state.set(ylabel="utilisation u,\nresources x (1)", ylim=(0, 1.02),
              xlabel="time (s); grey: the cue, and the read-out to all")  # fmt: skip
    for ax in (rates, state):
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "mongillo_2008_working_memory"]))
