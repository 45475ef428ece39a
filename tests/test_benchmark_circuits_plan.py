"""What the benchmark of circuits prints: table, aims, plan, figure, command."""

import importlib.util

import numpy as np
import pytest
import xarray as xr

from fwp_neuro import cli, toolchain
from fwp_neuro.benchmarks.circuits import (
    circuit_contenders,
    circuit_table,
    rounds,
    scaling_plan,
)
from fwp_neuro.benchmarks.circuits.circuit_contenders import (
    CONTENDERS,
    DENSE,
    FACTORISED,
    LEAN,
    TEXTBOOK,
)
from fwp_neuro.benchmarks.circuits.network import NetworkCase
from fwp_neuro.errors import FwpError
from fwp_neuro.figure_scripts import script_named

SMALL = NetworkCase(900, 0.25)
needs_compiler = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
needs_nest = pytest.mark.skipif(
    importlib.util.find_spec("nest") is None, reason="nest-simulator is not installed"
)


def numbers(**seconds) -> xr.Dataset:
    """Return a dataset at 1e5 and 1e6 synapses: contender -> seconds and bytes a
    synapse."""
    names = list(seconds)
    cpu = np.array([seconds[name][0] for name in names], float)[..., None] * [
        1.0,
        1.0,
        1.0,
    ]
    shape = (len(names), 2)
    sizes = np.array([100_000, 1_000_000])
    whole = ("contender", "synapses")
    return xr.Dataset(
        {
            "cpu": ((*whole, "round"), cpu),
            "load": ((*whole, "round"), np.ones_like(cpu)),
            "events": (whole, np.ones(shape) * 40 * sizes),
            "duration": (whole, np.ones(shape)),
            "bytes": (whole, np.array([seconds[name][1] for name in names],
                                      float) * sizes),
            "bandwidth": ("synapses", [8e9, 4e9]),
            "builds": (("build_of", "cost"), [[20.0, np.nan, np.nan, np.nan, np.nan],
                                              [10.0, 8.0, 0.02, 0.03, 0.1]]),
        },
        {"contender": names, "synapses": sizes, "build_of": ["stock", "ours"],
         "cost": ["cpu", "again", "marginal", "marginal_wall", "overhead"]},
        {"notes": "a note", "machine": "a machine", "memory": 100 * scaling_plan.GIB,
         "cuda_textbook": 64.0, "cuda_factorised": 40.0},
    )  # fmt: skip


DATA = {
    TEXTBOOK: ([0.1, 2.0], [80, 80]),
    FACTORISED: ([0.04, 1.2], [40, 64]),
    DENSE: ([0.03, 0.3], [12, 12]),
    LEAN: ([0.02, 0.1], [4, 4]),
    circuit_contenders.STATIC: ([0.1, 0.2], [40, 40]),
    circuit_contenders.PRESYNAPTIC: ([0.11, 0.28], [40, 40]),
    circuit_contenders.NEST: ([0.3, 3.0], [100, 100]),
}


def test_aims_are_held_against_what_was_measured():
    said = "\n".join(circuit_table.targets(numbers(**DATA)))
    for words in (
        "factorised, x textbook's time, at 1e+05 synapses: 0.4, aim <= 0.5: reached",
        "factorised, x textbook's time, at 1e+06 synapses: 0.6, aim <= 0.5: NOT reached",
        "factorised, x textbook's memory, at 1e+05 synapses: 0.5, aim <= 0.7: reached",
        "factorised, x textbook's memory, at 1e+06 synapses: 0.8, aim <= 0.7: NOT "
        "reached",
        "x static network's time, at 1e+05 synapses: 1.1, aim <= 1.3: reached",
        "x static network's time, at 1e+06 synapses: 1.4, aim <= 1.3: NOT reached",
        "dense engine, x hand-written C++'s time, at 1e+06 synapses: 3, aim <= 4: "
        "reached",
        "first build, x Brian2's processor time: 0.5, aim <= 0.65: reached",
        "marginal run, x first build: 0.002, aim <= 0.01: reached",
        "marginal run, ms above its simulation: 100, aim <= 50: NOT reached",
    ):
        assert words in said
    assert circuit_table.targets(numbers(**{LEAN: DATA[LEAN]}).drop_vars("builds")) == []


