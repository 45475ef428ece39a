"""One plain training loop, which can be stopped and resumed without changing a bit."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...arguments import (
    FLAG,
    PROGRESS,
    filename,
    inside,
    instance,
    optional,
    takes,
    whole,
)
from ...errors import FwpError
from ...progress import patient
from ...provenance import commit, plain, versions
from ...tasks import parity
from ...tasks.sequences import SequenceTask
from ..layers import SequenceModel
from . import checkpoint as checkpoints
from .interruption import held_back
from .learning_rate import factor
from .task_fit import check, outputs_of
from .task_loss import Held, draw, loss_of
from .torch_device import torch_device
from .training_options import Options
from .training_result import Training, history_of

log = logging.getLogger("fwp_neuro")


def _task():
    return parity()


def _model():
    return SequenceModel(1, 8, vocabulary=2, output_size=2)


@takes(
    model=inside("a torch nn.Module that fits the task", _model),
    task=instance("fwp_neuro.tasks.sequences:SequenceTask", _task),
    device=inside("'auto', 'cpu' or 'cuda'"),
    checkpoint=optional(filename("training.pt")),
    checkpoint_every=whole(1),
    resume=FLAG,
    progress=optional(PROGRESS),
    options=inside("an option of the training"),
)
def train(
    model: nn.Module,
    task: SequenceTask,
    *,
    device: str = "auto",
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int = 100,
    resume: bool = False,
    progress: Callable[[float, str], None] | None = None,
    **options,
) -> Training:
    """Train a model on a task with AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), in
    place.

    The loss is the mean over the masked tokens of the cross-entropy, or of half the sum
    of squares, as the task says. Metalearning is this loop over a task whose sequences
    are episodes (`fwp_neuro.tasks.few_shot_episodes`, `regression`): the fast weights
    learn within a sequence, the slow ones across them.

    The batch of a step, and its dropout, are functions of the seed and the step alone, so
    that a training that was interrupted and resumed on the CPU is bit for bit the one
    that was not.

    Args:
        model: maps inputs of the task, int64 [batch, token] or float [batch, token,
            input_size], to [batch, token, output_size]. It is moved to the device,
            trained in place, and left in evaluation mode.
        task: what to learn.
        device: "auto" (CUDA where there is a GPU), "cpu" or "cuda"; the choice is logged.
        checkpoint: file that keeps the training, every ``checkpoint_every`` steps, at the
            end and when it is interrupted.
        resume: go on from the checkpoint if there is one.
        progress: called with (fraction done, note); None: a bar after two seconds, on a
            terminal or in a notebook.
        options: steps, batch, length, learning_rate, weight_decay, betas, schedule,
            warmup, clip, evaluate_every, evaluation_batch, long_length, target_loss,
            target_accuracy, patience, seed; see `training_options.Options`.

    Returns:
        The course of the training.

    Raises:
        FwpError: an argument is not legal, the model does not fit the task, the
            checkpoint is of another training, or the loss is not finite (the checkpoint
            of an earlier step stays).
        KeyboardInterrupt: it was interrupted; the message says where to go on from.
    """
    chosen = Options.of(options)
    if not isinstance(model, nn.Module):
        raise FwpError(
            f"train: model must be a torch nn.Module, got {type(model).__name__}"
        )
    if not isinstance(task, SequenceTask):
        raise FwpError(f"train: task must be a SequenceTask, got {type(task).__name__}")
    if progress is not None and not callable(progress):
        raise FwpError(
            f"train: progress must be a function of (fraction, note), got {progress!r}"
        )
    path = checkpoints.path_of(checkpoint)
    if resume and path is None:
        raise FwpError("train: resume=True needs checkpoint=..., the file to go on from")
    where, reason = torch_device(device)
    log.info("training on %s: %s", where.type, reason)
    loop = _Loop(model.to(where), task, chosen, where)
    if path is not None and path.exists():
        if not resume:
            raise FwpError(
                f"train: there is a checkpoint at {str(path)!r} already; pass "
                "resume=True to go on from it, or another path"
            )
        loop.restore(path)
    with patient("train", progress) as told:
        return loop.run(path, checkpoint_every, told)


class _Loop:
    def __init__(self, model: nn.Module, task: SequenceTask, options: Options, device):
        self.model, self.task, self.options, self.device = model, task, options, device
        parameters = [p for p in model.parameters() if p.requires_grad]
        if not parameters:
            raise FwpError("train: the model has no parameters to train")
        self.optimizer = torch.optim.AdamW(
            parameters,
            options.learning_rate,
            options.betas,
            weight_decay=options.weight_decay,
        )
        self.dtype = next(
            (p.dtype for p in parameters if p.is_floating_point()), torch.float32
        )
        self.step, self.rows, self.recent = 0, [], []
        self.changing = False  # whether the parameters are between two steps' values
        self.best, self.without = math.inf, 0
        self.held = Held(task, options, device, self.dtype)
        check(model, task, self.held.usual)
        self.arguments = {
            "task": task.name,
            "task_seed": plain(task.seed),
        } | options.lasting()
        self.arguments["task_parameters"] = plain(dict(task.parameters))

    # ------------------------------------------------------------------ checkpoints

    def content(self) -> dict:
        return {
            "arguments": self.arguments,
            "model": self.model.state_dict(),
            "structure": str(self.model),
            "trained": checkpoints.trained(self.model),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "rows": self.rows,
            "recent": self.recent,
            "best": self.best,
            "without": self.without,
        }

    def restore(self, path: Path) -> None:
        content = checkpoints.load(path)
        checkpoints.check(path, content, self.arguments, self.model, self.options.steps)
        checkpoints.check_optimizer(path, content["optimizer"], self.optimizer)
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        for name in ("step", "rows", "recent", "best", "without"):
            setattr(self, name, content[name])

    # ------------------------------------------------------------------ running

    def run(self, path: Path | None, every: int, progress) -> Training:
        begin, stopped, kept = time.perf_counter(), "", self.step
        try:
            with held_back() as interrupted:
                self.catch_up()  # if it was interrupted between a step and its evaluation
                stopped = self.finished()
                while not stopped:
                    self.learn()
                    self.catch_up()
                    stopped = self.finished()
                    if path is not None and (stopped or self.step % every == 0):
                        checkpoints.save(path, self.content())
                        kept = self.step
                    if progress is not None:
                        progress(self.step / self.options.steps, self.note())
                    if interrupted():
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self.keep(path, kept)) from None
        if not self.rows or self.rows[-1][0] != self.step:
            self.evaluate()
        self.model.eval()
        provenance = {
            "seed": self.options.seed,
            "arguments": plain(self.arguments | {"steps": self.options.steps}),
            "device": self.device.type,
            "versions": versions(),
            "commit": commit(),
        }
        history = history_of(self.rows, provenance)
        return Training(
            history, self.step, stopped, time.perf_counter() - begin, provenance
        )

    def keep(self, path: Path | None, kept: int) -> str:
        """Save after an interruption; return the sentence to raise."""
        where = f"training interrupted after step {self.step}"
        if path is None:
            return f"{where}; no checkpoint was asked for"
        if not self.changing and kept != self.step:
            checkpoints.save(path, self.content())
            kept = self.step
        if not kept:
            return f"{where}; nothing was kept"
        return (
            f"{where}; step {kept} is kept in {str(path)!r}: train(..., resume=True) "
            "goes on"
        )

    def learn(self) -> None:
        """Do one step."""
        o, number = self.options, self.step
        rate = o.learning_rate * factor(number, o.steps, o.schedule, o.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, targets, mask = draw(self.task, o.batch, o.length, o.seed, number, self)
        self.model.train()
        # a forward pass may change buffers (batch norm), which then fit no finished step
        self.changing = any(True for _ in self.model.buffers())
        with self.random(number):  # dropout is a function of seed and step too
            outputs = outputs_of(self.model, inputs, self.task)
            loss = loss_of(self.task, outputs, targets, mask)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(
            parameters, math.inf if o.clip is None else o.clip
        )
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            what = "loss" if not torch.isfinite(loss) else "gradient"
            raise FwpError(
                f"train: the {what} is not finite at step {number + 1} (learning rate "
                f"{rate:.3g}); a checkpoint of an earlier step is left as it was"
            )
        measured = [loss.item(), norm.item(), rate]
        self.changing = True
        self.optimizer.step()
        self.recent.append(measured)
        self.step, self.changing = self.step + 1, False

    @contextlib.contextmanager
    def random(self, *numbers: int):
        """Make random numbers a function of the seed and ``numbers``; the caller's
        stay."""
        seed = int(
            np.random.SeedSequence([self.options.seed, *numbers]).generate_state(1)[0]
        )
        cuda = self.device.type == "cuda"
        with torch.random.fork_rng([self.device] if cuda else []):
            torch.default_generator.manual_seed(seed)
            if cuda:
                torch.cuda.manual_seed(seed)
            yield

    def catch_up(self) -> None:
        """Evaluate if it is time to and this step has not been."""
        due = self.step and self.step % self.options.evaluate_every == 0
        if due and not (self.rows and self.rows[-1][0] == self.step):
            self.evaluate()

    def evaluate(self) -> None:
        """Measure the held-out sequences and note a row of the history."""
        with self.random():
            loss, accuracy, long = self.held.measure(self.model)
        self.changing = True
        recent = np.array(self.recent or [[math.nan] * 3])
        row = [recent[:, 0].mean(), loss, accuracy, recent[-1, 2], recent[-1, 1], long]
        self.rows.append([self.step, *(float(item) for item in row)])
        self.recent = []
        self.without = 0 if loss < self.best else self.without + 1
        self.best = min(self.best, loss)
        self.changing = False

    def finished(self) -> str:
        """Return why the training is over, or an empty string."""
        o, last = self.options, self.rows[-1] if self.rows else None
        if last is not None and last[0] == self.step:
            if o.target_loss is not None and last[2] <= o.target_loss:
                return "target loss reached"
            if o.target_accuracy is not None and last[3] >= o.target_accuracy:
                return "target accuracy reached"
            if o.patience is not None and self.without >= o.patience:
                return f"no smaller held-out loss in {o.patience} evaluations"
        return "all steps done" if self.step >= o.steps else ""

    def note(self) -> str:
        if not self.rows:
            return f"step {self.step}"
        accuracy = (
            "" if math.isnan(self.rows[-1][3]) else f", accuracy {self.rows[-1][3]:.3f}"
        )
        return f"step {self.step}, held-out loss {self.rows[-1][2]:.4g}{accuracy}"
