"""What figures, models and notebooks import is there, and what they call is no module."""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).resolve().parent.parent
SCRIPTS = [path for kind in ("figures", "models", "notebooks")
           for path in sorted((HOME / kind).glob("*.py"))]  # fmt: skip


def names_of(tree):
    """Return name -> object of all that a script imports from the package."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fwp_neuro"):
            module = import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    import_module(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = getattr(module, alias.name)
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_imports_and_calls_what_is_there(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            assert not isinstance(found.get(name), ModuleType), (node.lineno, name)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = found.get(node.value.id)
            known = not isinstance(owner, ModuleType) or hasattr(owner, node.attr)
            assert known, (node.lineno, node.value.id, node.attr)
