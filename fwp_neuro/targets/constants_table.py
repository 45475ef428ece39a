"""The constants of every model against a table of them as their sources print them.

The table ``fwp_neuro/data/published_constants.csv`` was written apart from the code; its
README there explains the columns. A slip in a number of a parameter set is a difference
from it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files

import brian2 as b2

from ..errors import FwpError
from ..model_scripts import load_model
from ..synapses import registered_synapses
from ..synapses.magnesium import BLOCKS
from .rows import Row

#: how the number in the table was found: in the source itself, in other code or text that
#: names the source, from memory, chosen by this package, or computed from the others
#: apart from the package
STATUSES = ("looked up", "looked up second hand", "recalled", "chosen", "computed")
#: share by which a number may differ from the table: rounding, or steps of the quadrature
WITHIN = {"computed": 5e-4}
EXACT = 1e-12
_FILE = "published_constants.csv"
#: of the column parameter_set: constants of a script in `models/`, or of any module
_LISTED = ("script", "module")
_CONVENTIONS = ("", "_to_zero", "_three_state", "_to_U")


@dataclass(frozen=True)
class Constant:
    """A row of the table; every field is the text that stands there."""

    model: str
    parameter_set: str
    parameter: str
    value: str
    unit: str
    status: str
    source: str

    @property
    def number(self) -> float:
        """The value in base units of SI."""
        return float(_evaluated(self.value, {}) * _unit(self.unit))

    def agrees(self, value: float) -> bool:
        """Whether a number of the package is that of the table."""
        return abs(value - self.number) <= WITHIN.get(self.status, EXACT) * abs(
            self.number
        )


@cache
def table() -> tuple[Constant, ...]:
    """Return all rows of the table."""
    with files("fwp_neuro.data").joinpath(_FILE).open(encoding="utf-8") as lines:
        return tuple(Constant(**row) for row in csv.DictReader(lines))


def rows(model: str) -> Iterator[Row]:
    """Compare the numbers of a model with those of the table."""
    known = [constant for constant in table() if constant.model == model]
    if not known:
        return
    found = differences(model)
    count = {status: sum(one.status == status for one in known) for status in STATUSES}
    said = ", ".join(f"{number} {status}" for status, number in count.items() if number)
    source = f"data/{_FILE}: {len(known)} numbers ({said})"
    yield Row(model, "numbers that differ from the table of published "
                     "constants", len(found), 0, 0,
              "; ".join([source, *found]), "at most", strength="definition")  # fmt: skip


def differences(model: str) -> list[str]:
    """Return in words each number of a model that is not in the table, or differs from
    it."""
    known = [constant for constant in table() if constant.model == model]
    found = []
    for chosen, values in _numbers(model).items():
        every = "*" if chosen not in _LISTED else ""
        expected = {c.parameter: c for c in known if c.parameter_set == every}
        expected |= {c.parameter: c for c in known if c.parameter_set == chosen}
        found += [
            f"{chosen} {name} is not in the table"
            for name in values
            if name not in expected
        ]
        for name, constant in expected.items():
            if name not in values:
                found.append(f"{chosen} {name} is in the table, and not in the model")
            elif not constant.agrees(values[name]):
                found.append(f"{chosen} {name} is {values[name]:.8g}, in the table "
                             f"{constant.number:.8g}")  # fmt: skip
    missing = {c.parameter_set for c in known} - {"*", *_numbers(model)}
    return found + [
        f"parameter set {name} is only in the table" for name in sorted(missing)
    ]


def missing_lines(model: str) -> list[str]:
    """Return the lines that the table lacks of a synapse, to be completed from its
    source.

    Numbers are left out: they are to be copied from the source, not from the code.
    """
    known = {(c.parameter_set, c.parameter) for c in table() if c.model == model}
    found = []
    for chosen in registered_synapses.parameter_sets(model):
        one = registered_synapses.get(model, chosen)
        start = {f"initial.{n}": value for n, value in one.initial.items()
                 if not isinstance(value, str)}  # fmt: skip
        for name, value in {**one.parameters, **start}.items():
            if not {(chosen, name), ("*", name)} & known:
                usual = ("1", "ms", "mV", "nS", "Hz", "pF", "pA", "mM")
                same = [u for u in usual if b2.have_same_dimensions(_unit(u), value)]
                unit = same[0] if same else "UNIT"
                found.append(f"{model},{chosen},{name},VALUE,{unit},STATUS,SOURCE")
    return found


def _numbers(model: str) -> dict[str, dict[str, float]]:
    """Return parameter set -> parameter -> number in base units, of a model or a
    script."""
    if model == "magnesium_block":
        return {
            name: {
                key: value
                for key, value in vars(block).items()
                if key != "source" and value is not None
            }
            for name, block in BLOCKS.items()
        }
    listed = _listed(model)
    if model not in registered_synapses.names():
        return listed
    names = [model]
    if model == "tsodyks_markram":
        names = [model + convention for convention in _CONVENTIONS]
    found: dict[str, dict[str, float]] = {}
    for name in names:
        for chosen in registered_synapses.parameter_sets(name):
            found.setdefault(chosen, {}).update(
                _parameters(registered_synapses.get(name, chosen))
            )
    return found | listed


def _parameters(model) -> dict[str, float]:
    """Return the parameters of a model, and what it starts from where that is a
    number."""
    numbers = {name: float(value) for name, value in model.parameters.items()}
    start = getattr(model, "initial", {})
    return numbers | {f"initial.{name}": float(value) for name, value in start.items()
                      if not isinstance(value, str)}  # fmt: skip


def _listed(model: str) -> dict[str, dict[str, float]]:
    """Return the numbers of a script, and of modules, that the table asks for."""
    found: dict[str, dict[str, float]] = {}
    for constant in table():
        if constant.model != model or constant.parameter_set not in _LISTED:
            continue
        where, name = _place(constant)
        try:
            value = float(_evaluated(name, where))
        except (NameError, AttributeError, LookupError):
            continue  # reported as missing in the model
        found.setdefault(constant.parameter_set, {})[constant.parameter] = value
    return found


def _place(constant: Constant) -> tuple[dict, str]:
    """Return the names of the script or module in which to look, and what to look for."""
    if constant.parameter_set == "module":
        module, _, name = constant.parameter.rpartition(".")
        return vars(import_module(module)), name

    return vars(load_model(constant.model)), constant.parameter


def _evaluated(text: str, names: dict) -> float:
    """Return the value of an expression of the table, such as 1/500 or CELL['C']."""
    return eval(text, {"__builtins__": {}}, dict(names))  # noqa: S307


@cache
def _unit(text: str):
    names = {name: getattr(b2, name) for name in ("ms", "second", "mV", "nS", "Hz", "pF")}
    names |= {"pA": b2.pA, "nA": b2.nA, "mM": b2.mmolar, "minute": 60 * b2.second}
    names["day"] = 86400 * b2.second
    try:
        return _evaluated(text, names)
    except NameError as problem:
        raise FwpError(
            f"unit {text!r} of {_FILE} is none of {', '.join(names)}"
        ) from problem
