"""Make a network and run it in this process, or state its run to a standalone device of Brian2."""

from __future__ import annotations

from typing import Any

import brian2 as b2

from . import guards
from .brian2_state import made, runtime
from .built_network import Built, built_by, collected
from .device import DeviceJob
from .device_choice import check_cost, clocks_of


def run(job: DeviceJob, target: str) -> dict[str, Any]:
    """Run a job with one of Brian2's code generation targets, "numpy" or "cython"."""
    with runtime(target, job.dt, job.seed):
        with made() as objects:
            built = built_by(job.build)
        guards.check(built, target, objects())
        check_cost(built.duration, clocks_of(built.network), target)
        with guards.its_objects():
            built.network.run(built.duration, namespace={}, **_report(job))
        if float(built.network.t) < float(built.duration) - 0.5 * float(job.dt):
            # Brian2 answers Ctrl+C by ending early, as if all were well
            raise KeyboardInterrupt
        guards.compiled_as_asked(built.network, target)
        guards.check_results(built)
        return collected(built)


def state(build, name: str, b2) -> Built:
    """Make the network of a standalone device and state its run, behind the guards."""
    with guards.plain_sentences(name):
        with made() as objects:
            built = built_by(build)
        guards.check(built, name, objects())
        check_cost(built.duration, clocks_of(built.network), name)
        with guards.its_objects():
            built.network.run(built.duration, namespace={})
        if name == "cuda_standalone":
            guards.timing_between_runs(b2.get_device())
    return built


def _report(job: DeviceJob) -> dict[str, Any]:
    if job.progress is None:
        return {}
    told = job.progress

    def report(elapsed, completed, start, duration):
        told(float(completed), job.label)

    return {"report": report, "report_period": 1 * b2.second}
