"""Odd inputs that are no bad values of one argument: cut recordings, odd tensors, odd
objects."""

import json

import brian2 as b2
import numpy as np
import pytest
import torch
from bad_values import without_compiler  # noqa: F401  a fixture
from torch import nn

import fwp_neuro as fwp
from fwp_neuro.cli import main

ms = b2.ms
ODD_TENSORS = {
    "sparse": lambda *shape: torch.ones(*shape).to_sparse(),
    "nested": lambda *shape: torch.nested.nested_tensor([torch.ones(*shape[1:])]),
}


# ---------------------------------------------------------------------- tensors


@pytest.mark.parametrize("odd", ODD_TENSORS.values(), ids=ODD_TENSORS)
def test_tensors_that_are_not_dense_are_refused_by_every_module(odd):
    modules = [fwp.artificial.network(name, 8) for name in fwp.artificial.networks()]
    modules += [
        fwp.artificial.Layer(rule, 8, 2) for rule in ("delta", "softmax_attention")
    ]
    modules.append(fwp.artificial.SequenceModel(1, 8, input_size=8))
    for module in modules:
        with pytest.raises(fwp.FwpError, match="must be a dense torch tensor"):
            module(odd(1, 2, 8))
    q = torch.ones(1, 2, 1, 8)
    for name in ("query", "key", "value"):
        call = {"query": q, "key": q, "value": q, "beta": 0.5, name: odd(1, 2, 1, 8)}
        with pytest.raises(fwp.FwpError, match=f"{name} must be a dense torch tensor"):
            fwp.artificial.apply("delta", **call)


@pytest.mark.parametrize("call", [{"beta": 1e300}, {"beta": 0.5, "scale": -1e300}])
def test_a_number_beyond_the_format_of_the_tensors_is_refused(call):
    q = torch.ones(1, 2, 1, 3)
    with pytest.raises(fwp.FwpError, match=r"(beta|scale) must be in \[-3.4"):
        fwp.artificial.apply("hebb", q, q, q, **call)
    found = fwp.artificial.apply("hebb", *[q.double()] * 3, **call)
    assert found[0].isfinite().all()  # double precision holds it


@pytest.mark.parametrize("temperature", [5e-324, 1e-310, 1e-30])
def test_a_low_temperature_writes_the_most_likely_symbols(temperature):
    torch.manual_seed(0)
    model = fwp.artificial.SequenceModel(1, 8, vocabulary=5)
    prompt = torch.tensor([[0, 1]])
    best = model.generate(prompt, 6)
    assert (model.generate(prompt, 6, temperature=temperature) == best).all()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_not_finite_write_nothing(temperature):
    model = fwp.artificial.SequenceModel(1, 8, vocabulary=5)
    nn.init.constant_(model.head.weight, float("nan"))
    with pytest.raises(fwp.FwpError, match="scores that are not finite"):
        model.generate(torch.tensor([[0, 1]]), 2, temperature=temperature)


def test_a_mixer_that_carries_no_state_is_refused():
    with pytest.raises(fwp.FwpError, match="Linear that takes"):
        fwp.artificial.SequenceModel(
            1, 8, vocabulary=5, mixer=lambda dim: nn.Linear(dim, dim)
        )


# ---------------------------------------------------------------------- synapses


def connected(**options):
    pre = b2.PoissonGroup(3, 20 * b2.Hz)
    post = b2.NeuronGroup(
        2, "dv/dt=-v/(10*ms):1", threshold="v>1", reset="v=0", method="exact"
    )
    made = fwp.circuits.connect("pair_stdp", pre, post, **options)
    made._cells = pre, post  # which must stay alive
    return made


LAYOUTS = ("factorised", "textbook")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_a_table_of_weights_is_refused_as_its_order_is_unknown(layout, shape):
    with pytest.raises(fwp.FwpError, match="got shape"):
        connected(layout=layout, initial={"w": np.ones(shape)})
    with pytest.raises(fwp.FwpError, match="got shape"):
        connected(layout=layout).set("w", np.ones(shape))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_are_numbers_also_where_they_require_grad(layout):
    made = connected(layout=layout, initial={"w": torch.arange(6.0, requires_grad=True)})
    assert made.values("w") == pytest.approx(np.arange(6))
    cells = {"i": torch.tensor([0, 2]), "j": torch.tensor([1, 0])}
    made = connected(layout=layout, connect=cells)
    assert (made.cells("pre") == [0, 2]).all() and (made.cells("post") == [1, 0]).all()
    with pytest.raises(fwp.FwpError, match="'w' must be a number"):
        connected(layout=layout, initial={"w": torch.ones(6).to_sparse()})


