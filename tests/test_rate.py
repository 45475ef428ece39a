"""The rate circuit is the artificial network: laws over the registry."""

import brian2 as b2
import numpy as np
import pytest
from cannot import can
from leaky_delta import leaky_delta_gates
from oracles import draw, draw_states
from scipy.integrate import solve_ivp

import fwp_neuro as fwp
from fwp_neuro.circuits.rate import ode_windows
from fwp_neuro.rules import Rule, rule, rules

TOKENS, PRE, POST = 3, 5, 4
EXACT = 1e-10
EVERY_RULE = pytest.mark.parametrize("name", rules())
#: rules whose every statement is one window of an ODE; the others run as event-time
#: updates
CONTINUOUS = {name for name in rules() if can(ode_windows.derive, rule(name))}
WINDOWS = {
    "hebb", "decayed_hebb", "gla", "hgrn2", "delta", "gated_delta", "delta_then_decay",
    "leaky_delta", "kimi_delta", "gdn2", "comba", "longhorn", "delta_product", "oja",
    "oja_neuron", "gated_oja",
}  # fmt: skip
EVENTS = {"rwkv7", "iplr", "dplr", "momentum_delta", "momentum_deltanet",
          "preconditioned_delta"}  # fmt: skip
SHORT = {"window": 5 * b2.ms}  # the map is exact at any number of steps


def make(chosen, tokens=TOKENS, heads=None, seed=0):
    """A programme within what a circuit can do, and weights before its first token that
    are not 0.

    Keys and values have norms of 0.3 to 0.75 and either sign, decays lie in 0.6..0.99,
    all other gates in 0.1..0.95, so that what a comparing statement leaves, c - e x.s,
    stays above 0.
    """
    chosen = rule(chosen)
    rng = np.random.default_rng([seed, 2])
    lead = (tokens,) if heads is None else (tokens, heads)
    shapes = {"k": (*lead, PRE), "v": (*lead, POST)}
    signals = {n: rng.normal(size=shape) for n, shape in shapes.items()} | draw(
        chosen, lead, PRE, POST, seed
    )
    for name, array in signals.items():
        if name in ("alpha", "decay"):
            signals[name] = rng.uniform(0.6, 0.99, array.shape)
        elif name not in (*chosen.gates, "q"):
            norm = np.linalg.norm(array, axis=-1, keepdims=True)
            signals[name] = array / norm * rng.uniform(0.3, 0.75, norm.shape)
    weights = draw_states(chosen, () if heads is None else (heads,), PRE, POST, seed)["w"]
    return fwp.Program(**signals), weights


def errors(reference, other):
    """nRMSE (RMSE / standard deviation of the reference) of read-out and weights."""
    pairs = [
        (reference[name].values, other[name].values) for name in ("readout", "weights")
    ]
    return np.array([np.sqrt(np.mean((a - b) ** 2)) / a.std() for a, b in pairs])


def both(chosen, program, weights=None, **options):
    """Errors of the rate circuit against the artificial network, and the circuit's
    recording."""
    reference = fwp.run(program, chosen, "artificial", initial_weights=weights)
    circuit = fwp.run(program, chosen, "rate", initial_weights=weights, **options)
    assert circuit["weights"].shape == reference["weights"].shape
    assert circuit["weights"].dims == reference["weights"].dims
    return errors(reference, circuit), circuit


# ------------------------------------------------------------- the law, over the registry


def test_which_rules_are_continuous_dynamics():
    """Of those that are named here; a new rule is what its text makes it."""
    assert WINDOWS <= CONTINUOUS and EVENTS.isdisjoint(CONTINUOUS)


@EVERY_RULE
def test_equals_the_artificial_network(name):
    program, weights = make(name)
    error, circuit = both(name, program, weights, **(SHORT if name in CONTINUOUS else {}))
    assert (error < EXACT).all(), error
    options = circuit.provenance["options"]
    assert options["dynamics"] == ("continuous" if name in CONTINUOUS else "event")
    assert options["dynamics_reason"] and options["device"] == "numpy"


@EVERY_RULE
def test_event_dynamics_equal_the_artificial_network_with_heads(name):
    program, weights = make(name, heads=2, seed=1)
    error, circuit = both(name, program, weights, dynamics="event")
    assert (error < EXACT).all(), error
    assert circuit.provenance["options"]["dynamics"] == "event"


