"""Laws over all registries: every name is listed, shown and cited; what it cites is
complete."""

import json
import re

import pytest

import fwp_neuro as fwp
from fwp_neuro import bibliography, divisive, registries
from fwp_neuro.circuits.spiking import value_somas
from fwp_neuro.cli import main
from fwp_neuro.commands import listing, show
from fwp_neuro.registries import KINDS, Found, find, registry
from fwp_neuro.registry import Registry
from fwp_neuro.synapses import (
    data_sets,
    fitting_result,
    fitting_tables,
    get,
    names,
    parameter_sets,
)

EVERYTHING = [(kind, name) for kind in KINDS for name in registry(kind)]
EVERY_ENTRY = pytest.mark.parametrize(
    ("kind", "name"), EVERYTHING, ids=lambda one: str(one)
)
SETS = [(name, chosen) for name in names() for chosen in parameter_sets(name)]
EVERY_SET = pytest.mark.parametrize(("name", "chosen"), SETS)


def test_no_kind_is_empty():
    assert [kind for kind in KINDS if not registry(kind).names()] == []
    assert len(EVERYTHING) > 140


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_a_kind_are_unique_and_aliases_resolve(kind):
    of = registry(kind)
    assert len(set(of.all_names())) == len(of.all_names())
    for name, entry in of.entries().items():
        for each in (name, *entry.aliases):
            assert of.entry(each) is of.entry(name) or of.entry(each).name == name
            assert name in {found.name for found in find(each)}
            assert [found.name for found in find(each, kind)] == [name]
    with pytest.raises(fwp.FwpError, match=f"unknown {of.kind} 'no such thing'"):
        of.get("no such thing")


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_is_listed(kind, capsys):
    assert main(["list", kind]) == 0
    printed = capsys.readouterr().out
    assert all(
        re.search(rf"^  {re.escape(n)}  +\S", printed, re.M) for n in registry(kind)
    )
    assert main(["list", kind, "--json"]) == 0
    (rows,) = json.loads(capsys.readouterr().out).values()
    assert [row["name"] for row in rows] == registry(kind).names()
    assert all(row["summary"] and "\n" not in row["summary"] for row in rows)


@EVERY_ENTRY
def test_every_name_is_shown(kind, name):
    page = show.page(Found(kind, registry(kind).entry(name)))
    lines = page.splitlines()
    assert lines[0].endswith(f" {name}") and len(lines) > 4
    assert "papers:" in page and not bibliography.KEY.search(re.sub(r"\[\w+\]", "", page))
    if kind == "rules":
        rule = fwp.rule(name)
        derived = {"locality": rule.locality, "transition": rule.transition,
                   "eigenvalues": rule.eigenvalues}  # fmt: skip
        for what, said in derived.items():
            assert (f"{what}: {said}" in lines) == (said is not None)


@EVERY_ENTRY
def test_every_key_that_an_entry_names_is_in_the_bibliography(kind, name):
    absent = bibliography.missing(Found(kind, registry(kind).entry(name)).citation)
    assert not absent, f"write {absent} in fwp_neuro/data/references.bib"


@EVERY_ENTRY
def test_every_name_is_cited(kind, name):
    printed = fwp.cite(name, kind=kind)
    own = bibliography.keys(Found(kind, registry(kind).entry(name)).citation)
    assert printed.startswith("@software{fwp_neuro") and "{irie2025fast," in printed
    assert all(f"{{{key}," in printed for key in own)
    assert bool(own) != (f"% {name} rests on no paper of its own" in printed)
    new = "name the paper of the new entry, by its key in fwp_neuro/data/references.bib"
    assert own or kind == "commands" or name in ALONE, new


#: what rests on this package alone
ALONE = ("leaky_delta", "fig01_agreement", "fig14_plasticity_rules",
         "fig15_validation", "identity", "relu")  # fmt: skip


