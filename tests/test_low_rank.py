"""The low-rank layout stores the vectors of each write and has the numbers of the
synaptic one."""

import brian2 as b2
import numpy as np
import pytest
from brian2.core.variables import ArrayVariable
from cannot import can, reason
from test_rate import CONTINUOUS, SHORT, TYPED, make

import fwp_neuro as fwp
from fwp_neuro.circuits.rate import low_rank, rate_circuit
from fwp_neuro.devices.brian2_state import runtime
from fwp_neuro.rules import Rule, rule, rules

EXACT = 1e-12
ONE_STEP = {"dt": 1 * b2.ms, "window": 1 * b2.ms}
#: rule -> why it has no such form
WITHOUT = {
    name: f"further synaptic states ({', '.join(rule(name).states[1:])})"
    for name in rules()
    if len(rule(name).states) > 1
}
WITH = [name for name in rules() if name not in WITHOUT]
PROBES = np.random.default_rng(5).normal(size=(3, 5))


def furthest(one, other, names=("readout", "weights", "probe_readout")):
    """Largest difference over the largest number, of any of the variables."""
    pairs = [(one[name].values, other[name].values) for name in names]
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)


def run(chosen, program, weights=None, layout="low_rank", **options):
    return fwp.run(
        program, chosen, "rate", initial_weights=weights, layout=layout, **options
    )


def looked_at(built):
    """The objects of a network that is not run (of which Brian2 would warn)."""
    objects = built.network.sorted_objects
    for item in objects:
        item._network = built.network.name
    return objects


def large(dim, tokens=4, seed=0):
    rng = np.random.default_rng(seed)
    key, value = rng.normal(size=(2, tokens, dim))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    return fwp.Program(key=key, value=value, alpha=0.9, beta=0.7)


# ------------------------------------------------------------- the law, over the registry


def test_which_rules_have_it():
    assert {name for name in rules() if not can(low_rank.derive, rule(name))} == set(
        WITHOUT
    )
    for name, words in WITHOUT.items():
        assert words in reason(low_rank.derive, rule(name))
    ranks = {
        name: sum(len(step.writes) for step in low_rank.derive(rule(name)))
        for name in WITH
    }
    two = {"rwkv7", "delta_product", "iplr", "dplr"}
    for name in WITH:
        new = (
            f"{name!r} writes {ranks[name]} outer products: name it in 'two' of "
            "tests/test_low_rank.py if it should"
        )
        assert ranks[name] == (2 if name in two else 1), new


def check(name, **options):
    """From full-rank weights on; what is stored at the end is the weights."""
    program, weights = make(name, heads=2, seed=20)
    reference = fwp.run(
        program, name, initial_weights=weights, probes=PROBES, backend="numpy"
    )
    found = run(name, program, weights, probes=PROBES, **options)
    assert furthest(reference, found) < EXACT
    pre, post = found["token_cell_pre"].values, found["token_cell_post"].values
    last = np.einsum("nhj,nhi->hij", pre, post)
    assert np.abs(last - reference["weights"].values[-1]).max() < EXACT
    said = found.provenance["options"]
    assert said["layout"] == "low_rank" and said["layout_reason"] == "asked for"
    assert said["fast_weight_bytes"] == 8 * (pre.size + post.size)


@pytest.mark.parametrize("name", WITH)
def test_equals_the_algebra_with_heads(name):
    check(name, **(SHORT if name in CONTINUOUS else {}))


#: the texts that differ most; the others take a while together and add little
FEW = {"rwkv7", "delta_product", "gated_oja", "gdn2"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FEW else pytest.mark.slow) for n in WITH]
)
def test_event_dynamics_equal_the_algebra_with_heads(name):
    check(name, dynamics="event")


@pytest.mark.parametrize("name", ["gated_oja"])
def test_equals_the_synaptic_layout(name):
    program, weights = make(name, seed=20)
    one, other = (
        run(name, program, weights, layout, probes=PROBES, **SHORT)
        for layout in ("synapse", "low_rank")
    )
    assert furthest(one, other) < EXACT


