"""The compiled recurrence as PyTorch operators: gradients, vmap, torch.compile and
torch.export.

``fwp_neuro::recurrence`` carries the rule's declaration as text, so that an exported
graph holds all that it needs. Its adjoint, ``fwp_neuro::recurrence_backward``, is an
operator as well, because per-sample gradients map over it.
"""

from __future__ import annotations

import logging

import torch

from ...errors import FwpError
from ..tensor_forms import run_tensors
from ..tracing import transformed
from . import call

log = logging.getLogger("fwp_neuro")

_ELSE = "form='chunk', or form='step' where a rule has no chunk form"
_ONCE = (
    "the gradient of a compiled kernel has no gradient of its own: for second "
    f"derivatives use {_ELSE}"
)
_FORWARD = f"a compiled kernel has no forward derivative (jvp): use {_ELSE}"


def _nothing() -> bool:
    return True


#: whether torch.func transforms, dispatch modes (tracing, counting) or forward
#: derivatives are on; these are no public names of torch, so where one is missing the
#: answer is yes
_WATCHERS = (
    getattr(torch._C, "_are_functorch_transforms_active", _nothing),
    getattr(torch._C, "_len_torch_dispatch_stack", _nothing),
    lambda: getattr(torch.autograd.forward_ad, "_current_level", 0) >= 0,
)


def unwatched(tensors) -> bool:
    """Tell whether only autograd looks on, so that the kernel may be called straight
    away.

    The way through the dispatcher takes as long as the kernel does on a hundred tokens.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if any(active() for active in _WATCHERS):
        return False
    return all(type(item) in (torch.Tensor, torch.nn.Parameter) for item in tensors)


@torch.library.custom_op("fwp_neuro::recurrence", mutates_args=())
def recurrence(
    declaration: str, signals: list[torch.Tensor], states: list[torch.Tensor], keep: bool
) -> list[torch.Tensor]:
    """Run a rule's compiled recurrence; see `kernels.run`.

    Args:
        declaration: `call.declaration` of the rule.
        signals: in the order of its recipe, [batch, token, head(, dim)].
        states: initial states in the rule's order, [batch, head, d_v, d_k].
        keep: whether to keep states for the adjoint.

    Returns:
        The read-out [batch, token, head, d_v], the stored states (empty unless ``keep``),
        and the final states.
    """
    return straight(declaration, signals, states, keep)


def straight(declaration, signals, states, keep) -> list[torch.Tensor]:
    """Do what `recurrence` does, past the dispatcher."""
    readout, finals, stored = call.forward(declaration, signals, states, keep)
    return [readout, stored, *finals]


@torch.library.custom_op("fwp_neuro::recurrence_backward", mutates_args=())
def recurrence_backward(
    declaration: str,
    signals: list[torch.Tensor],
    stored: torch.Tensor,
    dreadout: torch.Tensor,
    dfinals: list[torch.Tensor],
) -> list[torch.Tensor]:
    """Return the gradients of all signals, then of all initial states (see
    `recurrence`)."""
    return call.backward(declaration, signals, stored, dreadout, dfinals)


def _shapes(declaration, signals, state):
    mine = call.recipe_of(declaration)
    query = signals[mine.signals.index("q")]
    return mine, call.Shapes.of(query, state)


@recurrence.register_fake
def _(declaration, signals, states, keep):
    mine, n = _shapes(declaration, signals, states[0])
    new = signals[0].new_empty
    readout = new(n.batch, n.tokens, n.heads, n.post)
    stored = new(n.batch, n.heads, n.stored(mine) if keep else 0)
    return [readout, stored, *(new(state.shape) for state in states)]


@recurrence_backward.register_fake
def _(declaration, signals, stored, dreadout, dfinals):
    return [item.new_empty(item.shape) for item in (*signals, *dfinals)]


def _unused(gradient, like: torch.Tensor, *shape) -> torch.Tensor:
    """Return a gradient, zeros of ``shape`` for an output that nothing was computed
    from."""
    return like.new_zeros(shape) if gradient is None else gradient


class Recurrence(torch.autograd.Function):
    """The recurrence with its gradient, also inside torch.func transforms."""

    @staticmethod
    def forward(declaration, count, keep, again, *given):
        """Run the operator: ``count`` signals, then the states; ``again`` as for
        `kernels.run`."""
        run = straight if unwatched(given) else recurrence
        return tuple(run(declaration, list(given[:count]), list(given[count:]), keep))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what the adjoint needs; a gradient that nobody asks for is not filled with
        zeros."""
        ctx.declaration, ctx.count, ctx.keep, ctx.again, *given = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*given, output[1])

    @staticmethod
    def backward(ctx, dreadout, _, *dfinals):
        """Run the adjoint, or tensor operations where the gradient may be differentiated
        again."""
        tracing = torch.compiler.is_compiling()
        if ctx.again and torch.is_grad_enabled() and not tracing and not transformed():
            return None, None, None, None, *_differentiable(ctx, dreadout, dfinals)
        return None, None, None, None, *_gradients(ctx, dreadout, dfinals)

    @staticmethod
    def vmap(info, axes, declaration, count, keep, again, *given):
        """Fold the mapped axis into the batch."""
        folded = _folds(given, axes[4:], info.batch_size)
        return _unfold(
            Recurrence.apply(declaration, count, keep, again, *folded), info.batch_size
        )


class Eager(Recurrence):
    """`Recurrence` where nothing is traced; a trace does not take a class with a jvp."""

    @staticmethod
    def jvp(ctx, *tangents):
        """Refuse."""
        raise FwpError(_FORWARD)


