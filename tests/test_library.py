"""The optional GPU library: its conventions, the law before use, refusals. A stub stands
for it."""

import sys
import types

import pytest
import torch

from fwp_neuro.artificial import apply, library
from fwp_neuro.artificial.form_choice import choose
from fwp_neuro.errors import Cannot, FwpError, FwpWarning
from fwp_neuro.rules import Rule, rule

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def recurrence(q, k, v, g=None, beta=None, scale=None, initial_state=None, **options):
    """Every rule that the library has, in its conventions, token by token.

    State [batch, head, d_k, d_v], decays as logarithms, q scaled (by 1/sqrt(d_k) unless
    told).
    """
    assert options.pop("output_final_state") is True and options in (
        {},
        {"normalize": False},
    )
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    state, out = initial_state, []
    for t in range(q.shape[1]):
        if g is not None:
            decay = g[:, t].exp()
            state = state * (
                decay[..., None, None] if decay.ndim == 2 else decay[..., None]
            )
        value = v[:, t]
        if beta is not None:
            value = beta[:, t, :, None] * (value - (k[:, t, :, None] @ state).squeeze(-2))
        state = state + k[:, t, :, :, None] * value[:, :, None]
        out.append((scale * q[:, t, :, None] @ state).squeeze(-2))
    return torch.stack(out, 1), state


@pytest.fixture
def stub(monkeypatch):
    """A module of the library's names on the CPU; ``stub.change`` alters its answers."""
    box = types.SimpleNamespace(change=lambda readout: readout)

    def kernel(**arguments):
        readout, state = recurrence(**arguments)
        return box.change(readout), state

    monkeypatch.setitem(sys.modules, "fla", types.ModuleType("fla"))
    monkeypatch.setitem(sys.modules, "fla.ops", types.ModuleType("fla.ops"))
    for module, name, _ in library.KERNELS.values():
        made = types.ModuleType(f"fla.ops.{module}")
        setattr(made, name, kernel)
        monkeypatch.setitem(sys.modules, f"fla.ops.{module}", made)
    monkeypatch.setattr(library, "find_spec", lambda name: name)
    library._check_law.cache_clear()
    yield box
    library._check_law.cache_clear()


@pytest.mark.parametrize("name", library.KERNELS)
def test_the_arguments_are_those_of_the_library(stub, name):
    assert library.law_error(rule(name), torch.float32, CPU) < 1e-5


def test_a_kernel_that_agrees_is_taken_and_one_that_does_not_is_refused(
    stub, monkeypatch
):
    real = library.law_error
    monkeypatch.setattr(
        library, "law_error", lambda r, dtype, device: real(r, dtype, CPU)
    )
    asked = ("auto", rule("delta"), 100, torch.float32, CUDA)
    form, why = choose(*asked)
    assert form == "library" and "agree with the step" in why
    library._check_law.cache_clear()
    stub.change = lambda readout: 1.05 * readout
    with pytest.warns(
        FwpWarning, match="misses the law .*; the chunk form of this package runs"
    ):
        form, why = choose(*asked)
    assert form == "chunk" and "misses the law" in why


def test_a_gradient_that_is_not_a_number_misses_the_law(stub):
    # its slope is 0/0
    stub.change = lambda readout: readout + 0 * (readout - readout).sqrt()
    assert not library.law_error(rule("delta"), torch.float32, CPU) <= 1.0


def test_the_first_look_may_come_without_gradients(stub, monkeypatch):
    real = library.law_error
    monkeypatch.setattr(
        library, "law_error", lambda r, dtype, device: real(r, dtype, CPU)
    )
    with torch.inference_mode():
        library.check(rule("gla"), torch.float32, CUDA)


def test_decays_of_zero_forget_all_and_negative_ones_are_refused(stub):
    x, alpha = torch.ones(1, 3, 1, 2), torch.tensor([[[1.0], [0.0], [1.0]]])
    signals = {"q": x, "k": x, "v": x, "beta": x[..., 0], "alpha": alpha}
    start = {"w": torch.full((1, 1, 2, 2), 7.0)}
    found, _ = library.run(rule("decayed_hebb"), signals, start)
    assert torch.allclose(found[0, 1, 0], torch.full((2,), 2.0))
    with pytest.raises(FwpError, match="alpha must not be negative; use form='chunk'"):
        library.run(rule("decayed_hebb"), signals | {"alpha": -alpha}, start)


def test_a_kernel_that_fails_is_refused_with_its_first_words(stub, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such architecture\nmore")

    monkeypatch.setattr(library, "law_error", broken)
    with pytest.warns(FwpWarning, match="fails: no such architecture; the chunk form"):
        with pytest.raises(Cannot, match="no such architecture$"):
            library.check(rule("gla"), torch.float32, CUDA)
    # remembered, with no more warnings
    with pytest.raises(Cannot, match="no such architecture$"):
        library.check(rule("gla"), torch.float32, CUDA)


@pytest.mark.parametrize(
    ("chosen", "dtype", "device", "why"),
    [
        (rule("delta"), torch.float32, CPU, "need a GPU, and these tensors are on cpu"),
        (rule("oja"), torch.float32, CUDA, "has no kernel for rule 'oja'"),
        (
            Rule("delta", "w += v*k"),
            torch.float32,
            CUDA,
            "has no kernel for rule 'delta'",
        ),
        (rule("delta"), torch.float64, CUDA, "do not compute in torch.float64"),
    ],
    ids=["cpu", "no kernel", "another rule of that name", "float64"],
)
def test_what_the_library_cannot_run(stub, chosen, dtype, device, why):
    with pytest.raises(Cannot, match=why):
        library.check(chosen, dtype, device)


def test_asking_for_the_library_on_the_cpu_is_a_sentence():
    x = torch.ones(1, 20, 1, 2)
    with pytest.raises(FwpError, match="form='library' cannot run: .* need a GPU"):
        apply("hebb", x, x, x, beta=x[..., 0], form="library")