@pytest.mark.parametrize("name", WITHOUT)
def test_refused_where_it_is_not_legal(name):
    program, _ = make(name)
    with pytest.raises(fwp.FwpError) as problem:
        run(name, program)
    sentence = str(problem.value)
    assert (
        WITHOUT[name] in sentence
        and "layout='synapse'" in sentence
        and "\n" not in sentence
    )
    said = run(name, program, layout="auto").provenance["options"]
    assert said["layout"] == "synapse" and WITHOUT[name] in said["layout_reason"]


# ---------------------------------------------------------------- texts that a user types

MORE = {
    "sum_of_products": Rule(
        "mine", "w = a*b*w + v*k + u*s - read(k)*s",
        {"a": "pre", "b": "post"}, {"u": "post", "s": "pre"},
    ),
    "sum_that_is_no_product": Rule("mine", "w += (v + b)*(k + a)",
                                   {"a": "pre", "b": "post"}),
    "uneven_sum": Rule("mine", "w += v*k + b*a", {"a": "pre", "b": "post"}),
    "decay_alone": Rule("mine", "w = a*w", {"a": "post"}),
    "read_and_back_in_one": Rule(
        "mine", "w += b*(v - read(k))*k - b*v*back(v)", {"b": "shared"}
    ),
}  # fmt: skip


def test_which_typed_rules_have_it():
    without = {kind for kind in TYPED if not can(low_rank.derive, TYPED[kind][0])}
    assert without == {"saturating", "read_within_read", "two_states"}


@pytest.mark.parametrize("kind", MORE)
def test_a_typed_rule(kind):
    chosen = MORE[kind]
    program, weights = make(chosen, seed=21)
    reference = fwp.run(
        program, chosen, initial_weights=weights, probes=PROBES, backend="numpy"
    )
    assert furthest(reference, run(chosen, program, weights, probes=PROBES)) < EXACT


def test_a_decay_of_each_synapse_and_a_write_that_is_no_outer_product():
    own = Rule("mine", "w = w/(1 + v*k)")
    assert "decays every synapse by a factor of its own" in reason(low_rank.derive, own)
    mixed = Rule("mine", "w += tanh(v*k)")
    assert "adds more than outer products" in reason(low_rank.derive, mixed)


# -------------------------------------------------------------- carried weights, extremes


@pytest.mark.parametrize(("name", "form"), [("delta", ONE_STEP), ("rwkv7", {})])
def test_carries_on_from_what_it_stored(name, form):
    """Without any matrix recorded; fewer vectors than the weights have rank are taken
    over."""
    form = form or {"dynamics": "event"}
    program, _ = make(name, tokens=5, seed=22)
    whole = run(name, program, **form)
    first = run(name, program[:2], record_weights="none", **form)
    assert "weights" not in first and "final_weights" not in first
    second = run(name, program[2:], initial_states_of=first, **form)
    rank = np.linalg.matrix_rank(first.final_weights.values)
    writes = sum(len(step.writes) for step in low_rank.derive(rule(name)))
    assert second.dataset.sizes["token_cell"] == rank + 3 * writes
    halves = np.concatenate([first["readout"].values, second["readout"].values])
    assert np.abs(halves - whole["readout"].values).max() < EXACT
    assert (
        np.abs(second["weights"].values[-1] - whole["weights"].values[-1]).max() < EXACT
    )


def test_silent_values_growing_and_vanishing_decays():
    program, weights = make("gated_oja", seed=23)
    silent = program.replace(value=np.zeros_like(program["value"]))
    for options in (SHORT, {"dynamics": "event"}):
        found = run("gated_oja", silent, weights, **options)
        reference = fwp.run(silent, "gated_oja", initial_weights=weights)
        assert furthest(reference, found, ("readout", "weights")) < EXACT
    program, weights = make("gated_delta", seed=24)
    program = program.replace(alpha=[1.2, 0.0, 0.9], beta=[1.5, 0.2, 0.0])
    reference = fwp.run(program, "gated_delta", initial_weights=weights)
    found = run("gated_delta", program, weights, dynamics="event")
    assert furthest(reference, found, ("readout", "weights")) < EXACT


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"ampa_lag": 2 * b2.ms}, marks=pytest.mark.slow),
        {"relation": "exponential", **ONE_STEP},
    ],
)
def test_has_the_numbers_of_factored_writes_where_these_are_approximate(options):
    program, weights = make("gated_delta", seed=25)
    one = run("gated_delta", program, weights, "synapse", write="factored", **options)
    other = run("gated_delta", program, weights, write="factored", **options)
    assert furthest(one, other, ("readout", "weights")) < EXACT


