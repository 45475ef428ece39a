"""Fast-weight rules between anybody's Brian2 cells in their biophysical form: NMDA-gated
writes."""

import brian2 as b2
import numpy as np
import pytest
import receptor_oracle
from rule_synapse_cases import plain_brian  # noqa: F401  a fixture

import fwp_neuro as fwp
from fwp_neuro.circuits import connect, token_schedule
from fwp_neuro.circuits.head_layout import firing_cells
from fwp_neuro.circuits.plastic.connecting import LAYOUTS
from fwp_neuro.circuits.spiking.calibration import learning_rate
from fwp_neuro.rules import rule

ms = b2.ms

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
    times = token_schedule.make(fwp.circuits.Timeline(), dt, 1)
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
        "key_rate": token_schedule.timed(shown * 100, dt, b2.Hz),
        "teacher_rate": token_schedule.timed(taught * 100, dt, b2.Hz),
    }
    draws = np.random.default_rng(seed)
    pre, teacher = (
        firing_cells(
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
        gate=token_schedule.timed(gate, dt, b2.Hz),
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


@pytest.mark.parametrize("name", ["delta", "gated_delta"])
def test_biophysical_synapses_freeze_in_both_layouts(name):
    gate = {"beta": 20 * b2.Hz} | ({"alpha": 4 * b2.Hz} if name == "gated_delta" else {})
    found = []
    for layout in LAYOUTS:
        b2.defaultclock.dt = 0.5 * ms
        tables = trains(4, 200, 0.1, 1), trains(3, 200, 0.1, 2)
        pre, teacher = (source(one, 0.5 * ms, "cells") for one in tables)
        post = b2.NeuronGroup(
            3, CELL.format(unit="", dim="1"), method="exponential_euler"
        )
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
