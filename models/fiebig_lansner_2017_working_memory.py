"""Fiebig & Lansner 2017, scaled down: a working memory of fast Hebbian (BCPNN) synapses.

Fiebig & Lansner 2017, J. Neurosci. 37:83, doi:10.1523/JNEUROSCI.1989-16.2016: items are
encoded in one shot by spike-based BCPNN synapses between hypercolumns and then come back
by themselves, in short bursts that also refresh them. Cells: adaptive exponential
integrate-and-fire, soft winner-take-all in each hypercolumn by basket cells, AMPA and
NMDA BCPNN synapses (tau_z, tau_e, gains, depression U = .33 with 500 ms: as in
brian_BCPNN, parameter set "fiebig_lansner_2017" of the rule `bcpnn`; tau_p is 5 s here,
as in the same laboratory's later model, where the set has 1 s), negative weights as
inhibition, bias current 30 pA log P_j.

As a fast-weight programme: P_ij is a decayed sum of value times key; the key is the value
(auto-association), reading is free running, and what is read is written again.

Deviations, many: this is a small network in that style, not the published one. 8
hypercolumns of 8 minicolumns of 5 pyramidal cells (the paper: many times more cells), all
pairs of cells in different hypercolumns connected; an item is minicolumn k of every
hypercolumn, so items do not overlap; no delays, no spatial layout, one network instead of
two patches; negative weights act directly as GABA conductance of the sending cell instead
of through double-bouquet cells; NMDA without magnesium block, as in the published code
whose numbers are used (brian_BCPNN, see the rule); basket weights, recurrent weights in a
minicolumn, background and tau_p were set here to suit the size. The published capacity is
not reproduced or claimed.

Three networks run side by side: plastic; with the print-now gate kappa shut, so that
nothing is ever written; and plastic with the NMDA currents blocked (AP5 acts on
transmission only here: the write of BCPNN is gated by kappa).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.devices import Built, Size, has_compiler, simulate
from fwp_neuro.model_parameters import parameter
from fwp_neuro.synapses.bcpnn.event_text import ON_POST, ON_PRE, constants, events
from fwp_neuro.validation import positive, seed_number, time_step, whole

NETWORKS = ("plastic", "kappa = 0", "AP5")
GAP, CUE_EVERY = 250.0, 400.0  # ms between presentations, from cue to cue
# ms, Hz: a pattern whose cells fire more than this in a bin is active
BIN, AWAKE = 50.0, 10.0


@dataclass
class Parameters:
    """What a user can change."""

    items: int = parameter(4, "1", "encoded patterns")
    controls: int = parameter(4, "1", "patterns that are never shown")
    columns: int = parameter(8, "1", "hypercolumns")
    cells: int = parameter(5, "1", "pyramidal cells of a minicolumn")
    shown: float = parameter(300.0, "ms", "presentation of an item")
    free: float = parameter(3000.0, "ms", "time left alone afterwards")
    cued: float = parameter(
        100.0, "ms", "presentation of half a pattern at the end, each pattern once"
    )
    tau_p: float = parameter(5000.0, "ms", "memory time constant of the rule")
    background: float = parameter(700.0, "Hz", "Poisson spikes of 1.5 nS on every cell")
    stimulus: float = parameter(
        800.0, "Hz", "Poisson spikes of 1.5 nS on every cell of an item"
    )
    gain: float = parameter(0.7, "1", "factor of all BCPNN conductances")
    recurrent: float = parameter(
        4.0, "1", "fixed weight within a minicolumn, in BCPNN units"
    )
    to_basket: float = parameter(3.0, "nS", "synapses onto the basket cells")
    from_basket: float = parameter(8.0, "nS", "synapses of the basket cells")
    dt: float = parameter(0.2, "ms", "time step")
    device: str = parameter(
        "auto", "1", "auto compiles if there is a compiler; see fwp-neuro list devices"
    )
    seed: int = parameter(0, "1", "of wiring and spikes")


#: sizes that run in seconds without a compiler; too short for all items to come back by
#: themselves
QUICK = {
    "items": 2, "controls": 2, "columns": 6, "gain": 1.0, "free": 1000.0, "shown": 250.0,
    "dt": 0.5, "device": "numpy",
}  # fmt: skip


_PYRAMIDAL = """
dV/dt = (g_leak*(E_leak - V) + g_leak*slope*exp((V - V_rise)/slope) - adapt + bias
         + (g_ampa + g_noise + g_nmda*open)*(E_exc - V) + (g_gaba + g_minus)*(E_inh - V))/C
    : volt (unless refractory)
