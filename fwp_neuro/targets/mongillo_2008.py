"""Mongillo 2008: an item survives silence in u and is read by a burst; what such a memory
lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import synapses
from ..characterise import rank_argument
from ..model_scripts import load_model
from .rows import Row

MODEL = "mongillo_2008_working_memory"
#: two items with two key cells in common, [item, pre] and [item, post]
KEYS = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0]], dtype=float)
VALUES = np.array(
    [[1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0]],
    dtype=float,
)
_RANK = "rank argument, this package (see characterise/rank_argument.py)"
_PAPER = "Mongillo, Barak & Tsodyks 2008, Science 319:1543, Fig. 2A (read as a picture)"


def rows(quick: bool) -> Iterator[Row]:
    """Two items that share key cells, in three memories; then the network, a small one if
    quick."""
    fixed = np.random.default_rng(1).lognormal(0, 0.5, (VALUES.shape[1], KEYS.shape[1]))
    yield Row(MODEL, "no network: two items in J diag(g), best of all gates g: relative "
                     "error",
              rank_argument.gate_error(fixed, KEYS, VALUES), 0.3, 0.0, _RANK, "at least",
              strength="own bound")  # fmt: skip
    for name, weights, least in (
        ("tsodyks_markram", fixed, False), ("short_term_potentiation", None, True)
    ):  # fmt: skip
        recalled = rank_argument.recall(synapses.get(name), KEYS, VALUES, weights)
        value = rank_argument.told_apart(recalled, VALUES)
        yield Row(
            MODEL, f"no network: two items in {name}: correlation of recalled and true "
                   "difference",
            value if least else abs(value), 0.95 if least else 0.5, 0.0, _RANK,
            "at least" if least else "at most", strength="own bound",
        )  # fmt: skip

    script = load_model(MODEL)
    parameters = script.Parameters(**(script.QUICK if quick else {}))
    silence = parameters.silence / 1e3
    found = script.measures(script.run(parameters))
    loaded, held = found["u, cued, end of cue"], found["u, cued, at read-out"]
    rest = found["u, others, at read-out"]
    yield Row(MODEL, f"u of the cued population after {silence:g} s of silence", held,
              rest + (loaded - rest) * np.exp(-silence / 1.5), 0.05,
              f"decay with tau_F = 1.5 s to the u of the others; {_PAPER}",
              strength="own bound", set_after=True)  # fmt: skip
    yield Row(MODEL, f"u, cued over others, after {silence:g} s of "
                     "silence", held / rest, 1.3, 0.0,
              _PAPER, "at least", strength="own bound", set_after=True)  # fmt: skip
    yield Row(MODEL, "rate of the cued population in the silence (Hz)",
              found["silent rate, cued (Hz)"], 1.0, 0.0, _PAPER, "at most",
              strength="own bound", set_after=True)  # fmt: skip
    if quick:
        return  # so few cells fluctuate too much for a burst
    cued, others = (found[f"peak of burst, {who} (Hz)"] for who in ("cued", "others"))
    yield Row(MODEL, "peak of the burst at read-out, cued over "
                     "others", cued / others, 3.0, 0.0,
              _PAPER, "at least", strength="own bound", set_after=True)  # fmt: skip
