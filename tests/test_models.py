"""The main job at quick size: what its figure claims, asserted."""

import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.model_scripts import load_model, scripts

#: cells of a number; the noise of a read-out is .6/sqrt(CELLS) of its spread
CELLS = 400


@pytest.fixture(scope="module")
def data():
    """The digit memory: every claim below must survive the noise."""
    model = load_model("digit_memory")
    device = "numpy" if toolchain.find() is None else "cpp_standalone"
    return model.run(model.Parameters(cells=CELLS, device=device))


def share(data, rule, run, token):
    """Least-squares shares of the new and the old image in one read-out."""
    new, old = (
        data["value"].values[int(data[name].values[token])]
        for name in ("answer", "former")
    )
    return np.linalg.lstsq(
        np.stack([new, old], 1),
        data.readout.sel(rule=rule, run=run).values[token],
        rcond=None,
    )[0]


def first_read(data):
    return int(np.flatnonzero(data.read_only.values == 1)[0])


def measure(data, rule, run, name):
    return float(data.measures.sel(rule=rule, run=run, measure=name))


@pytest.mark.parametrize("rule", ["hebb", "delta"])
def test_circuits_agree_with_the_artificial_network(data, rule):
    assert measure(data, rule, "rate", "nRMSE") < 1e-10
    assert measure(data, rule, "rate", "weights nRMSE") < 1e-10
    assert measure(data, rule, "spiking, no noise", "nRMSE") < 0.02
    assert measure(data, rule, "spiking", "nRMSE") < 1.5 * 0.6 / np.sqrt(CELLS)
    assert 0.95 < measure(data, rule, "spiking", "slope") < 1.05


@pytest.mark.parametrize("run", ["artificial", "rate", "spiking"])
def test_delta_overwrites_and_hebb_blends_the_rebound_key(data, run):
    token = first_read(data)
    new, old = share(data, "delta", run, token)
    assert new > 0.85 and abs(old) < 0.2
    new, old = share(data, "hebb", run, token)
    assert new > 0.85 and old > 0.85


@pytest.mark.parametrize("rule", ["hebb", "delta"])
def test_ap5_leaves_a_digit_out_and_cnqx_silences_one_read(data, rule):
    drugged = data.readout.sel(rule=rule, run="spiking, drugs").values
    plain = data.readout.sel(rule=rule, run="artificial").values
    silenced = int(data.attrs["cnqx_token"])
    assert not drugged[silenced].any()
    written = int(data.attrs["ap5_token"])
    blocked = int(
        np.flatnonzero((data.answer.values == written) & (data.read_only.values == 1))[0]
    )
    program = fwp.tasks.digit_memory(beta=0.9)
    beta = program["beta"].copy()
    beta[written] = 0  # the algebra of a write that did not happen
    expected = fwp.run(program.replace(beta=beta), rule)["readout"].values[blocked]
    assert np.abs(plain[blocked] - expected).mean() > 0.3
    assert np.sqrt(np.mean((drugged[blocked] - expected) ** 2)) < 0.15 * plain.std()
    before, after = data.weights.sel(rule=rule, run="spiking, drugs").values[
        [written - 1, written]
    ]
    assert np.array_equal(before, after)


def test_the_table_names_every_run_and_the_shares(data):
    text = load_model("digit_memory").report(data)
    for word in (
        "nRMSE",
        "slope",
        "corr",
        "recall",
        "spiking, drugs",
        "old",
        "code generation",
    ):
        assert word in text


def test_an_interrupted_main_job_ends_in_one_sentence_and_writes_nothing(tmp_path):
    command = [
        sys.executable,
        "-u",
        "-m",
        "fwp_neuro",
        "run",
        "digit_memory",
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(12)  # well inside the circuits' simulations
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted" in said and "Traceback" not in said and not printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ("beta=1.2", "0 <= beta < 1"),
        ("ap5_token=99", "legal are 0 to 5"),
        ("dt=0.7 ms", "must be a whole number of time steps dt=0.7 ms"),
    ],
)
def test_impossible_settings_are_refused_at_once(
    setting, match, capsys, tmp_path, monkeypatch
):
    from fwp_neuro.cli import main

    monkeypatch.setattr(fwp, "run", None)  # nothing is run before
    assert main(["run", "digit_memory", "--set", setting, "--out", str(tmp_path)]) == 2
    assert match in capsys.readouterr().err


def test_warnings_on_the_command_line_are_plain_and_said_once(capsys, tmp_path):
    from fwp_neuro.cli import main

    settings = ["--set", "weight_baseline=0.5", "--set", "cells=2", "--set", "dt=2.0"]
    assert main(["run", "digit_memory", *settings, "--out", str(tmp_path)]) == 0
    lines = [
        line for line in capsys.readouterr().err.splitlines() if "sit at a bound" in line
    ]
    assert len(lines) == len(set(lines)) > 0
    assert all(
        line.startswith("fwp-neuro: warning: ") and ".py" not in line for line in lines
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(scripts("models")))
def test_every_model_runs_at_its_default_size_in_a_minute(name, tmp_path):
    """A minute of one core, compilers included, on an idle machine some seconds less of
    time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "fwp_neuro", "run", name, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 3
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 60
