"""Compiled programs: kept by content, run with other numbers, whole or not there at
all."""

import shutil

import brian2 as b2
import numpy as np
import pytest
from device_cases import never_cython

import fwp_neuro as fwp
from fwp_neuro import devices, toolchain
from fwp_neuro.devices import Built, Size, compiled_builds
from fwp_neuro.devices.device_program import Draft
from fwp_neuro.errors import Cannot

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
DT = 0.5 * b2.ms


def circuit(
    tau=5.0,
    gain=0.4,
    refractory=2.0,
    start=0.1,
    weights=(0.3, 0.7, 0.2),
    spikes=(1, 4, 9, 13),
    table=(0.0, 1.0, 0.5),
    row=5.0,
    duration=20.0,
    delay=1.0,
):
    """Three cells that a spike train drives: constants, tables, starts and arrays of all
    kinds."""

    def build():
        drive = b2.TimedArray(table, dt=row * b2.ms)
        namespace = {"tau": tau * b2.ms, "gain": gain, "drive": drive}
        source = b2.SpikeGeneratorGroup(
            1, np.zeros(len(spikes), int), np.array(spikes) * b2.ms
        )
        cells = b2.NeuronGroup(
            3, "dv/dt = (gain*drive(t) - v)/tau : 1 (unless refractory)\n"
            "dx/dt = -x/tau : 1\nu : 1",
            threshold="v > 1", reset="v = 0; x += 0.3", refractory=refractory * b2.ms,
            method="euler", namespace=namespace, name="cells",
        )  # fmt: skip
        cells.v, cells.x, cells.u = start, "0.125*i", "rand()"
        paths = b2.Synapses(source, cells, "w : 1", on_pre="v_post += w",
                            delay=delay * b2.ms, namespace=namespace,
                            name="paths")  # fmt: skip
        paths.connect(i=np.zeros(3, int), j=np.arange(3))
        paths.w = np.array(weights)
        fired = b2.SpikeMonitor(cells)
        course = b2.StateMonitor(cells, "v", record=True)

        def collect():
            return {
                "v": np.array(course.v),
                "x": np.array(cells.x),
                "at": np.array(fired.t_),
                "who": np.array(fired.i),
                "u": np.array(cells.u),
            }

        network = b2.Network(source, cells, paths, fired, course)
        return Built(network, collect, duration * b2.ms)

    return build


CHANGES = {
    "constants": {"tau": 3.3, "gain": 2.7},
    "literals": {"refractory": 3.5},
    "starts": {"start": 0.55, "weights": (0.9, 0.8, 0.15)},
    "spikes": {"spikes": (2, 3, 5, 7, 11, 12)},
    "tables": {"table": (1.0, 0.25, 0.5, 3.0, 2.0)},
    "durations": {"duration": 31.0},
    "delays": {"delay": 2.5},
    "steps of tables": {"row": 0.25, "table": (5.0, 1.0, 0.5, 3.0, 2.0)},
}


def same(one, other, within=1e-12):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].shape == other[name].shape, name
        assert np.abs(one[name] - other[name]).max(initial=0) <= within, name


