"""``SequenceModel`` over rules, memories and recurrent networks."""

import copy
import pickle

import pytest
import torch
from layer_cases import TYPED_IN, distance, title

from fwp_neuro.artificial import Layer, SequenceModel
from fwp_neuro.artificial.memories import memory
from fwp_neuro.errors import FwpError

VOCABULARY, TOKENS = 7, 18
MIXERS = [
    "delta",
    "gated_delta",
    TYPED_IN,
    "mesa",
    "lstm",
    "srwm",
    memory("mesa", solver="exact"),
]
EVERY = pytest.mark.parametrize("mixer", MIXERS, ids=title)


def model(mixer="delta", seed=0, layers=2, **options):
    torch.manual_seed(seed)
    options = {"vocabulary": VOCABULARY, "mixer": mixer} | options
    return SequenceModel(layers, 8, **options).double()


def symbols(batch=2, tokens=TOKENS, seed=1):
    return torch.randint(
        VOCABULARY, (batch, tokens), generator=torch.Generator().manual_seed(seed)
    )


@EVERY
def test_streaming_equals_the_whole(mixer):
    net, x = model(mixer), symbols()
    whole, final = net(x, return_state=True)
    state, outputs = None, []
    for token in x.split(1, 1):
        y, state = net(token, state, return_state=True)
        outputs.append(y)
    assert whole.shape == (2, TOKENS, VOCABULARY) and len(state) == 2
    assert distance(torch.cat(outputs, 1), whole) < 1e-11
    assert all(a.keys() == b.keys() for a, b in zip(state, final, strict=True))


@EVERY
def test_copies_give_the_same_numbers(mixer):
    net, x = model(mixer), symbols()
    other = model(mixer, seed=3)
    other.load_state_dict(net.state_dict())
    twins = [other, model(mixer), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    assert all(torch.equal(twin(x), net(x)) for twin in twins)


def test_a_model_is_its_blocks():
    net, x = model(layers=1, mixer_options={"heads": 2}), symbols()
    h = net.input(x)
    block = net.blocks[0]
    h = h + block.mixer(block.norm(h))
    mlp = block.mlp[1]
    a, b = (block.mlp[0](h) @ mlp.inputs.weight.T).split(16, -1)
    h = h + (torch.sigmoid(a) * a * b) @ mlp.output.weight.T
    h = h / (h.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    assert distance(net(x), h @ net.head.weight.T + net.head.bias) < 1e-12


def test_a_mixer_for_each_block_and_vectors_as_inputs():
    mixers = ["delta", "lstm", lambda dim, heads: Layer("oja", dim, heads)]
    options = [{"heads": 2, "beta_range": (0, 2)}, {"hidden_dim": 5}, {"heads": 4}]
    net = model(
        mixers, layers=3, mixer_options=options, vocabulary=None, input_size=3,
        output_size=4, mlp_expansion=0,
    )  # fmt: skip
    assert [block.mlp for block in net.blocks] == [None] * 3
    assert net.blocks[2].mixer.rule.name == "oja" and net.blocks[1].mixer.hidden_dim == 5
    assert net(torch.randn(2, 5, 3).double()).shape == (2, 5, 4)


def test_a_tied_head_is_the_embedding():
    net = model(tied_head=True)
    assert net.head.weight is net.input.weight
    assert "head.weight" in net.state_dict() and copy.deepcopy(net).head.weight.shape == (
        7,
        8,
    )


def test_a_model_learns_to_recall():
    """A symbol, then its partner; a second presentation asks for the partner again."""
    torch.manual_seed(0)
    net = SequenceModel(
        1, 32, vocabulary=8, mixer="delta", mixer_options={"heads": 2}, mlp_expansion=0
    )
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=0)
    generator = torch.Generator().manual_seed(0)

    def episodes(count):
        keys = torch.stack(
            [torch.randperm(4, generator=generator)[:2] for _ in range(count)]
        )
        values = torch.randint(4, 8, (count, 2), generator=generator)
        asked = torch.randint(2, (count, 1), generator=generator)
        pairs = torch.stack([keys, values], -1).flatten(1)
        return torch.cat([pairs, keys.gather(1, asked)], 1), values.gather(1, asked)[:, 0]

    for _ in range(250):
        x, target = episodes(64)
        loss = torch.nn.functional.cross_entropy(net(x)[:, -1], target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, target = episodes(500)
    assert float((net(x)[:, -1].argmax(-1) == target).double().mean()) > 0.95


def test_autocast_and_compilation_of_a_model():
    net, x = model("gated_delta").float(), symbols()
    with torch.autocast("cpu", torch.bfloat16):
        y = net(x)
    assert y.dtype == torch.bfloat16 and bool(torch.isfinite(y).all())
    net = net.double()
    torch._dynamo.reset()
    assert (
        distance(torch.compile(net, fullgraph=True, backend="eager")(x), net(x)) < 1e-12
    )


@pytest.mark.parametrize("symbol", [7, -1])
def test_a_symbol_outside_the_vocabulary_is_named(symbol):
    net, x = model("delta"), symbols()
    x[1, 2] = symbol
    sentence = rf"SequenceModel: x has a token outside .* 7 symbols, 0 to 6: x\[1, 2\] is {symbol}$"  # noqa: E501
    with pytest.raises(FwpError, match=sentence):
        net(x)
    with pytest.raises(FwpError, match="outside the vocabulary of 7 symbols, 0 to 6$"):
        torch.func.vmap(lambda row: net(row[None]))(x)


def test_symbols_may_be_mapped_and_exported():
    net, x = model("delta"), symbols()
    mapped = torch.func.vmap(lambda row: net(row[None])[0])(x)
    assert distance(mapped, net(x)) < 1e-12
    assert distance(torch.export.export(net, (x,)).module()(x), net(x)) < 1e-12
    assert distance(net(x.int()), net(x)) == 0


@pytest.mark.parametrize(
    "options, x, sentence",
    [
        ({}, torch.zeros(2, 5), "hold symbols as int64 or int32, got torch.float32"),
        (
            {"vocabulary": None, "input_size": 3},
            torch.zeros(2, 5, 4),
            r"token, 3\], got \(2, 5, 4",
        ),
    ],
)
def test_inputs_of_another_kind_are_refused(options, x, sentence):
    with pytest.raises(FwpError, match=f"SequenceModel: x must .*{sentence}"):
        model("delta", **options)(x)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"mixer": "detla"}, "did you mean 'delta'"),
        ({"mixer": "lstn"}, "did you mean 'lstm'"),
        ({"mixer": 3}, "mixer must be a name"),
        ({"mixer": lambda dim: dim}, "must return a torch.nn.Module"),
        ({"mixer": ["delta"]}, "mixer must have one entry a layer"),
        ({"mixer_options": {"head": 2}}, "did you mean 'heads'"),
        ({"mixer": "lstm", "mixer_options": {"hidden": 2}}, "did you mean 'hidden_dim'"),
        ({"vocabulary": None}, "one of vocabulary and input_size"),
        ({"input_size": 3}, "one of vocabulary and input_size"),
        ({"vocabulary": 0}, "vocabulary is 0"),
        ({"output_size": -1}, "output_size is -1"),
        ({"mlp_expansion": -1.0}, "mlp_expansion must be at least 0"),
        ({"tied_head": True, "output_size": 3}, "tied_head needs output_size"),
        ({"layers": 0}, "layers is 0"),
    ],
)
def test_options_that_are_not_legal(options, sentence):
    with pytest.raises(FwpError, match=sentence):
        model(**options)


