"""Fit a synapse model's parameters to measurements.

Weighted least squares, sum of ((measured - predicted)/sem)^2, over stated ranges
(`fwp_neuro.synapses.fitting_ranges`): points spread over all of them are compared, and
the best ones followed downhill (`fitting_search`). Intervals: see `fitting_intervals`.

What counts as a datum. Relative amplitudes of a train are published as ratios to its
first response, each with an error of its own; the first is 1 by definition and no datum
(``scale="first"``). Amplitudes in any unit have a first response with an error like the
others; one factor is fitted along, for all trains (``scale="free"``) or for each train
(``scale="each"``:
also for trains that were divided by their own measured first response, whose error all
others share). Degrees of freedom are data minus factors minus the parameters that the
data determine inside their ranges.

What the package could be fitted to and was: the frequency dependence of Sjoestroem,
Turrigiano & Nelson 2001 (`fwp_neuro.targets.fitted_models`). No published table of
mossy-fibre trains was found that gives numbers for every spike (the abstract of Salin et
al. 1996, PNAS 93:13304, says sixfold facilitation at low frequencies), so facilitating
trains are tested by recovering a known truth. How often intervals hold the truth is
measured by `fwp-neuro coverage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..arguments import PROGRESS, SEED, inside, one_of, optional, real, takes, whole
from ..errors import FwpError, warn
from ..progress import patient
from ..validation import generator
from .argument_kinds import DATA, OPTIONS, PARAMETERS, name_or_model
from .fitting_data import read
from .fitting_free import choose
from .fitting_intervals import (
    Optimum,
    Problem,
    by_bootstrap,
    by_covariance,
    by_profile,
    examine,
)
from .fitting_predict import SCALES, Predictor
from .fitting_ranges import Box, limits
from .fitting_result import Fit, short
from .fitting_search import cost
from .registered_synapses import check_options, measured

METHODS = ("covariance", "profile", "bootstrap")
#: points of the ranges that are compared for each one that is followed downhill; few of
#: them for models that predict one parameter set at a time, which takes them seconds
_LOOK, _FEW = 32, 8


@takes(
    model=name_or_model("tsodyks_markram"),
    data=DATA,
    parameters=PARAMETERS,
    free=inside("names of parameters, or None"),
    bounds=inside("a dict from parameter to (lower, upper), or None"),
    scale=one_of(SCALES, "scale"),
    method=one_of(METHODS, "method"),
    level=real(0.5, 0.9999),
    repeats=whole(20, 100_000),
    starts=whole(1, 1000),
    seed=SEED,
    progress=optional(PROGRESS),
    options=OPTIONS,
)
def fit(
    model,
    data,
    parameters: str | None = None,
    *,
    free: Sequence[str] | None = None,
    bounds: Mapping | None = None,
    scale: str = "first",
    method: str = "covariance",
    level: float = 0.95,
    repeats: int = 200,
    starts: int = 4,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
    **options,
) -> Fit:
    """Fit parameters of a short-term plasticity or plasticity model to measurements.

    A registered model is fitted by its fast NumPy form if it has one. Any other
    `Synapse`, also one of your own, is fitted by its Brian2 text: all rows of the table,
    and all steps of the parameters that one iteration needs, run side by side as synapses
    of one network. A text that only spikes change takes seconds; where a membrane or a
    clock-driven variable changes the weight, a fit takes some 50 times what the protocol
    lasts in Brian2 (a longer ``dt`` helps). A composition is fitted to trains by what its
    release sends, and to pairings by its plasticity rule.

    Args:
        model: name, or a `Synapse`, whose parameters are the first start.
        data: dict of columns, xarray Dataset, path of a CSV file or name of a published
            table (``fwp_neuro.synapses.data_sets()``), see
            `fwp_neuro.synapses.fitting_data`.
        parameters: name of a published parameter set to start from.
        free: names of the parameters to fit; all on which the data depend if None.
        bounds: parameter -> (lower, upper) in its unit; those of
            ``fwp_neuro.synapses.search_ranges(model)`` by default.
        scale: of trains: "first" (ratios to the first response of their train, which is
            no datum), "free" (amplitudes in any unit: one common factor is fitted along)
            or "each" (one factor for each train).
        method: of the intervals, "covariance" (quick), "profile" (profile likelihood) or
            "bootstrap" (parametric; it sets the quantiles of the profile).
        level: probability of the intervals.
        repeats: of the bootstrap, 20 to 100000.
        starts: of the search: the given one, and the best of points spread over the
            ranges.
        seed: of starts and bootstrap.
        progress: called with (fraction, note) at each evaluation of the model; None shows
            a bar after two seconds where someone looks on.
        options: of the model's protocol, the same for all rows; of a text ``dt``,
            ``wait`` (how long after the last spike the weight is read) and ``device``
            ("numpy", which compiles nothing, unless you name another).

    Raises:
        FwpError: everything that data or arguments can have wrong, in one sentence.

    Example:
        >>> import fwp_neuro as fwp, brian2 as b2
        >>> table = {"time": [0, 50, 100, 150, 700]*b2.ms, "amplitude": [1, .8, .6, .5, .9]}
        >>> found = fwp.synapses.fit("tsodyks_markram", table, "tsodyks_1998_depressing",
        ...                          free=["U", "tau_D"])
        >>> found.freedom
        2
    """  # noqa: E501
    table = read(data)
    protocol = {"trains": "release", "plasticity": "stdp"}[table.kind]
    what = f"fit to {table.kind} data"
    how = measured(model, parameters, protocol, what)
    model = how.synapse
    check_options(model, how.run, options, what)
    columns = [name for name in ("groups", "interval") if name in table.columns]
    check_options(model, how.run, columns, f"{what}, given as a column,")
    table.check_scale(scale)
    rng = generator(seed)
    if how.of_sets is not None:
        options = {"device": "numpy", **options}
    with patient(f"fit of {model.name}", progress) as told:
        runs = [0]

        def predictor_of(names: Sequence[str]) -> Predictor:
            return Predictor(model, names, table, how, scale, options, told, runs)

        names, idle, waiting = choose(model, free, bounds, predictor_of, rng)
        box = Box(model, names, limits(model, names, bounds))
        known = "sem" in table.columns
        size = np.sqrt(np.mean(table.measured**2)) or 1.0  # of data in whatever unit
        sem = table.columns["sem"] if known else np.full(len(table.measured), size)
        predictor = predictor_of(names)
        problem = Problem(predictor, box, table.measured, sem, known, level)
        _enough(predictor, names)
        best = examine(problem, _search(problem, rng, starts))
        ends = _intervals(problem, best, method, repeats, rng)
        found = Fit.of(problem, best, ends, method, idle, waiting)
    for name in found.at_bound:
        end = "upper" if best.ends[names.index(name)] > 0 else "lower"
        warn(
            f"the fit of {model.name!r} ends at the {end} bound of {name}, "
            f"{short(found.parameters[name])}: wider bounds may fit better, and its "
            "interval is cut off there"
        )
    return found


def _enough(predictor: Predictor, names: Sequence[str]) -> None:
    """Refuse tables with no more data than parameters."""
    rows, lost = int(predictor.counted.sum()), len(names) + len(predictor.factors)
    if rows <= lost:
        left = len(predictor.counted) - rows
        first = (
            f" (and {left} first responses, which are 1 by definition)" if left else ""
        )
        raise FwpError(
            f"{rows} rows{first} cannot fix {lost} parameters ({', '.join(names)}"
            f"{', and the scale' if predictor.factors else ''}): name fewer in free "
            "(--free on the command line), or give more rows"
        )


def _search(problem: Problem, rng, starts: int) -> np.ndarray:
    """Return the best point: from the start, and from the best of points all over the
    box."""
    box, points = problem.box, problem.box.x0[None]
    if starts > 1:
        drawn = box.drawn(rng, (_LOOK if problem.predictor.many else _FEW) * (starts - 1))
        costs = cost(problem.residuals(drawn))
        points = np.concatenate([points, drawn[np.argsort(costs)[: starts - 1]]])
    found, costs = problem.minimise(points, exact=1e-3, most=30)
    return problem.minimise(found[np.argmin(costs)][None])[0][0]


def _intervals(
    problem: Problem, best: Optimum, method: str, repeats: int, rng
) -> np.ndarray:
    """Return the ends of the intervals [lower or upper, coordinate]."""
    if method == "profile":
        return by_profile(problem, best, best.determined | (best.ends != 0))
    # one-sided: no other method applies there
    ends = by_profile(problem, best, best.ends != 0)
    if method == "covariance":
        found = by_covariance(problem, best)
    else:
        found = by_bootstrap(problem, best, repeats, rng)
    return np.where(best.determined, found, ends)
