"""Which files are the user's own, and which a library's."""

import importlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_sweep import Here

import fwp_neuro as fwp
from fwp_neuro.own_code import is_own

LIBRARIES = {
    "pip --user": "home/.local/lib/python3.11/site-packages/thing",
    "module of a cluster": "apps/easybuild/Thing/1.0-foss/lib/python3.11/site-packages/thing",  # noqa: E501
    "Debian": "usr/lib/python3/dist-packages/thing",
    "conda on Windows": "miniconda/envs/one/Lib/site-packages/thing",
    "another Python": "opt/python/lib/python3.12/thing",
    "unpacked egg": "eggs/thing-1.0-py3.11.egg/thing",
}
OWN = ("thing", "shared/code/thing", "shared/lib/python/thing")


@pytest.fixture
def package(tmp_path):
    """A function that makes a package, and returns one of its modules."""

    def make(folder):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("__init__", "one"):
            (tmp_path / folder / f"{name}.py").write_text("")
        return tmp_path / folder / "one.py"

    return make


@pytest.mark.parametrize("folder", LIBRARIES.values(), ids=LIBRARIES)
def test_a_library_is_one_wherever_it_is_installed(package, folder):
    assert not is_own(str(package(folder)))


@pytest.mark.parametrize("folder", OWN)
def test_a_package_of_the_users_is_none(package, folder):
    file = package(folder)
    metadata = file.parent.parent / "thing.egg-info"
    metadata.mkdir()  # an editable install is made to be changed
    (metadata / "SOURCES.txt").write_text("thing/__init__.py\n")
    assert is_own(str(file))


def test_a_library_that_is_linked_to_zipped_or_installed_in_a_folder_is_one(
    package, tmp_path
):
    cached = package("cache/archive/thing")  # as package managers do
    (tmp_path / "lib/site-packages").mkdir(parents=True)
    link = tmp_path / "lib/site-packages/thing"
    link.symlink_to(cached.parent, target_is_directory=True)
    assert not is_own(str(link / "one.py"))
    with zipfile.ZipFile(tmp_path / "thing.egg", "w") as archive:
        archive.writestr("thing/__init__.py", "import os")
    assert not is_own(str(tmp_path / "thing.egg/thing/__init__.py"))
    target = package("target/thing")  # pip install --target
    (target.parent.parent / "Thing-1.0.dist-info").mkdir()
    record = target.parent.parent / "Thing-1.0.dist-info/RECORD"
    record.write_text("thing/__init__.py,sha256=x,1\n")
    assert not is_own(str(target))


@pytest.mark.parametrize("module", ["json", "ast", "numpy", "xarray"])
def test_python_and_what_is_installed_are_libraries(module):
    assert not is_own(importlib.import_module(module).__file__)


def test_the_package_of_the_function_counts_also_if_it_is_installed(
    tmp_path, monkeypatch, edit
):
    folder = tmp_path / "site-packages/installed_thing"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "number.py").write_text("NUMBER = 1\n")
    source = "from .number import NUMBER\n\n\ndef point(a):\n    return NUMBER * a\n"
    (folder / "points.py").write_text(source)
    monkeypatch.syspath_prepend(folder.parent)
    points = "installed_thing.points:point"
    fwp.sweep(points, {"a": [1, 2]}, tmp_path / "out", Here())
    edit(folder / "number.py", "1", "10")
    for name in [name for name in sys.modules if name.startswith("installed_thing")]:
        del sys.modules[name]
    fwp.sweep.function._found.clear()
    found = fwp.sweep(points, {"a": [1, 2]}, tmp_path / "out", Here())
    assert np.array_equal(found.result, [10, 20])
    assert len(list(Path(tmp_path / "out/points").glob("*.nc"))) == 4
