"""``fwp-neuro run MODEL``: run a model, print its table, write data, table and
picture."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
from collections.abc import Iterator

from fwp_neuro import figure_scripts, run_files, settings_file
from fwp_neuro.dataset_table import record
from fwp_neuro.errors import FwpError
from fwp_neuro.expected_runs import expected
from fwp_neuro.files import output_folder
from fwp_neuro.model_parameters import table, with_units, written
from fwp_neuro.model_scripts import load_model
from fwp_neuro.plotting import FORMATS
from fwp_neuro.progress import Progress
from fwp_neuro.settings import fill, several, split

#: times that people run a model, with other parameters: its circuits are compiled where
#: that many runs are worth it
_AGAIN = 10


class _Model(argparse.Action):
    """The name of a model, after which help lists its parameters too."""

    def __call__(self, parser, namespace, values, option_string=None):
        namespace.model, usual = values, parser.format_help
        parser.format_help = lambda: f"{usual()}\n{page(values)}\n"


def page(name: str) -> str:
    """Return the parameters of a model, with their defaults, units and meanings."""
    model = load_model(name)
    lines = [f"parameters of {name}, for --set NAME=VALUE:", table(model.Parameters)]
    quick = getattr(model, "QUICK", {})
    if quick:
        small = ", ".join(f"{key}={written(value)}" for key, value in quick.items())
        lines.append(f"--quick sets {small}")
    return "\n".join(lines)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "model", metavar="MODEL", action=_Model,
        help="name of a script in models/ (fwp-neuro list models); "
        "fwp-neuro run MODEL --help lists its parameters",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="set a parameter of the model (again for each); a number may carry a unit: "
        '--set dt=0.2ms --set "tau=80 ms"',
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of the random numbers"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a small simulation, to try out"
    )
    parser.add_argument(
        "--config", metavar="FILE",
        help="TOML file: seed, quick, out, format, and parameters below [parameters]; "
        "what the command line says counts more",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FOLDER",
        help="folder for data (.nc), table (.csv) and picture (default: results); it is "
        "made",
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="LIST", help="write the picture as pdf,svg too, besides png"
    )
    parser.add_argument(
        "--json", action="store_true",
        help="print JSON instead of the model's table: parameters, numbers, files",
    )  # fmt: skip
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing but warnings and errors"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true",
        help="say all parameters, and what the package chooses",
    )  # fmt: skip


def execute(arguments: argparse.Namespace) -> None:
    """Check everything that can be checked, then run."""
    name = arguments.model
    model = load_model(name)
    if arguments.quiet and (arguments.verbose or arguments.json):
        raise FwpError("-q prints nothing: leave out --verbose and --json, or -q")
    parameters = fill(model.Parameters, _settings(arguments, model), name)
    formats = several(arguments.format, FORMATS, "figure format") \
        if arguments.format is not None else []  # fmt: skip
    # not figures/: a run must not take the place of the pictures that README shows
    folder = output_folder(
        figure_scripts.RESULTS if arguments.out is None else arguments.out
    )
    script = run_files.drawer(model)
    if arguments.verbose:
        for key, text in with_units(parameters).items():
            print(f"fwp-neuro: {key} = {text}", file=sys.stderr)
    with (
        Progress(name, silent=arguments.quiet) as progress,
        expected(_AGAIN),
        _heard(arguments.verbose),
    ):
        dataset = model.run(parameters, progress=progress)
    report = model.report(dataset)
    dataset = run_files.described(dataset, model, name, parameters)
    if not (arguments.quiet or arguments.json):
        print(report)
    made = run_files.write(dataset, script, folder / name, formats)
    if arguments.json:
        print(json.dumps({"model": name, "parameters": with_units(parameters),
                          "files": [str(path) for path, _ in made], **record(dataset)},
                         ensure_ascii=False))  # fmt: skip
        return
    for path, note in made:
        if not arguments.quiet:
            print(f"wrote {path}{note}", flush=True)


def _settings(arguments: argparse.Namespace, model) -> dict[str, str]:
    """Return the parameters to set, as texts: of --quick, the file, and the command line,
    whose later ones count more; options of the file go into ``arguments``."""
    texts: dict[str, str] = {}
    for name, text in map(split, arguments.set):
        if name in texts:
            raise FwpError(f"--set gives {name} twice: {texts[name]} and {text}")
        texts[name] = text
    if arguments.seed is not None:
        if "seed" in texts:
            raise FwpError("give the seed once: --seed N, or --set seed=N")
        texts["seed"] = str(arguments.seed)
    filed: dict[str, str] = {}
    if arguments.config is not None:
        options, filed = settings_file.read(arguments.config)
        if "seed" in options:
            if "seed" in filed:
                raise FwpError(f"{arguments.config} gives the seed twice")
            filed["seed"] = str(options.pop("seed"))
        for key, value in options.items():
            setattr(arguments, key, getattr(arguments, key) or value)
    quick = _quick(model, arguments.model) if arguments.quick else {}
    return quick | filed | texts


def _quick(model, name: str) -> dict[str, str]:
    if not hasattr(model, "QUICK"):
        raise FwpError(f"model {name} has no QUICK, the parameters of a small run; leave "
                       "--quick out, or set parameters with --set")  # fmt: skip
    return {key: written(value) for key, value in model.QUICK.items()}


@contextlib.contextmanager
def _heard(verbose: bool) -> Iterator[None]:
    """Print what the package logs about its choices (that of a device is printed
    always)."""
    log, handler = logging.getLogger("fwp_neuro"), logging.StreamHandler()
    if not verbose:
        yield
        return
    handler.setFormatter(logging.Formatter("fwp-neuro: %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith("fwp_neuro.devices"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
