"""What a sweep calls: a function that any process can find by its place, and the hash of
the code in its file.

Functions are not pickled. A worker imports the function's module, or runs its file, so
that what a worker computes is what stands in the file.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import loaded_code
from ..errors import FwpError, shown, unknown
from ..model_scripts import load_model, load_script, scripts

_MODEL = ("run", "Parameters")
#: the functions that this process found, and their code: what a module caches, such as a
#: compiled circuit, lasts
_found: dict[Place, tuple[Callable, str]] = {}


@dataclass(frozen=True)
class Place:
    """Where a worker finds a function.

    Attributes:
        module: name to import it by.
        path: its file, as text.
        name: the name in the module; "" for a model, which is run with its parameters as
            keywords.
    """

    module: str
    path: str
    name: str

    @property
    def start(self) -> tuple[str, ...]:
        """The names of the file that are used, see `fwp_neuro.code_hash`."""
        return (self.name,) if self.name else _MODEL


@dataclass(frozen=True)
class Function:
    """A function to sweep.

    Attributes:
        place: where it is found.
        label: what to call it.
        takes: the names that it takes; None if it takes any.
        needs: those of them that have no default.
        fixed: arguments that are the same at every point.
    """

    place: Place
    label: str
    takes: tuple[str, ...] | None
    needs: tuple[str, ...]
    fixed: dict = field(default_factory=dict)

    @functools.cached_property
    def code(self) -> str:
        """The hash of the code in the function's file, see `code_of`."""
        return code_of(self.place)

    def check(self, names: Iterable[str]) -> None:
        """Raise FwpError if the function does not take a name, or needs another."""
        names = list(names)
        for name in names:
            if name in self.fixed:
                raise FwpError(
                    f"{self.label} has {name!r} set already, so grid cannot set it"
                )
            if self.takes is not None and name not in self.takes:
                raise unknown(name, self.takes, f"parameter of {self.label}")
        missing = [name for name in self.needs if name not in (*names, *self.fixed)]
        if missing:
            raise FwpError(
                f"{self.label} needs {', '.join(missing)}, which grid does not set"
            )


def read_function(function) -> Function:
    """Return a function, a `functools.partial` of one, or ``"module:name"``, ready to
    sweep.

    Raises:
        FwpError: a function that other processes cannot import, or that takes no names.
    """
    if isinstance(function, Function):
        return function
    if isinstance(function, str):
        function = _named(function)
    fixed: dict = {}
    while isinstance(function, functools.partial):
        if function.args:
            raise FwpError(
                "a partial function in a sweep takes its arguments by name only"
            )
        fixed, function = {**function.keywords, **fixed}, function.func
    if not inspect.isfunction(function):
        raise FwpError(
            f"function must be a function or 'module:name', got {shown(function)}"
        )
    place = _place(function)
    takes, needs = _signature(function)
    return Function(place, function.__name__, takes, needs, fixed)


def model_function(name: str) -> Function:
    """Return the model ``name`` as a function of its parameters.

    Raises:
        FwpError: unknown model, with the nearest name.
    """
    if not isinstance(name, str):
        raise FwpError(f"model must be a name, such as 'digit_memory', got {shown(name)}")
    parameters = load_model(name).Parameters
    takes, needs = _signature(parameters)
    place = Place("", str(scripts("models")[name].resolve()), "")
    return Function(place, f"model {name}", takes, needs)


def find(place: Place, code: str) -> Callable:
    """Return the function at a place, in this process.

    Args:
        code: what `code_of` says in the process that sweeps.

    Raises:
        FwpError: it is another here.
    """
    if place not in _found or _found[place][1] != code:
        path = Path(place.path)
        if place.name:
            function = getattr(_module(place, path), place.name)
        else:
            model = load_script(path, _MODEL)

            def function(**settings):
                return model.run(model.Parameters(**settings))

        _found[place] = function, code
    if code_of(place, loaded_code.loaded) != code:
        raise other_code("a file was changed meanwhile, or versions of packages differ")
    return _found[place][0]


def other_code(why: str) -> FwpError:
    """Return the error of a process whose results would be of other code."""
    return FwpError(
        "the code that it has loaded is not the code of the process that sweeps: "
        f"{why}; sweep again, with workers that were restarted (client.restart() with "
        "Dask)"
    )


def code_of(place: Place, read: Callable = loaded_code.now) -> str:
    """Return 12 hexadecimal digits for the code in a function's file, as far as it is
    used, and for the versions of brian2, numpy and torch.

    What else the function loads is known when it has run, see `fwp_neuro.loaded_code`.
    """
    content = read(place.path, place.start)
    return loaded_code.name_of(f"{content}{loaded_code.computing()}")


def _named(text: str) -> Callable:
    module, colon, name = text.partition(":")
    if not colon or not module or not name:
        raise FwpError(
            "function is 'module:name', such as 'my_model:simulate', and got "
            f"{shown(text)}"
        )
    try:
        found = importlib.import_module(module)
    except Exception as problem:  # whatever the user's module raises
        words = f"{type(problem).__name__}: {problem}"
        raise FwpError(f"function {shown(text)} cannot be imported: {words}") from problem
    if not hasattr(found, name):
        functions = [n for n, _ in inspect.getmembers(found, inspect.isfunction)]
        raise unknown(name, functions, f"function of {module}:")
    return getattr(found, name)


def _place(function) -> Place:
    """Return where workers find a function; FwpError if they cannot."""
    name, module = function.__qualname__, sys.modules.get(function.__module__)
    path = getattr(module, "__file__", None)
    trouble = None
    if "<lambda>" in name:
        trouble = "a lambda"
    elif "<locals>" in name:
        trouble = "defined inside another function"
    elif "." in name:
        trouble = "a method"
    elif not path or not Path(path).is_file() or Path(path).suffix != ".py":
        trouble = "typed in, not read from a file"
    elif inspect.unwrap(getattr(module, name, None) or function) is not inspect.unwrap(
        function
    ):
        trouble = f"not what {function.__module__}.{name} is now"
    if trouble:
        raise FwpError(
            f"workers cannot import the function {name!r}: it is {trouble}; define it "
            "with def at the top of a .py file"
        )
    return Place(module.__name__, str(Path(path).resolve()), name)


def _module(place: Place, path: Path):
    main = sys.modules.get("__main__")
    if place.module == "__main__":
        # the script itself, or its copy in a worker of a local pool
        if _same(main, path):
            return main
        return load_script(path)
    try:
        return importlib.import_module(place.module)
    except ModuleNotFoundError:
        if not path.is_file():
            raise
        # a worker whose import path lacks the folder of the script
        return load_script(path)


def _same(module, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path


def _signature(function) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    parameters: Mapping = inspect.signature(function).parameters
    kinds = inspect.Parameter
    only = [p.name for p in parameters.values() if p.kind is kinds.POSITIONAL_ONLY]
    if only:
        raise FwpError(
            f"{function.__name__} takes {only[0]!r} by place only; a sweep calls by name"
        )
    named = [p for p in parameters.values() if p.kind in (kinds.POSITIONAL_OR_KEYWORD,
                                                          kinds.KEYWORD_ONLY)]  # fmt: skip  # noqa: E501
    needs = tuple(p.name for p in named if p.default is kinds.empty)
    if any(p.kind is kinds.VAR_KEYWORD for p in parameters.values()):
        return None, needs
    return tuple(p.name for p in named), needs
