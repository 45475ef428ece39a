"""Bayesian confidence propagation (BCPNN): a spike-based rule whose weight is a log-odds
ratio.

For each receptor (AMPA, NMDA) with its own time constants of z, presynaptic i,
postsynaptic j:

    tau_zi dZ_i/dt = S_i/(f_max Delta t) - Z_i + eps          (Z_i <- Z_i + 1/(f_max tau_zi), spike)
    tau_e dE_i/dt = Z_i - E_i,    tau_e dE_ij/dt = Z_i Z_j - E_ij
    tau_p dP_i/dt = kappa (E_i - P_i),    tau_p dP_ij/dt = kappa (E_ij - P_ij)
    w_ij = log(P_ij/(P_i P_j)),    bias_j = log P_j

and likewise for j. The text holds z = Z - eps and the product z_i z_j (which decays with
1/tau_zi + 1/tau_zj and jumps at spikes of either side), so that nothing is lost at coarse
steps. Sources: Tully, Hennig & Lansner 2014, Front. Synaptic Neurosci. 6:8; Fiebig &
Lansner 2017, J. Neurosci. 37:83, doi:10.1523/JNEUROSCI.1989-16.2016. The parameter sets
are those of published code.

As a fast-weight programme: P_ij is the exponentially decayed sum of k v' of linear
attention with forget gate alpha = exp(-kappa dt/tau_p); kappa is the write gate beta as
well; P_i P_j normalises, as the sum of keys does in linear attention; unequal tau_z (NMDA
150 ms) bind a key to a later value. That reading is ours (inference), the equations are
the papers'.
"""  # noqa: E501

from __future__ import annotations

from brian2 import Hz, ms, second

from ..synapse_class import Entry, Equations, Synapse, register
from .events import curve

RECEPTORS = ("ampa", "nmda")

_SYNAPSE = """
dzi_R/dt = -zi_R/tau_zi_R : 1 (clock-driven)
dzj_R/dt = -zj_R/tau_zj_R : 1 (clock-driven)
dzij_R/dt = -zij_R*(1/tau_zi_R + 1/tau_zj_R) : 1 (clock-driven)
dEi_R/dt = (zi_R + eps - Ei_R)/tau_e : 1 (clock-driven)
dEj_R/dt = (zj_R + eps - Ej_R)/tau_e : 1 (clock-driven)
dEij_R/dt = (zij_R + eps*(zi_R + zj_R + eps) - Eij_R)/tau_e : 1 (clock-driven)
dPi_R/dt = kappa*(Ei_R - Pi_R)/tau_p : 1 (clock-driven)
dPj_R/dt = kappa*(Ej_R - Pj_R)/tau_p : 1 (clock-driven)
dPij_R/dt = kappa*(Eij_R - Pij_R)/tau_p : 1 (clock-driven)
"""
_ON_PRE = "zij_R += zj_R/(f_max*tau_zi_R)\nzi_R += 1/(f_max*tau_zi_R)"
_ON_POST = "zij_R += zi_R/(f_max*tau_zj_R)\nzj_R += 1/(f_max*tau_zj_R)"


def both(text: str) -> str:
    """Return a text for the traces of AMPA and again for those of NMDA."""
    return "\n".join(text.replace("_R", f"_{receptor}") for receptor in RECEPTORS)


EQUATIONS = Equations(
    synapse=both(_SYNAPSE), on_pre=both(_ON_PRE), on_post=both(_ON_POST), method="rk4"
)
#: everything silent for long: P = eps, P_ij = eps^2, so that the weight starts at zero
INITIAL = {
    f"{name}_{receptor}": "eps**2" if name.endswith("ij") else "eps"
    for receptor in RECEPTORS
    for name in ("Ei", "Ej", "Eij", "Pi", "Pj", "Pij")
}

