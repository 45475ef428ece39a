"""Products of decays between all pairs of tokens, by halving: no division, no logarithm.

The decay from token s to token t, the product of all factors strictly between them, is
split at a point between the two, so that only products of factors appear. Nothing
overflows that the plain recurrence would not, zeros and negative factors are exact, and
so are gradients. (A quotient of cumulative products, the textbook form, loses all digits
for strong decays.)

Blocks of 1, 2, 4, ... tokens are joined pairwise; every function takes a power of two of
tokens.
"""

from __future__ import annotations

import torch


def _halves(x: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Split blocks along ``dim`` into first and second of each pair."""
    first, second = x.unflatten(dim, (-1, 2)).unbind(dim + 1 if dim >= 0 else dim)
    return first, second


def _joined(first, corner, second) -> torch.Tensor:
    """Join lower-triangular blocks [.., r, c] to [[first, 0], [corner, second]]."""
    top = torch.cat([first, torch.zeros_like(corner)], -1)
    return torch.cat([top, torch.cat([corner, second], -1)], -2)


def pair_products(factors: torch.Tensor):
    """Multiply shared factors between all pairs of tokens.

    Args:
        factors: [..., C, n, n], the carry of n states over each token.

    Returns:
        between [..., C, C, n, n]: the product over the tokens strictly between s (last)
        and t (first), 0 unless s < t; before [..., C, n, n]: over all tokens before t;
        after: over all tokens after s; total [..., n, n].
    """
    join = torch.mul if factors.shape[-1] == 1 else torch.matmul
    one = torch.eye(factors.shape[-1], dtype=factors.dtype, device=factors.device)
    total = factors  # [..., blocks, n, n]
    before = after = one.expand_as(factors).unsqueeze(-3)  # [..., blocks, size, n, n]
    # [..., blocks, size, size, n, n]
    between = torch.zeros_like(factors)[..., None, None, :, :]
    while total.shape[-3] > 1:
        total_1, total_2 = _halves(total, -3)
        before_1, before_2 = _halves(before, -4)
        after_1, after_2 = _halves(after, -4)
        between_1, between_2 = _halves(between, -5)
        corner = join(before_2[..., :, None, :, :], after_1[..., None, :, :, :])
        nothing = torch.zeros_like(corner)
        between = torch.cat(
            [torch.cat([between_1, nothing], -3), torch.cat([corner, between_2], -3)], -4
        )
        before = torch.cat([before_1, join(before_2, total_1.unsqueeze(-3))], -3)
        after = torch.cat([join(total_2.unsqueeze(-3), after_1), after_2], -3)
        total = join(total_2, total_1)
    return (
        between[..., 0, :, :, :, :],
        before[..., 0, :, :, :],
        after[..., 0, :, :, :],
        total[..., 0, :, :],
    )


def scores(
    rows: torch.Tensor, columns: torch.Tensor, factors: torch.Tensor, own: torch.Tensor
):
    """Inner products under a decay of each dimension.

    Args:
        rows: [..., C, R, d], vectors that read at a token, R a token.
        columns: [..., C, G, d], vectors written at a token, G a token.
        factors: [..., C, d], the decay of each dimension over each token.
        own: [..., C, R, G], what stands for the product of a row and a column of one
            token.

    Returns:
        between [..., C R, C G]: sum_d row_t (product of the factors strictly between)
        column_s for s < t, ``own`` for s = t, else 0; rows with all factors before them
        [..., C, R, d]; columns with all factors after them [..., C, G, d]; total [...,
        d].
    """
    count, reads, writes = factors.shape[-2], rows.shape[-2], columns.shape[-2]
    total = factors  # [..., blocks, d]
    between = own  # [..., blocks, size R, size G]
    size = 1
    while size < count:
        rows_1, rows_2 = _halves(rows, -3)
        columns_1, columns_2 = _halves(columns, -3)
        total_1, total_2 = _halves(total, -2)
        first, second = _halves(between, -3)
        corner = rows_2 @ columns_1.mT
        between = _joined(first, corner, second)
        rows = torch.cat([rows_1, rows_2 * total_1.unsqueeze(-2)], -2)
        columns = torch.cat([columns_1 * total_2.unsqueeze(-2), columns_2], -2)
        total = total_1 * total_2
        size *= 2
    return (
        between[..., 0, :, :],
        rows[..., 0, :, :].unflatten(-2, (count, reads)),
        columns[..., 0, :, :].unflatten(-2, (count, writes)),
        total[..., 0, :],
    )


def mix(weights: torch.Tensor, vectors: torch.Tensor, factors: torch.Tensor):
    """Weighted sums of earlier vectors, each dimension decaying on its way.

    Args:
        weights: [..., C, C G], how much token t takes of the vectors of token s.
        vectors: [..., C, G, d].
        factors: [..., C, d], the decay of each dimension over each token.

    Returns:
        mixed [..., C, d]: sum over s < t and its vectors of weight_ts (product of the
        factors strictly between) vector_s; before [..., C, d]: all factors before t;
        vectors with all factors after them [..., C, G, d]; total [..., d].
    """
    count, writes = factors.shape[-2], vectors.shape[-2]
    total = factors
    before = torch.ones_like(factors).unsqueeze(-2)  # [..., blocks, size, d]
    mixed = torch.zeros_like(before)
    size = 1
    while size < count:
        vectors_1, vectors_2 = _halves(vectors, -3)
        total_1, total_2 = _halves(total, -2)
        before_1, before_2 = _halves(before, -3)
        mixed_1, mixed_2 = _halves(mixed, -3)
        pairs = weights.unflatten(-1, (-1, 2, size * writes)).unflatten(-4, (-1, 2, size))
        # [..., blocks t, half t, size, blocks s, half s, size G] -> the corner of each
        # diagonal one
        corner = (
            pairs.select(-2, 0).select(-4, 1).diagonal(dim1=-4, dim2=-2).movedim(-1, -3)
        )
        mixed = torch.cat([mixed_1, mixed_2 + before_2 * (corner @ vectors_1)], -2)
        before = torch.cat([before_1, before_2 * total_1.unsqueeze(-2)], -2)
        vectors = torch.cat([vectors_1 * total_2.unsqueeze(-2), vectors_2], -2)
        total = total_1 * total_2
        size *= 2
    return (
        mixed[..., 0, :, :],
        before[..., 0, :, :],
        vectors[..., 0, :, :].unflatten(-2, (count, writes)),
        total[..., 0, :],
    )
