"""How a slow net commands a gate: maps from the input to the range of the gate."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import nn
from torch.nn import functional

from ...errors import FwpError, pick


def softplus(x: torch.Tensor) -> torch.Tensor:
    """Return log(1 + exp(x)).

    Through logsigmoid: the backward pass of torch's softplus keeps strides that its
    traced form does not tell, on which a compiled layer fails.
    """
    return -functional.logsigmoid(-x)


class Gate(nn.Module):
    """A gate g = f(U x + b), x [batch, token, model_dim] -> [batch, token, head(, dim)].

    Args:
        model_dim: size of the input.
        heads: number of heads.
        dim: numbers a head, or None for a shared gate (one number a head, no last axis).
        domain: (low, high) of the gate.
    """

    def __init__(
        self, model_dim: int, heads: int, dim: int | None, domain: tuple[float, float]
    ):
        super().__init__()
        self.heads, self.dim, self.domain = heads, dim, domain
        self.linear = nn.Linear(model_dim, heads * (dim or 1))

    def forward(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return the gate in ``dtype``."""
        return self.of(self.linear(x).to(dtype))

    def of(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the gate of U x + b [batch, token, head * (dim or 1)]."""
        heads = (self.heads, self.dim)
        return self.squash(raw if self.dim is None else raw.unflatten(-1, heads))

    def squash(self, raw: torch.Tensor) -> torch.Tensor:
        """Map raw numbers to the range of the gate."""
        raise NotImplementedError


class Sigmoid(Gate):
    """low + (high - low) sigmoid(U x + b): the whole of a bounded domain."""

    def squash(self, raw):
        low, high = self.domain
        return low + (high - low) * torch.sigmoid(raw)


class Softplus(Gate):
    """low + softplus(U x + b), or high - softplus(U x + b): a domain with one end."""

    def squash(self, raw):
        low, high = self.domain
        positive = softplus(raw)
        return (
            high - positive if math.isinf(low) and math.isfinite(high) else low + positive
        )


class Identity(Gate):
    """U x + b as it is."""

    def squash(self, raw):
        return raw


class Xlstm(Identity):
    """U x + b with b from 3 to 6 over the heads: a forget gate that starts by keeping.

    Source: Beck et al. 2024 (xLSTM), arXiv:2405.04517.
    """

    def __init__(self, model_dim, heads, dim, domain):
        super().__init__(model_dim, heads, dim, domain)
        start = torch.linspace(3.0, 6.0, heads).repeat_interleave(dim or 1)
        with torch.no_grad():
            self.linear.bias.copy_(start)


class Mamba(Gate):
    """exp(-exp(A) softplus(U x + b)), A [head]: a decay that starts near one.

    At the start exp(A) ~ U(1, 16) and softplus(b) is log-uniform in [1e-3, 0.1].

    Source: Dao & Gu 2024 (Mamba-2), arXiv:2405.21060; as in Yang, Kautz & Hatamizadeh
    2025, arXiv:2412.06464.
    """

    def __init__(self, model_dim, heads, dim, domain):
        super().__init__(model_dim, heads, dim, domain)
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        with torch.no_grad():
            steps = (
                torch.empty_like(self.linear.bias)
                .uniform_(math.log(1e-3), math.log(0.1))
                .exp()
            )
            # softplus(b) = step
            self.linear.bias.copy_(steps + torch.log(-torch.expm1(-steps)))

    def exponent(self, raw: torch.Tensor) -> torch.Tensor:
        """Return exp(A) softplus(raw)."""
        rate = self.log_rate.to(raw.dtype).exp()
        return (rate if self.dim is None else rate[:, None]) * softplus(raw)

    def squash(self, raw):
        return torch.exp(-self.exponent(raw))


class Forget(Mamba):
    """1 - exp(-exp(A) softplus(U x + b)): the share forgotten, where `Mamba` is the share
    kept."""

    def squash(self, raw):
        return -torch.expm1(-self.exponent(raw))


class Gla(Gate):
    """sigmoid(U x + b)^(1/16). Source: Yang et al. 2024 (GLA), arXiv:2312.06635, section
    4.4."""

    def squash(self, raw):
        return torch.exp(functional.logsigmoid(raw) / 16)


class Gsa(Gate):
    """sigmoid(U x + b)^(1/8). Source: Zhang et al. 2024 (GSA), arXiv:2409.07146."""

    def squash(self, raw):
        return torch.exp(functional.logsigmoid(raw) / 8)


class Rwkv7(Gate):
    """exp(-e^(-1/2) sigmoid(U x + b)). Source: Peng et al. 2025 (RWKV-7),
    arXiv:2503.14456."""

    def squash(self, raw):
        return torch.exp(-math.exp(-0.5) * torch.sigmoid(raw))


class Fixed(nn.Module):
    """A gate that the input does not move: one number a head.

    Args:
        numbers: [head].
        dim: as for `Gate`.
    """

    def __init__(self, numbers: torch.Tensor, dim: int | None):
        super().__init__()
        self.dim = dim
        self.register_buffer("numbers", numbers)

    def forward(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return the gate, expanded to [batch, token, head(, dim)]."""
        numbers, heads = self.numbers.to(dtype), len(self.numbers)
        if self.dim is None:
            return numbers.expand(*x.shape[:-1], heads)
        return numbers[:, None].expand(*x.shape[:-1], heads, self.dim)


#: name -> map; "constant" (1 - 2^(-5 - head), RetNet, arXiv:2307.08621) and numbers
#: beside them
KINDS: dict[str, type[Gate]] = {
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "identity": Identity,
    "mamba": Mamba,
    "forget": Forget,
    "gla": Gla,
    "gsa": Gsa,
    "rwkv7": Rwkv7,
    "xlstm": Xlstm,
}


def by_domain(domain: tuple[float, float]) -> str:
    """Return the kind of map whose range is a domain."""
    ends = sum(math.isfinite(end) for end in domain)
    return ("identity", "softplus", "sigmoid")[ends]


def make_gate(
    kind: str | Real | None,
    name: str,
    model_dim: int,
    heads: int,
    dim: int | None,
    domain,
) -> nn.Module:
    """Build the map of one gate.

    Args:
        kind: name in `KINDS`, "constant", a number, or None for the map onto ``domain``.
        name: of the gate, for errors; others as for `Gate`.

    Raises:
        FwpError: unknown kind, or a sigmoid onto a domain without ends.
    """
    if isinstance(kind, Real) and not isinstance(kind, bool):
        if not math.isfinite(kind):
            raise FwpError(
                f"gates: {name!r} fixed to a number must be finite, got {kind!r}"
            )
        return Fixed(torch.full((heads,), float(kind)), dim)
    kind = by_domain(domain) if kind is None else kind
    if pick(kind, (*KINDS, "constant"), f"map of gate {name!r}") == "constant":
        return Fixed(
            1 - 2.0 ** (-5 - torch.arange(heads, dtype=torch.get_default_dtype())), dim
        )
    if kind == "sigmoid" and by_domain(domain) != "sigmoid":
        raise FwpError(
            f"gates: {name!r} has the domain {domain}, which a sigmoid cannot fill; use "
            f"{by_domain(domain)!r}"
        )
    return KINDS[kind](model_dim, heads, dim, domain)
