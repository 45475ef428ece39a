"""The chunk form of every rule that has a plan; one chunk over all tokens is the parallel
form.

Within a chunk of C micro-steps that starts from the states S (the weights first), the
vectors written, delta, solve one unit lower-triangular system (the UT transform of Yang
et al. 2024, arXiv:2406.06484, here with any decay and any number of reads and writes):

    u = N delta + X S',   delta = P + g u,   y = N_q delta + Q S',   S <- S total + delta' C

where N, N_q hold inner products of reads (queries) and channels under the decays between
their tokens, X, Q the reads and queries under the decays before them, C the channels
under the decays after them. No quotient of cumulative decays occurs (see
`decay_products`), so strong decays are safe.
"""  # noqa: E501

from __future__ import annotations

import torch

from .coefficients import Coefficients
from .decay_products import mix
from .token_pairs import SharedDecays, last_axes, link, over_states, shared_decays
from .written import Chunks, free_decays, written


def right(numbers: Coefficients, state: torch.Tensor, rowwise: bool):
    """Run chunks of a rule whose reads contract the side that its query contracts.

    Args:
        numbers: [batch, head, chunk, C, ...].
        state: [batch, head, f, n c] before the first.
        rowwise: whether each row has a system of its own.

    Returns:
        read-out [batch, head, chunk, C, f] and the state after the last chunk.
    """
    shared = shared_decays(numbers)
    table, asked, reads, query, channels, total = link(
        numbers.reads, numbers.query, numbers.channels, numbers.contracted, shared
    )
    parts = _chunks(numbers, table, reads, channels, total, shared)
    delta, starts, state = written(parts, state, rowwise)
    if shared is not None:
        query = over_states(query, shared.before_query)
    return _readout(asked, delta, query @ starts.mT, numbers.free), state


def left(numbers: Coefficients, state: torch.Tensor, rowwise: bool):
    """Run chunks of a left-acting rule: its query lies on the free side of the plan.

    Arguments and results as for `right`, with the read-out on the contracted side.
    """
    shared = shared_decays(numbers)
    nothing = numbers.channels[..., 0, :]
    table, _, reads, _, channels, total = link(
        numbers.reads, nothing, numbers.channels, numbers.contracted, shared
    )
    parts = _chunks(numbers, table, reads, channels, total, shared)
    delta, starts, state = written(parts, state, rowwise)
    _, asked, _, query, _, _ = link(None, numbers.query, delta, numbers.free, shared)
    since = query @ starts  # [.., C, n c]
    if shared is not None:
        size = shared.before_query.shape[-1]
        since = (since.unflatten(-1, (size, -1)) * shared.before_query.unsqueeze(-1)).sum(
            -2
        )
    return _readout(asked, numbers.channels, since, numbers.contracted), state


def _readout(asked, vectors, since, factors) -> torch.Tensor:
    """Add what the chunk wrote, vectors [.., C, G, d] by asked [.., C, C, G], to what was
    there."""
    if factors is None:
        return since + asked.flatten(-2) @ vectors.flatten(-3, -2)
    mixed, before, _, _ = mix(asked.flatten(-2), vectors, factors)
    own = asked.diagonal(dim1=-3, dim2=-2).mT.unsqueeze(-2)  # [.., C, 1, G]
    return (mixed + since * before) * factors + last_axes(own, vectors).squeeze(-2)


def _chunks(numbers, table, rows, channels, total, shared: SharedDecays | None) -> Chunks:
    if shared is not None:
        channels = over_states(channels, shared.after)
        if table is not None:
            rows = over_states(rows, shared.before_read.unsqueeze(-2))
    return Chunks(
        table, rows if table is not None else None, channels, numbers.inputs,
        numbers.gains, total, None if shared is None else shared.total,
        free_decays(numbers),
    )  # fmt: skip
