"""A new task erases an old one at the read-out, not in memory: amplified keys bring it
back.

Claims: a linear layer trained by gradient descent is a key-value memory of its error
signals, W = W_0 + sum_n e_n x_n' (to rounding, in the rule "hebb"). After a second task
with the same two outputs, the accuracy on the first falls, at worst far below chance;
multiplying the keys of the first task by a gain at retrieval brings it back, at the
expense of the second task: nothing was erased, and at a large gain the read-out is that
of the first task's memory alone. Sizes: digits of the package, 8x8 pixels, 120 images a
class, 80 of them for training; 5 epochs a task, one image at a time, step .1; softmax of
two outputs, W_0 = 0, no bias. All 2,520 successions of two pairs of different digits
(quick: 29). Published: Gershman, Fiete & Irie 2025 (arXiv:2501.02950): the dual form, and
a simulation with MNIST 0/1, then FashionMNIST T-shirt/trouser, where the accuracy on the
first task falls from 99 % to about 9 % and is recovered by a gain on its keys. Those
images do not come with the package. Ours: the digits in place of them, every succession,
and the accuracy on both tasks by gain. The example in panels a to c, 3 and 6, then 4 and
7, is the succession with the strongest interference; the median one costs about a fifth
of the accuracy.
"""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import apply
from fwp_neuro.plotting import GREY, PAGE

