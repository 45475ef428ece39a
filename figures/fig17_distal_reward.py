"""A reward that comes seconds late strengthens the synapse that earned it.

Claim: with dopamine-modulated pair STDP and an eligibility trace, the one synapse whose pairs of
spikes are paid 1 to 3 s later goes from 0 to the top of all weights, while most others fade. Panel
a: its trace is still up when dopamine comes. Panel b: its weight beside the others'. Panel c: the
weights at the end. The model is `izhikevich_2007_distal_reward`; quick has a smaller network.

Established: Izhikevich 2007, doi:10.1093/cercor/bhl152, Fig. 1. Modelling choice: a smaller network
of integrate-and-fire cells. Inference of this package: dopamine is a late write gate.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.models import load_model
from fwp_neuro.plotting import GREY, PAGE

MODEL = load_model("izhikevich_2007_distal_reward")
OWN, OTHERS, DOPAMINE = "#D55E00", "#0072B2", "#009E73"
BEFORE, AFTER = 1.0, 6.0  # seconds around the pair of panel a


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the model; quick has 20 cells for 5400 s."""
    return MODEL.run(MODEL.Parameters(**(MODEL.QUICK if quick else {})), progress)


def report(data) -> str:
    """Return the model's own report."""
    return MODEL.report(data)


def example(data) -> int:
    """Return the rewarded pair that is farthest from other pairs and rewards."""
    pairs, paid = data.pair_time.values, data.reward_time.values
    legal = (pairs > BEFORE) & (pairs < data.at.values[-1] - AFTER)
    if not legal.any():
        return 0
    gaps = [
        min(np.abs(np.delete(pairs, n) - pairs[n]).min(initial=np.inf),
            np.abs(np.delete(paid, n) - paid[n]).min(initial=np.inf))
        for n in range(len(pairs))
    ]  # fmt: skip
    return int(np.argmax(np.where(legal, gaps, -1)))


def plot(data):
    """Draw trace and dopamine around one reward, weights over time, weights at the end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 5.6 / 2.54))
    trace, course, last = figure.subplots(1, 3)
    _plot_trace(trace, data)
    own = ((data.source == MODEL.A) & (data.target == MODEL.B)).values
    weight, minutes = data.weight.values, data.sample.values / 60
    low, high = np.quantile(weight[~own], [0.05, 0.95], axis=0)
    course.fill_between(minutes, low, high, color=OTHERS, alpha=0.2, lw=0,
                        label="others, 5 to 95 %")  # fmt: skip
    course.plot(minutes, weight[~own].mean(0), color=OTHERS, label="others, mean")
    course.plot(minutes, weight[own][0], color=OWN, label="rewarded synapse")
    course.set(xlabel="time (min)", ylabel="weight (mV)", ylim=(0, MODEL.MOST * 1.45),
               title="b  the rewarded synapse grows")  # fmt: skip
    course.legend(loc="upper left")
    last.hist(weight[~own, -1], np.linspace(0, MODEL.MOST, 41), color=OTHERS, label="others")
    last.axvline(weight[own, -1][0], color=OWN, label="rewarded synapse")
    last.set(xlabel="weight at the end (mV)", ylabel="synapses", yscale="log",
             title="c  it ends as the strongest")  # fmt: skip
    last.legend(loc="upper center")
    return figure


def _plot_trace(axis, data) -> None:
    n = example(data)
    pair, paid = float(data.pair_time[n]), float(data.reward_time[n])
    shown = data.sel(at=slice(pair - BEFORE, pair + AFTER))
    at = shown.at.values - pair
    axis.plot(at, shown.eligibility, color=OWN, label="trace of the rewarded synapse (mV)")
    axis.plot(at, shown.dopamine / 5, color=DOPAMINE, label="dopamine / 5")
    axis.axvline(0, color=GREY, ls=":", lw=0.8)
    axis.annotate("reward", (paid - pair, 0.1), (paid - pair + 0.9, 0.115), color=DOPAMINE,
                  arrowprops={"arrowstyle": "-", "color": DOPAMINE, "lw": 0.6})  # fmt: skip
    low, high = axis.get_ylim()
    axis.set(xlabel="time since A and B fired (s)", ylabel="trace (mV), dopamine / 5",
             title="a  a trace waits for dopamine", ylim=(low, 1.5 * high - 0.5 * low),
             )  # fmt: skip
    axis.legend(loc="upper right")
