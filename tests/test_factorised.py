"""The factorised layout: what moves where, and the trajectories of the textbook
layout."""

from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from brian2.utils.stringtools import get_identifiers
from factorised_cases import assert_same, belongs_to_cells, label, models, spikes, step

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.synapses import factorise
from fwp_neuro.synapses.bcpnn import event_text
from fwp_neuro.synapses.pair_stdp import events as stdp_pair
from fwp_neuro.synapses.synapse_class import Equations
from fwp_neuro.synapses.triplet_stdp import events as stdp_triplet
from fwp_neuro.synapses.vogels_2011 import events as vogels_2011

ms = b2.ms
MODELS = models()

def both(model, pre, post, dt, **options):
    return [
        injected.run(model, pre, post, dt=dt, layout=layout, **options)
        for layout in ("factorised", "textbook")
    ]


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_what_moves_where(model):
    found = factorise(model).report
    pre, post, decays = belongs_to_cells(model)
    assert {n for n, side in found.moved.items() if side == "pre"} == pre
    assert {n for n, side in found.moved.items() if side == "post"} == post
    assert set(found.decays) == decays
    assert not found.stamped
    assert all(found.stays.values())  # each with its reason


def changed(model) -> bool:
    report = factorise(model).report
    return bool(report.moved or report.decays or report.waiting)


@pytest.mark.parametrize("model", [m for m in MODELS if changed(m)], ids=label)
def test_same_trajectories(model):
    dt = step(model)
    pre, post = spikes(model, dt)
    # what the cells of a user's give to the synapses of the circuit
    ports = {"teacher": 0.9, "gate": 5 * b2.Hz} if model.kind == "circuit" else None
    found, expected = both(model, pre, post, dt, initial=ports)
    assert_same(found, expected)
    assert np.ptp(expected["weight"]) > 0 or model.kind == "receptor"


@pytest.mark.parametrize(
    "name", ["nmda_per_synapse", "limbacher_2022", "bcpnn", "pair_stdp"]
)
def test_same_courses(name):
    """Samples of every step: of weights, of moved variables, of what synapses sum on
    cells."""
    model = fwp.synapses.get(name)
    record = {"nmda_per_synapse": ["s_nmda", "g_nmda"], "bcpnn": ["Pij_ampa", "Pj_ampa"]}
    record = record.get(name, ["w"])
    dt = step(model)
    pre, post = spikes(model, dt, steps=120)
    assert_same(*both(model, pre, post, dt, record=record, record_every=dt))


