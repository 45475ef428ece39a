"""Where the names of a rule's text come from in a network of a user's cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..rules import Rule

#: role of a signal that every rule has -> its name in the texts
ROLES = {"key": "k", "teacher": "v", "query": "q"}


@dataclass(frozen=True)
class Signals:
    """Brian2 code of what a rule reads, and what its projection keeps of its own.

    Attributes:
        code: name in the text (with "q" for the query) -> code at the synapse, such as
            "rate_pre".
        pre, post: rows of variables that the cells get from this projection alone.
        values: name of a parameter in ``code`` -> its value (gates that are constant).
        readout: variable of the postsynaptic cells to which W q is added; "" for none.
    """

    code: Mapping[str, str]
    pre: tuple[str, ...] = ()
    post: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    readout: str = "readout"


def homes(rule: Rule, write_rate: str = "") -> dict[str, str]:
    """Return name -> home of everything that a rule reads, the query included."""
    more = {write_rate: "shared"} if write_rate else {}
    return {**rule.homes, **more, "q": "pre"}


def plain(names: Mapping[str, str], unit: Mapping[str, str]) -> Signals:
    """Return signals that live on the cells under the names of the text.

    Args:
        names: name -> home; shared ones live on the postsynaptic cells.
        unit: gate -> unit of gates that are no plain numbers.
    """
    side = {name: "pre" if home == "pre" else "post" for name, home in names.items()}
    pre, post = (
        tuple(f"{n} : {unit.get(n, '1')}" for n in names if side[n] == one)
        for one in ("pre", "post")
    )
    return Signals({n: f"{n}_{one}" for n, one in side.items()}, pre, post)
