"""What Brian2 does silently, or explains in words that are not a user's, said in one
sentence.

Each guard looks at a Brian2 network and raises `FwpError`, or does nothing; `check` calls
those that a device needs before a run, `check_results` those that look at what came out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import brian2 as b2
import numpy as np
from brian2.core.functions import Function
from brian2.core.spikesource import SpikeSource
from brian2.groups.group import Group
from brian2.parsing.statements import parse_statement
from brian2.utils.stringtools import get_identifiers

from ..errors import Cannot, FwpError, warn
from .device import STANDALONE, Built
from .device import device as by_name

# Brian2 2.11 calls the delay of a pathway _pre_delay
_TIMING = re.compile(r"(?:_\w+_)?(delay|dt)")
_RANDOM = re.compile(r"\b(rand|randn|poisson|binomial)\s*\(|\bxi(_\w+)?\b")


def check(built: Built, device: str, made: Iterable = ()) -> None:
    """Raise for what a device would do wrong silently.

    Args:
        built: the network before its run.
        device: its device.
        made: Brian2 objects that were made while the network was built.
    """
    network = built.network
    if not network.objects:
        raise FwpError("the network of Built has no objects: there is nothing to run")
    left_out(network, made)
    same_cells_on_both_sides(network)
    event_driven(network)
    for guard in by_name(device).guards:
        guard(network)


def check_results(built: Built) -> None:
    """Raise for results that are none; call it where the results can be read."""
    not_a_number(built.network)
    recorded_indices(built.network)


# ---------------------------------------------------------------------- before a run


def left_out(network, made: Iterable) -> None:
    """Refuse objects that were made but are not in the network: Brian2 does not run
    them."""
    made = [item for item in made if getattr(item, "add_to_magic_network", False)]
    inside = set(map(id, network.sorted_objects))
    inside |= {id(part) for item in made for part in item.contained_objects}
    missing = sorted(item.name for item in made if id(item) not in inside)
    if missing:
        raise FwpError(
            f"{_listed(missing)} {_are(missing)} not in the network, so Brian2 would "
            f"leave {'it' if len(missing) == 1 else 'them'} out: name it in Network(...)"
        )


def network_operations(network) -> None:
    """Refuse Python functions in a network: a compiled program never calls them."""
    names = [
        item.name
        for item in network.sorted_objects
        if isinstance(item, b2.NetworkOperation)
    ]
    if names:
        raise Cannot(
            f"the network operation {_listed(names)} is a Python function, which a "
            "standalone program would silently leave out: use device='numpy' or "
            "'cython', or write it as run_regularly"
        )


def same_cells_on_both_sides(network) -> None:
    """Refuse on_pre and on_post whose result depends on the order of the synapses.

    That is text that writes a variable of cells on one side and reads the same variable
    on the other side, where both sides are the same cells: the next synapse may read what
    this one wrote.
    """
    for synapses, pathway in _pathways(network):
        if not _overlap(synapses.source, synapses.target):
            continue
        written, read = _used(synapses, pathway.code)
        for side, name in sorted(written):
            other = "post" if side == "pre" else "pre"
            if (other, name) in read:
                raise FwpError(
                    f"on_{pathway.prepost} of {synapses.name!r} writes {name}_{side} and "
                    f"reads {name}_{other} of the same cells, so its result depends on "
                    "the order of the synapses and differs between devices: keep what "
                    "is read in a variable of its own, or let two groups be connected"
                )


def event_driven(network) -> None:
    """Refuse event-driven variables of synapses that no spike reaches: they would never
    change."""
    for item in network.sorted_objects:
        if isinstance(item, b2.Synapses) and not item._pathways:
            names = list(item.event_driven or ())
            if names:
                raise FwpError(
                    f"{_listed(names)} of {item.name!r} {_are(names)} event-driven, but "
                    "without on_pre and on_post nothing brings it up to date: make it "
                    "clock-driven"
                )


def clocks(network) -> None:
    """Refuse time steps of their own on CUDA, where spikes would arrive at wrong
    times."""
    own = [
        item.name
        for item in network.sorted_objects
        if isinstance(item, SpikeSource | b2.Synapses)
        and item.add_to_magic_network
        and item.clock.name != "defaultclock"
    ]
    if own:
        raise FwpError(
            f"{_listed(own)} {_are(own)} on a clock of {_their(own)} own, and on CUDA "
            "spikes of such groups and synapses are delivered at wrong times: leave dt "
            "out and set the time step of the whole run"
        )
    if not any(item.clock.name == "defaultclock" for item in network.sorted_objects):
        raise FwpError(
            "nothing in the network runs with the time step of the run, and then the "
            "CUDA code does not compile: leave dt out of at least one group"
        )


def functions(network) -> None:
    """Refuse functions of the user that have no CUDA text."""
    from brian2cuda.codeobject import CUDAStandaloneCodeObject  # noqa: PLC0415  an extra

    for group in (item for item in network.sorted_objects if isinstance(item, Group)):
        for name, item in (getattr(group, "namespace", None) or {}).items():
            if not isinstance(item, Function):
                continue
            try:
                item.implementations[CUDAStandaloneCodeObject]
            except KeyError:
                raise FwpError(
                    f"the function {name!r} of {group.name!r} has no CUDA text: give it "
                    "one with @implementation('cuda', '__host__ __device__ double "
                    f"{name}(...) {{...}}')"
                ) from None


def random_numbers(network) -> None:
    """Warn of random numbers on CUDA that a seed does not decide."""
    names = [
        item.name
        for item in network.sorted_objects
        if isinstance(item, b2.PoissonGroup | b2.PoissonInput)
    ]
    names += [s.name for s, pathway in _pathways(network) if _RANDOM.search(pathway.code)]
    if names:
        warn(
            f"{_listed(sorted(set(names)))} draw random numbers, which on CUDA the seed "
            "does not decide: the run cannot be repeated exactly"
        )


def timing_between_runs(device) -> None:
    """Refuse delays or time steps that change between two runs on CUDA, which loses
    spikes.

    Args:
        device: Brian2's standalone device after the runs were stated, before it builds.
    """
    names = {array: variable for variable, array in device.arrays.items()}
    names |= {array: variable for variable, array in device.dynamic_arrays.items()}
    runs = [n for n, (what, _) in enumerate(device.main_queue) if what == "run_network"]
    first = runs[0] if runs else 0
    before = {
        str(args[0])
        for what, args in device.main_queue[:first]
        if what.startswith("set_")
    }
    for what, args in device.main_queue[first : runs[-1]] if runs else ():
        touched = []
        if what.startswith("set_"):
            variable = names.get(args[0])
            new_clock = (
                getattr(variable, "name", "") == "dt" and str(args[0]) not in before
            )
            touched = [] if new_clock else [variable]
        elif what == "run_code_object" and "group_variable_set" in args[0].name:
            touched = list(args[0].variables.values())
        for variable in touched:
            found = _TIMING.fullmatch(getattr(variable, "name", ""))
            if found:
                raise FwpError(
                    f"{found[1]} of {variable.owner.name!r} changes between two runs, "
                    "and on CUDA spikes under way would be lost: set it before the "
                    "first run"
                )


def compiled_as_asked(network, target: str) -> None:
    """Refuse code that was to be compiled but was not: Brian2 leaves it out, or uses
    numpy."""
    for item in network.sorted_objects:
        for code in item._code_objects:
            if getattr(code, "class_name", target) != target:
                raise FwpError(
                    f"{code.name!r} runs with {code.class_name} although {target} was "
                    "asked for: its compilation failed, see Brian2's log"
                )
            for block, compiled in getattr(code, "compiled_code", {}).items():
                text = str(getattr(code.code, block, "")).strip()
                if compiled is None and text and "EMPTY_CODE_BLOCK" not in text:
                    raise FwpError(
                        f"{code.name!r} could not be compiled for {target}, and Brian2 "
                        "would silently leave it out: see the error above, or use "
                        "device='numpy' (a second argument of a table such as table(t, "
                        "i//n) must be an integer variable)"
                    )


@contextmanager
def its_objects() -> Iterator[None]:
    """Say in one sentence which object Brian2 cannot run, and why."""
    try:
        yield
    except b2.BrianObjectException as problem:
        inner: BaseException = problem
        while inner.__cause__ is not None:  # the last one says what is wrong
            inner = inner.__cause__
        if isinstance(inner, NotImplementedError | MemoryError):
            raise
        raise FwpError(
            f"Brian2 cannot run {problem._brian_objname!r}: {inner}"
        ) from problem


@contextmanager
def plain_sentences(device: str) -> Iterator[None]:
    """Say Brian2's refusals of standalone devices in one sentence."""
    try:
        yield
    except (NotImplementedError, ReferenceError) as problem:
        if device not in STANDALONE:
            raise
        raise Cannot(_sentence(problem, device)) from problem


