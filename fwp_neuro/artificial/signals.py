"""Check the tensors given to `apply`, and bring them to one shape and number format."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import NamedTuple

import torch

from ..errors import FwpError, unknown
from ..rules import Rule
from ..validation import real
from .memories.memory_class import Memory
from .precision import LEGAL, computed, dense, mixes

_LONG = {"k": "key", "v": "value", "q": "query"}
Signals = dict[str, torch.Tensor]


class Sizes(NamedTuple):
    """Sizes of a call; ``heads`` are those of the values, which the heads of keys may
    divide."""

    batch: int
    tokens: int
    heads: int
    value_dim: int
    key_dim: int


def check(rule: Rule | Memory, signals: Mapping, initial_state) -> tuple[Sizes, bool]:
    """Check names, shapes and dtypes of the signals.

    Returns:
        the sizes, and whether every signal is a tensor of full shape and of the query's
        dtype.

    Raises:
        FwpError: one sentence naming the signal and what is legal.
    """
    sizes = _plain(rule, signals)
    if sizes is not None:
        return sizes, True
    where = f"apply(rule={rule.name!r})"
    constants = rule.constants(1, 1) if isinstance(rule, Memory) else {}
    for name in signals:
        if name not in rule.homes and name not in _LONG and name not in constants:
            raise unknown(
                name, sorted({*rule.homes, *_LONG, *constants}), f"signal for {where}:"
            )
    for name in ("q", "v"):  # from which the sizes are read
        if name in signals:
            _tensor(where, name, signals[name])
    sizes = _sizes(where, rule, signals, initial_state)
    query, lead = signals["q"], sizes[:3]
    legal = {"shared": lead, "pre": (*lead, sizes[4]), "post": (*lead, sizes[3])}
    dtype, device, plain = query.dtype, query.device, query.shape[2] == lead[2]
    for name, home in rule.homes.items():
        array = signals.get(name)
        if (
            isinstance(array, torch.Tensor)
            and not array.is_nested  # which has no shape
            and array.shape == legal[home]
            and array.dtype is dtype
            and array.layout is torch.strided
            and array.device == device
        ):
            continue
        plain = False
        _fits(where, rule, name, array, legal[home], query)
    for name in signals:
        # a constant, or a key that the rule has not
        if name not in rule.homes and name != "q":
            _tensor(where, name, signals[name])
            _alike(where, name, signals[name], query)
            plain = plain and signals[name].dtype is dtype
    if not sizes.value_dim:
        raise FwpError(f"{where}: value has a dim of 0; it must be 1 at least")
    return sizes, plain


def _plain(rule: Rule | Memory, signals: Mapping) -> Sizes | None:
    """Return the sizes if the signals are those of a rule with a value, no more and no
    less, all of them tensors of full shape and one dtype; None if `check` must look
    closer."""
    homes = rule.homes
    query, value = signals.get("q"), signals.get("v")
    if "v" not in homes or len(signals) != len(homes) + 1 or isinstance(rule, Memory):
        return None
    if not _usual(query) or not _usual(value):
        return None
    shape, dim = query.shape, value.shape[-1:]
    dtype, device = query.dtype, query.device
    if len(shape) != 4 or dtype not in LEGAL or 0 in shape[3:] or 0 in dim:
        return None
    legal = {"shared": shape[:3], "pre": shape, "post": shape[:3] + dim}
    for name, home in homes.items():
        array = signals.get(name)
        if not _usual(array) or array.shape != legal[home]:
            return None
        if array.dtype is not dtype or array.device != device:
            return None
    return Sizes(*shape[:3], dim[0], shape[3])


def _usual(array) -> bool:
    """Whether something is a dense tensor of no class of its own."""
    if type(array) is not torch.Tensor and type(array) is not torch.nn.Parameter:
        return False
    return array.layout is torch.strided and not array.is_nested


def _tensor(where: str, name: str, array, gate: bool = False) -> None:
    """Refuse what is no dense tensor, or for a gate no finite number."""
    long = _LONG.get(name, name)
    if not gate or isinstance(array, torch.Tensor):
        dense(f"{where}: {long}", array)
    elif isinstance(array, bool) or not isinstance(array, Real):
        legal = "a torch tensor or a number"
        raise FwpError(f"{where}: {long} must be {legal}, got {type(array).__name__}")


def _sizes(where: str, rule, signals: Mapping, initial_state) -> Sizes:
    """Read the sizes off the query and the value."""
    if "q" not in signals:
        raise FwpError(f"{where} needs query [batch, token, head, dim], got None")
    query = signals["q"]
    if query.ndim != 4 or not query.shape[3]:
        empty = " (its dim is empty)" if 0 in query.shape[3:] else ""
        raise FwpError(
            f"{where}: query must be [batch, token, head, dim], got "
            f"{tuple(query.shape)}{empty}"
        )
    if query.dtype not in LEGAL:
        raise FwpError(
            f"{where}: query must hold real numbers of a float dtype, got {query.dtype} "
            "(legal: float64, float32, bfloat16, float16)"
        )
    batch, tokens, heads, key_dim = query.shape
    value = signals.get("v") if "v" in rule.homes else None
    if value is not None and value.ndim == 4 and value.shape[2] != heads:
        few, heads = heads, value.shape[2]
        if not few or heads % few:
            raise FwpError(
                f"{where}: value has {heads} heads, which must be those of the query or "
                f"a multiple of them, and the query has {few}"
            )
    return Sizes(
        batch, tokens, heads, _value_dim(rule, signals, initial_state, key_dim), key_dim
    )


def _value_dim(rule: Rule | Memory, signals: Mapping, initial_state, key_dim: int) -> int:
    """Return d_v: from a postsynaptic signal, else from the initial state, else d_k."""
    for name, home in rule.homes.items():
        array = signals.get(name)
        if home == "post" and isinstance(array, torch.Tensor) and array.ndim == 4:
            return array.shape[-1]
    states = (
        initial_state.values() if isinstance(initial_state, Mapping) else [initial_state]
    )
    for state in states:
        if isinstance(state, torch.Tensor) and state.ndim == 4 and not state.is_nested:
            return state.shape[-2]
    return key_dim


def _fits(where: str, rule, name: str, array, legal: tuple, query) -> None:
    """Refuse a signal that cannot be brought to the legal shape, or has another dtype or
    device."""
    long, home, gate = _LONG.get(name, name), rule.homes[name], name in rule.gates
    if array is None:
        raise FwpError(
            f"{where} needs {long} ({home}) and did not get it: pass {long}=..."
        )
    _tensor(where, name, array, gate)
    if not isinstance(array, torch.Tensor):
        return
    shape, few = tuple(array.shape), query.shape[2]
    if shape != legal and not _grows(shape, legal, home, few, gate):
        wanted = legal if home != "pre" or gate else (*legal[:2], few, legal[3])
        raise FwpError(
            f"{where}: {long} is {home} and must have shape {tuple(wanted)} "
            f"[batch, token, head{', dim' if home != 'shared' else ''}], got {shape}"
        )
    _alike(where, name, array, query)


def _grows(shape, legal, home: str, few: int, gate: bool) -> bool:
    """Whether a shape can be brought to the legal one: see `together`."""
    if gate and len(shape) in (0, len(legal)):
        pairs = zip(shape, legal, strict=False)  # [] is a number
        if all(have in (1, want) for have, want in pairs):
            return True
    return home == "pre" and tuple(shape) == (*legal[:2], few, legal[3])


def _alike(where: str, name: str, array, query) -> None:
    if array.dtype is not query.dtype and not mixes(array.dtype, query.dtype):
        raise FwpError(
            f"{where}: {_LONG.get(name, name)} has dtype {array.dtype} but query has "
            f"{query.dtype}; bfloat16, float16 and float32 may be mixed, float64 needs "
            "one dtype"
        )
    if array.device != query.device:
        raise FwpError(
            f"{where}: {_LONG.get(name, name)} is on {array.device} but query is on "
            f"{query.device}"
        )


def together(rule: Rule | Memory, signals: Mapping, sizes: Sizes, scale) -> Signals:
    """Return the signals in full shape and in the format they are computed in.

    Numbers and axes of length one are expanded, the heads of keys and queries repeated
    (key head i serves the value heads i g to (i + 1) g - 1, g = value heads / key heads),
    and the query is multiplied by ``scale``.

    Raises:
        FwpError: the scale or a gate is a number that is not finite in the format of
            computing.
    """
    query, where = signals["q"], f"apply(rule={rule.name!r})"
    dtype = computed(query.dtype)
    lead, few = sizes[:3], query.shape[2]
    found = {}
    for name, array in signals.items():
        home = "pre" if name == "q" else rule.homes.get(name)
        if not isinstance(array, torch.Tensor):
            number = _number(f"{where}: {name}", array, dtype)
            array = torch.full((), number, dtype=dtype, device=query.device)
        elif array.dtype is not dtype:
            array = array.to(dtype)
        if home is None:
            if name not in _LONG:
                found[name] = array  # a constant of a memory
            continue
        dims = {"shared": (), "pre": sizes[4:], "post": sizes[3:4]}[home]
        if array.shape != (*lead, *dims):
            if home == "pre" and array.ndim == 4 and array.shape[2] == few != sizes.heads:
                array = array.repeat_interleave(sizes.heads // few, 2)
            if array.ndim == 0:  # so that an axis of the shape may be unknown to a trace
                array = array.reshape((1,) * (3 + len(dims)))
            array = array.expand(*lead, *dims)
        found[name] = array
    if scale is not None:
        found["q"] = found["q"] * _number(f"{where}: scale", scale, dtype)
    return found


def _number(what: str, value, dtype: torch.dtype) -> float:
    most = torch.finfo(dtype).max
    return real(value, what, -most, most)
