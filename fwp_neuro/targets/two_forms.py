"""The Brian2 text of every model against its NumPy form: the same spikes, the same
weights.

A model that needs no setting of its own has none there: every parameter set is run by the
model's own fast form, and one without such a form in both layouts of its text
(see `usual`).

Two cells on either side fire random spikes and all pairs of them have a synapse, in one
Brian2 network that runs on the device "numpy". A row is the largest difference over the
largest change; its bound is what the steps of the text leave, or rounding where both
forms are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.resources import files

import numpy as np

from ..circuits import protocols
from ..synapses import get, names, parameter_sets
from ..synapses.registered_synapses import entry
from . import forms_of_receptors, forms_of_rules, own
from .form_cases import ROUNDING, BothForms, FormCase
from .rows import Row

#: seconds at which a presynaptic cell spikes
_TRAIN = np.array([1, 21, 26, 61, 261]) * 1e-3


def cases(model: str) -> tuple[FormCase, ...]:
    """Return how the forms of a model are compared: as is written, or `usual`."""
    written = {**forms_of_rules.CASES, **forms_of_receptors.CASES}
    return written[model] if model in written else tuple(usual(model))


def usual(model: str) -> Iterator[FormCase]:
    """Yield the comparisons of a synapse for which none are written, by what it has.

    Of each parameter set: ``changed_weight(model, pre, post)`` in its ``events.py``, or
    the release at each spike of a train.
    """
    if model not in names():  # a network of a paper
        return
    fast = (files("fwp_neuro.synapses") / model / "events.py").is_file() and hasattr(
        import_module(f"fwp_neuro.synapses.{model}.events"), "changed_weight"
    )
    for chosen in parameter_sets(model):
        if fast:
            yield FormCase(chosen, partial(forms_of_rules.by_events, model, chosen))
        elif entry(model).release is not None:
            yield FormCase(chosen, partial(_release, model, chosen))


def _release(name: str, chosen: str) -> BothForms:
    model = get(name, chosen)
    return BothForms(
        protocols.release(model, _TRAIN, device="numpy"),
        entry(name).release(model, _TRAIN),
    )


def rows(model: str) -> Iterator[Row]:
    """Compare the forms of a model."""
    written = cases(model)
    if not written and model in names() and entry(model).kind != "circuit":
        yield own.layouts(model, get(model))
    for case in written:
        brian, numpy, before = case.run()
        brian, numpy = np.asarray(brian, dtype=float), np.asarray(numpy, dtype=float)
        change = np.abs(numpy - before).max()
        off = np.abs(brian - numpy).max() / change if change > 0 else np.nan
        what = f", {case.what}" if case.what else ""
        yield Row(
            model, f"Brian2 text = NumPy form{what}: difference / "
                   "change", float(off), case.within,
            0.0, "both forms on the same random spikes, 'numpy' device", "at most",
            strength="two own forms", set_after=case.within > ROUNDING,
        )  # fmt: skip
