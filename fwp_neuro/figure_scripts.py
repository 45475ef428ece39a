"""Make the figures: simulate once, keep the data, draw.

A figure script ``figures/figNN_claim.py`` has ``simulate(quick=False, progress=None) ->
Dataset``, ``plot(dataset) -> Figure`` and, if there are numbers to print,
``report(dataset) -> str``. The data lie in ``figures/data/NAME-HASH.nc`` (see
`fwp_neuro.code_hash`); while the hash stays the same nothing is simulated again.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fwp_neuro import plotting
from fwp_neuro.code_hash import fingerprint
from fwp_neuro.errors import FwpError, nearest, shown
from fwp_neuro.files import output_folder
from fwp_neuro.model_scripts import entries, folders, load_script, scripts
from fwp_neuro.recording import Recording, load
from fwp_neuro.registry import Registry
from fwp_neuro.run_arguments import ProgressCallback

NEEDS = ("simulate", "plot")
FIGURES = Registry("figure", find=lambda: entries("figures", "fig*.py", NEEDS))
#: where pictures go, in the current folder, that are not those of ``figures/``
RESULTS = "results"


@dataclass(frozen=True)
class Drawn:
    """A figure that was made: its picture and data files, and the table to print with
    it."""

    name: str
    picture: Path
    data: Path
    simulated: bool
    report: str


def figure_scripts() -> dict[str, Path]:
    """Return the figure scripts by name."""
    return scripts("figures", "fig*.py")


def select(names: list[str]) -> list[str]:
    """Return the figures whose names start with one of ``names``, all of them if none is
    given."""
    known = figure_scripts()
    if not known:
        raise FwpError(
            f"there are no figures in {' or '.join(map(str, folders('figures')))}"
        )
    for name in names:
        if not name or not any(script.startswith(name) for script in known):
            guess = nearest(
                name, [*known, *(script.partition("_")[0] for script in known)]
            )
            hint = f"; did you mean {guess!r}?" if guess else ""
            listing = ", ".join(known)
            raise FwpError(
                f"no figure's name starts with {shown(name)}{hint} (legal: {listing})"
            )
    return [script for script in known if not names or script.startswith(tuple(names))]


def make(
    name: str,
    quick: bool = False,
    out: str | os.PathLike | None = None,
    progress: ProgressCallback | None = None,
) -> Drawn:
    """Make the figure ``name``, simulating only if there are no data for it yet.

    The picture goes to ``out``; without it to ``figures/``, or, if ``quick``, to
    ``results/`` in the current folder.
    """
    path = figure_scripts()[select([name])[0]]
    kept = path.parent / "data"
    folder = output_folder(out if out is not None else RESULTS if quick else path.parent)
    script = load_script(path, NEEDS)
    data = output_folder(kept) / f"{path.stem}-{fingerprint(path, quick)}.nc"
    simulated = not data.exists()
    if simulated:
        keep(script.simulate(quick=quick, progress=progress), data)
    # also fresh data are drawn from the file, so that what is drawn never depends on the
    # cache

    dataset = load(data).dataset
    report = script.report(dataset) if hasattr(script, "report") else ""
    picture = draw(script, dataset, folder / f"{path.stem}.png")
    return Drawn(path.stem, picture, data, simulated, report)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        where = shown(str(folder), 200)
        raise FwpError(f"cannot make the folder {where}: {problem.strerror}") from problem


def keep(dataset, path: Path) -> None:
    """Write a dataset (or a recording), whole or not at all."""
    _make_folder(path.parent)
    Recording(getattr(dataset, "dataset", dataset)).save(path)


def draw(script: ModuleType, dataset, path: Path) -> Path:
    """Draw ``dataset`` with the script's ``plot`` and write the picture."""
    _make_folder(path.parent)
    with plotting.style():
        figure = script.plot(dataset)
    plotting.save(figure, path)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)
    return path


def script_named(name: str) -> ModuleType:
    """Import the one figure script of exactly this name."""
    if name not in FIGURES:
        raise FwpError(f"there is no figure script {name!r} in {folders('figures')[0]}")
    return FIGURES.get(name)
