"""Dense synapses: the same numbers as Brian2's own, without index vectors."""

from __future__ import annotations

import shutil

import brian2 as b2
import numpy as np
import pytest
from dense_cases import (
    CELLS,
    COLUMNS,
    DT,
    FIRST,
    GIVEN,
    ROWS,
    STEPS,
    TIME,
    plain,
    reference,
    spikes,
    world,
    worlds,
)

from fwp_neuro import FwpError, devices
from fwp_neuro.benchmarks.circuits import hand_written
from fwp_neuro.circuits.plastic import connecting
from fwp_neuro.circuits.plastic.plastic_checks import variables
from fwp_neuro.devices import Built, Size, brian2_state, dense
from fwp_neuro.synapses import get, names


@pytest.fixture(scope="module")
def runtime():
    found, _ = devices.simulate(
        reference(CELLS, GIVEN, TIME), Size(TIME, 5, 900), device="numpy", dt=DT, seed=0
    )
    assert found["dense"] is b2.Synapses  # elsewhere the call gives Brian2's own
    assert len(found["spikes"]) > 100
    return found


@pytest.mark.parametrize("variant", hand_written.VARIANTS)
def test_the_hand_written_loop_simulates_the_reference_network(runtime, variant):
    ours = hand_written.run(CELLS, GIVEN, TIME, variant=variant, w=FIRST, keep=True)
    tolerance = 1e-3 if variant.endswith("f32") else 1e-10
    assert abs(ours.w - runtime["w"]).max() < tolerance
    if not variant.endswith("f32"):
        assert (ours.spikes == runtime["spikes"]).all()
    assert ours.pre_events == len(GIVEN) * CELLS


def test_the_hand_written_loop_refuses_what_it_cannot_read():
    with pytest.raises(FwpError, match="outside 0 to 9"):
        hand_written.run(10, [[0, 10]], 5)
    with pytest.raises(FwpError, match="sorted"):
        hand_written.run(10, [[1, 0], [0, 0]], 5)
    with pytest.raises(FwpError, match="variant"):
        hand_written.run(10, [[0, 1]], 5, variant="lean")
    with pytest.raises(FwpError, match="shape"):
        hand_written.run(10, [[0, 1]], 5, w=np.ones(10))


def test_dense_synapses_give_the_same_spikes_and_weights(runtime):
    found, _ = devices.simulate(
        reference(CELLS, GIVEN, TIME),
        Size(TIME, 5, 900),
        device="cpp_standalone",
        dt=DT,
        seed=0,
    )
    assert found["dense"] is dense.DenseSynapses
    assert (found["spikes"] == runtime["spikes"]).all()
    assert abs(found["w"] - runtime["w"]).max() < 1e-12


@pytest.mark.slow
def test_every_rule_agrees_with_brian2s_own_synapses():
    def build():
        return worlds(plain, dense.synapses)

    found, _ = devices.simulate(
        build, Size(STEPS, 60, 9000), device="cpp_standalone", dt=DT, seed=7
    )
    assert found["kinds"] == ["Synapses", "DenseSynapses"]
    ours, theirs = found["worlds"][1], found["worlds"][0]
    for name, value in theirs.items():
        if name == "draws":  # other random numbers: both worlds draw from one stream
            assert (ours[name] != value).any() and 0.4 < ours[name].mean() < 0.6
        else:
            assert abs(ours[name] - value).max() < 1e-12, name
    runtime, _ = devices.simulate(
        lambda: worlds(dense.synapses),
        Size(STEPS, 60, 9000),
        device="numpy",
        dt=DT,
        seed=7,
    )
    assert runtime["kinds"] == ["Synapses"]
    for name, value in runtime["worlds"][0].items():
        if name not in ("draws", "feeds", "0 h", "1 h"):  # NumPy has another order
            assert abs(ours[name] - value).max() < 1e-12, name


@pytest.mark.slow
def test_two_runs_keep_spikes_under_way_and_take_other_weights():
    def build() -> Built:
        network, made, kept = b2.Network(), [], []
        for make, name in ((plain, "first"), (dense.synapses, "second")):
            groups, rules = world(make, name, ("late",))
            network.add(groups, rules["late"])
            made.append(rules["late"])
            kept.append(groups)
        network.run(50.3 * b2.ms, namespace={})
        for synapses in made:
            synapses.w = "w + 0.001*i"
            synapses.pre.delay = 1.1 * b2.ms
        collect = lambda: {each.name: np.array(each.w[:]) for each in made}  # noqa: E731
        return Built(network, collect, 60 * b2.ms, (made, kept))

    with devices.compiled(build, dt=DT) as program:
        theirs, ours = program.run().values()
        assert (ours == theirs).all()
        start = np.random.default_rng(0).random(ROWS * COLUMNS)
        first, second = program.run(
            {"first_late.w": start, "second_late.w": start}
        ).values()
        assert (first == second).all() and abs(first - theirs).max() > 0.1


