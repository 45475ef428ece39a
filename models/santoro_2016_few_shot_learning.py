"""Few-shot classification by spiking fast weights: inputs as mean rates or as spikes.

Papers: Hochreiter, Younger & Conwell 2001 (doi:10.1007/3-540-44668-0_13) and Santoro,
Bartunov, Botvinick, Wierstra & Lillicrap 2016 (arXiv:1605.06065): classes exist for one
episode only, and the label of each example comes one token late, so that it must be bound
to the example before it. Irie, Schlag, Csordas & Schmidhuber 2022 (arXiv:2202.05780) do
it with fast weights.

A network of one delta-rule layer is trained on `fwp_neuro.tasks.few_shot_episodes`, as an
artificial network. Then its fast weights are replaced by the spiking circuit, and the
rest of the network (keys, values and write strengths; the map from read-out to class)
stays as it is. The same commands reach the circuit in two ways: "mean rates" (key and
teacher cells are their mean rates, as if there were infinitely many of them) and "spikes"
(Poisson cells, so many for each number). What is left between the accuracy of the
artificial network and that with mean rates is the circuit's own; what is left between
mean rates and spikes is the noise of the inputs.

Measured at seed 0 with episodes of 12 examples: accuracy (nRMSE of the read-out, the root
mean square error over its standard deviation). Graded value cells, 96 episodes,
artificial network .872, standard error .013:

    inputs       cells    values fitted, tonic teachers    neither
    mean rates            .871 (.009)                      .871 (.010)
    spikes       10       .876 (.181)                      .865 (.327)
    spikes       50       .877 (.081)                      .869 (.146)
    spikes       100      .875 (.058)                      .870 (.104)

Value cells that spike, as many as key cells (values fitted, tonic teachers), 32 episodes,
artificial network .875, standard error .03:

    inputs       cells    Poisson cells    lif cells
    mean rates   50       .722 (.991)      .840 (.507)
    mean rates   200      .837 (.495)      .872 (.251)
    spikes       50       .691 (.977)      .819 (.505)
    spikes       200      .823 (.491)      .868 (.252)

So spikes of the inputs cost next to no accuracy. The count of spikes of value cells in
one read window does, and regular cells need a quarter as many for the same error.

Deviations: Gaussian classes stand for images, and a short convolution of two tokens binds
a label to the example before it. Signed keys have an ON and an OFF population, a choice
without direct evidence. Training through spikes is not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.errors import pick
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import positive, seed_number, time_step, whole

INPUTS = ("mean rates", "spikes")
VALUE_CELLS = ("graded", "spiking", "lif", "adex")


#: a small version, for a first look
QUICK = {"steps": 100, "episodes": 8, "cells": (10,)}


@dataclass
class Parameters:
    """What a user can change."""

    ways: int = parameter(3, "1", "classes of an episode")
    dim: int = parameter(6, "1", "numbers of an input")
    spread: float = parameter(
        0.4, "1", "standard deviation of the examples of a class, over that of the means"
    )
    examples: int = parameter(8, "1", "of an episode")
    episodes: int = parameter(24, "1", "how many are classified, side by side")
    steps: int = parameter(400, "1", "of training")
    cells: tuple[int, ...] = parameter((10, 50), "1", "for each number, one run each")
    value_cells: Literal["graded", "spiking", "lif", "adex"] = parameter(
        "graded", "1",
        "graded, or as many as key cells, at 50 Hz: spiking (Poisson), lif or adex"
    )  # fmt: skip
    value_scale: Literal["fit", "unit"] = parameter("fit", "1", "see fwp_neuro.run")
    teacher: Literal["tonic", "spiking"] = parameter("tonic", "1", "see fwp_neuro.run")
    dt: float = parameter(1.0, "ms", "time step")
    seed: int = parameter(0, "1", "of training, episodes and spikes")
    device: str = parameter("numpy", "1", "of the circuit; see fwp-neuro list devices")


def checked(p: Parameters) -> Parameters:
    """Return the parameters.

    Raises:
        FwpError: one that makes no episodes or no circuit.
    """
    pick(p.value_cells, VALUE_CELLS, "value_cells")
    pick(p.value_scale, ("fit", "unit"), "value_scale")
    pick(p.teacher, ("tonic", "spiking"), "teacher")
    least = {"ways": 2, "dim": 1, "examples": p.ways + 1, "episodes": 1, "steps": 1}
    for name, low in least.items():
        whole(getattr(p, name), name, low)
    for each in p.cells:
        whole(each, "cells", 1)
    if not p.cells:
        raise fwp.FwpError("cells must hold one number at least")
    positive(p.spread, "spread")
    time_step(p.dt, 1.0, "for receptors of 5 ms")
    seed_number(p.seed)
    return p


def trained(p: Parameters, task):
    """Return the network, trained on the task as an artificial one."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(p.seed)
        # two tokens of convolution: the example before, and the label that it gets
        net = fwp.artificial.SequenceModel(
            1, 24, input_size=task.input_size, output_size=p.ways, mixer="delta",
            mixer_options={"heads": 1, "key_dim": 8, "value_dim": 4, "convolution": 2},
        )  # fmt: skip
        fwp.artificial.train(net, task, steps=p.steps, batch=32, length=p.examples,
                             learning_rate=0.02)  # fmt: skip
    return net.eval()


