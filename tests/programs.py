"""Random programmes for the circuits, and how far two recordings are apart.

Heads are independent memories in one network, so that several heads are several seeds for the price
of one run.
"""

import numpy as np

from fwp_neuro import Program


def unit(array):
    """Scale every key to norm 1."""
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def random_program(tokens=8, heads=4, pre=8, post=8, seed=0, signed=False, **gates):
    """Rectified-Gaussian keys of norm 1, values uniform in [-1, 1], queries among the keys so far.

    ``signed`` leaves the keys Gaussian. Gates as for `Program`; beta is 0.8 unless given.
    """
    rng = np.random.default_rng(seed)
    key = rng.standard_normal((tokens, heads, pre))
    key = unit(key if signed else np.maximum(key, 0) + 1e-9)
    value = rng.uniform(-1, 1, (tokens, heads, post))
    asked = [rng.integers(0, token + 1, heads) for token in range(tokens)]
    query = np.stack([key[tokens_asked, np.arange(heads)] for tokens_asked in asked])
    return Program(key, value, query, **{"beta": 0.8, **gates})


def nrmse(recording, reference, name="readout"):
    """RMSE over the standard deviation of the reference."""
    other, reference = recording[name].values, reference[name].values
    return float(np.sqrt(np.mean((other - reference) ** 2)) / reference.std())
