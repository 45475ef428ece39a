"""Behavioural time scale plasticity: a dendritic plateau writes what was active seconds
around it.

Weight-dependent rule (sets milstein_2021_*):

    dET/dt = -ET/tau_ET, + et_step at a presynaptic spike        eligibility trace
    dIS/dt = (is_gain [plateau on] - IS)/tau_IS                  instructive signal, peak 1
    dw/dt = (W_max - w) k_plus q_plus(ET IS) - w k_minus q_minus(ET IS)
    q(x) = (s(x) - s(0))/(s(1) - s(0)),  s(x) = 1/(1 + exp(-beta (x - alpha)))

A plateau of 300 ms begins at a postsynaptic spike. Source: Milstein et al. 2021, eLife
10:e73046, doi:10.7554/eLife.73046; code neurosutras/BTSP (model WD_D).
Kernel (set bittner_2017): every pair of a presynaptic spike and a plateau adds
A exp(-lag/tau_before) or A exp(lag/tau_after), whichever came first; Bittner et al. 2017,
Science 357:1033, doi:10.1126/science.aan3846.

Modelling choices: the paper filters firing rates and divides by their largest trace; here
spikes are filtered and et_step makes 10 spikes at 20 Hz (a burst of the slice protocol)
peak at 1; ET IS is clipped at 1. ``nmda`` scales the eligibility trace (AP5 abolishes
this plasticity). As a fast-weight programme: the plateau is the write gate of a row: keys
of the last and next seconds are written toward W_max and, being written where weights are
large, erased toward 0.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Hz, ms, second

from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve


def _sigmoid(sign: str) -> str:
    """Return Brian2 text of q_plus or q_minus of x."""
    a, b = f"alpha_{sign}", f"beta_{sign}"
    at = [f"1/(1 + exp(-{b}*({x} - {a})))" for x in ("x", "0", "1")]
    return f"({at[0]} - {at[1]})/({at[2]} - {at[1]})"


WEIGHT_DEPENDENT = Equations(
    pre="dET/dt = -ET/tau_ET : 1",
    pre_spike="ET += et_step",
    post="""
plateau_end : second
plateau_on = int(t < plateau_end) : 1 (constant over dt)
dIS/dt = (is_gain*plateau_on - IS)/tau_IS : 1
""",
    post_spike="plateau_end = t + plateau + 0.5*dt",
    synapse=f"""
x = clip(nmda*ET_pre*IS_post, 0, 1) : 1
q_plus = {_sigmoid("plus")} : 1
q_minus = {_sigmoid("minus")} : 1
dw/dt = (W_max - w)*k_plus*q_plus - w*k_minus*q_minus : 1 (clock-driven)
""",
    method="rk4",
)
KERNEL = Equations(
    synapse="""
w : 1
dbefore/dt = -before/tau_before : 1 (event-driven)
dafter/dt = -after/tau_after : 1 (event-driven)
""",
    on_pre="w += nmda*A*after\nbefore += 1",
    on_post="w += nmda*A*before\nafter += 1",
)
NAMES = (
    "tau_ET", "tau_IS", "k_plus", "k_minus", "W_max", "alpha_plus", "beta_plus",
    "alpha_minus", "beta_minus",
)  # fmt: skip
_MILSTEIN = "milstein2021bidirectional"
_FITS = (
    f"{_MILSTEIN}: {{}} of the fits to 22 cells in neurosutras/BTSP, beta = 2/half width"
)
_QUOTED = (
    f"{_MILSTEIN}, fig. 5, as quoted in code of others (found in no file of "
    "neurosutras/BTSP)"
)
_NETWORK = (
    f"{_MILSTEIN}, fig. 7: neurosutras/BTSP, "
    "simulate_biBTSP_synthetic_network_WD_D_config.yaml, beta = 2/half width"
)
#: set -> values of `NAMES` (time constants in ms, rates in 1/s), source
TABLE = {
    "milstein_2021_mean": (
        (863.9146, 542.7554, 2.27349, 0.326729, 1 + 3.023787, 0.244856, 2 / 0.161695,
         0.0910436, 2 / 0.110051),
        _FITS.format("means"),
    ),
    "milstein_2021_median": (
        (924.3006, 502.2855, 1.529368, 0.102516, 1 + 3.099532, 0.125271, 2 / 0.115827,
         0.003372, 2 / 0.0226004),
        _FITS.format("medians"),
    ),
    "milstein_2021_figure_5": (
        (2500, 1500, 1.7, 0.204, 1 + 3.023787, 0.5, 4, 0.01, 44.44),
        _QUOTED + "; W_max is the mean of the fits",
    ),
    "milstein_2021_network": (
        (1664.103, 437.0065, 1.109682, 0.4249387, 1 + 3.680311, 0.4150117, 2 / 0.4541096,
         0.02618154, 2 / 0.09977173),
        _NETWORK,
    ),
}  # fmt: skip
SETS = (*TABLE, "bittner_2017")
SUMMARY = "behavioural time scale plasticity: plateaus write seconds of activity"
_CHOICE = "modelling choice of this package"


def derived(p: Mapping[str, Any]) -> dict[str, float]:
    """Return what makes the traces of a burst of 10 spikes at 20 Hz and of a plateau peak
    at 1."""
    left = float(np.exp(-0.05 / float(p["tau_ET"])))
    gain = 1 / -np.expm1(-float(p["plateau"]) / float(p["tau_IS"]))
    return {"et_step": (1 - left) / (1 - left**10), "is_gain": float(gain)}


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    common: dict[str, Any] = dict(
        name="behavioural_time_scale", parameter_set=parameters, kind="plasticity",
        summary=SUMMARY, signed=("nmda",), initial={"w": 1},
        conventions="a postsynaptic spike is the onset of a plateau; lag = onset minus "
        "last presynaptic spike; weight 1 is that of a silent cell",
    )  # fmt: skip
    nmda = (
        "no parameter of the paper: unblocked NMDA receptors, 1 = no AP5; scales "
        "eligibility"
    )
    if parameters == "bittner_2017":
        paper = "bittner2017behavioral"
        values = {
            "tau_before": 1.31 * second,
            "tau_after": 0.69 * second,
            "A": 0.03,
            "nmda": 1.0,
        }
        sources = {
            "": f"{paper}: exponential fits to potentiation at each lag",
            "A": f"{_CHOICE}: the kernel is published up to its amplitude",
            "nmda": nmda,
        }
        return Synapse(
            equations=KERNEL, parameters=values, sources=sources, citation=paper, **common
        )
    numbers, source = TABLE[parameters]
    values = dict(zip(NAMES, numbers, strict=True))
    units = {"tau_ET": ms, "tau_IS": ms, "k_plus": Hz, "k_minus": Hz}
    values |= {name: values[name] * unit for name, unit in units.items()}
    values |= {"plateau": 300 * ms, "nmda": 1.0}
    return Synapse(
        equations=WEIGHT_DEPENDENT,
        parameters=values | derived(values),
        sources={
            "": source,
            "plateau": f"{_MILSTEIN} and bittner2017behavioral: injected plateaus of 300 "
            "ms",
            "et_step": f"{_CHOICE}: 10 spikes at 20 Hz peak at 1",
            "is_gain": f"{_MILSTEIN}: the instructive signal of one plateau peaks at 1",
            "nmda": nmda,
        },
        citation=_MILSTEIN,
        derived=derived,
        **common,
    )


register("behavioural_time_scale", Entry(make, SETS, "plasticity", SUMMARY, stdp=curve))
