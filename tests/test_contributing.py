"""The table of CONTRIBUTING.md: one of each kind is added, then listed, shown and
cited."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.cli import main
from fwp_neuro.registries import registry

TOP = Path(fwp.__file__).resolve().parent.parent
TABLE = TOP / "CONTRIBUTING.md"
pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="not a checkout")

SYNAPSE = """
from brian2 import ms

from fwp_neuro.synapses.synapse_class import Entry, Equations, Synapse, register

def make(parameters):
    equations = Equations("w : 1\\ndx/dt = -x/tau : 1 (event-driven)", "x += 1", "w += A*x")
    return Synapse(
        "new_{0}", parameters, "{1}", "a new {0}", equations,
        {{"A": 0.01, "tau": 20 * ms}}, {{"": "song2000competitive"}}, "song2000competitive",
        "additive", initial={{"w": 1}},
    )

register("new_{0}", Entry(make, ("first",), "{1}", "a new {0}"))
"""  # noqa: E501
#: row of the table -> kind in the command line, code as it would stand in the package
ADDED = {
    "rule": ("rules", """
from fwp_neuro import rules

rules.register(rules.Rule(
    "new_rule", "w = alpha*w; w += v*k", gates={"alpha": "post"}, citation="schlag2021linear",
    summary="decay of each value dimension",
))
"""),  # noqa: E501
    "memory": ("memories", """
from fwp_neuro.artificial.memories import Memory, register

@register
class New(Memory):
    \"\"\"W_t = W_{t-1} + v k', read as W_t q.\"\"\"
    name, summary, citation = "new_memory", "a sum of outer products", "schlag2021linear"
    no_circuit = "It is an example."

    def step(self, state, signals):
        w = state["w"] + signals["v"][..., None] * signals["k"][..., None, :]
        return (w @ signals["q"][..., None])[..., 0], {"w": w}
"""),
    "feature": ("features", """
from fwp_neuro.artificial.memories.features import FeatureMap, register

@register
class New(FeatureMap):
    \"\"\"phi(x) = x^4.\"\"\"
    name, summary, citation = "new_feature", "fourth powers", "irie2022modern"

    def __call__(self, x):
        return x**4
"""),
    "network": ("networks", """
from fwp_neuro.artificial.recurrent import Recurrent, register

@register
class New(Recurrent):
    \"\"\"y_t = x_t + y_{t-1}.\"\"\"
    name, summary, citation = "new_network", "a sum of all inputs", "elman1990finding"
    no_circuit = "It is an example."

    def __init__(self, model_dim):
        super().__init__(model_dim)
        self.register_buffer("start", __import__("torch").zeros(model_dim))

    def initial(self, batch):
        return {"y": self.zeros(batch, self.model_dim)}

    def step(self, x, state):
        y = x + state["y"]
        return y, {"y": y}
"""),
    "synapse": ("synapses", SYNAPSE.format("synapse", "plasticity")),
    "release": ("synapses", SYNAPSE.format("release", "short-term plasticity")),
    "receptor": ("synapses", SYNAPSE.format("receptor", "receptor")),
    "realisation": ("realisations", """
from fwp_neuro.arguments import SEED, takes
from fwp_neuro.realisations import Realisation
from fwp_neuro.run_arguments import PROGRAM, RULE, WEIGHTS
from fwp_neuro.running import REALISATIONS

@takes("new realisation", program=PROGRAM, rule=RULE, initial_weights=WEIGHTS, seed=SEED)
def prepare(program, rule, *, initial_weights=None, seed=0):
    \"\"\"Prepare the NumPy form.

    Args:
        program: what the slow net commands.
        rule: the rule.
        initial_weights: where the weights start.
        seed: not used.
    \"\"\"
    return REALISATIONS.get("artificial").prepare(
        program, rule, backend="numpy", initial_weights=initial_weights, seed=seed)

NEW = Realisation("new_realisation", prepare)
REALISATIONS.add(NEW.name, lambda: NEW, "the NumPy form", "stimberg2019brian")
"""),
    "device": ("devices", """
from dataclasses import replace

from fwp_neuro.device_names import DEVICES
from fwp_neuro.devices.device import device

NEW = replace(device("numpy"), name="new_device")
DEVICES.put("new_device", NEW, "one more machine", "stimberg2019brian")
"""),
    "task": ("tasks", """
