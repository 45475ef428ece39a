"""No legal name of a gate, a signal or a state changes the numbers, whatever else it
means."""

import json
import keyword

import numpy as np
import pytest
import torch
from test_spiking import SHORT

import fwp_neuro as fwp
from fwp_neuro.artificial.kernels import call
from fwp_neuro.symbolic import language

#: names of sympy, Python, C, C++ and its macros, Brian2 and its units, and of this
#: package's code
NASTY = """
Integer Float Symbol Function Rational Mul Add Pow E I S Q O C beta gamma lamda Lambda oo zoo nan
int double auto register template typename long unsigned volatile inline std main size_t NULL this
operator new delete namespace true false M_PI HUGE_VAL EOF errno y0 j1 linux unix real
rand randn clip ms mV second volt siemens lastspike refractory not_refractory int_ xi_1
t_in_timesteps x y g s r u b B W K V T D n m a A F R P h d0 e0 i0 u0 s0 c0 f0 V_ index_t Sizes
Signals Forward
w_0 x_w read_x pre_x x_readout readout_0 read_0_of_0 pool_0_0 pool_0_of_0 sum_0_read_0 token_ended
ended table_beta cells first tokens all head_ batch size out src dst tile padded vectors lanes block
row_c0 k_c0 p_c0 d_0 o_0 l_w a_v lambda_ beta_ m_ x__y rate gate trace tau spikes print eval exec
input id type len sum range max min abs_ None_ np torch math sin cos Abs state device dtype heads
length query_ seed program record_weights training forward weight keys items dims attrs coords sizes
dim parameters register_buffer
""".split()  # noqa: E501
HOMES = ("shared", "pre", "post")
TOKENS, PRE, POST = 6, 3, 2


def _rule(names, further):
    """Return a rule that uses every name as a gate, and one as a state, in reads and
    pools."""
    gates = {name: HOMES[n % 3] for n, name in enumerate(names)}
    by_home = {home: [name for name in names if gates[name] == home] for home in HOMES}
    lines = []
    for shared, pre, post in zip(*(by_home[home] for home in HOMES), strict=True):
        lines.append(f"w += ({shared}*{post}*v - read({pre}*k)*{shared})*k*{pre}/9")
        lines.append(f"{further} = 0.5*{further} + {shared}*{post}*k/(4 + pool({pre}*k))")
    return fwp.Rule(
        "names", "\n".join([*lines, f"w = 0.9*w + {further}"]), gates, states=[further]
    )


def _program(names):
    rng = np.random.default_rng(0)
    key = rng.standard_normal((TOKENS, PRE))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    size = {"shared": (), "pre": (PRE,), "post": (POST,)}
    gates = {
        name: rng.uniform(0.2, 0.9, (TOKENS, *size[HOMES[n % 3]]))
        for n, name in enumerate(names)
    }
    return fwp.Program(key, rng.standard_normal((TOKENS, POST)), **gates)


