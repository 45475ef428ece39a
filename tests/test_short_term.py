"""Tsodyks-Markram short-term plasticity in three conventions, and what it cannot
store."""

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro.characterise import rank_argument
from fwp_neuro.circuits import injected
from fwp_neuro.devices import Built, Size, simulate
from fwp_neuro.synapses.release_conventions import CONVENTIONS, convention_of, per_cell
from fwp_neuro.synapses.tsodyks_markram import events as tm
from fwp_neuro.targets.mongillo_2008 import KEYS, VALUES

ms, Hz = b2.ms, b2.Hz
TIMES = np.array([0.1, 0.15, 0.2, 0.4, 0.41, 0.9])


def model(convention, chosen="mongillo_2008"):
    return fwp.synapses.get(f"tsodyks_markram_{convention}", chosen)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("chosen", ["mongillo_2008", "tsodyks_1998_depressing"])
def test_brian2_text_is_its_oracle(convention, chosen):
    one = model(convention, chosen)
    pre = injected.raster([TIMES * b2.second, TIMES[:3] * b2.second], 1000 * ms, 1 * ms)
    post = np.zeros((1000, 1))
    found = injected.run(one, pre, post, dt=1 * ms)
    expected = [tm.release(one, times)[-1] for times in (TIMES, TIMES[:3])]
    assert found["release"].ravel() == pytest.approx(expected, rel=1e-9)
    u, x = tm.states(one, TIMES)
    assert found["weight"][0, 0] == pytest.approx(u[-1] * x[-1] * (1 - u[-1]), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cython", "cpp_standalone"])
def test_devices_agree(device):
    one = model("three_state")
    pre = injected.raster([TIMES * b2.second], 1000 * ms, 1 * ms)
    runs = [injected.run(one, pre, np.zeros((1000, 1)), dt=1 * ms, device=d)
            for d in ("numpy", device)]  # fmt: skip
    assert runs[1]["release"] == pytest.approx(runs[0]["release"], rel=1e-12)


def test_the_conventions_are_the_equations_they_claim():
    """Between-spike equations integrated in small steps, with the order of events written
    out."""
    U, tau_F, tau_D, tau_psc, dt = 0.2, 1.5, 0.2, 3e-3, 1e-5
    for name, rest, before_jump, psc in (
        ("to_zero", 0.0, False, 0.0),
        ("to_zero", U, True, 0.0),  # the fourth wording is the first convention
        ("to_U", U, False, 0.0),
        ("three_state", 0.0, False, tau_psc),
    ):
        u, x, y, now, released = rest, 1.0, 0.0, 0.0, []
        for time in TIMES[:4]:
            for _ in range(round((time - now) / dt)):
                u += dt * (rest - u) / tau_F
                x += dt * (1 - x - y) / tau_D
                y -= dt * y / psc if psc else 0.0
            now, used = time, u if before_jump else u + U * (1 - u)
            u += U * (1 - u)
            released.append(used * x)
            x, y = x - used * x, y + (used * x if psc else 0.0)
        assert tm.release(model(name), TIMES[:4]) == pytest.approx(released, rel=1e-3)


def test_conventions_disagree_and_meet_in_their_limit():
    releases = {name: tm.release(model(name), TIMES) for name in CONVENTIONS}
    assert releases["to_U"][0] == pytest.approx(0.36) and releases["to_zero"][0] == 0.2
    assert not np.allclose(releases["three_state"], releases["to_zero"], rtol=1e-3)
    quick = model("three_state").changed(tau_psc=1e-4 * ms)
    assert tm.release(quick, TIMES) == pytest.approx(releases["to_zero"], rel=1e-5)
    same = model("three_state").changed(tau_psc=200 * ms)
    near = model("three_state").changed(tau_psc=200.001 * ms)
    assert tm.release(same, TIMES) == pytest.approx(tm.release(near, TIMES), rel=1e-5)


def test_a_set_comes_in_the_convention_of_its_paper():
    papers = {"tiddia_2022": "to_U", "tsodyks_1998_depressing": "to_zero"}
    for chosen, convention in papers.items():
        one = fwp.synapses.get("tsodyks_markram", chosen)
        assert convention_of(one) == convention
        ours = fwp.synapses.short_term("tsodyks_markram", chosen, TIMES * b2.second)
        other = fwp.synapses.short_term(
            f"tsodyks_markram_{convention}", chosen, TIMES * b2.second
        )
        assert np.array_equal(ours, other)
    with pytest.raises(fwp.FwpError, match="follows none of the conventions"):
        convention_of(fwp.synapses.get("pair_stdp"))


def test_a_spike_long_ago_is_forgotten_and_depletion_never_exceeds_all():
    for name in CONVENTIONS:
        one = model(name)
        train = tm.release(one, np.arange(1, 200) * 0.002)
        assert (train > 0).all() and train.max() <= 1
        late = tm.release(one, np.r_[np.arange(1, 50) * 0.002, 60.0])
        assert late[-1] == pytest.approx(tm.release(one, np.array([1.0]))[0], rel=1e-9)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([1, 2], "spike_times must be times such as"),
        ([2, 1] * ms, "times that increase"),
        ([[1, 2]] * ms, "one row of times"),
    ],
)
def test_short_term_refuses(times, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.synapses.short_term("tsodyks_markram", spike_times=times)
    with pytest.raises(fwp.FwpError, match="did you mean 'mongillo_2008'"):
        fwp.synapses.short_term("tsodyks_markram", "mongilo_2008", [1] * ms)


def test_state_in_the_presynaptic_cell_gives_the_same_release():
    for convention in CONVENTIONS:
        one = model(convention)
        text = per_cell(one)

        def build(one=one, text=text):
            spikes = b2.SpikeGeneratorGroup(1, [0] * len(TIMES), TIMES * b2.second)
            cells = b2.NeuronGroup(
                1, text.pre + "\nfired : 1", threshold="fired > 0.5",
                reset=text.pre_spike + "\nfired = 0", method=text.method,
                namespace=one.parameters,
            )  # fmt: skip
            drive = b2.Synapses(spikes, cells, on_pre="fired_post = 1")
            drive.connect()
            target = b2.NeuronGroup(1, "got : 1")
            out = b2.Synapses(cells, target, text.synapse,
                              on_pre="got_post = J*released_pre",
                              delay=0.5 * ms)  # fmt: skip
            out.connect()
            out.J = 2
            for name in ("u", "x"):
                if name in one.initial:
                    setattr(cells, name, one.initial[name])
            seen = b2.StateMonitor(target, "got", record=True)
            network = b2.Network(spikes, cells, drive, target, out, seen)
            return Built(network, lambda: {"got": np.array(seen.got[0])}, 1 * b2.second,
                         (spikes, cells))  # fmt: skip

        found, _ = simulate(build, Size(1, 1, 1), device="numpy", dt=0.5 * ms, seed=0)
        got = found["got"][np.round((TIMES + 0.02) / 0.5e-3).astype(int)]
        expected = 2 * tm.release(one, TIMES)
        assert got[[0, 1, 2, 4, 5]] == pytest.approx(expected[[0, 1, 2, 4, 5]], rel=1e-3)


def test_no_gate_on_fixed_weights_stores_two_items_that_share_presynaptic_cells():
    J = np.random.default_rng(1).lognormal(0, 0.5, (12, 8))
    assert rank_argument.gate_error(J, KEYS, VALUES) > 0.3
    assert rank_argument.outer_error(KEYS, VALUES) < 1e-12
    assert (
        rank_argument.gate_error(VALUES.T @ np.linalg.pinv(KEYS).T, KEYS, VALUES) < 1e-12
    )
    with pytest.raises(fwp.FwpError, match="as many items each"):
        rank_argument.gate_error(J, KEYS, VALUES[:1])


def test_a_memory_of_short_term_plasticity_alone_does_not_know_the_values():
    one = fwp.synapses.get("tsodyks_markram", "mongillo_2008")
    J = np.random.default_rng(1).lognormal(0, 0.5, (12, 8))
    stored = rank_argument.recall(one, KEYS, VALUES, J)
    swapped = rank_argument.recall(one, KEYS, VALUES[::-1], J)
    # something was written, and it is blind to the value
    assert np.abs(stored).max() > 0.1
    assert np.array_equal(stored, swapped)
    assert abs(rank_argument.told_apart(stored, VALUES)) < 0.5


@pytest.mark.parametrize("receptor", [None, "ampa"])
def test_a_composition_releases_what_its_release_does(receptor):
    times = np.array([0, 50, 100, 400]) * ms
    made = fwp.synapses.compose("pair_stdp", "tsodyks_markram", receptor)
    alone = fwp.synapses.short_term("tsodyks_markram", spike_times=times)
    np.testing.assert_allclose(
        fwp.synapses.short_term(made, spike_times=times), alone, rtol=1e-9
    )
