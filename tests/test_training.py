"""The training loop: bit-exact resume, interruptions, schedules, losses by hand,
mistakes."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import fwp_neuro as fwp
from fwp_neuro.artificial import train
from fwp_neuro.artificial.training import torch_device
from fwp_neuro.artificial.training.learning_rate import factor
from fwp_neuro.artificial.training.task_loss import loss_of, sample
from fwp_neuro.errors import FwpError

TASK = fwp.tasks.parity(seed=3)
REGRESSION = fwp.tasks.regression(seed=3)
SMALL = {"batch": 8, "length": (3, 9), "evaluate_every": 4, "evaluation_batch": 16}


class Net(nn.Module):
    """One recurrent layer, with dropout if asked for."""

    def __init__(self, task=TASK, dropout=0.0, size=16):
        super().__init__()
        real = task.loss == "squared_error"
        self.into = nn.Linear(task.input_size, size) if real else nn.Embedding(2, size)
        self.cells = nn.GRU(size, size, batch_first=True)
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(size, task.output_size)

    def forward(self, x):
        return self.out(self.dropout(self.cells(self.into(x))[0]))


def net(**options):
    torch.manual_seed(0)
    return Net(**options)


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Stop:
    """A progress callback that interrupts after some calls."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, fraction, note):
        self.calls -= 1
        if not self.calls:
            raise KeyboardInterrupt


# ---------------------------------------------------------------- resuming


@pytest.mark.parametrize("stop", [1, 5, 9])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"schedule": "cosine", "warmup": 3, "clip": 0.1},
        {"patience": 2, "weight_decay": 0.3},
    ],
    ids=["plain", "cosine and clipping", "patience"],
)
def test_an_interrupted_training_goes_on_bit_for_bit(tmp_path, options, stop):
    options = {"steps": 12, "seed": 5, **SMALL, **options}
    whole, halves = net(dropout=0.3), net(dropout=0.3)
    through = train(whole, TASK, **options)
    path = tmp_path / "training.pt"
    with pytest.raises(
        KeyboardInterrupt, match=f"after step {stop}; step {stop} is kept in"
    ):
        train(halves, TASK, checkpoint=path, progress=Stop(stop), **options)
    again = net(dropout=0.3, size=16)
    with torch.no_grad():
        for parameter in again.parameters():  # all that matters comes from the file
            parameter.zero_()
    torch.manual_seed(99)
    resumed = train(again, TASK, checkpoint=path, resume=True, **options)
    assert same(whole, again) and not same(whole, halves)
    assert resumed.history.equals(through.history)
    assert (resumed.steps, resumed.stopped) == (through.steps, through.stopped)


def test_a_longer_training_goes_on_from_a_shorter_one(tmp_path):
    long, short = net(), net()
    train(long, TASK, steps=10, **SMALL)
    train(short, TASK, steps=4, checkpoint=tmp_path / "t.pt", **SMALL)
    train(short, TASK, steps=10, checkpoint=tmp_path / "t.pt", resume=True, **SMALL)
    assert same(long, short)


def test_the_random_numbers_of_the_caller_are_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(Net(dropout=0.5), TASK, steps=2, **SMALL)
    torch.manual_seed(7)
    model = Net(dropout=0.5)
    state = torch.get_rng_state()
    train(model, TASK, steps=2, **SMALL)
    assert torch.equal(state, torch.get_rng_state()) and expected.shape == (3,)


def test_evaluation_does_not_change_what_is_learned():
    often, seldom = net(dropout=0.3), net(dropout=0.3)
    train(often, TASK, steps=6, **{**SMALL, "evaluate_every": 1, "long_length": 20})
    train(seldom, TASK, steps=6, **{**SMALL, "evaluate_every": 6})
    assert same(often, seldom)


def test_seeds_give_other_batches_and_held_out_sequences_are_others():
    one, two, again = net(), net(), net()
    train(one, TASK, steps=2, seed=0, **SMALL)
    train(two, TASK, steps=2, seed=1, **SMALL)
    train(again, TASK, steps=2, seed=0, **SMALL)
    assert same(one, again) and not same(one, two)
    streams = [sample(TASK, 64, 40, 0, stream, 0).inputs for stream in range(3)]
    assert not any(
        np.array_equal(streams[a], streams[b]) for a, b in ((0, 1), (0, 2), (1, 2))
    )


