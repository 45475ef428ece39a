"""The Lenz-Ising (Amari-Hopfield) network: memories as attractors of its activity."""

from __future__ import annotations

import torch

from ...errors import FwpError, pick
from ...validation import whole
from ..tracing import unreadable
from .parts import read
from .recurrent_class import Recurrent
from .registered_networks import register

#: patterns for each cell beyond which random patterns are no longer attractors, for many
#: cells (Amit, Gutfreund & Sompolinsky 1985, Phys. Rev. Lett. 55:1530,
#: doi:10.1103/PhysRevLett.55.1530)
CAPACITY = 0.138


def store(patterns: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Return Hebbian weights W = sum_p s_p s_p' with a zero diagonal.

    Without a factor 1/N, as in the source: the weights are whole numbers, so that a field
    of zero is exactly zero in every precision.

    Args:
        patterns: entries +1 or -1, [..., pattern, N].
        weights: [..., N, N] to add to; zero if None.

    Raises:
        FwpError: an entry is neither +1 nor -1 (not checked where a trace cannot read
            them).

    Source: Hopfield 1982, eq. 2 (with 0/1 cells there); Amari 1972.
    """
    if not unreadable() and not (patterns.abs() == 1).all():
        raise FwpError(
            "store: every entry of patterns must be +1 or -1; take their sign first"
        )
    new = patterns.transpose(-1, -2) @ patterns
    new = new * (1 - torch.eye(new.shape[-1], dtype=new.dtype, device=new.device))
    return new if weights is None else weights + new


def energy(weights: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Return E = -s' W s / 2: weights [..., N, N], state [..., N] -> [...].

    With symmetric weights and a zero diagonal an asynchronous update never raises it.
    Source: Hopfield 1982, eq. 7; the Ising energy without an outer field.
    """
    return -0.5 * (state * read(weights, state)).sum(-1)


def recall(
    weights: torch.Tensor,
    state: torch.Tensor,
    sweeps: int = 10,
    update: str = "asynchronous",
    order: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the state after updates s_i <- sign(sum_j W_ij s_j).

    A cell whose input is zero keeps its state. It stops early where nothing changes any
    more.

    Args:
        weights: [..., N, N].
        state: entries +1 or -1, [..., N]; not changed in place.
        sweeps: most updates of every cell.
        update: "asynchronous" (one cell after the other) or "synchronous" (all at once;
            it may end in a cycle of two states).
        order: cells in the order of an asynchronous sweep; 0 .. N-1 if None.

    Raises:
        FwpError: unknown update, or sweeps is no whole number of at least 0.
    """
    whole(sweeps, "recall: sweeps", 0)
    pick(update, ("asynchronous", "synchronous"), "update of recall:")
    cells = range(state.shape[-1]) if order is None else order.tolist()
    for _ in range(sweeps):
        before = state
        if update == "synchronous":
            state = _sign(read(weights, state), state)
        else:
            state = state.clone()
            for cell in cells:
                field = (weights[..., cell, :] * state).sum(-1)
                state[..., cell] = _sign(field, state[..., cell])
        # a settled state stays as it is, so that going on where nobody can look is only
        # slower
        if not unreadable() and torch.equal(state, before):
            break
    return state


def _sign(field: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return torch.where(field == 0, state, field.sign())


@register
class Hopfield(Recurrent):
    """The Lenz-Ising network as a memory of the signs of its inputs.

        s_t = sign(x_t)                                     (+1 at zero)
        y_t = the state that recall reaches from s_t with W_{t-1}
        W_t = W_{t-1} + s_t s_t' - I,  W_0 = 0        [N, N], N = model_dim

    It recalls before it stores, so that y_t tells what the earlier inputs make of x_t;
    with no pattern stored y_1 = s_1. About 0.138 N random patterns can be stored
    (`CAPACITY`). It has no parameters, and signs pass no gradient.

    Args:
        sweeps: most updates of every cell for one token.
        update: "asynchronous" or "synchronous", as for `recall`.

    Raises:
        FwpError: an option is not legal.

    Source: Hopfield 1982, PNAS 79:2554, doi:10.1073/pnas.79.8.2554; learning in the
    network of Lenz 1920 and Ising 1925 (doi:10.1007/BF02980577) by Amari 1972, IEEE
    Trans. Comput. C-21:1197, doi:10.1109/T-C.1972.223477.
    """

    name = "hopfield"
    aliases = ("lenz_ising", "amari_hopfield")
    summary = "Lenz-Ising network: earlier inputs are attractors of its activity"
    citation = "hopfield1982neural; amari1972learning; lenz1920beitrag; ising1925beitrag"
    no_circuit = (
        "It recalls by letting its activity settle over many updates for one token, "
        "while a circuit here reads its fast weights once."
    )

    def __init__(self, model_dim: int, sweeps: int = 10, update: str = "asynchronous"):
        super().__init__(model_dim)
        self.sweeps = whole(sweeps, f"{self.name}: sweeps", 0)
        self.update = pick(
            update, ("asynchronous", "synchronous"), f"update of {self.name}:"
        )
        # without parameters it is this that `double` and `to` move
        self.register_buffer("like", torch.zeros(()), persistent=False)

    def initial(self, batch):
        return {"w": self.zeros(batch, self.model_dim, self.model_dim)}

    def step(self, x, state):
        pattern = _sign(x, torch.ones_like(x)).detach()
        y = recall(state["w"], pattern, self.sweeps, self.update)
        return y, {"w": store(pattern.unsqueeze(-2), state["w"])}