@EVERY_SET
def test_every_parameter_set_is_cited_and_every_parameter_has_a_status(name, chosen):
    (found,) = find(f"{name}/{chosen}")
    printed, own = fwp.cite(found.name), bibliography.keys(found.citation)
    assert all(f"{{{key}," in printed for key in own) and own
    assert set(show.status(name, chosen)) >= set(get(name, chosen).parameters)
    assert set(bibliography.keys(found.citation)) <= set(bibliography.keys(Found(
        "synapses", found.entry).citation))  # fmt: skip


def test_every_key_that_is_used_is_in_the_file_and_every_entry_is_used():
    texts = [
        Found(kind, registry(kind).entry(name)).citation for kind, name in EVERYTHING
    ]
    texts += [fwp.artificial.memories and kind.citation for kind in _feature_maps()]
    texts += [divisive.PAPERS, value_somas.PAPERS]  # of options of realisations
    texts += [fitting_result.PAPERS, *map(fitting_tables.citation_of, data_sets())]
    used = {key for text in texts for key in bibliography.keys(text)}
    named = {key for text in texts for key in bibliography.KEY.findall(text)}
    known = set(bibliography.references())
    assert named <= known, sorted(named - known)
    assert known - used - set(bibliography.SOURCES) == set()


def _feature_maps():
    from fwp_neuro.artificial.memories.features import FEATURE_MAPS

    return [FEATURE_MAPS.get(name) for name in FEATURE_MAPS]


@pytest.mark.parametrize("key", bibliography.references())
def test_every_entry_is_complete(key):
    one = bibliography.reference(key)
    fields = one.fields
    assert {"author", "title", "year"} <= set(fields)
    assert bibliography.KEY.fullmatch(key) and key == one.key and fields["year"] in key
    places = {
        "journal",
        "booktitle",
        "publisher",
        "institution",
        "howpublished",
        "eprint",
        "url",
    }
    assert places & set(fields)
    assert {"doi", "eprint", "isbn", "url"} & set(fields) or "no DOI" in fields["note"]
    assert re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "10.1000/x"))
    assert re.fullmatch(r"\d{4}\.\d{4,5}", fields.get("eprint", "1234.56789"))
    assert all(text.count("{") == text.count("}") for text in fields.values())
    assert one.text.count("\n") == len(fields) + 1  # nothing of the entry was left unread
    assert not set("{}\\") & set(one.long)


def test_references_read_well():
    short = {key: bibliography.reference(key).short for key in bibliography.references()}
    assert short["schlag2021linear"] == "Schlag, Irie & Schmidhuber 2021"
    assert short["irie2025fast"] == "Irie & Gershman 2025"
    assert short["yang2024gated"] == "Yang et al. 2024"
    assert list(bibliography.keys("see arXiv:2102.11174, doi:10.7554/eLife.47314")) == [
        "schlag2021linear", "stimberg2019brian"
    ]  # fmt: skip
    assert bibliography.readable("oja1982simplified, eq. 3") == "Oja 1982, eq. 3"
    with pytest.raises(fwp.FwpError, match="did you mean 'oja1982simplified'"):
        bibliography.reference("oja1982simple")


def test_a_name_of_two_kinds_shows_both_unless_one_is_asked_for(capsys):
    assert {found.kind for found in find("oja")} == {"rules", "synapses"}
    assert main(["show", "oja"]) == 0
    printed = capsys.readouterr().out
    assert "rule oja\n" in printed and "synapse model oja\n" in printed
    assert main(["show", "oja", "--kind", "rule"]) == 0
    assert "synapse model" not in capsys.readouterr().out


def test_a_synapse_model_is_shown_with_units_sources_and_status(capsys):
    assert main(["show", "pair_stdp/soft_bounds"]) == 0
    printed = capsys.readouterr().out
    for part in (
        "tau_plus = 20*ms [recalled]",
        "mu = 1 [",
        "A_plus*w_max*clip(1 - w/w_max",
        "effective weight: w",
        "conventions: all-to-all",
        "[guetig2003learning]",
    ):
        assert part in printed  # fmt: skip


