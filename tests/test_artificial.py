"""The artificial realisation: both back ends, carried states, heads, errors of its
arguments."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from oracles import draw, draw_states, walk

import fwp_neuro as fwp
from fwp_neuro.artificial import apply, oracle
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import Rule, rule, rules

TOKENS, PRE, POST = 7, 5, 3
EVERY_RULE = pytest.mark.parametrize("name", rules())


def programme(name, heads=None, seed=0):
    """A Program with signals of both signs, and the fast weights before its first
    token."""
    lead = (TOKENS,) if heads is None else (TOKENS, heads)
    signals = draw(rule(name), lead, PRE, POST, seed)
    rng = np.random.default_rng(seed)
    signals = {"k": rng.normal(0, 0.6, (*lead, PRE)), **signals}
    signals = {"v": rng.normal(0, 0.6, (*lead, POST)), **signals}
    return fwp.Program(**signals), draw_states(rule(name), lead[1:], PRE, POST, seed)["w"]


def expected(name, program, start):
    """Read-outs and weights after every token of the hand-written oracle, without
    heads."""
    signals = {n: array[:, 0] for n, array in program.bind(rule(name)).items()}
    states = {n: start if n == "w" else np.zeros_like(start) for n in rule(name).states}
    readouts, traces = walk(name, signals, states)
    return readouts, traces[0]


# ---------------------------------------------------------------- run


@pytest.mark.parametrize(
    "options", [{}, {"backend": "torch"}, {"backend": "numpy"}], ids=str
)
@EVERY_RULE
def test_run_equals_the_hand_written_oracle(name, options):
    program, start = programme(name)
    recording = fwp.run(program, name, initial_weights=start, **options)
    readouts, weights = expected(name, program, start)
    assert recording["readout"].dims == ("token", "post")
    assert recording["weights"].dims == ("token", "post", "pre")
    assert np.abs(recording["readout"].values - readouts).max() < 1e-12
    assert np.abs(recording["weights"].values - weights).max() < 1e-12
    assert np.array_equal(recording["key"].values, program["key"])


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_single_precision_is_asked_for_by_name(backend):
    program, start = programme("gated_delta")
    options = {"backend": backend, "dtype": "float32"}
    recording = fwp.run(program, "gated_delta", initial_weights=start, **options)
    readouts, _ = expected("gated_delta", program, start)
    assert recording["readout"].dtype == np.float32
    assert 0 < np.abs(recording["readout"].values - readouts).max() < 1e-5
    assert recording.provenance["options"].items() >= options.items()


@EVERY_RULE
def test_heads_run_side_by_side(name):
    program, start = programme(name, heads=2)
    both = fwp.run(program, name, initial_weights=start)
    assert both["readout"].dims == ("token", "head", "post")
    for h in range(2):
        alone = fwp.Program(**{n: program[n][:, h] for n in program.names})
        one = fwp.run(alone, name, initial_weights=start[h])
        assert np.abs(both["weights"].values[:, h] - one["weights"].values).max() < 1e-14
        assert np.abs(both["readout"].values[:, h] - one["readout"].values).max() < 1e-14


def test_one_matrix_of_initial_weights_serves_every_head():
    program, start = programme("delta", heads=2)
    once = fwp.run(program, "delta", initial_weights=start[0])
    twice = fwp.run(program, "delta", initial_weights=np.stack([start[0], start[0]]))
    assert once["weights"].equals(twice["weights"])
    from_zero = fwp.run(program, "delta")
    assert np.abs(from_zero["weights"].values[0] - once["weights"].values[0]).max() > 0.1


@pytest.mark.parametrize("heads", [None, 2])
@pytest.mark.parametrize("backend", ["torch", "numpy"])
@EVERY_RULE
def test_whole_run_is_two_runs_with_carried_state(name, backend, heads):
    program, start = programme(name, heads)
    whole = fwp.run(program, name, initial_weights=start, backend=backend)
    first = fwp.run(program[:3], name, initial_weights=start, backend=backend)
    second = fwp.run(program[3:], name, initial_states_of=first, backend=backend)
    for variable in ("readout", "weights"):
        halves = np.concatenate([first[variable].values, second[variable].values])
        assert np.abs(halves - whole[variable].values).max() < 1e-13


def test_carried_weights_alone_suffice_only_without_further_states():
    for name, enough in (("delta", True), ("momentum_delta", False)):
        program, start = programme(name)
        whole = fwp.run(program, name, initial_weights=start)
        first = fwp.run(program[:3], name, initial_weights=start)
        second = fwp.run(program[3:], name, initial_weights=first["weights"].values[-1])
        error = np.abs(second["weights"].values[-1] - whole["weights"].values[-1]).max()
        assert error < 1e-13 if enough else error > 1e-3
    assert first["m"].dims == ("token", "post", "pre")


def test_initial_weights_go_before_the_carried_ones():
    program, start = programme("delta")
    first = fwp.run(program, "delta")
    both = fwp.run(program, "delta", initial_weights=start, initial_states_of=first)
    assert both["weights"].equals(
        fwp.run(program, "delta", initial_weights=start)["weights"]
    )


def test_the_program_and_the_initial_weights_stay_as_they_were():
    program, start = programme("delta")
    kept, arrays = start.copy(), {n: program[n].copy() for n in program.names}
    recording = fwp.run(program, "delta", initial_weights=start, backend="numpy")
    recording["weights"].values[:] = 0
    assert np.array_equal(start, kept)
    assert all(np.array_equal(program[n], arrays[n]) for n in arrays)


def test_a_rule_typed_in_runs_and_is_named_in_the_recording():
    mine = Rule("mine", "w = tanh(w) + v*k")
    program, start = programme("delta")
    recording = fwp.run(program, mine, initial_weights=start)
    assert recording.attrs["rule"] == "mine" and recording.attrs["text"] == mine.text
    now = start
    for t in range(TOKENS):
        now = np.tanh(now) + np.outer(program["v"][t], program["k"][t])
    assert np.abs(recording["weights"].values[-1] - now).max() < 1e-14


def test_two_runs_give_the_same_numbers():
    program, _ = programme("gdn2")
    one, two = (fwp.run(program, "gdn2", seed=seed) for seed in (0, 5))
    assert one["weights"].equals(two["weights"])
    assert two.provenance["seed"] == 5


NAN = np.full((POST, PRE), np.nan)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(program=3), "program must be a Program or a list of them, got 3"),
        (dict(rule="dleta"), "unknown rule 'dleta'; did you mean 'delta'"),
        (dict(rule=3), "rule must be a name or a Rule, got int"),
        (dict(rule="gla"), "rule 'gla' needs gate 'alpha'"),
        (
            dict(realisation="rte"),
            "realisation 'rte'; did you mean 'rate'.*legal: artificial",
        ),
        (dict(backend="numpi"), "unknown backend of .*'numpi'; did you mean 'numpy'"),
        (dict(dtype="float46"), "unknown dtype of .*'float46'; did you mean 'float64'"),
        (dict(dtype=np.float32), "dtype must be one of float64, float32, got <class"),
        (dict(backnd="numpy"), "unknown option .*'backnd'; did you mean 'backend'"),
        (dict(seed=-1), "seed must be a whole number from 0 to 4294967295, got -1"),
        (dict(seed=0.5), "seed must be a whole number"),
        (dict(seed=True), "seed must be a whole number"),
        (dict(seed=2**32), "seed must be a whole number"),
        (
            dict(initial_weights=np.zeros((PRE, POST))),
            r"must be \[post, pre\] = \(3, 5\)",
        ),
        (
            dict(initial_weights=np.zeros((2, POST, PRE))),
            r"= \(1, 3, 5\), got \(2, 3, 5\)",
        ),
        (dict(initial_weights=1.0), r"initial_weights must be .*got \(\)"),
        (
            dict(initial_weights="zeros"),
            "initial_weights must be real numbers, got 'zeros'",
        ),
        (
            dict(initial_weights=[[0.0], [0.0, 1.0]]),
            r"must be real numbers, got \[\[0.0\]",
        ),
        (dict(initial_weights=NAN), "initial_weights must be finite, got array"),
        (dict(initial_states_of=3), "initial_states_of must be a Recording, got 3"),
    ],
)
def test_nonsense_arguments_of_run_raise_a_sentence(arguments, sentence):
    program = fwp.Program(key=np.ones((2, PRE)), value=np.ones((2, POST)), beta=0.5)
    with pytest.raises(FwpError, match=sentence) as caught:
        fwp.run(**{"program": program, "rule": "delta", **arguments})
    assert "\n" not in str(caught.value)


def test_a_recording_of_a_rule_without_the_state_cannot_be_carried_on():
    program = programme("momentum_delta")[0]
    with pytest.raises(FwpError, match="initial_states_of has no synaptic state 'm'"):
        fwp.run(program, "momentum_delta", initial_states_of=fwp.run(program, "delta"))


# ---------------------------------------------------------------- apply


def tensors(*names, dtype=torch.float64):
    shapes = {"query": (1, 2, 1, PRE), "key": (1, 2, 1, PRE), "value": (1, 2, 1, POST)}
    return {n: torch.full(shapes.get(n, (1, 2, 1)), 0.5, dtype=dtype) for n in names}


DELTA = ("query", "key", "value", "beta")


def test_apply_starts_from_zero_and_returns_the_final_state():
    given = tensors(*DELTA)
    readout, final = apply("delta", **given)
    again, same = apply(
        rule("delta"), **given, initial_state=torch.zeros(1, 1, POST, PRE).double()
    )
    assert readout.shape == (1, 2, 1, POST) and final.shape == (1, 1, POST, PRE)
    assert torch.equal(readout, again) and torch.equal(final, same)
    assert torch.allclose(
        (final @ given["query"][:, -1, :, :, None])[..., 0], readout[:, -1]
    )


def test_apply_takes_and_returns_a_dict_for_rules_with_further_states():
    given = tensors(*DELTA, "alpha", "eta")
    _, final = apply("momentum_delta", **given)
    assert set(final) == {"w", "m"} and final["m"].shape == (1, 1, POST, PRE)
    _, weights_only = apply("momentum_delta", **given, initial_state={"w": final["w"]})
    _, same = apply("momentum_delta", **given, initial_state=final["w"])
    assert all(torch.equal(weights_only[n], same[n]) for n in final)
    _, carried = apply("momentum_delta", **given, initial_state=final)
    assert not torch.allclose(carried["w"], same["w"])


def test_apply_without_a_key_for_a_rule_that_has_none():
    signals = {"query": (1, 2, 1, PRE), "value": (1, 2, 1, POST), "alpha": (1, 2, 1, PRE)}
    readout, _ = apply("hgrn2", **{n: torch.rand(shape) for n, shape in signals.items()})
    assert readout.shape == (1, 2, 1, POST) and readout.dtype == torch.float32


def test_gradients_reach_the_first_token_through_the_state():
    given = tensors(*DELTA)
    given["value"].requires_grad_()
    readout, _ = apply("delta", **given)
    readout[:, -1].sum().backward()
    assert given["value"].grad[:, 0].abs().min() > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(beta=None), r"apply\(rule='delta'\) needs beta \(shared\) .*pass beta="),
        (dict(key=None), r"needs key \(pre\) and did not get it: pass key="),
        (
            dict(bta=torch.zeros(1, 2, 1)),
            "unknown signal for apply.*'bta'; did you mean 'beta'",
        ),
        (
            dict(beta=torch.zeros(1, 2)),
            r"beta is shared .*shape \(1, 2, 1\) .*got \(1, 2\)",
        ),
        (
            dict(key=torch.zeros(1, 2, 1, 4)),
            r"key is pre and must have shape \(1, 2, 1, 5\)",
        ),
        (
            dict(value=torch.zeros(1, 3, 1, 3)),
            r"value is post and must have shape \(1, 2, 1, 3\)",
        ),
        (
            dict(query=torch.zeros(2, PRE)),
            r"must be \[batch, token, head, dim\], got \(2, 5\)",
        ),
        (dict(query=torch.zeros(1, 2, 1, 0)), r"got \(1, 2, 1, 0\) \(its dim is empty\)"),
        (dict(query=np.zeros((1, 2, 1, PRE))), "must be a torch tensor, got ndarray"),
        (dict(form="stepp"), "unknown form 'stepp'; did you mean 'step'"),
        (
            dict(initial_state=torch.zeros(POST, PRE).double()),
            r"= \(1, 1, 3, 5\), got \(3, 5\)",
        ),
        (
            dict(initial_state=torch.zeros(1, 1, POST, PRE)),
            "torch.float64, got torch.float32",
        ),
        (
            dict(initial_state=np.zeros((1, 1, POST, PRE))),
            "must be a torch tensor.*got ndarray",
        ),
        (
            dict(initial_state={"m": torch.zeros(1, 1, POST, PRE)}),
            "state of rule 'delta': 'm'",
        ),
    ],
)
def test_nonsense_arguments_of_apply_raise_a_sentence(changes, sentence):
    given = {
        n: array
        for n, array in {**tensors(*DELTA), **changes}.items()
        if array is not None
    }
    with pytest.raises(FwpError, match=sentence):
        apply("delta", **given)


# ---------------------------------------------------------------- what is imported when


def test_rules_and_programs_need_neither_torch_nor_brian2_nor_matplotlib():
    code = (
        "import sys, fwp_neuro as fwp\n"
        "assert len(fwp.rules()) > 10\n"
        "fwp.Program(key=[[1, 0]], value=[[1, 2, 3]], beta=1).bind(fwp.rule('delta'))\n"
        "fwp.rule('delta').eigenvalues, fwp.rule('delta').latex\n"
        "print([m for m in ('torch', 'brian2', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_oracle_takes_any_leading_axes():
    chosen = rule("oja")
    signals = draw(chosen, (TOKENS, 2, 4), PRE, POST)
    states = draw_states(chosen, (2, 4), PRE, POST)
    readout, traces = oracle(chosen, signals, states)
    assert readout.shape == (TOKENS, 2, 4, POST) and traces["w"].shape == (
        TOKENS,
        2,
        4,
        POST,
        PRE,
    )
    one, _ = oracle(
        chosen, {n: a[:, 1, 3] for n, a in signals.items()}, {"w": states["w"][1, 3]}
    )
    assert np.abs(readout[:, 1, 3] - one).max() < 1e-14
