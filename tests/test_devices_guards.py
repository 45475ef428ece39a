"""Guards: every trap of Brian2's devices that says nothing, as a network with it and
without it."""

import warnings

import brian2 as b2
import numpy as np
import pytest
from device_cases import built, cells, firing, never_cython, simulate

import fwp_neuro as fwp
from fwp_neuro import devices
from fwp_neuro.devices import Built, Size, brian2_state, guards
from fwp_neuro.errors import Cannot, FwpWarning


@pytest.fixture(autouse=True)
def no_compiler():
    """Values given as text are computed by numpy."""
    kept, b2.prefs.codegen.target = b2.prefs.codegen.target, "numpy"
    yield
    b2.prefs.codegen.target = kept


def generate(build, folder, device="cpp_standalone"):
    return devices.generate(build, device=device, dt=1 * b2.ms, seed=0, directory=folder)


# ---------------------------------------------------------------- left out


def build_with_a_list(inside):
    group = cells()
    monitors = [b2.StateMonitor(group, "v", record=True, name="forgotten")]
    return built(group, *(monitors if inside else ()), keep=(monitors,))


@pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
def test_what_is_not_in_the_network(device, tmp_path):
    run = simulate if device == "numpy" else lambda build: generate(build, tmp_path)
    with pytest.raises(fwp.FwpError, match="'forgotten' is not in the network"):
        run(lambda: build_with_a_list(False))
    run(lambda: build_with_a_list(True))


def test_objects_of_others_are_not_asked_for():
    mine = cells(name="mine")
    simulate(lambda: built(cells()))
    del mine


# ---------------------------------------------------------------- Python in a network


def build_with_an_operation():
    group = cells()

    @b2.network_operation(dt=1 * b2.ms, name="python")
    def add():
        group.z += 1

    return built(group, add, collect=lambda: {"z": np.array(group.z)})


def test_network_operations(tmp_path):
    words = (
        "network operation 'python' is a Python function, which a standalone program "
        "would"
    )
    for device in ("cpp_standalone", "cuda_standalone"):
        if device == "cuda_standalone":
            pytest.importorskip("brian2cuda")
        with pytest.raises(Cannot, match=words):
            generate(build_with_an_operation, tmp_path, device)
    assert simulate(build_with_an_operation)[0]["z"].tolist() == [3, 3]


def test_auto_takes_another_device_where_standalone_cannot(monkeypatch):
    monkeypatch.setattr(devices.device_choice, "has_compiler", lambda: True)
    size = Size(10**7, 20, 10**6)  # standalone would win
    assert devices.choose("auto", size)[0] == "cpp_standalone"
    never_cython(monkeypatch)
    found, info = devices.simulate(
        build_with_an_operation, size, device="auto", dt=1 * b2.ms, seed=0
    )
    assert (
        info["device"] == "numpy"
        and "not standalone: the network operation" in (info["device_reason"])
    )
    assert found["z"].tolist() == [3, 3]


# ---------------------------------------------------------------- the order of synapses


def connected(on_pre, target="same", on_post=None, model="w : 1"):
    group = cells(4, threshold="v > 1", reset="v = 0")
    others = {
        "same": group,
        "other": cells(4, name="others", threshold="v > 1", reset="v = 0"),
    }
    source, goal = group, others.get(target, group)
    if target == "parts":
        source, goal = group[:2], group[2:]
    paths = b2.Synapses(source, goal, model, on_pre=on_pre, on_post=on_post, name="paths")
    paths.connect()
    return built(group, *([] if target in ("same", "parts") else [goal]), paths)


