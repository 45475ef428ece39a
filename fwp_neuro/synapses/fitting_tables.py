"""Published measurements that come with the package, to try fits on."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from ..errors import nearest, pick

#: name -> kind, what was measured, and its papers; more in ``data/README.md``
_SETS = {
    "chamberland_2018_mossy_fibre": (
        "trains",
        "responses to trains of mossy-fibre stimuli",
        "chamberland2018action; rossbroich2021linear",
    ),
    "sjostrom_2001_pairings": (
        "plasticity",
        "weight ratios after pairings at several rates and lags",
        "sjostrom2001rate; chindemi2022calcium",
    ),
}


def data_sets() -> dict[str, Path]:
    """Return the measurements that come with the package: name -> CSV file.

    `fit` and ``fwp-neuro fit`` take the names too. Sources and licences are in the file
    ``README.md`` beside them.

    Example:
        >>> import fwp_neuro as fwp
        >>> list(fwp.synapses.data_sets())
        ['chamberland_2018_mossy_fibre', 'sjostrom_2001_pairings']
    """
    folder = files("fwp_neuro.data")
    return {name: Path(str(folder.joinpath(f"{name}.csv"))) for name in _SETS}


def citation_of(name: str) -> str:
    """Return the keys of the papers of a data set."""
    return _SETS[name][2]


def file_of(data: str | os.PathLike) -> Path:
    """Return the file that a path or the name of a data set stands for."""
    if str(data) in _SETS and not os.path.exists(data):
        return data_sets()[str(data)]
    if not os.path.exists(data) and nearest(str(data), _SETS):
        pick(str(data), _SETS, "published table (or file)")
    return Path(data)
