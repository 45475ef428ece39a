"""A circuit compiled once, then run many times with other numbers.

A run costs the start of a process and the simulation: nothing is parsed, generated or
compiled.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import temporaries
from ..arguments import SEED, function, inside, instance, optional, takes
from ..errors import FwpError
from ..quantities import a_time
from . import brian2_state, compiled_builds, guards
from .cpp import CppDevice
from .device import BUILD, DT, Built, built_by, collected
from .device_choice import THREADS, check_cost, clocks_of
from .execute import execute
from .inputs import Given, Inputs
from .lock import brian2_lock


@brian2_lock()
@takes(build=BUILD, dt=DT, seed=SEED, threads=THREADS)
def compiled(
    build: Callable[[], Built], *, dt, seed: int = 0, threads: int = 1
) -> DeviceProgram:
    """Compile a circuit, or take it from the cache of compiled programs, without running
    it.

    Brian2 generates the source in any case (about a second); it is compiled only if no
    circuit of the same structure was compiled before. All numbers may differ from those
    of that circuit:
    constants, initial values, connections, tables, durations, seeds. What must agree are
    the equations, the number of cells and what is recorded.

    An example, which compiles once and runs twice::

        def build():
            cells = b2.NeuronGroup(3, "dv/dt = (1 - v)/tau : 1", method="exact", name="cells",
                                   namespace={"tau": 5*b2.ms})
            def collect():
                return {"v": np.array(cells.v)}
            return fwp.devices.Built(b2.Network(cells), collect, 20*b2.ms)

        with fwp.devices.compiled(build, dt=0.1*b2.ms) as program:
            slow = program.run({"tau": 50*b2.ms})["v"]
            fast = program.run({"tau": 2*b2.ms, "cells.v": 0.5}, seed=3)["v"]

    For a sweep in several processes call this once in each of them, as in::

        @functools.cache
        def program():
            return devices.compiled(build, dt=0.1*ms)

        def point(tau):
            return program().run({"tau": tau*ms})

    The first process compiles, the others wait for it and take what it made.

    Args:
        build: makes the network and returns it in a `Built`.
        dt: time step (Brian2 time).
        seed: of Brian2's random numbers, unless a run gets another one.
        threads: of OpenMP; 1 leaves OpenMP out.

    Raises:
        FwpError: no compiler, or it failed; an argument of another kind, ``build``
            returns no `Built`, a run that would take days, or one of the `guards`.
    """  # noqa: E501
    draft = Draft(build, dt=dt, seed=seed, threads=threads)
    try:
        return draft.program()
    except BaseException:
        draft.close()
        raise


class Draft:
    """The source of a circuit's program in a folder of its own, not yet compiled.

    Args: as for `compiled`.

    Attributes:
        folder: that the source was written to.
        device: Brian2's, which wrote it.
        built: what ``build`` returned.
    """

    def __init__(
        self, build: Callable[[], Built], *, dt, seed: int = 0, threads: int = 1
    ):
        self.folder = temporaries.make("program")
        try:
            self._write(build, dt, seed, threads, own_names=True)
            if _clash(self.device):  # with a name from outside ``build``
                self._write(build, dt, seed, threads, own_names=False)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder."""
        temporaries.remove(self.folder)

    def in_cache(self) -> bool:
        """Tell whether the program was compiled before."""
        return compiled_builds.have(self.folder)

    def program(self) -> DeviceProgram:
        """Compile it, or take it from the cache; the program owns the folder from now
        on."""
        return DeviceProgram(self)

    def _write(self, build, dt, seed: int, threads: int, own_names: bool) -> None:
        name, self.device = "cpp_standalone", CppDevice()
        names = brian2_state.own_names() if own_names else contextlib.nullcontext()
        with (
            brian2_state.standalone(
                name, self.folder, dt, seed, self.device, threads
            ) as b2,
            names,
        ):
            with guards.plain_sentences(name):
                with brian2_state.made() as objects:
                    self.built = built_by(build)
                guards.check(self.built, name, objects())
                check_cost(self.built.duration, clocks_of(self.built.network), name)
                with guards.its_objects():
                    self.built.network.run(self.built.duration, namespace={})
            flags = " ".join(b2.prefs["codegen.cpp.extra_compile_args_gcc"])
            self.device.header = compiled_builds.header(
                f"{flags} -fopenmp" if threads > 1 else flags
            )
            with (
                guards.plain_sentences(name),
                temporaries.written("the source of the program"),
            ):
                # by a draft of other names
                for written in ("code_objects", "static_arrays"):
                    shutil.rmtree(self.folder / written, ignore_errors=True)
                self.device.build(directory=str(self.folder), compile=False, run=False)


def _clash(device) -> bool:
    """Tell whether two different tables or functions of a circuit have one name."""
    seen: dict[str, Any] = {}
    for code in device.code_objects.values():
        for item in code.variables.values():
            name = getattr(item, "_name", None)
            if name is not None and seen.setdefault(name, item) is not item:
                return True
    return False


#: numbers the folders of runs in this process
_RUNS = itertools.count()


def _example() -> Draft:
    return Draft(BUILD.example(), dt=DT.example())


