"""`fwp.run(program, rule, "spiking", synapse=...)` with a published synapse.

Any plasticity model, alone or composed with a release and a receptor, holds the fast weights; see
`synapse_network` for the circuit and `synapse_form` for what it needs and how it is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..device_names import DEVICES
from ..errors import FwpError, shown, warn
from ..programs import Program
from ..provenance import provenance
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import starting_states
from ..synapses.model import Synapse
from ..synapses.models import CircuitSynapse
from ..synapses.registry import get, names
from ..weight_recording import variables
from .recorded_cells import cell_coordinates, entry, spikes
from .recorded_cells import fired as wanted
from .synapse_form import KEEP, Prepared, coding, only_here, transmitting, windows_of

#: options that mean the same here; all others belong to the circuit of the package's own synapses
OPTIONS = ("cells", "value_cells", "coding", "synapse", "parameters", "constants", "timeline", "dt",
           "device", "seed", "progress", "initial_weights", "initial_states",
           "initial_states_of", "record_spikes", "record_weights")  # fmt: skip


def chosen(synapse, parameters: str | None) -> Synapse | None:
    """Return a published synapse, or None for one of the package's own circuit models."""
    if isinstance(synapse, str):
        if synapse in names("circuit"):
            return None
        return get(synapse, parameters)
    if not isinstance(synapse, Synapse):
        raise FwpError(f"synapse must be a Synapse or the name of one, got {shown(synapse)}")
    if parameters is not None:
        raise FwpError(f"synapse {synapse.name!r} has its parameters: leave out parameters=")
    if isinstance(synapse, CircuitSynapse):
        return None
    return getattr(synapse, "textbook", synapse)


def prepare(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
            usual: Mapping[str, Any]) -> Prepared:  # fmt: skip
    """Turn a programme into a circuit of published synapses, every option checked.

    Args:
        synapse: from `chosen`.
        options: of `spiking.realise`; usual: its defaults.

    Raises:
        FwpError: a port that the synapse has not, or an option of another form.
    """
    only_here({n: (options[n], usual[n]) for n in usual}, OPTIONS)
    if options["record_weights"] not in ("auto", "last", "none"):
        raise FwpError("record_weights of a circuit of published synapses is 'last' or 'none': "
                       "their weights are expressions over many variables")  # fmt: skip
    synapse = synapse.changed(**(options["constants"] or {}))
    states = starting_states(rule, program, options["initial_weights"],
                             options["initial_states_of"], options["initial_states"])  # fmt: skip
    if any(array.any() for array in states.values()):
        raise FwpError(f"synapses of {synapse.name!r} start where their model says: a circuit of "
                       "published synapses takes no initial weights")  # fmt: skip
    return Prepared(
        program, rule, synapse, cells=options["cells"], value_cells=options["value_cells"],
        wanted=options["coding"], dt=options["dt"],
        windows=windows_of(options["timeline"], coding(transmitting(synapse)[0],
                                                       options["coding"])),
    )  # fmt: skip


def realise(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
            usual: Mapping[str, Any]) -> Recording:  # fmt: skip
    """Run a programme in a circuit of published synapses; arguments and errors as for `prepare`."""
    ready = prepare(program, rule, synapse, options, usual)
    found, details = ready.run(options["device"], options["seed"], options["progress"])
    if found["beyond"] > 0.01:
        share = f"{100 * found['beyond']:.1f} %"
        warn(f"value cells of {synapse.name!r} would have had to fire with a chance outside 0..1 "
             f"in {share} of cases, which bends the memory", stacklevel=4)  # fmt: skip
    weights, extra = variables(rule, KEEP, found)
    if options["record_weights"] == "none":
        extra = {}
    duration = round(program.tokens * found["token_seconds"], 12)
    starts = np.round(np.arange(program.tokens) * found["token_seconds"], 12)
    known = tuple(each.name for each in found["populations"])
    fired = {name: found["fired"][name] for name in wanted(options["record_spikes"], known)}
    extra |= spikes(found["populations"], fired, duration - float(ready.dt) / 2)
    coords = {"token_start": entry("token", starts, "s", "start of the token"),
              **cell_coordinates(found["populations"])}  # fmt: skip
    papers = "; ".join([synapse.citation, ready.synapse.citation, *synapse.sources.values()])
    return make_recording(
        program, rule, "spiking", found["readout"], weights, extra,
        provenance(rule, "spiking", options["seed"], details,
                   f"{DEVICES.citation(details['device'])}; {papers}"), coords, duration,
    )  # fmt: skip
