"""Published numbers that figures and tests compare with; the tables lie in
``fwp_neuro/data``."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from importlib.resources import files

import numpy as np

from .errors import pick

FEATURES = {"linear": 64, "dpfp1": 128, "dpfp2": 256, "dpfp3": 384,
            "favor64": 128, "favor128": 256, "favor512": 1024}  # fmt: skip
"""Number of features d of each feature map in the runs of Schlag et al. 2021."""


def recall_losses(
    features: str, update: str = "sum", setting: int = 1, which: str = "final_loss"
):
    """Return the published losses of associative recall after training, by number of
    keys.

    Half the squared error of a query, of memories with 64-dimensional keys trained by
    Adam until the loss is below .001 or stops falling.

    Args:
        features: "linear", "dpfp1", "dpfp2", "dpfp3", "favor64", "favor128", "favor512",
            "softmax" or "tanh" (the last one with update "fwm" in setting 2 only).
        update: "sum", "delta", "fwm" or "attention" (softmax only).
        setting: 1 (keys and values without replacement) or 2 (with replacement:
            overwriting).
        which: "final_loss" (the last evaluation, as the paper plots) or "best_loss".

    Returns:
        keys S [run] and losses [run], in order of S; not a number where the training
        diverged.

    Raises:
        FwpError: there is no such run.

    Source: Schlag, Irie & Schmidhuber 2021 (arXiv:2102.11174), figures 2 and 3, from the
    logs of its released code (see ``fwp_neuro/data/README.md``).
    """
    table = _recall()
    pick(
        str(setting),
        {row["setting"]: None for row in table},
        "setting of the published recall:",
    )
    there = [row for row in table if row["setting"] == str(setting)]
    for column, asked in (("features", features), ("update", update)):
        what = f"{column} of the published recall, setting {setting}:"
        pick(asked, {row[column]: None for row in there}, what)
        there = [row for row in there if row[column] == asked]
    pick(which, ("final_loss", "best_loss"), "loss of the published recall:")
    rows = sorted((int(row["keys"]), float(row[which])) for row in there)
    keys, losses = zip(*rows, strict=True)
    return np.array(keys), np.array(losses)


@cache
def _recall() -> tuple[dict[str, str], ...]:
    path = files("fwp_neuro.data").joinpath("schlag2021_recall.csv.gz")
    with path.open("rb") as packed, gzip.open(packed, "rt") as lines:
        return tuple(csv.DictReader(lines))
