"""Time constants from AMPA currents to consolidation, beside the token of the circuits.

Claim: a token of 600 ms lies between the currents that carry it (milliseconds) and the
potentiation that keeps what was written (minutes). Three to four orders of magnitude lie
between the NMDA trace that writes and the decay of what it wrote: 160 to 1,900 tokens.

Every value is read from a parameter set of the package, whose source ``fwp-neuro show``
prints: Wang 2002, doi:10.1016/S0896-6273(02)01092-9; Ellwood 2024,
doi:10.1371/journal.pcbi.1011843; Mongillo, Barak & Tsodyks 2008,
doi:10.1126/science.1150769; Pfister & Gerstner 2006,
doi:10.1523/JNEUROSCI.1425-06.2006; Milstein et al. 2021, doi:10.7554/eLife.73046;
Erickson, Maramara & Lisman 2010, doi:10.1162/jocn.2009.21375. Established: the values.
Modelling choice: the windows of a token. Inference of this package: which mechanism plays
which part.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.circuits.token_schedule import WINDOWS
from fwp_neuro.plotting import GREY, PAGE

SHORT, STP = "short-term plasticity", "short_term_potentiation"
COLOURS = {
    "read": "#0072B2", "write": "#D55E00", SHORT: "#009E73",
    "memory": "#CC79A7",
}  # fmt: skip
#: what it is -> part, model, parameter set (None: the usual one), parameter
ROWS = {
    "AMPA current": ("read", "ampa", "wang_2002", "tau_ampa"),
    "membrane of a value cell": ("read", "anti_hebbian", None, "tau_m"),
    "NMDA trace, GluN2A": ("write", "point_spine", None, "tau_nmda"),
    "NMDA trace, slow": ("write", "nmda_per_cell", "wang_2002", "tau_nmda"),
    "spike pairs (STDP), potentiation": ("write", "triplet_stdp", None, "tau_plus"),
    "spike pairs (STDP), depression": ("write", "triplet_stdp", None, "tau_minus"),
    "calcium of a spine": ("write", "point_spine", None, "tau_ca"),
    "recovery from depression": (SHORT, "tsodyks_markram", "mongillo_2008", "tau_D"),
    "facilitation": (SHORT, "tsodyks_markram", "mongillo_2008", "tau_F"),
    "eligibility for a plateau": ("write", "behavioural_time_scale", None, "tau_ET"),
    "matched spikes (Ellwood)": ("memory", "match_and_control", None, "tau_plasticity"),
    "short-term potentiation, fast": ("memory", STP, None, "tau_fast"),
    "short-term potentiation, slow": ("memory", STP, None, "tau_slow"),
    "bistable synapse (Graupner)": ("memory", "graupner_brunel", None, "tau"),
    "homeostatic scaling": ("memory", "homeostatic_scaling", None, "tau_h"),
}  # fmt: skip


def simulate(quick: bool = False, progress=None) -> xr.Dataset:
    """Read the time constants (the same with quick)."""
    seconds = []
    for _, model, parameters, name in ROWS.values():
        found = fwp.synapses.get(model, parameters=parameters) if parameters else (
            fwp.synapses.get(model))  # fmt: skip
        seconds.append(float(found.parameters[name] / b2.second))
    parts = [part for part, *_ in ROWS.values()]
    token = sum(WINDOWS[n] for n in ("settle", "write", "gap", "query", "rest"))
    return xr.Dataset(
        {"tau": ("row", seconds, {"units": "s"}), "part": ("row", parts)},
        {"row": list(ROWS)},
        {"token": token / 1e3, "gate": WINDOWS["write"] / 1e3},
    )


def report(data) -> str:
    """Return every time constant."""
    return "\n".join(
        f"{str(name):34} {float(tau):10.4g} s  {str(part)}"
        for name, tau, part in zip(
            data.row.values, data.tau.values, data.part.values, strict=True
        )
    )


def plot(data):
    """Draw one dot a time constant on a logarithmic axis, and the token as a band."""
    from matplotlib.figure import Figure

    rows = data.sizes["row"]
    order = np.argsort(data.tau.values, kind="stable")
    figure = Figure(figsize=(PAGE, 0.9 + 0.2 * rows))
    ax = figure.subplots()
    ax.axvspan(data.attrs["gate"], data.attrs["token"], color="#F0E442", alpha=0.5, lw=0)
    for place, n in enumerate(order):
        colour = COLOURS[str(data.part.values[n])]
        tau = data.tau.values[n]
        ax.plot([1e-3, tau], [place, place], color=colour, lw=0.8, alpha=0.5)
        ax.plot(tau, place, "o", color=colour, ms=5)
        ax.text(tau * 1.35, place, _said(tau), va="center", fontsize=6.5)
    ax.set_yticks(range(rows), [str(data.row.values[n]) for n in order])
    ax.set(xscale="log", xlim=(1e-3, 1e6), xlabel="time constant")
    ax.set_xticks(
        [1e-3, 1e-2, 1e-1, 1, 60, 3600, 86400],
        ["1 ms", "10 ms", "100 ms", "1 s", "1 min", "1 h", "1 day"],
    )
    ax.minorticks_off()
    ax.text(
        data.attrs["gate"], rows - 0.2, "open gate ... token", fontsize=6.5, color=GREY
    )
    for part, colour in COLOURS.items():
        ax.plot([], [], "o", color=colour, ms=5, label=part)
    ax.legend(loc="lower right", title="its part", title_fontsize=7)
    return figure


def _said(tau: float) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        if tau >= size:
            many = tau / size
            return f"{many:.2g} {'day' if unit == 'days' and many == 1 else unit}"
    return f"{1e3 * tau:.3g} ms"
