"""The one error a user sees: a sentence that names the argument, what it got and what is
legal."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Iterable
from decimal import Decimal
from types import FrameType

#: the command that shows rules, memories, networks and tasks
LIST = "`fwp-neuro list`"

# more legal names than _MANY are too many to read: the _FEW nearest are named
_MANY, _FEW = 20, 5
_LONGEST = 600  # characters of a sentence; more than that is no sentence to read


class FwpError(ValueError):
    """A mistake a user can make and mend; the command line prints it and exits with
    status 2.

    The message is one line: line breaks in what a user gave become spaces, and the middle
    of a message of more than 600 characters is left out.
    """

    def __init__(self, sentence: object = ""):
        sentence = " ".join(str(sentence).split())
        if len(sentence) > _LONGEST:
            sentence = f"{sentence[: _LONGEST // 2]} ... {sentence[-_LONGEST // 3 :]}"
        super().__init__(sentence)
        _leave_out_brian2()


def _leave_out_brian2() -> None:
    """Let Python print an `FwpError` that ends a script as if Brian2 were not imported.

    When it is imported, Brian2 takes over `sys.excepthook`: it calls whatever ends a
    script an unexpected error, asks for a report to its developers, and keeps its log
    file.
    """
    theirs = getattr(sys.modules.get("brian2.utils.logger"), "brian_excepthook", None)
    if theirs is None or sys.excepthook is not theirs:
        return

    def hook(kind, error, trace):
        mine = isinstance(error, FwpError)
        (sys.__excepthook__ if mine else theirs)(kind, error, trace)

    sys.excepthook = hook


class Cannot(FwpError):
    """Something has no such form, or this machine cannot run it: the only way to say so.

    The message is the reason, a sentence or a part of one ("it is not affine in w"). It
    is raised where it is known; whoever asked completes it, or takes another form and
    says why."""


class CallError(FwpError, TypeError):
    """A call with a missing or unknown argument: what Python itself calls a TypeError."""


class NoAttribute(FwpError, AttributeError):
    """An attribute that an object does not have: what Python itself calls an
    AttributeError."""


def shown(value, most: int = 60) -> str:
    """Write any value on one line of at most ``most`` characters, for an error."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**most:
        return f"{Decimal(value):.3g}"
    try:
        words = " ".join(repr(value).split())
    except Exception:  # an object whose own repr fails
        words = f"an object of type {type(value).__name__}"
    return words if len(words) <= most else f"{words[: most - 4]} ..."


class FwpWarning(UserWarning):
    """Something a user should know about a run that went on."""


#: who gets warnings instead of Python's `warnings` (the command line prints plain
#: sentences)
listeners: list[Callable[[str], None]] = []


def warn(sentence: str, stacklevel: int = 2) -> None:
    """Warn with one sentence; ``stacklevel`` counts from the caller, as for
    `warnings.warn`."""
    if listeners:
        listeners[-1](sentence)
    else:
        warnings.warn(sentence, FwpWarning, stacklevel=stacklevel + 1)


def callers() -> int:
    """Return the stacklevel of the first caller outside this package, as `warn` counts
    it."""
    frame: FrameType | None = sys._getframe(1)
    level = 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith(
        "fwp_neuro"
    ):
        frame, level = frame.f_back, level + 1
    return level + 1


def in_notebook() -> bool:
    """Whether this runs in a notebook, whose cells show widgets."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return type(ask()).__name__ == "ZMQInteractiveShell"


def someone_looks_on() -> bool:
    """Whether what is printed is seen at once: at a terminal or in a notebook, not in a
    worker process."""
    processes = sys.modules.get("multiprocessing")  # which every worker has loaded
    if processes is not None and processes.parent_process() is not None:
        return False
    return in_notebook() or bool(getattr(sys.stderr, "isatty", lambda: False)())


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """Return the legal name closest in spelling to ``name``, or None if nothing is close.

    Upper and lower case do not matter where no name is close as it is written.
    """
    names = [str(item) for item in legal]
    small = {item.casefold(): item for item in reversed(names)}
    if str(name) not in names and str(name).casefold() in small:
        return small[str(name).casefold()]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    if close:
        return close[0]
    close = difflib.get_close_matches(str(name).casefold(), small, n=1, cutoff=0.5)
    if close:
        return small[close[0]]
    longer = [item for item in names if len(str(name)) > 2 and item.startswith(str(name))]
    return longer[0] if longer else None


def no_attribute(what: str, called: str, name: str, items: Iterable) -> AttributeError:
    """Build the error for an attribute of an object that has its variables as items.

    Args:
        what: the object, with its article, as in "a Recording".
        called: what the sentence calls it, as in 'write rec["readout"]'.
        name: the attribute that was asked for.
        items: names of the variables.
    """
    if name.startswith("_"):  # asked by Python and by notebooks, and caught by them
        return AttributeError(name)
    items = [str(item) for item in items]
    if name in items:
        return NoAttribute(
            f'{what} has its variables as items: write {called}["{name}"], not '
            f"{called}.{name}"
        )
    guess = nearest(name, items)
    hint = f'; did you mean {called}["{guess}"]?' if guess else ""
    return NoAttribute(f"{what} has no attribute {name!r}{hint}")


def unknown(name: str, legal: Iterable[str], what: str, listed: str = "") -> FwpError:
    """Build the error for a name that is not among the legal ones (the caller raises it).

    Args:
        name: what was asked for.
        legal: what could be asked for.
        what: what the name is of, as in "unknown rule 'dleta'".
        listed: the command or function that shows all legal names; many are then not
            named here.
    """
    legal = list(dict.fromkeys(str(item) for item in legal))
    asked = shown(str(name) if isinstance(name, str | type) else name)
    name = name if isinstance(name, str) else asked
    guess = nearest(name, legal)
    hint = f"; did you mean {guess!r}?" if guess else ""
    named = ", ".join(legal) if legal else "none"
    if listed and len(legal) > _MANY:
        few = [guess] if guess else []
        few += difflib.get_close_matches(str(name), legal, n=_FEW, cutoff=0)
        few = list(dict.fromkeys(few))[:_FEW]
        named = f"{', '.join(few)} and {len(legal) - len(few)} more, see {listed}"
    return FwpError(f"unknown {what} {asked}{hint} (legal: {named})")


def pick(name: str, legal: Iterable[str], what: str, listed: str = "") -> str:
    """Return ``name`` if it is legal, else raise the error of `unknown`."""
    legal = list(legal)
    if type(name) is str and name in legal:  # nearly always, and looked up faster
        return name
    if any(isinstance(name, type(item)) and name == item for item in legal):
        return name
    raise unknown(name, legal, what, listed)
