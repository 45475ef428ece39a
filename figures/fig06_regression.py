"""In-context regression: fast-weight rules are learning algorithms, and training finds
one of them.

Claims: on the task of von Oswald et al. 2023 (arXiv:2212.07677) one pass of "hebb" over
the examples is one gradient step, with a loss of .2062 at the best step size .6061; one
pass of "delta" reaches .159 at write strength 1; the memory "mesa" is ridge regression,
.028 at a ridge of .01. One layer of linear attention, trained, ends at the gradient step:
loss .2062, and its learned matrices are the step size times the identity.
Sizes: 10 dimensions, 10 examples, x uniform in [-1/2, 1/2], w normal, no noise; loss half
the squared error. 40,000 sequences for the points (quick: 4,000); training by Adam with
batches of 1,024 for 2,500 steps at rates from .003 to 0 (quick: 150 steps of 512, from
.024). The paper trains with batches of 2,048 for 10,000 steps at .001; its losses are
curves, not a table. Published: task and gradient-descent construction; the step size
.6061 and all numbers here are closed forms of `fwp_neuro.tasks` (ridge: solved
numerically). Ours: all points.
"""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from fwp_neuro import tasks
from fwp_neuro.artificial import apply, memory
from fwp_neuro.plotting import GREY, PAGE

