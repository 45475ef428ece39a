"""A fast-weight rule as a synapse model: its text with ports, which `connect` puts
between cells.

rule:  k, p, ... (presynaptic)   v, ... (postsynaptic)   q (query)   gates
port:  key                       teacher                 query       by their names
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any

from ..arguments import inside, one_of, optional, takes, text
from ..errors import Cannot, FwpError
from ..quantities import a_time
from ..rules import Rule
from ..rules import rule as rule_named
from ..symbolic import first_order
from . import rule_rate, rule_receptors, rule_signals
from .circuit_models import CircuitSynapse
from .factorised.text import renamed
from .rule_signals import Signals
from .synapse_class import Equations, Synapse

FORMS = ("rate", "biophysical")
DYNAMICS = ("event", "continuous")
#: how the summary of every synapse of a rule starts
OF_A_RULE = "fast-weight rule: "
_CONVENTIONS = {
    "event": "the statements run at the end of every interval, in slot 'end' of its last "
    "time step; then the read-out is summed and stays until the next one",
    "continuous": "gates in 1/s, integrated by Euler; a gate that multiplies the weight "
    "is its rate of decay",
    "biophysical": "gates in 1/s; conductances in units of the leak or in siemens; the "
    "weight decays toward weight_baseline, and transmits what of it lies in "
    "[0, 2 weight_baseline]; the cell rests where a value of 0 holds the teacher: leak "
    "E_leak and g_leak, and a steady excitation of value_baseline conductance g_leak",
}


@dataclass(frozen=True)
class RuleSynapse(Synapse):
    """A `Synapse` made of a rule, for cells that use the names of its text.

    Attributes:
        rule: its text.
        form, dynamics: see `of_rule`.
        homes: name of everything that the rule reads -> "pre", "post" or "shared".
        gates: names of the gates, with the write rate of statements that have none.
        base: the circuit's synapse whose numbers the biophysical form has, else None.
    """

    rule: Rule = field(default_factory=lambda: rule_named("hebb"))
    form: str = "rate"
    dynamics: str = "event"
    homes: Mapping[str, str] = field(default_factory=dict)
    gates: tuple[str, ...] = ()
    base: CircuitSynapse | None = None

    @property
    def in_hertz(self) -> bool:
        """Whether gates are in 1/s."""
        return self.dynamics == "continuous"

    @cached_property
    def write(self) -> rule_receptors.ReceptorWrite:
        """What a biophysical synapse writes."""
        return rule_receptors.derive(self.rule, first_order.derive(self.rule))

    def written(self, signals: Signals, **cells) -> Synapse:
        """Return the model whose text reads its signals from given code.

        Args:
            signals: code of everything that the rule reads.
            cells: for the biophysical form, see `rule_receptors.text`.
        """
        own = {one.name: getattr(self, one.name) for one in fields(Synapse)}
        own |= {"equations": self._text(signals, **cells), "ports": {}}
        own["parameters"] = {**self.parameters, **signals.values}
        own["sources"] = {
            **self.sources,
            **dict.fromkeys(signals.values, "given as a gate"),
        }
        if cells.get(
            "teacher"
        ):  # a voltage of the cell, so that no apical compartment starts
            own["initial"] = {"w": self.initial["w"]}
        return Synapse(**own)

    def _text(self, signals: Signals, **cells) -> Equations:
        if self.base is not None:
            return rule_receptors.text(self.write, signals, self.base, **cells)
        if self.dynamics == "continuous":
            return rule_rate.continuous(first_order.derive(self.rule), signals)
        return rule_rate.event(self.rule, signals)


@takes(
    rule=inside("a registered name or a fwp_neuro.Rule", lambda: "delta"),
    form=one_of(FORMS, "form of a rule's synapse:"),
    dynamics=optional(one_of(DYNAMICS, "dynamics of a rule's synapse:")),
    every=optional(a_time("10*ms")),
    parameters=optional(text("jahr_stevens_1990")),
)
def of_rule(
    rule: str | Rule,
    form: str = "rate",
    dynamics: str | None = None,
    every=None,
    parameters: str | None = None,
) -> RuleSynapse:
    """Return a fast-weight rule as a synapse model, for `fwp_neuro.circuits.connect`.

        synapse = fwp.synapses.of_rule("delta", every=10*ms)
        print(synapse.equations)

    Args:
        rule: a registered name or a `Rule`.
        form: "rate", for cells whose variables are the rule's signals (they need not
            spike), or "biophysical", for presynaptic cells that spike and a postsynaptic
            membrane: an NMDA-gated write of an AMPA weight (hebb, delta, and both with
            decays).
        dynamics: "event": the rule's own statements run at the end of every ``every``
            (any text); "continuous": dw/dt to the first order in the gates, which are in
            1/s; a gate that multiplies the weight is the rate at which it decays. Several
            statements act at the same time, so that their order makes no difference: it
            is the limit of gates that are small over a token. To run statements one after
            another, open their gates one after another. None: "event" for the rate form,
            and "continuous" for the biophysical one, which has no other.
        every: interval of event dynamics, a Brian2 time; a whole number of time steps.
        parameters: of the biophysical form, a set of "two_compartment_nmda".

    ``read``, ``back`` and ``pool`` sum over the synapses that there are: with sparse
    connections a cell pools the inputs that it has.

    Returns:
        a `Synapse`; ``changed(...)`` replaces parameters of the biophysical form.

    Raises:
        FwpError: an unknown name; event dynamics without ``every``, or ``every`` without
            them; a rule that has no continuous or no biophysical form (the sentence says
            why).

    Source: `symbolic.first_order` for continuous dynamics, `rule_receptors` for the
    biophysical form.
    """
    chosen = rule_named(rule)
    if form == "biophysical" and dynamics == "event":
        raise FwpError("the biophysical form of a rule is continuous: leave dynamics out")
    if form == "rate" and parameters is not None:
        raise FwpError(
            "the rate form of a rule has no parameter sets: leave parameters out"
        )
    dynamics = dynamics or ("event" if form == "rate" else "continuous")
    if (dynamics == "event") != (every is not None):
        if dynamics == "event":
            raise FwpError(
                f"rule {chosen.name!r} between rate cells needs every, the interval at "
                "whose end its statements run, such as every=10*ms, or dynamics="
                "'continuous'; between spiking cells it has form='biophysical'"
            )
        raise FwpError(
            f"dynamics={dynamics!r} of rule {chosen.name!r} takes no every: it has no "
            "interval at whose end statements run"
        )
    if dynamics == "event":
        return _complete(
            RuleSynapse(
                **_common(chosen, "event"),
                parameters={"every": every},
                sources={"every": "given: the interval at whose end the statements run"},
            )
        )
    try:
        rates = first_order.derive(chosen)
    except Cannot as reason:
        raise FwpError(f"rule {chosen.name!r} has no continuous form: {reason}") from None
    if form == "biophysical":
        return _biophysical(chosen, rates, rule_receptors.circuit(parameters))
    common = _common(chosen, "continuous", rates.write_rate)
    return _complete(RuleSynapse(**common, parameters={}, sources={}))


def _common(chosen: Rule, which: str, write_rate: str = "") -> dict[str, Any]:
    """Return what all synapses of a rule have; ``which`` is a key of the conventions."""
    taken = {"every", *(rule_receptors.names() if which == "biophysical" else ())}
    for gate in sorted(taken & set(chosen.gates)):
        raise FwpError(
            f"the synapse of rule {chosen.name!r} has a {gate!r} of its own, so its gate "
            "needs another name"
        )
    homes = rule_signals.homes(chosen, write_rate)
    return {
        "name": chosen.name,
        "parameter_set": "none",
        "kind": "plasticity",
        "summary": f"{OF_A_RULE}{'; '.join(chosen.text.splitlines())}",
        "equations": Equations(),
        "citation": chosen.citation,
        "conventions": _CONVENTIONS[which],
        "learned": chosen.states,
        "ports": {role: n for role, n in rule_signals.ROLES.items() if n in homes},
        "rule": chosen,
        "form": "biophysical" if which == "biophysical" else "rate",
        "dynamics": "event" if which == "event" else "continuous",
        "homes": homes,
        "gates": (*chosen.gates, write_rate) if write_rate else tuple(chosen.gates),
    }


def of_circuit(base: CircuitSynapse) -> RuleSynapse:
    """Return a synapse of the spiking circuit with its gate and teacher as those of a
    rule.

    It is the delta rule in the biophysical form, with the numbers of ``base``, and with
    the name that its port has for the gate.
    """
    gate, known = base.ports["gate"], rule_named("delta")
    delta = Rule(
        known.name,
        renamed(known.text, {"beta": gate}),
        gates={gate: known.gates["beta"]},
        limits={gate: known.limits["beta"]},
        citation=known.citation,
        summary=known.summary,
    )
    made = _biophysical(delta, first_order.derive(delta), base)
    same = ("name", "citation", "conventions", "summary")
    return replace(made, **{each: getattr(base, each) for each in same})


def _biophysical(chosen: Rule, rates, base: CircuitSynapse) -> RuleSynapse:
    rule_receptors.derive(chosen, rates)
    values = rule_receptors.parameters(base)
    common = _common(chosen, "biophysical", rates.write_rate)
    common |= {
        "parameter_set": base.parameter_set,
        "base": base,
        "parameters": values,
        "sources": {**base.sources, **rule_receptors.SOURCES},
        "citation": f"{chosen.citation}; {base.citation}",
        "homes": {n: home for n, home in common["homes"].items() if n in common["gates"]},
        "initial": {
            "w": "weight_baseline",
            "teacher": "value_baseline",
            "V_teacher": base.rest_code("value_baseline"),
        },
        "derived": partial(rule_receptors.derived, base=base),
        "signed": ("E_leak", "E_exc", "inhibition"),
        "ports": {"membrane": "V_basal", "conductance": "g_ampa"},
    }
    return _complete(RuleSynapse(**common))


def _complete(made: RuleSynapse) -> RuleSynapse:
    """Return a synapse with the text for cells that use the names of the rule's."""
    unit = dict.fromkeys(made.gates, "Hz" if made.in_hertz else "1")
    return replace(made, equations=made._text(rule_signals.plain(made.homes, unit)))
