"""Fast-weight programmes that track a state exactly, written by hand: nothing is trained.

A delta write of value 0 multiplies the fast weights by I - beta k k'. At write strength 2
and
|k| = 1 that is a reflection, and products of reflections are parities, permutations and rotations.
Each function returns what `fwp_neuro.artificial.apply` takes, for one head:

    programme = reflect_permutations(elements)
    y, _ = apply(programme.rule, **programme.signals, form="step")
    programme.decode(y)                            # [batch, token] the tracked state

``strength`` below 2 is the largest write strength that the memory can have: at 1 and
below, no eigenvalue is negative, and the state is lost.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from ..errors import FwpError
from ..rules import Rule, rule
from ..rules.catalogue import delta_product
from ..tasks.groups import checked_words, exchange_keys, exchanges_of
from ..validation import real, whole


@dataclass(frozen=True, eq=False)
class Programme:
    """A rule, its signals (float64, ready for `apply`) and how to read the state.

    Args:
        rule: the rule to run.
        signals: arguments of `apply`: query, key, value [batch, token, 1, dim], gates
            [batch, token, 1], initial_state [batch, 1, value_dim, key_dim].
        decode: read-out [batch, token, 1, value_dim] -> int [batch, token].
    """

    rule: Rule
    signals: dict[str, torch.Tensor]
    decode: Callable[[torch.Tensor], np.ndarray] = field(repr=False)


def reflect_parity(bits, strength: float = 2.0) -> Programme:
    """Track the parity of a stream of bits in one synapse: W_t = W_{t-1} (1 - 2 x_t), W_0
    = 1.

    Args:
        bits: int [batch, token], 0 or 1.
        strength: write strength of a 1, at most 2.

    Source: Grazzi et al. 2025 (arXiv:2411.12537), theorem 1 and its converse: a negative
    eigenvalue is needed, and enough.
    """
    bits = checked_words(bits, 2, "reflect_parity: bits")
    strength = real(strength, "reflect_parity: strength", 0, 2)
    one = np.ones((*bits.shape, 1))
    return _programme(
        rule("delta"),
        np.ones(1),
        np.eye(1),
        [(one, strength * (bits == 1))],
        lambda y: (y[..., 0] < 0).astype(int),
    )


def reflect_permutations(
    words, elements, micro_writes: int | None = None, strength: float = 2.0
) -> Programme:
    """Track the product of a stream of permutations with reflections that exchange two
    points.

    W_t = W_{t-1} P(x_t)', W_0 = I and q = (0, 1, .., n - 1), so that the read-out [n] is
    the permutation y_t = x_t o y_{t-1} itself. P(x)' is a product of at most n - 1
    exchanges of points i and j, each I - 2 k k' with k = (e_i - e_j)/sqrt(2), one
    micro-write of DeltaProduct; a stream of single exchanges needs the plain delta rule
    only.

    Args:
        words: int [batch, token], numbers of elements.
        elements: int [element, n] the permutations (see
            `fwp_neuro.tasks.group_elements`).
        micro_writes: of the DeltaProduct rule; as many as the words need, if None. One is
            delta.
        strength: write strength of an exchange, at most 2.

    Raises:
        FwpError: an argument is not legal, or the words need more micro-writes.

    Source: Grazzi et al. 2025 (arXiv:2411.12537), theorem 3; Siems et al. 2025
    (DeltaProduct, arXiv:2502.10297).
    """
    elements = np.asarray(elements)
    words = checked_words(words, len(elements), "reflect_permutations: words")
    strength = real(strength, "reflect_permutations: strength", 0, 2)
    exchanges = [exchanges_of(elements[number]) for number in np.unique(words)]
    needed = max(map(len, exchanges), default=0)
    micro_writes = (
        max(needed, 1) if micro_writes is None else whole(micro_writes, "micro_writes")
    )
    if micro_writes < needed:
        raise FwpError(
            f"reflect_permutations: micro_writes is {micro_writes}, but some of these "
            f"permutations are products of {needed} exchanges"
        )
    size = elements.shape[1]
    key, used = exchange_keys(elements, micro_writes)
    beta = strength * used
    numbers = {tuple(element): number for number, element in enumerate(elements.tolist())}
    codes = size ** np.arange(size)
    lookup = np.full(size**size, -1)
    for element, number in numbers.items():
        lookup[codes @ np.array(element)] = number

    def decode(y: np.ndarray) -> np.ndarray:
        points = np.clip(np.rint(y), 0, size - 1).astype(int)
        return lookup[points @ codes]  # -1: the read-out is no permutation of the group

    writes = [(k[words], b[words]) for k, b in zip(key, beta, strict=True)]
    chosen = (
        rule("delta")
        if micro_writes == 1
        else delta_product(micro_writes, "delta_product_n")
    )
    return _programme(chosen, np.arange(size), np.eye(size), writes, decode)


def rotate(steps, positions: int, strength: float = 2.0) -> Programme:
    """Count modulo m with two reflections a token: together a rotation by 2 pi step / m.

    Keys k1 = (1, 0) and k2 = (cos a, sin a) with a = pi step / m: the rotation goes by
    twice the angle between the keys. W_0 = I, q = (1, 0), the angle of the read-out is
    the state.

    Args:
        steps: int [batch, token], the moves.
        positions: m, the size of the cycle.
        strength: write strength of both reflections, at most 2.

    Source: Siems et al. 2025 (DeltaProduct, arXiv:2502.10297); Grazzi et al. 2025
    (arXiv:2411.12537), theorem 2: m > 2 needs complex eigenvalues.
    """
    positions = whole(positions, "rotate: positions", least=2)
    steps = np.asarray(steps)
    if steps.ndim != 2 or steps.dtype.kind not in "iu":
        raise FwpError(
            f"rotate: steps must be int [batch, token], got {steps.dtype} {steps.shape}"
        )
    strength = real(strength, "rotate: strength", 0, 2)
    angle = np.pi * steps / positions
    first = np.tile([1.0, 0.0], (*steps.shape, 1))
    second = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    moved = strength * (steps != 0)

    def decode(y: np.ndarray) -> np.ndarray:
        turn = np.arctan2(y[..., 1], y[..., 0]) / (2 * np.pi)
        return np.rint(positions * turn).astype(int) % positions

    # rows of W turn the other way than columns, hence k2 before k1
    writes = [(second, moved), (first, moved)]
    return _programme(delta_product(2), np.array([1.0, 0.0]), np.eye(2), writes, decode)


def _programme(chosen, query, start, writes, decode) -> Programme:
    """Lay out one head: the same query at every token, values 0, one (key, beta) a
    micro-write."""
    batch, tokens = writes[0][1].shape
    nothing = torch.zeros(batch, tokens, 1, len(start), dtype=torch.float64)
    signals = {"query": torch.tensor(np.broadcast_to(query * 1.0, nothing.shape))}
    for n, (key, beta) in enumerate(writes, start=1):
        names = ("key", "value", "beta") if n == 1 else (f"k{n}", f"v{n}", f"beta{n}")
        arrays = (
            torch.tensor(key)[:, :, None],
            nothing,
            torch.tensor(beta * 1.0)[:, :, None],
        )
        signals |= dict(zip(names, arrays, strict=True))
    if "alpha" in chosen.gates:
        signals["alpha"] = torch.ones_like(signals["beta"])
    state = torch.tensor(start * 1.0).expand(batch, 1, *start.shape)
    return Programme(
        chosen,
        signals | {"initial_state": state},
        lambda y: decode(torch.as_tensor(y)[:, :, 0].numpy()),
    )
