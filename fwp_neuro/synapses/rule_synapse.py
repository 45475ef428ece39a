"""A fast-weight rule as a synapse model: its text with ports, which `connect` puts between cells.

    rule:  k, p, ... (presynaptic)   v, ... (postsynaptic)   q (query)   gates
    port:  key                       teacher                 query       by their names
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from ..arguments import inside, one_of, optional, takes, text
from ..arguments import time as a_time
from ..errors import Cannot, FwpError
from ..rules import Rule, rule
from ..symbolic import first_order
from . import rule_rate, rule_receptors, rule_signals
from .model import Model
from .rule_signals import Signals

FORMS = ("rate", "biophysical")
DYNAMICS = ("event", "continuous")


@dataclass(frozen=True)
class RuleSynapse(Model):
    """A `Model` made of a rule; ``equations`` are those for cells that use the names of its text.

    Attributes:
        rule: its text.
        form, dynamics: see `of_rule`.
        homes: name of everything that the rule reads -> "pre", "post" or "shared".
        gates: names of the gates, with the write rate of statements that have none.
    """

    rule: Rule | None = None
    form: str = "rate"
    dynamics: str = "event"
    homes: Mapping[str, str] | None = None
    gates: tuple[str, ...] = ()

    @property
    def in_hertz(self) -> bool:
        """Whether gates are in 1/s."""
        return self.dynamics == "continuous"

    @property
    def compares(self) -> bool:
        """Whether the biophysical write is error-correcting, so that it needs a membrane."""
        return rule_receptors.derive(self.rule, first_order.derive(self.rule)).compare

    def written(self, signals: Signals, **cells) -> Model:
        """Return the model whose text reads its signals from given code.

        Args:
            signals: code of everything that the rule reads.
            cells: for the biophysical form, see `rule_receptors.text`.
        """
        own = {one.name: getattr(self, one.name) for one in fields(Model)}
        own["parameters"] = {**self.parameters, **signals.values}
        own["sources"] = {**self.sources, **dict.fromkeys(signals.values, "given as a gate")}
        own["equations"] = _equations(self, signals, **cells)
        known = set(str(own["equations"]).split())
        own["initial"] = {n: v for n, v in self.initial.items() if n != "V_teacher" or
                          "dV_teacher/dt" in known}  # fmt: skip
        if "dV_teacher/dt" not in known:
            own["initial"].pop("teacher", None)
        return Model(**own | {"ports": {}})


def _equations(model: RuleSynapse, signals: Signals, **cells):
    if model.form == "biophysical":
        rates = first_order.derive(model.rule)
        write = rule_receptors.derive(model.rule, rates)
        base, _ = rule_receptors.parameters(model.parameter_set)
        return rule_receptors.text(write, signals, base, **cells)
    if model.dynamics == "continuous":
        return rule_rate.continuous(first_order.derive(model.rule), signals)
    return rule_rate.event(model.rule, signals)


def _example():
    from brian2 import ms

    return 10 * ms


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

        synapse = fwp.synapses.of_rule("delta", dynamics="event", every=10*ms)
        print(synapse.equations)

    Args:
        rule: a registered name or a `Rule`.
        form: "rate", for cells whose variables are the rule's signals (they need not spike), or
            "biophysical", for presynaptic cells that spike and a postsynaptic membrane: an
            NMDA-gated write of an AMPA weight (hebb, delta, and both with decays).
        dynamics: "event": the rule's own statements run at the end of every ``every`` (any text);
            "continuous": dw/dt to the first order in the gates, which are in 1/s; a gate that
            multiplies the weight is the rate at which it decays. Several statements act at the
            same time, so that their order makes no difference: it is the limit of gates that are
            small over a token. To run statements one after another, open their gates one after
            another. None: "event" for the rate form, and "continuous" for the biophysical one,
            which has no other.
        every: interval of event dynamics, a Brian2 time; a whole number of time steps.
        parameters: of the biophysical form, a set of "two_compartment_nmda".

    Returns:
        a `Model`; ``changed(...)`` replaces parameters of the biophysical form.

    Raises:
        FwpError: an unknown name; event dynamics without ``every``, or ``every`` without them; a
            rule that has no continuous or no biophysical form (the sentence says why).

    Source: `symbolic.first_order` for continuous dynamics, `rule_receptors` for the biophysical
    form.
    """
    chosen = _rule(rule)
    dynamics = dynamics or ("event" if form == "rate" else "continuous")
    if form == "biophysical" and dynamics == "event":
        raise FwpError("the biophysical form of a rule is continuous: leave dynamics out")
    if (dynamics == "event") != (every is not None):
        word = "needs" if dynamics == "event" else "takes no"
        raise FwpError(f"dynamics={dynamics!r} of rule {chosen.name!r} {word} every, the interval "
                       "at whose end its statements run")  # fmt: skip
    if parameters is not None and form == "rate":
        raise FwpError("the rate form of a rule has no parameter sets: leave parameters out")
    try:
        rates = first_order.derive(chosen) if dynamics == "continuous" else None
        if form == "biophysical":
            rule_receptors.derive(chosen, rates)
    except Cannot as reason:
        raise FwpError(f"rule {chosen.name!r} has no {dynamics} form: {reason}") from None
    return _model(chosen, form, dynamics, rates, every, parameters)


