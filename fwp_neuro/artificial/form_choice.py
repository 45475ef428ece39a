"""Which form runs: what was asked for, or for "auto" the fastest that fits, with the reason."""

from __future__ import annotations

import logging
from functools import lru_cache

import sympy
import torch

from ..errors import FwpError, pick, warn
from ..rules import Rule
from ..symbolic.language import SYNAPSE
from . import library
from .form_names import FORMS
from .kernels import build, why_not
from .precision import computed
from .tracing import transformed

#: tokens up to which the plain recurrence is as fast as any other form
FEW = 16

log = logging.getLogger("fwp_neuro")


@lru_cache(maxsize=256)
def _has_plan(rule: Rule) -> str:
    """Return why a rule has no fast form, or an empty string."""
    try:
        return "" if rule.plan else ""
    except FwpError as reason:
        return str(reason)


@lru_cache(maxsize=256)
def _functions_at_synapses(rule: Rule) -> bool:
    """Whether the text has exp, tanh, ... of something that differs from synapse to synapse."""
    return any(
        statement.home(function) == SYNAPSE
        for statement in rule.statements
        for function in statement.expression.atoms(sympy.Function)
        if not isinstance(function, sympy.Abs | sympy.sign)
    )


def choose(
    form: str, rule: Rule, tokens: int, dtype: torch.dtype, device: torch.device
) -> tuple[str, str]:
    """Return the form that runs and why.

    Args:
        form: "auto" or the one that is asked for.
        dtype: of the query; bfloat16 and float16 are computed in float32 (see `precision`).

    Raises:
        FwpError: unknown form, or one that the rule or the machine cannot run.
    """
    pick(form, FORMS, "form")
    if form != "auto":
        _check(form, rule, dtype, device)
        return form, "asked for"
    if tokens <= FEW:
        return "step", f"{tokens} tokens are few"
    lacking = _has_plan(rule)
    if device.type != "cpu":
        reason = library.why_not(rule, dtype, device)
        if reason is None:
            return "library", "kernels of flash-linear-attention, which agree with the step"
        return _plain(lacking, f"matrix products on {device.type}; {reason}")
    if transformed():
        return _plain(lacking, "plain tensor code inside transforms of torch.func")
    if _functions_at_synapses(rule):
        reason = "PyTorch vectorises functions of every weight, the generated C++ does not"
        return _plain(lacking, reason)
    dtype = computed(dtype)
    reason = why_not(rule, dtype, device) or build(rule, dtype)
    if reason is None:
        return "compiled", "generated C++ is the fastest on a CPU"
    return _plain(lacking, f"no compiled form: {reason}")


def _check(form: str, rule: Rule, dtype: torch.dtype, device: torch.device) -> None:
    """Refuse a form that is asked for and cannot run."""
    reason: str | None = None
    if form == "compiled":
        reason = why_not(rule, computed(dtype), device)
    elif form == "library":
        reason = library.why_not(rule, dtype, device)
    elif form in ("parallel", "chunk"):
        reason = _has_plan(rule)
    if reason:
        raise FwpError(f"form={form!r} cannot run: {reason}")


def _plain(lacking: str, reason: str) -> tuple[str, str]:
    """Return the best form of tensor operations, and why; ``lacking`` is why no fast form runs."""
    return ("step", f"{lacking}; {reason}") if lacking else ("chunk", reason)


def announce(rule, asked: str, form: str, reason: str) -> None:
    """Log an automatic choice; a missing compiler is a warning, because it costs speed."""
    if asked != "auto" or torch.compiler.is_compiling():
        return
    log.info("rule %r runs in the %s form: %s", rule.name, form, reason)
    if form in ("chunk", "step") and ("compiler" in reason or "could not compile" in reason):
        warn(f"rule {rule.name!r} runs in the {form} form, {reason}", stacklevel=4)
