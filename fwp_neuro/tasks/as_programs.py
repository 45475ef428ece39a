"""Episodes of sequence tasks as programs, so that rules and circuits can run them."""

from __future__ import annotations

import numpy as np

from fwp_neuro.arguments import FLAG, instance, numbers, optional, real, takes, whole
from fwp_neuro.errors import FwpError
from fwp_neuro.programs import Program
from fwp_neuro.tasks.linear_regression import regression
from fwp_neuro.tasks.recall import _bookkeeping
from fwp_neuro.tasks.sequences import BATCH, Batch, SequenceTask

TASK = instance("fwp_neuro.tasks.sequences:SequenceTask", lambda: regression(dim=2))


@takes(
    task=TASK,
    batch=BATCH,
    episode=whole(0),
    keys=optional(numbers("[slot, dim]", 2)),
    beta=real(),
    alpha=real(),
    split_signs=FLAG,
)
def as_program(
    task: SequenceTask,
    batch: Batch,
    episode: int = 0,
    keys=None,
    beta: float = 1.0,
    alpha: float = 1.0,
    split_signs: bool = False,
) -> Program:
    """Return one sequence of a batch as a Program: one token per write, one per read.

    Tasks of recall get one-hot keys and values (an erasure writes the value zero);
    regression gets key x_i and value y_i, and a last token that reads with the query. A
    read has ``beta`` 0 and value 0. Queries outside the mask and padding are left out.

    The program also carries ``target`` [token, post], the right read-out at reads (zero
    at writes) and ``read_only`` [token]; for tasks of recall ``slot``, ``answer`` and
    ``former`` as in `associative_recall`, so that `targets` gives what a perfect memory
    reads out.

    Args:
        task: schlag_recall, multi_query_recall, forgetting_recall or regression.
        batch: sampled from that task.
        episode: row of the batch.
        keys: [slot, dim] keys instead of the one-hot ones (tasks of recall only), e.g.
            `random_keys`; row s stands for key s of the task (of the episode, for
            multi_query_recall, in the order of its pairs).
        beta: write strength of the writes.
        alpha: decay gate of every token.
        split_signs: replace each key and query x by [max(x, 0), max(-x, 0)], which cells
            can fire. A rule then runs in this other feature space, of twice the
            dimension.

    Raises:
        FwpError: the task has no writes and reads, or an argument is not legal.
    """
    if task.view is None:
        raise FwpError(
            f"as_program: {task.name} has no writes and reads of its own; take "
            "schlag_recall, multi_query_recall, forgetting_recall or regression"
        )
    if episode >= len(batch.inputs):
        raise FwpError(
            f"as_program: episode is {episode}, but the batch has {len(batch.inputs)}"
        )
    row = task.view(batch.inputs[episode], batch.targets[episode], batch.mask[episode])
    key, extra = row.key, {}
    if keys is not None:
        key = _chosen(keys, row.slot, task.name)
    if split_signs:
        key = np.concatenate([np.maximum(key, 0), np.maximum(-key, 0)], axis=-1)
    if row.slot is not None:
        extra = {
            "slot": row.slot,
            **_bookkeeping(np.where(row.write, row.slot, -1), row.slot),
        }
    names = np.arange(len(key)) if row.slot is None else row.slot
    verbs = np.where(row.write, "write", "read")
    return Program(
        key=key,
        value=row.value,
        beta=np.where(row.write, beta, 0.0),
        alpha=np.full(len(key), alpha),
        target=row.target,
        read_only=~row.write,
        labels=[f"{verb} key {name}" for verb, name in zip(verbs, names, strict=True)],
        **extra,
    )


def _chosen(keys, slot: np.ndarray | None, name: str) -> np.ndarray:
    if slot is None:
        raise FwpError(
            f"as_program: {name} brings its own keys, so that keys must be None"
        )
    if keys.ndim != 2 or len(keys) <= slot.max():
        raise FwpError(
            f"as_program: keys has shape {keys.shape}; it must be [slot, dim] with at "
            f"least {slot.max() + 1} slots for this episode of {name}"
        )
    return keys[slot]
