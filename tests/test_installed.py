"""The package where it is installed: it finds its models and figures, and writes nothing
beside itself. The slow tests build it, and use it in environments of their own."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from fwp_neuro import figure_scripts, model_scripts
from fwp_neuro.cli import main

TOP = Path(__file__).resolve().parent.parent
FOLDERS = ("models", "figures", "notebooks")
#: versions of Python besides the one that runs the tests
OTHERS = [f"3.{minor}" for minor in (12, 13) if sys.version_info[:2] != (3, minor)]


def snapshot(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc"}  # fmt: skip


@pytest.fixture
def installed(home, monkeypatch):
    """The toy scripts inside of an installed package, and an empty current folder."""
    place = home / "site-packages/fwp_neuro/home"
    place.mkdir(parents=True)
    for kind in ("models", "figures"):
        (home / kind).rename(place / kind)
    script = place / "figures/fig01_toy.py"
    # the toy counts its simulations beside itself
    script.write_text(re.sub(r"    with open.*\n.*\n", "", script.read_text()))
    for module in (model_scripts, figure_scripts):
        monkeypatch.setattr(module, "INSTALLED", place)
    monkeypatch.delenv("FWP_NEURO_HOME")
    (home / "empty").mkdir()
    monkeypatch.chdir(home / "empty")
    return place


def test_an_installed_package_works_in_an_empty_folder(installed, capsys):
    before = snapshot(installed)
    assert main(["list", "models"]) == 0
    assert "  toy  A toy model: adds one.\n" in capsys.readouterr().out
    assert main(["run", "toy"]) == 0
    for options in ([], ["--quick"]):
        assert main(["figures", "fig01", *options]) == 0
        assert capsys.readouterr().out.endswith("wrote results/fig01_toy.png\n")
    assert main(["figures"]) == 0
    assert "drawn from kept data" in capsys.readouterr().out
    assert snapshot(installed) == before
    made = sorted(path.name for path in Path("results").iterdir())
    assert made == ["data", "fig01_toy.png", "toy.csv", "toy.nc", "toy.png"]
    assert len(list(Path("results/data").glob("fig01_toy-*.nc"))) == 2
    assert os.listdir() == ["results"]


def test_a_model_of_the_current_folder_is_found_beside_those_installed(installed, capsys):
    Path("models").mkdir()
    text = (installed / "models/toy.py").read_text()
    Path("models/mine.py").write_text(text.replace("size: int = 3", "size: int = 4"))
    assert main(["run", "mine"]) == 0
    assert capsys.readouterr().out.startswith("sum 6\n")
    assert main(["run", "toy"]) == 0


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(TOP)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


@pytest.mark.slow
def test_wheel_and_source_have_all_scripts(built):
    wheel, source = built
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for kind in FOLDERS:
        for path in (TOP / kind).iterdir():
            if path.suffix in (".py", ".ipynb"):
                assert f"fwp_neuro/home/{kind}/{path.name}" in inside
                assert f"{kind}/{path.name}" in packed
    package = {path.relative_to(TOP).as_posix() for path in (TOP / "fwp_neuro").rglob("*")
               if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    assert package <= inside and package <= packed
    assert {name.partition("/")[0] for name in inside} == {
        "fwp_neuro", wheel.name.partition("-py3")[0] + ".dist-info"
    }  # fmt: skip
    kept = ["tests/conftest.py", "constraints.txt", ".ci/run", ".ci/smoke", "docs"]
    assert packed >= {*kept, "README.md", "CHANGELOG.md", "setup.py"}


def environment(python: str, wheel: Path, folder: Path) -> Path:
    """Install the wheel for a version of Python into a new environment; return its
    folder of programs."""
    subprocess.run([python, "-m", "venv", folder], check=True, env=alone())
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", "-c",
         TOP / "constraints.txt", wheel],
        check=True, env=alone(),
    )  # fmt: skip
    return programs


def alone(**more: str) -> dict[str, str]:
    """Return variables of a process that sees neither this checkout nor its settings:
    pip takes what PYTHONPATH holds for installed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FWP_"))}
    return kept | more


def found_python(version: str) -> str | None:
    """Return a Python of this version that runs, or None."""
    installed = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for program in (shutil.which(f"python{version}"), *map(str, installed)):
        if program is not None:
            said = subprocess.run([program, "-V"], capture_output=True, text=True)
            if said.stdout.startswith(f"Python {version}."):
                return program
    return None


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHERS)
def test_the_wheel_works_with_other_versions_of_python(built, version, tmp_path):
    python = found_python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    programs = environment(python, built[0], tmp_path / "venv")
    (tmp_path / "empty").mkdir()
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [TOP / ".ci/smoke"], cwd=tmp_path / "empty", capture_output=True, text=True,
        env=alone(PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache")),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"smoke: Python {version}." in done.stdout


@pytest.mark.slow
def test_the_source_passes_its_own_tests(built, tmp_path):
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "tests/test_packaging.py", "tests/test_scripts_names.py",
         "tests/test_run_output.py", "-k", "not runs_quickly"],
        cwd=source, env=alone(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
