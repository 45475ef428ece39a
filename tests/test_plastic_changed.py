"""What is changed after connect, or set by others: a run refuses it in one sentence."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp

ms = b2.ms


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def spiking():
    """Return cells on both sides with given spikes."""
    before = b2.SpikeGeneratorGroup(1, [0, 0, 0], [2, 11, 25] * ms)
    after = b2.SpikeGeneratorGroup(1, [0, 0, 0], [3, 8, 24] * ms)
    return before, after


def weight(model, change, **options):
    """Return the weight after a run in which something was changed after connect."""
    cells = spiking()
    made = fwp.circuits.connect(model, *cells, **options)
    change(made.synapses)
    b2.Network(*cells, *made.objects).run(40 * ms)
    return made.values("w")


def late(synapses):
    synapses.pre.delay = 2 * ms


def late_by_synapses(synapses):
    synapses.delay = 2 * ms


def late_post(synapses):
    synapses.post.delay = 2 * ms


@pytest.mark.parametrize("model", ["pair_stdp", "triplet_stdp", "vogels_2011"])
def test_a_delay_that_is_changed_after_connect_is_refused_where_it_would_be_wrong(model):
    right = weight(model, late, layout="textbook")
    given = weight(model, lambda synapses: None, delay={"pre": 2 * ms})
    assert given == pytest.approx(right, rel=1e-9)
    both = {"writes": "both sides"}
    cases = [(late, {}), (late_by_synapses, {}), (late, both), (late_post, both),
             (late, {"delay": {"pre": 1 * ms}})]  # fmt: skip
    for change, options in cases:
        with pytest.raises(fwp.FwpError, match="was changed after connect") as said:
            weight(model, change, **options)
        side = "post" if change is late_post else "pre"
        assert f"connect(delay={{'{side}': ...}})" in str(said.value)
    same = weight(model, late, delay={"pre": 2 * ms})
    np.testing.assert_array_equal(same, given)
