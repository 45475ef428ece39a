"""The training loop where things go wrong: odd interruptions, other models, NumPy
numbers."""

import signal
import threading

import numpy as np
import pytest
import torch
from brian2 import mV
from test_training import SMALL, TASK, Net, net, same
from torch import nn

from fwp_neuro.artificial import SequenceModel, train
from fwp_neuro.artificial.training.interruption import held_back
from fwp_neuro.errors import FwpError
from fwp_neuro.tasks import sequence_tasks


def interrupt_forward(model, number, training):
    """Make the model's pass ``number`` (of those in this mode) end in a Ctrl+C."""
    calls = []

    def hook(module, inputs, output):
        calls.extend([1] * (module.training == training))
        if len(calls) == number and module.training == training:
            raise KeyboardInterrupt

    model.register_forward_hook(hook)
    return model


@pytest.mark.parametrize(
    ("training", "number", "step"),
    [(False, 3, 8), (True, 7, 6)],
    ids=["evaluation", "step"],
)
def test_an_interruption_inside_a_pass_goes_on_bit_for_bit(
    tmp_path, training, number, step
):
    """16 held-out sequences in batches of 8 are two passes; the third belongs to step
    8."""
    options = {"steps": 12, "patience": 9, **SMALL}
    whole, again, path = net(dropout=0.3), net(dropout=0.3), tmp_path / "t.pt"
    through = train(whole, TASK, **options)
    with pytest.raises(KeyboardInterrupt, match=f"step {step} is kept in"):
        train(interrupt_forward(net(dropout=0.3), number, training), TASK,
              checkpoint=path, **options)  # fmt: skip
    resumed = train(again, TASK, checkpoint=path, resume=True, **options)
    assert same(whole, again) and resumed.history.equals(through.history)


