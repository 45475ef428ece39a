"""Every text of a registered synapse model, and the spikes on which two layouts are
compared."""

import brian2 as b2
import numpy as np

import fwp_neuro as fwp
from fwp_neuro.synapses.synapse_class import Synapse


def models():
    """One model for every different text in the registry."""
    found = {}
    for name in fwp.synapses.names():
        for chosen in fwp.synapses.parameter_sets(name):
            model = fwp.synapses.get(name, chosen)
            if isinstance(model, Synapse):
                found.setdefault((str(model.equations), model.equations.method), model)
    return list(found.values())


def label(model) -> str:
    return f"{model.name}-{model.parameter_set}"


def spikes(model, dt, pre=3, post=2, steps=240, rate=0.03, seed=1):
    """Random spikes [step, cell] of both sides, some of them in one and the same step.

    The last ones reach every synapse in the last step, so that event-driven variables are
    as of then in every layout.
    """
    rng = np.random.default_rng(seed)
    shared = rng.choice(steps - 60, 6, replace=False)
    found = []
    for cells, delay in (
        (pre, model.equations.delay),
        (post, model.equations.delay_post),
    ):
        late = int(round(float(model.parameters[delay] / dt))) if delay else 0
        table = (rng.random((steps, cells)) < rate).astype(float)
        table[shared] = 1
        table[steps - 1 - late :] = 0
        table[steps - 1 - late] = 1
        found.append(table)
    return found


def step(model):
    """A time step that makes a short run long for the model's time constants."""
    return (
        0.2 if model.name in ("bcpnn", "clopath_2010", "urbanczik_senn_2014") else 0.5
    ) * b2.ms


def assert_same(found, expected, relative=1e-12):
    """Every variable of every synapse is the same, relative to its largest value."""
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        assert np.isfinite(table).all(), name
        scale = np.abs(table).max()
        assert np.abs(found[name] - table).max() <= relative * scale, name
