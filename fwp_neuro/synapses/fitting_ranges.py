"""Where the parameters of a model are searched, and on which scale.

=====================  ==========================================================  ===========
parameter              range                                                       scale
=====================  ==========================================================  ===========
positive               a hundredth of the smallest published value to a            logarithmic
                       hundredfold of the largest, over all parameter sets
share of a whole       0 (or .001 where 0 is illegal) to 1                          as positive
signed voltage         the published values, 100 mV to either side                 linear
signed time (a delay)  0 to a hundredfold of the largest published value            linear
other signed           a hundredfold of the largest published value to either side  linear
=====================  ==========================================================  ===========

A start outside the range widens it by the same rule; ``bounds`` of `fit` replace it.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import brian2 as b2
import numpy as np

from ..arguments import takes
from ..errors import FwpError, pick, shown
from . import registered_synapses, units
from .registered_synapses import MODEL, get, parameter_sets
from .synapse_class import SYNAPSES, Synapse, is_share

_FACTOR, _VOLTS = 100.0, 0.1
#: how near to a bound, as a share of the range searched, a fitted parameter has run into
#: it
_AT = 1e-6


@lru_cache(maxsize=64)
def _published(name: str) -> tuple[Mapping[str, Any], ...]:
    """Return the parameters of all sets of a model of the registry; none of one of your
    own."""
    if name not in SYNAPSES:
        return ()
    return tuple(get(name, chosen).parameters for chosen in parameter_sets(name))


def _range(model: Synapse, name: str) -> tuple[float, float]:
    """Return where a parameter is searched, in SI units."""
    start, signed = model.parameters[name], name in model.signed
    if is_share(name):
        return (0.0 if signed else 1e-3), 1.0
    sets = [one[name] for one in _published(model.name) if name in one]
    values = np.array([float(value) for value in (*sets, start)])
    if not signed:
        return values.min() / _FACTOR, values.max() * _FACTOR
    if b2.have_same_dimensions(start, b2.volt):
        return values.min() - _VOLTS, values.max() + _VOLTS
    reach = _FACTOR * (np.abs(values).max() or _typical(model, start))
    return (0.0 if b2.have_same_dimensions(start, b2.second) else -reach), reach


def _typical(model: Synapse, like) -> float:
    """Return the largest published value of any parameter of the same dimension, or
    0.01."""
    found = [
        abs(float(value))
        for one in _published(model.name)
        for name, value in one.items()
        if name in model.signed
        and b2.have_same_dimensions(value, like)
        and not is_share(name)
    ]
    return max(found, default=0.0) or 1e-2


@takes(model=MODEL)
def search_ranges(model: str | Synapse) -> dict[str, tuple]:
    """Return where `fit` searches each parameter of a model if it is given no bounds.

    Args:
        model: with its start values, as from ``fwp_neuro.synapses.get``, or a name.

    Returns:
        parameter -> (lower, upper), Brian2 quantities or numbers.

    Example:
        >>> import fwp_neuro as fwp
        >>> fwp.synapses.search_ranges(fwp.synapses.get("pair_stdp"))["tau_plus"]
        (0.2 * msecond, 2. * second)
    """
    model = registered_synapses.get(model) if isinstance(model, str) else model
    if not isinstance(model, Synapse):
        raise FwpError(
            f"search_ranges needs a Synapse or the name of one, got {shown(model)}"
        )
    found = {}
    for name, value in model.parameters.items():
        found[name] = tuple(like(value, end) for end in _range(model, name))
    return found


def like(old, number: float):
    """Return a number in SI units as a quantity of the dimension of ``old``, or as it
    is."""
    plain = b2.have_same_dimensions(old, 1)
    return (
        float(number) if plain else b2.Quantity(float(number), dim=b2.get_dimensions(old))
    )


def limits(
    model: Synapse, names: Sequence[str], bounds: Mapping | None
) -> dict[str, tuple]:
    """Return where each of the parameters is searched (SI units): bounds if given, else a
    range.

    Raises:
        FwpError: bounds that are no (lower, upper) in the unit of a parameter that is
            fitted.
    """
    if not isinstance(bounds, Mapping | None):
        raise FwpError(
            f"bounds must be a dict of parameter: (lower, upper), got {shown(bounds)}"
        )
    bounds = bounds or {}
    for name in bounds:
        pick(name, names, "parameter in bounds:")
    found = {}
    for name in names:
        if name not in bounds:
            found[name] = _range(model, name)
            continue
        given, old = bounds[name], model.parameters[name]
        legal = f"bounds of {name!r} must be (lower, upper), got {shown(given)}"
        try:
            low, high = given
        except (TypeError, ValueError):
            raise FwpError(legal) from None
        signed, share = name in model.signed, is_share(name)
        low, high = (
            units.check(name, end, old, "the bounds", any_sign=signed, share=share)
            for end in (low, high)
        )
        if not float(low) < float(high):
            raise FwpError(legal)
        found[name] = (float(low), float(high))
    return found


class Box:
    """Parameters as points: logarithms of positive ones, signed ones in units of their
    size.

    Attributes:
        start: the model whose other parameters stay.
        names: of the parameters, in the order of coordinates.
        low, high: corners [coordinate].
        logarithmic: whether a coordinate is a logarithm [coordinate].
    """

    def __init__(
        self, start: Synapse, names: Sequence[str], ends: Mapping[str, tuple]
    ) -> None:
        self.start, self.names = start, list(names)
        self.logarithmic = np.array(
            [name not in start.signed for name in names], dtype=bool
        )
        spans = np.array([ends[name] for name in names], dtype=float).reshape(-1, 2)
        voltage_like = spans[:, 0] * spans[:, 1] > 0
        size = np.where(
            voltage_like, np.ptp(spans, axis=1), np.abs(spans).max(axis=1) / _FACTOR
        )
        self._size = np.where(self.logarithmic, 1.0, size)
        self.low, self.high = self._point(spans[:, 0]), self._point(spans[:, 1])
        self.x0 = np.clip(
            self._point([float(start.parameters[name]) for name in names]),
            self.low,
            self.high,
        )

    def _point(self, numbers) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(
                self.logarithmic, np.log(numbers), np.asarray(numbers) / self._size
            )

    def numbers(self, x) -> np.ndarray:
        """Return the parameters at points, in SI units [..., parameter]."""
        with np.errstate(over="ignore"):
            return np.where(self.logarithmic, np.exp(x), np.asarray(x) * self._size)

    def quantities(self, x) -> dict[str, Any]:
        """Return the parameters at a point, with units."""
        values = zip(self.names, self.numbers(x), strict=True)
        return {
            name: like(self.start.parameters[name], number) for name, number in values
        }

    def model(self, x) -> Synapse:
        """Return the model with the parameters at a point."""
        return self.start.changed(**self.quantities(x))

    def ends(self, x) -> np.ndarray:
        """Return -1, 0 or 1 [coordinate]: at the lower bound, at none, at the upper
        bound."""
        reach = _AT * (self.high - self.low)
        return (x >= self.high - reach).astype(int) - (x <= self.low + reach).astype(int)

    def drawn(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return points spread over the box [point, coordinate], one in each of its
        layers.

        Linear coordinates whose range holds 0 are drawn dense around it: of any order of
        size.
        """
        size = len(self.names)
        layers = np.argsort(rng.random((size, count)), axis=1).T
        share = (layers + rng.random((count, size))) / count
        points = self.low + share * (self.high - self.low)
        two = ~self.logarithmic & (self.low < 0) & (self.high > 0)
        side = 2 * share - 1
        small = np.sign(side) * 10 ** (4 * np.abs(side) - 4)
        return np.where(two, np.where(side > 0, self.high, -self.low) * small, points)
