"""What a run keeps of its fast weights: snapshots, the last ones, probes or none."""

import brian2 as b2
import numpy as np
import pytest
from programs import random_program, rule_program
from test_low_rank import looked_at

import fwp_neuro as fwp
from fwp_neuro import states
from fwp_neuro.circuits import Timeline
from fwp_neuro.circuits.rate import rate_circuit
from fwp_neuro.circuits.spiking import circuit_plan, spiking_circuit
from fwp_neuro.circuits.token_schedule import MOST_PROBES
from fwp_neuro.devices.brian2_state import runtime
from fwp_neuro.rules import rule

ms = b2.ms
TOKENS, HEADS, PRE, POST = 3, 2, 4, 3
PROGRAM = random_program(TOKENS, HEADS, PRE, POST, beta=0.6, alpha=0.8)
WEIGHTS = np.random.default_rng(1).uniform(-0.3, 0.3, (HEADS, POST, PRE))
PROBES = np.random.default_rng(2).normal(size=(HEADS, 2, PRE))
BRIEF = Timeline(**dict.fromkeys(("settle", "gap", "rest"), 10 * ms), write=20 * ms,
                 query=20 * ms, read=10 * ms)  # fmt: skip
QUICK = {"timeline": BRIEF, "device": "numpy"}
REGULAR = {"key_cells": "integrate_and_fire", **QUICK}
ONE_STEP = {"dt": ms, "window": ms, "device": "numpy"}
#: every way to run a programme
WAYS = {
    "numpy": ("artificial", {"backend": "numpy"}),
    "torch": ("artificial", {"form": "step"}),
    "rate": ("rate", {"layout": "synapse", **ONE_STEP}),
    "rate, factored": ("rate", {"write": "factored", **ONE_STEP}),
    "rate, low rank": ("rate", {"layout": "low_rank", **ONE_STEP}),
    "rate, event": ("rate", {"dynamics": "event", "layout": "synapse",
                             "device": "numpy"}),
    "rate, event, low rank": (
        "rate", {"dynamics": "event", "layout": "low_rank", "device": "numpy"},
    ),
    "spiking": ("spiking", {"cells": float("inf"), **QUICK}),
    "spiking, synapse": ("spiking", {"cells": 5, "layout": "synapse", **REGULAR}),
    "spiking, generic": ("spiking", {"cells": 5, "form": "generic", **REGULAR}),
}  # fmt: skip
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CIRCUITS = [way for way in WAYS if WAYS[way][0] != "artificial"]


def run(way, program=PROGRAM, name="gated_delta", **options):
    realisation, usual = WAYS[way]
    start = {} if "initial_states_of" in options else {"initial_weights": WEIGHTS}
    return fwp.run(program, name, realisation, **{**start, **usual, **options})


def probed(weights, probes=PROBES):
    """[token, head, probe, post] of weights [token, head, post, pre]."""
    return np.einsum("thij,hpj->thpi", weights, probes)


# ---------------------------------------------------------- the law, in every realisation


@EVERY_WAY
def test_what_is_kept_changes_nothing_else(way):
    every = run(way, probes=PROBES, record_weights="snapshots")
    last, none = run(way, record_weights="last"), None
    if way in ("torch", "rate, low rank"):
        none = run(way, probes=PROBES, record_weights="none")
    weights = every["weights"].values
    assert weights.shape == (TOKENS, HEADS, POST, PRE)
    kept = [recording for recording in (every, last, none) if recording is not None]
    for other in kept[1:]:
        assert np.abs(other["readout"].values - every["readout"].values).max() < 1e-14
        assert "weights" not in other
    assert last["final_weights"].dims == ("head", "post", "pre")
    assert np.abs(last["final_weights"].values - weights[-1]).max() < 1e-13
    assert last.final_weights.equals(last["final_weights"])
    assert np.array_equal(every.final_weights.values, weights[-1])
    for recording in kept[::2]:
        read = recording["probe_readout"]
        assert (
            read.dims == ("token", "head", "probe", "post") and read.attrs["units"] == "1"
        )
        assert np.abs(read.values - probed(weights)).max() < 1e-13
        assert np.array_equal(recording["probes"].values, PROBES)
    assert "probe_readout" not in last
    for recording, mode in zip(kept, ("snapshots", "last", "none"), strict=False):
        options = recording.provenance["options"]
        assert options["record_weights"] == mode
        assert options["record_weights_reason"] == "asked for"


