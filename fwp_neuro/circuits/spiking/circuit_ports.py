"""What the biophysical circuit can record, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...synapses.circuit_models import CircuitSynapse
from ..collector import Port

if TYPE_CHECKING:
    from .circuit_plan import CircuitPlan

#: the weight that a synapse transmits
SENT = "clip(w, 0, 2*w0)"
#: in the synapse layout a weight catches up with its integral when its key cell fires
_CAUGHT_UP = (
    "clip(w + x_nmda_pre*exp((t - token_start(t))/tau_nmda)*(integral_post - seen), 0, "
    "2*w0)"
)
_LEAK = "leak conductance"


def ports(plan: CircuitPlan, model: CircuitSynapse) -> dict[str, Port]:
    """Return all that a run of the circuit can record, by name."""
    heads, post, pre = plan.weights.shape
    spikes_of_cells = plan.own
    if model.block is None:  # linear membranes: a conductance stands for a current
        block, leak = "voltage factor of the write", f"{_LEAK} x (E_exc - E_leak)"
    else:
        block, leak = "fraction of NMDA receptors free of magnesium, apical", _LEAK

    def channels(array):
        return array.reshape(len(array), heads, 2, post)

    def keys(array):  # the mean over the cells of a dimension
        return array.reshape(len(array), heads, pre, -1).mean(3)

    def gate(array):  # all cells of a head share it
        return channels(array)[:, :, 0, 0]

    def sent(array):
        return plan.by_channel(array)

    def fast(array):
        both = sent(array)
        return both[:, :, 0] - both[:, :, 1]

    def post_port(code, words, unit="1", units=""):
        return Port("post", code, ("channel", "post"), channels, words, unit, units)

    weight = _CAUGHT_UP if spikes_of_cells else SENT
    course = Port("synapse", weight, ("post", "pre"), fast, "fast weight, ON minus OFF",
                  scaled=True)  # fmt: skip
    unblocked = model.unblocked_code("V_apical")
    found = {
        "w": course,
        "w_channel": Port(
            "synapse", weight, ("channel", "post", "pre"), sent,
            "weight that a synapse transmits, ON and OFF",
        ),
        "g_ampa": post_port(
            "conductance*ampa_open(t)*g_exc", "AMPA conductance through the fast "
            "weights: conductance x (1 - CNQX) x sum of w_channel x_ampa", units=leak,
        ),
        "g_inhibition": post_port(
            "conductance*ampa_open(t)*g_inh" if not spikes_of_cells
            else "conductance*ampa_open(t)*(g_exc - current)",
            "fixed feed-forward inhibition", units=leak,
        ),
        "g_basal": post_port("g_basal", "excitation of the basal "
                                        "compartment", units=leak),
        "g_apical": post_port("g_apical", "excitation by the teacher", units=leak),
        "x_nmda": Port("pre", "x_nmda", ("pre",), keys, "NMDA trace of the key cells"),
        "V": post_port({"basal": "V_basal", "apical": "V_apical"}, "membrane voltage",
                       "volt"),
        "V_basal": post_port("V_basal", "basal voltage, ON and OFF", "volt"),
        "V_apical": post_port("V_apical", "apical voltage, ON and OFF", "volt"),
        "drive": post_port("drive", "basal drive, ON and OFF"),
        "teacher": post_port("teacher", "trace of the teacher cells"),
        "unblocked": post_port(unblocked, block),
        "error": post_port("error", "what the write compares: apical minus predicted "
                                    "unblocked"),
        "write": post_port("write", "speed of a weight for an NMDA trace of 1", "Hz"),
        "gate": Port(
            "post", "eta_table(t, i)", (), gate,
            "gate of the write: learning rate while it is open, without AP5", "Hz",
        ),
        "weight_course": course,
    }  # fmt: skip
    if not spikes_of_cells:
        found["x_ampa"] = Port(
            "pre",
            "x_on - x_off",
            ("pre",),
            keys,
            "AMPA trace of the key cells, ON minus OFF",
        )
    if plan.realism is not None:
        _take_idealisations_away(found, plan, model, post_port)
    return found


def _take_idealisations_away(found, plan, model, post_port) -> None:
    """Change the ports whose variables are others in a circuit with realism."""
    realism = plan.realism
    noisy = realism.membrane_noise is not None
    volts = {name: f"V_{name}" + f" + noise_{name}" * noisy
             for name in ("basal", "apical")}  # fmt: skip
    changed = {
        "V": volts, **{f"V_{name}": code for name, code in volts.items()},
        "unblocked": model.unblocked_code(f"({volts['apical']})"),
        "g_ampa": "conductance*excited",
        "g_inhibition": "conductance*inhibited",
    }  # fmt: skip
    if realism.inhibition is not None:
        changed["g_inhibition"] = "g_shunt"
    if realism.gate is not None:
        changed["gate"] = "eta_table(t, i)*opened"
    for name, code in changed.items():
        found[name] = replace(found[name], code=code)
    found["recalled"] = post_port(
        "recalled", "number that the basal voltage codes, less the value baseline"
    )
    if realism.drawn_amounts:  # these traces are those of each synapse
        for name in ("x_nmda", "x_ampa"):
            del found[name]


def elements(plan: CircuitPlan) -> dict[str, int]:
    """Return how many numbers each object of the circuit holds of one variable."""
    heads, post, pre = plan.weights.shape
    each = int(plan.cells) if plan.own else 1
    return {"pre": heads * pre * each, "post": heads * 2 * post,
            "synapse": heads * 2 * post * pre * each}  # fmt: skip
