"""Match and control: a window of coincident spikes lets an axon drive the cell for a
while.

    dca/dt = nmda influx s B(V) (E_ca - V) - ca/tau_ca          (calcium above rest)
    dg/dt = (ca/p_pair)^4/pair_write - g/tau_plasticity         20 s
    dg_delayed/dt = (g - g_delayed)/tau_delay                   0.5 s
    alpha = 1/(1 + exp(-sharpness (g_delayed/theta - 1)))
    AMPA gain = (1 - alpha) + strongest alpha                   1 to 8

Source: Ellwood 2024, PLoS Comput. Biol. 20:e1011843, doi:10.1371/journal.pcbi.1011843:
equations and constants of its model files. Its g is the integral of calcium^4; here it is
counted in pairs with the postsynaptic spike 7 ms after the presynaptic one, the lag of
its matched trains. The spine is that of `point_spine`, without its cap; `reach` is the
share of the back-propagating spike that arrives at it (1: spines are equal).
As a fast-weight programme: key trains that match the value (there called query) train
write one bit each, alpha, as in attention with a hard threshold. Erasure is passive,
weights are never negative, and the read is the AMPA gain. That reading is the paper's for
attention; "fast weight" is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import ms, second

from .. import spine_calcium
from ..point_spine import synapse as point_spine
from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

PAPER = "ellwood2024short"
#: lag of a matched train's spikes in the paper's task, postsynaptic minus presynaptic
MATCH_LAG = 7e-3
#: match window -> theta, in pairs: see `models/ellwood_2024_match_and_control.py`
SETS = {"window_1_s": 3.74, "window_0.5_s": 2.94, "window_2_s": 4.93}
_THETA = (
    "calibrated by this package: one of 149 random keys crosses it in a tenth of the "
    "match windows of this length; the paper sets its thresholds by false positives too, "
    "but in its own units"
)
SUMMARY = (
    "Ellwood's match-and-control synapse: calcium^4 over a threshold raises the AMPA gain"
)
EQUATIONS = Equations(
    synapse=f"""reach : 1 (constant)
V_spine = E_rest + reach*(V_post - E_rest) : volt
{point_spine.CALCIUM.replace("V_post", "V_spine")}
dg/dt = {"*".join(["(ca/p_pair)"] * 4)}/pair_write - g/tau_plasticity : 1 (clock-driven)
dg_delayed/dt = (g - g_delayed)/tau_delay : 1 (clock-driven)
alpha = 1/(1 + exp(-sharpness*(g_delayed/theta - 1))) : 1
""",
    pre=point_spine.PRE,
    pre_spike=point_spine.PRE_SPIKE,
    post=f"{point_spine.BAP}V = E_rest + bap_decay - bap_rise : volt",
    post_spike=point_spine.BAP_SPIKE,
    method="exponential_euler",
)
WEIGHT = "1 + (strongest - 1)/(1 + exp(-sharpness*(g_delayed/theta - 1)))"


def derived(p: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from the spine: its peaks, and what one matched pair writes."""
    found = point_spine.derived(p)
    dt, steps = 0.05e-3, 6000
    pre, post = np.zeros(steps), np.zeros(steps)
    pre[0], post[round(MATCH_LAG / dt)] = 1, 1
    ca = spine_calcium.calcium(
        p, spine_calcium.opening(p, pre, dt), spine_calcium.voltage(p, post, dt), dt
    )
    return found | {
        "pair_write": float(((ca / found["p_pair"]) ** 4).sum() * dt) * second
    }


def make(parameters: str) -> Synapse:
    """Return the model with the threshold for a match window."""
    values = point_spine.base() | {
        "cap": 1e6, "tau_plasticity": 20 * second, "tau_delay": 500 * ms,
        "sharpness": 20.0, "strongest": 8.0, "theta": SETS[parameters],
    }  # fmt: skip
    del values["eta"]
    values |= derived(values)
    sources = {name: text for name, text in point_spine.SOURCES.items() if name != "eta"}
    sources |= {
        "cap": PAPER + ": openings add up without limit",
        "theta": _THETA,
        "pair_write": "computed from the other parameters: integral of (ca/p_pair)^4 of "
        "one pair",
    }
    return Synapse(
        "match_and_control", parameters, "plasticity", SUMMARY, EQUATIONS, values,
        sources, PAPER,
        "lag = postsynaptic minus presynaptic spike; no delays; weight = AMPA gain of a "
        "synapse, 1 before, at most 8; the written g reaches it with a delay of 0.5 s",
        ports={"membrane": "V"},
        weight=WEIGHT, signed=("E_rest", "E_ca", "nmda"), derived=derived,
        initial={"reach": 1},
        learned=("g", "g_delayed"),
    )  # fmt: skip


register("match_and_control", Entry(make, tuple(SETS), "plasticity", SUMMARY, stdp=curve))
