"""Which device a circuit runs on, by estimated cost, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable

import brian2 as b2
import numpy as np
from brian2.groups.group import CodeRunner

from .. import device_names, expected_runs, toolchain
from ..arguments import FLAG, FUNCTION, Kind, instance, takes
from ..errors import FwpError, shown, warn
from ..run_arguments import DEVICE
from .device import DeviceJob, Size, every
from .device import device as by_name

DEVICES = device_names.BRIAN

log = logging.getLogger("fwp_neuro.devices")

#: days of computing beyond which a run is refused, and steps that a float can count
MOST_DAYS, MOST_STEPS = 2, 2**53
MOST_THREADS = 1024


def has_compiler() -> bool:
    """Whether a C++ compiler is on the path."""
    return toolchain.find() is not None


def cost(device: str, size: Size, compiled: bool = False, runs: int = 1) -> float:
    """Return the estimated seconds of ``runs`` runs; ``compiled`` if nothing has to be
    compiled first."""
    costs = by_name(device).costs
    step = size.objects * costs.updater + size.elements * costs.element
    build = 0.0 if compiled else costs.compiler + size.objects * costs.compile_updater
    return costs.generate + build + runs * size.steps * step


def check_cost(duration, clocks: list[float], device: str) -> None:
    """Refuse a run that makes no step, or that would not end.

    Args:
        duration: Brian2 time.
        clocks: of every updater the time step in seconds, see `clocks_of`.
        device: that runs it.

    Raises:
        FwpError: with the number of steps and the estimated cost.
    """
    if not clocks:
        return
    seconds, dt = float(duration), min(clocks)
    steps = seconds / dt
    if steps <= 1e-4:  # what Brian2 takes for nothing
        raise FwpError(
            f"a duration of {_time(seconds)} makes no time step of {_time(dt)}"
        )
    days = sum(seconds / each for each in clocks) * by_name(device).costs.updater / 86400
    if days > MOST_DAYS or steps > MOST_STEPS:
        raise FwpError(
            f"a duration of {_time(seconds)} makes {steps:.3g} time steps of "
            f"{_time(dt)}, on {device} at least {days:.3g} days of computing; the limit "
            f"is {MOST_DAYS} days"
        )


def clocks_of(network) -> list[float]:
    """Return the time step in seconds of every updater of a Brian2 network."""
    runners = [item for item in network.sorted_objects if isinstance(item, CodeRunner)]
    return [float(item.clock.dt_) for item in runners or network.sorted_objects]


@takes(
    device=DEVICE,
    size=instance("fwp_neuro.devices.device:Size", lambda: Size(1, 1, 1)),
    in_cache=FUNCTION,
    standalone=FLAG,
)
def choose(
    device: str,
    size: Size,
    in_cache: Callable[[], bool] = lambda: False,
    *,
    standalone: bool = True,
) -> tuple[str, str]:
    """Return the device to use and the reason, by estimated cost when ``device`` is
    "auto".

    Args:
        device: one of `DEVICES`.
        size: of the run.
        in_cache: tells whether the standalone program is compiled already; asked only
            where the answer decides, because it costs the generation of its code.
        standalone: whether standalone devices can run the circuit.

    Raises:
        FwpError: unknown device, or one that this machine cannot give.
    """
    if device == "auto":
        return _cheapest(size, in_cache, standalone)
    asked = by_name(device)
    if asked.need is not None:
        asked.need()
    if asked.compiles and not has_compiler():
        warn(
            f"no C++ compiler found: device={device!r} falls back to 'numpy', with the "
            "same results, slower",
            stacklevel=2,
        )
        return "numpy", f"fallback: {device} was asked for but there is no C++ compiler"
    return device, "asked for"


def in_cache(job: DeviceJob) -> bool:
    """Tell whether the program of a job is compiled already."""
    return any(
        one.in_cache(job) for one in every() if one.in_cache is not None
    )


def _cheapest(
    size: Size, in_cache: Callable[[], bool], standalone: bool
) -> tuple[str, str]:
    possible = [one for one in every() if standalone or not one.standalone]
    costs: dict[str, float] = {}
    runs = expected_runs.coming()
    for one in possible:
        estimated = cost(one.name, size, runs=runs)
        if one.compiles and not has_compiler():
            if estimated < costs["numpy"] and one.works is None:
                warn("no C++ compiler found: a large network runs with numpy code, "
                     "slower",
                     stacklevel=4)  # fmt: skip
                return "numpy", "fallback: large network, but there is no C++ compiler"
        elif one.works is None or estimated < min(costs.values()) and one.works():
            costs[one.name] = estimated
    best = min(costs, key=costs.__getitem__)
    words = ""
    for one in possible:
        if one.in_cache is not None and one.name in costs and one.name != best:
            again = cost(one.name, size, compiled=True, runs=runs)
            if again < costs[best] / 2 and in_cache():
                costs[one.name], best = again, one.name
                words = ", compiled before"
    others = ", ".join(
        f"{name} {_seconds(each)}" for name, each in sorted(costs.items()) if name != best
    )
    kind = "small network: " if best == "numpy" else ""
    words += f" for {runs} runs" if runs > 1 else ""
    against = f" against {others}" if others else ""
    return best, f"{kind}{best} estimated {_seconds(costs[best])}{words}{against}"


def announce(label: str, device: str, reason: str) -> None:
    """Log the choice of a device, one line a run."""
    log.info("%s: device %s (%s)", label or "circuit", device, reason)


def check_threads(threads, name: str = "threads") -> int:
    """Return a number of threads; `FwpError` unless it is a whole number from 1 to
    1024."""
    whole = isinstance(threads, int | np.integer) and not isinstance(threads, bool)
    if not whole or not 1 <= threads <= MOST_THREADS:
        raise FwpError(
            f"{name} must be a whole number from 1 to {MOST_THREADS}, got "
            f"{shown(threads)}"
        )
    return int(threads)


THREADS = Kind(f"a whole number from 1 to {MOST_THREADS}", check_threads, lambda: 1)


def asked_threads(threads: int | None, device: str) -> int:
    """Return the number of threads to use, and warn of OpenMP if it is more than one.

    Args:
        threads: a whole number, or None for Brian2's preference where the device has
            OpenMP.

    Raises:
        FwpError: not a whole number from 1, or a device without OpenMP.
    """
    if threads is None:
        preferred = b2.prefs["devices.cpp_standalone.openmp_threads"]
        threads = max(preferred, 1) if device == "cpp_standalone" else 1
    check_threads(threads)
    if threads == 1:
        return 1
    if device != "cpp_standalone":
        raise FwpError(
            f"threads={threads} needs device='cpp_standalone', and device={device!r} has "
            "no OpenMP"
        )
    warn(
        f"threads={threads}: OpenMP was 20 to 70 times slower than one thread where "
        "other work ran on the machine, and at best 1.6 times faster; many runs at a "
        "time in processes of one thread use cores better",
        stacklevel=3,
    )
    return threads


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{1000 * seconds:g} ms"


def _seconds(cost: float) -> str:
    return f"{cost:.1f} s" if cost < 10 else f"{cost:.0f} s"
