"""Several circuits in one Brian2 network, so that one project holds them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from fwp_neuro.devices import Built

KEPT = ("parameter", "differential equation")


class _Captured(Exception):
    pass


def captured(module, call: Callable[[], Any]) -> tuple[Callable[[], Built], Any]:
    """Return (build, dt) that ``call`` hands to ``module.simulate``, and run nothing."""
    found = []

    def simulate(build, *arguments, dt, **options):
        found[:] = build, dt
        raise _Captured

    with mock.patch.object(module, "simulate", simulate):
        try:
            call()
        except _Captured:
            pass
    return tuple(found)


@contextmanager
def _prefixed(prefix: str) -> Iterator[None]:
    """Give every Brian2 object made meanwhile a name that starts with ``prefix``."""
    from brian2.core.names import Nameable

    make = Nameable.__init__

    def named(self, name):
        if isinstance(name, str) and not name.startswith((prefix, "_")):
            name = prefix + name
        make(self, name)

    with mock.patch.object(Nameable, "__init__", named):
        yield


class Together:
    """Circuits side by side in one network; each keeps its own names behind a prefix.

    Args:
        builds: name -> what builds the circuit; called once, here, on the active device.
    """

    def __init__(self, builds: Mapping[str, Callable[[], Built]]):
        import brian2 as b2

        self.parts: dict[str, Built] = {}
        self.spikes: dict[str, list] = {}
        objects = []
        for number, (name, build) in enumerate(builds.items()):
            with _prefixed(f"c{number}_"):
                built = build()
                cells = [
                    o for o in built.network.objects if isinstance(o, b2.NeuronGroup)
                ]
                watched = [
                    b2.SpikeMonitor(group) for group in cells if "spike" in group.events
                ]
            self.parts[name], self.spikes[name] = built, watched
            objects += [*built.network.objects, *watched]
        self.network = b2.Network(*objects)
        self.duration = max(built.duration for built in self.parts.values())

    def built(self) -> Built:
        """Return the network as `devices.simulate` takes it."""
        return Built(
            self.network, self.collect, self.duration, keep=(self.parts, self.spikes)
        )

    def collect(self) -> dict[str, dict[str, np.ndarray]]:
        """Return for each circuit the spikes of its groups and every state at the end.

        Spikes are [spike, (time in s, cell)], in order of time and cell; where a circuit
        draws how many cells of a number fire, the number stands for each of them.
        """
        return {name: self._collect(name) for name in self.parts}

    def _collect(self, name: str) -> dict[str, np.ndarray]:
        import brian2 as b2

        found = {}
        for monitor in self.spikes[name]:
            times, cells = np.array(monitor.t_), np.array(monitor.i)
            order = np.lexsort((cells, times))
            found[f"spikes of {monitor.source.name}"] = np.stack([times, cells], 1)[order]
        for owner in self.parts[name].network.objects:
            if isinstance(owner, b2.StateMonitor) and "spikes_" in owner.name:
                found[f"spikes of {owner.name}"] = _of_counts(owner)
            if isinstance(owner, b2.NeuronGroup | b2.Synapses):
                for variable, equation in owner.equations.items():
                    if equation.type in KEPT and "linked" not in equation.flags:
                        values = owner.variables[variable].get_value()
                        found[f"{variable} of {owner.name}"] = np.array(values)
        return found


def _of_counts(monitor) -> np.ndarray:
    """Return [spike, (time in s, number)] of numbers of cells that fired in each step."""
    every = [np.array(getattr(monitor, name)).T for name in monitor.record_variables]
    counts = np.concatenate(every, axis=1).astype(int)
    step, number = np.nonzero(counts)
    many = counts[step, number]
    return np.stack([np.repeat(np.array(monitor.t_)[step], many),
                     np.repeat(number, many)], 1)  # fmt: skip
