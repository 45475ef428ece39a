"""Linear regression learned in context by fast weights, in spikes: no weight is trained.

Paper: Garg, Tsipras, Liang & Valiant 2022, arXiv:2208.01066 (section 3: dim numbers x and
weights w, all standard normal, y = w x; the error at the next x against the number of
examples, squared and divided by dim; least squares is exact after dim examples). The
memory is the delta rule, which with keys of length one is normalised least mean squares
(NLMS; Widrow & Hoff 1960): k = x/|x|, v = y/|x|, W += beta (v - W k) k; it predicts
W x'. Dividing by |x| is the work of the slow net.

Deviation: the paper trains transformers to do this; here nothing is trained, and each
episode is a head of one circuit. Signed keys have an ON and an OFF population (a choice
without direct evidence). `probe` answers the measure of Shen, Wu & Chen 2026 (arXiv
2607.02283, read as an abstract): a linear probe of a dendritic state explains 93 % of an
online learner in their network of frozen synapses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.errors import pick
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import affordable, positive, real, seed_number, time_step, whole

CIRCUITS = ("spiking", "rate")
PRESETS = ("none", "physiological")
PREDICTORS = ("nothing", "gradient step", "ridge", "least squares", "NLMS", "circuit")


@dataclass
class Parameters:
    """What a user can change."""

    dim: int = parameter(5, "1", "numbers of an x")
    examples: int = parameter(0, "1", "of an episode; 0 means 2 dim")
    episodes: int = parameter(64, "1", "tasks, each with a w of its own")
    beta: float = parameter(0.9, "1", "write strength")
    realisation: Literal["spiking", "rate"] = parameter("spiking", "1", "spiking or rate")
    cells: int = parameter(100, "1", "key and teacher cells for each number")
    teacher: Literal["spiking", "tonic"] = parameter(
        "spiking", "1", "of the spiking circuit: spiking or tonic"
    )
    realism: Literal["none", "physiological"] = parameter(
        "none", "1",
        "of the spiking circuit: none, or the preset physiological of "
        "fwp_neuro.circuits.Realism, with weak synapses"
    )  # fmt: skip
    penalty: float = parameter(0.01, "1", "of ridge regression")
    dt: float = parameter(1.0, "ms", "time step")
    seed: int = parameter(0, "1", "of episodes and spikes")
    device: str = parameter("auto", "1", "of the circuit; see fwp-neuro list devices")


#: parameters of a run of some seconds
QUICK = {"episodes": 16, "cells": 20, "device": "numpy"}


def checked(p: Parameters) -> Parameters:
    """Return the parameters.

    Raises:
        FwpError: one that makes no regression.
    """
    pick(p.realisation, CIRCUITS, "realisation")
    pick(p.realism, PRESETS, "realism")
    pick(p.teacher, ("spiking", "tonic"), "teacher")
    for name, least in (("dim", 1), ("examples", 0), ("episodes", 2), ("cells", 1)):
        whole(getattr(p, name), name, least)
    if p.realisation != "spiking" and (p.realism, p.teacher) != ("none", "spiking"):
        raise fwp.FwpError("realism and teacher are of the spiking circuit: leave them "
                           f"out with realisation {p.realisation!r}")  # fmt: skip
    real(positive(p.beta, "beta"), "beta", 0, 0.99)
    positive(p.penalty, "penalty")
    time_step(p.dt, 1.0, "for receptors of 5 ms")
    seed_number(p.seed)
    affordable(p.episodes * (p.examples or 2 * p.dim) * p.dim**2, "numbers of weights", 8)
    return p


def episodes_of(p: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x [example, episode, dim] with one query more than examples, its y [example,
    episode], and the weights w [episode, dim]."""
    rng = np.random.default_rng([p.seed, 5])
    w = rng.standard_normal((p.episodes, p.dim))
    x = rng.standard_normal(((p.examples or 2 * p.dim) + 1, p.episodes, p.dim))
    return x, np.einsum("ned,ed->ne", x, w), w


def program_of(x, y, beta: float) -> fwp.Program:
    """Return the programme that writes each example and reads the next x."""
    size = np.linalg.norm(x, axis=-1, keepdims=True)
    key, value = x / size, y[..., None] / size
    return fwp.Program(key[:-1], value[:-1], query=key[1:], beta=beta)


