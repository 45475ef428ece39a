"""What the spiking circuit idealises, each as a switch that takes the idealisation away.

`Realism()` alone changes nothing. Every part can be had alone, so that its cost can be
measured (`fwp_neuro.circuits.ladder`), and in any combination.

    fwp.run(program, "delta", "spiking", realism=Realism(release=0.5, background=2*Hz))
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import brian2 as b2
import numpy as np

from ...arguments import FLAG, Kind, instance, one_of, optional, real, takes, whole
from ...errors import FwpError, shown
from ...quantities import a_time, quantity
from ...short_reprs import of_fields
from ...synapses.registered_synapses import get
from ...synapses.synapse_class import Synapse
from ..circuit_structure import exact


def _of(unit, example: str, low: float = 0.0) -> Kind:
    """A finite quantity of at least ``low``, in base units."""
    legal = f"a quantity such as {example}"

    def read(value, name: str):
        found = quantity(value, unit, name, legal)
        if found.size != 1 or found.item() < low:
            raise FwpError(f"{name} must be {legal}, got {shown(value)}")
        return b2.Quantity(found.item(), dim=b2.get_dimensions(unit))

    return Kind(legal, read, lambda: b2.Quantity(0.0, dim=b2.get_dimensions(unit)))


#: a standard deviation relative to the mean
_SPREAD = real(0, 1, example=0.1)


@takes(cells=optional(whole()), rate=_of(b2.Hz, "50*Hz"),
       model=one_of(("poisson", "lif", "adex"), "model of SpikingValues:"))  # fmt: skip
@dataclass(frozen=True)
class SpikingValues:
    """Value cells that spike; the memory is read by counting their spikes.

    Args:
        cells: for each ON and each OFF channel of a value; as many as there are key cells
            for a number if None (100 where those are rates).
        rate: of a cell whose basal compartment is at the value baseline. It grows by as
            much for each unit of the coded number, and ends at 0.
        model: "poisson" (independent processes of one voltage, a choice), or "lif" and
            "adex": integrate-and-fire cells, see `value_somas`.

    The count of a read window of length T adds noise of SD sqrt(2 F/(cells rate T)) in
    units of the number 1. F, variance over mean of a count, is 1 for Poisson cells.
    """

    cells: int | None = None
    rate: Any = field(default_factory=lambda: 50 * b2.Hz)
    model: str = "poisson"


@takes(
    reversal=_of(b2.volt, "-75*mV", low=-0.2),
    decay=optional(a_time("10*ms")),
    delay=optional(a_time("2*ms")),
    cells=optional(whole()),
    steady=FLAG,
)
@dataclass(frozen=True)
class ConductanceInhibition:
    """Feed-forward inhibition as a conductance, which shunts the basal compartment.

    Args:
        reversal: of the inhibition.
        decay: of its trace; that of AMPA if None.
        delay: by which it comes after the excitation.
        cells: interneurons of each value channel, Poisson cells that fire in proportion
            to the summed activity of the key cells; a graded pool if None.
        steady: whether a balanced background of excitation and inhibition gives way as
            key cells become active, so that the summed conductance of the basal
            compartment stays that of the most active key. Without it a key of more
            active cells is recalled with a smaller gain. A choice; cortex in vivo is in
            such a state of high conductance.

    The current cancels the baseline weight at the voltage of the value baseline. The
    learning rate is calibrated with the shunt (see `realistic_calibration`).
    """

    reversal: Any = field(default_factory=lambda: -75 * b2.mV)
    decay: Any = None
    delay: Any = None
    cells: int | None = None
    steady: bool = True


@takes(**dict.fromkeys(("key_rates", "apical", "basal", "inhibition", "thresholds"),
                       _SPREAD))  # fmt: skip
@dataclass(frozen=True)
class Heterogeneity:
    """How much cells differ: standard deviations relative to the mean, drawn once.

    Args:
        key_rates: of the rates of key cells (lognormal, a factor of mean 1).
        apical, basal: of the gain of a compartment of a value cell (normal).
        inhibition: of the strength of the inhibition of a value cell (normal).
        thresholds: of the threshold of value cells that spike, in units of the number 1
            (normal).
    """

    key_rates: float = 0.0
    apical: float = 0.0
    basal: float = 0.0
    inhibition: float = 0.0
    thresholds: float = 0.0


@takes(tau=a_time("20*ms"), leak=real(0, 1, example=0.05))
@dataclass(frozen=True)
class Neuromodulator:
    """A gate of the write with kinetics, instead of a window that opens at once.

    Args:
        tau: with which the modulator follows the write window, up and down.
        leak: fraction of the open gate that stays open at all times.
    """

    tau: Any = field(default_factory=lambda: 20 * b2.ms)
    leak: float = 0.0


@takes(trials=whole(1, 10**6), inhibition=FLAG, apical=FLAG)
@dataclass(frozen=True)
class Homeostasis:
    """Slow plasticity before the programme starts, in trials that show keys alone.

    The trials show the keys of the programme in turn, with closed gates, teachers at
    their baseline and weights at theirs.

    Args:
        trials: how many tokens.
        inhibition: the inhibition of a value cell grows with (presynaptic activity) x
            (depolarisation beyond the cell's own mean between keys), as Vogels et al.
            2011 found for rates.
        apical: between keys the gain of the apical compartment changes until both
            compartments of the cell have the same voltage.

    Rates are choices; the gains that are found hold over the programme.
    """

    trials: int = 60
    inhibition: bool = True
    apical: bool = True


def _read_release(value, name: str):
    if isinstance(value, Synapse):
        return value
    if not isinstance(value, str):
        raise FwpError(f"{name} must be a release model, or its name, got {shown(value)}")
    get(value)  # refuses names that it does not know
    return value


def _read_delay(value, name: str):
    if isinstance(value, np.ndarray) and value.size > 1:
        raise FwpError(
            f"{name} is one for all key cells, got {value.size}: all cells of a key "
            "dimension share one trace, so that no synapse can have a delay of its own"
        )
    return _A_DELAY.read(value, name)


_A_DELAY = a_time("2*ms")


def _switch(plain: str, name: str, kind: type, **more: dict) -> Kind:
    """``plain`` or None for the idealisation, ``name`` for its usual replacement;
    ``more``: other names -> arguments of the replacement."""
    named: dict[str, dict] = {name: {}, **more}
    legal = ", ".join(map(repr, (plain, *named))) + f" or a {kind.__name__}(...)"

    def read(value, argument: str):
        if value is None or isinstance(value, str) and value == plain:
            return None
        if isinstance(value, str) and value in named:
            return kind(**named[value])
        if isinstance(value, kind):
            return value
        raise FwpError(f"{argument} must be {legal}, got {shown(value)}")

    return Kind(legal, read, lambda: None)


@takes(
    value_cells=_switch("graded", "spiking", SpikingValues, lif={"model": "lif"},
                        adex={"model": "adex"}),
    inhibition=_switch("subtractive", "conductance", ConductanceInhibition),
    heterogeneity=optional(instance(f"{__name__}:Heterogeneity", Heterogeneity)),
    release=real(0, 1, above=True),
    sites=whole(1, 1000),
    short_term=optional(Kind("a release model, or its name", _read_release)),
    background=optional(_of(b2.Hz, "2*Hz")),
    membrane_noise=optional(_of(b2.volt, "2*mV")),
    gate=_switch("table", "neuromodulator", Neuromodulator),
    delay=optional(Kind(_A_DELAY.legal, _read_delay, _A_DELAY.example)),
    levels=optional(whole(2, 10**6)),
    homeostasis=_switch("none", "settled", Homeostasis),
    preset=one_of(("none", "physiological"), "preset of Realism:"),
)
@dataclass(frozen=True)
class Realism:
    """Idealisations of the spiking circuit that are taken away; see the head of this
    module.

    Args:
        value_cells: "graded", "spiking", "lif", "adex" or `SpikingValues`.
        inhibition: "subtractive", "conductance" or `ConductanceInhibition`.
        heterogeneity: None or `Heterogeneity`.
        release: probability with which a release site of a synapse answers a spike, each
            on its own; every synapse draws its own, AMPA and NMDA share the draw.
        sites: release sites of a key cell at a value cell.
        short_term: name of a release model, or a `Synapse` of that kind, through which
            the spikes of each key cell pass, for the write and the read alike. Its mean
            release at half the reference rate counts as 1.
        background: rate at which key cells fire at all times.
        membrane_noise: standard deviation of the voltage of each compartment, with a
            correlation time of 5 ms. It is that of a cell, and independent between cells,
            so that it averages out over the spiking cells of a channel.
        gate: "table", "neuromodulator" or `Neuromodulator`.
        delay: of the spikes of key cells, one for all.
        homeostasis: "none", "settled" or `Homeostasis`, which mends mismatches.
        levels: states of a synapse of one key cell, 2 for binary ones; a change of the
            weight is what the cells of a dimension step by on average, each with the
            probability that makes it right in the mean.

        preset: "physiological" gives all that is not named here the values of
            `PHYSIOLOGICAL`, whose sources `SOURCES` says. To take a part of it away:
            ``dataclasses.replace(Realism(preset="physiological"), background=None)``.

    Raises:
        FwpError: a value of another kind.

    Example:
        >>> Realism(release=0.5).on
        ('release',)
    """

    value_cells: Any = None
    inhibition: Any = None
    heterogeneity: Any = None
    release: float = 1.0
    sites: int = 1
    short_term: Any = None
    background: Any = None
    membrane_noise: Any = None
    gate: Any = None
    delay: Any = None
    levels: int | None = None
    homeostasis: Any = None
    preset: str = "none"

    __repr__ = of_fields

    def __post_init__(self):
        usual = {each.name: each.default for each in fields(self)}
        for name, value in (PHYSIOLOGICAL if self.preset != "none" else {}).items():
            if getattr(self, name) is usual[name] or name == "sites" and self.sites == 1:
                object.__setattr__(self, name, value)
        # so that `dataclasses.replace` can take a part of the preset away
        object.__setattr__(self, "preset", "none")

    @property
    def on(self) -> tuple[str, ...]:
        """Names of the idealisations that are taken away."""
        amounts = ("release",) * (self.release < 1)
        return amounts + tuple(
            each.name for each in fields(self)
            if each.name not in ("sites", "release", "preset")
            and getattr(self, each.name) is not None
        )  # fmt: skip

    def _key_numbers(self, numbers: np.ndarray, rate, seed: int, cells: float):
        """Return the numbers that key cells code, [step, unit], as they differ from those
        of the programme."""
        extra = 0.0 if self.background is None else float(self.background / rate)
        return numbers * key_gains(self, seed, numbers.shape[1], cells) + extra

    @property
    def structure(self) -> tuple:
        """What the code of the circuit follows from; all else is numbers."""
        kind = self.inhibition
        parts = kind and (kind.decay is None, kind.delay and float(kind.delay),
                          kind.cells is None, kind.steady)  # fmt: skip
        release = self.short_term
        delay = None if self.delay is None else float(self.delay)
        return ("realism", self.on, parts, delay, self.homeostasis,
                repr(getattr(release, "equations", release)),
                repr(exact(getattr(release, "parameters", {}))))  # fmt: skip

    @property
    def said(self) -> dict[str, Any]:
        """What the provenance says of it."""
        values = {name: getattr(self, name) for name in self.on}
        if self.drawn_amounts:
            values["sites"] = self.sites
        return {name: value if isinstance(value, int | float) and not
                isinstance(value, b2.Quantity) else str(getattr(value, "name", value))
                for name, value in values.items()}  # fmt: skip

    @property
    def drawn_amounts(self) -> bool:
        """Whether each synapse draws how much of a spike it releases."""
        return self.release < 1

    @property
    def needs_cells(self) -> str:
        """Name of a part for which each key cell is needed, or ""."""
        if self.short_term is not None:
            return "short_term"
        return "delay" if self.delay is not None else ""


#: values of the preset; short-term plasticity is left out, because layer 2/3 has
#: facilitating and depressing synapses side by side (seeman2018sparse)
PHYSIOLOGICAL: dict[str, Any] = {
    "value_cells": SpikingValues(),
    "inhibition": ConductanceInhibition(decay=10 * b2.ms, delay=2 * b2.ms),
    "heterogeneity": Heterogeneity(key_rates=0.2, apical=0.1, inhibition=0.2),
    "release": 0.3, "sites": 7, "background": 2 * b2.Hz, "membrane_noise": 2 * b2.mV,
    "gate": Neuromodulator(leak=0.01), "homeostasis": Homeostasis(),
}  # fmt: skip
#: where each value of the preset comes from
SOURCES = {
    "release": "seeman2018sparse, table 2: coefficient of variation of EPSPs between "
    "pyramidal cells of mouse layer 2/3, median .55; p = .3 of 7 sites gives "
    "sqrt((1 - p)/(7 p)) = .58",
    "sites": "see release",
    "heterogeneity": "inhibition .2: bhatia2019precise, whose inhibition follows "
    "excitation with R2 .83 to .95, a residual of .2 to .4; key_rates and apical are "
    "choices",
    "inhibition": "bhatia2019precise: inhibition lags behind excitation; the delay of "
    "2 ms, the decay of 10 ms and the reversal of -75 mV are choices",
    "value_cells": "choice: as many as key cells for a number, at 50 Hz",
    "background": "choice: 2 Hz", "membrane_noise": "choice: 2 mV",
    "gate": "choice: 20 ms, 1 % leak", "homeostasis": "vogels2011inhibitory; rates are "
    "choices",
}  # fmt: skip


def gains(realism: Realism, seed: int, channels: int) -> dict[str, np.ndarray]:
    """Return what is drawn for each value channel: variable -> [channel]."""
    spread, draw = realism.heterogeneity or Heterogeneity(), np.random.default_rng
    # a stream for each, so that one more part changes none of the others
    streams = dict(zip(("apical", "basal", "inhibition", "thresholds"),
                       np.random.SeedSequence(seed).spawn(4), strict=True))  # fmt: skip
    found = {name: getattr(spread, name) * draw(stream).standard_normal(channels)
             for name, stream in streams.items()}  # fmt: skip
    thresholds = found.pop("thresholds")
    gain = {f"{name}_gain": np.maximum(1 + by, 0) for name, by in found.items()}
    return {**gain, "threshold": thresholds}


def key_gains(realism: Realism, seed: int, units: int, cells: float) -> np.ndarray:
    """Return the mean factor of the rates of the cells of each key dimension, [unit]."""
    spread = realism.heterogeneity.key_rates if realism.heterogeneity else 0.0
    if not spread or np.isinf(cells):
        return np.ones(units)
    width = np.sqrt(np.log1p(spread**2))
    normal = np.random.default_rng([seed, 5]).standard_normal((units, int(cells)))
    return np.exp(width * normal - width**2 / 2).mean(1)


def at_baseline(model) -> tuple:
    """Return the voltage of a compartment at the value baseline, and by how much it
    changes there for each unit of the coded number."""
    p = model.parameters
    leak, exc, open_ = p["E_leak"], p["E_exc"], p["conductance"] * p["value_baseline"]
    if model.block is None:  # a linear membrane
        return leak + open_ * (exc - leak), p["conductance"] * (exc - leak)
    rest = (leak + open_ * exc) / (1 + open_)
    return rest, p["conductance"] * (exc - rest) / (1 + open_)


def most_active(realism: Realism, key, query, signed: bool, parameters) -> float:
    """Return the largest summed excitation at the baseline weight that a key or a query
    of the programme brings.

    Args:
        key, query: [token, head, pre]; signed: whether ON and OFF cells code them.
    """
    number = max(np.abs(key).sum(-1).max(), np.abs(query).sum(-1).max())
    extra = 0.0
    if realism.background is not None:
        extra = float(realism.background / parameters["rate"])
        extra *= key.shape[-1] * (1 + signed)
    return float(parameters["weight_baseline"] * (number + extra))
