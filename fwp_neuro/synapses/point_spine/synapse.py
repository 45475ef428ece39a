"""A spine as one point: NMDA opening x unblocked channels makes calcium, a readout of it
writes.

    s = min(cap, sum over presynaptic spikes of a 2/26 ms time course)            key trace
    V = E_rest + sum over postsynaptic spikes of bap x a 0.70/5.26 ms time course  value
    dca/dt = nmda influx s B(V) (E_ca - V) - ca/tau_ca
    dw/dt = eta R(ca)

NMDA, block and calcium: Ellwood 2024, PLoS Comput. Biol. 20:e1011843,
doi:10.1371/journal.pcbi.1011843 (model files). Imposed back-propagating spike: its three
numbers are fitted by us so that the fourth power of calcium gives Ellwood's published
timing curve of 1500 modelled spines; other numbers fit as well (110 mV with an EPSP of 28
mV), so the curve is a calibration and a check of shape, no prediction. R: see
`calcium_readouts`; the parameter set chooses it. The cap on the opening (receptors
saturate) and eta are modelling choices.

Which readout: with imposed spikes, "hill_4" with K at the cell's own pair peak is the
most bilinear write (R^2 .99 of c v k'), and also in a spiking cell that its teacher alone
fires. It does not stay so where AMPA input depolarises the cell by 13 mV or more and
begins to fire it; "soft_threshold" does better there and is hardly worse elsewhere, so
it, not Hill-4, is the default. Both are our inference; measured in
`figures/fig11_calcium_readouts.py`. As a fast-weight programme: the NMDA write itself. At
every instant the calcium drive is an outer product s_j f(V_i) of key trace and value; R
shapes it, nothing erases, nothing decays.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import Hz, ms, mV

from .. import spine_calcium
from ..calcium_readouts import READOUTS
from ..magnesium import block_code
from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

_ELLWOOD = "ellwood2024short"
_CHOICE = "modelling choice of this package"
_FITTED = "fitted by this package to the timing curve of " + _ELLWOOD + " (not unique)"
SOURCES = {
    "": _ELLWOOD + " (its model files)",
    "cap": _CHOICE + ": receptors saturate at two single-spike openings",
    "bap": _FITTED,
    "tau_bap": _FITTED,
    "tau_bap_rise": _FITTED,
    "influx": _ELLWOOD + ": share 0.021 of the NMDA conductance is calcium; the unit of "
                         "calcium is arbitrary, for readouts are scaled",
    "eta": _CHOICE,
    "nmda": "unblocked fraction of NMDA receptors (AP5 lowers it): 1 = no drug",
    "p_pre": "computed from the other parameters: peak calcium of one presynaptic spike",
    "p_pair": "computed from the other parameters: peak calcium of a pair at +4 ms",
    "peak_nmda": "computed from the time constants: makes the peak of the time course "
                 "one",
    "peak_bap": "computed from the time constants: makes the peak of the time course one",
}  # fmt: skip
#: Brian2 text of the presynaptic trace, the postsynaptic potential and the calcium
PRE = """
ds_decay/dt = -s_decay/tau_nmda : 1
ds_rise/dt = -s_rise/tau_rise : 1
s = clip(s_decay - s_rise, 0, cap) : 1
"""
PRE_SPIKE = "s_decay += peak_nmda\ns_rise += peak_nmda"
BAP = """
dbap_decay/dt = -bap_decay/tau_bap : volt
dbap_rise/dt = -bap_rise/tau_bap_rise : volt
"""
BAP_SPIKE = "bap_decay += bap*peak_bap\nbap_rise += bap*peak_bap"
CALCIUM = (
    f"dca/dt = nmda*influx*s_pre*{block_code('V_post', 'ellwood_2024', None)}*(E_ca - "
    "V_post) - ca/tau_ca : 1 (clock-driven)"
)


def base() -> dict[str, Any]:
    """Return the parameters that all readouts share, with those that follow from them."""
    values = {
        "tau_rise": 2 * ms, "tau_nmda": 26 * ms, "cap": 2.0, "E_rest": -75 * mV,
        "bap": 44.3 * mV, "tau_bap_rise": 0.70 * ms, "tau_bap": 5.26 * ms,
        "influx": 0.021 / (mV * ms),
        "E_ca": 130 * mV, "tau_ca": 15 * ms, "eta": 1 * Hz, "nmda": 1.0,
    }  # fmt: skip
    return values | derived(values)


def derived(p: Mapping[str, Any]) -> dict[str, float]:
    """Return the peaks that calibrate a spine, see `Synapse.derived`."""
    shapes = {
        "peak_nmda": ("tau_rise", "tau_nmda"),
        "peak_bap": ("tau_bap_rise", "tau_bap"),
    }
    found = {
        n: spine_calcium.peak_factor(float(p[a]), float(p[b]))
        for n, (a, b) in shapes.items()
    }
    found["p_pre"], found["p_pair"] = spine_calcium.peaks(p)
    return found


def make(parameters: str) -> Synapse:
    """Return the model with a readout."""
    readout = READOUTS[parameters]
    values, sources = base(), dict(SOURCES)
    if readout.factor is not None:
        values["factor"] = readout.factor
        sources["factor"] = readout.source + ", in p_pre (thresholds) or p_pair (Hill)"
    return Synapse(
        "point_spine", parameters, "plasticity", _SUMMARY,
        Equations(
            synapse=f"{CALCIUM}\ndw/dt = eta*{readout.code} : 1 (clock-driven)",
            pre=PRE, pre_spike=PRE_SPIKE,
            post=f"{BAP}V = E_rest + bap_decay - bap_rise : volt", post_spike=BAP_SPIKE,
            method="exponential_euler",
        ),
        values, sources, f"{_ELLWOOD}; readout: {readout.source}",
        "lag = postsynaptic minus presynaptic spike; no delays; spikes act from the next "
        "step on; calcium above rest, in arbitrary units; the write is additive and "
        "unbounded; under AP5 the readout keeps the scale of the undrugged cell",
        ports={"membrane": "V"},
        signed=("E_rest", "E_ca", "nmda"), initial={"w": 1}, derived=derived,
    )  # fmt: skip


_SUMMARY = (
    "calcium of a one-point spine through NMDA receptors, read out in one of seven ways"
)
#: the default is the readout that stays bilinear in spiking cells, see the docstring
SETS = ("soft_threshold", *(name for name in READOUTS if name != "soft_threshold"))
register("point_spine", Entry(make, SETS, "plasticity", _SUMMARY, stdp=curve))