#: model, or model-set -> weights that wait; of others what `factorise` says is taken, if
#: it is a weight and can be forbidden (that it changes no trajectory is the law above)
WAITING = {
    "bcm-spikes": "w", "oja-spikes": "w", "homeostatic_scaling-spikes": "w",
    "pair_stdp": "w", "pair_stdp-hard_bounds": "",
    "clopath_2010": "w", "triplet_stdp": "w", "payeur_2021": "w",
    "use_dependent_potentiation": "P", "short_term_potentiation": "fast slow",
    "behavioural_time_scale-bittner_2017": "w",
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_which_writes_wait_for_presynaptic_spikes(model):
    report = factorise(model).report
    expected = WAITING.get(label(model), WAITING.get(model.name))
    if expected is not None:
        assert report.waiting == tuple(expected.split())
    assert set(report.waiting) <= get_identifiers(model.weight) | set(report.cascades)
    if report.waiting:
        assert not factorise(model, writes="both sides").report.waiting
    else:
        assert report.why_not
        with pytest.raises(
            fwp.FwpError, match="writes='presynaptic' is not possible for"
        ):
            factorise(model, writes="presynaptic")


@pytest.mark.parametrize("name", ["pair_stdp", "short_term_potentiation", "triplet_stdp"])
def test_same_trajectories_where_writes_do_not_wait(name):
    model = fwp.synapses.get(name)
    pre, post = spikes(model, 0.5 * ms)
    assert_same(*both(model, pre, post, 0.5 * ms, writes="both sides"))


@pytest.mark.parametrize(
    "name",
    ["pair_stdp", "oja", pytest.param("short_term_potentiation", marks=pytest.mark.slow)],
)
def test_long_runs_are_renewed_in_time(name):
    """Over a hundred time constants, sums of other cells and silence in between."""
    model = fwp.synapses.get(name)
    rng = np.random.default_rng(4)
    pre, post = ((rng.random((3000, 3)) < 0.01).astype(float) for _ in range(2))
    pre[500:2500, 0] = post[800:1800, 1] = 0
    pre[-1] = post[-1] = 1
    assert_same(*both(model, pre, post, 1 * ms))


def test_models_without_anything_to_move_keep_their_text():
    own = [model for model in MODELS if factorise(model).report.passed]
    assert [model.name for model in own] == ["graupner_brunel"]  # by its author's text
    same = [model for model in MODELS if not changed(model) and model not in own]
    assert len(same) > 10
    for model in same:
        found, old = factorise(model).equations, model.equations
        for side in ("pre", "post"):
            assert (
                getattr(found, f"before_{side}") + getattr(found, f"after_{side}") == ""
            )
            assert getattr(found, side) == getattr(old, side).strip()
        new, old = (dict(b2.Equations(text.synapse)) for text in (found, old))
        assert new == old


@pytest.mark.parametrize(
    "name, oracle",
    [
        ("pair_stdp", stdp_pair),
        ("triplet_stdp", stdp_triplet),
        ("vogels_2011", vogels_2011),
    ],
)
def test_factorised_text_is_its_numpy_oracle(name, oracle):
    model = fwp.synapses.get(name)
    pre, post = spikes(model, 1 * ms, steps=400)
    found = injected.run(model, pre, post, dt=1 * ms, layout="factorised")["weight"]
    times = [
        [np.flatnonzero(column) * 1e-3 for column in table.T] for table in (pre, post)
    ]
    expected = [[oracle.changed_weight(model, a, b) for a in times[0]] for b in times[1]]
    assert np.abs(found - np.array(expected)).max() < 1e-12
    assert np.ptp(found) > 1e-3


def test_pairs_of_cells_delays_and_starts_of_their_own():
    """One to one, both sides delayed, variables that do not start at rest, one for each
    synapse."""
    model = fwp.synapses.get("pair_stdp")
    delays = {"late_pre": 3 * ms, "late_post": 1.5 * ms}
    model = replace(
        model,
        equations=replace(model.equations, delay="late_pre", delay_post="late_post"),
        parameters={**model.parameters, **delays},
    )
    pre, post = spikes(model, 0.5 * ms, pre=4, post=4)
    start = {"x": 0.7, "y": 0.3, "w": np.array([1.0, 2, 3, 4])}
    found, expected = both(model, pre, post, 0.5 * ms, pairing="one", initial=start)
    assert_same(found, expected)
    # differs between synapses: it stays there
    start["x"] = np.array([0.1, 0.2, 0.3, 0.4])
    found, expected = both(model, pre, post, 0.5 * ms, pairing="one", initial=start)
    assert_same(found, expected)
    assert (
        factorise(model, keep=["x"]).report.stays["x"]
        == "it was asked for on the synapse"
    )
    assert set(factorise(model, keep=["x"]).report.decays) == {"x"}


def test_a_weight_that_decays_does_so_by_one_shared_factor():
    found, expected = both(decaying(), *spikes(decaying(), 0.5 * ms), 0.5 * ms)
    assert_same(found, expected)
    found, expected = both(decaying(), *spikes(decaying(), 0.5 * ms), 0.5 * ms,
                           record=["w"],
                           record_every=0.5 * ms)  # fmt: skip
    assert np.isfinite(found["w"]).all()
    report = factorise(decaying()).report
    assert dict(report.decays) == {"w": "1/tau_w"} and not report.stamped


def decaying():
    """Pair STDP whose weight relaxes to w_rest and has bounds."""
    from fwp_neuro.synapses.synapse_class import Synapse

    text = Equations(
        synapse="dw/dt = (w_rest - w)/tau_w : 1 (event-driven)\n"
        "dx/dt = -x/tau : 1 (event-driven)\ndy/dt = -y/tau : 1 (event-driven)",
        on_pre="w = clip(w - A*y, 0, 1)\nx += 1",
        on_post="w = clip(w + 0.95*A*x, 0, 1)\ny += 1",
    )
    values = {"tau": 20 * ms, "tau_w": 200 * ms, "w_rest": 0.25, "A": 0.05}
    return Synapse("decaying", "made_up", "plasticity", "", text, values, {}, "", "",
                 initial={"w": 0.6})  # fmt: skip


@pytest.mark.slow
def test_bcpnn_by_events_keeps_what_belongs_to_pairs():
    model = event_text.events(fwp.synapses.get("bcpnn", "tully_2014"), "ampa")
    report = factorise(model).report
    assert set(report.decays) == {"zij", "eij", "pij"}
    assert sorted(n for n, s in report.moved.items() if s == "pre") == ["ei", "pi_", "zi"]
    found, expected = both(model, *spikes(model, 0.5 * ms), 0.5 * ms)
    assert_same(found, expected)


def text_of(synapse, on_pre="", on_post="", method="exact"):
    made = replace(decaying(), equations=Equations(synapse=synapse, on_pre=on_pre,
        on_post=on_post,
                                                   method=method))  # fmt: skip
    return replace(made, weight="w", initial={})


def test_what_differs_between_synapses_stays_with_a_reason():
    own = text_of("w : 1\nthis_tau : second\ndx/dt = -x/this_tau : 1 (event-driven)",
                  "x += 1", "w += x")  # fmt: skip
    report = factorise(own).report
    assert report.stays["x"] == "its differential equation needs this_tau"
    assert "needs this_tau" in report.stamped["x"]
    drawn = factorise(text_of("w : 1\nx : 1", "x += rand()", "w += x")).report
    assert "a draw of its own (rand)" in drawn.stays["x"]
    follows = factorise(text_of("w : 1\ndx/dt = -x/tau : 1 (event-driven)\n"
                                "dz/dt = (x - z)/tau : 1 (event-driven)", "x += 1",
                                "z += 0.1*w",
                                )).report  # fmt: skip
    assert follows.stays["x"] == "z, which stays, follows it between spikes"
    assert not follows.moved


@pytest.mark.parametrize("order", ["old", "new", "both"])
def test_statements_see_a_trace_before_or_after_its_kick(order):
    code = {
        "old": "w += x\nx += 1",
        "new": "x += 1\nw += x",
        "both": "w += x\nx += 1\nw -= x**2/9",
    }
    model = text_of("w : 1\ndx/dt = -x/tau : 1 (event-driven)", code[order], "w *= 0.9")
    text = factorise(model).equations
    assert bool(text.before_pre) == (order == "new") and "x_pre" in text.on_pre
    found, expected = both(model, *spikes(model, 0.5 * ms), 0.5 * ms)
    assert_same(found, expected)


TRACES = "w : 1\ndx/dt = -x/tau : 1 (event-driven)\ndy/dt = -y/tau : 1 (event-driven)"
#: on_pre, on_post, and why no writes wait, if none do
WRITTEN = {
    "new trace": ("x += 1\nw -= A*x", "w += A*x\ny += 1", ""),
    "new and old trace": ("w -= A*x\nx += 1\nw -= A*x**2*y", "w += A*x\ny += 1", ""),
    "new count": ("c += 1\nw -= A*y*int(c > 2)\nx += 1", "w += A*x\ny += 1", ""),
    "count only": ("c += 1\nw -= A*y*int(c > 2)", "w += A\ny += 1", ""),
    "temporary": ("d = A*y; w -= d; x += 1", "w += A*x; y += 1", ""),
    "temporary at post": (
        "w -= A*y; x += 1",
        "d = A*x; w += d; y += 1",
        "keeps a value in d: write",
    ),
    "new and old factor": (
        "w -= A*y\nx += 1",
        "w += A*x*y\ny += 1\nw += A*x*y",
        "y as it was and as it is after its kick",
    ),
    "cell": ("w -= A*y\nx += 1", "w += A*x\ny += 1\nv_post = 0", "also change v_post"),
    "draw": ("x += 1", "w += A*x*rand()", "w has a draw of its own (rand)"),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_writes_wait_wherever_statements_stand(case):
    on_pre, on_post, why = WRITTEN[case]
    model = text_of(TRACES + "\nc : integer" * ("count" in case), on_pre, on_post)
    report = factorise(model).report
    assert report.waiting == (() if why else ("w",)) and why in report.why_not
    if not why:
        assert_same(*both(model, *spikes(model, 0.5 * ms, steps=100), 0.5 * ms))


def test_traces_of_cells_and_of_synapses_do_not_wait_together():
    """The cell kicks its own trace u after on_post, but x before it."""
    model = text_of("w : 1\ndx/dt = -x/tau : 1 (event-driven)", "x += 1", "w += A*u_pre")
    text = replace(model.equations, pre="du/dt = -u/tau : 1", pre_spike="u += 1")
    for on_post, waits in (("w += A*u_pre", True), ("w += A*u_pre + A*x", False)):
        model = replace(model, equations=replace(text, on_post=on_post))
        assert bool(factorise(model).report.waiting) == waits
        assert_same(*both(model, *spikes(model, 0.5 * ms, steps=100), 0.5 * ms))


def test_statements_are_parted_as_brian_parts_them():
    """Brian2 parts statements at ";" first, also within what looks like a comment."""
    model = fwp.synapses.get("pair_stdp")
    text = model.equations
    rows = {
        side: getattr(text, side).strip().split("\n") for side in ("on_pre", "on_post")
    }
    assert len(rows["on_pre"]) > 1
    expected = factorise(model).equations
    for between in ("; ", ";;", "  # a comment\n# another\n", "  # what follows; "):
        told = {side: between.join(part) for side, part in rows.items()}
        assert (
            factorise(replace(model, equations=replace(text, **told))).equations
            == expected
        )
    with pytest.raises(
        fwp.FwpError, match="no statement of the form 'name = expression': 'w -='"
    ):
        factorise(replace(model, equations=replace(text, on_pre="x += 1; w -=")))


def test_mistakes_are_one_sentence():
    model = fwp.synapses.get("pair_stdp")
    with pytest.raises(fwp.FwpError, match="no synaptic variable 'z' .legal: w, x, y"):
        factorise(model, keep=["z"])
    with pytest.raises(fwp.FwpError, match="factorise needs a Synapse"):
        factorise(3)
    with pytest.raises(
        fwp.FwpError, match="unknown synapse model 'pair_sdtp'; did you mean 'pair"
    ):
        factorise("pair_sdtp")
    assert factorise("pair_stdp").equations == factorise(model).equations
    with pytest.raises(
        fwp.FwpError, match="unknown layout 'factored'; did you mean 'factorised'"
    ):
        injected.run(
            model, np.zeros((3, 1)), np.zeros((3, 1)), dt=1 * ms, layout="factored"
        )
    assert factorise(factorise(model)).equations == factorise(model).equations


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("name", ["decaying", "shouval_2002"])
def test_devices_agree(device, name):
    model = decaying() if name == "decaying" else fwp.synapses.get(name)
    pre, post = spikes(model, 0.5 * ms)
    found = injected.run(
        model, pre, post, dt=0.5 * ms, layout="factorised", device=device
    )
    assert_same(found, injected.run(model, pre, post, dt=0.5 * ms))
