"""Who takes part in the benchmark of circuits, and on which terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

from ... import toolchain
from ...errors import Cannot
from .measured import DOUBLE, OTHER_CELLS, SINGLE, Tolerance
from .network import NetworkCase


@dataclass(frozen=True)
class Contender:
    """One way to simulate the reference network.

    Attributes:
        name: for tables.
        module: of this package, with ``prepare(case, folder, **options)`` and
            ``measure(...)``.
        options: of both.
        kind: which synapse, see `NetworkCase`.
        tolerance: how near to the oracle it must be to get a speed.
        pace: rough processor seconds a million synapses and biological second, for
            progress and for the length of a run.
        every_step: whether it costs the same with and without spikes: then a run that is
            too short for spikes is as good, and events are those of the reference network
            in that time.
        builds: rough processor seconds to compile it.
        note: what a reader of its numbers must know.
    """

    name: str
    module: str
    options: dict = field(default_factory=dict)
    kind: str = "pair"
    tolerance: Tolerance = DOUBLE
    pace: float = 2.0
    every_step: bool = False
    builds: float = 0.0
    note: str = ""

    def load(self) -> ModuleType:
        """Import what runs it."""
        return import_module(f"{__package__}.{self.module}")


TEXTBOOK, FACTORISED, DENSE = (
    "Brian2, textbook",
    "Brian2, factorised",
    "Brian2, dense engine",
)
PRESYNAPTIC, STATIC = "Brian2, factorised, no on_post", "Brian2, static"
GENERIC, LEAN = "C++, textbook layout", "C++, lean float32"
ROWS, EVERY_STEP, NEST = (
    "torch, rows and columns",
    "torch, every step",
    "NEST, stdp_synapse",
)

_ALL = (
    Contender(TEXTBOOK, "generated_programs", {"layout": "textbook"}, pace=1.6, builds=8,
              note="traces on every synapse, event-driven: the documented way"),
    Contender(FACTORISED, "generated_programs", {"layout": "factorised"}, pace=0.7,
              builds=9,
              note="what the package makes of the same model: the weight alone on the "
                   "synapse"),
    Contender(DENSE, "generated_programs", {"layout": "dense"}, pace=0.3, builds=9,
              note="the factorised model with the package's all-to-all synapses"),
    Contender(PRESYNAPTIC, "generated_programs", {"layout": "factorised"}, "presynaptic",
              pace=0.3, builds=7,
              note="writes at presynaptic spikes only; presynaptic events are "
                             "counted"),
    Contender(STATIC, "generated_programs", {"layout": "static"}, "static", pace=0.25,
              builds=6, note="weights that stay; presynaptic events are counted"),
    Contender(GENERIC, "hand_loop", {"variant": "generic"}, pace=1.0, builds=1,
              note="hand-written, the same arrays as the textbook version, dense"),
    Contender(LEAN, "hand_loop", {"variant": "lean_f32"}, tolerance=SINGLE, pace=0.15,
              builds=1, note="hand-written, one float a synapse"),
    Contender(ROWS, "torch_loops", {"form": "rows"}, tolerance=SINGLE, pace=4.0,
              note="float32; touches the rows and columns that spikes name"),
    Contender(EVERY_STEP, "torch_loops", {"form": "dense"}, tolerance=SINGLE, pace=150.0,
              every_step=True, note="float32; touches all synapses at every step, in a "
                                    "short run"),
    Contender(NEST, "nest_loop", {}, tolerance=OTHER_CELLS, pace=1.5,
              note="another model: weights do not relax, current-based cells with one "
              "time constant, spikes take one step, postsynaptic ones act at the next "
              "presynaptic one"),
)  # fmt: skip
CONTENDERS = {contender.name: contender for contender in _ALL}


def check_here(name: str) -> None:
    """Raise `Cannot` if a contender cannot run here."""
    contender = CONTENDERS[name]
    if contender.module in ("programs", "hand_loop") and toolchain.find() is None:
        raise Cannot(toolchain.missing())
    check = getattr(contender.load(), "check_here", None)
    if check:
        check()


def case(name: str, synapses: int, duration: float, longest: float) -> NetworkCase:
    """Return what a contender simulates: shorter than ``duration`` if that is far too
    long.

    Args:
        longest: processor seconds that a run may take, roughly.
    """
    contender = CONTENDERS[name]
    cost = contender.pace * synapses / 1e6
    if duration * cost > longest:
        duration = max(round(longest / cost, 3), 0.005)
    return NetworkCase(synapses, duration, contender.kind)
