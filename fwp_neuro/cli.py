"""The command ``fwp-neuro``: run models, make figures, list what there is, print
citations.

A mistake of the user's (`FwpError`, a bad argument) and an interruption end in one
sentence on standard error and exit status 2; anything else is a bug and keeps its
traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys

import fwp_neuro
from fwp_neuro import errors
from fwp_neuro.commands import COMMANDS, answers
from fwp_neuro.errors import FwpError, nearest
from fwp_neuro.interrupts import heard
from fwp_neuro.progress import clear_shown


class _Parser(argparse.ArgumentParser):
    #: every option of every command, for the hint at a misspelt one
    options: set[str] = set()

    def add_argument(self, *names, **settings):
        self.options.update(name for name in names if name.startswith("--"))
        return super().add_argument(*names, **settings)

    def error(self, message: str):
        given, _, words = message.partition(": ")
        if given == "unrecognized arguments" and words.startswith("-"):
            guess = nearest(words.split()[0].split("=")[0], sorted(self.options))
            message += f"; did you mean {guess}?" if guess else ""
        raise FwpError(f"{message} ({self.prog} --help says more)")


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the arguments of one command or of
    all."""
    top = _Parser(
        prog="fwp-neuro",
        description="Fast-weight programmers as artificial networks and as Brian2 "
        "circuits.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="print the version")
    subparsers = top.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=_Parser
    )
    for name, summary in COMMANDS.summaries().items():
        sub = subparsers.add_parser(
            name,
            help=summary.replace("%", "%%"),
            description=f"{summary}.".replace("%", "%%"),
            allow_abbrev=False,
        )
        if only in (None, name):  # what other commands import is not needed
            module = COMMANDS.get(name)
            module.add(sub)
            sub.set_defaults(execute=module.execute)
    return top


@heard()
def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    alone = argv is None  # not called by a program that may have entries of its own
    argv = sys.argv[1:] if argv is None else argv
    os.environ["MPLBACKEND"] = "Agg"  # pictures go to files, whatever window a user likes
    try:
        text = answers.known(argv) if alone else None
        if text is not None:
            print(text, end="", flush=True)
            return 0
        if alone:
            answers.tell_first(argv)
        if argv and not argv[0].startswith("-"):
            COMMANDS.entry(argv[0])
        arguments = parser(argv[0] if argv else "").parse_args(argv)
        status = 0
        if arguments.version:
            print(f"fwp-neuro {fwp_neuro.__version__}")
        elif arguments.command is None:
            raise FwpError(
                f"name a command: {', '.join(COMMANDS)} (fwp-neuro --help says more)"
            )
        else:
            with _plain_warnings():
                status = arguments.execute(arguments) or 0
        sys.stdout.flush()
        if alone:
            answers.keep(argv, main)
        return status
    except FwpError as mistake:
        return _end(str(mistake))
    except MemoryError as problem:
        said = problem or "no more can be had"
        return _end(f"this needs more memory than there is ({said}); ask for less")
    except KeyboardInterrupt as stop:
        # who interrupts a long run may say more about what is left
        return _end(str(stop) or "interrupted: nothing was written")
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextlib.contextmanager
def _plain_warnings():
    """Print each warning of the package, and each device that it chose, once, as a
    sentence."""
    said: set[object] = set()

    def say(sentence: str, kind: str = "warning: ", about: object = None) -> None:
        about = about or sentence
        if about not in said:
            said.add(about)
            clear_shown()
            print(f"fwp-neuro: {kind}{sentence}", file=sys.stderr)

    def emit(record: logging.LogRecord) -> None:
        # the reason has estimates, which change from run to run of one circuit
        about = record.msg, *(record.args or ())[:2]
        say(record.getMessage(), "", about)

    chosen = logging.getLogger("fwp_neuro.devices")
    level, handler = chosen.level, logging.Handler()
    handler.emit = emit  # type: ignore[method-assign]
    errors.listeners.append(say)
    chosen.addHandler(handler)
    chosen.setLevel(logging.INFO)
    try:
        yield
    finally:
        errors.listeners.remove(say)
        chosen.removeHandler(handler)
        chosen.setLevel(level)


def _end(sentence: str) -> int:
    print(f"fwp-neuro: {' '.join(sentence.split())}", file=sys.stderr)
    return 2