class Classifier:
    """The trained network, with fast weights that may be those of a circuit.

    Attributes:
        programs: what the slow net commands, one for each episode.
        right: of the classes that the network says, given read-outs [episode, token,
            head, value] or its own fast weights (None), [episode, token]; nan where the
            class has not been shown before.
    """

    def __init__(self, net, batch):
        import torch

        self.net, self.batch, self.layer = net, batch, net.blocks[0].mixer
        self.x, self._read, seen = torch.as_tensor(batch.inputs).float(), None, []
        self._read = self.layer.read
        self.layer.read = lambda x, state=None: seen.append(x) or self._read(x, state)
        with torch.no_grad():
            net(self.x)
            self.programs = self.layer.programs(seen[0])
        self.layer.read = self._read

    def right(self, readout=None) -> np.ndarray:
        import torch

        if readout is not None:
            given = torch.as_tensor(readout).float()
            self.layer.read = lambda x, state=None: (given, {})
        with torch.no_grad():
            said = self.net(self.x).argmax(-1).numpy()
        self.layer.read = self._read
        return np.where(self.batch.mask, said == self.batch.targets, np.nan)


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Train, then classify the same episodes with each circuit; dims: inputs, cells,
    episode.

    "accuracy" is the share of right classes of an episode, where the class has been shown
    before, of the circuits; "artificial" that of the network with its own fast weights,
    "nearest_mean" that of a classifier that knows how classes are made. "nrmse" and
    "slope" compare the read-outs with the network's own. With graded value cells mean
    rates do not depend on the number of cells.
    """
    import brian2 as b2

    p = checked(parameters)
    task = fwp.tasks.few_shot_episodes(p.ways, p.dim, p.spread, seed=p.seed)
    if progress is not None:
        progress(0.0, f"{p.steps} steps of training")
    batch = task.sample(p.episodes, seed=p.seed + 1, length=p.examples)
    net = Classifier(trained(p, task), batch)
    exact = fwp.run(net.programs, "delta")
    truth = _readouts(exact, p.episodes)
    shape = (len(INPUTS), len(p.cells))
    found = {name: np.zeros(shape) for name in ("nrmse", "slope")}
    right = np.zeros((*shape, p.episodes))
    for at in np.ndindex(shape):
        row, column = at
        if progress is not None:
            done = 1 + row * shape[1] + column
            progress(done / (1 + shape[0] * shape[1]), INPUTS[row])
        graded = p.value_cells == "graded"
        if row == 0 and graded and column:  # the same circuit again
            for each in (right, *found.values()):
                each[at] = each[0, 0]
            continue
        kind = "poisson" if p.value_cells in ("graded", "spiking") else p.value_cells
        values = fwp.circuits.SpikingValues(cells=p.cells[column], model=kind)
        circuit = fwp.run(
            net.programs, "delta", "spiking", signed_keys="opponent", seed=p.seed,
            cells=(np.inf, p.cells[column])[row], dt=p.dt * b2.ms, device=p.device,
            realism=None if graded else fwp.circuits.Realism(value_cells=values),
            value_scale=p.value_scale, teacher=p.teacher, record_spikes=False,
            record_weights="none", constants={"weight_baseline": 3.0},
        )  # fmt: skip
        readout = _readouts(circuit, p.episodes)
        right[at] = np.nanmean(net.right(readout), 1)
        found["nrmse"][at] = np.sqrt(((readout - truth) ** 2).mean()) / truth.std()
        found["slope"][at] = np.polyfit(truth.ravel(), readout.ravel(), 1)[0]
    known = fwp.tasks.nearest_mean(batch.inputs, p.ways) == batch.targets
    known = np.nanmean(np.where(batch.mask, known, np.nan), 1)
    units = {"units": "1"}
    data = xr.Dataset(
        {
            "accuracy": (("inputs", "cells", "episode"), right, units),
            "artificial": ("episode", np.nanmean(net.right(), 1), units),
            "nearest_mean": ("episode", known, units),
            **{name: (("inputs", "cells"), array, units)
               for name, array in found.items()},
        },
        coords={"inputs": list(INPUTS), "cells": list(p.cells)},
    )  # fmt: skip
    data.attrs["settings"] = (
        f"{p.episodes} episodes of {p.examples} examples, {p.ways} ways, value cells "
        f"{p.value_cells}, value_scale {p.value_scale}, teacher {p.teacher}"
    )
    return data


def _readouts(runs, episodes: int) -> np.ndarray:
    """Return the read-outs of all sequences, [episode, token, head, value]."""
    each = [runs.sequence(n)["readout"].values for n in range(episodes)]
    return np.stack(each).reshape(episodes, len(each[0]), 1, -1)


def report(data: xr.Dataset) -> str:
    """Return the accuracy for each kind of inputs and number of cells."""
    episodes = data.sizes["episode"]

    def row(name, cells, each, more=""):
        # the standard error is that over episodes
        error = float(each.std()) / np.sqrt(max(episodes - 1, 1))
        return f"{name:18}{cells:>6}{float(each.mean()):9.3f} +- {error:.3f}{more}"

    lines = [data.attrs["settings"],
             f"{'':18}{'cells':>6}{'accuracy':>9} {'':7}{'nRMSE':>8}{'slope':>8}",
             row("nearest mean", "", data.nearest_mean),
             row("artificial", "", data.artificial)]  # fmt: skip
    graded = "value cells graded" in data.attrs["settings"]
    for inputs in data.inputs.values:
        for n in data.cells.values:
            if inputs == "mean rates" and graded and n != data.cells.values[0]:
                continue
            one = data.sel(inputs=inputs, cells=n)
            cells = "" if inputs == "mean rates" and graded else str(int(n))
            more = f"{float(one.nrmse):8.3f}{float(one.slope):8.3f}"
            lines.append(row(inputs, cells, one.accuracy, more))
    return "\n".join(lines)


def plot(data: xr.Dataset):
    """Draw the accuracy against the cells of a number, beside that of the network."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLOURS, COLUMN, GREY

    figure = Figure(figsize=(COLUMN, COLUMN * 0.7))
    ax = figure.subplots()
    episodes = max(data.sizes["episode"] - 1, 1)
    for inputs, mark in zip(data.inputs.values, "so", strict=True):
        one = data.accuracy.sel(inputs=inputs)
        error = one.std("episode").values / np.sqrt(episodes)
        ax.errorbar(data.cells, one.mean("episode"), error, marker=mark, ls="none",
                    color=COLOURS["spiking"], capsize=2, label=str(inputs),
                    mfc="white" if mark == "s" else None)  # fmt: skip
    for name, line in (("artificial", "-"), ("nearest_mean", ":")):
        colour = COLOURS["artificial"] if name == "artificial" else GREY
        ax.axhline(float(data[name].mean()), ls=line, color=colour, label=name)
    ax.set(xscale="log", xlabel="cells for each number (1)", ylabel="accuracy (1)",
           ylim=(None, 1))  # fmt: skip
    ax.set_xticks(data.cells.values, [str(int(n)) for n in data.cells.values])
    ax.minorticks_off()
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "santoro_2016_few_shot_learning"]))
