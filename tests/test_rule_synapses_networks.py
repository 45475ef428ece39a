"""Fast-weight rules between anybody's Brian2 cells: what a network does with them as it
runs."""

import brian2 as b2
import numpy as np
import pytest
from rule_synapse_cases import plain_brian, rate_cells  # noqa: F401  plain_brian is a fixture

import fwp_neuro as fwp
from fwp_neuro.circuits import connect
from fwp_neuro.circuits.plastic.connecting import LAYOUTS

ms = b2.ms


def small(size=(4, 3), **options):
    """Delta between cells whose variables stay; event dynamics if not told otherwise."""
    pre, post = rate_cells("pre", size[0]), rate_cells("post", size[1], "y : 1", 1)
    given = {
        "every": 3 * ms,
        "gate": 0.3,
        "names": {"k": "x", "q": "z", "v": "x", "readout": "y"},
    }
    made = connect("delta", pre, post, **{**given, **options})
    w = np.random.default_rng(2).normal(size=size)
    made.set("w", w.ravel())
    return pre, post, made, w


def deltas(w, k, v, times, beta=0.3):
    for _ in range(times):
        w = w + beta * np.outer(k, v - k @ w)
    return w


@pytest.mark.parametrize("layout", LAYOUTS)
def test_handles_freeze_set_and_restore(layout):
    pre, post, made, w = small(layout=layout)
    k, v, q = (np.array(one) for one in (pre.x[:], post.x[:], pre.z[:]))
    network = b2.Network(pre, post, made.objects)
    network.run(6 * ms, namespace={})
    after = deltas(w, k, v, 2)
    np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
    network.store("two")
    made.freeze()
    pre.z = 2 * q
    network.run(6 * ms, namespace={})
    np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
    np.testing.assert_allclose(post.y[:], 2 * q @ after, atol=1e-12)  # reading goes on
    made.thaw()
    network.run(3 * ms, namespace={})
    np.testing.assert_allclose(
        made.values("w").reshape(w.shape), deltas(w, k, v, 3), atol=1e-12
    )
    network.restore("two")
    network.run(2 * ms, namespace={})  # an interval that is not over writes nothing
    np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
    made.set("w", 0)
    network.run(1 * ms, namespace={})
    once = deltas(0 * w, k, v, 1)
    np.testing.assert_allclose(made.values("w").reshape(w.shape), once, atol=1e-12)


def test_continuous_dynamics_freeze_too():
    pre, post, made, w = small(every=None, dynamics="continuous", gate=5 * b2.Hz)
    network = b2.Network(pre, post, made.objects)
    network.run(4 * ms, namespace={})
    after = deltas(w, pre.x[:], post.x[:], 4, beta=5e-3)
    np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
    made.freeze()
    network.run(4 * ms, namespace={})
    np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
    np.testing.assert_allclose(post.y[:], pre.z[:] @ after, atol=1e-12)


@pytest.mark.parametrize("coarse", ["pre", "post"])
def test_intervals_end_where_they_should_at_any_length_and_clock(coarse):
    dt = {side: (2 if side == coarse else 1) * ms for side in ("pre", "post")}
    pre = b2.NeuronGroup(1, "k : 1", dt=dt["pre"])
    post = b2.NeuronGroup(1, "v : 1", dt=dt["post"])
    pre.k = post.v = 1
    made = connect("hebb", pre, post, gate=1, every=3000 * ms)
    network, ends = b2.Network(pre, post, made.objects), []
    for steps in (2998, 2, 2998, 2):
        network.run(steps * ms, namespace={})
        ends.append(made.values("w")[0])
    assert ends == [0, 1, 1, 2]
    if coarse == "post":  # which sees it in its next time step
        network.run(2 * ms, namespace={})
    assert post.readout[0] == 2
    finer = pre if coarse == "post" else post
    finer.clock.dt = 0.7 * ms
    with pytest.raises(fwp.FwpError, match="must be a whole number|whole multiple"):
        network.run(7 * ms, namespace={})


@pytest.mark.parametrize("mapped", [True, False])
def test_read_outs_of_both_dynamics_add_up(mapped):
    first, second = rate_cells("a", 4, seed=3), rate_cells("b", 5, seed=4)
    post = rate_cells("post", 3, "y : 1", 1)
    names = {"k": "x", "v": "x", "q": "z"} | ({"readout": "y"} if mapped else {})
    made = [
        connect("hebb", first, post, gate=0, names=names, every=2 * ms),
        connect("hebb", second, post, gate=0 * b2.Hz, names=names, dynamics="continuous"),
    ]
    made[0].set("w", 0.5)
    made[1].set("w", 2)
    network = b2.Network(first, second, post, *(one.objects for one in made))
    for steps in (4, 1):
        network.run(steps * ms, namespace={})
        read = 0.5 * first.z[:].sum() + 2 * second.z[:].sum()
        found = getattr(post, "y" if mapped else "readout")
        np.testing.assert_allclose(found[:], read, atol=1e-12)


