"""How each plasticity rule is measured: what differs from the usual experiment, and
why."""

from __future__ import annotations

from brian2 import Equations
from brian2.equations.equations import SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers

from ..arithmetic import evaluate
from ..errors import FwpError, shown
from .coding import USUAL, Experiment, both
from .registered_synapses import entry, get, is_name, names
from .synapse_class import Synapse

_GATED_COLUMNS = both(state="", note="no weight of its own: J u x after the window")
_FORCED = "spikes are forced on the postsynaptic cell"

#: model -> its experiments; one that is not here is measured as `coding.USUAL`
EXPERIMENTS: dict[str, tuple[Experiment, ...]] = {
    "anti_hebbian": both(
        dt=0.1e-3, start=1.0, note="its voltage is that of spikes, above a low theta"
    ),
    "bcm": both(start=0.3, note=_FORCED),
    "bcpnn": both(
        window=0.5,
        state="Pij_ampa",
        start=1e-4,
        shift=2e-5,
        gate="kappa",
        note="a log-odds ratio: independent trains write nothing, the decay is of P_ij",
    ),
    "behavioural_time_scale": (
        Experiment(
            event="plateaus", window=4.0, settle=2.0, dt=1e-3, shift=0.2,
            note="a value is the probability of one plateau in the middle of 4 s",
        ),
    ),
    "clopath_2010": both(window=0.5, dt=0.1e-3, start=0.5, note=_FORCED),
    "graupner_brunel": both(
        state="rho", start=0.3, changes={"sigma": 0.0},
        note="without its noise, from rho = 0.3"
    ),
    "limbacher_2022": both(start=0.0, gate="gate",
                           note="one token of 2 s; the paper has 100 ms"),
    "match_and_control": both(
        state="g", start=0.0, shift=1.0, weight="g",
        note="what is written is g; the AMPA gain is a steep function of it",
    ),
    "oja": both(start=0.3, note=_FORCED),
    "payeur_2021": (
        Experiment(
            event="bursts", window=4.0,
            note="a value is the probability that an event is a burst; it must exceed "
            "the running average to potentiate",
        ),
    ),
    "short_term_potentiation": both(
        state="fast", start=0.0, probe=True, note="the decay is that of the fast "
                                                  "component"
    ),
    "shouval_2002": both(start=0.25, note="from the weight that no calcium leads to"),
    "tsodyks_markram": _GATED_COLUMNS,
    "tsodyks_markram_three_state": _GATED_COLUMNS,
    "tsodyks_markram_to_U": _GATED_COLUMNS,
    "tsodyks_markram_to_zero": _GATED_COLUMNS,
    "urbanczik_senn_2014": both(
        start=90e-12, shift=300e-12,
        note="the soma's spikes are forced: they are the value",
    ),
    "use_dependent_potentiation": both(state="P", start=0.5),
}  # fmt: skip


def experiments(synapse: str | Synapse) -> tuple[Experiment, ...]:
    """Return the experiments of a plasticity or short-term plasticity model.

    Args:
        synapse: name of a registered one, or a `Synapse`. A composition is measured as
            its rule; a synapse of one's own starts where it says, and its memory is the
            one variable that is its weight.

    Raises:
        FwpError: another model.
    """
    kinds = ("short-term plasticity", "plasticity", "circuit")
    legal = [name for kind in kinds for name in names(kind)]
    name = synapse if isinstance(synapse, str) else getattr(synapse, "name", synapse)
    if is_name(synapse):
        synapse = get(synapse)
    if not isinstance(synapse, Synapse) or synapse.kind not in kinds:
        raise FwpError(
            f"{shown(name)} is no plasticity model (legal: {', '.join(legal)})"
        )
    base = rule_of(synapse)
    if base in EXPERIMENTS and all(
        not how.state or how.state in Equations(synapse.equations.synapse).names
        for how in EXPERIMENTS[base]
    ):
        return EXPERIMENTS[base]
    return USUAL if base in legal and entry(base).targets is None else _of_own(synapse)


def rule_of(synapse: Synapse) -> str:
    """Return the name of a synapse's plasticity rule, of a composition that of the
    part."""
    return synapse.parts.get("plasticity", synapse.name).split(" ")[0].split("+")[0]


def _of_own(synapse: Synapse) -> tuple[Experiment, ...]:
    """Return the usual experiments from where a synapse itself starts."""
    rows = Equations(synapse.equations.synapse)
    held = sorted(n for n in get_identifiers(synapse.weight) if n in rows.names and
                  rows[n].type != SUBEXPRESSION)  # fmt: skip
    if len(held) != 1:
        return both(
            state="", note="its weight is no single variable: no erase is measured"
        )
    value = synapse.initial.get(held[0], 0.0)
    if isinstance(value, str):
        value = evaluate(
            value, synapse.parameters, f"initial {held[0]!r} of {synapse.name!r}"
        )
    start = float(value)
    return both(state=held[0], start=start, shift=0.1 * (abs(start) or 1.0),
                probe="event-driven" in rows[held[0]].flags)  # fmt: skip
