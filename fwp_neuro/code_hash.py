"""Fingerprint of a simulation: a hash of everything that decides what it computes.

In it: that part of the figure script which ``simulate`` reaches, the modules, data and
models that this part reaches (see `fwp_neuro.reachable_code`), and the versions of the
packages that compute. Not in it:
comments, docstrings, and the code that draws, so that neither a change of colour nor one
in a part of the package that this figure does not use reruns a simulation.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from fwp_neuro.model_scripts import scripts
from fwp_neuro.provenance import versions
from fwp_neuro.reachable_code import PACKAGE, Reach, modules, parse

#: code that only shows results or talks to the user
PRESENTATION = {
    "cli.py",
    "__main__.py",
    "commands",
    "figure_scripts.py",
    "plotting.py",
    "progress.py",
}
#: what a figure script simulates with
START = ("simulate",)
#: more files than these are hashed as they are, which is 20 times as fast as reading them
MANY = 100


def fingerprint(script: Path, quick: bool) -> str:
    """Return 12 hexadecimal digits for ``simulate(quick=quick)`` of a figure script."""
    hash = hashlib.sha256(f"quick={quick}".encode())
    add_code(hash, script)
    return hash.hexdigest()[:12]


def add_code(
    hash, script: Path, start: Iterable[str] | None = START, package: str = "",
    others: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Add to a hash all that the names ``start`` of a script reach; ``package`` is its
    ``.``.

    Without ``start`` all of the script counts, except what it does when it is run itself.
    So it is with ``others``, further files that it imports; of very many also the
    comments count.
    """
    for name, version in versions().items():
        if name in ("brian2", "numpy", "torch"):
            hash.update(f"{name}=={version}".encode())
    reach = reached(script, start, package)
    contents = [(path.name, _whole(path, len(others), reach)) for path in others]
    for path in reach.files():
        content = (
            code(path.read_bytes()).encode()
            if path.suffix == ".py"
            else path.read_bytes()
        )
        hash.update(f"{path.relative_to(PACKAGE)}:".encode() + content)
    for name in sorted(reach.run):
        hash.update(f"models/{name}:{ast.dump(reach.scripts[name])}".encode())
    hash.update(simulation_code(script.read_bytes(), start).encode())
    for name, content in contents:
        hash.update(f"{name}:".encode() + content)


def _whole(path: Path, count: int, reach: Reach) -> bytes:
    """Return what counts of one of ``count`` files, and add to ``reach`` what it
    reaches."""
    try:
        content = path.read_bytes()
        if count <= MANY or PACKAGE.name.encode() in content:
            statements = simulation(_without_docstrings(ast.parse(content)), None)
            reach.follow(ast.Module(statements, []))
            if count <= MANY:
                content = "\n".join(map(ast.dump, statements)).encode()
    except (OSError, SyntaxError, ValueError, RecursionError):
        # not Python, or for another one
        content = path.read_bytes() if path.exists() else b""
    return content


def reached(
    script: Path, start: Iterable[str] | None = START, package: str = ""
) -> Reach:
    """Return what a script reaches when it is imported and what ``start`` names is
    used."""
    models = {
        name: _without_docstrings(parse(path)) for name, path in scripts("models").items()
    }
    reach = Reach(modules(leave_out=PRESENTATION), models)
    tree = parse(script)
    # an import runs whether or not its name is used
    imports = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    reach.follow(ast.Module([*imports, *simulation(tree, start)], []), package)
    return reach


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
