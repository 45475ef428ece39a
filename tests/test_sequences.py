"""Several programmes in one run are what each of them is alone."""

import brian2 as b2
import numpy as np
import pytest
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro import side_by_side
from fwp_neuro.rules.registered_rules import RULES

INF = float("inf")
ms = b2.ms
SAME = dict(rtol=0, atol=1e-12)
SHORT = fwp.circuits.Timeline(
    **dict.fromkeys(("settle", "write", "gap", "query", "rest"), 20 * ms), read=10 * ms
)
#: a circuit without noise, of short tokens
EXACT = {"cells": INF, "timeline": SHORT}


def programs(rule, lengths=(5, 3, 4), heads=None, seed=0):
    """Programmes with all that a rule reads."""
    rule, rng, made = fwp.rule(rule), np.random.default_rng(seed), []
    for tokens in lengths:
        shape = (tokens,) if heads is None else (tokens, heads)
        homes = {**rule.homes, "k": "pre", "v": "post", "q": "pre"}
        dims = {"pre": (4,), "post": (3,), "shared": ()}
        signals = {n: rng.uniform(0.1, 0.5, shape + dims[h]) for n, h in homes.items()}
        made.append(fwp.Program(**signals))
    return made


def check(every, alone, states=("weights",)):
    """Each sequence of a batch equals its own run."""
    for n, one in enumerate(alone):
        mine = every.sequence(n)
        assert dict(mine.dataset.sizes) == dict(one.dataset.sizes)
        assert set(mine.dataset.variables) == set(one.dataset.variables)
        for name in ("readout", *states):
            assert mine[name].dims == one[name].dims
            np.testing.assert_allclose(mine[name], one[name], **SAME)
        np.testing.assert_allclose(every.final_weights[n], one.final_weights, **SAME)
        np.testing.assert_allclose(mine.program["key"], one.program["key"], **SAME)
        assert mine.program.heads == one.program.heads
        assert mine.attrs.get("duration") == pytest.approx(one.attrs.get("duration"))


@pytest.mark.parametrize("name", list(RULES))
def test_sequences_of_every_rule_are_what_each_is_alone(name):
    for heads in (None, 2):
        given = programs(name, heads=heads)
        every = fwp.run(given, name)
        alone = [fwp.run(one, name) for one in given]
        check(every, alone)
        assert np.isnan(every["readout"].values[1, 3:]).all()
        assert every["readout"].dims[:2] == ("sequence", "token")
        assert every["sequence_length"].values.tolist() == [5, 3, 4]


@pytest.mark.parametrize(("realisation", "options"), [
    ("rate", {}), ("rate", {"dynamics": "event", "record_weights": "last"}),
    ("spiking", EXACT),
    ("spiking", {**EXACT, "record": ["w", "V"], "record_every": 10 * ms}),
])  # fmt: skip
@pytest.mark.parametrize("heads", [None, 2])
def test_sequences_of_circuits_are_what_each_is_alone(realisation, options, heads):
    given = programs("gated_delta", heads=heads)
    weights = np.linspace(-0.2, 0.2, 12).reshape(3, 4)
    options = {**options, "initial_weights": weights}
    every = fwp.run(given, "gated_delta", realisation, **options)
    options["record_weights"] = "snapshots"
    alone = [fwp.run(one, "gated_delta", realisation, **options) for one in given]
    states = ("weights", *(n for n in ("w_trace", "V") if n in alone[0]))
    check(every, alone, states)


def test_spikes_belong_to_their_sequence():
    given = programs("delta", lengths=(2, 1))
    options = dict(cells=5, timeline=SHORT, record_spikes=True)
    every = fwp.run(given, "delta", "spiking", **options)
    cells = every.dataset.sizes["cell"]
    assert every["cell_sequence"].values.tolist().count(0) == cells / 2
    alone = fwp.run(given[1], "delta", "spiking", **options)
    mine = every.sequence(1)
    for name in ("population", "number", "dimension", "cell_head", "cell_sign", "cell"):
        np.testing.assert_array_equal(mine[name], alone[name])
    assert 0 < mine["spike_time"].values.max() < alone.duration == mine.duration
    assert mine["spike_cell"].values.max() < cells / 2
    assert mine.spikes("key").sizes["spike"] > 0


