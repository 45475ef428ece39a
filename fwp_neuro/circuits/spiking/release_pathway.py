"""The text of a release model between key cells and the traces that they open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from ...errors import FwpError, shown
from ...synapses.registered_synapses import get, short_term
from ...synapses.synapse_class import Synapse

#: regular spikes after which release is steady, and how many are averaged
_SPIKES, _AVERAGED = 200, 50


@dataclass(frozen=True)
class ReleasePathway:
    """One synapse from each key cell, whose release kicks the traces.

    Attributes:
        equations: of the synapse; release: what it does at a spike.
        sent: expression of the amount released, relative to its steady mean.
        namespace: parameters; initial: variable -> start.
    """

    equations: str
    release: str
    sent: str
    namespace: dict[str, Any]
    initial: dict[str, Any]

    def on_pre(self, kicks: str) -> str:
        """Return the event that releases first, and then kicks by the amount."""
        return f"{self.release}\n" + "\n".join(
            f"{line}*{self.sent}" for line in kicks.strip().splitlines()
        )


def release_pathway(model: str | Synapse, rate: float) -> ReleasePathway:
    """Return the pathway of a release model for key cells with this reference rate (Hz).

    Raises:
        FwpError: the synapse releases nothing by itself, or waits for its spikes.
    """
    found = get(model) if isinstance(model, str) else model
    text, name = found.equations, found.name
    if found.kind != "short-term plasticity":
        raise FwpError(f"realism short_term must be a release model, and {name!r} is a "
                       f"{found.kind} model")  # fmt: skip
    if text.pre or text.post or text.delay or text.on_post:
        raise FwpError(f"realism short_term cannot take {shown(name)}: it acts on more "
                       "than its own variables at the spikes of key cells")  # fmt: skip
    times = np.arange(_SPIKES) / (rate / 2) * b2.second
    steady = float(np.mean(short_term(found, spike_times=times)[-_AVERAGED:]))
    return ReleasePathway(
        text.synapse, text.on_pre.strip(), f"({found.sends})/{steady!r}",
        dict(found.parameters), dict(found.initial),
    )  # fmt: skip
