"""One plateau writes a place field: a one-shot memory by behavioural time scale
plasticity.

Paper: Milstein et al. 2021, eLife 10:e73046, doi:10.7554/eLife.73046 (weight-dependent
model; figures 1 and 5-7 show place fields that plateaus make and move), after Bittner et
al. 2017, Science 357:1033, doi:10.1126/science.aan3846.

An animal runs laps on a circular track. Every CA1 cell hears the same place-tuned CA3
cells with weight 1 (silent). In the second lap a plateau of 300 ms in each cell, at a
place of its own, writes its place field; in the fourth lap a plateau at another place
writes a new one, where weights are weak, and erases the old one, where they are strong.

Deviations: CA3 cells spike (Poisson) where the paper has rates, and the ramp is the
weighted sum of the rate maps in units of its largest possible value, without the paper's
scaling to millivolts. Place cells of the paper hear 200 inputs. Widths, speed and rates
are those of its code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.model_parameters import parameter
from fwp_neuro.validation import affordable, positive, real, seed_number, time_step, whole

LAPS = ("before", "first plateau", "first read", "second plateau", "second read")


@dataclass
class Parameters:
    """What a user can change."""

    seed: int = parameter(0, "1", "of the spikes")
    parameter_set: str = parameter(
        "milstein_2021_network", "1", "of behavioural_time_scale (milstein_2021_*)"
    )
    inputs: int = parameter(100, "1", "CA3 cells")
    cells: int = parameter(6, "1", "CA1 cells, plateaus at evenly spaced places")
    shift: float = parameter(60.0, "cm", "from the first to the second plateau")
    track: float = parameter(187.0, "cm", "length of the circular track")
    speed: float = parameter(25.0, "cm/s", "of running")
    width: float = parameter(90.0, "cm", "of an input's field")
    rate: float = parameter(40.0, "Hz", "peak of an input's field")
    dt: float = parameter(5.0, "ms", "time step")
    device: str = parameter("numpy", "1", "of the circuit; see fwp-neuro list devices")


#: parameters of a run of some seconds
QUICK = {"inputs": 60}


def build(parameters: Parameters):
    """Return the model, the rate maps [place, input] and the spikes [step, input], [step,
    cell].

    Raises:
        FwpError: a parameter set without a weight-dependent rule, or numbers that make no
            track.
    """
    import brian2 as b2

    p = parameters
    if not p.parameter_set.startswith("milstein"):
        raise fwp.FwpError("parameter_set must be one of the milstein_2021_* sets: the "
                           f"kernel of {p.parameter_set!r} never erases")  # fmt: skip
    for name in ("track", "speed", "width", "rate"):
        positive(getattr(p, name), name)
    real(p.shift, "shift")
    model = fwp.synapses.get("behavioural_time_scale", p.parameter_set)
    tau, tau_IS = model.numbers("tau_ET", "tau_IS")
    time_step(p.dt, 100 * min(tau, tau_IS), "a tenth of the shortest trace")
    if p.rate * p.dt >= 1000:
        raise fwp.FwpError(f"rate is {p.rate:g} Hz; with dt {p.dt:g} ms it must be below "
                           f"{1000 / p.dt:g}")  # fmt: skip
    cells, inputs = (whole(getattr(p, n), n) for n in ("cells", "inputs"))
    steps = round(p.track / p.speed / (p.dt / 1e3))
    if steps < 10:
        raise fwp.FwpError(f"a lap of {p.track:g} cm at {p.speed:g} cm/s is {steps} "
                           "steps of dt; it must be at least 10")  # fmt: skip
    affordable(steps * inputs, f"a lap of {steps} steps for {inputs} inputs", 32)
    place = (np.arange(steps) + 0.5) / steps * p.track
    centres = (np.arange(inputs) + 0.5) / inputs * p.track
    apart = (place[:, None] - centres + p.track / 2) % p.track - p.track / 2
    maps = p.rate * np.exp(-((3 * apart / p.width) ** 2))  # [place, input]
    # the eligibility trace of a mean pass through a field peaks at 1, as in the paper
    left = np.exp(-p.dt / 1e3 / tau)
    trace, peak = 0.0, 0.0
    middle = maps[:, inputs // 2]
    for _ in range(3):
        for rate in middle:
            trace = trace * left + rate * p.dt / 1e3
            peak = max(peak, trace)
    if not peak > 0.01:
        raise fwp.FwpError(f"width is {p.width:g} cm: inputs whose fields are so narrow "
                           "do not fire; make it wider, or the rate larger")  # fmt: skip
    model = model.changed(et_step=1 / peak)
    rng = np.random.default_rng(seed_number(p.seed))
    rates = np.tile(maps, (len(LAPS), 1))
    pre = (rng.random(rates.shape) < rates * p.dt / 1e3).astype(float)
    post = np.zeros((len(pre), cells))
    for lap, places in zip((1, 3), plateaus(p), strict=True):
        at = np.floor(places / p.track * steps).astype(int) % steps
        post[lap * steps + at, np.arange(cells)] = 1
    return model, place, maps, pre, post, p.dt * b2.ms


def plateaus(parameters: Parameters) -> np.ndarray:
    """Return where plateaus begin in cm [first or second, cell]."""
    p = parameters
    first = (np.arange(p.cells) + 0.5) / p.cells * p.track
    return np.stack([first, (first + p.shift) % p.track])


def run(parameters: Parameters, progress=None) -> xr.Dataset:
    """Run five laps; return weights and ramps after each, and where the fields lie.

    Dims: lap, post (CA1 cells), pre (CA3 cells), place.
    """
    from fwp_neuro.circuits import injected

    model, place, maps, pre, post, dt = build(parameters)
    steps = len(place)
    if progress is not None:
        progress(0.1, "five laps")
    found = injected.run(
        model,
        pre,
        post,
        dt=dt,
        record=("w",),
        record_every=steps * dt,
        device=parameters.device,
    )
    # a sample is taken at the start of each lap; the weights at the end complete them
    starts = (
        found["w"].reshape(len(LAPS), *found["weight"].shape) if "w" in found else None
    )
    weights = np.concatenate([starts[1:], found["weight"][None]])
    most = float(model.parameters["W_max"])
    ramp = np.einsum("lpi,xi->lpx", weights - 1, maps) / ((most - 1) * maps.sum(1))
    data = xr.Dataset(
        {
            "weights": (("lap", "post", "pre"), weights, {"units": "1"}),
            "ramp": (("lap", "post", "place"), ramp, {"units": "1"}),
            "plateau": (("plateau_lap", "post"), plateaus(parameters), {"units": "cm"}),
        },
        coords={"lap": list(LAPS), "place": place, "plateau_lap": [LAPS[1], LAPS[3]]},
    )
    data.attrs |= {"track": parameters.track, "model": f"{model.name}, "
                                                       f"{model.parameter_set}",
                   "settings": f"seed {parameters.seed}, {parameters.inputs} "
                               "inputs"}  # fmt: skip
    found = measures(data)
    return data.assign_coords(measure=list(found)).assign(
        measures=("measure", list(found.values()))
    )


def measures(data: xr.Dataset) -> dict[str, float]:
    """Return what the plateaus wrote, as means over cells.

    "first peak", "second peak": signed distance in cm from the plateau's place to the
    field's peak; "moved": how far the second plateau moves the peak; "recall first",
    "recall second": share of plateau places, shifted by the mean distance of the peaks,
    at which the right cell has the largest ramp; "weak inputs": change of silent inputs
    by the first plateau; "strong inputs":
    change by the second plateau, at the same distance from it, of the inputs that made
    the peak.
    """
    track, place = data.attrs["track"], data.place.values
    cells = np.arange(data.sizes["post"])

    def apart(x, y):
        return (x - y + track / 2) % track - track / 2

    found, peaks = {}, []
    for name, lap, start in zip(
        ("first", "second"),
        ("first read", "second read"),
        data.plateau.values,
        strict=True,
    ):
        ramp = data.ramp.sel(lap=lap).values  # [post, place]
        peaks.append(place[ramp.argmax(1)])
        found[f"{name} peak"] = apart(peaks[-1], start).mean()
        at = np.abs(apart(place[:, None], start + found[f"{name} peak"])).argmin(0)
        found[f"recall {name}"] = (ramp[:, at].argmax(0) == cells).mean()
    found["moved"] = apart(peaks[1], peaks[0]).mean()
    change = data.weights.diff("lap")
    inputs = (np.arange(data.sizes["pre"]) + 0.5) / data.sizes["pre"] * track
    # where the first field is, seen from the second
    old = apart(peaks[0], data.plateau.values[1])
    for name, lap, start in zip(
        ("weak", "strong"),
        ("first plateau", "second plateau"),
        data.plateau.values,
        strict=True,
    ):
        near = np.abs(apart(inputs, (start + old)[:, None])) < 10  # [post, pre]
        found[f"{name} inputs"] = change.sel(lap=lap).values[near].mean()
    return {name: float(value) for name, value in found.items()}


def report(data: xr.Dataset) -> str:
    """Return where fields lie, and what became of the first one."""
    words = {
        "first peak": "field's peak after the first plateau, cm from its place",
        "recall first": "right cell has the largest ramp there, share",
        "second peak": "field's peak after the second plateau, cm from its place",
        "recall second": "right cell has the largest ramp there, share",
        "moved": "the second plateau moved the peak by, cm",
        "weak inputs": "change of silent inputs at that distance from a plateau",
        "strong inputs": "change of the inputs of the first field, at the same distance",
    }
    before = float(np.abs(data.ramp.sel(lap="before")).max())
    found = measures(data)
    return "\n".join(
        [
            f"{data.attrs['model']}; {data.attrs['settings']}",
            f"{'largest ramp before the first plateau':60}{before:9.3g}",
            *(f"{words[name]:60}{found[name]:9.2f}" for name in words),
        ]
    )


def plot(data: xr.Dataset):
    """Draw the ramp of one CA1 cell before and after each plateau, and where these
    were."""
    from matplotlib.figure import Figure

    from fwp_neuro.plotting import COLUMN

    figure = Figure(figsize=(COLUMN, COLUMN * 0.75))
    ax = figure.subplots()
    cell = data.sizes["post"] // 2
    looks = (("before", "black", ":"), ("first read", "#0072B2", "--"),
             ("second read", "#D55E00", "-"))  # fmt: skip
    for lap, colour, line in looks:
        ax.plot(data.place, data.ramp.sel(lap=lap).isel(post=cell), line, color=colour,
                label=lap)  # fmt: skip
    for place, (_, colour, line) in zip(data.plateau.values[:, cell], looks[1:],
                                        strict=True):  # fmt: skip
        ax.axvline(place, color=colour, ls=line, lw=0.7)
    ax.set(xlabel="place on the track (cm)", ylabel="ramp, share of the largest (1)")
    ax.set_title(f"CA1 cell {cell}; vertical lines: its plateaus", loc="left")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.08), ncols=3)
    return figure


if __name__ == "__main__":
    from fwp_neuro.cli import main

    raise SystemExit(main(["run", "milstein_2021_one_shot_memory"]))
