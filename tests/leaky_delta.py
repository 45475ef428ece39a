"""Gates of the rule ``leaky_delta`` that solve its differential equation over a token."""

import numpy as np


def leaky_delta_gates(tau, rate, span, norm):
    """Return alpha, erase and write: exact where k and v are held for ``span``.

        dW/dt = -W/tau + b (v - W k) k'      W -> alpha W + (write v - erase W k) k'
        alpha = e^{-T/tau},   erase = alpha (1 - e^{-b |k|^2 T}) / |k|^2,
        write = b (1 - e^{-(1/tau + b |k|^2) T}) / (1/tau + b |k|^2)

    The equation is linear in W and k is constant. Without the leak it is the delta rule
    in continuous time of Irie, Faccio & Schmidhuber 2022 (arXiv:2206.01649). Seconds, 1/s
    and |k|^2 [token] are plain numbers.
    """
    norm = np.asarray(norm, float)
    alpha = np.exp(-span / tau) * np.ones_like(norm)
    some = np.where(norm > 0, norm, 1)
    erase = np.where(norm > 0, -np.expm1(-rate * some * span) / some, rate * span)
    total = 1 / tau + rate * norm
    write = rate * -np.expm1(-total * span) / total
    return {"alpha": alpha, "erase": alpha * erase, "write": write}
