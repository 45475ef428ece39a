"""MesaNet: the read-out of the best linear map of all pairs seen, solved anew at every
token."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from ...errors import FwpError, pick
from ...validation import real, whole
from .memory_class import Memory, Signals, State
from .memory_parts import heads_first, pairwise_decay
from .registered_memories import register


def conjugate_gradients(
    product: Callable[[torch.Tensor], torch.Tensor], right: torch.Tensor, iterations: int
) -> torch.Tensor:
    """Solve A x = right [..., n] for a symmetric positive A, given as ``product(x) = A
    x``.

    A system stops where its residual is at the rounding of the number format, before 0/0.
    """
    x, residual = torch.zeros_like(right), right
    direction, energy = right, (right * right).sum(-1, keepdim=True)
    enough = energy.detach() * torch.finfo(right.dtype).eps ** 2
    for _ in range(iterations):
        image = product(direction)
        going = energy > enough
        curvature = torch.where(going, (direction * image).sum(-1, keepdim=True), 1.0)
        length = torch.where(going, energy / curvature, 0.0)
        x, residual = x + length * direction, residual - length * image
        new_energy = (residual * residual).sum(-1, keepdim=True)
        ratio = torch.where(going, new_energy / torch.where(going, energy, 1.0), 0.0)
        direction, energy = (
            residual + ratio * direction,
            torch.where(going, new_energy, 0.0),
        )
    return x


def _symmetric(h: torch.Tensor) -> torch.Tensor:
    # equal to h; without it conjugate gradients have no meaningful gradient with respect
    # to h
    return (h + h.mT) / 2


@register
class Mesa(Memory):
    """MesaNet: G_t = gamma G_{t-1} + beta v k', H_t = gamma H_{t-1} + beta k k'.

    Read y_t = G_t (H_t + Lambda)^-1 q: the ridge regression of the values on the keys,
    each pair weighted by its write strength and decay. State ``w`` = G [batch, head,
    value_dim, key_dim] and ``h`` = H [batch, head, key_dim, key_dim]. The ridge Lambda is
    diagonal, from the slow constant ``ridge`` [head, key_dim].

    Args:
        solver: "cg" (conjugate gradients) or "exact".
        iterations: of the conjugate gradients.
        ridge_map: "softplus": Lambda = softplus(ridge) + floor, by default 1; "identity":
            Lambda = ridge.
        floor: least Lambda under "softplus".

    Source: von Oswald et al. 2025 (MesaNet), arXiv:2506.05233.
    """

    name = "mesa"
    aliases = ("mesanet",)
    summary = "ridge regression of all pairs seen, solved at every read"
    citation = "vonoswald2025mesanet"
    no_circuit = "The read-out solves a linear system of all keys at every token."
    homes = {"k": "pre", "v": "post", "gamma": "shared", "beta": "shared"}
    forms = ("step", "parallel")

    def __init__(
        self,
        solver: str = "cg",
        iterations: int = 30,
        ridge_map: str = "softplus",
        floor: float = 0.25,
    ):
        self.solver = pick(solver, ("cg", "exact"), "solver of mesa:")
        self.iterations = whole(iterations, "mesa: iterations", most=10_000)
        self.ridge_map = pick(ridge_map, ("softplus", "identity"), "ridge_map of mesa:")
        if real(floor, "mesa: floor", least=0) >= 1:
            raise FwpError(
                f"mesa: floor must be below 1, the default ridge, got {floor!r}"
            )
        self.floor = floor

    def constants(self, value_dim: int, key_dim: int) -> dict[str, torch.Tensor]:
        one = (
            math.log(math.expm1(1 - self.floor)) if self.ridge_map == "softplus" else 1.0
        )
        return {"ridge": torch.full((key_dim,), one, dtype=torch.float64)}

    def initial(self, batch, heads, value_dim, key_dim, like) -> State:
        state = super().initial(batch, heads, value_dim, key_dim, like)
        return state | {"h": like.new_zeros(batch, heads, key_dim, key_dim)}

    def _ridge(self, signals: Signals) -> torch.Tensor:
        ridge = signals["ridge"]  # [head, key_dim]
        return (
            functional.softplus(ridge) + self.floor
            if self.ridge_map == "softplus"
            else ridge
        )

    def step(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        k, v, q = signals["k"], signals["v"], signals["q"]
        gamma, beta = signals["gamma"][..., None, None], signals["beta"][..., None]
        w = gamma * state["w"] + (beta * v)[..., None] * k[..., None, :]
        h = gamma * state["h"] + (beta * k)[..., None] * k[..., None, :]
        system = _symmetric(h) + torch.diag_embed(self._ridge(signals))
        if self.solver == "exact":
            solved = torch.linalg.solve(system, q)
        else:
            solved = conjugate_gradients(
                lambda x: (system @ x[..., None])[..., 0], q, self.iterations
            )
        return (w @ solved[..., None])[..., 0], {"w": w, "h": h}

    def parallel(self, state: State, signals: Signals) -> tuple[torch.Tensor, State]:
        q, k, v = (heads_first(signals[name]) for name in ("q", "k", "v"))
        gamma, beta = (heads_first(signals[name]) for name in ("gamma", "beta"))
        # decay of the carried state, [batch, head, token, 1]
        since = gamma.cumprod(-1)[..., None]
        weights = pairwise_decay(gamma) * beta[..., None, :]  # [batch, head, i, j]
        ridge = self._ridge(signals)[:, None]  # [head, 1, key_dim]
        carried_h = _symmetric(state["h"])

        # sum_j weights_ij (k_j.x_i) values_j + the carried part
        def against(x, values, carried):
            return ((x @ k.mT) * weights) @ values + since * (x @ carried.mT)

        if self.solver == "cg":  # one product of linear attention each, no H_t is formed
            solved = conjugate_gradients(
                lambda x: against(x, k, carried_h) + ridge * x, q, self.iterations
            )
        else:
            h = torch.einsum("bhij,bhjc,bhjd->bhicd", weights, k, k)
            h = h + since[..., None] * carried_h[:, :, None] + torch.diag_embed(ridge)
            solved = torch.linalg.solve(h, q)
        written = weights[..., -1, :, None] * k
        kept = since[..., -1:, :]
        final = {
            "w": kept * state["w"] + v.mT @ written,
            "h": kept * state["h"] + k.mT @ written,
        }
        return heads_first(against(solved, v, state["w"])), final
