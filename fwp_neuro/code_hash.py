"""The hash of what a file of code means: of all that runs, however it is laid out.

Not in it: comments, docstrings, and what a script does only when it is run itself. Of a
script from which only some names are used, such as ``simulate`` of a figure, it counts
what these names reach, so that a change of what draws the results changes nothing.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

#: what a figure script simulates with
START = ("simulate",)


def digest(path: Path, start: Iterable[str] | None = None) -> str:
    """Return 12 hexadecimal digits for a file; of what is not Python all of it counts.

    Raises:
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    if path.suffix == ".py":
        try:
            content = simulation_code(content, start).encode()
        except (SyntaxError, ValueError, RecursionError):  # for another Python
            pass
    return hashlib.sha256(content).hexdigest()[:12]


def parse(path: Path) -> ast.Module:
    """Read a file of Python code, in the encoding that it names."""
    return ast.parse(path.read_bytes())


def code(source: str | bytes) -> str:
    """Return Python source without what does not run: comments, layout, docstrings."""
    return ast.dump(_without_docstrings(ast.parse(source)))


def simulation_code(source: str | bytes, start: Iterable[str] | None = START) -> str:
    """Return the part of a script that the names ``start`` reach, as `code` does."""
    tree = _without_docstrings(ast.parse(source))
    return "\n".join(ast.dump(statement) for statement in simulation(tree, start))


def simulation(tree: ast.Module, start: Iterable[str] | None = START) -> list[ast.stmt]:
    """Return the statements of a script that the names ``start`` reach.

    Top-level functions, classes, imports and constants count if ``start`` names them,
    directly or through others; other top-level statements always do.
    """
    if start is None:
        return [statement for statement in tree.body if not _is_main_guard(statement)]
    binding: dict[str, list[ast.stmt]] = {}
    reached: list[ast.stmt] = []
    for statement in tree.body:
        names = _bound(statement)
        for name in names:
            binding.setdefault(name, []).append(statement)
        if not names and not _is_main_guard(statement):
            reached.append(statement)
    waiting = [*start, *(name for statement in reached for name in _used(statement))]
    seen = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            for statement in binding.get(name, ()):
                reached.append(statement)
                waiting.extend(_used(statement))
    kept = {id(statement) for statement in reached}
    return [statement for statement in tree.body if id(statement) in kept]


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        nodes = ast.walk(statement)
        return {
            n.id
            for n in nodes
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
    return set()


def _used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in _used(statement)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return tree
