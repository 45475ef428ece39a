"""The reference network in NumPy, by the book: slow, and plain enough to be right."""

from __future__ import annotations

import numpy as np

from .hand_written import PARAMETERS, parameters, thresholds
from .network import DT, NetworkCase, relaxed


class Synapses:
    """Weights from some presynaptic cells to all postsynaptic ones.

    Args:
        case: which network.
        rows: the presynaptic cells.
    """

    def __init__(self, case: NetworkCase, rows: np.ndarray):
        self.p, self.case = PARAMETERS, case
        self.w = case.weights(rows)
        self.last = np.zeros_like(self.w)  # when a synapse was brought up to date
        self.x, self.y = np.zeros(len(rows)), np.zeros(case.cells)

    def step(self, number: int) -> None:
        """Let the traces decay up to a time step."""
        if number:
            self.x *= np.exp(-DT / self.p["tau_stdp"])
            self.y *= np.exp(-DT / self.p["tau_stdp"])
        self.now = number * DT

    def pre(self, row: int) -> np.ndarray:
        """Take a presynaptic spike; return the weights that it finds [post]."""
        if self.case.kind == "static":
            return self.w[row]
        self._relax(np.s_[row])
        found = self.w[row].copy()
        self.w[row] = np.clip(self.w[row] + self.y, 0, 1)
        self.x[row] += self.p["a_pre"]
        return found

    def post(self, cell: int) -> None:
        """Take a postsynaptic spike."""
        if self.case.kind == "pair":
            self._relax(np.s_[:, cell])
            self.w[:, cell] = np.clip(self.w[:, cell] + self.x, 0, 1)
        self.y[cell] += self.p["a_post"]

    def end(self) -> np.ndarray:
        """Return the weights [row, post] at the last time step."""
        if self.case.kind != "static":
            self._relax(np.s_[:])
        return self.w

    def _relax(self, where) -> None:
        self.w[where] = relaxed(self.w[where], self.last[where], self.now)
        self.last[where] = self.now


def simulate(case: NetworkCase) -> tuple[np.ndarray, np.ndarray]:
    """Simulate cells and synapses.

    Returns:
        the weights that are compared [row, post] at the last time step, and the
        postsynaptic spikes [spike, 2], step and cell.
    """
    p = parameters(case.cells)
    synapses, threshold = Synapses(case, np.arange(case.cells)), thresholds(case.cells)
    v, fired = np.full(case.cells, p["v_rest"]), []
    ampa, nmda, ready = np.zeros((3, case.cells))
    wait = round(p["refractory"] / DT)
    ends = np.searchsorted(case.spikes[:, 0], np.arange(case.steps + 1))
    for step in range(case.steps):
        synapses.step(step)
        unblocked = 1 / (1 + p["magnesium"] / 3.57 * np.exp(-62 * v))
        drive = (
            p["v_rest"]
            - v
            - v * (p["unit_ampa"] * ampa + p["unit_nmda"] * nmda * unblocked)
        )
        v = np.where(step >= ready, v + DT * drive / p["tau_m"], v)
        ampa, nmda = ampa - DT * ampa / p["tau_ampa"], nmda - DT * nmda / p["tau_nmda"]
        fires = np.flatnonzero((v > threshold) & (step >= ready))
        for cell in case.spikes[ends[step] : ends[step + 1], 1]:
            weights = synapses.pre(cell)
            ampa, nmda = ampa + weights, nmda + weights
        for cell in fires:
            synapses.post(cell)
            fired.append((step, cell))
        v[fires], ready[fires] = p["v_reset"], step + wait
    return synapses.end()[case.rows], np.array(fired, dtype=int).reshape(-1, 2)


def replay(case: NetworkCase, fired: np.ndarray) -> np.ndarray:
    """Return the compared weights [row, post] that follow from postsynaptic spikes
    [spike, 2].

    For contenders whose cells may not fire in exactly the same steps as the oracle's.
    """
    synapses, where = (
        Synapses(case, case.rows),
        {cell: n for n, cell in enumerate(case.rows)},
    )
    arrive = case.spikes[np.isin(case.spikes[:, 1], case.rows)]
    before = np.searchsorted(arrive[:, 0], np.arange(case.steps + 1))
    after = np.searchsorted(fired[:, 0], np.arange(case.steps + 1))
    for step in range(case.steps):
        synapses.step(step)
        for cell in arrive[before[step] : before[step + 1], 1]:
            synapses.pre(where[cell])
        for cell in fired[after[step] : after[step + 1], 1]:
            synapses.post(cell)
    return synapses.end()
