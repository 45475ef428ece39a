"""Results of devices that are none: NaN, code that was not compiled; threads."""

import warnings

import brian2 as b2
import numpy as np
import pytest
from device_cases import built, cells, firing, simulate

import fwp_neuro as fwp
from fwp_neuro import devices
from fwp_neuro.devices import brian2_state, guards
from fwp_neuro.errors import FwpWarning


@pytest.fixture(autouse=True)
def no_compiler():
    """Values given as text are computed by numpy."""
    kept, b2.prefs.codegen.target = b2.prefs.codegen.target, "numpy"
    yield
    b2.prefs.codegen.target = kept


def build_with_nan(gate):
    def build():
        group = b2.NeuronGroup(2, "dv/dt = (1 - gate*v)/(5*ms) : 1\ngate : 1 (constant)",
                               method="exact", name="cells")  # fmt: skip
        group.gate = gate
        return built(group, collect=lambda: {"v": np.array(group.v)})

    return build


def test_an_exact_solution_that_divides_by_zero():
    with np.errstate(all="ignore"):
        with pytest.raises(
            fwp.FwpError, match="v of 'cells' is not a number in 1 of 2 places"
        ):
            simulate(build_with_nan([1.0, 0.0]))
    assert np.isfinite(simulate(build_with_nan([1.0, 0.5]))[0]["v"]).all()


def test_synapses_that_do_not_exist_are_not_recorded():
    class Short(b2.StateMonitor):
        record = np.array([0, 5])

    group = firing()
    paths = b2.Synapses(group, group, "w : 1", on_pre="v += w", name="paths")
    paths.connect(j="i")
    course = b2.StateMonitor(paths, "w", record=[0, 1], name="course")
    network = b2.Network(group, paths, course)
    guards.recorded_indices(network)
    course.record = np.array([0, 5])
    with pytest.raises(
        fwp.FwpError, match="'course' records synapse 5 of 'paths', which has 2"
    ):
        guards.recorded_indices(network)


def test_code_that_was_not_compiled_although_asked():
    network = b2.Network(cells())
    with brian2_state.runtime("numpy", 1 * b2.ms, 0):
        network.run(1 * b2.ms, namespace={})
    guards.compiled_as_asked(network, "numpy")
    with pytest.raises(
        fwp.FwpError, match="runs with numpy although cython was asked for"
    ):
        guards.compiled_as_asked(network, "cython")


def test_code_that_cython_cannot_compile(capfd):
    def build():
        table = b2.TimedArray(np.ones((3, 2)), dt=1 * b2.ms)
        group = b2.NeuronGroup(
            4, "drive = table(t, i//n) : 1\ndx/dt = (drive - x)/(5*ms) : 1",
            method="euler", namespace={"table": table, "n": 2}, name="cells",
        )  # fmt: skip
        return built(group, collect=lambda: {"x": np.array(group.x)})

    assert simulate(build)[0]["x"].min() > 0.4
    if not devices.has_compiler():
        return
    with pytest.raises(
        fwp.FwpError, match="'cells_stateupdater_\\w+' could not be compiled for cy"
    ):
        simulate(build, "cython")


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize(
    ("threads", "device", "words"),
    [
        (0, "cpp_standalone", "threads must be a whole number from 1 to 1024, got 0"),
        (True, "cpp_standalone", "threads must be a whole number"),
        (2, "numpy", "threads=2 needs device='cpp_standalone'"),
    ],
)
def test_threads_that_cannot_be(threads, device, words):
    with pytest.raises(fwp.FwpError, match=words):
        simulate(lambda: built(cells()), device, threads=threads)


def test_threads_warn_once_and_are_off_unless_asked_for():
    asked = devices.device_choice.asked_threads
    with pytest.warns(FwpWarning, match="OpenMP was 20 to 70 times slower") as caught:
        assert asked(2, "cpp_standalone") == 2
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            asked(1, "numpy") == asked(None, "cpp_standalone") == asked(None, "auto") == 1
        )


def test_brian2s_preference_for_threads_is_heard():
    preference = "devices.cpp_standalone.openmp_threads"
    b2.prefs[preference] = 3
    try:
        with pytest.warns(FwpWarning, match="threads=3: OpenMP"):
            assert devices.device_choice.asked_threads(None, "cpp_standalone") == 3
        assert devices.device_choice.asked_threads(None, "numpy") == 1
    finally:
        b2.prefs[preference] = 0
