"""Program: what the slow net tells the synapses, token by token (key, value, query,
gates).

A Program is plain labelled numbers, dimensionless, in float64: the meeting point of the
PyTorch and the Brian2 world. Without heads every signal is ``[token, dim]`` and a gate is
a number, ``[token]`` or ``[token, dim]``; with heads a signal is ``[token, head, dim]``
and a gate is a number, ``[token]``, ``[token, head]`` or ``[token, head, dim]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fwp_neuro import html_text
from fwp_neuro.arguments import instance, optional, takes, text
from fwp_neuro.errors import FwpError, no_attribute, shown, unknown
from fwp_neuro.program_arguments import (
    BOUND,
    CHANGE,
    HOMES,
    LABELS,
    NAMES,
    SIGNAL,
    by_sequence,
    lacking,
)
from fwp_neuro.recording_outputs import ProgramOutputs
from fwp_neuro.validation import check_finite, check_gates, refuse_negative

if TYPE_CHECKING:
    import xarray as xr

ALIASES = {"k": "key", "v": "value", "q": "query"}
_TEXT_NAMES = {long: short for short, long in ALIASES.items()}
# These name the axes and the results of a recording, or the fast weight itself.
_RESERVED = ("w", "token", "head", "pre", "post", "time", "label", "readout", "weights")
_HOMES = {
    "shared": "one shared scalar per token",
    "pre": "the presynaptic cells, one number per key dimension",
    "post": "the postsynaptic cells, one number per value dimension",
}


def _dataset():
    return Program(key=np.ones((2, 3)), value=np.ones((2, 3))).dataset()


DATASET = instance("xarray:Dataset", _dataset)


@takes(key=SIGNAL, value=SIGNAL, query=optional(SIGNAL), labels=LABELS, signals=SIGNAL)
class Program(ProgramOutputs):
    """Key, value, query and gates of every token, checked and immutable.

    Parameters
    ----------
    key, value : array, list or tensor ``[token, (head,) dim]``; ``k`` and ``v`` are the
    same names. query : as ``key`` (also ``q``); left out, each token is read out with its
    own key. labels : one string per token, kept as a coordinate of every recording.
    **signals : gates (``beta``, ``alpha``, ...) and further signals (``kappa``, ...) by
    name.

    Raises
    ------
    FwpError : an argument of a wrong shape, of another token or head count than the key,
    not numeric, with units, empty or not finite.
    """

    __slots__ = ("_arrays", "_labels", "_own_query")

    def __init__(self, key=None, value=None, query=None, *, labels=None, **signals: Any):
        given = {"key": key, "value": value, "query": query}
        given = {name: array for name, array in given.items() if array is not None}
        for name, array in signals.items():
            name = ALIASES.get(name, name)
            if name in given:
                short = _TEXT_NAMES[name]
                raise FwpError(
                    f"Program got both {name!r} and {short!r}, which are the same array"
                )
            given[name] = array
        for name in ("key", "value"):
            if name not in given:
                raise FwpError(
                    f"Program needs {name!r}: give Program(key=..., value=...)"
                )
        for name in given:
            if name in _RESERVED or not name.isidentifier():
                raise FwpError(
                    f"Program argument {name!r} is not a legal name for a signal or gate "
                    f"(it must be a Python name and none of: {', '.join(_RESERVED)})"
                )
        self._own_query = "query" in given
        ordered = {"key": given["key"], "value": given["value"]}
        ordered["query"] = given.get("query", given["key"])
        self._arrays = ordered | given
        self._check_shapes()
        self._labels = self._checked_labels(labels)
        for name, array in self._arrays.items():
            check_finite(name, array, self.heads is not None)

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self._arrays["key"].shape[0]

    @property
    def heads(self) -> int | None:
        """Number of heads, or None if the arrays have no head axis."""
        return self._arrays["key"].shape[1] if self._arrays["key"].ndim == 3 else None

    @property
    def pre(self) -> int:
        """Key dimension: number of presynaptic lines."""
        return self._arrays["key"].shape[-1]

    @property
    def post(self) -> int:
        """Value dimension: number of postsynaptic cells."""
        return self._arrays["value"].shape[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all arrays: key, value, query, then the gates and further signals."""
        return tuple(self._arrays)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """One string per token, or None."""
        return self._labels

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and ALIASES.get(name, name) in self._arrays

    def __getitem__(self, name):
        """Return one read-only array by name, or, for a slice, the Program of those
        tokens."""
        if isinstance(name, slice):
            return self._part(name)
        if name not in self:
            raise unknown(name, self.names, "program array")
        return self._arrays[ALIASES.get(name, name)]

    def __getattr__(self, name: str):
        items = () if name.startswith("_") else self.names
        raise no_attribute("a Program", "program", name, items)

    def __repr__(self) -> str:
        heads = "" if self.heads is None else f"{_count(self.heads, 'head')}, "
        return (
            f"Program({_count(self.tokens, 'token')}, {heads}{self.pre} pre, {self.post} "
            f"post: {', '.join(self.names)})"
        )

    def _repr_html_(self) -> str:
        return html_text.page(repr(self), self.dataset()._repr_html_())

    @takes("Program.bind", rule=BOUND)
    def bind(self, rule) -> dict[str, np.ndarray]:
        """Return what ``rule`` reads, by the names of its text, always with a head axis.

        Shapes: presynaptic ``[token, head, pre]``, postsynaptic ``[token, head, post]``,
        shared ``[token, head]``, and the query ``q`` ``[token, head, pre]``; float64,
        fresh copies. Raises FwpError if an array is missing or cannot live where the rule
        needs it; warns of a gate outside the limits that the rule declares.
        """
        homes = {**_homes(rule), "q": "pre"}
        missing = {name: home for name, home in homes.items() if name not in self}
        if missing:
            raise FwpError(lacking(rule, missing, self.unused(rule)))
        found = {name: self._at_home(rule, name, home) for name, home in homes.items()}
        check_gates(rule, found)
        return found

    @takes("Program.unused", rule=BOUND)
    def unused(self, rule) -> tuple[str, ...]:
        """Return the names the program carries and ``rule`` does not read (never the
        query)."""
        used = {ALIASES.get(name, name) for name in _homes(rule)} | {"query"}
        return tuple(name for name in self.names if name not in used)

    @takes("Program.nonnegative_keys", where=text("a circuit"), names=NAMES)
    def nonnegative_keys(
        self, where: str, names: Iterable[str] = ("key", "query")
    ) -> None:
        """Raise FwpError if one of the arrays ``names`` has a negative entry; rates have
        none."""
        for name in names:
            refuse_negative(
                ALIASES.get(name, name), self[name], where, self.heads is not None
            )

    # ------------------------------------------------------------------ other programs

    @takes("Program.replace", changes=CHANGE)
    def replace(self, **changes) -> Program:
        """Return a Program with some arrays (or ``labels``) replaced or added; None
        removes one.

        A query that was never given goes on following the key.
        """
        arrays: dict[str, Any] = dict(self._arrays) | {"labels": self._labels}
        if not self._own_query:
            del arrays["query"]
        for name, array in changes.items():
            arrays[ALIASES.get(name, name)] = array
        labels = arrays.pop("labels")
        arrays = {name: array for name, array in arrays.items() if array is not None}
        return Program(labels=labels, **arrays)

    def _part(self, tokens: slice) -> Program:
        try:
            left = len(range(self.tokens)[tokens])
        except (TypeError, ValueError):
            # ends that are no whole numbers, or a step of zero
            raise FwpError(
                f"a slice of a program takes whole numbers of tokens, got {shown(tokens)}"
            ) from None
        if not left:
            raise FwpError(
                f"this slice of a program of {_count(self.tokens, 'token')} is empty"
            )
        changes: dict[str, Any] = {
            n: a[tokens] if a.ndim else a for n, a in self._arrays.items()
        }
        if not self._own_query:
            del changes["query"]
        return Program(labels=self._labels[tokens] if self._labels else None, **changes)

    @classmethod
    @takes(
        "Program.sequences", key=SIGNAL, value=SIGNAL, query=optional(SIGNAL),
        labels=LABELS, signals=SIGNAL,
    )  # fmt: skip
    def sequences(
        cls, key=None, value=None, query=None, *, labels=None, **signals: Any
    ) -> list[Program]:
        """Return the programmes of many sequences, for `fwp_neuro.run`.

        Arguments are those of a Program with one more axis in front, ``[sequence, token,
        (head,) dim]``; a plain number and the labels are those of every sequence. Raises
        FwpError as a Program does, and for unequal numbers of sequences.

        Example: ``fwp_neuro.run(Program.sequences(keys, values, beta=0.5), "delta")``
        """
        given = {"key": key, "value": value, "query": query, **signals}
        return [cls(labels=labels, **one) for one in by_sequence(given)]

    # ------------------------------------------------------------------ xarray

    @takes("Program.dataset", homes=HOMES)
    def dataset(self, homes: Mapping[str, str] | None = None) -> xr.Dataset:
        """Return the arrays as an xarray.Dataset with dims token, (head,) and pre or
        post.

        ``homes`` (a rule's) says where a gate of ``[token, dim]`` lives if pre and post
        are equal; without it such a gate is taken to be presynaptic.
        """
        import xarray as xr  # noqa: PLC0415  slow, and seldom used

        variables = {}
        for name, array in self._arrays.items():
            attrs = {"units": "1", "long_name": name.replace("_", " "), "role": "program"}
            if name == "query" and not self._own_query:
                attrs["default"] = "key"
            variables[name] = (self._dims(name, dict(homes or {})), array.copy(), attrs)
        coords = {}
        if self._labels:
            coords["label"] = ("token", list(self._labels), {"long_name": "token label"})
        return xr.Dataset(variables, coords)

    @classmethod
    @takes("Program.from_dataset", dataset=DATASET)
    def from_dataset(cls, dataset: xr.Dataset) -> Program:
        """Rebuild the Program from `dataset()`, or from the dataset of a recording."""
        if "sequence" in dataset.dims:
            raise FwpError("the dataset holds several sequences, and a Program is one: "
                           "take that of recording.sequence(n)")  # fmt: skip
        names = [
            n for n, v in dataset.data_vars.items() if v.attrs.get("role") == "program"
        ]
        names = names or [str(name) for name in dataset.data_vars]
        arrays = {}
        for name in names:
            variable = dataset[name]
            if variable.attrs.get("default") == "key":
                continue
            axes = [dim for dim in ("token", "head") if dim in variable.dims]
            arrays[str(name)] = variable.transpose(*axes, ...).values
        labels = dataset["label"].values.tolist() if "label" in dataset.coords else None
        return cls(labels=labels, **arrays)

    def _dims(self, name: str, homes: dict[str, str]) -> tuple[str, ...]:
        leading = ("token",) if self.heads is None else ("token", "head")
        array = self._arrays[name]
        if array.ndim <= len(leading):
            return leading[: array.ndim]
        home = {"key": "pre", "query": "pre", "value": "post"}.get(name) or homes.get(
            name
        )
        for dim in (home, "pre", "post"):
            if dim in ("pre", "post") and array.shape[-1] == getattr(self, dim):
                return (*leading, dim)
        return (*leading, f"{name}_dim")

    # ------------------------------------------------------------------ checks

    def _check_shapes(self) -> None:
        key = self._arrays["key"]
        if key.ndim not in (2, 3):
            raise FwpError(
                f"Program argument 'key' has shape {key.shape}; it must be [token, dim] "
                "or [token, head, dim]"
            )
        heads = self.heads is not None
        full = "[token, head, dim]" if heads else "[token, dim]"
        legal = {0: "a number", 1: "[token]", 2: "[token, head]", 3: full}
        if not heads:
            legal = {0: "a number", 1: "[token]", 2: full}
        for name, array in self._arrays.items():
            legal_here = {key.ndim: full} if name in _TEXT_NAMES else legal
            if array.ndim not in legal_here:
                *rest, last = legal_here.values()
                listing = f"{', '.join(rest)} or {last}" if rest else last
                raise FwpError(
                    f"Program argument {name!r} has shape {array.shape}; next to a key "
                    f"of shape {key.shape} it must be {listing}"
                )
            if array.ndim and array.shape[0] != self.tokens:
                raise FwpError(
                    f"Program argument {name!r} has {_count(array.shape[0], 'token')} "
                    f"(shape {array.shape}), but the key has {self.tokens}"
                )
            if heads and array.ndim > 1 and array.shape[1] != self.heads:
                raise FwpError(
                    f"Program argument {name!r} has {_count(array.shape[1], 'head')} "
                    f"(shape {array.shape}), but the key has {self.heads}"
                )
        if self._arrays["query"].shape[-1] != self.pre:
            raise FwpError(
                "Program argument 'query' has dimension "
                f"{self._arrays['query'].shape[-1]}, but the key has {self.pre}; a query "
                "must have the dimension of the key"
            )

    def _checked_labels(self, labels: Sequence[str] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        if len(labels) != self.tokens:
            raise FwpError(
                f"Program argument 'labels' has {_count(len(labels), 'string')}, but the "
                f"program has {_count(self.tokens, 'token')}"
            )
        return tuple(labels)

    def _at_home(self, rule, name: str, home: str) -> np.ndarray:
        array = self[name]
        if array.ndim and self.heads is None:
            array = array[:, None]
        shape = (self.tokens, self.heads or 1)
        who = (
            f"{'gate' if name in (rule.gates or {}) else 'signal'} {name!r} of rule "
            f"{rule.name!r}"
        )
        if array.ndim == 3 and home == "shared":
            want = self.tokens if self.heads is None else f"{self.tokens}, {self.heads}"
            raise FwpError(
                f"{who} lives in {_HOMES[home]}, but the program gives one number per "
                f"dimension (shape {self[name].shape}); give shape "
                f"({want}{',' * (self.heads is None)})"
            )
        if home == "shared":
            array = array[:, None] if array.ndim == 1 else array
            return np.array(np.broadcast_to(array, shape))
        dim = getattr(self, home)
        if array.ndim == 3 and array.shape[-1] != dim:
            raise FwpError(
                f"{who} lives in {_HOMES[home]} ({dim}), but the program gives dimension "
                f"{array.shape[-1]} (shape {self[name].shape})"
            )
        while 0 < array.ndim < 3:
            array = array[..., None]
        return np.array(np.broadcast_to(array, (*shape, dim)))


def _homes(rule) -> dict[str, str]:
    homes = getattr(rule, "homes", None)
    if not isinstance(homes, Mapping):
        got = shown(rule)
        raise FwpError(
            f"a program is bound to a Rule, and got {got}; rule(name) makes one"
        )
    return dict(homes)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
