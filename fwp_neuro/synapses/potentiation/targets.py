"""Short-term potentiation: its two decays, and what reading one item leaves of the
others."""

from __future__ import annotations

from collections.abc import Iterator

import brian2 as b2
import numpy as np
from scipy.optimize import curve_fit

from ... import synapses
from ...circuits import injected
from ...targets.rows import Row

PASSIVE, USED = "short_term_potentiation", "use_dependent_potentiation"
LEFT, READS = 0.374, 5
_COMPUTED = (
    "closed form: 1 - (1 - .374) times the mean share of key cells (or its mean square)"
)


def expected(mechanism: str, sparsity: float, cells: int = 200) -> float:
    """Return what other items keep when the read one has fallen to `LEFT`: exact mean.

    Of the cells of a random key the share ``sparsity`` is in the key that is read, with
    the variance of draws without replacement.
    """
    square = sparsity**2 + (1 - sparsity) ** 2 / (cells - 1)
    shared = {"column gate": sparsity, "rank-1 erase": square, "time decay": 1.0}[
        mechanism
    ]
    return 1 - (1 - LEFT) * shared


def decay_times(minutes: float = 60.0) -> tuple[float, float]:
    """Return the two time constants (s) fitted to test responses of the Brian2 text."""
    model, every = synapses.get(PASSIVE, "post_ampa"), 10
    steps = int(60 * minutes / every)
    found = injected.run(
        model, np.ones((steps, 1)), np.zeros((steps, 1)), dt=every * b2.second,
        initial={"fast": 0.4, "slow": 0.2}, record=["transmitted"],
        record_every=every * b2.second,
    )  # fmt: skip
    # a monitor samples before the spike of its time step, so the first sample is from
    # before all
    course = found["transmitted"][1:, 0] / float(model.parameters["U"]) - 1
    time = found["time"][1:] - every

    def two(t, a, fast, b, slow):
        return a * np.exp(-t / fast) + b * np.exp(-t / slow)

    fitted = curve_fit(two, time, course, p0=(0.3, 50.0, 0.3, 2000.0))[0]
    return tuple(sorted((float(fitted[1]), float(fitted[3]))))


def kept(sparsity: float, items: int = 120, cells: int = 200, seed: int = 0) -> dict:
    """Return what the items that are not read keep, and its standard error, by mechanism.

    Items are random binary keys of a share of active cells; each has a value cell of its
    own. The column gate and the decay are Brian2 runs of the two models, the erase is
    W <- W - (1 - LEFT) W q q^T / q^T q.
    """
    rng = np.random.default_rng(seed)
    keys = np.zeros((items, cells))
    for key in keys:
        key[rng.choice(cells, round(sparsity * cells), replace=False)] = 1
    weights = 1e-2 * keys  # [post, pre], small beside the 1 of 1 + P
    query = keys[0]
    gated = synapses.get(USED, "pre_release").changed(loss=1 - LEFT ** (1 / READS))
    spikes = np.repeat(query[None], READS, axis=0)
    silent = np.zeros((READS, len(weights)))
    gate = injected.run(gated, spikes, silent, initial={"P": weights}, dt=100 * b2.ms)[
        "P"
    ]
    fading = synapses.get(PASSIVE, "post_ampa")
    wait = -np.log(LEFT) * fading.parameters["tau_fast"]
    late = np.zeros((5, cells))
    late[-1] = 1  # a spike everywhere brings event-driven variables up to date
    faded = injected.run(fading, late, np.zeros((5, len(weights))),
                         initial={"fast": weights},
                         dt=wait / 4)["fast"]  # fmt: skip
    erased = weights - (1 - LEFT) * np.outer(weights @ query, query) / query.sum()

    def left(new) -> tuple[float, float]:
        own = [np.sum(table * keys, axis=1)[1:] for table in (new, weights)]
        ratio = own[0] / own[1]
        return float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(ratio.size))

    return {
        "column gate": left(gate),
        "rank-1 erase": left(erased),
        "time decay": left(faded),
    }


def rows(quick: bool) -> Iterator[Row]:
    """Compare decays with Erickson 2010, and retention with the closed forms."""
    source = "Erickson, Maramara & Lisman 2010, J. Cogn. Neurosci. 22:2530, abstract"
    for name, value, target in zip(
        ("fast", "slow"), decay_times(), (1.6 * 60, 19 * 60.0), strict=True
    ):
        yield Row(PASSIVE, f"{name} decay of Brian2 test responses (s)", value, target,
                  0.01 * target, source, strength="definition")  # fmt: skip
    tau = float(synapses.get(PASSIVE).parameters["tau_fast"])
    yield Row(
        PASSIVE,
        "alpha of the fast part in 1 s",
        float(np.exp(-1 / tau)),
        0.990,
        5e-4,
        source,
        strength="definition",
    )
    sparsities = (0.5, 0.1) if quick else (0.5, 0.2, 0.1, 0.05)
    for sparsity in sparsities:
        for mechanism, (value, error) in kept(sparsity).items():
            target, of_time = expected(mechanism, sparsity), mechanism == "time decay"
            yield Row(
                PASSIVE if of_time else USED,
                f"others keep, {mechanism}, {sparsity:g} of key cells "
                "active", value, target,
                min(0.01, 3 * error) + 1e-9,
                _COMPUTED, curve="" if of_time else "kept by others: "
                                                    f"{mechanism}", x=sparsity,
                axes=("", "") if of_time else ("share of active key cells", "kept"),
                strength="closed form",
            )  # fmt: skip