def test_cuda_gets_brian2s_own_synapses(tmp_path):
    pytest.importorskip("brian2cuda")
    kinds = []

    def build() -> Built:
        built = few(False)()
        kinds.append(built.keep[0])
        return built

    folder = tmp_path / "project"
    devices.generate(build, device="cuda_standalone", dt=DT, seed=0, directory=folder)
    assert kinds == [b2.Synapses] and (folder / "main.cu").exists()


def sources(folder, build) -> dict[str, str]:
    """Return the C++ files of a network, not compiled."""
    devices.generate(build, device="cpp_standalone", dt=DT, seed=0, directory=folder)
    files = {
        path.stem: path.read_text() for path in (folder / "code_objects").glob("*.cpp")
    }
    shutil.rmtree(folder)
    return files


def test_rows_are_free_for_vector_instructions_where_no_synapse_meets_another(tmp_path):
    files = sources(tmp_path / "project", lambda: worlds(dense.synapses))
    code = {  # rule and side -> its loops (Brian2 may append a number to the name)
        name.partition("_codeobject")[0].removeprefix("world0_"): text.partition(
            "_num_cells"
        )[2]
        for name, text in files.items()
        if "_pre_codeobject" in name or "_post_codeobject" in name
    }
    for rule in ("pair", "triplet", "vogels", "late", "part", "loop"):
        assert (
            "DENSE_FREE" in code[f"{rule}_pre"] and "DENSE_FREE" in code[f"{rule}_post"]
        )
        assert "_block = 64" in code[f"{rule}_post"]
    for name in ("adds_pre", "feeds_pre", "feeds_post", "places_pre"):
        assert "DENSE_FREE" in code[name]
    assert "DENSE_FREE" not in code["draws_post"]
    for name in ("feeds_post", "draws_post"):  # in Brian2's order
        assert f"_block = {ROWS};" in code[name]
    for text in code.values():
        assert "_synaptic_pre[_idx]" not in text and "_synaptic_post[_idx]" not in text
    assert not any("%DENSE" in text for text in files.values())


def test_what_one_synapse_writes_and_another_reads_keeps_brian2s_order(tmp_path):
    # `simulate` refuses such code; whoever uses Brian2 alone gets what Brian2 would give
    with brian2_state.standalone("cpp_standalone", tmp_path / "project", DT, 0):
        loop = b2.NeuronGroup(5, "x : 1", threshold="x > 1", name="loop")
        synapses = dense.synapses(
            loop, loop, "w : 1", on_pre="x_post += 0.1*w\nw = 0.9*w + 0.1*x_pre",
            on_post="x_pre += 0.1*w\nw = 0.9*w + 0.1*x_post", name="met",
        )  # fmt: skip
        b2.Network(loop, synapses).run(1 * b2.ms)
        b2.device.build(directory=str(tmp_path / "project"), compile=False, run=False)
    for side in ("pre", "post"):
        text = (
            tmp_path / "project" / "code_objects" / f"met_{side}_codeobject.cpp"
        ).read_text()
        assert "DENSE_FREE" not in text.partition("_num_cells")[2]
        assert "_block = 64" not in text


def few(read: bool):
    def build() -> Built:
        pre = b2.NeuronGroup(3, "x : 1", threshold="x > 1", name="sources")
        post = b2.NeuronGroup(4, "y : 1\nz : 1", threshold="y > 1", name="targets")
        model = "w : 1\nz_post = w*x_pre : 1 (summed)"
        synapses = dense.synapses(pre, post, model, on_pre="y_post += w", name="few")
        scale = 0.5
        synapses.w = "scale*i + j"
        synapses.w["scale*i > 1"] = "scale*j"
        synapses.w["j > 2*scale"] = 0.3
        synapses.w[:] = "scale*i"
        synapses.w_["j > 1"] = "0.1*i"
        synapses.y_post = "0.1*i"
        if read:  # the pathway is a group of Brian2's own
            synapses.pre.w = "0.1*i + x_pre"
        assert scale == 0.5
        if isinstance(synapses, dense.DenseSynapses):  # known before a run
            assert (
                len(synapses) == 12
                and (synapses.i[:] == np.repeat(np.arange(3), 4)).all()
            )
        return Built(b2.Network(pre, post, synapses), dict, 1 * b2.ms, (type(synapses),))

    return build


@pytest.mark.parametrize("read", (False, True))
def test_index_vectors_are_made_only_for_those_who_read_them(tmp_path, read):
    files = sources(tmp_path / "project", few(read))
    (made,) = [text for name, text in files.items() if "create_dense" in name]
    assert ("if (true)" in made) is read and ("if (false)" in made) is not read


