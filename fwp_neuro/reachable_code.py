"""Which modules of the package a piece of code can reach, found by reading and not by
running.

Every import counts, also one inside a function, and so do attributes that a package
imports when they are asked for (``fwp.artificial.train``), names that are imported from
tables of strings (a registry), and folders named by a string. In doubt a module counts: a
package that is used as a value, or whose parts are looked for at run time, counts whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from fwp_neuro.import_reader import Reader, is_lazy, lazy_names

PACKAGE = Path(__file__).resolve().parent
_NO_DATA = {".py", ".pyc", ".md", ".bib", ""}


def modules(leave_out: Iterable[str] = ()) -> dict[str, Path]:
    """Return the files of the package by module name, without some files and folders at
    its top."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE.parent).with_suffix("")
        if path.relative_to(PACKAGE).parts[0] not in leave_out:
            parts = name.parent.parts if name.name == "__init__" else name.parts
            found[".".join(parts)] = path
    return found


def parse(path: Path) -> ast.Module:
    """Read a file of Python code, in the encoding that it names."""
    return ast.parse(path.read_bytes())


class Reach:
    """The modules that code reaches, and the scripts that it runs.

    Args:
        modules: module name -> its file; others are not followed.
        scripts: the scripts beside the package by name.
    """

    def __init__(self, modules: Mapping[str, Path], scripts: Mapping[str, ast.Module]):
        self.modules, self.scripts = modules, scripts
        self.found: set[str] = set()
        self.run: set[str] = set()
        self._waiting: list[str] = []
        self._trees: dict[str, ast.Module] = {}

    def follow(self, tree: ast.Module, package: str = "") -> None:
        """Add all that ``tree`` reaches, itself and through others; ``package`` is its
        ``.``."""
        Reader(self, package).read(tree)
        while self._waiting:
            name = self._waiting.pop()
            inner = self.modules[name].name != "__init__.py"
            Reader(self, name.rpartition(".")[0] if inner else name).read(
                self._tree(name)
            )

    def files(self) -> list[Path]:
        """Return the files of the modules and, of the packages among them, the data."""
        found = [self.modules[name] for name in self.found]
        folders = [path.parent for path in found if path.name == "__init__.py"]
        data = [path for folder in folders for path in folder.iterdir() if path.is_file()]
        return sorted([*found, *(path for path in data if path.suffix not in _NO_DATA)])

    def add(self, name: str) -> None:
        """Add a module with the packages around it, which are imported before it."""
        if name.partition(".")[0] in ("models", *self.scripts):
            self.add_scripts(self.scripts)
        while name:
            if name in self.modules and name not in self.found:
                self.found.add(name)
                self._waiting.append(name)
            name = name.rpartition(".")[0]

    def add_whole(self, name: str) -> None:
        """Add a module and, if it is a package, everything in it but published numbers.

        The published numbers of a synapse lie in its folder, and are of no use to a
        simulation.
        """
        for other in self.modules:
            inside = other.startswith(f"{name}.") and not other.endswith(".targets")
            if other == name or inside:
                self.add(other)

    def add_scripts(self, names: Iterable[str]) -> None:
        """Add scripts with what they reach."""
        for name in {*names} & {*self.scripts} - self.run:
            self.run.add(name)
            Reader(self, "").read(self.scripts[name])

    def attribute(self, module: str, name: str) -> str | None:
        """Add the module that ``module.name`` is or comes from; return its name if it is
        one."""
        inner = f"{module}.{name}"
        if inner in self.modules:
            self.add(inner)
            return inner
        if module in self.modules and is_lazy(tree := self._tree(module)):
            names = lazy_names(tree)
            if name in names:
                self.add(f"{module}.{names[name]}")
            elif not name.startswith("__"):
                self.add_whole(module)
        return None

    def _tree(self, name: str) -> ast.Module:
        if name not in self._trees:
            self._trees[name] = parse(self.modules[name])
        return self._trees[name]
