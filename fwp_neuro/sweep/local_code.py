"""The files of a user's own that a file imports: neither Python's, nor installed, nor
ours.

A file is a library's, and is not read, if it

* lies in a folder ``site-packages`` or ``dist-packages``, whichever interpreter, user,
  virtual or conda environment or module of a cluster that belongs to, also by a link;
* is part of Python, or lies in a folder ``lib/python3.N``;
* lies in an archive or in a folder ``.egg``;
* is listed by the metadata beside its package (``RECORD`` or ``installed-files.txt``), as
  after ``pip install --target``.

Any other is the user's: beside the script, on ``PYTHONPATH``, named by a .pth file or an
editable install, which is made to be changed. So is the top-level package of the function
itself.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from ..reachable_code import PACKAGE, parse

#: imports of so many files are read exactly, those of more files, for speed, by a pattern
EXACT = 100
_INSTALLED = {"site-packages", "dist-packages"}
_CALLS = {"import_module", "__import__"}
_STATEMENT = re.compile(
    rb"(?:^|[;:])[ \t]*(?:import[ \t]+([^\n#;]+)"
    rb"|from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]+))",
    re.MULTILINE,
)
_Name = tuple[int, str]  # of a module: how many leading dots, and what follows them


def local_files(path: Path, module: str) -> list[Path]:
    """Return the user's files that ``path`` imports, also through others, without itself.

    Only these are opened, however many lie around them.

    Args:
        module: the name that the file is imported by.
    """
    top = module.partition(".")[0]
    home = next((p for p in path.parents if p.name == top and "." in module), None)
    search = _Search(home if home is not None and _is_library(home) else None)
    found = dict.fromkeys(_around(path))
    waiting = [path, *found]
    read = 0
    while waiting:
        file = waiting.pop(0)
        read += 1
        for name in imported(file, exact=read <= EXACT):
            for other in search.locate(name, file.parent):
                if other not in found and other != path:
                    found[other] = None
                    waiting.append(other)
    return sorted(found.keys() - {path})


def imported(file: Path, exact: bool = True) -> list[_Name]:
    """Return what a file imports, in order of the names; nothing if it is not readable
    Python.

    Not ``exact``, what looks like an import in a text counts too.
    """
    try:
        names = _by_tree(parse(file)) if exact else _by_pattern(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # e.g. for another Python
        return []
    return sorted(names)


def _by_tree(tree: ast.Module) -> set[_Name]:
    names: set[_Name] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(0, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= _names_from(
                node.level, node.module, (alias.name for alias in node.names)
            )
        elif (
            isinstance(node, ast.Call)
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in _CALLS and isinstance(node.args[0].value, str):
                names.add((0, node.args[0].value))
    return names


def _by_pattern(source: bytes) -> set[_Name]:
    names: set[_Name] = set()
    for whole, dots, base, parts in _STATEMENT.findall(source.replace(b"\\\n", b" ")):
        text = re.sub(r"#[^\n]*|[()]", " ", (whole or parts).decode(errors="replace"))
        listed = [item.split()[0] for item in text.split(",") if item.split()]
        if whole:
            names |= {(0, name) for name in listed}
        else:
            names |= _names_from(len(dots), base.decode(errors="replace"), listed)
    return names


def _names_from(level: int, base: str | None, names: Iterable[str]) -> set[_Name]:
    around = [base] if base else []
    return {(level, base or ""), *((level, ".".join([*around, name])) for name in names)}


def _around(path: Path) -> list[Path]:
    """Return the __init__.py files of the packages that a file is in, which run before
    it."""
    found, folder = [], path.parent
    while (init := folder / "__init__.py").is_file() and folder != folder.parent:
        found.append(init)
        folder = folder.parent
    return found


class _Search:
    """Finds the user's files of module names without importing; ``home`` is the user's as
    well."""

    def __init__(self, home: Path | None):
        self.home = home
        self._top = functools.cache(self._find_top)

    def locate(self, name: _Name, beside: Path) -> list[Path]:
        """Return the files of a module that a file in ``beside`` imports, and those
        around it."""
        level, dotted = name
        parts = dotted.split(".") if dotted else []
        if level:
            folder = beside
            for _ in range(level - 1):
                folder = folder.parent
            return [*_around(folder / "_"), *_inside([folder], parts)]
        if not parts or parts[0] in sys.stdlib_module_names or parts[0] == PACKAGE.name:
            return []
        found = []
        for folders, files in self._top(parts[0], beside):
            found += [*files, *_inside(folders, parts[1:])]
        return found

    def _find_top(self, name: str, beside: Path) -> list[tuple[list[Path], list[Path]]]:
        """Return the folders and the file of each top-level module of the user's of a
        name."""
        if self.home is not None and name == self.home.name:
            return [([self.home], [self.home / "__init__.py"])]
        found = []
        # beside a script, also where it is not imported from
        near = PathFinder.find_spec(name, [str(beside)])
        for spec in (near if near is not None and near.origin else None, _spec(name)):
            if spec is None:
                continue
            folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
            folders = [f.resolve() for f in folders if f.is_dir() and not _is_library(f)]
            file = Path(spec.origin) if spec.has_location and spec.origin else None
            ours = file is not None and file.suffix == ".py" and file.is_file()
            files = [file.resolve()] if ours and not _is_library(file) else []
            if folders or files:
                found.append((folders, files))
        return found


def _spec(name: str):
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module without a spec, such as __main__
        return PathFinder.find_spec(name)


def _inside(folders: list[Path], parts: list[str]) -> list[Path]:
    """Return the files of the parts of a dotted name below the folders of a package."""
    found: list[Path] = []
    for part in parts:
        inner = [folder / part for folder in folders if (folder / part).is_dir()]
        inits = [f / "__init__.py" for f in inner if (f / "__init__.py").is_file()]
        modules = [f / f"{part}.py" for f in folders if (f / f"{part}.py").is_file()]
        if inits:
            found.append(inits[0].resolve())
            inner = [inits[0].parent]
        elif modules:
            found.append(modules[0].resolve())
            break
        folders = inner
    return found


@functools.cache
def _is_library(place: Path) -> bool:
    """Whether a top-level module, given by its folder or file, is a library's."""
    inits = place.name == "__init__.py"
    top = place.parent if inits else place
    return any(_lies_in_library(p) for p in (top, top.resolve())) or top.stem in _listed(
        top.parent
    )


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
