"""The reference network in PyTorch, float32, on one thread: two ways that people write
it.

"rows": spikes name rows and columns of the weights, which alone are touched; traces and
decay since the last spike lie on the cells. "dense": every synapse in every time step, as
frameworks for spiking networks in PyTorch do.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..peak_memory import forget_peak, memory, trim
from .hand_written import PARAMETERS, parameters, thresholds
from .measured import Measured
from .network import DT, NetworkCase


def prepare(case: NetworkCase, folder: Path, form: str) -> dict[str, float]:
    """Nothing has to be built."""
    return {}


def measure(case: NetworkCase, folder: Path, form: str) -> Measured:
    """Run the network once in this process."""
    torch.set_num_threads(1)
    with torch.no_grad():
        make = {"rows": Rows, "dense": Dense}[form]
        # buffers of libraries are made once a process
        run(replace(case, duration=20 * DT), make)
        spikes = [torch.from_numpy(part.copy()) for part in _by_step(case)]
        first = torch.from_numpy(case.weights().astype(np.float32))
        trim()
        forget_peak()
        before, begun = memory("VmRSS"), time.process_time()
        synapses, fired = run(case, make, spikes, first.clone())
        cpu, grown = time.process_time() - begun, memory("VmHWM") - before
        weights = case.sampled(synapses.end().numpy())
    spikes = np.bincount(fired[:, 1], minlength=case.cells)
    return Measured(cpu, float("nan"), grown, weights, spikes, fired)


def _by_step(case: NetworkCase) -> list[np.ndarray]:
    return np.split(case.spikes[:, 1].astype(np.int64),
                    np.searchsorted(case.spikes[:, 0],
                                    np.arange(1, case.steps)))  # fmt: skip


def run(case: NetworkCase, make, spikes=None, first=None):
    """Return the synapses at the end, and the postsynaptic spikes [spike, 2]."""
    p = parameters(case.cells)
    spikes = spikes or [torch.from_numpy(part.copy()) for part in _by_step(case)]
    first = (
        torch.from_numpy(case.weights().astype(np.float32)) if first is None else first
    )
    synapses = make(first)
    threshold = torch.from_numpy(thresholds(case.cells).astype(np.float32))
    v = torch.full((case.cells,), p["v_rest"])
    ampa, nmda = torch.zeros(case.cells), torch.zeros(case.cells)
    since, wait = torch.full((case.cells,), 1 << 20), round(p["refractory"] / DT)
    fired = []
    for step, cells in enumerate(spikes):
        unblocked = 1 / (1 + p["magnesium"] / 3.57 * torch.exp(-62 * v))
        drive = (
            p["v_rest"]
            - v
            - v * (p["unit_ampa"] * ampa + p["unit_nmda"] * nmda * unblocked)
        )
        since += 1
        ready = since >= wait
        v += torch.where(ready, DT / p["tau_m"] * drive, 0.0)
        ampa *= 1 - DT / p["tau_ampa"]
        nmda *= 1 - DT / p["tau_nmda"]
        fires = torch.nonzero((v > threshold) & ready)[:, 0]
        arriving = synapses.step(step, cells, fires)
        if arriving is not None:
            ampa += arriving
            nmda += arriving
        if len(fires):
            v[fires] = p["v_reset"]
            since[fires] = 0
            fired.append(np.stack([np.full(len(fires), step), fires.numpy()], 1))
    return synapses, np.concatenate([np.zeros((0, 2), int), *fired])


class Rows:
    """Touch the rows and columns that spikes name."""

    def __init__(self, first):
        p, cells = PARAMETERS, len(first)
        self.w, self.p = first, p
        self.x, self.y = torch.zeros(cells), torch.zeros(cells)
        self.kept_pre, self.kept_post = torch.ones(cells), torch.ones(cells)
        self.trace, self.kept = np.exp(-DT / p["tau_stdp"]), np.exp(-DT / p["tau_w"])

    def step(self, number: int, cells, fires):
        """Decay, presynaptic spikes, postsynaptic spikes; return what arrives [post], or
        None."""
        p, w0, arriving = self.p, self.p["w0"], None
        if number:
            for name in ("x", "y"):
                getattr(self, name).mul_(self.trace)
            for name in ("kept_pre", "kept_post"):
                getattr(self, name).mul_(self.kept)
        if len(cells):
            kept = torch.maximum(self.kept_pre[cells][:, None], self.kept_post)
            rows = w0 + (self.w[cells] - w0) * kept
            arriving = rows.sum(0)
            self.w[cells] = (rows + self.y).clamp_(0, 1)
            self.x[cells] += p["a_pre"]
            self.kept_pre[cells] = 1
        if len(fires):
            kept = torch.maximum(self.kept_pre[:, None], self.kept_post[fires])
            columns = w0 + (self.w[:, fires] - w0) * kept
            self.w[:, fires] = (columns + self.x[:, None]).clamp_(0, 1)
            self.y[fires] += p["a_post"]
            self.kept_post[fires] = 1
        return arriving

    def end(self):
        """Return the weights [pre, post] at the last time step."""
        w0 = self.p["w0"]
        return w0 + (self.w - w0) * torch.maximum(self.kept_pre[:, None], self.kept_post)


class Dense(Rows):
    """Touch every synapse in every step."""

    def step(self, number: int, cells, fires):
        """Decay, presynaptic spikes, postsynaptic spikes; return what arrives [post]."""
        p, w0 = self.p, self.p["w0"]
        if number:
            self.x *= self.trace
            self.y *= self.trace
            self.w = w0 + (self.w - w0) * self.kept
        before, after = torch.zeros_like(self.x), torch.zeros_like(self.y)
        before[cells], after[fires] = 1.0, 1.0
        arriving = before @ self.w
        self.w = torch.clamp(self.w + torch.outer(before, self.y), 0, 1)
        self.x += p["a_pre"] * before
        self.w = torch.clamp(self.w + torch.outer(self.x, after), 0, 1)
        self.y += p["a_post"] * after
        return arriving

    def end(self):
        """Return the weights [pre, post] at the last time step."""
        return self.w