class Normed(Net):
    """Batch norm: a forward pass changes buffers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x):
        return self.out(
            self.norm(self.cells(self.into(x))[0].transpose(1, 2)).transpose(1, 2)
        )


def normed():
    torch.manual_seed(0)
    return Normed()


def test_buffers_of_an_unfinished_step_are_not_kept(tmp_path):
    options = {"steps": 12, "checkpoint_every": 4, **SMALL}
    whole, again, path = normed(), normed(), tmp_path / "t.pt"
    through = train(whole, TASK, **options)
    with pytest.raises(KeyboardInterrupt, match="after step 6; step 4 is kept in"):
        train(interrupt_forward(normed(), 7, True), TASK, checkpoint=path, **options)
    resumed = train(again, TASK, checkpoint=path, resume=True, **options)
    assert same(whole, again) and resumed.history.equals(through.history)


class Noisy(Net):
    """Draws random numbers in evaluation too."""

    def forward(self, x):
        hidden = self.cells(self.into(x))[0]
        return self.out(hidden + 0.1 * torch.randn_like(hidden))


def test_random_numbers_of_an_evaluation_are_those_of_the_seed():
    found = []
    for start in (1, 2):
        torch.manual_seed(0)
        model = Noisy()
        torch.manual_seed(start)
        state = torch.get_rng_state()
        found.append(train(model, TASK, steps=8, **SMALL).history)
        assert torch.equal(state, torch.get_rng_state())
    assert found[0].equals(found[1])


def test_a_sequence_model_resumes_bit_for_bit_in_two_halves(tmp_path):
    def model():
        torch.manual_seed(0)
        return SequenceModel(1, 8, vocabulary=2, output_size=2, mixer="gated_delta")

    options = {**SMALL, "length": 20}
    whole, half, again, path = model(), model(), model(), tmp_path / "t.pt"
    through = train(whole, TASK, steps=8, **options)
    train(half, TASK, steps=4, checkpoint=path, **options)
    resumed = train(again, TASK, steps=8, checkpoint=path, resume=True, **options)
    assert (
        same(whole, again)
        and not same(whole, half)
        and resumed.history.equals(through.history)
    )
    optimizer = torch.load(path, weights_only=True)["optimizer"]["state"]
    train(model(), TASK, steps=8, checkpoint=tmp_path / "whole.pt", **options)
    expected = torch.load(tmp_path / "whole.pt", weights_only=True)["optimizer"]["state"]
    assert optimizer.keys() == expected.keys() and len(optimizer) > 5
    for one, other in zip(optimizer.values(), expected.values(), strict=True):
        assert all(
            torch.equal(one[name], other[name])
            for name in ("step", "exp_avg", "exp_avg_sq")
        )


def test_a_checkpoint_that_has_done_more_steps_is_refused(tmp_path):
    path = tmp_path / "t.pt"
    train(net(), TASK, steps=3, checkpoint=path, **SMALL)
    assert train(net(), TASK, steps=3, checkpoint=path, resume=True, **SMALL).steps == 3
    kept = path.read_bytes()
    with pytest.raises(
        FwpError, match="cannot resume from .*it has done 3 steps, and steps=2 end"
    ):
        train(net(), TASK, steps=2, checkpoint=path, resume=True, **SMALL)
    assert path.read_bytes() == kept


def test_numpy_numbers_and_lists_are_arguments_like_others(tmp_path):
    path, small = tmp_path / "t.pt", {**SMALL, "length": [np.int64(3), 9]}
    numpy = {
        "seed": np.int64(3),
        "learning_rate": np.float64(2e-3),
        "betas": np.array([0.8, 0.9]),
    }
    plain, through = net(), net()
    train(net(), TASK, steps=np.int64(3), checkpoint=path, **numpy, **small)
    options = {"seed": 3, "learning_rate": 2e-3, "betas": (0.8, 0.9), **SMALL}
    train(plain, TASK, steps=6, checkpoint=path, resume=True, **options)
    train(through, TASK, steps=6, **options)
    assert same(plain, through)


def other_precision():
    return net().double()


def frozen():
    model = net()
    model.into.weight.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            other_precision,
            "its 'into.weight' is torch.float32, and the model's is torch.float64",
        ),
        (frozen, "there 'into.weight' is trained, and in this model it is frozen"),
        (
            lambda: net(dropout=0.5),
            "with '.dropout.: Dropout.p=0.0, .*', not '.*p=0.5, .*'",
        ),
        (
            normed,
            "another model, .*'Net\\(', not 'Normed\\('|whose 'norm.weight' has the "
            "shape",
        ),
    ],
)
def test_a_checkpoint_of_a_model_that_differs_in_other_ways_is_refused(
    tmp_path, other, sentence
):
    path, model = tmp_path / "t.pt", other()
    train(net(), TASK, steps=2, checkpoint=path, **SMALL)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    with pytest.raises(FwpError, match=f"cannot resume from .*{sentence}"):
        train(model, TASK, steps=4, checkpoint=path, resume=True, **SMALL)
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


class Pair(Net):
    def forward(self, x):
        return self.cells(self.into(x))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(progress=3), "progress must be a function, got 3"),
        (dict(checkpoint=3), "checkpoint must be the path of a file, as a string, got 3"),
        (dict(checkpoint="."), "checkpoint must be the path of a file, as a string, got"),
        (dict(resume=True), "resume=True needs checkpoint=..., the file to go on from"),
        (dict(resume=1), "train: resume must be True or False, got 1"),
        (dict(betas=(0.9, 1.0)), "betas must be at least 0 and below 1, got .0.9, 1.0."),
        (dict(steps=np.ones(()) * 3.0), "steps is"),
        (dict(learning_rate=1 * mV), "learning_rate must be a finite number"),
        (dict(model=Pair()), "the model must return a tensor, got a tuple"),
    ],
)
def test_more_nonsense_raises_a_sentence(options, sentence):
    arguments = {"model": net(), "task": TASK, "steps": 1, **SMALL, **options}
    with pytest.raises(FwpError, match=sentence):
        train(**arguments)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("task", "sizes", "sentence"),
    [
        (
            "parity",
            {"vocabulary": 1},
            "vocabulary=1; .*'parity' needs vocabulary=2, for .* 0 to 1$",
        ),
        (
            "parity",
            {"input_size": 2},
            "input_size=2; task 'parity' needs vocabulary=2, for",
        ),
        (
            "parity",
            {"vocabulary": 2, "output_size": 3},
            "output_size=3; .* needs output_size=2$",
        ),
        (
            "regression",
            {"vocabulary": 2},
            "vocabulary=2; .*'regression' needs input_size=.*vectors$",
        ),
        (
            "regression",
            {"input_size": 2},
            "input_size=2; task 'regression' needs input_size=",
        ),
    ],
)
def test_a_model_of_other_sizes_is_refused_before_training(
    task, sizes, sentence, compiled
):
    model = SequenceModel(1, 8, **sizes)
    before = [parameter.clone() for parameter in model.parameters()]
    given = torch.compile(model, backend="eager") if compiled else model
    with pytest.raises(FwpError, match=f"train: the SequenceModel has {sentence}"):
        train(given, sequence_tasks()[task](), steps=1, batch=2, evaluation_batch=2)
    assert all(map(torch.equal, before, model.parameters()))


def test_a_larger_vocabulary_is_legal():
    model = SequenceModel(1, 8, vocabulary=5, output_size=2)
    assert train(model, TASK, steps=1, **SMALL).steps == 1


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        (
            nn.Embedding(1, 2),
            "task 'parity', symbols 0 to 1 in a tensor .8, .*: index out of range",
        ),
        (nn.Linear(3, 2), "task 'parity', symbols 0 to 1 in a tensor "),
    ],
)
def test_what_torch_refuses_is_one_sentence_with_its_cause(first, sentence):
    with pytest.raises(
        FwpError, match=f"the model Sequential fails on .*{sentence}"
    ) as caught:
        train(nn.Sequential(first, nn.Linear(2, 2)), TASK, steps=1, **SMALL)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is not None


def test_the_first_ctrl_c_waits_and_the_second_does_not():
    before = signal.getsignal(signal.SIGINT)
    with held_back() as pressed:
        assert not pressed()
        signal.raise_signal(signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_ctrl_c_stays_ignored_and_threads_can_train():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_back() as pressed:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            assert not pressed()
    finally:
        signal.signal(signal.SIGINT, before)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(train(net(), TASK, steps=1, **SMALL))
    )
    thread.start()
    thread.join()
    assert found[0].steps == 1
