"""Writing a key again: sums add up, gates forget everything, the delta rule replaces one
value.

Claims: with orthonormal keys, the loss after n writes of one key is (n - 1)/2 and more
for "hebb", tends to (1 - 1/S)/2 for an average of all its values (normalised linear
attention), and is 0 for "delta" at write strength 1. A gate (1 - beta)W + beta v k'
forgets all other keys too: no constant beta is good. With keys that overlap the delta
rule has crosstalk as well: it mends overwriting, not capacity, and the published losses
of the delta rule follow the law of figure 2. Sizes: setting 2 of Schlag, Irie &
Schmidhuber 2021 (arXiv:2102.11174), figure 3: S = 20 keys, L = 40 tokens, both keys and
values drawn with replacement; panel d: S = 20 to 200. Published (panel d): the last
evaluations of their released code, after training. The text says L = 2S; the released
evaluation uses L = S and asks all keys, and the published loss of the sum rule agrees, up
to S = 100, with an ideal average at L = S (.108 to .116), not at L = 2S (.268 to .282,
one key asked). The update of Fast Weight Memory (.05 to 4) is in the report only. Ours:
no training; ideal keys through `fwp_neuro.artificial.apply`, 400 sequences (quick: 60),
and the closed forms of `fwp_neuro.artificial.theory`.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import apply, memory
from fwp_neuro.artificial.theory import capacity_loss, overwriting_loss, rebinding_loss
from fwp_neuro.plotting import GREY, PAGE, rule_look
from fwp_neuro.published import FEATURES, recall_losses

KEYS, LENGTH, MOST = 20, 40, 6
GATE = 0.1
#: memory -> rule; an average is none
RULE = {"hebb": "hebb", "gated": "decayed_hebb", "delta": "delta"}
COLOUR = {name: rule_look(rule)["color"] for name, rule in RULE.items()}
MARK = {name: rule_look(rule)["marker"] for name, rule in RULE.items()}
COLOUR["average"], MARK["average"] = "#8C8C8C", "D"
RUNS = {"dpfp1 sum": ("dpfp1", "sum"), "dpfp1 delta": ("dpfp1", "delta"),
        "linear delta": ("linear", "delta"), "dpfp1 fwm": ("dpfp1", "fwm")}  # fmt: skip


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run every memory on drawn sequences, and compute the closed forms."""
    batch = 60 if quick else 400
    strengths = np.linspace(0, 1, 6 if quick else 21)
    dims = np.array([5, 10, 20, 40] if quick else [5, 7, 10, 14, 20, 28, 40, 80])
    writes = np.arange(1, MOST + 1)
    by_writes = np.full((len(COLOUR), MOST, 2), np.nan)
    drawn = tasks.schlag_recall(KEYS, replacement=True).sample(
        batch, seed=1, length=LENGTH
    )
    count = _writes_of_asked(drawn)
    for m, name in enumerate(COLOUR):
        error = errors(name, drawn, _strength(name))
        for n in writes:
            by_writes[m, n - 1] = _mean(error[count == n])
    if progress is not None:
        progress(0.3, "write strengths")
    by_strength = [
        [_mean(errors(name, drawn, beta)[drawn.mask]) for beta in strengths]
        for name in ("gated", "delta")
    ]
    if progress is not None:
        progress(0.6, "key dimensions")
    by_dim = [
        [
            _mean(errors(name, drawn, _strength(name), int(dim))[drawn.mask])
            for dim in dims
        ]
        for name in ("hebb", "delta")
    ]
    sizes = recall_losses("dpfp1", "sum", 2)[0]
    data = {
        "by_writes": (("memory", "writes", "moment"), by_writes),
        "by_writes_law": (("memory", "writes"), _law_by_writes(writes)),
        "by_strength": (("blended", "beta", "moment"), by_strength),
        "by_dim": (("crowded", "dim", "moment"), by_dim),
        "least": ("dim", [_least(drawn, int(dim)) for dim in dims]),
        "published": (("run", "pairs"), [recall_losses(*run, 2)[1]
                                         for run in RUNS.values()]),
        "average_all": ("pairs", [overwriting_loss("average", int(s), int(s))
                                  for s in sizes]),
        "average_one": (
            "pairs", [overwriting_loss("average", int(s), 2 * int(s), queries="one")
                      for s in sizes]
        ),
    }  # fmt: skip
    coordinates = {"memory": list(COLOUR), "writes": writes, "beta": strengths,
                   "dim": dims, "blended": ["gated", "delta"],
                   "crowded": ["hebb", "delta"],
                   "run": list(RUNS), "pairs": sizes,
                   "moment": ["mean", "standard error"]}  # fmt: skip
    return xr.Dataset(data, coordinates, {"batch": batch})


