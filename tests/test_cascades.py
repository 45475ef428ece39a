"""Cascades of linear variables: kept as sums, they give the numbers of the text's own
steps."""

import re
from dataclasses import replace

import brian2 as b2
import numpy as np
import pytest
from factorised_cases import assert_same, spikes

import fwp_neuro as fwp
from fwp_neuro.circuits import injected
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.synapses import factorise
from fwp_neuro.synapses.synapse_class import Equations, Synapse

ms = b2.ms
TRACES = """
dx/dt = -x/tau_x : 1 (clock-driven)
dy/dt = -y/tau_y : 1 (clock-driven)
dX/dt = (x - X + b)/tau_X : 1 (clock-driven)
"""
VALUES = {"tau_x": 8 * ms, "tau_y": 11 * ms, "tau_X": 15 * ms, "tau_z": 5 * ms,
          "tau_a": 30 * ms, "tau_c": 90 * ms, "b": 0.2, "g": 0.7, "A": 0.05}  # fmt: skip
#: name -> equations of what stays, on_pre, on_post
CHAINS = {
    "product of traces": (
        "dz/dt = -z/tau_z : 1 (clock-driven)\n"
        "da/dt = (z + b*(x + y) - a)/tau_a : 1 (clock-driven)\n"
        "dw/dt = (g*a + b - w)/tau_c : 1 (clock-driven)",
        "z += A*y\nx += A", "z += A*x\ny += A",
    ),
    "trace of a trace": (
        "da/dt = (X - 0.3*y - a)/tau_a : 1 (clock-driven)\n"
        "dw/dt = (a*g - x - w)/tau_c : 1 (clock-driven)",
        "x += 1\nw -= A*y", "w += A*x\ny += 1\na += A",
    ),
    "read after what moves it": (
        "da/dt = (x - a)/tau_a : 1 (clock-driven)\n"
        "dw/dt = (a + b - w)/tau_c : 1 (clock-driven)\n"
        "seen : 1\nsquare = w**2 + a : 1",
        "x += 1\nseen = w + a\nw = clip(w + A*square, 0, 2)",
        "y += 1\na *= 0.9\nw += A*w*y; seen += square",
    ),
    "draws for two": (
        "da/dt = -a/tau_a : 1 (clock-driven)\ndw/dt = (a - w)/tau_c : 1 (clock-driven)",
        "a += A*int(rand() > 2) + A*y\nx += 1", "w += A*a\ny += 1",
    ),
    "a decay": ("dw/dt = (b - w)/tau_c : 1 (clock-driven)", "w -= A*y\nx += 1",
                "w += A*x\ny += 1"),
}  # fmt: skip


def chain(name, method="rk4", **changes):
    rows, on_pre, on_post = CHAINS[name]
    text = Equations(TRACES + rows, on_pre, on_post, method=method)
    return Synapse("chain", "made_up", "plasticity", "", text, {**VALUES, **changes}, {},
                   "", "", initial={"w": 0.6, "X": "b"})  # fmt: skip


def both(model, tables, **options):
    return [injected.run(model, *tables, dt=0.5 * ms, layout=layout, **options)
            for layout in ("factorised", "textbook")]  # fmt: skip


def cases():
    for name in CHAINS:
        for method in ("euler", "rk2", "rk4", "exact"):
            quick = method == ("euler" if name == "product of traces" else "rk4")
            marks = () if quick else pytest.mark.slow
            yield pytest.param(name, method, id=f"{name}-{method}", marks=marks)


@pytest.mark.parametrize("name, method", cases())
def test_sums_give_the_numbers_of_every_integrator(name, method):
    model = chain(name, method)
    report = factorise(model).report
    assert {"w"} <= set(report.cascades) and not report.stepped
    assert_same(*both(model, spikes(model, 0.5 * ms, steps=160)))


@pytest.mark.slow
@pytest.mark.parametrize("writes", ["auto", "both sides"])
def test_sums_last_over_long_silence_and_many_renewals(writes):
    model = chain("product of traces")
    rng = np.random.default_rng(4)
    pre, post = ((rng.random((4000, 3)) < 0.01).astype(float) for _ in range(2))
    pre[500:3500, 0] = post[800:2800, 1] = 0
    assert_same(*both(model, (pre, post), writes=writes))


@pytest.mark.parametrize(
    "changes, options, why",
    [
        ({"tau_a": 90 * ms}, {}, "w: is advanced in every step, it decays as fast as a"),
        ({}, {"uniform": ["g"]}, "w: .* a factor in its equation is no constant"),
        ({"method": "exponential_euler"}, {}, "step of 'exponential_euler' is not known"),
    ],
)
def test_what_is_no_cascade_says_why(changes, options, why):
    model = chain("product of traces", **changes)
    said = str(factorise(model, **options).report)
    assert re.search(why, said)
    if not options:
        assert_same(*both(model, spikes(model, 0.5 * ms, steps=100)))


def test_units_may_be_written_out():
    lengths = {"tau_a": "(30*ms)", "tau_c": "(90*ms)", "tau_x": "(8*ms)"}
    named = chain("a decay", "euler")
    typed = re.sub("tau_[acx]", lambda found: lengths[found[0]], named.equations.synapse)
    model = replace(named, equations=replace(named.equations, synapse=typed))
    assert model.equations != named.equations
    assert set(factorise(model).report.cascades) == set(factorise(named).report.cascades)


def test_a_comparison_in_an_equation_has_no_slope():
    text = "dw/dt = -w/tau_c*int(w > 0.5) : 1 (clock-driven)"
    model = chain("a decay", "euler")
    model = replace(model, equations=replace(model.equations, synapse=text, on_pre="",
                                             on_post=""))  # fmt: skip
    assert "w: is advanced in every step" in str(factorise(model).report)