_REPOSITORY = (
    "Bujanowski, brian_BCPNN (github.com/FerdinandBujanowski/brian_BCPNN, b19c006), "
)
_DBC = (
    "chrysanthidis2019introducing: "
    "github.com/Nikolaos-Chrysanthidis/Cortical-model-with-DBCs--BCPNN-learning-rule- "
    "(mainModelWithDBC.py)"
)
_TULLY = "tully2014synaptic"
_PORT = f"{_REPOSITORY}tully_params.py, after {_TULLY}; "
_KNIGHT = (
    "tully2016spike; knight2016large (sequences: NMDA traces of 150 ms before, 5 ms "
    "after), as in pynn_spinnaker_bcpnn, examples/modular_attractor"
)
#: name -> (tau_z AMPA i, j, NMDA i, j, tau_e [ms], tau_p [s], f_max [Hz], eps, kappa,
#: source)
_SETS = {
    "fiebig_lansner_2017": (5, 5, 5, 5, 100, 1, 50, 0.01, 1,
        _REPOSITORY + "fiebig_params.py, after fiebig2017spiking (the paper was not "
                      "read)"),
    "chrysanthidis_2025": (5, 5, 100, 100, 500, 3, 25, 0.0026, 0.3,
        _REPOSITORY + "chr_params.py, after Chrysanthidis et al. 2025 (regular "
        "plasticity; 1 when modulated)"),
    "chrysanthidis_double_bouquet": (5, 5, 5, 5, 0.1, 5, 20, 0.01, 1, _DBC),
    "tully_2014": (10, 10, 10, 10, 100, 3, 20, 1e-4, 1, _PORT + "the paper was not read"),
    "tully_knight_sequences": (5, 5, 150, 5, 100, 2, 20, 0.025, 1, _KNIGHT),
}  # fmt: skip
SETS = tuple(_SETS)
_NO_NMDA = (
    "modelling choice of this package: as those of AMPA, the only receptor in the "
    "source; onto its double bouquet cells f_max is 55 Hz"
)
#: sets whose number was not in the source, or has two: the parameter -> what stands for
#: it
_CHOSEN = {
    "chrysanthidis_double_bouquet": {"tau_zi_nmda": _NO_NMDA, "tau_zj_nmda": _NO_NMDA},
    "tully_2014": {
        "tau_p": _PORT + "the authors' NEST module and pynn_spinnaker_bcpnn have 1 s",
        "eps": _PORT + "the authors' NEST module has .001",
    },
    "tully_knight_sequences": {
        "eps": _KNIGHT + ": 1/(f_max tau_p)",
        "tau_e": "modelling choice of this package: 100 ms as in the set tully_2014; the "
        "source has no E traces",
    },
}


def make(parameters: str) -> Synapse:
    """Return the model with a parameter set."""
    *times, tau_p, f_max, eps, kappa, source = _SETS[parameters]
    names = ("tau_zi_ampa", "tau_zj_ampa", "tau_zi_nmda", "tau_zj_nmda", "tau_e")
    values = {name: time * ms for name, time in zip(names, times, strict=True)}
    values |= {"tau_p": tau_p * second, "f_max": f_max * Hz, "eps": eps, "kappa": kappa}
    gate = {"kappa": source + "; print-now signal, 1 where the set has none"}
    return Synapse(
        "bcpnn",
        parameters,
        "plasticity",
        "Bayesian confidence propagation: log-odds weights of AMPA and NMDA traces, "
        "print-now gate",
        EQUATIONS,
        values,
        {"": source} | gate | _CHOSEN.get(parameters, {}),
        "tully2014synaptic; fiebig2017spiking",
        "E_ij filters the product Z_i Z_j (Tully 2014, Fiebig & Lansner 2017); the code "
        "of chrysanthidis_2025 filters E_i E_j instead, which its set does not change "
        "here. P counts rate/f_max plus eps. The effective weight is that of the AMPA "
        "traces, without gain; its NMDA twin is log(Pij_nmda/(Pi_nmda*Pj_nmda)). kappa = "
        "0 changes nothing in P",
        weight="log(Pij_ampa/(Pi_ampa*Pj_ampa))",
        signed=("kappa",),
        initial=INITIAL,
        learned=tuple(f"P{of}_{receptor}" for receptor in ("ampa", "nmda")
                      for of in ("i", "j", "ij")),
    )  # fmt: skip


def _curve(model, lags, pairs, frequency, receptor="ampa"):
    return curve(model, lags, pairs, frequency, receptor)


SUMMARY = "Bayesian confidence propagation: log-odds weights with a print-now gate"
register("bcpnn", Entry(make, SETS, "plasticity", SUMMARY, stdp=_curve))
