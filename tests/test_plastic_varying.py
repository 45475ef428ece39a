"""Parameters that vary over synapses or cells: the weights of separate networks."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import assert_same, label, models
from varying_cases import PAIRS, given, places, run, separate, states, three

import fwp_neuro as fwp
from fwp_neuro.circuits.plastic.connecting import LAYOUTS, connect

ms = b2.ms
QUICK = {
    "pair_stdp-song_miller_abbott_2000",
    "tsodyks_markram-mongillo_2008",
    "oja-spikes",
}


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler, and put the default time step back."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    yield
    b2.defaultclock.dt = 0.1 * ms


def cases():
    for model in models():
        yield pytest.param(
            model,
            id=label(model),
            marks=() if label(model) in QUICK else pytest.mark.slow,
        )


def chosen(model, legal, wanted):
    """Return ``varying`` of all parameters, each over the wanted place where it can be
    there."""
    return {name: given(model, name, wanted if wanted in own else own[0]
                        if own else "both")
            for name, own in legal.items()}  # fmt: skip


@pytest.mark.parametrize("model", cases())
def test_each_synapse_has_the_states_of_a_network_with_its_parameters(model):
    """All parameters at once, over synapses, presynaptic and postsynaptic cells."""
    legal = places(model, model.parameters)
    expected, usual = separate(model, legal), run(model, "textbook")
    assert any(np.ptp(table) > 1e-6 * np.abs(table).max() for table in expected.values())
    assert any((expected[name] != usual[name]).any() for name in expected)
    for wanted in ("synapse", "pre", "post"):
        if wanted != "synapse" and not any(wanted in own for own in legal.values()):
            continue
        for layout in LAYOUTS:
            assert_same(run(model, layout, chosen(model, legal, wanted)), expected)


def test_every_parameter_that_a_model_reads_can_vary():
    delays = {"D", "delay_bap", "delay"}
    # of the protocol, the cell or another parameter set of a model alone
    unread = {"beta", "t_ref", "w_start", "p_pre", "p_pair", "tau_teacher"}
    for model in models():
        if model.kind != "receptor":
            idle = set(model.parameters) - set(places(model, model.parameters))
            assert idle <= delays | unread, (label(model), idle)


# -------------------------------------------------------------------- which cell is which


def sources(counts=(4, 3), steps=80, seed=2):
    """Return cells of both sides that spike at given times."""
    b2.defaultclock.dt = 0.5 * ms
    made = []
    for name, count in zip(("before", "after"), counts, strict=True):
        table = (np.random.default_rng(seed + count).random((steps, count)) < 0.1).astype(
            float
        )
        table[-1] = 1  # event-driven variables are as of the last step
        namespace = {f"{name}_table": b2.TimedArray(table, dt=0.5 * ms)}
        made.append(b2.NeuronGroup(count, "", threshold=f"{name}_table(t, i) > 0.5",
                                   reset="", name=name, namespace=namespace))  # fmt: skip
    return made


def made_of(model, layout="factorised", groups=None, cells=None, **options):
    """Connect, run 40 ms, return what `connect` made."""
    groups = sources() if groups is None else groups
    made = connect(model, *groups, layout=layout, **options)
    b2.Network(*{*(groups if cells is None else cells)}, *made.objects).run(40 * ms)
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_belong_to_the_cells_that_they_are_given_for(layout):
    taus, gains = [10, 15, 20, 25] * ms, np.array([0.004, 0.006, 0.008])
    found = made_of("pair_stdp", layout, varying={"tau_plus": taus, "A_plus": gains})
    model, w = fwp.synapses.get("pair_stdp"), found.values("w").reshape(4, 3)
    for i, tau in enumerate(taus):
        for j, gain in enumerate(gains):
            one = made_of(model.changed(tau_plus=tau, A_plus=gain), layout).values("w")
            assert w[i, j] == pytest.approx(one.reshape(4, 3)[i, j], rel=1e-13, abs=0)
            if i and j:
                break
    assert np.ptp(w) > 1e-3
    assert found.values("tau_plus") == pytest.approx(np.array(taus))
    if layout == "factorised":
        assert found.moved == {"x": "pre", "y": "post"}


def test_what_depends_on_a_parameter_moves_only_to_the_cells_that_have_it():
    for place, size, home in (
        ("pre", 4, "pre"),
        ("post", 3, None),
        ("synapse", 12, None),
    ):
        values = np.linspace(0.1, 0.4, size)
        made = connect("tsodyks_markram", *sources(), varying={"U": (place, values)})
        assert made.moved.get("u") == home
        assert made.moved.get("x") == home  # which u drives
        assert made.values("u") == pytest.approx(made.values("U")
                                                 if place == "synapse" else
                                                 values[made.cells(place)],
                                                 abs=1e-12)  # fmt: skip


def test_parts_of_groups_and_one_group_on_both_sides():
    before, after = sources((5, 4))
    part = before[1:4]
    taus = [10, 15, 20] * ms
    found = made_of("pair_stdp", groups=(part, after), cells=(before, after),
                    varying={"tau_plus": taus}).values("w")  # fmt: skip
    whole = [20, 10, 15, 20, 20] * ms
    expected = made_of(
        "pair_stdp", groups=sources((5, 4)), varying={"tau_plus": whole}
    ).values("w")
    assert_same({"w": found}, {"w": expected.reshape(5, 4)[1:4].ravel()}, 1e-14)

    factors = {"pre": [30, 40, 50, 60] * ms, "post": [60, 50, 40, 30] * ms}
    found = []
    for layout in LAYOUTS:
        group = sources((4, 4))[1]
        made = made_of("bcm", layout, (group, group), varying={"tau_x": factors})
        found.append(made.values("w"))
    assert_same({"w": found[0]}, {"w": found[1]}, 1e-12)
    first = made.values("x")[:2], made.values("pre_tau_x"), made.values("post_tau_x")
    assert np.ptp(first[0]) > 0 and (first[1] == first[2][::-1]).all()


def test_two_connections_of_one_pair_of_groups_have_parameters_of_their_own():
    groups = sources()
    made = [connect("pair_stdp", *groups, varying={"tau_plus": taus}, name=f"n{n}")
            for n, taus in enumerate(([10, 15, 20, 25] * ms, [25, 20, 15,
                10] * ms))]  # fmt: skip
    b2.Network(*groups, *made[0].objects, *made[1].objects).run(40 * ms)
    for one, taus in zip(
        made, ([10, 15, 20, 25] * ms, [25, 20, 15, 10] * ms), strict=True
    ):
        alone = made_of("pair_stdp", varying={"tau_plus": taus})
        assert (one.values("w") == alone.values("w")).all()


# --------------------------------------------------------------------------- what follows


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parameters_that_follow_from_two_sides_are_those_of_each_pair(layout):
    """p_pair follows from tau_rise of the presynaptic cell and bap of the postsynaptic
    one."""
    model = fwp.synapses.get("point_spine", "square")
    varying = {name: given(model, name, place) for name, place in
               (("tau_rise", "pre"), ("bap", "post"))}  # fmt: skip
    assert_same(run(model, layout, varying), separate(model, varying))


# ------------------------------------------------------------------- texts and new values


@pytest.mark.parametrize("layout", LAYOUTS)
def test_texts_are_worked_out_once(layout):
    some = {"condition": "i != j"}
    made = made_of(
        "tsodyks_markram", layout, connect=some, varying={"U": "0.1 + 0.1*i + 0.05*j"}
    )
    i, j = np.array(made.synapses.i), np.array(made.synapses.j)
    assert len(i) == 9 and made.values("U") == pytest.approx(0.1 + 0.1 * i + 0.05 * j)
    b2.seed(1)
    varying = {"U": "0.2 + 0.1*rand()", "tau_F": ("pre", "(1 + i)*100*ms")}
    drawn = connect("tsodyks_markram", *sources(), layout=layout, varying=varying)
    assert len(np.unique(drawn.values("U"))) == 12 and drawn.values("U").min() >= 0.2
    assert drawn.values("tau_F") == pytest.approx([0.1, 0.2, 0.3, 0.4])


def twice(model, layout, old, new):
    """Return the states after two runs with one value of U each."""
    groups = sources()
    made = connect(model, *groups, layout=layout, varying={"U": old})
    network = b2.Network(*groups, *made.objects)
    network.run(20 * ms)
    made.synapses.U = new
    network.run(20 * ms)
    assert (made.values("U") == new).all()
    return made, {name: made.values(name) for name in ("u", "x", "release")}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_new_values_hold_from_now_on(layout):
    """The right values are those of a text that every time step advances."""
    old, new = np.linspace(0.1, 0.4, 12), np.linspace(0.5, 0.2, 12)
    model = fwp.synapses.get("tsodyks_markram")
    made, found = twice(model, layout, old, new)
    stepped = model.equations.synapse.replace("(event-driven)", "(clock-driven)")
    model = replace(model, equations=replace(model.equations, synapse=stepped))
    assert_same(found, twice(model, "textbook", old, new)[1])
    with pytest.raises(fwp.FwpError, match="share from 0 to 1, got 1.5 at place 0"):
        made.set("U", np.full(12, 1.5))
    with pytest.raises(fwp.FwpError, match="'U' has 12 values, got 5"):
        made.set("U", np.full(5, 0.5))
    assert made.values("U") == pytest.approx(new)


def test_another_time_step_between_runs():
    """Traces on cells that advance exactly are moved by their own time constant."""
    found = []
    for layout in LAYOUTS:
        groups = sources()
        taus = [5, 9, 14, 20] * ms
        made = connect("pair_stdp", *groups, layout=layout, varying={"tau_plus": taus})
        network = b2.Network(*groups, *made.objects)
        network.run(20 * ms)
        b2.defaultclock.dt = 0.25 * ms
        network.run(20 * ms)
        found.append(made.values("w"))
    assert_same({"w": found[0]}, {"w": found[1]}, 1e-12)


# ---------------------------------------------------------------------------- delays


def test_a_delay_of_each_synapse_is_that_of_separate_networks():
    late = np.array([0.5, 1, 2.5]) * ms
    model = fwp.synapses.get("pair_stdp")
    found = run(model, "textbook", delay={"pre": late})
    for n in range(3):
        one = run(model, "textbook", delay={"pre": late[n]})["w"]
        assert found["w"][n] == one[n]
    assert np.ptp(found["w"]) > 1e-4
    with pytest.raises(
        fwp.FwpError, match="layout='textbook' for a delay of each synapse"
    ):
        run(model, "factorised", delay={"pre": late})
    with pytest.raises(fwp.FwpError, match="delay: 'pre' has 3 values, got 2"):
        run(model, "textbook", delay={"pre": late[:2]})


# ---------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "model, varying, words",
    [
        ("pair_stdp", 3, "varying must be a mapping such as .*, got 3"),
        ("pair_stdp", {"tau": 1},
         "unknown parameter of 'pair_stdp' in varying: 'tau'; did you mean 'tau_plus'"),
        ("pair_stdp", {"A_plus": 0.1}, "must be numbers in one row, a text, or a pair"),
        ("pair_stdp", {"A_plus": np.ones(5)},
         "'A_plus' of 'pair_stdp' has 5 values; legal is one for each of the synapses "
         ".12., presynaptic cells .4., postsynaptic cells .3.$"),
        ("pair_stdp", {"A_plus": np.ones((2, 6))}, "varies by numbers in one row|has 2 "
                                                   "values"),
        ("pair_stdp", {"tau_plus": np.ones(4)}, "has the wrong unit"),
        ("pair_stdp", {"tau_plus": [1, 2, -3, 4] * ms}, "must be positive .* at place 2"),
        ("tsodyks_markram", {"U": [0.1, 0.2, 1.2, 0.3]},
         "share from 0 to 1, got 1.2 at place 2"),
        ("tsodyks_markram", {"U": "2*x"}, "'2.x' has an unknown name 'x'; legal are i, "
                                          "j"),
        ("tsodyks_markram", {"tau_F": "0.2"}, "has the wrong unit"),
        ("tsodyks_markram", {"tau_F": "i*ms + 1"}, "cannot be worked out"),
        ("tsodyks_markram", {"U": ("prae", np.ones(4))},
         "a pair such as .'pre', numbers., got"),
        ("tsodyks_markram", {"U": {"prae": np.ones(4)}},
         "unknown place .* did you mean 'pre'"),
        ("bcm", {"tau_x": np.ones(4) * ms}, "parameter of cells on both sides: give "
                                            "both, as in"),
        ("bcm", {"y_0": ("pre", np.ones(4))},
         "parameter of the postsynaptic cells, which have one"),
        ("bcm", {"y_0": np.ones(12)}, "has 12 values; legal is one for each of the "
                                      "postsynaptic"),
        ("graupner_brunel", {"D": np.ones(12) * ms}, "the delay of presynaptic spikes: "
                                                     "give it as"),
        ("graupner_brunel", {"beta": np.ones(12)}, "'beta' of .* is read by no equation"),
        ("clopath_2010", {"delay": np.ones(3) * ms}, "is a delay of variables of the "
                                                     "cells"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", LAYOUTS)
def test_mistakes_are_one_sentence_and_leave_cells_as_they_were(
    model, varying, words, layout
):
    groups = sources()
    had = [set(group.variables) for group in groups]
    with pytest.raises(fwp.FwpError, match=words) as problem:
        connect(model, *groups, layout=layout, varying=varying)
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 400
    assert [set(group.variables) for group in groups] == had


def test_a_number_of_values_that_says_no_place_is_one_sentence():
    words = (
        "has 4 values, which may be those of presynaptic cells .4., postsynaptic cells "
        ".4.: say"
    )
    with pytest.raises(fwp.FwpError, match=words):
        connect("pair_stdp", *sources((4, 4)), varying={"A_plus": np.ones(4)})
    with pytest.raises(
        fwp.FwpError, match="may be those of synapses, presynaptic cells .4."
    ):
        connect(
            "pair_stdp", *sources(), connect={"p": 0.5}, varying={"A_plus": np.ones(4)}
        )
    groups, some = sources(), {"condition": "i < 2"}
    with pytest.raises(
        fwp.FwpError, match="has 9 values; legal is one for each of the 6 synapses"
    ):
        connect("pair_stdp", *groups, connect=some, varying={"A_plus": np.ones(9)})
    made = connect(
        "pair_stdp", *groups, connect=some, varying={"A_plus": np.arange(6) + 1}
    )
    assert (made.values("A_plus") == np.arange(6) + 1).all()
    with pytest.raises(
        fwp.FwpError, match="initial: 'A_plus' of 'pair_stdp' is given in varying"
    ):
        connect(
            "pair_stdp", *groups, varying={"A_plus": np.ones(12)}, initial={"A_plus": 2}
        )
    with pytest.raises(fwp.FwpError, match="inputs: 'A_plus' is given in varying"):
        connect(
            "pair_stdp", *groups, varying={"A_plus": np.ones(12)}, inputs={"A_plus": 2}
        )


def test_a_parameter_that_only_variables_of_the_cells_read_is_one_sentence():
    before, _ = sources()
    after = b2.NeuronGroup(3, "x : 1\ny : 1\ntheta : 1", threshold="False", name="late")
    with pytest.raises(
        fwp.FwpError, match="'tau_theta' .* only by variables that the cells have"
    ):
        connect("bcm", before, after, varying={"tau_theta": np.ones(3) * b2.second})


def test_helpers_say_what_they_should():
    model = fwp.synapses.get("pair_stdp")
    assert float(three(model, "tau_plus")[1]) == pytest.approx(0.016)
    assert (
        given(model, "tau_plus", "post")[1][PAIRS["j"]] == three(model, "tau_plus")
    ).all()
    assert "effective" in states(made_of(model, connect=PAIRS, groups=sources((3, 3))))
