"""The network of a continuous rate circuit: cells, and a memory of one matrix or of token
cells.

Order inside a time step (slot "groups"): sums r = W x (orders -6 and -5), predictions
that are held (-4, in the first step of a window), synapses (0), cells (1). Every update
therefore reads the values of the step before, which is what `window_rates` assumes. Where
a window ends (slot "start") what the cells integrated is committed (0) and forgotten (1).
"""

from __future__ import annotations

from functools import partial

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...states import Keep
from ..circuit_structure import Kept, structure
from ..collector import Collector
from ..head_layout import Layout
from ..token_schedule import Schedule
from .continuous import SIDES, Windows, other
from .low_rank import FactorStore, Operation, kept, needs_replay
from .low_rank import store as make_store
from .token_cells import TokenCells


def store(windows: Windows, layout: Layout, weights: np.ndarray) -> FactorStore:
    """Return the low-rank memory of a circuit; ``weights`` are the initial [head, post,
    pre]."""
    tokens = len(windows.tables["pre"]["keep"]) // windows.per_token
    return make_store(
        layout, tokens, weights, tuple(side for side in windows.sides if side)
    )


def builder(
    windows: Windows, layout: Layout, weights: np.ndarray, tokens: int, dt, lag,
    factored: bool, keep: Keep, memory: FactorStore | None = None,
) -> tuple:  # fmt: skip
    """Return (build, size, structure) for `devices.simulate`.

    Args:
        windows: from `continuous.plan`.
        weights: initial [head, post, pre].
        dt, lag: Brian2 times (lag None for none).
        factored: integrate one number a cell (w = w0 + m s) and commit it once a window.
        keep: what is kept of the weights.
        memory: from `store` for the low-rank layout (which needs ``factored``), else
            None.
    """

    # each time new ones, because Brian2's devices write to what they are given
    make = partial(
        _Circuit, windows, layout, weights, tokens, dt, lag, factored, keep, memory
    )
    updaters = 14 + 6 * factored
    elements = 3 * layout.synapses if memory is None else 2 * memory.numbers
    size = Size(tokens * windows.per_token * windows.steps, updaters, elements)
    return lambda: make().built(), size, lambda: structure(make())


