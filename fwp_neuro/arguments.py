"""Public arguments, declared once: what each may be, checked before the function runs.

    @takes(count=whole(), seed=SEED, keys=one_of(KEYS, "kind of keys"))
    def random_keys(count, seed=0, keys="random"): ...

Every argument of a decorated function has a `Kind`: a sentence part that says what is
legal, a function that reads a value (and returns it, or what it stands for), and an
example. A call with a missing, unknown or misspelt argument, or with a value that is not
of its kind, raises one `FwpError` before any work. The tests feed every declared argument
the same bad values, so that a new public function is tested by its declaration alone.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import validation
from .errors import CallError, FwpError, pick, shown, unknown
from .files import file_path
from .foreign_units import plain_array

_PLAIN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_UNREAD = (None, None, "")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Kind:
    """What an argument may be.

    Attributes:
        legal: words that end the sentence "NAME must be ...".
        read: called with (value, name); returns the value to use, or raises `FwpError`.
        example: called without arguments; returns a legal value.
        inside: whether the function itself checks the value, because that takes other
            arguments.
    """

    legal: str
    read: Callable[[Any, str], Any]
    example: Callable[[], Any] = lambda: None
    inside: bool = False


def takes(called: str = "", /, **kinds: Kind):
    """Declare the arguments of a function, method or class; see the head of this module.

    Args:
        called: what errors call the function (its name).
        kinds: argument -> its kind; one for each argument.

    Raises:
        TypeError: (when the module is imported) an argument without a kind, or a kind
            without an argument.
    """

    def declare(target):
        if inspect.isclass(target):
            target.__init__ = _checked(target.__init__, kinds, called or target.__name__)
            target.__arguments__ = kinds
            return target
        return _checked(target, kinds, called or target.__name__)

    return declare


def declares(**kinds: Kind):
    """Declare arguments that the function checks itself, so that a call costs no more.

    For what PyTorch traces, and for calls of microseconds.
    """

    def declare(function):
        function.__arguments__ = _fitting(function, kinds, function.__name__)
        return function

    return declare


def _fitting(function, kinds: Mapping[str, Kind], name: str) -> Mapping[str, Kind]:
    names = [
        each
        for each in inspect.signature(function).parameters
        if each not in ("self", "cls")
    ]
    if set(names) != set(kinds):
        raise TypeError(f"{name} declares {sorted(kinds)}, but takes {sorted(names)}")
    return kinds


def _checked(function, kinds: Mapping[str, Kind], name: str):
    signature = inspect.signature(function)
    kinds = _fitting(function, kinds, name)
    parameters = signature.parameters
    plain = all(each.kind in _PLAIN for each in parameters.values())
    places = [each.name for each in parameters.values() if each.kind is _PLAIN[0]]
    needed = {each.name for each in parameters.values() if each.default is each.empty}
    readers = {
        argument: (kind.read, parameters[argument].default, f"{name}: {argument}")
        for argument, kind in kinds.items()
        if not kind.inside
    }

    @functools.wraps(function)
    def call(*arguments, **options):
        if plain and len(arguments) <= len(places):
            given = dict(zip(places, arguments, strict=False)) | options
            once = len(given) == len(arguments) + len(options)
            # what `bind` finds, slowly
            if once and needed <= given.keys() <= parameters.keys():
                for argument, value in given.items():
                    read, usual, where = readers.get(argument, _UNREAD)
                    if read is not None and value is not usual:
                        given[argument] = read(value, where)
                return function(**given)
        try:
            bound = signature.bind(*arguments, **options)
        except TypeError as problem:
            raise _miscalled(name, signature, options, problem) from None
        given = bound.arguments
        for argument, value in given.items():
            kind = kinds.get(argument)
            if kind is None or value is parameters[argument].default:
                continue
            if parameters[argument].kind in _VARIADIC:
                read = functools.partial(_read_each, kind, name, argument)
                given[argument] = read(value)
            else:
                given[argument] = kind.read(value, f"{name}: {argument}")
        return function(*bound.args, **bound.kwargs)

    call.__arguments__ = kinds
    return call


def read_options(function, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a function that is called later, each checked as declared."""
    defaults = inspect.signature(function).parameters
    kinds = function.__arguments__
    return {
        name: value if value is defaults[name].default else kinds[name].read(value, name)
        for name, value in options.items()
    }


