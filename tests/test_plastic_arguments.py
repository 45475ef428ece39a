"""Arguments of connect: nothing is run as Python, nothing is stripped, one sentence
each."""

import os

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import arithmetic
from fwp_neuro.circuits.plastic.connecting import connect

ms = b2.ms
HOSTILE = ("__import__('os').system('touch {}')", "(lambda: 1)()", "f'{{1}}'",
           "[x for x in (1,)]", "w.__class__", "().__class__.__bases__", "9**9**9",
           "exp.__self__", "i if i else j", "(yield)", "w := 2", "'a'", "1j", "ｗ", "1e",
           "")  # fmt: skip


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def cells():
    before = b2.PoissonGroup(3, 20 * b2.Hz)
    after = b2.NeuronGroup(2, "dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0",
                           method="exact")  # fmt: skip
    return before, after


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_arithmetic_and_nothing_else(text, tmp_path):
    text = (
        text.format(tmp_path / "made")
        if "touch" in text
        else text.replace("{{1}}", "{1}")
    )
    before, after = cells()
    calls = [{"initial": {"w": text}}, {"connect": {"condition": text}},
             {"connect": {"p": text}},
             {"connect": {"n": text}}, {"connect": {"j": text}},
             {"connect": {"j": f"k for k in range({text or '('})"}},
             {"connect": {"j": f"k for k in range(2) if {text}"}}]  # fmt: skip
    for options in calls:
        if text == "1j" and "condition" in options.get("connect", {}):
            continue
        with pytest.raises(fwp.FwpError) as problem:
            connect("pair_stdp", before, after, **options)
        assert "\n" not in str(problem.value)
    assert not os.listdir(tmp_path)


def test_arithmetic_is_worked_out_without_python():
    names = {"w": np.array([1.0, 2.0]), "tau": 0.02}
    assert (
        arithmetic.evaluate("clip(w**2 - 1, 0, inf)*int(w > 1.5)", names) == [0, 3]
    ).all()
    assert arithmetic.evaluate("exp(-5*ms/tau)", names) == np.exp(-0.25)
    assert arithmetic.evaluate("0 < tau <= 0.02 and not tau > 1", names)
    with pytest.raises(NameError):
        arithmetic.evaluate("unknown + 1", names)
    assert fwp.synapses.calcium_readouts.READOUTS["step"](3.0, 1.0, 1.0) == 1


