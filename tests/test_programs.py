"""Programs: what is accepted, how arrays reach a rule, and the sentence each mistake
gets."""

import copy
import pickle
import types

import numpy as np
import pytest

from fwp_neuro.errors import FwpError
from fwp_neuro.programs import Program
from fwp_neuro.rules import rule, rules

T, H, PRE, POST = 5, 2, 3, 4
rng = np.random.default_rng(0)
KEY, VALUE, QUERY = (
    rng.normal(size=(T, PRE)),
    rng.normal(size=(T, POST)),
    rng.random((T, PRE)),
)
KEYS, VALUES = rng.normal(size=(T, H, PRE)), rng.normal(size=(T, H, POST))


def a_rule(gates=(), signals=(), name="gated_delta"):
    gates, signals = dict(gates), dict(signals)
    homes = {"k": "pre", "v": "post"} | signals | gates
    return types.SimpleNamespace(
        name=name, text="", homes=homes, gates=gates, signals=signals
    )


def with_spot(array, spot, number):
    array = np.array(array)
    array[spot] = number
    return array


def test_sizes_names_and_aliases():
    program = Program(key=KEY, v=VALUE, q=QUERY, beta=0.5)
    assert (program.tokens, program.heads, program.pre, program.post) == (
        T,
        None,
        PRE,
        POST,
    )
    assert program.names == ("key", "value", "query", "beta")
    assert program["k"] is program["key"] and program["q"] is program["query"]
    np.testing.assert_array_equal(program["v"], VALUE)
    assert "v" in program and "beta" in program and "alpha" not in program
    assert repr(program) == "Program(5 tokens, 3 pre, 4 post: key, value, query, beta)"
    heads = Program(key=KEYS[:1], value=VALUES[:1])
    assert repr(heads) == "Program(1 token, 2 heads, 3 pre, 4 post: key, value, query)"
    assert heads.heads == 2


def test_query_defaults_to_key_and_follows_it():
    program = Program(key=KEY, value=VALUE)
    np.testing.assert_array_equal(program["query"], KEY)
    np.testing.assert_array_equal(program.replace(k=QUERY)["query"], QUERY)
    own = program.replace(query=QUERY)
    np.testing.assert_array_equal(own.replace(key=2 * KEY)["query"], QUERY)
    np.testing.assert_array_equal(own.replace(query=None)["query"], KEY)


def test_lists_integers_booleans_and_tensors_become_float64():
    program = Program(key=[[1, 0]], value=np.array([[True]]), beta=np.float32(0.5))
    assert {program[name].dtype for name in program.names} == {np.dtype("float64")}
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([[1.5, 2.0]], dtype=torch.bfloat16, requires_grad=True)
    np.testing.assert_array_equal(Program(key=tensor, value=[[1]])["key"], [[1.5, 2.0]])


