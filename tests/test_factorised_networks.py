"""The builder of plastic synapses in networks of a user's own."""

import re
from functools import partial

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import assert_same, label, models, spikes, step

import fwp_neuro as fwp
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.synapses import factorise

ms = b2.ms
LIF = "dv/dt = (1.4 - v)/(10*ms) : 1"
RUN = 80 * ms


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler: it takes seconds to compile what connects."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def sources(count=6):
    """Spikes that are given, several of them in one step."""
    table = np.random.default_rng(5).random((160, count)) < 0.06
    given = {"table": b2.TimedArray(table.astype(float), dt=0.5 * ms)}
    return b2.NeuronGroup(
        count, "", threshold="table(t, i) > 0.5", namespace=given, name="sources"
    )


def cells(count=3, more=""):
    made = b2.NeuronGroup(count, LIF + more, threshold="v > 1", reset="v = 0",
                          method="exact", name="cells")  # fmt: skip
    made.v = "0.3*i"
    return made


def weights(make):
    """Return what ``make`` (which returns groups and plastic synapses) ends with."""

    def build():
        groups, made = make()
        network = b2.Network(*groups, *(item for one in made for item in one.objects))

        def collect():
            return {str(n): one.values("w") for n, one in enumerate(made)}

        return Built(network, collect, RUN, (groups, made))

    return simulate(build, Size(160, 8, 100), device="numpy", dt=0.5 * ms, seed=0)[0]


def same(make):
    found, expected = (weights(partial(make, layout)) for layout in connecting.LAYOUTS)
    for name, table in expected.items():
        assert np.abs(found[name] - table).max() < 1e-12 and np.ptp(table) > 1e-4
    return found


def late(model, side, layout, writes="auto"):
    """Return every synaptic variable of a model whose delay was given to `connect`."""
    dt = step(model)
    tables = dict(zip(("before", "after"), spikes(model, dt), strict=True))
    for name, table in tables.items():  # the last spikes have all arrived
        tables[name] = np.vstack([table, np.zeros((round(1 * ms / dt), table.shape[1]))])
        tables[name][-1] = 1
        tables[name][-1 - round(1 * ms / dt)] = 1

    def build():
        groups = [
            b2.NeuronGroup(table.shape[1], "", threshold=f"{name}_table(t, i) > 0.5",
                           name=name, namespace={f"{name}_table": b2.TimedArray(table,
                               dt=dt)})
            for name, table in tables.items()
        ]  # fmt: skip
        made = connecting.connect(
            model, *groups, layout=layout, delay={side: 1 * ms}, writes=writes
        )
        names = factorise(model).report.stays

        def collect():
            return {name: made.values(name) for name in names}

        steps = len(tables["before"])
        return Built(
            b2.Network(*groups, *made.objects), collect, steps * dt, (groups, made)
        )

    return simulate(build, Size(250, 8, 100), device="numpy", dt=dt, seed=0)[0]


def late_cases():
    """Models of which writes wait; by default one of each kind of trace."""
    for model in models():
        if model.kind != "receptor" and factorise(model).report.waiting:
            quick = model.name in ("bcm", "clopath_2010", "payeur_2021", "pair_stdp")
            for side in ("pre", "post"):
                slow = () if quick and side == "pre" else pytest.mark.slow
                yield pytest.param(model, side, id=f"{label(model)}-{side}", marks=slow)


@pytest.mark.parametrize("model, side", late_cases())
def test_same_trajectories_with_a_delay_given_to_connect(model, side):
    found, expected = (late(model, side, layout) for layout in connecting.LAYOUTS)
    assert_same(found, expected)
    assert any(np.ptp(table) > 0 for table in expected.values())
    waits = factorise(model, late=[side]).report
    if side == "pre" and model.equations.pre_spike:
        assert re.search(r"^\w+_pre is kicked without the delay of on_pre", waits.why_not)
    else:
        assert waits.waiting


def test_spike_sources_and_parts_of_groups_get_what_they_need():
    model = fwp.synapses.get("pair_stdp")

    def make(layout):
        before, after = sources(), cells()
        made = connecting.connect(model, before[1:5], after[:2], layout=layout)
        return (before, after), [made]

    assert same(make)["0"].shape == (8,)


