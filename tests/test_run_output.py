"""What ``fwp-neuro run`` leaves behind, played as a user would: files, units, help, TOML,
words on the terminal."""

import csv
import json
from pathlib import Path

import pytest
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro import run_files
from fwp_neuro.cli import main
from fwp_neuro.errors import FwpError
from fwp_neuro.model_parameters import declared
from fwp_neuro.model_scripts import load_model, scripts
from fwp_neuro.quantity_text import number_in
from fwp_neuro.settings import fill

MODELS = sorted(scripts("models"))
#: whose quick runs take a few seconds
FAST = ("milstein_2021_one_shot_memory",)


@pytest.fixture
def toy(home, edit):
    """The toy model, whose parameters have units."""
    path = home / "models/toy.py"
    needed = "from fwp_neuro.model_parameters import parameter\n"
    edit(path, "import numpy", f"{needed}import numpy")
    edit(path, "gain: float = 1.0", 'gain: float = parameter(1.0, "ms", "of the toy")')
    edit(path, "size: int = 3", 'size: int = parameter(3, "1", "numbers to add")')
    edit(path, 'FIGURE = "fig01_toy"', 'QUICK = {"size": 2}')
    return home


def numbers(folder):
    with open(folder / "toy.csv", newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file)]


def test_a_run_leaves_data_table_and_picture_and_says_where(toy, capsys):
    assert main(["run", "toy", "--set", "gain=2 ms"]) == 0
    said = capsys.readouterr().out.splitlines()
    files = [f"wrote results/toy.{end}" for end in ("nc", "csv", "png")]
    assert said == ["sum 6", *files]
    assert (toy / "results/toy.png").read_bytes().startswith(b"\x89PNG")
    with open(toy / "results/toy.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variable"], row["token"], row["value"]) for row in rows] == [
        ("value", "0", "0.0"), ("value", "1", "2.0"), ("value", "2", "4.0")
    ]  # fmt: skip
    kept = fwp.load(toy / "results/toy.nc")
    assert kept["value"].values.tolist() == [0, 2, 4]
    assert kept.provenance["model"] == "toy"
    assert kept.provenance["parameters"]["gain"] == "2.0 ms"
    assert {"versions", "commit", "time", "citations"} <= set(kept.provenance)
    assert not list((toy / "models").glob("*.png")) + list(toy.glob("*.*"))


