"""Bad values for the arguments of the artificial side: one sentence, or the right result,
soon."""

import numpy as np
import pytest
import torch

from fwp_neuro.artificial import (
    Layer,
    RealTimeLearner,
    SequenceModel,
    apply,
    network,
    oracle,
    unroll,
)
from fwp_neuro.errors import FwpError
from fwp_neuro.rules import rule

NAN, INF = float("nan"), float("inf")
#: values that no argument below takes
BAD = [-1, 1.5, NAN, INF, 10**400, "x", b"x", object(), 1j, [[1, [2]]], (1, 2), int,
       range(3),
       bytearray(b"a"), np.ones((2, 3)), np.ones((1, 3, 1, 4)), np.array([object()]),
       torch.ones(2, 3, dtype=torch.complex64), torch.ones(2, 3, 4, 5, 6), torch.ones(0),
       torch.ones(1, 3, 1, 4, device="meta"), torch.eye(3).to_sparse(),
       "\udcff"]  # fmt: skip


def signals():
    return {name: torch.ones(1, 3, 1, 4) / 2 for name in ("query", "key", "value")}


NET, LEARNED = network("elstm", 4), Layer("delta", 4)
MODEL = SequenceModel(1, 4, vocabulary=3)
ARRAYS = {
    "k": np.ones((3, 4)),
    "v": np.ones((3, 4)),
    "q": np.ones((3, 4)),
    "beta": np.ones(3),
}
PLACED = {"k": np.ones((3, 1, 4)), "v": np.ones((3, 4, 1)), "beta": np.ones((3, 1, 1))}
START = {"w": np.zeros((4, 4))}
#: title -> (function of keywords, legal keywords, those that are fed bad values)
CALLS = {
    "apply": (
        apply,
        {"rule": "delta", **signals(), "beta": 0.5},
        (
            "rule",
            "query",
            "key",
            "value",
            "initial_state",
            "form",
            "chunk",
            "mask",
            "cu_seqlens",
        ),
    ),
    "memory": (
        apply,
        {"rule": "ttt_linear", **signals(), "eta": 0.5},
        ("query", "key", "gain", "initial_state", "form", "mask"),
    ),
    "oracle": (
        oracle,
        {"rule": rule("delta"), "signals": ARRAYS, "states": START},
        ("rule", "signals", "states"),
    ),
    "unroll": (
        unroll,
        {
            "rule": rule("delta"),
            "signals": PLACED,
            "queries": ARRAYS["q"],
            "states": START,
        },
        ("rule", "signals", "states", "namespace", "keep_states"),
    ),
    "Layer": (
        Layer,
        {"rule": "delta", "model_dim": 4},
        (
            "rule",
            "model_dim",
            "heads",
            "key_norm",
            "gates",
            "tied",
            "beta_range",
            "convolution",
            "output_norm",
            "output_gate",
            "initial_state",
            "form",
            "feature_map",
        ),
    ),  # fmt: skip
    "a layer": (
        LEARNED,
        {"x": torch.ones(1, 3, 4)},
        ("x", "state", "return_state", "mask", "cu_seqlens"),
    ),
    "SequenceModel": (
        SequenceModel,
        {"layers": 1, "model_dim": 4, "vocabulary": 3},
        (
            "layers",
            "model_dim",
            "vocabulary",
            "output_size",
            "mixer_options",
            "tied_head",
        ),
    ),
    "a model": (
        MODEL,
        {"x": torch.zeros(1, 3, dtype=torch.int64)},
        ("x", "state", "return_state", "mask", "cu_seqlens"),
    ),
    "network": (network, {"name": "elstm", "model_dim": 4}, ("name", "model_dim")),
    "a network": (NET, {"x": torch.ones(1, 3, 4)}, ("x", "state", "return_state")),
    "RealTimeLearner": (
        RealTimeLearner,
        {"network": NET, "batch": 1},
        ("network", "batch"),
    ),
    "a learner": (RealTimeLearner(NET, 1).step, {"x": torch.ones(1, 4)}, ("x",)),
}


@pytest.mark.parametrize(
    ("title", "argument"),
    [(title, one) for title, (*_, names) in CALLS.items() for one in names],
)
def test_bad_values_end_in_one_sentence(title, argument):
    function, legal, _ = CALLS[title]
    function(**legal)
    for bad in BAD:
        with pytest.raises(FwpError) as sentence:
            function(**{**legal, argument: bad})
        assert "\n" not in str(sentence.value) and len(str(sentence.value)) <= 600


@pytest.mark.parametrize(
    "call",
    [
        lambda: Layer("delta", 10**9),
        lambda: Layer("delta", 8, heads=10**9, key_dim=4, value_dim=4),
        lambda: Layer("delta", 8, key_dim=10**9),
        lambda: Layer("delta", 8, convolution=10**12),
        lambda: SequenceModel(10**12, 4, vocabulary=3),
        lambda: SequenceModel(1, 10**9, vocabulary=3),
        lambda: SequenceModel(1, 4, vocabulary=10**12),
        lambda: SequenceModel(1, 4, input_size=10**12),
        lambda: SequenceModel(1, 4, vocabulary=3, output_size=10**12),
        lambda: SequenceModel(1, 4, vocabulary=3, mlp_expansion=1e12),
        lambda: SequenceModel(
            1, 4, vocabulary=3, mixer="s4d", mixer_options={"modes": 10**12}
        ),
        lambda: network("lstm", 10**9),
        lambda: network("lstm", 10**400),
        lambda: network("fast_weight_memory", 8, memory_dim=10**5),
        lambda: network("srwm", 10**9),
        lambda: RealTimeLearner(NET, 10**12),
        lambda: MODEL.generate(torch.zeros(1, 1, dtype=torch.int64), 10**12),
    ],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(call):
    with pytest.raises(FwpError, match="take .*B, but half of this machine's memory is"):
        call()


def test_a_learner_does_not_add_up_in_half_precision():
    with pytest.raises(
        FwpError, match="adds up sensitivities in float32 or float64, and the netw"
    ):
        RealTimeLearner(network("elstm", 4).bfloat16(), 1)


def test_the_oracle_computes_halves_and_whole_numbers_as_real_numbers():
    half = {name: array.astype(np.float16) for name, array in ARRAYS.items()}
    whole = {name: array.astype(int) for name, array in ARRAYS.items()}
    exact, _ = oracle(rule("delta"), ARRAYS, START)
    for given in (half, whole):
        assert np.array_equal(oracle(rule("delta"), given, START)[0], exact)