def test_the_report_has_every_contender_growth_and_notes():
    text = circuit_table.report(numbers(**DATA))
    for name in DATA:
        assert (
            text.count(f"  {name} ") == 3 and f"  {name}: {CONTENDERS[name].note}" in text
        )
    # 40e6 / 1 s, 2 / 0.1
    assert "4.00e+07" in text and "n^1.30" in text and "note: a note" in text
    assert circuit_table.growth(
        numbers(**DATA), circuit_contenders.NEST
    ) == pytest.approx(1.0)


def test_a_memory_holds_what_its_bytes_allow():
    data = numbers(**DATA)
    assert scaling_plan.holds(data, TEXTBOOK, 80e9) == pytest.approx(0.8e9)
    # Brian2's numbers of synapses
    assert scaling_plan.holds(data, TEXTBOOK, 80e12) == 2**31 - 1
    assert scaling_plan.holds(data, LEAN, 80e12) == pytest.approx(1.6e13)


def test_costs_are_measured_interpolated_or_carried_on():
    data = numbers(**DATA)
    assert scaling_plan.cost(data, TEXTBOOK, 1e5) == pytest.approx(0.1)
    assert scaling_plan.cost(data, TEXTBOOK, 10**5.5) == pytest.approx(np.sqrt(0.2))
    assert scaling_plan.cost(data, TEXTBOOK, 1e9) == pytest.approx(2000)
    assert scaling_plan.real_time(data, circuit_contenders.NEST) == pytest.approx(
        10**5.523, rel=0.02
    )


def test_the_plan_says_what_was_not_run():
    text = scaling_plan.report(numbers(**DATA))
    for words in (
        "measured up to 1e+06 synapses; 40 events a synapse and second",
        "was not run",
        "1.1e+09, 1.7 s/h",  # textbook in 100 GiB: 0.8 * 100 * 2^30 / 80
        "not run on a GPU",
        "textbook: 64 bytes a synapse in the generated project, so 1.0e+09 synapses in "
        "80 GB",
        "1e+06 synapses: 12 MB and 0.3 core seconds a biological second",
        "1e+10 synapses: 5",  # NEST: 1e12 bytes in nodes of 0.8 * 256 GiB
        "It exports no NeuroML, PyNN or NESTML",
    ):
        assert words in text
    nothing = numbers(**{TEXTBOOK: ([np.nan, np.nan], [np.nan, np.nan])})
    assert scaling_plan.report(nothing) == "no scaling plan: no contender has numbers"


@pytest.mark.parametrize("part", ["all", "no builds", "one contender"])
def test_the_figure_draws_what_there_is(part):
    data = numbers(**(DATA if part != "one contender" else {TEXTBOOK: DATA[TEXTBOOK]}))
    data = data.drop_vars("builds") if part == "no builds" else data
    figure = script_named("fig16_circuits_at_scale").plot(data)
    speed = figure.axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in speed.lines}
    assert drawn[TEXTBOOK] == pytest.approx([4e6 / 0.1, 4e7 / 2.0])
    limit = next(y for label, y in drawn.items() if "bandwidth" in label)
    assert limit == pytest.approx([1e9, 5e8])


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["benchmark", "circuit"], "did you mean 'circuits'"),
        (
            ["benchmark", "circuits", "--rounds", "0"],
            "--rounds must be from 1 to 1000, got 0",
        ),
        (["benchmark", "circuits", "--out", "/proc/x/y.nc"], "cannot write to folder"),
    ],
)
def test_nonsense_arguments_end_in_a_sentence(words, sentence, capsys):
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err


def test_unknown_contenders_are_refused():
    with pytest.raises(FwpError, match="did you mean 'C\\+\\+, lean float32'"):
        rounds.benchmark((900,), ("C++, lean float",))


@pytest.mark.slow
@needs_compiler
def test_the_quick_benchmark_measures_all_that_is_here(tmp_path, capsys):
    """Compiles five small programs: a minute of processor time."""
    assert (
        cli.main(["benchmark", "circuits", "--quick", "--out", str(tmp_path / "all.nc")])
        == 0
    )
    text = capsys.readouterr().out
    assert "no number, for" not in text and "scaling plan" in text
    from fwp_neuro.recording import load

    data = load(tmp_path / "all.nc").dataset
    here = [name for name in CONTENDERS if f"{name}: " not in data.attrs["notes"]]
    assert len(here) >= 5
    assert np.isfinite(data["cpu"].sel(contender=here).values).all()
    assert (data["error"].sel(contender=here) < 1e-4).all()
