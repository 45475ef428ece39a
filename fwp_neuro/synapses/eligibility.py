"""A third factor: changes of the weight wait in an eligibility trace for a modulator.

    dc/dt = -c/tau_eligibility,   c <- c + (what the rule would add to w),   dw/dt = c M rate

M is the port "modulator" of the postsynaptic cell: dopamine, reward, a plateau, in any
unit that the user counts it in; ``rate_eligibility`` is how fast w follows for M = 1.
Source of the form:
Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152 (there rate = 1/s and M
is the concentration of dopamine); Fremaux & Gerstner 2016, Front. Neural Circuits 9:85,
doi:10.3389/fncir.2015.00085. As a fast-weight programme: the write gate beta comes after
the keys and values that it gates.

Bounds are those of the weight: where the rule's own text clips w, the trace gets the
change before it is clipped, and w follows the trace up to the bounds and stays there.
"""  # noqa: E501

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from brian2 import Equations as Brian2Equations
from brian2 import Hz, second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from ..errors import FwpError
from ..quantities import quantity
from .factorised.text import Line, lines, row
from .factorised.text import text as code_text
from .synapse_class import Synapse

#: decay of the trace in an Euler step, and its mean over the step relative to its start
_STEPPED = (
    "(1 - exp(-dt/tau_eligibility))/dt",
    "*tau_eligibility*(1 - exp(-dt/tau_eligibility))/dt",
)
_NAMES = ("eligibility", "modulator", "tau_eligibility", "rate_eligibility")


def with_eligibility(model: Synapse, tau, stepped: bool = True) -> Synapse:
    """Return a model whose weight changes only where a modulator meets its eligibility
    trace.

    Args:
        model: a plasticity model whose weight is one synaptic variable.
        tau: time constant of the trace, a Brian2 time.
        stepped: whether an Euler step may be used that is exact for a constant modulator;
            only where nothing else on the synapse is integrated in time.

    Returns:
        the model with a variable ``eligibility``, in the unit of the weight, the
        parameters ``tau_eligibility`` and ``rate_eligibility`` (1/s), and the port
        "modulator".

    Raises:
        FwpError: no time, a weight that is an expression, or names that are taken.
    """
    seconds = quantity(tau, second, "eligibility", "a time such as 1*second")
    if seconds.size != 1 or not 0 < float(seconds.ravel()[0]) < float("inf"):
        raise FwpError(f"eligibility must be one positive finite time, got {tau}")
    names, text = Brian2Equations(model.equations.synapse), model.equations
    w = model.weight
    kinds = (PARAMETER, DIFFERENTIAL_EQUATION)
    if model.kind != "plasticity" or w not in names or names[w].type not in kinds:
        raise FwpError(f"eligibility: the weight of {model.name!r} is {w}, and only one "
                       "that is a variable of a plasticity model can wait for a "
                       "modulator")  # fmt: skip
    if set(_NAMES) & (set(model.parameters) | set(names.names)):
        raise FwpError(f"eligibility: {model.name!r} has an eligibility trace already")
    unit = row(names[w], flags=False).rsplit(":", 1)[1].strip()
    rows = [row(one) for n, one in names.items() if n != w]
    rate = "" if names[w].type == PARAMETER else f" + ({names[w].expr})"
    stepped = stepped and not any(
        one.type == DIFFERENTIAL_EQUATION and "event-driven" not in one.flags
        for one in names.values()
    )
    fall, share = _STEPPED if stepped else ("1/tau_eligibility", "")
    slope = f"eligibility*modulator_post*rate_eligibility{share}"
    bounds = _bounds(text, w)
    if bounds:  # an integrator's step ends at a bound at most
        slope = f"clip({slope}, ({bounds[0]} - {w})/dt, ({bounds[1]} - {w})/dt)"
    rows.append(f"d{w}/dt = {slope} : {unit} (clock-driven)")
    rows.append(f"deligibility/dt = -eligibility*{fall}{rate} : {unit} (clock-driven)")
    method = "euler" if stepped else text.method if text.method != "exact" else "rk4"
    cells = [
        n for side in ("pre", "post") for n in Brian2Equations(getattr(text, side)).names
    ]
    methods = {n: text.methods.get(n, text.method) for n in cells} | {"modulator": method}
    code: dict[str, Any] = {
        s: _waiting(getattr(text, s), w) for s in ("on_pre", "on_post")
    }
    equations = replace(
        text,
        synapse="\n".join(rows),
        post=f"{text.post.strip()}\nmodulator : 1".strip(),
        method=method,
        methods={n: m for n, m in methods.items() if m != method},
        **code,
    )
    here = "modelling choice of this package, as in izhikevich2007solving: 1/s"
    return replace(
        model,
        name=f"{model.name}+eligibility",
        equations=equations,
        parameters={**model.parameters, "tau_eligibility": seconds.ravel()[0] * second,
                    "rate_eligibility": 1 * Hz},
        sources={**model.sources, "tau_eligibility": "given to compose",
                 "rate_eligibility": here},
        citation=f"{model.citation}; izhikevich2007solving; fremaux2016neuromodulated",
        conventions=f"{model.conventions}. Changes of {w} go into an eligibility trace; "
                    "the modulator of the postsynaptic cell turns it into the weight",
        ports={**model.ports, "modulator": "modulator"},
    )  # fmt: skip


def _waiting(code: str, w: str) -> str:
    """Return code in which what is added to the weight goes into the trace."""
    every = lines(code)
    found: list[Line] = []
    if sum(line.target == w for line in every) > 1:
        now = w  # each goes on from what the one before would have made
        for line in every:
            if line.target == w:
                line, now = line.plain().renamed({w: now}), f"{w}_trial_{len(found)}"
                line = replace(line, target=now)
            found.append(line)
        return code_text([*found, Line("eligibility", "+=", f"{now} - {w}")])
    for line in every:
        if line.target != w:
            found.append(line)
        elif line.op in ("+=", "-="):
            found.append(Line("eligibility", line.op, line.expression))
        else:
            inside = _clipped(line.expression)
            new = inside[0] if inside else line.plain().expression
            found.append(Line("eligibility", "+=", f"({new}) - {w}"))
    return code_text(found)


def _clipped(expression: str) -> list[str]:
    """Return the three arguments of what is clipped as a whole, or nothing."""
    call = ast.parse(expression.strip(), mode="eval").body
    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "clip":
        return [ast.unparse(argument) for argument in call.args]
    return []


def _bounds(text, w: str) -> tuple[str, str] | None:
    """Return between what the statements of a rule clip the weight, or None."""
    every = [*lines(text.on_pre), *lines(text.on_post)]
    found = [
        _clipped(line.expression) for line in every if line.target == w and line.op == "="
    ]
    return next(((low, high) for _, low, high in filter(None, found)), None)
