"""How many pairs fit into a fast-weight matrix: the rank of its keys decides, and nothing
else.

Claims: a memory with d features recalls S one-hot values with a loss of at least
max(0, 1 - d/S) / 2 (half the squared error of a query). The best linear read-out of
random keys reaches it to rounding, for every feature map; trained memories reach it too:
ours within .004, the published ones with an rmse of .014 or less, on both sides of it (20
sequences are evaluated). FAVOR+ has random features that are drawn anew in training, and
stays far above its law. Sizes: setting 1 of Schlag, Irie & Schmidhuber 2021
(arXiv:2102.11174), figure 2: S = L = 20 to 600, keys of 64 dimensions before the feature
map, 128 nu features of DPFP-nu. Published: the last evaluation of every run of their
released code (320 runs are in the package). Ours: the closed form and the exact
read-outs, at all sizes; linear and DPFP-1 memories trained at S = 20 to 200 by the rule
"hebb" through `fwp_neuro.artificial.apply`, their slow weights by Adam (rate .005, where
theirs is .001; batch of 32, at most 400 steps; keys and queries are linear in the one-hot
inputs, without the learned embedding of theirs). Training at S > 200 takes hours on a CPU
and is left out. Quick: S up to 40 with 16 dimensions, 120 steps.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories.features import feature_map
from fwp_neuro.artificial.theory import best_readout_loss, capacity_loss
from fwp_neuro.plotting import GREY, PAGE
from fwp_neuro.published import FEATURES, recall_losses

LABEL = {"linear": "linear, d = 64", "dpfp1": "DPFP-1, d = 128",
         "dpfp2": "DPFP-2, d = 256", "dpfp3": "DPFP-3, d = 384",
         "favor64": "FAVOR+ 64, d = 128", "favor512": "FAVOR+ 512, d = 1024",
         "softmax": "softmax attention"}  # fmt: skip
COLOUR = {"linear": "#0072B2", "dpfp1": "#D55E00", "dpfp2": "#009E73", "dpfp3": "#CC79A7",
          "favor64": "#8C8C8C", "favor512": "#8C8C8C", "softmax": "black"}  # fmt: skip
LAWFUL = ("linear", "dpfp1", "dpfp2", "dpfp3")
TRAINED = ("linear", "dpfp1")
STEPS, RATE, BATCH, ENOUGH = 400, 0.005, 32, 1e-3


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Take the published losses, compute exact read-outs and train memories."""
    dim = 16 if quick else 64
    sizes = (10, 20, 40) if quick else (20, 40, 60, 80, 100, 140, 200)
    steps, rate = (120, 4 * RATE) if quick else (STEPS, RATE)
    counts = recall_losses("linear")[0]
    published = [
        recall_losses(name, "attention" if name == "softmax" else "sum")[1]
        for name in LABEL
    ]
    exact_counts = counts[::6] if quick else counts
    exact = [[exact_loss(name, int(keys)) for keys in exact_counts] for name in LAWFUL]
    curves = np.full((len(TRAINED), len(sizes), steps), np.nan)
    final = np.zeros((len(TRAINED), len(sizes)))
    for m, name in enumerate(TRAINED):
        for s, keys in enumerate(sizes):
            if progress is not None:
                done = (m + sum(sizes[:s]) / sum(sizes)) / len(TRAINED)
                progress(done, f"training {name}, {keys} keys")
            curve, final[m, s] = train(name, keys, dim, steps, rate)
            curves[m, s, : len(curve)] = curve
    data = {
        "published": (("features", "pairs"), np.array(published)),
        "exact": (("lawful", "exact_keys"), exact),
        "training": (("memory", "trained_keys", "step"), curves),
        "trained": (("memory", "trained_keys"), final),
    }
    coordinates = {"features": list(LABEL), "pairs": counts, "lawful": list(LAWFUL),
                   "exact_keys": exact_counts, "memory": list(TRAINED),
                   "trained_keys": list(sizes), "step": np.arange(steps)}  # fmt: skip
    return xr.Dataset(data, coordinates, {"dim": dim})


def _map(name: str):
    return (
        feature_map("dpfp", nu=int(name[4:]))
        if name != "linear"
        else feature_map("identity")
    )


def exact_loss(name: str, keys: int, dim: int = 64) -> float:
    """Return the loss of the best linear read-out of random Gaussian keys after a feature
    map."""
    drawn = torch.as_tensor(np.random.default_rng(keys).standard_normal((keys, dim)))
    return best_readout_loss(_map(name)(drawn).numpy())


def train(
    name: str, keys: int, dim: int, steps: int, rate: float = RATE
) -> tuple[list[float], float]:
    """Train a memory to hold S pairs: its loss at every step, and that of 20 new
    sequences.

    k = phi(A key + B value), q = phi(C key) with one-hot keys and values; the write is
    the rule "hebb" with beta = 1. Stops at a loss of .001, as the published runs do.
    """
    phi, draw = _map(name), torch.Generator().manual_seed(keys)
    one_hot, bound = torch.eye(keys), keys**-0.5
    slow = [(2 * torch.rand(keys, dim, generator=draw) - 1).mul(bound) for _ in range(3)]
    slow = [torch.nn.Parameter(matrix) for matrix in slow]
    adam = torch.optim.Adam(slow, lr=rate)

    def loss(batch: int) -> torch.Tensor:
        asked, stored = (
            torch.rand(batch, keys, generator=draw).argsort(1) for _ in range(2)
        )
        key, value = phi(slow[0][asked] + slow[1][stored])[:, :, None], one_hot[stored]
        strength = torch.ones(batch, keys, 1)
        _, weights = apply(
            "hebb", key, key, value[:, :, None], beta=strength, form="chunk"
        )
        # all keys are asked after the writes
        readout = phi(slow[2][asked]) @ weights[:, 0].mT
        return (readout - value).square().sum(-1).mean() / 2

    curve = []
    while len(curve) < steps and (not curve or curve[-1] > ENOUGH):
        adam.zero_grad()
        found = loss(BATCH)
        found.backward()
        adam.step()
        curve.append(found.item())
    with torch.no_grad():
        return curve, loss(20).item()


