"""Every text of a registered synapse model, and the spikes on which two layouts are
compared."""

import re

import brian2 as b2
import numpy as np
from brian2.utils.stringtools import get_identifiers

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


def belongs_to_cells(model):
    """What a reader of the text moves: (presynaptic, postsynaptic) variables, and those
    that stay and decay.

    A variable belongs to a side if spikes of that side alone change it, and nothing but
    parameters and other variables of that side do so. The weight is the synapse's. The
    event-driven variables that stay decay by factors if each reads itself alone between
    spikes.
    """
    text = model.equations
    lines = b2.Equations(text.synapse)
    between = {n: get_identifiers(str(one.expr or "")) for n, one in lines.items()}
    reads, written = {n: set(its) for n, its in between.items()}, {}
    for side in ("pre", "post"):
        written[side] = set()
        for line in re.split("[;\n]", re.sub("#.*", "", getattr(text, f"on_{side}"))):
            if line.strip():
                name = re.match(r"\w+", line.strip())[0]
                written[side].add(name)
                reads[name] = reads.get(name, set()) | get_identifiers(line)
    sides = []
    for side, other in (("pre", "post"), ("post", "pre")):
        found = {n for n in reads if n in written[side] or between.get(n)}
        found -= written[other] | {model.weight}
        found -= {n for n in found if any(r.endswith(f"_{other}") for r in reads[n])}
        less = None
        while less != found:
            less, found = found, {n for n in found if reads[n] & set(reads) <= found}
        sides.append(found & set(between))
    driven = {n for n, one in lines.items() if "event-driven" in one.flags}
    driven -= sides[0] | sides[1]
    alone = all(between[name] & set(reads) <= {name} for name in driven)
    return (*sides, driven if alone else set())


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
