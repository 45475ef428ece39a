"""The files of a user's own that a file imports: neither Python's, nor installed, nor ours."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
import sysconfig
from pathlib import Path

from ..reach import PACKAGE, parse


def local_files(path: Path, module: str) -> list[Path]:
    """Return the user's files that ``path`` imports, also through others, without itself.

    Args:
        module: the name that the file is imported by, which relative imports start from.
    """
    inner = path.name != "__init__.py"
    package = module.rpartition(".")[0] if inner else module
    found: dict[Path, None] = {}
    waiting = [(path, package)]
    while waiting:
        file, package = waiting.pop()
        for name in _imported(parse(file), package):
            for other, around in _locate(name, file.parent):
                if other not in found and other != path:
                    found[other] = None
                    waiting.append((other, around))
    return sorted(found)


def _imported(tree: ast.Module, package: str) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) + 1 - node.level], *filter(None, [base])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _locate(name: str, beside: Path) -> list[tuple[Path, str]]:
    """Return the files of a dotted name and of the packages around it, found without importing."""
    top, *rest = name.split(".")
    folders, file = _top(top, beside)
    if file is None and not folders:
        return []
    found = [(file, top if folders else "")] if file else []
    around = top
    for part in rest:
        inner = next((f / part for f in folders if (f / part).is_dir()), None)
        module = next((f / f"{part}.py" for f in folders if (f / f"{part}.py").is_file()), None)
        if inner is not None:
            around, folders = f"{around}.{part}", [inner]
            if (inner / "__init__.py").is_file():
                found.append(((inner / "__init__.py").resolve(), around))
        else:
            if module is not None:
                found.append((module.resolve(), around))
            break
    return found


def _top(name: str, beside: Path) -> tuple[list[Path], Path | None]:
    """Return the folders and the file of a top-level module of the user's; nothing for others."""
    nothing: tuple[list[Path], None] = ([], None)
    if not name or name in sys.stdlib_module_names or name == PACKAGE.name:
        return nothing
    if (beside / f"{name}.py").is_file():  # beside a script, also where it is not imported from
        return [], (beside / f"{name}.py").resolve()
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module without a spec, such as __main__
        return nothing
    if spec is None:
        return nothing
    folders = [Path(folder).resolve() for folder in spec.submodule_search_locations or ()]
    file = Path(spec.origin).resolve() if spec.has_location and spec.origin else None
    places = [*folders, *([file] if file else [])]
    if any(place.is_relative_to(folder) for place in places for folder in _installed()):
        return nothing
    return folders, file if file and file.suffix == ".py" else None


@functools.cache
def _installed() -> list[Path]:
    paths = sysconfig.get_paths()
    return [Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]
