"""When things happen in a token, and how a write strength becomes a learning rate."""

import brian2 as b2
import numpy as np
import pytest
from twin import Circuit
from twin import learned as learned_by_twin
from twin import learning_rate as rate_of_twin

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.arguments import cells as number_of_cells
from fwp_neuro.circuits import Timeline
from fwp_neuro.circuits.head_layout import check_rate
from fwp_neuro.circuits.spiking import calibration
from fwp_neuro.circuits.token_schedule import Schedule, make, timed

ms = b2.ms
MODEL, LINEAR = (
    synapses.get(name) for name in ("two_compartment_nmda", "linear_difference")
)
SCHEDULE = make(Timeline(), 0.5 * ms, 3)


# ---------------------------------------------------------------------- windows


def test_windows_of_a_token():
    """In steps of 0.5 ms: 60 settle, 150 write, 120 gap, 150 query (last 100 read), 120
    rest."""
    assert SCHEDULE.spans == {
        "settle": (0, 120), "write": (120, 420), "gap": (420, 660), "query": (660, 960),
        "rest": (960, 1200), "shown": (0, 420), "read": (760, 960),
    }  # fmt: skip
    assert SCHEDULE.token_steps == 1200 and SCHEDULE.dt == 0.0005


@pytest.mark.parametrize("dt", [0.025, 0.1, 0.25, 1, 2.5, 5, 10])
def test_windows_at_any_step_that_divides_them(dt):
    schedule = make(Timeline(write=200 * ms), dt * ms, 1)
    assert schedule.token_steps == round(650 / dt)
    assert schedule.active("write").sum() * dt == pytest.approx(200)
    assert schedule.active("shown").sum() * dt == pytest.approx(260)


def test_course_adds_windows_token_by_token():
    key, query = np.arange(1.0, 7).reshape(3, 1, 2), np.array([[[0.5, 0]]] * 3)
    course = SCHEDULE.course(("shown", key), ("query", query))
    assert course.shape == (3600, 1, 2)
    assert (course[1200 + 419, 0] == [3, 4]).all() and not course[1200 + 420].any()
    assert (course[2400 + 660, 0] == [0.5, 0]).all() and not course[2400 + 960].any()
    assert course.sum() == 420 * key.sum() + 300 * query.sum()


def test_timed_keeps_every_edge_on_the_coarsest_grid():
    course = SCHEDULE.course(("write", np.ones((3, 1))))
    table = timed(course, 0.5 * ms)
    assert table.dt == pytest.approx(0.030)  # 60 and 150 ms, and tokens of 600 ms
    at = (np.arange(3600) + 0.5) * 0.5 * ms
    assert np.array_equal(np.ravel(table(at, 0)), course[:, 0])


def test_timed_holds_a_constant():
    table = timed(np.full((7, 2), 3.0), 0.5 * ms, b2.Hz)
    assert table.values.shape == (1, 2)
    assert table(2 * ms, 1) == 3 * b2.Hz


