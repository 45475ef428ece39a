"""Find the scripts: models in ``models/``, figures in ``figures/``.

They lie beside the package folder of a checkout, or inside of an installed package, and
in the current folder. The environment variable ``FWP_NEURO_HOME`` names another folder
that holds ``models/`` and ``figures/``, to be used instead.

A model ``models/NAME.py`` has a docstring (its first paragraph is the title), a dataclass
``Parameters`` (see `fwp_neuro.model_parameters`), ``QUICK`` (the parameters of a run of
some seconds), ``run(parameters, progress=None) -> xarray.Dataset`` and ``report(dataset)
-> str``. Its picture is ``plot(dataset) -> Figure``, or the figure script named by
``FIGURE``.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from fwp_neuro.errors import FwpError
from fwp_neuro.registry import Named, Registry, summary_of

HOME_VARIABLE = "FWP_NEURO_HOME"
#: what a wheel has of the folders of a checkout (see setup.py)
INSTALLED = Path(__file__).resolve().parent / "home"


def folders(kind: str) -> list[Path]:
    """Return the folders to look in for scripts of this kind (``"models"`` or
    ``"figures"``)."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return [Path(home) / kind]
    top = INSTALLED.parent.parent
    # beside an installed copy lie other packages, and one of them may be called "models"
    homes = [top if (top / "setup.cfg").exists() else INSTALLED, Path.cwd()]
    return [folder / kind for folder in dict.fromkeys(homes)]


def scripts(kind: str, pattern: str = "*.py") -> dict[str, Path]:
    """Return the scripts of this kind by name, in order; one beside the package comes
    first."""
    found: dict[str, Path] = {}
    for folder in folders(kind):
        for path in folder.glob(pattern):
            if not path.name.startswith("_"):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def docstring(path: Path) -> str:
    """Return a script's docstring, without running the script."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def entries(kind: str, pattern: str, needs: tuple[str, ...]) -> Iterator[Named]:
    """Return the scripts of this kind as entries of a registry, whose citations are
    docstrings."""
    for name, path in scripts(kind, pattern).items():
        yield Named(
            name,
            lambda path=path: load_script(path, needs),
            lambda path=path: summary_of(docstring(path)),
            lambda path=path: docstring(path),
        )


def load_script(path: Path, needs: tuple[str, ...] = ()) -> ModuleType:
    """Import a script from its file; FwpError if it lacks one of the names that it
    ``needs``."""
    name = f"fwp_neuro_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    missing = [need for need in needs if not hasattr(module, need)]
    if missing:
        raise FwpError(
            f"{path.parent.name}/{path.name} does not define {', '.join(missing)}"
        )
    return module


def load_model(name: str) -> ModuleType:
    """Import the model ``name``; FwpError with the nearest name if there is none."""
    if not MODELS.names():
        where = " or ".join(map(str, folders("models")))
        raise FwpError(f"there is no model {name!r}: no models in {where}")
    return MODELS.get(name)


MODELS = Registry(
    "model", find=lambda: entries("models", "*.py", ("Parameters", "run", "report"))
)
