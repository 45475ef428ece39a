"""Pictures of a recording show what was recorded."""

import numpy as np
import pytest
from brian2 import ms

import fwp_neuro as fwp
from fwp_neuro.plotting import save

TRACES = ("w", "g_ampa", "x_nmda", "V_basal", "V_apical", "gate", "unblocked")


@pytest.fixture(scope="module")
def spiking():
    program = fwp.tasks.associative_recall(tokens=2, dim=3, beta=0.8, seed=1)
    return fwp.run(
        program, "delta", "spiking", cells=4, device="numpy", dt=1 * ms,
        record=TRACES, record_every=5 * ms,
    )  # fmt: skip


def lines(figure):
    return {ax.get_ylabel().split("\n")[0]: ax.get_lines() for ax in figure.axes}


def test_the_raster_has_every_spike(spiking):
    (ax,) = spiking.plot.raster().axes
    drawn = np.concatenate([line.get_xdata() for line in ax.get_lines()[:2]])
    np.testing.assert_array_equal(np.sort(drawn), np.sort(spiking["spike_time"]))
    (ax,) = spiking.plot.raster(["key"]).axes
    assert len(ax.get_lines()[0].get_xdata()) == len(spiking.spikes("key")["time"])


def test_weights_are_those_after_each_token(spiking):
    panels = [ax for ax in spiking.plot.weights().axes if ax.get_images()]
    for token, ax in enumerate(panels):
        np.testing.assert_array_equal(
            ax.get_images()[0].get_array(), spiking["weights"][token]
        )
    assert len(panels) == 2


@pytest.mark.parametrize("name", TRACES)
def test_traces_are_drawn_in_readable_units(spiking, name):
    found = spiking.plot.traces([name])
    factor = 1e3 if name.startswith("V_") else 1.0
    flat = factor * spiking[name].values.reshape(len(spiking["time"]), -1)
    for line in lines(found)[name]:
        if len(line.get_xdata()) == len(flat):  # the others mark tokens
            assert any(np.array_equal(line.get_ydata(), one) for one in flat.T)


def test_a_token_shows_its_part_of_every_trace(spiking):
    figure = spiking.plot.token(1)
    assert [ax.get_ylabel().split("\n")[0] for ax in figure.axes] == [
        "cell", "x_nmda", "gate", "V_basal", "V_apical", "unblocked", "g_ampa", "w",
    ]  # fmt: skip
    assert figure.axes[-1].get_xlim() == (0.6, pytest.approx(1.2))
    basal = spiking.sel(time=slice(0.6, 1.2))["V_basal"][:, 0, 0] * 1e3
    np.testing.assert_allclose(lines(figure)["V_basal"][0].get_ydata(), basal)
    assert "token 1: " in figure.get_suptitle()
    assert f"{float(spiking['readout'][1, 0]):+.2f}" in figure.get_supxlabel()


def test_pictures_of_a_comparison_and_of_a_programme(spiking, tmp_path):
    exact = fwp.run(spiking.program, "delta")
    assert "slope" in exact.plot.comparison(spiking).axes[0].get_legend().texts[1]._text
    figure = spiking.program.plot()
    drawn = {ax.get_ylabel() for ax in figure.axes} - {""}
    assert drawn == {"key", "value", "query", "beta", "alpha"}
    np.testing.assert_array_equal(
        figure.axes[0].get_images()[0].get_array(), spiking["key"].values.T
    )
    assert save(figure, tmp_path / "program.pdf").exists()
    assert ".token()" in repr(spiking.plot)


def test_one_head_of_several():
    program = fwp.tasks.associative_recall(tokens=2, dim=3, beta=0.8, heads=2)
    rec = fwp.run(program, "delta")
    image = rec.plot.weights(head=1).axes[0].get_images()[0].get_array()
    np.testing.assert_array_equal(image, rec["weights"][0, 1])
    image = program.plot(head=1).axes[0].get_images()[0].get_array()
    np.testing.assert_array_equal(image, program["key"][:, 1].T)
    with pytest.raises(fwp.FwpError, match="has 2 heads"):
        rec.plot.weights(head=2)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda rec: rec.plot.token(2), "has 2 tokens"),
        (lambda rec: rec.plot.raster(["value"]), "unknown population"),
        (lambda rec: rec.plot.traces(["v"]), "unknown trace"),
        (lambda rec: rec.plot.weights(by="cell"), "'token', 'time'|token, time"),
        (
            lambda rec: fwp.run([rec.program] * 2, "delta").plot.weights(),
            r"rec.sequence\(0\).plot",
        ),
        (
            lambda rec: fwp.run(rec.program, "delta", repeats=2).plot.token(0),
            r"rec.sequence\(0\).plot",
        ),
        (
            lambda rec: fwp.run(rec.program, "delta").plot.traces(),
            "nothing was recorded over time; pass record=",
        ),
        (lambda rec: rec.program.plot(head=1), "has 1 heads"),
        (lambda rec: rec.plot.weights(head=1), "has 1 heads"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(spiking, call, said):
    with pytest.raises(fwp.FwpError, match=said):
        call(spiking)
