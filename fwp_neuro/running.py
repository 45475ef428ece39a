"""``run``: one programme, one rule, one realisation -> one Recording."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from importlib import import_module
from textwrap import indent

from .arguments import SEED, inside, one_of, optional, takes
from .devices.lock import brian2_lock
from .errors import FwpError, unknown
from .programs import Program
from .realisation_options import merged, text
from .recording import Recording
from .registry import Registry
from .rules import Rule
from .rules import rule as get_rule
from .run_arguments import PROGRAM, RECORDING, RULE, STATES, WEIGHTS

#: each entry is a function ``realise(program, rule, *, initial_weights, seed, **options)``
REALISATIONS = Registry("realisation")
for _name, _module, _summary, _citation in (
    ("artificial", "fwp_neuro.artificial.realise",
     "the rule itself, with NumPy or PyTorch", "harris2020array; paszke2019pytorch"),
    ("rate", "fwp_neuro.circuits.rate.rate_circuit",
     "a circuit of rate units in Brian2, whose read-out is that of the rule", "stimberg2019brian"),
    ("spiking", "fwp_neuro.circuits.spiking.spiking_circuit",
     "a circuit of spiking cells in Brian2", "stimberg2019brian"),
):  # fmt: skip
    REALISATIONS.add(
        _name, lambda module=_module: import_module(module).realise, _summary, _citation
    )


@takes(
    program=PROGRAM,
    rule=RULE,
    realisation=one_of(REALISATIONS, "realisation"),
    initial_weights=WEIGHTS,
    seed=SEED,
    initial_states=STATES,
    initial_states_of=optional(RECORDING),
    options=inside("an option of the realisation"),
)
def run(
    program: Program,
    rule: str | Rule,
    realisation: str = "artificial",
    initial_weights=None,
    seed: int = 0,
    initial_states=None,
    initial_states_of=None,
    **options,
) -> Recording:
    """Run a fast-weight programme.

    Args:
        program: keys, values, queries and gates, token by token.
        rule: a registered name or a `Rule`.
        realisation: "artificial" (NumPy or PyTorch), "rate" or "spiking" (Brian2 circuits).
        initial_weights: fast weights before the first token, [post, pre] or [head, post, pre].
        seed: of the random numbers of the realisation.
        initial_states: synaptic state -> numbers as ``initial_weights``, for rules that have
            further states, such as ``{"w": ..., "m": ...}``; those not named start at zero.
        initial_states_of: a Recording to carry on from: its synaptic states after the last token
            (``initial_weights`` goes before its weights).
        options: of the realisation, each by its name, listed below; or options=... with a
            `fwp_neuro.circuits.RateOptions` or ``SpikingOptions``, beside which single ones count.

    Returns:
        A Recording with "readout" [token, post] and "weights" [token, post, pre] (a head axis
        follows token if the programme has heads), and its provenance. ``record_weights`` and
        ``probes``, options of every realisation, say what is kept of the weights.

    Raises:
        FwpError: one sentence naming the argument and what is legal.

    Example:
        >>> program = fwp_neuro.tasks.associative_recall(beta=0.5)  # doctest: +SKIP
        >>> first = fwp_neuro.run(program[:4], "delta")  # doctest: +SKIP
        >>> rest = fwp_neuro.run(program[4:], "delta", initial_states_of=first)  # doctest: +SKIP
    """
    with _alone(realisation):
        options = merged(options, realisation)
        rule, function = checked(program, rule, realisation, seed, options)
        return function(
            program, rule, initial_weights=initial_weights, seed=seed,
            initial_states=initial_states, initial_states_of=initial_states_of, **options,
        )  # fmt: skip


run.__doc__ = f"{run.__doc__}\n{indent(text(), '    ')}"


def realise(realisation: str):
    """Return the function that runs a realisation; its declaration says what options are legal."""
    return REALISATIONS.get(realisation)


def _alone(realisation: str):
    """Have Brian2 for this thread alone, from the import of a circuit on, if it is one."""
    if realisation == "artificial":
        return nullcontext()
    return brian2_lock()


def _rule(rule: str | Rule) -> Rule:
    """Return a rule; a memory or network of that name is told apart from a misspelling."""
    try:
        return get_rule(rule)
    except FwpError:
        # they need torch, and only the sentence on a wrong name looks at them
        from .artificial.memories.registered_memories import MEMORIES  # noqa: PLC0415
        from .artificial.recurrent.registered_networks import NETWORKS  # noqa: PLC0415

        for kinds in (MEMORIES, NETWORKS):
            if isinstance(rule, str) and rule in kinds:
                kind = kinds.get(rule)
                raise FwpError(
                    f"{rule!r} is a {kinds.kind}, not a rule, and runs in PyTorch only "
                    f"(fwp_neuro.artificial): {kind.no_circuit}"
                ) from None
        raise


def checked(program, rule, realisation: str, seed: int, options, without=()) -> tuple:
    """Check what every way of running a programme takes; return (rule, realise of the realisation).

    Args:
        options: names that ``realise`` must take.
        without: options of ``realise`` that are not legal here.

    Raises:
        FwpError: one sentence naming the argument and what is legal.
    """
    rule = _rule(rule)
    function = realise(realisation)
    never = ("program", "rule", "initial_weights", "seed", *without)
    legal = [name for name in inspect.signature(function).parameters if name not in never]
    for name in options:
        if name not in legal:
            raise unknown(name, legal, f"option of the {realisation} realisation:")
    return rule, function
