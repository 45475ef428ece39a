"""Every registered rule once more, by hand, in matrix notation (W [post, pre], column
vectors).

Written from the equations of the papers, not from the rule texts of the package. A step
takes the fast weights and one token's signals ``s`` (attributes k, v and the gates, 1-D
arrays or numbers).
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy import diag, eye, outer

#: rule -> step(*states, s) -> new states (a matrix, or a tuple if there are several)
ORACLES = {}


def oracle(step):
    ORACLES[step.__name__] = step
    return step


def householder(beta, k):
    return eye(len(k)) - beta * outer(k, k)  # [pre, pre]


@oracle
def hebb(W, s):  # W + beta v k'
    return W + s.beta * outer(s.v, s.k)


@oracle
def decayed_hebb(W, s):  # alpha W + beta v k' (RetNet, Mamba-2)
    return s.alpha * W + s.beta * outer(s.v, s.k)


@oracle
def gla(W, s):  # W Diag(alpha) + v k'
    return W @ diag(s.alpha) + outer(s.v, s.k)


@oracle
def hgrn2(W, s):  # W Diag(alpha) + v (1 - alpha)'
    return W @ diag(s.alpha) + outer(s.v, np.ones(len(s.alpha)) - s.alpha)


@oracle
def delta(W, s):  # W (I - beta k k') + beta v k'
    return W @ householder(s.beta, s.k) + s.beta * outer(s.v, s.k)


@oracle
# alpha W (I - beta k k') + beta v k': the decayed weights are corrected
def gated_delta(W, s):
    return s.alpha * W @ householder(s.beta, s.k) + s.beta * outer(s.v, s.k)


@oracle
def delta_then_decay(W, s):  # alpha (W (I - beta k k') + beta v k')
    return s.alpha * (W @ householder(s.beta, s.k) + s.beta * outer(s.v, s.k))


@oracle
def leaky_delta(W, s):  # W (alpha I - erase k k') + write v k'
    return W @ (s.alpha * eye(len(s.k)) - s.erase * outer(s.k, s.k)) + s.write * outer(
        s.v, s.k
    )


@oracle
def kimi_delta(W, s):  # W Diag(alpha) (I - beta k k') + beta v k'
    return W @ diag(s.alpha) @ householder(s.beta, s.k) + s.beta * outer(s.v, s.k)


@oracle
def gdn2(W, s):  # W Diag(alpha) (I - (erase o k) k') + (write o v) k'
    erased = eye(len(s.k)) - outer(diag(s.erase) @ s.k, s.k)
    return W @ diag(s.alpha) @ erased + outer(diag(s.write) @ s.v, s.k)


@oracle
def comba(W, s):  # alpha W + beta (v - W p) k': the error of the undecayed weights
    return s.alpha * W + s.beta * outer(s.v - W @ s.p, s.k)


@oracle
def longhorn(W, s):  # W + (eps o (v - W k)) k', eps_i = beta_i / (1 + beta_i |k|^2)
    eps = s.beta / (1 + s.beta * (s.k @ s.k))  # [post]
    return W + outer(diag(eps) @ (s.v - W @ s.k), s.k)


@oracle
def rwkv7(W, s):  # W (Diag(decay) - kappa (a o kappa)') + v k'
    return W @ (diag(s.decay) - outer(s.kappa, diag(s.a) @ s.kappa)) + outer(s.v, s.k)


@oracle
def iplr(W, s):  # W (I + a b') + v k'
    return W @ (eye(len(s.k)) + outer(s.a, s.b)) + outer(s.v, s.k)


@oracle
def dplr(W, s):  # W (Diag(decay) + a b') + v k'
    return W @ (diag(s.decay) + outer(s.a, s.b)) + outer(s.v, s.k)


@oracle
def delta_product(W, s):  # alpha W H1 H2 + beta1 v1 k1' H2 + beta2 v2 k2'
    first, second = householder(s.beta, s.k), householder(s.beta2, s.k2)
    written = s.beta * outer(s.v, s.k) @ second + s.beta2 * outer(s.v2, s.k2)
    return s.alpha * W @ first @ second + written


@oracle
def oja(W, s):  # (I - beta v v') W + beta v k'
    return householder(s.beta, s.v) @ W + s.beta * outer(s.v, s.k)


@oracle
def oja_neuron(W, s):  # row i: w_i + beta v_i (k - v_i w_i)
    return (eye(len(s.v)) - s.beta * diag(s.v * s.v)) @ W + s.beta * outer(s.v, s.k)


@oracle
def gated_oja(W, s):  # (I - beta v v') Diag(alpha) W + beta v k'
    return householder(s.beta, s.v) @ diag(s.alpha) @ W + s.beta * outer(s.v, s.k)


@oracle
# S = eta S - beta dL/dW with L = |W k - v|^2 / 2;  W = alpha W + S
def momentum_delta(W, M, s):
    M = s.eta * M - s.beta * outer(W @ s.k - s.v, s.k)
    return s.alpha * W + M, M


@oracle
# M = mu M - eta dL/dW with the error read at p;  W = alpha W + b M
def momentum_deltanet(W, M, s):
    M = s.mu * M - s.eta * outer(W @ s.p - s.v, s.k)
    return s.alpha * W + s.beta * M, M


@oracle
# W = fast + slow, and each pool decays and takes its part of a write
def two_pool_hebb(W, S, s):
    new = s.beta * outer(s.v, s.k)
    fast = s.alpha * (W - S) + (1 - s.share) * new
    slow = s.gamma * S + s.share * new
    return fast + slow, slow


@oracle
# H counts squared keys, whose logarithm sets the write gain
def preconditioned_delta(W, H, s):
    H = s.gamma * H + s.rho * outer(np.ones(len(s.v)), s.k**2)
    r = np.log(np.abs(H) + 1e-6) + 0.2
    gain = 1.5 ** (-r / (1 + np.abs(r)))
    W = s.alpha * W
    return W + s.beta * outer(s.v - W @ s.k, s.k) * gain, H


def draw(rule, lead, pre=5, post=3, seed=0):
    """Draw random signals of a rule: name -> [*lead, dim] (shared: [*lead]), gates in
    (0.1, 0.95).

    The query ``q`` comes along; keys and values have entries of either sign.
    """
    rng = np.random.default_rng(seed)
    signals = {}
    for name, home in {**rule.homes, "q": "pre"}.items():
        shape = (*lead, *{"shared": (), "pre": (pre,), "post": (post,)}[home])
        gate = name in rule.gates
        signals[name] = (
            rng.uniform(0.1, 0.95, shape) if gate else rng.normal(0, 0.6, shape)
        )
    return signals


def draw_states(rule, lead, pre=5, post=3, seed=0):
    """Draw a state before the first token that is not zero: state -> [*lead, post,
    pre]."""
    rng = np.random.default_rng([seed, 1])
    return {name: rng.standard_normal((*lead, post, pre)) for name in rule.states}


def walk(name, signals, states):
    """Run the hand-written step of rule ``name`` over signals [token, dim] from states
    [post, pre].

    Returns the read-outs W_t q_t [token, post] and the states after every token, in the
    order of the rule's states, each [token, post, pre].
    """
    new = f"rule {name!r} needs a hand-written step in ORACLES of tests/oracles.py"
    assert name in ORACLES, new
    now, readouts, kept = tuple(states.values()), [], []
    for t in range(len(signals["q"])):
        token = SimpleNamespace(**{n: array[t] for n, array in signals.items()})
        now = ORACLES[name](*now, token)
        now = now if isinstance(now, tuple) else (now,)
        readouts.append(now[0] @ token.q)
        kept.append(now)
    return np.stack(readouts), [np.stack(trace) for trace in zip(*kept, strict=True)]
