"""Event-time updates of a low-rank memory: the rule's statements, run once a token on
token cells.

One time step is one token, as in `event_updates`. In slot "groups" each statement gathers
its sums through the token cells, works out the vectors that it writes, decays what is
stored and fills one token cell for each write; the read-out is gathered last.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import brian2 as b2
import numpy as np

from ...devices import Built, Size
from ...states import Keep
from ..circuit_structure import Kept, structure
from ..collector import Collector
from ..head_layout import Layout, cells
from ..token_schedule import Schedule
from . import ode_windows
from .low_rank import FactorStore, LowRankStep, Operation, kept, needs_replay
from .low_rank import store as make_store
from .token_cells import TokenCells

_SIDES = ("pre", "post")
_OTHER = {"pre": "post", "post": "pre"}
_KIND = {"pre": "read", "post": "back"}


def store(
    steps: Sequence[LowRankStep], layout: Layout, tokens: int, weights: np.ndarray
) -> FactorStore:
    """Return the memory of a circuit; ``weights`` are the initial [head, post, pre]."""
    sides = tuple(write.side for step in steps for write in step.writes)
    return make_store(layout, tokens, weights, sides)


class _Plan:
    """Names and numbers of a token's operations.

    Attributes:
        tables: side -> name -> [token, head, 1 or cell] of what the programme commands.
        sums: (side of the cells that hold it, probe, sum) for every sum in order.
        order: ("sum", n), ("write", side, code) or ("store", {"k": code, "u": code}) in
            order.
        filled: flag -> [token] of the slot that is filled.
        operations: for `replay`: (keep, [(side, name of the commanded vector, name of the
            other)]).
    """

    def __init__(self, steps: Sequence[LowRankStep], signals, memory: FactorStore):
        self.tables: dict[str, dict[str, np.ndarray]] = {"pre": {}, "post": {}}
        self.sums: list[tuple[str, str, str]] = []
        self.order: list[tuple] = []
        self.filled: dict[str, np.ndarray] = {}
        self.operations: list[tuple[dict, list[tuple[str, str, str]]]] = []
        slot = memory.given
        for n, step in enumerate(steps):
            number = ode_windows.evaluator(step.part.statement, signals)
            keep = {side: number(step.keep[side]) for side in _SIDES}
            for side in _SIDES:
                self.tables[side][f"keep_{n}"] = keep[side]
            code = {"k": [f"k*keep_{n}_pre"], "u": [f"u*keep_{n}_post"]}
            writes, vectors = [], []
            for m, write in enumerate(step.writes):
                name, mine = f"{n}_{m}", _OTHER[write.side]
                self.tables[write.side][f"along_{name}"] = number(write.along)
                self.tables[mine][f"drive_{name}"] = number(write.drive)
                terms = [f"drive_{name}"]
                for j, (probe, gain) in enumerate(write.sums):
                    self.tables[write.side][f"probe_{name}_{j}"] = number(probe)
                    self.tables[mine][f"gain_{name}_{j}"] = number(gain)
                    self.order.append(("sum", len(self.sums)))
                    self.sums.append((mine, f"probe_{name}_{j}", f"sum_{name}_{j}"))
                    terms.append(f"gain_{name}_{j}*sum_{name}_{j}")
                writes.append(("write", mine, f"write_{name}", " + ".join(terms)))
                flag = f"filled_{name}"
                self.filled[flag] = slot + len(memory.sides) * np.arange(memory.tokens)
                slot += 1
                ends = {write.side: f"along_{name}", mine: f"write_{name}"}
                code["k"].append(f"{flag}_post*{ends['pre']}_pre")
                code["u"].append(f"{flag}_pre*{ends['post']}_post")
                vectors.append((write.side, f"along_{name}", f"write_{name}"))
            self.order += writes
            self.order.append(
                ("store", {name: " + ".join(terms) for name, terms in code.items()})
            )
            self.operations.append((keep, vectors))
        self.tables["pre"]["query"] = signals["q"]
        self.order.append(("sum", len(self.sums)))
        self.sums.append(("post", "query", "readout"))

    def names(self, side: str) -> tuple[list[str], list[str]]:
        """Return the sums that cells of a side hold, and the vectors that they work
        out."""
        sums = [total for where, _, total in self.sums if where == side]
        writes = [
            what[2] for what in self.order if what[0] == "write" and what[1] == side
        ]
        return sums, writes


def builder(
    steps: Sequence[LowRankStep], signals, memory: FactorStore, dt, keep: Keep
) -> tuple:
    """Return (build, size, structure) for `devices.simulate`; one step of ``dt`` is one
    token."""
    plan = _Plan(steps, signals, memory)
    # each time new ones, because Brian2's devices write to what they are given
    make = partial(_Circuit, plan, memory, dt, keep)
    size = Size(memory.tokens, 8 + 3 * len(plan.order), memory.numbers * len(plan.order))
    return lambda: make().built(), size, lambda: structure(make())


class _Circuit(Kept):
    """The circuit of one plan."""

    form, told, keys = "event of token cells", ("plan", "store", "keep"), "presynaptic"

    def __init__(self, plan: _Plan, memory: FactorStore, dt, keep: Keep):
        self.plan, self.store, self.dt, self.keep = plan, memory, dt, keep
        self.layout, self.run_time = memory.layout, memory.tokens * dt
        self.dims = {"pre": self.layout.pre, "post": self.layout.post}
        # token cells hold no weights that could be sampled or probed
        schedule = Schedule({}, 1, memory.tokens, float(dt))
        self.collector = Collector(schedule, Keep("none", ""))
        self.namespace = {
            f"{name}_{side}_table": b2.TimedArray(cells(array, self.dims[side]), dt=dt)
            for side in _SIDES
            for name, array in plan.tables[side].items()
        }
        #: (probe, sum) of the cells that read, and of those that are told back
        self.kinds = {
            kind: [
                (probe, total) for side, probe, total in plan.sums if side == _OTHER[end]
            ]
            for end, kind in _KIND.items()
        }
        self.cells = TokenCells(
            memory, self.kinds["read"], self.kinds["back"], plan.filled, self.namespace,
            dt,
        )  # fmt: skip

    def code(self) -> tuple:
        plan, store = self.plan, self.store
        names = {side: list(plan.tables[side]) for side in _SIDES}
        return (
            repr((plan.order, plan.sums, names, list(plan.filled))), store.slots,
            store.sides, (self.layout.heads, self.layout.post, self.layout.pre),
            needs_replay(self.keep),
        )  # fmt: skip

    def start(self) -> dict[str, np.ndarray]:
        keys, values = self.cells.start()
        return {"stored_keys.k": keys, "stored_values.u": values}

    def built(self) -> Built:
        """Make the circuit."""
        plan, groups, watched, token_cells = self.plan, {}, [], self.cells
        for side in _SIDES:
            sums, writes = plan.names(side)
            lines = [
                f"{name} = {name}_{side}_table(t, i) : 1 (constant over dt)"
                for name in plan.tables[side]
            ] + [f"{name} : 1" for name in (*sums, *writes)]
            groups[side] = b2.NeuronGroup(
                self.layout.heads * self.dims[side], "\n".join(lines),
                namespace=self.namespace, name=f"{side}synaptic",
            )  # fmt: skip
            if writes and needs_replay(self.keep):
                watched.append(b2.StateMonitor(
                    groups[side], writes, record=True, when="end",
                    name=f"committed_{side}",
                ))  # fmt: skip
        token_cells.build(groups["pre"], groups["post"])
        _put_in_order(plan, groups, token_cells, self.kinds, self.dt)
        reads = b2.StateMonitor(
            groups["post"], "readout", record=True, when="end", name="reads"
        )
        network = b2.Network(*groups.values(), *token_cells.objects, reads, *watched)

        def collect():
            y = np.array(reads.readout).T.reshape(-1, self.layout.heads, self.layout.post)
            operations = partial(_operations, self.plan, self.layout, watched)
            weights = kept(self.store, token_cells.found(), operations, self.keep)
            return {"readout": y, **self.collector.times(), **weights}

        return Built(network, collect, self.run_time, keep=(self.namespace, self))


def _put_in_order(
    plan: _Plan, groups: dict, token_cells: TokenCells, by_kind: dict, dt
) -> None:
    """Let the sums, writes and stores of a token take place one after the other."""
    for n, what in enumerate(plan.order):
        place = 2 * n
        if what[0] == "sum":
            side, *names = plan.sums[what[1]]
            kind = _KIND[_OTHER[side]]
            token_cells.place(kind, by_kind[kind].index(tuple(names)), place)
        elif what[0] == "write":
            _, side, name, code = what
            groups[side].run_regularly(
                f"{name} = {code}", dt=dt, when="groups", order=place, name=f"work_{name}"
            )
        else:
            for target, synapses in (("k", token_cells.keys), ("u", token_cells.values)):
                synapses.run_regularly(
                    f"{target} = {what[1][target]}", dt=dt, when="groups", order=place,
                    name=f"{synapses.name}_step_{place}",
                )  # fmt: skip


def _operations(plan: _Plan, layout: Layout, watched: list) -> list[Operation]:
    """Return what each statement did, from its tables and from what the cells worked
    out."""
    written = {}
    for monitor in watched:
        for name in monitor.record_variables:
            array = np.array(getattr(monitor, name)).T
            written[name] = array.reshape(len(array), layout.heads, -1)
    return [
        Operation(factors, [
            {side: plan.tables[side][told], _OTHER[side]: written[mine]}
            for side, told, mine in vectors
        ])
        for factors, vectors in plan.operations
    ]  # fmt: skip
