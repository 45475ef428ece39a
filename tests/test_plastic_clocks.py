"""Plastic synapses between cells on any clocks give the weights of one common clock."""

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import label, models, spikes
from plastic_oracles import connect, groups, injected, weights

import fwp_neuro as fwp
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.synapses.pair_stdp import events as stdp_pair

ms = b2.ms
STEPS = 120
#: before connect: default time step in ms, own time steps of the sides; then the default
#: afterwards
CLOCKS = {
    "own on one side": (None, (1, 0), None),
    "own on both sides": (0.1, (1, 1), None),
    "finer default after connect": (None, (0, 0), 1.0),
    "coarser default after connect": (None, (0, 0), 0.05),
}


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler, and put the default time step back."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    yield
    b2.defaultclock.dt = 0.1 * ms


def made(model, tables, dt, case, layout, runs=(STEPS,), **options):
    """Return what is learned under one of `CLOCKS`."""
    before, own, wrong = CLOCKS[case]
    b2.defaultclock.dt = dt if before is None else before * ms
    own_variables = "teacher : 1\ngate : Hz" if given(model) else ""
    steps_of = [dt if one else None for one in own]
    cells = groups(tables, steps_of, variables=own_variables)
    for name, value in given(model).items():
        setattr(cells[1], name, value)
    if wrong is not None:
        b2.defaultclock.dt = wrong * ms
    b2.seed(0)
    if given(model):
        options["names"] = {"membrane": None}  # one that the model brings
    found = connect(model, *cells, layout=layout, **options)
    if wrong is not None:
        b2.defaultclock.dt = dt
    network = b2.Network(*cells, *found.objects)
    for steps in runs:
        network.run(steps * dt, namespace={})
    return weights(found)


#: what the cells give to the synapses of the circuit
GIVEN = {"teacher": 0.9, "gate": 5 * b2.Hz}


def given(model) -> dict:
    return GIVEN if model.kind == "circuit" else {}


def expected(model, tables, dt):
    """Return the textbook layout on the default clock."""
    found = injected.run(model, *tables, dt=dt, initial=given(model))
    return {name: table.T.ravel() for name, table in found.items()}


def same(found, right):
    for name, values in found.items():
        assert np.abs(values - right[name]).max() <= 1e-11 * np.abs(right[name]).max(), (
            name
        )


def cases():
    quick = ("pair_stdp",)
    for model in models():
        if model.kind == "receptor" or "linear" in label(model):
            continue
        for dt in (0.05, 0.1, 0.2, 0.5, 1.0):
            marks = () if model.name in quick and dt == 0.5 else pytest.mark.slow
            yield pytest.param(model, dt * ms, id=f"{label(model)}-{dt}", marks=marks)


@pytest.mark.parametrize("model, dt", cases())
def test_weights_do_not_depend_on_whose_clock_it_is(model, dt):
    if model.name == "graupner_brunel":
        model = model.changed(sigma=1e-14)
    delays = (model.equations.delay, model.equations.delay_post)
    late = max(float(model.parameters[name] / dt) if name else 0 for name in delays)
    steps = STEPS + int(late)  # so that the first spikes arrive too
    tables = spikes(model, dt, steps=steps)
    try:
        right = expected(model, tables, dt)
    except fwp.FwpError as problem:  # the model itself is unstable at this step
        pytest.skip(str(problem))
    for layout in LAYOUTS:
        for case in CLOCKS:
            try:
                found = made(model, tables, dt, case, layout, runs=(steps,))
            except fwp.FwpError as problem:
                assert "set the time step before connect" in str(problem) or (
                    "too few for the factorised layout" in str(problem)
                    or "decays too fast for" in str(problem)
                )
                continue
            same(found, right)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_coarse_clock_on_one_side_is_that_of_its_spikes(layout):
    model, dt = fwp.synapses.get("triplet_stdp"), 0.5 * ms
    for side in (0, 1):
        tables = spikes(model, dt, steps=STEPS, rate=0.06)
        tables[side][1::2] = 0  # on every other step only
        right = expected(model, tables, dt)
        tables[side] = tables[side][::2]
        steps = [2 * dt if one == side else dt for one in (0, 1)]
        cells = groups(tables, steps)
        found = connect(
            model, *cells, layout=layout, delay={"post": 2 * ms, "pre": 0 * ms}
        )
        late = connect(
            model, *cells, layout="textbook", delay={"post": 2 * ms, "pre": 0 * ms}
        )
        plain = connect(model, *cells, layout=layout)
        network = b2.Network(*cells, *found.objects, *late.objects, *plain.objects)
        network.run(STEPS * dt, namespace={})
        same(weights(plain), right)
        same(weights(found), weights(late))