def test_two_models_on_the_same_cells_do_not_disturb_each_other():
    pair, other = fwp.synapses.get("pair_stdp"), fwp.synapses.get("bcm")
    later = pair.changed(tau_plus=5 * ms)

    def make(layout):
        before, after = sources(), cells()
        made = [
            connecting.connect(
                model, before, after, layout=layout, name=name, connect=pairs
            )
            for name, model, pairs in (
                ("one", pair, {"condition": "i != j"}),
                ("two", later, {"i": [0, 0, 4], "j": [0, 2, 1]}),
                ("three", other, None),
            )
        ]
        return (before, after), made

    found = same(make)
    assert {name: len(table) for name, table in found.items()} == {
        "0": 15,
        "1": 3,
        "2": 18,
    }


def test_recurrent_synapses_read_both_traces_of_one_group():
    model = fwp.synapses.get("pair_stdp")

    def make(layout):
        group = cells(4)
        delays = {"pre": 1.5 * ms, "post": 0.5 * ms}
        return (group,), [connecting.connect(model, group, group, layout=layout,
                                             delay=delays,
                                          connect={"condition": "i != j"})]  # fmt: skip

    same(make)


def test_any_source_of_spikes_will_do():
    before = b2.SpikeGeneratorGroup(2, [0, 1, 1], [1, 1, 5] * ms)
    found = weights(lambda: ((before, after := cells()), [
        connecting.connect(fwp.synapses.get("pair_stdp"), before,
                           after)]))["0"]  # fmt: skip
    assert np.ptp(found) > 1e-4


def test_the_cells_keep_their_own_variables():
    """A trace of the rule is called x, and so is something else of the cells."""
    model, after = fwp.synapses.get("pair_stdp"), cells(more="\nx : 1")
    after.x = "i + 1"
    made = connecting.connect(model, sources(), after)
    assert (after.x[:] == [1, 2, 3]).all()
    assert made.where["x"][0] is not after and made.where["w"][0] is made.synapses
    with pytest.raises(
        fwp.FwpError, match="cells 'cells' and the synapses of 'pair_stdp' both"
    ):
        connecting.connect(model, sources(), cells(more="\nx : 1"), layout="textbook")


def test_mistakes_are_one_sentence():
    model = fwp.synapses.get("pair_stdp")
    with pytest.raises(
        fwp.FwpError, match="unknown layout 'textbok'; did you mean 'textbook'"
    ):
        connecting.connect(model, sources(), cells(), layout="textbok")
    with pytest.raises(fwp.FwpError, match="initial: 'pair_stdp' has no variable 'z'"):
        connecting.connect(model, sources(), cells(), initial={"z": 1})
    with pytest.raises(
        fwp.FwpError, match="unknown side of delay 'prae'; did you mean 'pre'"
    ):
        connecting.connect(model, sources(), cells(), delay={"prae": 1 * ms})
    with pytest.raises(fwp.FwpError, match="delay must be a time"):
        connecting.connect(model, sources(), cells(), delay={"pre": [1, 2] * ms})
    with pytest.raises(
        fwp.FwpError, match="delay must be a mapping such as .*, got 2. . msecond"
    ):
        connecting.connect(model, sources(), cells(), delay=2 * ms)
    with pytest.raises(
        fwp.FwpError, match="connect must be a mapping such as .*, got .1."
    ):
        connecting.connect(model, sources(), cells(), connect=[1])
    with pytest.raises(
        fwp.FwpError, match="unknown argument of connect 'cond'.*condition"
    ):
        connecting.connect(model, sources(), cells(), connect={"cond": "i != j"})
    with pytest.raises(
        fwp.FwpError, match="unknown synapse model or rule 'pair_sdtp'; did"
    ):
        connecting.connect("pair_sdtp", sources(), cells())
    with pytest.raises(
        fwp.FwpError, match="model must be a Synapse or the name of one, got 3"
    ):
        connecting.connect(3, sources(), cells())
    with pytest.raises(
        fwp.FwpError, match="post must be a Brian2 group with cells, got .1, 2."
    ):
        connecting.connect(model, sources(), [1, 2])
    silent = b2.NeuronGroup(2, "v : 1", name="silent")
    for sides in ((silent, cells()), (sources(), silent)):
        with pytest.raises(
            fwp.FwpError, match="cells 'silent' never spike: give them a threshold"
        ):
            connecting.connect(model, *sides)
    quick = fwp.synapses.get("short_term_potentiation").changed(tau_F=1 * b2.us)
    b2.defaultclock.dt = 0.5 * ms
    with pytest.raises(fwp.FwpError, match="time constant 1/.1/tau_F. are too few"):
        connecting.connect(quick, sources(), cells())