def _sentence(problem: Exception, device: str) -> str:
    said = " ".join(str(problem).split())
    if isinstance(problem, ReferenceError):
        return (
            f"device={device!r} needs a Brian2 object that is gone: keep all objects of "
            "the network alive until the run is over (Built.keep)"
        )
    if "store/restore" in said or "restore" in said and "support" in said:
        return (
            f"store and restore do not work with device={device!r}: use 'numpy' or "
            "'cython', or make the network again"
        )
    if "record=True" in said:
        return (
            f"record=True of synapses does not work with device={device!r}, which makes "
            "them in the run: give the indices, as in record=np.arange(number)"
        )
    if "retrieve the values" in said or "before the simulation has been run" in said:
        return (
            f"a value was read before the run, and with device={device!r} there is none "
            "yet: read it in Built.collect, or compute it in Python"
        )
    return f"device={device!r} cannot do this: {said}"


# ---------------------------------------------------------------------- after a run


def not_a_number(network) -> None:
    """Refuse results that hold NaN where an equation made it, and name the variable."""
    for group, name in _states(network):
        values = np.asarray(group.variables[name].get_value())
        if values.dtype.kind == "f" and np.isnan(values).any():
            method = "an exact solution divides by zero, or the time step is too large"
            raise FwpError(
                f"{name} of {group.name!r} is not a number in "
                f"{int(np.isnan(values).sum())} of {values.size} places after the run: "
                f"{method}"
            )


