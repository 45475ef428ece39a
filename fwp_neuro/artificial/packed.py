"""Sequences of different lengths in one call: packed one after the other, or with
padding.

All sequences run side by side as far as the shortest, then those that are left as far as
the next shortest, each time from the state they had: carrying on from a state is what
every form of every rule, memory and network can do, so nothing else needs to know of
borders or padding.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils._pytree import tree_flatten, tree_map

from ..errors import FwpError, shown


def sequences_of(where: str, cu_seqlens, mask, batch: int, tokens: int, device):
    """Return where the tokens of each sequence lie in [batch token], None for whole rows.

    Args:
        cu_seqlens: offsets [sequence + 1] of the packed sequences, from 0 to ``tokens``.
        mask: [batch, token] of bool; False for padding.

    Raises:
        FwpError: they are not legal.
    """
    if cu_seqlens is None and mask is None:
        return None
    if torch.compiler.is_compiling():
        raise FwpError(
            f"{where}: cu_seqlens and mask are read as numbers, which no trace can do"
        )
    places = torch.arange(batch * tokens)
    rows = list(places.view(batch, tokens))
    if cu_seqlens is not None:
        ends = _offsets(where, cu_seqlens, batch, tokens)
        rows = [places[begin:end] for begin, end in zip(ends, ends[1:], strict=False)]
    if mask is not None:
        kept = _mask(where, mask, batch, tokens).flatten()
        rows = [row[kept[row]] for row in rows]
    return [row.to(device) for row in rows]


def _offsets(where: str, cu_seqlens, batch: int, tokens: int) -> list[int]:
    what = f"{where}: cu_seqlens"
    given = isinstance(cu_seqlens, torch.Tensor) and not cu_seqlens.is_nested
    if not given or cu_seqlens.ndim != 1 or not len(cu_seqlens):
        got = tuple(cu_seqlens.shape) if given else shown(cu_seqlens)
        raise FwpError(
            f"{what} must be a tensor [sequence + 1] of whole numbers, got {got}"
        )
    if cu_seqlens.dtype not in (torch.int32, torch.int64):
        raise FwpError(f"{what} must hold int32 or int64, got {cu_seqlens.dtype}")
    if batch != 1:
        raise FwpError(
            f"{what} packs sequences into a batch of 1, got a batch of {batch}"
        )
    ends = _read(what, cu_seqlens)
    if ends[0] != 0 or ends[-1] != tokens or sorted(ends) != ends:
        raise FwpError(
            f"{what} must rise from 0 to the {tokens} tokens, got {shown(ends)}"
        )
    return ends


def _mask(where: str, mask, batch: int, tokens: int) -> torch.Tensor:
    what = f"{where}: mask"
    if (
        not isinstance(mask, torch.Tensor)
        or mask.dtype is not torch.bool
        or mask.is_nested
    ):
        got = mask.dtype if isinstance(mask, torch.Tensor) else shown(mask)
        raise FwpError(f"{what} must be a tensor [batch, token] of bool, got {got}")
    if tuple(mask.shape) != (batch, tokens):
        raise FwpError(
            f"{what} must be [batch, token] = {(batch, tokens)}, got {tuple(mask.shape)}"
        )
    return torch.tensor(_read(what, mask), dtype=torch.bool)


def _read(what: str, tensor: torch.Tensor) -> list:
    try:
        return tensor.tolist()
    except (RuntimeError, NotImplementedError) as problem:
        raise FwpError(f"{what} holds numbers that cannot be read here") from problem


def one_each(what: str, given, count: int) -> list:
    """Return one state a sequence: what is given, None else.

    Raises:
        FwpError: it is no list of so many.
    """
    if given is None:
        return [None] * count
    if not isinstance(given, list | tuple) or len(given) != count:
        got = f"{len(given)}" if isinstance(given, list | tuple) else type(given).__name__
        raise FwpError(
            f"{what} must be a list of one state for each of the {count} sequences, for "
            f"their numbers of tokens differ; got {got}"
        )
    return list(given)


def run_packed(
    run: Callable,
    given: dict[str, torch.Tensor],
    rows: list,
    state,
    apart: bool,
    blank: tuple,
):
    """Run sequences of different lengths.

    Args:
        run: (tensors [sequence, token, ...], state) -> (read-out [sequence, token, ...],
            state).
        given: tensors [batch, token, ...].
        rows: where the tokens of each sequence lie in [batch token].
        state: of all sequences, its tensors [sequence, ...]; if ``apart`` a list of one
            state a sequence, with tensors [1, ...].
        apart: whether states of sequences of different lengths do not fit into one
            tensor.
        blank: shape of the read-out of one token.

    Returns:
        read-out [batch, token, ...], zero where no sequence has a token, and the final
        states as ``state`` is.
    """
    flat = {name: tensor.flatten(0, 1) for name, tensor in given.items()}
    like = next(iter(given.values()))
    found, finals = [], [None] * len(rows)
    if apart:
        for n, row in enumerate(rows):
            finals[n] = _stages(run, flat, [row], state[n], found, [None])[0]
    else:
        finals = _stages(run, flat, rows, state, found, finals)
    whole = like.new_zeros((like.shape[0] * like.shape[1], *blank))
    if found:
        places, readouts = (torch.cat(parts) for parts in zip(*found, strict=True))
        whole = whole.to(readouts.dtype).index_copy(0, places, readouts)
    whole = whole.unflatten(0, like.shape[:2])
    if apart:
        return whole, finals
    return whole, _joined(finals) if rows else state


def _joined(states: list):
    """Return the states of all sequences as one, whatever order their parts have."""
    first = states[0]
    if isinstance(first, dict):
        return {name: _joined([each[name] for each in states]) for name in first}
    if isinstance(first, list | tuple):
        return [_joined(list(parts)) for parts in zip(*states, strict=True)]
    if all(each is None for each in states):
        return None
    if any(each is None for each in states):
        raise FwpError(
            "a state before the first token is unknown to a module without `initial`; "
            "pack no sequence without tokens"
        )
    return torch.cat(states)


def _stages(run, flat, rows, state, found: list, finals: list) -> list:
    """Run some sequences from one state; add (places, read-outs) to ``found``."""
    lengths = [len(row) for row in rows]
    order = sorted(range(len(rows)), key=lengths.__getitem__, reverse=True)
    if order != list(range(len(rows))):
        picked = torch.tensor(order, device=rows[0].device)
        state = tree_map(
            lambda part: part if part is None else part.index_select(0, picked), state
        )
    begin = 0
    for end in sorted(set(lengths)):
        active = [n for n in order if lengths[n] >= end]
        if end:
            places = torch.stack([rows[n][begin:end] for n in active])
            readout, state = _part(run, flat, places, state)
            found.append((places.flatten(), readout.flatten(0, 1)))
        begin, left = end, sum(length > end for length in lengths)
        for at in range(left, len(active)):
            finals[active[at]] = _rows(state, at, at + 1)
        state = _rows(state, 0, left)
    return finals


def _rows(state, begin: int, end: int):
    """Return some sequences of a state; a part that is None stays None."""
    return tree_map(lambda part: part if part is None else part[begin:end], state)


def _part(run, flat, places, state):
    piece = {
        name: tensor.index_select(0, places.flatten()).unflatten(0, places.shape)
        for name, tensor in flat.items()
    }
    return run(piece, state)


def run_module(
    module, x, state, cu_seqlens, mask, initial: Callable, apart: bool, width: int
):
    """Run a module of sequences, module(x, state, return_state), over packed or padded
    ones.

    Args:
        module: returns y [batch, token, width] and the state.
        x: [batch, token, ...], of the right shape.
        state: of all sequences, if ``apart`` a list of one for each; None for
            ``initial``.
        initial: count of sequences -> their state before the first token.
        apart, width: as for `run_packed`.

    Raises:
        FwpError: cu_seqlens, mask or state does not fit.
    """
    where = type(module).__name__
    rows = sequences_of(where, cu_seqlens, mask, *x.shape[:2], x.device)
    if apart:
        given = one_each(f"{where}: state", state, len(rows))
        state = [initial(1) if each is None else each for each in given]
    else:
        state = initial(len(rows)) if state is None else _of_all(where, state, len(rows))

    def run(piece, state):
        return module(piece["x"], state, return_state=True)

    return run_packed(run, {"x": x}, rows, state, apart, (width,))


def _of_all(where: str, state, count: int):
    """Return a state of ``count`` sequences.

    Raises:
        FwpError: a part of it is no tensor of so many rows.
    """
    for part in tree_flatten(state)[0]:
        if part is None:
            continue
        if not isinstance(part, torch.Tensor) or part.ndim < 1 or len(part) != count:
            got = tuple(part.shape) if isinstance(part, torch.Tensor) else shown(part)
            raise FwpError(
                f"{where}: state must hold tensors with one row for each of the {count} "
                f"sequences, got {got}"
            )
    return state