class _Circuit(Kept):
    """Builds the Brian2 objects of one run."""

    form, told = "rate", ("windows", "tokens", "keep", "store")
    keys = "presynaptic"

    def __init__(
        self, windows: Windows, layout: Layout, weights: np.ndarray, tokens: int, dt, lag,
        factored: bool, keep: Keep, memory: FactorStore | None,
    ):  # fmt: skip
        self.windows, self.layout, self.tokens, self.keep = windows, layout, tokens, keep
        self.weights, self.store = weights, memory
        self.dt, self.factored, self.lagged = dt, factored, lag is not None
        tables = windows.tables
        self.sides = [s for s in SIDES if tables[other(s)]["along"].any() or s == "post"]
        self.window = windows.steps * dt
        self.steps = windows.per_token * windows.steps
        self.token = self.steps * dt
        schedule = Schedule({}, self.steps, tokens, float(dt))
        # token cells hold no weights that could be sampled or probed
        self.collector = Collector(schedule, keep if memory is None else Keep("none", ""))
        self.run_time = self.collector.run_time
        self.namespace = {"tau_ampa": lag if lag is not None else 1 * b2.second}
        for side in SIDES:
            self.namespace |= self._tables(side)
        self.cells = None if memory is None else self._token_cells(memory)

    # ------------------------------------------------------------------ numbers

    def _tables(self, side: str) -> dict[str, b2.TimedArray]:
        """Return the courses over time of the cells of a side."""
        found = {}
        for course in self._courses(side):
            name = course.removeprefix("last_")
            table = self.windows.tables[side][name]
            if name != course:
                # what the finished window ran with, for the commit at the start of the
                # next
                table = np.vstack([table[:1] * 0 + (name == "keep"), table])
            unit = b2.Hz if course in _RATES else 1
            found[f"{course}_{side}_table"] = b2.TimedArray(table * unit, dt=self.window)
        return found

    def _courses(self, side: str) -> list[str]:
        found = _courses(side, self.sides, self.factored)
        return found + ["surplus"] * (self.windows.held and side in self.sides)

    def _token_cells(self, memory: FactorStore) -> TokenCells:
        return TokenCells(
            memory, [("probe", "r")], [("probe", "r")] if "pre" in self.sides else [],
            self._filled(memory), self.namespace, self.window,
        )  # fmt: skip

    def code(self) -> tuple:
        windows, layout, store = self.windows, self.layout, self.store
        low = store and (store.slots, store.sides, needs_replay(self.keep))
        return (
            tuple(self.sides), windows.sides, windows.steps, windows.per_token,
            self.lagged, self.factored, windows.held,
            (layout.heads, layout.post, layout.pre), low,
        )  # fmt: skip

    def start(self) -> dict[str, np.ndarray]:
        if self.cells is None:
            return {"fast_weights.w": self.layout.flat(self.weights)}
        keys, values = self.cells.start()
        return {"stored_keys.k": keys, "stored_values.u": values}

    # ------------------------------------------------------------------ objects

    def built(self) -> Built:
        """Assemble the network around its memory: one matrix, or token cells."""
        groups = self._cells()
        cells = self.cells
        objects, found = (
            self._synapses(groups) if cells is None else self._store(groups, cells)
        )
        for side in self.sides if self.factored else ():
            code = "m = 0\nshrink = 1"
            groups[side].run_regularly(code, dt=self.window, when="start", order=1)
        reads = b2.StateMonitor(
            groups["post"], "y", record=True, name="reads", dt=self.token, when="start",
            order=5,
        )  # fmt: skip
        network = b2.Network(*groups.values(), *objects, reads)

        def collect():
            y = np.array(reads.y).T[1 : self.tokens + 1]
            return {"readout": self._by_value(y), **found()}

        return Built(network, collect, self.run_time, keep=(self.namespace, self))

    def _by_value(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:-1], self.layout.heads, self.layout.post)

    def _cells(self) -> dict:
        groups, tables = {}, self.windows.tables
        for side in SIDES:
            courses = self._courses(side)
            compares = side in self.sides
            lines = _cell_equations(side, courses, compares, self.lagged, self.factored)
            groups[side] = b2.NeuronGroup(
                tables[side]["along"].shape[1],
                "\n".join(lines) + self.collector.equations(side),
                method="euler", namespace=self.namespace, name=f"{side}synaptic", order=1,
                **(self.collector.probing.events(self.namespace)
                   if side == "pre" else {}),
            )  # fmt: skip
            if self.windows.held and compares:  # the sum of this window's first step
                groups[side].run_regularly("held = y", dt=self.window, when="groups",
                                           order=-4)  # fmt: skip
        return groups

    def _synapses(self, groups: dict) -> tuple:
        """A weight at every synapse: return the objects, and what collects the
        weights."""
        layout, collector = self.layout, self.collector
        synapses = b2.Synapses(
            groups["pre"], groups["post"],
            _synapse_equations(self.sides, self.factored, self.windows.held),
            method="euler", namespace=self.namespace, name="fast_weights",
            **collector.probing.pathway("w"),
        )  # fmt: skip
        pre, post = layout.connections()
        synapses.connect(i=pre, j=post)
        synapses.w = layout.flat(self.weights)
        for side in self.sides:
            synapses.summed_updaters[f"r_{side}"].order = -5
        if self.factored:
            along = {"post": "m_post*last_along_pre", "pre": "m_pre*last_along_post"}
            terms = [
                "w*last_keep_pre*last_keep_post",
                *(along[side] for side in self.sides),
            ]
            code = f"w = {' + '.join(terms)}"
            synapses.run_regularly(code, dt=self.window, when="start", order=0)
        collector.weights(synapses, {"w": "w"}, "start", 5)
        objects = [
            synapses,
            *collector.attach(groups["pre"], groups["post"], synapses, 2),
        ]
        return objects, lambda: collector.found({"w": layout.weights}, self._by_value)

    def _store(self, groups: dict, cells: TokenCells) -> tuple:
        """Token cells in place of the matrix: return the objects, and what collects the
        weights."""
        window = {"dt": self.window, "when": "start"}
        cells.build(groups["pre"], groups["post"])
        cells.place("read", 0, -6)
        key, value = ["k*last_keep_pre"], ["u*last_keep_post"]
        if "pre" in cells.store.sides:
            key.append("filled_read_post*last_along_pre")
            value.append("filled_read_pre*m_post")
        if "pre" in self.sides:
            cells.place("back", 0, -6)
            key.append("filled_back_post*m_pre")
            value.append("filled_back_pre*last_along_post")
        cells.keys.run_regularly(f"k = {' + '.join(key)}", order=0, **window)
        cells.values.run_regularly(f"u = {' + '.join(value)}", order=0, **window)
        committed = {}
        if needs_replay(self.keep):
            for side in self.sides:  # before the cells forget it
                committed[side] = b2.StateMonitor(
                    groups[side],
                    "m",
                    record=True,
                    name=f"committed_{side}",
                    order=-1,
                    **window,
                )

        def found():
            assert self.store is not None  # it has token cells
            vectors = {side: np.array(watch.m).T for side, watch in committed.items()}
            operations = partial(self._operations, vectors)
            return self.collector.times() | kept(
                self.store, cells.found(), operations, self.keep
            )

        return [*cells.objects, *committed.values()], found

    def _filled(self, memory: FactorStore) -> dict[str, np.ndarray]:
        """Return flag -> [window] of the slot that is filled as the window starts, or
        -1."""
        per = self.windows.per_token
        tables: dict[str, np.ndarray] = {}
        names = {"pre": "filled_read", "post": "filled_back"}
        writes = [(n, names[side]) for n, side in enumerate(self.windows.sides) if side]
        for n, (block, name) in enumerate(writes):
            table = tables.setdefault(name, np.full(self.tokens * per + 1, -1))
            table[block + 1 :: per] = (
                memory.given + n + len(writes) * np.arange(self.tokens)
            )
        return tables

    def _operations(self, committed: dict[str, np.ndarray]) -> list[Operation]:
        """What each window of a token did, from its tables and what the cells
        committed."""
        per, tables, found = self.windows.per_token, self.windows.tables, []

        def rows(table, first):
            return table[first::per][: self.tokens].reshape(
                self.tokens, self.layout.heads, -1
            )

        for n, side in enumerate(self.windows.sides):
            vectors, away = [], other(side)
            if side and away in committed:
                told, mine = rows(tables[side]["along"], n), rows(committed[away], n + 1)
                vectors = [{side: told, away: mine}]
            elif side:  # nothing to write along, so nothing was integrated
                zero = np.zeros((self.tokens, self.layout.heads, 1))
                vectors = [dict.fromkeys(SIDES, zero)]
            found.append(
                Operation({s: rows(tables[s]["keep"], n) for s in SIDES}, vectors)
            )
        return found


