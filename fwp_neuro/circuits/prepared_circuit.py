"""A circuit that is ready: to run, to be written as a project, or to be compiled for many
runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..device_names import DEVICES
from ..devices.device import Size, Structure
from ..devices.device_run import generate, simulate
from ..errors import FwpError, callers, shown, someone_looks_on, warn
from ..programs import Program
from ..progress import patient
from ..provenance import provenance
from ..realisation_options import Prepared
from ..recording import Recording, make_recording
from ..rules import Rule
from ..states import Keep, variables
from ..validation import affordable
from .drugs import AP5, CNQX
from .token_schedule import Schedule


@dataclass(frozen=True)
class PreparedCircuit(Prepared):
    """A circuit of a programme and a rule.

    Attributes:
        realisation: its name.
        program, rule, options: what it was made of.
        build, size: for the functions of `fwp_neuro.devices`; dt: time step.
        keep: what is kept of the fast weights.
        details: what the provenance says about the run.
        structure: gives the one for `devices.simulate`; None for a circuit with a program
            of its own.
        citation: text with the keys of papers beside those of the rule and the simulator.
        finish: turns what the circuit collects into the units of the programme; may add
            "details", and a "doubt", a sentence to warn with.
    """

    realisation: str
    program: Program
    rule: Rule
    options: Mapping[str, Any]
    build: Callable
    size: Size
    dt: Any
    keep: Keep
    details: dict[str, Any]
    citation: str = ""
    finish: Callable[[dict[str, Any]], dict[str, Any]] = field(
        default=lambda found: found
    )
    structure: Callable[[], Structure] | None = None

    def run(self) -> Recording:
        """Run it on the device of its options."""
        label = f"{self.realisation} {self.rule.name}"
        given = self.options["progress"]
        alone = given is not None or not someone_looks_on()
        with nullcontext(given) if alone else patient(label) as told:
            found, info = simulate(
                self.build, self.size, device=self.options["device"], dt=self.dt,
                seed=self.seed, progress=told, label=label, structure=self.structure,
            )  # fmt: skip
        found = self.finish(found)
        if found.get("doubt"):
            warn(found["doubt"], stacklevel=callers())
        weights, extra = variables(self.rule, self.keep, found)
        known = {*self.program.names, *extra}
        for name, entry in found["recorded"].items():
            extra[f"{name}_trace" if name in known else name] = entry
        details = {**self.details, **info, **found.get("details", {})}
        papers = f"{DEVICES.citation(info['device'])}; {self.citation}"
        return make_recording(
            self.program, self.rule, self.realisation, found["readout"], weights, extra,
            provenance(self.rule, self.realisation, self.seed, details, papers),
            found["coords"],
            found["duration"], found.get("later"),
        )  # fmt: skip

    def write(self, device: str, directory: str | Path) -> Path:
        """Write its project for a standalone device, see `fwp_neuro.devices.generate`."""
        return generate(
            self.build, device=device, dt=self.dt, seed=self.seed, directory=directory
        )

    @property
    def seed(self) -> int:
        """Seed of the random numbers."""
        return self.options["seed"]


def memory_details(layout: tuple[str, str], numbers: int, keep: Keep) -> dict[str, Any]:
    """Return what the provenance says about the fast weights.

    Args:
        layout: its name, and why it was chosen.
        numbers: how many numbers they take.
    """
    details = dict(zip(("layout", "layout_reason"), layout, strict=True))
    return details | {"fast_weight_bytes": 8 * numbers} | keep.details


# ----------------------------------------------------------- what spiking circuits record


def said(names, model, options) -> dict[str, Any]:
    """Return what the provenance says of cells and of traces."""
    given = {name: options[name] for name in ("cells", "key_cells", "dt", "record_every")}
    every = given.pop("record_every")
    traces = {"record": list(names), "record_every": every} if names else {}
    return {**given, "rate": model.parameters["rate"], **traces}


def check_record(options: Mapping[str, Any]) -> None:
    """Refuse a record that names nothing, or that has no interval."""
    if options["record"] is not None and not options["record"]:
        raise FwpError(
            "record names nothing; leave it out, or name variables such as 'w'"
        )
    if options["record"] and options["record_every"] is None:
        raise FwpError("record needs record_every, a time such as 1*ms")


def check_drugs(given) -> None:
    """Refuse anything but a list of drugs."""
    listed = isinstance(given, list | tuple)
    for drug in given if listed else [given]:
        if not listed or not isinstance(drug, AP5 | CNQX):
            raise FwpError(
                f"drugs must be a list of AP5(...) and CNQX(...), got {shown(drug)}"
            )


def check_traces(
    names, ports, sizes: dict[str, int], schedule: Schedule, every: int
) -> None:
    """Refuse traces that would not fit into memory."""
    steps = schedule.tokens * schedule.token_steps
    for name in names:
        numbers = sizes[ports[name].of] * (steps // every + 1)
        affordable(numbers, f"record of {name!r} with this record_every")


def steps_between(interval, dt, schedule: Schedule) -> int:
    """Return an interval in time steps, 0 for None.

    Raises:
        FwpError: no whole number of steps, or longer than the run.
    """
    if interval is None:
        return 0
    steps = round(float(interval / dt))
    if steps < 1 or abs(steps * float(dt) - float(interval)) > 1e-9:
        raise FwpError(
            f"record_every={interval} must be a whole number of time steps dt={dt}"
        )
    if steps > schedule.tokens * schedule.token_steps:
        raise FwpError(
            f"record_every={interval} is longer than the run, which lasts "
            f"{schedule.tokens * schedule.token_steps * dt}"
        )
    return steps
