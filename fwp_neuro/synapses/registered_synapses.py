"""Find synapse models by name, and run the protocols that experiments measure them
with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any

import brian2 as b2
import numpy as np

from ..arguments import function, inside, optional, takes, text
from ..errors import FwpError, pick, shown, unknown
from ..quantities import quantity
from ..registry import Registry, modules_in
from ..validation import whole
from .argument_kinds import KIND, NAME, OPTIONS, PARAMETERS, TIMES, name_or_model
from .synapse_class import KINDS, SYNAPSES, Entry, Synapse
from .synapse_class import register as add

#: events (pairs or spikes) that one call of a protocol may have, at 10 us and more for
#: each
_MOST = 50_000_000
#: arguments of a protocol that come from its caller; all others are options
_GIVEN = ("model", "lags", "pairs", "frequency", "times")


def _load() -> None:
    import_module(f"{__package__}.circuit_models")
    for module in modules_in(__package__, "*/synapse.py"):  # a folder a model
        import_module(module)


# the modules of models import the registry, so that it cannot name them where it is made
SYNAPSES.load = _load


def entry(name: str) -> Entry:
    """Return how a model is made.

    Raises:
        FwpError: unknown name, with the nearest legal one.
    """
    return SYNAPSES.get(name)


@takes(kind=KIND)
def names(kind: str | None = None) -> list[str]:
    """Return the names of the models, of one kind if given.

    Args:
        kind: "receptor", "short-term plasticity", "plasticity" or "circuit" (the synapse
            models of the spiking circuit of a fast-weight programme).

    Raises:
        FwpError: unknown kind.
    """
    if kind is not None:
        pick(kind, KINDS, "kind of synapse model")
    chosen = [(KINDS.index(entry(name).kind), name) for name in SYNAPSES]
    return [name for number, name in sorted(chosen) if kind in (None, KINDS[number])]


def is_name(given) -> bool:
    """Say whether ``given`` is a registered name, or one with a parameter set:
    "NAME/SET"."""
    return isinstance(given, str) and split(given)[0] in SYNAPSES


def split(name: str) -> tuple[str, str | None]:
    """Return a name and the parameter set that is named with it, or None."""
    name, slash, chosen = name.partition("/")
    return name, chosen if slash else None


@takes(name=NAME)
def parameter_sets(name: str) -> tuple[str, ...]:
    """Return the names of a model's parameter sets, the default first.

    Args:
        name: of the model.
    """
    return entry(name).sets


@takes(name=NAME, parameters=PARAMETERS, kind=KIND)
def get(name: str, parameters: str | None = None, kind: str | None = None) -> Any:
    """Return a model with one of its published parameter sets (the first one if None).

    The result has ``equations`` (Brian2 text), ``parameters`` (quantities with units),
    ``citation``, ``sources`` and ``conventions``; ``changed(tau=20*ms)`` replaces
    parameters. "NAME/SET" names both, here and wherever a model is used by its name.

        >>> fwp.synapses.get("tsodyks_markram/mongillo_2008").parameter_set
        'mongillo_2008'

    Raises:
        FwpError: unknown model or parameter set, with the nearest legal name; a model of
            another kind than asked for; or two parameter sets.
    """
    name, chosen = split(name) if isinstance(name, str) else (name, None)
    if chosen is not None:
        if parameters is not None:
            raise FwpError(
                f"parameters = {parameters!r} is a second parameter set beside "
                f"{name}/{chosen}: leave one out"
            )
        parameters = chosen
    if kind is not None and name not in names(kind):
        if name not in names():
            raise unknown(name, names(kind), f"synapse model of the kind {kind!r}:")
        legal = ", ".join(names(kind))
        raise FwpError(
            f"{name!r} is a {entry(name).kind} model, no {kind} one (legal: {legal})"
        )
    found = entry(name)
    sets = found.sets
    what = f"parameter set of {name!r}:"
    if parameters is None:
        return found.make(sets[0])
    if isinstance(parameters, str):
        parameters = found.renamed.get(parameters, parameters)
    return found.make(pick(parameters, sets, what))


MODEL = inside("a Synapse, or the name of one", lambda: get("pair_stdp"))


def _protocol(name: str) -> Callable:
    return getattr(import_module("fwp_neuro.circuits.protocols"), name)


#: protocols on the Brian2 text of any model; circuits, which run it, know the synapses
PROTOCOLS = Registry("protocol")
for _name in ("stdp", "release", "stdp_of_sets", "release_of_sets"):
    PROTOCOLS.add(_name, partial(_protocol, _name))


def _no_rows(quick: bool) -> tuple:
    return ()


@takes(
    synapse=inside("a synapse", lambda: get("pair_stdp")),
    name=optional(text("my_synapse")),
    targets=optional(function("quick")),
)
def register(
    synapse: Synapse, name: str | None = None, targets: Callable | None = None
) -> Synapse:
    """Add a synapse of your own, so that it can be asked for by its name everywhere.

    Args:
        synapse: a `Synapse`; the result of `compose` is one.
        name: under which; its own if None.
        targets: quick -> iterable of `fwp_neuro.targets.Row`: numbers that it must meet,
            beside what it gives. ``fwp-neuro validate`` prints them, and whether both
            layouts of its text do the same.

    Returns:
        the synapse.

    Raises:
        FwpError: no `Synapse`, or the name is taken or has a "/".

    Example:
        >>> fwp.synapses.register(mine)  # doctest: +SKIP
    """
    if not isinstance(synapse, Synapse):
        raise FwpError(f"register needs a Synapse, got {shown(synapse)}")
    made = replace(synapse, name=synapse.name if name is None else name)
    if "/" in made.name:
        raise FwpError(
            f"a registered synapse cannot be called {made.name!r}: what stands behind a "
            "/ is the name of a parameter set"
        )
    one = Entry(lambda parameters: made, (made.parameter_set,), made.kind, made.summary,
                targets=targets or _no_rows)  # fmt: skip
    add(made.name, one)
    return made


def _is_registered(model: Synapse, found: Entry) -> bool:
    """Whether a model has the text of the registered one, for which its fast forms are
    made."""
    if model.parameter_set not in found.sets:
        return False
    made = found.make(model.parameter_set)
    return (made.equations, made.weight, made.initial, made.sends) == (
        model.equations, model.weight, model.initial, model.sends
    )  # fmt: skip


def _by_text(model: Synapse, protocol: str) -> bool:
    """Whether a protocol makes sense for a model."""
    return (
        model.kind in ("plasticity", "circuit")
        if protocol == "stdp"
        else bool(model.sends)
    )


@dataclass(frozen=True)
class MeasuredByText:
    """A synapse, and how a protocol measures it.

    Attributes:
        synapse: with its parameters.
        run: the protocol, the synapse's own fast form or one that runs its text.
        many: whether ``run`` takes many parameter sets at once, see `Entry`.
        of_sets: likewise by the text: (synapse, names, numbers [set, parameter], events)
            -> results [set, ...], see `fwp_neuro.circuits.protocols`; None for a fast
            form.
    """

    synapse: Synapse
    run: Callable
    many: bool = False
    of_sets: Callable | None = None


def measured(name, parameters, protocol: str, what: str) -> MeasuredByText:
    """Return a synapse with one of its protocols, "stdp" or "release".

    Args:
        name: of a registered synapse, or a `Synapse`.
        parameters: name of a parameter set, or None.
        protocol: which.
        what: asks for it, for errors.
    """
    if isinstance(name, Synapse):
        if parameters is not None:
            raise FwpError(
                f"{what} takes the parameters of the model {name.name!r} it is given"
            )
        model = name
        known = model.name in SYNAPSES and _is_registered(model, entry(model.name))
        run = getattr(entry(model.name), protocol) if known else None
    else:
        model = get(name, parameters)
        run = getattr(entry(split(name)[0]), protocol)
    if run is None and isinstance(model, Synapse) and _by_text(model, protocol):
        model = getattr(model, "textbook", model)
        of_sets = PROTOCOLS.get(f"{protocol}_of_sets")
        return MeasuredByText(model, PROTOCOLS.get(protocol), of_sets=of_sets)
    if run is None:
        able = (
            names("plasticity") if protocol == "stdp" else names("short-term plasticity")
        )
        lacks = (
            "learns no weight"
            if protocol == "stdp"
            else "has no release that could change"
        )
        raise FwpError(f"{what}: {model.name!r} is of the kind {model.kind} and {lacks} "
                       f"(legal: {', '.join(able)}, and compositions of "
                       "them)")  # fmt: skip
    return MeasuredByText(model, run, many=entry(model.name).many)


def check_options(
    model: Synapse, run: Callable, options: Iterable[str], what: str
) -> None:
    """Raise `FwpError`, with the legal ones, for an option that no protocol of a model
    takes."""
    legal = [name for name in signature(run).parameters if name not in _GIVEN]
    for name in options:
        pick(name, legal, f"option of {what} with {model.name!r}:")


def _bearable(events: int, what: str) -> None:
    """Refuse protocols of so many events that no one waits for them."""
    events = min(events, 10**300)
    if events > _MOST:
        raise FwpError(
            f"{what} is {events:.3g}: that would take about {1e-5 * events / 3600:.2g} "
            f"hours or more; legal are up to {_MOST:.0e}"
        )


@takes(
    name=name_or_model("pair_stdp"),
    parameters=PARAMETERS,
    lags=TIMES,
    pairs=inside("a whole number of at least 1"),
    frequency=inside("a rate such as 1*Hz, or None"),
    options=OPTIONS,
)
def stdp_curve(
    name, parameters=None, lags=None, pairs: int = 60, frequency=None, **options
):
    """Return how much pairs of one presynaptic and one postsynaptic spike change a
    weight.

    Args:
        name: of a plasticity model, or a `Synapse` with changed parameters.
        parameters: name of a published parameter set; the model's first one if None.
        lags: Brian2 times, postsynaptic minus presynaptic spike, [lag] or one.
        pairs: how many pairs.
        frequency: Brian2 rate of the pairs; 1 Hz if None.
        options: of the model's own protocol (its docstring has them).

    Returns:
        weight after / weight before, as an array in the shape of ``lags``.

    Raises:
        FwpError: unknown model, set or option, a missing or wrong unit (the sentence
            names the argument), or pairs that are so close that the spikes of one
            overtake those of the next.
    """
    found = measured(name, parameters, "stdp", "stdp_curve")
    model, run = found.synapse, found.run
    check_options(model, run, options, "stdp_curve")
    lags = quantity(lags, b2.second, "lags", "times such as [-10, 10]*ms")
    frequency = 1 * b2.Hz if frequency is None else frequency
    rate = quantity(frequency, b2.Hz, "frequency", "a rate such as 1*Hz")
    if rate.shape or not rate > 0:
        raise FwpError(
            f"frequency must be one positive rate such as 1*Hz, got {shown(frequency)}"
        )
    if not lags.size:
        raise FwpError("lags is empty; it must be times such as [-10, 10]*ms")
    pairs = whole(pairs, "pairs")
    _bearable(lags.size * pairs, "lags times pairs")
    return np.reshape(run(model, lags.ravel(), pairs, float(rate), **options), lags.shape)


@takes(
    name=name_or_model("tsodyks_markram"),
    parameters=PARAMETERS,
    spike_times=TIMES,
    options=OPTIONS,
)
def short_term(name, parameters=None, spike_times=None, **options):
    """Return the release of a short-term plastic synapse at each presynaptic spike.

    Args:
        name: of a short-term plasticity model, or a `Synapse` with changed parameters.
        parameters: name of a published parameter set; the model's first one if None.
        spike_times: Brian2 times in increasing order, [spike].
        options: of the model's own protocol.

    Returns:
        release per spike [spike], as a share of all resources (1 = everything).

    Raises:
        FwpError: unknown model, set or option, a missing or wrong unit, times that do not
            increase.
    """
    found = measured(name, parameters, "release", "short_term")
    model, run = found.synapse, found.run
    check_options(model, run, options, "short_term")
    times = quantity(
        spike_times, b2.second, "spike_times", "times such as [0, 50, 100]*ms"
    )
    if times.ndim != 1 or not times.size or (np.diff(times) <= 0).any():
        raise FwpError("spike_times must be one row of times that increase")
    _bearable(times.size, "the number of spike_times")
    return np.asarray(run(model, times, **options))