_RATES = ("decay", "erase", "drive", "surplus")


def _courses(side: str, sides: list[str], factored: bool) -> list[str]:
    """Return the courses over time that the cells of a side need; ``sides`` integrate
    something."""
    found = []
    if other(side) in sides:
        found += ["along", "probe"] if not factored else ["last_along", "probe"]
    if factored:
        found.append("last_keep")
    if side in sides or not factored:
        found.append("decay")
    if side in sides:
        found += ["erase", "drive"] + (["overlap"] if factored else [])
    return found


def _cell_equations(
    side: str, courses: list[str], compares: bool, lagged: bool, factored: bool
) -> list[str]:
    lines = [
        f"{name} = {name}_{side}_table(t, i) : {'Hz' if name in _RATES else '1'} "
        "(constant over dt)"
        for name in courses
    ]
    if not compares:
        return lines
    lines.append("r : 1")
    written = "drive"
    if "surplus" in courses:
        lines.append("held : 1")
        written = "(drive - surplus*held)"
    now = "r"
    if factored:
        lines += [
            f"dm/dt = -decay*m + {written} - erase*y : 1",
            "dshrink/dt = -decay*shrink : 1",
        ]
        now = "(shrink*r + overlap*m)"
    lines.append(f"dy/dt = ({now} - y)/tau_ampa : 1" if lagged else f"y = {now} : 1")
    return lines


def _synapse_equations(sides: list[str], factored: bool, held: bool) -> str:
    more = {side: f" - surplus_{side}*held_{side}" if held else "" for side in SIDES}
    write = {
        "post": f"(drive_post{more['post']} - erase_post*y_post)*along_pre",
        "pre": f"(drive_pre{more['pre']} - erase_pre*y_pre)*along_post",
    }
    sums = {
        "post": "r_post = w*probe_pre : 1 (summed)",
        "pre": "r_pre = w*probe_post : 1 (summed)",
    }
    terms = " + ".join(write[side] for side in sides)
    first = (
        "w : 1"
        if factored
        else f"dw/dt = -(decay_pre + decay_post)*w + {terms} : 1 (clock-driven)"
    )
    return "\n".join([first, *(sums[side] for side in sides)])
