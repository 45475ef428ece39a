"""The registered rules, each a text with its sources.

Equations follow the papers cited, read after write (y_t = W_t q_t), with no hidden
scaling of q and no feature map: those belong to the slow net that emits the programme.
"""

from __future__ import annotations

import math

from ..symbolic.objective import Objective
from ..validation import positive, real
from .rule import Reduction, Rule

_SHARED_BETA = {"beta": "shared"}
_LOW_RANK = "peng2025rwkv7; yang2024fla, ops/generalized_delta_rule"
#: limits of gates: what is left of a weight; the strength of an error-correcting write to
#: a unit key, whose eigenvalue 1 - beta then lies in [-1, 1]; that of a write that
#: corrects nothing
_DECAY, _STRENGTH, _POSITIVE = (0.0, 1.0), (0.0, 2.0), (0.0, math.inf)
_PRIMER = "irie2025fast"


def delta_product(micro_writes: int, name: str = "delta_product") -> Rule:
    """DeltaProduct: ``micro_writes`` delta steps within one token, after one scalar
    decay.

    Signals k, v, beta for the first micro-write; k2, v2, beta2, ... for the next ones.
    Source: Siems et al. 2025, arXiv:2502.10297.
    """
    tags = ["", *(str(n) for n in range(2, micro_writes + 1))]
    writes = [f"w += beta{n}*(v{n} - read(k{n}))*k{n}" for n in tags]
    gates = {"alpha": "shared", **{f"beta{n}": "shared" for n in tags}}
    return Rule(
        name,
        "\n".join(["w = alpha*w", *writes]),
        gates=gates,
        signals={
            **{f"k{n}": "pre" for n in tags[1:]},
            **{f"v{n}": "post" for n in tags[1:]},
        },
        citation="siems2025deltaproduct",
        objective=Objective(
            (f"beta{tags[-1]}/2*(v{tags[-1]} - read(k{tags[-1]}))**2",), "decayed",
            "of the last write; each write is such a step",
        ),
        summary=f"{micro_writes} delta micro-writes a token",
        domains={f"beta{n}": (0.0, 2.0) for n in tags},
        limits=dict(alpha=_DECAY),
        reductions=[Reduction("gated_delta", {f"beta{n}": "0" for n in tags[1:]}, {})],
        aliases=() if micro_writes != 2 else ("deltaproduct",),
    )


def preconditioned_delta(
    squash: float = 1.5,
    center: float = -0.2,
    eps: float = 1e-6,
    name: str = "preconditioned_delta",
) -> Rule:
    """Gated delta rule whose write gain at each presynaptic line falls with its past
    activity.

    A second state h sums the squared keys, h = gamma h + rho k^2, and the key of the
    write (not that of the read) is multiplied by M = squash^(-r/(1 + |r|)), r = log(h +
    eps) - center, which lies between 1/squash and squash. h starts at zero and is the
    same at all synapses of one presynaptic line (a start below zero counts by its size).

    Args:
        squash: largest factor; 1 leaves the gated delta rule.
        center: log h at which the factor is one; the source learns one for each head.
        eps: added to h.
        name: of the rule.

    Raises:
        FwpError: ``squash`` below 1, or a number that is not finite.

    Source: Tumma, Loo & Rus 2026, arXiv:2604.21100. Equation and constants were looked up
    in the authors' reference code (flash-linear-attention, ops/precond_gated_delta_rule),
    which also scales q and k to unit length: that belongs to the slow net here.
    """
    gain = -math.log(real(squash, f"{name}: squash", least=1))
    eps, center = positive(eps, f"{name}: eps"), real(center, f"{name}: center")
    depth = f"log(abs(h) + {eps!r}) {'-' if center > 0 else '+'} {abs(center)!r}"
    factor = f"exp({gain!r}*({depth})/(1 + abs({depth})))"
    return Rule(
        name,
        f"h = gamma*h + rho*k*k\nw = alpha*w\nw += beta*(v - read(k))*k*{factor}",
        gates={**dict.fromkeys(("gamma", "rho", "alpha"), "shared"), **_SHARED_BETA},
        states=("h",),
        citation="tumma2026preconditioned",
        limits=dict(gamma=_DECAY, rho=_POSITIVE, alpha=_DECAY, beta=_STRENGTH),
        summary="gated delta whose write gain at a key line falls with the line's past "
        "activity",
    )


