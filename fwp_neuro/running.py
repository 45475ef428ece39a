"""``run``: one programme, one rule, one realisation -> one Recording."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from textwrap import indent

from . import circuits, side_by_side
from .arguments import SEED, Kind, inside, one_of, optional, takes, whole
from .artificial import realise
from .devices.lock import brian2_lock
from .errors import FwpError, shown
from .programs import Program
from .realisation_options import text
from .realisations import Realisation
from .recording import Recording
from .registry import Registry
from .rules import Rule
from .run_arguments import PROGRAM, RECORDING, RULE, STATES, WEIGHTS

ARTIFICIAL = Realisation("artificial", realise.prepare)

#: each entry is a `Realisation`; the package ``circuits`` imports its own when they are
#: asked for
REALISATIONS = Registry("realisation")
REALISATIONS.put("artificial", ARTIFICIAL, "the rule itself, with NumPy or PyTorch",
                 "harris2020array; paszke2019pytorch")  # fmt: skip
REALISATIONS.add("rate", lambda: circuits.RATE,
                 "a circuit of rate units in Brian2, whose read-out is that of the rule",
                 "stimberg2019brian")  # fmt: skip
REALISATIONS.add("spiking", lambda: circuits.SPIKING, "a circuit of spiking cells in "
                                                      "Brian2",
                 "stimberg2019brian")  # fmt: skip


def _read_programs(value, name: str):
    if isinstance(value, list | tuple):
        if not value:
            raise FwpError(f"{name} must be a Program or a list of them, got {value!r}")
        return [PROGRAM.read(one, f"{name}[{n}]") for n, one in enumerate(value)]
    try:
        return PROGRAM.read(value, name)
    except FwpError:
        raise FwpError(f"{name} must be {PROGRAMS.legal}, got {shown(value)}") from None


PROGRAMS = Kind("a Program or a list of them", _read_programs, PROGRAM.example)


@takes(
    program=PROGRAMS,
    rule=RULE,
    realisation=one_of(REALISATIONS, "realisation"),
    initial_weights=WEIGHTS,
    seed=SEED,
    initial_states=STATES,
    initial_states_of=optional(RECORDING),
    repeats=optional(whole(most=1_000_000)),
    options=inside("an option of the realisation"),
)
def run(
    program: Program | Sequence[Program],
    rule: str | Rule,
    realisation: str = "artificial",
    initial_weights=None,
    seed: int = 0,
    initial_states=None,
    initial_states_of=None,
    repeats: int | None = None,
    **options,
) -> Recording:
    """Run a fast-weight programme, or many of them side by side.

    Args:
        program: keys, values, queries and gates, token by token; or a list of programmes
            of equal dimensions, which run in one network (in several from 33 sequences on
            in a circuit). Shorter sequences are NaN behind their end, and spikes are
            recorded only if record_spikes says so.
        rule: a registered name or a `Rule`.
        realisation: "artificial" (NumPy or PyTorch), "rate" or "spiking" (Brian2
            circuits).
        initial_weights: fast weights before the first token, [post, pre] or [head, post,
            pre].
        seed: of the random numbers of the realisation.
        initial_states: synaptic state -> numbers as ``initial_weights``, for rules that
            have further states, such as ``{"w": ..., "m": ...}``; those not named start
            at zero.
        initial_states_of: a Recording to carry on from: its synaptic states after the
            last token (``initial_weights`` goes before its weights).
        repeats: run the programme so many times, as a list of it would.
        options: of the realisation, each by its name, listed below; or options=... with a
            `fwp_neuro.circuits.RateOptions` or ``SpikingOptions``, beside which single
            ones count.

    Returns:
        A Recording with "readout" [token, post] and "weights" [token, post, pre] (a head
        axis follows token if the programme has heads), and its provenance.
        ``record_weights`` and ``probes``, options of every realisation, say what is kept
        of the weights. Of a list every variable has an axis "sequence" before these, and
        ``recording.sequence(n)`` is the Recording of one.

    Raises:
        FwpError: one sentence naming the argument and what is legal.

    Example:
        >>> program = fwp_neuro.tasks.associative_recall(beta=0.5)  # doctest: +SKIP
        >>> first = fwp_neuro.run(program[:4], "delta")  # doctest: +SKIP
        >>> rest = fwp_neuro.run(program[4:], "delta", initial_states_of=first)  # doctest: +SKIP
    """  # noqa: E501
    start = {"initial_weights": initial_weights, "initial_states": initial_states,
             "initial_states_of": initial_states_of}  # fmt: skip
    start = {name: given for name, given in start.items() if given is not None}
    # Brian2 is for this thread alone, from the import of a circuit on
    with nullcontext() if realisation == "artificial" else brian2_lock():
        chosen = REALISATIONS.get(realisation)
        if repeats is not None:
            program = [program] if isinstance(program, Program) else [*program]
            program *= repeats
        if isinstance(program, Program):
            return chosen.run(program, rule, seed=seed, **start, **options)
        if initial_states_of is not None:
            raise FwpError(
                "initial_states_of carries on one sequence: give initial_states, "
                "[sequence, post, pre], for several"
            )
        return side_by_side.run(chosen, program, rule, seed, start, options)


run.__doc__ = f"{run.__doc__}\n{indent(text(), '    ')}"
