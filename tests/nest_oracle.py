"""Protocols in NEST, as a program of its own: JSON on standard input, JSON on standard
output.

NEST prints a banner and keeps global state, so that the tests run it in a process that
ends. Times are in ms, voltages in mV, conductances in nS, capacitances in pF.
"""

import json
import os
import sys


def clopath(asked: dict, nest) -> dict:
    """Weights of a Clopath synapse after spike trains; every synapse onto a cell of its
    own."""
    found = []
    for pre, post in zip(asked["pre"], asked["post"], strict=True):
        start(nest, asked["dt"])
        cell = nest.Create("aeif_psc_delta_clopath", params=asked["cell"])
        relay = nest.Create("parrot_neuron")
        for times, target, weight in ((pre, relay, 1.0), (post, cell, asked["push"])):
            source = nest.Create("spike_generator", params={"spike_times": times})
            nest.Connect(
                source, target, syn_spec={"delay": asked["dt"], "weight": weight}
            )
        recorder = nest.Create("weight_recorder")
        nest.CopyModel("clopath_synapse", "recorded", {"weight_recorder": recorder})
        synapse = {
            "synapse_model": "recorded",
            "weight": asked["weight"],
            "delay": asked["dt"],
        }
        nest.Connect(relay, cell, syn_spec={**synapse, "tau_x": asked["tau_x"]})
        nest.Simulate(max(*pre, *post) + 10)
        found.append(recorder.get("events", "weights").tolist())
    return {"weights": found}


def urbanczik(asked: dict, nest) -> dict:
    """Spikes of a nudged soma and the weights of its dendritic inputs, a pattern of them
    repeated.

    The nudging conductances are given as jumps [step] of the first pattern on; they
    decay.
    """
    start(nest, asked["dt"])
    nest.rng_seed = asked["seed"]
    dt, count = asked["dt"], len(asked["pattern"])
    ports = nest.GetDefaults("pp_cond_exp_mc_urbanczik")["receptor_types"]
    cell = nest.Create("pp_cond_exp_mc_urbanczik", params=asked["cell"])
    relays, sources = (
        nest.Create("parrot_neuron", count),
        nest.Create("spike_generator", count),
    )
    for source, times in zip(sources, asked["pattern"], strict=True):
        late = [t + n * asked["period"] for n in range(asked["repeats"]) for t in times]
        source.spike_times = [round(t, 1) for t in late]
    nest.Connect(sources, relays, "one_to_one", syn_spec={"delay": dt})
    recorder = nest.Create("weight_recorder")
    nest.CopyModel("urbanczik_synapse", "recorded", {"weight_recorder": recorder})
    synapse = {
        "synapse_model": "recorded",
        "receptor_type": ports["dendritic_exc"],
        "delay": dt,
    }
    nest.Connect(relays, cell, syn_spec={**synapse, **asked["synapse"]})
    for port, jumps in asked["nudge"].items():
        times = [round((n + 1) * dt, 1) for n in range(len(jumps))]
        source = nest.Create("spike_generator", params={"spike_times": times})
        source.spike_weights = jumps
        nest.Connect(source, cell, syn_spec={"receptor_type": ports[port], "delay": dt})
    soma = nest.Create("spike_recorder")
    nest.Connect(cell, soma)
    meter = nest.Create(
        "multimeter",
        params={"record_from": ["V_m.s", "V_m.p"], "interval": asked["every"]},
    )
    nest.Connect(meter, cell, syn_spec={"delay": dt})
    nest.Simulate(asked["repeats"] * asked["period"])
    events = recorder.events
    first = relays.tolist()[0]
    last = {int(sender) - first: float(w) for sender, w in
            zip(events["senders"], events["weights"], strict=True)}  # fmt: skip
    voltages = {
        name: meter.events[f"V_m.{part}"].tolist()
        for name, part in zip("UV", "sp", strict=True)
    }
    return {"spikes": soma.events["times"].tolist(), "weights": last, **voltages}


def short_term(asked: dict, nest) -> dict:
    """What short-term plastic synapses of weight 1 send at each spike,
    [synapse][spike]."""
    found = []
    for synapse in asked["synapses"]:
        start(nest, asked["dt"])
        source = nest.Create("spike_generator", params={"spike_times": asked["spikes"]})
        relay, cell = nest.Create("parrot_neuron"), nest.Create("iaf_psc_exp")
        recorder = nest.Create("weight_recorder")
        nest.CopyModel(asked["model"], "recorded", {"weight_recorder": recorder})
        nest.Connect(source, relay, syn_spec={"delay": asked["dt"]})
        fixed = {"synapse_model": "recorded", "weight": 1.0, "delay": asked["dt"]}
        nest.Connect(relay, cell, syn_spec={**fixed, **synapse})
        nest.Simulate(asked["spikes"][-1] + 10)
        found.append(recorder.get("events", "weights").tolist())
    return {"release": found}


def nmda(asked: dict, nest) -> dict:
    """Gate, current and voltage of a cell with an NMDA synapse from one that is made to
    fire."""
    start(nest, asked["dt"])
    cell = {**asked["cell"], "gsl_error_tol": 1e-9}
    # the pulse that makes it fire is over when it may fire again
    before = nest.Create(asked["model"], params={**cell, "tau_AMPA": 0.1, "t_ref": 2.0})
    after = nest.Create(asked["model"], params={**cell, "V_th": 100.0})
    ports = before.receptor_types
    source = nest.Create("spike_generator", params={"spike_times": asked["spikes"]})
    nest.Connect(
        source, before, syn_spec={"weight": 5000.0, "receptor_type": ports["AMPA"]}
    )
    synapse = {
        "receptor_type": ports["NMDA"],
        "weight": asked["weight"],
        "delay": asked["delay"],
    }
    nest.Connect(before, after, syn_spec=synapse)
    current = nest.Create("step_current_generator", params=asked["current"])
    nest.Connect(current, after)
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(before, recorder)
    meter = nest.Create(
        "multimeter",
        params={"record_from": ["V_m", "s_NMDA", "I_NMDA"], "interval": asked["dt"]},
    )
    nest.Connect(meter, after)
    nest.Simulate(asked["duration"])
    found = {
        name: meter.events[name].tolist() for name in ("times", "V_m", "s_NMDA", "I_NMDA")
    }
    return {**found, "spikes": (recorder.events["times"] * asked["dt"]).tolist()}


def start(nest, dt: float) -> None:
    """Forget everything and set the time step."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = dt


PROTOCOLS = {"clopath": clopath, "urbanczik": urbanczik, "short_term": short_term,
             "nmda": nmda}  # fmt: skip


def main() -> None:
    """Answer one question."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what NEST prints is no answer
    asked = json.load(sys.stdin)
    import nest

    json.dump(PROTOCOLS[asked["protocol"]](asked, nest), answer)
    answer.close()


if __name__ == "__main__":
    main()
