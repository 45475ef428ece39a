"""Comparisons against numbers worked out by hand, and the figure that shows them."""

import os

import numpy as np
import pytest
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro import plotting
from fwp_neuro.comparison import Agreement, compare, table
from fwp_neuro.errors import FwpError
from fwp_neuro.programs import Program
from fwp_neuro.recording import Recording, make_recording
from fwp_neuro.retrieval import Retrieval
from fwp_neuro.rules import rule

RULE = rule("hebb")
EYE = np.eye(3)


def recording(readout, weights=None, realisation="artificial", program=None, **extra):
    readout = np.asarray(readout, dtype=float)
    program = program or Program(key=EYE[[0] * len(readout)], value=readout)
    weights = None if weights is None else np.asarray(weights, dtype=float)[:, None]
    return make_recording(program, RULE, realisation, readout[:, None], weights, extra)


def two(reference, other, **options):
    first = recording(reference, **options)
    return compare(first, recording(other, realisation="rate", program=first.program))


# ---------------------------------------------------------------------- metrics


def test_metrics_by_hand():
    # reference -1, 1, -1, 1: mean 0, SD 1; other = 2 + 0.5 * reference + (1, 1, -1, -1)
    found = two([[-1, 1], [-1, 1]], [[2.5, 3.5], [0.5, 1.5]])
    # errors 3.5, 2.5, 1.5, 0.5: mean square (12.25 + 6.25 + 2.25 + 0.25)/4 = 5.25
    assert found.nrmse == pytest.approx(np.sqrt(5.25))
    assert found.slope == pytest.approx(0.5) and found.bias == pytest.approx(2.0)
    # covariance 0.5, variance of the other 0.25 + 1
    assert found.correlation == pytest.approx(0.5 / np.sqrt(1.25))


def test_scale_of_the_reference_divides_out():
    found = two([[0, 10], [20, 30]], [[0, 20], [40, 60]])
    assert found.slope == pytest.approx(2) and found.correlation == pytest.approx(1)
    assert found.bias == pytest.approx(0, abs=1e-12)
    assert found.nrmse == pytest.approx(np.sqrt(1400 / 4) / np.sqrt(125))


def test_a_recording_against_itself():
    rec = recording([[0.1, 0.7], [0.2, -0.3]], weights=np.arange(12.0).reshape(2, 2, 3))
    found = compare(rec, rec)
    assert found["readout"] == Agreement(0.0, pytest.approx(1), 0.0, pytest.approx(1))
    assert found["weights"].nrmse == 0 and found.names == ("readout", "weights")
    assert found.notes == []


def test_per_token():
    found = two([[-1, 1], [-1, 1], [3, 3]], [[-1, 1], [2, 1], [0, 3]])
    spread = np.std([-1, 1, -1, 1, 3, 3])
    rows = found.per_token.sel(variable="readout")
    expected = np.array([0, np.sqrt(9 / 2), np.sqrt(9 / 2)]) / spread
    np.testing.assert_allclose(rows["nrmse"], expected)
    # the third token is constant
    np.testing.assert_allclose(rows["slope"], [1, -0.5, np.nan])
    np.testing.assert_allclose(rows["correlation"], [1, -1, np.nan])
    assert found.per_token["nrmse"].dims == ("variable", "token")
    assert found.nrmse == pytest.approx(np.sqrt(np.mean(rows["nrmse"] ** 2)))


def test_constant_and_broken_references_are_noted():
    found = two([[0.1, 0.1], [0.1, 0.1]], [[1, 2], [3, 4]])
    assert np.isnan([found.nrmse, found.slope, found.bias, found.correlation]).all()
    assert found.notes == [
        "readout: the reference is constant, so nRMSE, slope and correlation are "
        "undefined"
    ]
    assert "note: readout: the reference is constant" in found.table() and "nan" in str(
        found
    )
    flat = two([[1, 2], [3, 4]], [[5, 5], [5, 5]])
    assert flat.slope == 0 and flat.bias == 5 and np.isnan(flat.correlation)
    assert "the other recording is constant" in flat.notes[0]
    broken = two([[1, 2], [3, 4]], [[1, np.nan], [3, 4]])
    assert np.isnan(broken.nrmse) and "other recording holds NaN" in broken.notes[0]
    np.testing.assert_array_equal(np.isnan(broken.per_token["nrmse"][0]), [True, False])


def test_empty_variables_are_noted():
    empty = (("token", "none"), np.zeros((2, 0)), {"units": "V"})
    rec = recording([[1, 2], [3, 4]], voltage=empty)
    found = compare(rec, rec)
    assert np.isnan(found["voltage"].nrmse)
    assert found.notes == ["voltage: it is empty, so nothing can be compared"]


