"""How well a published synapse runs the rule that it is supposed to be.

A random programme is run in a circuit of the synapse and by the rule itself. Beside error
and slope stands the rule that the circuit's read-outs follow best,

    W <- decay W + gain (v - erase W k) k'

fitted to the read-outs alone (least squares): decay 1 and gain 1 would be exact; erase is
0 for a Hebbian memory and 1 for the delta rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ..comparison import compare
from ..errors import FwpError, shown
from ..programs import Program
from ..rules import Rule, rule
from ..running import run


@dataclass(frozen=True)
class MemoryAgreement:
    """One synapse as one rule.

    Attributes:
        synapse, rule: names.
        coding: of keys and values.
        nrmse, slope: of its read-outs against those of the rule.
        gain, erase, decay: of the rule that fits its read-outs best.
        refused: why it cannot run, a sentence, or nothing.
    """

    synapse: str
    rule: str
    coding: str = ""
    nrmse: float = float("nan")
    slope: float = float("nan")
    gain: float = float("nan")
    erase: float = float("nan")
    decay: float = float("nan")
    refused: str = ""


def program(
    tokens: int = 8, pre: int = 4, post: int = 4, beta: float = 0.7, seed: int = 0
):
    """Return a programme of random keys >= 0 of length 1, values in [-1, 1], one query a
    key."""
    rng = np.random.default_rng(seed)
    keys = np.abs(rng.normal(size=(tokens, pre)))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    values, queries = rng.uniform(-1, 1, (tokens, post)), keys[rng.permutation(tokens)]
    return Program(keys, values, queries, beta=np.full(tokens, beta))


def effective(given: Program, readout: np.ndarray) -> tuple[float, float, float]:
    """Return (gain, erase, decay) of the rule that explains read-outs [token, post] best.

    The gain counts in the programme's own write strength, so that 1 is the rule itself.
    """
    keys, values, queries, beta = (given[n] for n in ("key", "value", "query", "beta"))

    def reads(parameters):
        gain, erase, decay = parameters
        w, found = np.zeros((values.shape[1], keys.shape[1])), []
        for k, v, q, b in zip(keys, values, queries, beta, strict=True):
            w = decay * w + gain * b * np.outer(v - erase * (w @ k), k)
            found.append(w @ q)
        return np.array(found)

    fits = [
        least_squares(lambda p: (reads(p) - readout).ravel(), start,
                      bounds=([-5, -2, 0], [5, 3, 1.5]))
        for start in ((1, 0.1, 0.95), (1, 0.9, 0.95))
    ]  # fmt: skip
    best = min(fits, key=lambda fit: fit.cost)
    return tuple(float(number) for number in best.x)


def measure(
    synapse, name: str | Rule = "hebb", *, given: Program | None = None, **options
):
    """Return the `MemoryAgreement` of a synapse as a rule.

    Args:
        synapse: a name or a model, as `fwp_neuro.run` takes it.
        name: of the rule, "hebb" or "delta", or a `Rule`.
        given: programme, random if None.
        options: of the spiking realisation, such as cells and seed.
    """
    given = program() if given is None else given
    chosen = rule(name)
    ran = run(given, chosen, "spiking", synapse=synapse, **options)
    found = compare(run(given, chosen, "artificial"), ran)
    label = synapse if isinstance(synapse, str) else synapse.name
    code = ran.provenance["options"]["coding"]
    fit = effective(given, ran["readout"].values)
    return MemoryAgreement(label, chosen.name, code, found.nrmse, found.slope, *fit)


def memories(
    synapses: Sequence, progress: Callable[[float, str], None] | None = None,
    rules: Sequence[str] = ("hebb", "delta"), **options,
) -> list[MemoryAgreement]:  # fmt: skip
    """Return every synapse as every rule; options as in `measure`."""
    pairs = [(synapse, name) for synapse in synapses for name in rules]
    found = []
    for number, (synapse, name) in enumerate(pairs):
        label = (
            synapse
            if isinstance(synapse, str)
            else getattr(synapse, "name", shown(synapse))
        )
        if progress is not None:
            progress(number / len(pairs), f"{label} as {name}")
        try:
            found.append(measure(synapse, name, **options))
        except FwpError as problem:
            found.append(MemoryAgreement(label, name, refused=str(problem)))
    return found


_HEADINGS = ("nRMSE", "slope", "gain", "erase", "decay")


def table(found: list[MemoryAgreement]) -> str:
    """Return the memories as a table."""
    rows = [(f"{one.synapse} as {one.rule}, {one.coding}", one.nrmse, one.slope, one.gain,
             one.erase, one.decay) for one in found if not one.refused]  # fmt: skip
    width = max((len(row[0]) for row in rows), default=0)
    lines = [
        f"{'synapse as rule, coding':{width}} " + " ".join(f"{h:>7}" for h in _HEADINGS)
    ]
    lines += [f"{name:{width}} " + " ".join(f"{n:7.3f}" for n in numbers)
              for name, *numbers in rows]  # fmt: skip
    lines += [
        f"{one.synapse} as {one.rule}: {one.refused}" for one in found if one.refused
    ]
    lines.append(
        "nRMSE, slope: read-outs of a circuit of these synapses against the rule itself; "
        "gain, erase, decay: of W <- decay W + gain (v - erase W k) k', fitted to the "
        "read-outs"
    )
    return "\n".join(lines)
