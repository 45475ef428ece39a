"""The table of plasticity rules as fast-weight rules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from ..errors import FwpError, nearest, shown
from ..synapses.coding_by_model import experiments
from ..synapses.registered_synapses import get, is_name, names, split
from ..synapses.synapse_class import Synapse
from ..validation import seed_number, whole
from .rule_measures import RuleMeasures, measure

#: smallest share of a weight or of a write that counts in a verdict
COUNTS = 0.1


def verdict(one: RuleMeasures) -> str:
    """Return which fast-weight rule the measured one is nearest to."""
    if not one.stored.verdict:
        columns, rows = one.stored.rows < COUNTS, one.stored.columns < COUNTS
        return "stores no v k'" + (
            ": scales columns" if columns else ": scales rows" * rows
        )
    sign = "" if one.write.gain > 0 else "anti-"
    _, key, value, both = one.erase
    lost = [name for name, size in zip(("column", "row", "entry"), (key, value, both),
                                       strict=True)
            if size > COUNTS]  # fmt: skip
    if one.cross < -COUNTS:
        return f"{sign}delta (error of the cell)"
    if lost:
        return f"{sign}hebb with {' and '.join(lost)} decay"
    return f"{sign}hebb, decaying" if np.isfinite(one.decay) else f"{sign}hebb"


#: largest spike tables, bytes
_MOST = 16e9


def _affordable(picked: list, repeats: int) -> None:
    """Refuse, with what it would cost, a size whose spike tables do not fit into
    memory."""
    sizes = {
        (_label(each), how.coding): 4 * 8 * len(how.keys) * len(how.values) * repeats
        * (how.window + how.settle) / how.dt
        for each in picked for how in experiments(each)
    }  # fmt: skip
    (name, _), largest = max(sizes.items(), key=lambda item: item[1])
    if largest > _MOST:
        most = int(repeats * _MOST / largest)
        raise FwpError(
            f"repeats is {repeats}: the spikes of {name!r} would take "
            f"{largest / 1e9:.3g} GB; with {_MOST / 1e9:g} GB at most it may be up to "
            f"{most}"
        )


def _label(given) -> str:
    return given if isinstance(given, str) else given.name


def chosen(given) -> list:
    """Return plasticity rules, each a name or a `Synapse`; all registered ones if none is
    given.

    Raises:
        FwpError: a name that is no plasticity model.
    """
    legal = [*names("short-term plasticity"), *names("plasticity")]
    for name in given or ():
        if isinstance(name, Synapse):
            experiments(name)
        elif not is_name(name) or split(name)[0] not in (*legal, *names("circuit")):
            guess = nearest(name, legal)
            hint = f"; did you mean {guess!r}?" if guess else ""
            may = ", ".join(legal)
            raise FwpError(f"{shown(name)} is no plasticity model{hint} (legal: {may})")
    return list(given or legal)


def characterise(
    picked: list | None = None,
    repeats: int = 16,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> list[RuleMeasures]:
    """Measure plasticity rules, all registered ones by default.

    Args:
        picked: names, also of registered ones of your own, or each a `Synapse`.
        repeats: synapses for each pair of a key and a value entry.
        seed: of the spikes.
        progress: called with (fraction, name).

    Raises:
        FwpError: what is no plasticity model or has a port that spikes do not drive,
            fewer than 2 repeats, or so many that their spikes do not fit into memory.
    """
    picked = chosen(picked)
    _affordable(picked, whole(repeats, "repeats", 2))
    seed = seed_number(seed)
    found = []
    for number, each in enumerate(picked):
        if progress is not None:
            progress(number / len(picked), _label(each))
        synapse = get(each) if isinstance(each, str) else each
        found += [measure(synapse, how, repeats, seed) for how in experiments(each)]
    return found


_HEADINGS = (
    ("write R2", 9), ("rank 1", 7), ("k^", 6), ("v^", 6), ("k alone", 8), ("v alone", 8),
    ("noise", 7), ("decay s", 9), ("by k", 6), ("by v", 6), ("by kv", 6), ("by Wk", 6),
    ("gate 0", 7), ("gate .5", 8), ("stored R2", 10),
)  # fmt: skip


def report(found: list[RuleMeasures]) -> str:
    """Return the table; every number is measured."""
    width = max(len(f"{one.model}, {one.coding}") for one in found)
    head = " ".join(f"{text:>{size}}" for text, size in _HEADINGS)
    lines = [f"{'rule, coding':{width}} {head}  as a fast-weight rule"]
    for one in found:
        w = one.write
        numbers = (
            w.r2, w.rank_one, w.key_power, w.value_power, w.key_only, w.value_only,
            one.noise, one.decay, *one.erase[1:], one.cross, *one.gate, one.stored.r2,
        )  # fmt: skip
        sizes = [size for _, size in _HEADINGS]
        cells = " ".join(
            f"{_short(n):>{size}}" for n, size in zip(numbers, sizes, strict=True)
        )
        rule = f"{one.model}, {one.coding}"
        lines.append(f"{rule:{width}} {cells}  {verdict(one)}")
    notes = {one.model: one.note for one in reversed(found)}
    lines += [
        "write R2: change of a synapse fitted with c v k' over a grid of key and value "
        "entries; rank 1: share of its largest singular value; k^, v^: exponents",
        "k alone, v alone: change with one of the two, as a share of that with both; "
        "noise: standard deviation of one synapse's change over its mean",
        "decay: in silence; by k, v, kv: weight lost in the window because of them; by "
        "Wk: write changed by what the cell's other synapses predict",
        "gate 0, .5: write with the gate closed and half open; stored R2: read-outs of "
        "random overlapping pairs against those of the sum of v k'; a rule stores from "
        ".5 on",
        *(f"{name}: {note}" for name, note in reversed(notes.items()) if note),
    ]
    return "\n".join(lines)


def _short(number: float) -> str:
    if np.isnan(number):
        return "-"
    if np.isinf(number):
        return "none"
    return f"{number:.3g}" if abs(number) >= 0.005 else "0"


def dataset(found: list[RuleMeasures]):
    """Return the measured numbers as an xarray Dataset [row], with the verdicts."""
    columns = {
        "write_r2": [one.write.r2 for one in found],
        "rank_one": [one.write.rank_one for one in found],
        "gain": [one.write.gain for one in found],
        "key_only": [one.write.key_only for one in found],
        "value_only": [one.write.value_only for one in found],
        "noise": [one.noise for one in found],
        "decay": [one.decay for one in found],
        "cross": [one.cross for one in found],
        "gate_closed": [one.gate[0] for one in found],
        "gate_half": [one.gate[1] for one in found],
        "stored_r2": [one.stored.r2 for one in found],
    }
    data = xr.Dataset({name: (("row",), values) for name, values in columns.items()})
    data["erase"] = (("row", "cause"), [one.erase for one in found])
    data["model"] = (("row",), [one.model for one in found])
    data["coding"] = (("row",), [one.coding for one in found])
    data["verdict"] = (("row",), [verdict(one) for one in found])
    data["decay"].attrs["units"] = "s"
    return data.assign_coords(cause=["always", "key", "value", "key and value"])