@pytest.mark.parametrize(
    ("realisation", "options"),
    [
        ("artificial", {}),
        ("rate", {}),
        pytest.param("spiking", {"cells": 5, **REGULAR}, marks=pytest.mark.slow),
    ],
)
def test_further_states_are_kept_alike(realisation, options):
    program = rule_program("momentum_delta")
    every, last = (
        fwp.run(program, "momentum_delta", realisation, record_weights=mode, **options)
        for mode in ("snapshots", "last")
    )
    assert np.abs(last["final_m"].values - every["m"].values[-1]).max() < 1e-13
    assert "m" not in last


@pytest.mark.parametrize("form", ["chunk", "parallel", "step"])
def test_forms_without_weights_between_tokens_are_probed(form):
    every = run("torch", probes=PROBES)
    fast = run("torch", form=form, record_weights="last", probes=PROBES)
    assert fast.provenance["options"]["form"] == form
    difference = fast["probe_readout"].values - every["probe_readout"].values
    assert np.abs(difference).max() < 1e-14


def test_without_heads_and_with_one_probe_list_for_all_heads():
    program = fwp.Program(PROGRAM["key"][:, 0], PROGRAM["value"][:, 0], beta=0.6)
    alone = fwp.run(program, "delta", probes=PROBES[0])
    assert alone["probe_readout"].dims == ("token", "probe", "post")
    assert alone["probes"].dims == ("probe", "pre")
    both = run("numpy", probes=PROBES[0])
    shared = np.stack([PROBES[0]] * HEADS)
    assert (
        np.abs(
            both["probe_readout"].values - probed(both["weights"].values, shared)
        ).max()
        < 1e-14
    )


def test_values_beyond_one_scale_the_probes_too():
    scaled = PROGRAM.replace(value=5 * PROGRAM["value"])
    found = run("spiking", scaled, probes=PROBES, constants={"weight_baseline": 4.0})
    assert found.provenance["options"]["value_scale"] > 1
    assert (
        np.abs(found["probe_readout"].values - probed(found["weights"].values)).max()
        < 1e-12
    )


# ---------------------------------------------------------------- auto


@EVERY_WAY
def test_auto_turns_to_the_last_weights_when_snapshots_are_large(way, monkeypatch):
    cells = 2 * 5 if way == "spiking, synapse" else 2 if way == "spiking" else 1
    size = 8 * TOKENS * HEADS * POST * PRE * cells
    for limit, mode in ((size, "snapshots"), (size - 1, "last")):
        monkeypatch.setattr(states, "LIMIT", limit)
        options = prepared(way, record_weights="auto") if way in CIRCUITS else (
            run(way).provenance["options"]
        )  # fmt: skip
        assert options["record_weights"] == mode
        assert (
            f"snapshots of 3 tokens take {states.in_bytes(size)}"
            in (options["record_weights_reason"])
        )


def test_the_limit_is_what_the_documentation_says():
    assert states.in_bytes(states.LIMIT) == "64 MB"
    assert [states.in_bytes(n) for n in (0, 999, 1500, 2e6, 3.21e12)] == [
        "0 B", "999 B", "1.5 kB", "2 MB", "3.21e+03 GB",
    ]  # fmt: skip


def test_a_form_without_weights_between_tokens_says_so():
    options = run("torch", form="chunk").provenance["options"]
    assert options["record_weights"] == "last"
    assert (
        options["record_weights_reason"] == "the chunk form has no weights between tokens"
    )


# ------------------------------------------------------------ no monitor of every synapse


def build(way, **options):
    """A circuit's (build, dt, details)."""
    realisation, usual = WAYS[way]
    options = {"initial_weights": WEIGHTS, **usual, **options}
    del options["device"]
    prepare = {"rate": rate_circuit.prepare, "spiking": spiking_circuit.prepare}[
        realisation
    ]
    ready = prepare(PROGRAM, rule("gated_delta"), **options)
    return ready.build, ready.dt, ready.details


def prepared(way, **options):
    return build(way, **options)[2]


