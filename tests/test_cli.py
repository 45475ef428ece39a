"""The command line: what it prints, its errors in one sentence with exit status 2,
progress."""

import io
import os
import signal
import subprocess
import sys

import pytest

from fwp_neuro.cli import main
from fwp_neuro.errors import FwpError
from fwp_neuro.expected_runs import coming
from fwp_neuro.progress import Progress, duration
from fwp_neuro.settings import fill


def test_run_prints_the_report_and_draws(home, capsys):
    assert (
        main(["run", "toy", "--set", "size=4", "--seed", "2", "--out", "made/here"]) == 0
    )
    printed = capsys.readouterr()
    files = [f"made/here/toy.{end}" for end in ("nc", "csv", "png")]
    assert printed.out == "\n".join(["sum 14", *(f"wrote {f}" for f in files), ""])
    assert printed.err == ""
    assert (home / "made/here/toy.png").read_bytes().startswith(b"\x89PNG")
    assert {*(home / "made/here").iterdir()} == {home / file for file in files}


@pytest.mark.parametrize("options", [[], ["--seed", "2"], ["--set", "size=4"]])
def test_a_run_leaves_the_pictures_of_figures_alone(home, capsys, options):
    (home / "figures/fig01_toy.png").write_bytes(b"the picture that README shows")
    assert main(["run", "toy", *options]) == 0
    assert capsys.readouterr().out.endswith("wrote results/toy.png\n")
    assert (home / "results/toy.png").exists()
    assert (
        home / "figures/fig01_toy.png"
    ).read_bytes() == b"the picture that README shows"


def test_run_draws_and_keeps_the_data_of_a_model_without_a_figure(home, edit, capsys):
    edit(home / "models/toy.py", 'FIGURE = "fig01_toy"', "")
    assert main(["run", "toy"]) == 0
    assert capsys.readouterr().out.startswith("sum 3\nwrote results/toy.nc\n")
    assert (home / "results/toy.nc").exists() and (home / "results/toy.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "",
            "name a command: run, sweep, figures, validate, fit, plasticity, benchmark, "
            "list, show",
        ),
        ("rnu toy", "unknown command 'rnu'; did you mean 'run'?"),
        ("run", "required: MODEL"),
        ("run toys", "unknown model 'toys'; did you mean 'toy'?"),
        ("run toy --sett x=1", "unrecognized arguments: --sett"),
        (
            "run toy --set siz=3",
            "unknown parameter of model toy 'siz'; did you mean 'size'?",
        ),
        ("run toy --set size", "--set takes name=value, and got 'size'"),
        ("run toy --set size=3 --set size=4", "gives size twice"),
        ("run toy --set size=many", "parameter size of model toy takes a whole number"),
        ("run toy --set size=3.5", "takes a whole number, and got '3.5'"),
        ("run toy --set size=True", "takes a whole number, and got 'True'"),
        ("run toy --set gain=high", "parameter gain of model toy takes a number"),
        ("run toy --set where=here", "where of model toy takes a whole number"),
        ("run toy --set where=1,a", "where"),
        ("run toy --seed one", "argument --seed: invalid int value: 'one'"),
        ("run toy --seed 1 --set seed=2", "give the seed once"),
        (
            "run toy --out models/toy.py",
            "write to folder 'models/toy.py': it is not a folder",
        ),
        ("run toy --out models/toy.py/in", "it is not a folder (models/toy.py)"),
        ("run toy --set note=stop", "interrupted: nothing was written"),
        ("figures fig02", "no figure's name starts with 'fig02'; did you mean 'fig01'?"),
        ("figures --out models/toy.py", "it is not a folder"),
        ("plasticity --repeats 99999999999", "--repeats must be from 2 to 10000"),
        ("benchmark artificial --rounds 99999999999", "--rounds must be from 1 to 1000"),
        ("benchmark artificial --out models", "--out takes the name of a file"),
        ("cite dleta", "did you mean 'delta'?"),
        ("list everything", "unknown kind of name 'everything'"),
    ],
)
def test_a_mistake_is_one_sentence(home, capsys, arguments, sentence):
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("fwp-neuro: ") and printed.err.count("\n") == 1
    assert sentence in printed.err
    assert not list(home.rglob("*.png")) and not list(home.rglob("*.nc"))


def test_a_model_may_say_what_an_interruption_leaves(home, edit, capsys):
    edit(
        home / "models/toy.py",
        "raise KeyboardInterrupt",
        "raise KeyboardInterrupt('half kept')",
    )
    assert main(["run", "toy", "--set", "note=stop"]) == 2
    assert capsys.readouterr().err == "fwp-neuro: half kept\n"


def test_a_model_that_is_run_will_be_run_again(home, edit, capsys):
    edit(
        home / "models/toy.py",
        "    values =",
        "    from fwp_neuro.expected_runs import coming\n"
        "    print('coming', coming())\n    values =",
    )
    assert main(["run", "toy"]) == 0
    assert "coming 10" in capsys.readouterr().out and coming() == 1


def test_a_folder_that_cannot_be_written_to_is_found_before_the_run(home, edit, capsys):
    edit(
        home / "models/toy.py",
        "    values =",
        "    raise RuntimeError('it ran')\n    values =",
    )
    assert main(["run", "toy", "--out", "models/toy.py"]) == 2
    with pytest.raises(RuntimeError, match="it ran"):  # a bug keeps its traceback
        main(["run", "toy"])


def test_a_model_that_lacks_something_is_named(home, edit, capsys):
    edit(home / "models/toy.py", "def report", "def reprot")
    assert main(["run", "toy"]) == 2
    assert "models/toy.py does not define report" in capsys.readouterr().err
    edit(home / "models/toy.py", "def reprot", "def report")
    edit(home / "models/toy.py", "fig01_toy", "fig09_toy")
    assert main(["run", "toy"]) == 2
    assert "no figure script 'fig09_toy'" in capsys.readouterr().err


