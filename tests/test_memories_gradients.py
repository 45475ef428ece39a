"""Gradients of every memory: through both forms, and against finite differences."""

import torch
from memory_cases import PARALLEL, apart, draw, each, largest, later, moved, start

from fwp_neuro.artificial.memories import memory


@each(PARALLEL)
def test_gradients_agree_through_both_forms(name, options):
    built, state, signals = later(name, options, tokens=11)
    gradients = []
    for form in built.forms:
        leaves = {n: x.clone().requires_grad_() for n, x in signals.items()}
        begin = {n: x.clone().requires_grad_() for n, x in state.items()}
        y, last = built.run(form, begin, leaves)
        generator = torch.Generator().manual_seed(0)
        total = sum(
            (x * torch.randn(x.shape, generator=generator, dtype=x.dtype)).sum()
            for x in (y, *(last[n] for n in sorted(last)))
        )
        wanted = [*leaves.values(), *begin.values()]
        found = torch.autograd.grad(
            total, wanted, allow_unused=True, materialize_grads=True
        )
        gradients.append(
            dict(zip([*leaves, *(f"state {n}" for n in begin)], found, strict=True))
        )
    for part, one in gradients[0].items():
        two = gradients[1][part]
        # a bucket that holds no pair yet is no part of the state
        if part == "state levels":
            one, two = (gradient * (state["levels"] != 0) for gradient in (one, two))
        assert torch.isfinite(one).all(), part
        assert apart(one, two) < 1e-9 * (1 + largest(one)), part


@each()
def test_gradients_equal_finite_differences(name, options):
    built = memory(name, **options)
    small = dict(heads=1, batch=1, pre=3, post=2)
    signals = draw(built, 3, **small)
    state = moved(start(built, **small)[0])

    def last(*arrays):
        y, final = built.run("step", state, dict(zip(signals, arrays, strict=True)))
        return y, *(x for x in final.values() if x.requires_grad)

    leaves = tuple(x.clone().requires_grad_() for x in signals.values())
    assert torch.autograd.gradcheck(last, leaves, atol=1e-6, rtol=1e-5)
