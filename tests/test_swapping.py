"""A model whose fast weights run in a circuit gives what the circuit gave."""

import numpy as np
import pytest
import torch
from few_shot_net import LENGTH, trained

import fwp_neuro as fwp

OPTIONS = {"dynamics": "event"}


def model(layers=1, rule="delta", **options):
    torch.manual_seed(0)
    return fwp.artificial.SequenceModel(
        layers, 6, input_size=3, output_size=2, mixer=rule,
        mixer_options={"heads": 2, **options},
    ).double()  # fmt: skip


@pytest.mark.parametrize("realisation", ["artificial", "rate"])
@pytest.mark.parametrize("layers", [1, 2])
def test_an_exact_circuit_changes_nothing(layers, realisation):
    net, x = model(layers), torch.randn(3, 5, 3, dtype=torch.float64)
    net.train()
    found = fwp.swap(net, x, realisation)
    assert net.training and not found.outputs.requires_grad
    torch.testing.assert_close(found.outputs, net(x).detach(), atol=1e-8, rtol=0)
    assert list(found.agreement) == [f"blocks.{n}.mixer" for n in range(layers)]
    for name, one in found.agreement.items():
        assert one.nrmse < 1e-8 and abs(one.slope - 1) < 1e-8
        (recording,) = found.recordings[name]
        assert recording["readout"].dims == ("sequence", "token", "head", "post")


def test_padded_sequences_and_learned_starts_carry_on():
    net = model(initial_state="learned")
    with torch.no_grad():
        for parameter in net.blocks[0].mixer.start.parameters():
            parameter.normal_()
    x, mask = torch.randn(2, 6, 3, dtype=torch.float64), torch.ones(2, 6, dtype=bool)
    mask[1, 4:] = False
    found = fwp.swap(net, x, "rate", call={"mask": mask})
    torch.testing.assert_close(found.outputs, found.exact, atol=1e-8, rtol=0)
    assert len(found.recordings["blocks.0.mixer"]) == 2


def test_a_module_of_ones_own_and_one_layer_of_it():
    class Mine(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = fwp.artificial.Layer("hebb", 6)
            self.second = fwp.artificial.Layer("delta", 6)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)))

    torch.manual_seed(1)
    net = Mine()
    found = fwp.swap(net, torch.randn(2, 4, 6), "rate", layers=["second"])
    assert list(found.recordings) == ["second"]
    torch.testing.assert_close(found.outputs, found.exact, atol=1e-5, rtol=0)
    assert type(net.second.fast).__name__ == "FastWeights"
    assert "second" in repr(found) and len(repr(found).splitlines()) == 3


def test_accuracy_of_a_batch():
    task = fwp.tasks.few_shot_episodes(ways=3, dim=4, seed=0)
    net = fwp.artificial.SequenceModel(
        1, 8, input_size=task.input_size, output_size=task.output_size
    )
    batch = task.sample(2, length=6)
    found = fwp.swap(net, batch, "rate", **OPTIONS)
    outputs = net(torch.as_tensor(batch.inputs).float()).argmax(-1).numpy()
    right = (outputs == batch.targets)[batch.mask].mean()
    assert found.exact_accuracy == pytest.approx(right) == found.accuracy
    assert "accuracy" in repr(found)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: fwp.swap(torch.nn.Linear(2, 2), torch.ones(1, 2)), "has no fwp_neuro"),
        (lambda: fwp.swap(model(), torch.ones(1, 2, 3), layers=["x"]), "blocks.0.mixer"),
        (
            lambda: fwp.swap(model(rule="softmax_attention"), torch.ones(1, 2, 3)),
            "no programme for a circuit",
        ),
    ],
)
def test_what_cannot_be_swapped_is_one_sentence(call, said):
    with pytest.raises(fwp.FwpError, match=said):
        call()


def test_a_failing_circuit_leaves_the_model_as_it_was():
    net = model()
    with pytest.raises(fwp.FwpError):
        fwp.swap(net, torch.ones(1, 2, 3, dtype=torch.float64), "rate", cells=3)
    assert type(net.blocks[0].mixer.fast).__name__ == "FastWeights"


@pytest.mark.slow
def test_a_trained_model_keeps_its_accuracy_in_spikes():
    """Few-shot episodes, 100 cells a number: within 3 % of the model as it is."""
    task, net = trained()
    from brian2 import ms

    found = fwp.swap(
        net, task.sample(32, seed=5, length=LENGTH), "spiking", cells=100, dt=1 * ms,
        signed_keys="opponent", teacher="tonic", value_scale="fit",
        constants={"weight_baseline": 3.0}, device="cpp_standalone", record_spikes=False,
    )  # fmt: skip
    print(found)
    assert found.exact_accuracy > 0.7  # of 1/5 by chance
    assert found.accuracy > found.exact_accuracy - 0.03
    (agreed,) = found.agreement.values()
    assert agreed.nrmse < 0.1 and 0.95 < agreed.slope < 1.05
    assert np.isfinite(found.outputs).all()
