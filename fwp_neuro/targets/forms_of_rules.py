"""How plasticity rules are run in both forms that need settings; see `two_forms`.

Rules are made fast where they would otherwise hardly change a weight within the short
runs.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module

import numpy as np
from brian2 import ms

from ..synapses import get
from ..synapses.bcpnn import events as oracle
from ..synapses.bcpnn.event_text import events
from ..synapses.behavioural_time_scale.events import changed_weight
from ..synapses.clopath_2010 import events as clopath_oracle
from ..synapses.graupner_brunel.events import course, simulate
from ..synapses.homeostatic_scaling import events as homeostatic_scaling
from ..synapses.limbacher_2022.events import weight_at
from ..synapses.potentiation.events import respond
from ..synapses.rate_traces import filtered
from ..synapses.shouval_2002 import events as shouval_2002_oracle
from ..synapses.urbanczik_senn_2014.events import weights
from .form_cases import BothForms, FormCase, brian, pairs, spikes

_MODELS = "fwp_neuro.synapses"


def _model(name: str, chosen: str | None = None, **factors):
    """Return a model with some parameters multiplied."""
    found = get(name, chosen)
    return found.changed(**{p: found.parameters[p] * by for p, by in factors.items()})


def by_events(name: str, chosen: str | None = None, late: int = 0, **factors):
    """Run a rule whose NumPy form is ``changed_weight(model, pre times, post times)``."""
    model = _model(name, chosen, **factors)
    form = import_module(f"{_MODELS}.{name}.events").changed_weight
    pre, post = spikes(300, 0.06, 1), spikes(300, 0.06, 2)
    found = brian(model, pre, post, 1e-3)["weight"]
    return BothForms(found, pairs(partial(form, model), pre, post, 1e-3, late), 1.0)


def _potentiation(name: str, chosen: str):
    model = _model(name, chosen)
    pre, post = spikes(300, 0.04, 3), spikes(300, 0.04, 4)
    pre[-1] = 1  # so that every variable is as of the last step
    found = brian(model, pre, post, 1e-3)

    def numbers(a, b):
        weight, _, sent = respond(model, a, b)
        return weight, sent[-1]

    exact = np.moveaxis(pairs(numbers, pre, post, 1e-3), -1, 0)
    return BothForms(np.stack([found[n] for n in ("weight", "transmitted")]), exact)


def _limbacher():
    model, pre, post = _model("limbacher_2022"), spikes(200, 0.1, 1), spikes(200, 0.1, 2)
    found = brian(model, pre, post, 1e-3, initial={"w": 0.4})["weight"]
    form = partial(weight_at, model, end=0.2, start=0.4)
    return BothForms(found, pairs(form, pre, post, 1e-3, late=1), 0.4)


def _rates(name: str, chosen: str, **factors):
    model = _model(name, chosen, **factors)
    pre, post, dt = spikes(300, 0.05, 1), spikes(300, 0.05, 2), 1e-3
    start = np.array([[0.1, 0.3], [0.5, 0.2]])
    found = brian(model, pre, post, dt, initial={"w": start})["weight"]
    x, y = (
        filtered(model, pre, dt),
        filtered(model, post, dt) if chosen == "spikes" else None,
    )
    course = import_module(f"{_MODELS}.{name}.events").course(model, start, x, y, dt)
    exact = course[0][-1] if name == "bcm" else course[-1]
    return BothForms(found - start, exact - start)


def _scaling(chosen: str):
    model = _model("homeostatic_scaling", chosen, tau_h=1 / 86400)
    pre, post, dt = spikes(300, 0.05, 1), spikes(300, 0.05, 2), 1e-3
    if chosen == "linear":
        start = np.array([[0.1, 0.3], [0.5, 0.2]])
        found = brian(model, pre, post, dt, initial={"w": start})["weight"]
        exact = homeostatic_scaling.course(model, start, filtered(model, pre, dt), dt)[-1]
        return BothForms(found - start, exact - start)
    found = brian(model, pre, post, dt)["weight"]

    def form(_, times):
        return homeostatic_scaling.factor(model, times, 0.3)

    return BothForms(found, pairs(form, pre, post, dt, late=1), 1.0)


def _bcpnn():
    """Traces of both receptors, whose constants differ in this set."""
    model = _model("bcpnn", "tully_knight_sequences")
    pre, post = spikes(300, 0.04, 1), spikes(300, 0.04, 2)
    found = brian(model, pre, post, 1e-3)
    brians, exact = [], []
    for receptor in ("ampa", "nmda"):
        ends = np.array(pairs(
            lambda a, b, r=receptor: oracle.traces(model, a, b, [0.3 + 1e-9], r)[0],
            pre, post, 1e-3, late=1,
        ))  # fmt: skip
        for name in ("zi", "zj", "zij", "Ei", "Ej", "Eij", "Pi", "Pj", "Pij"):
            at = oracle.STATE.index(name)
            scale = np.abs(ends[..., at]).max()
            brians.append(found[f"{name}_{receptor}"] / scale)
            exact.append(ends[..., at] / scale)
        weight = oracle.weight(ends)
        scale = np.abs(weight).max()
        P = {name: found[f"{name}_{receptor}"] for name in ("Pi", "Pj", "Pij")}
        shown = (
            found["weight"]
            if receptor == "ampa"
            else np.log(P["Pij"] / (P["Pi"] * P["Pj"]))
        )
        brians.append(shown / scale)
        exact.append(weight / scale)
    return BothForms(np.array(brians), np.array(exact))


def _bcpnn_events():
    model = _model("bcpnn", "tully_2014")
    pre, post = spikes(300, 0.04, 1), spikes(300, 0.04, 2)
    pre[-1] = 1
    found = brian(events(model), pre, post, 1e-3)["weight"]

    def form(a, b):
        return oracle.weight(oracle.traces(model, a, b, [0.299 + 1e-9])[0])

    return BothForms(found, pairs(form, pre, post, 1e-3))


def _time_scale(chosen: str):
    model, dt = _model("behavioural_time_scale", chosen), 5e-3
    pre, post = np.zeros((2, 600, 2))
    pre[[19, 29, 39, 199, 439], 0] = pre[[9, 59, 61, 239], 1] = 1
    post[[179, 219, 399], 0] = post[[99, 349], 1] = 1
    found = brian(model, pre, post, dt, initial={"w": 1.5})["weight"]

    def form(a, b):
        return changed_weight(model, a, b, 1.5, until=3.0)

    return BothForms(found, pairs(form, pre, post, dt, late=1), 1.5)


def _shouval(chosen: str):
    model, dt = _model("shouval_2002", chosen), 0.5e-3
    pre, post = spikes(600, 0.06, 3, every=10), spikes(600, 0.06, 4, every=10)
    found = brian(model, pre, post, dt)["weight"] / model.initial["w"]
    form = partial(shouval_2002_oracle.changed_weight, model, until=0.3)
    return BothForms(found, pairs(form, pre, post, dt, 1), 1.0)


def _graupner():
    """Without noise, rho is followed exactly between the crossings of the thresholds."""
    model, dt = (
        get("graupner_brunel", "cortical_slices").changed(sigma=0, D=5 * ms),
        0.5e-3,
    )
    model = model.changed(tau=model.parameters["tau"] / 10)
    b = float(model.parameters["b"])
    pre, post = spikes(600, 0.08, 1, every=2), spikes(600, 0.08, 2, every=2)
    found = brian(model, pre, post, dt, initial={"rho": 0.4})["weight"]

    def form(a, b_):
        rho = simulate(
            model, a, b_, np.array([0.4]), np.random.default_rng(0), until=0.3
        )[0]
        return 1 + rho * (b - 1)

    return BothForms(found, pairs(form, pre, post, dt), 1 + 0.4 * (b - 1))


def _graupner_noise():
    """The standard deviation of rho that noise alone makes: sigma sqrt(time
    above/tau)."""
    model = get("graupner_brunel", "DP").changed(
        gamma_d=0, gamma_p=0, D=5 * ms, sigma=0.05
    )
    dt, pre, post = 0.5e-3, np.zeros((400, 20)), np.zeros((400, 40))
    pre[[19, 59, 139]], post[[39, 99, 179]] = 1, 1
    rho = brian(model, pre, post, dt, initial={"rho": 0.5}, seed=3)["rho"]
    times = (np.flatnonzero(table[:, 0]) * dt for table in (pre, post))
    lengths, above = course(model, *times, until=0.2)
    sigma, tau = model.numbers("sigma", "tau")
    return BothForms([rho.std()], [sigma * np.sqrt((lengths @ above).sum() / tau)])


def _urbanczik():
    # weights so large that the dendrite comes to where phi and h bend
    model, dt = _model("urbanczik_senn_2014", w_start=10), 0.2e-3
    pre, post = (spikes(1000, 0.06, seed, every=5) for seed in (1, 2))
    before = float(model.parameters["w_start"])
    return BothForms(
        brian(model, pre, post, dt)["weight"], weights(model, pre, post, dt), before
    )


def _clopath(chosen: str):
    model, dt = _model("clopath_2010", chosen), 0.1e-3
    pre, post = np.zeros((2, 900, 2))
    pre[[100, 420, 640], 0] = pre[[180, 350], 1] = post[[200, 460], 0] = post[
        [300, 500, 700], 1
    ] = 1
    found = brian(model, pre, post, dt, pairing="one")["weight"]
    times = ([np.flatnonzero(cell) * dt for cell in side.T] for side in (pre, post))
    form = clopath_oracle.weights(model, *times, dt)
    return BothForms(found, form, float(model.parameters["w_start"]))


def _spine(name: str, chosen: str):
    module = import_module(f"{_MODELS}.{name}.events")
    # a threshold that is crossed within the run, and a delay that is shorter than it
    faster = {"theta": 0.3, "tau_delay": 0.1} if name == "match_and_control" else {}
    model, dt = _model(name, chosen, **faster), 0.2e-3
    pre, post = (spikes(600, 0.2, seed, every=25) for seed in (1, 2))
    found = brian(model, pre, post, dt)
    if name == "point_spine":
        exact = module.changed_weight(model, pre[:, None], post[..., None], dt)
        return BothForms(found["weight"], exact, 1.0)
    longer = [np.vstack([table, 0 * table[:1]]) for table in (pre, post)]
    pre, post = longer[0][:, None], longer[1][..., None]
    exact = [form(model, pre, post, dt)[-1] for form in (module.written, module.gain)]
    shares = [
        1 / np.abs(one - before).max() for one, before in zip(exact, (0, 1), strict=True)
    ]
    return BothForms(
        np.stack([found["g"] * shares[0], (found["weight"] - 1) * shares[1]]),
        np.stack([exact[0] * shares[0], (exact[1] - 1) * shares[1]]),
    )


def _each(run, *chosen: str, within: float = 1e-9) -> tuple[FormCase, ...]:
    return tuple(FormCase(one, partial(run, one), within) for one in chosen)


CASES: dict[str, tuple[FormCase, ...]] = {
    "pair_stdp": tuple(
        FormCase(one, partial(by_events, "pair_stdp", one, A_plus=20, A_minus=20))
        for one in ("song_miller_abbott_2000", "nearest_neighbour", "guetig_2003",
                    "van_rossum_2000")
    ),
    "triplet_stdp": _each(
        partial(by_events, "triplet_stdp"),
        "hippocampal_culture_all_to_all_full", "visual_cortex_nearest_full",
    ),
    "vogels_2011": (FormCase("", partial(by_events, "vogels_2011", eta=10)),),
    "payeur_2021": (FormCase("", partial(by_events, "payeur_2021", late=1)),),
    "short_term_potentiation": _each(partial(_potentiation, "short_term_potentiation"),
                                     "both"),
    "use_dependent_potentiation": _each(
        partial(_potentiation, "use_dependent_potentiation"), "both"
    ),
    "limbacher_2022": (FormCase("", _limbacher, 1e-5),),
    "oja": (
        FormCase("spikes", partial(_rates, "oja", "spikes", eta=20), 1e-3),
        FormCase("linear", partial(_rates, "oja", "linear", eta=20), 1e-3),
    ),
    "bcm": (
        FormCase("spikes", partial(_rates, "bcm", "spikes", eta=10, tau_theta=0.05),
                 1e-3),
        FormCase("linear", partial(_rates, "bcm", "linear", eta=10, tau_theta=0.05),
                 1e-3),
    ),
    "homeostatic_scaling": _each(_scaling, "spikes", "linear", within=1e-4),
    "bcpnn": (
        FormCase("traces and weights of both receptors", _bcpnn, 5e-3),
        FormCase("touched at spikes only", _bcpnn_events, 1e-7),
    ),
    "behavioural_time_scale": (
        FormCase("milstein_2021_network", partial(_time_scale, "milstein_2021_network"),
                 0.01),
        FormCase("bittner_2017", partial(_time_scale, "bittner_2017")),
    ),
    "shouval_2002": _each(_shouval, "pairing", "frequency", within=1e-3),
    "graupner_brunel": (
        FormCase("without noise", _graupner, 1e-3),
        FormCase("standard deviation by noise, 800 synapses", _graupner_noise, 0.075),
    ),
    "urbanczik_senn_2014": (FormCase("", _urbanczik, 0.02),),
    "clopath_2010": _each(_clopath, "nest_example", within=0.02),
    "point_spine": _each(partial(_spine, "point_spine"), "soft_threshold", "hill_4"),
    "match_and_control": _each(partial(_spine, "match_and_control"), "window_1_s"),
}  # fmt: skip
