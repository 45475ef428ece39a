"""What one file of Python code imports, read from its tree; see
`fwp_neuro.reachable_code`."""

from __future__ import annotations

import ast
import re

TOP = __name__.partition(".")[0]

# imports a name that is computed
_BY_NAME = {"import_module", "__import__", "run_module"}
_BY_FOLDER = {"iter_modules", "walk_packages"}  # looks for modules
# names that are computed from a module's own
_OWN = {"__package__", "__name__", "__spec__"}
_BY_PATH = {"spec_from_file_location", "run_path", "load_script"}  # runs a script
_LOADER = "load_model"  # runs the script of a name
_LAZY = "lazy_names"  # makes a package import a name when it is asked for it


class Reader(ast.NodeVisitor):
    """Reads one tree and adds what it names to a `fwp_neuro.reachable_code.Reach`.

    Args:
        reach: what to add to.
        package: the package that a leading dot means.
    """

    def __init__(self, reach, package: str):
        self.reach, self.package = reach, package
        # local name -> modules; scopes are not told apart
        self.bound: dict[str, set[str]] = {}
        self.names: set[str] = set()

    def read(self, tree: ast.Module) -> None:
        """Add what ``tree`` names."""
        nodes = list(ast.walk(tree))
        for node in nodes:  # imports first: a name may be used above its import
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
        self.visit(tree)
        texts = {node.value for node in nodes if is_text(node)}
        for text in texts:
            if text.startswith(f"{TOP}."):  # e.g. the folder of a data file
                self.reach.add(text)
        # e.g. the same file in many folders
        for pattern in filter(None, map(_pattern, nodes)):
            for name in filter(pattern.fullmatch, self.reach.modules):
                self.reach.add(name)
        self._scripts(tree, nodes)
        if not is_lazy(tree) and not _defines(tree, _LAZY):  # those who call it say which
            self._computed(nodes, texts)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.reach.add(alias.name)
            self._bind(alias.asname or alias.name.partition(".")[0],
                       alias.name
                       if alias.asname else alias.name.partition(".")[0])  # fmt: skip

    def _import_from(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            around = self.package.split(".")[: self.package.count(".") + 2 - node.level]
            base = ".".join([*around, *filter(None, [node.module])])
        self.reach.add(base)
        for alias in node.names:
            self.names.add(alias.name)
            if alias.name == "*":
                self.reach.add_whole(base)
            elif module := self.reach.attribute(base, alias.name):
                self._bind(alias.asname or alias.name, module)

    def _bind(self, name: str, module: str) -> None:
        if module in self.reach.modules:
            self.bound.setdefault(name, set()).add(module)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.names.add(node.attr)
        attributes, root = [], node
        while isinstance(root, ast.Attribute):
            attributes.insert(0, root.attr)
            root = root.value
        if not isinstance(root, ast.Name):
            self.generic_visit(node)
            return
        for module in self.bound.get(root.id, ()):
            for name in attributes:
                module = module and self.reach.attribute(module, name)
            if module:  # the chain ends at a module
                self.reach.add_whole(module)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)
        for module in self.bound.get(node.id, ()):
            self.reach.add_whole(module)

    def _scripts(self, tree: ast.Module, nodes: list[ast.AST]) -> None:
        """Add the scripts that are run: those whose names are written out, or else
        all."""
        if _defines(tree, _LOADER):
            return  # those who call it say which
        calls = [n for n in nodes if isinstance(n, ast.Call) and _name(n.func) == _LOADER]
        named = [n.args[0].value for n in calls if n.args and is_text(n.args[0])]
        uses = sum(_name(n) == _LOADER for n in nodes)
        uses += sum(
            isinstance(n, ast.alias) and n.name == _LOADER and bool(n.asname)
            for n in nodes
        )
        if self.names & _BY_PATH or uses > len(named):
            self.reach.add_scripts(self.reach.scripts)
        self.reach.add_scripts(named)

    def _computed(self, nodes: list[ast.AST], texts: set[str]) -> None:
        """Add what imports of a computed name may mean: modules named by a string, or
        all."""
        calls = [n for n in nodes if isinstance(n, ast.Call) and n.args]
        calls = [n for n in calls if _name(n.func) in _BY_NAME]
        named: set[str] = set()
        computed = self.names & _BY_NAME and not (
            calls and all(_is_foreign(n) for n in calls)
        )
        if computed:
            named = {text for text in texts if text.startswith(f"{TOP}.")}
            if any(isinstance(n, ast.Name) and n.id in _OWN for n in nodes):
                named |= {f"{self.package}.{text.lstrip('.')}" for text in texts}
            named &= {*self.reach.modules}
            for name in named:
                self.reach.add_whole(name)
        if self.names & _BY_FOLDER or computed and not named:
            self.reach.add_whole(self.package)


def lazy_names(tree: ast.Module) -> dict[str, str]:
    """Return the table, name -> module, of a package that imports when it is asked for a
    name."""
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    pairs = [
        pair for table in tables for pair in zip(table.keys, table.values, strict=True)
    ]
    return {
        name.value: module.value
        for name, module in pairs
        if is_text(name) and is_text(module)
    }


def is_lazy(tree: ast.Module) -> bool:
    """Whether a module imports when it is asked for a name (PEP 562)."""
    return _defines(tree, "__getattr__")


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether a module gives a function or another value this name."""
    targets = [each for s in tree.body if isinstance(s, ast.Assign) for each in s.targets]
    nodes = [node for target in targets for node in ast.walk(target)]
    return any(
        isinstance(s, ast.FunctionDef) and s.name == name for s in tree.body
    ) or any(isinstance(node, ast.Name) and node.id == name for node in nodes)


def is_text(node: ast.AST | None) -> bool:
    """Whether a node is a string that is written out."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _pattern(node: ast.AST) -> re.Pattern | None:
    """Return what an f-string may be, if it begins with a name of the package."""
    if not isinstance(node, ast.JoinedStr) or not is_text(node.values[0]):
        return None
    parts = [re.escape(v.value) if is_text(v) else r"\w+" for v in node.values]
    return re.compile("".join(parts)) if parts[0].startswith(f"{TOP}\\.") else None


def _name(node: ast.AST) -> str:
    """Return what an expression is called, its last part if it has several."""
    return getattr(node, "attr", getattr(node, "id", ""))


def _is_foreign(call: ast.Call) -> bool:
    """Whether what is imported is part of another package."""
    name = call.args[0]
    if isinstance(name, ast.JoinedStr) and name.values:
        name = name.values[0]
    first = name.value.partition(".")[0] if is_text(name) else ""
    return first not in ("", TOP)
