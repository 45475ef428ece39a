"""The protocols that experiments measure synapses with, on any model's own Brian2 text.

Registered models mostly have a faster form, which equals this one; a model of your own is measured
by its text.
"""

from __future__ import annotations

from dataclasses import replace

import brian2 as b2
import numpy as np

from ..errors import FwpError
from ..synapses.model import Synapse
from ..synapses.plasticity.pairing import check_pairs, steps_of
from . import injected

#: entries of a table of spikes [step, lag] that still fit into memory
_MOST = 4e8


def stdp(model: Synapse, lags, pairs: int, frequency: float, dt: float = 1e-4,
         device: str = "auto") -> np.ndarray:  # fmt: skip
    """Return weight after / weight before of pairs of spikes; `fwp_neuro.synapses.stdp_curve`.

    The weight after is that of the time step after the last spike has arrived.

    Args:
        lags: seconds [lag], each rounded to time steps.
        pairs, frequency: how many pairs, and how many in a second.
        dt: time step, seconds.
        device: see `fwp_neuro.devices`.
    """
    check_pairs(lags, pairs, frequency)
    if "modulator" in model.ports:
        raise FwpError(f"{model.name!r} changes its weight by its port 'modulator', which pairs of "
                       "spikes do not drive: measure the rule without eligibility")  # fmt: skip
    shift = np.round(np.asarray(lags) / dt).astype(int)
    first = max(0, -int(shift.min())) + 1
    late = max(_delay(model, "delay"), _delay(model, "delay_post"))
    last = first + max(0, int(shift.max())) + round((pairs - 1) / frequency / dt)
    steps = steps_of((last + 2) * dt + late, dt)
    if steps * len(shift) > _MOST:
        raise FwpError(f"{pairs} pairs at {frequency:g} Hz and {len(shift)} lags are "
                       f"{steps * len(shift):.3g} entries of spikes with a time step of {dt} s; "
                       f"legal are up to {_MOST:.0e}: fewer pairs or lags, or a longer "
                       "dt")  # fmt: skip
    starts = first + np.round(np.arange(pairs) / frequency / dt).astype(int)
    pre, post = (np.zeros((steps, len(shift))) for _ in range(2))
    pre[starts] = 1
    for number, by in enumerate(shift):
        post[starts + by, number] = 1
    options = {"dt": dt * b2.second, "pairing": "one"}
    after = injected.run(model, pre, post, device=device, **options)["weight"]
    silence = np.zeros((1, 1))
    before = float(injected.run(model, silence, silence, **options)["weight"][0])
    if before == 0:
        raise FwpError(f"the weight of {model.name!r} is 0 before the pairs, so that there is no "
                       "ratio: give initial values")  # fmt: skip
    return after / before


def _delay(model: Synapse, side: str) -> float:
    name = getattr(model.equations, side)
    return float(model.parameters[name]) if name else 0.0


def release(model: Synapse, times, dt: float = 1e-4, device: str = "auto") -> np.ndarray:
    """Return what each presynaptic spike sends; `fwp_neuro.synapses.short_term`.

    Args:
        times: seconds [spike], each rounded to time steps.
        dt: time step, seconds.
        device: see `fwp_neuro.devices`.
    """
    at = np.round((np.asarray(times) - times[0]) / dt).astype(int) + 1
    steps = steps_of(float((at[-1] + 2) * dt), dt)
    # one synapse for each number of spikes: each ends right after its last one
    pre = np.zeros((steps, len(at)))
    for number in range(len(at)):
        pre[at[: number + 1], number] = 1
    ran = injected.run(model, pre, np.zeros_like(pre), dt=dt * b2.second, pairing="one",
                       device=device)  # fmt: skip
    return injected.effective(replace(model, weight=model.sends), ran, (len(at),))
