"""Solve for the vectors that the tokens of each chunk write, and carry the states across
chunks."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .coefficients import Coefficients
from .decay_products import pair_products
from .token_pairs import last_axes


@dataclass
class FreeDecays:
    """Decays of each row of the weights: pairs [..., f, C, C], before and after [..., C,
    f]."""

    pairs: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    total: torch.Tensor


def free_decays(numbers: Coefficients) -> FreeDecays | None:
    """Return the decays on the free side, None if there are none."""
    if numbers.free is None:
        return None
    pairs, before, after, total = pair_products(numbers.free.mT[..., None, None])
    squeeze = lambda x: x[..., 0, 0].mT  # noqa: E731  [.., f, C, 1, 1] -> [.., C, f]
    return FreeDecays(pairs[..., 0, 0], squeeze(before), squeeze(after), total[..., 0, 0])


@dataclass
class Chunks:
    """What the chunks [batch, head, chunk, C, ...] of a rule are solved from.

    Attributes:
        table: [.., C, R, C, G] reads against channels, decays between them included; None
            for rules without reads.
        rows: [.., C, R, n c] reads with all decays since the chunk's start, or None.
        channels: [.., C, G, n c] with all decays until its end.
        inputs: [.., C, G, f]; gains: [.., C, G, R, f or 1].
        total: [.., c] or None; mixing: [.., n, n] or None; free: `FreeDecays` or None.
    """

    table: torch.Tensor | None
    rows: torch.Tensor | None
    channels: torch.Tensor
    inputs: torch.Tensor
    gains: torch.Tensor
    total: torch.Tensor | None
    mixing: torch.Tensor | None
    free: FreeDecays | None


def written(chunks: Chunks, state: torch.Tensor, rowwise: bool):
    """Solve chunk after chunk.

    Args:
        chunks: what they are solved from.
        state: [batch, head, f, n c] before the first.
        rowwise: whether each row has its own system.

    Returns:
        delta [batch, head, chunk, C, G, f], the vectors written; starts [batch, head,
        chunk, f, n c], the states before each chunk; the states after the last.
    """
    if chunks.rows is None:
        return _given(chunks, state)
    shape = chunks.inputs.shape[-3:]
    delta_of = (_by_row if rowwise else _together)(chunks)
    channels = chunks.channels.flatten(-3, -2).unbind(2)  # [batch, head, C G, n c] each
    after = None if chunks.free is None else chunks.free.after.unsqueeze(-2).unbind(2)
    keep = _carry(chunks)
    deltas, starts = [], []
    for number, channel in enumerate(channels):
        starts.append(state)
        delta = delta_of(number, state)  # [batch, head, C G, f]
        deltas.append(delta)
        if after is not None:
            delta = (delta.unflatten(-2, shape[:2]) * after[number]).flatten(-3, -2)
        state = keep(number, state) + delta.mT @ channel
    return torch.stack(deltas, 2).unflatten(-2, shape[:2]), torch.stack(starts, 2), state


def _given(chunks: Chunks, state: torch.Tensor):
    """Rules without reads: what is written does not depend on the weights."""
    delta = chunks.inputs
    if chunks.free is not None:
        delta = delta * chunks.free.after.unsqueeze(-2)
    added = (delta.flatten(-3, -2).mT @ chunks.channels.flatten(-3, -2)).unbind(2)
    keep = _carry(chunks)
    starts = []
    for number, increment in enumerate(added):
        starts.append(state)
        state = keep(number, state) + increment
    return chunks.inputs, torch.stack(starts, 2), state


def _carry(chunks: Chunks):
    """Return (number, state) -> what is left of the state after the chunk."""
    total = None if chunks.total is None else chunks.total.unsqueeze(-2).unbind(2)
    mixing = None if chunks.mixing is None else chunks.mixing.unbind(2)
    free = None if chunks.free is None else chunks.free.total.unsqueeze(-1).unbind(2)

    def keep(number: int, state: torch.Tensor) -> torch.Tensor:
        if mixing is not None:
            factor = mixing[number]
            if factor.shape[-1] == 1:
                state = state * factor
            else:  # [.., n, n] over the states [.., f, n c]
                parts = state.unflatten(-1, (factor.shape[-1], -1))
                state = (factor.unsqueeze(-3) @ parts).flatten(-2)
        if total is not None:
            state = state * total[number]
        return state if free is None else state * free[number]

    return keep


def _together(chunks: Chunks):
    """One system a head: delta = base + link S', both found for all chunks at once."""
    count, writes = chunks.inputs.shape[-3:-1]
    reads = chunks.rows.shape[-2]
    gains = chunks.gains[..., 0]  # [.., C, G, R]
    table = chunks.table
    rows, inputs = chunks.rows.flatten(-3, -2), chunks.inputs.flatten(-3, -2)
    if writes <= reads:  # (1 - g N) delta = P + g X S'
        system = last_axes(gains, table.flatten(-2)).flatten(-3, -2)  # [.., C G, C G]
        inverse = _inverse(system)
        base = inverse @ inputs
        response = _times_gains(inverse, gains)
    else:  # (1 - N g) u = N P + X S'
        flat = table.flatten(-4, -3)  # [.., C R, C, G]
        inverse = _inverse(_times_gains(flat.flatten(-2), gains))
        response = last_axes(gains, inverse.unflatten(-2, (count, reads))).flatten(-3, -2)
        base = inputs + response @ (flat.flatten(-2) @ inputs)
    base, response = base.unbind(2), (response @ rows).unbind(2)
    return lambda number, state: torch.baddbmm(
        base[number].flatten(0, 1), response[number].flatten(0, 1), state.flatten(0, 1).mT
    ).unflatten(0, state.shape[:2])