dadapt/dt = -adapt/tau_adapt : amp
dg_ampa/dt = -g_ampa/tau_fast : siemens
dg_noise/dt = -g_noise/tau_fast : siemens
dg_nmda/dt = -g_nmda/tau_slow : siemens
dg_gaba/dt = -g_gaba/tau_fast : siemens
dg_minus/dt = -g_minus/tau_fast : siemens
dx/dt = (1 - x)/tau_rec : 1
dz_own/dt = -z_own/tau_zj : 1
de_own/dt = (z_own + eps - e_own)/tau_e : 1
dp_own/dt = learns*(e_own - p_own)/tau_p : 1
bias = bias_gain*log(p_own) : amp
open : 1 (constant)
learns : 1 (constant)
channel : integer (constant)
column : integer (constant)
"""  # noqa: E501
_BASKET = """
dV/dt = (g_leak*(E_leak - V) + g_exc*(E_exc - V))/C : volt (unless refractory)
dg_exc/dt = -g_exc/tau_fast : siemens
column : integer (constant)
"""
#: what a presynaptic spike sends, given the weight of the traces that it has just moved
_SENDS = {
    "ampa": "odds = log(Pij/(Pi*Pj))\ng_ampa_post += gain*odds*int(odds > 0)*x_pre\n"
    "g_minus_post -= gain_minus*odds*int(odds < 0)*x_pre",
    "nmda": "odds = log(Pij/(Pi*Pj))\ng_nmda_post += gain*odds*int(odds > 0)*x_pre",
}
#: parameter set of brian_BCPNN (fiebig_params.py): cell in pF, nS, mV, ms, pA; gains in
#: nS
CELL = {"C": 280.0, "g_leak": 14.0, "slope": 3.0, "V_rise": -55.0, "V_reset": -80.0,
        "E_leak": -70.0, "jump_adapt": 86.0, "tau_adapt": 500.0,
        "refractory": 5.0}  # fmt: skip
GAINS = {"ampa": 0.1 * 0.78 * 3.93, "nmda": 0.1 * 4 * 0.21, "minus": 0.1 * 3 * 3.93}
SYNAPSES = {"tau_fast": 5.0, "tau_slow": 100.0, "E_exc": 0.0, "E_inh": -75.0}  # ms, mV
USE, RECOVERY, BIAS, NOISE = 0.33, 500.0, 30.0, 1.5


def schedule(p: Parameters) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return (start, pattern) of presentations and of cues, when recall begins and when
    cues do."""
    shown = np.array([(GAP + n * (p.shown + GAP), n) for n in range(p.items)])
    recall = float(shown[-1, 0] + p.shown + GAP)
    # encoded and unseen patterns in turn, so that neither kind is asked later than the
    # other
    order = np.argsort(
        [n if n < p.items else n - p.items + 0.5 for n in range(p.items + p.controls)]
    )
    cues = np.array([(recall + p.free + k * CUE_EVERY, n) for k, n in enumerate(order)])
    return shown, cues, recall, float(cues[-1, 0] + CUE_EVERY)


