"""Generated CUDA code computes what C++ computes: emulated on the CPU, not run on a GPU.

Many circuits share one project, which is compiled once and run twice: with its threads
one after another in order, and in blocks of four that take their turns in shuffled order.
"""

import shutil

import brian2 as b2
import numpy as np
import pytest
from cuda_on_cpu import run

pytest.importorskip("brian2cuda")
if shutil.which("g++") is None:
    pytest.skip("no g++ to compile the CUDA project with", allow_module_level=True)

from cuda_cases import (  # noqa: E402
    CERTAIN,
    CIRCUITS,
    DELAYED,
    MODELS,
    NETWORKS,
    POISSON,
    REFUSED,
    RULES,
)

RUNS = ("forward", "shuffled")


def both(cases, folder, runs=RUNS):
    """Return what C++ and, for each run, CUDA on the CPU leave behind, circuit -> name ->
    array."""
    made = {name: case() for name, case in cases.items()}
    builds = {name: build for name, (build, _) in made.items()}
    (dt,) = {float(dt) for _, dt in made.values()}
    dt = dt * b2.second
    cpp = run(builds, "cpp_standalone", folder / "cpp", dt)["forward"].found
    cuda = run(builds, "cuda_standalone", folder / "cuda", dt, runs=runs)
    return {"cpp": cpp, **{name: one.found for name, one in cuda.items()}}


def check_same(expected, found):
    """The same spikes, and every state of cells and synapses to 1e-12 of its largest
    value."""
    assert expected.keys() == found.keys() and expected
    for name, array in expected.items():
        if name.startswith("spikes"):
            assert np.array_equal(found[name], array), name
        else:
            difference = np.abs(found[name] - 1.0 * array).max(initial=0)
            assert difference <= 1e-12 * np.abs(array).max(initial=0), name


def check_alive(name, found):
    """Cells that can spike do so, and something is left in cells or synapses."""
    spikes = [array for label, array in found.items() if label.startswith("spikes")]
    assert not spikes or sum(map(len, spikes)), name
    states = [
        a for label, a in found.items() if not label.startswith("spikes") and a.size
    ]
    assert any(np.abs(array).max() > 0 for array in states), name


def check_runs(found, name):
    """Each run of CUDA leaves behind what C++ does, and that is something."""
    check_alive(name, found["cpp"][name])
    for each in RUNS:
        check_same(found["cpp"][name], found[each][name])


def apart(one, other):
    """The largest difference of all states, and whether all spikes are the same."""
    spikes = all(np.array_equal(one[n], other[n]) for n in one if n.startswith("spikes"))
    states = [
        np.abs(one[n] - 1.0 * other[n]).max() for n in one if not n.startswith("spikes")
    ]
    return max(states), spikes


#: published models of each kind
SOME = ("nmda_per_synapse", "pair_stdp", "tsodyks_markram")
OTHERS = {name: case for name, case in MODELS.items() if name not in SOME}


#: a rate circuit, a spiking one and a synapse model, for a project that compiles soon
FEW = ("rate, event", "spiking, population", "pair_stdp")


@pytest.fixture(scope="module")
def of_few(tmp_path_factory):
    cases = {name: (CIRCUITS | MODELS)[name] for name in FEW}
    return both(cases, tmp_path_factory.mktemp("few"))


@pytest.mark.parametrize("name", FEW)
def test_cuda_computes_what_cpp_computes_for_a_few(of_few, name):
    check_runs(of_few, name)


# ---------------------------------------------------------------- all of them


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    models = {name: MODELS[name] for name in SOME}
    return both(CIRCUITS | models | REFUSED, tmp_path_factory.mktemp("together"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CIRCUITS, *SOME])
def test_cuda_computes_what_cpp_computes(together, name):
    check_runs(together, name)


@pytest.mark.slow
def test_shuffled_threads_show_a_result_that_depends_on_their_order(together):
    name = "same cells on both sides"
    forward, shuffled = (together[each][name] for each in RUNS)
    assert apart(forward, shuffled)[0] > 1e-6


@pytest.mark.slow
def test_cuda_delivers_late_where_cells_have_a_time_step_of_their_own(together):
    """A fault of brian2cuda, for which such circuits are refused. No longer there? Allow
    them."""
    name = "a time step of their own"
    off, same_spikes = apart(together["cpp"][name], together["forward"][name])
    assert same_spikes and off >= 1


@pytest.fixture(scope="module")
def of_others(tmp_path_factory):
    return both(OTHERS, tmp_path_factory.mktemp("others"))


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_cuda_computes_what_cpp_computes_for_every_model(of_others, name):
    check_runs(of_others, name)


@pytest.fixture(scope="module")
def of_rules(tmp_path_factory):
    return both(RULES, tmp_path_factory.mktemp("rules"))


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_cuda_computes_what_cpp_computes_for_every_rule(of_rules, name):
    check_runs(of_rules, name)


def of_network(name, folder):
    """Return what C++ and the two runs of CUDA leave behind of one network, name ->
    array."""
    runs = ("forward", "narrow") if name in DELAYED else RUNS
    found = both({name: (POISSON | NETWORKS)[name]}, folder, runs)
    return [found[each][name] for each in ("cpp", *runs)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CERTAIN)
def test_network_models_without_noise(tmp_path, name):
    cpp, *others = of_network(name, tmp_path)
    check_alive(name, cpp)
    for cuda in others:
        check_same(cpp, cuda)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*POISSON, *(n for n in NETWORKS if n not in CERTAIN)])
def test_random_numbers_differ_but_not_what_follows_from_them(tmp_path, name):
    """Any order of threads gives the same spikes, and about as many as C++ code."""
    cpp, *others = of_network(name, tmp_path)
    off, same_spikes = apart(*others)
    assert same_spikes and off < 1e-9
    one, two = (
        sum(len(array) for label, array in found.items() if label.startswith("spikes"))
        for found in (cpp, others[0])
    )
    assert min(one, two) > 20
    assert abs(one - two) < 5 * np.sqrt(one + two) + 0.1 * one
