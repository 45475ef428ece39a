"""What the spiking circuit refuses, each in one sentence that says what is legal."""

import brian2 as b2
import numpy as np
import pytest
from programs import random_program, spiking

import fwp_neuro as fwp
from fwp_neuro.circuits import AP5, CNQX, Drug, Timeline

ms, Hz = b2.ms, b2.Hz
SMALL = random_program(2, 1, 3, 2, beta=0.5)
SIGNED = random_program(2, 1, 3, 2, seed=0, beta=0.5, signed=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"cells": 0},
            r"cells must be a whole number from 1 to .*, or float\('inf'\).*got 0",
        ),
        ({"cells": 2.5}, "cells must be a whole number from 1 to.*got 2.5"),
        ({"cells": True}, "cells must be a whole number from 1 to.*got True"),
        ({"cells": float("nan")}, "cells must be a whole number.*got nan"),
        ({"key_cells": "poison"}, "unknown key_cells.*'poison'; did you mean 'poisson'"),
        ({"layout": "synapses"}, "unknown layout.*'synapses'; did you mean 'synapse'"),
        ({"form": "generik"}, "unknown form.*'generik'; did you mean 'generic'"),
        ({"signed_keys": "oponent"}, "unknown signed_keys.*did you mean 'opponent'"),
        ({"synapse": "two_compartment"}, "unknown synapse.*mean 'two_compartment_nmda'"),
        ({"parameters": "jahr_1990"}, "unknown parameter set.*mean 'jahr_stevens_1990'"),
        ({"calibration": "close"}, "unknown calibration.*did you mean 'closed'"),
        ({"timeline": {"write": 150 * ms}}, "timeline must be a .*Timeline, got {"),
        (
            {"timeline": Timeline(read=200 * ms)},
            "timeline read must not be longer than .*query",
        ),
        (
            {"timeline": Timeline(rest=1.3 * ms)},
            r"timeline rest=1.3 ms must be a whole number",
        ),
        (
            {"dt": 0.7 * ms},
            "timeline settle=60. ms must be a whole number of time steps dt=0.7 ms",
        ),
        ({"dt": 0.5}, "dt must be a time such as"),
        ({"record_every": 5}, "record_every must be a time such as"),
        (
            {"record_every": 0.7 * ms},
            "record_every=0.7 ms must be a whole number of time steps",
        ),
        (
            {"constants": {"tau_ampa": 5}},
            "'tau_ampa' of .* has the wrong unit: got 5, legal is",
        ),
        (
            {"constants": {"tau_apma": 5 * ms}},
            "unknown parameter.*did you mean 'tau_ampa'",
        ),
        (
            {"constants": [1]},
            "constants must be a dict from parameter name to value.*got \\[1\\]",
        ),
        (
            {"constants": {"rate": 3000 * Hz}, "cells": 5},
            "fire at 3000 Hz, more than once in dt",
        ),
        (
            {"constants": {"value_baseline": 0.2}},
            "teacher cannot fire at a negative rate",
        ),
        (
            {"initial_weights": np.full((2, 3), 2.5)},
            "initial_weights reach 2.5, beyond the",
        ),
        ({"initial_weights": np.zeros((3, 2))}, r"initial_weights must be \[post, pre\]"),
        ({"program": SMALL.replace(beta=1.0)}, r"beta\*\|k\|\^2 is 1 at token"),
        (
            {"program": SMALL.replace(beta=[0.5, -0.5])},
            "beta is -0.5 at token 1.*beta >= 0",
        ),
        (
            {"timeline": Timeline(settle=0.5 * ms, write=0.5 * ms)},
            "more than the lagging circuit can learn in one write window",
        ),
        (
            {"timeline": Timeline(settle=0.5 * ms, write=0.5 * ms), "rule": "hebb"},
            "settle and write are too short",
        ),
        (
            {"drugs": ["AP5"]},
            r"drugs must be a list of AP5\(...\) and CNQX\(...\), got 'AP5'",
        ),
        (
            {"drugs": AP5()},
            r"drugs must be a list of AP5\(...\) and CNQX\(...\), got AP5\(",
        ),
        (
            {"drugs": [Drug(0.5)]},
            r"drugs must be a list of AP5\(...\) and CNQX\(...\), got Drug",
        ),
        (
            {"drugs": [AP5(tokens=[0, 5])]},
            r"AP5 tokens \[0, 5\] go beyond the .* 2 tokens",
        ),
        (
            {"drugs": [CNQX(window=(9 * b2.second, 10 * b2.second))]},
            "CNQX window starts at 9. s",
        ),
        (
            {"program": SIGNED},
            "needs non-negative keys, but 'key' is -0.* at token 0, head 0, dimension 1",
        ),
        (
            {"program": SMALL.replace(query=SIGNED["query"])},
            "but 'query' is -0.* at token 0, head 0, dimension "
            '1.*signed_keys="opponent"',
        ),
        (
            {
                "program": SIGNED,
                "signed_keys": "opponent",
                "layout": "synapse",
                "cells": 5,
            },
            "signed_keys='opponent' needs layout='population'",
        ),
        (
            {"rule": "gated_delta", "program": SMALL.replace(alpha=1.2)},
            "decay factor at token 0 lies outside 0..1",
        ),
        (
            {"layout": "synapse", "cells": 5, "constants": {"tau_nmda": ms}},
            "would overflow",
        ),
        (
            {"cell": 5},
            "unknown option of the spiking realisation: 'cell'; did you mean 'cells'",
        ),
    ],
)
def test_refuses(options, sentence):
    options = {"program": SMALL, "rule": "delta"} | options
    with pytest.raises(fwp.FwpError, match=sentence):
        spiking(options.pop("program"), options.pop("rule"), **options)


@pytest.mark.parametrize("window", [{"write": 150}, {"gap": 2 * Hz}, {"rest": -1 * ms}])
def test_a_timeline_is_made_of_times(window):
    (name,) = window
    with pytest.raises(fwp.FwpError, match=f"Timeline: {name} must be a time such as"):
        Timeline(**window)
