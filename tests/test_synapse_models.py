"""Laws of every published model: sources, units, legal equations, errors of the
protocols."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import synapses
from fwp_neuro.characterise import experiments
from fwp_neuro.circuits import injected
from fwp_neuro.synapses.registered_synapses import entry
from fwp_neuro.synapses.synapse_class import KINDS, SHARES, Synapse

ms, Hz = b2.ms, b2.Hz
MODELS = [name for name in synapses.names() if entry(name).kind != "circuit"]
RUNNABLE = [name for name in MODELS if synapses.get(name).equations.synapse]
WEIGHTS = [*synapses.names("plasticity"), *synapses.names("short-term plasticity")]
WITH_NMDA = [
    n for n in synapses.names("plasticity") if "nmda" in synapses.get(n).parameters
]
WITH = {p: [n for n in MODELS if getattr(entry(n), p)] for p in ("stdp", "release")}


@pytest.mark.parametrize("name", MODELS)
def test_every_number_has_a_source_and_a_unit(name):
    for chosen in synapses.parameter_sets(name):
        model = synapses.get(name, chosen)
        assert isinstance(model, Synapse) and model.parameter_set == chosen
        assert model.kind in KINDS and model.citation and len(model.conventions) > 20
        for parameter, value in model.parameters.items():
            told = f"say more of the source of {parameter}: over ten characters"
            assert len(model.source(parameter)) > 10, told
            assert np.isfinite(float(value)), parameter
        assert set(model.sources) <= {*model.parameters, ""}


@pytest.mark.parametrize("name", RUNNABLE)
def test_its_brian2_text_runs_and_stays_finite(name):
    model = synapses.get(name)
    rng = np.random.default_rng(0)
    pre, post = ((rng.random((200, 2)) < 0.05).astype(float) for _ in range(2))
    found = injected.run(model, pre, post, dt=0.5 * ms)
    assert found["weight"].shape == (2, 2) and np.isfinite(found["weight"]).all()


def _spikes(dt, seconds=0.25, seed=0):
    """Spikes [step, cell] of two cells on either side, at the same times whatever dt
    (ms)."""
    rng = np.random.default_rng(seed)
    coarse = [
        (rng.random((round(seconds * 1e3), 2)) < 0.05).astype(float) for _ in range(2)
    ]
    fine = [np.zeros((len(one) * round(1 / dt), 2)) for one in coarse]
    for many, one in zip(fine, coarse, strict=True):
        many[:: round(1 / dt)] = one
    return fine


@pytest.mark.parametrize("name", WITH_NMDA)
def test_without_nmda_receptors_nothing_is_written_at_all(name):
    model = synapses.get(name)
    silent = injected.run(model, *[0 * one for one in _spikes(0.5)], dt=0.5 * ms)[
        "weight"
    ]
    blocked = injected.run(model.changed(nmda=0), *_spikes(0.5), dt=0.5 * ms)["weight"]
    written = injected.run(model, *_spikes(0.5), dt=0.5 * ms)["weight"]
    assert (blocked == silent).all()
    assert (written != silent).any()


@pytest.mark.parametrize("name", [name for name in RUNNABLE if name in WEIGHTS])
def test_halving_dt_changes_a_write_by_less_than_a_hundredth(name):
    model, dt = synapses.get(name), experiments(name)[0].dt * 1e3
    if "sigma" in model.parameters:  # noise has no two equal runs at different time steps
        model = model.changed(sigma=0 * model.parameters["sigma"])
    silent = injected.run(model, *[0 * one for one in _spikes(dt)], dt=dt * ms)["weight"]
    written, halved = (
        injected.run(model, *_spikes(step), dt=step * ms)["weight"] - silent
        for step in (dt, dt / 2)
    )
    assert np.abs(halved).max() > 0
    assert np.abs(written - halved).max() < 0.01 * np.abs(halved).max()


#: plasticity models of whom no other file has such a test
UNTESTED = ("pair_stdp", "oja", "vogels_2011", "homeostatic_scaling")


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("name", UNTESTED)
def test_the_same_spikes_give_the_same_weights_on_every_device(name, device):
    model, dt = synapses.get(name), experiments(name)[0].dt * 1e3
    silent, reference, found = (
        injected.run(model, *spikes, dt=dt * ms, device=d)["weight"]
        for d, spikes in (
            ("numpy", [0 * one for one in _spikes(dt)]), ("numpy", _spikes(dt)),
            (device, _spikes(dt)),
        )
    )  # fmt: skip
    assert found == pytest.approx(reference, rel=1e-12, abs=1e-14)
    assert (reference != silent).any()


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_unit_is_an_error_that_names_the_parameter(name):
    model = synapses.get(name)
    for parameter, value in model.parameters.items():
        wrong = 1.0 if not b2.have_same_dimensions(value, 1) else 1 * ms
        with pytest.raises(
            fwp.FwpError, match=f"parameter '{parameter}' of synapse '{name}'"
        ):
            model.changed(**{parameter: wrong})
        assert model.changed(**{parameter: value}).parameters[parameter] == value
    with pytest.raises(fwp.FwpError, match="unknown parameter of"):
        model.changed(no_such_parameter=1)


@pytest.mark.parametrize("name", WITH["stdp"])
def test_stdp_curves_are_finite_and_shaped_like_their_lags(name):
    lags = [-20, 10] * ms
    found = synapses.stdp_curve(name, lags=lags, pairs=8, frequency=5 * Hz)
    assert found.shape == (2,) and np.isfinite(found).all() and (found != 1).any()
    one = synapses.stdp_curve(name, lags=10 * ms, pairs=8, frequency=5 * Hz)
    assert one.shape == () and one == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(lags=[1, 2]), "lags must be times such as"),
        (dict(lags=1 * Hz), "lags must be times such as"),
        (dict(lags=5 * ms, frequency=3), "frequency must be a rate such as"),
        (dict(lags=5 * ms, frequency=-3 * Hz), "frequency must be one positive rate"),
        (
            dict(lags=5 * ms, pairs=0),
            "pairs is 0; it must be a whole number of at least 1",
        ),
        (dict(lags=5 * ms, parameters="song"), "did you mean 'song_miller_abbott_2000'"),
        (
            dict(lags=300 * ms, frequency=5 * Hz),
            "lags must be shorter than the 200 ms between",
        ),
    ],
)
def test_stdp_curve_refuses(arguments, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        synapses.stdp_curve("pair_stdp", **arguments)


def test_models_are_told_apart_by_kind():
    with pytest.raises(
        fwp.FwpError, match="'pair_stdp' is a plasticity model, no circuit one"
    ):
        synapses.get("pair_stdp", kind="circuit")
    with pytest.raises(fwp.FwpError, match="its weight by its port 'teacher'"):
        synapses.stdp_curve("linear_difference", lags=5 * ms)
    with pytest.raises(fwp.FwpError, match="unknown kind of synapse model"):
        synapses.names("receptors")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(pairing="some"), "unknown pairing 'some'"),
        (dict(dt=1), "dt must be a time such as"),
        (dict(record=["w"]), "record needs record_every"),
    ],
)
def test_injected_runs_refuse(arguments, sentence):
    spikes = np.zeros((10, 2))
    with pytest.raises(fwp.FwpError, match=sentence):
        injected.run(
            synapses.get("pair_stdp"), spikes, spikes, **{"dt": 1 * ms, **arguments}
        )
    with pytest.raises(fwp.FwpError, match="as many steps each"):
        injected.run(synapses.get("pair_stdp"), spikes, spikes[:5], dt=1 * ms)


def test_rasters_refuse_spikes_that_they_cannot_hold():
    assert injected.raster([[0, 3] * ms], 4 * ms, 1 * ms).tolist() == [[1], [0], [0], [1]]
    with pytest.raises(fwp.FwpError, match="outside the run"):
        injected.raster([[4] * ms], 4 * ms, 1 * ms)
    with pytest.raises(fwp.FwpError, match="spikes twice within one time step"):
        injected.raster([[0.1, 0.2] * ms], 4 * ms, 1 * ms)


def test_every_share_is_between_0_and_1():
    found = set()
    sets = [
        (name, chosen) for name in MODELS for chosen in fwp.synapses.parameter_sets(name)
    ]
    for name, chosen in sets:
        model = fwp.synapses.get(name, chosen)
        for share in set(SHARES) & set(model.parameters) - found:
            found.add(share)
            assert 0 <= model.parameters[share] <= 1
            for value in (3.0, -1):
                with pytest.raises(
                    fwp.FwpError, match=f"{share!r} of synapse {name!r} must be"
                ):
                    model.changed(**{share: value})
            assert model.changed(**{share: 1}).parameters[share] == 1
    assert found == set(SHARES)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: fwp.synapses.stdp_curve("triplet_stdp", lags=5 * ms, foo=3),
            "option of stdp_curve with 'triplet_stdp': 'foo' .legal: groups, interval.",
        ),
        (
            lambda: fwp.synapses.stdp_curve("graupner_brunel", lags=5 * ms, post_spike=2),
            "did you mean 'post_spikes'. .legal: method, synapses, seed, bistable, "
            "pre_spikes, post_spikes, burst_frequency, groups, interval.",
        ),
        (
            lambda: fwp.synapses.short_term(
                "tsodyks_markram", spike_times=[0, 9] * ms, foo=2
            ),
            "option of short_term with 'tsodyks_markram': 'foo' .legal: none.",
        ),
        (
            lambda: fwp.synapses.magnesium_block(
                -70 * b2.mV, magnesium=[1, 2] * b2.mmolar
            ),
            "magnesium must be one concentration >= 0",
        ),
        (lambda: fwp.synapses.magnesium_block(np.nan * b2.mV), "V must not be NaN"),
        (
            lambda: fwp.synapses.magnesium_block([-70, np.nan] * b2.mV),
            "V must not be NaN",
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence(call, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        call()


def test_lags_may_have_any_shape():
    lags = np.array([[-10, -5, 5], [10, 20, 30]])
    found = fwp.synapses.stdp_curve("pair_stdp", lags=lags * ms)
    row = fwp.synapses.stdp_curve("pair_stdp", lags=lags.ravel() * ms)
    assert found.shape == (2, 3) and (found.ravel() == row).all()
