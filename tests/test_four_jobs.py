"""Four first jobs from start to end, by what README, docs, help and messages say.

A Brian2 user puts a synapse into a network of their own, a torch user a layer into a
module and then into spikes, a student adapts a figure, an experimentalist fits a table
(tests/test_fit_command.py has its mistakes). Every mistake on the way is made, and what
its message says is done.
"""

import re

import brian2 as b2
import numpy as np
import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.cli import main
from fwp_neuro.errors import FwpError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(words, capsys):
    assert main(words.split()) == 0
    return capsys.readouterr().out


def refused(call, *arguments, **options):
    """What a mistake says."""
    with pytest.raises(FwpError) as problem:
        call(*arguments, **options)
    return str(problem.value)


def test_a_brian2_user_puts_a_synapse_into_a_network(empty_folder, capsys, monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    assert "clopath_2010" in said("list synapses", capsys)
    assert "ports: membrane" in re.sub(r"\s+", " ", said("show clopath_2010", capsys))
    (empty_folder / "mine.csv").write_text("time [ms],cell\n1,0\n4,1\n10,0\n11,2\n")
    inputs = fwp.circuits.spike_source("mine.csv")
    cells = b2.NeuronGroup(3, """dv/dt = (-70*mV - v)/(10*ms) - g*v/(200*pF) : volt
        g : siemens""", threshold="v > -50*mV", reset="v = -70*mV", method="euler")
    cells.v = -70 * b2.mV
    connect = fwp.circuits.connect
    assert "did you mean 'clopath_2010'" in refused(connect, "clopath", inputs, cells)
    advice = "names={'membrane': 'v'}"
    assert advice in refused(connect, "clopath_2010", inputs, cells)
    names = {"membrane": "v"}
    message = refused(connect, "clopath_2010", inputs, cells, names=names, through="ampa")
    assert "names={'conductance': ...}" in message
    names["conductance"] = "g"
    made = connect("clopath_2010", inputs, cells, names=names, through="ampa")
    weights = made.record("w", 1 * b2.ms)
    rule = fwp.Rule("mine", "w += beta*(v - read(k))*k", gates={"beta": "shared"})
    sources = b2.NeuronGroup(2, "rate = sin(2*pi*(i + 1)*t/second)**2 : 1")
    targets = b2.NeuronGroup(1, "value : 1\ny : 1")
    targets.value = 1
    options = {"every": 1 * b2.ms}
    assert "gate={'beta': ...}" in refused(connect, rule, sources, targets, **options)
    options["gate"] = {"beta": 0.5}
    assert "names={'k': ...}" in refused(connect, rule, sources, targets, **options)
    options["names"] = {"k": "rate", "q": "rate", "v": "value", "readout": "y"}
    memory = connect(rule, sources, targets, **options)
    network = b2.Network(inputs, cells, sources, targets, *made.objects, *memory.objects)
    network.run(30 * b2.ms)
    assert weights.values.shape == (9, 30) and np.isfinite(weights.values).all()
    assert "legal: " in refused(made.values, "weight")
    start = made.values("w")[0]
    made.set("w", start / 2)
    assert made.values("w") == pytest.approx(np.full(9, start / 2))
    assert memory.values("w").max() > 0


class Mine(torch.nn.Module):
    def __init__(self, mixer):
        super().__init__()
        self.embed, self.mixer = torch.nn.Embedding(4, 8), mixer
        self.out = torch.nn.Linear(8, 4)

    def forward(self, tokens):
        hidden = self.embed(tokens)
        return self.out(hidden + self.mixer(hidden))


def test_a_torch_user_trains_a_layer_and_runs_it_in_spikes(empty_folder):
    layer = fwp.artificial.Layer
    assert "did you mean 'delta'" in refused(layer, "dleta", 8)
    assert "must divide model_dim=8" in refused(layer, "delta", 8, heads=3)
    torch.manual_seed(0)
    module = Mine(layer("delta", 8, heads=2))
    with pytest.raises(FwpError, match=r"must be \[batch, token, model_dim=8\]"):
        module.mixer(torch.zeros(2, 3, 7))
    tokens = torch.randint(0, 4, (16, 6))
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    losses = []
    for _ in range(20):
        loss = torch.nn.functional.cross_entropy(
            module(tokens)[:, 1:].flatten(0, 1), tokens[:, :-1].flatten()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    torch.save(module.state_dict(), "mine.pt")
    module.load_state_dict(torch.load("mine.pt"))
    rate = fwp.swap(module, tokens[:2, :4], "rate")
    with torch.no_grad():
        plain = module(tokens[:2, :4]).numpy()
    np.testing.assert_allclose(rate.outputs, plain, atol=1e-4)
    options = {"cells": 200, "device": "numpy", "dt": 1 * b2.ms}
    arguments = module, tokens[:2, :4], "spiking"
    assert 'signed_keys="opponent"' in refused(fwp.swap, *arguments, **options)
    spiking = fwp.swap(*arguments, signed_keys="opponent", **options)
    ((recording,),) = spiking.recordings.values()  # of one layer, called once
    sizes = dict(recording["readout"].sizes)
    assert (sizes["sequence"], sizes["head"]) == (2, 2)
    found = np.asarray(spiking.outputs)
    assert np.sqrt(np.mean((found - plain) ** 2)) < 0.2 * plain.std()


def test_a_student_adapts_a_figure(empty_folder, capsys):
    assert "fig22_three_memories" in said("list figures", capsys)
    printed = said("figures fig22 --quick", capsys)
    assert "wrote results/fig22_three_memories.png" in printed
    page = said("show fig22_three_memories", capsys)
    where = re.search(r"script, to read or to copy and change: (\S+)", page)
    own = empty_folder / "mine.py"
    text = open(where[1]).read()
    assert "DIM = 64" in text
    own.write_text(text.replace("DIM = 64", "DIM = 32"))
    assert main(["figures", "./mine.py", "--format", "doc"]) == 2
    assert "pdf" in capsys.readouterr().err
    printed = said("figures ./mine.py --format pdf --data csv", capsys)
    for end in ("png", "pdf", "csv"):
        assert f"wrote results/mine.{end}" in printed
        assert (empty_folder / f"results/mine.{end}").stat().st_size > 100
    assert sorted(path.name for path in empty_folder.iterdir()) == ["mine.py", "results"]


def test_an_experimentalist_fits_a_table(empty_folder, capsys):
    (empty_folder / "cell7.csv").write_text(
        "\ufeff# cell 7\nlag (ms);Change [%];sem [%]\n" + "".join(
            f"{lag};{60 * np.exp(-lag / 17):.2f};5\n" if lag > 0 else
            f"{lag};{-30 * np.exp(lag / 34):.2f};5\n"
            for lag in (-80, -40, -20, -10, 10, 20, 40, 80)
        )
    )  # fmt: skip
    assert main("fit cell7.csv --model pair_sdtp".split()) == 2
    assert "did you mean 'pair_stdp'" in capsys.readouterr().err
    words = "fit cell7.csv --model pair_stdp,triplet_stdp --plot fit.pdf"
    printed = said(words, capsys)
    assert "AICc" in printed and "tau_plus" in printed
    assert (empty_folder / "fit.pdf").read_bytes().startswith(b"%PDF")