@pytest.mark.parametrize("mode", ["snapshots", "last"])
@pytest.mark.parametrize("way", CIRCUITS)
def test_synapses_are_sampled_once_a_token_or_not_at_all(way, mode):
    make, dt, details = build(way, record_weights=mode, probes=PROBES)
    with runtime("numpy", dt, 0):
        built = make()
        watched = [
            item
            for item in looked_at(built)
            if isinstance(item, b2.StateMonitor) and isinstance(item.source, b2.Synapses)
        ]
        times = [float(built.duration / item.clock.dt) for item in watched]
    if mode == "snapshots" and details["layout"] != "low_rank":
        assert len(times) == 1 and times[0] < TOKENS + 1
    else:
        assert not times


def test_a_course_of_all_weights_is_bounded(monkeypatch):
    options = {"record_every": 1 * ms, "record_weights": "snapshots"}
    assert "weight_course" in run("spiking", **options)
    found = run("spiking", record_every=1 * ms, record_weights="last")
    assert "V_basal" in found and "weight_course" not in found
    monkeypatch.setattr(circuit_plan, "LIMIT", 80_000)
    with pytest.raises(fwp.FwpError) as problem:
        run("spiking", **options)
    sentence = str(problem.value)
    assert "\n" not in sentence
    for words in (
        "a course of 48 weights, 81 kB",
        "limit is 80 kB",
        "record_weights='last'",
        "probes",
    ):
        assert words in sentence


# ---------------------------------------------------------------- sentences


@EVERY_WAY
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"record_weights": "snapshot"},
            "unknown record_weights.*did you mean 'snapshots'",
        ),
        ({"probes": "all"}, "probes must be real numbers, got 'all'"),
        ({"probes": np.ones(4)}, r"with pre = 4, got shape \(4,\)"),
        ({"probes": np.ones((2, 5))}, r"with pre = 4, got shape \(2, 5\)"),
        ({"probes": np.ones((3, 2, 4))}, r"with pre = 4, got shape \(3, 2, 4\)"),
        ({"probes": np.ones((0, 4))}, r"with pre = 4, got shape \(0, 4\)"),
        ({"probes": np.full((1, 4), np.nan)}, "probes must be finite, got array"),
    ],
)
def test_refuses(way, options, sentence):
    with pytest.raises(fwp.FwpError, match=sentence) as problem:
        run(way, **options)
    assert "\n" not in str(problem.value)


def test_snapshots_that_do_not_fit_into_memory_are_refused_before_the_run():
    program = fwp.Program(
        key=np.ones((5000, 2000)), value=np.ones((5000, 2000)), beta=0.5
    )
    with pytest.raises(
        fwp.FwpError, match="snapshots of 5000 tokens would be .* take 160 GB"
    ):
        fwp.run(program, "delta", record_weights="snapshots")


@EVERY_WAY
def test_the_number_of_probes_is_bounded_where_each_is_code(way):
    many = np.ones((MOST_PROBES + 1, PRE))
    if "low rank" in way or WAYS[way][0] == "artificial":
        assert run(way, probes=many).dataset.sizes["probe"] == MOST_PROBES + 1
        return
    with pytest.raises(
        fwp.FwpError, match="probes hold 33 vectors, .* at most 32 in a run"
    ):
        run(way, probes=many)


def test_a_recording_says_why_it_has_no_weights():
    last, none = (run("rate, event", record_weights=mode) for mode in ("last", "none"))
    with pytest.raises(
        fwp.FwpError, match="'weights' was not recorded, .*='last' .*final_weights"
    ):
        last["weights"]
    for missing in (lambda: none["final_weights"], lambda: none.final_weights):
        with pytest.raises(
            fwp.FwpError, match="'final_weights' was not recorded.*'none'.*probes"
        ):
            missing()
    with pytest.raises(
        fwp.FwpError, match="initial_states_of cannot be carried on: 'final_wei"
    ):
        run("rate, event", initial_states_of=none)


# ----------------------------------------------------------- with the rest of the package


