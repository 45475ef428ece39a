"""Kinds of the arguments of a sweep; each is read by the module that it belongs to."""

from __future__ import annotations

from ..arguments import Kind
from ..files import output_folder
from .function import read_function
from .grid import read_grid


def _function(value, name: str):
    return read_function(value)


def _grid(value, name: str):
    return read_grid(value)


def _folder(value, name: str):
    return output_folder(value, name)


def _executor(value, name: str):
    from .executors import given  # noqa: PLC0415  needs pebble

    return given(value)


SWEPT = Kind(
    "a function at the top of a .py file, or 'module:name'",
    _function,
    lambda: "fwp_neuro.validation:in_bytes",
)
GRID = Kind(
    "a dict of names and lists of values, or a list of dicts",
    _grid,
    lambda: {"size": [1, 2]},
)
FOLDER = Kind("a folder that can be written to", _folder, lambda: "results")
EXECUTOR = Kind("a concurrent.futures.Executor or a Dask client", _executor)
