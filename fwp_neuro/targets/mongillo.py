"""Mongillo 2008: an item survives silence in u and is read by a burst; what such a memory lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Row

MODEL = "mongillo_2008_working_memory"
#: two items with two key cells in common, [item, pre] and [item, post]
KEYS = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0]], dtype=float)
VALUES = np.array(
    [[1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0]], dtype=float
)
_RANK = "rank argument, this package (see synapses/release/storage.py)"
_PAPER = "Mongillo, Barak & Tsodyks 2008, Science 319:1543, Fig. 2A"


def rows(quick: bool) -> Iterator[Row]:
    """Two items that share key cells, in three memories; then the network (not if quick)."""
    from .. import synapses
    from ..synapses.release import storage

    fixed = np.random.default_rng(1).lognormal(0, 0.5, (VALUES.shape[1], KEYS.shape[1]))
    yield Row(MODEL, "two items in J diag(g), best of all gates g: relative error",
              storage.gate_error(fixed, KEYS, VALUES), 0.3, 0.0, _RANK, "at least")  # fmt: skip
    for name, weights, least in (
        ("tsodyks_markram", fixed, False), ("short_term_potentiation", None, True)
    ):  # fmt: skip
        recalled = storage.recall(synapses.get(name), KEYS, VALUES, weights)
        value = storage.told_apart(recalled, VALUES)
        yield Row(
            MODEL, f"two items in {name}: correlation of recalled and true difference",
            value if least else abs(value), 0.95 if least else 0.5, 0.0, _RANK,
            "at least" if least else "at most",
        )  # fmt: skip
    if quick:
        return
    from ..models import load_model

    script = load_model(MODEL)
    found = script.measures(script.run(script.Parameters()))
    loaded, held = found["u, cued, end of cue"], found["u, cued, at read-out"]
    rest = found["u, others, at read-out"]
    yield Row(MODEL, "u of the cued population after 1.5 s of silence", held,
              rest + (loaded - rest) * np.exp(-1), 0.05,
              f"decay with tau_F = 1.5 s to the u of the others; {_PAPER}")  # fmt: skip
    yield Row(MODEL, "u, cued over others, after 1.5 s of silence", held / rest, 1.3, 0.0, _PAPER,
              "at least")  # fmt: skip
    yield Row(MODEL, "rate of the cued population in the silence (Hz)",
              found["silent rate, cued (Hz)"], 1.0, 0.0, _PAPER, "at most")  # fmt: skip
    cued, others = (found[f"peak of burst, {who} (Hz)"] for who in ("cued", "others"))
    yield Row(MODEL, "peak of the burst at read-out, cued over others", cued / others, 3.0, 0.0,
              _PAPER, "at least")  # fmt: skip