@pytest.mark.parametrize("name", sorted(CONTINUOUS))
def test_factored_writes_equal_the_artificial_network_with_heads(name):
    program, weights = make(name, heads=2, seed=2)
    error, circuit = both(name, program, weights, write="factored", **SHORT)
    assert (error < EXACT).all(), error
    assert circuit.provenance["options"]["write"] == "factored"


@pytest.mark.parametrize("write", ["held_target", "held_error"])
@pytest.mark.parametrize("name", sorted(CONTINUOUS))
def test_held_predictions_equal_the_artificial_network(name, write):
    """Also where a key erases more than what is stored along it: keys are twice as
    long as a first-order write allows."""
    program, weights = make(name, heads=2, seed=4)
    program = program.replace(key=1.8 * program["key"])
    error, circuit = both(name, program, weights, write=write, **SHORT)
    assert (error < EXACT).all(), error
    assert circuit.provenance["options"]["write"] == write


@pytest.mark.parametrize("write", ["held_target", "held_error"])
def test_write_strengths_of_up_to_two_count_the_parity(write):
    """A write of strength 2 turns the sign of what a key recalls, bit by bit."""
    bits = np.random.default_rng(0).integers(0, 2, 64)
    one = np.ones((64, 1))
    program = fwp.Program(one, 0 * one, one, beta=2.0 * bits)
    found = fwp.run(program, "delta", "rate", initial_weights=[[1.0]], write=write,
                    device="numpy", **SHORT)["readout"].values.ravel()  # fmt: skip
    assert np.abs(found - (-1.0) ** np.cumsum(bits)).max() < 1e-10


@pytest.mark.parametrize("name", ["gla", "kimi_delta", "longhorn", "gated_oja"])
def test_synaptic_writes_of_several_heads_do_not_meet(name):
    program, weights = make(name, heads=3, seed=3)
    error, _ = both(name, program, weights, **SHORT)
    assert (error < EXACT).all(), error


def test_default_times_and_zero_initial_weights():
    program, _ = make("gated_delta", seed=4)
    error, circuit = both("gated_delta", program)
    assert (error < EXACT).all(), error
    options = circuit.provenance["options"]
    assert options["write"] == "synaptic" and options["relation"] == "integrator-aware"
    assert (
        "0.5" in options["dt"]
        and "50" in options["window"]
        and options["ampa_lag"] is None
    )


def test_one_step_a_window_is_enough():
    program, weights = make("gated_delta", seed=5)
    error, _ = both("gated_delta", program, weights, dt=1 * b2.ms, window=1 * b2.ms)
    assert (error < EXACT).all(), error


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("delta", SHORT),
        ("oja", {"write": "factored", **SHORT}),
        ("rwkv7", {}),
        ("momentum_delta", {}),
    ],
)
def test_whole_sequence_is_two_halves_with_carried_weights(name, options):
    program, weights = make(name, tokens=5, seed=6)
    whole = fwp.run(program, name, "rate", initial_weights=weights, **options)
    first = fwp.run(program[:2], name, "rate", initial_weights=weights, **options)
    second = fwp.run(program[2:], name, "rate", initial_states_of=first, **options)
    halves = np.concatenate([first["weights"].values, second["weights"].values])
    assert np.abs(halves - whole["weights"].values).max() < 1e-13
    halves = np.concatenate([first["readout"].values, second["readout"].values])
    assert np.abs(halves - whole["readout"].values).max() < 1e-13
    if rule(name).states == ("w",):
        last = first["weights"].values[-1]
        again = fwp.run(program[2:], name, "rate", initial_weights=last, **options)
        assert np.array_equal(again["weights"].values, second["weights"].values)


def test_further_synaptic_states_are_recorded():
    program, weights = make("momentum_delta", seed=7)
    reference = fwp.run(program, "momentum_delta", "artificial", initial_weights=weights)
    circuit = fwp.run(program, "momentum_delta", "rate", initial_weights=weights)
    assert circuit["m"].dims == circuit["weights"].dims
    assert np.abs(circuit["m"].values - reference["m"].values).max() < 1e-13


# ------------------------------------------------------------- extreme gates stay precise


