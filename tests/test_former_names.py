"""Modules under their former names: the same modules, with a word on the new name."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fwp_neuro
from fwp_neuro.former_names import former_names

FOLDERS = {
    old for old in former_names() if any(o.startswith(f"{old}.") for o in former_names())
}


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
            assert name not in getattr(importlib.import_module(package), "__all__", ()), (
                old
            )


def test_docstrings_name_modules_as_they_are_called_now():
    former, wrong = former_names(), []
    present = {new: old for old, new in former.items() if old not in FOLDERS}
    root = Path(fwp_neuro.__file__).parent
    for file in root.rglob("*.py"):
        name = ".".join(file.relative_to(root.parent).with_suffix("").parts)
        package, text = (
            present.get(name, name).rpartition(".")[0],
            file.read_text("utf-8"),
        )
        # names of other things
        known = set(re.findall(r"\w+", re.sub(r"`[^`]*`", "", text)))
        for word in re.findall(r"(?<!`)`([a-z_][\w.]*)`(?!`)", text):
            first = word.partition(".")[0]
            places = (f"{package}.{word}", f"{package}.{first}", f"fwp_neuro.{word}")
            moved = [former[place].split(".") for place in places if place in former]
            if first not in known and any(first not in now for now in moved):
                wrong.append(f"{file.relative_to(root)}: {word}")
    assert not wrong


def test_the_line_that_imports_a_former_name_is_told_the_new_one(tmp_path):
    script = tmp_path / "old.py"
    script.write_text("from fwp_neuro.devices.program import Draft\n"
                      "from fwp_neuro.circuits.plastic import LAYOUTS, "
                      "connect\n")  # fmt: skip
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
