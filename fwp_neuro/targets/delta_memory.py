"""The dendritic-prediction memory against the delta rule, in closed form and as it runs.

These numbers are not published: they are what the rule must do if it is a delta rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model_scripts import load_model
from .rows import Row

MODEL = "urbanczik_senn_2014_delta_memory"


def rows(quick: bool) -> Iterator[Row]:
    """Compare the contraction of the error and the read-outs with the delta rule's."""
    memory = load_model(MODEL)
    for beta in (0.6,) if quick else (0.3, 0.6, 0.9):
        short = memory.Parameters(beta=beta, teach=100.0, tau_delta=1000.0, dt=0.5)
        for squared in (0.5, 1.0):
            _, factor = memory.contraction(short, squared)
            yield Row(
                MODEL, f"error after / before a presentation, beta {beta:g}, |k|^2 "
                       f"{squared:g}",
                factor, 1 - beta * squared, 0.005, "1 - beta |k|^2 (delta rule)",
                strength="closed form",
            )  # fmt: skip
    data = memory.run(memory.Parameters(spiking=False))
    for run, name, target, kind in (
        ("expected", "nRMSE", 0.005, "at most"),
        ("expected", "slope", 1.0, "value"),
        ("hebb", "nRMSE", 0.3, "at least"),
    ):
        value = float(data.measures.sel(run=run, measure=name))
        within = 0.005 if kind == "value" else 0.0
        label = f"read-out {name} of {run!r} against the delta rule"
        yield Row(MODEL, label, value, target, within, "artificial delta rule", kind,
                  strength="closed form" if kind == "value" else "own bound",
                  set_after=kind != "value")  # fmt: skip
