"""Which rules the biophysical synapse can run, and what it must be told for each token.

The synapse can do: turnover of its AMPA receptors toward baseline (any factor that is shared,
presynaptic or postsynaptic), then one NMDA-gated write that is either Hebbian, g V s, or
error-correcting, g (V - read(s)) s, with one shared strength g a token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import Cannot
from ...rules import Rule
from ...symbolic import effort, separation
from ..rate import ode_windows


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


def derive(rule: Rule, signals: dict[str, np.ndarray], shape: tuple[int, int]) -> Write:
    """Return the write of a rule.

    Args:
        signals: from ``Program.bind``.
        shape: (pre, post) dimensions.

    Raises:
        Cannot: the biophysical synapse cannot run it.
    """
    found = ode_windows.derive(rule)
    *turnovers, write = found
    if write.keep != 1 and write.probe is None:
        turnovers.append(
            write
        )  # w = alpha*w + beta*v*k: without a read the order makes no difference
    elif write.keep != 1:
        raise Cannot(
            "its error is read off the weights before they decay, and the synapse turns over first"
        )
    if any(phase.side is not None for phase in found[:-1]) or write.side is None:
        raise Cannot("the synapse turns over first and then writes once a token")
    if write.side != "pre":
        raise Cannot("it needs feedback from the value cells to the key cells")
    home = write.part.statement.home
    drive = separation.separate(write.drive, home)
    gain, value = drive.off("post"), drive.post
    compare = write.probe is not None
    if compare:
        if home(write.erase) != "shared" or write.probe != write.along:
            raise Cannot("its erase is not the prediction of its own key with one shared strength")
        value = effort.divided(write.drive, write.erase)
        gain = write.erase
        if home(value) != "post":
            raise Cannot("its write does not go toward a value of the postsynaptic cell")
    lead, evaluate = signals["q"].shape[:2], ode_windows.evaluator(write.part.statement, signals)

    def number(expression, size):
        return np.broadcast_to(evaluate(expression), (*lead, size))

    keep = {"pre": np.ones((*lead, shape[0])), "post": np.ones((*lead, shape[1]))}
    for phase in turnovers:
        side = "pre" if phase.part.statement.home(phase.keep) == "pre" else "post"
        keep[side] = keep[side] * ode_windows.evaluate(phase, signals)["keep"]
    key, value = number(write.along, shape[0]), number(value, shape[1])
    strength = number(gain, 1)[..., 0]
    if not write.along.is_symbol and (key <= 0).all():
        # the split of a product leaves the sign of its two factors open
        key, value, strength = (-key, -value, strength) if compare else (-key, value, -strength)
    if not compare and (strength <= 0).all():  # an anti-Hebbian text: its sign belongs to the value
        value, strength = -value, -strength
    return Write(key, value, strength, compare, keep["pre"], keep["post"])
