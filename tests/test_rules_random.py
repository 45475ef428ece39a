"""Random texts give the same numbers in every form and circuit, or one sentence."""

import warnings

import numpy as np
import pytest
from random_texts import Text

import fwp_neuro as fwp

FORMS = {
    "step": dict(form="step"),
    "parallel": dict(form="parallel", record_weights="last"),
    "chunk": dict(form="chunk", record_weights="last"),
}
CIRCUITS = {
    "event": dict(realisation="rate", dynamics="event", device="numpy"),
    "continuous": dict(realisation="rate", device="numpy"),
    "low rank": dict(
        realisation="rate", dynamics="event", layout="low_rank", device="numpy"
    ),
}
COMPILED = {"compiled": dict(form="compiled", record_weights="last")}


def deviations(seed: int, runs) -> dict[str, float]:
    """Return how far each run that gives numbers is from the NumPy oracle; {} without an
    oracle."""
    text = Text(seed)
    try:
        rule = text.rule()
    except fwp.FwpError:
        return {}
    program, start = text.program()
    with warnings.catch_warnings():
        # texts whose numbers leave the range of a root, say
        warnings.simplefilter("ignore")
        oracle = fwp.run(
            program, rule, backend="numpy", form="step", initial_weights=start
        )
        expected = oracle["readout"].values, np.asarray(oracle.final_weights)
        scale = max(1, *(np.abs(array).max() for array in expected))
        if not scale < 1e6:
            return {}
        found = {}
        for name, options in runs.items():
            if name in ("parallel", "chunk") and name not in rule.forms:
                continue
            try:
                got = fwp.run(program, rule, initial_weights=start, **options)
            except fwp.FwpError as refusal:
                # a form that a rule says it has must run; a circuit may say why it does
                # not
                assert name in CIRCUITS, f"{text.text!r} {name}: {refusal}"
                continue
            mine = got["readout"].values, np.asarray(got.final_weights)
            pairs = zip(mine, expected, strict=True)
            found[name] = max(float(np.abs(a - b).max()) for a, b in pairs) / scale
    return found


@pytest.mark.parametrize("seeds", [range(n, n + 12) for n in range(0, 60, 12)], ids=str)
def test_random_texts_agree_in_every_form(seeds):
    found = {seed: deviations(seed, FORMS) for seed in seeds}
    for seed, each in found.items():
        assert all(value < 1e-9 for value in each.values()), (Text(seed).text, each)
    assert sum(map(len, found.values())) > len(seeds)  # most texts were compared


@pytest.mark.parametrize("seeds", [range(0, 4), range(4, 8)], ids=str)
def test_random_texts_agree_in_the_rate_circuits(seeds):
    found = {seed: deviations(seed, CIRCUITS) for seed in seeds}
    for seed, each in found.items():
        assert all(value < 1e-9 for value in each.values()), (Text(seed).text, each)
    assert sum(map(len, found.values())) >= len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_random_texts_agree_everywhere(seed):
    found = deviations(seed, FORMS | COMPILED | CIRCUITS)
    assert all(value < 1e-9 for value in found.values()), (Text(seed).text, found)
