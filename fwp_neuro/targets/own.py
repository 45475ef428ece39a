"""Rows of synapses that users register: their own targets, and the two layouts of their
text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from brian2 import ms

from ..circuits import injected
from ..circuits.protocols import check_ports
from ..errors import FwpError, shown
from ..synapses.synapse_class import SYNAPSES, Synapse
from .rows import Row

#: kinds of synapses that have a weight which spikes change
_WEIGHED = ("plasticity", "short-term plasticity")
_SAME = 1e-9


def names() -> list[str]:
    """Return the names of synapses that were added by `fwp_neuro.synapses.register`."""
    return [name for name in SYNAPSES if SYNAPSES.get(name).targets is not None]


def rows(name: str, quick: bool) -> Iterator[Row]:
    """Yield the targets that a synapse was registered with, then whether its layouts
    agree.

    Raises:
        FwpError: targets that are no rows, or a synapse that has none and whose text
            spikes of its two cells do not drive.
    """
    how = SYNAPSES.get(name)
    synapse, given = how.make(how.sets[0]), list(how.targets(quick) or ())
    for row in given:
        if not isinstance(row, Row):
            raise FwpError(f"targets of synapse {name!r} must give "
                           f"fwp_neuro.targets.Row, got {shown(row)}")  # fmt: skip
        yield replace(row, model=name)
    try:
        yield layouts(name, synapse)
    except FwpError:
        if not given:
            raise


def layouts(name: str, synapse: Synapse) -> Row:
    """Compare the textbook and the factorised layout on random spikes of 300 ms."""
    opens = synapse.kind == "receptor" and "conductance" in synapse.ports
    if synapse.kind not in _WEIGHED and not opens:
        raise FwpError(f"{name!r} is a {synapse.kind} and has no weight that spikes "
                       "change: give register(synapse, targets=...)")  # fmt: skip
    check_ports(synapse)
    rng = np.random.default_rng(1)
    pre, post = ((rng.random((600, 3)) < 0.03).astype(float) for _ in range(2))
    pre[-1] = post[-1] = 1  # every variable is as of the last step
    found = [
        _measured(synapse, pre, post, layout) for layout in ("textbook", "factorised")
    ]
    still = _measured(synapse, 0 * pre, 0 * post, "textbook")
    change = np.abs(found[0] - still).max()
    off = np.abs(found[1] - found[0]).max() / change if change > 0 else np.nan
    return Row(name, "textbook layout = factorised layout: difference / "
                     "change", float(off), _SAME,
               0.0, "both layouts of its text on the same random spikes, 'numpy' device",
               "at most", strength="two own forms")  # fmt: skip


def _measured(synapse: Synapse, pre, post, layout: str) -> np.ndarray:
    """Return the weights at the end, or the course of a receptor's conductance."""
    given: dict = {"dt": 0.5 * ms, "layout": layout}
    if synapse.kind in _WEIGHED:
        return injected.run(synapse, pre, post, **given)["weight"]
    name = synapse.ports["conductance"]
    given |= {"record": [name], "record_every": 0.5 * ms, "initial": {"w": 1.5}}
    return injected.run(synapse, pre, post, **given)[name]
