"""Short-term potentiation: NMDA-gated Hebbian writes that fade by themselves, or by being
used.

    ds/dt = -s/tau_nmda,  s <- s + 1 at a presynaptic spike   (glutamate on NMDA receptors: key)
    P <- P + nmda A s     at a postsynaptic spike             (which lifts the Mg block: value)

`short_term_potentiation`: P = fast + slow, each with its own A and passive decay.
Established:
decay with two components, 1.6 +- 0.26 min (it needs GluR1) and 19 +- 6.6 min; one brief
burst suffices; associative and NMDA-dependent (Erickson, Maramara & Lisman 2010, J. Cogn.
Neurosci. 22:2530, doi:10.1162/jocn.2009.21375, PMC3195522). GluR1 knock-out: A_fast = 0.
`use_dependent_potentiation`: P <- (1 - loss) P at every presynaptic spike, and no passive
decay. Established: stored for more than 6 h without stimulation, decays by synaptic
activation, input specific, expressed by release probability (Volianskis & Jensen 2003, J.
Physiol. 550:459, doi:10.1113/jphysiol.2003.044214).

Expression (a modelling choice, switchable by the parameter ``presynaptic``, which the
sets set):
release probability U (1 + P)^presynaptic, AMPA gain (1 + P)^(1 - presynaptic), so that
all of them potentiate a first response by the same 1 + P while U does not reach 1.
Release follows Tsodyks-Markram, convention `to_zero`.
`post_ampa` (0)    every response of a train grows by 1 + P: a gain; paired-pulse ratio unchanged.
`pre_release` (1)  early responses grow, late ones do not (resources run out): a filter, the
                   paired-pulse ratio falls. STP acts so, LTP does not (Volianskis,
                   Collingridge & Jensen 2013, PeerJ 1:e3).
`both` (1/2)       half of each on a log scale; that one variable drives both is the idea of
                   Chindemi et al. 2022, Nat. Commun. 13:3038, the split is ours.
Modelling choices too: linear in s, no saturation, no depression, amplitudes.

As a fast-weight programme: writes v k^T. `short_term_potentiation` decays, W <- alpha W
with alpha(1 s) = .990 for the fast part; `use_dependent_potentiation` has the column gate
W <- W diag(1 - loss q) by reading, which is no delta erase: it fades all items of the
keys read.
"""  # noqa: E501

from __future__ import annotations

from functools import partial

from brian2 import ms, second

from ..synapse_class import Entry, Synapse, register
from .events import curve, release
from .potentiation_texts import PASSIVE, USED

SETS = {"post_ampa": 0.0, "pre_release": 1.0, "both": 0.5}

_CHOICE = "modelling choice of this package"
_SOURCES = {
    "nmda": "unblocked share of NMDA receptors: 0 is full AP5",
    "presynaptic": "share of the expression in release probability, by parameter set; "
    + _CHOICE,
    "tau_nmda": "wang2002probabilistic: NMDA decay 100 ms",
    "U": _CHOICE + ": a release probability of 0.2 that potentiation can raise",
    "tau_F": _CHOICE + ": facilitation within tens of ms, as in CA1",
    "tau_D": _CHOICE + ": recovery of resources within hundreds of ms",
    "tau_fast": "erickson2010single, abstract: 1.6 +- 0.26 min",
    "tau_slow": "erickson2010single, abstract: 19 +- 6.6 min",
    "A_fast": _CHOICE + ": four pairs at 100 Hz potentiate by some 40 % in the fast part",
    "A_slow": _CHOICE + ": half of the fast part",
    "A": _CHOICE + ": four pairs at 100 Hz potentiate by some 60 %",
    "loss": _CHOICE
    + ": 50 activations leave 1/e; volianskis2003transient report decay by use",
}
_CONVENTIONS = (
    "J (1 + P) is the weight: the first response of a rested synapse over U. All pairs "
    "of spikes, linear, no bounds; at lag 0 the presynaptic spike comes first. "
    "Event-driven variables, the weight too, are as of the last spike of either cell. "
    "Release convention: u decays to 0"
)


def _make(name: str, parameters: str) -> Synapse:
    used = name == "use_dependent_potentiation"
    values = {
        "nmda": 1.0, "presynaptic": SETS[parameters], "tau_nmda": 100 * ms,
        "U": 0.2, "tau_F": 50 * ms, "tau_D": 300 * ms,
    }  # fmt: skip
    if used:
        values |= {"A": 0.06, "loss": 0.02}
    else:
        values |= {"tau_fast": 96 * second, "tau_slow": 1140 * second}
        values |= {"A_fast": 0.04, "A_slow": 0.02}
    return Synapse(
        name,
        parameters,
        "plasticity",
        SUMMARIES[name],
        USED if used else PASSIVE,
        values,
        {parameter: _SOURCES[parameter] for parameter in values},
        "volianskis2003transient"
        if used
        else "erickson2010single",
        _CONVENTIONS,
        weight="J*(1 + P)" if used else "J*(1 + fast + slow)",
        signed=("nmda", "presynaptic", "A", "loss") if used else (
            "nmda", "presynaptic", "A_fast", "A_slow"
        ),
        initial={"J": 1, "x": 1},
        sends="transmitted",
    )  # fmt: skip


SUMMARIES = {
    "short_term_potentiation": "NMDA-gated potentiation that decays in 1.6 and 19 "
    "minutes",
    "use_dependent_potentiation": "NMDA-gated potentiation that decays by presynaptic "
    "spikes only",
}
for _name, _summary in SUMMARIES.items():
    _order = tuple(SETS) if _name == "short_term_potentiation" else ("pre_release", *SETS)
    register(
        _name,
        Entry(
            partial(_make, _name), tuple(dict.fromkeys(_order)),
            "plasticity", _summary, stdp=curve, release=release,
        ),
    )  # fmt: skip
