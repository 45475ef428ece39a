"""The circuit of a low-rank memory: a cell for each write, between the key and the value
cells.

    presynaptic cells  --stored_keys k-->  token cells  --stored_values u-->  postsynaptic cells

A token cell is driven by the overlap of its key with what is shown, k . x, and passes it
on to the value that was written with that key: W x = sum_n u_n (k_n . x). The way back,
for rules with back(), runs through the same synapses. A write gives the next free cell
its two vectors.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import brian2 as b2
import numpy as np

from ..head_layout import Layout
from .low_rank import FactorStore


@dataclass
class TokenCells:
    """Token cells and their two sets of synapses.

    Attributes:
        store: what they hold.
        reads: (probe on the presynaptic cells, sum on the postsynaptic cells), names of
            variables.
        backs: (probe on the postsynaptic cells, sum on the presynaptic cells).
        filled: name of a flag on the token cells -> table [step] of the slot that is
            being filled (-1 for none).
        namespace: of the circuit; the tables are added to it.
        step: Brian2 time of one row of the tables.
    """

    store: FactorStore
    reads: list[tuple[str, str]]
    backs: list[tuple[str, str]]
    filled: dict[str, np.ndarray]
    namespace: dict
    step: Any
    objects: list = field(default_factory=list)

    def __post_init__(self):
        for name, table in self.filled.items():
            self.namespace[f"{name}_table"] = b2.TimedArray(
                table.astype(float), dt=self.step
            )
        cells = self.store.layout
        self.before = Layout(cells.heads, cells.pre, self.store.slots)
        self.after = Layout(cells.heads, self.store.slots, cells.post)

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what the synapses of keys and of values hold before the first token."""
        post = np.swapaxes(self.store.start("post"), 1, 2)
        return self.before.flat(self.store.start("pre")), self.after.flat(post)

    def build(self, pre, post) -> None:
        """Make the groups; ``pre`` and ``post`` are the NeuronGroups of the two sides."""
        store, cells = self.store, self.store.layout
        lines = ["slot : 1 (constant)"]
        lines += [
            f"{name} = int(abs(slot - {name}_table(t)) < 0.5) : 1 (constant over dt)"
            for name in self.filled
        ]
        keys, values = ["k : 1"], ["u : 1"]
        for n, (probe, total) in enumerate(self.reads):
            lines.append(f"seen_{n} : 1")
            keys.append(f"seen_{n}_post = k*{probe}_pre : 1 (summed)")
            values.append(f"{total}_post = u*seen_{n}_pre : 1 (summed)")
        for n, (probe, total) in enumerate(self.backs):
            lines.append(f"felt_{n} : 1")
            values.append(f"felt_{n}_pre = u*{probe}_post : 1 (summed)")
            keys.append(f"{total}_pre = k*felt_{n}_post : 1 (summed)")
        self.cells = b2.NeuronGroup(
            cells.heads * store.slots, "\n".join(lines), namespace=self.namespace,
            name="token_cells",
        )  # fmt: skip
        self.cells.slot = np.tile(np.arange(store.slots), cells.heads)
        self.keys = self._synapses(pre, self.cells, keys, "stored_keys", self.before)
        self.values = self._synapses(
            self.cells, post, values, "stored_values", self.after
        )
        self.keys.k, self.values.u = self.start()
        self.objects = [self.cells, self.keys, self.values]

    def _synapses(self, source, target, lines, name, layout):
        made = b2.Synapses(
            source, target, "\n".join(lines), namespace=self.namespace, name=name
        )
        pre, post = layout.connections()
        made.connect(i=pre, j=post)
        return made

    def place(self, kind: str, n: int, order: int) -> None:
        """Put sum ``n`` of ``kind`` "read" or "back" at ``order`` of the step and the
        next one."""
        if kind == "read":
            inner = self.keys.summed_updaters[f"seen_{n}_post"]
            outer = self.values.summed_updaters[f"{self.reads[n][1]}_post"]
        else:
            inner = self.values.summed_updaters[f"felt_{n}_pre"]
            outer = self.keys.summed_updaters[f"{self.backs[n][1]}_pre"]
        inner.when = outer.when = "groups"
        inner.order, outer.order = order, order + 1

    def found(self) -> dict[str, np.ndarray]:
        """Return side -> [head, slot, cell] as the synapses hold it now."""
        pre = self.before.weights(np.array(self.keys.k))
        post = self.after.weights(np.array(self.values.u))
        return {"pre": pre, "post": np.swapaxes(post, 1, 2)}
