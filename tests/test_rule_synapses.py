"""Fast-weight rules between anybody's Brian2 cells."""

import brian2 as b2
import numpy as np
import pytest
import receptor_oracle
from cannot import can
from oracles import draw, draw_states
from rule_cases import by_token, continuous_network, event_network, windows
from test_rate import make

import fwp_neuro as fwp
from fwp_neuro.circuits import cells as cell_groups
from fwp_neuro.circuits import connect, phases, schedule
from fwp_neuro.circuits.calibration import learning_rate
from fwp_neuro.circuits.plastic import LAYOUTS
from fwp_neuro.errors import FwpWarning
from fwp_neuro.rules import rule, rules

ms = b2.ms
EXACT = 1e-10
TOKENS, PRE, POST = 5, 6, 4


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    before = b2.defaultclock.dt
    b2.defaultclock.dt = 1 * ms
    yield
    b2.defaultclock.dt = before


def programme(name, seed=0, tokens=TOKENS):
    rng = np.random.default_rng([seed, 7])
    signals = {"k": rng.normal(size=(tokens, PRE)), "v": rng.normal(size=(tokens, POST))}
    signals |= draw(rule(name), (tokens,), PRE, POST, seed)
    signals["k"] /= np.linalg.norm(signals["k"], axis=-1, keepdims=True)
    return fwp.Program(**signals), draw_states(rule(name), (), PRE, POST, seed)


