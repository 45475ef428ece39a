"""The benchmark's reference network written by hand in C++, compiled and run from here.

M cells fire given spikes onto N = M conductance LIF cells, all to all. A presynaptic
spike adds the weight to an AMPA and to an NMDA conductance. The weight relaxes to `w0`,
changes by pair STDP, and is clipped to [0, 1]. Thresholds differ (see `thresholds`):
equal cells with equal inputs would fire together, and writes at their spikes would be
cheaper than they are in any network.

`CELLS`, `SYNAPSES`, `ON_PRE` and `ON_POST` say the same network in Brian2. In one time
step: cells, then presynaptic spikes, then postsynaptic spikes, then resets, as there.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import code_cache
from ...errors import FwpError, pick

VARIANTS = ("generic", "lean_f64", "lean_f32")

#: Brian2's own flags, so that no difference comes from them
FLAGS = "-O3 -ffast-math -fno-finite-math-only -march=native -std=c++11"

#: SI units; conductances are in units of the leak, and shared out over the inputs
PARAMETERS = {
    "dt": 0.1e-3,
    "tau_m": 20e-3,
    "tau_ampa": 5e-3,
    "tau_nmda": 100e-3,
    "v_rest": -70e-3,
    "v_reset": -60e-3,
    "v_threshold": -50e-3,
    "v_spread": 6e-3,
    "golden": 0.6180339887498949,
    "refractory": 2e-3,
    "magnesium": 1.0,
    "tau_w": 200e-3,
    "tau_stdp": 20e-3,
    "w0": 0.25,
    "a_pre": 0.01,
    "a_post": -0.0105,
}

#: summed over all inputs; at 20 Hz and w = w0 the cells then fire at 20 to 25 Hz
TOTAL_AMPA, TOTAL_NMDA = 8.0, 3.8

#: the postsynaptic cells in Brian2, for threshold "v > v_threshold", reset "v = v_reset",
#: "euler"
CELLS = """
dv/dt = (v_rest - v - v*g)/tau_m : volt (unless refractory)
g = unit_ampa*g_ampa + unit_nmda*g_nmda*open : 1
open = 1/(1 + magnesium/3.57*exp(-62*v/volt)) : 1
dg_ampa/dt = -g_ampa/tau_ampa : 1
dg_nmda/dt = -g_nmda/tau_nmda : 1
v_threshold : volt (constant)
"""

#: the synapses in Brian2, all state at the synapse
SYNAPSES = """
dw/dt = (w0 - w)/tau_w : 1 (event-driven)
dapre/dt = -apre/tau_stdp : 1 (event-driven)
dapost/dt = -apost/tau_stdp : 1 (event-driven)
"""
ON_PRE = """
g_ampa_post += w
g_nmda_post += w
w = clip(w + apost, 0, 1)
apre += a_pre
"""
ON_POST = """
w = clip(w + apre, 0, 1)
apost += a_post
"""


@dataclass(frozen=True)
class HandWritten:
    """What a run of the loop gives.

    Attributes:
        seconds: processor time of the loop.
        setup: processor time to allocate and fill the arrays.
        pre_events, post_events: synapses touched at pre- and postsynaptic spikes.
        bytes: what the program grew by.
        w: [pre, post] weights at the last step, decayed up to it; None unless asked for.
        spikes: [n, 2] step and cell of the postsynaptic spikes; None unless asked for.
    """

    seconds: float
    setup: float
    pre_events: int
    post_events: int
    bytes: int
    w: np.ndarray | None = None
    spikes: np.ndarray | None = None


def parameters(cells: int) -> dict[str, float]:
    """Return `PARAMETERS` and the conductances of one input among ``cells``."""
    return PARAMETERS | {"unit_ampa": TOTAL_AMPA / cells, "unit_nmda": TOTAL_NMDA / cells}


def thresholds(cells: int) -> np.ndarray:
    """Return [cells] thresholds in volt, spread evenly over `v_spread` around
    `v_threshold`."""
    p = PARAMETERS
    place = np.fmod((np.arange(cells) + 1) * p["golden"], 1.0) - 0.5
    return p["v_threshold"] + p["v_spread"] * place


def poisson(cells: int, steps: int, rate: float = 20.0, seed: int = 0) -> np.ndarray:
    """Draw Poisson spikes.

    Args:
        rate: of each cell, in Hz.

    Returns:
        [n, 2] int32, step and cell, sorted by step and then by cell.
    """
    draws = np.random.default_rng(seed)
    chance = rate * PARAMETERS["dt"]
    counts = draws.binomial(cells, chance, steps)
    who = [np.sort(draws.choice(cells, count, replace=False)) for count in counts]
    when = np.repeat(np.arange(steps), counts)
    return np.stack([when, np.concatenate(who)], axis=1).astype(np.int32)


def build(folder: str | Path | None = None) -> Path:
    """Compile the loop, unless the same source was compiled with the same flags before.

    Args:
        folder: for the program; by default in the user's cache.

    Raises:
        FwpError: no C++ compiler, or it failed.
    """
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    if shutil.which(compiler[0]) is None:
        raise FwpError(
            f"the hand-written loop needs a C++ compiler, and {compiler[0]!r} is not "
            "found"
        )
    source = Path(__file__).with_name("loop.cpp")
    command = [*compiler, *FLAGS.split()]
    # -march=native: a program made on one machine must not run on another
    what = source.read_bytes() + repr(command).encode() + _processor().encode()
    where = Path(folder) if folder is not None else code_cache.root("loops")
    program = where / f"loop_{hashlib.sha256(what).hexdigest()[:16]}"
    if not program.exists() or not code_cache.is_private(program):
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where) as new:
            made = Path(new) / "loop"
            done = subprocess.run(
                [*command, str(source), "-o", str(made)], capture_output=True, text=True
            )
            if done.returncode:
                raise FwpError(
                    f"the hand-written loop does not compile: {done.stderr.strip()}"
                )
            code_cache.keep_private(made)
            os.replace(made, program)  # a half-written program is never found
    return program


def run(
    cells: int,
    spikes: np.ndarray,
    steps: int,
    *,
    variant: str = "lean_f32",
    w: np.ndarray | None = None,
    keep: bool = False,
    program: Path | None = None,
) -> HandWritten:
    """Run the loop on given presynaptic spikes.

    Args:
        cells: M, on either side.
        spikes: [n, 2] step and cell, as from `poisson`.
        steps: of 0.1 ms.
        variant: "generic" (all state at the synapse, doubles), "lean_f64" or "lean_f32"
            (the weight alone).
        w: [pre, post] weights to start from; by default `w0` everywhere.
        keep: return the weights and the postsynaptic spikes.
        program: as from `build`, which it calls by default.

    Raises:
        FwpError: unknown variant, spikes outside the cells or not sorted, weights of
            another shape.
    """
    pick(variant, VARIANTS, "variant of the hand-written loop")
    spikes = np.ascontiguousarray(spikes, dtype=np.int32).reshape(-1, 2)
    if len(spikes) and (spikes[:, 1].min() < 0 or spikes[:, 1].max() >= cells):
        raise FwpError(f"spikes name cells outside 0 to {cells - 1}")
    if (np.diff(spikes[:, 0]) < 0).any():
        raise FwpError("spikes must be sorted by step")
    if w is not None and np.shape(w) != (cells, cells):
        raise FwpError(f"w has shape {np.shape(w)}, but must be ({cells}, {cells})")
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_") as name:
        folder = Path(name)
        files = {"spikes": folder / "spikes"}
        spikes.tofile(files["spikes"])
        if w is not None:
            files["w"] = folder / "w"
            np.ascontiguousarray(w, dtype=float).tofile(files["w"])
        if keep:
            files |= {"w_out": folder / "w_out", "spikes_out": folder / "spikes_out"}
        settings = parameters(cells) | {"cells": cells, "steps": steps} | files
        words = [f"{key}={value}" for key, value in settings.items()]
        command = [str(program or build()), variant, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise FwpError(f"the hand-written loop stopped: {done.stderr.strip()}")
        seconds, setup, fired, grown = done.stdout.split()
        made = {}
        if keep:
            made["w"] = np.fromfile(files["w_out"]).reshape(cells, cells)
            made["spikes"] = np.fromfile(files["spikes_out"], np.int32).reshape(-1, 2)
    return HandWritten(
        float(seconds),
        float(setup),
        len(spikes) * cells,
        int(fired) * cells,
        int(grown),
        **made,
    )


def _processor() -> str:
    """Return what identifies the processor's instruction set."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith("flags")), "")
