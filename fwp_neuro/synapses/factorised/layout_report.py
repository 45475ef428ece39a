"""What a factorised model has where, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..synapse_class import Synapse


@dataclass(frozen=True)
class Report:
    """What happened to each synaptic variable of a model.

    Attributes:
        moved: variable -> "pre" or "post", the cell on which it lives now.
        stays: variable of the synapse -> why, one sentence.
        decays: variable of the synapse that decays by a factor shared by all -> its rate.
        stamped: event-driven variables that keep Brian2's time stamp on the synapse ->
            why.
        staged: moved variables whose intermediate values the synapse's integrator sees.
        waiting: variables whose writes wait for the next presynaptic spike.
        why_not: why no writes wait, if none do.
        cascades: clock-driven variable of the synapse that is kept as a sum which nothing
            but spikes changes -> its rate.
        passed: clock-driven variables of the synapse of which the steps since its last
            spike are made up for at the next one.
        stepped: clock-driven variable of the synapse that every step advances -> why.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    decays: Mapping[str, str] = field(default_factory=dict)
    stamped: Mapping[str, str] = field(default_factory=dict)
    staged: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    why_not: str = ""
    cascades: Mapping[str, str] = field(default_factory=dict)
    stepped: Mapping[str, str] = field(default_factory=dict)
    passed: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{name}: lives on the {side}synaptic cell"
            for name, side in self.moved.items()
        ]
        lines += [
            f"{name}: stays on the synapse, {why}" for name, why in self.stays.items()
        ]
        lines += [f"{name}: decays by a factor that all synapses share, rate {rate}"
                  for name, rate in self.decays.items()]  # fmt: skip
        lines += [f"{name}: is kept as a sum with what it follows, rate {rate}"
                  for name, rate in self.cascades.items()]  # fmt: skip
        lines += [f"{name}: its steps are made up for at the next spike"
                  for name in self.passed]  # fmt: skip
        lines += [
            f"{name}: is advanced in every step, {why}"
            for name, why in self.stepped.items()
        ]
        lines += [
            f"{name}: keeps a time stamp, {why}" for name, why in self.stamped.items()
        ]
        lines += [f"{name}: its intermediate values are worked out anew at each synapse"
                  for name in self.staged]  # fmt: skip
        lines += [
            f"{name}: is written at presynaptic spikes only" for name in self.waiting
        ]
        if self.why_not:
            lines.append(f"no writes wait for presynaptic spikes: {self.why_not}")
        return "\n".join(lines)


@dataclass(frozen=True)
class FactorisedModel(Synapse):
    """A model in the cheap layout.

    Attributes:
        textbook: the model that it was made from.
        report: what is where, and why.
        rests: variable that is kept by factors -> what it decays to, or nothing.
        levels: variable of a cascade -> what is added to the sum that is kept of it, each
            after those that it follows.
        functions: further names in the equations.
    """

    textbook: Synapse = field(kw_only=True)
    report: Report = field(default_factory=Report)
    rests: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, Any] = field(default_factory=dict)
