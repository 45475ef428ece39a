"""Brian2 texts of `pair_stdp`: pairing schemes and bounds."""

from __future__ import annotations

from ..synapse_class import Equations

_TRACES = """
w : 1
dx/dt = -x/tau_plus : 1 (event-driven)
dy/dt = -y/tau_minus : 1 (event-driven)
"""
_ADDITIVE = "w -= A_minus*y\n", "w += A_plus*x\n"
_LEFT, _SPACE = "clip(w/w_max, 0, 1)**mu", "clip(1 - w/w_max, 0, 1)**mu"
EQUATIONS = Equations(_TRACES, _ADDITIVE[0] + "x += 1", _ADDITIVE[1] + "y += 1")
NEAREST = Equations(_TRACES, _ADDITIVE[0] + "x = 1", _ADDITIVE[1] + "y = 1")
BOUNDED = Equations(
    _TRACES,
    f"w = clip(w - A_minus*w_max*{_LEFT}*y, 0, w_max)\nx += 1",
    f"w = clip(w + A_plus*w_max*{_SPACE}*x, 0, w_max)\ny += 1",
)
PROPORTIONAL = Equations(_TRACES, "w -= A_minus*w*y\nx += 1", "w += A_plus*x\ny += 1")