@pytest.mark.parametrize("way", ["torch", "rate, low rank"])
def test_carries_on_from_the_last_weights(way):
    whole = run(way, record_weights="last")
    first = run(way, PROGRAM[:2], record_weights="none" if "low" in way else "last")
    second = run(way, PROGRAM[2:], initial_states_of=first, record_weights="last")
    assert (
        np.abs(second["final_weights"].values - whole["final_weights"].values).max()
        < 1e-13
    )


def test_comparison_takes_the_last_weights_of_either():
    every, last = run("numpy"), run("rate", record_weights="last", probes=PROBES)
    stored = run("rate, low rank", record_weights="none", probes=PROBES)
    for reference, other in (
        (every, last),
        (last, every),
        (every, stored),
        (stored, last),
    ):
        found = fwp.compare(reference, other)
        assert found.names[:2] == ("readout", "final_weights")
        assert found["final_weights"].nrmse < 1e-12
        assert found.per_token.sizes["token"] == TOKENS
        assert "final_weights" in found.table()
    assert fwp.compare(last, stored)["probe_readout"].nrmse < 1e-12
    with pytest.raises(
        fwp.FwpError, match="'weights' was not recorded, because the run had"
    ):
        fwp.compare(every, last)["weights"]
    assert fwp.compare(every, run("rate")).names == ("readout", "weights")


def test_comparison_leaves_out_other_probes():
    one, other = run("numpy", probes=PROBES), run("rate", probes=2 * PROBES)
    found = fwp.compare(one, other)
    assert "probe_readout" not in found.names
    assert any("different probes" in note for note in found.notes)


def test_saved_and_loaded(tmp_path):
    recording = run("rate, low rank", record_weights="none", probes=PROBES)
    again = fwp.load(recording.save(tmp_path / "run.nc"))
    for name in ("probe_readout", "probes", "token_cell_pre", "token_cell_post"):
        assert again[name].equals(recording[name])
    assert again.final_weights.equals(recording.final_weights)
    assert again.program["key"].shape == PROGRAM["key"].shape


def test_plots_without_weights():
    found = fwp.compare(
        run("numpy", record_weights="none"), run("rate", record_weights="none")
    )
    assert len(found.plot().axes) == 2


# --------------------------------------------------------- layouts of the spiking circuit


def test_the_spiking_circuit_says_which_layout_ran():
    auto, asked, own, rates, text = (
        prepared(way, **options)
        for way, options in (
            ("spiking", {"cells": 5}),
            ("spiking", {"cells": 5, "layout": "population"}),
            ("spiking, synapse", {}),
            ("spiking", {"layout": "synapse"}),
            ("spiking, generic", {}),
        )
    )
    numbers = HEADS * 2 * POST * PRE
    assert auto["layout"] == "population" and "share one weight" in auto["layout_reason"]
    assert asked["layout"] == "population" and asked["layout_reason"] == "asked for"
    assert auto["fast_weight_bytes"] == asked["fast_weight_bytes"] == 8 * numbers
    assert own["layout"] == "synapse" and own["fast_weight_bytes"] == 8 * 2 * numbers * 5
    # without spikes nothing is to be told apart
    assert rates["fast_weight_bytes"] == 8 * numbers
    assert text["layout"] == "population" and text["fast_weight_bytes"] == 8 * numbers / 2


def test_without_spikes_the_two_layouts_are_one_circuit():
    one, other = (run("spiking", layout=layout) for layout in ("auto", "synapse"))
    assert np.array_equal(one["weights"].values, other["weights"].values)
    assert np.array_equal(one["readout"].values, other["readout"].values)


def test_one_delay_for_all_synapses():
    """A delay for each synapse would cost as much memory as the weights."""
    for way in ("spiking", "spiking, synapse"):
        make, dt, _ = build(way, probes=PROBES, cells=5)
        with runtime("numpy", dt, 0):
            paths = [
                path
                for item in looked_at(make())
                if isinstance(item, b2.Synapses)
                for path in item._pathways
            ]
        assert paths and all(path.variables["delay"].scalar for path in paths)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["rate", "spiking, synapse"])
def test_compiled_code_is_probed_alike(way):
    one, other = (
        run(way, record_weights="last", probes=PROBES, device=device)
        for device in ("numpy", "cpp_standalone")
    )
    for name in ("readout", "final_weights", "probe_readout"):
        assert np.abs(one[name].values - other[name].values).max() < 1e-12
