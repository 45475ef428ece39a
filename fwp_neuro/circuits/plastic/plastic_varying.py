"""Parameters that vary over synapses or over cells: `connect(varying=...)`, read and
checked.

The values are the first initial values of the model that comes out: an array for each
cell of a side, or for each synapse (a function of their cells where only Brian2 knows
which there are).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import brian2 as b2
import numpy as np
from brian2.devices.device import RuntimeDevice
from brian2.units.allunits import all_units

from ... import arithmetic
from ...errors import FwpError, pick, shown
from ...synapses import units
from ...synapses.synapse_class import Synapse, is_share
from ...synapses.varying import PLACES, declared, names, readers, started, variable
from ..plain_numbers import is_numbers
from .attached_variables import whole

_WHAT = {"synapse": "synapses", "pre": "presynaptic cells", "post": "postsynaptic cells"}
_UNITS = {n: unit for unit in all_units for n in (str(unit), unit.name)}


@dataclass
class Values:
    """Values of a parameter at one place.

    Attributes:
        parameter, place: which, and of what.
        numbers: one for each cell or synapse, in base units; or a function of (i, j), the
            cells of each synapse, that returns them.
        leads: parameters that follow from it.
    """

    parameter: str
    place: str
    numbers: Any
    leads: tuple[str, ...] = ()

    def at(self, i, j) -> np.ndarray:
        """Return the value of each synapse, from the cells that it connects."""
        if self.place == "synapse":
            return self.numbers(i, j) if callable(self.numbers) else self.numbers
        return self.numbers[i if self.place == "pre" else j]


def read(
    model: Synapse, varying, groups: Mapping, pairs: Mapping, initial
) -> tuple[Synapse, Any]:
    """Return a model with variables in place of parameters that vary, and the initial
    values.

    Args:
        model: in the textbook layout.
        varying: as `connect` takes it.
        groups: side -> cells.
        pairs: arguments of Brian2's ``Synapses.connect``.
        initial: as `connect` takes it.

    Raises:
        FwpError: no parameter of the model or one that nothing reads there, values that
            are none, or of which it is not clear to what they belong.
    """
    if varying is None:
        return model, initial
    if not isinstance(varying, Mapping):
        raise FwpError(
            f"varying must be a mapping such as {{'U': values}}, got {shown(varying)}"
        )
    if not varying:
        return model, initial
    work = _Reading(model, groups, pairs)
    found = [one for name, given in varying.items() for one in work.values(name, given)]
    found += work.followers(found)
    places: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in found:
        places.setdefault(one.parameter, {})[one.place] = one.leads
    now = names(places)
    new = declared(model, places)
    start = {variable(one.parameter, one.place, places[one.parameter]): work.full(one)
             for one in found}  # fmt: skip
    if isinstance(initial, Mapping):
        for name in initial:
            if name in start:
                raise FwpError(f"initial: {name!r} of {model.name!r} is given in varying")
        initial = started(model, initial, now)
    return replace(new, initial={**start, **new.initial}), initial


def are_known(pairs: Mapping) -> bool:
    """Return whether arguments of Brian2's ``Synapses.connect`` say which cells it
    connects."""
    given = {name: item for name, item in pairs.items() if name != "namespace"}
    arrays = all(isinstance(one, np.ndarray) for one in given.values())
    return not given or set(given) == {"i", "j"} and arrays


def known(pairs: Mapping, groups: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells (i, j) of each synapse in Brian2's order, where these
    `are_known`."""
    if "i" in pairs:
        i, j = np.broadcast_arrays(np.atleast_1d(pairs["i"]), np.atleast_1d(pairs["j"]))
        return i, j
    pre, post = (np.arange(len(groups[side])) for side in ("pre", "post"))
    return np.repeat(pre, len(post)), np.tile(post, len(pre))


