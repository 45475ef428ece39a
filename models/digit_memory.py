"""Handwritten digits written into fast weights, one re-bound, and read back: three
realisations.

Papers: the programme is a fast-weight programmer (Irie & Gershman 2025, arXiv:2508.08435;
Schlag, Irie & Schmidhuber 2021, arXiv:2102.11174, eqs 8-11 for hebb and 20-25 for delta).
The spiking synapse follows dendritic prediction (Urbanczik & Senn 2014, Neuron 81:521,
doi:10.1016/j.neuron.2013.11.030) with the magnesium block of Jahr & Stevens 1990
(doi:10.1523/JNEUROSCI.10-09-03178.1990). Digits: Alpaydin & Kaynak 1998, UCI,
doi:10.24432/C50P49.
This is the package's own experiment, no published figure.

Five images are written under five overlapping keys, the first key is re-bound to a sixth
image, then every key is read. Delta must overwrite the re-bound image, hebb must blend it
with the old one. In the drugged run AP5 blocks NMDA while one digit is written and CNQX
blocks AMPA while one key is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.model_parameters import parameter
from fwp_neuro.running import REALISATIONS

FIGURE = "fig01_digit_memory"
RULES = ("hebb", "delta")
RUNS = ("artificial", "rate", "spiking", "spiking, no noise", "spiking, drugs")


@dataclass
class Parameters:
    """What a user can change."""

    seed: int = parameter(0, "1", "of images, keys and spikes")
    beta: float = parameter(0.9, "1", "write strength; beta * |key|^2 must be below 1")
    dim: int = parameter(8, "1", "dimensions of a key")
    cells: int = parameter(100, "1", "spiking cells for each number")
    key_cells: str = parameter("poisson", "1", "poisson or integrate_and_fire")
    layout: str = parameter(
        "population", "1", "weights of a population or of each synapse"
    )
    weight_baseline: float = parameter(
        2.0, "1", "weights live in [0, 2 * it], and hebb needs room"
    )
    dt: float = parameter(1.0, "ms", "time step")
    ap5: float = parameter(
        1.0, "1", "share of NMDA receptors blocked while the write of ap5_token runs"
    )
    ap5_token: int = parameter(1, "1", "token at whose write AP5 acts (0 to 5)")
    cnqx: float = parameter(
        1.0, "1", "share of AMPA receptors blocked while cnqx_token is read"
    )
    cnqx_token: int = parameter(9, "1", "token at whose read CNQX acts (0 to 10)")
    device: str = parameter("auto", "1", "of both circuits; see fwp-neuro list devices")


#: parameters of a run of some seconds
QUICK = {"cells": 20}


def build(parameters: Parameters):
    """Return the programme: 5 writes, 1 re-binding, 5 reads of 8 x 8 images."""
    if not 0 <= parameters.beta < 1:
        raise fwp.FwpError(
            f"beta is {parameters.beta:g}; with keys of unit length the circuits need 0 "
            "<= beta < 1"
        )
    for name, tokens in (("ap5_token", range(6)), ("cnqx_token", range(11))):
        token = getattr(parameters, name)
        if token not in tokens:
            raise fwp.FwpError(
                f"{name} is {token}; legal are {tokens.start} to {tokens.stop - 1}"
            )
    return fwp.tasks.digit_memory(
        dim=parameters.dim, beta=parameters.beta, seed=parameters.seed
    )


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run every rule in every realisation; return read-outs, weights, spikes and
    measures.

    Dims: rule, run, token, post (64 pixels), pre (keys); measures are against the
    artificial run.
    """
    import brian2 as b2

    program = build(parameters)
    common = {"seed": parameters.seed, "device": parameters.device}
    spiking = {
        **common, "dt": parameters.dt * b2.ms, "cells": parameters.cells,
        "key_cells": parameters.key_cells, "layout": parameters.layout,
        "constants": {"weight_baseline": parameters.weight_baseline},
    }  # fmt: skip
    drugs = [
        fwp.AP5(parameters.ap5, window="write", tokens=[parameters.ap5_token]),
        fwp.CNQX(parameters.cnqx, window="read", tokens=[parameters.cnqx_token]),
    ]
    every = 10 * b2.ms if parameters.layout == "population" else None
    # the same records with and without drugs, so that one compiled program serves both
    recorded = {**spiking, "record_every": every}
    silent = {**spiking, "cells": float("inf"), "layout": "population"}
    jobs = [
        ("artificial", "artificial", {}),
        ("rate", "rate", common),
        ("spiking", "spiking", recorded),
        ("spiking, no noise", "spiking", silent),
        ("spiking, drugs", "spiking", {**recorded, "drugs": drugs}),
    ]
    for _, realisation, options in jobs:  # what is wrong is told before any of them runs
        REALISATIONS.get(realisation).prepare(program, RULES[0], **options)
    total, done, found = len(RULES) * len(jobs), 0, {}
    for rule in RULES:
        for name, realisation, options in jobs:
            if progress is not None:
                progress(done / total, f"{rule}, {name}")
                if realisation != "artificial":
                    options = {
                        **options,
                        "progress": _part(progress, done, total, f"{rule}, {name}"),
                    }
            found[rule, name] = fwp.run(program, rule, realisation, **options)
            done += 1
    return _gather(program, found, parameters)