@pytest.mark.parametrize(
    ("on_pre", "on_post", "words"),
    [
        (
            "z_pre += w\nw += z_post",
            None,
            "on_pre of 'paths' writes z_pre and reads z_post",
        ),
        ("z_post += z_pre", None, "on_pre of 'paths' writes z_post and reads z_pre"),
        (
            "v += 1",
            "w += v_pre; v_post += 1",
            "on_post of 'paths' writes v_post and reads v_pre",
        ),
        ("v += w*z_pre  # z_post = 1", None, ""),
        ("z_pre = 1\nw = z_pre", None, ""),
        ("z_pre += 1", "w += z_post", ""),
    ],
)
def test_text_that_depends_on_the_order_of_synapses(on_pre, on_post, words):
    if not words:
        guards.same_cells_on_both_sides(connected(on_pre, on_post=on_post).network)
        return
    for target in ("other", "parts"):
        guards.same_cells_on_both_sides(connected(on_pre, target, on_post).network)
    with pytest.raises(fwp.FwpError, match=words):
        simulate(lambda: connected(on_pre, on_post=on_post))


def test_the_order_of_synapses_also_within_expressions():
    model = "w : 1\nseen = z_post : 1"
    with pytest.raises(fwp.FwpError, match="writes z_pre and reads z_post"):
        guards.same_cells_on_both_sides(
            connected("z_pre += w; w += seen", model=model).network
        )
    guards.same_cells_on_both_sides(connected("w += seen", model=model).network)


@pytest.mark.parametrize(("flag", "on_pre"), [("event-driven", None), ("event-driven",
    "v += w"),
                                             ("clock-driven", None)])  # fmt: skip
def test_event_driven_variables_that_nothing_brings_up_to_date(flag, on_pre):
    group = firing()
    paths = b2.Synapses(group, group, f"dw/dt = -w/(5*ms) : 1 ({flag})", on_pre=on_pre,
                        method="exact", name="paths")  # fmt: skip
    paths.connect(j="i")
    network = b2.Network(group, paths)
    if flag == "clock-driven" or on_pre:
        guards.event_driven(network)
        return
    with pytest.raises(
        fwp.FwpError, match="'w' of 'paths' is event-driven, but without on_pre"
    ):
        guards.event_driven(network)


# ---------------------------------------------------------------- CUDA


def build_with_own_clock(group_dt=None, synapses_dt=None, monitor_dt=None):
    group = firing(dt=group_dt)
    paths = b2.Synapses(
        group, group, "w : 1", on_pre="v += w", name="paths", dt=synapses_dt
    )
    paths.connect(j="i")
    course = b2.StateMonitor(group, "v", record=True, dt=monitor_dt, name="course")
    group.run_regularly("z += 1", dt=monitor_dt)
    return built(group, paths, course)


@pytest.mark.parametrize(
    ("dts", "words"),
    [
        ({"group_dt": 2 * b2.ms}, "'cells' is on a clock of its own"),
        ({"synapses_dt": 2 * b2.ms}, "'paths' is on a clock of its own"),
        (
            {"group_dt": 2 * b2.ms, "synapses_dt": 2 * b2.ms},
            "'cells', 'paths' are on a clock",
        ),
        ({"monitor_dt": 2 * b2.ms}, ""),
        ({}, ""),
    ],
)
def test_clocks_on_cuda(dts, words):
    network = build_with_own_clock(**dts)
    if not words:
        guards.clocks(network.network)
        return
    with pytest.raises(fwp.FwpError, match=words):
        guards.clocks(network.network)


def test_a_network_without_the_clock_of_the_run_on_cuda():
    group = cells()
    course = b2.StateMonitor(group, "v", record=True, dt=2 * b2.ms)
    guards.clocks(b2.Network(group, course))
    with pytest.raises(
        fwp.FwpError, match="nothing in the network runs with the time step"
    ):
        guards.clocks(b2.Network(course))


def build_with_a_function(*targets):
    def double(x):
        return 2 * x

    function = b2.check_units(x=1, result=1)(double)
    for target, text in (
        ("cuda", "__host__ __device__ double double_(double x) {return 2*x;}"),
    ):
        if target in targets:
            function = b2.implementation(target, text)(function)
    function = b2.check_units(x=1, result=1)(function) if not targets else function
    group = b2.NeuronGroup(
        2,
        "v : 1",
        namespace={
            "twice": b2.Function(double, arg_units=[1], return_unit=1)
            if not targets
            else function
        },
        name="cells",
    )
    return built(group)


