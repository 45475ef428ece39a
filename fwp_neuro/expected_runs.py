"""How many runs of one kind are to come: whoever starts many says so here.

A device that must compile first is worth it for many runs, and not for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_COMING: ContextVar[int] = ContextVar("coming", default=1)


def coming() -> int:
    """Return how many runs are to come in this process, 1 if nobody said."""
    return _COMING.get()


@contextmanager
def expected(runs: int) -> Iterator[None]:
    """Say inside that so many runs of one kind are to come in this process; so many each
    time, where somebody outside said that too."""
    before = _COMING.set(coming() * max(1, int(runs)))
    try:
        yield
    finally:
        _COMING.reset(before)
