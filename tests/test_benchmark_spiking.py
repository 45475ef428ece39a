"""The benchmark of repeated spiking runs: its limits compute the same circuit."""

import numpy as np
import pytest
from twin import twin

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.benchmarks import repeated_runs
from fwp_neuro.benchmarks.minimal_circuit import MinimalCircuit

needs_compiler = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")


@needs_compiler
@pytest.mark.parametrize("counts", [True, False])
def test_the_loop_is_the_circuit(counts):
    program = fwp.tasks.associative_recall(tokens=3, dim=4, beta=0.7, seed=1)
    signals = [program[name][None] for name in ("key", "value", "query")]
    rates = twin(*signals, program["beta"], cells=np.inf)["readout"][0]
    loop = MinimalCircuit()
    # the noise falls with the number of cells, toward the circuit of rates
    errors = []
    for cells in (100, 10_000):
        found = [loop.run(program, cells, seed, counts) for seed in range(4)]
        errors.append(np.sqrt(np.mean((np.array(found) - rates) ** 2)))
    assert errors[1] < 0.02 * rates.std() and errors[0] == pytest.approx(
        10 * errors[1], rel=0.5
    )
    again = loop.run(program, 100, 3, counts)
    np.testing.assert_array_equal(again, loop.run(program, 100, 3, counts))


def test_a_compiler_that_fails_is_one_sentence(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(fwp.FwpError, match="one loop"):
        MinimalCircuit()


@needs_compiler
@pytest.mark.slow
def test_rows_of_the_benchmark():
    told = []
    data = repeated_runs.benchmark(
        rounds=2, sequences=4, progress=lambda part, what: told.append(what)
    )
    assert (data["cpu"] > 0).all() and (data["error"] < 0.2).all()
    text = repeated_runs.report(data)
    for name in repeated_runs.ROWS:
        assert name in text and name in told
    assert "not measured" not in text


def test_without_a_compiler_rows_are_left_out(monkeypatch):
    monkeypatch.setattr(repeated_runs.toolchain, "find", lambda: None)
    monkeypatch.setattr(repeated_runs, "TOKENS", 1)
    data = repeated_runs.benchmark(rounds=1, first=False)
    text = repeated_runs.report(data)
    assert text.count("not measured") == len(repeated_runs.ROWS) - 1
