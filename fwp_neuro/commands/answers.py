"""Answers of ``list``, ``show`` and ``cite`` that are kept, because they take seconds.

To say what there is, the whole package has to be imported, PyTorch and Brian2 too. So the
first of these commands keeps the answers for every name in the user's cache, and later
ones print them until a file of the package, of the models or of the figures changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

from fwp_neuro import toolchain
from fwp_neuro.errors import someone_looks_on
from fwp_neuro.files import atomic_path
from fwp_neuro.model_scripts import folders

_KIND = "answers"
_COMMANDS = ("list", "show", "cite")


def known(argv: Sequence[str]) -> str | None:
    """Return what a command printed before, or None."""
    if not _lasting(argv):
        return None
    try:
        place = _place()
        about = place.stat()
        if hasattr(os, "geteuid") and about.st_uid != os.geteuid():
            return None
        return json.loads(place.read_text(encoding="utf-8")).get(_name(argv))
    except (OSError, ValueError, AttributeError):
        return None


def tell_first(argv: Sequence[str]) -> None:
    """Say on a terminal why the first of these commands takes a while."""
    with contextlib.suppress(OSError):
        asked = _lasting(argv) and not {"-h", "--help"} & set(argv)
        if asked and someone_looks_on() and not _place().exists():
            print("fwp-neuro: reads the whole package and keeps its answers, so that "
                  "later ones come at once", file=sys.stderr)  # fmt: skip


def keep(argv: Sequence[str], answer: Callable[[list[str]], object]) -> None:
    """Keep the answers for all names, once a command had to look for one.

    Args:
        argv: of the command.
        answer: runs a command line, which prints.
    """
    if not _lasting(argv):
        return
    found = {}
    # an interruption comes too late for what was asked, and a bug says so where it is
    with contextlib.suppress(KeyboardInterrupt, Exception):
        place = _place()
        with contextlib.suppress(OSError, ValueError):
            found = dict(json.loads(place.read_text(encoding="utf-8")))
        for one in [list(argv)] if found else [list(argv), *_every()]:
            text = io.StringIO()
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                if answer(one) == 0:
                    found[_name(one)] = text.getvalue()
        place.parent.mkdir(parents=True, exist_ok=True)
        for old in place.parent.glob("*.json"):
            if old != place:
                old.unlink()
        with atomic_path(place, "the answers") as path:
            path.write_text(json.dumps(found), encoding="utf-8")


def _every():
    # when the registries are there anyway
    from fwp_neuro.registries import KINDS, registry  # noqa: PLC0415

    yield from (["list"], ["list", "--json"], ["cite"])
    for kind in KINDS:
        yield ["list", kind]
        for name in registry(kind):
            yield from (["show", name], ["cite", name])


def _lasting(argv: Sequence[str]) -> bool:
    """Whether nothing but the installed files decides what a command prints."""
    return bool(argv) and argv[0] in _COMMANDS and not any(map(os.path.exists, argv[1:]))


def _name(argv: Sequence[str]) -> str:
    return "\0".join(argv)


def _place() -> Path:
    """Return the file of the answers that fit all files as they are now.

    Raises:
        OSError: a file has gone meanwhile.
    """
    digest = hashlib.sha256(sys.version.encode())
    # changes when another package is installed or removed
    digest.update(str(os.stat(sysconfig.get_path("purelib")).st_mtime_ns).encode())
    package = Path(__file__).resolve().parent.parent
    for folder in (package, *folders("models"), *folders("figures")):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".bib", ".txt"):
                about = file.stat()
                digest.update(f"{file}{about.st_mtime_ns}{about.st_size}".encode())
    return toolchain.cache(_KIND) / f"{digest.hexdigest()[:24]}.json"
