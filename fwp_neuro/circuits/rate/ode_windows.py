"""Which statements of a rule are continuous dynamics: one statement becomes one window of an ODE.

A statement is a *phase* when it has the form (read side; the back side is its mirror image)

    w_ij <- c w_ij + (a_i - e_i read(x)_i) s_j

which is what dw/dt = -decay w + (drive_i - erase_i u_i) s_j, u = W x, reaches after a window.
Facts used: Irie, Faccio & Schmidhuber 2022 (arXiv:2206.01649) for the ODE forms; the exact relation
between gains and rates is derived in `gains`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from ...errors import Cannot
from ...rules import Rule
from ...symbolic import arrays
from ...symbolic.language import SYNAPSE
from ...symbolic.normal_form import Affine
from ...symbolic.statements import Statement


@dataclass(frozen=True)
class Phase:
    """One statement as continuous dynamics.

    Attributes:
        line: the statement.
        keep: c, the factor on w over the window (home shared, pre or post).
        side: "pre" if the write runs along presynaptic activity (read), "post" for back; None if
            the statement only decays.
        along: s, the activity the write runs along (lives on ``side``).
        probe: x, the activity whose sum is compared (lives on ``side``); None without comparison.
        erase: e, gain on that sum (shared or on the other side).
        drive: a, what is written (shared or on the other side).
    """

    line: str
    keep: sympy.Expr
    side: str | None
    along: sympy.Expr
    probe: sympy.Expr | None
    erase: sympy.Expr
    drive: sympy.Expr
    part: Affine


def of_weights(rule: Rule) -> tuple[Affine, ...]:
    """Return the affine statements of a rule that has no synaptic state but its weights.

    Raises:
        Cannot: it has, or it is not affine.
    """
    if rule.states != ("w",):
        raise Cannot(f"it has further synaptic states ({', '.join(rule.states[1:])})")
    return rule.transition.parts


def derive(rule: Rule) -> tuple[Phase, ...]:
    """Return the phases of a rule.

    Raises:
        Cannot: it has no exact continuous form.
    """
    return tuple(map(_phase, of_weights(rule)))


def _phase(part: Affine) -> Phase:
    home, keep, zero = part.statement.home, part.diagonal, sympy.Integer(0)
    line, side = part.statement.line, "post" if part.backs else "pre"
    mixed = Cannot(f"statement {line!r} mixes decay and write in one synapse")
    try:
        writes = part.writes(side)
    except Cannot:
        raise mixed from None
    if home(keep) == SYNAPSE or len(writes) > 1 or len(part.reads) + len(part.backs) > 1:
        raise mixed
    if not writes:
        return Phase(line, keep, None, zero, None, zero, zero, part)
    write = writes[0]
    if write.sums and home(keep) == side:
        raise mixed
    probe, gain = write.sums[0] if write.sums else (None, zero)
    return Phase(line, keep, side, write.along, probe, -gain, write.drive, part)


def evaluator(statement: Statement, signals: dict[str, np.ndarray]):
    """Return a function that evaluates an expression of a statement for every token.

    Args:
        statement: whose names and pooled sums the expression may use (no read or back).
        signals: from ``Program.bind``.

    Returns:
        expression -> [token, head, 1 or dim of its home].
    """
    homes = {name: statement.homes[name] for name in signals if name in statement.homes}
    values = {name: arrays.to_home(signals[name], home) for name, home in homes.items()}
    for item in statement.sums:
        if item.kind == "pool":
            total = arrays.evaluate(item.argument, values, "numpy").sum(-1)[..., None]
            values[item.symbol.name] = total
    lead = signals["q"].shape[:2]

    def number(expression) -> np.ndarray:
        value = np.asarray(arrays.evaluate(expression, values, "numpy"), dtype=float)
        value = np.broadcast_to(value, np.broadcast_shapes(value.shape, (*lead, 1, 1)))
        return value[..., 0] if value.shape[-1] == 1 else value[..., 0, :]

    return number


def evaluate(phase: Phase, signals: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the numbers of a phase for every token.

    Args:
        signals: from ``Program.bind``: pre [token, head, d_k], post [token, head, d_v], shared
            [token, head].

    Returns:
        name -> [token, head, 1 or dim of its home] for keep, along, probe, erase, drive, and
        ``overlap`` = sum of probe x along, [token, head, 1].
    """
    number = evaluator(phase.part.statement, signals)
    found = {name: number(getattr(phase, name)) for name in ("keep", "along", "erase", "drive")}
    found["probe"] = (
        number(phase.probe) if phase.probe is not None else np.zeros_like(found["along"])
    )
    found["overlap"] = (found["probe"] * found["along"]).sum(-1, keepdims=True)
    return found
