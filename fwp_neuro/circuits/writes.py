"""Which rules the biophysical synapse can run, and what it must be told for each token.

The synapse can do: turnover of its AMPA receptors toward baseline (any factor that is shared,
presynaptic or postsynaptic), then one NMDA-gated write that is either Hebbian, g V s, or
error-correcting, g (V - read(s)) s, with one shared strength g a token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from ..rules import Rule
from ..symbolic import arrays
from . import phases


@dataclass(frozen=True)
class Write:
    """A rule in the words of the biophysical synapse; arrays have tokens first, then head.

    Attributes:
        key: s, [token, head, pre]; value: V, [token, head, post]; strength: g, [token, head].
        compare: error-correcting (True) or Hebbian (False).
        keep_pre, keep_post: turnover factors, [token, head, pre] and [token, head, post].
    """

    key: np.ndarray
    value: np.ndarray
    strength: np.ndarray
    compare: bool
    keep_pre: np.ndarray
    keep_post: np.ndarray


def derive(rule: Rule, signals: dict[str, np.ndarray], shape: tuple[int, int]) -> Write | str:
    """Return the write of a rule, or one sentence saying why the biophysical synapse cannot run it.

    Args:
        signals: from ``Program.bind``.
        shape: (pre, post) dimensions.
    """
    found = phases.derive(rule)
    if isinstance(found, str):
        return found
    *turnovers, write = found
    if any(phase.side is not None for phase in turnovers) or write.side is None or write.keep != 1:
        return "the synapse turns over first and then writes once a token"
    if write.side != "pre":
        return "it needs feedback from the value cells to the key cells"
    home = write.part.statement.home
    gain, value = phases._separate(write.drive, "post", home)
    compare = write.probe is not None
    if compare:
        if home(write.erase) != "shared" or write.probe != write.along:
            return "its erase is not the prediction of its own key with one shared strength"
        value = sympy.cancel(write.drive / write.erase)
        gain = write.erase
        if home(value) != "post":
            return "its write does not go toward a value of the postsynaptic cell"
    lead = signals["q"].shape[:2]
    statement = write.part.statement
    values = {
        name: arrays.to_home(signals[name], statement.homes[name])
        for name in signals
        if name in statement.homes
    }

    def number(expression, size):
        array = np.asarray(arrays.evaluate(expression, values, "numpy"), float)
        return np.broadcast_to(
            array.reshape(*array.shape[:2], -1) if array.ndim > 1 else array, (*lead, size)
        )

    keep = {"pre": np.ones((*lead, shape[0])), "post": np.ones((*lead, shape[1]))}
    for phase in turnovers:
        side = "pre" if phase.part.statement.home(phase.keep) == "pre" else "post"
        keep[side] = keep[side] * phases.evaluate(phase, signals)["keep"]
    key, value, strength = (
        number(write.along, shape[0]),
        number(value, shape[1]),
        number(gain, 1)[..., 0],
    )
    if (
        not write.along.is_symbol and (key <= 0).all()
    ):  # the split of a product leaves the sign open
        key, value, strength = (-key, -value, strength) if compare else (-key, value, -strength)
    return Write(key, value, strength, compare, keep["pre"], keep["post"])
