"""Graupner & Brunel: exact thresholds, analytic against simulation against Brian2, AP5,
errors."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.circuits import injected
from fwp_neuro.synapses import calcium_thresholds
from fwp_neuro.synapses.graupner_brunel import events as graupner_brunel_protocol
from fwp_neuro.synapses.graupner_brunel import synapse as graupner_brunel

ms, Hz = b2.ms, b2.Hz
NAME = "graupner_brunel"


def fast(chosen="DP", **changes):
    """A model whose rho moves within a second as in a whole protocol."""
    return synapses.get(NAME, chosen).changed(tau=20 * b2.second, **changes)


def table(times, steps, dt):
    found = np.zeros((steps, 1))
    found[np.round(np.asarray(times) / dt).astype(int)] = 1
    return found


def on_brian2(model, pre, post, start, dt=0.5, device="numpy", seed=0):
    """rho of one synapse per entry of ``start`` after spikes at times in ms; 1.2 s."""
    steps, count = int(1200 / dt), len(start)
    spikes = [np.repeat(table(times, steps, dt), count, axis=1) for times in (pre, post)]
    return injected.run(
        model,
        *spikes,
        dt=dt * ms,
        pairing="one",
        initial={"rho": start},
        device=device,
        seed=seed,
    )["rho"]


PRE, POST = np.array([10.0, 60, 110, 300, 304, 700]), np.array([20.0, 55, 117, 299, 309])


@pytest.mark.parametrize("chosen", graupner_brunel.SETS)
def test_brian2_text_without_noise_is_the_exact_course(chosen):
    model = fast(chosen, sigma=0, D=5 * ms)
    start = np.array([0.0, 0.4, 1.0])
    found = on_brian2(model, PRE, POST, start)
    rng = np.random.default_rng(0)
    exact = graupner_brunel_protocol.simulate(
        model, PRE / 1e3, POST / 1e3, start, rng, until=1.2
    )
    assert found == pytest.approx(exact, abs=3e-3)
    assert chosen == "D" or np.abs(found - start).max() > 0.05


def test_halving_the_step_halves_the_error_of_a_write_which_is_below_a_percent():
    model, start = fast("D_prime", sigma=0, D=5 * ms), np.ones(1)
    rng = np.random.default_rng(0)
    exact = graupner_brunel_protocol.simulate(
        model, PRE / 1e3, POST / 1e3, start, rng, until=1.2
    )
    errors = [on_brian2(model, PRE, POST, start, dt)[0] - exact[0] for dt in (0.5, 0.25)]
    assert abs(errors[1]) < abs(errors[0]) < 0.01 * (1 - exact[0])
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.05)


def test_noise_has_the_same_mean_and_spread_on_brian2():
    model, start = fast(sigma=1.5, D=5 * ms), np.full(2000, 0.4)
    found = on_brian2(model, PRE, POST, start)
    rng = np.random.default_rng(1)
    exact = graupner_brunel_protocol.simulate(
        model, PRE / 1e3, POST / 1e3, start, rng, until=1.2
    )
    assert found.mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / 2000**0.5)
    assert found.std() == pytest.approx(exact.std(), rel=0.1) and exact.std() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_compiled_devices_give_the_same_weights(device):
    model, start = fast(sigma=0, D=5 * ms), np.array([0.0, 1.0])
    reference = on_brian2(model, PRE, POST, start)
    assert on_brian2(model, PRE, POST, start, device=device) == pytest.approx(
        reference, abs=1e-12
    )


@pytest.mark.slow
def test_the_whole_protocol_on_brian2_gives_the_published_curve():
    """60 pairs at 1 Hz, with noise: 1000 synapses, half of them UP before."""
    model = synapses.get(NAME, "DP").changed(D=13.5 * ms)  # a multiple of the time step
    b, start = float(model.parameters["b"]), np.repeat([0.0, 1.0], 500).reshape(25, 40)
    for lag in (-20, 5):
        trains = [[(1000 * n + 30 + shift) for n in range(60)] for shift in (0, lag)]
        pre, post = (table(train, 120_200, 0.5) for train in trains)
        spikes = np.repeat(pre, 40, axis=1), np.repeat(post, 25, axis=1)
        rho = injected.run(
            model,
            *spikes,
            dt=0.5 * ms,
            initial={"rho": start},
            device="cpp_standalone",
            seed=1,
        )["rho"]
        found = (1 + (rho > 0.5) * (b - 1)).mean() / (1 + start.mean() * (b - 1))
        exact = synapses.stdp_curve(
            model, lags=lag * ms, method="simulation", synapses=20000
        )
        # standard error of 1000 synapses that end UP or DOWN, mostly as they began
        assert found == pytest.approx(float(exact), abs=4 * (b - 1) / 3 * 0.4 / 1000**0.5)


def test_full_ap5_changes_no_weight_at_all():
    model = fast(nmda=0)
    start = np.array([0.0, 1.0])
    assert (on_brian2(model, PRE, POST, start) == start).all()
    assert (synapses.stdp_curve(model, lags=[-20, 10] * ms) == 1).all()
    way = dict(method="simulation", synapses=100)
    assert (synapses.stdp_curve(model, lags=[-20, 10] * ms, **way) == 1).all()


def test_time_above_thresholds_by_counting_fine_steps():
    times, jumps = np.array([0, 0.01, 0.012, 0.09]), np.array([1, 2, 1, 0.5])
    lengths, above = calcium_thresholds.segments(times, jumps, 0.02, (1.0, 1.3, 9.0), 1.0)
    grid = (np.arange(200_000) + 0.5) * 1e-6
    late = grid[:, None] - times
    level = (np.where(late > 0, np.exp(-late / 0.02), 0) * jumps).sum(1)
    expected = [(level > threshold).sum() * 1e-6 for threshold in (1.0, 1.3, 9.0)]
    assert lengths @ above == pytest.approx(expected, abs=3e-6)
    assert lengths.sum() == pytest.approx(1.09) and above.shape == (len(lengths), 3)


@pytest.mark.parametrize("chosen", graupner_brunel.SETS)
def test_simulation_without_bistability_is_the_analytic_curve(chosen):
    lags = [-15, 3, 12] * ms
    exact = synapses.stdp_curve(NAME, chosen, lags=lags, pairs=20)
    way = dict(method="simulation", bistable=False, synapses=3000, seed=3)
    found = synapses.stdp_curve(NAME, chosen, lags=lags, pairs=20, **way)
    b = float(synapses.get(NAME, chosen).parameters["b"])
    assert found == pytest.approx(exact, abs=0.06 if b < 10 else 0.1)


def test_published_curves():
    found = synapses.stdp_curve(NAME, "DP", lags=[-60, -20, -10, 0, 5, 20, 60] * ms)
    published = [0.9408, 0.7643, 0.8818, 1.0079, 1.2405, 1.1722, 1.0349]
    assert found == pytest.approx(published, abs=1e-3)
    found = synapses.stdp_curve(NAME, "DPD", lags=[-20, -5, 0, 5, 15, 30] * ms)
    assert found == pytest.approx(
        [0.9983, 0.8461, 0.9966, 1.1933, 0.8408, 0.9992], abs=1e-3
    )


def test_bursts_turn_depression_into_potentiation_in_hippocampal_slices():
    """Figure 3: pairs depress, doublets of postsynaptic spikes potentiate as well."""
    lags, doublets = (
        [-60, 10, 20] * ms,
        dict(post_spikes=2, burst_frequency=1 / (11.5 * ms)),
    )
    common = dict(lags=lags, pairs=100, frequency=5 * Hz)
    pairs = synapses.stdp_curve(NAME, "hippocampal_slices", **common)
    found = synapses.stdp_curve(NAME, "hippocampal_slices", **common, **doublets)
    assert (pairs < 1).all() and found[0] < 0.97 and (found[1:] > 1.4).all()


def test_triplets_in_hippocampal_cultures():
    """Post-pre-post potentiates, pre-post-pre of the same 5 ms does not."""
    both = [
        synapses.stdp_curve(NAME, "hippocampal_cultures", lags=lag * ms,
                            burst_frequency=100 * Hz, pre_spikes=pre, post_spikes=post)
        for lag, pre, post in ((5, 1, 2), (-5, 2, 1))
    ]  # fmt: skip
    assert both[0] > 1.2 and both[1] < 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(method="exact"), "unknown method 'exact'"),
        (dict(post_spikes=2), "bursts need burst_frequency, a rate such as 100"),
        (
            dict(post_spikes=9, burst_frequency=5 * Hz),
            "bursts must be shorter than the 1000 ms",
        ),
        (dict(post_spikes=0), "post_spikes is 0; it must be a whole number"),
        (
            dict(method="simulation", synapses=1),
            "synapses is 1; it must be a whole number",
        ),
        (dict(parameters="cortex"), "parameter set of 'graupner_brunel'"),
    ],
)
def test_it_refuses(options, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        synapses.stdp_curve(NAME, lags=5 * ms, **options)
