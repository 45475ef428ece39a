"""Receptor antagonists: the blocked fraction of NMDA (AP5) or AMPA (CNQX), and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from ..arguments import inside, takes
from ..errors import FwpError, pick, shown
from ..quantities import quantity
from ..validation import real, whole

#: windows of a token that a drug can be given for; "write" includes the settling of the
#: prediction
WINDOWS = ("always", "write", "read")


@takes(
    fraction=inside("a number from 0 to 1"),
    window=inside("'always', 'write', 'read' or (start, stop) as times"),
    tokens=inside("a range or list of token numbers, or None"),
)
@dataclass(frozen=True)
class Drug:
    """A blocked fraction of a receptor's conductance, with a time window.

    Args:
        fraction: 0 (no block) to 1 (complete block).
        window: "always", "write" (from key onset to the end of the write window of every
            token), "read" (the query window of every token), or (start, stop) as Brian2
            times.
        tokens: restrict the block to these tokens (a range or list); all if None.

    Raises:
        FwpError: a fraction outside 0..1, an unknown window, times without units.
    """

    fraction: float = 1.0
    window: Any = "always"
    tokens: Any = None

    def __post_init__(self):
        name = type(self).__name__
        try:
            real(self.fraction, f"{name} fraction", 0, 1)
        except FwpError:
            legal = "a number from 0 to 1"
            got = shown(self.fraction)
            raise FwpError(f"{name} fraction must be {legal}, got {got}") from None
        if isinstance(self.window, str):
            pick(self.window, WINDOWS, f"{name} window")
        else:
            object.__setattr__(self, "window", _times(self.window, name))
        if self.tokens is not None:
            listed = isinstance(self.tokens, list | tuple | range | np.ndarray)
            try:
                if (
                    not listed
                    or getattr(self.tokens, "ndim", 1) != 1
                    or not len(self.tokens)
                ):
                    raise FwpError
                tokens = tuple(whole(n, "a token", 0) for n in self.tokens)
            except FwpError:
                raise FwpError(
                    f"{name} tokens must be a list of token numbers from 0 on, got "
                    f"{shown(self.tokens)}"
                ) from None
            object.__setattr__(self, "tokens", tokens)

    def _blocked(
        self, spans: dict[str, tuple[int, int]], token_steps: int, tokens: int, dt: float
    ):
        """Return the blocked fraction at every step of the run, [tokens *
        token_steps]."""
        inside = np.zeros((tokens, token_steps))
        if self.window == "always":
            inside[:] = 1
        elif isinstance(self.window, str):
            start, stop = spans[{"write": "shown", "read": "query"}[self.window]]
            inside[:, start:stop] = 1
        else:
            start, stop = (round(min(float(edge) / dt, 1e15)) for edge in self.window)
            if start >= inside.size:
                raise FwpError(
                    f"{type(self).__name__} window starts at {self.window[0]}, after the "
                    f"programme's end at {inside.size * dt:g} s"
                )
            inside.reshape(-1)[start:stop] = 1
        if self.tokens is not None:
            chosen = [n for n in self.tokens if n < tokens]
            if len(chosen) < len(self.tokens):
                raise FwpError(
                    f"{type(self).__name__} tokens {list(self.tokens)} go beyond the "
                    f"programme's {tokens} tokens"
                )
            outside = np.setdiff1d(np.arange(tokens), chosen)
            inside[outside] = 0
        return self.fraction * inside.reshape(-1)


class AP5(Drug):
    """NMDA receptor antagonist: scales the write.

    Args:
        fraction: of the receptors that are blocked, 0 to 1.
        window: "always", "write" (from key onset to the end of the write window of every
            token), "read" (the query window of every token), or (start, stop) as Brian2
            times.
        tokens: restrict the block to these tokens (a range or list); all if None.

    Example:
        >>> fwp_neuro.AP5(0.5, window="write", tokens=[2])  # doctest: +SKIP
    """


class CNQX(Drug):
    """AMPA receptor antagonist: scales the drive through the fast weights and its
    disynaptic inhibition.

    The teacher's pathway is left alone (a modelling choice: local application to the
    basal dendrite).

    Args:
        fraction: of the receptors that are blocked, 0 to 1.
        window: "always", "write" (from key onset to the end of the write window of every
            token), "read" (the query window of every token), or (start, stop) as Brian2
            times.
        tokens: restrict the block to these tokens (a range or list); all if None.

    Example:
        >>> fwp_neuro.CNQX(window="read")  # doctest: +SKIP
    """


def _times(window, name: str) -> tuple:
    legal = f"one of {', '.join(WINDOWS)}, or (start, stop) as times"
    edges = quantity(window, b2.second, f"{name} window", legal)
    if edges.shape != (2,) or not 0 <= edges[0] < edges[1]:
        raise FwpError(f"{name} window must be {legal}, got {shown(window)}")
    return tuple(edges * b2.second)


def combined(drugs, kind: type[Drug], **where) -> np.ndarray | float:
    """Return the blocked fraction over time by all drugs of one kind (independent
    binding)."""
    open_fraction = 1.0
    for drug in drugs:
        if isinstance(drug, kind):
            open_fraction = open_fraction * (1 - drug._blocked(**where))
    return 1 - open_fraction
