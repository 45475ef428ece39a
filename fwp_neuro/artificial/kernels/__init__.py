"""Compiled CPU kernels, generated from the text of any rule and built on first use."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...errors import Cannot
from ...rules import Rule
from ..tracing import constant_in_graphs
from . import call, compiler, operator


def check(dtype: torch.dtype, device: torch.device | str) -> None:
    """Refuse tensors that no kernel takes.

    Raises:
        Cannot: another device or number format, or there is no compiler.
    """
    if torch.device(device).type != "cpu":
        raise Cannot(
            f"compiled kernels run on the CPU, and these tensors are on {device}"
        )
    if dtype not in call.DTYPES:
        raise Cannot(
            "compiled kernels compute in float32 or float64, and these tensors are "
            f"{dtype}"
        )
    if not compiler.there():
        raise Cannot(compiler.missing())


def build(rule: Rule, dtype: torch.dtype) -> None:
    """Compile the kernel of a rule, if it is not there yet; `check` has let the tensors
    pass.

    Raises:
        Cannot: it cannot be compiled.
    """
    call.built(call.declaration(rule), dtype)


def run(
    rule: Rule,
    signals: Mapping[str, torch.Tensor],
    states: Mapping[str, torch.Tensor],
    again: bool = False,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Run a rule by a C++ kernel printed from its text.

    Token by token, S_t = A_t(S_{t-1}) + B_t and y_t = W_t q_t, as `apply` with
    form="step" has it; a rule that has no plan (it may not even be affine) is printed
    statement by statement; gradients come from the adjoint recurrence, with one state in
    32 stored and the others computed again. The kernel is compiled on first use and kept
    in $FWP_NEURO_CACHE or the user's cache.

    Args:
        rule: any rule, registered or typed in.
        signals: name in the text -> [batch, token, head] if shared, else [batch, token,
            head, dim]; with the query ``q``. Any strides.
        states: synaptic state -> [batch, head, d_v, d_k] before the first token.
        again: whether a gradient that may be differentiated again comes from the chunk
            form (the step where a rule has none) instead of the adjoint.

    Returns:
        The read-out [batch, token, head, d_v] and the states after the last token.
        Nothing is changed in place.

    Raises:
        FwpError: the kernel cannot run (see `check`) or cannot be compiled, or a forward
            derivative or (unless ``again``) a second one is asked for.

    Source: recomputation from stored states, Griewank & Walther 2000,
    doi:10.1145/347837.347846 (with one level); delta recurrence, Yang et al. 2024,
    arXiv:2406.06484, eq. 3.
    """
    query = signals["q"]
    declaration, names = _declared(rule, query.dtype, query.device.type)
    given = [signals[name] for name in names] + [states[name] for name in rule.states]
    keep = torch.is_grad_enabled() and any(item.requires_grad for item in given)
    if operator.unwatched(given):
        if keep:
            found = operator.Unwatched.apply(declaration, len(names), True, again, *given)
        else:
            found = operator.straight(
                declaration, given[: len(names)], given[len(names) :], False
            )
        readout, _, *after = found
    elif torch.compiler.is_compiling() and not keep:
        parts = given[: len(names)], given[len(names) :]
        readout, _, *after = operator.recurrence(declaration, *parts, keep)
    else:
        function = (
            operator.Recurrence if torch.compiler.is_compiling() else operator.Eager
        )
        readout, _, *after = function.apply(declaration, len(names), keep, again, *given)
    return readout, dict(zip(rule.states, after, strict=True))


@constant_in_graphs
def _declared(rule: Rule, dtype: torch.dtype, device: str) -> tuple[str, tuple[str, ...]]:
    """Return a rule's declaration and the order of its signals; raise if no kernel can
    run it."""
    check(dtype, device)
    declaration = call.declaration(rule)
    return declaration, call.recipe_of(declaration).signals
