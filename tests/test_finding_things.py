"""Finding things at a prompt and in a notebook: names, help, short texts, HTML."""

import builtins
import importlib
import inspect
import logging
import pydoc
import re
import time
import types
from html.parser import HTMLParser

import brian2 as b2
import pytest
from bad_values import every_public_function, public_functions
from test_public_arguments import MADE, usual

import fwp_neuro as fwp
from fwp_neuro import short_reprs
from fwp_neuro.synapses.synapse_class import SYNAPSES

NAMESPACES = ["fwp_neuro", *(f"fwp_neuro.{name}" for name in fwp._SUBMODULES)]
FUNCTIONS = public_functions()
CLASSES = [name for name, thing in FUNCTIONS.items() if inspect.isclass(thing)]


@pytest.mark.parametrize("name", NAMESPACES)
def test_what_tab_offers_is_what_is_public(name):
    module = importlib.import_module(name)
    before = set(dir(module))
    for each in module.__all__:  # loads what is loaded late
        getattr(module, each)
    assert set(dir(module)) == before == set(module.__all__)
    offered = [each for each in before if not each.startswith("__")]
    assert not [each for each in offered if each.startswith("_")]
    for each in offered:
        thing = getattr(module, each)
        home = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(
            thing, "__module__", "")  # fmt: skip
        assert home is None or home.startswith(("fwp_neuro", "builtins")) or home == "", (
            f"{name}.{each} is of {home}"
        )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_says_every_option(name):
    thing = FUNCTIONS[name]
    text = inspect.getdoc(thing) or ""
    told = set(re.findall(r"\w+", text))
    names = set(inspect.signature(thing).parameters) - {"self"}
    # the name of what takes all others is not one that a user writes
    names -= {n for n, p in inspect.signature(thing).parameters.items()
              if p.kind.name.startswith("VAR")}  # fmt: skip
    assert names <= told, f"the docstring of {name} does not say {names - told}"
    rendered = pydoc.plain(pydoc.render_doc(thing))
    assert all(line.strip() in rendered for line in text.splitlines()[:20])


def test_help_of_run_says_the_options_of_all_realisations():
    from fwp_neuro.running import REALISATIONS

    text = inspect.getdoc(fwp.run)
    for name in REALISATIONS.names():
        for option in inspect.signature(REALISATIONS.get(name).function).parameters:
            assert re.search(rf"\b{option}\b", text), f"{option} of {name}"


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Forget what an example registers."""
    fwp.synapses.names()
    for name in ("_entries", "_aliases"):
        monkeypatch.setattr(SYNAPSES, name, dict(getattr(SYNAPSES, name)))


EXAMPLES = {public.name: public for public in every_public_function()}


def example(name):
    return EXAMPLES[name].call(**usual(EXAMPLES[name]))


def fits_a_screen(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) <= short_reprs.LINES and max(map(len, lines)) <= (
        short_reprs.COLUMNS
    )


@pytest.mark.parametrize("name", CLASSES)
def test_the_text_of_an_object_is_one_screen(name):
    text = repr(example(name))
    assert fits_a_screen(text), text
    assert not re.search(r" at 0x[0-9a-f]+>$", text), f"{name} has no text of its own"


def test_texts_of_large_things_are_one_screen_too():
    for name in fwp.synapses.names():
        model = fwp.synapses.get(name)
        assert fits_a_screen(repr(model)) and fits_a_screen(repr(model.equations)), name
    composed = fwp.synapses.compose("clopath_2010", "tsodyks_markram", "nmda_jump")
    assert fits_a_screen(repr(composed))
    model = fwp.artificial.SequenceModel(12, 8, vocabulary=3)
    assert fits_a_screen(repr(model)) and "12" not in repr(model).split("blocks")[0]
    preset = fwp.circuits.Realism(preset="physiological")
    assert fits_a_screen(repr(preset)) and repr(preset) != repr(fwp.circuits.Realism())
    assert repr(fwp.circuits.SpikingOptions(cells=20)) == "SpikingOptions(cells=20.0)"


def test_other_equations_have_other_texts():
    """Short texts are keys of what is kept, as the long ones were."""
    models = [
        fwp.synapses.get(name, chosen)
        for name in fwp.synapses.names()
        for chosen in fwp.synapses.parameter_sets(name)
    ]
    for one in models[::7]:
        for other in models:
            same = str(one.equations) == str(other.equations)
            if not same:
                assert repr(one.equations) != repr(other.equations)
    assert repr(models[0].changed()) == repr(models[0])


NASTY = '<script>alert("&")</script>'


class _Balance(HTMLParser):
    """Counts tags that are open, and keeps the names of all."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in ("input", "br", "meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag


