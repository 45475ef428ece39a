"""Three published conventions of the Tsodyks-Markram model, which give different numbers.

All have a release probability u that a spike raises by U (1 - u) and resources x of which
the spike releases the share u. They differ in what u decays to, and in how resources come
back:

`to_zero`      du/dt = -u/tau_F,      dx/dt = (1 - x)/tau_D.  u is U at a first spike.
               Tsodyks, Pawelzik & Markram 1998 with tau_inact -> 0; Fuhrmann et al. 2002;
               Maass & Markram 2002; NEST's ``tsodyks2_synapse``.
`three_state`  as `to_zero`, but what is released stays inactive (y) for tau_psc before it recovers
               (z): dy/dt = -y/tau_psc, dz/dt = y/tau_psc - z/tau_D, x = 1 - y - z.
               Tsodyks, Uziel & Markram 2000; NEST's ``tsodyks_synapse``.
`to_U`         du/dt = (U - u)/tau_F, dx/dt = (1 - x)/tau_D.  u is U + U (1 - U) at a first spike,
               because the spike raises u before it releases.
               Mongillo, Barak & Tsodyks 2008; Tiddia et al. 2022 (NEST
               ``tsodyks3_synapse``).

In every one the spike raises u first and then releases u x ("u after, x before the
spike").

A fourth description, "u decays to U and the spike releases before it raises u", is not a
fourth model: with v for its u, v(n+1) = U + [v(n) + U (1 - v(n)) - U] e = U + (1 - U)
v(n) e, which is the recursion of `to_zero` for the raised u. So a first-spike u of .344
for U = .19 (Tiddia et al.) says that u rests at U *and* is raised before release; .19
says `to_zero`, in either of its two wordings.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import FwpError
from .synapse_class import Equations, Synapse

_SPIKE = "u += U*(1 - u)\nrelease = u*x\nx -= release"
_STATE = """
J : 1
release : 1
du/dt = {rest}/tau_F : 1 (event-driven)
dx/dt = (1 - x)/tau_D : 1 (event-driven)
"""


@dataclass(frozen=True)
class Convention:
    """What a convention is: its Brian2 text, and what its users must know."""

    equations: Equations
    rests_at_U: bool
    words: str


CONVENTIONS: dict[str, Convention] = {
    "to_zero": Convention(
        Equations(synapse=_STATE.format(rest="-u"), on_pre=_SPIKE),
        False,
        "u decays to 0 and is raised before release (U at a first spike), resources "
        "recover at once: NEST tsodyks2_synapse",
    ),
    "three_state": Convention(
        Equations(
            synapse=_STATE.format(rest="-u").replace("(1 - x)/tau_D", "(1 - x - y)/tau_D")
            + "dy/dt = -y/tau_psc : 1 (event-driven)\n",
            on_pre=_SPIKE + "\ny += release",
        ),
        False,
        "u decays to 0 and is raised before release (U at a first spike), released "
        "resources are inactive for tau_psc before they recover: NEST tsodyks_synapse",
    ),
    "to_U": Convention(
        Equations(synapse=_STATE.format(rest="(U - u)"), on_pre=_SPIKE),
        True,
        "u decays to U and is raised before release (U + U (1 - U) at a first spike), "
        "resources recover at once: Mongillo 2008, Tiddia 2022 (NEST tsodyks3_synapse)",
    ),
}


def convention_of(model: Synapse) -> str:
    """Return the name of the convention that a model's equations follow.

    Raises:
        FwpError: equations of another model.
    """
    for name, one in CONVENTIONS.items():
        if model.equations == one.equations:
            return name
    raise FwpError(
        f"{model.name!r} follows none of the conventions {', '.join(CONVENTIONS)}"
    )


def per_cell(model: Synapse) -> Equations:
    """Return the same model with its state in the presynaptic cell: N states instead of
    N^2.

    A cell's reset computes ``released``, which a synapse with a delay of at least one
    time step and shorter than any interval between spikes reads as ``released_pre`` in
    its on_pre. Legal where U and the time constants are those of the cell; start u and x
    at ``model.initial``.
    """
    lines = model.equations.synapse.replace(" (event-driven)", "").strip().splitlines()
    kept = [line for line in lines if not line.startswith("J ")]
    return replace(
        model.equations, synapse="J : 1", on_pre="", method="exact",
        pre="\n".join(kept).replace("release :", "released :"),
        pre_spike=model.equations.on_pre.replace("release", "released"),
    )  # fmt: skip