def test_immutable_and_copied():
    key = KEY.copy()
    program = Program(key=key, value=VALUE)
    key[:] = 0
    np.testing.assert_array_equal(program["key"], KEY)
    with pytest.raises(ValueError, match="read-only"):
        program["key"][0] = 1
    with pytest.raises(AttributeError):
        program.tokens = 3
    with pytest.raises(AttributeError):
        program.key = KEY
    for same in (copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        np.testing.assert_array_equal(same["value"], VALUE)


# ---------------------------------------------------------------------- bind


def test_bind_without_heads():
    rule = a_rule(
        gates={"a": "shared", "b": "shared", "c": "pre", "d": "post", "e": "pre"}
    )
    column, full = rng.random(T), rng.random((T, POST))
    bound = Program(key=KEY, value=VALUE, a=0.25, b=column, c=column, d=full, e=2).bind(
        rule
    )
    shapes = {name: array.shape for name, array in bound.items()}
    pre, post, shared = (T, 1, PRE), (T, 1, POST), (T, 1)
    assert shapes == {
        **{"k": pre, "q": pre, "v": post, "a": shared, "b": shared},
        **{"c": pre, "d": post, "e": pre},
    }
    np.testing.assert_array_equal(bound["a"], np.full((T, 1), 0.25))
    np.testing.assert_array_equal(bound["b"][:, 0], column)
    np.testing.assert_array_equal(bound["c"], np.repeat(column, PRE).reshape(T, 1, PRE))
    np.testing.assert_array_equal(bound["d"][:, 0], full)
    np.testing.assert_array_equal(bound["k"][:, 0], KEY)
    assert all(
        array.flags.writeable and array.dtype == np.float64 for array in bound.values()
    )


def test_bind_with_heads():
    rule = a_rule(gates={"a": "shared", "b": "shared", "c": "pre", "d": "post"})
    by_head, by_token, full = rng.random((T, H)), rng.random(T), rng.random((T, H, POST))
    program = Program(key=KEYS, value=VALUES, a=by_head, b=by_token, c=by_head, d=full)
    bound = program.bind(rule)
    np.testing.assert_array_equal(bound["a"], by_head)
    np.testing.assert_array_equal(bound["b"], np.stack([by_token] * H, 1))
    np.testing.assert_array_equal(bound["c"], np.stack([by_head] * PRE, 2))
    np.testing.assert_array_equal(bound["d"], full)
    np.testing.assert_array_equal(bound["q"], KEYS)


@pytest.mark.parametrize("name", rules())
@pytest.mark.parametrize("heads", [None, H])
def test_bind_every_rule(name, heads):
    axes = (T, heads) if heads else (T,)
    sizes = {"pre": (PRE,), "post": (POST,), "shared": ()}
    homes = {"k": "pre", "v": "post", **rule(name).homes}
    given = {one: rng.random((*axes, *sizes[home])) for one, home in homes.items()}
    program = Program(**given)
    bound = program.bind(rule(name))
    assert set(bound) == {*rule(name).homes, "q"}
    for one, array in bound.items():
        expected = program[one] if heads else program[one][:, None]
        np.testing.assert_array_equal(array, expected)
    assert not set(program.unused(rule(name))) - {"key", "value"}
    again = Program.from_dataset(program.dataset(rule(name).homes))
    assert again.names == program.names


def test_bind_errors():
    program = Program(key=KEY, value=VALUE, alfa=0.5, beta=KEY)
    cases = {
        (
            ("alpha", "shared"),
        ): "rule 'gated_delta' needs gate 'alpha' (shared) and the program "
        "does not carry it (it carries 'alfa', which the rule does not read): give "
        "Program(..., alpha=...)",
        (
            ("g", "pre"),
            ("h", "post"),
        ): "rule 'gated_delta' needs gate 'g' (pre) and gate 'h' "
        "(post) and the program does not carry them: give Program(..., g=..., h=...)",
        (
            ("beta", "shared"),
        ): "gate 'beta' of rule 'gated_delta' lives in one shared scalar per "
        "token, but the program gives one number per dimension (shape (5, 3)); give "
        "shape (5,)",
        (
            ("beta", "post"),
        ): "gate 'beta' of rule 'gated_delta' lives in the postsynaptic cells, "
        "one number per value dimension (4), but the program gives dimension 3 (shape "
        "(5, 3))",
    }
    for gates, sentence in cases.items():
        with pytest.raises(FwpError) as caught:
            program.bind(a_rule(gates=gates))
        assert str(caught.value) == sentence
    with pytest.raises(FwpError) as caught:
        program.bind(a_rule(signals={"kappa": "pre"}))
    assert "needs signal 'kappa' (pre)" in str(caught.value)
    with pytest.raises(FwpError, match="a program is bound to a Rule, and got 'delta'"):
        program.bind("delta")
    heads = Program(key=KEYS, value=VALUES, beta=VALUES)
    with pytest.raises(FwpError, match=r"give shape \(5, 2\)$"):
        heads.bind(a_rule(gates={"beta": "shared"}))


def test_unused():
    program = Program(key=KEY, value=VALUE, query=QUERY, beta=1, alpha=1)
    assert program.unused(a_rule(gates={"beta": "shared"})) == ("alpha",)
    assert program.unused(a_rule(gates={"beta": "shared", "alpha": "shared"})) == ()


def test_nonnegative_keys():
    assert Program(key=abs(KEY), value=VALUE).nonnegative_keys("the circuit") is None
    bad = Program(key=with_spot(abs(KEY), (3, 1), -0.5), value=VALUE, query=abs(KEY))
    with pytest.raises(FwpError) as caught:
        bad.nonnegative_keys("the rate circuit", ("k",))
    assert str(caught.value) == (
        "the rate circuit needs non-negative keys, but 'key' is -0.5 at token 3, "
        "dimension 1: put it through a non-negative feature map, or pass "
        'signed_keys="opponent"'
    )
    bad.nonnegative_keys("the rate circuit", ("query",))
    heads = Program(key=with_spot(abs(KEYS), (2, 1, 0), -1), value=VALUES)
    with pytest.raises(FwpError, match="'key' is -1 at token 2, head 1, dimension 0"):
        heads.nonnegative_keys("x")


# ---------------------------------------------------------------------- other programs


def test_replace_and_slices():
    program = Program(
        key=KEY, value=VALUE, beta=0.5, alpha=range(1, T + 1), labels=list("abcde")
    )
    fewer = program.replace(alpha=None, labels=None)
    assert fewer.names == ("key", "value", "query", "beta") and fewer.labels is None
    assert program.replace(beta=0.25)["beta"] == 0.25 and program["beta"] == 0.5
    half = program[:2]
    assert half.tokens == 2 and half["beta"] == 0.5
    np.testing.assert_array_equal(half["alpha"], [1, 2])
    np.testing.assert_array_equal(half.replace(key=QUERY[:2])["query"], QUERY[:2])
    with pytest.raises(FwpError, match="this slice of a program of 5 tokens is empty"):
        program[7:]


@pytest.mark.parametrize("heads", [False, True])
def test_dataset_round_trip(heads):
    key, value = (KEYS, VALUES) if heads else (KEY, VALUE)
    program = Program(
        **dict(
            key=key,
            value=value,
            beta=0.5,
            alpha=rng.random(T),
            gamma=key + 1,
            delta=value + 1,
        ),
        labels=["a", "b", "a", "", "ü"],
    )
    dataset = program.dataset()
    leading = ("token", "head") if heads else ("token",)
    assert dataset["key"].dims == dataset["gamma"].dims == (*leading, "pre")
    assert dataset["value"].dims == dataset["delta"].dims == (*leading, "post")
    assert dataset["alpha"].dims == ("token",) and dataset["beta"].dims == ()
    assert dataset["label"].values.tolist() == ["a", "b", "a", "", "ü"]
    assert all(v.attrs["units"] == "1" and v.attrs["long_name"] for v in dataset.values())
    again = Program.from_dataset(dataset.transpose(..., "token"))
    assert again.names == program.names and again.labels == program.labels
    for name in program.names:
        np.testing.assert_array_equal(again[name], program[name])
    np.testing.assert_array_equal(again.replace(key=key + 1)["query"], key + 1)


def test_dataset_homes_decide_between_equal_dims():
    program = Program(key=KEY, value=KEY, beta=KEY, levels=np.ones((T, 7)))
    assert program.dataset()["beta"].dims == ("token", "pre")
    assert program.dataset({"beta": "post"})["beta"].dims == ("token", "post")
    assert program.dataset()["levels"].dims == ("token", "levels_dim")


# ---------------------------------------------------------------------- mistakes

MISTAKES = [
    (dict(value=VALUE), "Program needs 'key': give Program(key=..., value=...)"),
    (dict(key=KEY), "Program needs 'value': give Program(key=..., value=...)"),
    (
        dict(key=KEY, k=KEY, value=VALUE),
        "Program got both 'key' and 'k', which are the same array",
    ),
    (
        dict(key=KEY[0], value=VALUE),
        "'key' has shape (3,); it must be [token, dim] or [token, h",
    ),
    (
        dict(key=KEY, value=VALUES),
        "'value' has shape (5, 2, 4); next to a key of shape (5, 3) it must be [token, "
        "dim]",
    ),
    (
        dict(key=KEY, value=VALUE, beta=KEYS),
        "it must be a number, [token] or [token, dim]",
    ),
    (
        dict(key=KEYS, value=VALUES, beta=KEYS[None]),
        "it must be a number, [token], [token, head] or [token, head, dim]",
    ),
    (
        dict(key=KEY, value=VALUE[:4]),
        "'value' has 4 tokens (shape (4, 4)), but the key has 5",
    ),
    (
        dict(key=KEY, value=VALUE, beta=[1, 2]),
        "'beta' has 2 tokens (shape (2,)), but the key",
    ),
    (
        dict(key=KEYS, value=VALUES[:, :1]),
        "'value' has 1 head (shape (5, 1, 4)), but the key has 2",
    ),
    (
        dict(key=KEYS, value=VALUES, beta=KEY),
        "'beta' has 3 heads (shape (5, 3)), but the key has",
    ),
    (
        dict(key=KEY, value=VALUE, query=VALUE),
        "'query' has dimension 4, but the key has 3; a query",
    ),
    (
        dict(key=with_spot(KEY, (3, 1), np.nan), value=VALUE),
        "'key' is nan at token 3, dimension 1; every number must be finite",
    ),
    (
        dict(key=KEYS, value=with_spot(VALUES, (1, 0, 2), -np.inf)),
        "is -inf at token 1, head 0, d",
    ),
    (
        dict(key=KEY, value=VALUE, beta=[1, 1, np.nan, 1, 1]),
        "'beta' is nan at token 2; every",
    ),
    (
        dict(key=KEY, value=VALUE, beta=np.inf),
        "'beta' is inf; every number must be finite",
    ),
    (
        dict(key=np.ma.masked_equal(np.ones((T, PRE)), 1.0), value=VALUE),
        "'key' is nan at token 0, dimension 0",
    ),
    (
        dict(key=[["a", "b"]], value=VALUE),
        "'key' must hold real numbers, and got <U1 entries",
    ),
    (
        dict(key=KEY * 1j, value=VALUE),
        "'key' must hold real numbers, and got complex128 entries",
    ),
    (
        dict(key=KEY, value=VALUE, beta=None),
        "'beta' must hold real numbers, and got object",
    ),
    (dict(key=[[1, 2], [3]], value=VALUE), "'key' cannot be made an array of numbers: "),
    (dict(key=np.ones((0, 3)), value=VALUE), "'key' is empty (shape (0, 3))"),
    (dict(key=KEY, value=VALUE, w=1), "'w' is not a legal name for a signal or gate"),
    (dict(key=KEY, value=VALUE, **{"my gate": 1}), "'my gate' is not a legal name"),
    (
        dict(key=KEY, value=VALUE, labels=["a"]),
        "'labels' has 1 string, but the program has 5 to",
    ),
    (
        dict(key=KEY, value=VALUE, labels="abcde"),
        "'labels' must be a list of strings, one per to",
    ),
    (
        dict(key=KEY, value=VALUE, labels=range(5)),
        "'labels' must be a list of strings, one per",
    ),
    (
        dict(key=KEY, value=VALUE, labels=5),
        "'labels' must be a list of strings, one per token",
    ),
]


@pytest.mark.parametrize("arguments, sentence", MISTAKES, ids=lambda item: None)
def test_mistakes(arguments, sentence):
    with pytest.raises(FwpError) as caught:
        Program(**arguments)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_name_gets_the_nearest():
    with pytest.raises(
        FwpError, match="unknown program array 'bta'; did you mean 'beta'"
    ):
        Program(key=KEY, value=VALUE, beta=1)["bta"]


def test_units_are_refused():
    b2 = pytest.importorskip("brian2")
    with pytest.raises(FwpError, match="'beta' has units; a program is dimensionless"):
        Program(key=KEY, value=VALUE, beta=5 * b2.ms)
    assert Program(key=KEY, value=VALUE, beta=5 * b2.ms / b2.second)["beta"] == 0.005