def checked(html: str) -> str:
    found = _Balance(html)
    assert not found.open and "script" not in found.seen
    return html


@pytest.fixture(scope="module")
def run():
    return fwp.run(MADE["a Program"](), "delta")


def test_a_rule_in_a_notebook():
    rule = fwp.Rule("mine", "w += beta*(v - read(k))*k", gates={"beta": "shared"},
                    summary=NASTY, citation=NASTY)  # fmt: skip
    html = checked(rule._repr_html_())
    assert "&lt;script&gt;" in html and "<td>beta</td><td>shared</td>" in html
    assert "eigenvalues of the transition" in html and "post-local error" in html
    latex = rule._repr_latex_()
    assert latex.startswith("$") and latex.endswith("$") and rule.latex in latex
    assert rule.latex.replace("&", "&amp;") in html
    for name in ("oja", "delta", "bcm" if "bcm" in fwp.rules() else "hebb"):
        checked(fwp.rule(name)._repr_html_())


def test_a_recording_a_program_and_a_comparison_in_a_notebook(run):
    html = checked(run._repr_html_())
    for word in ("delta", "artificial", "provenance", "readout", "seed", "w += "):
        assert word in html
    assert "Program(3 tokens" in checked(run.program._repr_html_())
    labelled = fwp.Program([[1.0, 0]], [[1.0]], labels=[NASTY], beta=1.0)
    checked(labelled._repr_html_())
    checked(fwp.run(labelled, "hebb")._repr_html_())
    same = fwp.compare(run, run)
    html = checked(same._repr_html_())
    assert "<td>readout</td><td>0</td>" in html.replace("<td>0.0000</td>", "<td>0</td>")
    assert same.table().splitlines()[-1] in html


def test_a_synapse_and_a_fit_in_a_notebook():
    from dataclasses import replace

    model = fwp.synapses.get("pair_stdp")
    html = checked(replace(model, summary=NASTY, conventions=NASTY)._repr_html_())
    assert "A_plus" in html and "dx/dt" in html and "song2000competitive" in html
    table = {"lag": [-20, -10, 5, 10, 20] * b2.ms, "ratio": [0.9, 0.8, 1.3, 1.2, 1.1]}
    found = fwp.synapses.fit("pair_stdp", table, free=["A_plus"], starts=1)
    found = replace(found, model=replace(found.model, name="<b>"))
    html = checked(found._repr_html_())
    assert "&lt;b&gt;" in html and "<td>A_plus</td>" in html and "AICc" in html
    assert fits_a_screen(repr(found)) and found.report() == str(found)
    assert not hasattr(builtins, "fwp")


class Terminal:
    """Standard error of somebody who looks on."""

    def __init__(self):
        self.written = ""

    def write(self, text):
        self.written += text

    def flush(self):
        pass

    def isatty(self):
        return True