DIM, RIDGE, BETAS = 10, 0.01, (0.5, 1.0, 2.0)
RATE = 0.003
LEARNERS = {
    "predict 0": "#8C8C8C",
    "hebb (best step)": "#0072B2",
    "trained linear attention": "#56B4E9",
    "delta, 0.5": "#E69F00",
    "delta, 1": "#D55E00",
    "delta, 2": "#CC79A7",
    "mesa, ridge 0.01": "#009E73",
}


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Run the rules on drawn sequences, and train a layer of linear attention."""
    count, steps, batch = (4000, 150, 512) if quick else (40_000, 2500, 1024)
    sequences = tasks.regression(DIM).sample(count, seed=1)
    slow, curve = train(steps, batch, 8 * RATE if quick else RATE, progress)
    etas = np.linspace(0, 1.2, 5 if quick else 13)
    betas = np.linspace(0, 2.75, 5 if quick else 12)
    if progress is not None:
        progress(0.9, "rules")
    best = tasks.optimal_step()
    found = {
        "predict 0": _moments(_error(sequences, 0.0)),
        "hebb (best step)": _moments(run("hebb", sequences, best)),
        "trained linear attention": _moments(trained_error(slow, sequences)),
        **{f"delta, {b:g}": _moments(run("delta", sequences, b)) for b in BETAS},
        "mesa, ridge 0.01": _moments(run("mesa", sequences)),
    }
    data = {
        "loss": (("learner", "moment"), [found[name] for name in LEARNERS]),
        "target": (
            "learner",
            [target(name, 20_000 if quick else 200_000) for name in LEARNERS],
        ),
        "hebb": (("eta", "moment"), [_moments(run("hebb", sequences, e)) for e in etas]),
        "delta": (
            ("beta", "moment"),
            [_moments(run("delta", sequences, b)) for b in betas],
        ),
        "curve": ("step", curve),
        "learned": (("row", "column"), learned_step(slow)),
    }
    coordinates = {"learner": list(LEARNERS), "eta": etas, "beta": betas,
                   "moment": ["mean", "standard error"]}  # fmt: skip
    return xr.Dataset(data, coordinates, {"count": count, "batch": batch})


def target(name: str, count: int = 200_000) -> float:
    """Return the expected loss of a learner: closed form, for ridge regression a sample
    of it."""
    if name == "predict 0":
        return DIM / 24
    if name.startswith("delta"):
        return tasks.delta_pass_loss(beta=float(name.split(", ")[1]))
    if name.startswith("mesa"):
        many = tasks.regression(DIM).sample(count, seed=2)
        return float(
            _error(many, tasks.ridge(*tasks.split_regression(many.inputs), RIDGE)).mean()
        )
    return tasks.gradient_step_loss()


def _error(sequences, prediction) -> np.ndarray:
    return (sequences.targets[:, -1, 0] - prediction) ** 2 / 2


def _moments(error) -> tuple[float, float]:
    return error.mean(), error.std(ddof=1) / np.sqrt(len(error))


def run(name: str, sequences, strength: float = 1.0) -> np.ndarray:
    """Return half the squared error of every sequence, by a rule or memory: keys x,
    values y."""
    x, y = torch.as_tensor(sequences.inputs)[:, :, None].split([DIM, 1], dim=-1)
    write = torch.ones(x.shape[:3], dtype=x.dtype)
    write[:, -1] = 0  # the last token is the query
    if name == "mesa":
        ridge = torch.full((1, DIM), RIDGE, dtype=x.dtype)
        mesa = memory("mesa", solver="exact", ridge_map="identity")
        readout, _ = apply(
            mesa,
            x,
            x,
            y,
            gamma=torch.ones_like(write),
            beta=write,
            ridge=ridge,
            form="step",
        )
    else:
        readout, _ = apply(name, x, x, y, beta=strength * write, form="parallel")
    return _error(sequences, readout[:, -1, 0, 0].numpy())


def predict(slow, tokens: torch.Tensor) -> torch.Tensor:
    """Return the read-out of one layer of linear attention at the query token, [batch].

    k = A e, q = B e, v = c.e with tokens e = (x, y); the query token writes nothing.
    """
    key, query, value = (tokens @ matrix.T for matrix in slow)
    write = torch.ones(tokens.shape[:2], dtype=tokens.dtype)
    write[:, -1] = 0
    signals = (query[:, :, None], key[:, :, None], value[:, :, None])
    readout, _ = apply("hebb", *signals, beta=write[..., None], form="parallel")
    return readout[:, -1, 0, 0]


def train(
    steps: int, batch: int, rate: float = RATE, progress=None
) -> tuple[list[torch.Tensor], np.ndarray]:
    """Train the layer by Adam; return its matrices and the loss at every step."""
    draw = torch.Generator().manual_seed(0)
    sizes = ((DIM + 1, DIM + 1), (DIM + 1, DIM + 1), (1, DIM + 1))
    slow = [torch.nn.Parameter(0.2 * torch.randn(size, generator=draw)) for size in sizes]
    adam = torch.optim.Adam(slow, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    curve = np.empty(steps)
    for step in range(steps):
        w = torch.randn(batch, DIM, 1, generator=draw)
        x = torch.rand(batch, DIM + 1, DIM, generator=draw) - 0.5
        y = x @ w
        tokens = torch.cat([x, y], -1)
        tokens[:, -1, -1] = 0
        loss = (predict(slow, tokens) - y[:, -1, 0]).square().mean() / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        curve[step] = loss.item()
        if progress is not None and step % 50 == 0:
            progress(0.9 * step / steps, "training")
    return [matrix.detach().double() for matrix in slow], curve


def trained_error(slow, sequences) -> np.ndarray:
    """Return half the squared error of every sequence, by the trained layer."""
    return _error(sequences, predict(slow, torch.as_tensor(sequences.inputs)).numpy())


def learned_step(slow) -> np.ndarray:
    """Return the matrix M [10, 10] of the trained prediction sum_i y_i x_i' M x_query."""
    key, query, value = slow
    return (value[0, -1] * key[:, :DIM].T @ query[:, :DIM]).numpy()


def report(data) -> str:
    """Return losses, targets and the learned step size."""
    lines = [
        f"half the squared error, {data.attrs['count']} sequences: mean, standard error; "
        "target"
    ]
    for name in data.learner.values:
        mean, spread = data.loss.sel(learner=name).values
        lines.append(
            f"   {name:26} {mean:.4f}  {spread:.4f}   "
            f"{float(data.target.sel(learner=name)):.4f}"
        )
    learned = data.learned.values
    off = learned - np.diag(np.diag(learned))
    lines.append(
        f"learned matrix: diagonal {np.diag(learned).mean():.4f} +- "
        f"{np.diag(learned).std():.4f} (best step {tasks.optimal_step():.4f}), largest "
        f"other entry {np.abs(off).max():.4f}"
    )
    return "\n".join(lines)


