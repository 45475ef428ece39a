"""``swap``: a trained model whose fast weights run in a circuit, the rest as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from .arguments import Kind, inside, instance, one_of, optional, takes
from .artificial.layers import Layer, SequenceModel
from .artificial.precision import dense
from .comparison import Agreement, agree
from .errors import FwpError, shown
from .programs import Program
from .recording import Recording
from .run_arguments import NAMES
from .running import REALISATIONS, run
from .tasks.sequences import Batch
from .text_table import aligned


def _model():
    return SequenceModel(1, 4, input_size=3, output_size=2)


@takes(
    model=inside("a torch nn.Module that has a Layer", _model),
    x=inside("the input of the model, or a Batch of a task", lambda: torch.ones(1, 2, 3)),
    realisation=one_of(REALISATIONS, "realisation"),
    layers=optional(
        Kind(
            "names of layers, as of model.named_modules()",
            NAMES.read,
            lambda: ["blocks.0.mixer"],
        )
    ),
    call=optional(instance("collections.abc:Mapping", dict)),
    options=inside("an option of fwp_neuro.run"),
)
def swap(
    model: nn.Module,
    x,
    realisation: str = "spiking",
    *,
    layers: Sequence[str] | None = None,
    call: Mapping[str, Any] | None = None,
    **options,
) -> Swapped:
    """Run a model with the fast weights of its layers in another realisation.

    Each `fwp_neuro.artificial.Layer` in the model hands what its slow net commands to
    `fwp_neuro.run`, and goes on with the read-out that comes back: norm, gate, output map
    and the layers behind get what the circuit gave. All sequences and heads of a layer
    run side by side as heads of one circuit. The model is left as it was.

    Args:
        model: a trained `SequenceModel`, or any module that has a `Layer` in it. It runs
            in evaluation mode and without gradients.
        x: its input, a tensor [batch, token(, size)]; or a `Batch` of a task, whose
            targets then give the accuracy.
        realisation: "rate", "spiking", or "artificial".
        layers: names of the layers to swap; all if None.
        call: other arguments of the model, such as ``{"mask": mask}``.
        options: of `fwp_neuro.run`, such as cells, seed, device, record.

    Returns:
        `Swapped`: outputs, accuracy, Recordings and agreement of each layer.

    Raises:
        FwpError: the model has no such layer, a layer has a memory, which no circuit
            realises, or what `fwp_neuro.run` refuses.

    Example:
        >>> task = fwp_neuro.tasks.few_shot_episodes(seed=0)  # doctest: +SKIP
        >>> found = fwp_neuro.swap(model, task.sample(8), "spiking", cells=100,
        ...                        signed_keys="opponent")  # doctest: +SKIP
        >>> print(found.accuracy, found.exact_accuracy)  # doctest: +SKIP
    """
    chosen = _layers(model, layers)
    batch = x if isinstance(x, Batch) else None
    given, call = _input(model, x), dict(call or {})
    training, places = model.training, {name: [] for name in chosen}
    options.setdefault("record_weights", "last")
    model.eval()
    try:
        with torch.no_grad():
            exact = _outputs(model, given, call)
            with _swapped(chosen, realisation, options, places):
                outputs = model(given, **call)
    finally:
        model.train(training)
    return Swapped(outputs, exact, places, batch, realisation)


class Swapped:
    """What a model gave with its fast weights in a circuit.

    Attributes:
        outputs: of the model with the circuit; exact: of the model as it is.
        recordings: layer name -> list of Recordings, one for each time that the layer ran
            (once, unless sequences of several lengths were given by ``mask=``), each with
            a dim "sequence".
        agreement: layer name -> `Agreement` of the circuit's read-out with that of the
            rule on the same commands: nRMSE, slope, bias, correlation.
        accuracy, exact_accuracy: share of the tokens in the batch's mask whose largest
            output is the target class, with the circuit and without; None without a
            `Batch` of classes.
    """

    def __init__(self, outputs, exact, places, batch: Batch | None, realisation: str):
        self.outputs, self.exact, self.realisation = outputs, exact, realisation
        self.recordings: dict[str, list[Recording]] = {}
        self.agreement: dict[str, Agreement] = {}
        for name, ran in places.items():
            if not ran:
                raise FwpError(f"swap: layer {name!r} did not run on this input")
            self.recordings[name] = [recording for recording, _, _ in ran]
            right, found = (
                np.concatenate([one[n].ravel() for one in ran]) for n in (1, 2)
            )
            self.agreement[name], _ = agree(right, found)
        self.accuracy = _accuracy(outputs, batch)
        self.exact_accuracy = _accuracy(exact, batch)

    def __repr__(self) -> str:
        titles = ("layer", "nRMSE", "slope", "bias", "correlation")
        rows = [titles, *(
            (name, *(f"{number:.3f}" for number in (one.nrmse, one.slope, one.bias,
                                                    one.correlation)))
            for name, one in self.agreement.items()
        )]  # fmt: skip
        lines = [f"fast weights in the {self.realisation} realisation", *aligned(rows)]
        if self.accuracy is not None:
            lines.append(
                f"accuracy {self.accuracy:.3f}, of the model as it is "
                f"{self.exact_accuracy:.3f}"
            )
        return "\n".join(lines)


def _layers(model, names) -> dict[str, Layer]:
    if not isinstance(model, nn.Module):
        raise FwpError(
            f"swap: model must be a torch nn.Module, got {type(model).__name__}"
        )
    there = {
        name: part for name, part in model.named_modules() if isinstance(part, Layer)
    }
    if not there:
        raise FwpError(
            f"swap: the model {type(model).__name__} has no fwp_neuro.artificial.Layer"
        )
    if names is None:
        names = list(there)
    elif not names or not all(name in there for name in names):
        raise FwpError(
            f"swap: layers must be a list of some of {sorted(there)}, got {shown(names)}"
        )
    for name in names:
        there[name].initial_weights()  # says why a memory has no circuit
    return {name: there[name] for name in names}


def _input(model: nn.Module, x) -> torch.Tensor:
    """Return the input as a tensor of the model's device and number format."""
    given = x.inputs if isinstance(x, Batch) else x
    if isinstance(given, np.ndarray) and given.dtype.kind in "biuf":
        given = torch.as_tensor(np.ascontiguousarray(given))
    if not isinstance(given, torch.Tensor) or given.is_meta:
        raise FwpError(
            "swap: x must be a tensor [batch, token(, size)] or a Batch of a task, got "
            f"{shown(x)}"
        )
    dense("swap: x", given)
    parameter = next(model.parameters())  # a layer has some
    dtype = parameter.dtype if given.is_floating_point() else None
    return given.to(parameter.device, dtype)