@pytest.mark.parametrize(
    ("realisation", "options", "papers"),
    [
        ("artificial", {"backend": "numpy"}, {"harris2020array"}),
        ("artificial", {}, {"paszke2019pytorch"}),
        ("rate", {"device": "numpy"}, {"stimberg2019brian"}),
        ("spiking", {"device": "numpy", "cells": 2},
         {"stimberg2019brian", "urbanczik2014learning", "jahr1990voltage",
          "brunel2001effects"}),
    ],
)  # fmt: skip
def test_a_recording_says_what_its_run_used(
    realisation, options, papers, tmp_path, capsys
):
    program = fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5)
    made = fwp.run(program, "delta", realisation, **options)
    papers = papers | {"schlag2021linear", "yang2024parallelizing"}
    assert set(made.provenance["citations"]) >= papers
    path = made.save(tmp_path / "run.nc")
    assert main(["cite", str(path)]) == 0
    printed = capsys.readouterr().out.strip()
    assert all(f"{{{key}," in printed for key in papers) and printed == fwp.cite(made)


def test_a_recording_from_before_cites_its_rule(tmp_path):
    made = fwp.run(fwp.tasks.associative_recall(tokens=3, dim=3, beta=0.5), "delta")
    kept = made.provenance
    del kept["citations"]
    made.dataset.attrs["provenance"] = json.dumps(kept)
    assert registries.used_by(made) == fwp.rule("delta").citation


def test_objects_with_a_citation_are_cited_too():
    assert "{oja1982simplified," in fwp.cite(get("oja"), fwp.rule("oja_neuron"))
    mine = fwp.Rule("mine", "w += v*k", citation="Me & You 2026, a letter")
    assert "note = {Me \\& You 2026, a letter}" in fwp.cite(mine)
    with pytest.raises(fwp.FwpError, match="is no name, no path of a Recording"):
        fwp.cite(3)


def test_a_registry_refuses_names_that_are_taken():
    of = Registry("colour")
    of.add("red", lambda: 1, "that of blood", aliases=("crimson",))
    for name, aliases in (
        ("red", ()),
        ("crimson", ()),
        ("blue", ("red",)),
        ("b", ("b",)),
    ):
        with pytest.raises(
            fwp.FwpError, match="a colour named '.*' is registered already"
        ):
            of.add(name, lambda: 2, aliases=aliases)
    assert of.get("crimson") == 1 and of.names() == ["red"] and list(of) == ["red"]
    with pytest.raises(fwp.FwpError, match="unknown colour 'rad'; did you mean 'red'"):
        of.get("rad")


def test_the_list_has_a_section_for_every_kind():
    sections = [listing.section(kind).splitlines()[0] for kind in KINDS]
    assert [heading.split()[0] for heading in sections] == list(KINDS)


def test_the_page_of_a_rule_says_how_far_its_step_is_from_its_objective(capsys):
    main(["show", "delta", "--kind", "rules"])
    found = re.search(r"a gradient step on: .* differ by (.*)\)", capsys.readouterr().out)
    assert float(found[1]) < 1e-12


def test_a_figure_is_found_by_its_number():
    figures = registry("figures").names()
    for number in {name.partition("_")[0] for name in figures}:
        named = [name for name in figures if name.startswith(f"{number}_")]
        assert [found.name for found in find(number)] == named
        assert fwp.cite(number) and find(number, "figures")
    with pytest.raises(fwp.FwpError, match="did you mean 'fig17'"):
        find("fig177")
    with pytest.raises(fwp.FwpError, match="unknown rule 'fig17'"):
        find("fig17", "rules")


def test_a_paper_that_the_bibliography_lacks_is_one_sentence():
    mine = fwp.Rule("mine", "w += v*k", citation="schlag2021linaer; irie2022learning")
    printed = fwp.cite(mine)
    said = (
        "% mine cites 'schlag2021linaer', which references.bib of fwp_neuro lacks; did "
        "you mean 'schlag2021linear'?"
    )
    assert said in printed and "@misc{fwp_mine" not in printed
    assert "{irie2022learning," in printed
    unknown = fwp.Rule("mine", "w += v*k", citation="nobody1999nothing")
    assert "cites 'nobody1999nothing', which" in fwp.cite(unknown)