def _least(drawn, dim: int) -> float:
    """Return the least loss of any read-out of rank d of the values that are asked.

    The targets of a sequence are one-hot rows, whose squared singular values are the
    counts of the values; those beyond the d largest are missed (Eckart & Young 1936).
    """
    counts = -np.sort(-(drawn.targets * drawn.mask[..., None]).sum(axis=1), axis=-1)
    return float(counts[:, dim:].sum() / drawn.mask.sum() / 2)


def _strength(name: str) -> float:
    return GATE if name == "gated" else 1.0


def _law_by_writes(writes) -> list[list[float]]:
    return [
        [rebinding_loss(name, int(n), KEYS, _strength(name), LENGTH) for n in writes]
        for name in COLOUR
    ]


def _mean(values) -> tuple[float, float]:
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def _writes_of_asked(drawn) -> np.ndarray:
    """Return how often the key of every token was written, [batch, token]."""
    key = drawn.inputs[..., :KEYS]
    times = key[:, :LENGTH].sum(axis=1)  # [batch, key]
    return np.where(drawn.mask, np.einsum("btk,bk->bt", key, times), 0)


def errors(name: str, drawn, beta: float, dim: int | None = None) -> np.ndarray:
    """Return half the squared error of every token [batch, token]; writes end where
    queries start.

    Args:
        name: "hebb", "average", "gated" or "delta".
        drawn: a batch of `fwp_neuro.tasks.schlag_recall`.
        beta: write strength.
        dim: random unit keys with that many dimensions; one-hot keys if None.
    """
    inputs = torch.as_tensor(drawn.inputs)
    key, value = (part[:, :, None] for part in inputs.split(KEYS, dim=-1))
    if dim is not None:  # other keys in every sequence
        codes = torch.as_tensor(
            np.random.default_rng(dim).standard_normal((len(key), KEYS, dim))
        )
        codes = codes / codes.norm(dim=-1, keepdim=True)
        key = torch.einsum("bthk,bkd->bthd", key, codes)
    write = value.any(-1).to(key)  # [batch, token, head]
    if name == "average":
        # a query token writes nothing: its key is zero, and the memory divides by what
        # was written
        mapped = memory("normalised_linear_attention", feature_map="identity", eps=0.0)
        readout, _ = apply(mapped, key, key * write[..., None], value)
    elif name == "gated":
        keep = 1 - beta * write
        gates = {"alpha": keep, "beta": beta * write}
        readout, _ = apply("decayed_hebb", key, key, value, form="step", **gates)
    else:
        readout, _ = apply(name, key, key, value, beta=beta * write, form="parallel")
    return ((readout[:, :, 0].numpy() - drawn.targets) ** 2).sum(-1) / 2


