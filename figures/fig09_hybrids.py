"""Which hybrids of attention and fast weights learn parity, and how far back they recall.

The trainings are short: what fails here may be learned with more.

Claims: only what writes every pair into the fast weights at once, the delta rule alone or
the synchronous hybrid, learns parity; hybrids that hand pairs over later do not, nor does
softmax attention. In recall a softmax window is precise and ends, while hybrids reach
beyond it. Found at our budget, and not as expected: the delta rule alone recalls nearly
all pairs although its keys have fewer dimensions than there are pairs, so that the window
adds no precision that could be seen. One seed each of the synchronous and the
delayed-streaming hybrid is left far behind by its training; the others reach 0.9 or more.
At lengths that were not trained, delta and synchronous keep part of parity, where the
published ones keep all. Sizes: parity: 2 layers, 32 dimensions, 2 heads, window 8, 200
steps of 32 sequences of 3 to 40 tokens, tested on 256 sequences of 256 tokens. Recall: 8
pairs in 32 tokens, 32 token classes; one layer of 32 dimensions without MLP whose keys
have 6 dimensions, fewer than there are pairs; window 12, up to 600 steps of 64 sequences.
Write strengths in (0, 2); AdamW with a cosine schedule; 3 seeds (quick: 1 seed; parity of
3 to 24 tokens, 100 steps; recall of 4 pairs in 16 tokens with 4-dimensional keys and
window 6, 150 steps). The chunk of the delayed-chunk hybrid is twice the window, as
published. The parts are the hybrid itself with the blend fixed to one side; softmax
attention over all tokens is there as well. Published: normalised accuracy on parity of
Irie, Yau & Gershman 2025 (arXiv:2506.00744), Table 3, of networks with 128 dimensions and
4 heads after 20,000 steps of 1024 sequences; its attention sees all tokens. Ours:
everything else, among it the recall by age. The published schedule, 3200 times as many
sequences, is out of reach on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import SequenceModel, train
from fwp_neuro.artificial.memories.registered_memories import MEMORIES
from fwp_neuro.plotting import GREY, PAGE, rule_look

#: contender -> memory, window as a multiple of the usual one, fixed blend (1: fast
#: weights alone)
CONTENDERS = {
    "attention, all tokens": ("softmax_attention", None, None),
    "window alone": ("hybrid_synchronous", 1, 0.0),
    "delta alone": ("hybrid_synchronous", 0, 1.0),
    "delayed-streaming": ("hybrid_delayed_streaming", 1, None),
    "delayed-chunk": ("hybrid_delayed_chunk", 2, None),
    "synchronous": ("hybrid_synchronous", 1, None),
}
PUBLISHED = {"attention, all tokens": 2.2, "delta alone": 100.0, "delayed-streaming": 3.3,
             "delayed-chunk": 2.8, "synchronous": 100.0}  # fmt: skip
#: attention and the delta rule look as everywhere; no rule has the colour of a hybrid
LOOK = {"attention, all tokens": rule_look("softmax_attention"),
        "window alone": {"color": "#8C8C8C", "marker": "X"},
        "delta alone": rule_look("delta"),
        "delayed-streaming": {"color": "#E69F00", "marker": "<"},
        "delayed-chunk": {"color": "#CC79A7", "marker": "^"},
        "synchronous": {"color": "#56B4E9", "marker": "D"}}  # fmt: skip


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Train every contender on both tasks."""

    def part(begin):
        return progress and (
            lambda fraction, note: progress((begin + fraction) / 2, note)
        )

    found = [parity(quick, part(0)), recall(quick, part(1))]
    return xr.merge(found, combine_attrs="drop_conflicts")


