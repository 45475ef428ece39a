"""Checks of arguments that many functions take: sizes, numbers, and how a value is
written."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from fwp_neuro.errors import FwpError
from fwp_neuro.validation import (
    affordable,
    in_bytes,
    machine_memory,
    positive,
    real,
    seed_number,
    shown,
    whole,
)

HUGE = 10**400


class Silent:
    def __repr__(self):
        raise RuntimeError("no repr")


NEVER = (
    None, True, "", "x", b"x", [], {}, object(), 1j, float("nan"), float("inf"), HUGE,
    -HUGE, Fraction(HUGE), Decimal(1), np.ones((300, 300)), np.array(1), np.array([None]),
    [1] * 10**4, Silent(), 10**5000, np.timedelta64(3, "s"), np.bool_(True),
)  # fmt: skip


@pytest.mark.parametrize("check", [real, positive, whole])
@pytest.mark.parametrize("value", NEVER, ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_refused_in_one_short_line(check, value):
    if check is whole and isinstance(value, int) and value > 1:
        assert whole(value, "a size") == value  # whether it fits is said by `affordable`
        return
    with pytest.raises(FwpError, match="^a size ") as refused:
        check(value, "a size")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "value", [*NEVER, -1, 2**32, 1.0], ids=lambda value: type(value).__name__
)
def test_what_is_no_seed_is_refused_in_one_short_line(value):
    with pytest.raises(FwpError, match="^seed must be") as refused:
        seed_number(value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_numbers_of_every_kind_pass():
    for value in (2, np.int8(2), np.float32(2), 2.0, Fraction(2)):
        assert real(value, "a size") == positive(value, "a size") == 2
    assert whole(np.uint8(2), "a size") == 2


def test_what_does_not_fit_into_memory_is_refused_with_count_and_bytes():
    assert affordable(1000, "a memory") == 1000
    for count in (10**23, HUGE, 10**6000):
        with pytest.raises(
            FwpError, match=r"^a memory would be .* numbers and take .* GB, but"
        ):
            affordable(count, "a memory")
    limit = (machine_memory() or 16 * 10**9) // 2
    assert affordable(limit // 8, "a memory") and affordable(limit, "a memory", 1)
    with pytest.raises(FwpError):
        affordable(limit + 1, "a memory", 1)


def test_bytes_and_values_are_written_as_a_reader_would():
    assert in_bytes(1600000) == "1.6 MB" and in_bytes(2e12) == "2e+03 GB"
    assert in_bytes(999) == "999 B" and in_bytes(HUGE) == "1.00e+391 GB"
    assert (
        shown("a\nb") == r"'a\nb'"
        and shown(np.ones((2, 2))) == "array([[1., 1.], [1., 1.]])"
    )
    assert shown(HUGE) == "1.00e+400" and len(shown("x" * 500)) == 60
    assert shown(Silent()) == "an object of type Silent"