@pytest.mark.parametrize("write", ["synaptic", "factored"])
@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("gated_delta", {"alpha": 1 - 1e-9, "beta": 1e-7}),
        ("decayed_hebb", {"alpha": 1 - 1e-7, "beta": 0.3}),
        ("delta", {"beta": [0.0, 0.7, 0.0]}),
        ("delta", {"beta": -0.5}),
        ("gated_delta", {"alpha": 1.1, "beta": 0.5}),
    ],
)
def test_weak_silent_and_growing_gates(name, gates, write):
    program, weights = make(name, seed=8)
    error, _ = both(name, program.replace(**gates), weights, write=write, **SHORT)
    assert (error < EXACT).all(), error


@pytest.mark.parametrize("write", ["synaptic", "factored"])
def test_erasing_along_a_key_orthogonal_to_the_write(write):
    program, weights = make("comba", seed=9)
    key, other = np.eye(PRE)[:TOKENS] * 0.7, np.eye(PRE)[1 : TOKENS + 1] * 0.7
    error, _ = both(
        "comba", program.replace(key=key, p=other), weights, write=write, **SHORT
    )
    assert (error < EXACT).all(), error


def test_a_silent_value_and_a_silent_key():
    program, weights = make("gla", seed=10)
    key, value = program["key"].copy(), program["value"].copy()
    key[1], value[2], value[0, 0] = 0, 0, 0
    error, _ = both("gla", program.replace(key=key, value=value), weights, **SHORT)
    assert (error < EXACT).all(), error


# ---------------------------------------------------------------- AMPA lag

LAGGED = ["hebb", "delta", "gated_delta", "oja", "leaky_delta", "comba", "longhorn"]


@pytest.mark.parametrize("name", LAGGED)
def test_an_ampa_lag_is_mapped_too(name):
    program, weights = make(name, seed=11)
    error, circuit = both(name, program, weights, ampa_lag=2 * b2.ms)
    assert (error < 1e-7).all(), error
    assert "40" in circuit.provenance["options"]["window"]


@pytest.mark.parametrize("write", ["synaptic", "factored"])
def test_a_nearly_overwriting_key_behind_an_ampa_lag(write):
    program, weights = make("gated_delta", seed=12)
    program = program.replace(key=np.eye(PRE)[:TOKENS], beta=[0.5, 0.9999, 0.0])
    error, _ = both("gated_delta", program, weights, ampa_lag=2 * b2.ms, write=write)
    assert (error < 1e-7).all(), error


def test_the_error_of_a_short_window_falls_as_the_lag_settles():
    program, weights = make("delta", seed=13)
    ratios, found = np.array([4, 7, 10, 13]), []
    for ratio in ratios:
        with pytest.warns(
            UserWarning, match=r"shorter than 20 AMPA time constants.*exp\(-window"
        ):
            error, _ = both(
                "delta", program, weights, ampa_lag=5 * b2.ms, window=5 * ratio * b2.ms
            )
        found.append(error)
    readout, weights = np.polyfit(ratios, np.log(found), 1)[0]
    # Euler steps of h = dt/lag = 0.1 settle by 1 - h a step, so exp(-window/lag) becomes:
    assert readout == pytest.approx(np.log1p(-0.1) / 0.1, abs=0.01)
    # a slower write in a longer window helps the weights once more
    assert -1.3 < weights < -1.05


# ---------------------------------------------------------------- relations


def test_the_exponential_relation_converges_at_first_order():
    program, weights = make("gated_delta", seed=14)
    steps, found, exact = np.array([2, 1, 0.5, 0.25]), [], []
    for dt in steps:
        options = {"dt": dt * b2.ms, "window": 10 * b2.ms}
        error, _ = both(
            "gated_delta", program, weights, relation="exponential", **options
        )
        found.append(error)
        error, _ = both(
            "gated_delta", program, weights, relation="integrator-aware", **options
        )
        exact.append(error)
    slopes = np.polyfit(np.log(steps), np.log(found), 1)[0]
    assert ((slopes > 0.9) & (slopes < 1.1)).all(), slopes
    assert np.min(found) > 1e-4  # and it is no accident of a small error
    assert np.max(exact) < 1e-12


# ---------------------------------------------------------------- where the decay stands


