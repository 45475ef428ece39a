"""Cost of a spiking run that is done again and again, beside what it could cost at least.

8 tokens, 8 dimensions, 100 cells a number, another programme and seed in every round; the
error of each read-out against the rule is measured too, because a fast wrong run is worth
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from .. import tasks, toolchain
from ..expected_runs import expected
from ..running import run
from . import timing
from .artificial import machine
from .minimal_circuit import MinimalCircuit
from .numpy_twin import twin

TWIN, DEFAULT, BATCH = "NumPy twin", "default run", "sequence of a batch"
ROWS = {
    TWIN: "the circuit as plain NumPy, with binomial counts",
    "first run": "a structure that was never compiled, with Brian2's NumPy target",
    DEFAULT: "a run of a structure that was compiled before",
    BATCH: "a share of one run of many programmes",
    "C++, a draw a cell": "one C++ loop, the cells drawn one by one",
    "C++, counts": "one C++ loop, how many cells fire drawn as one number",
}
CELLS, TOKENS, DIM, BETA = 100, 8, 8, 0.8


def benchmark(
    rounds: int = 5,
    sequences: int = 32,
    first: bool = True,
    progress: Callable[[float, str], None] | None = None,
) -> xr.Dataset:
    """Measure every row in turn, round after round.

    Args:
        rounds: counted rounds.
        sequences: of the batch.
        first: whether the run without a compiled program is measured too.
        progress: called with (fraction done, what).

    Returns:
        "cpu" and "wall" [row, round] in seconds of one sequence, with those of the
        programs that a run starts, and "error" [row], nRMSE of the read-out against the
        rule. NaN where there is no C++ compiler.
    """
    loop = MinimalCircuit() if toolchain.find() else None
    done: dict[str, list[tuple]] = {name: [] for name in ROWS}
    calls, shares = {}, {BATCH: sequences}

    def row(name: str, call: Callable, many: int = 1):
        every = [[_program(1000 * round + n) for n in range(many)]
                 for round in range(rounds + 1)]  # fmt: skip

        def measured():
            seed = len(done[name])
            done[name].append((every[seed], call(every[seed], seed)))

        calls[name] = measured

    row(TWIN, lambda p, seed: _twin(p[0], seed))
    if first:
        row("first run", lambda p, seed: _spiking(p[0], seed, "numpy"))
    if loop is not None:
        row(DEFAULT, lambda p, seed: _spiking(p[0], seed, "auto"))
        row(BATCH, lambda p, seed: run(p, "delta", "spiking", seed=seed, cells=CELLS,
                                       device="cpp_standalone")["readout"].values,
            sequences)  # fmt: skip
        for name, counts in (("C++, a draw a cell", False), ("C++, counts", True)):
            row(name, lambda p, seed, counts=counts: loop.run(p[0], CELLS, seed, counts))
        with expected(10_000):  # so that the default run finds its program
            _spiking(_program(0), 0, "auto")
    found = timing.interleaved(calls, rounds, progress)
    times = np.full((len(ROWS), rounds, 2), np.nan)
    for n, name in enumerate(ROWS):
        if name in found:
            times[n] = found[name] / shares.get(name, 1)
    errors = {name: [_error(*one) for one in each] for name, each in done.items()}
    rms = [float(np.median(errors[name])) if errors[name] else np.nan for name in ROWS]
    data = {
        "cpu": (("row", "round"), times[..., 0], {"units": "s"}),
        "wall": (("row", "round"), times[..., 1], {"units": "s"}),
        "error": ("row", rms, {"units": "1", "long_name": "nRMSE against the rule"}),
    }
    attrs = {"machine": machine(), "sequences": sequences}
    return xr.Dataset(data, {"row": list(ROWS)}, attrs)


def report(data: xr.Dataset) -> str:
    """Return the rows as a table, with ratios of the same rounds."""
    lines = [
        f"{data.attrs['machine']}; {TOKENS} tokens, {DIM} dimensions, {CELLS} cells a "
        f"number; batch of {data.attrs['sequences']}",
        f"{'CPU seconds of a sequence':30}{'median':>9}{'x twin':>9}{'wall':>9}"
        f"{'nRMSE':>8}",
    ]
    base = data["cpu"].sel(row=TWIN)
    for name in data["row"].values:
        one = data.sel(row=name)
        if np.isnan(one["cpu"]).all():
            lines.append(f"{name:30}{'not measured':>18}")
            continue
        ratio = float(np.median(one["cpu"] / base))
        lines.append(
            f"{name:30}{float(one['cpu'].median()):9.4f}{ratio:9.3f}"
            f"{float(one['wall'].median()):9.4f}{float(one['error']):8.3f}   "
            f"{ROWS[name]}"
        )
    return "\n".join(lines)


def _program(seed: int):
    return tasks.associative_recall(tokens=TOKENS, dim=DIM, beta=BETA, seed=seed)


def _spiking(program, seed: int, device: str):
    found = run(program, "delta", "spiking", seed=seed, cells=CELLS, device=device)
    return found["readout"].values


def _twin(program, seed: int):
    signals = (program[name][None] for name in ("key", "value", "query"))
    return twin(*signals, program["beta"], cells=CELLS, seed=seed)["readout"][0]


def _error(programs, found) -> float:
    expected = np.array([run(p, "delta")["readout"].values for p in programs])
    found = np.reshape(found, expected.shape)
    return float(np.sqrt(np.mean((found - expected) ** 2)) / expected.std())
