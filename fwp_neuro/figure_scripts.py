"""Make the figures: simulate once, keep the data, draw.

A figure script ``figures/figNN_claim.py`` has ``simulate(quick=False, progress=None) ->
Dataset``, ``plot(dataset) -> Figure`` and, if there are numbers to print,
``report(dataset) -> str``; ``supplement(dataset) -> Figure`` is a second picture. The
data lie in ``figures/data/NAME-HASH.nc``, with a record of the code that was loaded
(`fwp_neuro.loaded_code`); while this stays the same nothing is simulated again.

The figures of an installed package, and a script that is named by its path, leave nothing
beside themselves: their pictures and data go to ``results/`` in the current folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fwp_neuro import dataset_table, plotting
from fwp_neuro.code_hash import START
from fwp_neuro.errors import FwpError, nearest, shown, warn
from fwp_neuro.files import file_path, output_folder
from fwp_neuro.loaded_code import changed, name_of, record, watching
from fwp_neuro.model_scripts import INSTALLED, entries, folders, load_script, scripts
from fwp_neuro.recording import Recording, load
from fwp_neuro.registry import Registry
from fwp_neuro.run_arguments import ProgressCallback

NEEDS = ("simulate", "plot")
FIGURES = Registry("figure", find=lambda: entries("figures", "fig*.py", NEEDS))
#: where pictures go, in the current folder, that are not those of ``figures/``
RESULTS = "results"
_CODE = "code_loaded"  # the attribute of the data


@dataclass(frozen=True)
class Drawn:
    """A figure that was made: its picture and data files, the table to print with it, why
    data that were there before are not used, and what else was written."""

    name: str
    picture: Path
    data: Path
    simulated: bool
    report: str
    why: str = ""
    further: tuple[Path, ...] = ()


def figure_scripts() -> dict[str, Path]:
    """Return the figure scripts by name."""
    return scripts("figures", "fig*.py")


def select(names: list[str]) -> list[str]:
    """Return the figures whose names start with one of ``names``, all of them if none is
    given.

    A name that ends in .py is the path of a script, which stands for itself.
    """
    paths = [str(script_path(name)) for name in names if name.endswith(".py")]
    names = [name for name in names if not name.endswith(".py")]
    if paths and not names:
        return paths
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
            if os.path.isfile(f"{name}.py"):
                guess = f"./{name}.py"
            hint = f"; did you mean {guess!r}?" if guess else ""
            listing = ", ".join(known)
            raise FwpError(
                f"no figure's name starts with {shown(name)}{hint} (legal: {listing})"
            )
    return paths + [
        script for script in known if not names or script.startswith(tuple(names))
    ]


def script_path(name: str) -> Path:
    """Return the path of a user's own figure script; FwpError if there is none."""
    path = file_path(name, "run the figure script")
    if not path.is_file():
        raise FwpError(f"there is no figure script {shown(name, 200)}")
    return path.resolve()


def make(
    name: str,
    quick: bool = False,
    out: str | os.PathLike | None = None,
    progress: ProgressCallback | None = None,
    formats: Iterable[str] = (),
    data_formats: Iterable[str] = (),
) -> Drawn:
    """Make the figure ``name``, simulating only if there are no data for it yet.

    Args:
        name: of a figure, or the path of a script.
        quick: small simulations.
        out: folder for the picture and its data; without it the picture goes to
            ``figures/``, or to ``results/`` in the current folder if it is ``quick`` or
            the script does not lie in ``figures/`` of a checkout.
        progress: called with the fraction done and a note.
        formats: "pdf" and "svg", besides png.
        data_formats: "nc" and "csv", beside the picture; with ``out``, nc without asking.
    """
    chosen = select([name])[0]
    own = chosen.endswith(".py")
    path = Path(chosen) if own else figure_scripts()[chosen]
    home = Path(RESULTS) if own or path.is_relative_to(INSTALLED) else path.parent
    kept = home / "data"
    folder = output_folder(out if out is not None else RESULTS if quick else home)
    output_folder(kept)
    with watching(path):
        script = load_script(path, NEEDS)
        stem = f"{path.stem}-quick" if quick else path.stem
        data, why = _kept(kept, stem, path)
        simulated = data is None
        if data is None:
            data = _simulate(script, path, quick, kept / stem, progress)
    # also fresh data are drawn from the file, so that what is drawn never depends on the
    # cache
    dataset = load(data).dataset
    del dataset.attrs[_CODE]
    report = script.report(dataset) if hasattr(script, "report") else ""
    picture = folder / f"{path.stem}.png"
    plots = {picture: script.plot}
    if hasattr(script, "supplement"):
        plots[folder / f"{path.stem}_supplement.png"] = script.supplement
    further = draw(plots, dataset, formats)[1:]
    for one in dict.fromkeys([*(["nc"] if out is not None else []), *data_formats]):
        further.append(picture.with_suffix(f".{one}"))
        (keep if one == "nc" else dataset_table.write)(dataset, further[-1])
    return Drawn(path.stem, picture, data, simulated, report, why, tuple(further))


def _kept(folder: Path, stem: str, script: Path) -> tuple[Path | None, str]:
    """Return the data of a figure that are of this code, or None and why those that are
    there are not."""
    why = ""
    for path in sorted(folder.glob(f"{stem}-{'[0-9a-f]' * 12}.nc")):
        try:
            text = load(path).dataset.attrs.get(_CODE, "")
        except FwpError as problem:
            warn(f"{problem}: it is simulated again")
            continue
        if not (why := changed(text, script, START)):
            return path, ""
    return None, why


def _simulate(
    script: ModuleType, path: Path, quick: bool, start: Path,
    progress: ProgressCallback | None,
) -> Path:  # fmt: skip
    """Simulate and keep the data with a record of the code; return their file."""
    dataset = script.simulate(quick=quick, progress=progress)
    code = record(path, START)
    data = start.with_name(f"{start.name}-{name_of(code)}.nc")
    dataset = getattr(dataset, "dataset", dataset)
    keep(dataset.assign_attrs({_CODE: code}), data)
    return data


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


def draw(
    plots: Mapping[Path, Callable], dataset, formats: Iterable[str] = ()
) -> list[Path]:
    """Draw ``dataset`` by functions of a script, then write each picture to its path and
    beside it in other formats; return all paths."""
    made = []
    with plotting.style():  # all are drawn before one is written
        figures = [(path, plot(dataset)) for path, plot in plots.items()]
    for path, figure in figures:
        _make_folder(path.parent)
        for suffix in dict.fromkeys([path.suffix, *(f".{one}" for one in formats)]):
            made.append(plotting.save(figure, path.with_suffix(suffix)))
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close(figure)
    return made


def script_named(name: str) -> ModuleType:
    """Import the one figure script of exactly this name."""
    if name not in FIGURES:
        raise FwpError(f"there is no figure script {name!r} in {folders('figures')[0]}")
    return FIGURES.get(name)
