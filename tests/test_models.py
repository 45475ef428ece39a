"""The main job at quick size: what its figure claims, asserted."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.models import load_model


@pytest.fixture(scope="module")
def data():
    """The digit memory with few cells: every claim below must survive the noise."""
    model = load_model("digit_memory")
    return model.run(model.Parameters(cells=30, device="numpy"))


def share(data, rule, run, token):
    """Least-squares shares of the new and the old image in one read-out."""
    new, old = (
        data["value"].values[int(data[name].values[token])] for name in ("answer", "former")
    )
    return np.linalg.lstsq(
        np.stack([new, old], 1), data.readout.sel(rule=rule, run=run).values[token], rcond=None
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
    assert measure(data, rule, "spiking", "nRMSE") < 1.5 * 0.6 / np.sqrt(30)
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
    blocked = int(np.flatnonzero((data.answer.values == written) & (data.read_only.values == 1))[0])
    program = fwp.tasks.digit_memory(beta=0.9)
    beta = program["beta"].copy()
    beta[written] = 0  # the algebra of a write that did not happen
    expected = fwp.run(program.replace(beta=beta), rule)["readout"].values[blocked]
    assert np.abs(plain[blocked] - expected).mean() > 0.3
    assert np.sqrt(np.mean((drugged[blocked] - expected) ** 2)) < 0.15 * plain.std()
    before, after = data.weights.sel(rule=rule, run="spiking, drugs").values[[written - 1, written]]
    assert np.array_equal(before, after)


def test_the_table_names_every_run_and_the_shares(data):
    text = load_model("digit_memory").report(data)
    for word in ("nRMSE", "slope", "corr", "recall", "spiking, drugs", "old", "code generation"):
        assert word in text
