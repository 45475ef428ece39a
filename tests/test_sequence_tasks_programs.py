"""Episodes of sequence tasks as programs: the delta rule and a circuit solve them."""

import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import tasks
from fwp_neuro.errors import FwpError

RECALL = {
    "schlag_recall": {"keys": 6, "replacement": True},
    "multi_query_recall": {"vocab": 40, "pairs": 5},
    "forgetting_recall": {"keys": 4, "values": 5},
}


@pytest.mark.parametrize("name", RECALL)
@pytest.mark.parametrize("length", [None, "range"])
def test_the_delta_rule_runs_recall_episodes_without_error(name, length):
    task = tasks.sequence_tasks()[name](**RECALL[name])
    least = task.lengths[0]
    batch = task.sample(
        4, 2, (least, least + 9) if length and len(task.lengths) > 9 else None
    )
    for episode in range(4):
        program = tasks.as_program(task, batch, episode)
        read = program["read_only"].astype(bool)
        assert read.sum() == batch.mask[episode].sum()
        np.testing.assert_array_equal(program["beta"], np.where(read, 0, 1))
        # a perfect memory gives the target, and so does the delta rule on one-hot keys
        np.testing.assert_array_equal(
            tasks.targets(program)[read], program["target"][read]
        )
        readout = fwp.run(program, "delta")["readout"].values
        np.testing.assert_allclose(readout[read], program["target"][read], atol=1e-12)
        if name != "multi_query_recall":  # classes of the task, "empty" is all zero
            empty = program["target"][read].sum(axis=1) == 0
            found = np.where(empty, program.post, readout[read].argmax(axis=1))
            labels = batch.targets[episode][batch.mask[episode]]
            np.testing.assert_array_equal(
                found, labels.argmax(axis=1) if labels.ndim == 2 else labels
            )


def test_the_sum_rule_shows_what_overwriting_costs():
    task = tasks.schlag_recall(4, replacement=True)
    program = tasks.as_program(task, task.sample(1, 3))
    read = program["read_only"].astype(bool)
    readout = fwp.run(program, "hebb")["readout"].values[read]
    assert readout.sum() == (~read).sum()  # every write is still there
    assert np.abs(readout - program["target"][read]).max() >= 1


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_delta_rule_runs_regression_as_the_solver_does(beta):
    task = tasks.regression(5)
    batch = task.sample(3, 1, (5, 9))
    for episode in range(3):
        program = tasks.as_program(task, batch, episode, beta=beta)
        tokens = program.tokens
        given = tasks.split_regression(batch.inputs[episode : episode + 1, :tokens])
        readout = fwp.run(program, "delta")["readout"].values
        expected = tasks.delta_pass(*given, beta=beta)
        np.testing.assert_allclose(readout[-1], expected, atol=1e-12)
        target = batch.targets[episode][batch.mask[episode]]
        np.testing.assert_array_equal(program["target"][-1:], target)


def test_programs_take_other_keys_and_split_signs():
    task = tasks.schlag_recall(6)
    batch = task.sample(2, 1)
    keys = tasks.random_keys(6, 9, seed=4)
    program = tasks.as_program(task, batch, 1, keys=keys, beta=0.7, alpha=0.9)
    assert program.pre == 9 and program.post == 6 and set(program["alpha"]) == {0.9}
    slots = batch.inputs[1, :, :6].argmax(axis=1)
    np.testing.assert_array_equal(program["key"], keys[slots])
    assert program.labels[0] == f"write key {slots[0]}"
    assert program.labels[-1] == f"read key {slots[-1]}"
    regression = tasks.regression(3)
    batch = regression.sample(1, 1, 4)
    split = tasks.as_program(regression, batch, split_signs=True)["key"]
    assert split.shape == (5, 6) and split.min() == 0
    np.testing.assert_array_equal(split[:, :3] - split[:, 3:], batch.inputs[0, :, :3])


def test_a_rate_circuit_runs_an_episode():
    task = tasks.forgetting_recall(keys=3, values=2)
    program = tasks.as_program(task, task.sample(1, 5, 40), beta=0.8)
    assert len(set(program["slot"])) == 3 and (program["value"].sum(axis=1) == 0).any()
    circuit = fwp.run(program, "delta", realisation="rate")["readout"].values
    reference = fwp.run(program, "delta")["readout"].values
    assert np.abs(reference[program["read_only"] == 1]).max() > 0.5
    assert np.abs(circuit - reference).max() < 1e-9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"task": tasks.parity()}, "parity has no writes and reads"),
        ({"episode": 2}, "episode is 2, but the batch has 2"),
        ({"episode": -1}, "episode is -1"),
        ({"keys": np.eye(5)}, r"keys has shape \(5, 5\).* at least 6 slots"),
        ({"keys": np.ones(6)}, r"keys must be numbers .slot, dim., got shape"),
        ({"keys": "onehot"}, "keys must be real numbers"),
        ({"split_signs": 2}, "split_signs must be True or False, got 2"),
        ({"task": "schlag_recall"}, "task must be a SequenceTask, got .schlag_recall"),
        ({"batch": np.eye(3)}, "batch must be a Batch, got array"),
        ({"beta": "a"}, "beta"),
        ({"alpha": None}, "alpha"),
    ],
)
def test_mistakes_with_programs_are_named(change, sentence):
    task = tasks.schlag_recall(6)
    given = {"task": task, "batch": task.sample(2, 1)} | change
    with pytest.raises(FwpError, match=sentence):
        tasks.as_program(**given)


def test_regression_brings_its_own_keys():
    task = tasks.regression(2)
    with pytest.raises(FwpError, match="brings its own keys"):
        tasks.as_program(task, task.sample(1), keys=np.eye(11))