def features_of(data, name: str) -> int:
    """Return d of a trained memory of this dataset."""
    return _map(name).output_dim(int(data.attrs["dim"]))


def law_error(data, name: str) -> float:
    """Return the root mean squared difference of the published losses from the law."""
    law = capacity_loss(FEATURES[name], data["pairs"].values)
    return float(np.sqrt(((data.published.sel(features=name) - law) ** 2).mean()))


def report(data) -> str:
    """Return the distances of published, exact and trained losses from the law."""
    lines = ["law: loss = max(0, 1 - d/S) / 2"]
    for name in LAWFUL:
        law = capacity_loss(FEATURES[name], data.exact_keys.values)
        gap = float(np.abs(data.exact.sel(lawful=name) - law).max())
        lines.append(f"   {name:7} published, rmse from the law "
                     f"{law_error(data, name):.4f}; best read-out of random keys, "
                     f"largest difference {gap:.1e}")  # fmt: skip
    lines.append(f"trained here ({data.attrs['dim']} dimensions): S, loss, law, steps")
    for name in TRAINED:
        for keys in data.trained_keys.values:
            law = float(capacity_loss(features_of(data, name), keys))
            steps = int(
                np.isfinite(data.training.sel(memory=name, trained_keys=keys)).sum()
            )
            loss = float(data.trained.sel(memory=name, trained_keys=keys))
            lines.append(f"   {name:7} {keys:4d}  {loss:.4f}  {law:.4f}  {steps}")
    return "\n".join(lines)


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def plot(data):
    """Draw loss against keys, the collapse, and training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.43))
    law, collapse, training = figure.subplots(1, 3, width_ratios=[1.55, 1, 1])
    _plot_law(law, data)
    _plot_collapse(collapse, data)
    _plot_training(training, data)
    return figure


def _plot_law(ax, data):
    many = np.arange(2, 601)
    for name in LABEL:
        colour, published = COLOUR[name], data.published.sel(features=name)
        if name in LAWFUL:
            ax.plot(many, capacity_loss(FEATURES[name], many), color=colour, lw=1)
        mark = {"favor64": "v", "favor512": "^", "softmax": "x"}.get(name, "o")
        ax.plot(data["pairs"], published, mark, ms=3, color=colour, label=LABEL[name])
    for name in TRAINED:
        if features_of(data, name) == FEATURES[name]:
            ax.plot(data.trained_keys, data.trained.sel(memory=name), "o", ms=6.5,
                    mfc="none", mec=COLOUR[name], mew=0.9)  # fmt: skip
    ax.plot([], [], "o", ms=6.5, mfc="none", mec="black", mew=0.9, label="trained here")
    ax.plot([], [], color="black", lw=1, label=r"$\frac{1}{2}\max(0, 1-d/S)$")
    ax.set(xlim=(0, 620), ylim=(-0.015, 0.8), xlabel="keys S", ylabel="loss of a query")
    ax.legend(
        loc="upper left", ncols=2, fontsize=6.5, columnspacing=0.6, handletextpad=0.3
    )
    _title(ax, "a", "Loss against number of keys")


def _plot_collapse(ax, data):
    load = np.linspace(0.05, 10, 400)
    ax.plot(load, np.maximum(0, 1 - 1 / load) / 2, color="black", lw=1, label="law")
    for name in LAWFUL:
        ax.plot(data["pairs"] / FEATURES[name], data.published.sel(features=name), "o",
                ms=3, color=COLOUR[name], label="published"
                if name == "linear" else None)  # fmt: skip
        ax.plot(data.exact_keys / FEATURES[name], data.exact.sel(lawful=name), "+",
                ms=4.5, mew=0.7, color=COLOUR[name],
                label="best read-out\nof random keys"
                if name == "linear" else None)  # fmt: skip
    for name in TRAINED:
        ax.plot(data.trained_keys / features_of(data, name),
                data.trained.sel(memory=name), "o", ms=6.5, mfc="none", mec=COLOUR[name],
                mew=0.9, label="trained here" if name == "linear" else None)  # fmt: skip
    ax.set(xlabel="keys per feature S/d", ylabel="loss of a query", ylim=(-0.015, 0.52))
    ax.legend(loc="lower right", fontsize=6.5)
    _title(ax, "b", "One curve")


def _plot_training(ax, data):
    name = TRAINED[0]
    sizes = [int(k) for k in data.trained_keys.values][
        :: -(-data.sizes["trained_keys"] // 4)
    ]
    lines = ("-", "--", "-.", ":")
    for keys, line in zip(sizes, lines, strict=False):
        curve = data.training.sel(memory=name, trained_keys=keys)
        law = float(capacity_loss(features_of(data, name), keys))
        ax.axhline(law, color="#C8C8C8", lw=2.6, zorder=0)
        ax.plot(data.step + 1, curve, line, color=COLOUR[name], label=f"S = {keys}")
    ax.plot([], [], color="#C8C8C8", lw=2.6, label="law")
    ax.set_xscale("log")
    ax.set(xlabel="training step", ylabel="loss of a query", ylim=(-0.015, 0.9))
    ax.legend(loc="upper right", fontsize=6.5)
    ax.text(0.04, 0.03, f"linear, d = {features_of(data, name)}", transform=ax.transAxes,
            fontsize=6.5, color=GREY)  # fmt: skip
    _title(ax, "c", "Training")
