"""Where a recording comes from: rule, realisation, seed, options, versions, commit.

Everything is JSON. Nothing names the user, the machine or a folder: a path keeps its last
part.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import math
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fwp_neuro.bibliography import keys
from fwp_neuro.foreign_units import as_numpy

PACKAGES = ("fwp_neuro", "numpy", "brian2", "torch", "xarray")
_LONGEST = 64  # an array with more numbers is described, not listed


def provenance(
    rule,
    realisation: str,
    seed: int | None = None,
    options: Mapping | None = None,
    used: str = "",
) -> dict:
    """Return the JSON-able origin of a recording.

    ``used`` is a text with keys of papers, beside those of the rule: of the simulator, a
    synapse.

    ``options`` may hold Brian2 quantities (kept as strings such as ``"5. ms"``), NumPy
    and PyTorch numbers, nested dicts and lists; other objects are kept by the name of
    their type.
    """
    return {
        "rule": str(rule.name),
        "text": str(rule.text),
        "realisation": str(realisation),
        "seed": plain(seed),
        "options": plain(options or {}),
        "citations": _cited(getattr(rule, "citation", ""), used),
        **here(),
    }


def here() -> dict:
    """Return versions, platform, commit and time, which every origin has."""
    return {
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _cited(*texts: str) -> list[str]:
    """Return the keys of papers that texts name, each once; keys of a text are
    remembered."""
    return list(dict.fromkeys(key for text in texts if text for key in keys(text)))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter, without importing
    them."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = _installed(package)
        except importlib.metadata.PackageNotFoundError:
            module = sys.modules.get(package)
            found[package] = str(getattr(module, "__version__", "not installed"))
    return found


@functools.cache
def _installed(package: str) -> str:
    return importlib.metadata.version(package)


@functools.cache
def commit() -> str:
    """Return the git commit of the package's own checkout, '+changes' added if it was
    edited.

    'unknown' for an installed copy, also for one that lies inside some other repository.
    """
    package = Path(__file__).resolve().parent
    top = _git(package, "rev-parse", "--show-toplevel")
    head = _git(package, "rev-parse", "--verify", "HEAD")
    if not top or not head or Path(top).resolve() != package.parent:
        return "unknown"
    changes = _git(package, "status", "--porcelain", "--", str(package))
    return f"{head}+changes" if changes else head


def _git(folder: Path, *arguments: str) -> str | None:
    # A GIT_DIR left by a git hook would point at another repository.
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith("GIT_")
    }
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10,
            env=environment,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: numbers, strings, lists, dicts, None."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return Path(value).name if os.path.isabs(value) else value
    if isinstance(value, os.PathLike):
        return Path(value).name
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    number = _plain_number(value)
    if number is not None:
        return number
    if isinstance(value, type) or callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    if dataclasses.is_dataclass(value):
        fields = {
            field.name: getattr(value, field.name) for field in dataclasses.fields(value)
        }
        return {"type": type(value).__name__, **plain(fields)}
    return type(value).__name__


def _plain_number(value: Any) -> Any:
    """Return a number with a unit, a float, an array or a tensor likewise; None for all
    else."""
    if hasattr(value, "in_best_unit"):  # a Brian2 quantity: str() keeps its unit
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if hasattr(value, "detach"):  # a torch tensor
        value = as_numpy(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        small = value.size <= _LONGEST
        return plain(value.tolist()) if small else f"array {value.shape} {value.dtype}"
    return None


def attribute(value: Any) -> Any:
    """Return an attribute that a file keeps unchanged: text, a number, True or False.

    Anything else becomes text.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value if isinstance(value, str | bool | int | float | complex) else str(value)
