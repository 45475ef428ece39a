"""Numbers of cells that fire: the same law as cells that fire one by one."""

import ctypes
import subprocess
import time

import brian2 as b2
import numpy as np
import pytest
from scipy import stats

import fwp_neuro as fwp
from fwp_neuro import toolchain
from fwp_neuro.circuits import head_layout
from fwp_neuro.circuits.collector import Collector
from fwp_neuro.circuits.head_layout import fired_cells
from fwp_neuro.circuits.which_cells_fired import identify

ms = b2.ms
#: cells, probability: few and many that fire, both branches, both edges
CASES = [(1, 0.3), (10, 0.5), (100, 0.025), (100, 0.05), (100, 0.97), (1000, 0.2),
         (100_000, 0.3), (100, 0.0), (7, 1.0)]  # fmt: skip


@pytest.fixture(scope="module")
def in_c(tmp_path_factory):
    """The C++ text as a function of arrays."""
    compiler = toolchain.find()
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("counts")
    text = "#include <cmath>\nusing namespace std;\n"
    text += head_layout.COUNTS_IN_C.format(qualifiers="static inline")
    text += """
    extern "C" void every(long size, const double* u, double n, double p, double* out)
    { for (long i = 0; i < size; i++) out[i] = fired_cells(u[i], n, p); }"""
    (folder / "counts.cpp").write_text(text)
    command = [compiler, "-O2", "-shared", "-fPIC", "counts.cpp", "-o", "counts.so"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "counts.so"))
    pointer = ctypes.POINTER(ctypes.c_double)
    library.every.argtypes = [ctypes.c_long, pointer, *2 * [ctypes.c_double], pointer]

    def call(u, n, p):
        out = np.empty_like(u)
        library.every(
            len(u), u.ctypes.data_as(pointer), n, p, out.ctypes.data_as(pointer)
        )
        return out

    return call


@pytest.mark.parametrize(("n", "p"), CASES)
def test_counts_in_c_are_binomial(in_c, n, p):
    u = (np.arange(200_000) + 0.5) / 200_000  # every part of [0, 1) alike
    found = in_c(u, n, p)
    values, many = np.unique(found, return_counts=True)
    expected = stats.binom.pmf(values, n, p)
    # how much of [0, 1) leads to a count, to the width of a cell of u
    np.testing.assert_allclose(many / len(u), expected, rtol=0, atol=2.5 / len(u))
    assert expected.sum() > 1 - 1e-3
    if n * p < 50 and 0 < p < 1:  # there it is the inverse of the distribution function
        np.testing.assert_array_equal(found, stats.binom.ppf(u, n, p))
    assert in_c(np.array([0.0, 1 - 2**-53]), n, p).max() <= n


@pytest.mark.parametrize(("n", "p"), CASES)
def test_counts_in_numpy_are_those_in_c(in_c, n, p):
    # in the last 1e-13 of [0, 1) the rounding of the sums decides
    u = np.concatenate([np.random.default_rng(1).random(20_000), [0.0, 1 - 1e-9]])
    np.testing.assert_array_equal(fired_cells(u, float(n), p), in_c(u, n, p))


def test_populations_with_other_probabilities_have_their_own_counts(in_c):
    p = np.array([0.0, 0.3, 1.0, 0.05, 0.97, 1e-5, 1e-5])
    u = np.random.default_rng(2).random(len(p))
    for n in (1, 100, 1000, 100_000):
        expected = [in_c(u[[one]], n, each)[0] for one, each in enumerate(p)]
        np.testing.assert_array_equal(fired_cells(u, float(n), p), expected)


def test_all_choices_of_cells_are_alike():
    rng = np.random.default_rng(0)
    step, cell = identify(np.full((6000, 1), 2), 4, rng)
    pairs = np.sort(cell.reshape(-1, 2), axis=1)
    assert (pairs[:, 0] < pairs[:, 1]).all()  # nobody twice
    _, many = np.unique(pairs, axis=0, return_counts=True)
    assert len(many) == 6 and stats.chisquare(many).pvalue > 1e-3
    assert step.tolist() == np.repeat(np.arange(6000), 2).tolist()


