"""The prefix scan of an elementwise affine recurrence over all tokens at once."""

from __future__ import annotations

import torch


def scan(decay: torch.Tensor, write: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Return every state of c_t = a_t c_{t-1} + b_t.

    Recursive doubling with the associative product (a1, b1)(a2, b2) = (a1 a2, a2 b1 +
    b2): about log2(token) passes. It multiplies decays and never divides by one, so a
    decay of zero, or a product of decays that underflows, does no harm.

    Args:
        decay, write: a and b, [batch, token, ...].
        start: c_0, [batch, ...].

    Returns:
        c [batch, token, ...].

    Source: Hillis & Steele 1986, doi:10.1145/7902.7903; Blelloch 1990, Prefix sums and
    their applications, CMU-CS-90-190.
    """
    first = write[:, :1] + decay[:, :1] * start.unsqueeze(1)
    state = torch.cat((first, write[:, 1:]), 1)
    shift = 1
    while shift < state.shape[1]:
        state = torch.cat(
            (state[:, :shift], state[:, shift:] + decay[:, shift:] * state[:, :-shift]), 1
        )
        decay = torch.cat((decay[:, :shift], decay[:, shift:] * decay[:, :-shift]), 1)
        shift *= 2
    return state
