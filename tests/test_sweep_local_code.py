"""Which files enter the key of a point: the user's own that a function imports, no
library's."""

import importlib
import sys
import time
import zipfile

import pytest

from fwp_neuro.sweep.function import Place, code_of
from fwp_neuro.sweep.local_code import EXACT, imported, local_files

LIBRARIES = {
    "pip --user": "home/.local/lib/python3.11/site-packages/thing",
    "module of a cluster": "apps/easybuild/Thing/1.0-foss/lib/python3.11/site-packages/thing",  # noqa: E501
    "Debian": "usr/lib/python3/dist-packages/thing",
    "conda on Windows": "miniconda/envs/one/Lib/site-packages/thing",
    "another Python": "opt/python/lib/python3.12/thing",
    "unpacked egg": "eggs/thing-1.0-py3.11.egg/thing",
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of the user that imports ``thing``, and a function that puts a folder on the
    path."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    importlib.invalidate_caches()
    (tmp_path / "mine.py").write_text("import thing\n\n\ndef f(a):\n    return a\n")

    def package(folder, count=2):
        folder = tmp_path / folder
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("from . import one, two\n")
        for name in ("one", "two", "unused"):
            (folder / f"{name}.py").write_text("import numpy\n")
        sys.path.append(str(folder.parent))
        return folder

    package.names = lambda: [p.name for p in local_files(tmp_path / "mine.py", "mine")]
    return package


@pytest.mark.parametrize("folder", LIBRARIES.values(), ids=LIBRARIES)
def test_a_library_is_not_read_wherever_it_is_installed(mine, folder):
    mine(folder)
    assert mine.names() == []


def test_a_library_that_is_linked_to_zipped_or_installed_in_a_folder_is_not_read(
    mine, tmp_path
):
    cached = mine("cache/archive/thing")  # as package managers keep files once for many
    sys.path.pop()
    (tmp_path / "lib/site-packages").mkdir(parents=True)
    (tmp_path / "lib/site-packages/thing").symlink_to(cached, target_is_directory=True)
    sys.path.append(str(tmp_path / "lib/site-packages"))
    assert mine.names() == []
    sys.path.pop()
    with zipfile.ZipFile(tmp_path / "thing.egg", "w") as archive:
        archive.writestr("thing/__init__.py", "import os")
    sys.path.append(str(tmp_path / "thing.egg"))
    assert mine.names() == []
    sys.path.pop()
    target = mine("target/thing").parent  # pip install --target
    (target / "Thing-1.0.dist-info").mkdir()
    (target / "Thing-1.0.dist-info/RECORD").write_text("thing/__init__.py,sha256=x,1\n")
    assert mine.names() == []


@pytest.mark.parametrize(
    "folder", ["thing", "shared/code/thing", "shared/lib/python/thing"]
)
def test_a_package_of_the_users_counts_as_far_as_it_is_imported(mine, tmp_path, folder):
    found = mine(folder)
    assert mine.names() == ["__init__.py", "one.py", "two.py"]
    (found.parent / "thing.egg-info").mkdir()  # an editable install is made to be changed
    (found.parent / "thing.egg-info/SOURCES.txt").write_text("thing/__init__.py\n")
    assert mine.names() == ["__init__.py", "one.py", "two.py"]
    place = Place("mine", str(tmp_path / "mine.py"), "f")
    before = code_of(place)
    (found / "unused.py").write_text("import scipy\n")
    (found / "one.py").write_text("import numpy  # a comment\n")
    assert code_of(place) == before
    (found / "one.py").write_text("import scipy\n")
    assert code_of(place) != before


def test_the_package_of_the_function_counts_also_if_it_is_installed(mine):
    thing = mine("site-packages/thing")
    (thing / "one.py").write_text(
        "from thing.two import x\nimport other\ndef f(a): ...\n"
    )
    other = mine("site-packages/other")
    assert other.is_dir()
    names = [p.name for p in local_files(thing / "one.py", "thing.one")]
    assert names == ["__init__.py", "two.py"]
    (thing / "unused.py").write_text("from .two import x\n")
    # started as `python -m thing.unused`, when a module does not know its name
    assert {p.name for p in local_files(thing / "unused.py", "__main__")} >= {
        "__init__.py"
    }


def test_a_relative_import_is_found_also_from_a_module_that_is_run(mine):
    thing = mine("code/thing")
    (thing / "sub").mkdir()
    (thing / "sub/run.py").write_text("from ..one import x\nfrom .near import y\n")
    (thing / "sub/near.py").write_text("")
    for module in ("__main__", "thing.sub.run"):
        names = {p.name for p in local_files(thing / "sub/run.py", module)}
        assert {"one.py", "near.py", "__init__.py"} <= names


SOURCE = '''
"""import not_this_in_the_exact_way"""
import a.b, c as d  # import e
from f import (g,  # one
    h as i)
from . import j
from ..k import l as m, n
if True: import o
import p; import q.r as s
from t import \\
    u
importlib.import_module("v.w")
'''


def test_imports_are_read_by_tree_and_by_pattern(tmp_path):
    (tmp_path / "source.py").write_text(SOURCE)
    exact = imported(tmp_path / "source.py")
    assert exact == sorted([
        (0, "a.b"), (0, "c"), (0, "f"), (0, "f.g"), (0, "f.h"), (1, ""), (1, "j"),
        (2, "k"),
        (2, "k.l"), (2, "k.n"), (0, "o"), (0, "p"), (0, "q.r"), (0, "t"), (0, "t.u"),
        (0, "v.w"),
    ])  # fmt: skip
    assert set(exact) - set(imported(tmp_path / "source.py", exact=False)) == {(0, "v.w")}


def test_files_of_other_encodings_and_other_pythons_are_no_errors(mine, tmp_path):
    thing = mine("thing")
    (thing / "one.py").write_bytes(
        "# coding: latin-1\nX = 'é'\nimport thing.unused\n".encode("latin1")
    )
    (thing / "two.py").write_text("print 'two'\n")  # Python 2
    assert mine.names() == ["__init__.py", "one.py", "two.py", "unused.py"]
    place = Place("mine", str(tmp_path / "mine.py"), "f")
    before = code_of(place)
    (thing / "two.py").write_text("print 'three'\n")
    assert code_of(place) != before


def test_a_large_tree_takes_little_time(mine, tmp_path):
    """Of 2000 files around 1 is imported; then all are, which must not take long
    either."""
    thing = mine("thing")
    body = "".join(
        f"def g{i}(x):\n    return [x * {i} for x in range(x)]\n\n" for i in range(10)
    )
    for number in range(2000):
        (thing / f"m{number}.py").write_text(body)
    place, start = Place("mine", str(tmp_path / "mine.py"), "f"), time.process_time()
    code_of(place)
    few = time.process_time() - start
    assert len(mine.names()) == 3
    (thing / "__init__.py").write_text(
        "".join(f"from . import m{i}\n" for i in range(2000))
    )
    start = time.process_time()
    before = code_of(place)
    every = time.process_time() - start
    assert len(mine.names()) == 2001 > EXACT
    assert every - few < 2.0, (few, every)
    (thing / "m1999.py").write_text(body + "X = 1\n")
    assert code_of(place) != before