@pytest.mark.parametrize("options", [{"every": 2 * ms}, {"dynamics": "continuous"}])
@pytest.mark.parametrize("mapped", [True, False])
def test_read_outs_of_several_projections_add_up(options, mapped):
    gate = 0.0 if "every" in options else 0 * b2.Hz
    first, second = rate_cells("a", 4, seed=3), rate_cells("b", 5, seed=4)
    post = rate_cells("post", 3, "y : 1", 1)
    names = {"k": "x", "v": "x", "q": "z"} | ({"readout": "y"} if mapped else {})
    made = [
        connect("hebb", one, post, gate=gate, names=names, **options)
        for one in (first, second)
    ]
    expected = 0
    for one, cells in zip(made, (first, second), strict=True):
        w = np.random.default_rng(len(cells)).normal(size=(len(cells), 3))
        one.set("w", w.ravel())
        expected = expected + cells.z[:] @ w
    network = b2.Network(first, second, post, *(one.objects for one in made))
    network.run(4 * ms, namespace={})
    np.testing.assert_allclose(
        getattr(post, "y" if mapped else "readout")[:], expected, atol=1e-12
    )


@pytest.mark.parametrize("options", [{"every": 2 * ms}, {"dynamics": "continuous"}])
def test_a_group_teaches_parts_of_groups_with_sparse_connections(options):
    event = "every" in options
    gate = 0.2 if event else 20 * b2.Hz
    whole = {side: rate_cells(side, 7, seed=n) for n, side in enumerate(("pre", "post"))}
    pre, post = whole["pre"][2:6], whole["post"][1:4]
    teacher = rate_cells("teacher", 3, seed=9)
    i, j = np.array([0, 1, 3, 0, 2]), np.array([0, 0, 1, 2, 2])
    made = connect(
        "delta",
        pre,
        post,
        gate=gate,
        teacher=teacher,
        connect={"i": i, "j": j},
        names={"k": "x", "v": "z"},
        **options,
    )
    network = b2.Network(*whole.values(), teacher, made.objects)
    network.run(4 * ms, namespace={})
    mask = np.zeros((4, 3))
    mask[i, j] = 1
    w, k = np.zeros((4, 3)), whole["pre"].x[2:6]
    for _ in range(2 if event else 4):
        w = w + (0.2 if event else 0.02) * mask * np.outer(k, teacher.z[:] - k @ w)
    np.testing.assert_allclose(made.values("w"), w[i, j], atol=1e-12)
    read = k @ w if event else k @ (w - 0)  # without a query the key is read
    if event:
        np.testing.assert_allclose(whole["post"].readout[1:4], read, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"every": 1 * ms, "gate": 0.1}, {"dynamics": "continuous", "gate": 100 * b2.Hz}],
)
def test_cells_are_connected_with_themselves_and_gates_keep_their_names(options):
    cells = rate_cells("cells", 4, "beta : 1\nv : 1")
    cells.v = 7  # of no rule
    x, z = np.array(cells.x), np.array(cells.z)
    gate = options["gate"]
    table = b2.TimedArray([float(gate)] * (1 if "every" in options else b2.Hz), dt=1 * ms)
    made = connect("oja", cells, cells, **{**options, "gate": table},
                   teacher=rate_cells("t", 4),
                   names={"k": "z", "q": "x", "v": "x"})  # fmt: skip
    network = b2.Network(cells, made.objects, *[o.source for o in made.objects[-1:]])
    network.run(3 * ms, namespace={})
    w = np.zeros((4, 4))
    for _ in range(3):
        w = w + 0.1 * (z - w @ x)[:, None] * x
    np.testing.assert_allclose(made.values("w").reshape(4, 4), w, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "sets"), [("bcm", "linear"), ("nmda_jump", None)])
def test_sums_find_variables_that_are_attached(name, sets, layout):
    pre = b2.PoissonGroup(3, 50 * b2.Hz)
    post = rate_cells("post", 2, threshold="x > 1e9", reset="")
    made = connect(fwp.synapses.get(name, sets), pre, post, layout=layout)
    own = post.equations
    b2.Network(pre, post, made.objects).run(2 * ms, namespace={})
    assert set(own.names) == {"x", "z"}  # the cells' equations are theirs again


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp_standalone"])
@pytest.mark.parametrize(
    "options", [{}, {"every": None, "dynamics": "continuous", "gate": 100 * b2.Hz}]
)
def test_compiled_targets_give_the_same(target, options, tmp_path):
    if target == "cython":
        b2.prefs.codegen.target = "cython"
    else:
        b2.set_device("cpp_standalone", directory=str(tmp_path), build_on_run=True)
    try:
        pre, post, made, w = small(**options)
        network = b2.Network(pre, post, made.objects)
        network.run(6 * ms, namespace={})
        k, v, q = (np.array(one) for one in (pre.x[:], post.x[:], pre.z[:]))
        beta, times = (0.3, 2) if not options else (0.1, 6)
        after = deltas(w, k, v, times, beta)
        np.testing.assert_allclose(made.values("w").reshape(w.shape), after, atol=1e-12)
        read = q @ (after if not options else deltas(w, k, v, 5, beta))
        np.testing.assert_allclose(post.y[:], read, atol=1e-12)
    finally:
        if target == "cpp_standalone":
            b2.device.reinit()
            b2.set_device("runtime")
