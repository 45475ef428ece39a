"""States of plastic synapses that are recorded, saved, loaded, stored and restored."""

import json
import os
import subprocess
import sys

import brian2 as b2
import numpy as np
import pytest
from brian2.devices.device import RuntimeDevice
from brian2.synapses.spikequeue import SpikeQueue
from factorised_cases import assert_same, label, models, spikes, step
from varying_cases import attached, states, table_cells

import fwp_neuro as fwp
from fwp_neuro.circuits.plastic.connecting import LAYOUTS, connect
from fwp_neuro.circuits.plastic.plastic_saving import _stamps

ms = b2.ms
HALF = 90  # steps
QUICK = {"pair_stdp-song_miller_abbott_2000", "short_term_potentiation-post_ampa",
         "graupner_brunel-DP"}  # fmt: skip


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler, and put the default time step back."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    yield
    b2.defaultclock.dt = 0.1 * ms


def cases(quick=QUICK):
    for model in models():
        yield pytest.param(
            model,
            id=label(model),
            marks=() if label(model) in quick else pytest.mark.slow,
        )


def built(model, layout, tables, **options):
    """Return (network, plastic synapses) between cells that spike as tables say."""
    b2.start_scope()
    b2.defaultclock.dt = step(model)
    groups = table_cells(model, step(model), tables)
    options = {"names": attached(model, groups), **options}
    made = connect(model, *groups, layout=layout, **options)
    return b2.Network(*groups, *made.objects), made


def second_half(model, layout, tables, path=None, **options):
    """Run the second half alone, from a file."""
    network, made = built(model, layout, [table[HALF:] for table in tables], **options)
    made.load(path)
    b2.seed(5)
    network.run(HALF * step(model))
    found = states(made)
    for name in {name for _, name in _stamps(made)}:  # which are as long ago as they were
        for own in {name, f"{name}_pre", f"{name}_post"} & set(found):
            found[own] = found[own] + HALF * float(step(model))
    return found


def bounded(model, layout="factorised"):
    """Slow down the one model whose weights several cells make grow without bounds.

    The factorised layout draws the noise of many steps at once, also when a state is
    read; it is left out there.
    """
    if model.name == "graupner_brunel" and layout == "factorised":
        return model.changed(sigma=0)
    if label(model) != "bcm-linear":
        return model
    return model.changed(eta=0.1 * model.parameters["eta"])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model", cases())
