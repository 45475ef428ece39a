"""How much a memory of fixed size recalls is set by its size.

Claim: whichever rule writes, the best of 8 trained linear memories of 1 KiB recalls 99 %
of 16 key-value pairs, of 2.3 KiB all of them, and of a quarter KiB a third to two fifths;
softmax attention does it with the narrowest network, if training finds it (2 of 8 seeds),
with a state of 4 KiB that grows with the tokens. Seeds below the best one show what
training missed: of the gated rule, which has a decay to learn as well, three or four of
eight stay at chance from 1 KiB on. Marks of the rules stand beside each other at one
size. Sizes: 16 pairs in 64 tokens, 64 token classes; one layer (short convolution, 1
head, no MLP) of 8, 16, 24 or 32 dimensions; trained to a criterion, an accuracy of 0.995
of 256 held-out sequences, for at most 2000 steps of 32 sequences; AdamW at rate 0.01 with
a cosine schedule, 8 seeds (quick: 4 pairs in 16 tokens, 16 classes, 8 and 16 dimensions,
150 steps, 1 seed). The state is what is kept after the last token, in float32, without
the last three tokens that the convolution keeps in all networks. Published: Arora et al.
2024 (Zoology, arXiv:2312.04927), Figure 2, shows the same order with 2 layers of 64 to
512 dimensions, 8192 token classes and 100,000 sequences, over four learning rates; it is
a drawing without a table, so no published number is overlaid. Ours: every number here.
The published size is out of reach on a CPU. Below the criterion an accuracy is a lower
bound of what a state of that size can hold.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import SequenceModel, train
from fwp_neuro.plotting import COLUMN, GREY, rule_look

MIXERS = {
    "hebb": "hebb (linear attention)", "decayed_hebb": "decayed hebb (gated)",
    "delta": "delta", "softmax_attention": "softmax attention",
}
CONVOLUTION = "convolution_tail"


#: (classes, pairs, tokens, steps), and dimensions and seeds of a study
FULL, QUICK = (64, 16, 64, 2000), (16, 4, 16, 150)
DIMS = {FULL: (8, 16, 24, 32), QUICK: (8, 16)}
SEEDS = {FULL: 8, QUICK: 1}
CRITERION = 0.995


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
        warmup=steps // 20, seed=seed, evaluate_every=steps // 10,
        target_accuracy=CRITERION, device="cpu",
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
    """Draw the accuracy of every seed, and of the best, against the size of its state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN, 0.95 * COLUMN))
    ax = figure.subplots()
    for n, (mixer, label) in enumerate(MIXERS.items()):
        look, line = rule_look(mixer), "--" if mixer == "softmax_attention" else "-"
        size, accuracy = (
            data[name].sel(mixer=mixer) for name in ("state_bytes", "accuracy")
        )
        # so that no seed hides that of another rule
        beside = size * 2 ** (0.12 * (n - 1)) if line == "-" else size
        for seed in accuracy["seed"]:
            ax.plot(beside, accuracy.sel(seed=seed), ls="", alpha=0.45, ms=3, mew=0,
                    clip_on=False, **look)  # fmt: skip
        ax.plot(size, accuracy.max("seed"), line, color=look["color"])
        ax.plot([], [], line, label=label, **look)
    ax.axhline(chance(data), ls=":", lw=0.9, color=GREY)
    ax.text(size.values.max(), chance(data) + 0.01, "chance", ha="right", va="bottom",
            fontsize=7, color=GREY)  # fmt: skip
    ax.set_xscale("log", base=2)
    ticks = 2.0 ** np.arange(
        *np.log2([data["state_bytes"].min(), 2 * data["state_bytes"].max()]).round())
    ax.set_xticks(ticks, [f"{t / 1024:g}" for t in ticks])
    ax.minorticks_off()
    pairs, tokens = data.attrs["pairs"], data.attrs["tokens"]
    ax.set(xlabel="state after the last token (KiB)", ylim=(0, 1.03),
           ylabel=f"recall of {pairs} pairs in {tokens} tokens")  # fmt: skip
    marks = f"marks: {accuracy.sizes['seed']} seeds, lines: the best"
    ax.text(0.98, 0.55, marks, ha="right", fontsize=7, color=GREY, transform=ax.transAxes)
    figure.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return figure


def chance(data) -> float:
    """Return the accuracy of naming a value at random."""
    return 2 / data.attrs["vocab"]


def report(data) -> str:
    """Return the accuracy of every network beside the size of its state."""
    sizes = data.attrs
    lines = [
        f"multi-query recall, {sizes['pairs']} pairs in {sizes['tokens']} tokens, "
        f"{sizes['vocab']} classes, {data.sizes['seed']} seeds; criterion {CRITERION}, "
        f"chance {chance(data):.3f}",
        f"{'memory':<18} {'dim':>4} {'bytes':>7}  accuracy of the seeds",
    ]
    for mixer in data["mixer"].values:
        for dim in data["dim"].values:
            found = data.sel(mixer=mixer, dim=dim)
            numbers = " ".join(f"{a:.3f}" for a in found["accuracy"].values)
            lines.append(
                f"{mixer:<18} {dim:>4} {int(found['state_bytes']):>7}  {numbers}"
            )
    best = data["accuracy"].max("seed")
    for dim in data["dim"].values:
        gain = float(best.sel(mixer="delta", dim=dim) - best.sel(mixer="hebb", dim=dim))
        lines.append(f"delta less hebb, best seeds, {dim} dimensions: {gain:+.3f}")
    return "\n".join(lines)
