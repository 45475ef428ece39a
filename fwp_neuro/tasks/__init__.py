"""Tasks: what the synapses, or a network with fast weights, are asked to remember.

Two kinds. Programs (see `fwp_neuro.programs`), which any rule runs as they are:
`associative_recall` draws random associations; `digit_memory` stores real images of
digits. And sequence tasks, batches with labels to train a network on: `sequence_tasks()`
lists them, each is a `SequenceTask`, and `as_program` turns episodes of recall and
regression into programs, `permutation_program` words of a group.
"""

from collections.abc import Callable
from functools import partial

from fwp_neuro.registry import Registry, summary_of
from fwp_neuro.tasks.as_programs import as_program
from fwp_neuro.tasks.automata import cycle_navigation, parity
from fwp_neuro.tasks.brackets import dyck, legal_brackets, reset_dyck
from fwp_neuro.tasks.counting import counters, legal_letters
from fwp_neuro.tasks.delays import delayed_match, selective_copy
from fwp_neuro.tasks.digits import digits
from fwp_neuro.tasks.few_shot import few_shot_episodes, nearest_mean
from fwp_neuro.tasks.groups import GROUPS, group_elements, group_table, group_word_problem
from fwp_neuro.tasks.key_vectors import onehot_keys, random_keys, sparse_keys
from fwp_neuro.tasks.linear_regression import (
    delta_pass,
    delta_pass_loss,
    gradient_step,
    gradient_step_loss,
    optimal_step,
    predict_zero,
    regression,
    ridge,
    split_regression,
)
from fwp_neuro.tasks.modular_expressions import modular_arithmetic
from fwp_neuro.tasks.multi_query import multi_query_recall
from fwp_neuro.tasks.permutation_programs import (
    nearest_permutation,
    permutation_program,
)
from fwp_neuro.tasks.recall import associative_recall, digit_memory, targets
from fwp_neuro.tasks.recall_with_forgetting import forgetting_recall
from fwp_neuro.tasks.schlag import schlag_recall
from fwp_neuro.tasks.sequences import Batch, SequenceTask

__all__ = [
    "GROUPS",
    "Batch",
    "SequenceTask",
    "as_program",
    "associative_recall",
    "counters",
    "cycle_navigation",
    "delayed_match",
    "delta_pass",
    "delta_pass_loss",
    "digit_memory",
    "digits",
    "dyck",
    "few_shot_episodes",
    "forgetting_recall",
    "gradient_step",
    "gradient_step_loss",
    "group_elements",
    "group_table",
    "group_word_problem",
    "legal_brackets",
    "legal_letters",
    "modular_arithmetic",
    "multi_query_recall",
    "nearest_mean",
    "nearest_permutation",
    "onehot_keys",
    "optimal_step",
    "parity",
    "permutation_program",
    "predict_zero",
    "random_keys",
    "regression",
    "reset_dyck",
    "ridge",
    "schlag_recall",
    "selective_copy",
    "sequence_tasks",
    "sparse_keys",
    "split_regression",
    "targets",
]


def __dir__() -> list[str]:
    return sorted(__all__)  # what is public, for tab completion


TASKS = Registry("task")


def _add(make: Callable, citation: str | Callable[[], str]) -> None:
    summary = summary_of(make.__doc__).removeprefix("Return the task ")
    TASKS.add(make.__name__, lambda: make, summary, citation)


def _citation(make: Callable) -> str:
    return make().citation


_SEQUENCE_TASKS = (
    schlag_recall, multi_query_recall, forgetting_recall, parity, modular_arithmetic,
    cycle_navigation, group_word_problem, dyck, reset_dyck, counters, regression,
    selective_copy, few_shot_episodes, delayed_match,
)  # fmt: skip
for _make in _SEQUENCE_TASKS:
    _add(_make, partial(_citation, _make))
_add(associative_recall, "this package; keys and values as in schlag2021linear")
_add(digit_memory, "this package; images of alpaydin1998optical")


def sequence_tasks() -> dict[str, Callable[..., SequenceTask]]:
    """Return every sequence task by name: the function that takes its options and
    ``seed``."""
    return {function.__name__: function for function in _SEQUENCE_TASKS}
