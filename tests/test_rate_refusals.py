"""What the rate circuit refuses, in one sentence that says what is legal."""

import brian2 as b2
import numpy as np
import pytest
from test_rate import EXACT, both, make

import fwp_neuro as fwp


def refuse(name, *words, changes=None, **options):
    program, weights = make(name, seed=18)
    with pytest.raises(fwp.FwpError) as problem:
        fwp.run(
            program.replace(**(changes or {})),
            name,
            "rate",
            initial_weights=weights,
            **options,
        )
    sentence = str(problem.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence, sentence


@pytest.mark.parametrize("strength", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("name", ["delta", "gated_delta", "oja"])
def test_an_overwriting_delta_has_no_continuous_counterpart(name, strength):
    side = "value" if name == "oja" else "key"
    program, _ = make(name, seed=18)
    unit = program[side] / np.linalg.norm(program[side], axis=-1, keepdims=True)
    words = (
        f"beta*|{side[0]}|^2 >= 1 has no first-order continuous counterpart",
        f"or the {side} norm",
        "dynamics='event'",
        "token 1",
    )
    beta = [0.5, strength, 0.5]
    refuse(name, *words, changes={side: unit, "beta": beta})
    error, _ = both(name, program.replace(**{side: unit}, beta=beta), dynamics="event")
    assert (error < EXACT).all()


def test_a_decay_to_nothing_is_refused():
    refuse(
        "gated_delta",
        "token 0",
        "decay factor is 0",
        "infinitely fast",
        changes={"alpha": 0},
    )
    refuse("gla", "decay factor is -0.5", changes={"alpha": -0.5})


@pytest.mark.parametrize("name", ["momentum_delta", "rwkv7"])
def test_continuous_dynamics_of_a_rule_without_them(name):
    reason = (
        "further synaptic states (m)"
        if name == "momentum_delta"
        else "mixes decay and write"
    )
    refuse(
        name,
        "no exact continuous form",
        reason,
        "dynamics='event'",
        dynamics="continuous",
    )
    refuse(name, "option window", reason, "leave it out", window=5 * b2.ms)


@pytest.mark.parametrize("option", ["write", "relation", "dt", "window", "ampa_lag"])
def test_options_that_do_not_apply_to_event_dynamics(option):
    value = {"write": "synaptic", "relation": "exponential"}.get(option, 1 * b2.ms)
    refuse("delta", f"option {option} ", "asked for", dynamics="event", **{option: value})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dt": 0.0005}, ("dt must be a time such as 0.5*ms", "0.0005")),
        ({"dt": 1 * b2.mV}, ("dt must be a time",)),
        (
            {"dt": 0 * b2.ms},
            (
                "dt must be a time",
                "positive",
            ),
        ),
        (
            {"dt": np.inf * b2.ms},
            (
                "dt must be a time",
                "positive and finite",
            ),
        ),
        ({"window": [1, 2] * b2.ms}, ("window must be a time",)),
        ({"window": "long"}, ("window must be a time", "'long'")),
        (
            {"window": 5.2 * b2.ms},
            ("window must be a whole number of time steps", "5.2 ms", "0.5 ms"),
        ),
        ({"window": 0.1 * b2.ms}, ("window must be a whole number of time steps",)),
        ({"ampa_lag": 5}, ("ampa_lag must be a time",)),
        ({"ampa_lag": 0.8 * b2.ms}, ("dt at most half the lag",)),
        (
            {"ampa_lag": 5 * b2.ms, "relation": "exponential"},
            ("relation='integrator-aware'",),
        ),
        ({"dynamics": "continous"}, ("did you mean 'continuous'?", "dynamics")),
        ({"write": "factorised"}, ("did you mean 'factored'?",)),
        ({"relation": "exponental"}, ("did you mean 'exponential'?",)),
        (
            {"device": "cpp_standalon"},
            ("did you mean 'cpp_standalone'?", "cuda_standalone"),
        ),
        (
            {"windows": 5 * b2.ms},
            ("did you mean 'window'?", "option of the rate realisation"),
        ),
        ({"initial_states_of": 3}, ("must be a Recording", "got 3")),
    ],
)
def test_bad_options(options, words):
    refuse("delta", *words, **options)