EXAMPLE = ((3, 6), (4, 7))
EPOCHS, STEP, TRAINING, CLASS = 5, 0.1, 80, 120
FIRST_COLOUR, SECOND_COLOUR = "#0072B2", "#D55E00"


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Train a layer on two tasks, for every second pair of digits, and scale the keys."""
    cases = [
        (first, second)
        for first in combinations(range(10), 2)
        for second in permutations(
            [digit for digit in range(10) if digit not in first], 2
        )
    ]
    if quick:
        cases = [EXAMPLE, *cases[::90]]
    gains = np.concatenate([[1], np.geomspace(1.25, 100, 11 if quick else 29)])
    after, before, gap = np.zeros((len(cases), 2, 2)), np.zeros(len(cases)), 0.0
    for n, case in enumerate(cases):
        if progress is not None and n % 10 == 0:
            progress(n / len(cases), f"digits {case[0]}, then {case[1]}")
        both = [split(pair) for pair in case]
        weights, memories, course = learn(both)
        before[n] = course[EPOCHS, 0]
        recalled = [recall(memories, gain) for gain in (1.0, gains[-1])]
        after[n] = [[score(dual, task) for task in both] for dual in recalled]
        gap = max(gap, np.abs(recalled[0] - weights).max())
        if case == EXAMPLE:
            example = [[score(recall(memories, g), task) for task in both] for g in gains]
            shown, images = course, [_means(task) for task in both]
    data = {
        "after": (("case", "end", "task"), after),
        "before": ("case", before),
        "example": (("gain", "task"), example),
        "course": (("epoch", "task"), shown),
        "image": (("task", "output", "pixel"), images),
    }
    coordinates = {"case": [f"{a} {b}, {c} {d}" for (a, b), (c, d) in cases],
                   "gain": gains, "end": ["gain 1", "largest gain"], "task": [1, 2],
                   "epoch": np.arange(2 * EPOCHS + 1)}  # fmt: skip
    return xr.Dataset(data, coordinates, {"dual_gap": float(gap)})


def split(pair) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return images and outputs (0 for the first digit, 1 for the second) for training
    and test."""
    images, labels = tasks.digits()
    parts = {"training": slice(0, TRAINING), "test": slice(TRAINING, CLASS)}
    drawn = {}
    for name, part in parts.items():
        x = np.concatenate([images[labels == digit][part] for digit in pair])
        drawn[name] = x, np.repeat([0, 1], len(x) // 2)
    return drawn


def _means(task) -> np.ndarray:
    x, label = task["training"]
    return np.stack([x[label == output].mean(axis=0) for output in (0, 1)])


def learn(both, seed: int = 0):
    """Train W on one task after the other by stochastic gradient descent from W_0 = 0.

    Returns:
        W [2, 64]; for each task the memory of its updates: keys x_n [update, 64] and
        values e_n [update, 2], the step times target minus softmax; accuracy [epoch,
        task] from the start.
    """
    rng, weights, memories = np.random.default_rng(seed), np.zeros((2, 64)), []
    course = [[score(weights, task) for task in both]]
    for task in both:
        x, label = task["training"]
        keys, values = [], []
        for _ in range(EPOCHS):
            for n in rng.permutation(len(x)):
                output = np.exp(weights @ x[n] - (weights @ x[n]).max())
                error = STEP * (np.eye(2)[label[n]] - output / output.sum())
                weights = weights + np.outer(error, x[n])
                keys.append(x[n])
                values.append(error)
            course.append([score(weights, other) for other in both])
        memories.append((np.array(keys), np.array(values)))
    return weights, memories, np.array(course)


def recall(memories, gain: float) -> np.ndarray:
    """Return the fast weights [2, 64] of all error signals, the first task's keys times
    ``gain``.

    The rule "hebb", one token an update: W = sum_n value_n (gain_n key_n)'.
    """
    keys, values = (np.concatenate(parts) for parts in zip(*memories, strict=True))
    first = np.arange(len(keys)) < len(memories[0][0])
    scaled = torch.as_tensor(np.where(first, gain, 1.0)[:, None] * keys)[None, :, None]
    one = torch.ones(scaled.shape[:3], dtype=scaled.dtype)
    value = torch.as_tensor(values)[None, :, None]
    _, weights = apply("hebb", scaled, scaled, value, beta=one, form="chunk")
    return weights[0, 0].numpy()


def score(weights, task) -> float:
    """Return the accuracy on the test images of a task; a tie counts half."""
    x, label = task["test"]
    output = x @ weights.T
    margin = (output[:, 1] - output[:, 0]) * (2 * label - 1)
    return float(((margin > 0) + (margin == 0) / 2).mean())


def balance(data) -> int:
    """Return the gain at which the worse of the example's two accuracies is largest (its
    index)."""
    return int(data.example.min("task").values.argmax())


def report(data) -> str:
    """Return accuracies before and after the second task, and with scaled keys."""
    found, both, gains = data.example.values, balance(data), data.gain.values
    digits = ", then ".join(" and ".join(map(str, pair)) for pair in EXAMPLE)
    lines = [
        f"digits {digits}: accuracy on the first task "
        f"{data.course.values[EPOCHS, 0]:.3f} before, {found[0, 0]:.3f} after the second "
        "task",
        "   keys of the first task times "
        + ", ".join(
            f"{gains[g]:.1f}: {found[g, 0]:.3f} on the first, {found[g, 1]:.3f} on the "
            "second"
            for g in (both, -1)
        ),
        f"all {data.sizes['case']} successions, first task (least, quartiles, most)",
    ]
    for words, values in _distributions(data):
        row = "  ".join(f"{q:.3f}" for q in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
        lines.append(f"   {words:24} {row}")
    worst = data.case.values[int(data.after[:, 0, 0].argmin(...)["case"])]
    return "\n".join([
        *lines,
        f"   strongest interference: {worst}",
        "largest difference of the weights from the sum of error signals: "
        f"{data.attrs['dual_gap']:.1e}",
        "published (MNIST, FashionMNIST): .99 before, about .09 after, recovered by a "
        "gain",
    ])  # fmt: skip


def _distributions(data):
    """Yield a label and the accuracies on the first task, over all successions."""
    yield "before the second task", data.before.values
    yield "after it", data.after.values[:, 0, 0]
    yield f"after it, gain {float(data.gain[-1]):.0f}", data.after.values[:, 1, 0]


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def plot(data):
    """Draw the tasks, training, recovery and all second pairs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.72))
    (images, course), (gains, cases) = figure.subplots(2, 2)
    _plot_images(images, data)
    _plot_course(course, data)
    _plot_gains(gains, data)
    _plot_cases(cases, data)
    return figure


def _plot_images(ax, data):
    """Mean training images: one row a task, one column an output."""
    from matplotlib.patches import Rectangle

    for row, colour in enumerate((FIRST_COLOUR, SECOND_COLOUR)):
        y = 1.3 * row
        ax.text(-0.12, y + 0.5, ("first task", "second task")[row], rotation=90,
                ha="center", va="center", color=colour, fontsize=8)  # fmt: skip
        for column in (0, 1):
            x = 1.3 * column
            image = data.image.values[row, column].reshape(8, 8)
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(x, x + 1, y + 1, y))
            ax.add_patch(
                Rectangle((x, y), 1, 1, fill=False, lw=1.4, ec=colour, clip_on=False)
            )
            digit = f"digit {EXAMPLE[row][column]}"
            ax.text(x + 0.5, y + 1.14, digit, ha="center", va="center", fontsize=7)
            if row == 0:
                ax.text(x + 0.5, -0.12, f"output {'AB'[column]}", ha="center", fontsize=8)
    ax.set(xlim=(-0.3, 2.35), ylim=(2.5, -0.3))
    ax.set_axis_off()
    _title(ax, "a", "Two tasks, the same outputs")


def _chance(ax):
    ax.axhline(0.5, color=GREY, lw=0.8, ls=":")


def _plot_course(ax, data):
    for task, colour, mark in ((1, FIRST_COLOUR, "o"), (2, SECOND_COLOUR, "s")):
        ax.plot(data.epoch, data.course.sel(task=task), f"-{mark}", color=colour, ms=4,
                clip_on=False)  # fmt: skip
    ax.axvline(EPOCHS, color=GREY, lw=0.8, ls="--")
    _chance(ax)
    ax.text(
        EPOCHS / 2,
        1.06,
        "first task learned",
        ha="center",
        fontsize=7,
        color=FIRST_COLOUR,
    )
    ax.text(1.5 * EPOCHS, 1.06, "second task learned", ha="center", fontsize=7,
            color=SECOND_COLOUR)  # fmt: skip
    ax.text(2 * EPOCHS, 0.52, "chance", ha="right", fontsize=7, color=GREY)
    ax.set(xlabel="epoch", ylabel="accuracy on test images", ylim=(-0.03, 1.13))
    _title(ax, "b", "Interference")


def _plot_gains(ax, data):
    for task, colour, mark in ((1, FIRST_COLOUR, "o"), (2, SECOND_COLOUR, "s")):
        words = ("first task", "second task")[task - 1]
        ax.plot(
            data.gain,
            data.example.sel(task=task),
            f"-{mark}",
            color=colour,
            ms=3,
            label=words,
        )
    before = float(data.course[EPOCHS, 0])
    ax.axhline(
        before, color=FIRST_COLOUR, lw=0.9, ls="--", label="first task, before the second"
    )
    _chance(ax)
    ax.set_xscale("log")
    ax.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    ax.minorticks_off()
    ax.set(xlabel="gain of the first task's keys at retrieval",
           ylabel="accuracy on test images", ylim=(-0.03, 1.13))  # fmt: skip
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.27))
    _title(ax, "c", "Recovery by scaling keys")


def _plot_cases(ax, data):
    share = np.arange(1, data.sizes["case"] + 1) / data.sizes["case"]
    looks = ((":", "black", 3), ("-", "#56B4E9", 1), ("-", FIRST_COLOUR, 2))
    for (words, values), (line, colour, order) in zip(
        _distributions(data), looks, strict=True
    ):
        ax.step(np.sort(values), share, line, where="post", color=colour, label=words,
                zorder=order)  # fmt: skip
    ax.axvline(0.5, color=GREY, lw=0.8, ls=":")
    ax.text(0.49, 0.42, "chance", ha="right", fontsize=7, color=GREY)
    ax.set(xlabel="accuracy on the first task", ylabel="fraction of successions",
           ylim=(0, 1.02), xlim=(-0.02, 1.02))  # fmt: skip
    ax.legend(loc="upper left")
    _title(ax, "d", f"All {data.sizes['case']:,} successions")