class Clock:
    """Time that passes only when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def looked_at(monkeypatch) -> Terminal:
    """Let standard error be a terminal; called in the test, since pytest sets it anew."""
    from fwp_neuro import progress

    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr(progress, "_shown", [])
    return seen


def long_call(clock, told, seconds=(0.5, 1.9, 2.5, 3.0)):
    for number, now in enumerate(seconds, 1):
        clock.now = now
        told(number / 4, "half")


@pytest.mark.parametrize("installed", [True, False])
def test_a_bar_comes_after_two_seconds_and_goes_away(monkeypatch, installed):
    from fwp_neuro import progress

    terminal = looked_at(monkeypatch)
    if not installed:
        monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    else:
        pytest.importorskip("tqdm")
    clock = Clock()
    with progress.patient("a call", clock=clock) as told:
        long_call(clock, told, (0.5, 1.9))
        assert terminal.written == ""
        long_call(clock, told)
        assert "a call" in terminal.written and "75%" in terminal.written
        assert ("#####" in terminal.written) or installed
        with progress.patient("what runs inside") as inner:
            assert inner is None
    last = terminal.written.rpartition("\r")
    assert last[2].strip(" \x1b[K") == ""  # the line is free again
    assert progress._shown == []


def test_a_bar_comes_while_a_long_step_reports_nothing(monkeypatch):
    from fwp_neuro import progress

    terminal = looked_at(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", 0.02)
    monkeypatch.setattr(progress, "_MEANWHILE", 0.01)
    with progress.patient("a call"):
        until = time.monotonic() + 60
        while "a call" not in terminal.written and time.monotonic() < until:
            time.sleep(0.01)
        assert "a call" in terminal.written
    after = terminal.written
    time.sleep(0.05)
    assert terminal.written == after


def test_no_bar_where_nobody_looks_on_or_asks_for_it(monkeypatch):
    from fwp_neuro import progress

    terminal = looked_at(monkeypatch)

    def mine(fraction, note):
        pass

    with progress.patient("a call", mine) as told:
        assert told is mine
    with progress.Progress("command", silent=True), progress.patient("a call") as told:
        assert told is None
    terminal.isatty = lambda: False
    with progress.patient("a call") as told:
        assert told is None
    monkeypatch.setattr("fwp_neuro.errors.in_notebook", lambda: True)
    with progress.patient("a call") as told:
        assert told is not None
    monkeypatch.setattr("multiprocessing.parent_process", lambda: object())
    with progress.patient("a call") as told:
        assert told is None


def test_long_calls_show_their_bar(monkeypatch):
    from fwp_neuro import progress

    terminal = looked_at(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.setattr(progress, "_EVERY", -1.0)
    fwp.run(MADE["a Program"](), "hebb", "spiking", cells=2, device="numpy")
    assert "spiking hebb" in terminal.written
    task = fwp.tasks.parity()
    model = fwp.artificial.SequenceModel(
        1, 4, vocabulary=task.input_size, output_size=task.output_size
    )
    fwp.artificial.train(model, task, steps=1, batch=2)
    assert "train" in terminal.written


def test_what_a_command_says_has_its_own_line(monkeypatch):
    from fwp_neuro import cli, errors
    from fwp_neuro.progress import Progress

    terminal, log = looked_at(monkeypatch), logging.getLogger("fwp_neuro.devices")
    with cli._plain_warnings(), Progress("run") as bar:
        bar.update(0.5)
        log.info("%s: device %s (%s)", "spiking hebb", "numpy", "2 s")
        log.info("%s: device %s (%s)", "spiking hebb", "numpy", "3 s")  # the same
        log.info("%s: device %s (%s)", "spiking delta", "numpy", "3 s")
        bar.update(0.6)
        errors.warn("too much")
    # what follows the last "clear the line" of each
    lines = [line.split("\x1b[K")[-1] for line in terminal.written.split("\n")]
    assert lines == [
        "fwp-neuro: spiking hebb: device numpy (2 s)",
        "fwp-neuro: spiking delta: device numpy (3 s)",
        "fwp-neuro: warning: too much",
        "",
    ]
