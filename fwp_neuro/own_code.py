"""Which files of Python code are the user's own, and where modules are found.

A file is a library's if it

* lies in a folder ``site-packages`` or ``dist-packages``, whichever interpreter, user,
  virtual or conda environment or module of a cluster that belongs to, also by a link;
* is part of Python, or lies in a folder ``lib/python3.N``;
* lies in an archive or in a folder ``.egg``;
* is listed by the metadata beside its package (``RECORD`` or ``installed-files.txt``), as
  after ``pip install --target``.

Any other is the user's: beside the script, on ``PYTHONPATH``, named by a .pth file or an
editable install, which is made to be changed.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from fwp_neuro.model_scripts import scripts

#: names of modules that were looked for and not found
ABSENT: set[str] = set()
_INSTALLED = {"site-packages", "dist-packages"}


@functools.cache
def is_own(file: str) -> bool:
    """Whether a file of this absolute path is the user's own."""
    path = Path(file)
    return not (
        _lies_in_library(path)
        or _lies_in_library(path.resolve())
        or any(each.stem in _listed(each.parent) for each in (path, *path.parents))
    )


def imported(file: Path) -> set[str]:
    """Return the names of all modules that a file may import, read and not run."""
    home, names = package_around(file), set()
    inside = file.relative_to(home.parent).parent.parts if home is not None else ()
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return names
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            around = inside[: len(inside) + 1 - node.level] if node.level else ()
            base = [*around, *filter(None, [node.module])]
            names |= {".".join(base)} - {""}
            names |= {".".join([*base, alias.name]) for alias in node.names}
    return names


def package_around(path: Path) -> Path | None:
    """Return the folder of the top-level package that a file is in, or None."""
    found = None
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        found = folder
    return found


def _lies_in_library(place: Path) -> bool:
    parts = [part.lower() for part in place.parts]
    if _INSTALLED & {*parts} or any(part.endswith(".egg") for part in parts):
        return True
    pairs = zip(parts, parts[1:], strict=False)
    if any(
        a in ("lib", "lib64") and re.fullmatch(r"python3\.\d+t?", b) for a, b in pairs
    ):
        return True
    return any(place.is_relative_to(folder) for folder in _python())


@functools.cache
def _python() -> list[Path]:
    paths = sysconfig.get_paths()
    return [
        Path(paths[name]).resolve()
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ]


@functools.cache
def _listed(folder: Path) -> frozenset[str]:
    """Return the top-level modules that metadata of installed packages in a folder
    list."""
    names: set[str] = set()
    for pattern in ("*.dist-info/RECORD", "*.egg-info/installed-files.txt"):
        for record in folder.glob(pattern):
            with open(record, encoding="utf-8", errors="replace") as lines:
                files = [
                    line.partition(",")[0].strip().removeprefix("../") for line in lines
                ]
            names |= {file.partition("/")[0].removesuffix(".py") for file in files}
    return frozenset(names)


def located(name: str) -> Path | None:
    """Return the file that a fresh process would import, or None."""
    kind, _, stem = name.removeprefix("fwp_neuro_").partition("_")
    if kind in ("models", "figures") and name.startswith("fwp_neuro_"):
        found = scripts(kind).get(stem)
        return found and found.resolve()
    spec, path = None, None
    parts = name.split(".") if name else []
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    origin = spec.origin if spec is not None and spec.has_location else None
    return Path(os.path.realpath(origin)) if origin else None


def _spec(name: str, path: Iterable[str] | None):
    for finder in sys.meta_path:
        if finder is not _Last and hasattr(finder, "find_spec"):
            with contextlib.suppress(Exception):  # whatever a finder of others does
                if (spec := finder.find_spec(name, path)) is not None:
                    return spec
    return None


class _Last:
    """A finder that comes last: it is asked for what nobody has found."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        ABSENT.add(name)


sys.meta_path.append(_Last)
