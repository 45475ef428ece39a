"""Every recurrent network under torch.compile, torch.export and torch.func."""

import pytest
from test_recurrent_laws import CASES, EVERY_CASE, EVERY_TRAINED_CASE, build, inputs
from tracing_laws import (
    compiled_carries_on,
    compiled_equals_plain,
    exported_equals_plain,
    gradients_of_every_sample,
    vmap_equals_one_after_the_other,
)

#: a network that settles for several sweeps a token, all of which a trace writes out
FEW_SWEEPS = {"hopfield": {"sweeps": 2}}
EVERY_NETWORK = pytest.mark.parametrize("name", list(dict(CASES)))


def tokens_of(name, many, few):
    """Sequences short enough for a graph in which every token is written out."""
    return few if name in ("hopfield", "fast_weight_memory") else many


@EVERY_CASE
def test_compiles_as_one_graph(name, options):
    net = build(name, {**FEW_SWEEPS.get(name, {}), **options})
    compiled_equals_plain(net, inputs(tokens=tokens_of(name, 5, 2)), 1e-12)


@EVERY_NETWORK
def test_a_compiled_network_carries_on_from_any_state(name):
    net = build(name, FEW_SWEEPS.get(name))
    compiled_carries_on(net, inputs(tokens=4), 2, 1, 1)


@pytest.mark.slow
@EVERY_CASE
def test_compiles_ahead_of_time(name, options):
    net = build(name, {**FEW_SWEEPS.get(name, {}), **options})
    compiled_equals_plain(net, inputs(tokens=3), 1e-11, "aot_eager")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=() if n in ("srwm", "lstm") else pytest.mark.slow)
        for n in dict(CASES)
    ],
)
def test_exports_with_any_batch(name):
    net = build(name, FEW_SWEEPS.get(name))
    exported_equals_plain(net, inputs(3, 4), inputs(1, 4, seed=9), inputs(5, 4))


@EVERY_TRAINED_CASE
def test_gradients_of_every_sample_at_once(name, options):
    gradients_of_every_sample(build(name, options), inputs(tokens=5))


@EVERY_TRAINED_CASE
def test_vmap_over_networks_equals_one_after_the_other(name, options):
    nets = [build(name, options, seed=seed) for seed in (0, 1)]
    vmap_equals_one_after_the_other(nets, inputs())