def test_clocks_that_do_not_fit_are_one_sentence():
    cells = groups([np.zeros((10, 2))] * 2, [0.2 * ms, 0.3 * ms])
    with pytest.raises(
        fwp.FwpError, match="'before' and 'after' have time steps of 0.2 ms and"
    ):
        connect("pair_stdp", *cells)
    cells = groups([np.zeros((10, 2))] * 2, [None, 0.3 * ms])
    found = connect("pair_stdp", *cells)
    network = b2.Network(*cells, *found.objects)
    network.run(3 * ms, namespace={})
    b2.defaultclock.dt = 0.25 * ms
    with pytest.raises(fwp.FwpError, match="one that is a whole multiple of the other"):
        network.run(3 * ms, namespace={})
    b2.defaultclock.dt = 0.6 * ms  # now the other clock is the fine one
    with pytest.raises(
        fwp.FwpError, match="the time step of the cells was changed after connect"
    ):
        network.run(3 * ms, namespace={})
    cells = groups([np.zeros((10, 2))] * 2, [0.2 * ms, 0.2 * ms])
    for options in ({"dt": 0.1 * ms}, {"clock": b2.Clock(0.1 * ms)}):
        with pytest.raises(
            fwp.FwpError, match="plastic synapses advance with their cells, by"
        ):
            connect("pair_stdp", *cells, **options)
    assert len(connect("pair_stdp", *cells, dt=0.2 * ms).synapses) == 4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_time_step_may_change_between_runs_and_be_restored(layout):
    """Any source of spikes; a network that is stored, runs on another step, and is
    restored."""
    model = fwp.synapses.get("pair_stdp")
    b2.defaultclock.dt = 0.5 * ms
    before = b2.SpikeGeneratorGroup(2, [0, 1, 0, 1], [2, 5, 21, 33] * ms)
    after = b2.SpikeGeneratorGroup(2, [0, 1, 0], [4, 12, 27] * ms)
    found = connect(model, before, after, layout=layout)
    network = b2.Network(before, after, *found.objects)
    network.run(10 * ms)
    network.store()
    right = [[stdp_pair.changed_weight(model, pre, post) for post in ([4e-3, 27e-3],
        [12e-3])]
             for pre in ([2e-3, 21e-3], [5e-3, 33e-3])]  # fmt: skip
    for dt in (1, 0.25, 0.5):
        b2.defaultclock.dt = dt * ms
        network.run(30 * ms)
        assert np.abs(found.values("w") - np.ravel(right)).max() < 1e-13
        network.restore()


def test_networks_are_complete_and_names_are_unique():
    before, after = b2.PoissonGroup(3, 20 * b2.Hz), b2.PoissonGroup(3, 20 * b2.Hz)
    many = [connect("pair_stdp", before, after) for _ in range(3)]
    b2.Network(before, after, *(one.objects for one in many)).run(1 * ms)
    before, after = b2.PoissonGroup(3, 20 * b2.Hz), b2.PoissonGroup(3, 20 * b2.Hz)
    twice = [connect("pair_stdp", before, after, name="mine") for _ in range(2)]
    with pytest.raises(fwp.FwpError, match="more than one object called 'mine'"):
        b2.Network(before, after, *(one.objects for one in twice)).run(1 * ms)
    network = b2.Network(before, after, twice[0].synapses)
    with pytest.raises(
        fwp.FwpError, match="network lacks 'mine_pre_exact', .*made.objects"
    ):
        network.run(1 * ms)
    with pytest.raises(fwp.FwpError, match="name must be a letter, then .* got '1x'"):
        connect("pair_stdp", before, after, name="1x")