def _read_each(kind: Kind, function: str, argument: str, values):
    if isinstance(values, dict):
        return {
            name: kind.read(value, f"{function}: {name}")
            for name, value in values.items()
        }
    return tuple(kind.read(value, f"{function}: {argument}") for value in values)


def _miscalled(name: str, signature: inspect.Signature, options, problem) -> FwpError:
    """Say what is wrong with the names of a call."""
    legal = [each for each in signature.parameters if each not in ("self", "cls")]
    for option in options:
        if option not in legal:
            return CallError(str(unknown(option, legal, f"argument of {name}:")))
    return CallError(f"{name}: {problem} (its arguments: {', '.join(legal) or 'none'})")


# ---------------------------------------------------------------------------- numbers


def whole(least: int = 1, most: int = 2**63 - 1, example: int | None = None) -> Kind:
    """A whole number from ``least`` to ``most``; the limit is there to be affordable."""
    legal = f"a whole number of at least {least}"
    if most < 2**63 - 1:
        legal = f"a whole number from {least} to {most}"

    def read(value, name: str) -> int:
        number = validation.whole(value, name, least)
        if number > most:
            raise FwpError(f"{name} is {shown(value)}; it must be {legal}")
        return number

    return Kind(legal, read, lambda: least if example is None else example)


def real(
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: bool = False,
    example: float = 0.5,
) -> Kind:
    """A finite number in [least, most]; ``above``: above ``least``, not at it."""

    def read(value, name: str) -> float:
        number = validation.real(value, name)
        if above and not number > least:
            raise FwpError(f"{name} must be above {least:g}, got {shown(value)}")
        return validation.real(value, name, least, most)

    edge = (
        f" {'above' if above else 'of at least'} {least:g}" if least > -math.inf else ""
    )
    legal = f"a number from {least:g} to {most:g}" if edge and most < math.inf else None
    return Kind(legal or f"a finite number{edge}", read, lambda: example)


SEED = Kind(
    "a whole number from 0 to 4294967295",
    lambda value, name: validation.seed_number(value, name),
    lambda: 0,
)

GENERATOR = Kind(
    "a whole number from 0 to 4294967295, or a numpy.random.Generator",
    lambda value, name: (
        value if isinstance(value, np.random.Generator) else SEED.read(value, name)
    ),
    lambda: 0,
)

FLAG = Kind("True or False", validation.flag, lambda: True)


def cells() -> Kind:
    """A number of cells, a whole number, or infinity for rates instead of spikes."""
    number = whole(1, 10**9, example=2)

    legal = f"{number.legal}, or float('inf') for rates"

    def read(value, name: str) -> float:
        if isinstance(value, float | np.floating) and value == math.inf:
            return math.inf
        whole_float = isinstance(value, float | np.floating) and value.is_integer()
        try:
            return float(number.read(int(value) if whole_float else value, name))
        except FwpError:
            return _refuse(value, name, legal)

    return Kind(legal, read, number.example)


def numbers(
    what: str, axes: int | None = None, example: Callable[[], Any] = list
) -> Kind:
    """An array of finite plain numbers; ``what`` says its axes, as in "[post, pre]"."""

    def read(value, name: str):
        found = plain_array(value, name)
        if axes is not None and found.ndim != axes:
            raise FwpError(f"{name} must be numbers {what}, got shape {found.shape}")
        return found

    return Kind(f"numbers {what}", read, example)


# -------------------------------------------------------------------- names, texts, files


def one_of(legal: Iterable[str], what: str) -> Kind:
    """One of several names, also of those that a registry has later; ``what`` is for
    "unknown kind of keys 'x'"."""
    names = tuple(legal) if isinstance(legal, Iterator) else legal

    def read(value, name: str) -> str:
        if not isinstance(value, str):
            some = ", ".join(names)
            raise FwpError(f"{name} must be one of {some}, got {shown(value)}")
        return pick(value, tuple(names), what)

    return Kind(f"one of {', '.join(names)}", read, lambda: next(iter(names)))


