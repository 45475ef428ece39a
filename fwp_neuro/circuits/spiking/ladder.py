"""What each idealisation of the spiking circuit costs: one run for each, and for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brian2 as b2
import numpy as np
import xarray as xr

from ...arguments import PROGRESS, SEED, cells, inside, mapping, optional, several, takes
from ...comparison import compare
from ...devices.lock import brian2_lock
from ...errors import FwpError, shown
from ...run_arguments import PROGRAM, RULE
from ..rate.rate_circuit import RATE
from ..token_schedule import Timeline
from .realism import (
    ConductanceInhibition,
    Heterogeneity,
    Homeostasis,
    Neuromodulator,
    Realism,
    SpikingValues,
)
from .spiking_circuit import SPIKING

_MISMATCH = Homeostasis(apical=False), Homeostasis(inhibition=False)
#: tokens of 200 ms
_FAST = Timeline(settle=20 * b2.ms, write=50 * b2.ms, gap=40 * b2.ms, query=50 * b2.ms,
                 read=33 * b2.ms, rest=40 * b2.ms)  # fmt: skip
#: weak synapses (the number 1 is 4 mV) make little shunt, and the value scale leaves the
#: weights room for what it takes off the recall
ROOM: dict[str, Any] = {
    "value_scale": 1.5, "teacher": "tonic", "constants": {"conductance": 1 / 16},
}  # fmt: skip
#: what is taken away, one a rung: name -> `Realism`, or options of the realisation
RUNGS = {
    "value cells spike": Realism(value_cells=SpikingValues()),
    "value cells integrate and fire": Realism(value_cells="lif"),
    "value cells adapt too": Realism(value_cells="adex"),
    "inhibition is a conductance": {
        "realism": Realism(inhibition=ConductanceInhibition()), **ROOM},
    "inhibition differs by 10 %": Realism(heterogeneity=Heterogeneity(inhibition=0.1)),
    "the same, settled": Realism(
        heterogeneity=Heterogeneity(inhibition=0.1), homeostasis=_MISMATCH[0]
    ),
    "apical gain differs by 10 %": Realism(heterogeneity=Heterogeneity(apical=0.1)),
    "the same, matched": Realism(
        heterogeneity=Heterogeneity(apical=0.1), homeostasis=_MISMATCH[1]
    ),
    "rates of key cells differ by 20 %": Realism(
        heterogeneity=Heterogeneity(key_rates=0.2)
    ),
    "release p = .3, 7 sites": Realism(release=0.3, sites=7),
    "release p = .5, 1 site": Realism(release=0.5),
    "background of 2 Hz": Realism(background=2 * b2.Hz),
    "membrane noise of 2 mV": Realism(membrane_noise=2 * b2.mV),
    "gate with kinetics, 1 % leak": Realism(gate=Neuromodulator(leak=0.01)),
    "weights of 2 levels": Realism(levels=2),
    "tokens of 200 ms": {"timeline": _FAST},
    "the same, NMDA decay of 26 ms": {
        "timeline": _FAST, "constants": {"tau_nmda": 26 * b2.ms}},
    "all: physiological": {"realism": Realism(preset="physiological"), **ROOM},
}  # fmt: skip


@takes(
    program=PROGRAM,
    rule=RULE,
    rungs=optional(mapping("name -> Realism or options")),
    cells=several(cells()),
    seed=SEED,
    options=inside("options of the spiking realisation"),
    progress=optional(PROGRESS),
)
def ladder(
    program, rule="delta", *, rungs: Mapping[str, Realism | dict] | None = None,
    cells=(100,), seed: int = 0, progress=None, **options: Any,
) -> xr.Dataset:  # fmt: skip
    """Return what it costs to take idealisations away, each alone and all at once.

    Args:
        program: many heads give a small standard error.
        rule: a registered name or a `Rule`.
        rungs: name -> `Realism`, or a dict of options of the spiking realisation; `RUNGS`
            if None, whose last is the physiological preset.
        cells: for each number, one run each.
        seed: of the random numbers.
        progress: called with (fraction done, note).
        options: of the spiking realisation, for every run.

    Returns:
        "nrmse" (root mean square error / standard deviation of the rule's read-out),
        "slope", "bias" [rung, cells] against the rule itself, and "added": the part of
        nrmse that the rung adds to that of the idealised circuit, sqrt(nrmse^2 -
        idealised^2). The first rung is the idealised circuit.

    Raises:
        FwpError: as `fwp_neuro.run`.

    Example:
        >>> found = ladder(fwp_neuro.tasks.associative_recall(heads=8), "delta",
        ...                rungs={"release": Realism(release=0.5)})  # doctest: +SKIP
    """
    chosen: dict[str, Any] = {"idealised": {}, **(RUNGS if rungs is None else rungs)}
    for name, rung in chosen.items():
        if not isinstance(rung, Realism | dict):
            raise FwpError(f"rungs[{name!r}] must be a Realism or a dict of options, got "
                           f"{shown(rung)}")  # fmt: skip
    done = 0
    with brian2_lock():  # the event form of the rate circuit is the rule itself
        exact = RATE.run(program, rule, dynamics="event", device="numpy")
    found = np.full((3, len(chosen), len(cells)), np.nan)
    for row, (name, rung) in enumerate(chosen.items()):
        own: Any = {"realism": rung} if isinstance(rung, Realism) else rung
        for column, each in enumerate(cells):
            if progress is not None:
                progress(done / (len(chosen) * len(cells)), name)
            with brian2_lock():
                circuit = SPIKING.run(
                    program, rule, cells=each, seed=seed, record_spikes=False,
                    record_weights="none", **{**options, **own},
                )  # fmt: skip
            agreed = compare(exact, circuit)["readout"]
            found[:, row, column] = agreed.nrmse, agreed.slope, agreed.bias
            done += 1
    coords = {"rung": list(chosen), "cells": [float(each) for each in cells]}
    data = xr.Dataset(
        {name: (("rung", "cells"), array)
         for name, array in zip(("nrmse", "slope", "bias"), found, strict=True)}, coords,
    )  # fmt: skip
    first = data["nrmse"].isel(rung=0)
    data["added"] = np.sqrt(np.maximum(data["nrmse"] ** 2 - first**2, 0))
    return data