@takes(
    "DeviceProgram", draft=instance("fwp_neuro.devices.device_program:Draft", _example)
)
class DeviceProgram:
    """A compiled circuit; make it with `compiled`. Threads may run it at the same time.

    Args:
        draft: what `compiled` makes it of.

    Attributes:
        built: what ``build`` returned; place: of the program in the cache.
        compiled: whether it was compiled just now (False: it was in the cache).
        seconds: of the last run: the simulation alone, and all of `run`.
    """

    def __init__(self, draft: Draft):
        self.place, self.compiled = compiled_builds.program(draft.folder)
        self.seconds: tuple[float, float] = (0.0, 0.0)
        self._device, self.built, self._folder = draft.device, draft.built, draft.folder
        try:
            os.link(self.place, self._folder / "main")
        except OSError:  # another file system
            with temporaries.written("the program"):
                shutil.copy2(self.place, self._folder / "main")
        self._sizes = {variable: variable.size for variable in self._device.arrays}
        self._cached = dict(self._device.array_cache)
        self._inputs, self._clocks = Inputs(self._device), clocks_of(self.built.network)
        self._finalizer = weakref.finalize(self, temporaries.remove, self._folder)

    def __repr__(self) -> str:
        counts = [
            f"{sum('.' not in name for name in names)} {what}"
            for names, what in (
                (self._inputs.constants, "constants"),
                (self._inputs.tables, "tables"),
            )
        ]
        how = "compiled now" if self.compiled else "from the cache"
        how = how if self._finalizer.alive else "closed"
        return f"<Program with {' and '.join(counts)} to change, {how}>"

    def __enter__(self) -> DeviceProgram:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files of this program (not those of the cache); so does the end of
        Python."""
        self._finalizer()

    @property
    def whole(self) -> bool:
        """Whether its files are there: it is not closed, and nobody removed them."""
        return (self._folder / "main").exists()

    @property
    def constants(self) -> dict[str, float]:
        """Constants that a run can change, by "name" or "group.name", in base units."""
        return {name: each[0][1].value for name, each in self._inputs.constants.items()}

    @property
    def tables(self) -> dict[str, tuple[int, ...]]:
        """TimedArrays that a run can change, with shapes, by "name" or "group.name"."""
        return {name: each[0].values.shape for name, each in self._inputs.tables.items()}

    def _known(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return those numbers that the program reads; the circuit defines others too."""
        names = (self._inputs.constants, self._inputs.tables, self._inputs.variables)
        return {
            name: value
            for name, value in numbers.items()
            if any(name in legal for legal in names)
        }

    @takes(
        "run",
        numbers=optional(inside("a dict from name to number", dict)),
        seed=optional(SEED),
        duration=optional(a_time("100*ms")),
        progress=optional(function("fraction")),
    )
    def run(
        self,
        numbers: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
        duration=None,
        progress: Callable[[float], None] | None = None,
    ) -> dict[str, Any]:
        """Run the program and return what the circuit's ``collect`` gives.

        Args:
            numbers: name -> number, quantity or array. A name is that of a constant in
                the equations ("tau": in all groups, "cells.tau": in one), of a TimedArray
                there (likewise; another number of rows is fine) or of a variable
                ("cells.v": its value at the start; a number, or an array of its length).
                What is not named is as the circuit was built.
            seed: of Brian2's random numbers.
            duration: of the run (Brian2 time above 0), if there is one run.
            progress: called with the fraction done, about once a second.

        Numbers that Python computed from others when the circuit was built do not follow:
        ``collect`` must take all it returns from the network.

        Raises:
            FwpError: an unknown name, a wrong unit, shape or kind of number, a duration
                that would take days, or the program failed.
        """
        begun = time.perf_counter()
        if not self._folder.exists():
            raise FwpError(
                "the program was closed: compile the circuit again (it is in the cache)"
            )
        given = self._inputs.read(numbers)
        if seed is not None:
            self._inputs.set(given, "seed", seed)
        if duration is not None:
            check_cost(duration, self._clocks, "cpp_standalone")
            self._inputs.set(given, "duration", float(duration))
        work = self._folder / f"run_{os.getpid()}_{next(_RUNS)}"
        try:
            with temporaries.written("the numbers of the run"):
                self._write(work, given)
            more = self._device.run_environment_variables
            try:
                simulated = execute(
                    self._folder / "main", work, given.arguments, more, progress
                )
            except FwpError as problem:
                raise FwpError(given.explained(str(problem))) from None
            found = self._results(work, given)
            self.seconds = (simulated, time.perf_counter() - begun)
            return found
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _write(self, work: Path, given: Given) -> None:
        """Write what the program reads in a folder."""
        (work / "results").mkdir(parents=True)
        (work / "static_arrays").mkdir()
        for file in (self._folder / "static_arrays").iterdir():
            if file.name not in given.files:
                os.symlink(file, work / "static_arrays" / file.name)
        for name, array in given.files.items():
            (work / "static_arrays" / name).write_bytes(array.tobytes())
        self._device.numbers.write(work, given.values)

    @brian2_lock()
    def _results(self, work: Path, given: Given) -> dict[str, Any]:
        """Read what the program has written."""
        device = self._device
        for variable, size in self._sizes.items():
            variable.size = size
        device.array_cache = dict(self._cached) | dict.fromkeys(given.changed)
        for clock in device.clocks:
            device.array_cache[clock.variables["t"]] = None
            device.array_cache[clock.variables["timestep"]] = None
        device.results_dir, device.has_been_run = f"{work / 'results'}{os.sep}", True
        with brian2_state.reading(device), guards.plain_sentences("cpp_standalone"):
            guards.check_results(self.built)
            return collected(self.built)


#: its former name
Program = DeviceProgram
