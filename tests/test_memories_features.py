"""Feature maps and key norms: equations, dimensions, the softmax kernel, errors."""

import numpy as np
import pytest
import torch
from memory_oracles import FEATURES, NORMS, dpfp

from fwp_neuro.artificial.memories import memory
from fwp_neuro.artificial.memories.features import feature_map, feature_maps, key_norm
from fwp_neuro.errors import FwpError

X = torch.as_tensor(np.random.default_rng(0).standard_normal((2, 7, 3, 5)))


def rows(function, x=X):
    return torch.as_tensor(np.apply_along_axis(function, -1, x.numpy()))


@pytest.mark.parametrize("name", feature_maps())
def test_every_map_has_its_output_dim_dtype_and_gradient(name):
    phi = feature_map(name)
    for x in (X, X.float()):
        x = x.clone().requires_grad_()
        y = phi(x)
        assert y.shape == (*X.shape[:-1], phi.output_dim(5)) and y.dtype == x.dtype
        assert torch.isfinite(torch.autograd.grad(y.sum(), x)[0]).all()
    assert feature_map(phi) is phi


@pytest.mark.parametrize("name", FEATURES)
def test_maps_equal_their_equations(name):
    assert (feature_map(name)(X) - rows(FEATURES[name])).abs().max() < 1e-14


def test_relu_map():
    assert torch.equal(feature_map("relu")(X), X * (X > 0))


@pytest.mark.parametrize("nu", [1, 2, 3])
def test_dpfp_equals_its_equation_for_every_shift(nu):
    phi = feature_map("dpfp", nu=nu)
    assert phi.output_dim(5) == 10 * nu
    assert (phi(X) - rows(lambda x: dpfp(x, nu))).abs().max() < 1e-14


def test_taylor_features_expand_the_exponential_and_quadratic_ones_are_its_last_term():
    s = (X[0] * X[1]).sum(-1) / 5**0.5
    for name, kernel in (("taylor", 1 + s + s**2 / 2), ("quadratic", s**2)):
        phi = feature_map(name)
        assert ((phi(X[0]) * phi(X[1])).sum(-1) - kernel).abs().max() < 1e-13
    assert (
        feature_map("taylor").output_dim(5)
        == 21
        == feature_map("quadratic").output_dim(5) + 6
    )
    # the rest of the series is below |s|^3/6 e^|s|
    small = 0.1 * X
    far = (feature_map("based")(small[0]) * feature_map("based")(small[1])).sum(-1)
    s = s / 100
    assert ((far - s.exp()).abs() <= s.abs() ** 3 / 6 * s.abs().exp() + 1e-15).all()


def test_dpfp_keys_of_different_quadrants_are_orthogonal():
    # a key and the key of the opposite signs share no feature (Schlag et al. 2021)
    phi = feature_map("dpfp", nu=2)
    assert torch.equal(
        (phi(X) * phi(-X)).sum(-1) == 0, torch.ones(2, 7, 3, dtype=torch.bool)
    )


def test_favor_features_estimate_the_softmax_kernel():
    q, k = 0.3 * X[0], 0.3 * X[1]
    exact = (q * k).sum(-1).exp()

    def error(features, **options):
        maps = [
            feature_map("favor", features=features, seed=s, **options) for s in range(100)
        ]
        drawn = torch.stack([(phi(q) * phi(k)).sum(-1) for phi in maps]) / exact - 1
        return drawn.mean(0).abs().max(), drawn.square().mean().sqrt()

    (_, few), (bias, many) = error(20), error(320)
    assert 0.2 < many / few < 0.3  # error falls as 1/sqrt(features): 1/4
    # the mean of 100 draws is unbiased within four standard errors
    assert bias < 4 * many / 10
    assert few < 0.9 * error(20, orthogonal=False)[1]


def test_favor_directions_are_orthogonal_and_come_from_the_seed():
    phi = feature_map("favor", features=8, seed=3)
    gram = phi.projection(5) @ phi.projection(5).T
    for block in (gram[:5, :5], gram[5:, 5:]):
        assert (block - torch.diag(block.diagonal())).abs().max() < 1e-12
    assert torch.equal(phi(X), phi(X))
    assert torch.equal(phi(X), feature_map("performer", features=8, seed=3)(X))
    assert not torch.allclose(phi(X), feature_map("favor", features=8, seed=4)(X))


def test_linear_attention_with_favor_features_tends_to_softmax_attention():
    generator = torch.Generator().manual_seed(0)
    signals = {
        n: 0.25 * torch.randn(1, 9, 1, 4, generator=generator).double() for n in "qkv"
    }

    def run(name, **options):
        built = memory(name, **options)
        state = built.initial(1, 1, 4, 4, signals["q"])
        return built.run("step", state, signals)[0]

    exact = run("softmax_attention", scale=1.0)

    def error(features):
        maps = [feature_map("favor", features=features, seed=seed) for seed in range(10)]
        gone = [
            run("normalised_linear_attention", feature_map=phi) - exact for phi in maps
        ]
        return torch.stack(gone).square().mean().sqrt()

    assert 0.2 < error(1024) / error(64) < 0.3


@pytest.mark.parametrize("name", NORMS)
def test_key_norms_equal_their_equations(name):
    x = X.exp()
    assert (key_norm(name)(x) - rows(NORMS[name], x)).abs().max() < 1e-14
    zero = torch.zeros(2, 5, requires_grad=True)
    y = key_norm(name)(zero)
    assert torch.equal(y, torch.zeros(2, 5))
    assert torch.isfinite(torch.autograd.grad(y.sum(), zero)[0]).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: feature_map("favour"),
            "unknown feature-map 'favour'; did you mean 'favor'",
        ),
        (lambda: feature_map("dpfp", mu=1), "option of feature-map 'dpfp': 'mu'"),
        (lambda: feature_map(feature_map("elu"), nu=1), "'elu' is built already"),
        (
            lambda: feature_map("dpfp", nu=0),
            "nu is 0; it must be a whole number of at least 1",
        ),
        (lambda: feature_map("favor", features=0.5), "features is 0.5; it must be"),
        (lambda: feature_map("favor", seed=-1), "seed must be a whole number"),
        (lambda: key_norm("l1"), "unknown key_norm 'l1'; .*legal: none, sum, l2"),
    ],
)
def test_errors_name_what_is_legal(call, sentence):
    with pytest.raises(FwpError, match=sentence):
        call()
