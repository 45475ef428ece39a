"""What ``list``, ``show`` and ``cite`` print is kept, and never out of date."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fwp_neuro
from fwp_neuro.commands import answers

HEAVY = ("torch", "brian2", "sympy", "xarray", "matplotlib")


@pytest.fixture
def home(tmp_path):
    """A copy of the package, which a test may change, and an empty cache."""
    package = Path(fwp_neuro.__file__).parent
    shutil.copytree(package, tmp_path / "fwp_neuro")
    return tmp_path


def python(home, *arguments):
    """Run Python with the copied package and its cache."""
    environment = {**os.environ, "PYTHONPATH": str(home), "XDG_CACHE_HOME": str(home)}
    environment.pop("FWP_NEURO_CACHE", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip


def told(home, *argv):
    """Return what a command prints, and the heavy packages that it imported."""
    done = python(home, "-X", "importtime", "-m", "fwp_neuro", *argv)
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return done.stdout, [name for name in HEAVY if name in names]


def change(home):
    """Rename a rule in the copied package."""
    place = home / "fwp_neuro" / "rules" / "catalogue.py"
    place.write_text(place.read_text().replace('"delta",', '"delto",', 1))


def kept(home):
    return list((home / "fwp_neuro" / "answers").glob("*.json"))


def test_names_and_citations_import_nothing_heavy(home):
    first, heavy = told(home, "list", "rules")
    assert "delta" in first and heavy
    for argv in (("list", "rules"), ("show", "delta"), ("cite", "pair_stdp"), ("list",)):
        text, heavy = told(home, *argv)
        assert text and not heavy, argv
    assert told(home, "list", "rules")[0] == first
    (place,) = kept(home)
    ask = "from fwp_neuro.commands import answers; print(answers._place())"
    assert python(home, "-c", ask).stdout.strip() == str(place)
    change(home)
    # so nothing out of date is told
    assert python(home, "-c", ask).stdout.strip() not in ("", str(place))


@pytest.mark.slow
def test_answers_follow_the_files(home):
    first, _ = told(home, "list", "rules")
    # of one that is asked for by another name only that answer is kept
    text, heavy = told(home, "cite", "delta", "oja")
    assert heavy and told(home, "cite", "delta", "oja") == (text, [])
    change(home)
    changed, heavy = told(home, "list", "rules")
    assert heavy and "delto" in changed and changed != first
    assert len(kept(home)) == 1


def test_a_file_or_a_wrong_name_is_never_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run.nc").write_text("")
    asked = []
    answers.keep(["cite", "run.nc"], asked.append)
    answers.keep(["run", "digit_memory"], asked.append)
    assert not asked and answers.known(["cite", "run.nc"]) is None
    answers.keep(["show", "nobody"], lambda argv: 2)  # as the command line says it
    assert answers.known(["show", "nobody"]) is None
    (place,) = (tmp_path / "cache" / "answers").glob("*.json")
    place.write_text("not JSON")
    assert answers.known(["show", "delta"]) is None


def test_the_first_answer_says_on_a_terminal_why_it_takes_a_while(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path))
    answers.tell_first(["show", "delta"])
    assert capsys.readouterr().err == ""  # nobody looks on
    monkeypatch.setattr(answers, "someone_looks_on", lambda: True)
    for argv in (["run", "toy"], [], ["list", "--help"]):
        answers.tell_first(argv)
    assert capsys.readouterr().err == ""
    answers.tell_first(["show", "delta"])
    assert capsys.readouterr().err.startswith("fwp-neuro: reads the whole package")
    answers._place().parent.mkdir(parents=True, exist_ok=True)
    answers._place().write_text("{}")
    answers.tell_first(["show", "delta"])
    assert capsys.readouterr().err == ""