def _part(progress, done, total, label):
    return lambda fraction, note="": progress((done + fraction) / total, label)


def _gather(program, found, parameters) -> xr.Dataset:
    def stack(name):
        return np.stack(
            [[found[rule, job][name].values for job in RUNS] for rule in RULES]
        )

    names = ("nRMSE", "slope", "correlation", "weights nRMSE", "weights slope", "recall")
    measures = np.array(
        [
            [_measures(found[rule, "artificial"], found[rule, job]) for job in RUNS]
            for rule in RULES
        ]
    )
    data = program.dataset()
    data = data.assign_coords(rule=list(RULES), run=list(RUNS), measure=list(names))
    data["readout"] = (("rule", "run", "token", "post"), stack("readout"), {"units": "1"})
    data["weights"] = (
        ("rule", "run", "token", "post", "pre"),
        stack("weights"),
        {"units": "1"},
    )
    data["measures"] = (("rule", "run", "measure"), measures, {"units": "1"})
    for rule in RULES:
        spikes = found[rule, "spiking"]
        if "weight_course" in spikes:
            pixel = _telling_pixel(program)
            data[f"course_{rule}"] = (
                ("time", "pre"), spikes["weight_course"].values[:, pixel], {"units": "1"}
            )  # fmt: skip
            data["time"] = spikes["time"]
            data.attrs["pixel"] = pixel
    spikes = found["delta", "spiking"].spikes("key")
    data["spike_time"] = (("spike",), spikes["time"].values, {"units": "s"})
    data["spike_cell"] = (("spike",), spikes["number"].values, {"units": "1"})
    data.attrs |= {
        "cells": parameters.cells,
        "token_seconds": 0.6,
        "ap5_token": parameters.ap5_token,
    }
    data.attrs |= {
        "cnqx_token": parameters.cnqx_token,
        "ap5": parameters.ap5,
        "cnqx": parameters.cnqx,
    }
    data.attrs["settings"] = (
        f"seed {parameters.seed}, beta {parameters.beta:g}, {parameters.cells} "
        f"{parameters.key_cells} cells a number at up to 100 Hz, {parameters.layout} "
        f"weights, dt {parameters.dt:g} ms"
    )
    data.attrs["devices"] = "; ".join(
        f"{job}: {found['delta', job].provenance['options']['device']} "
        f"({found['delta', job].provenance['options']['device_reason']})"
        for job in ("rate", "spiking")
    )
    return data


def _measures(reference, other) -> list[float]:
    comparison = fwp.compare(reference, other)
    weights = comparison["weights"]
    overall = [comparison.nrmse, comparison.slope, comparison.correlation]
    return [*overall, weights.nrmse, weights.slope, _recall(other)]


def _recall(recording) -> float:
    """Return the share of the final reads whose best correlated stored image is the right
    one."""
    program = recording.program
    reads = np.flatnonzero(program["read_only"] == 1)
    stored = program["value"][: reads[0]]
    right = 0
    for token in reads:
        y = recording["readout"].values[token]
        if y.std() > 0:  # a silent read-out finds nothing
            match = [np.corrcoef(y, image)[0, 1] for image in stored]
            right += int(np.argmax(match)) == int(program["answer"][token])
    return right / len(reads)


def _telling_pixel(program) -> int:
    """Return the pixel that differs most between the re-bound key's old and new image."""
    again = int(np.flatnonzero(program["read_only"] == 1)[0])
    new, old = (
        program["value"][int(program[name][again])] for name in ("answer", "former")
    )
    return int(np.argmax(np.abs(new - old)))


def report(data: xr.Dataset) -> str:
    """Return the comparison table, and what the re-bound key gives back."""
    lines = [
        f"{data.attrs['settings']}",
        "read-out and weights against the artificial run of the same rule (11 tokens, 64 "
        "pixels)",
    ]
    lines.append(
        f"{'rule':6}{'run':20}{'nRMSE':>10}{'slope':>8}{'corr':>9}"
        f"{'W nRMSE':>10}{'W slope':>9}{'recall':>8}"
    )
    for rule in data.rule.values:
        for job in data.run.values:
            m = data.measures.sel(rule=rule, run=job).values
            lines.append(
                f"{rule:6}{job:20}{m[0]:10.2g}{m[1]:8.3f}{m[2]:9.4f}{m[3]:10.2g}{m[4]:9.3f}{m[5]:8.2f}"
            )
    lines.append(
        "recall: share of the 5 final reads that correlate best with the right one of 6 "
        "images"
    )
    reads = np.flatnonzero(data.read_only.values == 1)
    token = int(reads[0])
    new, old = (
        data["value"].values[int(data[name].values[token])]
        for name in ("answer", "former")
    )
    lines.append(
        "re-bound key: share of the new and of the old image in the read-out (least "
        "squares)"
    )
    for rule in data.rule.values:
        for job in data.run.values:
            y = data.readout.sel(rule=rule, run=job).values[token]
            share = np.linalg.lstsq(np.stack([new, old], 1), y, rcond=None)[0]
            lines.append(f"{rule:6}{job:20} new {share[0]:+.2f}   old {share[1]:+.2f}")
    lines.append(f"code generation: {data.attrs['devices']}")
    return "\n".join(lines)


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "digit_memory"]))