def test_decay_placements_are_different_circuits():
    program, weights = make("comba", seed=15)
    program = program.replace(p=program["key"])
    found = {}
    for name in ("gated_delta", "delta_then_decay", "comba"):
        error, found[name] = both(name, program, weights, **SHORT)
        assert (error < EXACT).all(), (name, error)
    for one, other in [
        ("gated_delta", "delta_then_decay"),
        ("gated_delta", "comba"),
        ("delta_then_decay", "comba"),
    ]:
        assert (errors(found[one], found[other]) > 1e-3).all(), (one, other)


def test_decay_during_the_write_is_the_leaky_ode():
    program, weights = make("delta", seed=16)
    tau, strength, span = 300 * b2.ms, 8 * b2.Hz, 100 * b2.ms
    norms = (program["key"] ** 2).sum(-1)
    program = program.replace(
        beta=None, **leaky_delta_gates(float(tau), float(strength), float(span), norms)
    )
    circuit = fwp.run(program, "leaky_delta", "rate", initial_weights=weights, **SHORT)
    now = weights
    for token in range(TOKENS):
        k, v = program["key"][token], program["value"][token]

        def slope(_, flat, k=k, v=v):
            w = flat.reshape(POST, PRE)
            return (-w / float(tau) + float(strength) * np.outer(v - w @ k, k)).ravel()

        tight = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}
        now = (
            solve_ivp(slope, (0, float(span)), now.ravel(), **tight)
            .y[:, -1]
            .reshape(POST, PRE)
        )
        assert np.abs(circuit["weights"].values[token] - now).max() < 1e-10


# ------------------------------------------------------------- rules that a user types in

TYPED = {
    "gla_in_one_line": (Rule("mine", "w = alpha*w + v*k", {"alpha": "pre"}),
                        "continuous"),
    "oja_like_one_line": (Rule("mine", "w = alpha*w + v*k", {"alpha": "post"}),
                          "continuous"),
    "delta_by_value_gate": (
        Rule("mine", "w += beta*(v - read(k))*k", {"beta": "post"}), "continuous",
    ),
    "read_and_back": (
        Rule("mine", "w += beta*(v - read(k))*k\nw += beta*v*(k - back(v))",
             {"beta": "shared"}),
        "continuous",
    ),
    "pooled": (
        Rule("mine", "w = w/(1 + pool(k*k)) + exp(-beta)*v*k", {"beta": "shared"}),
        "continuous",
    ),
    "saturating": (
        Rule("mine", "w = a*tanh(w) + sqrt(abs(b))*v*k/3", {"a": "pre", "b": "shared"}),
        "event",
    ),
    "read_within_read": (Rule("mine", "w += beta*read(k*back(v))*k", {"beta": "shared"}),
                         "event"),
    "two_states": (
        Rule("mine", "m = a*m + v*k\nw = b*w + m", {"a": "pre", "b": "post"},
             states=("m",)),
        "event",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPED)
def test_a_typed_rule_runs_as_a_circuit(kind):
    chosen, form = TYPED[kind]
    program, weights = make(chosen, seed=17)
    error, circuit = both(
        chosen, program, weights, **(SHORT if form == "continuous" else {})
    )
    assert (error < EXACT).all(), error
    assert circuit.provenance["options"]["dynamics"] == form
    if form == "continuous":
        error, _ = both(chosen, program, weights, write="factored", **SHORT)
        assert (error < EXACT).all(), error


# ---------------------------------------------------------------- two runs in one process


@pytest.mark.parametrize("options", [SHORT, {"dynamics": "event"}])
def test_two_runs_in_one_process_agree_bit_for_bit(options):
    program, weights = make("gated_delta", seed=19)
    first = fwp.run(program, "gated_delta", "rate", initial_weights=weights, **options)
    both("hebb", make("hebb")[0], **SHORT)
    second = fwp.run(
        program, "gated_delta", "rate", initial_weights=weights, seed=3, **options
    )
    for name in ("readout", "weights"):
        assert np.array_equal(first[name].values, second[name].values)


def test_progress_is_reported():
    seen = []
    program, _ = make("delta")
    fwp.run(program, "delta", "rate", progress=lambda *what: seen.append(what), **SHORT)
    assert seen[0] == (0.0, "rate delta") and seen[-1] == (1.0, "rate delta")