# --------------------------------------------------------- what it stores, and the choice


@pytest.mark.parametrize("options", [ONE_STEP, {"dynamics": "event"}])
def test_no_matrix_anywhere_in_a_large_circuit(options):
    """The largest array of the network grows with dim, not with its square."""
    largest = []
    for dim in (200, 400):
        ready = rate_circuit.prepare(
            large(dim), rule("gated_delta"), record_weights="none",
            probes=np.eye(dim)[:2],
            **options,
        )  # fmt: skip
        details = ready.details
        assert details["layout"] == "low_rank"
        assert details["fast_weight_bytes"] == 8 * 4 * 2 * dim
        with runtime("numpy", ready.dt, 0):
            objects = looked_at(ready.build())
            arrays = [v for o in objects for v in getattr(o, "variables", {}).values()]
            sizes = [
                np.size(v.get_value()) for v in arrays if isinstance(v, ArrayVariable)
            ]
        largest.append(max(sizes))
    assert largest == [4 * 200, 4 * 400]


def test_a_large_circuit_is_the_artificial_network():
    program, probes = large(300), np.random.default_rng(1).normal(size=(2, 300))
    found = run("gated_delta", program, layout="auto", probes=probes, **ONE_STEP)
    assert found.provenance["options"]["layout"] == "low_rank"
    assert furthest(fwp.run(program, "gated_delta", probes=probes), found) < EXACT


def test_auto_says_why():
    def said(program, name="gated_delta", weights=None, **options):
        details = rate_circuit.prepare(
            program, rule(name), initial_weights=weights, **options
        ).details
        return details["layout"], details["layout_reason"]

    small, _ = make("gated_delta")
    assert said(small) == (
        "synapse",
        "3 tokens of rank 1 take 216 B as vectors and 160 B as a matrix",
    )
    wide = large(64)
    assert said(wide) == (
        "low_rank", "4 tokens of rank 1 take 4.1 kB as vectors and 32.8 kB as a matrix"
    )  # fmt: skip
    full = np.random.default_rng(0).normal(size=(64, 64))
    assert said(wide, weights=full)[0] == "synapse"  # 64 vectors more
    assert said(wide, weights=np.outer(full[0], full[1])) == (
        "low_rank", "4 tokens of rank 1 take 5.12 kB as vectors and 32.8 kB as a matrix"
    )  # fmt: skip
    assert said(wide, write="synaptic") == ("synapse", "write='synaptic' was asked for")
    for options in ({"ampa_lag": 5 * b2.ms}, {"relation": "exponential"}):
        layout, reason = said(wide, **options)
        assert layout == "synapse" and "instant sum with integrator-aware gains" in reason
    assert said(wide, layout="synapse") == ("synapse", "asked for")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "lowrank"}, "unknown layout.*did you mean 'low_rank'"),
        ({"write": "synaptic"}, "layout='low_rank' has no synapse that could integrate"),
    ],
)
def test_refuses(options, words):
    program, _ = make("delta")
    with pytest.raises(fwp.FwpError, match=words):
        run("delta", program, **{"layout": "low_rank", **options})


# ---------------------------------------------------------------- devices


@pytest.mark.slow
@pytest.mark.parametrize("options", [SHORT, {"dynamics": "event"}])
def test_compiled_code_has_the_same_numbers(options):
    program, weights = make("gated_oja", heads=2, seed=26)
    one, other = (
        run("gated_oja", program, weights, probes=PROBES, device=device, **options)
        for device in ("numpy", "cpp_standalone")
    )
    assert furthest(one, other) < EXACT


@pytest.mark.parametrize("keep", ["snapshots", "last", "none"])
def test_programs_of_tasks_bring_names_of_their_own(keep):
    program = fwp.tasks.associative_recall(tokens=6, dim=8, beta=0.8)
    found = fwp.run(program, "delta", "rate", layout="low_rank", record_weights=keep)
    expected = fwp.run(program, "delta")
    assert np.abs(found["readout"].values - expected["readout"].values).max() < 1e-12
    assert np.abs(found.final_weights - expected.final_weights).max() < 1e-12
