"""A third factor: changes of the weight wait in an eligibility trace for a modulator.

    dc/dt = -c/tau_eligibility,   c <- c + (what the rule would add to w),   dw/dt = c M rate

M is the port "modulator" of the postsynaptic cell: dopamine, reward, a plateau, in any unit that
the user counts it in; ``rate_eligibility`` is how fast w follows for M = 1. Where the rule's own
code keeps w within bounds by clip, w stops there, to one time step's change. Source of the form:
Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152 (there rate = 1/s and M is the
concentration of dopamine); Fremaux & Gerstner 2016, Front. Neural Circuits 9:85,
doi:10.3389/fncir.2015.00085. As a fast-weight programme: the write gate beta comes after the keys
and values that it gates.
"""

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
from .model import Equations, Model

_NAMES = ("eligibility", "modulator", "tau_eligibility", "rate_eligibility")


def with_eligibility(model: Model, tau) -> Model:
    """Return a model whose weight changes only where a modulator meets its eligibility trace.

    Args:
        model: a plasticity model whose weight is one synaptic variable.
        tau: time constant of the trace, a Brian2 time.

    Returns:
        the model with a variable ``eligibility``, in the unit of the weight, the parameters
        ``tau_eligibility`` and ``rate_eligibility`` (1/s), and the port "modulator".

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
        raise FwpError(f"eligibility: the weight of {model.name!r} is {w}, and only one that is a "
                       "variable of a plasticity model can wait for a modulator")  # fmt: skip
    if set(_NAMES) & (set(model.parameters) | set(names.names)):
        raise FwpError(f"eligibility: {model.name!r} has an eligibility trace already")
    unit = row(names[w], flags=False).rsplit(":", 1)[1].strip()
    rows = [row(one) for n, one in names.items() if n != w]
    rate = "" if names[w].type == PARAMETER else f" + ({names[w].expr})"
    drive, bounds = "eligibility*modulator_post", _bounds(text, w)
    if bounds is not None:  # those that the rule's own code keeps
        low, high = bounds
        none = "0*eligibility"
        drive += f"*int({drive} > {none} and {w} < {high} or {drive} < {none} and {w} > {low})"
    rows.append(f"d{w}/dt = {drive}*rate_eligibility : {unit} (clock-driven)")
    rows.append(f"deligibility/dt = -eligibility/tau_eligibility{rate} : {unit} (clock-driven)")
    # the trace decays as an exponential and w follows it: a linear system, integrated by rk4
    method = text.method if text.method != "exact" else "rk4"
    cells = [n for side in ("pre", "post") for n in Brian2Equations(getattr(text, side)).names]
    methods = {n: text.methods.get(n, text.method) for n in cells} | {"modulator": method}
    code: dict[str, Any] = {s: _waiting(getattr(text, s), w) for s in ("on_pre", "on_post")}
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
        conventions=f"{model.conventions}. Changes of {w} go into an eligibility trace; the "
                    "modulator of the postsynaptic cell turns it into the weight",
        ports={**model.ports, "modulator": "modulator"},
    )  # fmt: skip


def _bounds(text: Equations, w: str) -> tuple[str, str] | None:
    """Return (lowest, highest) weight, where the code of spikes ends with clip(..., these)."""
    for line in lines(f"{text.on_pre}\n{text.on_post}"):
        call = ast.parse(line.expression, mode="eval").body
        if line.target == w and isinstance(call, ast.Call) and len(call.args) == 3:
            if getattr(call.func, "id", "") == "clip":
                return ast.unparse(call.args[1]), ast.unparse(call.args[2])
    return None


def _waiting(code: str, w: str) -> str:
    """Return code in which what is added to the weight goes into the trace."""
    every = lines(code)
    at = [n for n, line in enumerate(every) if line.target == w]
    if not at:
        return code
    if len(at) > 1:  # each goes on from what the one before has made
        now = w
        for number, n in enumerate(at):
            made = replace(every[n].plain().renamed({w: now}), target=f"{w}_trial_{number}")
            every[n], now = made, made.target
        return code_text([*every, Line("eligibility", "+=", f"{now} - {w}")])
    line = every[at[0]]
    if line.op in ("+=", "-="):
        every[at[0]] = Line("eligibility", line.op, line.expression)
    else:
        every[at[0]] = Line("eligibility", "+=", f"({line.plain().expression}) - {w}")
    return code_text(every)