def _title(ax, letter: str, words: str) -> None:
    ax.set_title(f"{letter}   {words}", loc="left", fontsize=9, weight="bold")


def plot(data):
    """Draw losses and targets, step sizes, training and the learned matrix."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, PAGE * 0.72))
    (losses, steps), (training, learned) = figure.subplots(2, 2)
    _plot_losses(losses, data)
    _plot_steps(steps, data)
    _plot_training(training, data)
    _plot_learned(figure, learned, data)
    return figure


def _plot_losses(ax, data):
    for row, (name, colour) in enumerate(LEARNERS.items()):
        mean, spread = data.loss.sel(learner=name).values
        goal = float(data.target.sel(learner=name))
        ax.plot([goal, goal], [row - 0.38, row + 0.38], color="black", lw=1.4,
                label="expected" if row == 0 else None)  # fmt: skip
        ax.errorbar(mean, row, xerr=spread, fmt="o", ms=4.5, color=colour, elinewidth=1.5)
        ax.text(
            max(mean, goal) + 0.015,
            row,
            f"{mean:.3f}",
            va="center",
            fontsize=6.5,
            color=GREY,
        )
    ax.set_yticks(range(len(LEARNERS)), list(LEARNERS))
    ax.set(xlim=(0, 0.5), ylim=(len(LEARNERS) - 0.4, -0.6), xlabel="loss of the query")
    ax.legend(loc="lower right")
    _title(ax, "a", "One pass over ten examples")


def _plot_steps(ax, data):
    fine = np.linspace(0, 2.8, 200)
    hebb = [tasks.gradient_step_loss(step=s) for s in fine]
    delta = [tasks.delta_pass_loss(beta=b) for b in fine]
    for name, law, axis, mark, colour in (
        ("hebb", hebb, "eta", "s", LEARNERS["hebb (best step)"]),
        ("delta", delta, "beta", "o", LEARNERS["delta, 1"]),
    ):
        ax.plot(fine, law, color=colour, lw=1)
        ax.errorbar(data[axis], data[name][:, 0], data[name][:, 1], fmt=mark, ms=4,
                    color=colour, label=name)  # fmt: skip
    ax.plot([], [], color="black", lw=1, label="closed forms")
    ax.axhline(DIM / 24, color="#8C8C8C", ls="--", lw=0.9, label="predict 0")
    ax.set(xlim=(-0.05, 2.85), ylim=(0, 0.95), xlabel=r"write strength $\beta$ (step "
                                                      r"size)",
           ylabel="loss of the query")  # fmt: skip
    ax.legend(loc="upper center", ncols=2)
    _title(ax, "b", "Write strength is a step size")


def _plot_training(ax, data):
    curve = data.curve.values
    steps = np.arange(1, len(curve) + 1)
    ax.plot(
        steps,
        curve,
        color=LEARNERS["trained linear attention"],
        lw=0.8,
        label="training loss",
    )
    for name, line in (("predict 0", "--"), ("hebb (best step)", "-")):
        words = {
            "predict 0": "predict 0",
            "hebb (best step)": "one gradient step, best size",
        }[name]
        ax.axhline(
            float(data.target.sel(learner=name)),
            ls=line,
            color="black",
            lw=1,
            label=words,
        )
    ax.set_xscale("log")
    ax.set(xlabel="training step", ylabel="loss of the query", ylim=(0.15, 0.6))
    ax.legend(loc="upper right")
    _title(ax, "c", "Linear attention learns the step")


def _plot_learned(figure, ax, data):
    image = ax.imshow(data.learned.values, cmap="RdBu_r", vmin=-0.8, vmax=0.8)
    bar = figure.colorbar(
        image, ax=ax, ticks=[-tasks.optimal_step(), 0, tasks.optimal_step()]
    )
    bar.ax.set_yticklabels([r"$-\eta^*$", "0", r"$\eta^* = 0.606$"])
    ax.set_xticks([0, 4, 9], ["1", "5", "10"])
    ax.set_yticks([0, 4, 9], ["1", "5", "10"])
    ax.set(xlabel="dimension of the query", ylabel="dimension of the examples")
    _title(ax, "d", r"Learned: $\eta^*$ times identity")
