"""Networks of one synapse a pair of cells, for parameters that differ between
synapses."""

import brian2 as b2
import numpy as np
from factorised_cases import spikes, step

from fwp_neuro.arithmetic import evaluate
from fwp_neuro.circuits.plastic import connecting, plastic_varying
from fwp_neuro.synapses.factorised.text import row
from fwp_neuro.synapses.synapse_class import SHARES

ms = b2.ms
#: the cells of each synapse: number on the presynaptic and on the postsynaptic side
PAIRS = {"i": np.array([0, 1, 2]), "j": np.array([2, 0, 1])}
#: by what a parameter is multiplied, on synapse 0, 1 and 2
FACTORS = np.array([1.0, 0.8, 0.65])
#: where another change would make a model blow up, or take a root of a negative number
GENTLE = {
    "V_T_max",
    "theta_plus",
    "E_L",
    "V_T_rest",
    "V_clamp",
    "V_reset",
    "kappa",
    "r_one",
}


def three(model, name):
    """Return three values of a parameter as Brian2 quantities."""
    usual = model.parameters[name]
    if not float(usual):
        share = 1 if name in SHARES else 0.01
        return b2.Quantity(share * np.array([0, 0.3, 0.6]), dim=b2.get_dimensions(usual))
    factors = 1 - 0.03 * np.arange(3) if name in GENTLE else FACTORS
    return b2.Quantity(float(usual) * factors, dim=b2.get_dimensions(usual))


def places(model, names):
    """Return parameter -> the places over which it may vary, () if nothing reads it."""
    cells = {side: b2.PoissonGroup(3, 1 * b2.Hz) for side in ("pre", "post")}
    work = plastic_varying._Reading(model, cells, PAIRS)
    delays = {model.equations.delay, model.equations.delay_post}
    delays |= {by for _, by in model.equations.delayed.values()}
    return {name: work.legal(name, "") for name in names
            if name not in delays and (work.needs(name) or work.leads(name))}  # fmt: skip


def given(model, name, place):
    """Return an entry of ``varying`` that gives synapse n the n-th of three values."""
    values, order = three(model, name), {"pre": PAIRS["i"], "post": PAIRS["j"]}
    if place == "both":
        sides = [side for side in ("pre", "post", "synapse")
                 if name in plastic_varying.readers(model, {})[side]]  # fmt: skip
        return {side: given(model, name, side)[1] for side in sides}
    if place == "synapse":
        return ("synapse", values)
    cells = b2.Quantity(np.empty(3), dim=b2.get_dimensions(values))
    cells[order[place]] = values
    return (place, cells)


def cells(model, dt, seed=1):
    """Return cells of both sides that spike at given times, and the number of steps."""
    tables = spikes(model, dt, 3, 3, seed=seed)
    return table_cells(model, dt, tables), len(tables[0])


def table_cells(model, dt, tables):
    """Return cells of both sides that spike as tables [step, cell] say."""
    made = []
    for name, table in zip(("before", "after"), tables, strict=True):
        namespace = {f"{name}_table": b2.TimedArray(table, dt=dt)}
        # Brian2 writes sums over synapses into variables of the cells only
        rows = [row(one) for n, one in b2.Equations(model.equations.post).items()
                if name == "after" and f"{n}_post" in model.equations.synapse
                and one.type == "parameter"]  # fmt: skip
        made.append(b2.NeuronGroup(
            table.shape[1], "\n".join(rows), threshold=f"{name}_table(t, i) > 0.5",
            reset="", name=name, namespace=namespace, dt=dt,
        ))  # fmt: skip
    return made


def attached(model, groups):
    """Return ``names`` that let synapses bring all that the cells lack of the model's
    ports."""
    return {role: None for role, variable in model.ports.items()
            if variable not in groups[1].variables}  # fmt: skip


def states(made):
    """Return every variable of the synapses and the effective weight [synapse]."""
    model = getattr(made.model, "textbook", made.model)
    equations = b2.Equations(model.equations.synapse)
    names = sorted({*equations.diff_eq_names, *equations.parameter_names})
    found = {n: made.values(n) for n in names
             if n not in model.varying
             and "shared" not in equations[n].flags}  # fmt: skip
    for side in ("pre", "post"):
        equations = b2.Equations(getattr(model.equations, side))
        for name in {*equations.diff_eq_names, *equations.parameter_names} - set(
            model.varying
        ):
            found[f"{name}_{side}"] = made.values(name)[made.cells(side)]
    known = {n: float(v) for n, v in model.parameters.items()}
    for name, one in model.varying.items():
        values = made.values(name)
        suffix = "" if one.place == "synapse" else f"_{one.place}"
        known[name + suffix] = values[made.cells(one.place)] if suffix else values
    found["effective"] = evaluate(model.weight, {**known, **found}) + np.zeros(made.count)
    return found


def run(model, layout, varying=None, **options):
    """Run a model's three synapses; return what `states` does."""
    b2.start_scope()
    dt = step(model)
    b2.defaultclock.dt = dt
    groups, steps = cells(model, dt)
    made = connecting.connect(
        model, *groups, layout=layout, connect=PAIRS, varying=varying,
        names=attached(model, groups), **options,
    )  # fmt: skip
    network = b2.Network(*groups, *made.objects)
    b2.seed(3)
    network.run(steps * dt)
    return states(made)


def separate(model, names):
    """Return the states of synapse n in the n-th of three networks with changed
    parameters."""
    runs = [run(model.changed(**{name: three(model, name)[n] for name in names}),
                "textbook")
            for n in range(3)]  # fmt: skip
    return {
        name: np.array([one[name][n] for n, one in enumerate(runs)]) for name in runs[0]
    }
