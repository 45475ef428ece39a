"""One step of the benchmark in a process of its own: what it measures has nobody else's
memory.

    python -m fwp_neuro.benchmarks.circuits.timing_worker '{"do": "measure", ...}'

The last line that it prints is the answer, in JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import oracle
from .circuit_contenders import CONTENDERS
from .measured import errors, wrong
from .network import NetworkCase


def ask(task: str, case: NetworkCase, folder: Path, contender: str = "") -> dict:
    """Do one step in a new process and return its answer.

    Args:
        task: "oracle" (keep the right result in ``folder``), "prepare" or "measure".
        case: what is simulated.
        folder: of the contender and the case; of the oracle's results for "oracle".
        contender: its name.

    Returns:
        the answer; {"problem": a sentence} if the step failed.
    """
    return _answer({"do": task, "case": asdict(case), "folder": str(folder),
                    "contender": contender})  # fmt: skip


def ask_builds(which: str) -> dict:
    """Measure the builds of "stock" or "ours" in a new process and return its answer."""
    return _answer({"do": "builds", "which": which})


def ask_cuda() -> dict:
    """Count the bytes of generated CUDA projects in a new process and return its
    answer."""
    return _answer({"do": "cuda"})


def _answer(order: dict) -> dict:
    one = {
        name: "1"
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps(order)], capture_output=True,
        text=True, env={**os.environ, **one},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = (done.stderr.strip() or "it said nothing").splitlines()
        killed = (
            f"it was ended by signal {-done.returncode}"
            if done.returncode < 0
            else said[-1]
        )
        return {"problem": killed}
    return json.loads(lines[-1])


def work(do: str, case: NetworkCase, folder: Path, contender: str) -> dict:
    """Do one step in this process."""
    if do == "oracle":
        weights, fired = oracle.simulate(case)
        spikes = np.bincount(fired[:, 1], minlength=case.cells)
        np.savez(folder / file(case), weights=weights, spikes=spikes)
        return {"spikes": int(spikes.sum())}
    who = CONTENDERS[contender]
    module = who.load()
    if do == "prepare":
        folder.mkdir(parents=True, exist_ok=True)
        return module.prepare(case, folder, **who.options)
    found = module.measure(case, folder, **who.options)
    with np.load(folder.parent / file(case)) as right:
        away = errors(case, found, right, who.tolerance)
    return {
        "cpu": found.cpu, "setup": found.setup, "bytes": found.bytes,
        "spikes": int(found.spikes.sum()), "error": away["weight"],
        "mean_weight": float(found.weights.mean()), "wrong": wrong(away, who.tolerance),
    }  # fmt: skip


def file(case: NetworkCase) -> str:
    """Return the name of the file with the oracle's result of a case."""
    return f"oracle_{case.kind}_{case.cells}_{case.steps}_{case.seed}.npz"


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    if order["do"] == "builds":
        from .compile_times import measure

        answer = measure(order["which"])
    elif order["do"] == "cuda":
        from .cuda_memory import measure

        answer = measure()
    else:
        case, folder = NetworkCase(**order["case"]), Path(order["folder"])
        answer = work(order["do"], case, folder, order["contender"])
    print("\n" + json.dumps(answer))
