"""``fwp-neuro run MODEL``: run a model, print its table, draw its figure."""

from __future__ import annotations

import argparse

from fwp_neuro import figure_scripts
from fwp_neuro.errors import FwpError
from fwp_neuro.expected_runs import expected
from fwp_neuro.files import output_folder
from fwp_neuro.model_scripts import load_model
from fwp_neuro.progress import Progress
from fwp_neuro.settings import fill, split

#: times that people run a model, with other parameters: its circuits are compiled where
#: that many runs are worth it
_AGAIN = 10


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="name of a script in models/")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the model (again for each)",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of the random numbers"
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="folder for the picture (default: results); it is made",
    )


def execute(arguments: argparse.Namespace) -> None:
    """Check everything that can be checked, then run."""
    name = arguments.model
    model = load_model(name)
    parameters = fill(model.Parameters, _settings(arguments), name)
    drawing = getattr(model, "FIGURE", None)
    # not figures/: a run must not take the place of the pictures that README shows
    folder = output_folder(
        figure_scripts.RESULTS if arguments.out is None else arguments.out
    )
    script = figure_scripts.script_named(drawing) if drawing else None
    with Progress(name) as progress, expected(_AGAIN):
        dataset = model.run(parameters, progress=progress)
    print(model.report(dataset))
    if script:
        print(f"wrote {figure_scripts.draw(script, dataset, folder / f'{drawing}.png')}")
    elif arguments.out:  # nothing draws this model: keep its data
        figure_scripts.keep(dataset, folder / f"{name}.nc")
        print(f"wrote {folder / f'{name}.nc'}")


def _settings(arguments: argparse.Namespace) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, text in map(split, arguments.set):
        if name in texts:
            raise FwpError(f"--set gives {name} twice: {texts[name]} and {text}")
        texts[name] = text
    if arguments.seed is not None:
        if "seed" in texts:
            raise FwpError("give the seed once: --seed N, or --set seed=N")
        texts["seed"] = str(arguments.seed)
    return texts