class Unwatched(torch.autograd.Function):
    """`Recurrence` where only autograd looks on (see `unwatched`).

    Without a ``setup_context``: for one, torch reads the signature of ``forward`` in
    every call, which takes as long as the kernel does on some tens of tokens.
    """

    @staticmethod
    def forward(ctx, *inputs):
        """Run the kernel; arguments as for `Recurrence`."""
        declaration, count, keep, _, *given = inputs
        output = tuple(straight(declaration, given[:count], given[count:], keep))
        Recurrence.setup_context(ctx, inputs, output)
        return output

    backward = Recurrence.backward


class Adjoint(torch.autograd.Function):
    """The adjoint recurrence, which has no gradient of its own."""

    @staticmethod
    def forward(declaration, count, *given):
        """Run the operator: ``count`` signals, stored states, dreadout, then dfinals."""
        signals, (stored, dreadout, *dfinals) = given[:count], given[count:]
        run = call.backward if unwatched(given) else recurrence_backward
        return tuple(run(declaration, list(signals), stored, dreadout, dfinals))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep nothing."""

    @staticmethod
    def backward(ctx, *gradients):
        """Refuse."""
        raise FwpError(_ONCE)

    @staticmethod
    def vmap(info, axes, declaration, count, *given):
        """Fold the mapped axis into the batch."""
        folded = _folds(given, axes[2:], info.batch_size)
        return _unfold(Adjoint.apply(declaration, count, *folded), info.batch_size)


def _gradients(ctx, dreadout, dfinals):
    *given, stored = ctx.saved_tensors
    signals, states = given[: ctx.count], given[ctx.count :]
    if not ctx.keep:  # made where no gradient was in sight
        stored = Recurrence.apply(ctx.declaration, ctx.count, True, False, *given)[
            1
        ].detach()
    lead = signals[0].shape[:3]  # batch, token, head
    dreadout = _unused(dreadout, signals[0], *lead, states[0].shape[-2])
    dfinals = [
        _unused(item, state, *state.shape)
        for item, state in zip(dfinals, states, strict=True)
    ]
    if not torch.is_grad_enabled() and unwatched((*given, stored, dreadout, *dfinals)):
        return call.backward(ctx.declaration, list(signals), stored, dreadout, dfinals)
    # which cannot trace a Function within a Function's backward
    if torch.compiler.is_compiling():
        return recurrence_backward(
            ctx.declaration, list(signals), stored, dreadout, dfinals
        )
    return Adjoint.apply(ctx.declaration, ctx.count, *signals, stored, dreadout, *dfinals)


def _differentiable(ctx, dreadout, dfinals):
    """Return the gradients as tensor operations, which have derivatives of any order."""
    mine, rule = call.recipe_of(ctx.declaration), call.rule_of(ctx.declaration)
    form = "chunk" if "chunk" in rule.forms else "step"
    log.info("rule %r: the gradient that may be differentiated again runs in the %s form",
             rule.name, form)  # fmt: skip
    # one may have been computed from another, whose own part alone is wanted here
    given = [item.view_as(item) for item in ctx.saved_tensors[:-1]]
    signals = dict(zip(mine.signals, given, strict=False))
    states = dict(zip(rule.states, given[ctx.count :], strict=True))
    readout, finals = run_tensors(rule, signals, states, form)
    pairs = [(readout, dreadout), *zip(finals.values(), dfinals, strict=True)]
    outputs, grads = zip(*((x, g) for x, g in pairs if g is not None), strict=True)
    wanted = [item for item in given if item.requires_grad]
    found = iter(
        torch.autograd.grad(outputs, wanted, grads, create_graph=True, allow_unused=True)
    )
    return [next(found) if item.requires_grad else None for item in given]


def _save(ctx, inputs, output):
    declaration, signals, states, keep = inputs
    ctx.declaration, ctx.count, ctx.keep = declaration, len(signals), keep
    ctx.save_for_backward(*signals, *states, output[1])


def _gradients_of_operator(ctx, gradients):
    """Differentiate an operator in an exported graph, where no `Recurrence` is left."""
    dreadout, _, *dfinals = gradients
    found = _gradients(ctx, dreadout, dfinals)
    return None, list(found[: ctx.count]), list(found[ctx.count :]), None


recurrence.register_autograd(_gradients_of_operator, setup_context=_save)


def _fold(item: torch.Tensor, axis: int | None, size: int) -> torch.Tensor:
    """Merge the mapped axis into the batch axis."""
    item = item.expand(size, *item.shape) if axis is None else item.movedim(axis, 0)
    return item.flatten(0, 1)


def _folds(items, axes, size):
    axes = [None] * len(items) if axes is None else axes
    return [_fold(item, axis, size) for item, axis in zip(items, axes, strict=True)]


def _unfold(items, size):
    return tuple(item.unflatten(0, (size, -1)) for item in items), (0,) * len(items)


@recurrence.register_vmap
def _(info, axes, declaration, signals, states, keep):
    size = info.batch_size
    folded = _folds(signals, axes[1], size), _folds(states, axes[2], size)
    found, axes = _unfold(recurrence(declaration, *folded, keep), size)
    return list(found), list(axes)


@recurrence_backward.register_vmap
def _(info, axes, declaration, signals, stored, dreadout, dfinals):
    size = info.batch_size
    rest = [
        _fold(item, axis, size) for item, axis in ((stored, axes[2]), (dreadout, axes[3]))
    ]
    folded = _folds(signals, axes[1], size), *rest, _folds(dfinals, axes[4], size)
    found, axes = _unfold(recurrence_backward(declaration, *folded), size)
    return list(found), list(axes)
