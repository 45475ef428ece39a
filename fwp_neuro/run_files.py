"""What a run of a model leaves: data, table and picture, with what they came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from fwp_neuro import dataset_table, figure_scripts
from fwp_neuro.bibliography import keys
from fwp_neuro.model_parameters import with_units
from fwp_neuro.provenance import here


def described(dataset, model: ModuleType, name: str, parameters) -> Any:
    """Return a dataset with its origin: the model, its parameters with their units, its
    papers and the versions, as the provenance of a recording has them."""
    origin = {
        "model": name,
        "parameters": with_units(parameters),
        "citations": keys(model.__doc__ or ""),
        **here(),
    }
    return dataset.assign_attrs(provenance=json.dumps(origin))


def write(
    dataset, script: ModuleType, stem: Path, formats: Iterable[str] = ()
) -> Iterator[tuple[Path, str]]:
    """Write the data, the table, and the picture that a script draws, in every format.

    Yields each path when its file is there, with a note to print behind it.
    """
    data, table, picture = (
        stem.with_name(f"{stem.name}{end}") for end in (".nc", ".csv", ".png")
    )
    figure_scripts.keep(dataset, data)
    yield data, ""
    large = dataset_table.write(dataset, table)
    yield table, f" (without {', '.join(large)}: too large)" if large else ""
    figure_scripts.draw({picture: script.plot}, dataset, formats)
    for suffix in dict.fromkeys(["png", *formats]):
        yield picture.with_suffix(f".{suffix}"), ""


def drawer(model: ModuleType) -> ModuleType:
    """Return what has the function ``plot`` for a model: itself, its figure script, or
    for a model that has neither, a picture of every variable.

    Raises:
        FwpError: the figure script that the model names is not there.
    """
    if hasattr(model, "plot"):
        return model
    if getattr(model, "FIGURE", None):
        return figure_scripts.script_named(model.FIGURE)
    from fwp_neuro import dataset_picture  # noqa: PLC0415  needs matplotlib

    return dataset_picture
