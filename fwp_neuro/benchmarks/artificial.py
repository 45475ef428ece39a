"""Cost of the artificial side against softmax attention: time, share of the peak,
memory."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from ..errors import Cannot
from .artificial_contenders import (
    ATTENTION,
    FORMS,
    RULES,
    TOLERANCE,
    attention,
    fast_weights,
    law_error,
)
from .artificial_contenders import check_here as check_form
from .peak_memory import peak_memory
from .timing import interleaved, sgemm

LENGTHS = (256, 1024, 4096, 16384)
HEADS, DIM = 4, 64
DIRECTIONS = ("forward", "forward and backward")


def benchmark(
    lengths=LENGTHS,
    threads=(1, 2),
    rules=RULES,
    forms=FORMS,
    rounds: int = 5,
    memory=(4096, 16384),
    memory_rule: str = "delta",
    progress: Callable[[float, str], None] | None = None,
) -> xr.Dataset:
    """Measure every rule in every form, and attention, in one interleaved run.

    Batch 1, 4 heads, d_k = d_v = 64, float32. A form that misses the law (read-out, state
    and gradients of the step in float64) is left without a time.

    Args:
        lengths: tokens.
        threads: numbers of threads.
        rules, forms: what to run.
        rounds: counted rounds.
        memory: lengths at which peak memory is measured too, () for none.
        memory_rule: the rule whose memory is measured, beside attention's.
        progress: called with (fraction done, what).

    Returns:
        "cpu" and "wall" [contender, tokens, direction, threads, round] in seconds, NaN
        where there is no time; "law" [contender] largest relative error; "peak" [tokens,
        threads] FLOP a CPU second of sgemm, measured in the same rounds;
        "memory" [contender, memory_tokens, direction] bytes, NaN for other rules.
    """
    names = [ATTENTION, *(f"{rule} {form}" for form in forms for rule in rules)]
    law, notes = _laws(rules, forms)
    parts = _Parts(progress, lengths, threads, memory)
    able = {name for name in names if name == ATTENTION or law[name] <= TOLERANCE}
    data = _times(names, able, lengths, threads, rounds, parts)
    data["law"] = ("contender", [law[name] for name in names], {"units": "1"})
    coordinates = {"contender": names, "tokens": list(lengths),
                   "direction": list(DIRECTIONS),
                   "threads": list(threads)}  # fmt: skip
    if memory:
        measured = [
            n for n in names if n.split()[0] in (memory_rule, ATTENTION.split()[0])
        ]
        dims = ("contender", "memory_tokens", "direction")
        found = _memory(names, measured, law, memory, parts)
        data["memory"] = (dims, found, {"units": "byte"})
        coordinates["memory_tokens"] = list(memory)
    attrs = {"notes": "\n".join(notes), "machine": machine(), "torch": torch.__version__}
    return xr.Dataset(data, coordinates, attrs)


def _times(names, able, lengths, threads, rounds: int, parts: _Parts) -> dict:
    """Return the times of the contenders that are ``able``, their operations, and the
    peak."""
    times = np.full((len(names), len(lengths), 2, len(threads), rounds, 2), np.nan)
    peak = np.full((len(lengths), len(threads)), np.nan)
    flop = np.full((len(names), len(lengths)), np.nan)
    before = torch.get_num_threads()
    try:
        for t, count in enumerate(threads):
            torch.set_num_threads(count)
            for n, tokens in enumerate(lengths):
                runs = {name: _contender(name, tokens) for name in names if name in able}
                for d in range(2):
                    note = f"{tokens} tokens, {DIRECTIONS[d]}, {count} thread(s)"
                    spent, found = _round(runs, d, rounds, parts.next(note))
                    if found is not None:
                        peak[n, t] = found
                    for name, each in spent.items():
                        times[names.index(name), n, d, t] = each
                for name, contender in runs.items():
                    flop[names.index(name), n] = contender.flop
    finally:
        torch.set_num_threads(before)
    dims = ("contender", "tokens", "direction", "threads", "round")
    said = {"units": "1/s", "long_name": "sgemm FLOP/s"}
    return {
        "cpu": (dims, times[..., 0], {"units": "s"}),
        "wall": (dims, times[..., 1], {"units": "s"}),
        "flop": (dims[:2], flop, {"units": "1"}),
        "peak": (("tokens", "threads"), peak, said),
    }


def _contender(name: str, tokens: int):
    if name == ATTENTION:
        return attention(tokens, HEADS, DIM)
    return fast_weights(*name.split(), tokens, HEADS, DIM)


def _round(runs: dict, direction: int, rounds: int, progress) -> tuple:
    """Return (contender -> times, the peak in FLOP/s, which is measured with the forward
    runs)."""
    calls = {k: (c.both if direction else c.once) for k, c in runs.items()}
    if direction:
        return interleaved(calls, rounds, progress), None
    product, operations = sgemm()
    spent = interleaved({**calls, "sgemm": product}, rounds, progress)
    return spent, operations / np.median(spent.pop("sgemm")[:, 0])


class _Parts:
    """Progress of a run made of parts that take time in proportion to their length."""

    def __init__(self, progress, lengths, threads, memory):
        weights = [tokens for _ in threads for tokens in lengths for _ in range(2)]
        weights += [2 * tokens for tokens in memory for _ in range(2)]
        self.ends = np.concatenate([[0.0], np.cumsum(weights)]) / sum(weights)
        self.progress, self.number = progress, -1

    def next(self, note: str):
        """Go on to the next part; return the progress function for it."""
        self.number += 1
        low, high = self.ends[self.number], self.ends[self.number + 1]
        if self.progress is None:
            return None
        self.progress(low, note)
        return lambda fraction, what: self.progress(low + fraction * (high - low), note)


def _laws(rules, forms) -> tuple[dict[str, float], list[str]]:
    law, notes = {ATTENTION: 0.0}, []
    for form in forms:
        for rule in rules:
            name = f"{rule} {form}"
            try:
                check_form(rule, form)
            except Cannot as reason:
                law[name] = np.inf
                notes.append(f"{name}: {reason}")
                continue
            law[name] = law_error(rule, form)
            if not law[name] <= TOLERANCE:
                notes.append(
                    f"{name}: no speed, for it misses the law (relative error "
                    f"{law[name]:.1e}, legal is {TOLERANCE:g})"
                )
    return law, notes


def _memory(names, measured, law, lengths, parts) -> np.ndarray:
    found = np.full((len(names), len(lengths), 2), np.nan)
    for m, tokens in enumerate(lengths):
        for d in range(2):
            tell = parts.next(f"memory at {tokens} tokens, {DIRECTIONS[d]}")
            for done, name in enumerate(measured):
                if tell is not None:
                    tell(done / len(measured), "")
                if law[name] <= TOLERANCE:
                    found[names.index(name), m, d] = peak_memory(
                        name, tokens, HEADS, DIM, bool(d)
                    )
    return found


def machine() -> str:
    """Return the processor's name and its number of cores."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            model = next(
                line.split(":")[1].strip() for line in lines if "model name" in line
            )
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores"
