"""Several programmes in one run: their heads side by side in one network.

Heads know nothing of each other, so that the heads of many sequences are one programme
of many heads. Shorter sequences are padded with empty tokens behind their end (key, value
and query 0, gates as at their last token), of which nothing is kept.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from .arguments import numbers
from .errors import FwpError
from .expected_runs import expected
from .programs import ALIASES, Program
from .realisations import Realisation, find_rule
from .recording import Recording
from .selecting import own_cells
from .states import MODES

#: sequences of one network of a circuit
MOST = 32
_EMPTY = ("k", "v", "q")


def run(
    realisation: Realisation, programs: Sequence[Program], rule, seed: int,
    start: Mapping, options: Mapping,
) -> Recording:  # fmt: skip
    """Run programmes side by side; see `fwp_neuro.run`.

    Args:
        start: initial_weights and initial_states, for every sequence alike, or with a
            leading axis [sequence].
        options: of the realisation.

    Raises:
        FwpError: no list of programmes of equal dimensions and heads, or what the
            realisation refuses.
    """
    rule = find_rule(rule)
    _check(programs)
    lengths = np.array([one.tokens for one in programs])
    options = realisation.given(**options)
    kept = options.get("record_weights", "auto")
    if len(set(lengths)) > 1 and isinstance(kept, str) and kept in MODES[:3]:
        options["record_weights"] = "snapshots"  # sequences end at different tokens
    if "record_spikes" in inspect.signature(realisation.function).parameters:
        options.setdefault("record_spikes", False)  # of many sequences they are many
    probes = options.pop("probes", None)
    if probes is not None:
        start = {**start, "probes": probes}
    names = _read_by_none(programs, rule)
    labels = all(one.labels for one in programs)
    most = len(programs) if realisation.name == "artificial" else MOST
    parts = [programs[n : n + most] for n in range(0, len(programs), most)]
    found = []
    with expected(len(programs)):  # who has many now has as many again
        for n, part in enumerate(parts):
            # a network of another size would be compiled anew
            full = [*part, *[part[-1]] * (most - len(part))] if n else part
            mine = slice(n * most, n * most + len(full))
            given = {
                name: _of_part(value, programs, mine, name)
                for name, value in start.items()
            }
            made = realisation.run(
                together(full, rule, int(lengths.max()), names), rule, **options, **given,
                seed=_seed(seed, n),
            )  # fmt: skip
            parted = apart(made, full, lengths.max(), labels)
            if len(set(lengths)) > 1:  # padded tokens have cells, and let others decay
                parted = parted.drop_dims("token_cell", errors="ignore")
            found.append(_first(parted, len(part)))
    whole = found[0] if len(found) == 1 else _joined(found)
    return Recording(whole)


def _seed(seed: int, network: int) -> int:
    """Return the seed of a network: the first one's own, others that no neighbour of
    this seed has."""
    mixed = np.random.SeedSequence([seed, network]).generate_state(1)
    return int(mixed[0]) if network else seed


def together(
    programs: Sequence[Program], rule, tokens: int, names: Sequence[str] = ()
) -> Program:
    """Return one programme with the heads of all, the first one's first, padded to so
    many tokens; ``names`` of signals that the rule does not read are kept."""
    bound = [one.bind(rule) for one in programs]
    signals = {}
    for name in bound[0]:
        parts = [_padded(each[name], tokens, name in _EMPTY) for each in bound]
        signals[ALIASES.get(name, name)] = np.concatenate(parts, axis=1)
    for name in names:
        parts = [_padded(_with_heads(one, name), tokens, True) for one in programs]
        signals[name] = np.concatenate(parts, axis=1)
    return Program(**signals)


def _read_by_none(programs: Sequence[Program], rule) -> list[str]:
    """Return the signals that all programmes have alike and the rule does not read."""
    read = {ALIASES.get(name, name) for name in programs[0].bind(rule)}
    alike = [name for name in programs[0].names
             if name not in read and all(name in one for one in programs)]  # fmt: skip
    shapes = {n: {_with_heads(one, n).shape[2:] for one in programs} for n in alike}
    return [name for name in alike if len(shapes[name]) == 1]


def apart(
    recording: Recording, programs: Sequence[Program], tokens: int, labels: bool = False
) -> xr.Dataset:
    """Return what a run of `together` found with a dim "sequence" before all others, and
    with labels of tokens where all have them."""
    heads = programs[0].heads
    data = recording.dataset
    variables = {}
    for name, one in data.variables.items():
        if "head" in one.dims:
            one = _by_sequence(one, len(programs), heads)
        variables[name] = one
    if "cell_head" in variables:
        own = variables["cell_head"]
        attrs = {"units": "1", "long_name": "sequence of the cell"}
        variables["cell_sequence"] = own.copy(data=own.values // (heads or 1))
        variables["cell_sequence"].attrs = attrs
        variables["cell_head"] = own.copy(data=own.values % (heads or 1))
    lengths = np.array([one.tokens for one in programs])
    if lengths.min() < tokens:
        _cut(variables, lengths, tokens, data.attrs.get("duration", 0.0))
    if labels:
        said = [[*(one.labels or ())] + [""] * (tokens - one.tokens) for one in programs]
        variables["label"] = xr.Variable(
            ("sequence", "token"), said, {"long_name": "token label"}
        )
    variables["sequence_length"] = xr.Variable(
        "sequence", lengths, {"units": "1", "long_name": "tokens of the sequence"}
    )
    mine = {"sequence_length", "label", "cell_sequence"}
    coords = ({*data.coords} | mine) & variables.keys()
    return xr.Dataset(variables, attrs=data.attrs).set_coords(coords)


def _cut(variables: dict, lengths: np.ndarray, tokens: int, duration: float) -> None:
    """Take away what was found behind the end of each sequence."""
    late = {"token": np.arange(tokens) >= lengths[:, None]}
    ends = np.round(duration * lengths / tokens, 12)
    if "time" in variables:
        late["time"] = variables["time"].values > ends[:, None]
    for name, one in list(variables.items()):
        if "sequence" in one.dims and one.dtype.kind == "f":
            for dim in late.keys() & one.dims:
                mine = xr.Variable(("sequence", dim), ~late[dim])
                variables[name] = one.where(mine).transpose(*one.dims)
                variables[name].attrs = one.attrs
    if "spike_time" in variables:
        sequence = variables["cell_sequence"].values
        times, cells = variables["spike_time"], variables["spike_cell"]
        mine = times.values < ends[sequence[cells.values]] - 1e-9
        for name in ("spike_time", "spike_cell"):
            variables[name] = variables[name][mine]


def _by_sequence(one: xr.Variable, sequences: int, heads: int | None) -> xr.Variable:
    """Return a variable with an axis "sequence" in front, and without heads for None."""
    axis = one.dims.index("head")
    before, after = one.shape[:axis], one.shape[axis + 1 :]
    own = () if heads is None else (heads,)
    values = np.moveaxis(one.values.reshape(*before, sequences, *own, *after), axis, 0)
    dims = (*one.dims[:axis], *(("head",) if own else ()), *one.dims[axis + 1 :])
    return xr.Variable(("sequence", *dims), values, one.attrs)


def _check(programs: Sequence[Program]) -> None:
    first = programs[0]
    for n, one in enumerate(programs):
        for what in ("pre", "post", "heads"):
            if getattr(one, what) != getattr(first, what):
                raise FwpError(
                    "programmes of one run must have equal dimensions: programme 0 has "
                    f"{what}={getattr(first, what)}, programme {n} "
                    f"{what}={getattr(one, what)}"
                )


def _with_heads(program: Program, name: str) -> np.ndarray:
    array = program[name]
    if array.ndim == 0:
        array = np.full(program.tokens, array)
    if program.heads is None:
        return array[:, None]
    shape = (program.tokens, program.heads)
    return array if array.ndim > 1 else np.broadcast_to(array[:, None], shape)


def _padded(array: np.ndarray, tokens: int, empty: bool) -> np.ndarray:
    last = np.zeros_like(array[-1:]) if empty else array[-1:]
    return np.concatenate([array, np.repeat(last, tokens - len(array), axis=0)])


def _of_part(value: Any, programs: Sequence[Program], mine: slice, label: str):
    """Return initial states or probes of a part, [sequence * head, post or probe, pre].

    What has another shape stays as it is: the realisation says what is wrong with it.
    """
    if isinstance(value, Mapping):
        return {
            name: _of_part(one, programs, mine, f"{label}[{name!r}]")
            for name, one in value.items()
        }
    if value is None:
        return value
    first, count = programs[0], len(range(mine.start, mine.stop))
    array = numbers("[(sequence,) (head,) post, pre]").read(value, label)
    if array.ndim < 2:
        return value
    heads = () if first.heads is None else (first.heads,)
    rows = array.shape[-2:-1] if label == "probes" else (first.post,)
    one, shape = (*rows, first.pre), (*heads, *rows, first.pre)
    if array.shape == (len(programs), *shape):
        array = array[np.minimum(np.arange(mine.start, mine.stop), len(array) - 1)]
    elif array.shape in (one, shape):
        array = np.broadcast_to(array, (count, *shape))
    else:
        return value
    return array.reshape(-1, *one)


def _first(dataset: xr.Dataset, count: int) -> xr.Dataset:
    """Return the first sequences of a batch, without those that only filled it up."""
    if "cell_sequence" in dataset.coords:
        dataset = own_cells(dataset, dataset["cell_sequence"].values < count)
    return dataset.isel(sequence=slice(0, count))


def _joined(found: list[xr.Dataset]) -> xr.Dataset:
    """Return the parts of a batch one after the other, the spikes of cells by number."""
    cells = np.cumsum([0, *(one.sizes.get("cell", 0) for one in found)])
    sequences = np.cumsum([0, *(one.sizes["sequence"] for one in found)])
    parts: dict[tuple, list] = {}
    alike = {}
    for n, one in enumerate(found):
        keep = one
        if "cell" in one.dims:
            keep = one.assign_coords(
                cell=one["cell"] + cells[n],
                cell_sequence=one["cell_sequence"] + sequences[n],
            )
            if "spike_cell" in one:
                keep = keep.assign(spike_cell=one["spike_cell"] + cells[n])
        for name, variable in keep.variables.items():
            dims = [dim for dim in ("sequence", "cell", "spike") if dim in variable.dims]
            if dims:
                parts.setdefault((name, dims[0]), []).append(variable)
            else:
                alike[name] = variable
    joined = {name: xr.Variable.concat(each, dim) for (name, dim), each in parts.items()}
    whole = xr.Dataset({**alike, **joined}, attrs=found[0].attrs)
    origin = json.loads(whole.attrs["provenance"])
    origin["networks"] = len(found)
    whole.attrs["provenance"] = json.dumps(origin)
    return whole.set_coords([name for name in found[0].coords if name in whole])
