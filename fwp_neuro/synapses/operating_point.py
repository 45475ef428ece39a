"""What a cell brings to a write of which the error is its own voltage: V - theta.

    dV/dt = (E_L - V)/tau_m,   V <- V + bap at its own spike   (unless V is the user's)
    dtheta/dt = slide (V - theta)/tau_theta

theta is the cell's operating point. The cell finds it itself: while ``slide`` is open,
theta follows the voltage (homeostasis; a low-pass of the cell's own activity as the
sliding threshold of Bienenstock, Cooper & Munro 1982, linear in V here). ``opening`` is
the gate of the write: a neuromodulator. Both are 1 unless a port says which variable of
the cells they are.

Modelling choices of this package: all values below; that homeostasis has a gate of its
own, so that a set-up of seconds stands for hours.
"""

from __future__ import annotations

from brian2 import ms, mV, second

POST = """
dV/dt = (E_L - V)/tau_m : volt
dtheta/dt = slide*(V - theta)/tau_theta : volt
opening = always : 1
slide = sliding : 1
"""
POST_SPIKE = "V += bap"
PORTS = {"membrane": "V", "gate": "opening", "homeostasis": "slide"}
INITIAL = {"V": "E_L", "theta": "theta_start"}
SIGNED = ("E_L", "theta_start", "always", "sliding")
_CHOICE = "modelling choice of this package: "
SOURCES = {
    "E_L": _CHOICE + "rest of the voltage that the model brings itself",
    "tau_m": _CHOICE + "membrane of 10 ms, as the voltage that the model brings itself",
    "bap": _CHOICE + "a back-propagating spike, seen through the membrane",
    "theta_start": _CHOICE + "operating point before homeostasis, halfway up one spike",
    "tau_theta": _CHOICE + "1 s where homeostasis is open: in brains hours",
    "always": _CHOICE + "the gate where no port names it: open",
    "sliding": _CHOICE + "homeostasis where no port names it: shut, theta stands still",
}


def values() -> dict:
    """Return the parameters that a cell needs for its operating point."""
    return {
        "E_L": -70 * mV, "tau_m": 10 * ms, "bap": 10 * mV, "theta_start": -65 * mV,
        "tau_theta": 1 * second, "always": 1.0, "sliding": 0.0,
    }  # fmt: skip
