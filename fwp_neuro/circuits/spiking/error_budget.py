"""An error budget: what each part of a realistic circuit adds to the whole error.

Errors of the gain multiply, and noise adds in squares: with slope s and nRMSE e of a
circuit on its rule, e^2 = (s - 1)^2 + r^2, where r is what is left beside the gain (the
read-outs of the rule have a mean near 0). A
circuit whose inhibition shunts recalls all that its weights carry with another gain, so
that each part is measured together with the inhibition:

    r_all^2 = r_base^2 + sum (r_part^2 - r_base^2)     s_all = s_base prod (s_part/s_base)

Noise of the membrane averages out over the spiking cells of a channel, mismatches are
mended by homeostasis: such pairs are one part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ...arguments import PROGRESS, SEED, cells, inside, instance, optional, takes
from ...run_arguments import PROGRAM, RULE
from .ladder import ROOM, ladder
from .realism import Realism

#: part -> the fields of `Realism` that belong together
PARTS = {
    "value cells": ("value_cells", "membrane_noise"),
    "mismatches": ("heterogeneity", "homeostasis"),
    "release": ("release", "sites"),
    "short_term": ("short_term",),
    "background": ("background",),
    "gate": ("gate",),
    "delay": ("delay",),
    "levels": ("levels",),
}


@takes(
    program=PROGRAM,
    rule=RULE,
    realism=optional(instance("fwp_neuro.circuits.spiking.realism:Realism")),
    cells=cells(),
    seed=SEED,
    options=inside("options of the spiking realisation"),
    progress=optional(PROGRESS),
)
def error_budget(
    program, rule="delta", realism=None, *, cells=100, seed: int = 0, progress=None,
    **options: Any,
) -> xr.Dataset:  # fmt: skip
    """Return the errors of the parts of a realistic circuit, and what they add up to.

    Args:
        program: many heads give a small standard error.
        rule: a registered name or a `Rule`.
        realism: a `Realism`; the physiological preset if None.
        cells: for each number.
        seed: of the random numbers.
        progress: called with (fraction done, note).
        options: of the spiking realisation; those that leave room for a shunt
            (`fwp_neuro.circuits.spiking.ladder.ROOM`) unless given.

    Returns:
        "nrmse", "slope" and "residual" (nRMSE beside the gain) [part]: "base" (inhibition
        alone, or the idealised circuit), each part on top of it, "sum" (what the formulas
        of this module make of them) and "whole" (the circuit with all of them).

    Raises:
        FwpError: as `fwp_neuro.run`.

    Example:
        >>> program = fwp_neuro.tasks.associative_recall(heads=8)  # doctest: +SKIP
        >>> error_budget(program, "delta").residual  # doctest: +SKIP
    """
    whole = Realism(preset="physiological") if realism is None else realism
    base = {"inhibition": whole.inhibition}
    rungs: dict[str, Any] = {"base": Realism(**base)}
    for part, names in PARTS.items():
        if set(names) & set(whole.on):
            mine = {name: getattr(whole, name) for name in names}
            rungs[part] = Realism(**base, **mine)
    found = ladder(
        program, rule, rungs={**rungs, "whole": whole}, cells=[cells], seed=seed,
        progress=progress, **{**ROOM, **options},
    ).isel(cells=0)  # fmt: skip
    slope, error = (found[name].values[1:] for name in ("slope", "nrmse"))
    left = np.sqrt(np.maximum(error**2 - (slope - 1) ** 2, 0))
    summed = np.sqrt(left[0] ** 2 + (left[1:-1] ** 2 - left[0] ** 2).sum())
    gain = slope[0] * np.prod(slope[1:-1] / slope[0])
    columns = {
        "nrmse": [*error[:-1], np.hypot(summed, gain - 1), error[-1]],
        "slope": [*slope[:-1], gain, slope[-1]],
        "residual": [*left[:-1], summed, left[-1]],
    }
    return xr.Dataset(
        {name: ("part", np.array(column)) for name, column in columns.items()},
        {"part": [*rungs, "sum", "whole"]},
    )
