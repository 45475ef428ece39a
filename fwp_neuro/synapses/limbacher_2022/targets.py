"""Key-value memory of Limbacher et al.: fixed point, erase, published steps,
read-outs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...model_scripts import load_model
from ...targets.rows import Row
from ..registered_synapses import get
from . import events as oracle

MODEL = "limbacher_2022"
MEMORY = "limbacher_2022_key_value_memory"
RULE = (
    "Limbacher, Oezdenizci & Legenstein 2025, arXiv:2205.11276: closed form of the rule"
)
CODE = "published code (dfe7d03): its steps of 1 ms, gammas 0.3, tau 20 ms"
OURS = (
    "this package: no published number; hebb and delta of the same keys and values "
    "beside it"
)


def rows(quick: bool) -> Iterator[Row]:
    """Compare the oracle with closed forms and published steps, then run the memory."""
    model = get(MODEL)
    plus, minus = model.numbers("gamma_plus", "gamma_minus")
    often = np.arange(1000) * 2e-3
    end = oracle.weight_at(model, often, often, 2.0)
    yield Row(
        MODEL,
        "weight after long equal trains, w_max",
        end,
        plus / (plus + minus),
        1e-3,
        RULE,
        strength="closed form",
    )
    erased = [
        oracle.weight_at(model, often[:50], [], 0.3, start) / start
        for start in (0.2, 0.6)
    ]
    yield Row(MODEL, "share kept under a key alone, w 0.2 over w "
                     "0.6", erased[0] / erased[1], 1,
              1e-9, RULE, strength="closed form")  # fmt: skip
    rng = np.random.default_rng(0)
    pre, post = ((rng.random((200, 20)) < 0.1).astype(float) for _ in range(2))
    steps = oracle.published_steps(model, pre, post).mean()
    times = [
        [np.flatnonzero(cell) * 1e-3 + 1e-3 for cell in side.T] for side in (pre, post)
    ]
    exact = np.mean(
        [oracle.weight_at(model, a, b, 0.2) for a in times[0] for b in times[1]]
    )
    yield Row(MODEL, "mean weight over published steps, 20 x 20 "
                     "synapses", exact / steps, 1, 0.05,
              CODE, strength="own bound", set_after=True)  # fmt: skip
    memory = load_model(MEMORY)
    settings = {"items": (2, 8), "device": "numpy"} if quick else {}
    data = memory.run(memory.Parameters(**settings))
    few, most = data.sel(items=8), data.isel(items=-1)
    yield Row(MEMORY, "accuracy of spikes, 8 items, 40 cells", _of(few, "spiking"), 0.95,
              0, OURS, "at least", strength="own bound", set_after=True)  # fmt: skip
    yield Row(MEMORY, f"accuracy of spikes, {int(most['items'])} items",
              _of(most, "spiking"),
              _of(most, "rule on rates"), 0.15, OURS + ": the rule on rates",
              strength="own bound", set_after=True)  # fmt: skip
    if not quick:
        for rule in ("hebb", "delta"):
            yield Row(MEMORY, f"accuracy of {rule} beyond that of spikes, 32 items",
                      _of(most, rule) - _of(most, "spiking"), 0.2, 0, OURS, "at least",
                      strength="own bound", set_after=True)  # fmt: skip


def _of(data, memory: str) -> float:
    return float(data.accuracy.sel(memory=memory))