@pytest.mark.parametrize("count", [0, 1, 29, 30])
def test_many_of_the_cells_of_each_number(count):
    counts = np.zeros((3, 2), int)
    counts[1] = [count, 1]
    step, cell = identify(counts, 30, np.random.default_rng(1))
    assert (step == 1).all() and len(cell) == count + 1
    assert len(set(cell[:count])) == count and (cell[:count] < 30).all()
    assert (cell[count:] >= 30).all() and (cell[count:] < 60).all()


@pytest.mark.parametrize(("cells", "count"), [(2000, 100), (2000, 1000), (50, 48)])
def test_cells_of_large_populations_are_found_in_time(cells, count):
    counts = np.full((400, 5), count)
    begun = time.process_time()
    step, cell = identify(counts, cells, np.random.default_rng(0))
    assert time.process_time() - begun < 4  # 100 s and more, number by number
    assert len(np.unique(step * 5 * cells + cell)) == len(cell) == counts.sum()
    assert np.bincount(step * 5 + cell // cells).tolist() == [count] * 2000
    share = np.bincount(cell % cells, minlength=cells) / 2000  # of times that it fired
    p = count / cells
    assert abs(share - p).max() < 5 * np.sqrt(p * (1 - p) / 2000)


def test_populations_choose_their_cells_each_on_its_own():
    counts = np.full((50, 3), 4)
    found = []
    for name in ("delta", "decay"):  # as long, and with the same first letter
        seed = Collector.seed_of(3, name)
        found.append(identify(counts, 40, np.random.default_rng(seed))[1])
    assert (found[0] != found[1]).mean() > 0.5


def test_more_cells_than_fit_into_memory_are_one_sentence():
    program = fwp.tasks.associative_recall(tokens=1, dim=3, beta=0.5)
    with pytest.raises(fwp.FwpError, match="the cells of population 'key' would be"):
        fwp.run(program, "delta", "spiking", cells=1e9, record_spikes=False)


def test_spikes_of_a_run_are_those_of_independent_cells():
    program = fwp.tasks.associative_recall(tokens=3, dim=4, beta=0.5, seed=2)
    timeline = fwp.circuits.Timeline(settle=60 * ms)
    given = dict(cells=40, timeline=timeline, seed=4, record_spikes=True)
    rec = fwp.run(program, "delta", "spiking", **given)
    teachers = rec.spikes("teacher")
    steps = round(rec.duration / 0.5e-3)
    channels = 8
    fired = np.zeros((channels * 40, steps), bool)
    fired[teachers["number"], np.round(teachers["time"] / 0.5e-3).astype(int)] = True
    assert fired.sum() == teachers.sizes["spike"]  # no cell twice in a step
    silent = slice(660, 960)  # the query is shown: all teachers at their baseline
    p = 0.5 * 100 * 0.5e-3
    train = fired[:, silent]
    error = np.sqrt(p * (1 - p) / train.size)
    assert abs(train.mean() - p) < 4 * error
    # cells know nothing of each other, nor of their own past
    pairs = (train[0::2] & train[1::2]).mean()
    again = (train[:, 1:] & train[:, :-1]).mean()
    for found in (pairs, again):
        assert abs(found - p**2) < 5 * p / np.sqrt(train.size / 2)
    # intervals of a Bernoulli train are geometric; long ones rarely fit into the window
    gaps = np.concatenate([np.diff(np.flatnonzero(one)) for one in train])
    gap = np.arange(1, train.shape[1])
    share = (1 - p) ** gap * (train.shape[1] - gap)
    mean = (gap * share).sum() / share.sum()
    assert abs(gaps.mean() - mean) < 4 * gaps.std() / np.sqrt(gaps.size)
    for name in ("readout", "weights"):
        alone = fwp.run(program, "delta", "spiking", **{**given, "record_spikes": False})
        np.testing.assert_array_equal(rec[name], alone[name])
