"""Cells that turn a number into spikes: Poisson, or integrate-and-fire driven to a rate."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ...errors import FwpError

KINDS = ("poisson", "integrate_and_fire")
# read where it is needed, in the threshold or in the phase: a variable would be one more updater
_EQUATIONS = "rate = {table}(t, coded) : Hz\ncoded : integer (constant)\n"


def check_rate(fastest: float, rate, dt) -> None:
    """Raise `FwpError` if a cell that codes the number ``fastest`` fires more than once a step."""
    if fastest * float(rate * dt) > 1:
        raise FwpError(
            f"a cell would have to fire at {fastest * float(rate):.4g} Hz, more than once in "
            f"dt={dt}: scale the keys down, lower constants={{'rate': ...}}, or take a smaller dt"
        )


def group(
    numbers: int, cells: int, kind: str, table: str, name: str, namespace: dict, phases, dt,
    extra: str = "", reset: str = "", events: dict | None = None,
):  # fmt: skip
    """Return a NeuronGroup of ``numbers`` x ``cells`` cells, the cells of one number adjacent.

    Args:
        numbers: how many numbers are coded; cell c codes number c // cells.
        kind: "poisson" (independent Bernoulli trials, one a step) or "integrate_and_fire" (no leak,
            reset by subtraction, so that the mean rate is exact at any dt; random initial phase).
        table: name in ``namespace`` of the TimedArray [time, number] of rates.
        phases: NumPy generator for the initial phases; dt: time step.
        extra: further equations; reset: further reset code; events: option of the NeuronGroup.
    """
    equations = _EQUATIONS.format(table=table) + extra
    if kind == "poisson":
        options = {"threshold": "rand() < rate*dt", "reset": reset or ""}
    else:
        equations += "\nphase : 1"
        options = {"threshold": "phase >= 1", "reset": "phase -= 1\n" + reset}
    made = b2.NeuronGroup(
        numbers * cells, equations, method="exact", namespace=namespace, name=name, order=1,
        **options, **(events or {}),
    )  # fmt: skip
    made.coded = np.repeat(np.arange(numbers), cells)
    if kind == "integrate_and_fire":
        made.phase = phases.random(numbers * cells)
        # not a differential equation: beside it, Brian2's exact integrator refuses decaying traces
        made.run_regularly("phase += rate*dt", dt=dt, when="groups", order=2, name=f"{name}_phase")
    return made
