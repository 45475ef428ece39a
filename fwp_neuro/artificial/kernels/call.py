"""Call a rule's compiled kernel on tensors."""

from __future__ import annotations

import ctypes
import json
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakValueDictionary

import torch

from ...errors import Cannot, FwpError
from ...remembered import called_once, while_it_lives
from ...rules import Rule
from ...symbolic.language import BUILT_IN
from . import compiler, elementwise_text, elementwise_text_adjoint, kernel_program, recipe

#: tokens between two stored states; the adjoint recomputes and keeps those of one such
#: segment
SEGMENT = 32
DTYPES = {torch.float32: "float", torch.float64: "double"}
#: multiply-adds below which another thread costs more than it saves
THREAD_WORK = 500_000


#: declaration -> its rule while it lives: a rule is read, and warned of, once
_rules: WeakValueDictionary[str, Rule] = WeakValueDictionary()


@while_it_lives
def declaration(rule: Rule) -> str:
    """Return everything that a rule's kernel follows from, as JSON."""
    declared = {n: h for n, h in rule.all_homes.items() if h != "synapse"}
    signals = {
        n: h for n, h in declared.items() if n not in rule.gates and n not in BUILT_IN
    }
    declared = json.dumps(
        {
            "name": rule.name,
            "text": rule.text,
            "gates": rule.gates,
            "signals": signals,
            "states": list(rule.states[1:]),
        }
    )
    _rules[declared] = rule
    return declared


#: what a kernel is printed from: the plan of a rule, or its text as it stands if it has
#: none
Recipe = recipe.Recipe | elementwise_text.Literal


@lru_cache(maxsize=256)
def rule_of(declared: str) -> Rule:
    """Return a rule as its declaration says (see `declaration`)."""
    return _rules.get(declared) or Rule(**json.loads(declared))


@lru_cache(maxsize=256)
def recipe_of(declared: str) -> Recipe:
    """Return the recipe of a declaration (see `declaration`)."""
    rule = rule_of(declared)
    try:
        return recipe.derive(rule)
    except Cannot:
        return elementwise_text.derive(rule)


@called_once
def _compiled(declared: str, dtype: torch.dtype, path: str | None, cxx: str | None):
    """Compile once, also if it fails, with the compiler that PATH and CXX name."""
    name = json.loads(declared)["name"]
    mine = recipe_of(declared)
    printer = (
        elementwise_text_adjoint
        if isinstance(mine, elementwise_text.Literal)
        else kernel_program
    )
    text = printer.program(mine, DTYPES[dtype])
    return compiler.library(text, f"rule {name!r} ({str(dtype).removeprefix('torch.')})")


@lru_cache(maxsize=256)
def _library(declared: str, dtype: torch.dtype):
    return _compiled(declared, dtype, *compiler.asked_for())


def built(declared: str, dtype: torch.dtype) -> None:
    """Compile and load the kernel of a declaration, if that is not done yet.

    Raises:
        Cannot: it cannot be compiled.
    """
    _library(declared, dtype)


class Shapes(NamedTuple):
    """Sizes of a call: batch, tokens, heads, d_v, d_k."""

    batch: int
    tokens: int
    heads: int
    post: int
    pre: int

    @classmethod
    def of(cls, query: torch.Tensor, state: torch.Tensor) -> Shapes:
        """Read the sizes off the query [batch, token, head, d_k] and a state [.., d_v,
        d_k]."""
        batch, tokens, heads, pre = query.shape
        return cls(batch, tokens, heads, state.shape[-2], pre)

    def sizes(self, mine: Recipe):
        """Return the sizes as the kernel takes them."""
        sides = (self.post, self.pre) if mine.left else (self.pre, self.post)
        # scratch memory has a row for each of its tokens
        segment = min(SEGMENT, self.tokens)
        return (ctypes.c_longlong * 6)(
            self.batch, self.tokens, self.heads, *sides, segment
        )

    def stored(self, mine: Recipe) -> int:
        """Return how many numbers are stored a head: one state a segment, the free side
        padded."""
        sides = (self.post, self.pre) if mine.left else (self.pre, self.post)
        state = mine.states * sides[0] * (-(-sides[1] // 16) * 16)
        return state * -(-self.tokens // SEGMENT)

    def threads(self) -> int:
        """Return how many threads the work is worth."""
        heads = self.batch * self.heads
        work = heads * self.tokens * self.post * self.pre * 3
        return max(1, min(torch.get_num_threads(), heads, work // THREAD_WORK))


def pointers(tensors) -> ctypes.Array:
    """Return where tensors lie; a tensor left out is None."""
    places = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
    return (ctypes.c_void_p * len(tensors))(*places)


def _readable(signals: list[torch.Tensor]) -> tuple[list[torch.Tensor], ctypes.Array]:
    """Return signals whose last axis is dense, and the strides over batch, token and
    head."""
    signals = [s if s.ndim == 3 or s.stride(-1) == 1 else s.contiguous() for s in signals]
    strides = [step for signal in signals for step in signal.stride()[:3]]
    return signals, (ctypes.c_longlong * len(strides))(*strides)


def address(tensor: torch.Tensor | None) -> ctypes.c_void_p:
    """Return where a tensor lies, or nowhere."""
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def checked(failed: int) -> None:
    """Raise `FwpError` if a kernel says that it failed."""
    if failed:
        raise FwpError("a compiled kernel got no memory for its scratch arrays")


def forward(declared: str, signals, states, keep: bool):
    """Return read-out, final states and, if ``keep``, the stored states (else an empty
    tensor)."""
    mine, library = recipe_of(declared), _library(declared, signals[0].dtype)
    shapes = Shapes.of(signals[mine.signals.index("q")], states[0])
    signals, strides = _readable(signals)
    states = [state.contiguous() for state in states]
    new = signals[0].new_empty
    readout = new(shapes.batch, shapes.tokens, shapes.heads, shapes.post)
    finals = [new(state.shape) for state in states]
    stored = new(shapes.batch, shapes.heads, shapes.stored(mine) if keep else 0)
    failed = library.forward(
        shapes.sizes(mine), pointers(signals), strides, pointers(states),
        pointers(finals),
        address(readout), address(stored if keep else None),
        ctypes.c_int(shapes.threads()),
    )  # fmt: skip
    checked(failed)
    return readout, finals, stored


def backward(declared: str, signals, stored, dreadout, dfinals):
    """Return the gradients of all signals and then of all initial states."""
    mine, library = recipe_of(declared), _library(declared, signals[0].dtype)
    shapes = Shapes.of(signals[mine.signals.index("q")], dfinals[0])
    signals, strides = _readable(signals)
    dfinals = [item.contiguous() for item in dfinals]
    dreadout, stored = dreadout.contiguous(), stored.contiguous()
    gradients = [
        torch.empty_like(item, memory_format=torch.contiguous_format) for item in signals
    ]
    dstates = [torch.empty_like(item) for item in dfinals]
    failed = library.backward(
        shapes.sizes(mine), pointers(signals), strides, address(stored),
        address(dreadout),
        pointers(dfinals), pointers(gradients), pointers(dstates),
        ctypes.c_int(shapes.threads()),
    )  # fmt: skip
    checked(failed)
    return gradients + dstates
