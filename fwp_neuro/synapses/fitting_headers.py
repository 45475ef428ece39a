"""Columns of measurements as people head and write them.

A header names a column and its unit: ``lag [ms]``, ``lag (ms)``, ``lag_ms``, ``Lag``,
``EPSP amplitude [mV]``. What a header leaves open is told by the size of the numbers,
with a warning that says how to write it:

times without unit          milliseconds if one of them is larger than 1, else seconds
frequency without unit      hertz
ratios around 100           percent of the weight before
changes larger than 5       percent; a change is the ratio minus 1
amplitudes that start at    percent of the first response of their train
100

An error column (``sem``, ``error``, ``sd``) without unit is in the unit of what was
measured. With a column ``n`` the standard error of a mean is ``sd`` over the root of
``n``; without it ``sd`` is the error of each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ..errors import FwpError, nearest, warn

#: column -> other names of it, in lower case, words parted by single spaces
_ALSO = {
    "time": ("t", "times", "spike time", "spike times", "stimulus time", "onset"),
    "amplitude": (
        "amp", "amplitudes", "epsp", "epsc", "ipsc", "psp", "psc", "epsp amplitude",
        "epsc amplitude", "psp amplitude", "psc amplitude", "response", "peak",
        "normalized amplitude", "normalised amplitude", "relative amplitude",
    ),
    "train": ("trains", "protocol", "sweep", "stimulus"),
    "sem": (
        "error", "err", "se", "s.e.m.", "standard error", "stderr", "std error",
        "amplitude sem", "ratio sem", "amplitude error", "ratio error",
    ),
    "sd": ("std", "stdev", "s.d.", "standard deviation", "amplitude sd", "ratio sd"),
    "n": ("cells", "number of cells", "sample size", "sample", "count"),
    "lag": (
        "lags", "dt", "delta t", "δt", "delta", "timing", "spike timing", "time lag",
        "time difference", "interspike lag",
    ),
    "ratio": (
        "weight ratio", "weight", "epsp ratio", "epsc ratio", "mean ratio",
        "normalized weight", "normalised weight", "relative weight", "after before",
    ),
    "change": (
        "weight change", "change of the weight", "dw", "δw", "delta w", "epsp change",
        "epsc change", "plasticity",
    ),
    "frequency": ("freq", "pairing frequency", "rate", "f"),
    "pairs": ("pairings", "number of pairs", "number of pairings", "repetitions"),
    "groups": (),
    "interval": (),
}  # fmt: skip
_NAMES = {also: name for name, others in _ALSO.items() for also in (name, *others)}
#: units that end a header without brackets
_UNITS = re.compile(
    r"^(.*?)[ _]((?:[munpµμ]?(?:s|sec|V|A|S))|min|Hz|kHz|%|percent|pct|per cent)$"
)
_PERCENT = ("percent", "pct", "per cent")
EXAMPLES = {
    "trains": "time [ms],amplitude [mV],train,sem [mV]",
    "plasticity": "lag [ms],frequency [Hz],ratio,sem",
}
#: kind of table -> columns that only it has, first the one that tells the kind
_OF = {
    "trains": ("time", "amplitude", "train"),
    "plasticity": ("lag", "ratio", "change", "frequency", "pairs", "groups", "interval"),
}
#: ratios are percent if their median is larger, changes if one of them is
_RATIO, _CHANGE = 10.0, 5.0


def heading(head: str) -> tuple[str, str]:
    """Return the name and the unit ("" if it has none) that a header stands for.

    Example:
        >>> heading("Lag (ms)"), heading("EPSP_amplitude_mV")
        (('lag', 'ms'), ('amplitude', 'mV'))
    """
    head = head.strip()
    found = re.fullmatch(r"([^\[(]*?)\s*(?:\[([^\]]*)\]|\(([^)]*)\))?", head)
    if not found:
        return head, ""
    words, unit = found[1], (found[2] or found[3] or "").strip()
    last = _UNITS.match(words)
    if not unit and last and _plain(words) not in _NAMES:
        words, unit = last[1], last[2]
    if words.endswith("%") and not unit:
        words, unit = words[:-1], "%"
    unit = "%" if unit.lower() in _PERCENT else unit
    return _NAMES.get(_plain(words), words.strip().lower()), unit


def _plain(words: str) -> str:
    """Return a name in lower case with single spaces between its words."""
    return " ".join(re.sub(r"[_\-/]", " ", words).split()).lower().replace("Δ", "δ")


def check(names: Iterable[str], where: str) -> None:
    """Raise `FwpError`, with a right header, for names that are no columns.

    Args:
        names: of the columns, from `heading`.
        where: words for the file.
    """
    names = list(names)
    first = {kind: own[0] for kind, own in _OF.items()}
    found = [kind for kind in _OF if first[kind] in names]
    # else told by its other columns
    kinds = found or [kind for kind, own in _OF.items() if {*own} & {*names}]
    kinds = kinds if len(kinds) == 1 else list(EXAMPLES)
    right = f"a right header is: {', or: '.join(EXAMPLES[kind] for kind in kinds)}"
    foreign = {n for kind, own in _OF.items() if kind not in kinds for n in own}
    legal = {also: name for also, name in _NAMES.items() if name not in foreign}
    for name in names:
        if name not in _ALSO:
            guess = nearest(name, legal)
            means = legal[guess] if guess else None
            also = f", which stands for {means!r}" if guess != means else ""
            hint = f"; did you mean {guess!r}{also}?" if guess else ""
            raise FwpError(
                f"{where}: unknown column {name!r}{hint} ({right}; rename the column, or "
                "delete it if it is none of these)"
            )
    if len(found) != 1:
        needed = " or ".join(f"{first[kind]!r} ({kind})" for kind in kinds)
        only = "only one of the columns" if found else "a column"
        got = ", ".join(names) or "no column"
        raise FwpError(f"{where} needs {only} {needed}, got {got} ({right})")
    _complete(names, kinds[0], right, where)


def _complete(names: list[str], kind: str, right: str, where: str) -> None:
    """Refuse a table of one kind with columns of the other, or without what was
    measured."""
    other = next(own for name, own in _OF.items() if name != kind)
    for name in (name for name in names if name in other):
        raise FwpError(
            f"{where}: column {name!r} has no place beside {_OF[kind][0]!r} ({right})"
        )
    measured = ("ratio", "change") if kind == "plasticity" else ("amplitude",)
    if not {*measured} & {*names}:
        needed = " or ".join(map(repr, measured))
        raise FwpError(f"{where} needs a column {needed} ({right})")


def settled(
    columns: dict[str, np.ndarray], units: dict[str, str], where: str
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the columns that a fit takes, and the unit of each.

    Args:
        columns: name from `heading` -> numbers as they stand in the file.
        units: name -> unit of its header, or "".
        where: words for the file, for warnings.
    """
    columns, units = dict(columns), dict(units)
    for name in ("time", "lag", "interval", "frequency"):
        if name in columns and not units[name]:
            units[name] = _unit_by_size(name, columns[name], where)
    measured = next((n for n in ("amplitude", "ratio", "change") if n in columns), None)
    if measured is not None:
        if measured == "ratio" and (columns["ratio"] < 0).any():
            raise FwpError(
                f"{where}: a ratio, the weight after over before, is not negative; head "
                "the column 'change [%]' or 'change' if it is the change of the weight"
            )
        if not units[measured] and _is_percent(measured, columns):
            units[measured] = "%"
            _say(where, f"column {measured!r} is taken as percent, by its size",
                 f"{measured} [%]")  # fmt: skip
        for name in {"sem", "sd"} & set(columns):
            units[name] = units[name] or units[measured]
    _one_error(columns, units, where)
    if "change" in columns and "ratio" not in columns:
        share = columns.pop("change") * (0.01 if units.pop("change") == "%" else 1.0)
        columns["ratio"], units["ratio"] = 1 + share, ""
    return columns, units


