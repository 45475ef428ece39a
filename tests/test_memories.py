"""The laws that every registered memory obeys, whatever its equation."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from memory_cases import (
    BATCH,
    PARALLEL,
    apart,
    cut,
    draw,
    each,
    head,
    later,
    moved,
    start,
)
from memory_oracles import ORACLES

from fwp_neuro.artificial import apply
from fwp_neuro.artificial.memories import Memory, memories, memory
from fwp_neuro.errors import FwpError, FwpWarning

TOLERANCE = 1e-11


def test_every_memory_has_an_oracle():
    for name in memories():
        new = (
            "add to tests/memory_oracles.py, with the memory by hand for one head:\n"
            f"@oracle\ndef {name}(options, s, state):  # -> reads, states at the end"
        )
        assert name in ORACLES, new
    assert set(ORACLES) == set(memories())


@pytest.mark.parametrize("name", memories())
def test_every_memory_describes_itself(name):
    built = memory(name)
    assert built.name == name and built.summary and built.citation
    assert built.no_circuit.endswith(".") and built.no_circuit.count(".") == 1
    assert (
        built.homes["k"] == "pre"
        and built.homes["v"] == "post"
        and "q" not in built.homes
    )
    assert set(built.homes.values()) <= {"shared", "pre", "post"}
    assert set(built.domains) <= set(built.gates)
    assert built.forms[0] == "step" and set(built.forms) <= {"step", "parallel"}
    assert set(built.growing) <= set(start(built)[0])
    assert memory(built) is built
    for alias in built.aliases:
        assert type(memory(alias)) is type(built)
    with pytest.raises(FwpError, match=f"unknown option of memory '{name}': 'windou'"):
        memory(name, windou=3)
    if built.forms == ("step",):
        with pytest.raises(NotImplementedError, match="has the forms step"):
            built.run("parallel", {}, {})


def test_an_unknown_memory_is_refused_by_name():
    with pytest.raises(FwpError, match="unknown memory 'mesae'; did you mean 'mesa'"):
        memory("mesae")
    with pytest.raises(NotImplementedError):
        Memory().step({}, {})


@each()
def test_step_form_equals_the_hand_written_oracle(name, options):
    built = memory(name, **options)
    signals = draw(built)
    first = moved(start(built)[0])
    readouts, final = built.run("step", first, signals)
    for b, h in ((0, 1), (1, 0)):
        s, state = head(built, signals, first, b, h)
        expected, weights = ORACLES[name](options, s, state)
        assert apart(readouts[b, :, h], torch.as_tensor(np.array(expected))) < TOLERANCE
        for part, array in weights.items():
            at_head = final[part][b, :, h] if part in built.growing else final[part][b, h]
            assert apart(at_head, torch.as_tensor(array)) < TOLERANCE


@pytest.mark.parametrize("name", memories())
def test_apply_runs_a_memory_by_name(name):
    built = memory(name)
    signals = draw(built)
    first, _ = start(built)
    expected, final = built.run("step", first, signals)
    query, key, value = (signals.pop(part) for part in "qkv")
    for form in ("auto", *built.forms):
        y, last = apply(name, query, key, value, form=form, **signals)
        assert apart(y, expected) < TOLERANCE
        last = last if isinstance(last, dict) else {"w": last}
        assert all(apart(last[part], final[part]) < TOLERANCE for part in final)


@pytest.mark.parametrize("tokens", [1, 2, 23])
@each(PARALLEL)
def test_parallel_form_equals_step_form(name, options, tokens):
    built, state, signals = later(name, options, tokens=tokens)
    (y, last), (z, end) = (
        built.run(form, state, signals) for form in ("step", "parallel")
    )
    assert apart(y, z) < TOLERANCE
    assert set(last) == set(end) == set(state)
    assert all(apart(last[part], end[part]) < TOLERANCE for part in last)


@each()
def test_whole_sequence_is_two_halves_with_carried_state(name, options):
    built, state, signals = later(name, options)
    for form in built.forms:
        y, last = built.run(form, state, signals)
        for middle in (1, 9, 13):
            first, between = built.run(form, state, cut(built, signals, 0, middle))
            second, end = built.run(form, between, cut(built, signals, middle, None))
            assert apart(torch.cat([first, second], 1), y) < TOLERANCE
            assert all(apart(last[part], end[part]) < TOLERANCE for part in last)


@each()
def test_inputs_stay_as_they_were(name, options):
    built, state, signals = later(name, options, tokens=7)
    kept = {n: x.clone() for n, x in (state | signals).items()}
    for form in built.forms:
        built.run(form, state, signals)
        assert all(torch.equal(kept[n], x) for n, x in (state | signals).items())


@each()
def test_a_later_token_changes_no_earlier_read_out(name, options):
    built, state, signals = later(name, options)
    changed = {n: x.clone() for n, x in signals.items()}
    for part in {*built.homes, "q"}:
        changed[part][:, 12:] *= 0.9
    for form in built.forms:
        (y, _), (z, _) = (built.run(form, state, s) for s in (signals, changed))
        assert apart(y[:, :12], z[:, :12]) < 1e-14
        assert apart(y[:, 12:], z[:, 12:]) > 1e-4


@each()
def test_heads_and_batch_run_side_by_side(name, options):
    built = memory(name, **options)
    signals = draw(built)
    # fast weights that are drawn differ between heads
    state = start(built, heads=1, batch=1)[0]
    whole = {
        n: x.expand(BATCH, *x.shape[1:]).repeat_interleave(
            2, 2 if n in built.growing else 1
        )
        if x.ndim > 1
        else x.expand(BATCH)
        for n, x in state.items()
    }
    for form in built.forms:
        y, _ = built.run(form, whole, signals)
        alone = {
            n: x[1:, :, :1] if n in {*built.homes, "q"} else x[:1]
            for n, x in signals.items()
        }
        z, _ = built.run(form, state, alone)
        assert apart(y[1:, :, :1], z) < 1e-12


@each()
def test_single_precision_gives_single_precision(name, options):
    built, state, signals = later(name, options)
    narrow = [{n: x.float() for n, x in group.items()} for group in (state, signals)]
    for form in built.forms:
        y, _ = built.run(form, state, signals)
        z, last = built.run(form, *narrow)
        assert z.dtype == torch.float32 and all(x.dtype == z.dtype for x in last.values())
        assert 0 < apart(z.double(), y) < 1e-3 * (1 + float(y.abs().max()))


@pytest.mark.parametrize(
    ("name", "state", "sentence"),
    [
        (
            "normalised_linear_attention",
            {"u": torch.zeros(1)},
            "unknown state of memory .*'u'",
        ),
        (
            "normalised_linear_attention",
            {"z": torch.zeros(1, 1)},
            "'z' must be .*got \\(1, 1\\)",
        ),
        ("rwkv6", 3, "'w' must be a tensor of shape \\(1, 2, 3, 4\\), got int"),
        ("rwkv6", torch.zeros(1, 2, 3, 4).double(), "'w' must have dtype torch.float32"),
        (
            "softmax_attention",
            {"keys": torch.zeros(1, 5, 2, 3)},
            "shape \\(1, 5, 2, 4\\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(name, state, sentence):
    signals = {"query": torch.ones(1, 5, 2, 4), "key": torch.ones(1, 5, 2, 4)}
    signals["value"] = torch.ones(1, 5, 2, 3)
    if name == "rwkv6":
        signals["decay"] = torch.ones(1, 5, 2, 4)
    with pytest.raises(FwpError, match=sentence):
        apply(name, **signals, initial_state=state)


@each()
def test_a_memory_is_pickled_with_its_options(name, options):
    built = memory(name, **options)
    again = pickle.loads(pickle.dumps(built))
    signals, first = draw(built), moved(start(built)[0])
    ours, theirs = built.run("step", first, signals), again.run("step", first, signals)
    assert torch.equal(ours[0], theirs[0])
    assert all(torch.equal(ours[1][part], theirs[1][part]) for part in ours[1])


@pytest.mark.parametrize("name", [n for n in memories() if memory(n).limits])
def test_gates_outside_the_limits_of_a_memory_are_warned_of_once(name):
    chosen = memory(name)
    torch.manual_seed(0)
    q, k, v = (torch.rand(1, 4, 1, 3) for _ in range(3))
    shapes = {"shared": (1, 4, 1), "pre": (1, 4, 1, 3), "post": (1, 4, 1, 3)}
    gates = {gate: torch.full(shapes[home], 0.5) for gate, home in chosen.gates.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", FwpWarning)
        apply(name, q, k, v, **gates)
    for gate, (low, high) in list(chosen.limits.items())[:3]:
        for wrong in [low - 0.1, *([high + 0.5] if high < float("inf") else [])]:
            outside = gates[gate].clone()
            outside[0, 2] = wrong
            with pytest.warns(
                FwpWarning, match=f"memory '{name}': gate '{gate}' is .* at token 2"
            ):
                apply(name, q, k, v, **gates | {gate: outside})
