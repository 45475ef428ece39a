"""What a training measured."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr

COLUMNS = {
    "loss": "training loss, mean since the last evaluation",
    "evaluation_loss": "loss on held-out batches",
    "accuracy": "accuracy on held-out batches",
    "learning_rate": "learning rate",
    "gradient_norm": "norm of the gradient before clipping",
    "long_accuracy": "accuracy on held-out batches of other lengths",
}


@dataclass(frozen=True)
class Training:
    """The course of a training.

    Attributes:
        history: "loss", "evaluation_loss", "accuracy", "learning_rate", "gradient_norm"
            and "long_accuracy" [step], NaN where a task has no such number; steps count
            from 1.
        steps: steps done.
        stopped: why it ended.
        seconds: on the wall, of this call.
        provenance: arguments, seed, versions, device.
    """

    history: xr.Dataset
    steps: int
    stopped: str
    seconds: float
    provenance: dict

    @property
    def best(self) -> dict[str, float]:
        """Smallest held-out loss and largest accuracy, and the steps at which they were
        seen."""
        found = {}
        loss, accuracy = self.history["evaluation_loss"], self.history["accuracy"]
        if np.isfinite(loss).any():
            found["loss"] = float(loss.min())
            found["loss_step"] = int(loss["step"][int(np.nanargmin(loss.values))])
        if np.isfinite(accuracy).any():
            found["accuracy"] = float(accuracy.max())
            found["accuracy_step"] = int(
                accuracy["step"][int(np.nanargmax(accuracy.values))]
            )
        return found

    def __repr__(self) -> str:
        last = self.history.isel(step=-1)
        numbers = [f"loss {float(last['evaluation_loss']):.4g}"]
        if np.isfinite(last["accuracy"]):
            numbers.append(f"accuracy {float(last['accuracy']):.4f}")
        return (
            f"Training({self.steps} steps, {self.stopped}; {', '.join(numbers)}; "
            f"{self.seconds:.1f} s on {self.provenance['device']})"
        )


def history_of(rows: list[list[float]], provenance: dict) -> xr.Dataset:
    """Return rows of step and `COLUMNS` as a labelled dataset."""
    table = np.array(rows, dtype=float).reshape(-1, 1 + len(COLUMNS))
    data = {
        name: ("step", table[:, 1 + n], {"units": "1", "long_name": words})
        for n, (name, words) in enumerate(COLUMNS.items())
    }
    steps = (
        "step",
        table[:, 0].astype(int),
        {"units": "1", "long_name": "training step"},
    )
    return xr.Dataset(data, {"step": steps}, {"provenance": json.dumps(provenance)})
