"""The parts of a realistic circuit add up to its whole error."""

import brian2 as b2
import pytest

import fwp_neuro as fwp
from fwp_neuro.circuits import Realism, SpikingValues, error_budget

QUICK = fwp.circuits.Timeline(
    settle=20 * b2.ms, write=50 * b2.ms, gap=30 * b2.ms, query=40 * b2.ms,
    read=20 * b2.ms, rest=30 * b2.ms,
)  # fmt: skip


def made(heads, tokens=8):
    return fwp.tasks.associative_recall(
        tokens=tokens, dim=8 if tokens == 8 else 4, beta=0.8, heads=heads, seed=1
    )


def test_a_budget_of_one_part_is_that_part():
    realism = Realism(value_cells=SpikingValues(cells=20))
    found = error_budget(made(4, tokens=3), "delta", realism, cells=20, timeline=QUICK,
                         dt=1 * b2.ms, device="numpy")  # fmt: skip
    assert list(found.part.values) == ["base", "value cells", "sum", "whole"]
    one, summed, whole = (found.sel(part=name) for name in
                          ("value cells", "sum", "whole"))  # fmt: skip
    for name in ("nrmse", "slope", "residual"):
        assert float(one[name]) == pytest.approx(float(summed[name]))
        assert float(whole[name]) == float(one[name])  # the same circuit and seed
    assert float(whole.nrmse) > 1.5 * float(found.sel(part="base").nrmse)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["delta", "hebb"])
def test_squares_of_the_parts_of_the_preset_are_the_whole(rule):
    found = error_budget(made(12), rule, dt=1 * b2.ms, device="cpp_standalone")
    summed, whole = (found.sel(part=name) for name in ("sum", "whole"))
    assert float(summed.residual / whole.residual) ** 2 == pytest.approx(1, abs=0.15)
    assert float(summed.slope - whole.slope) == pytest.approx(0, abs=0.03)
    assert float(whole.nrmse) <= 0.30
