"""A run starts from every synaptic state of its rule, in every realisation."""

import brian2 as b2
import numpy as np
import pytest
import torch
from cannot import can
from oracles import draw_states
from test_rate import CONTINUOUS, SHORT, make

import fwp_neuro as fwp
from fwp_neuro.circuits.rate import low_rank
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import rule, rules

EVERY_RULE = pytest.mark.parametrize("name", rules())
CUT, TOKENS = 2, 5
#: rules with further states, and one of each other kind; the others together take a while
FEW = [
    "momentum_delta",
    "momentum_deltanet",
    "preconditioned_delta",
    "gated_delta",
    "gated_oja",
]
STEP = {"record_weights": "last"}


def quick(names):
    """The names as parameters, those that are not among the few marked as slow."""
    return [pytest.param(n, marks=() if n in FEW else pytest.mark.slow) for n in names]


def start(name, heads=None, seed=0):
    """States before the first token, none of them zero."""
    return draw_states(rule(name), () if heads is None else (heads,), 5, 4, seed)


def last(name, recording):
    """The states after the last token, by name."""
    return {
        n: recording[f"final_{'weights' if n == 'w' else n}"].values
        for n in rule(name).states
    }


def check(name, realisation, heads=None, tolerance=1e-12, **options):
    """Whole run = two runs, the second from the states of the first, given in two
    ways."""
    program, _ = make(name, TOKENS, heads)
    options = STEP | options

    def run(part, **begin):
        return fwp.run(part, name, realisation, **options, **begin)

    whole = run(program, initial_states=start(name, heads))
    first = run(program[:CUT], initial_states=start(name, heads))
    second = run(program[CUT:], initial_states=last(name, first))
    for state, array in last(name, whole).items():
        scale = tolerance * (1 + np.abs(array).max())
        assert np.abs(last(name, second)[state] - array).max() < scale
    readout = np.concatenate([first["readout"].values, second["readout"].values])
    assert np.abs(readout - whole["readout"].values).max() < tolerance * (
        1 + np.abs(readout).max()
    )
    if realisation == "artificial":
        again = run(program[CUT:], initial_states_of=first)
        for state, array in last(name, second).items():
            assert np.array_equal(last(name, again)[state], array)
    else:
        # the start counts: the states of the circuit are those of the artificial network
        other = fwp.run(program, name, initial_states=start(name, heads), **STEP)
        assert np.abs(whole["readout"].values - other["readout"].values).max() < 1e-9


@EVERY_RULE
def test_artificial_in_every_form(name):
    check(name, "artificial", backend="numpy")
    for form in rule(name).forms:
        check(name, "artificial", 2, form=form)


@pytest.mark.parametrize("name", FEW)
def test_artificial_in_single_precision(name):
    check(name, "artificial", tolerance=1e-5, dtype="float32")


@pytest.mark.parametrize("name", quick(rules()))
def test_rate_circuit_by_events(name):
    check(name, "rate", dynamics="event", layout="synapse", device="numpy")


@pytest.mark.parametrize("name", quick(sorted(CONTINUOUS)))
def test_rate_circuit_in_continuous_time(name):
    check(name, "rate", 2, device="numpy", layout="synapse", **SHORT)


@pytest.mark.parametrize(("name", "dynamics"), [("dplr", "event"), ("gated_oja", "auto")])
def test_rate_circuit_of_low_rank(name, dynamics):
    assert can(low_rank.derive, rule(name))
    short = SHORT if dynamics == "auto" and name in CONTINUOUS else {}
    check(name, "rate", dynamics=dynamics, layout="low_rank", device="numpy", **short)


#: gates at which a rule leaves its states alone, and signals that must then be zero as
#: well
QUIET = {"eta": 0, "beta": 0, "alpha": 1, "mu": 1, "gamma": 1, "rho": 0}


@pytest.mark.parametrize("heads", [None, 2])
@pytest.mark.parametrize("name", ["delta", "momentum_delta", "momentum_deltanet",
                                  "preconditioned_delta"])  # fmt: skip
def test_spiking_circuit_starts_from_every_state(name, heads):
    """With gates that change nothing the states after the last token are those before the
    first."""
    program, _ = make(name, 2, heads)
    program = program.replace(**{gate: float(QUIET[gate]) for gate in rule(name).gates})
    begin = start(name, heads)
    if name == "momentum_delta":  # its momentum enters the weights by no gate
        begin["m"] *= 0
    found = fwp.run(
        program, name, "spiking", cells=2, form="generic", device="numpy",
        initial_states=begin, dt=2 * b2.ms, **STEP,
    )  # fmt: skip
    for state, array in last(name, found).items():
        if (name, state) != ("momentum_delta", "m"):
            assert np.abs(array - begin[state]).max() < 1e-12
    assert np.abs(begin["w"]).min() > 1e-3


