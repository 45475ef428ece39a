"""``fwp-neuro fit``: fit synapse models to a table of measurements and rank them."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from fwp_neuro.bibliography import readable
from fwp_neuro.errors import FwpError, pick
from fwp_neuro.files import output_file
from fwp_neuro.plotting import format_of, save
from fwp_neuro.progress import Progress
from fwp_neuro.text_table import aligned
from fwp_neuro.validation import seed_number, whole

_KINDS = {"trains": "short-term plasticity", "plasticity": "plasticity"}
_SCALES = ("auto", "first", "free", "each")
EXAMPLE = """
the table: a header and a row a measurement, for example

  lag [ms],frequency [Hz],ratio,sem         weight after / before a pairing
  time [ms],amplitude [mV],train,sem [mV]   responses to a train of presynaptic spikes

published tables, to try it on (their names stand for files):

  fwp-neuro fit sjostrom_2001_pairings --model pair_stdp,triplet_stdp --plot fit.pdf
  fwp-neuro fit chamberland_2018_mossy_fibre --model tsodyks_markram
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLE
    parser.add_argument(
        "data", metavar="DATA", help="CSV file, or name of a published table"
    )
    parser.add_argument(
        "--model",
        metavar="NAMES",
        help="models, parted by commas; NAME/SET starts from a parameter set",
    )
    parser.add_argument(
        "--free",
        metavar="NAMES",
        help="parameters to fit, parted by commas (default: all that the data depend on)",
    )
    parser.add_argument(
        "--scale",
        metavar="SCALE",
        default="auto",
        help="of amplitudes: first (ratios to the first of each train), free (one common "
        "factor), each (a factor a train), auto (first where each train starts at 1, "
        "else free; default)",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="draw data, fits and residuals (.pdf, .png, .svg)"
    )
    parser.add_argument(
        "--bootstrap",
        type=int,
        metavar="N",
        help="intervals from N drawn tables (default: from the covariance)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print numbers as JSON, for programs"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the search and the bootstrap"
    )


def execute(arguments: argparse.Namespace) -> None:
    """Check everything, fit, print, draw."""
    # need Brian2: help does without
    from fwp_neuro import synapses  # noqa: PLC0415
    from fwp_neuro.synapses import fitting_data, fitting_tables  # noqa: PLC0415

    options = {"seed": seed_number(arguments.seed)}
    pick(arguments.scale, _SCALES, "scale")
    if arguments.bootstrap is not None:
        repeats = whole(arguments.bootstrap, "--bootstrap", 20, 100_000)
        options |= {"method": "bootstrap", "repeats": repeats}
    picture = _picture(arguments.plot)
    table = fitting_data.read(arguments.data)
    starts = _models(synapses, arguments.model, table.kind)
    scale = arguments.scale
    if scale == "auto":
        scale = _scale(table)
    table.check_scale(scale)
    models = {name: synapses.get(name) for name in starts}
    free = _free(arguments.free, models)
    fits, refused = {}, {}
    with Progress("fit") as progress:
        for number, (name, model) in enumerate(models.items()):

            def inner(fraction: float, note: str = "", before=number) -> None:
                progress.update((before + fraction) / len(models), note)

            inner(0.0, name)
            try:
                fits[name] = synapses.fit(
                    model, arguments.data, free=free[name], scale=scale, progress=inner,
                    **options,
                )  # fmt: skip
            except FwpError as problem:
                refused[name] = str(problem)
    if not fits:
        raise FwpError("; ".join(f"{name}: {said}" for name, said in refused.items()))
    ranked = synapses.compare_fits(fits)
    if picture is not None:
        first, *others = (fits[name] for name in ranked.index)
        save(first.plot(*others), picture)
    if arguments.json:
        print(json.dumps(_record(arguments.data, table, fits, refused, ranked), indent=1))
        return
    papers = ""
    if arguments.data in synapses.data_sets():
        papers = readable(fitting_tables.citation_of(arguments.data))
    print(_text(arguments.data, table, scale, fits, refused, ranked, papers))
    if picture is not None:
        print(f"wrote {picture}")


