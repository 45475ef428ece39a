"""Protocols in NEST, as a program of its own: JSON on standard input, JSON on standard output.

NEST prints a banner and keeps global state, so that the tests run it in a process that ends.
Times are in ms, voltages in mV, conductances in nS, capacitances in pF.
"""

import json
import os
import sys


def clopath(asked: dict, nest) -> dict:
    """Weights of a Clopath synapse after spike trains; every synapse onto a cell of its own."""
    found = []
    for pre, post in zip(asked["pre"], asked["post"], strict=True):
        start(nest, asked["dt"])
        cell = nest.Create("aeif_psc_delta_clopath", params=asked["cell"])
        relay = nest.Create("parrot_neuron")
        for times, target, weight in ((pre, relay, 1.0), (post, cell, asked["push"])):
            source = nest.Create("spike_generator", params={"spike_times": times})
            nest.Connect(source, target, syn_spec={"delay": asked["dt"], "weight": weight})
        recorder = nest.Create("weight_recorder")
        nest.CopyModel("clopath_synapse", "recorded", {"weight_recorder": recorder})
        synapse = {"synapse_model": "recorded", "weight": asked["weight"], "delay": asked["dt"]}
        nest.Connect(relay, cell, syn_spec={**synapse, "tau_x": asked["tau_x"]})
        nest.Simulate(max(*pre, *post) + 10)
        found.append(recorder.get("events", "weights").tolist())
    return {"weights": found}


def start(nest, dt: float) -> None:
    """Forget everything and set the time step."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = dt


PROTOCOLS = {"clopath": clopath}


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
