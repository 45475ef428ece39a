"""Which statements of a rule are continuous dynamics: one statement becomes one window of
an ODE.

A statement is a *phase* when it has the form (read side; the back side is its mirror
image)

    w_ij <- c w_ij + (a_i - e_i read(x)_i) s_j

which is what dw/dt = -decay w + (drive_i - erase_i u_i) s_j, u = W x, reaches after a
window. Facts used: Irie, Faccio & Schmidhuber 2022 (arXiv:2206.01649) for the ODE forms;
the exact relation between gains and rates is derived in `window_rates`.

The biophysical synapse can do less: turnover of its AMPA receptors toward baseline (any
factor that is shared, presynaptic or postsynaptic), then one NMDA-gated write that is
either Hebbian, g V s, or error-correcting, g (V - read(s)) s, with one shared strength g
a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy

from ...errors import Cannot
from ...rules import Rule
from ...symbolic import arrays, effort, separation
from ...symbolic.language import SYNAPSE
from ...symbolic.normal_form import Affine
from ...symbolic.statements import Statement


@dataclass(frozen=True)
class Phase:
    """One statement as continuous dynamics.

    Attributes:
        line: the statement.
        keep: c, the factor on w over the window (home shared, pre or post).
        side: "pre" if the write runs along presynaptic activity (read), "post" for back;
            None if the statement only decays.
        along: s, the activity the write runs along (lives on ``side``).
        probe: x, the activity whose sum is compared (lives on ``side``); None without
            comparison.
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


# a rule never changes, and its analysis takes longer than many runs
@lru_cache(maxsize=256)
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
        signals: from ``Program.bind``: pre [token, head, d_k], post [token, head, d_v],
            shared [token, head].

    Returns:
        name -> [token, head, 1 or dim of its home] for keep, along, probe, erase, drive,
        and ``overlap`` = sum of probe x along, [token, head, 1].
    """
    number = evaluator(phase.part.statement, signals)
    found = {
        name: number(getattr(phase, name)) for name in ("keep", "along", "erase", "drive")
    }
    found["probe"] = (
        number(phase.probe) if phase.probe is not None else np.zeros_like(found["along"])
    )
    found["overlap"] = (found["probe"] * found["along"]).sum(-1, keepdims=True)
    return found


# ------------------------------------------------------- the write of the spiking circuit


@dataclass(frozen=True)
class BiophysicalWrite:
    """A rule in the words of the biophysical synapse; arrays have tokens first, then
    head.

    Attributes:
        key: s, [token, head, pre]; value: V, [token, head, post]; strength: g, [token,
            head].
        compare: error-correcting (True) or Hebbian (False).
        keep_pre, keep_post: turnover factors, [token, head, pre] and [token, head, post].
    """

    key: np.ndarray
    value: np.ndarray
    strength: np.ndarray
    compare: bool
    keep_pre: np.ndarray
    keep_post: np.ndarray


@dataclass(frozen=True)
class _Told:
    """What each symbol of a `BiophysicalWrite` is in the text of the rule.

    Attributes:
        turnovers: (side, phase) of what the receptors do before the write.
        phase: of the write; value, gain: its V and g.
    """

    turnovers: tuple[tuple[str, Phase], ...]
    phase: Phase
    value: sympy.Expr
    gain: sympy.Expr


# a rule never changes, and its analysis takes longer than many runs
@lru_cache(maxsize=256)
def _analysed(rule: Rule) -> _Told:
    """Return what a rule tells the biophysical synapse.

    Raises:
        Cannot: the synapse cannot run it.
    """
    found = derive(rule)
    *turnovers, write = found
    if write.keep != 1 and write.probe is None:
        # w = alpha*w + beta*v*k: without a read the order makes no difference
        turnovers.append(write)
    elif write.keep != 1:
        raise Cannot(
            "its error is read off the weights before they decay, and the synapse turns "
            "over first"
        )
    if any(phase.side is not None for phase in found[:-1]) or write.side is None:
        raise Cannot("the synapse turns over first and then writes once a token")
    if write.side != "pre":
        raise Cannot("it needs feedback from the value cells to the key cells")
    home = write.part.statement.home
    drive = separation.separate(write.drive, home)
    gain, value = drive.off("post"), drive.post
    if write.probe is not None:
        if home(write.erase) != "shared" or write.probe != write.along:
            raise Cannot(
                "its erase is not the prediction of its own key with one shared strength"
            )
        value = effort.divided(write.drive, write.erase)
        gain = write.erase
        if home(value) != "post":
            raise Cannot("its write does not go toward a value of the postsynaptic cell")
    sides = (
        "pre" if one.part.statement.home(one.keep) == "pre" else "post"
        for one in turnovers
    )
    return _Told(tuple(zip(sides, turnovers, strict=True)), write, value, gain)


def biophysical_write(
    rule: Rule, signals: dict[str, np.ndarray], shape: tuple[int, int]
) -> BiophysicalWrite:
    """Return the write of a rule.

    Args:
        signals: from ``Program.bind``.
        shape: (pre, post) dimensions.

    Raises:
        Cannot: the biophysical synapse cannot run it.
    """
    told = _analysed(rule)
    along, compare = told.phase.along, told.phase.probe is not None
    lead, numbers = signals["q"].shape[:2], evaluator(told.phase.part.statement, signals)

    def number(expression, size):
        return np.broadcast_to(numbers(expression), (*lead, size))

    keep = {"pre": np.ones((*lead, shape[0])), "post": np.ones((*lead, shape[1]))}
    for side, phase in told.turnovers:
        keep[side] = keep[side] * evaluate(phase, signals)["keep"]
    key, value = number(along, shape[0]), number(told.value, shape[1])
    strength = number(told.gain, 1)[..., 0]
    if not along.is_symbol and (key <= 0).all():
        # the split of a product leaves the sign of its two factors open
        key, value, strength = (
            (-key, -value, strength) if compare else (-key, value, -strength)
        )
    # an anti-Hebbian text: its sign belongs to the value
    if not compare and (strength <= 0).all():
        value, strength = -value, -strength
    return BiophysicalWrite(key, value, strength, compare, keep["pre"], keep["post"])