def _times_gains(matrix: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Multiply [.., rows, C G] by the block-diagonal gains [.., C, G, R]: [.., rows, C
    R]."""
    if gains.shape[-2:] == (1, 1):
        return matrix * gains.flatten(-3).unsqueeze(-2)
    count, writes = gains.shape[-3:-1]
    blocks = matrix.unflatten(-1, (count, writes)).unsqueeze(-1)  # [.., rows, C, G, 1]
    return (blocks * gains.unsqueeze(-4)).sum(-2).flatten(-2)


def _inverse(system: torch.Tensor) -> torch.Tensor:
    """Return (1 - system)^-1 for strictly lower-triangular systems."""
    one = torch.eye(system.shape[-1], dtype=system.dtype, device=system.device)
    return torch.linalg.solve_triangular(
        one - system, one.expand_as(system), upper=False, unitriangular=True
    )


def _by_row(chunks: Chunks):
    """One system for each row of the weights: row i has gains and decays of its own."""
    gains = chunks.gains.movedim(-1, 3)  # [.., f, C, G, R]
    system = last_axes(gains, chunks.table.flatten(-2).unsqueeze(3))  # [.., f, C, G, C G]
    if chunks.free is not None:
        writes = chunks.inputs.shape[-2]
        pairs = chunks.free.pairs.repeat_interleave(writes, -1)  # [.., f, C, C G]
        system = system * pairs.unsqueeze(-2)
    system = system.flatten(-3, -2)
    one = torch.eye(system.shape[-1], dtype=system.dtype, device=system.device)
    systems = (one - system).unbind(2)
    rows, inputs = chunks.rows.unbind(2), chunks.inputs.unbind(2)
    weights = chunks.gains.unbind(2)
    before = None if chunks.free is None else chunks.free.before.unsqueeze(-2).unbind(2)

    def delta_of(number: int, state: torch.Tensor) -> torch.Tensor:
        seen = rows[number] @ state.unsqueeze(-3).mT  # [batch, head, C, R, f]
        if before is not None:
            seen = seen * before[number]
        # [.., C, G, f]
        right = inputs[number] + (weights[number] * seen.unsqueeze(-3)).sum(-2)
        right = right.flatten(-3, -2).mT.unsqueeze(-1)  # [batch, head, f, C G, 1]
        solved = torch.linalg.solve_triangular(
            systems[number], right, upper=False, unitriangular=True
        )
        return solved.squeeze(-1).mT

    return delta_of
