"""A network of NEST as near to the reference one as its own models come, checked on its
own terms.

Differences: weights do not relax; cells are current-based with one time constant
(iaf_psc_exp, the cheapest there is); spikes pass through relays (parrot_neuron) and take
one time step to arrive; postsynaptic spikes are applied at the next presynaptic one.
stdp_synapse with mu_plus = mu_minus = 0 is the same pair rule. Events are counted
likewise. NEST is imported in the process of one measurement only.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ...errors import Cannot, FwpError
from ..peak_memory import forget_peak, memory, trim
from .hand_written import PARAMETERS, thresholds
from .measured import Measured
from .network import DT, NetworkCase

#: mean current into a cell, pA: about the rate of the reference network's cells
CURRENT, CAPACITY, TAU_SYNAPSE = 282.0, 250.0, 5.0
#: time steps from a cell's spike to its synapse, and from a generator's to its relay
DELAY = 1
BLOCK = 32
#: Hz; the reference network's cells fire at 24 once their NMDA conductance has come up
RATES = (12.0, 40.0)


def check_here() -> None:
    """Raise `Cannot` if NEST cannot run here."""
    if not find_spec("nest"):
        raise Cannot("NEST is not installed (pip install nest-simulator)")


def prepare(case: NetworkCase, folder: Path) -> dict[str, float]:
    """Nothing has to be built."""
    return {}


def measure(case: NetworkCase, folder: Path) -> Measured:
    """Run the network once in this process."""
    import nest  # noqa: PLC0415  an extra

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.local_num_threads = 1e3 * DT, 1
    trim()
    forget_peak()
    before, begun = memory("VmRSS"), time.process_time()
    relays, recorder, scale = _build(nest, case)
    nest.Prepare()
    ready = time.process_time()
    nest.Run(1e3 * case.duration)
    done = time.process_time()
    grown = memory("VmHWM") - before
    nest.Cleanup()
    fired = np.stack([recorder.events["times"], recorder.events["senders"]], 1).astype(
        int
    )
    fired[:, 1] -= 1  # NEST counts from 1, and the cells were made first
    fired = fired[np.lexsort((fired[:, 1], fired[:, 0]))]
    synapses = nest.GetConnections(relays[case.rows.tolist()], synapse_model="plastic")
    found = synapses.get(["source", "target", "weight"])
    rows = np.searchsorted(case.rows, np.array(found["source"]) - relays[0].global_id)
    w = np.full((len(case.rows), case.cells), np.nan)
    w[rows, np.array(found["target"]) - 1] = np.array(found["weight"]) / scale
    spikes = np.bincount(fired[:, 1], minlength=case.cells)
    rate = spikes.mean() / case.duration
    if not RATES[0] <= rate <= RATES[1]:
        raise FwpError(
            f"NEST's cells fire at {rate:.1f} Hz, too unlike the reference network's"
        )
    return Measured(
        done - ready, ready - begun, grown, w, spikes, fired, expected(case, fired)
    )


def _build(nest, case: NetworkCase):
    p, count = PARAMETERS, case.cells
    scale = CURRENT / (count * 20.0 * 1e-3 * TAU_SYNAPSE * p["w0"])  # pA at weight 1
    cells = nest.Create("iaf_psc_exp", count, params={
        "C_m": CAPACITY, "tau_m": 1e3 * p["tau_m"], "E_L": 1e3 * p["v_rest"],
        "V_m": 1e3 * p["v_rest"], "V_reset": 1e3 * p["v_reset"],
        "t_ref": 1e3 * p["refractory"],
        "tau_syn_ex": TAU_SYNAPSE, "tau_minus": 1e3 * p["tau_stdp"],
        "V_th": (1e3 * thresholds(count)).tolist(),
    })  # fmt: skip
    relays = nest.Create("parrot_neuron", count)
    sources = nest.Create("spike_generator", count)
    steps, cell = case.spikes.T
    for number, source in enumerate(sources):
        source.spike_times = np.round((steps[cell == number] + 1) * 1e3 * DT, 1).tolist()
    late = {"delay": DELAY * 1e3 * DT}
    nest.Connect(sources, relays, "one_to_one", late)
    nest.CopyModel("stdp_synapse", "plastic", {
        "lambda": p["a_pre"], "alpha": -p["a_post"] / p["a_pre"], "mu_plus": 0.0,
        "mu_minus": 0.0, "tau_plus": 1e3 * p["tau_stdp"], "Wmax": scale,
    })  # fmt: skip
    for start in range(0, count, BLOCK):  # no array of all weights on NEST's account
        block = slice(start, min(start + BLOCK, count))
        weights = scale * case.weights(block).T  # NEST wants [post, pre]
        plastic = {"synapse_model": "plastic", "weight": weights, **late}
        nest.Connect(relays[block], cells, "all_to_all", plastic)
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(cells, recorder)
    return relays, recorder, scale


def expected(case: NetworkCase, fired: np.ndarray) -> np.ndarray:
    """Return weights [row, post] by the pair rule in NEST's order, from its postsynaptic
    spikes.

    At a synapse postsynaptic spikes are late by the delay, come before a presynaptic one
    of the same step, and do not depress with it. They count once the next presynaptic one
    has come.
    """
    p, decay = PARAMETERS, np.exp(-DT / PARAMETERS["tau_stdp"])
    w = case.weights(case.rows)
    waiting, x, y = np.zeros_like(w), np.zeros(len(case.rows)), np.zeros(case.cells)
    pre = case.spikes[np.isin(case.spikes[:, 1], case.rows)]
    pre = np.stack([pre[:, 0] + 1 + DELAY, np.searchsorted(case.rows, pre[:, 1])], 1)
    post = fired + [DELAY, 0]
    steps = np.arange(case.steps + 2)
    first, then = np.searchsorted(pre[:, 0], steps), np.searchsorted(post[:, 0], steps)
    # a presynaptic spike that arrives after the end does nothing
    for step in range(case.steps):
        x, y = x * decay, y * decay
        cells = post[then[step] : then[step + 1], 1]
        waiting[:, cells] += p["a_pre"] * x[:, None]
        for row in pre[first[step] : first[step + 1], 1]:
            w[row] = np.clip(np.clip(w[row] + waiting[row], 0, 1) + p["a_post"] * y, 0, 1)
            waiting[row], x[row] = 0, x[row] + 1
        y[cells] += 1
    return w
