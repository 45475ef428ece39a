"""Weights under clocks of one's own and under frozen learning, from the textbook text of
a model.

The oracle of a frozen run is the textbook text with a factor ``learning`` before every
change of what is frozen, 1 or 0 in time; the oracle of a run on some clock is the
textbook layout with everything on the default clock.
"""

from dataclasses import replace

import brian2 as b2
from brian2.equations.equations import DIFFERENTIAL_EQUATION

from fwp_neuro.circuits import injected
from fwp_neuro.circuits.plastic.connecting import connect
from fwp_neuro.circuits.plastic.plastic_freeze import learned
from fwp_neuro.synapses.factorised.text import Line, lines, row, text

ms = b2.ms


def gated(model):
    """Return a model that learns only where ``learning`` is 1, all of it clock-driven."""
    names, old = learned(model), model.equations
    rows = []
    for name, equation in b2.Equations(old.synapse).items():
        line = row(equation).replace("(event-driven)", "(clock-driven)")
        if name in names and equation.type == DIFFERENTIAL_EQUATION:
            head, rest = line.split(" = ", 1)
            right, unit = rest.rsplit(" : ", 1)
            line = f"{head} = learning_now*({right}) : {unit}"
        rows.append(line)
    # stages of an integrator in the middle of a step must not see the end of a frozen
    # time
    rows.append("learning_now = learning(t) : 1 (constant over dt)")
    new = {"synapse": "\n".join(rows)}
    for side in ("on_pre", "on_post"):
        code = []
        for line in lines(getattr(old, side)):
            if line.target in names:
                old_value, new_value = line.target, f"({line.plain().expression})"
                change = f"{old_value} + learning(t)*({new_value} - {old_value})"
                line = Line(line.target, "=", change)
            code.append(line)
        new[side] = text(code)
    return replace(model, equations=replace(old, **new))


def groups(tables, dts, names=("before", "after"), variables=""):
    """Return cells with these variables that spike as tables [step, cell] say, each on a
    clock of its own."""
    made = []
    for table, dt, name in zip(tables, dts, names, strict=True):
        clock = {} if dt is None else {"dt": dt}
        step = b2.defaultclock.dt if dt is None else dt
        given = {f"{name}_table": b2.TimedArray(table, dt=step)}
        made.append(b2.NeuronGroup(table.shape[1], variables,
                                   threshold=f"{name}_table(t, i) > 0.5", reset="",
                                   name=name, namespace=given, **clock))  # fmt: skip
    return made


def weights(made):
    """Return what is on the synapses and the effective weight, [synapse]."""
    names = [n for n in learned(made.model) or ("w",) if n in made.where]
    return {name: made.values(name) for name in names}


__all__ = ["connect", "gated", "groups", "injected", "learned", "weights"]
