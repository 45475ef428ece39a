"""The validation report: every model meets its targets at quick size, or says why not."""

import json

import pytest

from fwp_neuro import targets
from fwp_neuro.cli import main
from fwp_neuro.targets import base
from fwp_neuro.targets.base import Row


@pytest.mark.parametrize("module", sorted(set(base.MODULES.values())))
def test_every_model_meets_its_published_numbers(module):
    names = [name for name, its in base.MODULES.items() if its == module]
    rows = list(targets.collect(names, quick=True))
    assert {row.model for row in rows} == set(names)
    for row in rows:
        assert len(row.source) > 10 and row.tolerance >= 0
        assert row.kind in ("value", "at least", "at most")
        assert bool(row.curve) == all(row.axes)
        assert row.basis in base.BASES
        assert bool(row.reason) == (row.known_miss > 0), row.quantity
        assert row.expected, f"{row.quantity}: {row.value}, target {row.target}"


def test_a_known_miss_is_bounded():
    reason = dict(reason="the paper rounds", known_miss=0.5)
    assert row(1.4, **reason).expected and not row(1.4, **reason).passed
    assert not row(1.6, **reason).expected and not row(float("nan"), **reason).expected
    assert not row(1.4, known_miss=0.5).expected and not row(1.4, reason="so").expected
    assert row(0.6, kind="at least", **reason).expected
    assert not row(0.4, kind="at least", **reason).expected


def row(value, **settings):
    """A row of a model that is not there."""
    return Row("toy", "number", value, 1.0, 0.1, "a paper, 1999", **settings)


@pytest.mark.parametrize(
    ("kind", "passing", "failing"),
    [
        ("value", (0.95, 1.05), (0.85, 1.2, float("nan"))),
        ("at least", (0.95, 7.0), (0.85, float("nan"))),
        ("at most", (1.05, -7.0), (1.2, float("nan"))),
    ],
)
def test_what_passes(kind, passing, failing):
    assert all(row(value, kind=kind).passed for value in passing)
    assert not any(row(value, kind=kind).passed for value in failing)


def test_the_report_says_what_fails_and_why():
    rows = [
        row(1.0, basis="definition"), row(2.0, reason="the paper rounds"),
        row(0.5, kind="at least", basis="own bound"),
    ]  # fmt: skip
    printed = targets.report(rows)
    assert "1 of 3 rows pass" in printed and printed.count("FAIL") == 2
    assert "[the paper rounds]" in printed and ">         1" in printed
    assert "targets: 1 published, 1 own bound, 1 definition" in printed
    assert printed.splitlines()[1].split()[5] == "definition"


@pytest.fixture
def toy(monkeypatch):
    """Validation of one model alone, whose value the test sets."""
    monkeypatch.setattr(base, "MODULES", {"toy": "toy"})
    values = [1.0]

    class Module:
        @staticmethod
        def rows(quick):
            curve = {"curve": "line", "axes": ("x (s)", "y (1)")}
            return iter([row(value, x=n, **curve) for n, value in enumerate(values)])

    monkeypatch.setattr(base, "import_module", lambda name: Module)
    return values


def test_the_command_ends_with_0_if_all_pass_and_writes_what_is_asked_for(toy, tmp_path, capsys):
    toy.append(1.05)
    report, picture = tmp_path / "rows.json", tmp_path / "curves.png"
    assert main(["validate", "--quick", "--json", str(report), "--out", str(picture)]) == 0
    assert "2 of 2 rows pass" in capsys.readouterr().out
    kept = json.loads(report.read_text())
    assert kept["quick"] is True and kept["rows"][1]["value"] == 1.05
    assert kept["rows"][0]["passed"] is True and kept["versions"]["numpy"]
    assert picture.stat().st_size > 1000


def test_the_command_ends_with_1_if_one_fails(toy, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy.append(3.0)
    assert main(["validate", "toy"]) == 1
    assert "1 of 2 rows pass" in capsys.readouterr().out
    assert (tmp_path / "validation.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["toi"], "unknown model with published numbers 'toi'; did you mean 'toy'"),
        (["--json", "no/such/file/at/all/rows.json"], None),
        (["--json", "/proc/nowhere/rows.json"], "cannot write to folder"),
        (["--out", "curves.txt"], "unknown figure format 'txt'"),
        (["--out", ""], "give a name that ends in .png"),
    ],
)
def test_the_command_refuses_before_the_long_work(toy, arguments, sentence, capsys, tmp_path,
                                                  monkeypatch):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    status = main(["validate", *arguments])
    if sentence is None:  # folders that can be made are made
        assert status == 0 and (tmp_path / arguments[1]).exists()
    else:
        assert status == 2 and sentence in capsys.readouterr().err


def test_a_picture_needs_a_curve(tmp_path):
    from fwp_neuro.errors import FwpError
    from fwp_neuro.targets.picture import draw

    with pytest.raises(FwpError, match="none of these models has a curve"):
        draw([row(1.0)], tmp_path / "x.png")