@pytest.mark.parametrize(
    ("timeline", "dt", "sentence"),
    [
        (
            Timeline(gap=10.2 * ms),
            0.5,
            "timeline gap=10.2 ms must be a whole number of time steps",
        ),
        (
            Timeline(),
            0.7,
            "timeline settle=60. ms must be a whole number of .* dt=0.7 ms",
        ),
        (Timeline(query=50 * ms), 0.5, "read must not be longer than timeline query"),
    ],
)
def test_timeline_refuses(timeline, dt, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        make(timeline, dt * ms, 1)


# ---------------------------------------------------------------------- learning rate


def test_area_against_the_integral():
    """60 to 210 ms after key onset of 1 - exp(-t/50 ms)."""
    exact = 150 - 50 * (np.exp(-60 / 50) - np.exp(-210 / 50))
    errors = []
    for dt in (0.5, 0.25, 0.125):
        area = 1000 * calibration.area(MODEL, make(Timeline(), dt * ms, 1))
        errors.append(abs(area - exact))
    assert errors[0] < 0.1
    # a left Riemann sum
    assert np.divide(errors[:-1], errors[1:]) == pytest.approx(2, rel=0.01)
    assert 1000 * calibration.area(MODEL, SCHEDULE) == pytest.approx(
        Circuit().area(), rel=1e-12
    )


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("layout", ["population", "synapse"])
def test_learned_by_the_twin(feedback, layout):
    h = np.array([0.0, 1, 5, 20, 60])  # 1/s
    found = calibration.learned(h, MODEL, SCHEDULE, feedback, layout == "synapse")
    twin = learned_by_twin(h / 1000, Circuit(), feedback=feedback, layout=layout)
    assert found == pytest.approx(twin, rel=1e-12)


def test_learned_without_lags_is_the_textbook_integral():
    """Fast AMPA, teacher and membrane: 1 - exp(-h A) for delta, h A for Hebb."""
    fast = dict.fromkeys(("tau_ampa", "tau_teacher", "tau_membrane"), 0.02 * ms)
    model, schedule = LINEAR.changed(**fast), make(Timeline(), 0.05 * ms, 1)
    h = np.array([0.0, 2, 10, 20])
    area = calibration.area(model, schedule)
    delta = calibration.learned(h, model, schedule, True, False)
    assert delta == pytest.approx(1 - np.exp(-h * area), abs=3e-3)
    assert calibration.learned(h, model, schedule, False, False) == pytest.approx(
        h * area
    )


def test_lag_lets_the_loop_over_learn():
    """The prediction comes late, so more is written than without lag, and it may
    overshoot."""
    h = np.array([5.0, 20, 60])
    textbook = 1 - np.exp(-h * calibration.area(MODEL, SCHEDULE))
    for events in (False, True):
        found = calibration.learned(h, MODEL, SCHEDULE, True, events)
        assert (found > textbook).all()
        assert found[-1] > 1


BETA = np.array([[0.1, 0.5], [0.8, 0.95]])
NORM = np.array([[1.0, 0.4], [1.0, 0.9]])


@pytest.mark.parametrize("events", [False, True])
@pytest.mark.parametrize("model", [MODEL, LINEAR])
def test_propagator_is_the_root(model, events):
    rates = [
        calibration.learning_rate(
            BETA, NORM, delta, model, SCHEDULE, "propagator", events
        )
        for delta in (True, False)
    ]
    strength = rates[0] * NORM * model.slope
    found = calibration.learned(strength, model, SCHEDULE, True, events)
    assert found == pytest.approx(BETA * NORM, rel=1e-10)
    found = calibration.learned(rates[1] * model.slope, model, SCHEDULE, False, events)
    assert found == pytest.approx(BETA, rel=1e-10)


def test_closed_form():
    area, slope = calibration.area(MODEL, SCHEDULE), MODEL.slope
    delta = calibration.learning_rate(BETA, NORM, True, MODEL, SCHEDULE, "closed", False)
    assert delta == pytest.approx(-np.log(1 - BETA * NORM) / (NORM * area * slope))
    hebb = calibration.learning_rate(BETA, NORM, False, MODEL, SCHEDULE, "closed", False)
    assert hebb == pytest.approx(BETA / (area * slope))


@pytest.mark.parametrize("calibrate", calibration.CALIBRATIONS)
@pytest.mark.parametrize("name", ["hebb", "delta"])
def test_learning_rate_of_the_twin(calibrate, name):
    found = calibration.learning_rate(
        BETA, NORM, name == "delta", MODEL, SCHEDULE, calibrate, False
    )
    twin = rate_of_twin(BETA, NORM, name, calibrate, Circuit())
    assert found == pytest.approx(1000 * twin, rel=1e-9)


@pytest.mark.parametrize("calibrate", calibration.CALIBRATIONS)
@pytest.mark.parametrize("feedback", [True, False])
def test_nothing_is_learned_where_nothing_is_asked(calibrate, feedback):
    beta, norm = np.array([[0.0, 0.5]]), np.ones((1, 2))
    found = calibration.learning_rate(
        beta, norm, feedback, MODEL, SCHEDULE, calibrate, False
    )
    assert found[0, 0] == 0 and found[0, 1] > 0
    silent = np.zeros((1, 2))
    found = calibration.learning_rate(
        beta, silent, feedback, MODEL, SCHEDULE, calibrate, False
    )
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("beta", "norm", "calibrate", "sentence"),
    [
        (-0.1, 1.0, "closed", "beta is -0.1 at token 0; the circuit needs beta >= 0"),
        (0.5, 2.0, "closed", r"beta\*\|k\|\^2 is 1 at token 0: .* no first-order"),
        (1.2, 1.0, "propagator", r"beta\*\|k\|\^2 is 1.2 at token 0"),
        (0.5, 1.0, "propagate", "unknown calibration.*did you mean 'propagator'"),
    ],
)
def test_learning_rate_refuses(beta, norm, calibrate, sentence):
    beta, norm = np.full((2, 1), beta), np.full((2, 1), norm)
    with pytest.raises(fwp.FwpError, match=sentence):
        calibration.learning_rate(beta, norm, True, MODEL, SCHEDULE, calibrate, False)


