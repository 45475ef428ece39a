"""Check what a rule declares: its name, its gates and signals, their homes and their
ranges."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..errors import FwpError, pick, shown
from ..symbolic import language

#: characters of a name; further synaptic states of a rule; its gates, and its signals
LONGEST, STATES, GATES = 80, 16, 200


def checked_name(name) -> str:
    """Return the name of a rule or its alias.

    Raises:
        FwpError: it is no line of text, or too long.
    """
    if not isinstance(name, str) or not name.strip():
        raise FwpError(f"a rule needs a name, a non-empty string; got {shown(name)}")
    if len(name) > LONGEST or not name.isprintable():
        raise FwpError(
            f"the name of a rule is one line of up to {LONGEST} printable characters; "
            f"got {shown(name)} of {len(name)}"
        )
    return name


def checked_text(text, name: str, what: str, empty: bool = True) -> str:
    """Return a text that a file can hold.

    Raises:
        FwpError: it is none.
    """
    if not isinstance(text, str) or not (text or empty):
        raise FwpError(f"rule {name!r}: {what} must be a string, got {shown(text)}")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise FwpError(f"rule {name!r}: {what} holds a character that is no text")
    return text


def checked_states(states, name: str) -> tuple[str, ...]:
    """Return the further synaptic states that a rule declares."""
    found = _listed(
        (states,) if isinstance(states, str) else states, name, "states", "names"
    )
    if len(found) > STATES:
        raise FwpError(
            f"rule {name!r} declares {len(found)} states; the limit is {STATES}"
        )
    for item in found:
        _check_signal(item, name)
    return found


def checked_aliases(aliases, name: str) -> tuple[str, ...]:
    """Return the other names of a rule."""
    found = _listed(
        (aliases,) if isinstance(aliases, str) else aliases, name, "aliases", "names"
    )
    return tuple(checked_name(item) for item in found)


def checked_expressions(given, what: str) -> dict[str, str]:
    """Return the signals of a reduction, name -> expression."""
    texts = [*given, *given.values()] if isinstance(given, Mapping) else [given]
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in texts):
        raise FwpError(
            f"{what} must be a dict from signal to expression, got {shown(given)}"
        )
    return dict(given)


def checked_all(items, kind: type, name: str, what: str) -> tuple:
    """Return a tuple of objects of one class."""
    found = _listed(items, name, what, f"{kind.__name__} objects")
    for item in found:
        if not isinstance(item, kind):
            raise FwpError(
                f"rule {name!r}: {what} must be {kind.__name__} objects, got "
                f"{shown(item)}"
            )
    return found


def _listed(items, name: str, what: str, of: str) -> tuple:
    if items is None:
        return ()
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Sequence | set):
        raise FwpError(
            f"rule {name!r}: {what} must be a tuple of {of}, got {shown(items)}"
        )
    return tuple(items)


def checked_homes(gates, signals, states: Iterable[str], name: str) -> tuple[dict, dict]:
    """Return gates and signals, each name -> home.

    Raises:
        FwpError: a name or home is not legal, or a name means two things.
    """
    found: list[dict] = []
    for what, given, legal in (
        ("gates", gates, language.HOMES), ("signals", signals, language.HOMES[1:])
    ):  # fmt: skip
        given = _mapping(given, name, what, "home")
        for item, home in given.items():
            _check_signal(item, name)
            if not isinstance(home, str):
                raise FwpError(
                    f"rule {name!r}: home of {item!r} must be one of {', '.join(legal)}, "
                    f"got {shown(home)}"
                )
            pick(home, legal, f"home of {item!r} in rule {name!r}:")
        found.append(given)
    gates, signals = found
    for item, count in Counter([*gates, *signals, *states]).items():
        if count > 1:
            raise FwpError(
                f"rule {name!r} declares {item!r} twice; every name means one thing"
            )
    return gates, signals


def checked_ranges(given, gates, name: str, what: str) -> dict[str, tuple[float, float]]:
    """Return gate -> (low, high).

    Raises:
        FwpError: an unknown gate, or no range.
    """
    found = {}
    for gate, ends in _mapping(given, name, what, "(low, high)").items():
        pick(gate, gates, f"gate in the {what} of rule {name!r}:")
        try:
            low, high = (float(end) for end in ends)
            legal = (
                not isinstance(ends, str | bytes)
                and low <= high
                and low < math.inf > -high
            )
        except (TypeError, ValueError, OverflowError):
            legal = False
        if not legal:
            raise FwpError(
                f"rule {name!r}: the {what.removesuffix('s')} of gate {gate!r} must be "
                f"(low, high) with low <= high, got {shown(ends)}"
            )
        found[gate] = (low, high)
    return found


def _mapping(given, name: str, what: str, of: str) -> dict:
    if given is not None and not isinstance(given, Mapping):
        raise FwpError(
            f"rule {name!r}: {what} must be a dict from name to {of}, got "
            f"{type(given).__name__}"
        )
    if given is not None and len(given) > GATES:
        raise FwpError(f"rule {name!r} has {len(given)} {what}; the limit is {GATES}")
    return dict(given or {})


def _check_signal(item, rule_name: str) -> None:
    """Refuse what cannot name a gate, a signal or a state."""
    legal = isinstance(item, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", item)
    if not legal or item.endswith(("_pre", "_post")) or len(item) > LONGEST:
        raise FwpError(
            f"rule {rule_name!r}: {shown(item)} cannot name a signal; use up to "
            f"{LONGEST} letters, digits and _, starting with a letter and not ending in "
            "_pre or _post"
        )
    if item in language.RESERVED or re.fullmatch(r"(read|back|pool)_\d+", item):
        raise FwpError(
            f"rule {rule_name!r}: {item!r} already has a meaning in rule texts and "
            f"cannot be declared; reserved: {', '.join(sorted(language.RESERVED))}"
        )
    if item in language.TAKEN or item.startswith("final_"):
        raise FwpError(
            f"rule {rule_name!r}: {item!r} is the name of an argument or of a recorded "
            "variable and cannot be declared; these are "
            f"{', '.join(sorted(language.TAKEN))} and all that begins with final_"
        )
