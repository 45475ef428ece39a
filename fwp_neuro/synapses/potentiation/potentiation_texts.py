"""Brian2 texts of both potentiation models."""

from __future__ import annotations

from ..synapse_class import Equations

_SYNAPSE = """
J : 1
transmitted : 1
ds/dt = -s/tau_nmda : 1 (event-driven)
du/dt = -u/tau_F : 1 (event-driven)
dx/dt = (1 - x)/tau_D : 1 (event-driven)
"""
_PRE = """
U_now = clip(U*(1 + {P})**presynaptic, 0, 1)
u += U_now*(1 - u)
released = u*x
x -= released
transmitted = J*(1 + {P})**(1 - presynaptic)*released
s += 1
"""
PASSIVE = Equations(
    synapse=_SYNAPSE
    + "dfast/dt = -fast/tau_fast : 1 (event-driven)\ndslow/dt = -slow/tau_slow : 1 "
    "(event-driven)",
    on_pre=_PRE.format(P="fast + slow"),
    on_post="fast += nmda*A_fast*s\nslow += nmda*A_slow*s",
)
USED = Equations(
    synapse=_SYNAPSE + "P : 1",
    on_pre=_PRE.format(P="P") + "P *= 1 - loss",
    on_post="P += nmda*A*s",
)
