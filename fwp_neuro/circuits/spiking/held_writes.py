"""Writes that hold a prediction, with which a write strength may lie in (1, 2).

A first-order synapse moves toward its teacher and never beyond: with a teacher fixed at v
the error only shrinks, beta |k|^2 < 1. Here what the key recalls before the write, y0, is
averaged over the last two thirds of the settling window and held over the write (by
persistent activity of a small pool, or a plateau of the cell: a choice). Two forms:

"held_target": the teacher is over-driven to v' = y0 + (beta/b)(v - y0), with b < 1 the
part of the error that the synapse learns; the loop stays closed.
"held_error": the apical compartment is driven by v - y0, and the synapse writes it as a
Hebbian rule would; the loop is open, and errors of the gain are not corrected.

Both are exact for the linearised circuit with its lags: the extra drive starts as the
gate opens, and what it adds is computed by the propagator (`calibration`). ``clean_up``
restores the y0 of a held target to the nearest of given levels (bistable or plateau
units), which keeps a memory of discrete states from drifting. The ON and the OFF channel
carry half of each number, so that the value baseline must be at least |v'|/2.

What cannot work instead, and why: several small writes along one key multiply factors
1 - b that are all positive; a loop that is stopped at its overshoot reaches at most
1 + exp(-T/(2 tau)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import FwpError
from ...synapses.circuit_models import CircuitSynapse
from ..rate.ode_windows import BiophysicalWrite
from ..token_schedule import Schedule
from . import calibration

if TYPE_CHECKING:
    from .circuit_plan import CircuitPlan

#: the part of an error that a closed loop learns at most
_MOST_LEARNED = 0.9


@dataclass(frozen=True)
class Hold:
    """How predictions are held.

    Attributes:
        kind: "held_target" or "held_error".
        start: first step of the average; it ends where the write window starts.
        over: factor on v - y0 that is added while the gate is open, [token, head].
        back: factor on y0 that is taken away while the gate is open, [token, head].
        levels: to which y0 is restored, in values of the circuit; empty for none.
    """

    kind: str
    start: int
    over: np.ndarray
    back: np.ndarray
    levels: tuple[float, ...]


def held(
    write: BiophysicalWrite, norm: np.ndarray, model: CircuitSynapse, schedule: Schedule,
    options, scale: float,
) -> tuple[Hold, np.ndarray, bool]:  # fmt: skip
    """Return how predictions are held, eta (1/s) [token, head], and whether the synapse
    compares.

    Args:
        norm: |k|^2, [token, head]; options: of the realisation; scale: the value that the
            circuit codes as 1.

    Raises:
        FwpError: the rule compares nothing, or an option does not fit.
    """
    kind, levels = options["write"], options["clean_up"] or ()
    _check(write, options, levels)
    wanted, safe = write.strength * norm, np.maximum(norm, 1e-12)
    start = schedule.spans["write"][0]
    course = calibration._Course.of(model, schedule, False)
    none = np.zeros_like(wanted)
    if kind == "held_error":
        eta = calibration.learning_rate(
            write.strength, norm, False, model, schedule, "propagator", False
        )
        one = np.ones(1)
        both = course.learned(one, False)[0] / course.learned(one, False, start)[0]
        over, back = none, none + both
    else:
        part = np.minimum(wanted, _MOST_LEARNED)
        eta = calibration.learning_rate(
            part / safe, norm, True, model, schedule, "propagator", False
        )
        h = eta * safe * model.slope
        late = course.learned(h, True, start)
        more = (wanted - part) / np.where(late > 0, late, 1)
        over, back = np.where(late > 0, more, 0), none
    settle = start - schedule.spans["shown"][0]
    first = start - max(1, round(2 / 3 * settle))
    restored = tuple(sorted(level / scale for level in levels))
    return Hold(kind, first, over, back, restored), eta, kind == "held_target"


def _check(write: BiophysicalWrite, options, levels) -> None:
    if not write.compare:
        raise FwpError(f"write={options['write']!r} holds what an error is taken of, and "
                       "this rule compares nothing: leave it out")  # fmt: skip
    if (write.strength < 0).any():
        raise FwpError(f"write strength beta is {write.strength.min():.4g}; the circuit "
                       "needs beta >= 0")  # fmt: skip
    if options["layout"] == "synapse" or options["key_cells"] != "poisson":
        raise FwpError(f"write={options['write']!r} needs layout='population' and "
                       "key_cells='poisson'")  # fmt: skip
    if options["realism"] is not None and options["realism"].on:
        raise FwpError(f"write={options['write']!r} and realism= cannot be combined yet: "
                       "give one of them")  # fmt: skip
    if len(levels) == 1 or levels and options["value_scale"] == "fit":
        raise FwpError("clean_up must be two levels or more, in values of one scale for "
                       "all heads (leave out value_scale='fit'), got "
                       f"{list(levels)}")  # fmt: skip
    if levels and options["write"] == "held_error":
        raise FwpError("clean_up restores what a closed loop is driven to, and write="
                       "'held_error' adds to weights that keep their errors: use write="
                       "'held_target'")  # fmt: skip
    if options["calibration"] != "propagator":
        raise FwpError(f"write={options['write']!r} is calibrated by the propagator: "
                       "leave out calibration=")  # fmt: skip


def check_room(plan: CircuitPlan, beta: np.ndarray, room: float) -> None:
    """Refuse teachers that would have to fire at rates below 0.

    What they are driven to follows from the predictions, and these from the rule: its
    fast weights are followed token by token.

    Args:
        beta: write strength, [token, head]; room: the value baseline v0.

    Raises:
        FwpError: a teacher is driven to v' with |v'|/2 > v0.
    """
    hold, weights = plan.hold, np.array(plan.weights, float)
    assert hold is not None
    most, worst = 0.0, 0  # over all tokens, so that what is named is enough for all
    for token, (key, value) in enumerate(zip(plan.key, plan.value, strict=True)):
        weights *= plan.keep_post[token][:, :, None] * plan.keep_pre[token][:, None]
        recalled = np.einsum("hij,hj->hi", weights, key)
        error = beta[token][:, None] * (value - recalled)
        weights += error[:, :, None] * key[:, None]
        if hold.levels:
            levels = np.array(hold.levels)
            recalled = levels[np.abs(recalled[..., None] - levels).argmin(-1)]
        beyond = hold.over[token][:, None] * (value - recalled)
        driven = value + beyond - hold.back[token][:, None] * recalled
        if (half := float(np.abs(driven).max() / 2)) > most:
            most, worst = half, token
    if most > room * (1 + 1e-9):
        enough = np.ceil(1000 * most) / 1000
        raise FwpError(
            f"write={hold.kind!r} drives a teacher at token {worst} to {2 * most:.4g} "
            "times what the circuit codes as 1, of which each of its channels carries "
            f"half, beyond its baseline of {room:.4g}: give "
            f"constants={{'value_baseline': {enough:g}}} or more, or teacher='tonic'"
        )
