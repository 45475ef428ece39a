"""What a figure's fingerprint counts: all the code that its simulation can reach, and no
more."""

import ast
import importlib
import shutil
import subprocess
import sys

import pytest

import fwp_neuro.code_hash
import fwp_neuro.reachable_code
from fwp_neuro.code_hash import PRESENTATION, fingerprint, reached
from fwp_neuro.figure_scripts import figure_scripts
from fwp_neuro.import_reader import is_lazy
from fwp_neuro.reachable_code import PACKAGE, Reach, modules, parse

ARTIFICIAL = (
    "fig02_capacity",
    "fig05_learned_parity",
    "fig08_multi_query_recall",
    "fig09_hybrids",
)

RUN = """
import sys
from fwp_neuro.model_scripts import load_script
from pathlib import Path
script = load_script(Path(sys.argv[1]), ("simulate",))
script.simulate(quick=True, progress=lambda fraction, note="": None)
print(*(name for name in sys.modules if name.partition(".")[0] == "fwp_neuro"))
"""


@pytest.mark.parametrize(
    "name", ["fig02_capacity", pytest.param("fig04_state_tracking",
                                            marks=pytest.mark.slow),
             pytest.param("fig07_cost", marks=pytest.mark.slow),
             pytest.param("fig01_digit_memory", marks=pytest.mark.slow)]
)  # fmt: skip
def test_every_module_that_a_simulation_loads_counts(name):
    path = figure_scripts()[name]
    command = [sys.executable, "-c", RUN, str(path)]
    loaded = set(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    )
    assert len(loaded) > 20
    here = {"fwp_neuro.model_scripts"}  # the code above loads it
    assert loaded & set(modules(leave_out=PRESENTATION)) - here <= reached(path).found


@pytest.mark.parametrize("name", ARTIFICIAL)
def test_an_artificial_figure_reaches_no_circuit(name):
    found = reached(figure_scripts()[name]).found
    for part in (
        "circuits",
        "synapses",
        "benchmarks",
        "running",
        "devices",
        "plotting",
        "commands",
    ):
        assert not any(one.startswith(f"fwp_neuro.{part}") for one in found), part
    for part in ("artificial.forms", "artificial.memories.titans", "rules.catalogue"):
        assert f"fwp_neuro.{part}" in found


def test_a_circuit_figure_reaches_circuits_models_and_data():
    reach = reached(figure_scripts()["fig01_digit_memory"])
    assert {
        "fwp_neuro.circuits.spiking.spiking_circuit",
        "fwp_neuro.synapses.circuit_models",
    } <= reach.found
    assert {
        "fwp_neuro.circuits.spiking.biophysical",
        "fwp_neuro.tasks.recall",
    } <= reach.found
    assert "fwp_neuro.artificial.training" not in reach.found
    assert reach.run == {"digit_memory"}
    assert any(path.name == "digits.csv.gz" for path in reach.files())


#: files that no simulation of it reaches; nothing imports the new ones
OUTSIDE = ("synapses/new.py", "circuits/head_layout.py", "plotting.py", "commands/run.py",
           "artificial/new.py")  # fmt: skip
INSIDE = (
    "artificial/engine/chunk.py",
    "artificial/training/loop.py",
    "artificial/memories/titans.py",
    "symbolic/matrix_plan.py",
    "tasks/multi_query.py",
    "__init__.py",
    "artificial/kernels/extra.cpp",
)
EDITS = {OUTSIDE: False, **{(name,): True for name in INSIDE}}


def test_only_code_in_reach_changes_the_fingerprint(tmp_path, monkeypatch):
    package = tmp_path / "fwp_neuro"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (fwp_neuro.reachable_code, fwp_neuro.code_hash):
        monkeypatch.setattr(module, "PACKAGE", package)
    script = figure_scripts()["fig08_multi_query_recall"]
    before = fingerprint(script, quick=False)
    for edited, again in EDITS.items():
        for name in edited:
            with open(package / name, "a") as file:
                file.write("\nADDED = 1\n")
        after = fingerprint(script, quick=False)
        assert (after != before) == again, edited
        before = after


