"""Which form runs: what was asked for, or for "auto" the fastest that fits, with the
reason.

What "auto" takes follows from the rule, the number of tokens, their format and place, and
from whether there is a compiler, but not from what ran before or lies in a cache: the
same call gives the same bits in every process, so that training carries on bit for bit.
So a kernel is not taken because it happens to be compiled. Rules of the package and
registered ones are compiled once a machine and used often, and are worth it from four
tokens; a rule typed in may be one of hundreds that are tried once.
"""

from __future__ import annotations

import logging
from functools import lru_cache

import sympy
import torch

from ..errors import Cannot, pick, warn
from ..rules import Rule
from ..rules.registered_rules import RULES
from ..symbolic.language import SYNAPSE
from . import kernels, library
from .engine import fast_form
from .form_names import FORMS
from .precision import computed
from .tracing import transformed

#: tokens up to which the plain recurrence is as fast as any form of tensor operations,
#: and a rule that is not registered is not worth compiling
FEW = 16
#: tokens up to which the plain recurrence is as fast as a kernel
FEWEST = 3

log = logging.getLogger("fwp_neuro")


@lru_cache(maxsize=256)
def _functions_at_synapses(rule: Rule) -> bool:
    """Whether the text has exp, tanh, ... of something that differs from synapse to
    synapse."""
    return any(
        statement.home(function) == SYNAPSE
        for statement in rule.statements
        for function in statement.expression.atoms(sympy.Function)
        if not isinstance(function, sympy.Abs | sympy.sign)
    )


def few(rule: Rule) -> int:
    """Return the tokens up to which "auto" runs the plain recurrence of a rule."""
    registered = rule.name in RULES and RULES.get(rule.name) is rule
    return FEWEST if registered else FEW


def choose(
    form: str, rule: Rule, tokens: int, dtype: torch.dtype, device: torch.device
) -> tuple[str, str]:
    """Return the form that runs and why.

    Args:
        form: "auto" or the one that is asked for.
        dtype: of the query; bfloat16 and float16 are computed in float32 (see
            `precision`).

    Raises:
        FwpError: unknown form; `Cannot` for one that the rule or the machine cannot run.
    """
    pick(form, FORMS, "form")
    if form != "auto":
        try:
            _check(form, rule, dtype, device)
        except Cannot as reason:
            raise Cannot(f"form={form!r} cannot run: {reason}") from None
        return form, "asked for"
    short = "step", f"{tokens} tokens are few"
    if tokens <= FEWEST or (tokens <= FEW and device.type != "cpu"):
        return short
    if tokens <= few(rule):
        return short
    try:
        return _special(rule, dtype, device)
    except Cannot as reason:
        plain = str(reason)
    if tokens <= FEW:
        return short
    try:
        fast_form(rule)
    except Cannot as lacking:
        return "step", f"{lacking}; {plain}"
    return "chunk", plain


def _check(form: str, rule: Rule, dtype: torch.dtype, device: torch.device) -> None:
    """Refuse a form that cannot run."""
    if form == "compiled":
        kernels.check(computed(dtype), device)
    elif form == "library":
        library.check(rule, dtype, device)
    elif form in ("parallel", "chunk"):
        fast_form(rule)


def _special(rule: Rule, dtype: torch.dtype, device: torch.device) -> tuple[str, str]:
    """Return the form that is faster than tensor operations, and why.

    Raises:
        Cannot: there is none; the message says what tensor operations run for.
    """
    if device.type != "cpu":
        try:
            library.check(rule, dtype, device)
        except Cannot as reason:
            raise Cannot(f"matrix products on {device.type}; {reason}") from None
        return "library", "kernels of flash-linear-attention, which agree with the step"
    if transformed():
        raise Cannot("plain tensor code inside transforms of torch.func")
    if _functions_at_synapses(rule):
        raise Cannot(
            "PyTorch vectorises functions of every weight, the generated C++ does not"
        )
    try:
        kernels.check(computed(dtype), device)
        kernels.build(rule, computed(dtype))
    except Cannot as reason:
        raise Cannot(f"no compiled form: {reason}") from None
    return "compiled", "generated C++ is the fastest on a CPU"


def announce(rule, asked: str, form: str, reason: str) -> None:
    """Log an automatic choice; a missing compiler is a warning, because it costs
    speed."""
    if asked != "auto" or torch.compiler.is_compiling():
        return
    log.info("rule %r runs in the %s form: %s", rule.name, form, reason)
    if form in ("chunk", "step") and (
        "compiler" in reason or "could not compile" in reason
    ):
        warn(f"rule {rule.name!r} runs in the {form} form, {reason}", stacklevel=4)
