"""Join the source files of a standalone project: the same code, compiled many times
faster.

Brian2 writes a file for each piece of code, and every one of them reads the same long
headers again (Thrust and cuRAND take nvcc some 8 seconds a file). Joined, they are read
once a part. What a file keeps to itself, in its unnamed namespace, gets a namespace with
a name; its functions look there.
"""

from __future__ import annotations

import re
from pathlib import Path

_SOURCES = re.compile(r"^SRCS = (.*)$", re.MULTILINE)
_UNNAMED = re.compile(r"^namespace\s*\{", re.MULTILINE)
# brian2cuda leaves the unnamed namespace out where code runs before the circuit
_SUPPORT = re.compile(
    r"^///// Support code /////\n(.*?)^(?=void )", re.MULTILINE | re.DOTALL
)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
_USING = "using namespace brian;"


def sources(folder: Path) -> list[str]:
    """Return the source files that a project's makefile compiles."""
    return _SOURCES.search((folder / "makefile").read_text()).group(1).split()


def renamed(text: str, number: int) -> str:
    """Return the text of source file ``number``, with a name for what it keeps to
    itself."""
    own = f"file_{number}"
    text = _UNNAMED.sub(f"namespace {own} {{", text)
    text = _SUPPORT.sub(rf"namespace {own} {{\n\1}}\n", text)
    return f"namespace {own} {{}}\n" + text.replace(
        _USING, f"{_USING} using namespace {own};"
    )


def _read(folder: Path, name: str) -> str:
    """Return the text of a source file as it must read at the top of the project."""
    own = Path(name).parent

    def from_top(found: re.Match) -> str:
        beside = own / found.group(1)
        return f'#include "{beside}"' if (folder / beside).is_file() else found.group(0)

    return _INCLUDE.sub(from_top, (folder / name).read_text())


def join(folder: Path, parts: int = 1) -> list[Path]:
    """Join a project's source files into fewer, and let its makefile compile those.

    Args:
        folder: of a C++ or CUDA project that is written, but not compiled.
        parts: how many files shall be left.

    Returns:
        the files.
    """
    names = sources(folder)
    # what all others declare comes first; the others are dealt out by size
    names.sort(key=lambda name: ("/" in name, -(folder / name).stat().st_size))
    ending, made = Path(names[0]).suffix, []
    for part in range(parts):
        mine = range(part, len(names), parts)
        path = folder / f"part_{part}{ending}"
        path.write_text("\n".join(renamed(_read(folder, names[n]), n) for n in mine))
        made.append(path)
    makefile = folder / "makefile"
    line = f"SRCS = {' '.join(path.name for path in made)}"
    makefile.write_text(_SOURCES.sub(lambda _: line, makefile.read_text()))
    return made
