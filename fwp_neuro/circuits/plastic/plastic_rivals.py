"""Sums of a user's own Synapses onto variables of cells that plastic synapses change.

Brian2 sets a summed variable anew in every step, so that whatever else was added to it is
lost. Projections of `connect` add up (`projection_sums`) and never meet this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brian2 as b2
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import StateUpdater
from brian2.synapses.synapses import StateUpdater as SynapseUpdater
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from ...errors import FwpError
from ...synapses.factorised.text import lines
from .plastic_run import inside, networks

#: what advances equations, of objects' own variables alone
_OWN = (StateUpdater, SynapseUpdater)


def check(plastic) -> None:
    """Refuse a network where other Synapses set a variable that these synapses change.

    Raises:
        FwpError: with the names of both objects and the variable.
    """
    for network in networks(plastic.synapses):
        others = list(_sums(network, plastic))
        written = {id(one) for one in _written(plastic)} if others else set()
        for one in others:
            if id(one.target_var) in written:
                name = one.target_varname.removesuffix("_post").removesuffix("_pre")
                raise FwpError(
                    f"{one.group.name!r} sets {name!r} of the cells {one.target.name!r} "
                    f"as a summed variable, and {plastic.synapses.name!r} adds to it, so "
                    "that one of both is lost: use another variable for one of them, and "
                    "add both in the equations of the cells"
                )


def _sums(network, plastic) -> Iterator[Any]:
    """Yield what sets summed variables and belongs to no synapses of `connect`."""
    own = set(map(id, plastic.objects))
    for one in network.objects:
        if isinstance(one, b2.Synapses) and id(one) not in own:
            if getattr(one, "plastic", None) is None:
                yield from (sum_ for sum_ in one.summed_updaters.values() if sum_._active)


def _written(plastic) -> Iterator[Any]:
    """Yield the variables that statements and sums of the synapses change."""
    for one in inside(plastic.objects):
        if isinstance(one, SummedVariableUpdater):
            yield one.target_var
        elif isinstance(one, CodeRunner) and not isinstance(one, _OWN):
            path = isinstance(one, SynapticPathway)
            known = (one.synapses if path else one.group).variables
            code = one.code if path else one.abstract_code
            yield from (known[line.target] for line in lines(code or "")
                        if line.target in known)  # fmt: skip
