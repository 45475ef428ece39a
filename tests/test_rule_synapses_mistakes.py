"""Fast-weight rules between anybody's Brian2 cells: mistakes are one sentence."""

import brian2 as b2
import numpy as np
import pytest
from rule_synapse_cases import plain_brian, rate_cells  # noqa: F401  plain_brian is a fixture

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.errors import FwpWarning

ms = b2.ms
ASKS = {"every": 5 * ms, "gate": 0.3, "names": {"k": "x", "q": "z", "v": "x"}}
BIO = {
    "every": None,
    "form": "biophysical",
    "gate": 5 * b2.Hz,
    "teacher": "u",
    "names": {"membrane": "u", "conductance": "y"},
}


@pytest.mark.parametrize(
    ("given", "changes", "sentence"),
    [
        ("delta", {"every": None}, "between rate cells needs every, .*every=10.ms"),
        (
            "delta",
            {"dynamics": "continuous"},
            "'continuous' of rule 'delta' takes no every",
        ),
        (
            "delta",
            {"every": 2.5 * ms},
            "every=2.5 ms must be a whole number of the time steps",
        ),
        (
            "delta",
            {"names": {}},
            "reads 'k', and the cells 'pre.*' have no variable 'k': say which "
            r"one it is by names={'k': ...} \(their variables: x, z\)",
        ),
        ("delta", {"names": {"k": "nothing"}}, "no variable 'nothing'"),
        (
            "delta",
            {"names": {"key": "x", "k": "x"}},
            "'k' of rule 'delta' is given twice",
        ),
        ("delta", {"names": {"p": "x"}}, r"reads no 'p' in this form \(legal: "),
        (
            "delta",
            {"names": {**ASKS["names"], "readout": "u"}},
            "'readout' of rule .* is in 1",
        ),
        (
            "delta",
            {"names": {**ASKS["names"], "readout": "twice"}},
            "must be a plain variable",
        ),
        ("delta", {"gate": None}, "needs its gate 'beta': give gate"),
        ("delta", {"gate": 5 * b2.Hz}, "gate 'beta' of rule 'delta' must be a number"),
        ("delta", {"gate": {"alpha": 1}}, r"has no gate 'alpha' \(legal: beta\)"),
        ("delta", {"gate": "u"}, "'beta' of rule 'delta' is in 1, but the variable 'u'"),
        (
            "delta",
            {"gate": b2.TimedArray([1, 2] * b2.Hz, dt=1 * ms)},
            "must be in 1, and its",
        ),
        (
            "delta",
            {"gate": b2.TimedArray(np.ones((2, 2)), dt=1 * ms)},
            "2 columns, but 'post",
        ),
        ("gated_delta", {}, "rule 'gated_delta' has 2 gates, so give gate={'alpha'"),
        ("delta", {"teacher": 3}, "teacher must be a Brian2 group or the name"),
        ("delta", {"delay": {"pre": 1 * ms}}, "delay: rule 'delta' in the rate form"),
        ("delta", {"dense": True}, "dense synapses run no statements"),
        ("delta", {"on_event": "spike"}, "on_event: nothing of rule 'delta' waits"),
        ("dleta", {}, "unknown synapse model or rule 'dleta'; did you mean 'delta'"),
        ("w = = 2", {}, "cannot"),
        (
            "pair_stdp",
            {},
            "every is an argument of fast-weight rules, and 'pair_stdp' is none",
        ),
        (
            "comba",
            {**BIO, "gate": {"alpha": 1 * b2.Hz, "beta": 5 * b2.Hz}},
            "'comba' has no biophysical form",
        ),
        ("w += every*v*k", {"gate": None}, "has a 'every' of its own, so its gate"),
        ("w += eta*v*k", BIO, "has a 'eta' of its own, so its gate needs another name"),
        (
            "delta",
            {"names": {**ASKS["names"], "v": "read_out_sum"}},
            "has a 'read_out_sum' of its own, so the variable",
        ),
        ("momentum_delta", BIO, "'momentum_delta' has no biophysical form"),
        ("delta", {**BIO, "teacher": None}, "in the biophysical form needs teacher"),
        (
            "delta",
            {**BIO, "names": {"membrane": "u"}},
            "reads 'conductance', and the cells",
        ),
        (
            "delta",
            {**BIO, "names": {"conductance": "y"}},
            "reads 'membrane', and the cells",
        ),
        (
            "delta",
            {**BIO, "names": {**BIO["names"], "membrane": "y"}},
            "'membrane' .* is in volt",
        ),
        ("delta", BIO, "'y' of the cells 'post.*' is raised by spikes, so it needs"),
        ("delta", {**BIO, "gate": 0.5}, "must be a rate such as 5"),
        (
            "delta",
            {**BIO, "dynamics": "event"},
            "biophysical form of a rule is continuous",
        ),
        (
            "delta",
            {**BIO, "form": "spiking"},
            "unknown form of a rule's synapse: 'spiking'",
        ),
    ],
)
def test_mistakes_are_one_sentence(given, changes, sentence):
    pre = rate_cells("pre", 4, threshold="x > 1e9", reset="")
    post = rate_cells("post", 3, "y : 1\nread_out_sum : 1\ntwice = 2*x : 1\nu : volt", 1)
    before = set(pre.variables), set(post.variables)
    with pytest.raises(fwp.FwpError, match=sentence):
        connect(given, pre, post, **{**ASKS, **changes})
    assert (set(pre.variables), set(post.variables)) == before


def test_a_gate_beyond_its_limits_is_warned_of():
    pre, post = rate_cells("pre", 4), rate_cells("post", 3, seed=1)
    with pytest.warns(FwpWarning, match="gate 'beta' is 3"):
        connect("delta", pre, post, **{**ASKS, "gate": 3})