def _rule(given) -> Rule:
    return rule(given)


def _model(chosen: Rule, form: str, dynamics: str, rates, every, parameter_set) -> RuleSynapse:
    write_rate = rates.write_rate if rates is not None else ""
    gates = (*chosen.gates, write_rate) if write_rate else tuple(chosen.gates)
    homes = rule_signals.homes(chosen, write_rate)
    unit = dict.fromkeys(gates, "Hz" if dynamics == "continuous" else "1")
    values: dict[str, Any] = {} if every is None else {"every": every}
    sources = {} if every is None else {"every": "given: the interval of event dynamics"}
    more: dict[str, Any] = {}
    set_name, citation = "none", chosen.citation
    if form == "biophysical":
        base, values = rule_receptors.parameters(parameter_set)
        sources = {**base.sources, **rule_receptors.SOURCES}
        set_name, citation = parameter_set or base_sets()[0], f"{citation}; {base.citation}"
        homes = {n: home for n, home in homes.items() if n in gates}
        more = {
            "initial": {"w": "weight_baseline", "teacher": "value_baseline",
                        "V_teacher": base.rest_code("value_baseline")},
            "derived": partial(rule_receptors.derived, base=base),
            "signed": ("E_leak", "E_exc", "inhibition"),
            "ports": {"membrane": "V_basal", "conductance": "g_ampa"},
        }  # fmt: skip
    made = RuleSynapse(
        chosen.name, set_name, "plasticity", f"fast-weight rule: {'; '.join(chosen.text.split(chr(10)))}",
        None, values, sources, citation,
        _CONVENTIONS[form, dynamics], learned=chosen.states, rule=chosen, form=form,
        dynamics=dynamics, homes=homes, gates=gates,
        **{"ports": {role: n for role, n in rule_signals.ROLES.items() if n in homes}, **more},
    )  # fmt: skip
    return replace(made, equations=_equations(made, rule_signals.plain(homes, unit)))


def base_sets() -> tuple[str, ...]:
    """Return the parameter sets of the biophysical form, the default first."""
    from .registry import parameter_sets

    return parameter_sets(rule_receptors.CIRCUIT)


_CONVENTIONS = {
    ("rate", "event"): "the statements run at the end of every interval, in slot 'end' of its last "
    "time step; then the read-out is summed and stays until the next one",
    ("rate", "continuous"): "gates in 1/s, integrated by Euler; a gate that multiplies the weight "
    "is its rate of decay",
    ("biophysical", "continuous"): "gates in 1/s; conductances in units of the leak or in siemens; "
    "the weight decays toward weight_baseline, and what it transmits lies in "
    "[0, 2 weight_baseline]",
}
