"""Ctrl+C is heard where Python itself loses it, in every command and in a sweep."""

import importlib
import signal
import sys
import time
import weakref

import pytest

import fwp_neuro as fwp
from fwp_neuro import interrupts
from fwp_neuro.cli import main
from fwp_neuro.commands import listing
from fwp_neuro.sweep import drive


class Dies:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)


def lose(where):
    """Press Ctrl+C where Python cannot raise it, then work on for a minute."""
    if where == "callback":
        thing = {1}
        reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
        del thing
        assert reference() is None
    else:
        Dies()
    time.sleep(60)


@pytest.fixture(params=["callback", "del"])
def lost(request):
    hook = sys.unraisablehook
    yield lambda *arguments: lose(request.param)
    assert sys.unraisablehook is hook


def test_what_is_lost_is_sent_again(lost, capsys):
    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        lost()
    assert capsys.readouterr().err == ""


def test_a_command_ends_in_one_sentence(lost, capsys, monkeypatch):
    monkeypatch.setattr(listing, "execute", lost)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "fwp-neuro: interrupted: nothing was written\n"


def test_a_sweep_ends(lost, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(drive, "drive", lost)
    with pytest.raises(KeyboardInterrupt):
        fwp.sweep("textwrap:dedent", {"text": ["x"]}, tmp_path)
    assert capsys.readouterr().err == ""


def test_another_exception_is_printed_as_before(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: said.append(lost.exc_type))
    with interrupts.heard():
        thing = {1}
        reference = weakref.ref(thing, lambda _: 1 / 0)
        del thing
    assert reference() is None and said == [ZeroDivisionError]


@pytest.mark.parametrize("where", ["callback", "del", "work"])
def test_dask_jobqueue_does_not_take_it_away(where, capsys):
    runner = pytest.importorskip("dask_jobqueue.runner")
    handler = importlib.reload(runner).signal.getsignal(signal.SIGINT)
    assert handler.__module__ == runner.__name__
    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        if where == "work":
            signal.raise_signal(signal.SIGINT)
        lose(where)
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is handler
