"""What a memory made of short-term plasticity alone can hold: the rank argument.

The effective weights of Tsodyks-Markram synapses with fixed J are W = J diag(g), g = u x:
one number a presynaptic cell. Writing v k^T needs W k = v for any v. With n presynaptic
and m postsynaptic cells two items that share presynaptic cells pose 2 m conditions on n
numbers, and what is worse, g follows presynaptic spikes only: the value never enters, so
storing (k1, v1), (k2, v2) and storing the swapped (k1, v2), (k2, v1) leave the very same
weights. A synapse that writes post x pre (a Hebbian one) has an entry for every pair of
cells and no such limit, up to n linearly independent keys.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ..circuits import injected
from ..errors import FwpError
from ..synapses.synapse_class import Synapse


def _checked(keys, values) -> tuple[np.ndarray, np.ndarray]:
    keys, values = np.asarray(keys, dtype=float), np.asarray(values, dtype=float)
    if keys.ndim != 2 or values.ndim != 2 or len(keys) != len(values):
        raise FwpError(
            "keys and values are tables [item, cell] of as many items each, got "
            f"{keys.shape}, {values.shape}"
        )
    return keys, values


def gate_error(weights, keys, values) -> float:
    """Return the relative error of the best gate on the columns of fixed weights.

    The least-squares optimum over *all* gates g of sum_items |J diag(g) k - v|^2, of
    which those that spikes can set are a part: no Tsodyks-Markram memory does better.

    Args:
        weights: J [post, pre].
        keys: [item, pre]; values: [item, post].
    """
    keys, values = _checked(keys, values)
    # [item * post, pre]
    columns = np.concatenate([np.asarray(weights) * key for key in keys])
    gate = np.linalg.lstsq(columns, values.ravel(), rcond=None)[0]
    return float(np.linalg.norm(columns @ gate - values.ravel()) / np.linalg.norm(values))


def outer_error(keys, values) -> float:
    """Return the relative error of the best sum of outer products v k^T for keys and
    values."""
    keys, values = _checked(keys, values)
    weights = np.linalg.lstsq(keys, values, rcond=None)[0]  # [pre, post]
    return float(np.linalg.norm(keys @ weights - values) / np.linalg.norm(values))


def recall(
    model: Synapse, keys, values, weights=None, device: str = "numpy"
) -> np.ndarray:
    """Write items by spikes into a model's synapses, and read what the change of weights
    recalls.

    Item after item, 300 ms apart, the cells of its key fire six spikes at 100 Hz and the
    cells of its value fire 2 ms after each; a spike of every presynaptic cell 1 s later
    brings event-driven variables up to date.

    Args:
        model: a plasticity or short-term plasticity model.
        keys, values: tables of 0 and 1, [item, pre] and [item, post].
        weights: initial ``J`` [post, pre]; 1 if None.
        device: see `fwp_neuro.devices`.

    Returns:
        (W - W without items) k [item, post]: the recalled values.
    """
    keys, values = _checked(keys, values)
    steps = 300 * len(keys) + 1200
    pre, post = np.zeros((steps, keys.shape[1])), np.zeros((steps, values.shape[1]))
    pre[-10] = 1
    silent = pre.copy()
    for item, (key, value) in enumerate(zip(keys, values, strict=True)):
        at = 300 * item + 10 * np.arange(6)
        pre[at] = key
        post[at + 2] = value
    initial = {} if weights is None else {"J": np.asarray(weights, dtype=float)}

    def after(spikes, others) -> np.ndarray:
        return injected.run(
            model, spikes, others, dt=1 * b2.ms, initial=initial, device=device
        )["weight"]  # fmt: skip

    return keys @ (after(pre, post) - after(silent, np.zeros_like(post))).T


def told_apart(recalled, values) -> float:
    """Return the correlation of the difference of two recalled values with that of the
    true ones.

    1 where each key recalls its own value, -1 where they are swapped, about 0 where the
    memory does not know which value belongs to which key.
    """
    recalled, values = np.asarray(recalled, dtype=float), np.asarray(values, dtype=float)
    return float(np.corrcoef(recalled[0] - recalled[1], values[0] - values[1])[0, 1])