def test_a_strength_out_of_reach():
    """One step of write half a millisecond after key onset: no teacher has arrived."""
    schedule = make(Timeline(settle=0.5 * ms, write=0.5 * ms), 0.5 * ms, 1)
    one = np.ones((1, 1))
    with pytest.raises(fwp.FwpError, match="more than the lagging circuit can learn"):
        calibration.learning_rate(
            0.5 * one, one, True, MODEL, schedule, "propagator", False
        )
    with pytest.raises(fwp.FwpError, match="settle and write are too short"):
        calibration.learning_rate(
            0.5 * one, one, False, MODEL, schedule, "propagator", False
        )


# ---------------------------------------------------------------------- cells


@pytest.mark.parametrize("number", [1, 7, np.int64(3), 10.0, float("inf")])
def test_numbers_of_cells(number):
    assert number_of_cells().read(number, "cells") == number


@pytest.mark.parametrize(
    "number", [0, -1, 2.5, True, None, "10", [3], float("nan"), -float("inf")]
)
def test_numbers_of_cells_refused(number):
    sentence = r"cells must be a whole number from 1 to .*, or float\("
    with pytest.raises(fwp.FwpError, match=sentence):
        number_of_cells().read(number, "cells")


def test_rates_beyond_one_spike_a_step():
    check_rate(20.0, 100 * b2.Hz, 0.5 * ms)
    with pytest.raises(
        fwp.FwpError, match="fire at 2100 Hz, more than once in dt=0.5 ms"
    ):
        check_rate(21.0, 100 * b2.Hz, 0.5 * ms)


@pytest.mark.parametrize("steps", [1, 7, 1000, 9999, 10000, 33001, 700_000])
@pytest.mark.parametrize("tokens", [1, 3])
def test_a_run_is_so_long_that_the_end_of_its_last_token_is_sampled(steps, tokens):
    """Brian2 takes an end within 1e-4 of a clock's step for the end itself."""
    dt = 0.1e-3
    schedule = Schedule({}, steps, tokens, dt)
    for longest in (0, tokens * steps):
        end = schedule.run_time(longest)
        clock = b2.Clock(max(steps, longest) * dt * b2.second)
        clock.set_interval(0 * b2.second, end)
        last = tokens * steps // max(steps, longest)
        assert clock._i_end == last + 1
        more = end / (dt * b2.second) - tokens * steps
        assert 0.5 < more < 2 + 1e-4 * max(steps, longest)