ODD_VALUES = {
    "nan": float("nan"), "infinity": float("inf"), "flag": True, "nothing": None,
    "object": object(), "other unit": 1 * b2.mV, "length": [1.0] * 5,
    "table": np.ones((3, 2)),
    "texts": ["a"] * 6, "masked": np.ma.array(np.ones(6), mask=True), "complex": 1j,
    "unknown name": "foo", "no text": "", "huge": 10**400, "dict": {"w": 1},
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_assigning_an_odd_value_to_synapses_is_one_sentence_and_changes_nothing(layout):
    made = connected(layout=layout, initial={"w": 0.25})
    for value in ODD_VALUES.values():
        with pytest.raises(fwp.FwpError):
            made.synapses.w = value
        assert made.values("w") == pytest.approx(0.25)
    for switch in ("no", None, 2):
        with pytest.raises(fwp.FwpError, match="True or False"):
            made.synapses.active = switch


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"delay": {"pre": 1e6 * b2.second}}, "a queue of 'pre' spikes for 1e"),
        ({"connect": {"j": "k for k in range(10**9)"}}, "a range of 1e.09 numbers"),
        (
            {"connect": {"j": "k for k in range(0, N_post * 10**9, 2)"}},
            "a range of 1e.09 numbers",
        ),
        ({"inputs": {"tau_plus": 0 * ms}}, "must be above 0"),
        ({"inputs": {"tau_plus": -3 * ms}}, "must be above 0"),
    ],
)
def test_absurd_sizes_and_times_are_refused_before_anything_is_made(
    layout, options, sentence
):
    with pytest.raises(fwp.FwpError, match=sentence):
        connected(layout=layout, **options)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ranges_that_follow_the_cells_go_on_working(layout):
    made = connected(layout=layout, connect={"j": "k for k in range(i % 2, N_post)"})
    assert len(made.synapses) == 5


def test_a_variable_of_cells_is_recorded_on_the_cells():
    pre, post = b2.PoissonGroup(1, 20 * b2.Hz), b2.PoissonGroup(3, 20 * b2.Hz)
    made = fwp.circuits.connect("clopath_2010", pre, post, names={"membrane": None})
    with pytest.raises(fwp.FwpError, match="record it there"):
        made.monitor("x")
    monitor = b2.StateMonitor(*made.where["x"], record=True)
    b2.Network(pre, post, *made.objects, monitor).run(1 * ms)
    with pytest.raises(fwp.FwpError, match="label must be a letter"):
        made.monitor("w", label="a b")


# ---------------------------------------------------------------------- devices


RUN = {"dt": 0.1 * ms, "seed": 0}


def network_of(equations: str):
    def build():
        cells = [b2.NeuronGroup(1, equations, method="euler")] if equations else []
        return fwp.devices.Built(b2.Network(*cells), dict, 1 * ms, cells)

    return build


@pytest.mark.parametrize(
    ("equations", "sentence"),
    [("", "has no objects"), ("dv/dt = foo/(5*ms) : 1", 'Brian2 cannot run .*"foo"')],
)
def test_a_network_that_cannot_run_is_one_sentence(equations, sentence, tmp_path):
    build = network_of(equations)
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.devices.simulate(
            build, size=fwp.devices.Size(10, 1, 1), device="numpy", **RUN
        )
    with pytest.raises(fwp.FwpError, match=sentence):
        fwp.devices.generate(
            build, device="cpp_standalone", directory=tmp_path / "made", **RUN
        )


# ---------------------------------------------------------------------- recordings


@pytest.fixture(scope="module")
def recording():
    return fwp.run(fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5), "delta")


def test_recordings_that_were_cut_are_refused_in_one_sentence(recording):
    program, whole = recording.program, recording.dataset
    one = fwp.Recording(whole.isel(token=0))
    assert one.final_weights.equals(whole.weights.isel(token=0))
    for cut in (whole.isel(token=slice(0, 0)), whole.rename(token="moment")):
        cut = fwp.Recording(cut)
        with pytest.raises(fwp.FwpError, match="have no tokens"):
            _ = cut.final_weights
        with pytest.raises(fwp.FwpError, match="have no tokens"):
            fwp.run(program, "delta", initial_states_of=cut)
    for odd in (
        whole.readout.astype(str),
        whole.readout.astype(object),
        whole.readout[0],
    ):
        odd = fwp.Recording(whole.assign(readout=odd))
        for pair in ((recording, odd), (odd, recording), (odd, odd)):
            with pytest.raises(fwp.FwpError, match="needs a 'readout' of numbers"):
                fwp.compare(*pair)


@pytest.mark.parametrize("origin", ["x", [1], 3, {"citations": 3}])
def test_an_odd_origin_of_a_recording_is_called_damaged(recording, origin):
    text = origin if isinstance(origin, str) else json.dumps(origin)
    odd = fwp.Recording(recording.dataset.assign_attrs(provenance=text))
    assert "delta" in repr(odd)
    with pytest.raises(fwp.FwpError, match="damaged"):
        fwp.cite(odd)
    for part in ({"function": 3, "grid": 3}, {"options": 3}):
        odd = fwp.Recording(recording.dataset.assign_attrs(provenance=json.dumps(part)))
        assert odd.swept == ""
        with pytest.raises(fwp.FwpError, match="unknown recorded variable"):
            _ = odd["nothing"]


def test_anything_may_be_asked_for_in_a_recording(recording):
    assert "readout" in recording and 3 not in recording
    assert [1] not in recording and np.ones(2) not in recording


def test_objects_with_odd_sources_can_be_cited():
    class Odd:
        name, citation, sources = "odd", "this package", 3

    assert "% odd rests on no paper" in fwp.cite(Odd())


@pytest.mark.parametrize("kind", ["rules", "x", ""])
def test_a_kind_without_a_name_is_refused(kind, capsys):
    with pytest.raises(fwp.FwpError):
        fwp.cite(kind=kind)
    assert main(["cite", "--kind", kind]) == 2
    assert not capsys.readouterr().out


def test_the_task_takes_tensors_of_any_dense_kind():
    task = fwp.tasks.regression(dim=2)
    batch = task.sample(2)
    inputs = torch.tensor(batch.inputs, requires_grad=True)
    assert task.solve(inputs) == pytest.approx(task.solve(batch.inputs))
    half = torch.tensor(batch.inputs).bfloat16()
    assert task.solve(half) == pytest.approx(task.solve(half.double().numpy()))