PIECES = {
    "__init__": "",
    "a": "from . import b\nfrom .sub.c import thing",
    "b": "def late():\n    import fwp_neuro.d as d",
    "d": "",
    "e": "",
    "registry.__init__": "from importlib import import_module\nALL = ['one']\n"
    "def load():\n    for n in ALL: import_module(f'{__package__}.{n}')",
    "registry.one": "from ..e import x",
    "registry.two": "",
    "folder.__init__": "import pkgutil\nfor m in pkgutil.iter_modules(__path__): ...",
    "folder.one": "",
    "lazy.__init__": "_NAMES = {'One': 'one', 'Two': 'two'}\n"
    "def __getattr__(name):\n    return import_module(_NAMES[name])",
    "helped.__init__": "from ..lazy_names import lazy_names\n"
    "__getattr__, __dir__ = lazy_names(__name__, {'One': 'one', 'Two': 'two'})",
    "helped.one": "",
    "helped.two": "",
    "lazy_names": "from importlib import import_module\n"
    "def lazy_names(package, names):\n"
    "    def get(name): return import_module(f'{package}.{names[name]}')",
    "lazy.one": "",
    "lazy.two": "",
    "sub.__init__": "",
    "sub.c": "from ..registry import x",
    "kinds": "import importlib\nK = {'k': "
    "'fwp_neuro.d'}\nimportlib.import_module(K[kind])",
    "foreign": "import importlib\nimportlib.import_module(f'fla.ops.{name}')",
    "computed": "from importlib import import_module as get\nget(input())",
    "loader": "from importlib.util import spec_from_file_location",
    "model_scripts": "from importlib.util import spec_from_file_location\ndef "
    "load_model(name): ...",
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import fwp_neuro", ""),
        ("import fwp_neuro.e", "e"),
        ("def f():\n    from fwp_neuro.b import late", "b d"),
        ("import fwp_neuro.a", "a b d sub sub.c registry registry.one e"),
        ("from fwp_neuro import folder", "folder folder.one"),
        ("from fwp_neuro.lazy import Two", "lazy lazy.two"),
        ("from fwp_neuro.helped import Two", "helped helped.two lazy_names"),
        ("import fwp_neuro as fwp\nfwp.lazy.One.method()", "lazy lazy.one"),
        ("import fwp_neuro.lazy\nfwp_neuro.lazy.Two", "lazy lazy.two"),
        ("from fwp_neuro import lazy as l\nx = l.One", "lazy lazy.one"),
        ("from fwp_neuro import lazy\nf(lazy)", "lazy lazy.one lazy.two"),
        ("from fwp_neuro.lazy import *", "lazy lazy.one lazy.two"),
        ("from fwp_neuro.lazy import unheard_of", "lazy lazy.one lazy.two"),
        ("import fwp_neuro.kinds", "kinds d"),
        ("import fwp_neuro.foreign", "foreign"),
        ("files('fwp_neuro.sub')", "sub"),
        ("import fwp_neuro.loader", "loader e"),
        ("import models.toy", "e"),
        (
            "from fwp_neuro.model_scripts import load_model as f\nf('toy')",
            "model_scripts e",
        ),
        (
            "from fwp_neuro.model_scripts import load_model\nload_model('toy')",
            "model_scripts e",
        ),
        (
            "from fwp_neuro.model_scripts import load_model\nload_model('other')",
            "model_scripts",
        ),
        (
            "from fwp_neuro.model_scripts import load_model\nmap(load_model, names)",
            "model_scripts e",
        ),
        ("import fwp_neuro.model_scripts as m\nm.load_model(name=x)", "model_scripts e"),
        ("import fwp_neuro.computed", " ".join(sorted({*PIECES} - {"__init__"}))),
    ],
)
def test_every_way_to_import_is_followed(tmp_path, source, expected):
    files = {}
    for name, text in PIECES.items():
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        files[f"fwp_neuro.{name}".removesuffix(".__init__")] = path
    reach = Reach(files, {"toy": ast.parse("import fwp_neuro.e")})
    reach.follow(ast.parse(source))
    wanted = {f"fwp_neuro.{name}".removesuffix(".__init__") for name in expected.split()}
    assert reach.found - {"fwp_neuro"} == wanted


def test_every_lazy_name_of_the_package_is_found_where_it_is_defined():
    files, checked = modules(), 0
    for module, path in files.items():
        if path.name == "__init__.py" and is_lazy(parse(path)):
            for name in getattr(importlib.import_module(module), "__all__", ()):
                reach = Reach(files, {})
                reach.attribute(module, name)
                # and not in doubt anywhere in the package
                assert (
                    len([one for one in reach.found if one.startswith(f"{module}.")]) < 4
                ), name
                checked += 1
    assert checked > 20
