"""What a published model of receptors, synapses or plasticity is: equations, parameters,
sources.

Equations are Brian2 text in the textbook layout: what a synapse needs lives on the
synapse, what a cell's membrane does lives on the cell. In a time step presynaptic spikes
act before postsynaptic ones, and without delay unless a model has a delay among its
parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .. import notebook_html, short_reprs
from ..arguments import (
    function,
    inside,
    instance,
    mapping,
    names,
    one_of,
    optional,
    takes,
    text,
)
from ..errors import pick
from ..registry import Registry
from . import units
from .model_kinds import KINDS

#: parameters that are shares of a whole in every model that has them: legal from 0 to 1
SHARES = (
    "U", "nmda", "presynaptic", "loss", "P0", "I_f", "I_bf", "rho_star", "gate",
    "mu",
)  # fmt: skip


def is_share(name: str) -> bool:
    """Whether a parameter, also of a part of a composition, is a share of a whole."""
    return name.removesuffix("_receptor").removesuffix("_release") in SHARES


@dataclass(frozen=True)
class Renewal:
    """What keeps sums and factors since a reference time within the range of numbers.

    The reference time is ``renewed`` on synapses and ``renewed_cell`` on cells, where
    they exist.

    Attributes:
        rates: rate of a factor -> by how many of its time constants it may fall in
            between.
        synapse, post: code that starts anew, on synapses and then on postsynaptic cells.
        each_step: code of the postsynaptic cells in every step, before their equations
            advance.
        shared: what starts anew of values that all postsynaptic cells share.
        ageing: what every step does to those, after equations have advanced.
        last: whether on_pre comes after on_post in a time step.
    """

    rates: Mapping[str, float]
    synapse: str
    post: str = ""
    each_step: str = ""
    shared: str = ""
    ageing: str = ""
    last: bool = False


@dataclass(frozen=True)
class ByEvents:
    """A model in a form of which the synapses are touched at spikes only.

    Attributes:
        equations: with a `Renewal` of which the code makes up for the steps until now.
        passed: variables that stand still until the next spike makes up for these steps;
            ``v_kept`` is what the synapse keeps of ``v``.
        initial: values at the start of further variables.
        functions: further names in the equations.
    """

    equations: Equations
    passed: tuple[str, ...]
    initial: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Any] = field(default_factory=dict)


_CODE = text("x += 1", empty=True)


@takes(
    "Equations",
    synapse=_CODE,
    on_pre=_CODE,
    on_post=_CODE,
    pre=_CODE,
    pre_spike=_CODE,
    post=_CODE,
    post_spike=_CODE,
    method=text("exact"),
    delay=_CODE,
    delay_post=_CODE,
    delayed=mapping("variable to variable and delay"),
    before_pre=_CODE,
    after_pre=_CODE,
    before_post=_CODE,
    after_post=_CODE,
    transmit=_CODE,
    methods=mapping("variable to integrator"),
    exact=names("x"),
    joint=_CODE,
    renewal=optional(instance("fwp_neuro.synapses.synapse_class:Renewal")),
    steps=_CODE,
    alone=names("x"),
    adds=mapping("variable to variable"),
)
@dataclass(frozen=True, repr=False)
class Equations:
    """Brian2 text of a model; every part may be empty.

    Attributes:
        synapse: variables of a synapse.
        on_pre: what a presynaptic spike does to it.
        on_post: what a postsynaptic spike does to it.
        pre: variables of the presynaptic cell.
        pre_spike: what its own spike does to the presynaptic cell (in its reset: after
            on_pre).
        post: variables of the postsynaptic cell.
        post_spike: what its own spike does to the postsynaptic cell (after on_post).
        method: Brian2 integrator of the synapse's and the cells' differential equations.
        delay: name of the parameter by which on_pre comes after the presynaptic spike, or
            empty.
        delay_post: likewise for on_post and the postsynaptic spike.
        delayed: variable of the postsynaptic cell -> (the one that it repeats, name of
            the parameter by how much later).
        before_pre, after_pre: what a presynaptic spike does to the presynaptic cell right
            before and right after on_pre, with the same delay (in the factorised layout).
        before_post, after_post: likewise for the postsynaptic cell.
        transmit: what a presynaptic spike does to the postsynaptic cell where that does
            not wait for ``delay``, with which on_pre arrives.
        methods: variable of a cell -> its integrator, where that is not ``method``.
        exact: variables of the cells that are integrated exactly whatever the method.
        joint: equations of cells' variables whose intermediate values the synapse's
            integrator needs, under the names that they have at the synapse.
        renewal: see `Renewal`, or None.
        steps: what happens at the end of every interval of the parameter ``every``: one
            line after another, each at all synapses (statements with ";" between them in
            one pass).
        alone: variables of cells that no other projection onto them shares.
        adds: variable of the postsynaptic cells -> one of ``alone`` that is added to it
            in every time step, as those of other projections are.
    """

    synapse: str = ""
    on_pre: str = ""
    on_post: str = ""
    pre: str = ""
    pre_spike: str = ""
    post: str = ""
    post_spike: str = ""
    method: str = "exact"
    delay: str = ""
    delay_post: str = ""
    delayed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    before_pre: str = ""
    after_pre: str = ""
    before_post: str = ""
    after_post: str = ""
    transmit: str = ""
    methods: Mapping[str, str] = field(default_factory=dict)
    exact: tuple[str, ...] = ()
    joint: str = ""
    renewal: Renewal | None = None
    steps: str = ""
    alone: tuple[str, ...] = ()
    adds: Mapping[str, str] = field(default_factory=dict)

    __repr__ = short_reprs.of_equations

    def __str__(self) -> str:
        parts = (
            "pre", "pre_spike", "synapse", "transmit", "before_pre", "on_pre",
            "after_pre", "before_post",
            "on_post", "after_post", "post", "post_spike",
        )  # fmt: skip
        texts = {part: getattr(self, part).strip() for part in parts}
        late = [f"{name}(t) = {of}(t - {by})" for name, (of, by) in self.delayed.items()]
        texts["post, delayed"] = "\n".join(late)
        texts["at the end of every interval"] = self.steps
        sums = [
            f"{name} = sum over projections of {of}" for name, of in self.adds.items()
        ]
        texts["post, summed"] = "\n".join(sums)
        return "\n".join(f"# {part}\n{text}" for part, text in texts.items() if text)


@dataclass(frozen=True)
class Varying:
    """What a variable stands for that holds the values of a parameter.

    Attributes:
        parameter: its name.
        place: "synapse", "pre" or "post": what has a value of its own.
        usual: the value that all have in the model.
        leads: parameters that follow from this one, see `Synapse.derived`.
    """

    parameter: str
    place: str
    usual: Any
    leads: tuple[str, ...] = ()


@takes(
    "Synapse",
    name=text("my_synapse"),
    parameter_set=text("default"),
    kind=one_of(KINDS, "kind of a synapse:"),
    summary=text("one line", empty=True),
    equations=instance(
        "fwp_neuro.synapses.synapse_class:Equations", lambda: Equations("w : 1")
    ),
    parameters=mapping("parameter to quantity or number"),
    sources=mapping("parameter to source"),
    citation=text("song2000competitive", empty=True),
    conventions=text("what to know", empty=True),
    weight=text("w"),
    signed=names("A"),
    initial=mapping("variable to value"),
    derived=optional(function("parameters")),
    learned=names("w"),
    ports=mapping("role to variable"),
    sends=text("w", empty=True),
    transmits=names("V"),
    parts=mapping("role to name"),
    varying=mapping("variable to parameter"),
    by_events=optional(function("model", "given")),
)
@dataclass(frozen=True, repr=False)
class Synapse:
    """One synapse, published or of one's own, with one parameter set.

    Attributes:
        name: in the registry.
        parameter_set: name of the parameter set.
        kind: one of `KINDS`.
        summary: one line for listings.
        equations: Brian2 text.
        parameters: Brian2 quantities and numbers by name.
        sources: parameter name -> where its value comes from; "" stands for all others.
        citation: papers behind the equations.
        conventions: what a reader must know to compare numbers.
        weight: expression over synaptic variables that is the effective weight.
        signed: parameters that may be zero or negative.
        initial: values at the start, in addition to zero: variable of the synapse or of a
            cell -> number, quantity or Brian2 expression over the parameters.
        derived: parameters -> those among them that follow from the others; `changed`
            computes them anew, except those that somebody sets.
        learned: synaptic variables that stand still while learning is frozen; those of a
            plasticity model's effective weight that something changes if empty.
        ports: role -> variable of the postsynaptic cell that plays it, such as the
            membrane voltage; `connect(names=...)` maps it to a variable of the user's
            cells.
        sends: expression of what a presynaptic spike transmits, after on_pre; the weight,
            as it is before on_pre, if empty.
        transmits: variables of the postsynaptic cell that the model's own on_pre changes;
            a receptor takes their place in `compose`.
        parts: of a composition: role -> name and parameter set.
        varying: variable that holds values of a parameter -> which, see
            `varying.declared`.
        by_events: (model, names of which no value is known) -> the model in a form that
            costs nothing between spikes, see `ByEvents`, or None where it has none.
    """

    name: str
    parameter_set: str
    kind: str
    summary: str
    equations: Equations
    parameters: Mapping[str, Any]
    sources: Mapping[str, str]
    citation: str
    conventions: str
    weight: str = "w"
    signed: tuple[str, ...] = ()
    initial: Mapping[str, Any] = field(default_factory=dict)
    derived: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    learned: tuple[str, ...] = ()
    ports: Mapping[str, str] = field(default_factory=dict)
    sends: str = ""
    transmits: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    varying: Mapping[str, Varying] = field(default_factory=dict)
    by_events: Callable[[Synapse, Collection[str]], ByEvents | None] | None = None

    __repr__ = short_reprs.of_synapse

    def _repr_html_(self) -> str:
        return notebook_html.of_synapse(self)

    @takes(parameter=text("A_plus"))
    def source(self, parameter: str) -> str:
        """Return where the value of a parameter comes from."""
        pick(parameter, self.parameters, f"parameter of {self.name!r}:")
        return self.sources.get(parameter, self.sources.get("", ""))

    @takes(values=inside("a quantity or number like the one that it replaces"))
    def changed(self, **values) -> Synapse:
        """Return the model with some parameters replaced.

        Raises:
            FwpError: unknown parameter, a missing or wrong unit, not one finite number, a
                value that is not positive where only positive ones make sense, or a share
                outside [0, 1].
        """
        for name, value in values.items():
            pick(name, self.parameters, f"parameter of {self.name!r}:")
            old, signed = self.parameters[name], name in self.signed
            where = f"synapse {self.name!r}"
            share = is_share(name)
            values[name] = units.check(
                name, value, old, where, any_sign=signed, share=share
            )
        new = {**self.parameters, **values}
        if self.derived is not None:  # what was set by hand before stays as it was set
            old, now = self.derived(self.parameters), self.derived(new)
            follow = [n for n in now if n not in values and self.parameters[n] == old[n]]
            new |= {name: now[name] for name in follow}
        return replace(self, parameters=new)

    @takes(names=text("A_plus"))
    def numbers(self, *names: str) -> tuple[float, ...]:
        """Return parameters as plain numbers in SI units (seconds, volts, hertz,
        siemens)."""
        for name in names:
            pick(name, self.parameters, f"parameter of {self.name!r}:")
        return tuple(float(self.parameters[name]) for name in names)


#: the former name, for one release
Model = Synapse


@dataclass(frozen=True)
class Entry:
    """How the registry makes a model.

    Attributes:
        make: parameter set name -> `Synapse` or any object with its public attributes.
        sets: names of the parameter sets, the default first.
        kind: one of `KINDS`.
        summary: one line for listings.
        stdp: (model, lags [s], pairs, frequency [Hz], options) -> weight after / before,
            or None.
        release: (model, spike times [s]) -> release at each spike, or None.
        renamed: former name of a parameter set, which stays legal -> its name.
        targets: quick -> rows of `fwp_neuro.targets` for a synapse of one's own; None for
            the package's, which have theirs in that package.
        many: whether these take parameters that are arrays [set, 1] and return [set,
            lag], or [spike, set, train] for times [spike, train]: many parameter sets at
            once.
    """

    make: Callable[[str], Any]
    sets: tuple[str, ...]
    kind: str
    summary: str
    stdp: Callable | None = None
    release: Callable | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    targets: Callable | None = None
    many: bool = False


SYNAPSES = Registry("synapse model")


def register(name: str, entry: Entry) -> None:
    """Add a model.

    Raises:
        FwpError: the name is taken, or the kind is none of `KINDS`.
    """

    def citation() -> str:
        return "; ".join(
            dict.fromkeys(entry.make(chosen).citation for chosen in entry.sets)
        )

    pick(entry.kind, KINDS, f"kind of model {name!r}:")
    summary = f"{entry.kind}: {entry.summary} (parameters: {', '.join(entry.sets)})"
    SYNAPSES.put(name, entry, summary, citation)
