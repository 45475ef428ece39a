"""`torch.export` of layers and models for any number of tokens, run on other numbers."""

import pytest
import torch
from layer_cases import EVERYTHING_SMALL, NOT_AFFINE, distance, inputs, layer, title

from fwp_neuro.artificial import SequenceModel

TOKENS = torch.export.Dim("tokens", min=2, max=4096)
FEW = ("delta", NOT_AFFINE.name, "log_linear_attention")


def exported(net, x):
    return torch.export.export(
        net.eval(), (x,), dynamic_shapes={"x": {1: TOKENS}}
    ).module()


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(one, marks=() if title(one) in FEW else pytest.mark.slow)
        for one in EVERYTHING_SMALL
    ],
    ids=title,
)
def test_layers_for_any_number_of_tokens(chosen):
    net = layer(chosen)
    program = exported(net, inputs(1, 8))
    for tokens in (2, 13, 30):
        x = inputs(1, tokens)
        assert distance(program(x), net(x)) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        dict(form="step"),
        dict(form="chunk"),
        dict(form="compiled"),
        dict(convolution=0, output_norm="layer", output_gate=False),
        dict(initial_state="learned", feature_map="elu", key_norm="sum"),
        dict(key_dim=3, value_dim=5, beta_range=(0, 2), gates={"alpha": "gla"}),
    ],
    ids=str,
)
def test_options_of_a_layer_for_any_number_of_tokens(options):
    net = layer("gated_delta", **options)
    program = exported(net, inputs(1, 8))
    assert distance(program(inputs(1, 21)), net(inputs(1, 21))) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("mixer", ["delta", "softmax_attention"])
def test_a_model_for_any_number_of_tokens(mixer):
    torch.manual_seed(0)
    net = SequenceModel(2, 8, vocabulary=7, mixer=mixer).double()
    program = exported(net, torch.randint(7, (1, 8)))
    x = torch.randint(7, (1, 21))
    assert distance(program(x), net(x)) < 1e-11


def test_the_exported_program_needs_no_kernel_and_has_gradients(tmp_path):
    net = layer("delta").eval()
    program = torch.export.export(net, (inputs(1, 8),), dynamic_shapes={"x": {1: TOKENS}})
    torch.export.save(program, tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2").module()
    assert "fwp_neuro" not in program.graph_module.code
    x = inputs(1, 13).requires_grad_()
    slopes = [torch.autograd.grad(f(x).square().sum(), x)[0] for f in (loaded, net)]
    assert distance(*slopes) < 1e-9
