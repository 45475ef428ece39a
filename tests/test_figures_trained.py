"""Figures with trained networks: claims at quick size, and their parts against
oracles."""

import numpy as np
import pytest
import torch

from fwp_neuro import figure_scripts, tasks
from fwp_neuro.artificial import Layer


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def parity():
    return figure_scripts.script_named("fig05_learned_parity")


@pytest.fixture(scope="module")
def recall():
    return figure_scripts.script_named("fig08_multi_query_recall")


@pytest.fixture(scope="module")
def hybrids():
    return figure_scripts.script_named("fig09_hybrids")


@pytest.fixture(scope="module")
def simulated():
    """Simulate a figure at quick size, once for all tests: (data, fractions of its
    progress)."""
    found = {}

    def once(script):
        if script.__name__ not in found:
            heard = []
            data = script.simulate(
                quick=True, progress=lambda part, note: heard.append(part)
            )
            found[script.__name__] = data, heard
        return found[script.__name__]

    return once


def same_weights(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_both_ranges_of_the_write_strength_start_from_the_same_network(parity):
    state = torch.random.get_rng_state()
    one, two = parity.network(1, seed=3), parity.network(2, seed=3)
    assert same_weights(one, two) and not same_weights(one, parity.network(1, seed=4))
    assert torch.equal(torch.random.get_rng_state(), state)  # the user's own numbers stay
    bits = torch.randint(2, (2, 9), generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(one(bits), two(bits))


def test_parity_is_learned_with_write_strengths_up_to_two_only(parity, simulated):
    data, _ = simulated(parity)
    assert parity.scaled(data, 2, trained=True).min() > 0.95
    assert parity.scaled(data, 1, trained=True).max() < 0.7
    assert abs(parity.scaled(data, 1, trained=False).max()) < 0.1
    assert parity.scaled(data, 2, trained=False).min() > 0.2
    # the final held-out sequences and those of the length test agree
    near = data["accuracy"].sel(token=slice(1, 40)).mean("token") - data["curve"].isel(
        step=-1
    )
    assert abs(near).max() < 0.15
    assert "(0, 2): lengths 3 to 40" in parity.report(data)


@pytest.mark.parametrize("dim", [4, 16])
def test_state_bytes_are_those_of_the_equations(recall, dim):
    tokens = 12
    expected = {"hebb": dim**2, "decayed_hebb": dim**2, "delta": dim**2,
                "softmax_attention": 2 * tokens * dim}  # fmt: skip
    for mixer, numbers in expected.items():
        model = recall.SequenceModel(1, dim, vocabulary=8, mixer=mixer, mlp_expansion=0)
        assert recall.state_bytes(model, tokens) == 4 * numbers


def test_more_state_recalls_more(recall):
    small, large = (recall.learn("delta", dim, 0, recall.QUICK) for dim in (8, 16))
    assert (small[1], large[1]) == (256, 1024)
    assert large[0][-1] > 0.95 and large[0][-1] > small[0][-1] + 0.3


def test_ages_of_recall_are_those_of_a_plain_search(hybrids):
    pairs = 4
    batch = tasks.multi_query_recall(vocab=16, pairs=pairs).sample(20, seed=3, length=24)
    ages = hybrids.ages(batch, pairs)
    for row, query in np.argwhere(batch.mask):
        tokens = batch.inputs[row].tolist()
        value = tokens.index(tokens[query]) + 1
        assert ages[row, query] == query - value
        assert tokens[value] == batch.targets[row, query]


def test_the_window_alone_reaches_no_further_and_the_others_do(hybrids):
    tokens, window = 30, 5
    before = torch.randint(2, (1, tokens), generator=torch.Generator().manual_seed(1))
    after = before.clone()
    after[0, 0] = 1 - after[0, 0]
    for name in hybrids.CONTENDERS:
        model = hybrids.network(
            name, window, 0, layers=1, vocabulary=2, options={}
        ).double()
        with torch.no_grad():
            change = (model(after) - model(before)).abs().amax(-1)[0]
        reach = window + 3  # the convolution looks three tokens back
        assert change[0] > 0
        assert (change[reach:].max() == 0) == (name == "window alone")


def test_delta_alone_is_the_layer_of_the_delta_rule(hybrids):
    model = hybrids.network(
        "delta alone", 5, 0, layers=1, vocabulary=2, options={"heads": 2}
    )
    mixer = model.blocks[0].mixer
    layer = Layer("delta", 32, 2, beta_range=(0, 2), value_map="identity")
    layer.load_state_dict(
        {name: x for name, x in mixer.state_dict().items() if "gate_mix" not in name}
    )
    x = torch.randn(
        2, 11, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    assert torch.allclose(mixer.double()(x), layer.double()(x), rtol=0, atol=1e-12)


def test_the_window_is_precise_and_ends(hybrids):
    data = hybrids.recall(
        quick=True, contenders=("window alone", "attention, all tokens")
    )
    assert hybrids.within(data, "window alone", True).min() > 0.9
    assert hybrids.within(data, "window alone", False).max() < 0.25
    assert hybrids.within(data, "attention, all tokens", False).min() > 0.95


def test_a_hybrid_that_writes_at_once_learns_parity_and_a_delayed_one_does_not(hybrids):
    data = hybrids.parity(quick=True, contenders=("synchronous", "delayed-streaming"))
    assert hybrids.normalised(data, "synchronous", trained=True).min() > 90
    assert hybrids.normalised(data, "delayed-streaming", trained=True).max() < 70


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parity", "recall", "hybrids"])
def test_every_number_is_drawn_and_reported(name, request, simulated, tmp_path):
    script = request.getfixturevalue(name)
    data, heard = simulated(script)
    assert heard == sorted(heard) and 0 <= heard[0] and heard[-1] <= 1
    assert all(np.isfinite(variable.values).all() for variable in data.values())
    (picture,) = figure_scripts.draw({tmp_path / "picture.png": script.plot}, data)
    assert picture.stat().st_size > 10_000
    assert len(script.report(data).splitlines()) >= 3