def parity(
    quick: bool = False, progress: Callable | None = None, contenders=tuple(CONTENDERS)
) -> xr.Dataset:
    """Return the learning curves on parity, and the accuracy by length."""
    if quick:
        seeds, steps, longest, tokens, count = 1, 100, 24, 64, 128
    else:
        seeds, steps, longest, tokens, count = 3, 200, 40, 256, 256
    task, test = tasks.parity(), tasks.parity(seed=1).sample(count, length=tokens)

    def one(name, seed):
        model = network(name, 8, seed, layers=2, vocabulary=2, options={"heads": 2})
        course = train(
            model, task, steps=steps, length=(3, longest), batch=32, learning_rate=5e-3,
            schedule="cosine", warmup=steps // 20, evaluate_every=steps // 10, seed=seed,
            device="cpu",
        )  # fmt: skip
        return course.history["accuracy"].values, right(model, test).mean(0)

    curves, lengths = _every(one, contenders, seeds, "parity", progress)
    data = {
        "parity_curve": (("contender", "seed", "parity_step"), curves),
        "parity": (("contender", "seed", "token"), lengths),
    }
    coordinates = {"contender": list(contenders), "seed": range(seeds),
                   "token": range(1, tokens + 1),
                   "parity_step": steps // 10 * np.arange(1, 11)}  # fmt: skip
    return xr.Dataset(data, coordinates, {"longest": longest, "parity_window": 8})


def recall(
    quick: bool = False, progress: Callable | None = None, contenders=tuple(CONTENDERS)
) -> xr.Dataset:
    """Return the accuracy of recall by age: tokens from a value to the query that asks
    for it."""
    if quick:
        seeds, steps, vocab, pairs, key_dim, window = 1, 150, 16, 4, 4, 6
    else:
        seeds, steps, vocab, pairs, key_dim, window = 3, 600, 32, 8, 6, 12
    tokens = 4 * pairs
    task = tasks.multi_query_recall(vocab=vocab, pairs=pairs)
    test = tasks.multi_query_recall(vocab=vocab, pairs=pairs, seed=1).sample(
        512, length=tokens
    )
    age = ages(test, pairs)
    present, queries = np.unique(age[test.mask], return_counts=True)

    def one(name, seed):
        options = {"key_dim": key_dim, "value_dim": 32}
        model = network(name, window, seed, layers=1, vocabulary=vocab, mlp_expansion=0,
                        options=options)  # fmt: skip
        train(
            model, task, steps=steps, length=tokens, batch=64, learning_rate=0.01,
            device="cpu", schedule="cosine", warmup=steps // 20,
            evaluate_every=steps // 10, seed=seed, target_accuracy=0.995,
        )  # fmt: skip
        hits = right(model, test)
        by_age = [hits[test.mask & (age == a)].mean() for a in present]
        return hits[test.mask].mean(), by_age

    total, by_age = _every(one, contenders, seeds, "recall", progress)
    data = {
        "recall": (("contender", "seed"), total),
        "recall_by_age": (("contender", "seed", "age"), by_age),
        "queries": ("age", queries),
    }
    coordinates = {"contender": list(contenders), "seed": range(seeds), "age": present}
    sizes = {"pairs": pairs, "vocab": vocab, "recall_window": window, "key_dim": key_dim}
    return xr.Dataset(data, coordinates, sizes)


def _every(
    one: Callable, contenders, seeds: int, task: str, progress
) -> list[np.ndarray]:
    """Return the results of one(contender, seed), each as an array [contender, seed,
    ...]."""
    rows = []
    for n, name in enumerate(contenders):
        for seed in range(seeds):
            if progress is not None:
                fraction = (n + seed / seeds) / len(contenders)
                progress(fraction, f"{task}, {name}, seed {seed}")
            rows.append(one(name, seed))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return [
        column.reshape(len(contenders), seeds, *column.shape[1:]) for column in columns
    ]


def network(
    name: str, window: int, seed: int, layers: int, options: dict, **further
) -> SequenceModel:
    """Return a contender's network with 32 dimensions."""
    memory, multiple, blend = CONTENDERS[name]
    options = dict(options)
    sized = {}
    if multiple is not None:
        sized, options["beta_range"] = {"window": multiple * window}, (0, 2)
    if blend is not None:
        options["gates"] = {"mix": blend}
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        mixer = MEMORIES.make(memory, **sized)
        return SequenceModel(layers, 32, mixer=mixer, mixer_options=options, **further)


def right(model: SequenceModel, batch) -> np.ndarray:
    """Return where the model's answers are right, bool [batch, token]."""
    inputs = torch.as_tensor(batch.inputs)
    with torch.no_grad():
        found = torch.cat([model(part).argmax(-1) for part in inputs.split(64)])
    return found.numpy() == batch.targets


def ages(batch, pairs: int) -> np.ndarray:
    """Return for each query the tokens since the value that it asks for, [batch,
    token]."""
    keys = batch.inputs[:, 0 : 2 * pairs : 2]
    pair = (batch.inputs[:, :, None] == keys[:, None]).argmax(-1)
    return np.arange(batch.mask.shape[1]) - (2 * pair + 1)


def normalised(data, name: str, trained: bool) -> np.ndarray:
    """Return each seed's accuracy on parity, 0 % at chance, at trained or at longer
    lengths."""
    longest = data.attrs["longest"]
    span = slice(3, longest) if trained else slice(longest + 1, None)
    return 200 * data["parity"].sel(contender=name, token=span).mean("token").values - 100


def within(data, name: str, inside: bool) -> np.ndarray:
    """Return each seed's accuracy of recall over all queries inside or beyond the window.

    Ages that the window reaches through the short convolution, three tokens, are in
    neither.
    """
    window, age = data.attrs["recall_window"], data["age"]
    chosen = age < window if inside else age >= window + 3
    weights = data["queries"] * chosen
    return data["recall_by_age"].sel(contender=name).weighted(weights).mean("age").values


def plot(data):
    """Draw learning and length generalisation of parity, and recall by age and in all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.68 * PAGE))
    axes = figure.subplots(2, 2, width_ratios=(1, 1))
    for name in CONTENDERS:
        for ax, variable, along in ((axes[0, 0], "parity_curve", "parity_step"),
                                    (axes[1, 0], "recall_by_age", "age")):  # fmt: skip
            lines = data[variable].sel(contender=name)
            for line in lines.values:
                ax.plot(data[along], line, color=LOOK[name]["color"], lw=0.5, alpha=0.4)
            ax.plot(data[along], lines.mean("seed"), ms=3.5, lw=1.5, label=name,
                    markevery=(list(CONTENDERS).index(name) % 2, 2), **LOOK[name])
    longest, last = int(data.attrs["longest"]), data.sizes["token"]
    steps = int(data["parity_step"].values[-1])
    axes[0, 0].axhline(0.5, ls=":", lw=0.9, color=GREY)
    axes[0, 0].set(xlabel="training step", ylabel="accuracy", ylim=(0.45, 1.03),
                   title=f"(a) parity in {steps} steps, 3-{longest} tokens")  # fmt: skip
    window, pairs = data.attrs["recall_window"], data.attrs["pairs"]
    title = f"(c) recall, {pairs} pairs, {data.attrs['key_dim']} key dimensions"
    ages = data["age"].values
    axes[1, 0].axvspan(ages[0], window - 1, color="0.93", lw=0)
    axes[1, 0].text(
        ages[0] + 0.3, 1.01, "inside the window", fontsize=7, color=GREY, va="bottom"
    )
    axes[1, 0].axhline(2 / data.attrs["vocab"], ls=":", lw=0.9, color=GREY)
    axes[1, 0].set(xlabel="age of the pair (tokens)", ylabel="accuracy", ylim=(0, 1.1))
    axes[1, 0].set_title(title)
    _parity_marks(axes[0, 1], data, f"(b) parity, tokens {longest + 1} to {last}")
    _recall_marks(axes[1, 1], data)
    for ax in axes.flat:
        ax.set_title(ax.get_title(), loc="left")
        ax.set_title("")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), ncols=6,
                  loc="outside lower center", columnspacing=1.0, handlelength=1.2,
                  fontsize=6.5)  # fmt: skip
    return figure


def _parity_marks(ax, data, title: str) -> None:
    for place, name in enumerate(CONTENDERS):
        ours = normalised(data, name, trained=False)
        ax.plot(ours, np.full(ours.size, place), ls="", alpha=0.7, ms=4, **LOOK[name])
        if name in PUBLISHED:
            ax.plot(PUBLISHED[name], place - 0.25, "x", color="black", ms=5, mew=1.2)
    ax.plot([], [], "o", color=GREY, ms=4, label="ours, a seed each")
    ax.plot([], [], "x", color="black", ms=5, mew=1.2, label="published")
    ax.legend(loc="center", bbox_to_anchor=(0.6, 0.3))
    ax.set(xlim=(-5, 105), xlabel="normalised accuracy (%)", title=title)
    _names(ax)


def _recall_marks(ax, data) -> None:
    for inside, shift in ((True, 0.12), (False, -0.12)):
        for place, name in enumerate(CONTENDERS):
            found, look = within(data, name, inside), LOOK[name]
            ax.plot(found, np.full(found.size, place - shift), ls="", ms=4, alpha=0.7,
                    mfc=look["color"] if inside else "none", **look)  # fmt: skip
    ax.plot([], [], "o", color=GREY, ms=4, label="inside the window (filled)")
    ax.plot([], [], "o", color=GREY, mfc="none", ms=4, label="beyond it (open)")
    ax.legend(loc="center left", bbox_to_anchor=(0.2, 0.63))
    ax.set(
        xlim=(-0.03, 1.03), xlabel="accuracy", title="(d) recall by the age of the pair"
    )
    _names(ax)


def _names(ax) -> None:
    ax.set_yticks(range(len(CONTENDERS)), list(CONTENDERS))
    ax.set_ylim(len(CONTENDERS) - 0.5, -0.6)


def report(data) -> str:
    """Return the accuracies of every contender beside the published ones."""
    longest, last, window = (data.attrs["longest"], data.sizes["token"],
                             data.attrs["recall_window"])  # fmt: skip
    lines = [
        f"parity: normalised % at lengths 3 to {longest} and {longest + 1} to {last}; "
        f"recall: accuracy in all, at ages below {window} and beyond; mean (least to "
        f"most) of {data.sizes['seed']} seeds"
    ]

    def spread(values, digits):
        mean, least, most = (
            f"{a:.{digits}f}" for a in (values.mean(), values.min(), values.max())
        )
        return f"{mean} ({least} to {most})"

    for name in CONTENDERS:
        published = f"{PUBLISHED[name]:g}" if name in PUBLISHED else "none"
        shares = [data["recall"].sel(contender=name).values,
                  within(data, name, True), within(data, name, False)]  # fmt: skip
        lines.append(
            f"{name:<22} parity {spread(normalised(data, name, True), 1)}, longer "
            f"{spread(normalised(data, name, False), 1)}, published {published}; recall "
            + ", ".join(spread(one, 2) for one in shares)
        )
    return "\n".join(lines)