WRONG = {
    "connect: p must be in .0, 1., got 2": {"connect": {"p": 2}},
    "connect: p must be a number from 0 to 1": {"connect": {"p": 0.1 * ms}},
    "connect: i holds 99, and the cells": {"connect": {"i": [0, 99], "j": [0, 0]}},
    "connect: i holds -1, and the cells": {"connect": {"i": [-1], "j": [0]}},
    "connect takes i and j together": {"connect": {"i": [0]}},
    "connect: i must be whole numbers in a row": {"connect": {"i": [0.5], "j": [0]}},
    "connect: i has 2 and j has 3 values": {"connect": {"i": [0, 1], "j": [0, 1, 1]}},
    "takes a condition, or i and j": {"connect": {"i": [0], "j": [0], "condition": True}},
    "keep must be names of variables such as": {"keep": "w"},
    "keep: 'pair_stdp' has no synaptic variable 'z'": {"keep": ("z",),
        "layout": "textbook"},
    "inputs: 'w' is a variable of 'pair_stdp'": {"inputs": {"w": 3}},
    "inputs: the equations of 'pair_stdp' have no 'I'": {"inputs": {"I": 3}},
    "inputs: 'tau_plus' has the wrong unit": {"inputs": {"tau_plus": 3}},
    "initial: 'w' must be a number, .* got nan": {"initial": {"w": float("nan")}},
    "initial: 'w' must be a number, .* got 1. . mvolt": {"initial": {"w": 1 * b2.mV}},
    "unknown writes 'x'": {"writes": "x", "layout": "textbook"},
    "codeobj_class must be a class": {"codeobj_class": 3},
    "on_event must be the name of an event": {"on_event": 3},
    "traces of 'pair_stdp' on the cells follow spikes": {"on_event": "burst"},
    "the model and its cells decide 'order'": {"order": 3},
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_mistakes_are_one_sentence(words):
    with pytest.raises(fwp.FwpError, match=words):
        connect("pair_stdp", *cells(), **WRONG[words])


def test_units_of_other_packages_are_converted_or_refused():
    pq = pytest.importorskip("quantities")
    late = connect("pair_stdp", *cells(), delay={"pre": 1 * pq.ms})
    assert late.synapses.pre.delay[:] == 1 * ms
    for options in ({"initial": {"w": 1 * pq.ms}}, {"delay": {"pre": 1 * pq.mV}},
                    {"connect": {"i": np.array([0]) * pq.ms, "j": [0]}}):  # fmt: skip
        with pytest.raises(fwp.FwpError):
            connect("pair_stdp", *cells(), **options)


def test_more_synapses_than_memory_holds_are_refused_before_they_are_made():
    before, after = (b2.PoissonGroup(10**6, 1 * b2.Hz) for _ in range(2))
    for options in ({}, {"dense": True}, {"connect": {"p": 0.5}}, {"connect": {"n": 4}}):
        with pytest.raises(
            fwp.FwpError, match=r"1000000 to 1000000 cells makes .* about .* GB"
        ):
            connect("pair_stdp", before, after, **options)
    more = b2.PoissonGroup(2 * 10**6, 1 * b2.Hz)
    with pytest.raises(fwp.FwpError, match="would try a condition on 2e.12 pairs"):
        connect("pair_stdp", before, more, connect={"condition": "i != j"})


TEXTS = {
    "w^2": r"operators and functions only, got 'w\^2'; write a power as x\*\*2",
    "w = 3": "cannot be read as an expression: 'w = 3'", "rand(": "cannot be read",
    " ": "be read", "w[0]": "may hold numbers, names, operators",
    "1e400": "may hold numbers", "'0.5'": "may hold",
    "nosuch + 1": "Brian2 cannot set 'w'.*nosuch", "1*mV": "Brian2 cannot set 'w'.*unit",
    "w + 1*ms": "inconsistent units", "randn(2)": "1 parameters, needs 0",
    "1/0": "cannot set 'w'", "inf": "set: 'inf' gives numbers that are not finite",
    "log(i)": "'log.i.' gives numbers that",
}  # fmt: skip


@pytest.mark.parametrize("layout", ["factorised", "textbook"])
def test_an_odd_text_to_set_is_one_sentence_and_changes_nothing(layout):
    made = connect("pair_stdp", *cells(), layout=layout, initial={"w": "0.25 + 0.125*i"})
    before = made.values("w")
    for text, sentence in TEXTS.items():
        with pytest.raises(fwp.FwpError, match=sentence):
            made.set("w", text)
        assert (made.values("w") == before).all()
    with pytest.raises(
        fwp.FwpError, match="initial: 'w': 'log.i.' gives numbers that are not fin"
    ):
        connect("pair_stdp", *cells(), layout=layout, initial={"w": "log(i)"})
    made.set("w", "2*w")
    assert (made.values("w") == 2 * before).all()


@pytest.mark.parametrize(
    "name", ["tsodyks_markram", "graupner_brunel", "short_term_potentiation"]
)
def test_a_model_whose_weight_has_another_name_says_which_names_it_has(name):
    made = connect(name, *cells())
    names = ", ".join(sorted(written(made)))
    for ask in (made.values, made.monitor):
        with pytest.raises(
            fwp.FwpError, match=rf"{name!r} has no variable 'w' .legal: {names}"
        ):
            ask("w")


def written(made):
    """The variables of a model, read off its textbook text."""
    text = getattr(made.model, "textbook", made.model).equations
    parts = (text.synapse, text.pre, text.post)
    return {name for part in parts for name in b2.Equations(part).names}


def test_a_gate_in_varying_is_called_a_gate():
    gates = {"event": (0.5, b2.TimedArray([0.5, 0.1], dt=ms)), "continuous": (5 * b2.Hz,)}
    for dynamics, values in gates.items():
        for gate in values:
            before = b2.NeuronGroup(2, "k : 1")
            after = b2.NeuronGroup(3, "v : 1\ny : 1")
            options = {"names": {"readout": "y"}, "dynamics": dynamics, "gate": gate}
            if dynamics == "event":
                with pytest.raises(
                    fwp.FwpError, match="'beta' is a gate of rule 'delta'"
                ):
                    connect("delta", before, after, every=ms, **options,
                            varying={"beta": [0.1, 0.2, 0.3]})  # fmt: skip
            else:
                made = connect("delta", before, after, **options,
                               varying={"beta": [1, 2, 3] * b2.Hz})  # fmt: skip
                assert "beta" in made.model.varying


def test_a_wrong_part_is_answered_with_the_models_that_can_play_it():
    receptors = f"(legal: {', '.join(fwp.synapses.names('receptor'))})"
    releases = f"(legal: {', '.join(fwp.synapses.names('short-term plasticity'))})"
    for options, *parts in (
        ({"through": "AMPA"}, "for through:", "did you mean 'ampa'?", receptors),
        ({"through": "pair_stdp"}, "through must be", receptors),
        ({"release": "Tsodyks_Markram"}, "for release:", "'tsodyks_markram'?", releases),
        ({"release": "ampa"}, "release must be", releases),
    ):
        with pytest.raises(fwp.FwpError) as said:
            connect("pair_stdp", *cells(), **options)
        assert all(part in str(said.value) for part in parts), said.value
    with pytest.raises(fwp.FwpError, match="for receptor: 'NMDA_jmp'; did.*'nmda_jump'"):
        fwp.synapses.compose("pair_stdp", receptor="NMDA_jmp")
    with pytest.raises(fwp.FwpError, match="for plasticity: .*mean 'pair_stdp'"):
        fwp.synapses.compose("Pair_STDP", receptor="ampa")
