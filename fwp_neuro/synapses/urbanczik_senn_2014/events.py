"""`urbanczik_senn_2014` by NumPy: weights after given spikes, and learning with drawn
ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import pick
from ..synapse_class import Synapse

STEPS = ("exact", "nest")


class Cells:
    """Two-compartment cells with plastic synapses onto their dendrites; state at one
    time.

    Weights are [post, pre]. The linear parts are integrated exactly between the steps.
    """

    def __init__(
        self, model: Synapse, shape: tuple[int, int], dt: float, steps: str = "exact"
    ):
        """Start at rest.

        Args:
            model: the rule and its cell.
            shape: number of cells and of their inputs.
            dt: time step, seconds.
            steps: "exact", where spikes act at once, or "nest", where an input reaches
                the dendrite two steps after the trace that the plasticity reads has
                jumped.
        """
        self.p = {name: float(value) for name, value in model.parameters.items()}
        self.dt, p = dt, self.p
        self.V, self.U = np.full((2, shape[0]), p["E_L"])
        self.current = np.zeros(shape[0])
        self.x_slow, self.x_fast = np.zeros((2, shape[1]))
        self.start = np.full(shape, p["w_start"])
        # all changes, and what is not expressed yet
        self.sum, self.hidden = np.zeros((2, *shape))
        self.tau = p["C_d"] / p["g_Ld"]
        self.waiting = [np.zeros(shape[0])] * {"exact": 0, "nest": 1}[
            pick(steps, STEPS, "steps")
        ]
        self.keep = {
            tau: np.exp(-dt / tau) for tau in (self.tau, p["tau_s"], p["tau_Delta"])
        }

    @property
    def w(self) -> np.ndarray:
        """Weights [post, pre], amperes."""
        return self.start + self.p["nmda"] * self.p["eta"] * (self.sum - self.hidden)

    @property
    def V_star(self) -> np.ndarray:
        """The dendrite's prediction of the soma's potential, volts."""
        p = self.p
        return (p["g_L"] * p["E_L"] + p["g_D"] * self.V) / (p["g_L"] + p["g_D"])

    def fed(self, pre: np.ndarray) -> np.ndarray:
        """Return by how much presynaptic spikes raise the currents of the dendrites,
        [post]."""
        return np.clip(self.w, 0, self.p["w_max"]) @ pre

    def phi(self, u: np.ndarray) -> np.ndarray:
        """Return the rate of spikes at a potential, Hz."""
        p = self.p
        return p["phi_max"] / (1 + p["k"] * np.exp(p["beta"] * (p["theta"] - u)))

    def h(self, u: np.ndarray) -> np.ndarray:
        """Return the relative slope of `phi`, 1/V."""
        p = self.p
        return p["beta"] / (1 + np.exp(-p["beta"] * (p["theta"] - u)) / p["k"])

    def step(
        self, pre, post: Callable[[np.ndarray], np.ndarray] | np.ndarray, g_E=0.0, g_I=0.0
    ):
        """Advance by one step: presynaptic spikes [pre] at its start, somatic ones [post]
        at its end, or a function that draws them for the soma's rate (Hz). The nudging
        conductances are constant in the step.
        """
        p, slow, fast = self.p, self.keep[self.tau], self.keep[self.p["tau_s"]]
        fed = self.fed(pre) if np.any(pre) else np.zeros(len(self.V))
        if self.waiting:
            self.waiting.append(fed)
        else:
            self.current = self.current + fed
        self.x_slow, self.x_fast = (self.x_slow + pre) * slow, (self.x_fast + pre) * fast
        gain = p["tau_s"] / (p["C_d"] - p["g_Ld"] * p["tau_s"])
        V = p["E_L"] + (self.V - p["E_L"]) * slow + self.current * gain * (slow - fast)
        g = p["g_L"] + p["g_D"] + g_E + g_I
        pull = p["g_L"] * p["E_L"] + g_E * p["E_E"] + g_I * p["E_I"]
        rest = (pull + 0.5 * p["g_D"] * (self.V + V)) / g
        self.U = rest + (self.U - rest) * np.exp(-self.dt * g / p["C"])
        self.V, self.current = V, self.current * fast
        if self.waiting:
            self.current = self.current + self.waiting.pop(0)
        predicted = self.V_star
        S = post(self.phi(self.U)) if callable(post) else post
        surprise = (S - self.phi(predicted) * self.dt) * self.h(predicted)
        write = surprise[:, None] * (gain * (self.x_slow - self.x_fast))
        self.sum = self.sum + write
        self.hidden = self.hidden * self.keep[p["tau_Delta"]] + write


def weights(model: Synapse, pre, post, dt: float, steps: str = "exact") -> np.ndarray:
    """Return the weights [post, pre], amperes, after spikes [step, cell]."""
    pre, post = np.asarray(pre, dtype=float), np.asarray(post, dtype=float)
    cells = Cells(model, (post.shape[1], pre.shape[1]), dt, steps)
    for now, then in zip(pre, post, strict=True):
        cells.step(now, then)
    return cells.w
