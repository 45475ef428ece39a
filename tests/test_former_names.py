"""Modules under their former names: the same modules, with a word on the new name."""

import importlib
import subprocess
import sys

import pytest

from fwp_neuro.former_names import former_names

FOLDERS = {old for old in former_names() if any(o.startswith(f"{old}.") for o in former_names())}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("old", sorted(former_names()))
def test_a_former_name_is_the_same_module(old):
    found = importlib.import_module(old)
    new = importlib.import_module(former_names()[old])
    assert new.__name__ == new.__spec__.name == former_names()[old]
    assert found is new or old in FOLDERS


def test_a_former_name_hides_nothing_of_its_package():
    for old in former_names():
        package, _, name = old.rpartition(".")
        if package not in former_names():
            assert name not in getattr(importlib.import_module(package), "__all__", ()), old


def test_the_line_that_imports_a_former_name_is_told_the_new_one(tmp_path):
    script = tmp_path / "old.py"
    script.write_text("from fwp_neuro.devices.program import Draft\n"
                      "from fwp_neuro.circuits.plastic import LAYOUTS, connect\n")  # fmt: skip
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert ran.returncode == 0
    assert "old.py:1: DeprecationWarning: fwp_neuro.devices.program is now " in ran.stderr
    assert ran.stderr.count("DeprecationWarning: fwp_neuro") == 1


def test_what_never_was_stays_unknown():
    for name in ("fwp_neuro.circuits.nothing", "fwp_neuro.synapses.plasticity.nothing"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from fwp_neuro.circuits.plastic import nothing  # noqa: F401
