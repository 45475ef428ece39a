"""What links the tokens of a chunk: inner products and shared decays between all their
pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .coefficients import Coefficients
from .decay_products import pair_products, scores


@dataclass
class SharedDecays:
    """Decays shared by all synapses, of n states that may mix; reads are of the first.

    Attributes:
        reads, queries: [..., C, C, G or 1], between a write at s and a read, query at t;
            a read comes before its own token's write, a query after it.
        before_read, before_query: [..., C, n], on each state since the chunk's start.
        after: [..., C, G or 1, n], what a write leaves in each state at the chunk's end.
        total: [..., n, n].
    """

    reads: torch.Tensor
    queries: torch.Tensor
    before_read: torch.Tensor
    before_query: torch.Tensor
    after: torch.Tensor
    total: torch.Tensor


def shared_decays(numbers: Coefficients) -> SharedDecays | None:
    """Return the shared decays of chunks, None if there are none."""
    if numbers.shared is None:
        return None
    between, before, after, total = pair_products(numbers.shared)
    # [.., C, 1, n]: the first state's row of the own carry
    own = numbers.shared[..., :1, :]
    one = torch.eye(own.shape[-3], dtype=own.dtype, device=own.device)
    if numbers.shared.shape[-1] == 1:  # inject is one
        first = between[..., 0]
        queried = own * first + one.unsqueeze(-1)
        after, before_query = after[..., 0, :].unsqueeze(-2), (own * before)[..., 0, :]
    else:
        inject = numbers.inject  # [.., C, G, n]
        columns = inject.unsqueeze(-4).mT  # [.., 1, C, n, G]
        first = (between[..., :1, :] @ columns)[..., 0, :]
        queried = (own.unsqueeze(-3) @ between @ columns)[..., 0, :]
        queried = queried + one.unsqueeze(-1) * inject[..., 0].unsqueeze(-3)
        after, before_query = inject @ after.mT, (own @ before)[..., 0, :]
    return SharedDecays(first, queried, before[..., 0, :], before_query, after, total)


def pairs_of(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """All inner products of rows [..., C, R, d] with columns [..., C, G, d]: [.., C, R,
    C, G]."""
    (count, reads), writes = rows.shape[-3:-1], columns.shape[-2]
    table = rows.flatten(-3, -2) @ columns.flatten(-3, -2).mT
    return table.unflatten(-1, (count, writes)).unflatten(-3, (count, reads))


def link(
    reads: torch.Tensor | None,
    query: torch.Tensor,
    columns: torch.Tensor,
    factors: torch.Tensor | None,
    shared: SharedDecays | None,
):
    """Inner products of what is read or asked at t with what is written at s, decays
    included.

    Args:
        reads: [..., C, R, d] before the token's own decay and write, or None.
        query: [..., C, d] after them.
        columns: [..., C, G, d], what is written; factors: [..., C, d] or None for no
            decay.
        shared: decays of all synapses alike.

    Returns:
        tables [..., C, R, C, G] (None without reads) and [..., C, C, G], zero for writes
        not yet done; reads and query decayed since the chunk's start; columns decayed
        until its end; total decay [..., d] or None.
    """
    count, writes = columns.shape[-3:-1]
    several = reads is not None and reads.shape[-2]
    table, total = None, None
    if factors is None:
        asked = pairs_of(query.unsqueeze(-2), columns).squeeze(-3)
        if several:
            table = pairs_of(reads, columns)
        if shared is None:  # shared decays between tokens are zero where this is
            earlier = torch.ones(
                count, count, dtype=asked.dtype, device=asked.device
            ).tril()
            asked = asked * earlier.unsqueeze(-1)
            if several:
                table = table * (earlier.tril(-1)[:, None, :, None])
    else:
        own = (query.unsqueeze(-2) * columns).sum(-1).unsqueeze(-2)  # [.., C, 1, G]
        # the token's own decay comes before its query
        rows = (query * factors).unsqueeze(-2)
        if several:
            rows = torch.cat([reads, rows], -2)
            own = torch.cat(
                [own.new_zeros(()).expand(*reads.shape[:-1], writes), own], -2
            )
        both, rows, columns, total = scores(rows, columns, factors, own)
        both = both.unflatten(-1, (count, writes)).unflatten(-3, (count, -1))
        *table, asked = both.split([reads.shape[-2], 1] if several else [1], -3)
        *reads, query = rows.split([reads.shape[-2], 1] if several else [1], -2)
        table, reads = (table[0], reads[0]) if several else (None, None)
        asked, query = asked.squeeze(-3), query.squeeze(-2)
    if shared is not None:
        asked = asked * shared.queries
        if several:
            table = table * shared.reads.unsqueeze(-3)
    return table, asked, reads, query, columns, total


def over_states(vectors: torch.Tensor, decays: torch.Tensor) -> torch.Tensor:
    """Scale vectors [..., d] by one factor a state [..., n]: [..., n d], state after
    state."""
    if decays.shape[-1] == 1:
        return vectors * decays
    return (decays.unsqueeze(-1) * vectors.unsqueeze(-2)).flatten(-2)


def last_axes(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Matrix product [..., a, b] x [..., b, c] for tiny b: many matrices of almost no
    size."""
    if left.shape[-1] == 1:
        return left * right
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)