def report(data) -> str:
    """Return runs, closed forms and published losses."""
    lines = [f"S = {KEYS}, L = {LENGTH}, {data.attrs['batch']} sequences, loss by number "
             "of writes (closed form)"]  # fmt: skip
    for name in data.memory.values:
        row = "  ".join(
            f"{float(data.by_writes.sel(memory=name, writes=n, moment='mean')):.3f} "
            f"({float(data.by_writes_law.sel(memory=name, writes=n)):.3f})"
            for n in data.writes.values
        )
        lines.append(f"   {name:8} {row}")
    best = data.by_strength.sel(blended="gated", moment="mean").to_series()
    exact = float(data.by_strength.sel(blended="delta", beta=1, moment="mean"))
    lines.append(
        f"gated, best write strength {best.idxmin():.2f}: loss {best.min():.3f}; "
        f"delta at 1: {exact:.1e}"
    )
    crowded = data.by_dim.sel(crowded="delta", moment="mean").to_series()
    row = ", ".join(f"{d}: {x:.3f}" for d, x in crowded.items())
    lines.append(f"delta with random keys of d dimensions: {row}")
    lines.append(
        "published by S; ideal average with L = S, all keys, and with L = 2S, one query"
    )
    for keys in data["pairs"].values:
        row = data.sel(pairs=keys)
        lines.append(f"   {keys:4d}  " + "  ".join(
            f"{run} {float(row.published.sel(run=run)):.4f}" for run in RUNS)
            + f"  average {float(row.average_all):.4f} "
              f"{float(row.average_one):.4f}")  # fmt: skip
    return "\n".join(lines)


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def plot(data):
    """Draw loss against writes, write strength, key dimensions and number of keys."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.74))
    (writes, strength), (dim, published) = figure.subplots(2, 2)
    _plot_writes(writes, data)
    _plot_strength(strength, data)
    _plot_dim(dim, data)
    _plot_published(published, data)
    return figure


def _plot_writes(ax, data):
    words = {"hebb": "hebb: sum", "average": "average (normalised sum)",
             "gated": rf"gated, $\beta$ = {GATE:g}",
             "delta": r"delta, $\beta$ = 1"}  # fmt: skip
    for name in data.memory.values:
        points = data.by_writes.sel(memory=name)
        ax.plot(
            data.writes,
            data.by_writes_law.sel(memory=name),
            color=COLOUR[str(name)],
            lw=1,
        )
        ax.errorbar(data.writes, points[:, 0], points[:, 1], fmt=MARK[str(name)], ms=4,
                    color=COLOUR[str(name)], label=words[str(name)],
                    clip_on=False)  # fmt: skip
    ax.plot([], [], color="black", lw=1, label="closed forms")
    ax.set(
        xlabel="writes of the key that is asked",
        ylabel="loss of a query",
        ylim=(-0.08, 3.1),
    )
    ax.legend(loc="upper left")
    _title(ax, "a", "Re-binding a key")


def _plot_strength(ax, data):
    fine = np.linspace(0.0, 1, 41)
    for name in ("gated", "delta"):
        law = [overwriting_loss(name, KEYS, LENGTH, float(b)) for b in fine]
        ax.plot(fine, law, color=COLOUR[name], lw=1)
        points = data.by_strength.sel(blended=name)
        ax.errorbar(data.beta, points[:, 0], points[:, 1], fmt=MARK[name], ms=4,
                    color=COLOUR[name], label=name, clip_on=False)  # fmt: skip
    average = overwriting_loss("average", KEYS, LENGTH)
    ax.axhline(average, ls="--", color=COLOUR["average"], lw=1, label="average")
    ax.set(
        xlabel=r"write strength $\beta$", ylabel="loss of a query", ylim=(-0.015, 0.56)
    )
    ax.legend(loc="lower left")
    _title(ax, "b", "A gate cannot choose what to forget")


def _plot_dim(ax, data):
    ax.plot(
        data.dim, data.least, "-", color="black", lw=1, label="least possible of rank d"
    )
    for name in ("hebb", "delta"):
        points = data.by_dim.sel(crowded=name)
        ax.errorbar(data.dim, points[:, 0], points[:, 1], fmt=f"-{MARK[name]}", ms=4,
                    color=COLOUR[name], lw=0.8, label=f"{name}, random keys")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks([5, 10, 20, 40, 80], ["5", "10", "20", "40", "80"])
    ax.minorticks_off()
    ax.axvline(KEYS, color=GREY, lw=0.8, ls=":")
    ax.text(KEYS * 1.05, 0.02, f"{KEYS} keys", fontsize=7, color=GREY)
    ax.set_yscale("symlog", linthresh=0.1, linscale=0.4)
    ax.set_yticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    ax.set(xlabel="dimensions of the keys d", ylabel="loss of a query", ylim=(-0.02, 70))
    ax.legend(loc="upper right", fontsize=6.5)
    _title(ax, "c", "Crosstalk of keys that overlap")


def _plot_published(ax, data):
    keys, many = data["pairs"].values, np.arange(20, 201)
    average, delta = COLOUR["average"], COLOUR["delta"]
    for run, mark, colour, fill in (
        ("DPFP-1 sum", "D", average, average),
        ("linear delta", "o", delta, "white"),
        ("DPFP-1 delta", "o", delta, delta),
    ):
        published = data.published.sel(run=run.replace("DPFP-1", "dpfp1"))
        ax.plot(keys, published, mark, ms=4, color=colour, mfc=fill, label=run)
    ax.plot(keys, data.average_all, "-", color=average, label="average at L = S")
    ax.plot(keys, data.average_one, "--", color=average, label="average at L = 2S")
    for name, line in (("linear", ":"), ("dpfp1", "-")):
        law = capacity_loss(FEATURES[name], many)
        label = f"capacity law, d = {FEATURES[name]}"
        ax.plot(many, law, line, color=delta, lw=1, label=label)
    ax.set(xlabel="keys S", ylabel="loss of a query", ylim=(-0.015, 0.62), xlim=(14, 206))
    ax.legend(
        loc="upper left", ncols=2, fontsize=6.5, columnspacing=0.8, handletextpad=0.4
    )
    _title(ax, "d", "Published, trained (points)")
