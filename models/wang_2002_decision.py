"""Wang 2002: a decision held by NMDA reverberation, and lost under AP5.

Wang 2002, Neuron 36:955, doi:10.1016/S0896-6273(02)01092-9: N = 2000 integrate-and-fire
cells (80 % excitatory; two selective populations of 15 % each), AMPA, NMDA and GABA
synapses between all of them, recurrent excitation J+ = 1.7 within a selective population.
Two stimuli of 40 Hz (1 +- coherence) per cell, redrawn every 50 ms (SD 4 Hz), last from
1000 to 3000 ms; the winner goes on firing without them because of the 100 ms of NMDA.

NMDA: ``saturating``, the published gating variable of each presynaptic cell,
    dx/dt = -x/2 ms (+1 at a spike),  ds/dt = -s/100 ms + alpha x (1 - s),  alpha = 0.5 /ms,
or ``jump``, its form that is exact for a spike after silence: s <- s + k0 + k1 s at a
spike, with
    k0 = (alpha tau_r)^(tau_r/tau_d) gamma(1 - tau_r/tau_d, alpha tau_r),
    k1 = exp(-alpha tau_r) - 1
(Skaar, Haug & Plesser 2025, J. Comput. Neurosci. 53:475, doi:10.1007/s10827-025-00911-8).
Either has one s per presynaptic cell. Magnesium block: Jahr & Stevens 1990 at 1 mM. The
jump form opens some 2 % more of NMDA at these rates; reverberation makes that 15 % more
of the winner's rate after the stimulus (21.1 +- 1.0 against 18.3 +- 1.3 Hz, mean and SD
of 12 networks each, our runs).

As a fast-weight programme: none is written. Activity itself is the memory here: the
contrast to fast weights, which survive silence.

Deviations from the paper: background and stimulus spikes of a cell are one Poisson train,
as both act through the same conductance; all cells of a population share one summed
conductance a receptor (identical to all-to-all synapses of equal weight, self-synapses
included, delay 0.5 ms, at N instead of N^2 costs). With ``cells`` other than 2000,
weights are multiplied by 2000/cells: mean input stays, its fluctuations from the network
grow as 1/sqrt(cells), so that small networks wander and decide by chance earlier. Target
rates: the same network in NEST (iaf_bw_2001, the jump form).
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, has_compiler, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.synapses.magnesium import block_code
from fwp_neuro.synapses.nmda_receptors.synapse import jump_constants
from fwp_neuro.validation import affordable_steps, real, seed_number, time_step, whole

POPULATIONS = ("sel1", "sel2", "nonsel", "inh")
WINDOWS = ("pre", "stimulus", "late")
BIN = 50.0  # ms, of the rate course and of the stimulus noise


@dataclass
class Parameters:
    """What a user can change."""

    coherence: tuple[float, ...] = parameter(
        (51.2, 0.0), "%",
        "of the stimuli, one network each; the first one runs again with ap5"
    )  # fmt: skip
    ap5: float = parameter(
        1.0, "1", "share of NMDA receptors blocked from the end of the stimulus on"
    )
    nmda: Literal["jump", "saturating"] = parameter(
        "jump", "1", "form of the gating: jump or saturating"
    )
    cells: int = parameter(2000, "1", "of a network")
    stimulus: tuple[float, float] = parameter((1000.0, 3000.0), "ms", "from, to")
    windows: tuple[float, ...] = parameter(
        (500.0, 1000.0, 1000.0, 2000.0, 3000.0, 4000.0), "ms",
        "from, to of the windows pre, stimulus and late"
    )  # fmt: skip
    dt: float = parameter(0.1, "ms", "time step")
    device: str = parameter(
        "auto", "1", "auto compiles (cpp_standalone) if there is a compiler"
    )
    seed: int = parameter(0, "1", "of start values, stimuli and spikes")


#: sizes that run in seconds: half the cells with weights doubled, shorter windows,
#: coarser steps
QUICK = {
    "coherence": (51.2,), "cells": 1000, "dt": 0.2, "device": "numpy",
    "stimulus": (400.0, 1100.0), "windows": (200.0, 400.0, 600.0, 1100.0, 1200.0, 1600.0),
}  # fmt: skip


#: cell parameters, excitatory and inhibitory: Brunel & Wang 2001, Wang 2002
CELL = {
    "C": (0.5, 0.2),
    "g_leak": (25.0, 20.0),
    "refractory": (2.0, 1.0),
    "g_ext": (2.1, 1.62),
}
#: conductances of one synapse at N = 2000 in nS, onto excitatory and inhibitory cells:
#: Wang 2002
AMPA, NMDA, GABA = (0.05, 0.04), (0.165, 0.13), (1.3, 1.0)
# f, J+, Hz
SELECTIVE, POTENTIATED, BACKGROUND, MEAN, SPREAD = 0.15, 1.7, 2400.0, 40.0, 4.0
TAU_RISE, TAU_NMDA, ALPHA = 2.0, 100.0, 0.5  # ms, ms, 1/ms
#: potentials in mV, decays and delay in ms: Wang 2002
VOLTS = {
    "E_leak": -70.0,
    "E_exc": 0.0,
    "E_inh": -70.0,
    "V_threshold": -50.0,
    "V_reset": -55.0,
}
DECAY, DELAY = {"tau_AMPA": 2.0, "tau_GABA": 5.0}, 0.5

_MEMBRANE = f"""
dV/dt = (g_leak*(E_leak - V) + (g_ext*ext + ampa + open(t, network)*nmda*B)*(E_exc - V)
         + gaba*(E_inh - V))/C : volt (unless refractory)