def test_without_models_or_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FWP_NEURO_HOME", str(tmp_path))
    assert main(["run", "toy"]) == 2
    assert "no models in" in capsys.readouterr().err
    assert main(["figures"]) == 2
    assert "no figures in" in capsys.readouterr().err
    assert main(["list"]) == 0
    assert "(none)" in capsys.readouterr().out


def test_list_shows_every_section(home, capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "  toy  A toy model: adds one.\n" in printed
    assert "  fig01_toy  Fig. 1: a toy.\n" in printed
    assert "w += beta*(v - read(k))*k" in printed
    assert "(parameters: jahr_stevens_1990" in printed
    for heading in ("models", "figures", "rules", "realisations", "synapses"):
        assert f"\n{heading}" in f"\n{printed}"


def test_cite_prints_bibtex(capsys):
    assert main(["cite", "delta", "delta"]) == 0
    printed = capsys.readouterr().out
    keys = (
        "irie2025fast",
        "irie2022learning",
        "schlag2021linear",
        "yang2024parallelizing",
    )
    for part in ("@software{fwp_neuro", *(f"{{{key}," for key in keys)):
        assert printed.count(part) == 1
    assert printed.count("{") == printed.count("}")


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fwp-neuro ")
    with pytest.raises(SystemExit) as stop:
        main(["run", "--help"])
    assert stop.value.code == 0


def test_an_interrupted_process_leaves_one_sentence(home, edit):
    sleep = "    import time\n    print('sleeps', flush=True)\n    time.sleep(60)\n"
    edit(home / "models/toy.py", "    values =", sleep + "    values =")
    process = subprocess.Popen(
        [sys.executable, "-m", "fwp_neuro", "run", "toy", "--out", "made"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout.readline() == "sleeps\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert error == "fwp-neuro: interrupted: nothing was written\n"
    assert not (home / "made").exists()


def test_settings_take_every_kind_of_text():
    from dataclasses import dataclass, field
    from typing import Literal

    import brian2 as b2

    @dataclass
    class Parameters:
        size: int | None = None
        gain: float = 1.0
        fast: bool = False
        rule: str = "delta"
        kind: Literal["rate", "spiking"] = "rate"
        pair: tuple[int, float] = (1, 2.0)
        levels: tuple[float, ...] = (1.0, 2.0)
        names: list[str] = ()
        step: b2.Quantity = field(default_factory=lambda: 1 * b2.ms)

    def one(name, text):
        return getattr(fill(Parameters, {name: text}, "toy"), name)

    assert one("size", "3") == 3 and one("size", "None") is None
    assert one("gain", "2") == 2.0 and isinstance(one("gain", "2"), float)
    assert one("fast", "True") is True
    assert one("rule", "hebb") == "hebb" and one("rule", "7") == "7"
    assert one("kind", "spiking") == "spiking"
    assert one("pair", "(3, 4)") == (3, 4.0)
    assert one("levels", "51.2") == (51.2,) and one("levels", "1, 2") == (1.0, 2.0)
    assert one("names", "['a', 'b']") == ["a", "b"]
    for text in ("50*ms", "50 ms", "0.05*second"):
        assert float(one("step", text) / b2.ms) == pytest.approx(50)
    for name, text in [
        ("step", "50"),
        ("step", "50*mV"),
        ("step", "exit()"),
        ("step", "ms/0"),
        ("kind", "rates"),
        ("pair", "1,2,3"),
        ("pair", "1"),
        ("names", "7"),
        ("fast", "1"),
        ("size", "many"),
    ]:
        with pytest.raises(FwpError, match=f"of model toy.*{text[0]}"):
            one(name, text)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_elsewhere_prints_a_plain_line_now_and_then():
    stream, clock = io.StringIO(), Clock()
    with Progress("run", stream=stream, clock=clock) as progress:
        for clock.now, fraction in ((4.0, 0.1), (12.0, 0.25), (15.0, 0.5), (23.0, 0.75)):
            progress(fraction, "a note")
    assert stream.getvalue().splitlines() == [
        "run:   25%  12 s elapsed  36 s left  a note",
        "run:   75%  23 s elapsed  8 s left  a note",
    ]


def test_progress_on_a_terminal_keeps_to_one_line():
    stream, clock = Terminal(), Clock()
    with Progress("run", total=4, stream=stream, clock=clock) as progress:
        for clock.now in (1.0, 2.0, 3.0):
            progress.advance()
    printed = stream.getvalue()
    assert "[##########..........]" in printed and "\n" not in printed
    assert printed.endswith("\r\x1b[K")  # the line is free again


def test_progress_can_be_silent_and_checks_its_use():
    stream, clock = io.StringIO(), Clock()
    progress = Progress("run", stream=stream, silent=True, clock=clock)
    clock.now = 100.0
    progress.update(2.0)
    assert stream.getvalue() == "" and progress.fraction == 1.0
    with pytest.raises(FwpError, match="total"):
        progress.advance()
    with pytest.raises(FwpError, match="total is 0"):
        Progress("run", total=0)


def test_durations_read_well():
    assert [duration(s) for s in (3.2, 65, 7322)] == ["3 s", "1 min 05 s", "2 h 02 min"]


def test_too_little_memory_is_one_sentence(home, capsys, edit):
    edit(home / "models/toy.py", "values =", "np.zeros(10**15)\n    values =")
    assert main(["run", "toy"]) == 2
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1
        and "needs more memory than there is (Unable to allocate" in said
    )
