"""Every number of every parameter set is that of the table of published constants."""

import pytest

from fwp_neuro import synapses, targets
from fwp_neuro.synapses import registered_synapses
from fwp_neuro.targets import constants_table

MODELS = list(dict.fromkeys(one.model for one in constants_table.table()))
SAME_SETS = [f"tsodyks_markram_{name}" for name in ("to_zero", "three_state", "to_U")]


@pytest.mark.parametrize("model", MODELS)
def test_every_number_is_that_of_the_table(model):
    different = constants_table.differences(model)
    assert not different, "\n".join(different)


def test_every_synapse_model_and_every_network_of_a_paper_is_in_the_table():
    for name in set(synapses.names()) - set(SAME_SETS):
        lines = "\n".join(constants_table.missing_lines(name))
        new = f"add to fwp_neuro/data/published_constants.csv, completed:\n{lines}"
        assert name in MODELS, new
    own = {"fit", "physiological_preset"}  # the latter says its sources in `realism`
    assert set(targets.models()) - own <= set(MODELS)


def test_every_row_of_the_table_says_where_its_number_is_from():
    for one in constants_table.table():
        assert one.status in constants_table.STATUSES and len(one.source) > 10, one
        assert constants_table.table().count(one) == 1 and one.number == one.number, one
    assert {one.status for one in constants_table.table()} == set(
        constants_table.STATUSES
    )


@pytest.mark.parametrize(
    ("model", "slip", "words"),
    [
        ("vogels_2011", {"rho_0": 2}, "rho_0 is 6, in the table 3"),
        ("gaba_a", {"E_gaba_a": -1}, "E_gaba_a is 0.07, in the table -0.07"),
        ("point_spine", {"p_pair": 1.01}, "p_pair is 1.704"),
    ],
)
def test_a_slip_is_named_and_fails_the_row(model, slip, words, monkeypatch):
    right = registered_synapses.get

    def slipped(name, chosen=None, kind=None):
        found = right(name, chosen, kind)
        values = {key: found.parameters[key] * factor for key, factor in slip.items()}
        return type(found)(
            **{**vars(found), "parameters": {**found.parameters, **values}}
        )

    monkeypatch.setattr(registered_synapses, "get", slipped)
    assert any(words in said for said in constants_table.differences(model))
    (row,) = constants_table.rows(model)
    assert not row.passed and not row.expected and words in row.source


def test_a_number_that_is_not_in_the_table_is_named(monkeypatch):
    table = [one for one in constants_table.table() if one.parameter != "tau_minus"]
    monkeypatch.setattr(constants_table, "table", lambda: table)
    assert constants_table.differences("pair_stdp") == [
        f"{name} tau_minus is not in the table"
        for name in synapses.parameter_sets("pair_stdp")
    ]


def test_lines_to_add_are_those_that_are_missing(monkeypatch):
    assert not any(constants_table.missing_lines(name) for name in synapses.names()
                   if name not in SAME_SETS and name != "tsodyks_markram")  # fmt: skip
    table = [one for one in constants_table.table() if one.model != "vogels_2011"]
    monkeypatch.setattr(constants_table, "table", lambda: table)
    assert constants_table.missing_lines("vogels_2011")[:4] == [
        "vogels_2011,network,tau,VALUE,ms,STATUS,SOURCE",
        "vogels_2011,network,rho_0,VALUE,Hz,STATUS,SOURCE",
        "vogels_2011,network,eta,VALUE,1,STATUS,SOURCE",
        "vogels_2011,network,initial.w,VALUE,1,STATUS,SOURCE",
    ]
