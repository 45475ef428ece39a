"""Packaging: what is imported when, what is pinned where, and that the parts agree."""

import configparser
import re
import statistics
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import quick_cases
from quick_cases import KEPT

import fwp_neuro

TOP = Path(fwp_neuro.__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (TOP / "setup.cfg").exists(), reason="not a checkout")


def setup():
    parsed = configparser.ConfigParser()
    parsed.read(TOP / "setup.cfg")
    return parsed


def requirements(text):
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def name(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("module", ["fwp_neuro", "fwp_neuro.cli", "fwp_neuro.progress"])
def test_importing_is_light(module):
    code = (
        f"import {module}, sys; "
        "print([m for m in ('torch', 'brian2', 'matplotlib', 'xarray') if m in "
        "sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_public_names_are_there():
    assert set(fwp_neuro.__all__) <= set(dir(fwp_neuro))
    assert fwp_neuro.Program.__module__ == "fwp_neuro.programs"
    assert issubclass(fwp_neuro.FwpError, ValueError)
    assert fwp_neuro.tasks.digit_memory().tokens == 11
    assert re.match(r"\d+", fwp_neuro.__version__)
    with pytest.raises(AttributeError, match="'fwp_neuro' has no attribute 'Programm'"):
        fwp_neuro.Programm  # noqa: B018


@pytest.mark.parametrize(
    "before",
    ["", "import fwp_neuro.rules; ", "import fwp_neuro.running; ", "fwp.rule('delta'); "],
)
def test_rules_can_be_called_whatever_was_imported(before):
    code = (
        f"import fwp_neuro as fwp; {before}print('delta' in fwp.rules(), "
        "fwp.rule('delta').name)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "True delta\n"


def test_requirements():
    options = setup()["options"]
    wanted = requirements(options["install_requires"])
    assert options["python_requires"] == ">=3.11,<3.14"
    assert "torch" in wanted  # any build of it
    assert "brian2>=2.9,<2.12" in wanted
    assert 'numpy>=2.0,<2.4; python_version<"3.12"' in wanted
    extras = setup()["options.extras_require"]
    newer = 'python_version>="3.12"'
    pair = [f"brian2cuda==1.0b1; {newer}", f"brian2==2.10.1; {newer}"]
    assert requirements(extras["cuda"]) == pair
    assert "brian2cuda" not in options["install_requires"]  # GPL, and pins brian2


def test_constraints_pin_every_requirement_exactly():
    lines = requirements((TOP / "constraints.txt").read_text())
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.]+(; ?python_version.*)?", line)
    pinned = {name(line) for line in lines}
    for section, option in (
        ("options", "install_requires"),
        ("options.extras_require", "test"),
    ):
        assert {name(r) for r in requirements(setup()[section][option])} <= pinned
    assert "torch==2.13.0" in lines


def test_pytest_settings():
    options = setup()["tool:pytest"]
    assert requirements(options["testpaths"]) == ["tests", "notebooks"]
    assert "--nbmake" in options["addopts"] and '-m "not slow"' in options["addopts"]
    assert [line.partition(":")[0] for line in requirements(options["markers"])] == [
        "slow",
        "gpu",
    ]


@pytest.mark.parametrize("file", KEPT)
def test_what_is_run_in_part_is_there(file):
    if file[:2].isdigit():  # a notebook, which is one case
        assert (TOP / "notebooks" / f"{file}.ipynb").exists() and KEPT[file] == {"": 0}
        return
    text = (TOP / "tests" / f"{file}.py").read_text()
    for name, many in KEPT[file].items():
        assert f"\ndef {name}(" in text and many >= 0, name


def test_repeats_are_spaced_evenly_and_the_first_is_kept(monkeypatch):
    class Item:
        def __init__(self, test, marked=False):
            self.path, self.originalname = Path("tests/test_it.py"), test
            self.slow = marked

        def get_closest_marker(self, name):
            return self.slow or None

        def add_marker(self, mark):
            self.slow = mark.name == "slow"

    monkeypatch.setattr(quick_cases, "KEPT", {"test_it": {"test_some": 3}})
    some = [Item("test_some", marked=n == 1) for n in range(8)]
    rest = [Item("test_all") for _ in range(4)]
    quick_cases.mark_repeats([*some, *rest])
    assert [n for n, item in enumerate(some) if not item.slow] == [0, 3, 6]
    assert not any(item.slow for item in rest)


def test_cases_that_run_by_default_have_every_value_of_a_parameter():
    cases = [[("a", a), ("b", b)] for a in range(4) for b in range(3)]
    for many in range(4, 13):
        chosen = [cases[n] for n in quick_cases.spread(cases, many)]
        assert len(chosen) == many
        assert {value for case in chosen for value in case} == set(sum(cases, []))


def test_pyproject_only_builds_and_checks_style():
    with open(TOP / "pyproject.toml", "rb") as file:
        parsed = tomllib.load(file)
    assert set(parsed) == {"build-system", "tool"} and set(parsed["tool"]) == {
        "ruff",
        "importlinter",
        "mypy",
    }
    assert parsed["tool"]["ruff"]["line-length"] == 90


def test_data_are_packaged_and_small():
    patterns = requirements(setup()["options.package_data"]["fwp_neuro.data"])
    folder = TOP / "fwp_neuro/data"
    for path in folder.iterdir():
        if path.is_file() and path.suffix != ".py":
            assert any(path.match(pattern) for pattern in patterns), path.name
    assert (folder / "digits.csv.gz").stat().st_size < 60_000
    assert "10.24432/C50P49" in (folder / "README.md").read_text()


def test_version_and_citation_agree():
    version = setup()["metadata"]["version"]
    citation = (TOP / "CITATION.cff").read_text()
    assert f"version: {version}\n" in citation
    assert f"## {version}" in (TOP / "CHANGELOG.md").read_text()
    for paper in ("2508.08435", "2211.09440"):
        assert paper in citation
    assert (TOP / "LICENSE").read_text().startswith("BSD 3-Clause")


def test_ci_script_ends_with_the_tests():
    script = TOP / ".ci/run"
    assert script.stat().st_mode & 0o111
    lines = requirements(script.read_text())
    assert "set -euo pipefail" in lines
    checks = [
        "ruff check .",
        "lint-imports",
        "mypy",
        "python -m pytest -n 2 --dist loadfile",
    ]
    assert [line for line in lines if line in checks] == checks
    assert lines[-1] == checks[-1]
    for beside in ("source_tests", "wheel"):
        assert any(line.startswith(f"finish ${beside} ") for line in lines)
    assert 'PATH="$folder/wheel/bin:$without"' in lines  # nothing of the other one


def test_modules_are_small_and_have_names_of_their_own():
    files = sorted(Path(fwp_neuro.__file__).parent.rglob("*.py"))
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in files]
    assert max(lengths) <= 400 and statistics.median(lengths) < 120
    # what the folder of every published synapse has
    shared = {"__init__.py", "synapse.py", "events.py", "targets.py"}
    names = Counter(file.name for file in files if file.name not in shared)
    assert max(names.values()) == 1, names.most_common(3)