B = {block_code("V", "jahr_stevens_1990", None)} : 1
dext/dt = -ext/tau_AMPA : 1
ampa : siemens (linked)
nmda : siemens (linked)
gaba : siemens (linked)
C : farad (constant)
g_leak : siemens (constant)
g_ext : siemens (constant)
t_refractory : second (constant)
network : integer (constant)
channel : integer (constant)
"""
_GATING = {
    "jump": ("ds/dt = -s/tau_NMDA : 1\njump : 1", "\njump = k0 + k1*s\ns += jump"),
    "saturating": (
        "ds/dt = -s/tau_NMDA + alpha*x*(1 - s) : 1\ndx/dt = -x/tau_rise : 1",
        "",
    ),
}


def sizes(parameters: Parameters) -> np.ndarray:
    """Return the cells of each population of one network [population]."""
    excitatory = round(0.8 * parameters.cells)
    selective = round(SELECTIVE * excitatory)
    inhibitory = parameters.cells - excitatory
    return np.array([selective, selective, excitatory - 2 * selective, inhibitory])


def footprint() -> np.ndarray:
    """Return the relative weights of excitatory synapses [receiving, sending
    population]."""
    weak = 1 - SELECTIVE * (POTENTIATED - 1) / (1 - SELECTIVE)
    weights = np.ones((4, 4))
    weights[:2] = weak
    weights[[0, 1], [0, 1]] = POTENTIATED
    weights[:, 3] = 0
    return weights


def conditions(parameters: Parameters) -> list[tuple[float, float]]:
    """Return (coherence, blocked NMDA fraction from the end of the stimulus on) of each
    network."""
    pairs = [(level, 0.0) for level in parameters.coherence]
    return pairs + ([(parameters.coherence[0], parameters.ap5)] if parameters.ap5 else [])


def _checked(p: Parameters) -> None:
    whole(p.cells, "cells", 100)
    time_step(p.dt, 0.2, "a tenth of the AMPA decay")
    seed_number(p.seed)
    real(p.ap5, "ap5", 0, 1)
    if not p.coherence:
        raise fwp.FwpError(
            "coherence is empty; give one or more percentages such as 51.2"
        )
    for level in p.coherence:
        real(level, "coherence", -100, 100)
    for name in ("windows", "stimulus"):
        for time in getattr(p, name):
            real(time, f"a time in {name}", 0)
    starts, ends = np.array(p.windows[::2]), np.array(p.windows[1::2])
    if len(p.windows) != 6 or (starts < 0).any() or (ends < starts + BIN).any():
        raise fwp.FwpError("windows are six times in ms, from and to of pre, stimulus "
                           f"and late, each {BIN:g} ms or longer, got "
                           f"{p.windows}")  # fmt: skip
    affordable_steps(max(p.windows) / p.dt, f"windows={p.windows} with dt={p.dt:g} ms")
    if not 0 <= p.stimulus[0] < p.stimulus[1]:
        raise fwp.FwpError(f"stimulus is from, to in ms with from < to, got {p.stimulus}")


def build(parameters: Parameters) -> Built:
    """Return the networks of all conditions, side by side in one Brian2 network."""
    import brian2 as b2

    count, cases = sizes(parameters), conditions(parameters)
    duration, nets, n = max(parameters.windows), len(cases), parameters.cells
    population = np.tile(np.repeat(np.arange(4), count), nets)
    network = np.repeat(np.arange(nets), n)
    inhibitory = (population == 3).astype(int)
    rates, unblocked = _inputs(parameters, cases, duration)
    k0, k1 = jump_constants(TAU_RISE * 1e-3, TAU_NMDA * 1e-3, ALPHA * 1e3)
    ms, mV = b2.ms, b2.mV
    namespace = {
        **{name: value * mV for name, value in VOLTS.items()},
        **{name: value * ms for name, value in DECAY.items()}, "tau_NMDA": TAU_NMDA * ms,
        "tau_rise": TAU_RISE * ms, "alpha": ALPHA / ms, "k0": k0, "k1": k1, "mV": mV,
        "rate": b2.TimedArray(rates * b2.Hz, dt=BIN * ms),
        "open": b2.TimedArray(unblocked, dt=BIN * ms),
    }  # fmt: skip
    gating, spike = _GATING[parameters.nmda]
    cells = b2.NeuronGroup(
        nets * n, _MEMBRANE + gating, threshold="V > V_threshold",
        reset="V = V_reset" + spike, refractory="t_refractory", method="rk2",
        namespace=namespace, name="cells",
    )  # fmt: skip
    # one summed conductance per receptor, receiving population and network; they decay by
    # Euler steps after the cells have read them, so that a spike brings exactly its
    # weight x tau
    exact = parameters.nmda == "saturating"
    pools = b2.NeuronGroup(
        nets * 4, "dampa/dt = -ampa/tau_AMPA : siemens\ndgaba/dt = -gaba/tau_GABA : "
                  "siemens\n"
        + ("nmda : siemens" if exact else "dnmda/dt = -nmda/tau_NMDA : siemens"),
        method="euler", namespace=namespace, name="pools", order=1,
    )  # fmt: skip
    pool = 4 * network + population
    for receptor in ("ampa", "nmda", "gaba"):
        setattr(cells, receptor, b2.linked_var(pools, receptor, index=pool))
    for name, unit in (("C", b2.nF), ("g_leak", b2.nS), ("g_ext", b2.nS)):
        setattr(cells, name, np.array(CELL[name])[inhibitory] * unit)
    cells.t_refractory = np.array(CELL["refractory"])[inhibitory] * ms
    cells.network, cells.channel = network, np.where(population < 2,
        2 * network + population,
                                                     2 * nets)  # fmt: skip
    random = np.random.default_rng(parameters.seed + 1)
    cells.V = (VOLTS["V_reset"] + 5 * random.random(nets * n)) * mV
    cells.run_regularly(
        "ext += poisson((background + rate(t, channel))*dt)",
        when="start",
        name="external",
    )
    namespace["background"] = BACKGROUND * b2.Hz
    synapses, others = _synapses(cells, pools, population, network, parameters, namespace)
    spikes = b2.SpikeMonitor(cells, name="spikes")

    def collect():
        return {"time": np.array(spikes.t_) * 1e3, "pool": pool[np.array(spikes.i)]}

    objects = (cells, pools, synapses, *others, spikes)
    return Built(b2.Network(*objects), collect, duration * ms, (*objects, namespace))


def _synapses(cells, pools, population, network, parameters, namespace):
    """Return the synapses from every cell onto the pools of its network, and further
    objects."""
    import brian2 as b2

    exact = parameters.nmda == "saturating"
    synapses = b2.Synapses(
        cells, pools, "w_ampa : siemens\nw_gaba : siemens\nw_nmda : siemens"
        + ("\nnmda_post = w_nmda*s_pre : siemens (summed)" if exact else ""),
        on_pre="ampa_post += w_ampa\ngaba_post += w_gaba"
        + ("" if exact else "\nnmda_post += w_nmda*jump_pre"),
        delay=DELAY * b2.ms, namespace=namespace, name="synapses",
    )  # fmt: skip
    sender = np.repeat(np.arange(len(population)), 4)
    onto = np.tile(np.arange(4), len(population))
    synapses.connect(i=sender, j=4 * network[sender] + onto)
    scale, of = 2000 / parameters.cells, population[sender]
    weights, onto_inhibitory = footprint()[onto, of], (onto == 3).astype(int)
    for name, conductance in (("w_ampa", AMPA), ("w_nmda", NMDA)):
        values = scale * weights * np.array(conductance)[onto_inhibitory]
        setattr(synapses, name, values * b2.nS)
    synapses.w_gaba = scale * (of == 3) * np.array(GABA)[onto_inhibitory] * b2.nS
    if not exact:
        return synapses, ()
    synapses.summed_updaters["nmda_post"].when = "start"
    kick = b2.Synapses(
        cells,
        cells,
        on_pre="x_post += 1",
        delay=DELAY * b2.ms,
        namespace=namespace,
        name="kick",
    )
    kick.connect(j="i")
    return synapses, (kick,)


def _inputs(p: Parameters, cases, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Return stimulus rates [bin, channel], the last one silent, and unblocked NMDA [bin,
    net]."""
    start = np.arange(int(np.ceil(duration / BIN))) * BIN
    on = (start >= p.stimulus[0]) & (start < p.stimulus[1])
    # the run with AP5 gets the very stimulus of the run without it
    noise = np.random.default_rng(p.seed).normal(
        0, SPREAD, (len(start), len(p.coherence), 2)
    )
    rates, unblocked = (
        np.zeros((len(start), 2 * len(cases) + 1)),
        np.ones((len(start), len(cases))),
    )
    for number, (level, blocked) in enumerate(cases):
        means = MEAN * np.array([1 + level / 100, 1 - level / 100])
        drawn = np.maximum(0, means + noise[:, number % len(p.coherence)])
        rates[:, 2 * number : 2 * number + 2] = on[:, None] * drawn
        unblocked[start >= p.stimulus[1], number] = 1 - blocked
    return rates, unblocked


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Simulate all conditions; return rates in Hz.

    Dims: condition, population (sel1, sel2, nonsel, inh), window (pre, stimulus, late),
    time.
    """
    import brian2 as b2

    _checked(parameters)
    device = parameters.device
    if device == "auto":
        device = "cpp_standalone" if has_compiler() else "numpy"
    cases, duration = conditions(parameters), max(parameters.windows)
    size = Size(int(duration / parameters.dt), 10, len(cases) * parameters.cells)
    found, info = simulate(
        lambda: build(parameters), size, device=device, dt=parameters.dt * b2.ms,
        seed=parameters.seed, progress=progress, label=f"{len(cases)} networks",
    )  # fmt: skip
    edges = np.arange(0, duration + BIN / 2, BIN)
    pools = 4 * len(cases)
    course = np.stack(
        [np.histogram(found["time"][found["pool"] == n], edges)[0] for n in range(pools)]
    )
    members = np.tile(sizes(parameters), len(cases))[:, None]
    windows = np.array(parameters.windows).reshape(3, 2)
    counts = np.stack(
        [[((found["time"][found["pool"] == n] >= a) & (found["time"][found["pool"] == n] < b)).sum()  # noqa: E501
          for a, b in windows] for n in range(pools)]
    )  # fmt: skip
    names = [f"{level:g} %" + (f", AP5 {b:g}" if b else "") for level, b in cases]
    return xr.Dataset(
        {
            "rate": (("condition", "population", "window"),
                     (counts / members / np.diff(windows).T * 1e3).reshape(-1, 4, 3),
                     {"units": "Hz"}),
            "course": (("condition", "population", "time"),
                       (course / members / BIN * 1e3).reshape(len(cases), 4, -1),
                       {"units": "Hz"}),
        },
        {"condition": names, "population": list(POPULATIONS), "window": list(WINDOWS),
         "time": ("time", edges[:-1] + BIN / 2, {"units": "ms"})},
        {"settings": f"{parameters.cells} cells, {parameters.nmda} NMDA, dt "
         f"{parameters.dt:g} ms, seed {parameters.seed}",
         "windows": list(parameters.windows),
         "stimulus": list(parameters.stimulus),
         "device": f"{info['device']} ({info['device_reason']})"},
    )  # fmt: skip


def report(data: xr.Dataset) -> str:
    """Return a table of rates: each population before, in and after the stimulus."""
    a, b, c, d, e, f = data.attrs["windows"]
    lines = [
        data.attrs["settings"],
        f"rates in Hz: pre ({a:g}-{b:g} ms) / stimulus ({c:g}-{d:g} ms) / late "
        f"({e:g}-{f:g} ms, the stimulus ended at {data.attrs['stimulus'][1]:g} ms)",
        f"{'coherence':16}" + "".join(f"{name:>21}" for name in POPULATIONS),
    ]
    for condition, cells in zip(data.condition.values, data.rate.values, strict=True):
        numbers = ["/".join(f"{rate:.2f}" for rate in row) for row in cells]
        lines.append(f"{condition:16}" + "".join(f"{text:>21}" for text in numbers))
    if "AP5" in str(data.condition.values[-1]):
        lines.append(
            "AP5 acts from the end of the stimulus: without NMDA nothing holds the choice"
        )
    lines.append(f"code generation: {data.attrs['device']}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the rates of both selective populations over time, a panel a condition."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN

    rows = data.sizes["condition"]
    figure = Figure(figsize=(COLUMN, COLUMN * (0.3 + 0.3 * rows)))
    panels = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    start, stop = (time / 1e3 for time in data.attrs["stimulus"])
    for ax, condition in zip(panels, data.condition.values, strict=True):
        ax.axvspan(start, stop, color="#E8E8E8", lw=0, zorder=0)
        for name, colour, line in (("sel1", COLOURS["spiking"], "-"),
                                   ("sel2", COLOURS["artificial"], "--")):  # fmt: skip
            rate = data.course.sel(condition=condition, population=name)
            ax.plot(data.time / 1e3, rate, line, color=colour, label=name)
        ax.set_title(f"coherence {condition}", loc="left")
    figure.supylabel("rate (Hz)", fontsize=8)
    panels[-1].set(xlabel="time (s); grey: the stimulus", ylim=(0, None))
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "wang_2002_decision"]))