def numpy(build):
    return devices.simulate(build, Size(40, 8, 10), device="numpy", dt=DT, seed=0)[0]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """An empty cache for the module: its one circuit is compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FWP_NEURO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def program(cache):
    with devices.compiled(circuit(), dt=DT) as made:
        assert made.compiled
        yield made


# ---------------------------------------------------------------- numbers


def test_a_program_gives_what_numpy_gives(program):
    found = program.run()
    same(found, numpy(circuit()))
    assert len(found["at"]) >= 2  # something happened


@pytest.mark.parametrize("what", CHANGES)
def test_no_number_compiles_again(program, what):
    build = circuit(**CHANGES[what])
    with devices.compiled(build, dt=DT) as other:
        assert not other.compiled
        found = other.run()
    same(found, numpy(build))
    assert any(
        found[name].shape != array.shape
        or np.abs(found[name] - array).max(initial=0) > 1e-3
        for name, array in program.run().items()
    )  # the number mattered


def test_another_equation_is_another_program(program):
    def build():
        cells = b2.NeuronGroup(
            3, "dv/dt = -v/tau : 1", namespace={"tau": 5 * b2.ms}, name="cells"
        )
        return Built(b2.Network(cells), dict, 1 * b2.ms)

    draft = Draft(build, dt=DT)
    assert not draft.in_cache()
    draft.close()


def test_names_do_not_depend_on_what_else_there_is(program):
    others = [b2.TimedArray([1.0, 2.0], dt=1 * b2.ms) for _ in range(3)]
    groups = [b2.NeuronGroup(1, "x : 1") for _ in range(3)]
    with devices.compiled(circuit(), dt=DT) as other:
        assert not other.compiled
        same(other.run(), program.run(), within=0)
    del others, groups


def test_a_table_from_outside_keeps_its_own_name(cache):
    """Two tables of one name would be one in C++."""
    outside = b2.TimedArray([1.0, 2.0], dt=1 * b2.ms)

    def build():
        inside = b2.TimedArray([10.0, 20.0], dt=1 * b2.ms)
        namespace = {"outside": outside, "inside": inside}
        cells = b2.NeuronGroup(1, "v = outside(t) + inside(t) : 1", namespace=namespace)
        return Built(b2.Network(cells), dict, 1 * b2.ms, keep=(inside,))

    draft = Draft(build, dt=DT)
    tables = {name for name in draft.device.static_arrays if name.endswith("_values")}
    draft.close()
    assert len(tables) == 2 or not tables  # none: nothing reads v


# -------------------------------------------------------------- a program that runs often


RUNS = {
    "constant": ({"tau": 3.3 * b2.ms, "cells.gain": 2.7}, {}, {"tau": 3.3, "gain": 2.7}),
    "starts": (
        {"cells.v": 0.55, "paths.w": np.array([0.9, 0.8, 0.15])},
        {},
        {"start": 0.55, "weights": (0.9, 0.8, 0.15)},
    ),
    "table": (
        {"drive": [1.0, 0.25, 0.5, 3.0, 2.0]},
        {},
        {"table": (1.0, 0.25, 0.5, 3.0, 2.0)},
    ),
    "duration": ({}, {"duration": 31 * b2.ms}, {"duration": 31.0}),
    "nothing": ({}, {}, {}),
}


@pytest.mark.parametrize("what", RUNS)
def test_a_run_takes_other_numbers(program, what):
    numbers, options, changed = RUNS[what]
    same(program.run(numbers, **options), numpy(circuit(**changed)))


def test_a_seed_decides_the_random_numbers(program):
    first, again, other = (program.run(seed=seed)["u"] for seed in (3, 3, 4))
    assert first.tolist() == again.tolist() != other.tolist()
    assert program.run()["u"].tolist() == program.run(seed=0)["u"].tolist()


def test_a_run_costs_little_more_than_its_process(program):
    overhead = []
    for _ in range(5):
        program.run({"tau": 4 * b2.ms})
        overhead.append(program.seconds[1] - program.seconds[0])
    assert min(overhead) < 0.05, overhead


def test_what_can_be_changed_is_listed(program):
    assert (
        program.constants["tau"] == program.constants["cells.tau"] == pytest.approx(0.005)
    )
    assert program.tables == {"drive": (3,), "cells.drive": (3,)}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"tua": 1 * b2.ms}, "unknown number of the circuit 'tua'; did you mean 'tau'"),
        ({"tau": 3.0}, "'tau' must be a quantity in second"),
        ({"gain": 3 * b2.mV}, "'gain' must be plain numbers without units"),
        ({"gain": [1, 2]}, "constant 'gain' is one number, got an array of 2"),
        ({"drive": np.ones((2, 2))}, "only the number of rows may differ"),
        ({"cells.v": np.ones(4)}, "'cells.v' has 3 values, got 4"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(program, numbers, words):
    with pytest.raises(fwp.FwpError) as problem:
        program.run(numbers)
    assert words in str(problem.value)
    same(program.run(), numpy(circuit()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": "3"}, "seed must be a whole number from 0 to 4294967295, got '3'"),
        ({"seed": float("nan")}, "seed must be a whole number.*, got nan"),
        ({"seed": 2**32}, "seed must be a whole number.*, got 4294967296"),
        ({"duration": 3.0}, "duration must be a time such as 100.ms, got 3.0"),
        ({"duration": 0 * b2.ms}, "duration must be a time .* positive and finite"),
        ({"duration": -1 * b2.ms}, "duration must be a time .* positive and finite"),
        ({"duration": np.inf * b2.ms}, "duration must be a time .* positive and finite"),
        (
            {"duration": 1e-9 * b2.second},
            "a duration of 1e-06 ms makes no time step of 0.5 ms",
        ),
        (
            {"duration": 1e9 * b2.second},
            "makes 2e.12 time steps of 0.5 ms, on .* days of",
        ),
        (
            {"duration": 1e300 * b2.second},
            "at least .*e.29. days of computing; the limit is 2",
        ),
        ({"numbers": {"paths.w": np.ones(2)}}, "'paths.w' has 3 values, got 2"),
        ({"progress": 3}, "progress must be a function, got 3"),
    ],
)
def test_options_that_do_not_fit_are_refused(program, options, words):
    with pytest.raises(fwp.FwpError, match=words):
        program.run(**options)


def test_names_that_brian2_keeps_for_itself_are_no_numbers_of_the_circuit(program):
    for name in ("cells._spikespace", "paths._synaptic_pre"):
        with pytest.raises(
            fwp.FwpError, match="unknown number of the circuit"
        ) as problem:
            program.run({name: 1})
        legal = str(problem.value).split("(legal: ")[1].rstrip(")").split(", ")
        assert {"tau", "cells.v", "drive"} <= set(legal)
        assert not [each for each in legal if each.startswith("_") or "._" in each]


def test_a_program_says_in_short_what_it_is(program):
    assert repr(program).startswith("<Program with ")
    assert "1 tables to change, compiled now" in repr(program)
    with devices.compiled(circuit(), dt=DT) as other:
        assert repr(other).endswith("from the cache>")
    assert repr(other).endswith("closed>")


def test_a_closed_program_leaves_no_file_and_says_so(program):
    with devices.compiled(circuit(), dt=DT) as other:
        folder = other._folder
        other.run()
    assert not folder.exists()
    with pytest.raises(fwp.FwpError, match="the program was closed"):
        other.run()


def test_nan_is_no_result_and_is_named(program):
    with pytest.raises(
        fwp.FwpError, match="v of 'cells' is not a number in 3 of 3 places"
    ):
        program.run({"gain": float("nan")})


def test_a_crash_says_so(program, monkeypatch):
    main = program._folder / "main"
    kept = main.read_bytes()
    main.unlink()
    try:
        for text, words in (
            ("#!/bin/sh\nkill -SEGV $$\n", r"failed \(signal 11\)"),
            (
                "#!/bin/sh\necho out of luck; exit 7\n",
                r"failed \(status 7\): out of luck",
            ),
        ):
            main.write_text(text)
            main.chmod(0o755)
            with pytest.raises(fwp.FwpError, match=words):
                program.run()
    finally:
        main.unlink()
        main.write_bytes(kept)
        main.chmod(0o755)
    assert not list(program._folder.glob("run_*"))  # nothing is left of runs that failed


def test_devices_in_turns_give_right_results_also_after_a_failure(program):
    reference = numpy(circuit())
    for device in ("cpp_standalone", "numpy", "cpp_standalone"):
        found, info = devices.simulate(
            circuit(), Size(40, 8, 10), device=device, dt=DT, seed=0
        )
        assert info["device"] == device
        same(found, reference)
        with pytest.raises(fwp.FwpError, match="not a number"):
            devices.simulate(
                circuit(gain=float("nan")), Size(40, 8, 10), device=device, dt=DT, seed=0
            )


def test_an_interrupted_program_ends_and_the_next_run_is_right(program):
    def stop(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.run(duration=1e6 * b2.second, progress=stop)
    same(program.run(), numpy(circuit()))


def test_auto_runs_elsewhere_where_the_compiler_fails(cache, monkeypatch):
    def fails(project):
        raise Cannot("the compiler is broken")

    monkeypatch.setattr(compiled_builds, "program", fails)
    never_cython(monkeypatch)
    size = Size(10**8, 8, 10)
    found, info = devices.simulate(circuit(), size, device="auto", dt=DT, seed=0)
    assert info["device"] == "numpy" and "the compiler is broken" in info["device_reason"]
    same(found, numpy(circuit()))


@pytest.mark.slow
def test_threads_give_the_same_results(cache):
    def threaded():
        with pytest.warns(fwp.errors.FwpWarning, match="OpenMP"):
            return devices.simulate(
                circuit(),
                Size(40, 8, 10),
                device="cpp_standalone",
                dt=DT,
                seed=0,
                threads=2,
            )[0]

    found, expected = threaded(), numpy(circuit())
    same(threaded(), found)
    # each thread draws random numbers of its own, other ones than a single thread
    drawn = found.pop("u")
    assert ((drawn >= 0) & (drawn < 1)).all() and not np.array_equal(
        drawn, expected.pop("u")
    )
    same(found, expected)


# ---------------------------------------------------------------- cost


@pytest.mark.slow
def test_a_first_build_costs_two_thirds_of_brian2s_and_a_run_a_hundredth(
    tmp_path, monkeypatch
):
    """CPU time of compilers, with what is done once in a cache (the header) left out."""
    import resource

    from fwp_neuro.devices import brian2_state

    def used():
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        return now.ru_utime + now.ru_stime

    def stock(folder):
        with brian2_state.standalone("cpp_standalone", folder, DT, 0) as brian2:
            built = circuit()()
            built.network.run(built.duration, namespace={})
            start = used()
            brian2.device.build(directory=str(folder), run=False)
            return used() - start

    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path / "cache"))
    with devices.compiled(circuit(), dt=DT):
        pass  # makes the header
    ratios, runs = [], []
    for number in range(3):
        theirs = stock(tmp_path / f"stock_{number}")
        for place in compiled_builds.folder().iterdir():
            if place.is_dir() and not place.name.startswith("header_"):
                shutil.rmtree(place)
        start = used()
        with devices.compiled(circuit(), dt=DT) as program:
            ours = used() - start
            start = used()
            for _ in range(10):
                program.run()
            runs.append((used() - start) / 10 / ours)
        ratios.append(ours / theirs)
    assert sorted(ratios)[1] < 0.65, ratios
    assert sorted(runs)[1] < 0.01, runs
