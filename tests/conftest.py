"""Fixtures that the tests share."""

import gc
import os
import signal
import sys

import pytest
import quick_cases

os.environ.setdefault("MPLBACKEND", "Agg")

MODEL = '''"""A toy model: adds one.

Nothing is published about it.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

FIGURE = "fig01_toy"


@dataclass
class Parameters:
    size: int = 3
    gain: float = 1.0
    where: tuple[int, ...] = (0, 1)
    note: str | None = None
    seed: int = 0


def run(parameters, progress=None):
    if parameters.note == "stop":
        raise KeyboardInterrupt
    values = parameters.gain * np.arange(parameters.size) + parameters.seed
    return xr.Dataset({"value": ("token", values)})


def report(dataset):
    return f"sum {float(dataset['value'].sum()):g}"
'''

FIGURE = '''"""Fig. 1: a toy."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

COLOUR = "red"
COUNT = 4


def simulate(quick=False, progress=None):
    with open(Path(__file__).with_name("simulated.log"), "a") as log:
        log.write(f"quick={quick}\\n")
    progress(0.5, "halfway")
    return xr.Dataset({"value": ("token", np.arange(2 if quick else COUNT))})


def plot(dataset):
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot(dataset["value"], color=COLOUR)
    return figure


def report(dataset):
    return f"{dataset.sizes['token']} tokens"
'''


@pytest.hookimpl(tryfirst=True)  # before "not slow" chooses
def pytest_collection_modifyitems(config, items):
    named = any("::" in one for one in config.args) or config.getoption("keyword")
    if not named:  # who asks for a name wants all cases of it
        quick_cases.mark_repeats(items)


@pytest.fixture(autouse=True)
def _nothing_compiled_in_the_background(monkeypatch):
    """Keep "auto" on one device during a test, whatever ran before: the noise of a seed
    is that of the device."""
    kept = sys.modules.get("fwp_neuro.devices.kept_programs")
    if kept is not None:
        monkeypatch.setattr(kept, "BEFORE_COMPILING", 10**9)


@pytest.fixture(autouse=True)
def _time_step_as_brian2_has_it():
    """Give Brian2's default clock its time step back after a test that changed it."""
    yield
    brian2 = sys.modules.get("brian2")
    if brian2 is not None and brian2.get_device() is brian2.all_devices["runtime"]:
        brian2.defaultclock.dt = 0.1 * brian2.ms


@pytest.fixture(autouse=True)
def _ctrl_c_as_python_has_it():
    """Keep the handler of Ctrl+C from a library that replaces it when it is imported."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module", autouse=True)
def _old_objects_aside():
    """Keep what is there before a file's tests from being searched for garbage again and
    again.

    Brian2 collects garbage at every run. Among the millions of objects of all test files
    and their libraries, this takes longer than most runs.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with one toy model and one toy figure, which the command line uses."""
    for kind, name, source in (
        ("models", "toy", MODEL),
        ("figures", "fig01_toy", FIGURE),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.py").write_text(source)
    monkeypatch.setenv("FWP_NEURO_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    # else it counts for what other tests compute, whose folders have another
    sys.modules.pop("fwp_neuro_models_toy", None)


@pytest.fixture
def edit():
    """Replace text in a file, which must be there."""

    def replace(path, old, new):
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new))

    return replace