def _drive(p: Parameters) -> np.ndarray:
    """Return the rate of stimulus spikes [10 ms, column x pattern], Hz."""
    shown, cues, _, end = schedule(p)
    patterns = p.items + p.controls
    rates = np.zeros((int(round(end / 10)), p.columns, patterns))
    for time, pattern in shown:
        rates[int(time / 10) : int((time + p.shown) / 10), :, int(pattern)] = p.stimulus
    for time, pattern in cues:
        rates[
            int(time / 10) : int((time + p.cued) / 10), : p.columns // 2, int(pattern)
        ] = p.stimulus
    return rates.reshape(len(rates), -1)


def build(parameters: Parameters) -> Built:
    """Return the three networks, side by side in one Brian2 network."""
    import brian2 as b2

    p, ms, nS = parameters, b2.ms, b2.nS
    patterns, end = p.items + p.controls, schedule(p)[3]
    rule = fwp.synapses.get("bcpnn", "fiebig_lansner_2017").changed(tau_p=p.tau_p * ms)
    each = p.columns * patterns * p.cells
    cell = np.arange(len(NETWORKS) * each)
    network, mini = cell // each, cell % each // p.cells  # minicolumn of its network
    column = network * p.columns + mini // patterns
    units = {"C": b2.pF, "g_leak": nS, "jump_adapt": b2.pA}
    units |= dict.fromkeys(("tau_fast", "tau_slow", "tau_adapt", "refractory"), ms)
    shared = {
        name: value * units.get(name, b2.mV)
        for name, value in {**CELL, **SYNAPSES}.items()
    }
    shared |= {
        "tau_rec": RECOVERY * ms, "use": USE, "bias_gain": BIAS * b2.pA,
        "kick": NOISE * nS, "background": p.background * b2.Hz,
        "stimulus": b2.TimedArray(_drive(p) * b2.Hz, dt=10 * ms),
        "recurrent": p.recurrent * GAINS["ampa"] * nS, "to_basket": p.to_basket * nS,
        "recurrent_slow": p.recurrent * GAINS["nmda"] * nS,
        "from_basket": p.from_basket * nS,
    }  # fmt: skip
    own = {k: v for k, v in constants(rule, "ampa").items()
           if k in ("tau_zj", "tau_e", "tau_p", "eps", "jump_j")}  # fmt: skip
    cells = b2.NeuronGroup(
        len(cell), _PYRAMIDAL, threshold="V > -40*mV", refractory="refractory",
        reset="V = V_reset\nadapt += jump_adapt\nx -= use*x\nz_own += jump_j",
        method="euler", namespace={**shared, **own, "mV": b2.mV}, name="pyramidal",
    )  # fmt: skip
    cells.V, cells.x = CELL["E_leak"] * b2.mV, 1
    cells.e_own = cells.p_own = rule.parameters["eps"]
    cells.channel, cells.column = mini, column
    cells.learns, cells.open = (network != 1) * 1.0, (network != 2) * 1.0
    cells.run_regularly(
        "g_noise += kick*poisson((background + stimulus(t, channel))*dt)\n"
        "g_gaba += kick*poisson(background*dt)", when="start", name="external",
    )  # fmt: skip
    baskets = b2.NeuronGroup(
        4 * len(NETWORKS) * p.columns, _BASKET, threshold="V > -55*mV",
        reset="V = E_leak", refractory=2 * ms, method="euler",
        namespace={**shared, "mV": b2.mV}, name="baskets",
    )  # fmt: skip
    baskets.V, baskets.column = CELL["E_leak"] * b2.mV, np.arange(baskets.N) // 4
    wires = [
        _wire(cells, baskets, "g_exc_post += to_basket", "column_pre == column_post",
              shared),
        _wire(baskets, cells, "g_gaba_post += from_basket", "column_pre == column_post",
              shared),
        _wire(cells, cells, "g_ampa_post += recurrent*x_pre\ng_nmda_post += "
                            "recurrent_slow*x_pre",
              f"i // {p.cells} == j // {p.cells} and i != j", shared),
        *(_plastic(cells, rule, receptor, p, network, column) for receptor in ("ampa",
            "nmda")),
    ]  # fmt: skip
    spikes = b2.SpikeMonitor(cells, name="spikes")

    def collect():
        at = np.array(spikes.i)
        return {
            "time": np.array(spikes.t_) * 1e3,
            "network": network[at],
            "mini": mini[at],
        }

    objects = (cells, baskets, *wires, spikes)
    return Built(b2.Network(*objects), collect, end * ms, objects)


