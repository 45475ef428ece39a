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

from ..rules import Rule
from ..symbolic import arrays, effort, separation
from ..symbolic.statements import Statement
from ..symbolic.transition import Affine

_OTHER = {"pre": "post", "post": "pre"}


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


def derive(rule: Rule) -> tuple[Phase, ...] | str:
    """Return the phases of a rule, or one sentence saying why it has no exact continuous form."""
    if rule.states != ("w",):
        return f"it has further synaptic states ({', '.join(rule.states[1:])})"
    if not rule.transition.affine:
        return "it is not affine in w"
    phases = []
    for part in rule.transition.statements:
        phase = _phase(part)
        if phase is None:
            return f"statement {part.statement.line!r} mixes decay and write in one synapse"
        phases.append(phase)
    return tuple(phases)


def _phase(part: Affine) -> Phase | None:
    home = part.statement.home
    keep = part.diagonal
    line, zero = part.statement.line, sympy.Integer(0)
    if home(keep) == "synapse" or len(part.reads) + len(part.backs) > 1:
        return None
    if not part.reads and not part.backs:
        if part.input == 0:
            return Phase(line, keep, None, zero, None, zero, zero, part)
        split = separate(part.input, "pre", home)
        return (
            None
            if split is None
            else Phase(line, keep, "pre", split[1], None, zero, split[0], part)
        )
    side, pairs = ("pre", part.reads) if part.reads else ("post", part.backs)
    probe, factor = pairs[0]
    if home(keep) == side:
        return None
    split = separate(factor, side, home)
    if split is None:
        return None
    erase, along = -split[0], split[1]
    drive = effort.divided(part.input, along)
    if home(drive) not in ("shared", _OTHER[side]):
        return None
    return Phase(line, keep, side, along, probe, erase, drive, part)


def separate(expression, side: str, home) -> tuple[sympy.Expr, sympy.Expr] | None:
    """Write an expression as (factors off ``side``) x (factors on it); None if it does not split.

    Args:
        side: "pre" or "post"; home: expression -> where it lives.
    """
    parts = separation.separate(expression, home)
    return None if parts is None else (parts["shared"] * parts[_OTHER[side]], parts[side])


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
