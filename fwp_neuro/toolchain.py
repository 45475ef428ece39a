"""The C++ compiler of this machine, and where what it makes is kept.

Compiled things live in $FWP_NEURO_CACHE, else in fwp_neuro in the user's cache
($XDG_CACHE_HOME, usually ~/.cache): one folder for each kind, "kernels" and "builds".
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

COMPILERS = ("g++", "c++", "clang++")


def find() -> str | None:
    """Return the path of the compiler: $CXX, or the first of g++, c++ and clang++ on
    PATH."""
    names = os.environ.get("CXX", "").split()[:1] or COMPILERS
    return next((found for name in names if (found := shutil.which(name))), None)


#: (PATH, CXX) with which a compiler was found
_found_with: set[tuple[str | None, str | None]] = set()


def there() -> bool:
    """Whether there is a compiler; looked for anew only where PATH or CXX is another.

    Whoever compiles asks `find`, which sees that one has gone since.
    """
    where = os.environ.get("PATH"), os.environ.get("CXX")
    if where not in _found_with and find() is not None:
        _found_with.add(where)
    return where in _found_with


def missing() -> str:
    """Return the sentence that says that there is no compiler."""
    given = os.environ.get("CXX", "").strip()
    if given:
        return (
            f"no C++ compiler was found: the variable CXX names {given!r}, which is not "
            "there"
        )
    return f"no C++ compiler was found: install one of {', '.join(COMPILERS)} or set CXX"


def version(compiler: str) -> str:
    """Return what a compiler says about itself."""
    return _version(compiler, os.path.getmtime(compiler))


@lru_cache(maxsize=8)
def _version(compiler: str, changed: float) -> str:
    try:
        done = subprocess.run([compiler, "--version"], capture_output=True, check=False)
    except OSError:  # it cannot be run, as whoever compiles with it will say
        return ""
    return done.stdout.decode(errors="replace")


def telling(said: str) -> str:
    """Return the line of a compiler's messages that says best why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no message"]
    # a linker gives its reason before its error
    for words in ("no space left", "quota", "error"):
        for line in lines:
            if words in line.lower():
                return line
    return lines[0]


@lru_cache(maxsize=1)
def processor() -> str:
    """Return what -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    found = {line.split(":")[0].strip(): line for line in reversed(lines) if ":" in line}
    return platform.machine() + "".join(found.get(name, "") for name in wanted)


def cache(kind: str) -> Path:
    """Return the folder in which compiled things of a kind are kept; it need not
    exist."""
    given = os.environ.get("FWP_NEURO_CACHE")
    if given:
        return Path(given).expanduser() / kind
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "fwp_neuro" / kind
