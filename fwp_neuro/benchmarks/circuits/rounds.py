"""Measure all contenders in turn, each time in a new process, round after round."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from ...errors import Cannot, pick
from ...validation import machine_memory
from ..artificial import machine
from . import circuit_contenders, cuda_memory
from .bandwidth import bandwidth
from .circuit_contenders import CONTENDERS, EVERY_STEP, TEXTBOOK
from .network import DT, SIZES, NetworkCase
from .timing_worker import ask, ask_builds, ask_cuda, file

#: biological seconds at each number of synapses; any other one gets a second
DURATIONS = {10_000: 1.0, 100_000: 1.0, 1_000_000: 1.0, 10_000_000: 0.3}
PER_SIZE = ("bytes", "setup", "build", "error", "spikes", "mean_weight")


def benchmark(
    sizes: Iterable[int] = SIZES,
    contenders: Iterable[str] = tuple(CONTENDERS),
    rounds: int = 3,
    duration: float | None = None,
    longest: float = 10.0,
    builds: bool = True,
    progress: Callable[[float, str], None] | None = None,
) -> xr.Dataset:
    """Measure contenders at several sizes of the reference network.

    Every measurement has a process of its own; in a round all contenders of a size take
    turns. A contender whose result is not the oracle's gets no number, and a note that
    says why.

    Args:
        sizes: numbers of synapses.
        contenders: names from `CONTENDERS`; those that this machine lacks get a note.
        rounds: how often each is measured.
        duration: biological seconds at each size, those of `DURATIONS` if None.
        longest: rough processor seconds that one run may take; a slower contender runs
            shorter.
        builds: compile the textbook network as Brian2 does and as the package does.
        progress: called with (fraction done, what).

    Returns:
        "cpu" [contender, synapses, round] processor seconds of the simulation alone;
        [contender, synapses] "events" in it, "duration" (biological seconds), "bytes" by
        which the process grew at its peak, "setup" and "build" (processor seconds, NaN
        where there is none), "error" (largest |dw| from the oracle), "spikes" and
        "mean_weight"; "load" of the machine as "cpu"; "bandwidth" [synapses] bytes a
        second; "builds" [build, cost] in seconds.

    Raises:
        FwpError: unknown contender.
    """
    sizes, names = (
        list(sizes),
        [pick(name, CONTENDERS, "contender:") for name in contenders],
    )
    run = _Run(names, sizes, rounds, longest, duration, progress, builds)
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_circuits_") as folder:
        run.measure(Path(folder))
    return run.dataset()


class _Run:
    """The numbers of one benchmark while they are collected."""

    def __init__(self, names, sizes, rounds, longest, duration, progress, builds):
        self.names, self.sizes, self.rounds = names, sizes, rounds
        self.longest, self.duration, self.builds = longest, duration, builds
        shape = (len(names), len(sizes))
        self.cpu, self.load = np.full((2, *shape, rounds), np.nan)
        self.found = {
            name: np.full(shape, np.nan) for name in (*PER_SIZE, "events", "duration")
        }
        self.bandwidth = np.full(len(sizes), np.nan)
        self.built: dict[str, dict[str, float]] = {}
        self.notes: list[str] = []
        self.cuda: dict[str, float] = {}
        self.progress, self.done, self.cost = progress, 0.0, self._estimate()

    # ------------------------------------------------------------------ progress

    def _case(self, name: str, size: int) -> NetworkCase:
        duration = self.duration or DURATIONS.get(size, 1.0)
        return circuit_contenders.case(name, size, duration, self.longest)

    def _seconds(self, name: str, size: int) -> float:
        """Return about how many seconds one measurement takes: start, simulation,
        results."""
        case, who = self._case(name, size), CONTENDERS[name]
        return 1.0 + who.pace * size / 1e6 * case.duration + 1e-6 * size

    def _estimate(self) -> float:
        total = 20.0 * self.builds
        for size in self.sizes:
            total += 1.0 + 3e-6 * size
            for name in self.names:
                total += CONTENDERS[name].builds + self.rounds * self._seconds(name, size)
        return total

    def _tell(self, note: str, seconds: float) -> None:
        if self.progress is not None:
            self.progress(min(self.done / self.cost, 1.0), note)
        self.done += seconds

    # ------------------------------------------------------------------ measuring

    def measure(self, root: Path) -> None:
        """Measure everything."""
        there = []
        for name in self.names:
            try:
                circuit_contenders.check_here(name)
                there.append(name)
            except Cannot as reason:
                self.notes.append(f"{name}: {reason}")
        if self.builds and TEXTBOOK in there:
            for which in ("stock", "ours"):
                self._tell(f"build, {which}", 10.0)
                answer = ask_builds(which)
                self._note(f"build, {which}", answer) or self.built.__setitem__(
                    which, answer
                )
        if self.builds and cuda_memory.can_generate():
            self._tell("generate CUDA projects", 4.0)
            answer = ask_cuda()
            self._note("CUDA projects", answer) or self.cuda.update(answer)
        for s, size in enumerate(self.sizes):
            self._tell(f"{size:.2g} synapses, memory bandwidth", 1.0)
            self.bandwidth[s] = bandwidth(NetworkCase(size, DT).cells ** 2)
            folder = root / str(size)
            folder.mkdir()
            ready = [name for name in there if self._prepare(name, size, folder)]
            for number in range(self.rounds):
                for name in list(ready):
                    if not self._one(name, s, number, folder):
                        ready.remove(name)

    def _prepare(self, name: str, size: int, folder: Path) -> bool:
        case, who = self._case(name, size), CONTENDERS[name]
        if not (folder / file(case)).exists():
            self._tell(f"{size:.2g} synapses, oracle", 3e-6 * size / len(self.names))
            if self._note(f"oracle, {size:.2g}", ask("oracle", case, folder)):
                return False
        self._tell(f"{size:.2g} synapses, {name}, build", who.builds)
        answer = ask("prepare", case, self._folder(folder, name), name)
        c, s = self.names.index(name), self.sizes.index(size)
        self.found["build"][c, s] = answer.get("build", np.nan)
        return not self._note(f"{name}, {size:.2g} synapses", answer)

    def _one(self, name: str, s: int, number: int, folder: Path) -> bool:
        size, c = self.sizes[s], self.names.index(name)
        case = self._case(name, size)
        self._tell(
            f"{size:.2g} synapses, {name}, round {number + 1}", self._seconds(name, size)
        )
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else np.nan
        answer = ask("measure", case, self._folder(folder, name), name)
        if self._note(f"{name}, {size:.2g} synapses", answer):
            self.cpu[c, s] = np.nan  # what is wrong once has no speed at all
            return False
        self.cpu[c, s, number], self.load[c, s, number] = answer["cpu"], load
        for key in PER_SIZE:
            if key in answer:
                self.found[key][c, s] = answer[key]
        self.found["duration"][c, s] = case.duration
        self.found["events"][c, s] = case.events(answer["spikes"])
        return True

    def _note(self, what: str, answer: dict) -> bool:
        """Keep what went wrong; tell whether something did."""
        problem = answer.get("problem") or answer.get("wrong")
        if problem:
            self.notes.append(f"{what}: no number, for {problem}")
        return bool(problem)

    @staticmethod
    def _folder(folder: Path, name: str) -> Path:
        return folder / str(list(CONTENDERS).index(name))

    # ------------------------------------------------------------------ result

    def dataset(self) -> xr.Dataset:
        """Return all numbers."""
        found = self.found
        for c, name in enumerate(self.names):
            if name == EVERY_STEP:  # a short run has the spikes of its start only
                self._whole_events(c)
            wrong = ~np.isfinite(self.cpu[c]).all(-1)
            for key in ("bytes", "events", "error"):
                found[key][c, wrong] = np.nan
        units = {"bytes": "byte", "duration": "s", "setup": "s", "build": "s"}
        data = {name: (("contender", "synapses"), values, {"units": units.get(name, "1")})
                for name, values in found.items()}  # fmt: skip
        rounds = ("contender", "synapses", "round")
        data["cpu"] = (rounds, self.cpu, {"units": "s"})
        data["load"] = (rounds, self.load, {"units": "1"})
        data["bandwidth"] = ("synapses", self.bandwidth, {"units": "byte/s"})
        costs = sorted({cost for each in self.built.values() for cost in each})
        if self.built:
            table = [
                [each.get(cost, np.nan) for cost in costs] for each in self.built.values()
            ]
            data["builds"] = (("build_of", "cost"), table, {"units": "s"})
        coordinates = {
            "contender": self.names,
            "synapses": [NetworkCase(s, DT).cells ** 2 for s in self.sizes],
        }
        if self.built:
            coordinates |= {"build_of": list(self.built), "cost": costs}
        attrs = {"notes": "\n".join(self.notes), "machine": machine()}
        attrs["memory"] = float(machine_memory() or "nan")
        attrs |= {f"cuda_{layout}": size for layout, size in self.cuda.items()}
        return xr.Dataset(data, coordinates, attrs)

    def _whole_events(self, c: int) -> None:
        """Count the events of the reference network in as much time as a short run
        took."""
        for s in range(len(self.sizes)):
            rates = self.found["events"][:, s] / self.found["duration"][:, s]
            alike = [o for o, n in enumerate(self.names) if o != c
                     and n != circuit_contenders.NEST
                     and CONTENDERS[n].kind == "pair"
                     and np.isfinite(rates[o])]  # fmt: skip
            if alike:
                self.found["events"][c, s] = (
                    rates[alike[0]] * self.found["duration"][c, s]
                )
