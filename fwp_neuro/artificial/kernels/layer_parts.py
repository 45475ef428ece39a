"""The compiled parts of a layer around its fast weights: the short convolution with the
maps of its signals, and the norm of the read-out with its gate.

One program serves all layers of a number format. Each part has its tensor form beside it,
which gives the same numbers up to rounding and runs wherever the compiled one cannot: no
compiler, another device, tracing, transforms, and gradients that may be differentiated
again.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch

from ...errors import Cannot
from ...remembered import called_once
from . import compiler, layer_program
from .call import DTYPES, THREAD_WORK, address, checked, pointers
from .operator import unwatched

log = logging.getLogger("fwp_neuro")

#: multiply-adds that a number of the parts costs, about
_WORK = 30


@called_once
def _compiled(dtype: torch.dtype, path: str | None, cxx: str | None) -> ctypes.CDLL:
    """Compile once, also if it fails, with the compiler that PATH and CXX name."""
    return compiler.library(layer_program.program(DTYPES[dtype]), "the parts of a layer")


_loaded: dict[torch.dtype, ctypes.CDLL] = {}


def _library(dtype: torch.dtype) -> ctypes.CDLL:
    if dtype not in _loaded:
        _loaded[dtype] = _compiled(dtype, *compiler.asked_for())
    return _loaded[dtype]


def runs(*given: torch.Tensor) -> bool:
    """Whether the compiled parts run on tensors: those of one number format that only
    autograd watches, on a CPU with a compiler."""
    first = given[0]
    if first.dtype not in DTYPES or not unwatched(given):
        return False
    if any(x.dtype is not first.dtype or x.device.type != "cpu" for x in given):
        return False
    if not compiler.there():
        return False
    try:
        _library(first.dtype)
    except Cannot as reason:
        log.info("a layer runs as tensor operations: %s", reason)
        return False
    return True


class Part(NamedTuple):
    """What becomes of one signal of every head after the convolution.

    Attributes:
        width: numbers of a head.
        silu: whether it goes through SiLU.
        unit: whether each head is divided by its length.
        scale: factor.
    """

    width: int
    silu: bool
    unit: bool
    scale: float


class Mix(NamedTuple):
    """The short convolution of all heads, and the maps of their parts; see `mixed`.

    Attributes:
        heads: number of heads.
        parts: those of one head, in the order of the channels.
        rest: channels after those of the heads, which are passed on as they are.
        plain: tensor operations that do the same, (mixed, tail, weight) -> outputs.
    """

    heads: int
    parts: tuple[Part, ...]
    rest: int
    plain: Callable

    def forward(self, mixed, tail, weight) -> tuple[torch.Tensor, ...]:
        """Run the kernel: the parts [batch, token, head, width], and the rest."""
        shape = mixed.shape[:2]
        outputs = [mixed.new_empty(*shape, self.heads, p.width) for p in self.parts]
        outputs += [mixed.new_empty(*shape, self.rest)] * bool(self.rest)
        # names keep copies alive until the kernel has read them
        mixed, tail, weight = _dense(mixed), tail.contiguous(), weight.contiguous()
        failed = _library(mixed.dtype).mix_forward(
            *self._sizes(mixed, weight), address(mixed), address(tail), address(weight),
            pointers(outputs), _threads(mixed.numel()),
        )  # fmt: skip
        checked(failed)
        return tuple(outputs)

    def backward(self, given, slopes) -> tuple[torch.Tensor, ...]:
        """Run the adjoint: gradients of mixed, tail and weight."""
        mixed, tail, weight = given
        mixed, tail, weight = _dense(mixed), tail.contiguous(), weight.contiguous()
        slopes = [g if g is None else _dense(g) for g in slopes]
        steps = [0 if g is None else g.stride(n) if n < g.ndim - 1 else 0
                 for g in slopes for n in range(3)]  # fmt: skip
        batch, tokens = mixed.shape[:2]
        together = max(1, layer_program.PIECE // tokens)
        items = -(-batch // together) * -(-tokens // layer_program.PIECE)
        found = torch.empty_like(mixed, memory_format=torch.contiguous_format)
        dtail, sums = torch.empty_like(tail), mixed.new_empty(items, *weight.shape)
        failed = _library(mixed.dtype).mix_backward(
            *self._sizes(mixed, weight), address(mixed), address(tail), address(weight),
            pointers(slopes), (ctypes.c_longlong * len(steps))(*steps), address(found),
            address(dtail), address(sums), _threads(mixed.numel()),
        )  # fmt: skip
        checked(failed)
        return found, dtail, sums.sum(0)

    def _sizes(self, mixed, weight):
        numbers = (*mixed.shape[:2], self.heads, *weight.shape, len(self.parts),
                   *mixed.stride()[:2], self.rest, layer_program.PIECE)  # fmt: skip
        return (ctypes.c_longlong * 10)(*numbers), *_table(self.parts)


@lru_cache(maxsize=64)
def _table(parts: tuple[Part, ...]):
    """Return the numbers of all parts as the kernel takes them."""
    widths, silu, unit, scales = zip(*parts, strict=True)
    numbers = *widths, *map(int, silu), *map(int, unit)
    return (
        (ctypes.c_longlong * len(numbers))(*numbers),
        (ctypes.c_double * len(scales))(*scales),
    )


class GatedNorm(NamedTuple):
    """y / rms(y) * gain * silu(gate) of every head, rms over its last axis.

    Attributes:
        plain: tensor operations that do the same, (y, gate, gain) -> (output,).
    """

    plain: Callable

    def forward(self, y, gate, gain) -> tuple[torch.Tensor]:
        """Run the kernel on y [..., head, dim], gate [..., head dim], gain [dim]."""
        y, gate, gain = y.contiguous(), gate.contiguous(), gain.contiguous()
        out = torch.empty_like(gate)
        failed = _library(y.dtype).norm_forward(
            self._sizes(y), address(y), address(gate), address(gain), address(out),
            _threads(y.numel()),
        )  # fmt: skip
        checked(failed)
        return (out,)

    def backward(self, given, slopes) -> tuple[torch.Tensor, ...]:
        """Run the adjoint: gradients of y, gate and gain."""
        y, gate, gain = (item.contiguous() for item in given)
        slope = slopes[0].contiguous()
        dy, dgate = torch.empty_like(y), torch.empty_like(gate)
        sizes = self._sizes(y)
        sums = y.new_empty(-(-sizes[0] // sizes[3]), sizes[2])
        failed = _library(y.dtype).norm_backward(
            sizes, address(y), address(gate), address(gain), address(slope), address(dy),
            address(dgate), address(sums), _threads(y.numel()),
        )  # fmt: skip
        checked(failed)
        return dy, dgate, sums.sum(0)

    def _sizes(self, y):
        heads, dim = y.shape[-2:]
        tokens = y.numel() // (heads * dim)
        return (ctypes.c_longlong * 4)(tokens, heads, dim, layer_program.PIECE)


def _dense(x: torch.Tensor) -> torch.Tensor:
    return x if x.stride(-1) == 1 else x.contiguous()


def _threads(numbers: int) -> ctypes.c_int:
    most = numbers * _WORK // THREAD_WORK
    return ctypes.c_int(max(1, min(torch.get_num_threads(), most)))


def run(kernel: Mix | GatedNorm, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Run a compiled part on tensors that it `runs` on; return its outputs."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in given):
        return _Fused.apply(kernel, *given)
    return kernel.forward(*given)


class _Fused(torch.autograd.Function):
    """A kernel with its adjoint."""

    @staticmethod
    def forward(ctx, kernel, *given):
        """Run the kernel and keep what it was given."""
        ctx.kernel = kernel
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given)
        return kernel.forward(*given)

    @staticmethod
    def backward(ctx, *slopes):
        """Run the adjoint, or tensor operations where the gradient may be differentiated
        again."""
        given = ctx.saved_tensors
        if all(slope is None for slope in slopes):
            return (None,) * (1 + len(given))
        if not torch.is_grad_enabled():
            return None, *ctx.kernel.backward(given, slopes)
        # one may have been computed from another, whose own part alone is wanted here
        given = [item.view_as(item) for item in given]
        pairs = zip(ctx.kernel.plain(*given), slopes, strict=True)
        outputs, slopes = zip(*((x, g) for x, g in pairs if g is not None), strict=True)
        wanted = [item for item in given if item.requires_grad]
        found = iter(torch.autograd.grad(
            outputs, wanted, slopes, create_graph=True, allow_unused=True
        ))  # fmt: skip
        return None, *(next(found) if item.requires_grad else None for item in given)