def test_variables_of_both_in_equal_shape():
    def entry(*shape):
        dims = ("time", "cell")[: len(shape)]
        return dims, np.arange(np.prod(shape), dtype=float).reshape(shape), {"units": "1"}

    program = Program(key=EYE[:2], value=EYE[:2], beta=0.5)
    first = recording(EYE[:2], program=program, a=entry(2, 4), b=entry(2), only=entry(2))
    second = recording(EYE[:2], program=program, a=entry(2, 3), b=entry(2))
    assert compare(first, second).names == ("readout", "b")
    turned = Recording(first.dataset.transpose("cell", "time", ...))
    assert compare(first, turned)["a"].nrmse == 0
    with pytest.raises(
        FwpError, match="unknown compared variable 'weight' .legal: readout, b"
    ):
        compare(first, second)["weight"]


def test_mistakes():
    rec = recording([[1, 2], [3, 4]])
    with pytest.raises(FwpError, match="other must be a Recording, got array"):
        compare(rec, np.zeros(3))
    with pytest.raises(
        FwpError, match=r"compare needs a 'readout' .*, and hebb \(rate\) has none"
    ):
        compare(rec, Recording(xr.Dataset(attrs={"rule": "hebb", "realisation": "rate"})))
    with pytest.raises(FwpError) as caught:
        compare(rec, recording([[1, 2, 3]], realisation="rate"))
    assert str(caught.value) == (
        "compare: 'readout' is [token 2, post 2] in hebb (artificial) (the reference), "
        "but [token 1, post 3] in hebb (rate)"
    )
    with pytest.raises(FwpError, match="ran different programs .their 'key' differ"):
        compare(
            rec,
            recording([[1, 2], [3, 4]], program=Program(key=EYE[:2], value=EYE[:2, :2])),
        )


# ---------------------------------------------------------------------- retrieval


def test_retrieval_by_hand():
    # token      0   1   2   3         key 0 is written twice: its last value counts
    keys, queries = EYE[[0, 1, 0, 2]], EYE[[1, 1, 0, 0]]
    values = [[0, 0], [4, 0], [0, 4], [4, 0]]
    program = Program(key=keys, value=values, query=queries)
    right = [[9, 9], [4, 0], [0, 4], [0, 4]]
    # token 0 asks for key 1 before it is written: not counted. Candidates: 2, 3, 3
    # distinct values.
    # other: token 1 nearest [0, 0] (wrong), token 2 right, token 3 ties [4, 0] with [0,
    # 4] (1/2)
    wrong = [[9, 9], [1, 0], [1, 3], [4, 4]]
    found = compare(
        recording(right, program=program), recording(wrong, program=program)
    ).retrieval
    assert found == Retrieval(
        reference=1.0,
        other=0.5,
        chance=pytest.approx((1 / 2 + 1 / 3 + 1 / 3) / 3),
        tokens=3,
    )


def test_retrieval_skips_what_is_not_written():
    keys, values = EYE[[0, 1, 1]] * [[1], [1], [0]], [[1.0], [2.0], [3.0]]
    vectors = [[1, 1, 1], [0, 0, 0], [1, 1, 1]]
    for gate in ({"beta": [1, 0, 1]}, {"beta": vectors}, {"beta": 1, "write": [1, 0, 1]}):
        program = Program(key=keys, value=values, query=EYE[[0, 1, 0]], **gate)
        rec = recording([[1.0], [2.0], [1.0]], program=program)
        # a gate of 0 and a zero key store nothing, so key 1 is never asked for and [1] is
        # alone
        assert compare(rec, rec).retrieval == Retrieval(1.0, 1.0, 1.0, 2)


def test_retrieval_by_head():
    keys = np.stack([EYE[[0, 1]], EYE[[0, 0]]], 1)
    values = np.array([[[1.0], [5.0]], [[2.0], [6.0]]])
    queries = np.stack([EYE[[0, 0]], EYE[[2, 0]]], 1)
    program = Program(key=keys, value=values, query=queries)
    right, wrong = (
        np.array([[[1.0], [0]], [[1.0], [6.0]]]),
        np.array([[[1.0], [0]], [[2.0], [5]]]),
    )
    first, second = (
        make_recording(program, RULE, "rate", array) for array in (right, wrong)
    )
    found = compare(first, second).retrieval
    assert (found.reference, found.other) == (1.0, pytest.approx(1 / 3))
    assert found.tokens == 3 and found.chance == pytest.approx(2 / 3)


def test_no_retrieval():
    rec = recording([[1, 2], [3, 4]], program=Program(EYE[:2], EYE[:2, :2], EYE[[2, 2]]))
    found = compare(rec, rec)
    assert found.retrieval.tokens == 0 and np.isnan(found.retrieval.chance)
    assert "retrieval: no query asks for a stored key" in found.table()
    bare = Recording(rec.dataset[["readout"]])
    assert compare(bare, bare).retrieval.tokens == 0


# ---------------------------------------------------------------------- tables