def _say(where: str, what: str, header: str) -> None:
    warn(f"{where}: {what}; the header {header!r} says so")


def _unit_by_size(name: str, values: np.ndarray, where: str) -> str:
    unit = "Hz"
    if name != "frequency":
        unit = "ms" if (np.abs(values) > 1).any() else "s"
    _say(where, f"column {name!r} without unit is taken as {unit}", f"{name} [{unit}]")
    return unit


def _is_percent(name: str, columns: dict[str, np.ndarray]) -> bool:
    values = columns[name]
    if name == "ratio":
        return bool(np.median(values) > _RATIO)
    if name == "change":
        return bool((np.abs(values) > _CHANGE).any())
    trains = columns.get("train", np.zeros(len(values)))
    _, first = np.unique(np.asarray(trains), return_index=True)
    return bool((np.abs(values[first] - 100) <= 1).all())


def _one_error(columns: dict[str, np.ndarray], units: dict[str, str], where: str) -> None:
    """Leave one column of errors, ``sem``, made of what there is."""
    spread, count = columns.pop("sd", None), columns.pop("n", None)
    unit = units.pop("sd", "")
    units.pop("n", None)
    if "sem" in columns or spread is None:
        if "sem" not in columns and count is not None:
            warn(f"{where}: column 'n' is not used without a column 'sd'")
        return
    if count is not None and not (count > 0).all():
        raise FwpError(f"{where}: column 'n' must be positive")
    columns["sem"], units["sem"] = spread, unit
    if count is not None:
        columns["sem"] = spread / np.sqrt(count)
    else:
        warn(
            f"{where}: column 'sd' is taken as the error of each row; with a column 'n' "
            "it is that of a mean, sd over the root of n"
        )