def test_more_sequences_than_a_network_takes(monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST", 2)
    given = programs("delta", lengths=(3, 2, 3))
    weights = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 3, 4))
    every = fwp.run(given, "delta", "spiking", **EXACT, initial_weights=weights)
    alone = [fwp.run(one, "delta", "spiking", **EXACT, initial_weights=w)
             for one, w in zip(given, weights, strict=True)]  # fmt: skip
    check(every, alone)
    assert every.provenance["networks"] == 2
    given_spikes = {"cells": 4, "timeline": SHORT, "record_spikes": ["key"]}
    spiking = fwp.run(given, "delta", "spiking", **given_spikes)
    assert spiking["spike_cell"].max() < spiking.dataset.sizes["cell"]
    assert spiking["cell"].values.tolist() == list(range(spiking.dataset.sizes["cell"]))
    assert spiking["cell_sequence"].values.max() == 2


@pytest.mark.parametrize(("realisation", "options"), [
    ("artificial", {}), ("rate", {"layout": "low_rank"}), ("spiking", EXACT),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["auto", "last", "none", "snapshots"])
def test_weights_of_sequences_of_unequal_length(realisation, options, mode):
    given = programs("gated_delta", lengths=(4, 2))
    options = {**options, "record_weights": mode}
    every = fwp.run(given, "gated_delta", realisation, **options)
    for n, one in enumerate(given):
        if mode == "none":
            with pytest.raises(fwp.FwpError, match="'none'"):
                _ = every.sequence(n).final_weights
            continue
        alone = fwp.run(one, "gated_delta", realisation, **options).final_weights
        np.testing.assert_allclose(every.final_weights[n], alone, **SAME)
        np.testing.assert_allclose(every.sequence(n).final_weights, alone, **SAME)


def test_networks_of_unequal_length(monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST", 1)
    given = programs("gated_delta", lengths=(3, 2, 3))
    options = {"layout": "low_rank", "record_weights": "none"}
    every = fwp.run(given, "gated_delta", "rate", **options)
    for n, one in enumerate(given):
        alone = fwp.run(one, "gated_delta", "rate", **options)
        np.testing.assert_allclose(every.sequence(n)["readout"], alone["readout"], **SAME)


def test_weights_of_token_cells_of_equally_long_sequences():
    given = programs("gated_delta", lengths=(3, 3))
    options = {"layout": "low_rank", "record_weights": "none"}
    every = fwp.run(given, "gated_delta", "rate", **options)
    for n, one in enumerate(given):
        alone = fwp.run(one, "gated_delta", "rate", **options).final_weights
        np.testing.assert_allclose(every.final_weights[n], alone, **SAME)
        np.testing.assert_allclose(every.sequence(n).final_weights, alone, **SAME)


@pytest.mark.parametrize(("realisation", "options"), [
    ("artificial", {}), ("rate", {}), ("spiking", EXACT)])
@pytest.mark.parametrize("heads", [None, 2])
def test_probes_of_every_shape(realisation, options, heads):
    given = programs("delta", lengths=(3, 2), heads=heads)
    rng = np.random.default_rng(0)
    shapes = [(2, 4), (2, 2, 4)] if heads else [(2, 4)]
    for shape in shapes:
        options["probes"] = rng.normal(size=shape)
        every = fwp.run(given, "delta", realisation, **options)
        for n, one in enumerate(given):
            alone = fwp.run(one, "delta", realisation, **options)
            for name in ("probes", "probe_readout"):
                found = every.sequence(n)[name]
                assert found.dims == alone[name].dims
                np.testing.assert_allclose(found, alone[name], **SAME)


def test_options_of_an_object_count_as_single_ones_do():
    given = programs("delta", lengths=(2, 1))
    for made, name in (("RateOptions", "rate"), ("SpikingOptions", "spiking")):
        more = {"cells": INF} if name == "spiking" else {}
        options = getattr(fwp.circuits, made)(record_weights="none", **more)
        assert "weights" not in fwp.run(given, "delta", name, options=options)
    options = fwp.circuits.SpikingOptions(
        record_spikes=["key"], cells=5, timeline=SHORT)  # fmt: skip
    found = fwp.run(given, "delta", "spiking", options=options)
    assert found["spike_time"].max() < found.duration


def test_nothing_is_said_behind_the_end_of_a_shorter_sequence():
    given = programs("delta", lengths=(3, 1))
    found = fwp.run(given, "delta", "spiking", cells=5, timeline=SHORT, record=["V"],
                    record_every=10 * ms, record_spikes=True)  # fmt: skip
    end = float(found["token_start"][1])
    late = found["time"].values > end + 1e-9
    assert found["V"].dims[:2] == ("sequence", "time")
    assert np.isnan(found["V"].values[1, late]).all()
    assert not np.isnan(found["V"].values[1, ~late]).any()
    assert not np.isnan(found["V"].values[0]).any()
    mine = found["cell_sequence"].values[found["spike_cell"].values]
    assert found["spike_time"].values[mine == 1].max() < end
    assert found["spike_time"].values[mine == 0].max() > 2 * end


def test_networks_of_one_run_record_the_same(monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST", 2)
    first, second, third = programs("gated_delta", lengths=(3, 3, 3))
    bare = fwp.Program(third["key"], third["value"], third["query"], beta=0.5)
    named = fwp.Program(third["key"], third["value"], third["query"], alpha=0.5,
                        beta=0.5, labels=["a", "b", "c"])  # fmt: skip
    for given in ([first, second, bare], [named, named, bare], [bare, bare, named]):
        found = fwp.run(given, "delta", "rate")
        assert "alpha" not in found and "label" not in found
        assert found["readout"].sizes["sequence"] == 3
    assert "alpha" in fwp.run([first, second, third], "delta", "rate")


def test_networks_of_neighbouring_seeds_have_noise_of_their_own(monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST", 2)
    program = programs("delta")[1]
    given = dict(cells=4, timeline=SHORT, repeats=4, device="numpy")
    found = [fwp.run(program, "delta", "spiking", seed=n, **given)["readout"].values
             for n in (0, 1, 0)]  # fmt: skip
    np.testing.assert_array_equal(found[0], found[2])
    every = np.concatenate(found[:2])
    assert len(np.unique(every.round(12), axis=0)) == 8


def test_repeats_differ_by_their_noise():
    program = programs("delta")[0]
    given = {"cells": 4, "device": "numpy", "timeline": SHORT}
    found = fwp.run(program, "delta", "spiking", repeats=3, **given)
    assert found["readout"].sizes["sequence"] == 3
    assert not np.array_equal(found["readout"][0], found["readout"][1])
    same = fwp.run([program] * 3, "delta", "spiking", **given)
    np.testing.assert_array_equal(found["readout"], same["readout"])


def test_a_batch_is_saved_and_loaded_whole(tmp_path):
    found = fwp.run(programs("delta"), "delta")
    found.save(tmp_path / "batch.nc")
    again = fwp.load(tmp_path / "batch.nc")
    np.testing.assert_array_equal(again["readout"], found["readout"])
    np.testing.assert_array_equal(
        again.sequence(2)["readout"], found.sequence(2)["readout"]
    )


def test_labels_and_further_signals_stay_with_their_sequence():
    tasks = [fwp.tasks.associative_recall(tokens=n, dim=4, beta=0.5) for n in (4, 3)]
    found = fwp.run(tasks, "delta")
    for n, task in enumerate(tasks):
        mine = found.sequence(n)
        assert mine.program.labels == task.labels
        for name in task.names:
            np.testing.assert_array_equal(
                np.broadcast_to(mine.program[name].T, task[name].T.shape)
                if task[name].ndim else mine.program[name][0], task[name].T)  # fmt: skip


@pytest.mark.parametrize(("given", "words"), [
    (lambda a, b: [], r"program must be a Program or a list of them, got \[\]"),
    (lambda a, b: [a, 3], r"program\[1\] must be a Program, got 3"),
    (lambda a, b: [a, b], "programme 0 has pre=4, programme 1 pre=5"),
])  # fmt: skip
def test_what_cannot_run_together_is_one_sentence(given, words):
    first = programs("delta")[0]
    other = fwp.Program(np.ones((2, 5)), np.ones((2, 3)), beta=0.5)
    with pytest.raises(fwp.FwpError, match=words):
        fwp.run(given(first, other), "delta")


@pytest.mark.parametrize(("options", "words"), [
    ({"initial_weights": np.zeros((5, 4))}, r"initial_weights must be .* got \(5, 4\)"),
    ({"initial_states": {"w": [[1, 2], [3]]}}, r"states\['w'\] must be real numbers"),
    ({"initial_states": {"w": None}}, r"initial_states\['w'\] is None"),
    ({"probes": np.zeros(4)}, r"probes must be .* got shape \(4,\)"),
    ({"probes": np.zeros((2, 5))}, r"probes must be .* got shape \(2, 5\)"),
    ({"record_weights": np.array([1, 2])}, "record_weights must be one of"),
])  # fmt: skip
def test_bad_values_of_a_batch_are_one_sentence(options, words):
    with pytest.raises(fwp.FwpError, match=words):
        fwp.run(programs("delta"), "delta", **options)


def test_states_of_a_batch_may_be_tensors():
    torch = pytest.importorskip("torch")
    given, start = programs("delta"), np.full((3, 4), 0.1)
    tensor = torch.tensor(start, requires_grad=True)
    every = fwp.run(given, "delta", initial_states={"w": tensor})
    check(every, [fwp.run(one, "delta", initial_weights=start) for one in given])


def test_one_sequence_that_is_not_there_is_one_sentence():
    given = programs("delta")
    every = fwp.run(given, "delta")
    with pytest.raises(fwp.FwpError, match="there is no sequence 3: .* holds 3"):
        every.sequence(3)
    alone = fwp.run(given[0], "delta")
    assert alone.sequence(0).dataset.identical(alone.dataset)
    with pytest.raises(fwp.FwpError, match="there is no sequence 1: .* holds 1, from 0"):
        alone.sequence(1)
    with pytest.raises(fwp.FwpError, match=r"3 programs: rec.sequence\(n\).program"):
        _ = every.program
    with pytest.raises(fwp.FwpError, match="initial_states_of carries on one sequence"):
        fwp.run(given, "delta", initial_states_of=every.sequence(0))


def test_a_selected_sequence_has_its_program():
    given = programs("delta")
    every = fwp.run(given, "delta")
    mine = every.sel(sequence=1)
    np.testing.assert_array_equal(mine.program["key"], given[1]["key"])
    np.testing.assert_array_equal(mine.final_weights, every.sequence(1).final_weights)


def test_batches_are_compared_sequence_by_sequence():
    every = fwp.run(programs("delta"), "delta")
    with pytest.raises(fwp.FwpError, match=r"rec.sequence\(n\).program is one"):
        fwp.compare(every, every)
    found = fwp.compare(every.sequence(1), every.sequence(1))
    assert found.nrmse == 0


def test_programmes_of_no_tensor_are_one_sentence():
    pytest.importorskip("torch")
    layer = fwp.artificial.Layer("delta", model_dim=6, heads=2)
    for x in (3, None, np.zeros((2, 3, 6))):
        with pytest.raises(fwp.FwpError, match="x must be a torch tensor"):
            layer.programs(x)


def test_programmes_of_a_layer_run_side_by_side():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = fwp.artificial.Layer("delta", model_dim=6, heads=2).double()
    x = torch.randn(3, 5, 6, dtype=torch.float64)
    every = fwp.run(layer.programs(x), layer.rule, "rate")
    for n in range(3):
        alone = fwp.run(layer.program(x, n), layer.rule, "artificial")
        np.testing.assert_allclose(every["readout"][n], alone["readout"], atol=1e-10)


# --------------------------------------------------------- arrays with an axis "sequence"


@pytest.mark.parametrize("realisation, options", [("artificial", {}), ("spiking", EXACT)])
@pytest.mark.parametrize("heads", [None, 2])
def test_arrays_with_an_axis_of_sequences_are_a_list_of_programmes(
    realisation, options, heads
):
    given = programs("gated_delta", lengths=(3, 3), heads=heads)
    arrays = {n: np.stack([one[n] for one in given]) for n in given[0].names}
    made = fwp.Program.sequences(**arrays)
    found = fwp.run(made, "gated_delta", realisation, **options)
    expected = fwp.run(given, "gated_delta", realisation, **options)
    del found.dataset.attrs["provenance"], expected.dataset.attrs["provenance"]
    xr.testing.assert_identical(found.dataset, expected.dataset)


def test_what_all_sequences_share():
    keys, values = np.ones((2, 3, 4)), np.ones((2, 3, 5))
    first, second = fwp.Program.sequences(
        k=keys, v=values, beta=0.5, alpha=[[1, 2, 3], [4, 5, 6]], labels=["a", "b", "c"]
    )
    assert first["beta"] == second["beta"] == 0.5
    assert second["alpha"].tolist() == [4, 5, 6] and first.labels == second.labels
    assert "default" in second.dataset()["query"].attrs  # it follows the key


@pytest.mark.parametrize("arrays, sentence", [
    ({"key": np.ones((3, 4))}, r"'key' has shape \(3, 4\); it must be \[sequence, token"),
    ({"value": np.ones((1, 3, 5))}, "'value' has 1 sequences .* but the key has 2"),
    ({"beta": [0.1, 0.2, 0.3]}, "'beta' has 3 sequences .* but the key has 2"),
    ({"value": np.ones((2, 2, 5))}, "'value' has 2 tokens"),
    ({"key": None}, "needs 'key'"),
])  # fmt: skip
def test_arrays_that_are_no_sequences(arrays, sentence):
    given = {"key": np.ones((2, 3, 4)), "value": np.ones((2, 3, 5)), **arrays}
    given = {name: array for name, array in given.items() if array is not None}
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.Program.sequences(**given)


def test_a_dataset_of_several_sequences_is_no_programme():
    every = fwp.run(programs("delta", lengths=(3, 3)), "delta")
    with pytest.raises(fwp.FwpError, match="several sequences"):
        fwp.Program.from_dataset(every.dataset)
    made = fwp.Program.from_dataset(every.sequence(1).dataset)
    assert made.tokens == 3 and made.heads is None