CATALOGUE = [
    Rule(
        "hebb",
        "w += beta*v*k",
        gates=_SHARED_BETA,
        citation=f"schlag2021linear, eqs 8-11; {_PRIMER}",
        limits=dict(beta=_POSITIVE),
        summary="Hebbian outer product (unnormalised linear attention)",
        objective=Objective(
            ("-beta*v*read(k)",), "before", "unbounded below; " + _PRIMER
        ),
        aliases=("linear_attention",),
    ),
    Rule(
        "decayed_hebb",
        "w = alpha*w\nw += beta*v*k",
        gates={"alpha": "shared", **_SHARED_BETA},
        citation="sun2023retentive; dao2024transformers",
        limits=dict(alpha=_DECAY, beta=_POSITIVE),
        summary="scalar decay, then Hebbian write (RetNet: constant decay; Mamba-2: "
        "gated)",
        objective=Objective(
            ("-beta*v*read(k)", "(1 - alpha)/2*w**2"), "before", "decay = weight decay"
        ),
        reductions=[Reduction("hebb", {"alpha": "1"}, {})],
        aliases=("retnet", "mamba2"),
    ),
    Rule(
        "gla",
        "w = alpha*w\nw += v*k",
        gates={"alpha": "pre"},
        citation="yang2024gated",
        limits=dict(alpha=_DECAY),
        summary="decay for each key dimension, then Hebbian write",
        objective=Objective(("-v*read(k)", "(1 - alpha)/2*w**2"), "before"),
        reductions=[Reduction("decayed_hebb", {}, {"beta": "1"})],
        aliases=("gated_linear_attention",),
    ),
    Rule(
        "hgrn2",
        "w = alpha*w\nw += v*(1 - alpha)",
        gates={"alpha": "pre"},
        citation="qin2024hgrn2",
        limits=dict(alpha=_DECAY),
        summary="gated linear attention whose key is one minus the decay",
        objective=Objective(("-v*read(1 - alpha)", "(1 - alpha)/2*w**2"), "before"),
        reductions=[Reduction("gla", {}, {"k": "1 - alpha"})],
    ),
    Rule(
        "delta",
        "w += beta*(v - read(k))*k",
        gates=_SHARED_BETA,
        citation="schlag2021linear, eqs 20-25; yang2024parallelizing",
        limits=dict(beta=_STRENGTH),
        summary="error-correcting write (DeltaNet)",
        objective=Objective(("beta/2*(v - read(k))**2",), "before", "Widrow & Hoff 1960"),
        aliases=("deltanet",),
    ),
    Rule(
        "gated_delta",
        "w = alpha*w\nw += beta*(v - read(k))*k",
        gates={"alpha": "shared", **_SHARED_BETA},
        citation="yang2025gated, eq. 8",
        limits=dict(alpha=_DECAY, beta=_STRENGTH),
        summary="scalar decay, then error-correcting write with the decayed weights",
        objective=Objective(("beta/2*(v - read(k))**2",), "decayed"),
        reductions=[Reduction("delta", {"alpha": "1"}, {})],
        aliases=("gated_deltanet",),
    ),
    Rule(
        "delta_then_decay",
        "w += beta*(v - read(k))*k\nw = alpha*w",
        gates={"alpha": "shared", **_SHARED_BETA},
        citation="this package: the other order of the two statements of yang2025gated",
        limits=dict(alpha=_DECAY, beta=_STRENGTH),
        summary="error-correcting write, then scalar decay",
        objective=Objective(
            ("alpha*beta/2*(v - read(k))**2", "(1 - alpha)/2*w**2"), "before"
        ),
        reductions=[Reduction("delta", {"alpha": "1"}, {})],
    ),
    Rule(
        "leaky_delta",
        "w = alpha*w + (write*v - erase*read(k))*k",
        gates={"alpha": "shared", "erase": "shared", "write": "shared"},
        citation="this package: exact solution of dW/dt = -W/tau + b (v - W k) k' over a "
        "token",
        limits=dict(alpha=_DECAY, erase=_POSITIVE, write=_POSITIVE),
        summary="decay during the write: separate erase and write gains",
        objective=Objective(
            ("erase/2*read(k)**2 - write*v*read(k)", "(1 - alpha)/2*w**2"), "before"
        ),
        reductions=[
            Reduction("delta", {"alpha": "1", "erase": "beta", "write": "beta"}, {}),
            Reduction("gated_delta", {"erase": "alpha*beta", "write": "beta"}, {}),
        ],
    ),
    Rule(
        "kimi_delta",
        "w = alpha*w\nw += beta*(v - read(k))*k",
        gates={"alpha": "pre", **_SHARED_BETA},
        citation="kimi2025kimi, eq. 1",
        limits=dict(alpha=_DECAY, beta=_STRENGTH),
        summary="decay for each key dimension, then error-correcting write",
        objective=Objective(("beta/2*(v - read(k))**2",), "decayed"),
        reductions=[Reduction("gated_delta", {}, {})],
        aliases=("kda",),
    ),
    Rule(
        "gdn2",
        "w = alpha*w\nw += (write*v - read(erase*k))*k",
        gates={"alpha": "pre", "erase": "pre", "write": "post"},
        citation="hatamizadeh2026gated; equation as given in the flash-linear-attention "
        "library (ops/gdn2)",
        limits=dict(alpha=_DECAY, erase=_STRENGTH, write=_POSITIVE),
        summary="decay, erase gate for each key dimension, write gate for each value "
        "dimension",
        reductions=[Reduction("kimi_delta", {"erase": "beta", "write": "beta"}, {})],
    ),
    Rule(
        "comba",
        "w = alpha*w + beta*(v - read(p))*k",
        gates={"alpha": "shared", **_SHARED_BETA},
        signals={"p": "pre"},
        citation="hu2025comba",
        limits=dict(alpha=_DECAY, beta=_STRENGTH),
        summary="error-correcting write with the undecayed error, erased along its own "
        "key p",
        reductions=[Reduction("delta", {"alpha": "1", "p": "k"}, {})],
    ),
    Rule(
        "longhorn",
        "w += beta/(1 + beta*pool(k*k))*(v - read(k))*k",
        gates={"beta": "post"},
        citation="liu2024longhorn (exact form, before its diagonal approximation)",
        limits=dict(beta=_POSITIVE),
        summary="implicit delta step: write strength divided by pooled key activity",
        objective=Objective(("beta/2*(v - read(k))**2",), "after", "proximal step"),
        reductions=[Reduction("delta", {}, {"beta": "beta/(1 + beta*pool(k*k))"})],
    ),
    Rule(
        "rwkv7",
        "w = decay*w - read(kappa)*a*kappa + v*k",
        gates={"decay": "pre", "a": "pre"},
        signals={"kappa": "pre"},
        citation="peng2025rwkv7",
        limits=dict(decay=_DECAY, a=_STRENGTH),
        summary="decay for each key dimension and an erase along its own removal key",
        domains={"decay": (0.545, 1.0)},
        reductions=[
            Reduction(
                "delta", {"decay": "1", "a": "beta", "kappa": "k", "v": "beta*v"}, {}
            )
        ],
    ),
    Rule(
        "iplr",
        "w += read(a)*b + v*k",
        signals={"a": "pre", "b": "pre"},
        citation=_LOW_RANK,
        summary="identity plus rank one: reads along a, writes what it read along b, "
        "then Hebb",
        reductions=[
            Reduction("delta", {"a": "-k", "b": "beta*k", "v": "beta*v"}, {}),
            Reduction("hebb", {"a": "0*k"}, {"beta": "1"}),
        ],
        aliases=("identity_plus_low_rank",),
    ),
    Rule(
        "dplr",
        "w = decay*w + read(a)*b + v*k",
        gates={"decay": "pre"},
        limits=dict(decay=_DECAY),
        signals={"a": "pre", "b": "pre"},
        citation=_LOW_RANK,
        summary="diagonal plus rank one: decay for each key dimension and a free erase "
        "direction",
        reductions=[
            Reduction("iplr", {"decay": "1"}, {}),
            Reduction("gla", {"decay": "alpha", "a": "0*k"}, {}),
            Reduction("rwkv7", {"a": "-kappa", "b": "a*kappa"}, {}),
        ],
        aliases=("diagonal_plus_low_rank",),
    ),
    delta_product(2),
    Rule(
        "oja",
        "w += beta*v*(k - back(v))",
        gates=_SHARED_BETA,
        citation="oja1982simplified; matrix form of irie2022neural",
        limits=dict(beta=_STRENGTH),
        summary="Oja in matrix form: needs the back-projection of v, so it is not local",
        objective=Objective(
            ("beta/2*(k - back(v))**2",), "before", "reconstructs the key from the value"
        ),
    ),
    Rule(
        "oja_neuron",
        "w += beta*v*(k - v*w)",
        gates=_SHARED_BETA,
        citation="oja1982simplified, eq. 3",
        limits=dict(beta=_STRENGTH),
        summary="Oja for each neuron: local, every row decays with its own v squared",
        objective=Objective(("-beta*v*read(k)", "beta/2*v**2*w**2"), "before"),
    ),
    Rule(
        "gated_oja",
        "w = alpha*w\nw += beta*v*(k - back(v))",
        gates={"alpha": "post", **_SHARED_BETA},
        citation="Hu, J., OJA.pdf, with yang2024fla, ops/gated_oja_rule; "
        "oja1982simplified",
        limits=dict(alpha=_DECAY, beta=_STRENGTH),
        summary="decay for each value dimension, then Oja in matrix form",
        objective=Objective(("beta/2*(k - back(v))**2",), "decayed"),
        reductions=[Reduction("oja", {"alpha": "1"}, {})],
        aliases=("decayed_oja",),
    ),
    Rule(
        "momentum_delta",
        "m = eta*m + beta*(v - read(k))*k\nw = alpha*w + m",
        gates={"eta": "shared", **_SHARED_BETA, "alpha": "shared"},
        states=("m",),
        citation="behrouz2024titans, eqs 10-13, linear memory",
        limits=dict(eta=_DECAY, beta=_STRENGTH, alpha=_DECAY),
        summary="delta with a momentum kept at the synapse",
        objective=Objective(
            ("beta/2*(v - read(k))**2", "(1 - alpha)/2*w**2 - eta*m*w"), "before",
            "of w, at the momentum m of before",
        ),
        reductions=[Reduction("delta", {"eta": "0", "alpha": "1"}, {})],
        aliases=("titans_linear",),
    ),
    Rule(
        "momentum_deltanet",
        "m = mu*m + eta*(v - read(p))*k\nw = alpha*w + beta*m",
        gates={"mu": "shared", "eta": "shared", "alpha": "shared", **_SHARED_BETA},
        signals={"p": "pre"},
        states=("m",),
        citation="huang2026mdn",
        summary="delta with a momentum, whose error is read along its own key p (alpha k "
        "there)",
        domains={"eta": (0.0, 2.0)},
        limits=dict(mu=_DECAY, alpha=_DECAY, beta=_POSITIVE),
        reductions=[
            Reduction(
                "momentum_delta", {"mu": "eta", "eta": "beta", "beta": "1", "p": "k"}, {}
            ),
            Reduction(
                "gated_delta", {"mu": "0", "p": "alpha*k", "beta": "1", "eta": "beta"}, {}
            ),
        ],
        aliases=("mdn",),
    ),
    Rule(
        "two_pool_hebb",
        "w = alpha*(w - slow) + gamma*slow\nslow = gamma*slow\n"
        "w += beta*v*k\nslow += share*beta*v*k",
        gates={**dict.fromkeys(("alpha", "gamma", "share"), "shared"), **_SHARED_BETA},
        states=("slow",),
        citation="erickson2010single, abstract: 1.6 +- 0.26 and 19 +- 6.6 min",
        limits=dict(alpha=_DECAY, gamma=_DECAY, share=_DECAY, beta=_POSITIVE),
        summary="Hebbian write into a fast and a slow pool, which decay at two rates",
        objective=Objective(
            ("-beta*v*read(k)", "(1 - alpha)/2*w**2 - (gamma - alpha)*slow*w"), "before",
            "of w, with the slow pool of before",
        ),
        reductions=[
            Reduction("decayed_hebb", {"gamma": "alpha"}, {}),
            Reduction("hebb", {"alpha": "1", "gamma": "1"}, {}),
        ],
        aliases=("two_timescale_hebb",),
    ),
    preconditioned_delta(),
]
