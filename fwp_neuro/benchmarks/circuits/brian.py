"""The reference network in Brian2, in several layouts of the same synapse.

"textbook": all variables on the synapse, event-driven, as Brian2's documentation writes
it. "factorised": what `fwp_neuro.circuits.plastic.connecting.connect` makes of the same
model. "dense":
the same again, with the package's dense synapses. "static": weights that stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from ...circuits.plastic.connecting import connect
from ...synapses.synapse_class import Equations, Synapse
from .hand_written import CELLS, ON_POST, ON_PRE, SYNAPSES, parameters, thresholds
from .network import DT, WEIGHTS, NetworkCase, relaxed

LAYOUTS = ("textbook", "factorised", "dense", "static")
TEXTBOOK = Equations(synapse=SYNAPSES, on_pre=ON_PRE, on_post=ON_POST)
#: no postsynaptic spike writes: the trace that it leaves is read at the next presynaptic
#: one
PRESYNAPTIC = Equations(
    synapse="\n".join(line for line in SYNAPSES.splitlines() if "apre" not in line),
    on_pre="\n".join(line for line in ON_PRE.splitlines() if "apre" not in line),
    on_post="apost += a_post",
)
STATIC = Equations(synapse="w : 1", on_pre="g_ampa_post += w\ng_nmda_post += w")
_VOLTAGES = ("v_rest", "v_reset")
_TIMES = ("tau_m", "tau_ampa", "tau_nmda", "tau_w", "tau_stdp", "refractory")
_PLASTIC = ("w0", "tau_w", "tau_stdp", "a_pre", "a_post")


def model(case: NetworkCase) -> Synapse:
    """Return the reference synapse as a model of the package, in the textbook layout."""
    text = {"pair": TEXTBOOK, "presynaptic": PRESYNAPTIC, "static": STATIC}[case.kind]
    return Synapse(
        "reference", "benchmark", "plasticity", "fast weight with pair-based STDP", text,
        {name: value for name, value in quantities(case).items() if name in _PLASTIC},
        {"": "chosen for the benchmark"}, "", "", signed=("a_post",),
        initial={"w": WEIGHTS},
    )  # fmt: skip


def quantities(case: NetworkCase) -> dict:
    """Return the parameters with units."""
    found = {}
    for name, value in parameters(case.cells).items():
        unit = b2.volt if name in _VOLTAGES else b2.second if name in _TIMES else 1
        found[name] = value * unit
    return found


@dataclass
class Network:
    """The network of a case in Brian2.

    Attributes:
        case: what it simulates.
        all: the Brian2 Network.
        post: postsynaptic cells.
        synapses: the Synapses object.
    """

    case: NetworkCase
    all: Any
    post: Any
    synapses: Any

    def spikes(self) -> np.ndarray:
        """Return the spikes of each postsynaptic cell after a run."""
        return np.array(self.post.count[:], dtype=int)

    def weights(self) -> np.ndarray:
        """Return the weights that are compared [row, post] at the last time step, after a
        run."""
        case, now = self.case, (self.case.steps - 1) * DT
        variables, values = self.synapses.variables, parameters(self.case.cells)
        if "w_kept" in variables:  # w relative to a decay that all synapses share
            # read from what is stored: Brian2 cannot evaluate w after a standalone run
            since = now - np.array(self.synapses.renewed_[:]).item()
            left = np.exp(-since / values["tau_w"])
            return values["w0"] + case.sampled(self.synapses.w_kept[:]) * left
        w = case.sampled(self.synapses.w[:])
        if "lastupdate" in variables:  # it stands as after a synapse's last event
            w = relaxed(w, case.sampled(np.array(self.synapses.lastupdate_[:])), now)
        return w


def network(case: NetworkCase, layout: str) -> Network:
    """Make the network of a case in a layout."""
    values = quantities(case)
    used = {
        n: v
        for n, v in values.items()
        if n not in ("dt", "v_threshold", "v_spread", "golden")
    }
    used["schedule"] = b2.TimedArray(schedule(case) * b2.second, dt=1 * b2.second)
    refractory = used.pop("refractory")
    pre = b2.NeuronGroup(
        case.cells, "due : second\nnumber : 1", threshold="t > due - dt/2",
        reset="number += 1\ndue = schedule(number*second, i)", namespace=used,
        name="pre_cells",
    )  # fmt: skip
    post = b2.NeuronGroup(
        case.cells, CELLS + "count : 1", threshold="v > v_threshold",
        reset="v = v_reset\ncount += 1", refractory=refractory, method="euler",
        namespace=used, name="post_cells",
    )  # fmt: skip
    pre.due = "schedule(0*second, i)"
    post.v, post.v_threshold = "v_rest", thresholds(case.cells) * b2.volt
    if layout in ("textbook", "static"):
        synapses = _plain(case, pre, post, used)
        return Network(case, b2.Network(pre, post, synapses), post, synapses)

    made = connect(model(case), pre, post, name="plastic", dense=layout == "dense")
    return Network(case, b2.Network(pre, post, *made.objects), post, made.synapses)


def _plain(case: NetworkCase, pre, post, namespace):
    text = model(case).equations
    made = b2.Synapses(
        pre,
        post,
        text.synapse,
        on_pre=text.on_pre,
        on_post=text.on_post or None,
        method="exact",
        namespace=namespace,
        name="plastic",
    )
    made.connect()
    # presynaptic spikes first, as everywhere in the package
    for pathway in made._pathways:
        pathway.order = 1 if pathway.prepost == "pre" else 10
    made.w = WEIGHTS
    return made


def schedule(case: NetworkCase) -> np.ndarray:
    """Return each cell's spike times [number, cell] in seconds, then a time that never
    comes."""
    step, cell = case.spikes.T
    order = np.lexsort((step, cell))
    count = np.bincount(cell, minlength=case.cells)
    table = np.full((count.max(initial=0) + 1, case.cells), 1e9)
    number = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    table[number, cell[order]] = step[order] * DT
    return table
