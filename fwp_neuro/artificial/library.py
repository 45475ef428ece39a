"""Kernels of the flash-linear-attention library on an NVIDIA GPU, behind a law test.
Optional.

Arguments are translated to the library's conventions (state
transposed, decays as logarithms, scale given explicitly) and its answer is checked once a
process, rule and number format against the plain recurrence of this package. Not run on a
GPU so far.

Library: Yang & Zhang 2024, https://github.com/fla-org/flash-linear-attention
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec

import torch

from ..errors import Cannot, FwpError, warn
from ..remembered import called_once
from ..rules import Rule, rule
from ..symbolic import arrays
from .unrolling import recur

log = logging.getLogger("fwp_neuro")

Signals = Mapping[str, torch.Tensor]
#: largest relative error that counts as agreement: the library multiplies in TF32 or
#: bfloat16
TOLERANCE = {torch.float32: 1e-2, torch.bfloat16: 5e-2, torch.float16: 2e-2}


def _arguments(s: Signals, **more) -> dict:
    found = {
        "q": s["q"],
        "k": s["k"],
        "v": s["v"],
        "scale": 1.0,
        "output_final_state": True,
    } | more
    # the kernels take one format
    halves = {name: found[name].to(s["q"].dtype) for name in "qkv"}
    return found | halves


def _log(decay: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of a decay; that of zero is the lowest that a product
    survives."""
    if bool((decay < 0).any()):
        raise FwpError(
            "form='library' takes decays as logarithms, so alpha must not be negative; "
            "use form='chunk'"
        )
    return decay.clamp_min(torch.finfo(decay.dtype).tiny).log()


def _scaled(s: Signals) -> torch.Tensor:
    return s["beta"].unsqueeze(-1) * s["v"]


#: rule -> (module, function, signals -> arguments)
KERNELS: dict[str, tuple[str, str, Callable[[Signals], dict]]] = {
    "hebb": (
        "linear_attn", "chunk_linear_attn",
        lambda s: _arguments(s, v=_scaled(s), normalize=False),
    ),
    "decayed_hebb": (
        "simple_gla", "chunk_simple_gla",
        lambda s: _arguments(s, v=_scaled(s), g=_log(s["alpha"])),
    ),
    "gla": ("gla", "chunk_gla", lambda s: _arguments(s, g=_log(s["alpha"]))),
    "delta": (
        "gated_delta_rule", "chunk_gated_delta_rule",
        lambda s: _arguments(s, g=torch.zeros_like(s["beta"]), beta=s["beta"]),
    ),
    "gated_delta": (
        "gated_delta_rule", "chunk_gated_delta_rule",
        lambda s: _arguments(s, g=_log(s["alpha"]), beta=s["beta"]),
    ),
    "kimi_delta": ("kda", "chunk_kda", lambda s: _arguments(s, g=_log(s["alpha"]),
        beta=s["beta"])),
}  # fmt: skip


def check(chosen: Rule, dtype: torch.dtype, device: torch.device) -> None:
    """Refuse what the library cannot run here.

    Raises:
        Cannot: another device, rule or number format, no library, or it misses the law.
    """
    if device.type != "cuda":
        raise Cannot(
            "the kernels of flash-linear-attention need a GPU, and these tensors are on "
            f"{device}"
        )
    if chosen.name not in KERNELS or rule(chosen.name) is not chosen:
        raise Cannot(f"flash-linear-attention has no kernel for rule {chosen.name!r}")
    if dtype not in TOLERANCE:
        raise Cannot(f"the kernels of flash-linear-attention do not compute in {dtype}")
    if find_spec("fla") is None:
        raise Cannot(
            'flash-linear-attention is not installed (pip install "fwp_neuro[kernels]")'
        )
    _check_law(chosen.name, dtype, str(device))


def run(chosen: Rule, signals: Signals, states: Signals) -> tuple[torch.Tensor, dict]:
    """Run a rule by the library; arguments and results as for every form."""
    module, name, translate = KERNELS[chosen.name]
    kernel = getattr(import_module(f"fla.ops.{module}"), name)
    start = states["w"].mT.float().contiguous()  # the library's state is [.., d_k, d_v]
    readout, final = kernel(**translate(signals), initial_state=start)
    return readout, {"w": final.mT.to(states["w"].dtype)}


@called_once
def _check_law(name: str, dtype: torch.dtype, device: str) -> None:
    """Raise `Cannot` if the library does not agree with the plain recurrence."""
    try:
        with torch.inference_mode(False), torch.enable_grad():
            error = law_error(rule(name), dtype, torch.device(device))
    except Exception as problem:  # whatever a foreign kernel raises, our own form can run
        first = str(problem).splitlines()[0] if str(problem) else ""
        reason = f"the kernel of flash-linear-attention for {name!r} fails: {first}"
    else:
        if error <= TOLERANCE[dtype]:
            log.info(
                "flash-linear-attention agrees with rule %r to %.1e (%s)",
                name,
                error,
                dtype,
            )
            return
        reason = (
            f"the kernel of flash-linear-attention for {name!r} misses the law (relative "
            f"error {error:.1e}, legal is {TOLERANCE[dtype]:g})"
        )
    warn(f"{reason}; the chunk form of this package runs instead")
    raise Cannot(reason)


def law_error(chosen: Rule, dtype: torch.dtype, device: torch.device) -> float:
    """Return the largest relative error of read-out, final state and gradients, 130
    tokens."""
    generator = torch.Generator().manual_seed(0)
    leaves = {}
    for name, home in {**chosen.homes, "q": "pre"}.items():
        shape = (2, 130, 2) if home == "shared" else (2, 130, 2, 32)
        drawn = torch.rand(shape, generator=generator)
        if name not in chosen.gates:
            drawn = torch.nn.functional.normalize(drawn - 0.5, dim=-1)
        leaves[name] = (0.5 + 0.5 * drawn if name == "alpha" else drawn).to(device, dtype)
    start = torch.linspace(-1, 1, 2 * 2 * 32 * 32).view(2, 2, 32, 32).to(device, dtype)
    found = []
    for which, kind in ((_step, torch.float32), (run, dtype)):
        signals = {n: x.detach().to(kind).requires_grad_() for n, x in leaves.items()}
        state = start.detach().to(kind).requires_grad_()
        readout, final = which(chosen, signals, {"w": state})
        loss = readout.float().sin().sum() + final["w"].float().cos().sum()
        slopes = torch.autograd.grad(loss, [*signals.values(), state])
        found.append([x.detach().float() for x in (readout, final["w"], *slopes)])
    errors = [(a - b).abs().max() / a.abs().max() for a, b in zip(*found, strict=True)]
    return float(torch.stack(errors).max())  # not a number if any is


def _step(chosen: Rule, signals: Signals, states: Signals):
    placed = {
        n: arrays.to_home(signals[n], home).unbind(1) for n, home in chosen.homes.items()
    }
    queries = signals["q"].unbind(1)
    readouts, _, states = recur(
        chosen, placed, queries, states, "torch", keep_states=False
    )
    return torch.stack(readouts, 1), states
