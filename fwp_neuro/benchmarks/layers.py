"""Cost of a training step of a `Layer` beside that of PyTorch's attention layer.

4 heads, float32, causal; forward and backward with the gradients of all parameters
and of the input, without an optimiser. Every length has the same number of
tokens in a step, so the batch falls as the length grows. The parts of the layer are
measured as well, each forward and backward by itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from ..artificial import Layer
from . import timing
from .artificial import machine

ATTENTION, LAYER = "MultiheadAttention", "Layer"
#: part -> what it is
PARTS = {
    "linear": "the linear map to queries, keys and values",
    "signals": "the slow net: that map, convolution, maps of keys and values, gates",
    "fast weights": "the rule over all tokens",
    "read-out": "norm, output gate and output map",
}
LENGTHS = (64, 128, 256, 512, 1024, 2048)
WIDTHS, HEADS = (128, 256), 4


def benchmark(
    lengths=LENGTHS,
    widths=WIDTHS,
    rounds: int = 5,
    tokens: int = 4096,
    rule: str = "gated_delta",
    threads: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> xr.Dataset:
    """Measure the layer, its parts and attention in turn, round after round.

    Args:
        lengths: tokens of a sequence.
        widths: sizes of the model.
        rounds: counted rounds.
        tokens: of a step, at least; the batch is tokens / length, or 1.
        rule: of the layer.
        threads: number of threads.
        progress: called with (fraction done, what).

    Returns:
        "cpu" and "wall" [row, width, length, round] in seconds of one step, and "batch"
        [length].
    """
    names = [ATTENTION, LAYER, *PARTS]
    times = np.full((len(names), len(widths), len(lengths), rounds, 2), np.nan)
    batches = [max(1, tokens // length) for length in lengths]
    points = [(w, n) for w in range(len(widths)) for n in range(len(lengths))]
    weights = [widths[w] ** 2 * batches[n] * lengths[n] for w, n in points]
    ends = np.concatenate([[0.0], np.cumsum(weights)]) / sum(weights)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for number, (w, n) in enumerate(points):
            found = timing.interleaved(
                steps(rule, widths[w], batches[n], lengths[n]), rounds,
                _told(progress, ends[number : number + 2]),
            )  # fmt: skip
            for m, name in enumerate(names):
                times[m, w, n] = found[name]
    finally:
        torch.set_num_threads(before)
    dims = ("row", "width", "length", "round")
    data = {
        "cpu": (dims, times[..., 0], {"units": "s"}),
        "wall": (dims, times[..., 1], {"units": "s"}),
        "batch": ("length", batches, {"units": "1"}),
    }
    attrs = {"machine": machine(), "torch": torch.__version__, "rule": rule}
    coordinates = {"row": names, "width": list(widths), "length": list(lengths)}
    return xr.Dataset(data, coordinates, attrs)


def _told(progress, ends) -> Callable | None:
    if progress is None:
        return None
    low, high = ends
    return lambda part, what: progress(low + part * (high - low), what)


def steps(
    rule: str, width: int, batch: int, length: int
) -> dict[str, Callable[[], None]]:
    """Return one training step of attention, of the layer and of each of its parts."""
    torch.manual_seed(0)
    layer = Layer(rule, width, HEADS)
    attention = torch.nn.MultiheadAttention(width, HEADS, batch_first=True)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(length)
    x = torch.randn(batch, length, width)
    with torch.no_grad():
        start = layer.initial(x)
        tail = start.pop("convolution_tail")
        signals, _ = layer.slow(x, tail, layer.dtype)
        y, _ = layer.fast(signals, start)

    def attended(x):
        return attention(x, x, x, attn_mask=mask, is_causal=True, need_weights=False)[0]

    def slow(x):
        return tuple(layer.slow(x, tail, layer.dtype)[0].values())

    def fast(*given):
        return layer.fast(dict(zip(signals, given, strict=True)), start)[0]

    calls = [(attended, x), (layer, x), (layer.slow.linear, x), (slow, x),
             (fast, *signals.values()), (layer.readout, y, x)]  # fmt: skip
    slopes = [*attention.parameters(), *layer.parameters()]
    names = [ATTENTION, LAYER, *PARTS]
    return {
        name: _step(slopes, *call) for name, call in zip(names, calls, strict=True)
    }


def _step(parameters, function: Callable, *given: torch.Tensor) -> Callable[[], None]:
    """Return a call that runs a function and its gradients."""
    leaves = [item.detach().requires_grad_() for item in given]

    def step():
        for item in (*leaves, *parameters):
            item.grad = None
        found = function(*leaves)
        found = (found,) if isinstance(found, torch.Tensor) else found
        torch.autograd.backward(found, [torch.ones_like(item) for item in found])

    return step


def ratios(data: xr.Dataset) -> xr.DataArray:
    """Return how many times faster than attention the layer is [width, length]: the
    median of ratios of the same rounds."""
    cpu = data["cpu"]
    return (cpu.sel(row=ATTENTION) / cpu.sel(row=LAYER)).median("round")


def crossing(data: xr.Dataset, width: int) -> float | None:
    """Return the length from which the layer is ahead of attention for good.

    Between two measured lengths it is read off the straight line of both logarithms;
    None: it is behind at the longest.
    """
    lengths = np.log(data["length"].values)
    times = np.log(ratios(data).sel(width=width).values)
    behind = np.flatnonzero(times < 0)
    if not len(behind):
        return float(data["length"].values[0])
    last = behind[-1]
    if last + 1 == len(times):
        return None
    part = -times[last] / (times[last + 1] - times[last])
    return float(np.exp(lengths[last] + part * (lengths[last + 1] - lengths[last])))


def report(data: xr.Dataset) -> str:
    """Return the times as a table, with the share of each part and the crossings."""
    said = data.attrs
    lines = [
        f"{said['machine']}; torch {said['torch']}; {said['rule']}, {HEADS} heads, "
        "float32",
        "CPU ms of a training step (median); in brackets the share of the layer's",
        *(f"  {name}: {what}" for name, what in PARTS.items()),
    ]
    for width in data["width"].values:
        lines += ["", *_table(data.sel(width=width), ratios(data).sel(width=width))]
        ahead, most = crossing(data, width), data["length"].values[-1]
        lines.append(
            f"the layer is behind attention at {most} tokens"
            if ahead is None
            else f"the layer is ahead of attention from {ahead:.0f} tokens"
        )
    return "\n".join(lines)


def _table(data: xr.Dataset, times: xr.DataArray) -> list[str]:
    title = f"width {int(data['width'])}"
    lines = [
        f"{title:20}" + "".join(f"{f'T={n}':>15}" for n in data["length"].values),
        f"{'batch':20}" + "".join(f"{size:>15}" for size in data["batch"].values),
    ]
    whole = data["cpu"].sel(row=LAYER)
    for name in data["row"].values:
        cpu = data["cpu"].sel(row=name)
        cells = [f"{1e3 * value:.1f}" for value in cpu.median("round").values]
        if name in PARTS:
            shares = (cpu / whole).median("round").values
            cells = [f"{a} ({b:4.0%})" for a, b in zip(cells, shares, strict=True)]
        lines.append(f"{name:20}" + "".join(f"{cell:>15}" for cell in cells))
    cells = [f"{value:.2f}x" for value in times.values]
    return [*lines, f"{'times faster':20}" + "".join(f"{cell:>15}" for cell in cells)]
