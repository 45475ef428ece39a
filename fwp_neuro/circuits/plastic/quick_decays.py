"""Variables that only decay, advanced without a call of generated code.

On Brian2's NumPy target such a call takes longer than the step itself in all but large
networks. Other targets run the generated code as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import brian2 as b2
import numpy as np
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.stateupdaters.exact import linear

from ...arithmetic import evaluate
from ...errors import FwpError
from ...synapses.factorised.text import lines


def quicken(runner, group, code: Callable[[], str | None]) -> None:
    """Let a runner of code multiply the variables of a group by their decays.

    Args:
        runner: Brian2's CodeRunner or StateUpdater of the group.
        group: with the variables.
        code: returns the code of a step as it is now, or None for what is no decay.
    """

    def before_run(run_namespace) -> None:
        vars(runner).pop("run", None)
        type(runner).before_run(runner, run_namespace)
        now, dt = code(), float(group.clock.variables["dt"].get_value()[0])
        if isinstance(runner.codeobj, NumpyCodeObject) and now is not None:
            decays = _decays(group, now, dt)
            if decays is not None:
                runner.run = partial(_multiply, decays)

    runner.before_run = before_run


def of_exact(group) -> None:
    """Quicken the state updater of a group of which all variables decay exactly."""
    updater = group.state_updater
    if updater is None or not group.equations.diff_eq_names:
        return
    method = updater.method_choice
    text = "\n".join(map(str, lines(linear(group.equations, {}))))
    quicken(updater, group, lambda: text if updater.method_choice is method else None)


def _multiply(decays) -> None:
    for values, factor in decays:
        values *= factor


def _decays(group, code: str, dt: float) -> list[tuple[np.ndarray, float]] | None:
    """Return the values of each variable and its decay in one step, or None if one does
    more."""
    states = {line.target for line in lines(code)} & set(group.variables)
    names = {n: float(v) for n, v in group.namespace.items()
             if not callable(v) and np.ndim(v) == 0}  # fmt: skip
    found: dict[str, float] = {}
    local: dict[str, tuple[str, float]] = {}
    for line in lines(code):
        own = local.get(line.expression)
        if own is not None and own[0] == line.target:  # x = _x
            found[line.target] = own[1]
            continue
        read = sorted(line.reads & (states | set(local)))
        if line.op != "=" or len(read) != 1 or read[0] in group.namespace:
            return None
        if not isinstance(group.variables.get(read[0]), b2.core.variables.ArrayVariable):
            return None
        try:
            zero, one = (float(evaluate(line.expression, {**names, read[0]: x, "dt": dt}))
                         for x in (0.0, 1.0))  # fmt: skip
        except (NameError, TypeError, ArithmeticError, FwpError):
            return None
        if zero != 0:
            return None
        if line.target == read[0]:
            found[line.target] = one
        else:
            local[line.target] = (read[0], one)
    if set(found) != states:
        return None
    return [(group.variables[name].get_value(), factor) for name, factor in found.items()]