class _Reading:
    """What is known while one call of `connect` reads ``varying``."""

    def __init__(self, model: Synapse, groups: Mapping, pairs: Mapping):
        self.model, self.groups = model, groups
        self.pairs = known(pairs, groups) if are_known(pairs) else None
        self.counts: dict[str, int | None] = {
            side: len(groups[side]) for side in ("pre", "post")
        }
        self.counts["synapse"] = None if self.pairs is None else len(self.pairs[0])
        had = {side: {n for n in b2.Equations(getattr(model.equations, side)).names
                      if n in groups[side].variables} for side in groups}  # fmt: skip
        self.readers = readers(model, had)
        self.every = readers(model, {})

    # -------------------------------------------------------------- which place

    def needs(self, name: str) -> set[str]:
        """Return the places whose text reads a parameter."""
        return {place for place, read in self.readers.items() if name in read}

    def legal(self, name: str, where: str) -> list[str]:
        """Return the places that a parameter may vary over, if it is one place."""
        text, needs = self.model.equations, self.needs(name)
        for side, by in (("pre", text.delay), ("post", text.delay_post)):
            if name == by:
                raise FwpError(
                    f"{where} is the delay of {side}synaptic spikes: give it as "
                    f"connect(delay={{{side!r}: values}}, layout='textbook')"
                )
        if any(name == by for _, by in text.delayed.values()):
            raise FwpError(
                f"{where} is a delay of variables of the cells and has one value"
            )
        if needs:
            return [place for place in PLACES if needs <= {place, "synapse"}]
        if any(name in read for read in self.every.values()):
            raise FwpError(f"{where} is read only by variables that the cells have "
                           "themselves: let it vary there")  # fmt: skip
        if self.leads(name):
            return list(PLACES)
        raise FwpError(f"{where} is read by no equation of the model")

    def values(self, name: str, given) -> list[Values]:
        """Return the values of one entry of ``varying``."""
        model = self.model
        pick(name, model.parameters, f"parameter of {model.name!r} in varying:")
        where = f"varying: {name!r} of {model.name!r}"
        legal = self.legal(name, where)
        pair = (
            isinstance(given, list | tuple)
            and len(given) == 2
            and isinstance(given[0], str)
        )
        if pair and given[0] in PLACES:
            given = {given[0]: given[1]}
        if not isinstance(given, Mapping):
            if not legal:
                self._refuse_one(name, where)
            given = {self._place(name, given, legal, where): given}
        for place in given:
            pick(place, PLACES, f"place in {where}:")
        self._check_places(name, set(given), legal, where)
        return [self._values(name, place, one) for place, one in given.items()]

    def _place(self, name: str, given, legal: list[str], where: str) -> str:
        """Return to what values belong, by their number."""
        if isinstance(given, str):
            return legal[0]
        if not is_numbers(given) or np.ndim(given) == 0:
            like = (
                f"{where} must be numbers in one row, a text, or a pair such as ('pre', "
                "numbers)"
            )
            raise FwpError(f"{like}, got {shown(given)}")
        size = np.shape(given)[0]
        fits = [place for place in legal if self.counts[place] in (None, size)]
        if len(fits) == 1:
            return fits[0]
        said = ", ".join(
            f"{_WHAT[place]}" + (""
                                 if self.counts[place] is None else f" ({self.counts[place]})")  # noqa: E501
            for place in fits or legal
        )  # fmt: skip
        if fits:
            raise FwpError(f"{where} has {size} values, which may be those of {said}: "
                           f"say which, as in varying={{{name!r}: ({fits[0]!r}, "
                           f"values)}}")  # fmt: skip
        raise FwpError(f"{where} has {size} values; legal is one for each of the {said}")

    def _refuse_one(self, name: str, where: str):
        sides = sorted(self.needs(name) - {"synapse"})
        raise FwpError(f"{where} is a parameter of cells on both sides: give both, as in "
                       f"varying={{{name!r}: {{{sides[1]!r}: values, {sides[0]!r}: "
                       f"values}}}}")  # fmt: skip

    def _check_places(
        self, name: str, given: set[str], legal: list[str], where: str
    ) -> None:
        needs = self.needs(name)
        sides = needs - {"synapse"}
        if len(given) == 1 and given <= set(legal):
            return
        if not legal and len(given) == 1:
            self._refuse_one(name, where)
        if not sides <= given:
            missing = ", ".join(_WHAT[side] for side in sorted(sides - given))
            raise FwpError(f"{where} is a parameter of the {missing}, which have one "
                           "each: give their values")  # fmt: skip
        unread = given - needs
        if unread:
            raise FwpError(f"{where}: nothing of the {_WHAT[min(unread)]} reads it")
        if "synapse" in needs and "synapse" not in given:
            raise FwpError(f"{where} is read by the synapses too: give 'synapse' beside "
                           f"{' and '.join(map(repr, sorted(given)))}")  # fmt: skip

    # -------------------------------------------------------------- which numbers

    def _values(self, name: str, place: str, given) -> Values:
        """Return values with their number checked, as soon as it is known."""
        model, count = self.model, self.counts[place]
        leads = self.leads(name)

        def numbers(i, j) -> np.ndarray:
            found, size = given, len(i if place != "post" else j)
            if isinstance(given, str):
                found = self._worked_out(name, given, i, j, size)
            array = units.check_each(
                name, found, model.parameters[name], f"synapse {model.name!r}",
                any_sign=name in model.signed, share=is_share(name),
            )  # fmt: skip
            if len(array) != size:
                raise FwpError(f"varying: {name!r} of {model.name!r} has {len(array)} "
                               f"values; legal is one for each of the {size} "
                               f"{_WHAT[place]}")  # fmt: skip
            return array

        if place != "synapse":
            cells = np.arange(count)
            return Values(name, place, numbers(cells, cells), leads)
        if self.pairs is not None:
            return Values(name, place, numbers(*self.pairs), leads)
        self._refuse_standalone(name)
        return Values(name, place, numbers, leads)

    def _refuse_standalone(self, name: str) -> None:
        if not isinstance(b2.get_device(), RuntimeDevice):
            raise FwpError(f"varying: {name!r}: a standalone program makes its synapses "
                           "when it runs: give connect arrays i and j, or values of "
                           "cells")  # fmt: skip

    def _worked_out(self, name: str, text: str, i, j, size: int):
        """Return what a text says for each synapse or cell, with its unit."""
        known = {**_UNITS, **self.model.parameters, "i": i, "j": j, "N": size,
                 "rand": lambda: np.random.rand(size),
                 "randn": lambda: np.random.randn(size)}  # fmt: skip
        what = f"varying: {name!r}"
        try:
            found = arithmetic.evaluate(text, known, what)
        except NameError as problem:
            raise FwpError(f"{what}: {shown(text)} has an unknown name {str(problem)!r}; "
                           "legal are i, j, rand(), randn(), parameters of the model "
                           "and units"
                           ) from None  # fmt: skip
        except (
            TypeError,
            ValueError,
            ArithmeticError,
            b2.DimensionMismatchError,
        ) as problem:
            said = " ".join(str(problem).split())
            raise FwpError(
                f"{what}: {shown(text)} cannot be worked out: {said}"
            ) from None
        dim = b2.get_dimensions(found)
        return b2.Quantity(
            np.array(np.broadcast_to(np.asarray(found, float), size)), dim=dim
        )

    def full(self, one: Values):
        """Return values as Brian2 is given them: for all cells of a group, also of a part
        of it."""
        if one.place == "synapse":
            return one.numbers
        group = self.groups[one.place]
        cells, usual = whole(group), float(self.model.parameters[one.parameter])
        found = np.full(len(cells), usual)
        start = getattr(group, "start", 0) if cells is not group else 0
        found[start : start + len(group)] = one.numbers
        return found

    # ------------------------------------------------------------- what follows from them

    def leads(self, name: str) -> tuple[str, ...]:
        """Return the parameters that follow from one."""
        model = self.model
        if model.derived is None:
            return ()
        usual = model.parameters[name]
        small = b2.Quantity(0.1, dim=b2.get_dimensions(usual))
        other = 0.9 * usual if float(usual) else usual + small
        new = model.changed(**{name: other}).parameters
        return tuple(
            n for n, one in new.items() if n != name and one != model.parameters[n]
        )

    def followers(self, found: list[Values]) -> list[Values]:
        """Return the values of parameters that follow from others which vary."""
        given = {one.parameter for one in found}
        behind: dict[str, list[Values]] = {}
        for one in found:
            for name in one.leads:
                if name not in given:
                    behind.setdefault(name, []).append(one)
        return [self._follower(name, ahead) for name, ahead in behind.items()
                if self.needs(name)]  # fmt: skip

    def _follower(self, name: str, ahead: list[Values]) -> Values:
        model, places = self.model, {one.place for one in ahead}
        by = " and ".join(repr(one.parameter) for one in ahead)
        where = f"varying: {name!r} of {model.name!r} follows from {by}"
        if len({one.parameter for one in ahead}) < len(ahead):
            raise FwpError(
                f"{where}, which has several values for one synapse: give {name!r} too"
            )
        place = places.pop() if len(places) == 1 else "synapse"
        if not self.needs(name) <= {place, "synapse"}:
            raise FwpError(f"{where} and is a parameter of "
                           f"{' and '.join(_WHAT[n] for n in sorted(self.needs(name)))}, "
                           f"which have one each: give {name!r} too")  # fmt: skip

        def numbers(*columns) -> np.ndarray:
            rows, back = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
            dims = [b2.get_dimensions(model.parameters[one.parameter]) for one in ahead]
            new = [model.changed(**{
                one.parameter: b2.Quantity(value, dim=dim)
                for one, value, dim in zip(ahead, row, dims, strict=True)
            }).parameters[name] for row in rows]  # fmt: skip
            return np.array(new, dtype=float)[np.ravel(back)]

        if place != "synapse":
            return Values(name, place, numbers(*(one.numbers for one in ahead)))

        def of_synapses(i, j) -> np.ndarray:
            return numbers(*(one.at(i, j) for one in ahead))

        if self.pairs is not None:
            return Values(name, place, of_synapses(*self.pairs))
        self._refuse_standalone(name)
        return Values(name, place, of_synapses)


def put(plastic, name: str, value) -> None:
    """Give a parameter that varies new values between runs; see `Plastic.set`.

    Raises:
        FwpError: values that it may not have, or others would have to follow.
    """
    one, (group, own) = plastic.model.varying[name], plastic.where[name]
    model = plastic.model
    if one.leads:
        raise FwpError(f"set: {', '.join(one.leads)} of {model.name!r} follow from "
                       f"{name!r}: connect anew with other values")  # fmt: skip
    side = one.place
    count = len(plastic.synapses) if side == "synapse" else len(plastic.side(side))
    if np.ndim(value) == 0 and not isinstance(value, str):
        value = value * np.ones(count)
    array = units.check_each(one.parameter, value, one.usual, f"synapse {model.name!r}",
                             any_sign=one.parameter in model.signed,
                             share=is_share(one.parameter))  # fmt: skip
    if len(array) != count:
        raise FwpError(f"set: {name!r} has {count} values, got {len(array)}")
    start = 0 if side == "synapse" else getattr(plastic.side(side), "start", 0)
    group.variables[own].get_value()[start : start + count] = array
