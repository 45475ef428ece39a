"""A zoo of texts that a user might type: each runs in every realisation, or says why
not."""

import pytest

import fwp_neuro as fwp

#: text, gates, whether the spiking circuit has a biophysical form for it
ZOO = {
    "normalised delta": (
        "w += beta*(v - read(k))*k/(1 + pool(k*k))",
        {"beta": "shared"},
        True,
    ),
    "hebb by pooled input": ("w += beta*v*k/pool(k)", {"beta": "shared"}, True),
    "decay and hebb in one line": (
        "w = alpha*w + beta*v*k",
        {"alpha": "pre", "beta": "shared"},
        True,
    ),
    "two decays": ("w = a*w\nw = b*w\nw += v*k", {"a": "pre", "b": "post"}, True),
    "value only": ("w = alpha*w + 0.1*v", {"alpha": "shared"}, True),
    "a constant": ("w = alpha*w + 0.1", {"alpha": "shared"}, True),
    "anti-hebb": ("w -= beta*v*k", {"beta": "shared"}, True),
    "erase gate": (
        "w += beta*(v - read(erase*k))*k",
        {"beta": "shared", "erase": "pre"},
        False,
    ),
    "saturating": ("w = tanh(w + beta*v*k)", {"beta": "shared"}, False),
    "momentum": (
        "m = eta*m + v*k\nw = alpha*w + m",
        {"eta": "shared", "alpha": "shared"},
        False,
    ),
}


@pytest.fixture(scope="module")
def program():
    gates = {"alpha": 0.9, "a": 0.9, "b": 0.8, "erase": 0.7, "eta": 0.3}
    return fwp.tasks.associative_recall(tokens=3, dim=4, post=3, beta=0.5).replace(
        **gates
    )


@pytest.mark.parametrize("name", ZOO)
def test_a_typed_rule_runs_in_every_realisation(program, name):
    text, gates, biophysical = ZOO[name]
    rule = fwp.Rule(name, text, gates, states=("m",) if "m = " in text else ())
    artificial = fwp.run(program, rule)
    rate = fwp.run(program, rule, "rate", device="numpy")
    assert fwp.compare(artificial, rate).nrmse < 1e-10
    assert fwp.compare(artificial, rate)["weights"].nrmse < 1e-10
    cells = float("inf") if biophysical else 400
    spiking = fwp.run(
        program,
        rule,
        "spiking",
        cells=cells,
        key_cells="integrate_and_fire",
        device="numpy",
    )
    form = spiking.provenance["options"]["form"]
    assert form == ("biophysical" if biophysical else "generic")
    assert fwp.compare(artificial, spiking).nrmse < 0.03


@pytest.mark.parametrize(
    "option",
    [{"layout": "synapse"}, {"signed_keys": "opponent"}, {"synapse": "linear_difference"},
     {"calibration": "closed"}, {"parameters": "ellwood_2024"}],
)  # fmt: skip
def test_the_generic_form_refuses_options_of_the_biophysical_one(program, option):
    rule = fwp.Rule("saturating", *ZOO["saturating"][:2])
    with pytest.raises(
        fwp.FwpError, match=f"option {next(iter(option))} shapes the biophysical"
    ):
        fwp.run(program, rule, "spiking", **option)


def test_a_comparison_of_runs_with_different_gates_says_so(program):
    table = fwp.compare(
        fwp.run(program, "hebb"), fwp.run(program.replace(beta=0.1), "hebb")
    ).table()
    assert "different gates: beta" in table


def test_a_read_out_that_is_not_finite_is_announced():
    rule = fwp.Rule("by pooled input", *ZOO["hebb by pooled input"][:2])
    silent = fwp.Program([[1.0, 0.0], [0.0, 0.0]], [[1.0], [1.0]], beta=0.5)
    with pytest.warns(UserWarning, match="not finite from token 1"):
        fwp.run(silent, rule)


def test_the_range_of_a_closed_form_reaches_the_ends_that_samples_miss():
    spectrum = fwp.rule("comba").eigenvalues
    assert spectrum.bound and (spectrum.low, spectrum.high, spectrum.radius) == (-1, 2, 2)
    assert not fwp.rule("rwkv7").eigenvalues.bound and "met" in str(
        fwp.rule("rwkv7").eigenvalues
    )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"text": "w += 9**9**9*v*k"}, "exponent"),
        ({"text": "w += v*k**100"}, "exponent"),
        (
            {"text": "w += label*v*k", "gates": {"label": "shared"}},
            "already has a meaning",
        ),
        (
            {"text": "w += b*v*k", "gates": {"b": "shared"}, "domains": {"b": 1}},
            "low <= high",
        ),
        ({"text": "w += v*k", "objective": "L"}, "Objective"),
    ],
)
def test_further_mistakes_in_a_rule_are_sentences(arguments, match):
    with pytest.raises(fwp.FwpError, match=match):
        fwp.Rule("mine", **arguments)
