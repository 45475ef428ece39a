"""What is changed after connect, or set by others: a run refuses it in one sentence."""

import copy

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


def conducting():
    """Return spiking cells, and cells with a conductance that anything may set."""
    before = b2.PoissonGroup(3, 20 * b2.Hz)
    after = b2.NeuronGroup(2, """dv/dt = (-70*mV - v - ge*v/(10*nS))/(10*ms) : volt
                                 ge : siemens
                                 gi : siemens""",
                           threshold="v > -50*mV", reset="v = -70*mV",
                           method="euler", name="conducting")  # fmt: skip
    return before, after


def sum_of_users(before, after, name):
    """Return Synapses of the user's own that set a variable of the cells."""
    made = b2.Synapses(
        before, after, f"w : siemens\n{name}_post = w : siemens (summed)", name="mine"
    )
    made.connect()
    return made


RECEPTORS = {
    "a summed receptor": ("nmda_per_cell", {}),
    "in the textbook layout": ("nmda_per_cell", {"layout": "textbook"}),
    "a composition": ("pair_stdp", {"through": "ampa"}),
    "kicks": ("pair_stdp", {"through": "ampa", "layout": "textbook"}),
}


@pytest.mark.parametrize("case", RECEPTORS)
def test_a_variable_that_a_sum_of_the_users_sets_is_no_conductance(case):
    model, options = RECEPTORS[case]
    before, after = conducting()
    names = {"conductance": "ge"}
    made = fwp.circuits.connect(model, before, after, names=names, name="ours", **options)
    more = fwp.circuits.connect(model, before, after, names=names, **options)
    both = [*made.objects, *more.objects]
    b2.Network(before, after, *both, sum_of_users(before, after, "gi")).run(0.2 * ms)
    before, after = conducting()
    made = fwp.circuits.connect(model, before, after, names=names, name="ours", **options)
    network = b2.Network(before, after, *made.objects, sum_of_users(before, after, "ge"))
    with pytest.raises(fwp.FwpError, match="one of both is lost") as said:
        network.run(1 * ms)
    assert all(name in str(said.value) for name in ("'mine'", "'ge'", "'ours'"))


def test_the_readout_of_a_rule_is_no_sum_of_the_users_either():
    for dynamics in ("event", "continuous"):
        before = b2.NeuronGroup(2, "k : 1")
        after = b2.NeuronGroup(2, "v : 1\ny : 1")
        gate = 0.5 if dynamics == "event" else 5 * b2.Hz
        every = 1 * ms if dynamics == "event" else None
        made = fwp.circuits.connect("delta", before, after, dynamics=dynamics, gate=gate,
                                    every=every, names={"readout": "y"})  # fmt: skip
        mine = b2.Synapses(before, after, "y_post = k_pre : 1 (summed)")
        mine.connect()
        with pytest.raises(fwp.FwpError, match="one of both is lost"):
            b2.Network(before, after, *made.objects, mine).run(1 * ms)


def test_attributes_that_nobody_reads_are_refused_with_what_to_use_instead():
    cells = spiking()
    made = fwp.circuits.connect("pair_stdp", *cells)
    for name, use in (("w", "made.set('w', ...)"), ("delay", "connect(delay="),
                      ("frozen", "made.freeze()"), ("dt", "cannot be set"),
                      ("A_plus", "parameter"), ("wait", "no attribute")):  # fmt: skip
        with pytest.raises(fwp.FwpError) as said:
            setattr(made, name, 5.0)
        assert use in str(said.value)
    with pytest.raises(AttributeError, match=r"use made.values\('w'\)"):
        print(made.w)
    assert not hasattr(made, "wait") and copy.copy(made).model is made.model


def test_plastic_synapses_are_a_container_of_their_objects():
    cells = spiking()
    made = fwp.circuits.connect("pair_stdp", *cells)
    assert isinstance(made, fwp.circuits.Plastic) and list(made) == made.objects
    b2.Network(*cells, made).run(30 * ms)
    assert made.values("w") == weight("pair_stdp", lambda synapses: None)


def test_learning_is_not_frozen_while_the_network_runs():
    for call in ("freeze", "thaw"):
        cells = spiking()
        made = fwp.circuits.connect("pair_stdp", *cells)

        halfway = b2.NetworkOperation(getattr(made, call), dt=10 * ms)
        with pytest.raises(
            fwp.FwpError, match="the network runs: call it between two runs"
        ):
            b2.Network(*cells, made, halfway).run(20 * ms)
        assert not made.frozen
        made.freeze()  # no run goes on any more
        assert made.frozen


def test_a_standalone_program_refuses_a_delay_where_it_is_set(tmp_path):
    b2.set_device("cpp_standalone", directory=str(tmp_path), build_on_run=False)
    try:
        for options in ({}, {"delay": {"pre": 1 * ms}}):
            made = fwp.circuits.connect("pair_stdp", *spiking(), **options)
            for change in (late, late_by_synapses):
                with pytest.raises(fwp.FwpError, match="in the factorised layout give"):
                    change(made.synapses)
        late(fwp.circuits.connect("pair_stdp", *spiking(), layout="textbook").synapses)
    finally:
        b2.device.reinit()
        b2.set_device("runtime")
