"""Names of the Brian2 objects that `connect` makes."""

from __future__ import annotations

import re

from brian2.core.names import find_name

from ...errors import FwpError, shown

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\*?", re.ASCII)


def unused(name: str, what: str = "name") -> str:
    """Return a name; one that ends in * gets a number where it is taken, as in Brian2.

    Raises:
        FwpError: no name of an object of Brian2.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FwpError(
            f"{what} must be a letter, then letters, digits and underscores (a * at the "
            f"end stands for a number where the name is taken), got {shown(name)}"
        )
    return find_name(name)