def test_spiking_circuit_without_spikes_carries_on():
    """The biophysical form: what a token leaves in traces beside the weights is small."""
    program = fwp.tasks.associative_recall(2, 3, beta=0.5, alpha=0.9, seed=1)
    windows = fwp.circuits.Timeline(settle=50 * b2.ms, gap=20 * b2.ms, rest=50 * b2.ms)
    usual = {
        "cells": float("inf"),
        "device": "numpy",
        "dt": 1 * b2.ms,
        "timeline": windows,
        **STEP,
    }
    whole = fwp.run(program, "gated_delta", "spiking", **usual)
    first = fwp.run(program[:1], "gated_delta", "spiking", **usual)
    second = fwp.run(
        program[1:], "gated_delta", "spiking", initial_states_of=first, **usual
    )
    found, wanted = (run["final_weights"].values for run in (second, whole))
    error = np.sqrt(np.mean((found - wanted) ** 2)) / wanted.std()
    assert error < 0.05
    from_zero = fwp.run(program[1:], "gated_delta", "spiking", **usual)[
        "final_weights"
    ].values
    assert np.sqrt(np.mean((from_zero - wanted) ** 2)) / wanted.std() > 10 * error


def test_states_that_are_not_named_start_at_zero_and_tensors_and_lists_are_numbers_too():
    program, weights = make("momentum_delta")
    one = fwp.run(program, "momentum_delta", initial_weights=weights)
    for given in (weights, weights.tolist(), torch.tensor(weights, requires_grad=True)):
        other = fwp.run(program, "momentum_delta", initial_states={"w": given})
        assert other["weights"].equals(one["weights"])
    both = {"m": start("momentum_delta")["m"]}
    mixed = fwp.run(
        program, "momentum_delta", initial_weights=weights, initial_states=both
    )
    named = fwp.run(program, "momentum_delta", initial_states=both | {"w": weights})
    assert mixed["weights"].equals(named["weights"]) and not mixed["weights"].equals(
        one["weights"]
    )
    assert fwp.run(program, "momentum_delta", initial_states={})["m"].shape == (3, 4, 5)


W = np.zeros((4, 5))


@pytest.mark.parametrize("realisation", ["artificial", "rate", "spiking"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"initial_states": 3},
            "initial_states must be a dict from synaptic state .*got 3",
        ),
        (
            {"initial_states": [("w", W)]},
            "initial_states must be a dict from synaptic state",
        ),
        (
            {"initial_states": {"n": W}},
            "unknown synaptic state of rule 'momentum_delta': 'n'",
        ),
        (
            {"initial_states": {1: W}},
            "unknown synaptic state of rule 'momentum_delta': 1",
        ),
        ({"initial_states": {"m": None}}, r"initial_states\['m'\] is None; leave it out"),
        (
            {"initial_states": {"m": W.T}},
            r"initial_states\['m'\] must be \[post, pre\] = \(4, 5\)",
        ),
        ({"initial_states": {"m": W + np.nan}}, r"initial_states\['m'\] must be finite"),
        (
            {"initial_states": {"m": W * b2.mV}},
            r"\['m'\] must be plain numbers .*units of brian2",
        ),
        (
            {"initial_states": {"m": W * 1j}},
            r"initial_states\['m'\] must be real numbers",
        ),
        (
            {"initial_states": {"m": "x"}},
            r"initial_states\['m'\] must be real numbers, got 'x'",
        ),
        (
            {"initial_states": {"m": [[1], [1, 2]]}},
            r"\['m'\] must be real numbers, got \[\[1\],",
        ),
        (
            {"initial_states": {"w": W}, "initial_weights": W},
            "both say which fast weights",
        ),
        ({"initial_states": {"w": W}, "initial_states_of": None}, None),
        (
            {"initial_weights": W * b2.mV},
            "initial_weights must be plain numbers .*units of brian2",
        ),
        (
            {"initial_weights": np.ma.masked_equal(W, 0)},
            "initial_weights must be real numbers",
        ),
        ({"initial_states_of": 3}, "initial_states_of must be a Recording"),
    ],
)
def test_what_no_run_can_start_from_is_refused_in_a_sentence(
    realisation, arguments, sentence
):
    program, _ = make("momentum_delta", 2)
    usual = {"cells": 2, "device": "numpy"} if realisation == "spiking" else {}
    if sentence is None:
        assert fwp.run(program, "momentum_delta", realisation, **usual, **arguments)
        return
    with pytest.raises(FwpError, match=sentence) as refused:
        fwp.run(program, "momentum_delta", realisation, **usual, **arguments)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_two_arguments_that_say_all_states_are_refused():
    program, _ = make("delta")
    first = fwp.run(program, "delta")
    with pytest.raises(FwpError, match="initial_states and initial_states_of both say"):
        fwp.run(program, "delta", initial_states={"w": W}, initial_states_of=first)


def test_states_that_do_not_fit_into_memory_are_refused_with_their_size():
    program = fwp.Program(key=np.ones((1, 10**6)), value=np.ones((1, 10**7)), beta=0.5)
    with pytest.raises(FwpError, match=r"states of rule 'delta', .* take 8e\+04 GB"):
        fwp.run(program, "delta")
