"""Point cells that fire because of AMPA input and a teacher, and the potential of their
spines.

    tau dU/dt = E_rest - U + (g + g_teacher)(E_ampa - U) + hold,   g <- g + gain w per spike
    V = U + back-propagating spikes

in leak conductances; U is reset and refractory at a spike. Weights are fixed: what
synapses would write is computed afterwards from V (see `fwp_neuro.synapses.point_spine`).
All numbers of the cell are modelling choices of this package; rest and back-propagating
spike are those of `point_spine`.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import ms, mV

from ..devices import Built, Size, simulate
from ..synapses.point_spine.synapse import BAP, BAP_SPIKE

EQUATIONS = f"""
dU/dt = (E_rest - U + (g + g_teacher)*(E_ampa - U) + hold)/tau_m : volt (unless refractory)
dg/dt = -g/tau_ampa : 1
dg_teacher/dt = -g_teacher/tau_ampa : 1
hold : volt (constant)
gain : 1 (constant)
{BAP}
V = U + bap_decay - bap_rise : volt
"""  # noqa: E501


def parameters() -> dict[str, Any]:
    """Return the numbers of the cell."""
    return {
        "tau_m": 15 * ms, "tau_ampa": 2 * ms, "E_ampa": 0 * mV, "threshold": -55 * mV,
        "reset": -65 * mV, "refractory": 3 * ms, "teacher": 4.0, "weight": 0.06,
    }  # fmt: skip


def run(
    spine: Mapping[str, Any],
    pre: np.ndarray,
    teacher: np.ndarray,
    gain: np.ndarray,
    dt: float,
    hold: np.ndarray | float = 0.0,
    device: str = "numpy",
    progress=None,
) -> dict[str, np.ndarray]:
    """Run cells that all see the same presynaptic spikes.

    Args:
        spine: parameters of a `point_spine` model.
        pre: presynaptic spikes [step, pre].
        teacher: spikes of each cell's own teacher [step, cell], each strong enough to
            fire it.
        gain: factor on a cell's AMPA weights [cell].
        dt: seconds.
        hold: constant depolarisation, volts.
        device: see `fwp_neuro.devices`.
        progress: called with (fraction, note).

    Returns:
        "V" spine potential and "U" membrane potential [step, cell] in volts, at each
        step's start; "spikes" [step, cell].
    """
    steps, cells = teacher.shape
    values = {**spine, **parameters()}

    def source(table):
        step, cell = np.nonzero(table)
        return b2.SpikeGeneratorGroup(table.shape[1], cell, step * dt * b2.second)

    def build() -> Built:
        post = b2.NeuronGroup(
            cells, EQUATIONS, threshold="U > threshold", refractory=values["refractory"],
            reset=f"U = reset\n{BAP_SPIKE}", method="exponential_euler", namespace=values,
        )  # fmt: skip
        post.U, post.gain = spine["E_rest"] + hold * b2.volt, gain
        post.hold = hold * b2.volt
        keys, teachers = source(pre), source(teacher)
        reads = b2.Synapses(
            keys, post, on_pre="g_post += weight*gain_post", namespace=values
        )
        reads.connect()
        taught = b2.Synapses(
            teachers, post, on_pre="g_teacher_post += teacher", namespace=values
        )
        taught.connect(j="i")
        fired = b2.SpikeMonitor(post)
        course = b2.StateMonitor(post, ["V", "U"], record=True)
        network = b2.Network(post, keys, teachers, reads, taught, fired, course)

        def collect():
            spikes = np.zeros((steps, cells))
            spikes[np.round(np.array(fired.t_) / dt).astype(int), np.array(fired.i)] = 1
            return {
                "V": np.array(course.V_).T,
                "U": np.array(course.U_).T,
                "spikes": spikes,
            }

        return Built(network, collect, steps * dt * b2.second, (keys, teachers))

    size = Size(steps, 9, cells + pre.shape[1])
    found, _ = simulate(
        build,
        size,
        device=device,
        dt=dt * b2.second,
        seed=0,
        progress=progress,
        label="cells",
    )
    return found
