"""The figure runner: data are kept by what decides them, and pictures are always
drawn."""

import errno
import json
import os
import subprocess
import sys

import pytest
import xarray as xr

from fwp_neuro import figure_scripts
from fwp_neuro.cli import main
from fwp_neuro.code_hash import code, simulation_code
from fwp_neuro.errors import FwpError


@pytest.fixture
def script(home):
    return home / "figures/fig01_toy.py"


def simulations(home):
    log = home / "figures/simulated.log"
    return log.read_text().splitlines() if log.exists() else []


def make(**options):
    return figure_scripts.make(
        "fig01_toy", progress=lambda fraction, note: None, **options
    )


def test_a_second_run_does_not_simulate(home, script, capsys):
    assert main(["figures"]) == 0
    assert main(["figures", "fig01"]) == 0
    printed = capsys.readouterr()
    first, second = printed.out.split("fig01_toy: ")[1:]
    assert first.startswith("simulated and drawn") and second.startswith(
        "drawn from kept data"
    )
    for part in (first, second):
        assert "4 tokens\n" in part
        assert part.endswith(f"wrote {home / 'figures/fig01_toy.png'}\n")
    assert simulations(home) == ["quick=False"]
    assert len(list((home / "figures/data").glob("fig01_toy-*.nc"))) == 1


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ('COLOUR = "red"', 'COLOUR = "blue"', False),  # only plot names it
        ("figsize=(1, 1)", "figsize=(2, 1)", False),
        ('"""Fig. 1: a toy."""', '"""Fig. 1: another."""', False),
        ("COUNT = 4", "COUNT = 4  # a comment", False),
        ("COUNT = 4", "COUNT = 6", True),
        ('"halfway"', '"half"', True),
    ],
)
def test_only_a_changed_simulation_runs_again(home, script, edit, old, new, again):
    first = make()
    before = first.picture.read_bytes()
    edit(script, old, new)
    second = make()
    assert first.simulated and second.simulated == again
    assert len(simulations(home)) == 1 + again
    if "figsize" in old or "COLOUR" in old:
        assert second.picture.read_bytes() != before


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("load_model('toy')", True),
        ("load_model('TOY'.lower())", True),
        ("'toy'", False),
    ],
)
def test_a_changed_model_simulates_again_what_uses_it(home, script, edit, code, used):
    sys.modules.pop("fwp_neuro_models_toy", None)
    edit(
        script,
        "import numpy",
        "from fwp_neuro.model_scripts import load_model\nimport numpy",
    )
    edit(script, "    progress(", f"    {code}\n    progress(")
    assert make().simulated
    edit(home / "models/toy.py", "Nothing is published", "Little is published")
    assert not make().simulated
    edit(home / "models/toy.py", "gain: float = 1.0", "gain: float = 2.0")
    again = make()
    assert again.simulated == used
    assert again.why == ("toy.py has changed" if used else "")
    edit(home / "models/toy.py", "gain: float = 2.0", "gain: float = 1.0")
    assert not make().simulated  # both versions are kept


def test_other_versions_simulate_again(script, monkeypatch):
    assert make().simulated and make(quick=True).simulated
    assert not make().simulated and not make(quick=True).simulated
    monkeypatch.setattr("fwp_neuro.loaded_code.computing", lambda: {"numpy": "0"})
    again = make()
    assert again.simulated and "numpy" in again.why


