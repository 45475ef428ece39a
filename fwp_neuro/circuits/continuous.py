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
from ..weight_recording import Keep
from . import gains, phases
from .kept import Probing, by_head
from .layout import Layout, cells
from .low_rank import Operation, Store, replay, together
from .low_rank import store as make_store
from .token_cells import TokenCells

_SIDES = ("pre", "post")


@dataclass
class Windows:
    """Time courses by window for the cells of each side, [window, cell] (rates in 1/s).

    ``sides`` says of each window of a token along which side it writes (None if it does not).
    """

    tables: dict[str, dict[str, np.ndarray]]
    per_token: int
    steps: int
    sides: tuple[str | None, ...]


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
    sides = [None if rate is None else phase.side for phase, _, rate in blocks]
    return Windows(tables, per_token, steps, (*sides, None))


def store(windows: Windows, layout: Layout, weights: np.ndarray) -> Store:
    """Return the low-rank memory of a circuit; ``weights`` are the initial [head, post, pre]."""
    tokens = len(windows.tables["pre"]["keep"]) // windows.per_token
    return make_store(layout, tokens, weights, tuple(side for side in windows.sides if side))


def builder(
    windows: Windows, layout: Layout, weights: np.ndarray, tokens: int, dt, lag, factored: bool,
    keep: Keep, memory: Store | None = None,
) -> tuple:  # fmt: skip
    """Return (build, size) for `devices.simulate`.

    Args:
        windows: from `plan`.
        weights: initial [head, post, pre].
        dt, lag: Brian2 times (lag None for none).
        factored: integrate one number a cell (w = w0 + m s) and commit it once a window.
        keep: what is kept of the weights.
        memory: from `store` for the low-rank layout (which needs ``factored``), else None.
    """

    def build() -> Built:
        return _Circuit(windows, layout, tokens, dt, lag, factored, keep).built(weights, memory)

    updaters = 14 + 6 * factored
    elements = 3 * layout.synapses if memory is None else 2 * memory.numbers
    return build, Size(tokens * windows.per_token * windows.steps, updaters, elements)


