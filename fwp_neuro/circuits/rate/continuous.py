"""The rate circuit as real continuous dynamics: one window of ODE for each statement of
the rule.

A token is one window a statement (with an AMPA lag also a settling window before each
comparing one) and a window for the read-out. This is the plan in numbers;
`continuous_network` runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..head_layout import Layout, cells
from . import ode_windows, window_rates

SIDES = ("pre", "post")


@dataclass
class Windows:
    """Time courses by window for the cells of each side, [window, cell] (rates in 1/s).

    ``sides`` says of each window of a token along which side it writes (None if it does
    not); ``held`` whether windows hold the sum that they start with.
    """

    tables: dict[str, dict[str, np.ndarray]]
    per_token: int
    steps: int
    sides: tuple[str | None, ...]
    held: bool = False


def plan(
    found: Sequence[ode_windows.Phase], signals, layout: Layout, steps: int, dt: float,
    relation: str, lag: float | None, factored: bool, held: str | None = None,
) -> Windows:  # fmt: skip
    """Lay the phases of every token out in windows and compute their rates.

    Args:
        held: how predictions are held, see `window_rates.held`, or None.
    """
    blocks: list[tuple[ode_windows.Phase, dict, dict | None]] = []
    for phase in found:
        numbers = ode_windows.evaluate(phase, signals)
        if held is not None and phase.probe is not None:
            numbers, surplus = window_rates.held(numbers, held)
            numbers = {**numbers, "surplus": surplus}
        window_rates.check(numbers, phase.line, phase.side)
        if lag is not None and phase.probe is not None:
            blocks.append((phase, numbers, None))
        # the commit applies c itself; m gathers the drive
        if factored and phase.probe is None:
            numbers = {**numbers, "keep": np.ones_like(numbers["overlap"])}
        blocks.append(
            (phase, numbers, window_rates.rates(numbers, steps, dt, relation, lag))
        )
    tokens, per_token = len(signals["q"]), len(blocks) + 1
    size = {"pre": layout.pre, "post": layout.post}
    names = ("along", "probe", "decay", "erase", "drive", "overlap", "keep", "surplus")
    tables = {
        side: {
            name: np.zeros((tokens * per_token, layout.heads * size[side]))
            for name in names
        }
        for side in SIDES
    }
    for side in SIDES:
        tables[side]["keep"][:] = 1.0
    for n, (phase, numbers, rate) in enumerate(blocks):
        rows = slice(n, None, per_token)
        for side, name, values in _entries(phase, numbers, rate, signals, factored):
            tables[side][name][rows] = cells(values, size[side])
    tables["pre"]["probe"][per_token - 1 :: per_token] = cells(signals["q"], layout.pre)
    sides = [None if rate is None else phase.side for phase, _, rate in blocks]
    return Windows(tables, per_token, steps, (*sides, None), held is not None)


def _entries(
    phase: ode_windows.Phase, numbers, rate, signals, factored: bool
) -> Iterator[tuple]:
    """Yield (side, name of a table, values) of what a phase puts into its windows."""
    if phase.probe is not None:
        yield phase.side, "probe", numbers["probe"]
    if rate is None:
        return
    where = phase.part.statement.home(phase.keep)
    decay_side = where if where in SIDES else other(phase.side)
    yield decay_side, "decay", rate["decay"]
    if factored:
        yield decay_side, "keep", ode_windows.evaluate(phase, signals)["keep"]
    if phase.side is None:
        return
    along, drive, away = numbers["along"], numbers["drive"], other(phase.side)
    surplus = numbers.get("surplus")
    if where == phase.side and not factored:
        # the decay differs along the write's own side, so its share of the drive goes
        # with s
        along = along / rate["written"]
    else:
        drive = drive / rate["written"]
        surplus = None if surplus is None else surplus / rate["written"]
    yield phase.side, "along", along
    yield away, "drive", drive
    if phase.probe is not None:
        yield away, "erase", rate["erase"]
    if surplus is not None:
        yield away, "surplus", surplus
    yield away, "overlap", numbers["overlap"]


def other(side: str | None) -> str:
    """Return the other side of the synapse; "post" for none."""
    return {"pre": "post", "post": "pre", None: "post"}[side]