@pytest.mark.parametrize(
    "options, words",
    [
        (
            {"densse": True},
            "unknown argument of connect 'densse'; did you mean 'dense'",
        ),
        (
            {"parameters": "x"},
            "unknown argument of connect 'parameters'.*codeobj_class",
        ),
        (
            {"p": 0.1},
            "unknown argument of connect 'p'; .*legal: model, pre, post, layout",
        ),
        ({"method": "euler"}, "the model and its cells decide 'method'"),
        ({"dense": "yes"}, "dense must be True or False, got 'yes'"),
    ],
)
def test_wrong_options_are_one_sentence(options, words):
    before, after = sources(), cells()
    had = set(before.variables), set(after.variables)
    with pytest.raises(fwp.FwpError, match=words):
        connecting.connect("pair_stdp", before, after, **options)
    assert (set(before.variables), set(after.variables)) == had


def test_synapses_say_in_short_what_they_are():
    moved, plain = (
        repr(connecting.connect("pair_stdp", sources(), cells(), layout=layout))
        for layout in connecting.LAYOUTS
    )
    cells_said = "6 to 3 cells, 18 synapses"
    assert plain == f"<Plastic of synapse 'pair_stdp', textbook: {cells_said}>"
    start = f"<Plastic of synapse 'pair_stdp', factorised: {cells_said}, moved to cells: "
    assert moved.startswith(start) and "x (pre)" in moved and len(moved) < 150


@pytest.mark.parametrize("layout", connecting.LAYOUTS)
def test_mistakes_in_values_are_one_sentence(layout):
    def made(**options):
        name = "short_term_potentiation"
        return connecting.connect(name, sources(), cells(), layout=layout, **options)

    own = "J, fast, s, slow, transmitted, u, x"
    for call in (
        lambda: made(initial={"z": 1}),
        lambda: made(initial={"fast_kept": 1}),
        lambda: made().values("seen_fast_1"),
    ):
        with pytest.raises(fwp.FwpError, match=rf"has no variable '.*' .legal: {own}."):
            call()
    with pytest.raises(fwp.FwpError, match="initial: 'u' has 18 values, got 5"):
        made(initial={"u": np.ones(5)})
    with pytest.raises(
        fwp.FwpError, match="initial: 'u' must be a number, .* got 18 values in volt"
    ):
        made(initial={"u": np.ones(18) * b2.mV})
    with pytest.raises(fwp.FwpError, match="initial: 'u' must be a number, .* got None"):
        made(initial={"u": None})


def test_a_name_and_no_delay_are_what_they_say():
    model = fwp.synapses.get("clopath_2010")
    plain, named = (
        connecting.connect(one, sources(), cells(), delay=delay, names={"membrane": None})
        for one, delay in (
            (model, None),
            ("clopath_2010", {"pre": 0 * ms, "post": 0 * ms}),
        )
    )
    assert plain.model.equations == named.model.equations and plain.model.report.waiting
    assert "w" in named.where and named.synapses.pre.delay[:] == 0 * ms


@pytest.mark.parametrize("layout", connecting.LAYOUTS)
def test_cells_are_as_they_were_after_a_mistake(layout):
    """A trace that a failed attempt left behind would look like the cells' own, and stand
    still."""
    before, after = sources(), cells()
    had = set(before.variables), set(after.variables)
    with pytest.raises(fwp.FwpError, match="initial: 'w' has 18 values, got 4"):
        connecting.connect("clopath_2010", before[:6], after, layout=layout,
                           names={"membrane": None}, initial={"w": [1] * 4})  # fmt: skip
    assert (set(before.variables), set(after.variables)) == had
    made = connecting.connect("clopath_2010", before, after, layout=layout,
                              names={"membrane": None})  # fmt: skip
    assert made.where["x"][0] is not before


def test_cells_without_a_threshold_may_have_synapses_that_ask_for_no_spikes_of_theirs():
    silent = b2.NeuronGroup(2, "v : 1", name="silent")
    made = connecting.connect("tsodyks_markram", sources(), silent)
    assert len(made.synapses) == 12