class _Circuit:
    """Builds the Brian2 objects of one run."""

    def __init__(self, windows: Windows, layout: Layout, tokens: int, dt, lag, factored, keep):
        import brian2 as b2

        self.windows, self.layout, self.tokens, self.keep = windows, layout, tokens, keep
        self.dt, self.factored, self.lagged = dt, factored, lag is not None
        tables = windows.tables
        self.sides = [s for s in _SIDES if tables[_other(s)]["along"].any() or s == "post"]
        self.window = windows.steps * dt
        self.steps = windows.per_token * windows.steps
        self.token = self.steps * dt
        self.namespace = {"tau_ampa": lag if lag is not None else 1 * b2.second}

    def built(self, weights: np.ndarray, memory: Store | None) -> Built:
        """Assemble the network around its memory: one matrix, or token cells."""
        import brian2 as b2

        inputs = by_head(self.keep.probes) if memory is None else None
        self.probing = Probing(inputs, self.steps, self.tokens, self.dt)
        groups = self._cells()
        attached = (
            self._synapses(groups, weights) if memory is None else self._store(groups, memory)
        )
        objects, found = attached
        for side in self.sides if self.factored else ():
            code = "m = 0\nshrink = 1"
            groups[side].run_regularly(code, dt=self.window, when="start", order=1)
        reads = b2.StateMonitor(
            groups["post"], "y", record=True, name="reads", dt=self.token, when="start", order=5
        )
        network = b2.Network(*groups.values(), *objects, reads)

        def collect():
            y = np.array(reads.y).T[1 : self.tokens + 1]
            return {"readout": y.reshape(self.tokens, self.layout.heads, -1)} | found()

        duration = self.tokens * self.token + self.dt
        return Built(network, collect, duration, keep=(self.namespace,))

    def _cells(self) -> dict:
        import brian2 as b2

        groups, tables = {}, self.windows.tables
        for side in _SIDES:
            for name, table in tables[side].items():
                unit = b2.Hz if name in ("decay", "erase", "drive") else 1
                course = b2.TimedArray(table * unit, dt=self.window)
                self.namespace[f"{name}_{side}_table"] = course
                if name in ("along", "keep"):
                    # what the finished window ran with, for the commit at the start of the next
                    past = np.vstack([table[:1] * 0 + (name == "keep"), table])
                    past = b2.TimedArray(past, dt=self.window)
                    self.namespace[f"last_{name}_{side}_table"] = past
        for side in _SIDES:
            lines = _cell_equations(side, side in self.sides, self.lagged, self.factored)
            groups[side] = b2.NeuronGroup(
                tables[side]["along"].shape[1], "\n".join(lines + self.probing.lines(side)),
                method="euler", namespace=self.namespace, name=f"{side}synaptic", order=1,
                **(self.probing.events(self.namespace) if side == "pre" else {}),
            )  # fmt: skip
        return groups

    def _synapses(self, groups: dict, weights: np.ndarray) -> tuple:
        """A weight at every synapse: return the objects, and what collects the weights."""
        import brian2 as b2

        layout, tokens = self.layout, self.tokens
        synapses = b2.Synapses(
            groups["pre"], groups["post"], _synapse_equations(self.sides, self.factored),
            method="euler", namespace=self.namespace, name="fast_weights",
            **self.probing.pathway("w"),
        )  # fmt: skip
        pre, post = layout.connections()
        synapses.connect(i=pre, j=post)
        synapses.w = layout.flat(weights)
        for side in self.sides:
            synapses.summed_updaters[f"r_{side}"].order = -5
        if self.factored:
            along = {"post": "m_post*last_along_pre", "pre": "m_pre*last_along_post"}
            terms = ["w*last_keep_pre*last_keep_post", *(along[side] for side in self.sides)]
            code = f"w = {' + '.join(terms)}"
            synapses.run_regularly(code, dt=self.window, when="start", order=0)
        objects = [synapses, *self.probing.attach(groups["pre"], groups["post"], synapses, 2)]
        if self.keep.mode == "snapshots":
            kept = b2.StateMonitor(
                synapses, "w", record=np.arange(layout.synapses), name="kept_weights",
                dt=self.token, when="start", order=5,
            )  # fmt: skip
            objects.append(kept)

        def found():
            answer = {}
            if self.keep.mode == "snapshots":
                w = layout.weights(np.array(kept.w).T[1 : tokens + 1])
                answer["snapshots"] = {"w": w}
            elif self.keep.mode == "last":
                answer["last"] = {"w": layout.weights(np.array(synapses.w))}
            if self.keep.probes is not None:
                read = self.probing.found().reshape(tokens, -1, layout.heads, layout.post)
                answer["probe_readout"] = np.swapaxes(read, 1, 2)
            return answer

        return objects, found

    def _store(self, groups: dict, memory: Store) -> tuple:
        """Token cells in place of the matrix: return the objects, and what collects the weights."""
        import brian2 as b2

        window = {"dt": self.window, "when": "start"}
        cells = TokenCells(
            memory, [("probe", "r")], [("probe", "r")] if "pre" in self.sides else [],
            self._filled(memory), self.namespace, self.window,
        )  # fmt: skip
        cells.build(groups["pre"], groups["post"])
        cells.place("read", 0, -6)
        key, value = ["k*last_keep_pre"], ["u*last_keep_post"]
        if "pre" in memory.sides:
            key.append("filled_read_post*last_along_pre")
            value.append("filled_read_pre*m_post")
        if "pre" in self.sides:
            cells.place("back", 0, -6)
            key.append("filled_back_post*m_pre")
            value.append("filled_back_pre*last_along_post")
        cells.keys.run_regularly(f"k = {' + '.join(key)}", order=0, **window)
        cells.values.run_regularly(f"u = {' + '.join(value)}", order=0, **window)
        committed = {}
        if self.keep.mode == "snapshots" or self.keep.probes is not None:
            for side in self.sides:  # before the cells forget it
                committed[side] = b2.StateMonitor(
                    groups[side], "m", record=True, name=f"committed_{side}", order=-1, **window
                )

        def found():
            answer = {"slots": cells.found()}
            if self.keep.mode == "last":
                answer["last"] = {"w": together(answer["slots"])}
            if committed:
                vectors = {side: np.array(watch.m).T for side, watch in committed.items()}
                answer |= replay(memory, self._operations(vectors), self.keep)
            return answer

        return [*cells.objects, *committed.values()], found

    def _filled(self, memory: Store) -> dict[str, np.ndarray]:
        """Return flag -> [window] of the slot that is filled as the window starts, or -1."""
        per, tables = self.windows.per_token, {}
        writes = [n for n, side in enumerate(self.windows.sides) if side]
        for n, block in enumerate(writes):
            name = {"pre": "filled_read", "post": "filled_back"}[self.windows.sides[block]]
            table = tables.setdefault(name, np.full(self.tokens * per + 1, -1))
            table[block + 1 :: per] = memory.given + n + len(writes) * np.arange(self.tokens)
        return tables

    def _operations(self, committed: dict[str, np.ndarray]) -> list[Operation]:
        """What each window of a token did, from its tables and what the cells committed."""
        per, tables, found = self.windows.per_token, self.windows.tables, []

        def rows(table, first):
            return table[first::per][: self.tokens].reshape(self.tokens, self.layout.heads, -1)

        for n, side in enumerate(self.windows.sides):
            vectors, other = [], _other(side)
            if side and other in committed:
                told, mine = rows(tables[side]["along"], n), rows(committed[other], n + 1)
                vectors = [{side: told, other: mine}]
            elif side:  # nothing to write along, so nothing was integrated
                zero = np.zeros((self.tokens, self.layout.heads, 1))
                vectors = [dict.fromkeys(_SIDES, zero)]
            found.append(Operation({s: rows(tables[s]["keep"], n) for s in _SIDES}, vectors))
        return found


def _other(side: str | None) -> str:
    return {"pre": "post", "post": "pre", None: "post"}[side]


def _cell_equations(side: str, compares: bool, lagged: bool, factored: bool) -> list[str]:
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
        return lines
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
    return lines


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