def solved(x, y, penalty: float) -> dict[str, np.ndarray]:
    """Return what predictors that see all examples at once predict, [example, episode].

    The gradient step from w = 0 has the size of the least expected error, 1/(n + dim + 1)
    for n examples. Least squares takes the shortest w while examples are few.
    """
    dim, found = x.shape[-1], {name: [] for name in PREDICTORS[:4]}
    for n in range(1, len(x)):
        seen, said = x[:n].swapaxes(0, 1), y[:n].T[..., None]  # [episode, n, ...]
        sums = seen.swapaxes(1, 2) @ said
        gram = seen.swapaxes(1, 2) @ seen
        weights = {
            "nothing": np.zeros_like(sums),
            "gradient step": sums / (n + dim + 1),
            "ridge": np.linalg.solve(gram + penalty * np.eye(dim), sums),
            "least squares": np.linalg.pinv(seen) @ said,
        }
        for name, each in weights.items():
            found[name].append((each[..., 0] * x[n]).sum(-1))
    return {name: np.stack(each) for name, each in found.items()}


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run all episodes at once; dims: predictor, example, episode, dim.

    "error" is (prediction - y)^2/dim at the next x after so many examples, "weights" what
    NLMS and the circuit hold, "target" the w of the episode.
    """
    import brian2 as b2

    p = checked(parameters)
    x, y, w = episodes_of(p)
    program, size = program_of(x, y, p.beta), np.linalg.norm(x[1:], axis=-1)
    options = {}
    if p.realisation == "spiking":
        options = dict(
            cells=p.cells, seed=p.seed, signed_keys="opponent", value_scale="fit",
            teacher=p.teacher, constants={"weight_baseline": 2.0}, record_spikes=False,
        )  # fmt: skip
        if p.realism != "none":
            options["realism"] = fwp.circuits.Realism(preset=p.realism)
            options["constants"]["conductance"] = 1 / 16  # weak synapses, little shunt
    if progress is not None:
        progress(0.0, f"{p.episodes} episodes")
    runs = {
        "NLMS": fwp.run(program, "delta"),
        "circuit": fwp.run(
            program, "delta", p.realisation, dt=p.dt * b2.ms, device=p.device,
            progress=progress, **options,
        ),
    }  # fmt: skip
    said = solved(x, y, p.penalty)
    said |= {name: each["readout"].values[..., 0] * size for name, each in runs.items()}
    error = np.stack([(said[name] - y[1:]) ** 2 / p.dim for name in PREDICTORS])
    held = np.stack([each["weights"].values[..., 0, :] for each in runs.values()])
    data = xr.Dataset(
        {
            "error": (("predictor", "examples", "episode"), error, {"units": "1"}),
            "weights": (("learner", "examples", "episode", "dim"), held, {"units": "1"}),
            "target": (("episode", "dim"), w, {"units": "1"}),
        },
        coords={"predictor": list(PREDICTORS), "learner": list(runs),
                "examples": np.arange(1, len(x))},
    )  # fmt: skip
    data.attrs |= {"settings": f"dim {p.dim}, {p.episodes} episodes, {p.realisation}, "
                               f"{p.cells} cells, realism {p.realism}",
                   "seed": p.seed}  # fmt: skip
    return data


def probe(data: xr.Dataset) -> dict[str, float]:
    """Return how much of the course of NLMS the circuit's weights explain (R2, over all
    examples).

    "as they are": of the weights themselves, nothing fitted. "linear probe": of a linear
    map of the circuit's weights, fitted on the even episodes and scored on the odd ones.
    """
    truth, state = (data.weights.sel(learner=name).values for name in ("NLMS", "circuit"))

    def explained(said, true):
        return 1 - ((said - true) ** 2).sum() / ((true - true.mean((0, 1))) ** 2).sum()

    def rows(each):
        return each.reshape(-1, each.shape[-1])

    found, *_ = np.linalg.lstsq(rows(state[:, ::2]), rows(truth[:, ::2]), rcond=None)
    return {"as they are": float(explained(state, truth)),
            "linear probe": float(explained(state[:, 1::2] @ found,
                                            truth[:, 1::2]))}  # fmt: skip


def intervals(data: xr.Dataset, examples: int, draws: int = 2000) -> dict[str, tuple]:
    """Return (mean error, lower, upper) of each predictor after so many examples, and of
    "circuit / NLMS".

    The bounds are 2.5 and 97.5 percent of bootstrap means over episodes.
    """
    each = data.error.sel(examples=examples).values  # [predictor, episode]
    rng = np.random.default_rng([data.attrs["seed"], 6])
    chosen = rng.integers(each.shape[1], size=(draws, each.shape[1]))
    means = dict(zip(PREDICTORS, each[:, chosen].mean(-1), strict=True))
    found = dict(zip(PREDICTORS, each.mean(-1), strict=True))
    if examples >= data.target.sizes["dim"]:
        means["circuit / NLMS"] = means["circuit"] / means["NLMS"]
        found["circuit / NLMS"] = found["circuit"] / found["NLMS"]
    return {name: (float(found[name]), *map(float, np.percentile(means[name],
                                                                 [2.5, 97.5])))
            for name in means}  # fmt: skip


def report(data: xr.Dataset) -> str:
    """Return errors after dim and after all examples, and what the weights explain."""
    dim, last = data.target.sizes["dim"], int(data.examples[-1])
    lines = [data.attrs["settings"]]
    for examples in sorted({min(dim, last), last}):
        lines.append(f"squared error / dim after {examples} examples (95 % interval)")
        lines += [f"  {name:16}{mean:8.4f}  ({low:.4f} to {high:.4f})"
                  for name, (mean, low, high) in
                  intervals(data, examples).items()]  # fmt: skip
    lines.append("course of the weights of NLMS that the circuit explains, R2")
    lines += [f"  {name:16}{share:8.4f}" for name, share in probe(data).items()]
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the error of every predictor against the number of examples."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN, GREY

    figure = Figure(figsize=(COLUMN, COLUMN * 0.8))
    ax = figure.subplots()
    colours = {"circuit": COLOURS["spiking"], "NLMS": COLOURS["artificial"]}
    for place, name in enumerate(data.predictor.values):
        error = data.error.sel(predictor=name)
        mean = error.mean("episode").values
        spread = error.std("episode", ddof=1).values / np.sqrt(data.sizes["episode"])
        colour, line = colours.get(name, GREY), ("-", "--", ":", "-.")[place % 4]
        ax.plot(data.examples, mean, line, color=colour, marker="os^D"[place % 4],
                label=str(name))  # fmt: skip
        if name in colours:  # the circuit and what it should do
            ax.fill_between(data.examples, mean - spread, mean + spread, color=colour,
                            alpha=0.2, lw=0)  # fmt: skip
    ax.set(ylim=(0, None), xlabel="examples seen (1)",
           ylabel="squared error / dim (1)\nmean (band: standard error)")  # fmt: skip
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "garg_2022_in_context_regression"]))