@pytest.mark.parametrize("name", rules())
def test_event_dynamics_are_the_rate_circuit(name):
    program, states = programme(name)
    at = rules().index(name)
    pre, post, made = event_network(
        name,
        program,
        states,
        layout=LAYOUTS[at % 2],
        gate_as=("table", "variable")[at // 2 % 2],
    )
    y, found = by_token(made, (pre, post), program, 5 * ms, states)
    reference = fwp.run(
        program, name, "rate", initial_states=states, dynamics="event", device="numpy"
    )
    for state, array in found.items():
        other = reference["weights" if state == "w" else state].values
        np.testing.assert_allclose(array, other, rtol=0, atol=EXACT)
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", [n for n in rules() if can(phases.derive, rule(n))])
def test_continuous_dynamics_are_the_rate_circuit(name):
    program, weights = make(name)
    own, gates, per, homes = windows(name, program, 5, 1e-3)
    groups, made = continuous_network(
        name, own, gates, 5 * ms, homes, weights, LAYOUTS[rules().index(name) % 2]
    )
    y, found = by_token(made, groups, program, 5 * per * ms)
    reference = fwp.run(
        program,
        name,
        "rate",
        initial_weights=weights,
        dt=1 * ms,
        window=5 * ms,
        device="numpy",
    )
    assert reference.provenance["options"]["dynamics"] == "continuous"
    np.testing.assert_allclose(
        found["w"], reference["weights"].values, rtol=0, atol=EXACT
    )
    np.testing.assert_allclose(y, reference["readout"].values, rtol=0, atol=EXACT)


# ---------------------------------------------------------------- NMDA-gated writes

CELL = """
dv/dt = (-70*mV - v + (0.125 + g_in{unit})*(0*mV - v))/(10*ms) : volt
dg_in/dt = -g_in/(5*ms) : {dim}
v_dend : volt
"""


def trains(size, steps, chance, seed):
    rng = np.random.default_rng(seed)
    table = rng.random((steps, size)) < chance
    table[0] = False
    return table


def source(table, dt, name):
    step, cell = np.nonzero(table)
    return b2.SpikeGeneratorGroup(table.shape[1], cell, step * dt, name=f"{name}*")


def biophysical(
    name,
    gates,
    *,
    layout="factorised",
    siemens=False,
    steps=400,
    dt=0.5 * ms,
    size=(5, 3),
    inhibition=None,
    voltage=None,
    pairs=None,
):
    """Spikes, weights at the start and [step, pre, post], and v [step, post] of a run."""
    b2.defaultclock.dt = dt
    keys, teachers = trains(size[0], steps, 0.05, 1), trains(size[1], steps, 0.04, 2)
    pre, taught = source(keys, dt, "keys"), source(teachers, dt, "teachers")
    unit, dim = ("/(10*nS)", "siemens") if siemens else ("", "1")
    post = b2.NeuronGroup(
        size[1], CELL.format(unit=unit, dim=dim), method="exponential_euler"
    )
    post.v = "(-70*mV)/(1 + 0.125)"
    if voltage is not None:
        post.namespace["dend"] = b2.TimedArray(voltage * b2.volt, dt=dt)
        post.run_regularly("v_dend = dend(t, i)", when="before_start", order=-1, dt=dt)
    rule_of = name
    if inhibition is not None:
        rule_of = fwp.synapses.of_rule(name, "biophysical").changed(inhibition=inhibition)
    names = {"conductance": "g_in"} | ({"membrane": "v"} if "delta" in name else {})
    made = connect(
        rule_of,
        pre,
        post,
        gate=gates,
        names=names,
        layout=layout,
        form=None if inhibition is not None else "biophysical",
        teacher="v_dend" if voltage is not None else taught,
        connect=pairs,
    )
    w = np.random.default_rng(3).uniform(0.6, 1.4, size)
    made.set("w", w.ravel())
    weights = made.monitor("w")
    volts = b2.StateMonitor(post, "v", record=True)
    network = b2.Network(pre, post, taught, *made.objects, weights, volts)
    network.run(steps * dt, namespace={})
    return keys, teachers, w, weights.w.T.reshape(-1, *size), np.array(volts.v).T, made


def opened(steps, values):
    """A gate that changes along the way, [step, 1]."""
    return np.repeat(np.array(values), -(-steps // len(values)))[:steps, None]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["hebb", "decayed_hebb", "delta", "gated_delta"])
def test_biophysical_form_is_its_oracle(name, layout):
    dt, steps = 0.5e-3, 400
    gate = opened(steps, [0.0, 20.0, 0.0, 8.0])
    decay = opened(steps, [0.0, 3.0]) * ("alpha" in rule(name).gates)
    gates = {"beta": b2.TimedArray(gate[:, 0] * b2.Hz, dt=dt * b2.second)}
    if decay.any():
        gates["alpha"] = b2.TimedArray(decay[:, 0] * b2.Hz, dt=dt * b2.second)
    keys, teachers, w, found, volts, made = biophysical(name, gates, layout=layout)
    eta = made.model.parameters["eta"]
    assert eta == pytest.approx(1 / receptor_oracle.slope(), rel=1e-9)
    weights, v, _ = receptor_oracle.walk(
        keys, teachers, w, dt, compare="delta" in name, gate=gate, decay=decay, eta=eta
    )
    assert np.abs(weights[-1] - w).max() > 0.05
    np.testing.assert_allclose(found[1:], weights[:-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(volts[1:], v[:-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "layout"), [("hebb", "population"), ("delta", "synapse")]
)
def test_biophysical_form_writes_what_the_spiking_circuit_writes(name, layout):
    dt, seed = 0.5 * ms, 3
    b2.defaultclock.dt = dt
    rng = np.random.default_rng(5)
    key, value = rng.uniform(0.2, 0.9, (1, 4)), rng.uniform(-1, 1, (1, 3))
    program = fwp.Program(key=key, value=value, beta=0.4)
    reference = fwp.run(
        program,
        name,
        "spiking",
        cells=1,
        key_cells="integrate_and_fire",
        layout=layout,
        seed=seed,
        dt=dt,
        device="numpy",
    )
    times = schedule.make(fwp.circuits.Timeline(), dt, 1)
    circuit = fwp.synapses.get("two_compartment_nmda")
    norm = (key**2).sum(-1, keepdims=True)
    eta = learning_rate(
        np.full((1, 1), 0.4),
        norm,
        name == "delta",
        circuit,
        times,
        "propagator",
        layout == "synapse",
    )
    half = np.concatenate([value, -value], -1) / 2
    shown = times.course(("shown", key), ("query", key))
    taught = times.course(("shown", half)) + 0.5
    gate = times.course(("write", eta * circuit.slope))
    namespace = {
        "key_rate": schedule.timed(shown * 100, dt, b2.Hz),
        "teacher_rate": schedule.timed(taught * 100, dt, b2.Hz),
    }
    draws = np.random.default_rng(seed)
    pre, teacher = (
        cell_groups.group(
            size,
            1,
            "integrate_and_fire",
            f"{what}_rate",
            f"{what}_group",
            namespace,
            draws,
            dt,
        )
        for what, size in (("key", 4), ("teacher", 6))
    )
    post = b2.NeuronGroup(6, CELL.format(unit="", dim="1"), method="exponential_euler")
    post.v = "(-70*mV)/(1 + 0.125)"
    names = {"conductance": "g_in"} | ({"membrane": "v"} if name == "delta" else {})
    made = connect(
        name,
        pre,
        post,
        form="biophysical",
        names=names,
        teacher=teacher,
        gate=schedule.timed(gate, dt, b2.Hz),
    )
    network = b2.Network(pre, post, teacher, made.objects)
    network.run(times.token_steps * dt, namespace={})
    w = made.values("w").reshape(4, 2, 3)
    found = (w[:, 0] - w[:, 1]).T
    assert np.abs(found).max() > 0.1
    np.testing.assert_allclose(found, reference["weights"].values[0], rtol=0, atol=1e-10)


def test_biophysical_form_in_siemens_with_a_voltage_that_teaches():
    dt, steps = 0.5e-3, 300
    rng = np.random.default_rng(8)
    voltage = rng.uniform(-70e-3, -30e-3, (steps, 3))
    gate = opened(steps, [0.0, 20.0])
    keys, teachers, w, found, volts, made = biophysical(
        "delta",
        b2.TimedArray(gate[:, 0] * b2.Hz, dt=dt * b2.second),
        siemens=True,
        inhibition=0.5,
        steps=steps,
        voltage=voltage,
    )
    weights, v, _ = receptor_oracle.walk(
        keys,
        teachers,
        w,
        dt,
        compare=True,
        gate=gate,
        decay=0 * gate,
        leak=10e-9,
        eta=made.model.parameters["eta"],
        inhibition=0.5,
        teacher_voltage=voltage,
    )
    np.testing.assert_allclose(found[1:], weights[:-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(volts[1:], v[:-1], rtol=0, atol=1e-12)


# ---------------------------------------------------------------- life in a network


def rate_cells(name, size, rows="", seed=0, **options):
    made = b2.NeuronGroup(size, f"x : 1\nz : 1\n{rows}", name=f"{name}*", **options)
    draws = np.random.default_rng(seed).normal(size=(2, size))
    made.x, made.z = draws
    return made


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
    "options", [{"every": 1 * ms, "gate": 0.1}, {"dynamics": "continuous", "gate": 100 * b2.Hz}]
)
def test_cells_are_connected_with_themselves_and_gates_keep_their_names(options):
    cells = rate_cells("cells", 4, "beta : 1\nv : 1")
    cells.v = 7  # of no rule
    x, z = np.array(cells.x), np.array(cells.z)
    gate = options["gate"]
    table = b2.TimedArray([float(gate)] * (1 if "every" in options else b2.Hz), dt=1 * ms)
    made = connect("oja", cells, cells, **{**options, "gate": table}, teacher=rate_cells("t", 4),
                   names={"k": "z", "q": "x", "v": "x"})  # fmt: skip
    network = b2.Network(cells, made.objects, *[o.source for o in made.objects[-1:]])
    network.run(3 * ms, namespace={})
    w = np.zeros((4, 4))
    for _ in range(3):
        w = w + 0.1 * (z - w @ x)[:, None] * x
    np.testing.assert_allclose(made.values("w").reshape(4, 4), w, atol=1e-12)


@pytest.mark.parametrize("name", ["delta", "gated_delta"])
def test_biophysical_synapses_freeze_in_both_layouts(name):
    gate = {"beta": 20 * b2.Hz} | ({"alpha": 4 * b2.Hz} if name == "gated_delta" else {})
    found = []
    for layout in LAYOUTS:
        b2.defaultclock.dt = 0.5 * ms
        tables = trains(4, 200, 0.1, 1), trains(3, 200, 0.1, 2)
        pre, teacher = (source(one, 0.5 * ms, "cells") for one in tables)
        post = b2.NeuronGroup(3, CELL.format(unit="", dim="1"), method="exponential_euler")
        post.v = -60 * b2.mV
        names = {"conductance": "g_in", "membrane": "v"}
        made = connect(name, pre, post, form="biophysical", layout=layout, gate=gate,
                       teacher=teacher, names=names)  # fmt: skip
        network = b2.Network(pre, post, teacher, made.objects)
        network.run(40 * ms, namespace={})
        made.freeze()
        before = made.values("w")
        network.run(20 * ms, namespace={})
        np.testing.assert_allclose(made.values("w"), before, atol=1e-12)
        made.thaw()
        network.run(40 * ms, namespace={})
        found.append((before, made.values("w"), np.array(post.v)))
    assert np.abs(found[0][1] - found[0][0]).max() > 1e-3
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


# ---------------------------------------------------------------- texts, differential
# equations


def test_a_text_and_a_rule_are_connected_like_a_name():
    found = []
    text = "w = alpha*w; w += beta*(v - read(k))*k"
    own = fwp.Rule("mine", text, gates={"alpha": "shared", "beta": "shared"})
    for given in (
        "gated_delta",
        text,
        own,
        fwp.synapses.of_rule("gated_delta", every=2 * ms),
    ):
        pre, post = rate_cells("pre", 4), rate_cells("post", 3, seed=1)
        every = None if isinstance(given, fwp.synapses.model.Model) else 2 * ms
        made = connect(
            given,
            pre,
            post,
            every=every,
            gate={"alpha": 0.9, "beta": 0.4},
            names={"key": "x", "query": "z"},
            teacher="z",
        )
        b2.Network(pre, post, made.objects).run(6 * ms, namespace={})
        found.append((made.values("w"), np.array(post.readout)))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    assert np.abs(found[0][0]).max() > 0.01


@pytest.mark.parametrize(
    "name", ["gated_delta", "gdn2", "rwkv7", "momentum_delta", "hgrn2"]
)
def test_continuous_dynamics_of_several_statements_add_up(name):
    """Against Euler steps of the equations of `first_order`, written by hand."""
    program, states = programme(name, tokens=1)
    s = {n: a[0, 0] for n, a in program.bind(rule(name)).items()}
    dt, steps = 1e-3, 7
    w, m = states["w"], states.get("m")
    for _ in range(steps):
        if name == "gated_delta":
            slope = -s["alpha"] * w + s["beta"] * np.outer(s["v"] - w @ s["k"], s["k"])
        elif name == "gdn2":
            error = s["write"] * s["v"] - w @ (s["erase"] * s["k"])
            slope = -s["alpha"] * w + np.outer(error, s["k"])
        elif name == "rwkv7":  # one gate for what has none
            slope = -s["decay"] * w - np.outer(w @ s["kappa"], s["a"] * s["kappa"])
            slope = slope + 5.0 * np.outer(s["v"], s["k"])
        elif name == "hgrn2":
            slope = s["alpha"] * (s["v"][:, None] - w)
        else:
            slope = -s["alpha"] * w + 5.0 * m
            m = m + dt * (
                s["beta"] * np.outer(s["v"] - w @ s["k"], s["k"]) - s["eta"] * m
            )
        w = w + dt * slope
    own = {n: np.atleast_2d(a) for n, a in s.items() if n not in rule(name).gates}
    gates = {n: np.atleast_2d(a) for n, a in s.items() if n in rule(name).gates}
    if name in ("rwkv7", "momentum_delta"):
        gates["write_rate"] = np.full((1, 1), 5.0)
    groups, made = continuous_network(
        name, own, gates, 1 * b2.second, {**rule(name).homes, "q": "pre"}, states["w"]
    )
    if "m" in states:
        made.set("m", states["m"].T.ravel())
    b2.Network(*groups, made.objects).run(steps * dt * b2.second, namespace={})
    np.testing.assert_allclose(
        made.values("w").reshape(PRE, POST).T, w, rtol=0, atol=1e-13
    )


# ---------------------------------------------------------------- mistakes

ASKS = {"every": 5 * ms, "gate": 0.3, "names": {"k": "x", "q": "z", "v": "x"}}
BIO = {
    "every": None,
    "form": "biophysical",
    "gate": 5 * b2.Hz,
    "teacher": "u",
    "names": {"membrane": "u", "conductance": "y"},
}


@pytest.mark.parametrize(
    ("given", "changes", "sentence"),
    [
        ("delta", {"every": None}, "dynamics='event' of rule 'delta' needs every"),
        (
            "delta",
            {"dynamics": "continuous"},
            "'continuous' of rule 'delta' takes no every",
        ),
        (
            "delta",
            {"every": 2.5 * ms},
            "every=2.5 ms must be a whole number of the time steps",
        ),
        (
            "delta",
            {"names": {}},
            "reads 'k', and the cells 'pre.*' have no variable 'k': say which "
            r"one it is by names={'k': ...} \(their variables: x, z\)",
        ),
        ("delta", {"names": {"k": "nothing"}}, "no variable 'nothing'"),
        (
            "delta",
            {"names": {"key": "x", "k": "x"}},
            "'k' of rule 'delta' is given twice",
        ),
        ("delta", {"names": {"p": "x"}}, r"reads no 'p' in this form \(legal: "),
        (
            "delta",
            {"names": {**ASKS["names"], "readout": "u"}},
            "'readout' of rule .* is in 1",
        ),
        (
            "delta",
            {"names": {**ASKS["names"], "readout": "twice"}},
            "must be a plain variable",
        ),
        ("delta", {"gate": None}, "needs its gate 'beta': give gate"),
        ("delta", {"gate": 5 * b2.Hz}, "gate 'beta' of rule 'delta' must be a number"),
        ("delta", {"gate": {"alpha": 1}}, r"has no gate 'alpha' \(legal: beta\)"),
        ("delta", {"gate": "u"}, "'beta' of rule 'delta' is in 1, but the variable 'u'"),
        (
            "delta",
            {"gate": b2.TimedArray([1, 2] * b2.Hz, dt=1 * ms)},
            "must be in 1, and its",
        ),
        (
            "delta",
            {"gate": b2.TimedArray(np.ones((2, 2)), dt=1 * ms)},
            "2 columns, but 'post",
        ),
        ("gated_delta", {}, "rule 'gated_delta' has 2 gates, so give gate={'alpha'"),
        ("delta", {"teacher": 3}, "teacher must be a Brian2 group or the name"),
        ("delta", {"delay": {"pre": 1 * ms}}, "delay: rule 'delta' in the rate form"),
        ("delta", {"dense": True}, "dense synapses run no statements"),
        ("delta", {"on_event": "spike"}, "on_event: nothing of rule 'delta' waits"),
        ("dleta", {}, "unknown synapse model or rule 'dleta'; did you mean 'delta'"),
        ("w = = 2", {}, "cannot"),
        (
            "pair_stdp",
            {},
            "every is an argument of fast-weight rules, and 'pair_stdp' is none",
        ),
        (
            "comba",
            {**BIO, "gate": {"alpha": 1 * b2.Hz, "beta": 5 * b2.Hz}},
            "'comba' has no biophysical form",
        ),
        ("w += every*v*k", {"gate": None}, "has a 'every' of its own, so its gate"),
        ("w += eta*v*k", BIO, "has a 'eta' of its own, so its gate needs another name"),
        ("delta", {"names": {**ASKS["names"], "v": "read_out_sum"}},
         "has a 'read_out_sum' of its own, so the variable"),
        ("momentum_delta", BIO, "'momentum_delta' has no biophysical form"),
        ("delta", {**BIO, "teacher": None}, "in the biophysical form needs teacher"),
        (
            "delta",
            {**BIO, "names": {"membrane": "u"}},
            "reads 'conductance', and the cells",
        ),
        (
            "delta",
            {**BIO, "names": {"conductance": "y"}},
            "reads 'membrane', and the cells",
        ),
        (
            "delta",
            {**BIO, "names": {**BIO["names"], "membrane": "y"}},
            "'membrane' .* is in volt",
        ),
        ("delta", BIO, "'y' of the cells 'post.*' is raised by spikes, so it needs"),
        ("delta", {**BIO, "gate": 0.5}, "must be a rate such as 5"),
        (
            "delta",
            {**BIO, "dynamics": "event"},
            "biophysical form of a rule is continuous",
        ),
        (
            "delta",
            {**BIO, "form": "spiking"},
            "unknown form of a rule's synapse: 'spiking'",
        ),
    ],
)
def test_mistakes_are_one_sentence(given, changes, sentence):
    pre = rate_cells("pre", 4, threshold="x > 1e9", reset="")
    post = rate_cells("post", 3, "y : 1\nread_out_sum : 1\ntwice = 2*x : 1\nu : volt", 1)
    before = set(pre.variables), set(post.variables)
    with pytest.raises(fwp.FwpError, match=sentence):
        connect(given, pre, post, **{**ASKS, **changes})
    assert (set(pre.variables), set(post.variables)) == before


def test_a_gate_beyond_its_limits_is_warned_of():
    pre, post = rate_cells("pre", 4), rate_cells("post", 3, seed=1)
    with pytest.warns(FwpWarning, match="gate 'beta' is 3"):
        connect("delta", pre, post, **{**ASKS, "gate": 3})


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "sets"), [("bcm", "linear"), ("nmda_jump", None)])
def test_sums_find_variables_that_are_attached(name, sets, layout):
    pre = b2.PoissonGroup(3, 50 * b2.Hz)
    post = rate_cells("post", 2, threshold="x > 1e9", reset="")
    made = connect(fwp.synapses.get(name, sets), pre, post, layout=layout)
    own = post.equations
    b2.Network(pre, post, made.objects).run(2 * ms, namespace={})
    assert set(own.names) == {"x", "z"}  # the cells' equations are theirs again


# ---------------------------------------------------------------- compiled


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


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_compiled_biophysical_form_gives_the_same(layout, tmp_path):
    dt, steps = 0.5e-3, 200
    gate = opened(steps, [0.0, 20.0])
    b2.set_device("cpp_standalone", directory=str(tmp_path), build_on_run=True)
    try:
        table = b2.TimedArray(gate[:, 0] * b2.Hz, dt=dt * b2.second)
        keys, teachers, w, found, volts, made = biophysical(
            "delta",
            table,
            layout=layout,
            steps=steps,
            pairs={"i": np.repeat(np.arange(5), 3), "j": np.tile(np.arange(3), 5)},
        )
        eta = made.model.parameters["eta"]
    finally:
        b2.device.reinit()
        b2.set_device("runtime")
    weights, v, _ = receptor_oracle.walk(
        keys, teachers, w, dt, compare=True, gate=gate, decay=0 * gate, eta=eta
    )
    np.testing.assert_allclose(found[1:], weights[:-1], rtol=0, atol=1e-11)
    np.testing.assert_allclose(volts[1:], v[:-1], rtol=0, atol=1e-11)
