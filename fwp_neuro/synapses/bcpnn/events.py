"""BCPNN traces between given spikes, exact: a linear system solved by its matrix
exponential."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from ..pairing import merged, pairs_of_spikes
from ..synapse_class import Synapse

#: order of the state; the leading 1 carries the constant eps
STATE = ("one", "zi", "zj", "zij", "Ei", "Ej", "Eij", "Pi", "Pj", "Pij")


def system(model: Synapse, receptor: str) -> np.ndarray:
    """Return A of dx/dt = A x for the state (1, z_i, z_j, z_i z_j, E_i, ..., P_ij), in
    1/s."""
    tau_i, tau_j, tau_e, tau_p = model.numbers(
        f"tau_zi_{receptor}", f"tau_zj_{receptor}", "tau_e", "tau_p"
    )
    eps, kappa = model.numbers("eps", "kappa")
    at = {name: n for n, name in enumerate(STATE)}
    a = np.zeros((len(STATE), len(STATE)))
    for name, rate in (
        ("zi", 1 / tau_i),
        ("zj", 1 / tau_j),
        ("zij", 1 / tau_i + 1 / tau_j),
    ):
        a[at[name], at[name]] = -rate
    drives = {"i": {"zi": 1, "one": eps}, "j": {"zj": 1, "one": eps},
              "ij": {"zij": 1, "zi": eps, "zj": eps, "one": eps**2}}  # fmt: skip
    for side, drive in drives.items():
        e, p = at[f"E{side}"], at[f"P{side}"]
        a[e, e], a[p, p], a[p, e] = -1 / tau_e, -kappa / tau_p, kappa / tau_p
        for name, share in drive.items():
            a[e, at[name]] = share / tau_e
    return a


def traces(
    model: Synapse, pre, post, at, receptor: str = "ampa", initial=None
) -> np.ndarray:
    """Return the state at given times.

    Args:
        model: of the rule.
        pre, post: spike times, seconds.
        at: times in increasing order, seconds; a spike at such a time has not acted yet.
        receptor: whose traces.
        initial: first state (1, z_i, ..., P_ij); long silence if None.

    Returns:
        [time, state in the order of `STATE`].
    """
    a = system(model, receptor)
    eps, f_max = model.numbers("eps", "f_max")
    jumps = [
        1 / (f_max * tau)
        for tau in model.numbers(f"tau_zi_{receptor}", f"tau_zj_{receptor}")
    ]
    silent = np.array([1, 0, 0, 0, eps, eps, eps**2, eps, eps, eps**2])
    state = silent if initial is None else np.array(initial, dtype=float)
    one, zi, zj, zij = range(4)
    now, rows, spikes = 0.0, [], merged(np.asarray(pre), np.asarray(post))
    for time in at:
        while spikes and spikes[0][0] < time:
            when, is_pre = spikes.pop(0)
            state = expm(a * (when - now)) @ state if when > now else state.copy()
            now = when
            own, other, jump = (zi, zj, jumps[0]) if is_pre else (zj, zi, jumps[1])
            state[zij] += jump * state[other]
            state[own] += jump * state[one]
        state, now = (expm(a * (time - now)) @ state if time > now else state), time
        rows.append(state)
    return np.array(rows)


def weight(states: np.ndarray) -> np.ndarray:
    """Return log(P_ij/(P_i P_j)) of states [..., state]."""
    return np.log(states[..., 9] / (states[..., 7] * states[..., 8]))


def curve(
    model: Synapse, lags, pairs: int, frequency: float, receptor: str = "ampa"
) -> np.ndarray:
    """Return P_ij/(P_i P_j) one period after the last pair, 1 before the first, at each
    lag.

    The weight itself starts at 0, so that its ratio means nothing; this is exp(weight).
    """
    found = []
    for lag in lags:
        pre, post = pairs_of_spikes(lag, pairs, frequency)
        end = pairs / frequency + abs(lag)
        found.append(np.exp(weight(traces(model, pre, post, [end], receptor)[0])))
    return np.array(found)


def decayed_products(
    model: Synapse, pre, post, at: float, receptor: str = "ampa"
) -> float:
    """Return P_ij as linear attention has it: the decayed sum of key times value, eps =
    0.

    A presynaptic and a postsynaptic spike at a distance u write exp(-|u|/tau_z)/(f_max^2
    (tau_zi + tau_zj)) kappa/tau_p, which decays with tau_p/kappa from the later of the
    two on. Exact where tau_z and tau_e are much shorter than tau_p.
    """
    tau_i, tau_j, tau_p, f_max, kappa = model.numbers(
        f"tau_zi_{receptor}", f"tau_zj_{receptor}", "tau_p", "f_max", "kappa"
    )
    pre, post = np.meshgrid(np.asarray(pre), np.asarray(post))
    after = post - pre
    overlap = np.exp(np.where(after >= 0, -after / tau_i, after / tau_j))
    kept = np.exp(-kappa * (at - np.maximum(pre, post)) / tau_p)
    return float((overlap * kept).sum() * kappa / tau_p / (f_max**2 * (tau_i + tau_j)))
