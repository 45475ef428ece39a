"""What a circuit of published synapses can record: the variables of the synapse's own
text, and what the circuit is told.

Names are those of the text (a receptor's conductance, traces, voltages). Variables of
synapses and of cells are averaged over the cells that stand for one number, as the
read-out is. "w" alone is in units of the programme.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np
from brian2.utils.stringtools import get_identifiers

from ...errors import FwpError
from ...synapses.synapse_class import Synapse
from ..collector import Port, asked
from ..injected import effective
from ..prepared_circuit import check_record, check_traces, steps_between
from ..token_schedule import Schedule

_SIGN = "ON and OFF"


@dataclass(frozen=True)
class Cells:
    """How many cells a circuit has; neighbours stand for one number.

    Attributes:
        heads, pre, post: of the programme.
        key, value: cells for each entry of a key, and for each channel of a value.
    """

    heads: int
    pre: int
    post: int
    key: int
    value: int

    @property
    def counts(self) -> dict[str, int]:
        """Elements of each object: "pre", "post", "synapse", and "value" dimensions."""
        pre = self.heads * self.pre * self.key
        post = self.heads * 2 * self.post * self.value
        return {"pre": pre, "post": post, "synapse": pre * post // self.heads,
                "value": self.heads * self.post}  # fmt: skip

    def arranged(self, of: str, array: np.ndarray) -> np.ndarray:
        """Return [time, head, ...] of [time, element], the mean over cells of a
        number."""
        if of == "pre":
            return array.reshape(len(array), self.heads, self.pre, self.key).mean(3)
        if of == "post":
            shape = (self.heads, 2, self.post, self.value)
            return array.reshape(-1, *shape).mean(4)
        if of == "value":
            return array.reshape(len(array), self.heads, self.post)
        pairs = (self.heads, self.pre, self.key, 2, self.post, self.value)
        return np.moveaxis(array.reshape(-1, *pairs).mean((3, 6)), 2, 4)


_DIMS = {"pre": ("pre",), "post": ("channel", "post"), "value": ("post",),
         "synapse": ("channel", "post", "pre")}  # fmt: skip


def unit_of(equation) -> str:
    """Return the name of the base unit of a variable."""
    if equation.dim.is_dimensionless:
        return "1"
    return repr(b2.get_unit(equation.dim))


def variables(synapse: Synapse) -> dict[str, Any]:
    """Return the variables that every synapse has a number of: name -> equation."""
    found = b2.Equations(synapse.equations.synapse)
    return {
        name: one
        for name, one in found.items()
        if name not in found.subexpr_names and "shared" not in one.flags
    }


def of_weight(synapse: Synapse) -> tuple[str, ...]:
    """Return the variables that the effective weight is made of."""
    return tuple(sorted(get_identifiers(synapse.weight) & set(variables(synapse))))


def mean_weights(
    synapse: Synapse, cells: Cells, found: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the mean effective weight [time, head, channel, post, pre] of variables
    [time, synapse]."""
    shape = (len(next(iter(found.values()))), cells.counts["synapse"])
    return cells.arranged("synapse", effective(synapse, found, shape))


def on_minus_off(synapse: Synapse, cells: Cells, found) -> np.ndarray:
    """Return the mean effective weight of ON minus OFF cells [time, head, post, pre]."""
    both = mean_weights(synapse, cells, found)
    return both[:, :, 0] - both[:, :, 1]


def ports(synapse: Synapse, moved: Mapping[str, str], cells: Cells) -> dict[str, Port]:
    """Return all that can be recorded where a teacher makes value cells fire, by name.

    Args:
        synapse: with a receptor, in the textbook layout.
        moved: variable of the synapse that lives on a cell -> "pre" or "post".
    """
    found = {
        **_weights(synapse, cells),
        "teacher": _port("post", "value_chance", cells, "1",
                         "share of its largest rate at which a value cell is told "
                         f"to fire, {_SIGN}"),
        "recalled": _port("value", "y", cells, "siemens",
                          "conductance that is recalled, ON minus OFF"),
    }  # fmt: skip
    found[synapse.ports["conductance"]] = _port(
        "post", "value_conductance", cells, "siemens",
        f"conductance of a value cell, {_SIGN}",
    )  # fmt: skip
    return {**_of_text(synapse, moved, cells), **found}


def of_voltage(
    synapse: Synapse, moved: Mapping[str, str], cells: Cells, scale: float
) -> dict[str, Port]:
    """Return all that can be recorded where the error is the voltage of a cell, by name.

    Args:
        synapse, moved: see `ports`.
        scale: the value that the circuit codes as 1.
    """

    def recalled(found: Mapping[str, np.ndarray]) -> np.ndarray:
        return scale * cells.arranged("post", found["recalled"]).mean(2)

    found = {
        **_weights(synapse, cells),
        "recalled": Port("post", "", ("post",), recalled, "value that the voltage beyond "
                         "the operating point codes, OFF minus ON",
                         reads=("recalled",)),
        "g_value": _port("post", "g_value", cells, "1",
                         f"conductance that teachers open, in leaks, {_SIGN}"),
    }  # fmt: skip
    found[synapse.ports["conductance"]] = _port(
        "post", "g_key", cells, "1",
        f"conductance that key cells open, in leaks, {_SIGN}",
    )  # fmt: skip
    return {**_of_text(synapse, moved, cells), **found}


def _weights(synapse: Synapse, cells: Cells) -> dict[str, Port]:
    weight = partial(Port, "synapse", "", reads=of_weight(synapse))
    return {
        "w": weight(
            dims=("post", "pre"), arrange=partial(on_minus_off, synapse, cells),
            words="fast weight, ON minus OFF", scaled=True,
        ),
        "w_channel": weight(
            dims=_DIMS["synapse"], arrange=partial(mean_weights, synapse, cells),
            words=f"effective weight of {synapse.name}, {_SIGN}",
        ),
    }  # fmt: skip


def _of_text(synapse: Synapse, moved: Mapping[str, str], cells: Cells) -> dict[str, Port]:
    """Return the variables of a synapse's own text, in its order."""
    text = synapse.equations
    rows = {"synapse": variables(synapse), "pre": b2.Equations(text.pre),
            "post": b2.Equations(text.post)}  # fmt: skip
    return {
        name: _port(moved.get(name, place), name, cells, unit_of(one),
                    f"{name} of {synapse.name}")
        for place, names in rows.items() for name, one in names.items()
    }  # fmt: skip


def asked_for(
    options: Mapping[str, Any], known: Mapping[str, Port], synapse: str, cells: Cells,
    schedule: Schedule,
) -> tuple[tuple[str, ...], int]:  # fmt: skip
    """Return (names, time steps between two samples) of what a user wants recorded.

    Raises:
        FwpError: a name that is no port, no interval, or traces beyond the memory.
    """
    check_record(options)
    if not options["record"]:
        if options["record_every"] is not None:
            raise FwpError("record_every alone samples nothing in a circuit of published "
                           "synapses: name variables in record, such as "
                           "'w'")  # fmt: skip
        return (), 0
    names = asked(options["record"], known, f"synapse {synapse!r}")
    every = steps_between(options["record_every"], schedule.dt * b2.second, schedule)
    check_traces(names, known, cells.counts, schedule, every)
    return names, every


def _port(of: str, reads: str, cells: Cells, unit: str, words: str) -> Port:
    def arrange(found: Mapping[str, np.ndarray]) -> np.ndarray:
        return cells.arranged(of, found[reads])

    return Port(of, "", _DIMS[of], arrange, words, unit, reads=(reads,))
