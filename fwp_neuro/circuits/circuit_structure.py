"""What circuits with one compiled program have in common, and their numbers.

Every form of a circuit that keeps programs is a `Kept`: it has its constants and tables
together before it makes a Brian2 object, and says what its code follows from. What it
does not say there is a number, which a kept program is fed.

How many dims, heads and simulated cells there are stays in the code. Brian2 writes these
sizes as literals in more than a third of the files of a program, in some thirty forms
(bounds of loops, lengths of arrays and results, strides of tables), and a size that was
missed would let the program read beyond an array. Sizes of tables, such as the number of
tokens, are numbers, and so is the number of cells where only how many of them fire is
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import Any

import brian2 as b2
import numpy as np

from ..devices import Built
from ..devices.device import Structure
from .collector import Collector


def exact(one) -> Any:
    """Return what a thing says, of which the text has every digit of its numbers.

    Brian2's own text of a quantity has eight. Takes mappings, dataclasses, arrays and
    quantities inside each other.
    """
    if is_dataclass(one) and not isinstance(one, type):
        one = vars(one)
    if isinstance(one, Mapping):
        return [(name, exact(each)) for name, each in one.items()]
    if isinstance(one, np.ndarray):  # quantities are such
        return np.asarray(one).tolist(), repr(b2.get_dimensions(one))
    return repr(one)


class Kept:
    """A circuit that was prepared and not built; each form is one of these.

    Attributes:
        form: its name.
        told: names of attributes that its results are read with, beside the collector.
        keys: name of the group with the presynaptic cells.
        collector: of its recordings.
        namespace: its constants, tables and functions by name.
        counted: how many cells stand for a number if only how many of them fire is
            drawn, else 0; sizes: population -> how many, where they are others.
        run_time: how long it runs, a Brian2 time.
    """

    form: str
    told: tuple[str, ...]
    keys: str
    collector: Collector
    namespace: dict[str, Any]
    counted: int = 0
    sizes: Mapping[str, int] = {}
    run_time: Any

    def code(self) -> tuple:
        """Return what equations, sizes and time steps follow from, but recordings and
        the grids of tables."""
        raise NotImplementedError

    def start(self) -> dict[str, Any]:
        """Return "group.variable" -> values before the first step, where circuits of one
        structure differ in them."""
        return {}


def structure(circuit: Kept) -> Structure:
    """Return the structure of a circuit that was prepared and not built.

    ``keep`` of what it builds ends with the circuit.
    """
    return Structure(_key(circuit), partial(_refill, circuit), circuit.run_time)


def _key(circuit: Kept) -> tuple:
    """Return what circuits with one compiled program have in common."""
    collector = circuit.collector
    keep, record, schedule = collector.keep, collector.record, collector.schedule
    probes = 0 if keep.probes is None else keep.probes.shape[1]
    grids = [(name, float(one.dt), one.values.shape[1:])
             for name, one in circuit.namespace.items()
             if isinstance(one, b2.TimedArray)]  # fmt: skip
    return (
        circuit.form, *circuit.code(), keep.mode, probes, record.names, record.every,
        record.spikes, schedule.token_steps, schedule.dt, tuple(sorted(grids)),
    )  # fmt: skip


def _refill(circuit: Kept, built: Built) -> dict[str, Any]:
    """Make the results of a circuit of the same structure those of this one; return
    the numbers of this one."""
    other, mine = built.keep[-1], circuit.collector
    for name in circuit.told:
        setattr(other, name, getattr(circuit, name))
    other.collector.renew(mine, circuit.counted, circuit.sizes)
    mine.probing.events(circuit.namespace)  # adds the table of token ends
    probes = {f"{circuit.keys}.{n}": one for n, one in mine.probing.values().items()}
    return {**_numbers(circuit.namespace), **probes, **circuit.start()}


def _numbers(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the constants and tables of a namespace, with their units."""
    found = {}
    for name, one in namespace.items():
        if isinstance(one, b2.TimedArray):
            found[name] = b2.Quantity(one.values, dim=one.dim)
        elif not callable(one):
            found[name] = one
    return found