def text(example: str = "text", empty: bool = False) -> Kind:
    """A string that can be encoded; ``empty`` says whether "" is legal."""

    def read(value, name: str) -> str:
        if not isinstance(value, str) or not (value or empty):
            raise FwpError(f"{name} must be text, got {shown(value)}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FwpError(
                f"{name} holds a character that is no text: {shown(value)}"
            ) from None
        return value

    return Kind("text", read, lambda: example)


def filename(example: str = "results.nc") -> Kind:
    """The path of a file or folder, as a string or `pathlib.Path`."""

    def read(value, name: str):
        if not isinstance(value, str | os.PathLike) or str(value) in ("", "."):
            _refuse(value, name, "the path of a file, as a string")
        file_path(value, f"use {name}")
        return value

    return Kind("the path of a file", read, lambda: example)


def function(*given: str) -> Kind:
    """A function that can be called with so many arguments; the error names them."""
    legal = (
        f"a function of ({', '.join(given)})" if given else "a function without arguments"
    )

    def read(value, name: str):
        if not callable(value):
            _refuse(value, name, "a function")
        try:
            inspect.signature(value).bind(*given)
        except TypeError:
            _refuse(value, name, legal)
        except ValueError:  # a function of C that does not say what it takes
            pass
        return value

    return Kind(legal, read, lambda: lambda *arguments: None)


def mapping(what: str, example: Callable[[], Any] = dict) -> Kind:
    """A dict whose keys are names; ``what`` says of what, as in "parameter to value"."""

    def read(value, name: str):
        legal = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
        return value if legal else _refuse(value, name, f"a dict from {what}")

    return Kind(f"a dict from {what}", read, example)


def names(example: str = "name") -> Kind:
    """A tuple of names, also given as a list."""
    each = several(text(example))
    return Kind(
        f"names such as ({example!r},)",
        lambda value, name: tuple(each.read(value, name)),
        lambda: (example,),
    )


#: what long work calls again and again
PROGRESS = function("fraction", "note")
FUNCTION = Kind(
    "a function",
    lambda value, name: value if callable(value) else _refuse(value, name, "a function"),
    lambda: lambda *arguments: None,
)


# ------------------------------------------------------------------------- composed kinds


def optional(kind: Kind) -> Kind:
    """The same kind, or None."""

    def read(value, name: str):
        return None if value is None else kind.read(value, name)

    return Kind(f"{kind.legal}, or None", read, lambda: None, kind.inside)


def several(kind: Kind) -> Kind:
    """Several values of a kind, as a list or tuple (or an array of numbers)."""

    def read(value, name: str) -> list:
        listed = isinstance(value, list | tuple | range)
        if not listed and not (isinstance(value, np.ndarray) and value.ndim == 1):
            _refuse(value, name, f"several values, each {kind.legal}")
        return [kind.read(item, f"{name}[{index}]") for index, item in enumerate(value)]

    return Kind(f"several values, each {kind.legal}", read, lambda: [kind.example()])


def instance(where: str, example: Callable[[], Any] = lambda: None) -> Kind:
    """An object of a class, given as "module:Class", which a call imports."""
    module, _, class_name = where.partition(":")

    def read(value, name: str):
        loaded = sys.modules.get(module)  # without it there is no object of the class
        if loaded is None or not isinstance(value, getattr(loaded, class_name)):
            _refuse(value, name, f"a {class_name}")
        return value

    return Kind(f"a {class_name}", read, example)


def inside(legal: str, example: Callable[[], Any] = lambda: None) -> Kind:
    """What the function checks itself, with its other arguments."""
    return Kind(legal, lambda value, name: value, example, inside=True)


def _refuse(value, name: str, legal: str):
    raise FwpError(f"{name} must be {legal}, got {shown(value)}")