def test_functions_without_cuda_text():
    pytest.importorskip("brian2cuda")
    with pytest.raises(
        fwp.FwpError, match="the function 'twice' of 'cells' has no CUDA text"
    ):
        guards.functions(build_with_a_function().network)
    guards.functions(build_with_a_function("cuda").network)
    table = b2.TimedArray([1.0, 2.0], dt=1 * b2.ms)
    guards.functions(
        b2.Network(b2.NeuronGroup(1, "v = table(t) : 1", namespace={"table": table}))
    )


@pytest.mark.parametrize(
    ("on_pre", "poisson", "words"),
    [
        ("v += w*rand()", False, "'paths' draw random numbers"),
        ("v += w", True, "'noise' draw random numbers"),
        ("v += w*brand", False, ""),
    ],
)
def test_random_numbers_on_cuda(on_pre, poisson, words):
    group = firing()
    model = "w : 1\nbrand : 1"
    paths = b2.Synapses(group, group, model, on_pre=on_pre, name="paths")
    noise = [b2.PoissonGroup(2, 5 * b2.Hz, name="noise")] if poisson else []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FwpWarning)
        guards.random_numbers(b2.Network(group, paths, *noise))
    said = [str(item.message) for item in caught if item.category is FwpWarning]
    assert len(said) == bool(words) and all(words in each for each in said)


@pytest.mark.parametrize("what", ["delay", "dt", "delay by text", "w", "before"])
def test_timing_that_changes_between_runs_on_cuda(what, tmp_path):
    with brian2_state.standalone("cpp_standalone", tmp_path, 1 * b2.ms, 0) as brian2:
        group = firing()
        paths = b2.Synapses(group, group, "w : 1", on_pre="v += w", name="paths")
        paths.connect(i=[0, 1], j=[1, 0])
        paths.delay = 2 * b2.ms if what == "before" else "1*ms"
        network = b2.Network(group, paths)
        network.run(2 * b2.ms, namespace={})
        if what == "delay":
            paths.delay = 3 * b2.ms
        elif what == "delay by text":
            paths.delay = "2*ms*(i + 1)"
        elif what == "dt":
            b2.defaultclock.dt = 0.5 * b2.ms
        else:
            paths.w = 2
        network.run(2 * b2.ms, namespace={})
        device = brian2.get_device()
        if what in ("w", "before"):
            guards.timing_between_runs(device)
        else:
            name = what.split()[0]
            with pytest.raises(
                fwp.FwpError, match=f"{name} of '\\w+' changes between two runs"
            ):
                guards.timing_between_runs(device)


# ------------------------------------------------------- what Brian2 refuses in its words


def read_before():
    group = cells()
    group.v = "rand()"
    return built(
        group, collect=lambda: {"v": np.array(group.v)}, keep=(float(group.v[0]),)
    )


def stored():
    group = cells()
    network = b2.Network(group)
    network.store()
    return Built(network, dict, 1 * b2.ms)


def recorded():
    group = firing()
    paths = b2.Synapses(group, group, "w : 1", on_pre="v += w", name="paths")
    paths.connect(p=0.5)
    return built(group, paths, b2.StateMonitor(paths, "w", record=True))


def gone():
    b2.NeuronGroup(1, "x : 1", name="gone").x = 3
    return built(cells())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (read_before, "a value was read before the run"),
        (stored, "store and restore do not work with device='cpp_standalone'"),
        (recorded, "record=True of synapses does not work with device='cpp_standalone'"),
    ],
)
def test_refusals_are_one_sentence(build, words, tmp_path):
    with pytest.raises(Cannot, match=words):
        generate(build, tmp_path)
    simulate(build)


def test_an_object_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(
        fwp.FwpError, match="'gone' is not in the network|object that is gone"
    ):
        generate(gone, tmp_path)
