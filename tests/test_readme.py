"""The README's example runs as typed, and its commands are those that CI runs."""

import re
from pathlib import Path

import fwp_neuro

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    block = re.search(r"```python\n(.*?)```", README, re.S).group(1)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.count("nRMSE") == 2
    assert (tmp_path / "run.nc").exists()
    assert len([line for line in block.splitlines() if line.strip()]) == 10


def test_the_example_of_the_artificial_side_runs(tmp_path, monkeypatch, capsys):
    block = re.findall(r"```python\n(.*?)```", README, re.S)[1]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "Training(20 steps" in printed and "Training(40 steps" in printed
    assert (tmp_path / "parity.pt").exists()
    assert names["readout"].shape == (1, 300, 2, 16) and names["y"].shape == (1, 300, 32)
    assert names["circuit"]["readout"].shape == (8, 2, 16)


def test_the_example_of_the_biological_side_runs(capsys):
    block = re.findall(r"```python\n(.*?)```", README, re.S)[2]
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert (
        "[0.764" in printed and "[0.36 " in printed and "95%: 0.1615 to 0.2455" in printed
    )


def test_the_example_of_plastic_synapses_runs(capsys):
    import brian2

    block = re.findall(r"```python\n(.*?)```", README, re.S)[3]
    try:
        exec(compile(block, "README.md", "exec"), {})
    finally:
        brian2.prefs.codegen.target = "auto"
    printed = capsys.readouterr().out
    assert "r1: lives on the presynaptic cell" in printed
    assert float(printed.split()[-1]) != 1


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert (
        '-c constraints.txt -e ".[test]"' in README
        and '-c constraints.txt -e ".[test]"' in script
    )
    assert " && python -m pytest -n 2 --dist loadfile\n" in README
    assert script.endswith("\npython -m pytest -n 2 --dist loadfile\n")


def test_every_picture_and_notebook_of_the_readme_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_example_of_the_package_docstring_runs(capsys):
    example = [
        line[4:] for line in fwp_neuro.__doc__.splitlines() if line.startswith("    ")
    ]
    exec(compile("\n".join(example), "fwp_neuro", "exec"), {})
    assert "nRMSE" in capsys.readouterr().out
