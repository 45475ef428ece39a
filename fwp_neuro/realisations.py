"""A realisation as an object: its options, what it prepares of a programme, and its run.

It rests on one declared function, ``prepare(program, rule, *, initial_weights, seed,
...)``, which returns a `Prepared`; signature, declaration and docstring of the function
are the options. `fwp_neuro.run`, code generation and whatever else builds circuits call
`Realisation.prepare`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .errors import FwpError, shown, unknown
from .realisation_options import Prepared, RealisationOptions, options_class
from .recording import Recording
from .rules import Rule
from .rules import rule as get_rule
from .rules.registered_rules import RULES


@dataclass(frozen=True)
class Realisation:
    """One way of running a programme.

    Attributes:
        name: as in ``fwp_neuro.run(program, rule, name)``.
        function: prepares a run, see the head of this module.
        also: called with an object of `options`, raises `FwpError` for what their
            declaration leaves to it.

    Example:
        >>> ready = fwp_neuro.circuits.RATE.prepare(program, "delta")  # doctest: +SKIP
        >>> recording = ready.run()  # doctest: +SKIP
    """

    name: str
    function: Callable[..., Prepared]
    also: Callable[[Any], None] = lambda options: None

    @cached_property
    def options(self) -> type[RealisationOptions]:
        """The options as a dataclass, which checks them when it is made."""
        return options_class(
            f"{self.name.capitalize()}Options", self.name, self.function, self.also
        )

    def prepare(self, /, program, rule: str | Rule, options=None, **given) -> Prepared:
        """Check a programme, a rule and options, and make all that the run needs.

        Args:
            program: keys, values, queries and gates.
            rule: a registered name or a `Rule`.
            options: an object of `options`, or None.
            given: single options, which go before those of the object; and
                ``initial_weights``, ``seed``, ``initial_states`` and
                ``initial_states_of`` as for `fwp_neuro.run`.

        Raises:
            FwpError: one sentence naming the argument and what is legal.
        """
        given = self.given(options, **given)
        rule = find_rule(rule)
        self.check_names(given)
        return self.function(program, rule, **given)

    def given(self, options=None, **given) -> dict[str, Any]:
        """Return the options that differ from their defaults, single ones before those
        of the object ``options``."""
        return {**self._changed(options), **given}

    def run(self, /, program, rule: str | Rule, **given) -> Recording:
        """Prepare and run; arguments and errors as for `prepare`."""
        return self.prepare(program, rule, **given).run()

    def check_names(self, names: Iterable[str], without: tuple[str, ...] = ()) -> None:
        """Refuse options that the realisation has not, or that ``without`` names.

        Raises:
            FwpError: with the nearest legal name.
        """
        always = ("initial_weights", "seed")
        never = ("program", "rule", *always, *without)
        legal = [n for n in inspect.signature(self.function).parameters if n not in never]
        for name in names:
            if name not in legal and name not in always:
                raise unknown(name, legal, f"option of the {self.name} realisation:")

    def _changed(self, options) -> dict[str, Any]:
        if options is None:
            return {}
        if (
            not isinstance(options, RealisationOptions)
            or options.realisation != self.name
        ):
            raise FwpError(
                f"options must be options of the {self.name} realisation, an object of "
                f"{self.options.__name__}, got {shown(options)}"
            )
        return options.changed()


def find_rule(rule: str | Rule) -> Rule:
    """Return a rule.

    Raises:
        FwpError: no rule; a memory or network of that name is told apart from a
            misspelling.
    """
    if isinstance(rule, Rule):
        return rule
    if not isinstance(rule, str):
        return get_rule(rule)
    if rule not in RULES:
        # they need torch, and only the sentence on a wrong name looks at them
        from .artificial.memories.registered_memories import MEMORIES  # noqa: PLC0415
        from .artificial.recurrent.registered_networks import NETWORKS  # noqa: PLC0415

        for kinds in (MEMORIES, NETWORKS):
            if rule in kinds:
                kind = kinds.get(rule)
                raise FwpError(
                    f"{rule!r} is a {kinds.kind}, not a rule, and runs in PyTorch only "
                    f"(fwp_neuro.artificial): {kind.no_circuit}"
                )
    return RULES.get(rule)
