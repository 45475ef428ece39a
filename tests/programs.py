"""Random programmes for the circuits, and how far two recordings are apart.

Heads are independent memories in one network, so that several heads are several seeds for
the price of one run.
"""

import numpy as np

import fwp_neuro as fwp

INF = float("inf")


def unit(array):
    """Scale every key to norm 1."""
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def random_program(tokens=8, heads=4, pre=8, post=8, seed=0, signed=False, **gates):
    """Rectified-Gaussian keys of norm 1, values uniform in [-1, 1], queries among the
    keys so far.

    ``signed`` leaves the keys Gaussian. Gates as for `Program`; beta is 0.8 unless given.
    """
    rng = np.random.default_rng(seed)
    key = rng.standard_normal((tokens, heads, pre))
    key = unit(key if signed else np.maximum(key, 0) + 1e-9)
    value = rng.uniform(-1, 1, (tokens, heads, post))
    asked = [rng.integers(0, token + 1, heads) for token in range(tokens)]
    query = np.stack([key[tokens_asked, np.arange(heads)] for tokens_asked in asked])
    return fwp.Program(key, value, query, **{"beta": 0.8, **gates})


def sparse_program(tokens=1, heads=4, pre=16, on=3, post=8, seed=0, beta=0.9):
    """Keys with ``on`` equal entries out of ``pre``, norm 1, each its own query."""
    rng = np.random.default_rng(seed)
    key = np.zeros((tokens, heads, pre))
    for spot in np.ndindex(tokens, heads):
        key[spot][rng.choice(pre, on, replace=False)] = on**-0.5
    return fwp.Program(key, rng.uniform(-1, 1, (tokens, heads, post)), beta=beta)


def rule_program(name, tokens=3, heads=2, pre=4, post=3, seed=0):
    """A programme with every signal and gate that a rule needs, well inside the gates'
    domains."""
    rule, rng, arrays = fwp.rule(name), np.random.default_rng(seed), {}
    for name, home in rule.homes.items():
        if name in ("k", "v"):
            continue
        shape = (tokens, heads, *{"shared": (), "pre": (pre,), "post": (post,)}[home])
        if name in rule.gates:
            low, high = rule.domains.get(name, (0, 1))
            arrays[name] = low + (high - low) * rng.uniform(0.3, 0.8, shape)
        else:
            arrays[name] = unit(np.abs(rng.standard_normal(shape)))
    return random_program(tokens, heads, pre, post, seed, **arrays)


def spiking(program, rule, **options):
    """Run the spiking circuit with NumPy code; rates, not spikes, unless ``cells`` is
    given."""
    return fwp.run(
        program, rule, "spiking", **{"cells": INF, "device": "numpy", **options}
    )


def artificial(program, rule, **options):
    """Run the NumPy oracle."""
    return fwp.run(program, rule, backend="numpy", **options)


def nrmse(recording, reference, name="readout"):
    """RMSE over the standard deviation of the reference."""
    other, reference = recording[name].values, reference[name].values
    return float(np.sqrt(np.mean((other - reference) ** 2)) / reference.std())


def gain(recording, reference, name="weights"):
    """Slope of the regression through the origin of a recording on its reference."""
    other, reference = recording[name].values, reference[name].values
    return float((other * reference).sum() / (reference**2).sum())


def relative(array, expected):
    """Largest deviation over the largest expected number."""
    return float(np.abs(array - expected).max() / np.abs(expected).max())


def options_of(recording):
    """What the recording says about how it was made."""
    return recording.provenance["options"]
