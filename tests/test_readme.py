"""The examples of the README and of the documentation run as typed, and its commands are
those that CI runs."""

import re
from pathlib import Path

import brian2
import pytest

import fwp_neuro

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: what the examples of a page print
PRINTED = {
    "README": [r"nRMSE.*nRMSE"],
    "artificial": [r"Training\(20 steps.*Training\(40 steps.*accuracy 0"],
    "divisive_inhibition": ["nRMSE"],
    "exchange": [r"36 \['w', 'V_basal'\]\nrun.nwb\n36\n"],
    "idealisations": ["nRMSE"],
    "local_writes": ["nRMSE"],
    "own_network": [r"r1: lives on the presynaptic cell.*1\.\d+\n$"],
    "rules": ["nRMSE"],
    "write_strengths": [r"True"],
    "synapses": [r"\[0\.764", r"\[0\.36 ", "95%: 0.1615 to 0.2455"],
}
#: pages whose examples take a minute of CPU
SLOW = {"idealisations", "divisive_inhibition", "write_strengths", "local_writes"}
#: files that they write
WRITTEN = {"README": "run.nc", "artificial": "parity.pt", "exchange": "weights.csv"}


def examples(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def marked(page):
    marks = [pytest.mark.slow] if page.stem in SLOW else []
    return pytest.param(page, marks=marks, id=page.stem)


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if examples(page)])
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch, capsys):
    name = page.stem if page.parent.name == "docs" else "README"
    monkeypatch.chdir(tmp_path)
    try:
        for block in examples(page):  # each by itself, as a reader would type it
            exec(compile(block, page.name, "exec"), {})
    finally:
        brian2.prefs.codegen.target = "auto"
    printed = capsys.readouterr().out
    for pattern in PRINTED.get(name, ["."]):
        assert re.search(pattern, printed, re.S), printed
    if name in WRITTEN:
        assert (tmp_path / WRITTEN[name]).exists()


def test_the_readme_is_short():
    assert len(README.split()) <= 1000
    block = examples(ROOT / "README.md")[0]
    assert len([line for line in block.splitlines() if line.strip()]) == 10


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert (
        '-c constraints.txt -e ".[test]"' in README
        and '-c constraints.txt -e ".[test]"' in script
    )
    assert " && python -m pytest -n 2 --dist loadfile\n" in README
    assert script.endswith("\npython -m pytest -n 2 --dist loadfile\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_list_of_pages_names_all():
    listed = (ROOT / "docs" / "README.md").read_text()
    for page in PAGES:
        assert f"({page.name})" in listed or page.name == "README.md", page.name


def test_the_example_of_the_package_docstring_runs(capsys):
    example = [
        line[4:] for line in fwp_neuro.__doc__.splitlines() if line.startswith("    ")
    ]
    exec(compile("\n".join(example), "fwp_neuro", "exec"), {})
    assert "nRMSE" in capsys.readouterr().out