def test_no_initial_value_of_a_connection_needs_index_vectors(tmp_path):
    def build() -> Built:
        cells = b2.NeuronGroup(4, "y : 1", threshold="y > 1", reset="", name="cells")
        made = connecting.connect(
            "pair_stdp", cells, cells, dense=True, initial={"w": "0.1 + 0.01*i*j"}
        )
        made.set("w", "0.2 + 0.01*(i + j)")
        return Built(b2.Network(cells, *made.objects), dict, 1 * b2.ms, ())

    files = sources(tmp_path / "project", build)
    (made,) = [text for file, text in files.items() if "create_dense" in file]
    assert "if (false)" in made


def test_synapses_onto_dense_synapses_set_what_is_there(tmp_path):
    def build() -> Built:
        cells = b2.NeuronGroup(4, "y : 1", threshold="y > 1", reset="", name="cells")
        first = dense.synapses(cells, cells, "w : 1", on_pre="y_post += w")
        second = b2.Synapses(cells, first, "x : 1", on_pre="w_post += x")
        second.connect()
        second.w_post = "0.3*i"
        return Built(b2.Network(cells, first, second), dict, 1 * b2.ms, ())

    files = sources(tmp_path / "project", build)
    assert any("variable_set" in file and "0.3 * i" in text
               for file, text in files.items())  # fmt: skip


def of_package(models, **options):
    """Return a function that connects models of the package between cells told to
    spike."""

    def build() -> Built:
        network, made = b2.Network(), {}
        for number, name in enumerate(models):
            groups = []
            for side, count, seed in (("one", 7, 1), ("two", 9, 2)):
                table = b2.TimedArray(spikes(seed, count), dt=DT)
                groups.append(b2.NeuronGroup(
                    count, "y : 1", threshold="table(t, i) > 0.5", reset="",
                    namespace={"table": table}, name=f"{side}{number}",
                ))  # fmt: skip
            model = get(name)
            # a voltage that the model brings itself
            names = {port: None for port in model.ports if port != "conductance"}
            made[name] = connecting.connect(model, *groups, name=f"model{number}",
                                            names=names, **options)  # fmt: skip
            network.add(groups, made[name].objects)

        def collect():
            return {
                f"{n} {v}": m.values(v)
                for n, m in made.items()
                for v in variables(m.model) if v in m.where
            }

        return Built(network, collect, STEPS * DT, (made,))

    return build


@pytest.mark.parametrize("name", [*names("plasticity"), *names("short-term plasticity")])
def test_no_model_of_the_package_needs_index_vectors(tmp_path, name):
    files = sources(tmp_path / "project", of_package([name], dense=True))
    (made,) = [text for file, text in files.items() if "create_dense" in file]
    assert "if (false)" in made


@pytest.mark.slow
def test_models_of_the_package_give_the_same_with_dense_synapses():
    models = ("pair_stdp", "triplet_stdp", "vogels_2011", "graupner_brunel", "bcpnn")
    size = Size(STEPS, 40, 1000)
    ours, _ = devices.simulate(
        of_package(models, dense=True), size, device="cpp_standalone", dt=DT, seed=0
    )
    theirs, _ = devices.simulate(of_package(models), size, device="numpy", dt=DT, seed=0)
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        scale = max(1.0, abs(value).max())
        assert abs(ours[name] - value).max() < 1e-12 * scale, name
    assert (
        len({tuple(value) for name, value in theirs.items() if name.endswith(" w")}) > 2
    )


def test_one_sentence_says_what_dense_synapses_cannot_do():
    group = b2.NeuronGroup(3, "x : 1", threshold="x > 1")
    other = b2.Synapses(group, group, "w : 1")
    rule = {"on_pre": "x_post += 1"}
    with pytest.raises(FwpError, match="connect cells"):
        dense.synapses(group, other, **rule)
    with pytest.raises(FwpError, match="one delay a pathway"):
        dense.synapses(group, group, **rule, delay=[1, 2, 3] * b2.ms)
    with pytest.raises(FwpError, match="multisynaptic_index"):
        dense.synapses(group, group, **rule, multisynaptic_index="k")
    with pytest.raises(FwpError, match="all to all"):
        connecting.connect(get("pair_stdp"), group, group, connect={"p": 0.1}, dense=True)


def test_connect_takes_no_arguments(tmp_path):
    def build() -> Built:
        group = b2.NeuronGroup(3, "x : 1", threshold="x > 1", name="cells")
        synapses = dense.DenseSynapses(group, group, on_pre="x_post += 1", name="made")
        with pytest.raises(FwpError, match="no arguments"):
            synapses.connect(p=0.5)
        synapses.connect()
        with pytest.raises(FwpError, match="already"):
            synapses.connect()
        return Built(b2.Network(group, synapses), dict, 1 * b2.ms)

    devices.generate(
        build, device="cpp_standalone", dt=DT, seed=0, directory=tmp_path / "project"
    )
