"""The rate circuit as real continuous dynamics: one window of ODE for each statement of the rule.

Order inside a time step (slot "groups"): sums r = W x (order -5), synapses (0), cells (1). Every
update therefore reads the values of the step before, which is what `gains` assumes. A token is one
window a statement (with an AMPA lag also a settling window before each comparing one) and a window
for the read-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..devices import Built, Size
from . import gains, phases
from .layout import Layout, cells

_SIDES = ("pre", "post")


@dataclass
class Windows:
    """Time courses by window for the cells of each side, [window, cell] (rates in 1/s)."""

    tables: dict[str, dict[str, np.ndarray]]
    per_token: int
    steps: int


def plan(
    found: Sequence[phases.Phase], signals, layout: Layout, steps: int, dt: float, relation: str,
    lag: float | None, factored: bool,
) -> Windows:  # fmt: skip
    """Lay the phases of every token out in windows and compute their rates."""
    blocks = []
    for phase in found:
        numbers = phases.evaluate(phase, signals)
        gains.check(numbers, phase.line, phase.side)
        if lag is not None and phase.probe is not None:
            blocks.append((phase, numbers, None))
        if (
            factored and phase.probe is None
        ):  # the commit applies c itself; m only gathers the drive
            numbers = {**numbers, "keep": np.ones_like(numbers["overlap"])}
        blocks.append((phase, numbers, gains.rates(numbers, steps, dt, relation, lag)))
    tokens, per_token = len(signals["q"]), len(blocks) + 1
    size = {"pre": layout.pre, "post": layout.post}
    names = ("along", "probe", "decay", "erase", "drive", "overlap", "keep")
    tables = {
        side: {name: np.zeros((tokens * per_token, layout.heads * size[side])) for name in names}
        for side in _SIDES
    }
    for side in _SIDES:
        tables[side]["keep"][:] = 1.0
    for n, (phase, numbers, rate) in enumerate(blocks):
        rows = slice(n, None, per_token)

        def put(side, name, values, rows=rows):
            tables[side][name][rows] = cells(values, size[side])

        if phase.probe is not None:
            put(phase.side, "probe", numbers["probe"])
        if rate is None:
            continue
        where = phase.part.statement.home(phase.keep)
        decay_side = where if where in _SIDES else _other(phase.side)
        put(decay_side, "decay", rate["decay"])
        if factored:
            put(decay_side, "keep", phases.evaluate(phase, signals)["keep"])
        if phase.side is None:
            continue
        along, drive, other = numbers["along"], numbers["drive"], _other(phase.side)
        if where == phase.side and not factored:
            # the decay differs along the write's own side, so its share of the drive goes with s
            along = along / rate["written"]
        else:
            drive = drive / rate["written"]
        put(phase.side, "along", along)
        put(other, "drive", drive)
        if phase.probe is not None:
            put(other, "erase", rate["erase"])
        put(other, "overlap", numbers["overlap"])
    tables["pre"]["probe"][per_token - 1 :: per_token] = cells(signals["q"], layout.pre)
    return Windows(tables, per_token, steps)


def builder(
    windows: Windows, layout: Layout, weights: np.ndarray, tokens: int, dt, lag, factored: bool
) -> tuple:
    """Return (build, size) for `devices.simulate`.

    Args:
        windows: from `plan`.
        weights: initial [head, post, pre].
        dt, lag: Brian2 times (lag None for none).
        factored: integrate one number a cell (w = w0 + m s) and commit it once a window.
    """
    import brian2 as b2

    tables = windows.tables
    sides = [side for side in _SIDES if tables[_other(side)]["along"].any() or side == "post"]
    window = windows.steps * dt
    token = windows.per_token * window

    def build() -> Built:
        namespace = {"tau_ampa": lag if lag is not None else 1 * b2.second}
        groups = {}
        for side in _SIDES:
            for name, table in tables[side].items():
                unit = b2.Hz if name in ("decay", "erase", "drive") else 1
                namespace[f"{name}_{side}_table"] = b2.TimedArray(table * unit, dt=window)
                # what the finished window ran with, for the commit at the start of the next one
                past = np.vstack([table[:1] * 0 + (name == "keep"), table])
                namespace[f"last_{name}_{side}_table"] = b2.TimedArray(past, dt=window)
        for side in _SIDES:
            groups[side] = b2.NeuronGroup(
                tables[side]["along"].shape[1],
                _cell_equations(side, side in sides, lag is not None, factored),
                method="euler", namespace=namespace, name=f"{side}synaptic", order=1,
            )  # fmt: skip
        synapses = b2.Synapses(
            groups["pre"], groups["post"], _synapse_equations(sides, factored), method="euler",
            namespace=namespace, name="fast_weights",
        )  # fmt: skip
        pre, post = layout.connections()
        synapses.connect(i=pre, j=post)
        synapses.w = layout.flat(weights)
        for side in sides:
            synapses.summed_updaters[f"r_{side}"].order = -5
        if factored:
            along = {"post": "m_post*last_along_pre", "pre": "m_pre*last_along_post"}
            commit = " + ".join(
                ["w*last_keep_pre*last_keep_post", *(along[side] for side in sides)]
            )
            synapses.run_regularly(f"w = {commit}", dt=window, when="start", order=0)
            for side in sides:
                groups[side].run_regularly("m = 0\nshrink = 1", dt=window, when="start", order=1)
        monitor = {"dt": token, "when": "start", "order": 5}
        reads = b2.StateMonitor(groups["post"], "y", record=True, name="reads", **monitor)
        kept = b2.StateMonitor(
            synapses, "w", record=np.arange(layout.synapses), name="kept_weights", **monitor
        )
        network = b2.Network(*groups.values(), synapses, reads, kept)

        def collect():
            y = np.array(reads.y).T[1 : tokens + 1].reshape(tokens, layout.heads, layout.post)
            w = layout.weights(np.array(kept.w).T[1 : tokens + 1])
            return {"readout": y, "w": w}

        return Built(network, collect, tokens * token + dt, keep=(namespace,))

    updaters = 14 + 6 * factored
    size = Size(tokens * windows.per_token * windows.steps, updaters, 3 * layout.synapses)
    return build, size


def _other(side: str | None) -> str:
    return {"pre": "post", "post": "pre", None: "post"}[side]


def _cell_equations(side: str, compares: bool, lagged: bool, factored: bool) -> str:
    lines = [
        f"{name} = {name}_{side}_table(t, i) : 1 (constant over dt)" for name in ("along", "probe")
    ]
    rates = ("decay", "erase", "drive")
    lines += [f"{name} = {name}_{side}_table(t, i) : Hz (constant over dt)" for name in rates]
    if factored:
        lines += [
            f"last_{name} = last_{name}_{side}_table(t, i) : 1 (constant over dt)"
            for name in ("along", "keep")
        ]
    if not compares:
        return "\n".join(lines)
    lines.append("r : 1")
    now = "r"
    if factored:
        lines += [
            f"overlap = overlap_{side}_table(t, i) : 1 (constant over dt)",
            "dm/dt = -decay*m + drive - erase*y : 1",
            "dshrink/dt = -decay*shrink : 1",
        ]
        now = "(shrink*r + overlap*m)"
    lines.append(f"dy/dt = ({now} - y)/tau_ampa : 1" if lagged else f"y = {now} : 1")
    return "\n".join(lines)


def _synapse_equations(sides: list[str], factored: bool) -> str:
    write = {
        "post": "(drive_post - erase_post*y_post)*along_pre",
        "pre": "(drive_pre - erase_pre*y_pre)*along_post",
    }
    sums = {"post": "r_post = w*probe_pre : 1 (summed)", "pre": "r_pre = w*probe_post : 1 (summed)"}
    terms = " + ".join(write[side] for side in sides)
    first = (
        "w : 1" if factored else f"dw/dt = -(decay_pre + decay_post)*w + {terms} : 1 (clock-driven)"
    )
    return "\n".join([first, *(sums[side] for side in sides)])
