"""Brian2's Synapses with a look at the whole of `connect` whenever a network is about to
run.

Brian2 wraps what `before_run` raises in an error of its own, with a traceback of many
lines. It asks every object for its contained objects first of all, before it looks at
names and clocks, and passes on what is raised there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import brian2 as b2
from brian2.core.base import BrianObject
from brian2.devices.device import RuntimeDevice

from ...validation import flag
from .attached_variables import plain_sentences


class Watched:
    """What plastic synapses do beside Brian2's; ``plastic`` is set once they are
    complete."""

    plastic: Any = None

    @property
    def contained_objects(self):
        """Brian2's, after a check that all of them can run as they are now."""
        if self.plastic is not None:
            self.plastic.check_run()
        return self._contained_objects

    @property
    def active(self) -> bool:
        """Whether the synapses learn: False freezes them, see `Plastic.freeze`."""
        return self.plastic is None or not self.plastic.frozen

    @active.setter
    def active(self, value):
        if self.plastic is None:
            BrianObject._set_active(self, value)
        elif flag(value, "synapses.active"):
            self.plastic.thaw()
        else:
            self.plastic.freeze()

    def __setattr__(self, key, value, level=0):
        """Set a variable; one that is worked out from others is set through them."""
        if self.plastic is not None and self.plastic.sets(key):
            self.plastic.set(key, value)
        elif key == "active":
            type(self).active.fset(self, value)
        elif self.plastic is not None and key.removesuffix("_") in self.variables:
            with plain_sentences(key, "set"):
                value = self.plastic.checked(key, value)
                super().__setattr__(key, value, level=level + 1)
        else:
            super().__setattr__(key, value, level=level + 1)

    def state(self, name, use_units=True, level=0):
        """Return a variable, brought to the time of the next step if it waits for it."""
        if self.plastic is not None:
            self.plastic.make_up(name.removesuffix("_"))
        return super().state(name, use_units, level + 1)

    def after_run(self):
        """Bring everything to the end of a run of a standalone program."""
        super().after_run()
        if self.plastic is not None and not isinstance(b2.get_device(), RuntimeDevice):
            self.plastic.make_up()

    def _full_state(self):
        state = super()._full_state()
        if self.plastic is not None:
            state["_plastic"] = self.plastic.state()
        return state

    def _restore_from_full_state(self, state):
        """Take back a stored state; Brian2 gives the same one again at the next call."""
        own = state.pop("_plastic", None)
        super()._restore_from_full_state(state)
        if own is not None:
            state["_plastic"] = own
            self.plastic.restore(own)


@cache
def watched(kind: type) -> type:
    """Return a kind of Brian2's Synapses that is `Watched`.

    It keeps its name: a template of brian2cuda tells Synapses from other groups by it.
    """
    return type(kind.__name__, (Watched, kind), {"__doc__": kind.__doc__})


def attach(synapses: b2.Synapses, plastic) -> None:
    """Let synapses know the `Plastic` that they are the heart of."""
    object.__setattr__(synapses, "plastic", plastic)
