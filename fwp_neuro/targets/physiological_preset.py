"""The physiological preset of the spiking circuit: published numbers that its values must
meet, and whether a running circuit has the values that were put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from brian2 import Hz, ms, mV

from ..bibliography import readable
from ..circuits import Heterogeneity, Realism
from ..circuits.spiking.ladder import ROOM
from ..circuits.spiking.realism import PHYSIOLOGICAL, at_baseline, gains, key_gains
from ..circuits.spiking.released_quanta import released_quanta
from ..circuits.token_schedule import WINDOWS
from ..comparison import compare
from ..programs import Program
from ..running import run
from ..synapses import get
from ..tasks import associative_recall
from .rows import Row

MODEL = "physiological_preset"
SEEMAN, BHATIA = readable("seeman2018sparse"), readable("bhatia2019precise")
#: coefficient of variation of EPSPs, median and standard deviation over connections
EPSP_CV, EPSP_CV_SD = 0.55, 0.15
#: how well inhibition is in proportion to excitation, mean and standard deviation of R2
BALANCE, BALANCE_SD = 0.89, 0.06
#: charge of inhibition over charge of excitation, least and most
CHARGES = (2.0, 5.0)
#: voltages at which those charges were measured, mV
HELD_FOR_EXCITATION, HELD_FOR_INHIBITION = -70.0, 0.0
_SAMPLE = 0.5 * ms
#: numbers of a key of length 1 with eight equal ones
_KEY = 8**-0.5


def _fitted() -> Iterator[Row]:
    """Rows of numbers that the values of the preset were chosen for."""
    p, sites = PHYSIOLOGICAL["release"], PHYSIOLOGICAL["sites"]
    u = (np.arange(20000) + 0.5) / 20000  # every share of the distribution once
    amount = released_quanta(u, np.full(len(u), float(sites)), p)
    yield Row(MODEL, "release, sites: coefficient of variation of a response",
              amount.std() / amount.mean(), EPSP_CV, EPSP_CV_SD, f"{SEEMAN}, table 2",
              strength="fitted by us")  # fmt: skip
    gain = gains(Realism(preset="physiological"), 0, 4000)["inhibition_gain"]
    active = np.arange(1, 10)  # inputs, as many as squares of light in the experiment
    inhibition = np.outer(gain, active)
    excitation = np.broadcast_to(active, inhibition.shape)
    r2 = np.corrcoef(excitation.ravel(), inhibition.ravel())[0, 1] ** 2
    yield Row(MODEL, "heterogeneity: R2 of inhibition with excitation, 1 to 9 inputs, "
              "all cells", r2, BALANCE, BALANCE_SD, BHATIA,
              strength="fitted by us")  # fmt: skip


def _charges() -> Iterator[Row]:
    """What a clamped cell would show of the inhibition that cancels the baseline."""
    reversal = float(PHYSIOLOGICAL["inhibition"].reversal / mV)
    middle, half = np.mean(CHARGES), np.ptp(CHARGES) / 2
    weak = ROOM["constants"]["conductance"]
    for named, changes, known in (
        ("", {}, 1.75), (", weak synapses", {"conductance": weak}, 6.8)
    ):  # fmt: skip
        model = get("two_compartment_nmda").changed(**changes)
        rest = float(at_baseline(model)[0] / mV)
        conductances = -rest / (rest - reversal)  # inhibition over excitation
        ratio = conductances * (HELD_FOR_INHIBITION - reversal) / -HELD_FOR_EXCITATION
        why = (f"the reversal is only {rest - reversal:.0f} mV below the compartment, so "
               f"that it takes {conductances:.1f} times the conductance of excitation to "
               "cancel its current")  # fmt: skip
        what = "inhibition: its charge at 0 mV over that of excitation at -70 mV"
        yield Row(MODEL, what + named, ratio, middle, half, BHATIA, reason=why,
                  known_miss=known)  # fmt: skip


def _one_token(key: float, heads: int = 1) -> Program:
    """Return a token of a key with one number in all places, and a value of zeros."""
    zeros = np.zeros((1, heads, 8))
    beta = np.full((1, heads), 0.5)
    return Program(key=zeros + key, value=zeros, query=zeros, beta=beta)


def _run(program: Program, cells: float = np.inf, record: str = "", **parts):
    """Run a circuit of which some parts alone are realistic; record one variable, or
    none."""
    recorded = {"record": (record,), "record_every": _SAMPLE} if record else {}
    return run(program, "hebb", "spiking", device="numpy", cells=cells, seed=1,
               realism=Realism(**parts), **recorded)  # fmt: skip


def _course(name: str, key: float = 0.0, cells: float = np.inf, **parts) -> np.ndarray:
    """Return samples [sample, all else] of a variable while one token is shown."""
    series = _run(_one_token(key), cells, name, **parts)[name]
    return series.values.reshape(series.sizes["time"], -1)


def _falling(course: np.ndarray) -> float:
    """Return the time constant (ms) with which the end of a course falls."""
    share = course / course.max()
    chosen = np.flatnonzero((share < 0.4) & (share > 0.1))
    chosen = chosen[chosen > len(course) - 1 - share[::-1].argmax()]
    return -1 / np.polyfit(chosen * float(_SAMPLE / ms), np.log(share[chosen]), 1)[0]


def _running() -> Iterator[tuple[str, float, float, float]]:
    """Yield part and quantity, what a circuit shows, what was put in, tolerance."""
    part = PHYSIOLOGICAL["membrane_noise"]
    volts = _course("V_basal", membrane_noise=part)
    yield ("membrane_noise: standard deviation of a voltage (mV)",
           float(np.std(volts) / 1e-3), float(part / mV), 0.15)  # fmt: skip
    gate = PHYSIOLOGICAL["gate"]
    opened = _course("gate", _KEY, gate=gate).ravel()
    yield ("gate: time constant of the modulator (ms)", _falling(opened),
           float(gate.tau / ms), 1.5)  # fmt: skip
    yield "gate: share that stays open", opened[-1] / opened.max(), gate.leak, 0.002
    part = replace(PHYSIOLOGICAL["inhibition"], steady=False)
    inhibition = _course("g_inhibition", _KEY, inhibition=part)[:, 0]
    excitation = _course("g_ampa", _KEY, inhibition=part)[:, 0]
    # a sample is a time step, by which a trace follows its spikes
    late = np.argmax(inhibition > 1e-9) - np.argmax(excitation > 1e-9)
    yield ("inhibition: how late it is (ms)", late * float(_SAMPLE / ms),
           float(part.delay / ms), 0.55)  # fmt: skip
    yield ("inhibition: time constant of its decay (ms)", _falling(inhibition),
           float(part.decay / ms), 1.0)  # fmt: skip
    part = PHYSIOLOGICAL["background"]
    trace = _course("x_nmda", cells=1000, background=part)[600:]
    rate = float(get("two_compartment_nmda").parameters["rate"])
    yield ("background: rate of key cells at rest (Hz)", float(trace.mean() * rate),
           float(part / Hz), 0.2)  # fmt: skip
    part = PHYSIOLOGICAL["value_cells"]
    noise = float(_run(_one_token(0.0, heads=100), value_cells=part)["readout"].std())
    each = 100 * WINDOWS["read"] * 1e-3  # cells of a channel, and how long they count
    yield ("value_cells: rate that the noise of the read-out tells (Hz)",
           2 / (each * noise**2), float(part.rate / Hz), 6.0)  # fmt: skip


def _drawn() -> Iterator[tuple[str, float, float, float]]:
    """Yield spreads of what is drawn for each cell, as `_running` does."""
    spread, whole = PHYSIOLOGICAL["heterogeneity"], Realism(preset="physiological")
    yield ("heterogeneity: spread of the rates of key cells",
           float(key_gains(whole, 0, 4000, 1).std()), spread.key_rates, 0.02)  # fmt: skip
    drawn = gains(whole, 0, 4000)
    for name in ("apical", "inhibition"):
        yield (f"heterogeneity: spread of {name} gains",
               float(drawn[f"{name}_gain"].std()), getattr(spread, name),
               0.01)  # fmt: skip


def _mended() -> Row:
    """What is left of the mismatch of inhibition after the trials of the preset."""
    program = associative_recall(tokens=8, dim=8, seed=0, beta=0.8)
    spread = Heterogeneity(inhibition=PHYSIOLOGICAL["heterogeneity"].inhibition)
    found = _run(program, heterogeneity=spread, homeostasis=PHYSIOLOGICAL["homeostasis"])
    error = compare(run(program, "hebb"), found).nrmse
    return Row(MODEL, "homeostasis: nRMSE of hebb that mismatched inhibition leaves",
               error, 0.08, 0.0, "this package", kind="at most",
               strength="own bound", set_after=True)  # fmt: skip


def rows(quick: bool) -> Iterator[Row]:
    """Compare the preset with what was measured, and with a circuit that runs."""
    yield from _fitted()
    yield from _charges()
    for quantity, value, target, tolerance in (*_running(), *_drawn()):
        yield Row(MODEL, quantity, float(value), target, tolerance,
                  "the value that was put in", strength="definition")  # fmt: skip
    if not quick:
        yield _mended()