def recorded_indices(network) -> None:
    """Refuse records of synapses that do not exist: a standalone program reads past the
    end."""
    for monitor in network.sorted_objects:
        if isinstance(monitor, b2.StateMonitor) and isinstance(
            monitor.source, b2.Synapses
        ):
            asked, there = np.asarray(monitor.record), len(monitor.source)
            if asked.size and asked.max() >= there:
                raise FwpError(
                    f"{monitor.name!r} records synapse {asked.max()} of "
                    f"{monitor.source.name!r}, which has {there}"
                )


# ---------------------------------------------------------------------- helpers


def _states(network) -> Iterator[tuple]:
    """Yield (group, variable) for all variables that a differential equation changes."""
    for item in network.sorted_objects:
        for name, equation in (getattr(item, "equations", None) or {}).items():
            if equation.type == "differential equation":
                yield item, name


def _pathways(network) -> Iterator[tuple]:
    for item in network.sorted_objects:
        if isinstance(item, b2.Synapses):
            for pathway in item._pathways:
                yield item, pathway


def _overlap(source, target) -> bool:
    """Tell whether two groups or parts of groups share cells."""
    one, two = getattr(source, "source", source), getattr(target, "source", target)
    if getattr(one, "name", one) != getattr(two, "name", two):
        return False
    starts = [getattr(group, "start", 0) for group in (source, target)]
    stops = [getattr(group, "stop", len(group)) for group in (source, target)]
    return max(starts) < min(stops)


def _used(synapses, code: str) -> tuple[set, set]:
    """Return the cells' variables that text writes and reads, as (side, name)."""
    written, read = set(), set()
    for line in code.splitlines():
        for part in line.partition("#")[0].split(";"):
            if not part.strip():
                continue
            name, operation, expression, _ = parse_statement(part.strip())
            written.update(_sides(synapses, name))
            for identifier in get_identifiers(expression):
                read.update(_sides(synapses, identifier))
    return written, read


def _sides(synapses, name: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield what a name in synaptic text stands for on the cells; expressions are
    followed."""
    own = synapses.equations
    if name in own:
        if own[name].type == "subexpression" and depth < 20:
            for identifier in own[name].identifiers:
                yield from _sides(synapses, identifier, depth + 1)
        return
    side, base = "post", name
    for ending in ("pre", "post"):
        if name.endswith(f"_{ending}"):
            side, base = ending, name[: -len(ending) - 1]
    group = synapses.source if side == "pre" else synapses.target
    variable = getattr(group, "variables", {}).get(base)
    if variable is None or base in ("t", "dt", "i", "j", "N", "t_in_timesteps"):
        return
    yield side, base
    for identifier in get_identifiers(getattr(variable, "expr", None) or ""):
        if depth < 20:
            yield from _sides(synapses, f"{identifier}_{side}", depth + 1)


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _their(names: list[str]) -> str:
    return "its" if len(names) == 1 else "their"
