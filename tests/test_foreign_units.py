"""Units of other packages are converted or refused, and never stripped."""

import datetime

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.foreign_units import package_of, plain_array
from fwp_neuro.quantities import as_brian2, quantity

TIMES, SI = [10.0, 30.0, 60.0], np.array([0.01, 0.03, 0.06])
PACKAGES = ("quantities", "pint", "astropy", "timedelta64", "brian2")


def of(package, numbers, unit):
    """Return numbers in a unit of a package."""
    numbers = np.asarray(numbers, dtype=float)
    if package == "brian2":
        return numbers * {"mM": b2.mmolar}.get(unit, getattr(b2, unit, None))
    if package == "timedelta64":
        return (
            (numbers * 1e6).astype("timedelta64[ns]")
            if unit == "ms"
            else numbers * b2.volt
        )
    module = pytest.importorskip("astropy.units" if package == "astropy" else package)
    if package == "pint":
        return module.UnitRegistry().Quantity(numbers, unit)
    named = module.mmol / module.L if (unit, package) == ("mM", "astropy") else unit
    return numbers * (getattr(module, named) if isinstance(named, str) else named)


@pytest.mark.parametrize("package", PACKAGES)
def test_times_of_every_package_are_times(package):
    times = of(package, TIMES, "ms")
    assert package_of(times).endswith(package)
    for given in (times, list(times), np.array(list(times) + [None], dtype=object)[:3]):
        assert quantity(given, b2.second, "t", "times") == pytest.approx(SI, rel=1e-12)
    one = as_brian2(times, b2.second, "t", "times")
    assert b2.have_same_dimensions(one, b2.second)
    assert quantity(times[1], b2.second, "t", "a time") == pytest.approx(0.03, rel=1e-12)
    with pytest.raises(fwp.FwpError, match="t must be a voltage.*got"):
        quantity(times, b2.volt, "t", "a voltage")
    with pytest.raises(fwp.FwpError, match="t must be plain numbers without units, got"):
        plain_array(times, "t")
    with pytest.raises(fwp.FwpError, match="x must be numbers"):
        quantity(times, 1, "x", "numbers")


@pytest.mark.parametrize("package", [one for one in PACKAGES if one != "timedelta64"])
def test_other_dimensions(package):
    for unit, number, si in (("mV", -70, (b2.volt, -0.07)), ("Hz", 20, (b2.Hz, 20)),
                             ("mM", 1, (b2.molar, 1e-3))):  # fmt: skip
        found = quantity(of(package, number, unit), si[0], "x", "x")
        assert found == pytest.approx(si[1], rel=1e-12)


def test_spike_trains_of_neo_are_quantities():
    pq = pytest.importorskip("quantities")

    class SpikeTrain(pq.Quantity):
        """Neo's spike trains derive from `quantities`."""

    train = SpikeTrain(TIMES, "ms")
    assert quantity(train, b2.second, "t", "times") == pytest.approx(SI, rel=1e-12)
    assert package_of([1.0, train]) == "quantities"
    with pytest.raises(
        fwp.FwpError, match="t must be times, got entries of several kinds"
    ):
        quantity([1.0, train[0]], b2.second, "t", "times")


def test_plain_time_spans():
    assert quantity(datetime.timedelta(seconds=2), b2.second, "t", "a time") == 2
    with pytest.raises(fwp.FwpError, match="t must be a time"):
        quantity(np.timedelta64(3), b2.second, "t", "a time")


BAD = [
    None, "x", b"x", {}, object(), 1j, [1j], "1", ["1"], [None], [[1, 2], [3]], {1, 2},
    10**400, 10**5000, np.array(["2020-01-01"], dtype="M8[D]"), np.nan, np.inf,
    [1, np.nan], int, np.ma.array([1.0, 2], mask=[True, False]), [object()],
]  # fmt: skip


@pytest.mark.parametrize("value", BAD, ids=lambda value: str(type(value).__name__))
def test_what_is_no_number_is_one_sentence(value):
    with pytest.raises(fwp.FwpError, match="^x must be [^\n]*, got [^\n]*$"):
        plain_array(value, "x")
    for unit in (1, b2.second):
        with pytest.raises(fwp.FwpError, match="^x must be [^\n]*, got [^\n]*$"):
            quantity(value, unit, "x", "right")


def test_plain_numbers_pass():
    none = b2.ms / b2.second
    for value in (1, 0.5, [1, 2], np.ones((2, 3), np.float32), [b2.Quantity(1.0)], none):
        assert np.array_equal(plain_array(value, "x"), np.asarray(value, dtype=float))
    assert np.isnan(plain_array([np.nan], "x", finite=False)).all()
    assert plain_array([10**30, 1], "x")[0] == 1e30