def _outputs(model: nn.Module, given: torch.Tensor, call: Mapping[str, Any]):
    """Run the model as it is; what torch refuses becomes one sentence."""
    try:
        return model(given, **call)
    except (RuntimeError, TypeError, IndexError, NotImplementedError) as problem:
        raise FwpError(
            f"swap: the model {type(model).__name__} fails on an input "
            f"{tuple(given.shape)} of {given.dtype}: {str(problem).partition(chr(10))[0]}"
        ) from problem


@contextmanager
def _swapped(layers: Mapping[str, Layer], realisation: str, options, places):
    """Let layers read in the realisation while the block runs."""
    before = {name: layer.fast for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.fast = _InCircuit(layer.fast, realisation, options, places[name])
        yield
    finally:
        for name, layer in layers.items():
            layer.fast = before[name]


class _InCircuit:
    """Stands in for the fast weights of a layer, and takes its read-outs from a
    circuit."""

    def __init__(self, fast, realisation: str, options: Mapping, ran: list):
        self.fast, self.realisation, self.options = fast, realisation, options
        self.rule, self.is_memory, self.ran = fast.rule, fast.is_memory, ran
        self.form = fast.form

    def __call__(self, signals, states, chunk=None):
        right, finals = self.fast(signals, states, chunk)
        numbers = {n: _array(one) for n, one in signals.items()}
        numbers.setdefault("k", numbers["q"])
        if "v" not in numbers:
            numbers["v"] = np.zeros(right.shape)
        programs = [
            Program(**{name: one[n] for name, one in numbers.items()})
            for n in range(len(right))
        ]
        start = {n: _array(states[n]) for n in self.rule.states if n in states}
        start = {n: one for n, one in start.items() if one.any()}
        recording = run(programs, self.rule, self.realisation,
                        initial_states=start or None, **self.options)  # fmt: skip
        found = recording["readout"].values
        self.ran.append((recording, _array(right), found))
        if "final_weights" in recording or "weights" in recording:
            w = recording.final_weights.values
            finals = {**finals, "w": torch.as_tensor(w).to(finals["w"])}
        return torch.as_tensor(found).to(right), finals


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()


def _accuracy(outputs, batch: Batch | None) -> float | None:
    if batch is None or batch.targets.ndim != 2 or not isinstance(outputs, torch.Tensor):
        return None
    right = outputs.argmax(-1).cpu().numpy() == batch.targets
    return float(right[batch.mask].mean())
