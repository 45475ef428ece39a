"""The one error a user sees: a sentence that names the argument, what it got and what is legal."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable


class FwpError(ValueError):
    """A mistake a user can make and mend; the command line prints it and exits with status 2."""


class FwpWarning(UserWarning):
    """Something a user should know about a run that went on."""


#: who gets warnings instead of Python's `warnings` (the command line prints plain sentences)
listeners: list[Callable[[str], None]] = []


def warn(sentence: str, stacklevel: int = 2) -> None:
    """Warn with one sentence; ``stacklevel`` counts from the caller, as for `warnings.warn`."""
    if listeners:
        listeners[-1](sentence)
    else:
        warnings.warn(sentence, FwpWarning, stacklevel=stacklevel + 1)


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """Return the legal name closest in spelling to ``name``, or None if nothing is close."""
    names = [str(item) for item in legal]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    if close:
        return close[0]
    longer = [item for item in names if len(str(name)) > 2 and item.startswith(str(name))]
    return longer[0] if longer else None


def unknown(name: str, legal: Iterable[str], what: str) -> FwpError:
    """Build the error for a name that is not among the legal ones (the caller raises it)."""
    legal = [str(item) for item in legal]
    guess = nearest(name, legal)
    hint = f"; did you mean {guess!r}?" if guess else ""
    listing = ", ".join(legal) if legal else "none"
    return FwpError(f"unknown {what} {str(name)!r}{hint} (legal: {listing})")


def pick(name: str, legal: Iterable[str], what: str) -> str:
    """Return ``name`` if it is legal, else raise `FwpError` naming the nearest legal one."""
    legal = list(legal)
    if name in legal:
        return name
    raise unknown(name, legal, what)
