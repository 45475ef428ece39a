"""The benchmark of the artificial side: no speed without the law, ratios from paired
rounds."""

import numpy as np
import pytest
import torch
import xarray as xr

from fwp_neuro import cli
from fwp_neuro.benchmarks import (
    artificial,
    artificial_contenders,
    artificial_table,
    peak_memory,
)
from fwp_neuro.benchmarks.artificial_contenders import ATTENTION

SMALL = {"lengths": (32, 64), "threads": (1,), "rounds": 2, "memory": ()}


@pytest.fixture(scope="module")
def measured():
    return artificial.benchmark(rules=("hebb", "delta"), forms=("chunk", "step"), **SMALL)


def test_every_contender_has_times_ratios_and_shares(measured):
    assert list(measured["contender"].values) == [
        ATTENTION, "hebb chunk", "delta chunk", "hebb step", "delta step",
    ]  # fmt: skip
    assert measured["cpu"].shape == (5, 2, 2, 1, 2)
    assert (
        np.isfinite(measured["cpu"].values).all() and (measured["cpu"].values > 0).all()
    )
    assert artificial_table.ratio(measured, ATTENTION, 64, 0) == 1.0
    spent = (
        measured["cpu"]
        .sel(tokens=64, contender=[ATTENTION, "delta step"])
        .isel(direction=0)
    )
    expected = np.median(spent.values[0] / spent.values[1])
    assert artificial_table.ratio(measured, "delta step", 64, 0) == pytest.approx(
        expected
    )
    peak = float(measured["peak"].sel(tokens=64)[0])
    flop = 6 * 64**2 * 64 * 4
    share = flop / artificial_table.median(measured, "delta step", 64, 0, 1) / peak
    assert artificial_table.share(measured, "delta step", 64) == pytest.approx(share)


def test_the_report_has_a_row_for_every_contender(measured):
    text = artificial_table.report(measured)
    for name in measured["contender"].values:
        assert text.count(f"  {name} ") == 2
    assert "T=32" in text and "sgemm" in text


def test_aims_are_held_against_what_was_measured(measured):
    assert artificial_table.targets(measured) == []  # too short for any of them
    names, lengths = [ATTENTION, "delta compiled", "delta chunk"], [256, 4096, 16384]
    # CPU seconds [contender, tokens, direction]: attention, compiled, chunk
    spent = [
        [[2, 4], [160, 400], [1600, 4000]],
        [[1, 2], [10, 80], [1, 1]],
        [[1, 1], [1, 200], [1, 900]],
    ]
    data = xr.Dataset(
        {
            "cpu": (
                ("contender", "tokens", "direction", "threads", "round"),
                np.array(spent, float)[..., None, None],
            ),
            "flop": (("contender", "tokens"), np.full((3, 3), 20.0)),
            "peak": (("tokens", "threads"), np.full((3, 1), 4.0)),
        },
        {
            "contender": names,
            "tokens": lengths,
            "direction": ["forward", "both"],
            "threads": [1],
        },
    )
    said = "\n".join(artificial_table.targets(data))
    assert (
        "delta compiled, T=4096, forward, x attention: 16.00, aim >= 15: reached" in said
    )
    assert (
        "delta compiled, T=4096, both, x attention: 5.00, aim >= 6: NOT reached" in said
    )
    assert "delta compiled, T=4096, share of sgemm: 0.50, aim >= 0.4: reached" in said
    assert "delta chunk, T=4096, both, x attention: 2.00, aim >= 3: NOT reached" in said
    assert "time(16384) / time(4096): 4.50, aim <= 5: reached" in said


def test_a_form_that_misses_the_law_gets_no_speed(monkeypatch):
    right = artificial_contenders.run

    def wrong(rule, signals, states, form, chunk=None):
        readout, final = right(
            rule, signals, states, "step" if form == "chunk" else form, chunk
        )
        return readout * (1.001 if form == "chunk" else 1.0), final

    monkeypatch.setattr(artificial_contenders, "run", wrong)
    found = artificial.benchmark(rules=("delta",), forms=("chunk", "step"), **SMALL)
    assert np.isnan(found["cpu"].sel(contender="delta chunk").values).all()
    assert np.isfinite(found["cpu"].sel(contender="delta step").values).all()
    assert (
        "delta chunk: no speed, for it misses the law (relative error 1.0e-03"
        in artificial_table.report(found)
    )


@pytest.mark.parametrize("rule", artificial_contenders.RULES)
def test_the_law_error_of_the_chunk_form_is_rounding(rule):
    assert artificial_contenders.law_error(rule, "chunk") < 5e-5


def test_the_counted_work_is_that_of_the_algebra():
    """Of a d x d matrix: 2 d^2 a product with a vector or an outer product added, d^2 a
    decay."""
    assert artificial_contenders.WORK == {
        "hebb": 2 + 2,
        "gla": 1 + 4,
        "delta": 2 + 4,
        "gated_delta": 1 + 6,
    }
    assert artificial_contenders.attention(128, 4, 64).flop == 2 * 128 * 128 * 64 * 4


def test_threads_are_put_back(measured):
    before = torch.get_num_threads()
    artificial.benchmark(
        rules=("hebb",), forms=("chunk",), **{**SMALL, "threads": (1, 2)}
    )
    assert torch.get_num_threads() == before


def test_memory_is_measured_in_a_process_of_its_own():
    ballast = np.ones(2**26)  # half a GiB here must not hide what the other process takes
    small = peak_memory.peak_memory("delta step", 256, 4, 64, backward=True)
    large = peak_memory.peak_memory("delta step", 2048, 4, 64, backward=True)
    # 2048 tokens keep 2048 states of 4 x 64 x 64 floats of 4 bytes at least: 128 MiB
    assert large > 128 * 2**20 > small > 2**20 and ballast.all()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["benchmark", "artifical"],
            "unknown side to benchmark: 'artifical'; did you mean",
        ),
        (
            ["benchmark", "artificial", "--rounds", "0"],
            "--rounds must be from 1 to 1000, got 0",
        ),
        (["benchmark", "artificial", "--out", "/proc/x/y.nc"], "cannot write to folder"),
    ],
)
def test_nonsense_arguments_end_in_a_sentence(words, sentence, capsys):
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err