def _groups():
    """Split the names so that a text stays within its limits; each group is of whole
    triples."""
    whole = NASTY[: len(NASTY) // 3 * 3]
    return [whole[n : n + 66] for n in range(0, len(whole), 66)]


RUNS = {
    "numpy": dict(backend="numpy", form="step"),
    "step": dict(form="step"),
    "parallel": dict(form="parallel", record_weights="last"),
    "chunk": dict(form="chunk", record_weights="last"),
    "event": dict(realisation="rate", device="numpy"),
}


@pytest.mark.parametrize(
    ("run", "names"),
    [
        (run, names)
        for run in RUNS
        for names in _groups()[: 1 if run == "event" else None]
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_names_change_nothing(names, run):
    plain = [f"b{n}" for n in range(len(names))]
    expected = fwp.run(
        _program(plain), _rule(plain, "moment"), backend="numpy", form="step"
    )
    got = fwp.run(_program(names), _rule(names, "m0"), **RUNS[run])
    assert np.allclose(got["readout"], expected["readout"], rtol=1e-9, atol=1e-11)
    assert np.allclose(got.final_weights, expected.final_weights, rtol=1e-9, atol=1e-11)
    assert set(fwp.Program.from_dataset(got.dataset).names) >= set(names)


#: names that meet those of the printed C++: macros, types, its own arrays and pointers
PRINTED = [
    "NULL",
    "int",
    "M_PI",
    "errno",
    "template",
    "c0",
    "d_0",
    "s0",
    "unix",
    "y0",
    "std",
    "w0",
]


@pytest.mark.slow
def test_names_change_nothing_in_compiled_code():
    plain = [f"b{n}" for n in range(len(PRINTED))]
    options = dict(form="compiled", record_weights="last")
    expected = fwp.run(
        _program(plain), _rule(plain, "moment"), backend="numpy", form="step"
    )
    got = fwp.run(_program(PRINTED), _rule(PRINTED, "m0"), **options)
    assert np.allclose(got["readout"], expected["readout"], rtol=1e-9, atol=1e-11)


def test_a_signal_made_of_the_letters_of_the_built_in_ones_is_a_signal_of_its_own():
    rule = fwp.Rule("letters", "w += qv*kq", signals={"kq": "pre", "qv": "post"})
    declared = json.loads(call.declaration(rule))
    assert declared["signals"] == {"kq": "pre", "qv": "post"}
    assert call.recipe_of(call.declaration(rule)).homes == {
        "kq": "pre",
        "qv": "post",
        "q": "pre",
    }


# one of each printer: the plan's kernel, the text as it stands, the continuous circuit
TEXTS = {
    "plan": "w = ({0} - {1}*k/9)*w + ({0}*v - read({1}*k))*k*{2}/(2 + pool({1}*k))",
    "as it stands": "w = tanh(w + {0}*v*k)*{2} - 0.1*back({2}*v)*v*read({1}*k)/(2 + "
    "pool({1}*k))",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
def test_the_gradients_of_compiled_code_do_not_depend_on_names(text):
    """One rule of names that meet the printed code's own: arrays, pointers, macros."""
    found = []
    for names in (("b0", "b1", "b2"), ("c0", "NULL", "s_w")):
        gates = dict(zip(names, HOMES, strict=True))
        rule = fwp.Rule("names", TEXTS[text].format(*names), gates)
        program = _program(names)
        tensors = {
            name: torch.tensor(program[name])[None, :, None].requires_grad_()
            for name in ("query", "key", "value", *names)
        }
        leaves = list(tensors.values())
        readout, _ = fwp.artificial.apply(rule, **tensors, form="compiled")
        found.append(
            [readout.detach(), *torch.autograd.grad(readout.sin().sum(), leaves)]
        )
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["Integer", "ms", "int", "lastspike", "ended", "beta_"])
def test_names_change_nothing_in_the_generic_spiking_circuit(name):
    found = []
    for each in ("beta", name):
        rule = fwp.Rule("names", f"w = tanh(w + {each}*v*k)", {each: "shared"})
        program = _program([each])[:2]
        options = dict(cells=5, key_cells="integrate_and_fire", device="numpy",
                       timeline=SHORT)  # fmt: skip
        found.append(fwp.run(program, rule, "spiking", **options)["readout"].values)
    assert np.array_equal(*found)


@pytest.mark.parametrize("name", sorted(language.RESERVED | language.TAKEN | {"final_m"}))
def test_a_reserved_name_is_refused_with_a_sentence(name):
    with pytest.raises(
        fwp.FwpError, match=f"{name!r} (already has a meaning|is the name of)"
    ):
        fwp.Rule("names", f"w += {name}*v*k", {name: "shared"})


@pytest.mark.parametrize("name", [name for name in keyword.kwlist])
def test_a_keyword_of_python_is_refused_with_a_sentence(name):
    with pytest.raises(fwp.FwpError, match=f"{name!r} is a Python keyword"):
        fwp.Rule("names", f"w += {name}*v*k", {name: "shared"})
