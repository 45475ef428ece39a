"""A synapse composed of plasticity, release and receptor, and how it transmits to any
cells."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from compose_cases import cells, course, expected, source
from factorised_cases import spikes, step

import fwp_neuro as fwp
from fwp_neuro.circuits import connect, injected
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.synapses import compose, names
from fwp_neuro.synapses.synapse_class import Equations

ms, mV, nS, Hz = b2.ms, b2.mV, b2.nS, b2.Hz
PLASTICITY, RECEPTORS = names("plasticity"), names("receptor")
RELEASES = [None, *names("short-term plasticity")]
#: every release and most receptors occur; the slow test has all pairs
EVERY = [(p, RELEASES[(n + m) % len(RELEASES)], r)
         for n, p in enumerate(PLASTICITY) for m, r in enumerate(RECEPTORS)]  # fmt: skip
#: rules whose text is quick to run
QUICK = ("anti_hebbian", "oja", "pair_stdp", "urbanczik_senn_2014", "vogels_2011")
FEW = [parts for parts in EVERY[:: len(RECEPTORS) + 1] if parts[0] in QUICK]


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


def check_composition(plasticity, release, receptor):
    """Both layouts transmit the same, and the weight is that of the plasticity rule
    alone."""
    alone = fwp.synapses.get(plasticity)
    model = compose(plasticity, release, receptor)
    g, dt = model.ports["conductance"], step(alone)
    pre, post = spikes(alone, dt, steps=120)
    record = {"record": (g,), "record_every": dt}
    text = injected.run(model, pre, post, dt=dt, **record)
    assert text[g].max() > 0
    cheap = injected.run(model, pre, post, dt=dt, layout="factorised", **record)
    for name, values in text.items():
        scale = np.abs(values).max()
        assert np.abs(cheap[name] - values).max() <= 1e-12 * scale, name
    if not alone.transmits:  # else its own cell no longer sees what the receptor replaces
        # on the synapse, parts with different integrators share one; cells keep theirs
        one, both = alone.equations, model.equations
        same = replace(one, method=both.method, methods=both.methods | one.methods)
        own = injected.run(replace(alone, equations=same), pre, post, dt=dt)["weight"]
        np.testing.assert_allclose(text["weight"], own, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("parts", FEW, ids=str)
def test_compositions_transmit_in_both_layouts(parts):
    check_composition(*parts)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [p for p in EVERY if p not in FEW], ids=str)
def test_every_pair_transmits_in_both_layouts(parts):
    check_composition(*parts)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sum_of_the_users_cells_follows_the_closed_form(layout):
    pre, post = source(), cells()
    made = connect("pair_stdp", pre, post, through="ampa", layout=layout,
                   names={"conductance": "g_in"}, initial={"w": 0.7})  # fmt: skip
    at, g = course(post, "g_in", made, others=[pre])
    ampa = fwp.synapses.get("ampa")
    tau, full = ampa.numbers("tau_ampa", "gbar_ampa")
    np.testing.assert_allclose(
        g[0], expected((1, 3, 6), at, tau, 0.7 * full), rtol=1e-9, atol=0
    )


def test_a_release_and_its_depression_scale_what_is_sent():
    pre, post = source((1, 11, 31)), cells()
    release = fwp.synapses.get("tsodyks_markram", "tsodyks_1998_depressing")
    made = connect("pair_stdp", pre, post, through="ampa", release=release,
                   names={"conductance": "g_in"})  # fmt: skip
    at, g = course(post, "g_in", made, others=[pre], duration=40)
    amounts = fwp.synapses.short_term(release, None, np.array([1, 11, 31]) * ms)
    tau, full = fwp.synapses.get("ampa").numbers("tau_ampa", "gbar_ampa")
    since = at[:, None] - np.array([1, 11, 31]) * 1e-3 - 1e-4
    want = full * (np.where(since > -1e-9, np.exp(-since / tau), 0) * amounts).sum(1)
    np.testing.assert_allclose(g[0], want, rtol=1e-9, atol=0)


def test_several_projections_add_up_and_keep_what_was_there():
    fast = fwp.synapses.get("nmda_per_cell")
    slow = fast.changed(tau_nmda=40 * ms)
    found = []
    for chosen in ([fast], [slow], [fast, slow]):
        pre, post = source(), cells()
        post.g_in = 3 * nS
        made = [connect("pair_stdp", pre, post, through=one,
                        names={"conductance": "g_in"})
                for one in chosen]  # fmt: skip
        found.append(course(post, "g_in", *made, others=[pre])[1] - 3e-9)
    one, two, both = found
    assert one.max() > 1e-12 and np.abs(one - two).max() > 1e-12
    np.testing.assert_allclose(both, one + two, rtol=1e-9, atol=1e-22)


def test_projections_share_a_trace_of_the_cells_only_if_it_is_the_same():
    pre, post = source(), cells()
    bcm = fwp.synapses.get("bcm")
    both = [bcm, bcm.changed(tau_x=20 * ms), bcm]
    pre, post = source((1, 4, 9)), source((2, 7))
    together = [connect(model, pre, post) for model in both]
    assert "x" in pre.variables and sum("x_of" in name for name in pre.variables) == 1
    network = b2.Network(pre, post, *(o for made in together for o in made.objects))
    network.run(20 * ms, namespace={})
    for model, made in zip(both, together, strict=True):
        pre, post = source((1, 4, 9)), source((2, 7))
        alone = connect(model, pre, post)
        b2.Network(pre, post, *alone.objects).run(20 * ms, namespace={})
        np.testing.assert_allclose(made.values("w"), alone.values("w"), rtol=1e-12)


def test_a_differential_equation_of_the_cells_takes_the_kicks():
    pre, post = source(), cells("dg_in/dt = -g_in/(9*ms) : siemens")
    made = connect("pair_stdp", pre, post, through="ampa", names={"conductance": "g_in"})
    at, g = course(post, "g_in", made, others=[pre], when="start")
    full = fwp.synapses.get("ampa").numbers("gbar_ampa")[0]
    np.testing.assert_allclose(
        g[0], expected((1, 3, 6), at, 9e-3, full), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("receptor", ["ampa", "nmda_per_cell", "gaba_a_kinetic"])
def test_a_conductance_without_a_unit_counts_in_openings_of_one_spike(receptor):
    found = []
    for rows in ("g_in : siemens", "g_in : 1"):
        pre, post = source(), cells(rows)
        made = connect(
            "pair_stdp", pre, post, through=receptor, names={"conductance": "g_in"}
        )
        found.append(course(post, "g_in", made, others=[pre])[1])
    model = fwp.synapses.get(receptor)
    (full,) = (float(v) for n, v in model.parameters.items() if n.startswith("gbar_"))
    np.testing.assert_allclose(found[0], found[1] * full, rtol=1e-9)


def test_cells_that_read_the_conductance_by_its_name_get_it():
    pre = source()
    post = b2.NeuronGroup(1, "dv/dt = (-70*mV - v)/(10*ms) - g_ampa*v/(200*pF) : volt",
                          method="euler", threshold="v > 0*mV", reset="")  # fmt: skip
    post.v = -70 * mV
    made = connect("pair_stdp", pre, post, through="ampa")
    _, v = course(post, "v", made, others=[pre])
    assert v.max() > -0.07 + 1e-7


def test_the_calcium_of_graupner_brunel_waits_and_its_receptor_does_not():
    model = compose("graupner_brunel", None, "ampa")
    pre, post = source((1,)), cells()
    made = connect(model, pre, post, names={"conductance": "g_in"})
    at, g = course(post, "g_in", made, others=[pre], duration=5)
    assert at[np.flatnonzero(g[0])[0]] == pytest.approx(1.1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_part_of_a_group_may_meet_the_whole(layout):
    found = []
    for part in (True, False):
        table = np.random.default_rng(4).random((200, 6)) < 0.05
        space = {"fires": b2.TimedArray(1.0 * table, dt=0.1 * ms)}
        group = b2.NeuronGroup(6, "g_in : 1", threshold="fires(t, i) > 0.5", reset="",
                               namespace=space)  # fmt: skip
        some = {} if part else {"connect": {"condition": "i >= 1 and i < 4"}}
        made = connect("pair_stdp", group[1:4] if part else group, group, through="ampa",
                       names={"conductance": "g_in"}, layout=layout,
                       delay={"pre": 1 * ms},
                       **some)  # fmt: skip
        g = course(group, "g_in", made)[1]
        found.append((made.values("w"), g))
    assert np.ptp(found[0][0]) > 1e-3 and np.ptp(found[0][1]) > 1
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_a_release_scales_what_a_rule_sends_to_its_own_cell():
    release = fwp.synapses.get("tsodyks_markram", "tsodyks_1998_depressing")  # U = 0.5
    found = []
    for model in (fwp.synapses.get("clopath_2010"), compose("clopath_2010", release)):
        pre, post = (
            source((5,)),
            b2.NeuronGroup(1, "", threshold="t > 1*second", reset=""),
        )
        made = connect(model, pre, post)
        network = b2.Network(pre, post, *made.objects)
        network.run(5 * ms, namespace={})
        before = float(post.V_[0])
        network.run(0.1 * ms, namespace={})
        found.append(float(post.V_[0]) - before)
    assert found[0] > 1e-4
    assert found[1] == pytest.approx(found[0] / 2, rel=0.01)


def test_a_gate_of_the_synapse_opens_by_the_release_whoever_brings_it():
    release = fwp.synapses.get("tsodyks_markram", "tsodyks_1998_depressing")
    found = []
    for parts in (("pair_stdp", release), (release, None)):
        pre, post = source((5, 15)), cells()
        made = connect(compose(*parts, "nmda_per_synapse"), pre, post,
                       names={"conductance": "g_in"})  # fmt: skip
        found.append(course(post, "g_in", made, others=[pre])[1][0])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    assert (
        "scales all that is open"
        in compose("pair_stdp", release, "nmda_per_cell").conventions
    )
    assert (
        "scales all that is open"
        not in compose("oja", release, "nmda_per_synapse").conventions
    )


def test_a_conductance_that_an_earlier_projection_attached_takes_the_kicks_too():
    found = []
    for chosen in (["ampa"], ["ampa", "composed"]):
        pre = source()
        post = b2.NeuronGroup(
            1, "seen = g_ampa : siemens", threshold="t > 1*second", reset=""
        )
        made = [connect("ampa", pre, post)]
        if len(chosen) > 1:
            made.append(
                connect(compose("oja", None, "ampa"), pre, post, initial={"w": 1})
            )
        network = b2.Network(pre, post, *(o for one in made for o in one.objects))
        network.run(8 * ms, namespace={})
        found.append(float(post.g_ampa_[0]))
    # oja's weight moves a little
    assert found[1] == pytest.approx(2 * found[0], rel=1e-3)
    with pytest.raises(fwp.FwpError, match="with other numbers"):
        connect(
            "pair_stdp",
            pre,
            post,
            through=fwp.synapses.get("ampa").changed(tau_ampa=9 * ms),
        )


@pytest.mark.parametrize("names", [{"conductance": "g_in"}, {"conductance": None}])
def test_a_loaded_projection_adds_its_conductance_to_the_cells_again(names, tmp_path):
    variable = "g_in" if names["conductance"] else "g_ampa"
    made = []
    for _ in range(2):
        pre, post = source(), cells()
        one = connect("pair_stdp", pre, post, through="ampa", names=names)
        made.append((post, one, b2.Network(pre, post, *one.objects)))
    (post, one, network), (other, two, empty) = made
    network.run(6.5 * ms, namespace={})
    two.load(one.save(tmp_path / "synapses.npz"))
    for n in (network, empty):
        n.run(0.1 * ms, namespace={})
    want = float(getattr(post, f"{variable}_")[0])
    assert want > 1e-11
    assert float(getattr(other, f"{variable}_")[0]) == pytest.approx(want, rel=1e-12)


def test_delays_of_each_synapse_hold_for_what_one_delay_holds_for():
    found = []
    for late in (2 * ms, [2, 2] * ms):
        made = connect(
            compose("graupner_brunel", None, "ampa"),
            source(count=2),
            cells(count=1),
            layout="textbook",
            delay={"pre": late},
            names={"conductance": "g_in"},
        )
        found.append(
            {one.objname: float(np.max(one.delay)) for one in made.synapses._pathways}
        )
    assert found[0] == pytest.approx(found[1])
    assert found[0]["pre"] == 2e-3 and found[0]["arrival"] == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("receptor", names("receptor"))
def test_a_delay_holds_for_what_is_transmitted_or_is_refused(receptor, layout):
    found = []
    for late in (None, {"pre": 5 * ms}):
        pre, post = source(), cells()
        try:
            made = connect("pair_stdp", pre, post, through=receptor, layout=layout,
                           delay=late, names={"conductance": "g_in"})  # fmt: skip
        except fwp.FwpError as refused:
            assert late and "is a gate of the presynaptic cell" in str(refused)
            assert fwp.synapses.get(receptor).equations.pre
            return
        found.append(course(post, "g_in", made, others=[pre], duration=12)[1][0])
    np.testing.assert_allclose(found[1][50:], found[0][:-50], rtol=1e-9, atol=1e-22)
    assert not fwp.synapses.get(receptor).equations.pre


def test_a_share_of_a_part_is_a_share_where_it_varies():
    model = compose("short_term_potentiation", None, "ampa")
    release = compose("use_dependent_potentiation", "tsodyks_markram")
    assert "U_release" in release.parameters and "U" in model.parameters
    with pytest.raises(fwp.FwpError, match="share from 0 to 1"):
        connect(
            release, source(count=2), cells(), varying={"U_release": ("pre", [0.5, 1.5])}
        )


@pytest.mark.parametrize("rows", ["", "g_nmda : siemens"])
def test_populations_open_one_receptor_of_a_cell_without_names(rows):
    found = []
    for count in (1, 2):
        post, sources = cells(rows), [source() for _ in range(count)]
        made = [connect("nmda_per_cell", pre, post) for pre in sources]
        b2.Network(post, *sources, *(o for one in made for o in one.objects)).run(
            10 * ms, namespace={}
        )
        group, name = made[0].where.get("g_nmda", (post, "g_nmda"))
        found.append(float(np.array(getattr(group, f"{name}_"))[0]))
    assert found[0] > 1e-11 and found[1] == pytest.approx(2 * found[0], rel=1e-12)


def test_a_plain_conductance_of_the_cells_falls_as_the_receptor_does():
    post, pre = cells("g_ampa : siemens"), source()
    made = connect("ampa", pre, post)
    at, found = course(post, "g_ampa", made, others=[pre])
    tau, full = (float(made.model.parameters[n]) for n in ("tau_ampa", "gbar_ampa"))
    np.testing.assert_allclose(
        found[0], expected((1, 3, 6), at, tau, full), rtol=1e-9, atol=1e-20
    )


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: compose("ampa"), "plasticity must be a model of the kind plasticity or "
                                  "short"),
        (lambda: compose("pair_stdp", "ampa"), "release must be a model of the kind "
                                               "short-term"),
        (lambda: compose("pair_stdp", None, "pair_stdp"),
         "receptor must be a model of the kind"),
        (lambda: compose("tsodyks_markram", "tsodyks_markram"), "is a release itself"),
        (lambda: compose(compose("pair_stdp", "tsodyks_markram"), None, "ampa"),
         "has a release already: give its plasticity rule, release and receptor to one "
         "call"),
        (lambda: compose(compose("pair_stdp", None, "ampa"), None, "ampa"),
         "has a receptor alr"),
        (lambda: compose("pair_sdtp"), "did you mean 'pair_stdp'"),
        (lambda: compose("pair_stdp", eligibility=3), "eligibility"),
        (lambda: compose("bcpnn", eligibility=1 * b2.second),
         "only one that is a variable"),
        (lambda: connect("pair_stdp", source(), cells("x : 1"), through="ampa"),
         r"opens a conductance g_ampa .*nothing .*reads it \(their variables: v, x\)"),
        (lambda: connect("pair_stdp", source(), cells(), through="ampa",
                         names={"conductance": "v"}), "is in volt"),
        (lambda: connect("pair_stdp", source(), cells(), through="ampa",
                         names={"conductance": "g"}), r"no variable 'g' .*legal: g_in, "
                                                      r"v"),
        (lambda: connect("pair_stdp", source(), cells("dg/dt = -g/second : siemens"),
                         through="nmda_per_cell", names={"conductance": "g"}),
                         "plain variable"),
        (lambda: connect(compose("pair_stdp", eligibility=1 * b2.second), source(),
                         cells()),
         r"reads the modulator \(1\) .*have none \(their variables: g_in, v\)"),
        (lambda: connect("pair_stdp", source(), cells("g : siemens (constant)"),
                         through="ampa", names={"conductance": "g"}), "a constant"),
        (lambda: connect("pair_stdp", source(), cells(), through="ampa",
                         names={"conductanse": "g_in"}),
                         "no port or variable 'conductanse'"),
        (lambda: connect("pair_stdp", source(), cells("g : integer"),
                         through="ampa", names={"conductance": "g"}), "no real number"),
        (lambda: connect("pair_stdp", source(), cells("g : siemens (shared)"),
                         through="ampa", names={"conductance": "g"}),
                         "shared by all of them"),
        (lambda: fwp.synapses.short_term(compose("pair_stdp", None, "ampa"), None,
                                         [1] * ms),
         "of the kind plasticity and has no release"),
        (lambda: connect("linear_difference", source(),
                         cells("g_in : siemens\ntaught : 1"), through="ampa",
                         names={"conductance": "g_in", "membrane": None,
                                                "teacher": "taught", "gate": None}),
         "compares its teacher with what its receptor recalls"),
        (lambda: compose(replace(fwp.synapses.get("pair_stdp"),
                                 equations=Equations("w :")), receptor="ampa"),
         "cannot read equations.synapse, 'w :': Expected end of text"),
        (lambda: connect(replace(fwp.synapses.get("pair_stdp"),
                                 equations=Equations("w :")), source(), cells()),
         "cannot read equations.synapse, 'w :': Expected end of text"),
    ],
)  # fmt: skip
def test_one_sentence_says_what_cannot_be_composed(call, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        call()
