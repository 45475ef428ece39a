"""A circuit compiled once, then run many times with other numbers.

A run costs the start of a process and the simulation: nothing is parsed, generated or compiled.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FwpError, unknown
from . import builds, guards, state
from .base import Built, built_by, check_step
from .execute import execute


def compiled(build: Callable[[], Built], *, dt, seed: int = 0, threads: int = 1) -> Program:
    """Compile a circuit, or take it from the cache of compiled programs, without running it.

    Brian2 generates the source in any case (about a second); it is compiled only if no circuit of
    the same structure was compiled before. All numbers may differ from those of that circuit:
    constants, initial values, connections, tables, durations, seeds. What must agree are the
    equations, the number of cells and what is recorded.

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
        FwpError: no compiler, or it failed; no time step, or ``build`` returns no `Built`.
    """
    draft = Draft(build, dt=dt, seed=seed, threads=threads)
    try:
        return draft.program()
    except BaseException:
        draft.close()
        raise


class Draft:
    """The source of a circuit's program in a folder of its own, not yet compiled.

    Args: as for `compiled`.
    """

    def __init__(self, build: Callable[[], Built], *, dt, seed: int = 0, threads: int = 1):
        check_step(dt)
        self.folder = Path(tempfile.mkdtemp(prefix="fwp_neuro_"))
        try:
            self._write(build, dt, seed, threads, own_names=True)
            if _clash(self._device):  # with a name from outside ``build``
                shutil.rmtree(self.folder)
                self.folder.mkdir()
                self._write(build, dt, seed, threads, own_names=False)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def in_cache(self) -> bool:
        """Tell whether the program was compiled before."""
        return builds.have(self.folder)

    def program(self) -> Program:
        """Compile it, or take it from the cache; the program owns the folder from now on."""
        place, new = builds.program(self.folder)
        try:
            os.link(place, self.folder / "main")
        except OSError:  # another file system
            shutil.copy2(place, self.folder / "main")
        return Program(self._device, self._built, self.folder, new)

    def _write(self, build, dt, seed: int, threads: int, own_names: bool) -> None:
        from .cpp import Device

        name, self._device = "cpp_standalone", Device()
        names = state.own_names() if own_names else contextlib.nullcontext()
        with state.standalone(name, self.folder, dt, seed, self._device, threads) as b2, names:
            with guards.plain_sentences(name):
                with state.made() as objects:
                    self._built = built_by(build)
                guards.check(self._built, name, objects())
                self._built.network.run(self._built.duration, namespace={})
            flags = " ".join(b2.prefs["codegen.cpp.extra_compile_args_gcc"])
            self._device.header = builds.header(f"{flags} -fopenmp" if threads > 1 else flags)
            with guards.plain_sentences(name):
                self._device.build(directory=str(self.folder), compile=False, run=False)


def _clash(device) -> bool:
    """Tell whether two different tables or functions of a circuit have one name."""
    seen: dict[str, Any] = {}
    for code in device.code_objects.values():
        for item in code.variables.values():
            name = getattr(item, "_name", None)
            if name is not None and seen.setdefault(name, item) is not item:
                return True
    return False


class Program:
    """A compiled circuit; make it with `compiled`. Not to be used by two threads at a time.

    Attributes:
        compiled: whether it was compiled just now (False: it was in the cache).
        seconds: of the last run: the simulation alone, and all of `run`.
    """

    def __init__(self, device, built: Built, folder: Path, new: bool):
        self.compiled = new
        self.seconds: tuple[float, float] = (0.0, 0.0)
        self._device, self._built, self._folder = device, built, folder
        device.numbers.write(folder)
        self._sizes = {variable: variable.size for variable in device.arrays}
        self._cached = dict(device.array_cache)
        self._constants = _by_name(device)
        self._tables = _tables(device)
        pid = os.getpid()  # a child process leaves the files of its parent alone
        self._finalizer = weakref.finalize(self, _remove, folder, pid)

    def __repr__(self) -> str:
        counts = [
            f"{sum('.' not in name for name in names)} {what}"
            for names, what in ((self._constants, "constants"), (self._tables, "tables"))
        ]
        how = "compiled now" if self.compiled else "from the cache"
        how = how if self._finalizer.alive else "closed"
        return f"<Program with {' and '.join(counts)} to change, {how}>"

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files of this program (not those of the cache); so does the end of Python."""
        self._finalizer()

    @property
    def constants(self) -> dict[str, float]:
        """Constants that a run can change, by "name" or "group.name", in base units."""
        return {name: each[0][1].value for name, each in self._constants.items()}

    @property
    def tables(self) -> dict[str, tuple[int, ...]]:
        """TimedArrays that a run can change, with shapes, by "name" or "group.name"."""
        return {name: each[0].values.shape for name, each in self._tables.items()}

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
            numbers: name -> number, quantity or array. A name is that of a constant in the
                equations ("tau": in all groups, "cells.tau": in one), of a TimedArray there
                (likewise; another number of rows is fine) or of a variable ("cells.v": its value
                at the start; a number, or an array of its length). What is not named is as the
                circuit was built.
            seed: of Brian2's random numbers.
            duration: of the run (Brian2 time), if there is one run.
            progress: called with the fraction done, about once a second.

        Numbers that Python computed from others when the circuit was built do not follow:
        ``collect`` must take all it returns from the network.

        Raises:
            FwpError: unknown name, wrong unit or shape, or the program failed.
        """
        from brian2 import second

        begun = time.perf_counter()
        device, more = self._device, self._device.run_environment_variables
        if not self._folder.exists():
            raise FwpError("the program was closed: compile the circuit again (it is in the cache)")
        values = [slot.value for slot in device.numbers.slots]
        arguments: list[str] = []
        work = Path(tempfile.mkdtemp(prefix="run_", dir=self._folder))
        try:
            (work / "results").mkdir()
            (work / "static_arrays").mkdir()
            files: dict[str, np.ndarray] = {}
            changed = self._place(numbers or {}, values, files, arguments)
            if seed is not None:
                self._set(values, "seed", _whole(seed, "seed"))
            if duration is not None:
                self._set(values, "duration", _plain(duration, second.dim, "duration"))
            for file in (self._folder / "static_arrays").iterdir():
                if file.name not in files:
                    os.symlink(file, work / "static_arrays" / file.name)
            for name, array in files.items():
                array.tofile(work / "static_arrays" / name)
            device.numbers.write(work, values)
            simulated = execute(self._folder / "main", work, arguments, more, progress)
            for variable, size in self._sizes.items():
                variable.size = size
            device.array_cache = dict(self._cached) | dict.fromkeys(changed)
            for clock in device.clocks:
                device.array_cache[clock.variables["t"]] = None
                device.array_cache[clock.variables["timestep"]] = None
            device.results_dir, device.has_been_run = f"{work / 'results'}{os.sep}", True
            with state.reading(device), guards.plain_sentences("cpp_standalone"):
                guards.check_results(self._built)
                found = self._built.collect()
            self.seconds = (simulated, time.perf_counter() - begun)
            return found
        finally:
            shutil.rmtree(work, ignore_errors=True)

    # ------------------------------------------------------------------ numbers

    def _place(self, numbers, values: list[float], files, arguments: list[str]) -> list:
        """Put numbers where the program reads them; return the variables that were set."""
        changed = []
        variables = {
            f"{_name(variable.owner)}.{variable.name}": variable
            for variable in self._device.arrays
            if not variable.read_only and _name(variable.owner)
        }
        # what Brian2 keeps for itself is no number of the circuit
        variables = {name: each for name, each in variables.items() if not _internal(name)}
        for name, given in numbers.items():
            if name in self._constants:
                for place, _, constant in self._constants[name]:
                    values[place] = _plain(given, constant.dim, name)
                    if np.issubdtype(constant.dtype, np.integer):
                        _whole(given, name)
            elif name in self._tables:
                for table in self._tables[name]:
                    self._table(name, table, given, values, files)
            elif name in variables:
                changed.append(variables[name])
                array = _array(given, variables[name].dim, name).astype(variables[name].dtype)
                if array.size > 1 and not variables[name].dynamic:
                    size = int(np.prod(variables[name].size))
                    if array.size != size:
                        raise FwpError(f"{name!r} has {size} values, got {array.size}")
                if array.size == 1 and np.isfinite(array).all():
                    text = repr(array.item())
                else:
                    # the program reads as many bytes as the variable has, and says if that fails
                    text = f"static_arrays/start_of_{name}"
                    files[text.split("/")[1]] = array
                arguments.append(f"{name}={text}")
            else:
                legal = [*self._constants, *self._tables, *variables]
                legal = [each for each in legal if not _internal(each)]
                raise unknown(name, legal, "number of the circuit")
        return changed

    def _table(self, name: str, table, given, values: list[float], files) -> None:
        array = _array(given, table.dim, name)
        if array.ndim != table.values.ndim or array.shape[1:] != table.values.shape[1:]:
            raise FwpError(
                f"table {name!r} has the shape {table.values.shape}, got {array.shape}; only the "
                "number of rows may differ"
            )
        file = f"{table.name}_values"
        files[file] = array
        for place, slot in enumerate(self._device.numbers.slots):
            if slot.kind == "rows" and slot.owner == table.name:
                values[place] = len(array)
            elif slot.kind == "size" and slot.owner == file:
                values[place] = array.size

    def _set(self, values: list[float], kind: str, given: float) -> None:
        places = [n for n, slot in enumerate(self._device.numbers.slots) if slot.kind == kind]
        if len(places) != 1:
            raise FwpError(f"the circuit sets {kind} {len(places)} times, so a run cannot set it")
        values[places[0]] = given


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


def _name(owner) -> str:
    """Return the name of what a variable belongs to, "" if it has none or is gone."""
    try:
        return getattr(owner, "name", "")
    except ReferenceError:
        return ""


def _internal(name: str) -> bool:
    """Whether "name" or "group.name" is one of Brian2's own."""
    return any(part.startswith("_") for part in name.split("."))


