"""Brian2 texts of `triplet_stdp`, for both pairing schemes."""

from __future__ import annotations

from ..synapse_class import Equations

TRACES = """
w : 1
dr1/dt = -r1/tau_plus : 1 (event-driven)
dr2/dt = -r2/tau_x : 1 (event-driven)
do1/dt = -o1/tau_minus : 1 (event-driven)
do2/dt = -o2/tau_y : 1 (event-driven)
"""
DEPRESS = "w -= o1*(A2_minus + A3_minus*r2)\n"
POTENTIATE = "w += r1*(A2_plus + A3_plus*o2)\n"
ALL_TO_ALL = Equations(
    synapse=TRACES,
    on_pre=DEPRESS + "r1 += 1\nr2 += 1",
    on_post=POTENTIATE + "o1 += 1\no2 += 1",
)
NEAREST = Equations(
    synapse=TRACES,
    on_pre=DEPRESS + "r1 = 1\nr2 = 1",
    on_post=POTENTIATE + "o1 = 1\no2 = 1",
)
