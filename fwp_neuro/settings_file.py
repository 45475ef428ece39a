"""Settings of a run in a TOML file.

Options of the command stand at the top, parameters of the model below ``[parameters]``::

    quick = true
    out = "results/small"
    format = ["pdf"]

    [parameters]
    cells = 50
    dt = "0.5 ms"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from fwp_neuro.errors import FwpError, pick, shown
from fwp_neuro.files import file_path

#: options of ``fwp-neuro run`` that a file may set, and the types that they take
OPTIONS: Mapping[str, Any] = {"seed": int, "out": str, "quick": bool, "format": list}
_WORDS = {int: "a whole number", str: "text", bool: "true or false",
          list: 'text or a list of texts, such as ["pdf"]'}  # fmt: skip
PARAMETERS = "parameters"


def read(path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options in a file, and the parameters as ``--set`` would give them.

    Raises:
        FwpError: no such file, not TOML, an unknown key, or a value that is no setting.
    """
    file, where = file_path(path, "read the settings in"), shown(str(path), 200)
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        why = problem.strerror
        raise FwpError(f"cannot read the settings in {where}: {why}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise FwpError(f"{where} is not TOML: {problem}") from problem
    options, parameters = {}, found.pop(PARAMETERS, {})
    if not isinstance(parameters, dict):
        raise FwpError(f"{PARAMETERS} in {where} must be a table: a line [{PARAMETERS}]")
    for key, value in found.items():
        options[key] = _option(key, value, where)
    return options, {name: _text(name, value, where)
                     for name, value in parameters.items()}  # fmt: skip


def _option(key: str, value, where: str):
    kind = OPTIONS[pick(key, [*OPTIONS, PARAMETERS], f"key of {where}:")]
    if kind is list and isinstance(value, str):
        value = [value]
    legal = type(value) is kind
    if legal and kind is list:
        legal = all(isinstance(one, str) for one in value)
    if not legal:
        raise FwpError(f"{key} in {where} takes {_WORDS[kind]}, and got {shown(value)}")
    return ",".join(value) if kind is list else value


def _text(name: str, value, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(x, str | int | float) for x in value):
        quoted = any(isinstance(x, str) and not x[:1].isdigit() for x in value)
        return f"({','.join(map(repr if quoted else str, value))},)" if value else "()"
    if isinstance(value, bool | int | float):
        return str(value)
    raise FwpError(
        f"parameter {name} in {where} takes a number, a text or a list, and got "
        f"{shown(value)}"
    )
