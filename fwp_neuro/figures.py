"""Make the figures: simulate once, keep the data, draw.

A figure script ``figures/figNN_claim.py`` has ``simulate(quick=False, progress=None) -> Dataset``,
``plot(dataset) -> Figure`` and, if there are numbers to print, ``report(dataset) -> str``. The data
lie in ``figures/data/NAME-HASH.nc`` (see `fwp_neuro.fingerprint`); while the hash stays the same
nothing is simulated again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fwp_neuro.errors import FwpError, nearest, shown
from fwp_neuro.files import owner
from fwp_neuro.fingerprint import fingerprint
from fwp_neuro.models import entries, folders, load_script, scripts
from fwp_neuro.progress import ProgressCallback
from fwp_neuro.registry import Registry

NEEDS = ("simulate", "plot")
FIGURES = Registry("figure", find=lambda: entries("figures", "fig*.py", NEEDS))
#: where pictures go, in the current folder, that are not those of ``figures/``
RESULTS = "results"


@dataclass(frozen=True)
class Drawn:
    """A figure that was made: its picture and data files, and the table to print with it."""

    name: str
    picture: Path
    data: Path
    simulated: bool
    report: str


def figure_scripts() -> dict[str, Path]:
    """Return the figure scripts by name."""
    return scripts("figures", "fig*.py")


def select(names: list[str]) -> list[str]:
    """Return the figures whose names start with one of ``names``, all of them if none is given."""
    known = figure_scripts()
    if not known:
        raise FwpError(f"there are no figures in {' or '.join(map(str, folders('figures')))}")
    for name in names:
        if not name or not any(script.startswith(name) for script in known):
            guess = nearest(name, [*known, *(script.partition("_")[0] for script in known)])
            hint = f"; did you mean {guess!r}?" if guess else ""
            listing = ", ".join(known)
            raise FwpError(f"no figure's name starts with {shown(name)}{hint} (legal: {listing})")
    return [script for script in known if not names or script.startswith(tuple(names))]


def output_folder(path: str | os.PathLike, what: str = "the folder for results") -> Path:
    """Return ``path`` as a folder that can be written to; it is not made yet.

    Raises FwpError before any long work if it is a file, or if nothing can be written there.
    """
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise FwpError(f"{what} must name a folder, got {shown(path)}")
    try:
        os.stat(os.fsencode(path))  # an odd character or a name that is too long fails here
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        where = shown(str(path), 200)
        raise FwpError(f"cannot write to folder {where}: {reason}") from problem
    folder = existing = Path(path)
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return folder
    except OSError as problem:
        reason = "it is not a folder" if not existing.is_dir() else problem.strerror
        at = "" if existing == folder else f" ({existing})"
        where = shown(str(folder), 200)
        raise FwpError(f"cannot write to folder {where}: {reason}{at}") from problem


def output_file(path: str | os.PathLike, option: str) -> Path:
    """Return ``path`` as a file that can be written, or written anew; nothing is made yet.

    Raises FwpError before any long work if it is empty, a folder or no ordinary file, or if its
    folder cannot be written to; the sentence names the ``option`` that it was given to.
    """
    given = os.fspath(path)
    if not given.strip() or "\0" in given:
        raise FwpError(f"{option} takes the name of a file to write, got {given!r}")
    file = Path(given)
    try:
        is_folder, is_other = file.is_dir(), file.exists() and not file.is_file()
        if not is_folder:  # as it is called while it is written
            file.with_name(f".{file.name}.{owner()}12345678.tmp").exists()
    except OSError as problem:  # such as a name that is too long
        raise FwpError(f"{option}: cannot write to {given!r}: {problem.strerror}") from problem
    if is_folder or given.endswith(("/", os.sep)):
        raise FwpError(f"{option} takes the name of a file to write, and {given!r} is a folder")
    if is_other:
        raise FwpError(f"{option} takes the name of a file to write; {given!r} is a device")
    output_folder(file.parent)
    return file


def make(
    name: str,
    quick: bool = False,
    out: str | os.PathLike | None = None,
    progress: ProgressCallback | None = None,
) -> Drawn:
    """Make the figure ``name``, simulating only if there are no data for it yet.

    The picture goes to ``out``; without it to ``figures/``, or, if ``quick``, to ``results/`` in
    the current folder.
    """
    path = figure_scripts()[select([name])[0]]
    kept = path.parent / "data"
    folder = output_folder(out if out is not None else RESULTS if quick else path.parent)
    script = load_script(path, NEEDS)
    data = output_folder(kept) / f"{path.stem}-{fingerprint(path, quick)}.nc"
    simulated = not data.exists()
    if simulated:
        keep(script.simulate(quick=quick, progress=progress), data)
    # also fresh data are drawn from the file, so that what is drawn never depends on the cache
    from fwp_neuro.recording import load

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
    from fwp_neuro.recording import Recording

    _make_folder(path.parent)
    Recording(getattr(dataset, "dataset", dataset)).save(path)


def draw(script: ModuleType, dataset, path: Path) -> Path:
    """Draw ``dataset`` with the script's ``plot`` and write the picture."""
    from fwp_neuro import plotting

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