def test_inputs_and_states_that_do_not_fit():
    net = model()
    with pytest.raises(FwpError, match="of symbols, got"):
        net(torch.randn(2, 3, 8))
    with pytest.raises(FwpError, match="state must be a list of 2, got 1"):
        net(symbols(), [None])
    with pytest.raises(FwpError, match="input_size"):
        model(vocabulary=None, input_size=3)(symbols())


@EVERY
def test_generated_symbols_are_those_of_the_whole_prefix_each_time(mixer):
    net, prompt = model(mixer), symbols(tokens=5)
    for temperature in (0.0, 0.7):
        found, state = net.generate(
            prompt, 6, temperature=temperature, seed=3, return_state=True
        )
        drawn, every = torch.Generator().manual_seed(3), prompt
        for _ in range(6):
            last = net(every)[:, -1]
            chances = (last / (temperature or 1)).softmax(-1)
            new = torch.multinomial(chances, 1,
                                    generator=drawn) if temperature else last.argmax(
                -1, keepdim=True
            )  # fmt: skip
            every = torch.cat([every, new], 1)
        assert torch.equal(found, every[:, 5:]) and not found.requires_grad
        assert distance(net(new, state), net(torch.cat([every, new], 1))[:, -1:]) < 1e-11
    assert torch.equal(net.generate(prompt, 0), prompt[:, :0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((symbols(), -1), "tokens is -1; it must be a whole number of at least 0"),
        ((symbols(), 2.0), "tokens is 2.0"),
        ((symbols()[:, :0], 2), "at least one symbol"),
        ((symbols().double(), 2), "must hold symbols as int64 or int32"),
        (("ab", 2), "x must be a torch tensor"),
    ],
)
def test_nonsense_for_generate_is_refused(arguments, sentence):
    with pytest.raises(FwpError, match=sentence):
        model().generate(*arguments)
    with pytest.raises(FwpError, match="temperature must be at least 0"):
        model().generate(symbols(), 1, temperature=-1)
    with pytest.raises(FwpError, match="seed must be a whole number"):
        model().generate(symbols(), 1, seed=None)
    with pytest.raises(FwpError, match="needs a SequenceModel with a vocabulary"):
        model(vocabulary=None, input_size=3).generate(symbols(), 1)
