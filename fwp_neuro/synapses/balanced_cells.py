"""Cells that one voltage teaches, at mean rates: the NumPy form of a balanced memory.

    dv/dt = (E_leak - v + g_key (E_key - v) + g_value (E_exc - v))/tau_m
    dg/dt = (drive - g)/tau,   drive of keys = W k,   of values = value (1 +- v)/2
    anti_hebbian:   dW/dt = -rate (v - theta) x/V',   dx/dt = (k - x)/tau_x
    mikulasch_2021: dW/dt = -rate (v - theta) k/V'    (V' < 0: inhibition)

W: conductance for a key of 1, in leaks; V': volts per conductance at the operating point;
rate: 1/s for a key of length 1. ON and OFF cells are told v and -v.

Inference of this package; the equations are those of the synapses, averaged over spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import FwpError

#: volts, seconds: our choices
E_LEAK, E_EXC, E_INH = -70e-3, 0.0, -80e-3
TAU_M, TAU_AMPA, TAU_GABA = 10e-3, 5e-3, 10e-3
#: the weight of fast weight 0, in units of the fast weight
BASELINE = 1.5
INHIBITORY = ("mikulasch_2021",)
#: mechanism -> conductance of a value's range, in leaks: small, so that driving forces
#: and shunts hardly change (0.05 doubles what is left of the error without noise)
RANGE = {"anti_hebbian": 0.02, "mikulasch_2021": 0.005}


@dataclass(frozen=True)
class Point:
    """The mean state of a cell with values at rest.

    Attributes:
        voltage: volts; the threshold, once the cell has found it.
        slope: V', volts per leak of key conductance; below 0 for inhibition.
        one: volts that a value of 1 adds to an ON cell.
        key: conductance of a key entry of 1 at fast weight 0, in leaks.
        total: all conductances with the leak, in leaks.
        reverse, tau: reversal potential (volts) and decay (seconds) of key synapses.
    """

    voltage: float
    slope: float
    one: float
    key: float
    total: float
    reverse: float
    tau: float


def point_of(mechanism: str, value: float, entries: float) -> Point:
    """Return the mean state.

    Args:
        mechanism: "mikulasch_2021" has inhibitory key synapses, others excitatory.
        value: conductance of the range of a value, in leaks.
        entries: mean sum of a key's entries.
    """
    inhibits = mechanism in INHIBITORY
    reverse, tau = (E_INH, TAU_GABA) if inhibits else (E_EXC, TAU_AMPA)
    key = BASELINE * value / 2
    for _ in range(50):  # a weight that balances a value depends on the voltage
        total = 1 + key * entries + value / 2
        voltage = (E_LEAK + key * entries * reverse + value / 2 * E_EXC) / total
        key = BASELINE * value / 2 * (E_EXC - voltage) / abs(reverse - voltage)
    one = (E_EXC - voltage) / total * value / 2
    return Point(voltage, (reverse - voltage) / total, one, key, total, reverse, tau)


class Cells:
    """ON and OFF cells [head, channel, post] under keys [head, pre] and values [head,
    post].

    Attributes:
        W: key conductances [head, channel, post, pre], leaks.
        v, theta: volts.
    """

    def __init__(self, mechanism: str, point: Point, value: float, shape, *, tau_x=0.1,
                 scatter=0.0, dt: float = 5e-4):  # fmt: skip
        """Start in the mean state.

        Args:
            mechanism: which write, a key of `synapses` named above.
            point, value: see `point_of`.
            shape: heads, post, pre.
            tau_x: of the key trace of anti_hebbian, seconds.
            scatter: volts by which [operating point, threshold] differ, [2, head,
                channel, post].
            dt: step, seconds.
        """
        heads, post, pre = shape
        self.point, self.value, self.dt = point, value, dt
        self.at_spikes, self.tau_x = mechanism in INHIBITORY, tau_x
        self.W = np.full((heads, 2, post, pre), point.key)
        scatter = np.broadcast_to(scatter, (2, heads, 2, post))
        self.leak = E_LEAK + scatter[0] * point.total
        self.v = np.full((heads, 2, post), point.voltage)
        self.theta = point.voltage + scatter[1]
        self.g_key, self.g_value = np.zeros((2, heads, 2, post))
        self.x = np.zeros((heads, pre))

    def step(self, key, value, rate=0.0, slide=0.0, blocked=(0.0, 0.0)) -> None:
        """Advance by dt.

        Args:
            key, value: [head, pre] and [head, post] of this step.
            rate: of the write, [head] or a number, 1/s.
            slide: rate of homeostasis, 1/s.
            blocked: shares of key and of value receptors that CNQX blocks.
        """
        p, dt = self.point, self.dt
        open_key, open_value = 1 - blocked[0], 1 - blocked[1]
        sign = np.array([1.0, -1.0])[:, None]
        told = self.value * (1 + sign * value[:, None]) / 2
        heard = (np.maximum(self.W, 0) * key[:, None, None]).sum(-1)
        error = self.v - self.theta
        factor = key if self.at_spikes else self.x
        write = -np.reshape(rate, (-1, 1, 1, 1)) / p.slope * error[..., None]
        current = (self.leak - self.v + open_key * self.g_key * (p.reverse - self.v)
                   + open_value * self.g_value * (E_EXC - self.v))  # fmt: skip
        self.W = self.W + dt * write * factor[:, None, None]
        self.theta = self.theta + dt * slide * error
        self.v = self.v + dt / TAU_M * current
        self.g_key = self.g_key + dt / p.tau * (heard - self.g_key)
        self.g_value = self.g_value + dt / TAU_AMPA * (told - self.g_value)
        self.x = self.x + dt / self.tau_x * (key - self.x)

    @property
    def recalled(self) -> np.ndarray:
        """OFF minus ON beyond their thresholds, in values [head, post]."""
        beyond = (self.v - self.theta) / self.point.one
        return (beyond[:, 1] - beyond[:, 0]) / 2

    @property
    def fast_weights(self) -> np.ndarray:
        """The fast weights [head, post, pre] that ON and OFF cells hold together."""
        sign = -np.sign(self.point.slope)
        return sign * (self.W[:, 0] - self.W[:, 1]) / 2 / (self.point.key / BASELINE)


def written(rate, seconds: float, lag: float) -> np.ndarray:
    """Return the share of an error that a window writes: a closed form.

    The voltage follows a weight late, by its membrane and its receptor, so that a loop
    writes a little more than 1 - exp(-rate seconds):

        dW/dt = rate e,   lag de/dt = 1 - W - e,   W = 0 and e = 1 at the start

    Args:
        rate: 1/s, below 1/(4 lag): the loop must not oscillate.
        seconds: of the window.
        lag: seconds, membrane and receptor together.
    """
    rate = np.asarray(rate, float)
    root = np.sqrt(1 - 4 * rate * lag)
    slow, fast = (1 - root) / (2 * lag), (1 + root) / (2 * lag)
    left = (rate - fast) * np.exp(-slow * seconds) - (rate - slow) * np.exp(
        -fast * seconds
    )
    return 1 - left / (slow - fast)


def rate_for(share, seconds: float, lag: float) -> np.ndarray:
    """Return the rate at which a window writes a share, see `written`.

    Raises:
        FwpError: a share that no window of this length writes without overshoot.
    """
    wanted = np.asarray(share, float)
    low, high = np.zeros(wanted.shape), np.full(wanted.shape, 0.249 / lag)
    if (wanted < 0).any() or (wanted > written(high, seconds, lag)).any():
        most = float(np.min(written(high, seconds, lag)))
        raise FwpError(
            f"beta |k|^2 must lie between 0 and {most:.3f} for a window of {seconds} s, "
            f"got {float(wanted.max()):.3f}"
        )
    for _ in range(60):
        rate = (low + high) / 2
        more = written(rate, seconds, lag) < wanted
        low, high = np.where(more, rate, low), np.where(more, high, rate)
    return (low + high) / 2


def presentation(mechanism: str, beta: float, *, old: float = 0.0, ap5: float = 0.0,
                 blocked=(0.0, 0.0), read_blocked: float = 0.0, value: float = 0.01,
                 new: float = 0.8) -> float:  # fmt: skip
    """Return what a key of 1 recalls after one presentation of a new value.

    Args:
        mechanism: see `Cells`.
        beta: write strength.
        old: value that the key had before (then written with beta as well).
        ap5: share of NMDA receptors blocked while writing.
        blocked, read_blocked: shares of key and value receptors blocked while writing, of
            key receptors while reading.
        value: conductance of the range of a value, leaks; small ones are linear.
        new: the value.
    """
    point = point_of(mechanism, value, 1.0)
    cells = Cells(mechanism, point, value, (1, 1, 1))
    key, window, rest = np.ones((1, 1)), 0.3, np.zeros((1, 1))
    rate = float(rate_for(beta, window, point.tau + TAU_M))
    tellings = ([(old, 0.0, (0.0, 0.0))] if old else []) + [(new, ap5, blocked)]
    for told, share, block in tellings:
        for seconds, gate in ((0.7, 0.0), (window, rate * (1 - share))):
            for _ in range(round(seconds / cells.dt)):
                cells.step(key, np.full((1, 1), told), gate, blocked=block)
    for _ in range(round(0.3 / cells.dt)):
        cells.step(key, rest, blocked=(read_blocked, 0.0))
    return float(cells.recalled[0, 0])
