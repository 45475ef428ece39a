"""``apply``: any rule or memory, in any of its forms, over a batch of sequences in
PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ..arguments import declares, inside
from ..errors import FwpError, pick, shown
from ..rules import Rule
from . import gate_limits
from .form_choice import announce, choose
from .forms import run
from .layers.fast_weights import FastWeights
from .lookup import find, keeps_tokens
from .memories.memory_class import Memory
from .packed import one_each, run_packed, sequences_of
from .precision import HALF, full
from .signals import Sizes, check, together
from .start_states import memory_state, states_of
from .tracing import READY, constant_in_graphs


# symbolic work, which torch.compile need not trace
@constant_in_graphs
def _place_in_form(rule: Rule, form: str) -> str:
    """Make a rule ready in a form, and return the name of its place in `READY`."""
    place = f"{form}_{id(rule)}"  # the rule is kept there, so that no other gets its id
    if not hasattr(READY, place):
        setattr(READY, place, FastWeights(rule, form))
    return place


TENSOR = inside("a tensor [batch, token, head, dim]", lambda: torch.ones(1, 3, 1, 2))


@declares(
    rule=inside("the name of a rule or memory, a Rule, or a Memory", lambda: "hebb"),
    query=TENSOR,
    key=TENSOR,
    value=TENSOR,
    initial_state=inside("a tensor [batch, head, d_v, d_k], a dict of them, or None"),
    form=inside("a form of the rule, or 'auto'"),
    chunk=inside("a power of two, or None"),
    scale=inside("a finite number, or None"),
    mask=inside("True or False [batch, token], or None"),
    cu_seqlens=inside("offsets of packed sequences, or None"),
    gates=inside("a tensor or number for each gate"),
)
def apply(
    rule: str | Rule | Memory,
    query: torch.Tensor,
    key: torch.Tensor | None = None,
    value: torch.Tensor | None = None,
    *,
    initial_state: torch.Tensor | Mapping[str, torch.Tensor] | Sequence | None = None,
    form: str = "auto",
    chunk: int | None = None,
    scale: float | None = None,
    mask: torch.Tensor | None = None,
    cu_seqlens: torch.Tensor | None = None,
    **gates: torch.Tensor | float,
) -> tuple[torch.Tensor, torch.Tensor | dict[str, torch.Tensor] | list]:
    """Run a fast-weight rule over a batch of sequences.

    Fast weights are kept and computed in float32 at least, also under `torch.autocast`;
    the read-out has the dtype of the query, the final state float32 (float64 for
    float64). bfloat16, float16 and float32 may be mixed, and gradients arrive in the
    dtype of each input.

    Args:
        rule: name or `Rule`; or name or instance of a `Memory`.
        query, key, value: [batch, token, head, dim]; value's dim may differ. Queries,
            keys and other presynaptic signals may have fewer heads that divide those of
            the value: key head i then serves the g value heads from i g on.
        initial_state: [batch, head, value_dim, key_dim], or a dict by synaptic state for
            rules with more than one; zeros if None. It is not changed in place.
        form: "step" (the plain recurrence), "parallel" (all pairs of tokens: memory
            quadratic in them), "chunk" (matrix products chunk by chunk), "compiled" (C++
            generated from the rule's text, CPU only), "library" (kernels of
            flash-linear-attention, GPU only, not run on a GPU so far) or "auto". All give
            the same numbers up to rounding. "auto" takes the step for up to 3 tokens and
            the compiled form above, where the machine has a compiler (for a rule that is
            not registered, the step for up to 16); the choice depends on nothing that ran
            before. Forward and second derivatives: "auto" takes tensor operations for
            them; "compiled" and "library" refuse.
        chunk: tokens in a chunk of the chunk form, a power of two.
        scale: multiplies the query, e.g. key_dim ** -0.5 as in attention; 1 if None.
        mask: [batch, token] of bool, False for padding: such a token writes nothing, the
            state passes it by and its read-out is zero.
        cu_seqlens: offsets [sequence + 1] of sequences packed into a batch of one, from 0
            to the number of tokens; states then have the sequences in place of the batch.
        gates: gates and further signals: shared [batch, token, head]; vectors [batch,
            token, head, dim]; constants of a memory [head, ...]. A gate may be a number,
            or have axes of 1.

    Returns:
        read-out [batch, token, head, value_dim] (read after write), and the final state
        in the form of ``initial_state`` (a tensor for rules with the single state ``w``,
        else a dict). With ``mask`` or ``cu_seqlens``, a memory that keeps or counts
        tokens has a list of states, one for each sequence, and takes such a list as
        ``initial_state``.

    Raises:
        FwpError: a signal is missing, unknown or of the wrong shape, or the form cannot
            run.
    """
    rule = find(rule)
    named = {"k": key, "v": value, "q": query, **gates}
    named = {name: array for name, array in named.items() if array is not None}
    sizes, plain = check(rule, named, initial_state)
    check_chunk(form, chunk)
    rows = sequences_of(
        f"apply(rule={rule.name!r})",
        cu_seqlens,
        mask,
        sizes.batch,
        sizes.tokens,
        query.device,
    )
    with full(query.device):
        signals = named
        if not plain or scale is not None or query.dtype in HALF:
            signals = together(rule, named, sizes, scale)
        readout, states = _run(
            rule, signals, sizes, initial_state, rows, form, chunk, query.dtype
        )
    if readout.dtype is not query.dtype:
        readout = readout.to(query.dtype)
    return readout, _alone(states)


def _run(rule, signals, sizes: Sizes, given, rows, form: str, chunk, dtype):
    """Return read-out and final states by name, of whole sequences or of packed ones."""
    if isinstance(rule, Memory):
        run_on, states, fixed = _memory(rule, signals, sizes, given, rows, form)
    else:
        run_on, states, fixed = _rule(
            rule, signals, sizes, given, rows, form, chunk, dtype
        )
    if rows is None:
        return run_on(signals, states)
    moving = {n: x for n, x in signals.items() if n not in fixed}
    blank = (sizes.heads, sizes.value_dim)
    return run_packed(run_on, moving, rows, states, keeps_tokens(rule), blank)


def _alone(states):
    """Return the only state of a rule or memory by itself."""
    if isinstance(states, list):
        return [_alone(each) for each in states]
    return states["w"] if len(states) == 1 and "w" in states else states


def check_chunk(form: str, chunk) -> None:
    """Refuse a chunk that is no power of two, or that goes with another form."""
    if chunk is None:
        return
    if (
        isinstance(chunk, bool)
        or not isinstance(chunk, int)
        or chunk < 1
        or chunk & (chunk - 1)
    ):
        raise FwpError(f"chunk must be a power of two (1, 2, 4, ...), got {shown(chunk)}")
    if form != "chunk":
        raise FwpError(
            f"chunk={shown(chunk)} goes with form='chunk' only, got form={form!r}"
        )


def _rule(
    rule: Rule, signals, sizes: Sizes, given, rows, form: str, chunk, dtype: torch.dtype
):
    """Return how a rule is run, the states that it starts from, and no constants."""
    count = sizes.batch if rows is None else len(rows)
    query = signals["q"]
    states = states_of(rule, given, query, (count, *sizes[2:]))
    if torch.compiler.is_compiling():
        ready = getattr(READY, _place_in_form(rule, form))
        return lambda given, states: ready(given, states, chunk), states, ()
    gate_limits.check(rule, signals, rows)
    chosen, reason = choose(form, rule, sizes.tokens, dtype, query.device)
    announce(rule, form, chosen, reason)
    # its kernels take halves as they are
    if chosen == "library" and dtype is not query.dtype:
        signals |= {name: signals[name].to(dtype) for name in "qkv" if name in signals}
    again = form == "auto"
    return (
        lambda given, states: run(rule, given, states, chosen, chunk, again),
        states,
        (),
    )


def _memory(memory: Memory, signals, sizes: Sizes, given, rows, form: str):
    """Return how a memory is run, the states that it starts from, and its constants."""
    pick(form, ("auto", *memory.forms), f"form of memory {memory.name!r}:")
    gate_limits.check(memory, signals, rows)
    query, (_, _, heads, value_dim, key_dim) = signals["q"], sizes
    constants = {
        name: tensor.to(query).expand(heads, *tensor.shape)
        for name, tensor in memory.constants(value_dim, key_dim).items()
    }
    for name, usual in constants.items():
        constants[name] = signals.setdefault(name, usual)
        if constants[name].shape != usual.shape:
            raise FwpError(
                f"apply(rule={memory.name!r}): {name} must have shape "
                f"{tuple(usual.shape)} [head, ...], got {tuple(constants[name].shape)}"
            )

    def start(count: int, given):
        made = memory.initial(count, heads, value_dim, key_dim, query)
        return memory_state(memory, made, given, query)

    if rows is not None and keeps_tokens(memory):
        states = one_each(f"apply(rule={memory.name!r}): initial_state", given, len(rows))
        states = [start(1, each) for each in states]
    else:
        states = start(sizes.batch if rows is None else len(rows), given)
    if form == "auto":
        form = memory.forms[-1] if sizes.tokens > 1 else "step"
        announce(memory, "auto", form, f"its forms are {', '.join(memory.forms)}")
    return (
        lambda given, states: memory.run(form, states, constants | given),
        states,
        constants,
    )