from fwp_neuro.tasks import TASKS, associative_recall

def new_task(seed=0):
    \"\"\"Return eight random pairs.\"\"\"
    return associative_recall(tokens=8, seed=seed, beta=0.5)

TASKS.add("new_task", lambda: new_task, "eight random pairs", "schlag2021linear")
"""),
    "command": ("commands", """
import sys

from fwp_neuro.commands import COMMANDS

def add(parser):
    parser.add_argument("--loud", action="store_true", help="say it louder")

def execute(arguments):
    print("NEW" if arguments.loud else "new")

COMMANDS.add("new_command", lambda: sys.modules[__name__], "say new", "irie2025fast")
"""),
}  # fmt: skip
NAMES = {"figure": ("figures", "fig01_toy"), "model": ("models", "toy")}
NAMES |= {row: (kind, f"new_{row}") for row, (kind, _) in ADDED.items()}


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """A package with one module for each kind, imported; what it added is forgotten
    afterwards."""
    folder = tmp_path_factory.mktemp("outside")
    kinds = {kind: registry(kind) for kind, _ in ADDED.values()}
    before = {kind: (dict(of.entries()), dict(of._aliases)) for kind, of in kinds.items()}
    (folder / "additions").mkdir()
    sys.path.insert(0, str(folder))
    for row, (_, code) in ADDED.items():
        (folder / "additions" / f"{row}.py").write_text(code)
        __import__(f"additions.{row}")
    yield
    sys.path.remove(str(folder))
    for kind, (entries, aliases) in before.items():
        kinds[kind]._entries, kinds[kind]._aliases = entries, aliases


@pytest.mark.parametrize("row", NAMES)
def test_what_is_added_is_listed_shown_and_cited(row, added, home, edit, capsys):
    edit(
        home / "models/toy.py",
        "Nothing is published about it.",
        "After arXiv:2102.11174.",
    )
    edit(home / "figures/fig01_toy.py", "a toy.", "a toy, doi:10.7554/eLife.47314.")
    kind, name = NAMES[row]
    assert main(["list", kind, "--json"]) == 0
    rows = {each["name"]: each for each in json.loads(capsys.readouterr().out)[kind]}
    assert rows[name]["summary"] and rows[name]["citations"]
    assert main(["show", name, "--kind", kind]) == 0
    printed = capsys.readouterr().out
    assert (
        name in printed.splitlines()[0] and f"[{rows[name]['citations'][0]}]" in printed
    )
    assert main(["cite", name]) == 0
    assert f"{{{rows[name]['citations'][0]}," in capsys.readouterr().out


def test_what_is_added_works(added, capsys):
    program = fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5, alpha=0.9)
    gated = fwp.Program(program["key"], program["value"], alpha=program["value"])
    assert fwp.run(gated, "new_rule")["readout"].shape == program["value"].shape
    assert fwp.artificial.memory("new_memory").name == "new_memory"
    layer = fwp.artificial.Layer("hebb", model_dim=4, feature_map="new_feature")
    keys = layer.program(torch.rand(1, 3, 4))["key"]
    assert keys.shape[-1] == 4 and (keys >= 0).all()  # fourth powers
    assert fwp.artificial.network("new_network", 3).model_dim == 3
    assert fwp.synapses.get("new_synapse").changed(A=0.02).parameters["A"] == 0.02
    assert "new_receptor" in fwp.synapses.names("receptor")
    exact = fwp.run(program, "delta")["readout"].values
    options = {"new_realisation": {}, "rate": {"device": "new_device"}}
    for realisation, given in options.items():  # the laws of those that were there
        found = fwp.run(program, "delta", realisation, **given)["readout"].values
        assert np.abs(found - exact).max() < 1e-10
    assert main(["new_command", "--loud"]) == 0
    assert capsys.readouterr().out == "NEW\n"


def test_the_table_names_every_kind_and_files_that_exist():
    rows = re.findall(r"^\| (\w+) \| (.*?) \|", TABLE.read_text(), re.M)
    assert {row for row, _ in rows} == {*NAMES, "paper", "notebook"}
    for _, cell in rows:
        for path in re.findall(r"`([\w/.]+)`", cell):
            if "/" in path and "NN" not in path and "/name" not in path:
                assert (TOP / path).exists(), path