def test_an_interruption_without_a_checkpoint_says_so():
    with pytest.raises(
        KeyboardInterrupt, match="after step 2; no checkpoint was asked for"
    ):
        train(net(), TASK, steps=5, progress=Stop(2), **SMALL)


def test_a_checkpoint_is_never_overwritten_by_another_training(tmp_path):
    path = tmp_path / "t.pt"
    train(net(), TASK, steps=2, checkpoint=path, **SMALL)
    before = path.read_bytes()
    with pytest.raises(FwpError, match="there is a checkpoint at .* pass resume=True"):
        train(net(), TASK, steps=2, checkpoint=path, **SMALL)
    with pytest.raises(
        FwpError, match="it was trained with learning_rate=0.001, not 0.1"
    ):
        train(
            net(), TASK, steps=4, checkpoint=path, resume=True, learning_rate=0.1, **SMALL
        )
    with pytest.raises(FwpError, match="trained with task_seed=3, not 4"):
        other = fwp.tasks.parity(seed=4)
        train(net(), other, steps=4, checkpoint=path, resume=True, **SMALL)
    with pytest.raises(
        FwpError, match="of another model, whose 'into.weight' has the shape"
    ):
        train(net(size=8), TASK, steps=4, checkpoint=path, resume=True, **SMALL)
    assert path.read_bytes() == before
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(
        FwpError, match="it is damaged or no checkpoint; it stays as it is"
    ):
        train(net(), TASK, steps=4, checkpoint=path, resume=True, **SMALL)
    assert path.read_bytes() == before[: len(before) // 2]


def test_a_loss_that_is_not_finite_stops_with_the_step_named(tmp_path):
    path = tmp_path / "t.pt"
    train(net(), TASK, steps=2, checkpoint=path, **SMALL)
    before, model = path.read_bytes(), net()

    def poison(module, inputs, output, count=[0]):  # noqa: B006
        count[0] += module.training
        return output * (math.nan if count[0] > 3 else 1.0)

    model.register_forward_hook(poison)
    with pytest.raises(
        FwpError, match="the loss is not finite at step 6 .learning rate 0.001"
    ):
        train(model, TASK, steps=9, checkpoint=path, resume=True, **SMALL)
    assert path.read_bytes() == before


# ---------------------------------------------------------------- learning


def test_a_small_network_learns_parity():
    torch.manual_seed(0)
    model = fwp.artificial.SequenceModel(
        1,
        16,
        vocabulary=2,
        output_size=2,
        mixer="delta",
        mixer_options={"beta_range": (0, 2)},
    )
    task = fwp.tasks.parity(seed=0)
    found = train(
        model, task, steps=150, batch=32, length=(2, 12), learning_rate=1e-2,
        target_accuracy=0.99, evaluate_every=25,
    )  # fmt: skip
    assert found.stopped == "target accuracy reached" and found.best["accuracy"] >= 0.99
    assert found.history["evaluation_loss"][-1] < 0.1 < found.history["loss"][0]


def test_real_valued_tasks_train_and_stop_at_a_target_loss():
    model = net(task=REGRESSION)
    options = {
        "batch": 16,
        "evaluate_every": 5,
        "evaluation_batch": 32,
        "learning_rate": 3e-3,
    }
    first = train(model, REGRESSION, steps=5, **options)
    assert np.isnan(first.history["accuracy"]).all() and "accuracy" not in first.best
    target = float(first.history["evaluation_loss"][-1]) * 0.999
    more = train(model, REGRESSION, steps=400, target_loss=target, **options)
    assert more.stopped == "target loss reached" and more.steps < 400


def test_patience_counts_evaluations_without_a_smaller_loss():
    found = train(net(), TASK, steps=200, patience=3, learning_rate=1e-12, **SMALL)
    losses = found.history["evaluation_loss"].values
    assert found.stopped.startswith("no smaller held-out loss in 3")
    assert found.steps < 200 and (losses[-3:] >= losses[:-3].min()).all()


def test_the_history_is_labelled_and_says_where_it_comes_from():
    found = train(net(), TASK, steps=10, long_length=30, **SMALL)
    assert list(found.history["step"].values) == [4, 8, 10]
    assert all(v.attrs["long_name"] for v in found.history.data_vars.values())
    assert np.isfinite(found.history["long_accuracy"]).all()
    assert found.provenance["arguments"]["task"] == "parity"
    assert found.provenance["device"] == "cpu" and "10 steps, all steps done" in repr(
        found
    )


# ---------------------------------------------------------------- formulas


def test_the_loss_is_the_mean_over_masked_tokens():
    rng = np.random.default_rng(0)
    logits, mask = rng.normal(size=(3, 5, 2)), rng.uniform(size=(3, 5)) < 0.6
    targets = rng.integers(2, size=(3, 5))
    chosen = np.take_along_axis(logits, targets[..., None], -1)[..., 0]
    by_hand = (np.log(np.exp(logits).sum(-1)) - chosen)[mask].mean()
    found = loss_of(TASK, *(torch.tensor(a) for a in (logits, targets, mask)))
    assert float(found) == pytest.approx(by_hand, rel=1e-12)
    values, wanted = rng.normal(size=(3, 5, 1)), rng.normal(size=(3, 5, 1))
    by_hand = 0.5 * ((values - wanted) ** 2).sum(-1)[mask].mean()
    found = loss_of(REGRESSION, *(torch.tensor(a) for a in (values, wanted, mask)))
    assert float(found) == pytest.approx(by_hand, rel=1e-12)


def test_schedules_are_their_closed_forms():
    assert [factor(s, 10, "constant", 4) for s in range(6)] == [
        0.25,
        0.5,
        0.75,
        1.0,
        1.0,
        1.0,
    ]
    assert [factor(s, 10, "linear", 0) for s in (0, 5, 9)] == pytest.approx(
        [1.0, 0.5, 0.1]
    )
    cosine = [factor(s, 8, "cosine", 0) for s in (0, 4, 8)]
    assert cosine == pytest.approx([1.0, 0.5, 0.0])


def test_the_first_step_is_that_of_adamw_by_hand():
    """With zero moments a step is lr (g / (|g| + eps) + weight decay x parameter)."""
    model, before = net(), net()
    train(model, TASK, steps=1, clip=None, learning_rate=0.01, weight_decay=0.1, **SMALL)
    batch = sample(TASK, 8, (3, 9), 0, 0, 0)
    inputs, targets, mask = (
        torch.tensor(a) for a in (batch.inputs, batch.targets, batch.mask)
    )
    loss_of(TASK, before(inputs), targets, mask).backward()
    for one, other in zip(before.parameters(), model.parameters(), strict=True):
        slope = one.grad / (one.grad.abs() + 1e-8)
        expected = one - 0.01 * (slope + 0.1 * one)
        assert torch.allclose(expected, other, atol=2e-7)


def test_auto_takes_what_is_there_and_says_so(caplog):
    device, reason = torch_device("auto")
    assert (
        device.type == ("cuda" if torch.cuda.is_available() else "cpu")
        and "GPU" in reason
    )
    with caplog.at_level("INFO", "fwp_neuro"):
        train(net(), TASK, steps=1, **SMALL)
    assert f"training on {device.type}" in caplog.text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused():
    with pytest.raises(
        FwpError, match="device='cuda' cannot be used: this PyTorch .*legal.*cpu"
    ):
        train(net(), TASK, device="cuda")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(step=3), "unknown option of train: 'step'; did you mean 'steps'"),
        (dict(steps=0), "train: steps is 0; it must be a whole number of at least 1"),
        (dict(learning_rate=-1), "train: learning_rate must be above 0, got -1"),
        (
            dict(schedule="cosin"),
            "unknown schedule of train: 'cosin'; did you mean 'cosine'",
        ),
        (dict(betas=0.9), "train: betas must be"),
        (dict(betas=(0.9, 2)), "train: betas must be at least 0 and below 1"),
        (dict(clip=0), "train: clip must be above 0, got 0"),
        (dict(seed=-1), "seed must be a whole number"),
        (dict(device="gpu"), "unknown device: 'gpu'"),
        (dict(checkpoint="/nowhere/t.pt"), "there is no folder '/nowhere'"),
        (dict(model=3), "model must be a torch nn.Module, got int"),
        (dict(task=3), "task must be a SequenceTask, got 3"),
        (dict(model=nn.Identity()), "the model has no parameters to train"),
        (
            dict(model=nn.Embedding(2, 5)),
            "outputs must be .* = \\(8, .*, 2\\) for task 'parity'",
        ),
    ],
)
def test_nonsense_arguments_raise_a_sentence(options, sentence):
    arguments = {"model": net(), "task": TASK, "steps": 1, **SMALL, **options}
    with pytest.raises(FwpError, match=sentence) as caught:
        train(**arguments)
    assert "\n" not in str(caught.value)