def test_pictures_come_in_other_formats_besides(toy, capsys):
    assert main(["run", "toy", "--format", "pdf,svg", "--out", "a/b"]) == 0
    assert sorted(path.name for path in (toy / "a/b").iterdir()) == [
        f"toy.{end}" for end in ("csv", "nc", "pdf", "png", "svg")
    ]
    assert (toy / "a/b/toy.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in (toy / "a/b/toy.svg").read_text()
    assert "wrote a/b/toy.svg" in capsys.readouterr().out
    assert main(["run", "toy", "--format", "pdf,gif"]) == 2
    assert "unknown figure format 'gif'" in capsys.readouterr().err


def test_json_has_parameters_numbers_and_files(toy, capsys):
    assert main(["run", "toy", "--set", "size=2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["model"] == "toy" and said["parameters"]["gain"] == "1.0 ms"
    assert said["variables"]["value"] == {"dims": ["token"], "unit": "", "values": [0, 1]}
    assert said["files"] == [f"results/toy.{end}" for end in ("nc", "csv", "png")]
    assert all((toy / file).exists() for file in said["files"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("gain=3", 3), ("gain=3ms", 3), ("gain=3 ms", 3), ("gain=3*ms", 3),
        ("gain=3000 us", 3), ("gain=3000 \u00b5s", 3), ("gain=0.003s", 3),
        ("gain=3e-3 second", 3), ("gain=3e3", 3000), ("gain=3e3ms", 3000),
    ],
)  # fmt: skip
def test_numbers_carry_units(toy, given, found):
    assert main(["run", "toy", "--set", given]) == 0
    assert numbers(toy / "results") == [0, found, 2 * found]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("gain=3 mV", "parameter gain of model toy takes a number in ms, and got '3 mV'"),
        ("gain=3 parsec", "takes a number in ms, and got '3 parsec'"),
        ("gain=exit() ms", "takes a number"),
        ("size=3 ms", "size of model toy takes a number without a unit, and got '3 ms'"),
        ("where=1,2 s", "of model toy takes a number without a unit, and got '2 s'"),
    ],
)
def test_a_wrong_dimension_is_one_sentence(toy, capsys, given, sentence):
    assert main(["run", "toy", "--set", given]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not (toy / "results").exists()


def test_help_lists_the_parameters_of_a_model(toy, capsys):
    for argv in (["run", "toy", "--help"], ["run", "--seed", "3", "toy", "-h"]):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 0
        said = capsys.readouterr().out
        (line,) = [line for line in said.splitlines() if line.startswith("  gain")]
        assert line.split() == ["gain", "1.0", "ms", "of", "the", "toy"]
        assert "--quick sets size=2" in said
    assert main(["run", "tpy", "--help"]) == 2
    assert "did you mean 'toy'?" in capsys.readouterr().err


def test_quick_is_a_small_run_whose_parameters_can_be_set(toy, edit, capsys):
    assert main(["run", "toy", "--quick"]) == 0
    assert capsys.readouterr().out.startswith("sum 1\n")
    assert main(["run", "toy", "--quick", "--set", "size=4"]) == 0
    assert capsys.readouterr().out.startswith("sum 6\n")
    edit(toy / "models/toy.py", "QUICK", "SLOW")
    assert main(["run", "toy", "--quick"]) == 2
    assert "model toy has no QUICK" in capsys.readouterr().err


TOML = """
seed = 10
out = "filed"
format = ["pdf"]

[parameters]
size = 2
gain = "5000 us"
where = [1, 2]
"""


def test_a_file_sets_what_the_command_line_does_not(toy, capsys):
    (toy / "run.toml").write_text(TOML)
    assert main(["run", "toy", "--config", "run.toml"]) == 0
    assert capsys.readouterr().out.startswith("sum 25\n")  # 10 and 10 + 5
    assert (toy / "filed/toy.pdf").exists()
    given = ["--set", "gain=1 ms", "--seed", "0", "--out", "given"]
    assert main(["run", "toy", "--config", "run.toml", *given]) == 0
    assert capsys.readouterr().out.startswith("sum 1\n")
    assert (toy / "given/toy.nc").exists()
    (toy / "run.toml").write_text("quick = true")
    assert main(["run", "toy", "--config", "run.toml"]) == 0
    assert capsys.readouterr().out.startswith("sum 1\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sed = 1", "unknown key of 'run.toml': 'sed'; did you mean 'seed'?"),
        ("size = 1", "unknown key of 'run.toml': 'size'"),
        ("[parameters]\nsiz = 1", "of model toy 'siz'; did you mean 'size'?"),
        ("[parameters]\ngain = '3 mV'", "takes a number in ms, and got '3 mV'"),
        ("[parameters]\nsize = 2020-01-01", "size in 'run.toml' takes a number"),
        ("parameters = 3", "parameters in 'run.toml' must be a table"),
        ("seed = 'one'", "seed in 'run.toml' takes a whole number, and got 'one'"),
        ("quick = 1", "quick in 'run.toml' takes true or false, and got 1"),
        ("format = [1]", "format in 'run.toml' takes text or a list of texts"),
        ("format = 'gif'", "unknown figure format 'gif'"),
        ("seed = 1\n[parameters]\nseed = 1", "gives the seed twice"),
        ("seed 1", "'run.toml' is not TOML"),
        (None, "cannot read the settings in 'run.toml': No such file"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence(toy, capsys, text, sentence):
    if text is not None:
        (toy / "run.toml").write_text(text)
    assert main(["run", "toy", "--config", "run.toml"]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not (toy / "results").exists()


def test_quiet_prints_nothing_and_verbose_says_the_parameters(toy, edit, capsys):
    assert main(["run", "toy", "-q"]) == 0
    said = capsys.readouterr()
    assert said.out == said.err == "" and (toy / "results/toy.nc").exists()
    edit(
        toy / "models/toy.py", "    values =",
        "    import logging\n    logging.getLogger('fwp_neuro').info('a choice')\n"
        "    values =",
    )  # fmt: skip
    assert main(["run", "toy", "-v"]) == 0
    said = capsys.readouterr().err
    assert "fwp-neuro: gain = 1.0 ms\n" in said and "fwp-neuro: a choice\n" in said
    assert main(["run", "toy"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["run", "toy", "-q", "--json"]) == 2
    assert "-q prints nothing" in capsys.readouterr().err


def test_a_model_may_draw_itself(toy, capsys):
    with open(toy / "models/toy.py", "a") as file:
        file.write("\n\ndef plot(dataset):\n    raise RuntimeError('ink')\n")
    with pytest.raises(RuntimeError, match="ink"):
        main(["run", "toy"])
    # the work is not lost
    assert numbers(toy / "results") == [0, 1, 2] and not list(toy.rglob("*.png"))


def test_large_variables_are_in_the_data_only(toy, capsys):
    assert main(["run", "toy", "--set", "size=20000"]) == 0
    assert "wrote results/toy.csv (without value: too large)" in capsys.readouterr().out
    assert numbers(toy / "results") == []
    assert fwp.load(toy / "results/toy.nc")["value"].size == 20000


def test_any_dataset_can_be_drawn():
    import numpy as np

    from fwp_neuro import dataset_picture

    data = xr.Dataset(
        {
            "line": (("time",), np.arange(5.0), {"units": "mV"}),
            "lines": (("who", "time"), np.ones((2, 5))),
            "field": (("x", "y"), np.ones((9, 4))),
            "words": (("time",), list("abcde")),
            "one": 3.0,
        },
        {"time": ("time", np.arange(5) / 10, {"units": "s"}), "who": ["a", "b"],
         "y": list("wxyz")},
    )  # fmt: skip
    figure = dataset_picture.plot(data)
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes[:3]]
    assert labels == [("time (s)", "line (mV)"), ("time (s)", "lines"), ("y", "x")]
    assert dataset_picture.plot(data[["one"]]).axes


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_a_unit_and_a_meaning(name):
    model = load_model(name)
    for one in declared(model.Parameters):
        assert len(one.meaning) > 3, one
        # "%" is no unit of Brian2; numbers with it are taken as they are
        assert one.unit == "%" or number_in(f"1*{one.unit}", one.unit, one.name) == 1, one
        word = isinstance(one.default, str | bool)
        assert not word or one.unit == "1", one
    assert {"QUICK", "run", "report"} <= set(dir(model))
    assert hasattr(run_files.drawer(model), "plot")
    assert hasattr(model, "plot") or hasattr(model, "FIGURE")


#: models of sequences without time
TIMELESS = ("local_write_causes",)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in TIMELESS])
def test_times_of_every_model_take_units_and_refuse_another_dimension(name):
    parameters = load_model(name).Parameters
    times = [p.name for p in declared(parameters) if p.unit == "ms"]
    time = "dt" if "dt" in times else times[0]
    assert getattr(fill(parameters, {time: "200 us"}, name), time) == 0.2
    with pytest.raises(FwpError, match="takes a number in ms, and got '1 mV'"):
        fill(parameters, {time: "1 mV"}, name)


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
     for name in MODELS],
)  # fmt: skip
def test_every_model_runs_quickly_and_leaves_three_files(
    name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["run", name, "--quick"]) == 0
    done = capsys.readouterr()
    assert "warning" not in done.err
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert files == [Path("results", f"{name}.{end}") for end in ("csv", "nc", "png")]
    assert all(f"wrote {file}" in done.out for file in files)
    kept = fwp.load(tmp_path / files[1])
    assert kept.provenance["model"] == name and kept.provenance["citations"]
    with open(tmp_path / files[0], newline="") as file:
        assert len(list(csv.DictReader(file))) > 5