def _wire(source, target, on_pre: str, condition: str, namespace):
    import brian2 as b2

    name = f"{source.name}_to_{target.name}"
    wire = b2.Synapses(source, target, on_pre=on_pre, namespace=namespace, name=name)
    wire.connect(condition=condition)
    return wire


def _plastic(cells, rule, receptor: str, p: Parameters, network, column):
    """Return BCPNN synapses of one receptor between hypercolumns; none where kappa is
    0."""
    import brian2 as b2

    namespace = constants(rule, receptor) | {"gain": p.gain * GAINS[receptor] * b2.nS}
    namespace["gain_minus"] = p.gain * GAINS["minus"] * b2.nS
    wire = b2.Synapses(
        cells, cells, events(rule, receptor).equations.synapse,
        on_pre=ON_PRE + _SENDS[receptor], on_post=ON_POST, namespace=namespace,
        name=f"bcpnn_{receptor}",
    )  # fmt: skip
    learning = np.flatnonzero(network != 1)
    i, j = (pair.ravel() for pair in np.meshgrid(learning, learning, indexing="ij"))
    chosen = (network[i] == network[j]) & (column[i] != column[j])
    wire.connect(i=i[chosen], j=j[chosen])
    return wire


def _checked(p: Parameters) -> None:
    whole(p.items, "items")
    whole(p.controls, "controls")
    whole(p.columns, "columns", 2)
    whole(p.cells, "cells", 2)
    seed_number(p.seed)
    for name in ("shown", "free", "cued", "tau_p", "background", "stimulus", "gain",
                 "recurrent", "to_basket", "from_basket"):  # fmt: skip
        positive(getattr(p, name), name)
    time_step(p.dt, 0.5, "a tenth of the AMPA decay")
    for name, least in (("shown", BIN), ("free", BIN), ("cued", 10.0), ("tau_p", 100.0)):
        if getattr(p, name) < least:
            raise fwp.FwpError(
                f"{name} is {getattr(p, name):g} ms; legal is at least {least:g}"
            )
    if p.cued > CUE_EVERY / 2:
        raise fwp.FwpError(f"cued is {p.cued:g} ms; legal is at most {CUE_EVERY / 2:g}")


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Encode, leave alone, cue; return rates and what came back.

    Dims: network, pattern (encoded ones first), time (bins of 50 ms). ``bursts``: how
    often a pattern became active in the free time; ``completed``: rate in the columns
    that got no cue, from the start of the cue for 200 ms.
    """
    import brian2 as b2

    p = parameters
    _checked(p)
    device = p.device
    if device == "auto":
        device = "cpp_standalone" if has_compiler() else "numpy"
    shown, cues, recall, end = schedule(p)
    patterns = p.items + p.controls
    size = Size(int(end / p.dt), 20, 3 * p.columns * patterns * p.cells)
    found, info = simulate(
        lambda: build(p), size, device=device, dt=p.dt * b2.ms, seed=p.seed,
        progress=progress, label="three networks",
    )  # fmt: skip
    bins = int(round(end / BIN))
    pattern, column = found["mini"] % patterns, found["mini"] // patterns
    at = np.minimum((found["time"] / BIN).astype(int), bins - 1)
    counts = np.zeros((len(NETWORKS), patterns, bins))
    np.add.at(counts, (found["network"], pattern, at), 1)
    rate = counts / (p.columns * p.cells * BIN * 1e-3)
    free = rate[..., int(recall / BIN) : int((recall + p.free) / BIN)] > AWAKE
    bursts = free[..., 0] + (free[..., 1:] & ~free[..., :-1]).sum(-1)
    completed = np.zeros((len(NETWORKS), patterns))
    for time, which in cues:
        mine = (pattern == which) & (column >= p.columns // 2)
        mine &= (found["time"] >= time) & (found["time"] < time + 200)
        here = np.bincount(found["network"][mine], minlength=len(NETWORKS))
        completed[:, int(which)] = here / ((p.columns - p.columns // 2) * p.cells * 0.2)
    kind = ["encoded"] * p.items + ["never shown"] * p.controls
    return xr.Dataset(
        {"rate": (("network", "pattern", "time"), rate, {"units": "Hz"}),
         "bursts": (("network", "pattern"), bursts, {"units": "1"}),
         "completed": (("network", "pattern"), completed, {"units": "Hz"})},
        {"network": list(NETWORKS), "kind": ("pattern", kind),
         "time": ("time", (np.arange(bins) + 0.5) * BIN, {"units": "ms"})},
        {"settings": f"{p.columns} hypercolumns x {patterns} minicolumns x {p.cells} "
         f"cells, tau_p {p.tau_p:g} ms, dt {p.dt:g} ms, seed {p.seed}", "recall": recall,
         "free": p.free, "device": f"{info['device']} ({info['device_reason']})"},
    )  # fmt: skip


def report(data: xr.Dataset) -> str:
    """Return a table: what came back by itself and by cues, encoded against never
    shown."""
    lines = [
        data.attrs["settings"],
        f"free recall: {data.attrs['free'] / 1e3:g} s without input after the last item; "
        f"a pattern is active above {AWAKE:g} Hz; cue: half of the hypercolumns",
        f"{'network':12}{'kind':13}{'recalled':>10}{'bursts each':>13}"
        f"{'completion by cue (Hz)':>24}",
    ]
    for network in data.network.values:
        for kind in ("encoded", "never shown"):
            chosen = data.sel(network=network).isel(pattern=data.kind.values == kind)
            came = f"{int((chosen.bursts > 0).sum())} of {chosen.sizes['pattern']}"
            lines.append(
                f"{network:12}{kind:13}{came:>10}{float(chosen.bursts.mean()):13.2f}"
                f"{float(chosen.completed.mean()):24.2f}"
            )
    lines.append(
        "kappa = 0: nothing is written; AP5: written as before, read without NMDA current"
    )
    lines.append(f"code generation: {data.attrs['device']}")
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the rate of every pattern over time, a panel a network."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLUMN

    figure = Figure(figsize=(COLUMN, COLUMN * 1.15))
    panels = figure.subplots(len(data.network), 1, sharex=True, squeeze=False)[:, 0]
    time, patterns = data.time.values / 1e3, data.sizes["pattern"]
    step, most = time[1] - time[0], float(data.rate.quantile(0.995))
    encoded = int((data.kind == "encoded").sum())
    for ax, network in zip(panels, data.network.values, strict=True):
        shown = ax.imshow(
            data.rate.sel(network=network), aspect="auto", cmap="magma", vmin=0,
            vmax=most, interpolation="nearest",
            extent=(time[0] - step / 2, time[-1] + step / 2, patterns + 0.5, 0.5),
        )  # fmt: skip
        ax.axhline(encoded + 0.5, color="white", lw=0.8)
        for at in (0, data.attrs["free"]):
            ax.axvline((data.attrs["recall"] + at) / 1e3, color="white", lw=0.8, ls=":")
        ax.set(ylabel="pattern", yticks=[1, patterns])
        ax.set_title(str(network), loc="left")
    panels[-1].set_xlabel(f"time (s); patterns above the line ({encoded}) were encoded,\n"
                          "nothing is shown between the dotted lines")  # fmt: skip
    figure.colorbar(shown, ax=panels, label="rate (Hz)")
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "fiebig_lansner_2017_working_memory"]))
