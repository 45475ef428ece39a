"""Tsodyks-Markram short-term plasticity: facilitation and depression of release.

At a spike u <- u + U (1 - u), then u x is released and x <- x - u x; between spikes u and
x recover as the convention says (see `release_conventions`, which also derives how the
conventions differ). The transmitted weight is J u x. ``tsodyks_markram`` takes every
published parameter set in the convention of its paper; ``tsodyks_markram_to_zero``,
``..._three_state`` and ``..._to_U`` put any set into one convention, to compare.

Sources: Tsodyks, Pawelzik & Markram 1998, Neural Comput. 10:821,
doi:10.1162/089976698300017502; Tsodyks, Uziel & Markram 2000, J. Neurosci. 20:RC50;
Mongillo, Barak & Tsodyks 2008, Science 319:1543, doi:10.1126/science.1150769; Tiddia et
al. 2022, doi:10.3389/fnint.2022.972055.

As a fast-weight programme: W_eff = J diag(u x): a gate on the columns (keys) of a slow J.
It cannot store an arbitrary v k^T, as no column can be turned; see
`fwp_neuro.characterise.rank_argument`.
"""

from __future__ import annotations

from functools import partial

from brian2 import ms

from ..release_conventions import CONVENTIONS
from ..synapse_class import Entry, Synapse, register
from .events import release

_NO_FACILITATION = (
    "; no facilitation in the source: a tau_F of 0.01 ms leaves nothing of u at the next "
    "spike"
)
_TSODYKS_98 = "tsodyks1998neural, Fig. 1: "
_NO_PSC = "; tau_psc is NEST's default for tsodyks_synapse (it acts in three_state only)"


def _set(U, tau_F, tau_D, tau_psc=3.0) -> dict:
    return {"U": U, "tau_F": tau_F * ms, "tau_D": tau_D * ms, "tau_psc": tau_psc * ms}


def _sets() -> dict[str, tuple[dict, str, str]]:
    """Return set -> (values, convention of its paper, source)."""
    return {
        "mongillo_2008": (
            _set(0.20, 1500, 200), "to_U",
            "mongillo2008synaptic (time constants as in the re-implementation by "
            "tiddia2022simulations, U recalled)" + _NO_PSC,
        ),
        "tiddia_2022": (
            _set(0.19, 1500, 200), "to_U",
            "tiddia2022simulations, model/default_params.py" + _NO_PSC,
        ),
        "tsodyks_1998_depressing": (
            _set(0.5, 0.01, 800), "to_zero",
            _TSODYKS_98 + "U_SE 0.5, tau_rec 800 ms, tau_inact 3 ms, as printed and in "
            "NEST's defaults; U_SE 0.6 gives the printed curve, says Brian2's "
            "example" + _NO_FACILITATION,
        ),
        "tsodyks_1998_facilitating": (
            _set(0.03, 530, 130, 1.5), "to_zero",
            _TSODYKS_98 + "U_SE 0.03, tau_facil 530 ms, tau_rec 130 ms, tau_inact 1.5 ms "
            "(read in a re-implementation of the figure, not checked against the paper)",
        ),
        "masse_facilitating": (
            _set(0.15, 1500, 200), "to_U",
            "masse2019circuit, code nmasse/Short-term-plasticity-RNN: rate equations, "
            "whose order at a spike is our choice" + _NO_PSC,
        ),
        "masse_depressing": (
            _set(0.45, 200, 1500), "to_U",
            "masse2019circuit, code nmasse/Short-term-plasticity-RNN: rate equations, "
            "whose order at a spike is our choice" + _NO_PSC,
        ),
        "fiebig_lansner_2017": (
            _set(0.33, 0.01, 500), "to_zero",
            "fiebig2017spiking, as in the re-implementation "
            "FerdinandBujanowski/brian_BCPNN" + _NO_FACILITATION + _NO_PSC,
        ),
        "chrysanthidis_dbc": (
            _set(0.25, 0.01, 500), "to_zero",
            "chrysanthidis2019introducing, code "
            "Cortical-model-with-DBCs--BCPNN-learning-rule-"
            + _NO_FACILITATION + _NO_PSC,
        ),
    }  # fmt: skip


SETS = (
    "mongillo_2008", "tiddia_2022", "tsodyks_1998_depressing",
    "tsodyks_1998_facilitating", "masse_facilitating", "masse_depressing",
    "fiebig_lansner_2017", "chrysanthidis_dbc",
)  # fmt: skip
SUMMARY = "Tsodyks-Markram facilitation and depression"


def make(parameters: str, convention: str | None = None) -> Synapse:
    """Return the model with a parameter set, in the convention of its paper or in
    another."""
    values, own, source = _sets()[parameters]
    chosen = own if convention is None else convention
    if chosen != "three_state":
        values = {name: value for name, value in values.items() if name != "tau_psc"}
    one = CONVENTIONS[chosen]
    return Synapse(
        "tsodyks_markram" if convention is None else f"tsodyks_markram_{convention}",
        parameters,
        "short-term plasticity",
        SUMMARY if convention is None else f"{SUMMARY}, convention {convention}",
        one.equations,
        values,
        {"": source},
        "tsodyks1998neural; mongillo2008synaptic",
        one.words
        + ". The release at a spike is u after it times x before it; `weight` J u x is "
        "of right after the last spike, as its variables are event-driven",
        weight="J*u*x",
        initial={"J": 1, "x": 1, **({"u": "U"} if one.rests_at_U else {})},
        sends="J*release",
    )


register(
    "tsodyks_markram",
    Entry(make, SETS, "short-term plasticity", SUMMARY, release=release, many=True),
)
for _name in CONVENTIONS:
    register(
        f"tsodyks_markram_{_name}",
        Entry(
            partial(make, convention=_name), SETS,
            "short-term plasticity", f"{SUMMARY}, convention "
                                     f"{_name}", release=release, many=True,
        ),
    )  # fmt: skip
