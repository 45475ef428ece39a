"""Delays of the factorised layout stay what `connect` was given: only a part of what the
layout needs would follow a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2.core.variables import DynamicArrayVariable, VariableView
from brian2.synapses.synapses import SynapticPathway

from ...errors import FwpError
from .plastic_run import inside


class _FixedView(VariableView):
    """What a user gets for a delay of a standalone program: it cannot be set."""

    refusal = ""

    def set_item(self, *args, **options):
        raise FwpError(self.refusal)


class _Fixed(DynamicArrayVariable):
    """A delay that nobody knows before the program runs, so that no run could compare
    it."""

    refusal = ""

    def get_addressable_value(self, name, group):
        return self._fixed(super().get_addressable_value(name, group))

    def get_addressable_value_with_unit(self, name, group):
        return self._fixed(super().get_addressable_value_with_unit(name, group))

    def _fixed(self, view):
        view.__class__, view.refusal = _FixedView, self.refusal
        return view


def delays(plastic) -> dict[Any, np.ndarray]:
    """Return pathway -> its delays in seconds, in the factorised layout; none otherwise.

    Those of a standalone program, which only the program knows, cannot be set from here
    on.
    """
    found: dict[Any, np.ndarray] = {}
    if hasattr(plastic.model, "report"):
        for one in inside(plastic.objects):
            if isinstance(one, SynapticPathway):
                variable = one.variables["delay"]
                try:
                    found[one] = np.array(variable.get_value())
                except NotImplementedError:
                    variable.__class__ = _Fixed
                    variable.refusal = _changed(plastic, one)
    return found


def same_delays(plastic, before: Mapping[Any, np.ndarray]) -> None:
    """Refuse delays that were changed after `connect`.

    Args:
        plastic: of the factorised layout.
        before: what `delays` returned when the synapses were made.

    Raises:
        FwpError: with the name of the pathway.
    """
    for one, old in before.items():
        now = np.array(one.variables["delay"].get_value())
        if now.shape != old.shape or not np.allclose(now, old, rtol=1e-9, atol=0):
            raise FwpError(_changed(plastic, one))


def _changed(plastic, one: SynapticPathway) -> str:
    own = any(one is path for path in plastic.synapses._pathways)
    side = repr(one.prepost) if own else "side"
    return (f"the delay of {one.name!r} was changed after connect: in the factorised "
            f"layout give it to connect(delay={{{side}: ...}}), or use "
            "layout='textbook'")  # fmt: skip