def test_a_run_goes_on_from_a_file_and_from_what_was_stored(model, layout, tmp_path):
    dt = step(model)
    model = bounded(model, layout)
    tables = spikes(model, dt, steps=2 * HALF)
    network, made = built(model, layout, tables)
    network.run(HALF * dt)
    before = states(made)
    made.save(tmp_path / "half.npz")
    network.store()
    b2.seed(5)
    network.run(HALF * dt)
    expected = states(made)
    assert any((expected[name] != before[name]).any() for name in expected)
    network.restore()
    assert_same(states(made), before, 0)
    b2.seed(5)
    network.run(HALF * dt)
    assert_same(states(made), expected, 0)
    assert_same(second_half(model, layout, tables, tmp_path / "half.npz"), expected)
    if model.name != "graupner_brunel" or layout == "factorised":
        network, made = built(model, layout, tables)  # else other noise
        network.run(2 * HALF * dt)
        assert_same(states(made), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_spikes_on_their_way_frozen_synapses_and_values_that_vary(layout, tmp_path):
    options = {"delay": {"pre": 3 * ms, "post": 1 * ms},
               "varying": {"tau_plus": ("pre", [10, 15, 20] * ms)}}  # fmt: skip
    model = fwp.synapses.get("pair_stdp")
    tables = spikes(model, step(model), steps=2 * HALF)
    tables[0][HALF - 3 : HALF] = 1  # on their way
    network, made = built(model, layout, tables, **options)
    network.run(HALF * step(model))
    made.save(tmp_path / "half.npz")
    b2.seed(5)
    network.run(HALF * step(model))
    expected = states(made)
    assert_same(
        second_half(model, layout, tables, tmp_path / "half.npz", **options), expected
    )

    options["varying"] = {"tau_plus": ("pre", [20, 20, 20] * ms)}
    other = second_half(model, layout, tables, tmp_path / "half.npz", **options)
    assert_same(other, expected)  # the file holds the values too

    network, made = built(model, layout, tables, **options)
    network.run(HALF * step(model))
    made.freeze()
    frozen = made.values("w")
    made.save(tmp_path / "frozen.npz")
    network, made = built(model, layout, [table[HALF:] for table in tables], **options)
    made.load(tmp_path / "frozen.npz")
    network.run(HALF * step(model))
    assert made.frozen and (made.values("w") == frozen).all()


@pytest.mark.parametrize("python", ["first", "second"])
def test_both_queues_of_brian2_read_each_others_files(python, tmp_path, monkeypatch):
    model, options = (
        fwp.synapses.get("pair_stdp"),
        {"delay": {"pre": 3 * ms, "post": 1 * ms}},
    )
    tables = spikes(model, step(model), steps=2 * HALF)
    for table in tables:
        table[HALF - 4 : HALF + 20 : 3] = 1

    def queues(half):
        if half == python:
            monkeypatch.setattr(RuntimeDevice, "spike_queue",
                                lambda self, source_start, source_end:
                                SpikeQueue(source_start, source_end))  # fmt: skip
        else:
            monkeypatch.undo()
        monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")

    queues("first")
    network, made = built(model, "textbook", tables, **options)
    assert isinstance(made.synapses.pre.queue, SpikeQueue) == (python == "first")
    network.run(HALF * step(model))
    made.save(tmp_path / "half.npz")
    network.run(HALF * step(model))
    expected = states(made)
    queues("second")
    assert_same(
        second_half(model, "textbook", tables, tmp_path / "half.npz", **options), expected
    )


def test_a_file_continues_at_any_time_of_the_network(tmp_path):
    """Times that the model keeps move with the network's."""
    model = fwp.synapses.get("graupner_brunel").changed(sigma=1e-14)
    tables = spikes(model, step(model), steps=2 * HALF)
    network, made = built(model, "textbook", tables)
    network.run(HALF * step(model))
    made.save(tmp_path / "half.npz")
    network.run(HALF * step(model))
    expected = states(made)
    late = [np.vstack([np.zeros_like(table[:10]), table[HALF:]]) for table in tables]
    network, made = built(model, "textbook", late)
    network.run(10 * step(model))
    made.load(tmp_path / "half.npz")
    network.run(HALF * step(model))
    found = states(made)
    sooner = (HALF - 10) * float(step(model))
    assert found["since"] == pytest.approx(expected["since"] - sooner, abs=1e-12)
    for name in ("rho", "c_last", "effective"):
        assert found[name] == pytest.approx(expected[name], rel=1e-12)


SCRIPT = """
import sys
sys.path[:0] = {paths!r}
import brian2 as b2, numpy as np
b2.prefs.codegen.target = "numpy"
from test_plastic_saving import second_half
import fwp_neuro as fwp
model = fwp.synapses.get({name!r})
tables = [np.load(one) for one in {tables!r}]
np.savez("found.npz", **second_half(model, {layout!r}, tables, "half.npz"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "name", ["short_term_potentiation", "clopath_2010", "graupner_brunel"]
)
def test_a_run_goes_on_in_a_new_process(name, layout, tmp_path):
    model = fwp.synapses.get(name)
    tables = spikes(model, step(model), steps=2 * HALF)
    for n, table in enumerate(tables):
        np.save(tmp_path / f"{n}.npy", table)
    network, made = built(model, layout, tables)
    network.run(HALF * step(model))
    made.save(tmp_path / "half.npz")
    b2.seed(5)
    network.run(HALF * step(model))
    paths = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(fwp.__file__))]
    code = SCRIPT.format(paths=paths, name=name, tables=["0.npy", "1.npy"], layout=layout)
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True
    )
    with np.load(tmp_path / "found.npz") as found:
        assert_same(dict(found), states(made))


# ------------------------------------------------------------------ files that do not fit


def test_files_that_do_not_fit_are_one_sentence_and_change_nothing(tmp_path):
    tables = [np.ones((4, 3)), np.ones((4, 3))]
    _, made = built(
        fwp.synapses.get("pair_stdp"), "factorised", tables, initial={"w": 0.7}
    )
    path = tmp_path / "a.npz"
    assert made.save(path) == path
    assert json.loads(str(np.load(path)["header"]))["model"] == "pair_stdp"
    get = fwp.synapses.get
    wrong = {
        "its model is 'pair_stdp', and that of these .* 'vogels_2011'": (get("vogels_2011"), {}),  # noqa: E501
        "its parameter set is 'song_miller_abbott_2000'": (get("pair_stdp",
            "hard_bounds"), {}),
        "its layout is 'factorised', and": (get("pair_stdp"), {"layout": "textbook"}),
        "its parameters differ: A_plus=0.005 .here 0.1": (
            get("pair_stdp").changed(A_plus=0.1), {}),
        "its number of synapses is 9, and": (get("pair_stdp"),
                                             {"connect": {"i": [0], "j": [1]}}),
        "its parameters that vary differ|its parameters differ": (
            get("pair_stdp"), {"varying": {"A_plus": ("pre", [0.1, 0.2, 0.3])}}),
    }  # fmt: skip
    for words, (model, options) in wrong.items():
        options = {"layout": "factorised", **options}
        _, other = built(model, options.pop("layout"), tables, **options)
        before = states(other)
        with pytest.raises(fwp.FwpError, match=f"cannot load .*{words}") as problem:
            other.load(path)
        assert "\n" not in str(problem.value) and len(str(problem.value)) < 400
        assert_same(states(other), before, 0)
    _, other = built(get("pair_stdp"), "factorised", [np.ones((4, 2)), np.ones((4, 3))])
    with pytest.raises(
        fwp.FwpError, match="its number of presynaptic cells is 3, and .* 2"
    ):
        other.load(path)
    pairs = {"i": np.array([2, 1, 0]), "j": np.array([0, 1, 2])}
    _, one = built(get("pair_stdp"), "factorised", tables, connect=pairs)
    _, other = built(
        get("pair_stdp"), "factorised", tables, connect={"condition": "i == j"}
    )
    with pytest.raises(fwp.FwpError, match="its synapses connect other cells"):
        other.load(one.save(tmp_path / "b.npz"))
    _, other = built(get("pair_stdp"), "factorised", tables)
    path.write_bytes(path.read_bytes()[:-200])
    (tmp_path / "text.npz").write_text("weights")
    np.savez(tmp_path / "other.npz", w=np.ones(3))
    for name in ("a.npz", "text.npz", "other.npz"):
        with pytest.raises(fwp.FwpError, match="holds no synapses: it is another file"):
            other.load(tmp_path / name)
    with pytest.raises(fwp.FwpError, match="there are no synapses at .*none.npz"):
        other.load(tmp_path / "none.npz")
    with pytest.raises(
        fwp.FwpError, match="cannot save the synapses to .*there is no folder"
    ):
        other.save(tmp_path / "no" / "a.npz")


# ---------------------------------------------------------------------------- records


@pytest.mark.parametrize("model", cases(QUICK - {"graupner_brunel-DP"}))
def test_records_are_the_same_in_every_layout(model):
    model, dt, found = bounded(model), step(model), {}
    tables = spikes(model, dt, steps=HALF)
    equations = b2.Equations(model.equations.synapse)
    names = sorted({*equations.diff_eq_names, *equations.parameter_names})
    for layout in LAYOUTS:
        b2.start_scope()
        b2.defaultclock.dt = dt
        groups = table_cells(model, dt, tables)
        made = connect(model, *groups, layout=layout, names=attached(model, groups))
        records = {name: made.record(name, 3 * dt, [0, 2, 5]) for name in names}
        every = made.record(names[0], dt)
        network = b2.Network(*groups, *made.objects)
        b2.seed(5)
        network.run(HALF * dt)
        found[layout] = {name: np.asarray(one.values) for name, one in records.items()}
        assert np.asarray(records[names[0]].t) == pytest.approx(
            np.arange(30) * 3 * float(dt)
        )
        assert every.values.shape == (6, HALF) and repr(every)
        assert found[layout][names[0]] == pytest.approx(
            np.asarray(every.values)[[0, 2, 5], ::3]
        )
    assert_same(found["factorised"], found["textbook"])
    if model.kind != "receptor":  # whose synapses may hold a weight alone
        assert any(np.ptp(table) > 0 for table in found["textbook"].values())


def test_wrong_records_are_one_sentence():
    _, made = built(fwp.synapses.get("pair_stdp"), "textbook", [np.ones((4, 3))] * 2)
    for options, words in (
        ({"name": "v"}, "record: 'pair_stdp' has no variable 'v'"),
        ({"which": [9]}, "record must be True or indices from 0 to 8"),
        ({"dt": 3}, "dt must be a time"),
    ):
        with pytest.raises(fwp.FwpError, match=words):
            made.record(**{"name": "w", "dt": 1 * ms, **options})


STANDALONE = """
import sys
sys.path.insert(0, {path!r})
import brian2 as b2, numpy as np
import fwp_neuro as fwp
standalone = {standalone!r}
if standalone:
    b2.set_device("cpp_standalone", directory="program", build_on_run=True)
else:
    b2.prefs.codegen.target = "numpy"
b2.defaultclock.dt = 0.5*b2.ms
before = b2.SpikeGeneratorGroup(3, [0, 1, 2, 0, 1], [1, 3, 5, 21, 33]*b2.ms)
after = b2.SpikeGeneratorGroup(2, [0, 1, 0, 1], [2, 4, 22, 30]*b2.ms)
found = {{}}
for layout in ("factorised", "textbook"):
    for name, varying in (("pair", {{"tau_plus": [10, 15, 20]*b2.ms, "A_plus": "0.004 + 0.001*i"}}),
                          ("pre", {{"tau_plus": "(10 + i)*ms"}})):
        made = fwp.circuits.connect("pair_stdp", before, after, layout=layout, varying=varying,
                                    dense=name == "pair")
        records = [made.record(one, 2*b2.ms) for one in ("w", "x", "y")]
        found[layout + name] = made, records
parts = [one for made, _ in found.values() for one in made.objects]
b2.Network(before, after, *parts).run(40*b2.ms)
np.savez("found.npz", **{{f"{{key}}{{n}}": np.asarray(one.values) for key, (made, records) in
                          found.items() for n, one in enumerate(records)}},
         **{{key: made.values("w") for key, (made, _) in found.items()}})
if standalone:
    try:
        made.save("weights.npz")
    except fwp.FwpError as problem:
        assert "needs a device that runs step by step" in str(problem)
    else:
        raise AssertionError("saved")
"""  # noqa: E501


@pytest.mark.slow
def test_a_standalone_script_of_ones_own(tmp_path):
    """All to all, with parameters that vary and records, is what runs step by step."""
    found = {}
    for standalone in (True, False):
        folder = tmp_path / str(standalone)
        folder.mkdir()
        path = os.path.dirname(os.path.dirname(fwp.__file__))
        code = STANDALONE.format(path=path, standalone=standalone)
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[-2000:]
        with np.load(folder / "found.npz") as arrays:
            found[standalone] = dict(arrays)
    assert_same(found[True], found[False])
    for name in ("pair", "pre"):
        assert np.ptp(found[True][f"factorised{name}"]) > 1e-4
        for n in ("0", "1", "2", ""):
            one, other = (found[True][f"{layout}{name}{n}"] for layout in LAYOUTS)
            assert_same({"": one}, {"": other})
