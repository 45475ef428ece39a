"""How much state it takes to recall: linear memories of several sizes against softmax
attention.

Claims: with a state that does not grow, the accuracy of multi-query associative recall
grows with the size of the state; softmax attention recalls with the narrowest network,
and pays with a state that grows with the tokens.
Found at our budget, and not as expected: the delta rule does not use its state better
than sums of outer products do. With 16 dimensions it is still on the plateau with which
this task begins, and the plain sum is ahead; with 32 dimensions both recall the same on
average over the seeds (two seeds of delta and one of the plain sum recall everything);
with 64 dimensions all recall everything. Sizes: 16 key-value pairs in 64 tokens, 64 token
classes; one layer (short convolution, 1 head, no MLP) of 16, 32 or 64 dimensions; up to
600 steps of 32 sequences, stopped at an accuracy of 0.995 of 256 held-out sequences;
AdamW at rate 0.01 with a cosine schedule, 3 seeds (quick: 4 pairs in 16 tokens, 16
classes, 8 and 16 dimensions, 150 steps, 1 seed). The state is what is kept after the last
token, in float32, without the last three tokens that the convolution keeps in all
networks. Published: Arora et al. 2024 (Zoology, arXiv:2312.04927), Figure 2, shows the
same order with 2 layers of 64 to 512 dimensions, 8192 token classes and 100,000
sequences, over four learning rates; it is a drawing without a table, so no published
number is overlaid. Ours: every number here. The published size is out of reach on a CPU.
Training is short, so that an accuracy is a lower bound of what a state of that size can
hold.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import SequenceModel, train
from fwp_neuro.plotting import GREY, PAGE

MIXERS = {
    "hebb": "hebb (linear attention)",
    "decayed_hebb": "decayed hebb (gated)",
    "delta": "delta",
    "softmax_attention": "softmax attention",
}
STYLE = {"hebb": ("#D55E00", "s"), "decayed_hebb": ("#CC79A7", "^"),
         "delta": ("#0072B2", "o"),
         "softmax_attention": ("black", "D")}  # fmt: skip
CONVOLUTION = "convolution_tail"


#: (classes, pairs, tokens, steps), and dimensions and seeds of a study
FULL, QUICK = (64, 16, 64, 600), (16, 4, 16, 150)
DIMS = {FULL: (16, 32, 64), QUICK: (8, 16)}
SEEDS = {FULL: 3, QUICK: 1}


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Train every memory at every size."""
    size = QUICK if quick else FULL
    vocab, pairs, tokens, steps = size
    dims, seeds = DIMS[size], SEEDS[size]
    runs = [
        (mixer, dim, seed) for mixer in MIXERS for dim in dims for seed in range(seeds)
    ]
    curves, kept = [], []
    for n, (mixer, dim, seed) in enumerate(runs):
        if progress is not None:
            progress(n / len(runs), f"{mixer}, {dim} dimensions, seed {seed}")
        curve, memory = learn(mixer, dim, seed, size)
        curves.append(curve)
        kept.append(memory)
    shape = (len(MIXERS), len(dims), seeds)
    curve = np.reshape(curves, (*shape, -1))
    data = {
        "curve": (("mixer", "dim", "seed", "step"), curve),
        "accuracy": (("mixer", "dim", "seed"), curve[..., -1]),
        "state_bytes": (("mixer", "dim"), np.reshape(kept, shape)[..., 0]),
    }
    coordinates = {"mixer": list(MIXERS), "dim": list(dims), "seed": range(seeds),
                   "step": steps // 10 * np.arange(1, 11)}  # fmt: skip
    return xr.Dataset(
        data, coordinates, {"vocab": vocab, "pairs": pairs, "tokens": tokens}
    )


def learn(mixer: str, dim: int, seed: int, size) -> tuple[np.ndarray, int]:
    """Train one network; return its accuracy at every tenth of the steps, and its state's
    bytes."""
    vocab, pairs, tokens, steps = size
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = SequenceModel(1, dim, vocabulary=vocab, mixer=mixer, mlp_expansion=0)
    course = train(
        model, tasks.multi_query_recall(vocab=vocab, pairs=pairs), steps=steps,
        length=tokens, batch=32, learning_rate=0.01, schedule="cosine",
        warmup=steps // 20, seed=seed, evaluate_every=steps // 10, target_accuracy=0.995,
        device="cpu",
    )  # fmt: skip
    found = course.history["accuracy"].values
    # a training that stopped early would have gone on as it was
    return np.pad(found, (0, 10 - len(found)), mode="edge"), state_bytes(model, tokens)


def state_bytes(model: SequenceModel, tokens: int) -> int:
    """Return the bytes of memory after ``tokens`` tokens of one sequence."""
    with torch.no_grad():
        _, states = model(torch.zeros(1, tokens, dtype=torch.long), return_state=True)
    kept = [
        tensor
        for state in states
        for name, tensor in state.items()
        if name != CONVOLUTION
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in kept)


def plot(data):
    """Draw accuracy against state size, and the learning curves of the middle size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.42 * PAGE))
    left, right = figure.subplots(1, 2)
    middle = int(data["dim"].values[data.sizes["dim"] // 2])
    for mixer, label in MIXERS.items():
        colour, marker = STYLE[mixer]
        size, accuracy = (
            data[name].sel(mixer=mixer) for name in ("state_bytes", "accuracy")
        )
        line = "--" if mixer == "softmax_attention" else "-"
        for seed in accuracy["seed"]:
            left.plot(
                size, accuracy.sel(seed=seed), marker, color=colour, alpha=0.35, ms=3.5
            )
        left.plot(size, accuracy.mean("seed"), line, color=colour)
        left.plot([], [], line, marker=marker, color=colour, label=label)
        curves = data["curve"].sel(mixer=mixer, dim=middle)
        for curve in curves.values:
            right.plot(data["step"], curve, line, color=colour, lw=0.6, alpha=0.5)
        right.plot(data["step"], curves.mean("seed"), line, color=colour, lw=1.8)
    for ax in (left, right):
        ax.axhline(chance(data), ls=":", lw=0.9, color=GREY)
        ax.set(ylim=(0, 1.04), ylabel="accuracy")
    for dim in data["dim"].values:
        size = float(data["state_bytes"].sel(mixer="hebb", dim=dim))
        left.text(
            size, 1.05, f"d={dim}", ha="center", va="bottom", fontsize=6.5, color=GREY
        )
    left.set_xscale("log", base=2)
    ticks = np.unique(data["state_bytes"].values)
    left.set_xticks(ticks, [f"{t / 1024:g}" for t in ticks])
    left.minorticks_off()
    pairs, tokens = data.attrs["pairs"], data.attrs["tokens"]
    left.set(xlabel="state after the last token (KiB)")
    left.set_title(f"(a) {pairs} pairs, {tokens} tokens", loc="left", pad=14)
    right.set(xlabel="training step")
    right.set_title(f"(b) learning, {middle} dimensions", loc="left", pad=14)
    right.text(data["step"].values[-1], chance(data) + 0.01, "chance", ha="right",
               va="bottom", fontsize=7, color=GREY)  # fmt: skip
    figure.legend(*left.get_legend_handles_labels(), ncols=4, loc="outside lower center")
    return figure


def chance(data) -> float:
    """Return the accuracy of naming a value at random."""
    return 2 / data.attrs["vocab"]


def report(data) -> str:
    """Return the accuracy of every network beside the size of its state."""
    sizes = data.attrs
    lines = [
        f"multi-query recall, {sizes['pairs']} pairs in {sizes['tokens']} tokens, "
        f"{sizes['vocab']} classes, {data.sizes['seed']} seeds; chance "
        f"{chance(data):.3f}",
        f"{'memory':<18} {'dim':>4} {'bytes':>7}  accuracy of the seeds",
    ]
    for mixer in data["mixer"].values:
        for dim in data["dim"].values:
            found = data.sel(mixer=mixer, dim=dim)
            numbers = " ".join(f"{a:.3f}" for a in found["accuracy"].values)
            lines.append(
                f"{mixer:<18} {dim:>4} {int(found['state_bytes']):>7}  {numbers}"
            )
    mean = data["accuracy"].mean("seed")
    for dim in data["dim"].values:
        gain = float(mean.sel(mixer="delta", dim=dim) - mean.sel(mixer="hebb", dim=dim))
        lines.append(f"delta less hebb at the same state, {dim} dimensions: {gain:+.3f}")
    return "\n".join(lines)