def test_a_rate_of_zero_stands_still():
    model = fwp.synapses.get("bcpnn").changed(kappa=0)
    assert factorise(model).report.cascades["Pij_ampa"] == "0"
    found, expected = both(model, spikes(model, 0.5 * ms, steps=100))
    assert_same(found, expected)


DRIVEN = Equations(
    synapse="dw/dt = g*a/tau_c : 1 (clock-driven)\n"
    "da/dt = (u_pre*(1 + q_post)**2 - a)/tau_a : 1 (clock-driven)",
    on_pre="q_post += A*w",
    on_post="a += A*u_pre",
    pre="du/dt = -u/tau_x : 1",
    pre_spike="u += 1",
    post="dq/dt = -q/tau_y : 1",
    method="rk2",
)


@pytest.mark.parametrize("kicked", ["reset", "on_pre"])
def test_what_cells_drive_in_every_step_waits(kicked):
    """The trace of the presynaptic cell jumps in its reset, or in on_pre."""
    text = DRIVEN
    if kicked == "on_pre":
        text = replace(DRIVEN, pre="", pre_spike="",
                       synapse=DRIVEN.synapse.replace("u_pre", "c*y_post") +
                       "\nc : 1", on_post="a += A*c", post=DRIVEN.post +
                       "\ndy/dt = -y/tau_y : 1")  # fmt: skip
    start = {"w": 0.6} | ({"c": 0.3} if kicked == "on_pre" else {})
    model = Synapse("driven", "made_up", "plasticity", "", text, VALUES, {}, "", "",
                    initial=start)  # fmt: skip
    report = factorise(model).report
    assert bool(report.cascades) == (kicked == "reset")
    assert_same(*both(model, spikes(model, 0.5 * ms, steps=200)))
    assert not factorise(model, writes="both sides").report.cascades


def network(layout, model, act, watched="w", **options):
    """Return the weights of a small network of which the run is interrupted by
    ``act``."""
    b2.start_scope()
    rng = np.random.default_rng(2)
    groups = []
    for name in ("before", "after"):
        at, cells = np.nonzero(rng.random((400, 3)) < 0.05)
        groups.append(b2.SpikeGeneratorGroup(3, cells, at * 0.5 * ms, name=name))
    made = connecting.connect(model, *groups, layout=layout, name="tested", **options)
    record = made.record(watched, 2 * ms)
    run = b2.Network(*groups, *made.objects)
    run.run(60 * ms)
    found = act(made, run)
    run.run(60 * ms)
    names = set(b2.Equations(model.equations.synapse).names) - {"square", "c"}
    names = {n for n in names if not n.startswith(("above", "noise"))}
    return {**{n: made.values(n) for n in names}, "course": record.values,
            **({} if found is None else found)}  # fmt: skip


def set_others(made, run):
    made.set("a", "0.3*a + w*0.1 + 0.01*i")
    made.set("w", np.linspace(0, 1, 9))
    assert np.abs(made.values("w") - np.linspace(0, 1, 9)).max() < 1e-15
    return {"a": made.values("a")}


def frozen(made, run):
    made.freeze()
    old = made.values("w")
    run.run(20 * ms)
    assert np.abs(made.values("w") - old).max() < 1e-15
    run.store("half")
    run.run(20 * ms)
    run.restore("half")
    made.set("w", "w + 0.1")
    run.run(20 * ms)
    assert np.abs(made.values("w") - old - 0.1).max() < 1e-15
    made.thaw()


def another_step(made, run):
    b2.defaultclock.dt = 0.25 * ms


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    """Run without a compiler: it takes seconds to compile what connects."""
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")


ACTS = [
    pytest.param(act, name, id=f"{act.__name__}-{name}", marks=marks)
    for name, marks in (("product of traces", pytest.mark.slow),
                        ("read after what moves it", ()))
    for act in (set_others, frozen, another_step)
]  # fmt: skip


@pytest.mark.parametrize("act, name", ACTS)
def test_networks_set_freeze_and_change_steps_as_in_the_text(act, name):
    results = []
    for layout in connecting.LAYOUTS:
        b2.defaultclock.dt = 0.5 * ms
        results.append(network(layout, chain(name), act))
    assert_same(*results)


def test_saved_sums_go_on_as_they_would_have(tmp_path):
    def saved(made, run):
        for freeze in (True, False):
            if freeze:
                made.freeze()
            made.save(tmp_path / "w.npz")
            made.thaw()
            made.set("w", 0.5)
            made.load(tmp_path / "w.npz")
            assert made.frozen == freeze
            made.thaw()

    results = []
    for act in (saved, lambda made, run: None):
        b2.defaultclock.dt = 0.5 * ms
        results.append(network("factorised", chain("read after what moves it"), act))
    assert_same(*results)


@pytest.mark.parametrize("right, quick", [("-x/tau_x", True), ("(b - x)/tau_x", False)])
def test_only_what_decays_does_without_generated_code(right, quick):
    text = Equations(f"w : 1\ndx/dt = {right} : 1 (event-driven)",
                     "x += A\nw += A", "w += A*x*w")  # fmt: skip
    model = Synapse("one", "made_up", "plasticity", "", text, VALUES, {}, "", "")
    b2.defaultclock.dt = 0.5 * ms
    groups = [b2.SpikeGeneratorGroup(2, [0, 1, 1], [1, 3, 9] * ms) for _ in "ab"]
    made = connecting.connect(model, *groups)
    b2.Network(*groups, *made.objects).run(20 * ms)
    updater = made.where["x"][0].state_updater
    assert ("run" in vars(updater)) == quick
    start = spikes(model, 0.5 * ms, steps=80)
    assert_same(*both(model, start))
