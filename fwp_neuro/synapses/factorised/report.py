"""What a factorised model has where, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import Model


@dataclass(frozen=True)
class Report:
    """What happened to each synaptic variable of a model.

    Attributes:
        moved: variable -> "pre" or "post", the cell on which it lives now.
        stays: variable of the synapse -> why, one sentence.
        decays: variable of the synapse -> the cells' factor by which it is brought up to date.
        stamped: event-driven variables that keep Brian2's time stamp on the synapse -> why.
        staged: moved variables whose intermediate values the synapse's integrator sees.
        writes: how spikes write: "both sides" or "presynaptic", and why.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    decays: Mapping[str, str] = field(default_factory=dict)
    stamped: Mapping[str, str] = field(default_factory=dict)
    staged: tuple[str, ...] = ()
    writes: str = ""

    def __str__(self) -> str:
        lines = [f"{name}: lives on the {side}synaptic cell" for name, side in self.moved.items()]
        lines += [f"{name}: stays on the synapse, {why}" for name, why in self.stays.items()]
        lines += [f"{name}: decays by {factor}, kept on cells" for name, factor in
                  self.decays.items()]  # fmt: skip
        lines += [f"{name}: keeps a time stamp, {why}" for name, why in self.stamped.items()]
        if self.staged:
            lines.append(f"{', '.join(self.staged)}: their intermediate values are worked out anew "
                         "at each synapse")  # fmt: skip
        return "\n".join([*lines, *([f"writes: {self.writes}"] if self.writes else [])])


@dataclass(frozen=True)
class FactorisedModel(Model):
    """A model in the cheap layout.

    Attributes:
        textbook: the model that it was made from.
        report: what is where, and why.
    """

    textbook: Model | None = None
    report: Report = field(default_factory=Report)
