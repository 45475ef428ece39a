"""BCPNN at the cost of its events, for networks: traces as sums of exponentials.

Between spikes every trace is a sum of exponentials that decay each by itself, so that a
synapse need only be touched when either side spikes:

    E_i = eps + a_i z_i + e_i,      P_i = eps + b_i z_i + c e_i + p_i,
    E_ij = eps^2 + eps (a_i z_i + a_j z_j) + a_ij z_ij + e_ij,
    P_ij = eps^2 + eps (b_i z_i + b_j z_j) + b_ij z_ij + c e_ij + p_ij

with e decaying by tau_e and p by tau_p/kappa. With tau the time constant of z_i (or z_j,
z_ij), a = tau/(tau - tau_e), b = a kappa tau/(kappa tau - tau_p), c = kappa tau_e/(kappa
tau_e - tau_p). A jump of z changes e and p so that E and P stay where they are. Idea:
Vogginger et al. 2015, Front. Neurosci. 9:2, doi:10.3389/fnins.2015.00002; the formulae
are derived here and tested against `events`. kappa is constant.
"""

from __future__ import annotations

from dataclasses import replace

from ...errors import FwpError
from ..synapse_class import Equations, Synapse

_SYNAPSE = """
dzi/dt = -zi/tau_zi : 1 (event-driven)
dzj/dt = -zj/tau_zj : 1 (event-driven)
dzij/dt = -zij/tau_zij : 1 (event-driven)
dei/dt = -ei/tau_e : 1 (event-driven)
dej/dt = -ej/tau_e : 1 (event-driven)
deij/dt = -eij/tau_e : 1 (event-driven)
dpi/dt = -kappa*pi_/tau_p : 1 (event-driven)
dpj/dt = -kappa*pj/tau_p : 1 (event-driven)
dpij/dt = -kappa*pij/tau_p : 1 (event-driven)
Pi = eps + b_i*zi + c*ei + pi_ : 1
Pj = eps + b_j*zj + c*ej + pj : 1
Pij = eps**2 + eps*(b_i*zi + b_j*zj) + b_ij*zij + c*eij + pij : 1
""".replace("dpi/dt", "dpi_/dt")  # pi is a number in Brian2


def _spike(own: str, other: str) -> str:
    return f"""
eij -= eps*a_{own}*jump_{own} + a_ij*jump_{own}*z{other}
pij -= eps*b_{own}*jump_{own} + b_ij*jump_{own}*z{other}
pij += c*(eps*a_{own}*jump_{own} + a_ij*jump_{own}*z{other})
e{own} -= a_{own}*jump_{own}
{"pi_" if own == "i" else "pj"} -= (b_{own} - c*a_{own})*jump_{own}
zij += jump_{own}*z{other}
z{own} += jump_{own}
"""


ON_PRE, ON_POST = _spike("i", "j"), _spike("j", "i")


def constants(model: Synapse, receptor: str) -> dict:
    """Return what the text needs for the traces of one receptor.

    Raises:
        FwpError: time constants that are equal, for which the sums do not exist.
    """
    tau_i, tau_j = (model.parameters[f"tau_z{side}_{receptor}"] for side in "ij")
    tau_e, tau_p, f_max, eps, kappa = (
        model.parameters[name] for name in ("tau_e", "tau_p", "f_max", "eps", "kappa")
    )
    tau_ij = 1 / (1 / tau_i + 1 / tau_j)
    found = {"tau_zi": tau_i, "tau_zj": tau_j, "tau_zij": tau_ij, "tau_e": tau_e,
             "tau_p": tau_p, "eps": eps, "kappa": float(kappa),
             "c": _share(kappa * tau_e, tau_p, "kappa*tau_e and tau_p")}  # fmt: skip
    for side, tau in (("i", tau_i), ("j", tau_j), ("ij", tau_ij)):
        found[f"a_{side}"] = a = _share(tau, tau_e, f"tau_z{side} and tau_e")
        found[f"b_{side}"] = a * _share(
            kappa * tau, tau_p, f"kappa*tau_z{side} and tau_p"
        )
        if side != "ij":
            found[f"jump_{side}"] = float(1 / (f_max * tau))
    return found


def _share(tau, against, what: str) -> float:
    ratio = float(tau / against)
    if abs(ratio - 1) < 1e-6:
        raise FwpError(f"bcpnn by events needs different {what}, got {tau} twice; change "
                       "one by a thousandth")  # fmt: skip
    return ratio / (ratio - 1)


def events(model: Synapse, receptor: str = "ampa") -> Synapse:
    """Return the rule for one receptor's traces in the form that is touched at spikes
    only.

    Its variables are those of the last spike of either side: ``weight`` is the weight
    then.
    """
    parameters = constants(model, receptor)
    sums = {"Pi": "(eps + b_i*zi + c*ei + pi_)", "Pj": "(eps + b_j*zj + c*ej + pj)",
            "Pij": "(eps**2 + eps*(b_i*zi + b_j*zj) + b_ij*zij + c*eij + "
                   "pij)"}  # fmt: skip
    return replace(
        model,
        equations=Equations(synapse=_SYNAPSE, on_pre=ON_PRE, on_post=ON_POST),
        parameters=parameters,
        weight=f"log({sums['Pij']}/({sums['Pi']}*{sums['Pj']}))",
        initial={},
        derived=None,
        learned=(),
    )
