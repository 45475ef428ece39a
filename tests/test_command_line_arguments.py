"""Bad texts for every argument of every command: one sentence and status 2, before any
work.

Commands and their arguments are found in the parser. Work is taken to begin where a
command shows its progress; a text that gets so far must be a legal one.
"""

import argparse
import os

import pytest
from test_public_arguments import TooLong, time_limit

from fwp_neuro import cli
from fwp_neuro.progress import Progress

TEXTS = {
    "empty": "",
    "space": " ",
    "-1": "-1",
    "0": "0",
    "1.5": "1.5",
    "nan": "nan",
    "inf": "inf",
    "a number of 11 digits": "99999999999",
    "a number of 30 digits": "9" * 30,
    "1e400": "1e400",
    "word": "no_such_thing",
    "letters": "x" * 5000,
    "null byte": "a\0b",
    "half a character": "\udcff",
    "lines": "a\nb",
    "path upwards": "../../x",
    "code": "__import__('os').system('true')",
    "no folder": "/dev/null/x",
    "folder of the system": "/proc/x",
    "assignment": "a=b",
    "option": "--no-such-option",
}

#: what stands before the argument under test, where a command needs anything
USUAL = {
    "run": ["toy"],
    "sweep": ["toy", "--out", "kept"],
    "figures": ["fig01_toy"],
    "validate": ["vogels_2011"],
    "plasticity": ["vogels_2011"],
    "benchmark": ["artificial"],
    "fit": ["sjostrom_2001_pairings", "--model", "pair_stdp"],
    "show": ["delta"],
    "cite": ["delta"],
}

#: texts that are legal
FOLDER = {"space", "-1", "0", "1.5", "nan", "inf", "a number of 11 digits"}
FOLDER |= {"a number of 30 digits", "lines", "path upwards", "code", "assignment"}
FOLDER |= {"1e400", "option", "word", "half a character"}
TAKEN = {
    ("run", "--seed"): {"0"},
    ("run", "--out"): FOLDER,
    ("sweep", "--out"): FOLDER,
    ("figures", "--out"): FOLDER,
    ("plasticity", "--seed"): {"0"},
    ("coverage", "--seed"): {"0"},
    ("fit", "--seed"): {"0"},
    ("validate", "--json"): FOLDER,
    ("validate", "--out"): FOLDER,
}


class Began(BaseException):
    """The work began."""


def commands() -> list[tuple[str, str]]:
    """Return (command, argument) for every argument of every command that takes a
    text."""
    (choices,) = (a.choices for a in cli.parser()._actions if hasattr(a, "add_parser"))
    found = []
    for name, parser in choices.items():
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction) and action.nargs != 0:
                found.append(
                    (name, action.option_strings[0] if action.option_strings else "")
                )
    return sorted(set(found))


@pytest.fixture
def began(monkeypatch):
    """Stop where the work would begin."""

    def stop(self):
        raise Began

    monkeypatch.setattr(Progress, "__enter__", stop)


def test_what_every_command_needs_is_known():
    (choices,) = (a.choices for a in cli.parser()._actions if hasattr(a, "add_parser"))
    for name, parser in choices.items():
        needs = [a for a in parser._actions if not a.option_strings and a.required]
        new = (
            "add to USUAL of tests/test_command_line_arguments.py what the command "
            f'needs: "{name}": [{", ".join(repr(a.dest.upper()) for a in needs)}],'
        )
        assert not needs or name in USUAL, new


@pytest.mark.parametrize(("command", "argument"), commands())
def test_bad_texts_end_with_a_sentence_and_status_2(
    command, argument, home, began, capsys
):
    wrong = []
    for label, text in TEXTS.items():
        usual = USUAL.get(command, []) if argument else []
        given = [command, *usual, *([f"{argument}={text}"] if argument else [text])]
        before = sorted(os.listdir())
        try:
            with time_limit():
                status = cli.main(given)
        except Began:
            if label not in TAKEN.get((command, argument), ()):
                wrong.append(f"{label}: the work began")
            continue
        except TooLong:
            wrong.append(f"{label}: too long")
            continue
        except BaseException as raw:
            wrong.append(
                f"{label}: {type(raw).__name__} {' '.join(str(raw).split())[:100]}"
            )
            continue
        said = capsys.readouterr().err
        if status != 2:
            wrong.append(f"{label}: status {status}")
        elif said.count("\n") != 1 or not 15 < len(said) < 640:
            wrong.append(f"{label}: said {said[:100]!r}")
        elif sorted(os.listdir()) != before:
            wrong.append(f"{label}: left something behind")
    assert not wrong, "\n".join(wrong)
