"""How each plasticity rule is measured: what differs from the usual experiment, and why."""

from __future__ import annotations

from ..errors import FwpError
from .coding import USUAL, Experiment, both
from .registered_synapses import names

_GATED_COLUMNS = both(state="", note="no weight of its own: J u x after the window")
_FORCED = "spikes are forced on the postsynaptic cell"

#: model -> its experiments; one that is not here is measured as `coding.USUAL`
EXPERIMENTS: dict[str, tuple[Experiment, ...]] = {
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
        state="rho", start=0.3, changes={"sigma": 0.0}, note="without its noise, from rho = 0.3"
    ),
    "limbacher_2022": both(start=0.0, gate="gate", note="one token of 2 s; the paper has 100 ms"),
    "match_and_control": both(
        state="g", start=0.0, shift=1.0, weight="g",
        note="what is written is g; the AMPA gain is a steep function of it",
    ),
    "oja": both(start=0.3, note=_FORCED),
    "payeur_2021": (
        Experiment(
            event="bursts", window=4.0,
            note="a value is the probability that an event is a burst; it must exceed the running "
            "average to potentiate",
        ),
    ),
    "short_term_potentiation": both(
        state="fast", start=0.0, probe=True, note="the decay is that of the fast component"
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


def experiments(name: str) -> tuple[Experiment, ...]:
    """Return the experiments of a plasticity or short-term plasticity model.

    Raises:
        FwpError: another model.
    """
    legal = [*names("short-term plasticity"), *names("plasticity")]
    if name not in legal:
        raise FwpError(f"{name!r} is no plasticity model (legal: {', '.join(legal)})")
    return EXPERIMENTS.get(name, USUAL)
