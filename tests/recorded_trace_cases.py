"""Spiking runs whose traces are recorded, each run once in a process."""

import functools

import brian2 as b2
import numpy as np
from programs import INF, random_program
from test_spiking import QUICK, SHORT

import fwp_neuro as fwp
from fwp_neuro.circuits import AP5, CNQX

ms = b2.ms
TOKENS, HEADS, PRE, POST, CELLS, DT = 3, 2, 4, 3, 5, 0.0005
TOKEN = sum(QUICK[name] for name in ("settle", "write", "gap", "query")) / 1000 + 0.030
STEPS = round(TOKENS * TOKEN / DT)
#: name -> rule, options of a run
WAYS = {
    "population": ("gated_delta", {}),
    "regular": ("decayed_hebb", {"key_cells": "integrate_and_fire"}),
    "synapse": ("gated_delta", {"layout": "synapse"}),
    "rates": ("delta", {"cells": INF}),
    "opponent": ("gated_delta", {"signed_keys": "opponent"}),
    "drugs": ("gated_delta", {"drugs": [AP5(0.4), CNQX(0.7)]}),
    "linear": ("delta", {"synapse": "linear_difference"}),
    "scaled": ("hebb", {}),
    "generic": ("gated_delta", {"form": "generic"}),
}
ALL = ["w", "w_channel", "g_ampa", "g_inhibition", "g_basal", "g_apical", "x_nmda", "V",
       "V_basal", "V_apical", "drive", "teacher", "unblocked", "error", "write",
       "gate"]  # fmt: skip
GENERIC = ["w", "k", "v", "q"]


@functools.cache
def run(way, names="all", every=0.5, **changes):
    rule, options = WAYS[way]
    rng = np.random.default_rng(1)
    gates = {"beta": rng.uniform(0.3, 0.8, (TOKENS, HEADS))}
    if rule in ("gated_delta", "decayed_hebb"):
        gates["alpha"] = rng.uniform(0.5, 1, (TOKENS, HEADS))
    program = random_program(TOKENS, HEADS, PRE, POST, signed=way == "opponent", **gates)
    if way == "scaled":
        program = program.replace(value=3 * program["value"])
    if names == "all":
        own = [] if options.get("layout") == "synapse" else ["x_ampa"]
        names = GENERIC if way == "generic" else ALL + own
    record = {} if names is None else {"record": names, "record_every": every * ms}
    if names == "alone":
        del record["record"]
    options = {"cells": CELLS, "device": "numpy", "timeline": SHORT, "seed": 2, **options}
    weights = rng.uniform(-0.3, 0.3, (HEADS, POST, PRE))
    return fwp.run(
        program,
        rule,
        "spiking",
        initial_weights=weights,
        **{**options, **record, **changes},
    )
