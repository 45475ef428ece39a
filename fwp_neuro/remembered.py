"""Remember what follows from an object that never changes, for as long as it lives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary


def while_it_lives(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Call a function of one object (a rule) once, and return the same result from then on.

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
