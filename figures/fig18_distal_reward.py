"""A reward that comes seconds late strengthens the synapse that earned it.

Claims: with dopamine-modulated pair STDP and an eligibility trace, the one synapse whose
pairs of spikes are paid 1 to 3 s later goes from 0 to the top of all weights, while most
others fade. Its trace is still up when dopamine comes (a); its weight overtakes the
others' (b) and ends above all of them (c).
Sizes: 40 cells, 256 synapses that learn, two hours (quick: 20 cells, 64 synapses, 90
minutes). The model is `izhikevich_2007_distal_reward`, seed 0; seeds 1 to 3 end in the
same way. Published: Izhikevich 2007, doi:10.1093/cercor/bhl152, Fig. 1: equations, task
and result. Ours: a small network of integrate-and-fire cells; to read dopamine as a write
gate that comes late.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from fwp_neuro.model_scripts import load_model
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
    """Return the pair, 2 s from all others, whose trace is largest when its reward
    comes."""
    pairs, paid, last = data.pair_time.values, data.reward_time.values, data.at.values[-1]
    left = data.eligibility.sel(at=np.minimum(paid, last), method="nearest").values
    alone = [
        min(
            np.abs(np.delete(each, n) - each[n]).min(initial=np.inf)
            for each in (pairs, paid)
        )
        > 2
        for n in range(len(pairs))
    ]
    legal = np.array(alone) & (pairs > BEFORE) & (pairs < last - AFTER)
    return int(np.argmax(np.where(legal, left, -1)))


def plot(data):
    """Draw trace and dopamine around one reward, weights over time, weights at the
    end."""
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
    course.set(xlabel="time (min)", ylabel="weight (mV)", ylim=(0, MODEL.MOST * 1.45))
    course.set_title("b  the rewarded synapse grows", loc="left")
    course.legend(loc="upper left")
    last.hist(
        weight[~own, -1], np.linspace(0, MODEL.MOST, 41), color=OTHERS, label="others"
    )
    last.axvline(weight[own, -1][0], color=OWN, label="rewarded synapse")
    last.set(xlabel="weight at the end (mV)", ylabel="synapses", yscale="log")
    last.set_title("c  it ends as the strongest", loc="left")
    last.legend(loc="upper center")
    return figure


def _plot_trace(axis, data) -> None:
    n = example(data)
    pair = float(data.pair_time[n])
    shown = data.sel(at=slice(pair - BEFORE, pair + AFTER))
    at = shown.at.values - pair
    axis.plot(at, shown.eligibility, color=OWN, label="trace (mV)")
    axis.plot(at, shown.dopamine / 5, color=DOPAMINE, label="dopamine / 5")
    axis.axvline(0, color=GREY, ls=":", lw=0.8)
    low, high = axis.get_ylim()
    axis.set(xlabel="time since A and B fired (s)", ylabel="trace (mV), dopamine / 5",
             ylim=(low, 1.3 * high - 0.3 * low))  # fmt: skip
    axis.set_title("a  its trace waits for dopamine", loc="left")
    axis.legend(loc="upper right")
