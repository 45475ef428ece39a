"""Remember what follows from objects that never change."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .errors import Cannot


def while_it_lives(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Call a function of one object (a rule) once, and return the same result from then
    on.

    Nothing keeps the object alive, so the result must not hold it.
    """
    known: WeakKeyDictionary = WeakKeyDictionary()

    @functools.wraps(function)
    def remembered(item):
        try:
            return known[item]
        except KeyError:
            return known.setdefault(item, function(item))

    return remembered


def called_once(function: Callable) -> Callable:
    """Call a function once for the same arguments (the last 256), also if it raises
    `Cannot`.

    ``cache_clear()`` of what is returned forgets everything.
    """

    @functools.lru_cache(maxsize=256)
    def known(*given):
        try:
            return function(*given), None
        except Cannot as reason:
            # a kept error would keep the frames that it went through
            return None, str(reason)

    @functools.wraps(function)
    def remembered(*given):
        found, reason = known(*given)
        if reason is not None:
            raise Cannot(reason)
        return found

    remembered.cache_clear = known.cache_clear  # type: ignore[attr-defined]
    return remembered