def test_tables():
    found = two([[-1, 1], [-1, 1]], [[2.5, 3.5], [0.5, 1.5]])
    assert str(found).splitlines() == [
        "hebb (rate) against hebb (artificial) (the reference)",
        "variable  nRMSE   slope  bias  correlation",
        "readout   2.291  0.5000     2       0.4472",
        "retrieval: reference 1.000, other 1.000, chance 1.000 (2 queries of a stored "
        "key)",
    ]
    assert table({"one": found, "another": found}).splitlines() == [
        "         nRMSE   slope  bias  correlation  retrieval  chance  queries",
        "one      2.291  0.5000     2       0.4472      1.000   1.000        2",
        "another  2.291  0.5000     2       0.4472      1.000   1.000        2",
    ]
    assert repr(found) == (
        "Comparison(hebb (rate) against hebb (artificial): nrmse=2.291, slope=0.5, "
        "corr=0.4472)"
    )


# ---------------------------------------------------------------------- plots


def texts(figure):
    from matplotlib.text import Text

    return [
        text for text in figure.findobj(Text) if text.get_text() and text.get_visible()
    ]


def test_figure_is_labelled_and_legible():
    found = two([[-1, 1], [-1, 1]], [[2.5, 3.5], [0.5, 1.5]])
    figure = found.plot()
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel()) == (
        "artificial read-out",
        "rate read-out",
    )
    assert (right.get_xlabel(), right.get_ylabel()) == ("token", "read-out nRMSE")
    cloud, identity, fit = left.lines
    np.testing.assert_array_equal(cloud.get_xdata(), [-1, 1, -1, 1])
    np.testing.assert_array_equal(identity.get_xdata(), identity.get_ydata())
    np.testing.assert_allclose(fit.get_ydata(), 2 + 0.5 * np.array(fit.get_xdata()))
    np.testing.assert_allclose(
        right.lines[0].get_ydata(), found.per_token["nrmse"].sel(variable="readout")
    )
    assert cloud.get_color() == plotting.COLOURS["rate"]
    assert figure.get_size_inches()[0] == pytest.approx(8.5 / 2.54)
    assert min(text.get_fontsize() for text in texts(figure)) >= 7


@pytest.mark.parametrize(
    "readout", [[[2, 2], [2, 2]], [[np.nan, 1], [2, 3]], [[np.nan] * 2]]
)
def test_figure_of_undefined_numbers(readout, tmp_path):
    program = Program(key=EYE[: len(readout)], value=np.ones((len(readout), 2)))
    rec = recording(readout, program=program)
    plotting.save(compare(rec, rec).plot(), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_style_leaves_the_users_settings():
    import matplotlib

    with matplotlib.rc_context({"font.size": 13}):
        with plotting.style():
            assert matplotlib.rcParams["font.size"] == 8
        assert matplotlib.rcParams["font.size"] == 13


def test_save_figure(tmp_path):
    figure = two([[1, 2]], [[2, 1]]).plot()
    path = tmp_path / "figure.png"
    assert plotting.save(figure, path) == path
    assert path.read_bytes()[:4] == b"\x89PNG" and os.listdir(tmp_path) == ["figure.png"]
    with pytest.raises(
        FwpError, match="cannot save the figure to .*: there is no folder"
    ):
        plotting.save(figure, tmp_path / "nowhere" / "figure.png")
    with pytest.raises(
        FwpError, match="unknown figure format 'pngg'; did you mean 'png'"
    ):
        plotting.save(figure, tmp_path / "figure.pngg")
    with pytest.raises(FwpError, match="give a name that ends in .png"):
        plotting.save(figure, tmp_path / "figure")
    if os.path.isdir("/proc/self"):
        with pytest.raises(
            FwpError, match="cannot save the figure to '/proc/self/a.png': "
        ):
            plotting.save(figure, "/proc/self/a.png")
    assert os.listdir(tmp_path) == ["figure.png"]


def test_of_many_queries_some_are_looked_at():
    rng = np.random.default_rng(0)
    key = np.eye(8)[rng.integers(8, size=5000)]
    program = fwp.Program(key, rng.normal(size=(5000, 4)), beta=1.0)
    exact, other = fwp.run(program, "delta"), fwp.run(program, "hebb")
    found = fwp.compare(exact, other).retrieval
    assert found.tokens == 2048 and found.reference == 1.0 > found.other
    assert 0 < found.chance < 0.01


def test_a_comparison_asks_for_no_spikes():
    program = fwp.tasks.associative_recall(tokens=2, dim=3, beta=0.5)
    circuit = fwp.run(program, "delta", "spiking", cells=4, device="numpy")
    comparison = fwp.compare(fwp.run(program, "delta"), circuit)
    assert comparison.table() and len(comparison.per_token["token"]) == 2
    assert "spike_time" not in circuit.so_far and "spike_time" in circuit.dataset