@pytest.mark.skipif(sys.platform != "linux", reason="figures are made in one process")
def test_a_figure_does_not_depend_on_what_the_one_before_it_loaded(home, script, edit):
    (home / "figures/fig02_more.py").write_text(script.read_text())
    edit(script, "    progress(", "    import fwp_neuro.tasks.digits\n    progress(")
    command = [sys.executable, "-m", "fwp_neuro", "figures"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.count("simulated and drawn") == 2
    for name, loads in (("fig01_toy", True), ("fig02_more", False)):
        (data,) = (home / "figures/data").glob(f"{name}-*.nc")
        code = xr.load_dataset(data, engine="h5netcdf").attrs["code_loaded"]
        assert ("fwp_neuro/tasks/digits.py" in json.loads(code)["files"]) == loads
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.count("drawn from kept data") == 2


def test_data_without_a_record_of_their_code_are_not_used(home, script):
    data = make().data
    dataset = xr.load_dataset(data)
    del dataset.attrs["code_loaded"]
    data.unlink()
    dataset.to_netcdf(data)
    assert make().simulated


def test_quick_pictures_stay_away_from_the_committed_ones(home, script):
    drawn = make(quick=True)
    assert drawn.picture.absolute() == home / "results/fig01_toy.png"
    assert drawn.picture.exists() and not list((home / "figures").rglob("*.png"))
    assert drawn.report == "2 tokens"
    assert not (home / "figures/fig01_toy.png").exists()
    drawn = make(quick=True, out=home / "new/folder")
    assert drawn.picture == home / "new/folder/fig01_toy.png" and drawn.picture.exists()
    assert make().report == "4 tokens"
    assert simulations(home) == ["quick=True", "quick=False"]


def test_an_interrupted_simulation_leaves_nothing(home, script, edit, capsys):
    edit(script, 'progress(0.5, "halfway")', "raise KeyboardInterrupt")
    assert main(["figures"]) == 2
    error = capsys.readouterr().err
    assert error == "fwp-neuro: interrupted in fig01_toy: its picture was not written\n"
    assert not (home / "figures/data").exists()
    assert not list(home.rglob("*.png"))


def test_an_interruption_names_what_was_finished(home, script, edit, capsys):
    (home / "figures/fig02_stop.py").write_text(script.read_text())
    edit(
        home / "figures/fig02_stop.py",
        'progress(0.5, "halfway")',
        "raise KeyboardInterrupt",
    )
    assert main(["figures"]) == 2
    assert "not written; finished before: fig01_toy\n" in capsys.readouterr().err


def test_a_failing_plot_leaves_the_old_picture(home, script, edit):
    picture = make().picture
    before = picture.read_bytes()
    edit(script, "    return figure", "    raise RuntimeError('ink')")
    with pytest.raises(RuntimeError, match="ink"):
        make()
    assert picture.read_bytes() == before
    assert sorted(path.name for path in picture.parent.iterdir() if path.is_file()) == [
        "fig01_toy.png",
        "fig01_toy.py",
        "simulated.log",
    ]


MATPLOTLIBRC = """
text.usetex: True
font.family: no such font
font.size: 30
figure.autolayout: True
savefig.format: tiff
savefig.bbox: tight
savefig.transparent: True
axes.prop_cycle: cycler('color', ['00FF00'])
axes.spines.left: False
lines.linestyle: --
image.cmap: jet
backend: TkAgg
"""


def test_a_users_matplotlibrc_changes_no_picture(home, script, edit, tmp_path):
    import matplotlib

    edit(script, "color=COLOUR", "label='$x_1$'")
    edit(
        script,
        "    return figure",
        "    figure.axes[0].legend(title='a title')\n    return figure",
    )
    before = make().picture.read_bytes()
    (tmp_path / "matplotlibrc").write_text(MATPLOTLIBRC)
    backend = matplotlib.rcParams["backend"]
    with matplotlib.rc_context(fname=tmp_path / "matplotlibrc"):
        assert make(out=tmp_path / "other").picture.read_bytes() == before
        assert matplotlib.rcParams["font.size"] == 30  # which is the user's again
    assert matplotlib.rcParams["backend"] == backend


def test_a_full_disk_leaves_the_old_picture_and_half_of_nothing(
    home, script, monkeypatch, capsys
):
    picture = make().picture
    before, files = picture.read_bytes(), sorted(home.rglob("*"))

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for where in ("os.replace", "matplotlib.figure.Figure.savefig", "pathlib.Path.mkdir"):
        with monkeypatch.context() as patched:
            patched.setattr(where, full)
            assert main(["figures"]) == 2, where
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "No space left on device" in error, where
        assert picture.read_bytes() == before and sorted(home.rglob("*")) == files, where
    for data in (home / "figures/data").glob("*.nc"):
        data.unlink()
    with monkeypatch.context() as patched:  # when the data are kept
        patched.setattr("fwp_neuro.recording_file._bytes", full)
        assert main(["figures"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert picture.read_bytes() == before and not list((home / "figures/data").iterdir())
    assert main(["figures"]) == 0 and picture.read_bytes() == before


def test_names_select_by_prefix(home, script):
    (home / "figures/fig02_more.py").write_text(script.read_text())
    (home / "figures/other.py").write_text("")
    assert figure_scripts.select([]) == ["fig01_toy", "fig02_more"]
    assert figure_scripts.select(["fig02"]) == ["fig02_more"]
    assert figure_scripts.select(["fig02", "fig0"]) == ["fig01_toy", "fig02_more"]
    with pytest.raises(FwpError, match="'fig3'; did you mean 'fig0"):
        figure_scripts.select(["fig3"])
    (home / "my_fig.py").write_text("")
    with pytest.raises(FwpError, match="'my_fig'; did you mean './my_fig.py'"):
        figure_scripts.select(["my_fig"])


@pytest.mark.parametrize(
    "words",
    [
        [""],
        ["fig01", ""],
        [" "],
        ["fig01", "--out", ""],
        ["x" * 5000],
        ["\0"],
        ["fig01", "nan"],
    ],
)
def test_odd_names_and_folders_of_figures_are_one_sentence(home, script, capsys, words):
    assert main(["figures", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 < len(printed.err) < 800
    assert not simulations(home)


def test_a_script_without_plot_is_named(home, script, edit):
    edit(script, "def plot", "def plto")
    with pytest.raises(FwpError, match="figures/fig01_toy.py does not define plot"):
        make()


def test_code_leaves_out_what_does_not_run():
    assert code('"""A."""\nx = 1  # one\n') == code("x = (1)")
    assert code('def f():\n    """A."""\n    return 1') == code("def f(): return 1")
    assert code("x = 1") != code("x = 2")


def test_simulation_code_follows_names():
    source = """
import numpy as np
import matplotlib.pyplot as plt
SIZE = 3
INK = "red"
def helper(): return np.ones(SIZE)
def simulate(): return helper()
def plot(): plt.plot(INK)
configure()
if __name__ == "__main__": simulate()
"""
    kept = simulation_code(source)
    for name in ("numpy", "SIZE", "helper", "simulate", "configure"):
        assert f"'{name}'" in kept
    for name in ("matplotlib.pyplot", "INK", "plot", "__name__"):
        assert f"'{name}'" not in kept


def test_pictures_and_data_come_in_the_formats_that_are_asked_for(home, script, capsys):
    command = ["figures", "fig01", "--format", "pdf,svg", "--data", "csv,nc"]
    assert main([*command, "--out", "made"]) == 0
    made = home / "made"
    names = [f"fig01_toy.{end}" for end in ("csv", "nc", "pdf", "png", "svg")]
    assert sorted(path.name for path in made.iterdir()) == names
    said = capsys.readouterr().out
    assert all(f"wrote made/{name}\n" in said for name in names)
    assert (made / "fig01_toy.pdf").read_bytes().startswith(b"%PDF")
    assert xr.load_dataset(made / "fig01_toy.nc")["value"].size == 4
    table = (made / "fig01_toy.csv").read_text().splitlines()
    assert table[:2] == ["variable,token,value,unit", "value,0,0,"] and len(table) == 5
    for option, word in (("--format", "gif"), ("--data", "xlsx")):
        assert main(["figures", "fig01", option, word]) == 2
        assert word in capsys.readouterr().err


def test_out_takes_the_data_along(home, script):
    drawn = make(out=home / "made")
    assert drawn.further == (home / "made/fig01_toy.nc",)
    assert sorted(path.name for path in (home / "made").iterdir()) == [
        "fig01_toy.nc", "fig01_toy.png"
    ]  # fmt: skip
    again = make()
    assert not again.simulated and not again.further  # nothing new beside the committed


def test_a_script_of_ones_own_runs_where_it_lies(home, script, edit, capsys, monkeypatch):
    own = home / "elsewhere/my_fig.py"
    own.parent.mkdir()
    own.write_text(script.read_text())
    edit(own, "COUNT = 4", "COUNT = 5")
    monkeypatch.chdir(own.parent)
    for name, how in (("./my_fig.py", "simulated and drawn"), (str(own), "kept data")):
        assert main(["figures", name, "--format", "pdf"]) == 0
        said = capsys.readouterr().out
        assert how in said and "5 tokens" in said
        assert "wrote results/my_fig.png\n" in said and "wrote results/my_fig.pdf" in said
    (data,) = own.parent.glob("results/data/my_fig-*.nc")
    assert sorted(path.name for path in own.parent.iterdir()) == [
        "my_fig.py", "results", "simulated.log"
    ]  # fmt: skip
    assert not (home / "figures/data").exists()
    assert main(["figures", "./your_fig.py"]) == 2
    assert "no figure script './your_fig.py'" in capsys.readouterr().err
