"""The protocols that experiments measure synapses with, on any synapse's own Brian2 text.

Registered synapses mostly have a faster form, which equals this one; one of your own is
measured by its text. All lags (or trains) and all parameter sets of a call run side by
side, as synapses of one network that have nothing to do with each other.

A text that only spikes change is run with the longest time step on which all spikes lie:
between them it is exact, so that the step makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd

import brian2 as b2
import numpy as np
from brian2.equations.equations import PARAMETER

from .. import arithmetic
from ..errors import FwpError
from ..quantities import time
from ..synapses.factorised.text import lines, unit
from ..synapses.pairing import check_pairs, steps_of
from ..synapses.synapse_class import Synapse
from ..validation import real
from . import injected

#: entries of a table of spikes [step, lag] that still fit into memory
_MOST = 4e8
#: what a network cannot draw or know beforehand, so that its steps must stay as they are
_STEPPED = ("t", "dt", "rand", "randn", "poisson", "binomial")
#: time steps of the spikes of both sides, where there are none
_SILENCE = (np.array([], int), np.array([], int))


@dataclass(frozen=True)
class _Sets:
    """Parameter sets that run side by side.

    Attributes:
        count: how many.
        values: parameter -> quantities [set] of those that differ from the synapse's own.
    """

    count: int
    values: Mapping[str, b2.Quantity]

    @classmethod
    def of(cls, synapse: Synapse, names: Sequence[str], numbers) -> _Sets:
        """Return the sets in which parameters ``names`` are ``numbers`` [set, parameter].

        Raises:
            FwpError: a value that is not legal for its parameter.
        """
        old = synapse.parameters
        dims = {n: b2.get_dimensions(value) for n, value in old.items()}
        every = [
            synapse.changed(**{n: b2.Quantity(x, dim=dims[n])
                               for n, x in zip(names, row, strict=True)}).parameters
            for row in numbers
        ]  # fmt: skip
        table = {
            n: np.array([float(one[n]) for one in every])
            for n in old
            if np.ndim(old[n]) == 0
        }
        differ = [n for n, row in table.items() if (row != float(old[n])).any()]
        return cls(len(every), {n: b2.Quantity(table[n], dim=dims[n]) for n in differ})


def stdp(synapse: Synapse, lags, pairs: int, frequency: float, dt=1e-4,
         device: str = "auto", wait=0.0) -> np.ndarray:  # fmt: skip
    """Return weight after / weight before of pairs of spikes;
    `fwp_neuro.synapses.stdp_curve`.

    Args:
        synapse: any with a weight.
        lags: seconds [lag], each rounded to time steps.
        pairs, frequency: how many pairs, and how many in a second.
        dt: time step, seconds or a Brian2 time.
        device: see `fwp_neuro.devices`.
        wait: likewise, how long after the last spike the weight is read, for what is
            written or expressed slowly; 0 is the time step after that spike has arrived.
    """
    return stdp_of_sets(synapse, (), [()], [(lags, pairs, frequency)], dt, device, wait)[
        0
    ][0]


def stdp_of_sets(synapse: Synapse, names: Sequence[str], numbers, curves: Sequence,
                 dt=1e-4, device: str = "numpy",
                 wait=0.0) -> list[np.ndarray]:  # fmt: skip
    """Return [set, lag] for each of several curves (lags, pairs, frequency); see `stdp`.

    Args:
        names: of parameters that differ between sets.
        numbers: their values in SI units [set, parameter].

    Raises:
        FwpError: a set that is not legal, or parameters that cannot vary over synapses.
    """
    check_ports(synapse)
    sets, dt, wait = (
        _Sets.of(synapse, names, numbers),
        _seconds(dt, "dt"),
        _seconds(wait, "wait"),
    )
    every = [_pairs(lags, pairs, rate, dt) for lags, pairs, rate in curves]
    together = (
        [[one for trials in every for one in trials]] if only_spikes(synapse) else every
    )
    before = _ends(synapse, sets, [_SILENCE], dt, device, "weight")
    if (before == 0).any():
        raise FwpError(f"the weight of {synapse.name!r} is 0 before the pairs, so that "
                       "there is no ratio: give initial values")  # fmt: skip
    found = [
        _ends(synapse, sets, trials, dt, device, "weight", wait) for trials in together
    ]
    cuts = np.cumsum([len(trials) for trials in every])[:-1]
    return np.split(np.concatenate(found, axis=1) / before, cuts, axis=1)


def _seconds(value, name: str) -> float:
    """Return a time in seconds, given as a number of them or as a Brian2 time."""
    if isinstance(value, b2.Quantity):
        return float(time(value, name)) if float(value) else 0.0
    return real(value, name, 0.0)


def _pairs(lags, pairs: int, frequency: float, dt: float) -> list[tuple]:
    """Return the time steps of the spikes of both sides at each lag."""
    check_pairs(lags, pairs, frequency)
    shift = np.round(np.asarray(lags) / dt).astype(int)
    first = max(0, -int(shift.min())) + 1
    starts = first + np.round(np.arange(pairs) / frequency / dt).astype(int)
    return [(starts, starts + by) for by in shift]


def release(synapse: Synapse, times, dt=1e-4, device: str = "auto") -> np.ndarray:
    """Return what each presynaptic spike sends; `fwp_neuro.synapses.short_term`.

    Args:
        synapse: one that sends something.
        times: seconds [spike], each rounded to time steps.
        dt: time step, seconds or a Brian2 time.
        device: see `fwp_neuro.devices`.
    """
    return release_of_sets(synapse, (), [()], [times], dt, device)[0][0]


def release_of_sets(synapse: Synapse, names: Sequence[str], numbers, trains: Sequence,
                    dt=1e-4, device: str = "numpy") -> list[np.ndarray]:  # fmt: skip
    """Return [set, spike] for each of several trains (seconds [spike]); see
    `stdp_of_sets`."""
    check_ports(synapse)
    sets, dt, trials = _Sets.of(synapse, names, numbers), _seconds(dt, "dt"), []
    for times in trains:
        at = np.round((np.asarray(times) - times[0]) / dt).astype(int) + 1
        # one synapse for each number of spikes: each ends with its last one
        trials += [(at[: number + 1], _SILENCE[1]) for number in range(len(at))]
    found = _ends(_keeping(synapse), sets, trials, dt, device, "sent_last")
    return np.split(found, np.cumsum([len(times) for times in trains])[:-1], axis=1)


def _keeping(synapse: Synapse) -> Synapse:
    """Return a synapse with a variable for what its last spike sent."""
    text = synapse.equations
    dims = {
        n: b2.Quantity(1, dim=one.dim) for n, one in b2.Equations(text.synapse).items()
    }
    known = {**dims, **synapse.parameters}
    one = arithmetic.evaluate(synapse.sends, known, f"what {synapse.name!r} sends")
    row = f"sent_last : {unit(b2.Quantity(one))}"
    return replace(synapse, equations=replace(
        text, synapse=f"{text.synapse.strip()}\n{row}",
        on_pre=f"{text.on_pre.strip()}\nsent_last = {synapse.sends}",
    ))  # fmt: skip


def undriven(synapse: Synapse) -> list[str]:
    """Return the ports that a synapse reads and that spikes of its two cells do not
    drive."""
    text = synapse.equations
    post = b2.Equations(text.post)
    code = "\n".join((text.on_pre, text.on_post, text.post_spike, text.transmit))
    driven = {line.target.removesuffix("_post") for line in lines(code)}
    driven |= {name.removesuffix("_post") for name in b2.Equations(text.synapse).names}
    return [
        port for port, own in synapse.ports.items()
        if port != "conductance" and own not in driven
        and (own not in post or post[own].type == PARAMETER)
    ]  # fmt: skip


def check_ports(synapse: Synapse) -> None:
    """Refuse a synapse that reads what spikes of its two cells do not drive.

    Raises:
        FwpError: with the port.
    """
    for port in undriven(synapse):
        raise FwpError(f"{synapse.name!r} changes its weight by its port {port!r}, which "
                       "spikes of its two cells do not drive: measure a synapse without "
                       "it, or use fwp_neuro.circuits.connect")  # fmt: skip


def only_spikes(synapse: Synapse) -> bool:
    """Whether nothing but spikes changes a synapse, or what it reads, but for exact
    decays."""
    text = synapse.equations
    rows = b2.Equations(text.synapse)
    methods = {text.method, *text.methods.values()}
    sides = [b2.Equations(getattr(text, side)) for side in ("pre", "post")]
    if any(one.diff_eq_names for one in sides) and methods != {"exact"}:
        return False
    if text.delayed or text.renewal or text.steps or text.adds:
        return False
    if any("event-driven" not in rows[n].flags for n in rows.diff_eq_names):
        return False
    code = [getattr(text, part) for part in ("on_pre", "on_post", "pre_spike",
                                             "post_spike", "transmit")]  # fmt: skip
    read = set().union(*(line.reads for part in code for line in lines(part)))
    read |= set().union(*(one.identifiers for one in (rows, *sides)))
    return not read & set(_STEPPED) and not any(n.startswith("xi") for n in read)


def _delays(synapse: Synapse) -> list[float]:
    text = synapse.equations
    return [
        float(synapse.parameters[name]) for name in (text.delay, text.delay_post) if name
    ]


def _grid(synapse: Synapse, trials: Sequence, dt: float) -> int:
    """Return how many time steps one step may last."""
    late = [delay / dt for delay in _delays(synapse)]
    if not only_spikes(synapse) or any(abs(one - round(one)) > 1e-9 for one in late):
        return 1
    at = np.unique(np.concatenate([np.concatenate(trial) for trial in trials]))
    return gcd(*np.diff(at).tolist(), *map(round, late)) or 1


def _ends(synapse: Synapse, sets: _Sets, trials: Sequence, dt: float, device: str,
          what: str, wait: float = 0.0) -> np.ndarray:  # fmt: skip
    """Return a variable after each trial [set, trial]; trials are time steps of both
    sides."""
    every = np.concatenate([np.concatenate(trial) for trial in trials])
    grid = _grid(synapse, trials, dt) if len(every) else 1
    start = int(every.min()) if grid > 1 else 1
    last, step = (int(every.max(initial=-1)) - start) // grid + 1, grid * dt
    late = max(_delays(synapse), default=0.0) + wait
    steps = steps_of((last + 2) * step + late, step) if len(every) else 1
    if steps * len(trials) > _MOST:
        raise FwpError(f"{len(trials)} lags or trains of {steps} time steps of {step:g} "
                       f"s are {steps * len(trials):.3g} entries of spikes; legal are up "
                       f"to {_MOST:.0e}: fewer pairs or lags, or a longer "
                       "dt")  # fmt: skip
    tables = np.zeros((2, steps, len(trials)))
    for number, trial in enumerate(trials):
        for table, at in zip(tables, trial, strict=True):
            table[(at - start) // grid + 1, number] = 1
    ran = injected.run(synapse, *tables, dt=step * b2.second, pairing="one",
                       device=device, copies=sets.count, varying=sets.values)  # fmt: skip
    return ran[what].reshape(sets.count, len(trials))