def _by_name(device) -> dict[str, list]:
    """Return the constants by name and by group.name: [(place, slot, Brian2's constant)]."""
    constants = {
        (_name(code.owner), name): item
        for code in device.code_objects.values()
        for name, item in code.variables.items()
    }
    found: dict[str, list] = {}
    for place, slot in enumerate(device.numbers.slots):
        if slot.kind == "constant":
            each = (place, slot, constants[slot.owner, slot.name])
            for name in (slot.name, f"{slot.owner}.{slot.name}"):
                found.setdefault(name, []).append(each)
    return found


def _tables(device) -> dict[str, list]:
    """Return the TimedArrays by name and by group.name."""
    found: dict[str, list] = {}
    for code in device.code_objects.values():
        for name, item in code.variables.items():
            if item in device.timed_arrays:
                for each in (name, f"{_name(code.owner)}.{name}"):
                    if item not in found.setdefault(each, []):
                        found[each].append(item)
    return found


def _whole(given, name: str) -> float:
    try:
        number = float(given)
        whole = not isinstance(given, str) and number.is_integer()
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or number < 0 and name == "seed":
        raise FwpError(f"{name!r} must be a whole number, got {given!r}")
    return number


def _plain(given, dim, name: str) -> float:
    """Return one number in base units."""
    array = _array(given, dim, name)
    if array.size != 1:
        raise FwpError(f"constant {name!r} is one number, got an array of {array.size}")
    return float(array.reshape(()))


def _array(given, dim, name: str) -> np.ndarray:
    """Return numbers in base units as an array, after a check of their dimensions."""
    import brian2 as b2

    if dim is not None and b2.get_dimensions(given) != dim:
        unit = "a plain number" if dim.is_dimensionless else f"a quantity in {b2.get_unit(dim)!r}"
        raise FwpError(f"{name!r} must be {unit}, got {given!r}")
    return np.asarray(given, dtype=float)