def _picture(name: str | None) -> Path | None:
    """Refuse, before the work, a picture that cannot be written."""
    if name is None:
        return None
    format_of(name)
    file = output_file(name, "--plot")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _models(synapses, names: str | None, kind: str) -> list[str]:
    """Return the models to fit, each with its parameter set if one was named."""
    legal = synapses.names(_KINDS[kind])
    if not names:
        raise FwpError(
            f"name the models with --model, such as --model {_FIRST[kind]} (for {kind} "
            f"data: {', '.join(legal)})"
        )
    found = []
    for name in (each.strip() for each in names.split(",") if each.strip()):
        pick(name.partition("/")[0], legal, f"model of {kind} data:")
        if name in found:
            raise FwpError(f"--model names {name!r} twice; once is enough")
        found.append(name)
    if not found:
        raise FwpError(f"--model names no model (for {kind} data: {', '.join(legal)})")
    return found


_FIRST = {"trains": "tsodyks_markram", "plasticity": "pair_stdp,triplet_stdp"}


def _free(names: str | None, models: dict) -> dict[str, list[str] | None]:
    """Return for each model which of the named parameters it has; None for all."""
    if names is None:
        return dict.fromkeys(models)
    asked = [each.strip() for each in names.split(",") if each.strip()]
    known = {name for model in models.values() for name in model.parameters}
    for name in asked:
        pick(name, sorted(known), "parameter in --free:")
    found = {
        name: [each for each in asked if each in model.parameters]
        for name, model in models.items()
    }
    for name, own in found.items():
        if not own:
            raise FwpError(
                f"--free names no parameter of {name!r} (it has "
                f"{', '.join(models[name].parameters)})"
            )
    return found


def _scale(table) -> str:
    """Return how amplitudes are taken: as ratios where every train starts at 1."""
    if table.kind != "trains" or not isinstance(table.unit, int):
        return "first" if table.kind != "trains" else "free"
    first = [table.measured[rows[0]] for rows in table.groups]
    return "first" if all(abs(one - 1) <= 1e-2 for one in first) else "free"


def _text(data: str, table, scale: str, fits, refused, ranked, papers: str) -> str:
    errors = "with errors" if "sem" in table.columns else "without errors"
    lines = [f"{data}: {table.kind}, {len(table.measured)} rows {errors}"]
    if papers:
        lines.append(f"measured by {papers}")
    if table.kind == "trains":
        lines.append(f"amplitudes: {_SCALE_WORDS[scale]}")
    for name in ranked.index:
        lines += ["", fits[name].report()]
    lines += ["", "models, the best first:", *_ranking(ranked)]
    lines += [f"{name} was not fitted: {said}" for name, said in refused.items()]
    return "\n".join(lines)


_SCALE_WORDS = {
    "first": "ratios to the first response of their train",
    "free": "one common factor is fitted along",
    "each": "one factor a train is fitted along",
}


def _ranking(ranked) -> list[str]:
    header = ("model", "parameters", "chi2/dof", "AICc", "dAICc", "weight", "BIC")
    rows = [header]
    for name, row in ranked.iterrows():
        reduced = row["chi2/dof"]  # of data without errors there is none
        rows.append((
            str(name), f"{row['parameters']:.0f}",
            f"{reduced:.3g}" if math.isfinite(reduced) else "-",
            f"{row['AICc']:.2f}", f"{row['dAICc']:.2f}", f"{row['weight']:.3f}",
            f"{row['BIC']:.2f}",
        ))  # fmt: skip
    return aligned(rows)


def _record(data: str, table, fits, refused, ranked) -> dict:
    order = list(ranked.index)
    return {
        "data": str(data),
        "kind": table.kind,
        "columns": {name: values.tolist() for name, values in table.columns.items()},
        "ranking": order,
        "akaike_weights": {
            name: weight if (weight := float(ranked["weight"][name])) >= 0 else None
            for name in order
        },
        "fits": {name: fits[name].record() for name in order},
        "not_fitted": refused,
    }
