"""The states of plastic synapses in a file: `Plastic.save` and `Plastic.load`.

A NumPy archive (npz, without pickles) of every array of the objects that `connect` made,
spikes that are on their way, and a header in JSON. Times that the model keeps, such as
that of the last spike, are kept as they are, and moved by the difference of both
networks' times when they are read:
so a file continues in a network that starts at time 0, and in one that is anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from zipfile import BadZipFile

import brian2 as b2
import numpy as np
import sympy
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.device import RuntimeDevice
from brian2.parsing.sympytools import str_to_sympy
from brian2.synapses.synapses import SynapticPathway

from ...errors import FwpError, shown
from ...files import atomic_path, file_path
from ...synapses.factorised.text import lines
from . import projection_sums

FORMAT = "fwp_neuro plastic synapses 1"
_WHAT = "synapses"
#: what the layout of the network decides, and what belongs to cells
_NO_STATE = {"N", "N_pre", "N_post", "i", "t", "dt", "t_in_timesteps", "_synaptic_pre",
             "_synaptic_post", "N_incoming", "N_outgoing", "_spikespace"}  # fmt: skip
_STAMPS = ("lastupdate", "renewed", "renewed_cell")
#: what a header must say alike in the file and in the network -> words for it
_SAME = {"model": "model", "parameter_set": "parameter set", "layout": "layout",
         "pre": "number of "
         "presynaptic cells", "post": "number of postsynaptic cells",
         "synapses": "number of "
         "synapses", "parameters": "parameters", "varying": "parameters that vary",
         "text":
         "equations", "dt": "time step"}  # fmt: skip


def save(plastic, path) -> Any:
    """See `Plastic.save`."""
    _refuse_standalone("save")
    path = file_path(path, f"save the {_WHAT} to")
    arrays: dict[str, Any] = dict(_arrays(plastic))
    arrays |= {f"queue {key}": _waiting(one) for key, one in _pathways(plastic)}
    synapses = plastic.synapses
    arrays |= {"i": np.array(synapses.i[:]), "j": np.array(synapses.j[:])}
    header = {"format": FORMAT, **_header(plastic), "time": plastic.time(),
              "frozen": plastic.frozen}  # fmt: skip
    arrays["header"] = np.array(json.dumps(header))
    with atomic_path(path, _WHAT) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return path


def load(plastic, path) -> None:
    """See `Plastic.load`."""
    _refuse_standalone("load")
    header, arrays = _read(path)
    variables, queues = _fitting(
        plastic, header, arrays, f"cannot load {shown(str(path), 200)}"
    )
    by = plastic.time() - header["time"]
    stamps = set(_stamps(plastic))
    plastic.thaw()
    for key, variable in variables.items():
        values = arrays[key]
        if (variable.owner.name, variable.name) in stamps:
            values = values + by
        if isinstance(variable, DynamicArrayVariable):
            variable.resize(values.size)
        # the cells have the sum, which no file holds
        if variable.name == projection_sums.ADDED:
            projection_sums.follow(variable, values)
        variable.set_value(values)
    for key, pathway in queues.items():
        _put_waiting(pathway, arrays[f"queue {key}"])
    for line in plastic.objects:
        if line.name in plastic.lines:
            _turn(line, round(by / plastic.dt))
    plastic.restore({"step": plastic.dt, "frozen": header["frozen"]})


def _fitting(plastic, header: Mapping, arrays: Mapping, where: str) -> tuple[dict, dict]:
    """Return the variables and pathways of synapses, after a check that a file is of such
    ones."""
    own = json.loads(json.dumps(_header(plastic)))
    for key, what in _SAME.items():
        if header.get(key) != own[key]:
            raise FwpError(f"{where}: its {what} {_both(header.get(key), own[key])}")
    synapses = plastic.synapses
    if not all(np.array_equal(arrays[n], getattr(synapses, n)[:]) for n in ("i", "j")):
        raise FwpError(f"{where}: its synapses connect other cells")
    queues = {key: one for key, one in _pathways(plastic)}
    variables = dict(_variables(plastic))
    if {*variables, *(f"queue {key}" for key in queues)} != set(arrays) - {"i", "j"}:
        raise FwpError(f"{where}: it holds other variables than these synapses have")
    for key, variable in variables.items():
        if arrays[key].shape != variable.get_value().shape:
            raise FwpError(f"{where}: {key!r} has another size")
    return variables, queues


def _refuse_standalone(what: str) -> None:
    if not isinstance(b2.get_device(), RuntimeDevice):
        raise FwpError(f"{what} needs a device that runs step by step (numpy, cython): "
                       "of a standalone program made.values('w') gives the "
                       "weights")  # fmt: skip


def _read(path) -> tuple[dict, dict[str, np.ndarray]]:
    path = file_path(path, f"read {_WHAT} from")
    where = f"{shown(str(path), 200)} holds no {_WHAT}"
    if not path.is_file():
        raise FwpError(f"there are no {_WHAT} at {shown(str(path), 200)}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        legal = header["format"] == FORMAT
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        BadZipFile,
    ):
        raise FwpError(f"{where}: it is another file, or it is damaged") from None
    if not legal:
        raise FwpError(f"{where}: it is of another version")
    return header, arrays


def _header(plastic) -> dict[str, Any]:
    """Return what a file says of the synapses, and what must be the same where it is
    read."""
    model, synapses = plastic.model, plastic.synapses
    return {
        "model": model.name,
        "parameter_set": model.parameter_set,
        "layout": "factorised" if hasattr(model, "report") else "textbook",
        "pre": len(synapses.source),
        "post": len(synapses.target),
        "synapses": len(synapses),
        "parameters": {n: repr(float(v)) for n, v in sorted(model.parameters.items())},
        "varying": {n: one.place for n, one in sorted(model.varying.items())},
        "text": _text(getattr(model, "textbook", model).equations),
        "dt": plastic.dt,
    }


def _text(equations) -> str:
    """Return the equations and the code of a model, without units, which Brian2 may write
    anew."""
    found = []
    for part in ("synapse", "pre", "post"):
        for name, one in b2.Equations(getattr(equations, part)).items():
            found.append(f"{part} {one.type} {name} = {one.expr}")
    for part in ("on_pre", "transmit", "on_post", "pre_spike", "post_spike"):
        found += [f"{part} {line}" for line in lines(getattr(equations, part))]
    return "\n".join(found)


def _both(old, new) -> str:
    """Say in what a header differs from the network."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = sorted(n for n in {*old, *new} if old.get(n) != new.get(n))
        said = [
            f"{n}={old.get(n, 'none')} (here {new.get(n, 'none')})" for n in names[:3]
        ]
        return f"differ: {', '.join(said)}" + (" and more" if len(names) > 3 else "")
    if isinstance(new, str) and "\n" in new:
        return "differ from those of these synapses"
    return f"is {shown(old)}, and that of these synapses {shown(new)}"


def _owners(plastic) -> Iterator[tuple[str, Any]]:
    """Yield (key, object with variables of its own) of all that `connect` made, in its
    order."""
    for number, one in enumerate(
        one for one in plastic.objects if hasattr(one, "variables")
    ):
        if not isinstance(one, b2.StateMonitor):
            yield f"{number}", one


def _pathways(plastic) -> Iterator[tuple[str, SynapticPathway]]:
    for key, one in _owners(plastic):
        for pathway in getattr(one, "_pathways", ()):
            yield f"{key} {pathway.objname}", pathway


def _variables(plastic) -> Iterator[tuple[str, ArrayVariable]]:
    """Yield (key, variable) of every state, but no sum that other projections add to as
    well."""
    sums = [projection_sums.total(owner) for _, owner in _owners(plastic)]
    for key, owner in [*_owners(plastic), *_pathways(plastic)]:
        for name, variable in owner.variables.items():
            own = isinstance(variable, ArrayVariable) and variable.owner is not None
            own = own and variable.owner.name == owner.name and name == variable.name
            if isinstance(owner, SynapticPathway):
                own = isinstance(variable, ArrayVariable) and name == "delay"
            other = name in plastic.recorded or any(variable is one for one in sums)
            if own and name not in _NO_STATE and not other:
                yield f"{key} {name}", variable


def _arrays(plastic) -> Iterator[tuple[str, np.ndarray]]:
    return ((key, np.array(one.get_value())) for key, one in _variables(plastic))


def _stamps(plastic) -> Iterator[tuple[str, str]]:
    """Yield (name of the owner, variable) of each variable that holds a time."""
    text = plastic.model.equations
    names = set(_STAMPS)
    for part in ("on_pre", "on_post", "pre_spike", "post_spike", "before_pre",
                 "after_pre", "before_post", "after_post"):  # fmt: skip
        for line in lines(getattr(text, part)):
            if line.op == "=" and "t" in line.reads:
                right = str_to_sympy(line.expression)
                now = next(symbol for symbol in right.free_symbols if symbol.name == "t")
                if sympy.diff(right, now) == 1:
                    names.add(line.target)
    for _, owner in _owners(plastic):
        for name in names & set(owner.variables):
            variable = owner.variables[name]
            if variable.dim == b2.second.dim and isinstance(variable, ArrayVariable):
                yield variable.owner.name, name


# -------------------------------------------------------------------- spikes on their way


def _waiting(pathway) -> np.ndarray:
    """Return spikes that have not arrived, [spike, (steps from now, synapse)], and the
    slots."""
    state = pathway.queue._full_state()
    if len(state) == 3:  # the queue in Python: (dt, spikes, shape)
        spikes, slots = np.array(state[1], dtype=np.int64).reshape(-1, 2), state[2][0]
    else:  # the compiled one: (offset, synapses of each slot)
        offset, queue = state
        slots = max(len(queue), 1)
        rows = [((n - offset) % slots, k) for n, slot in enumerate(queue) for k in slot]
        spikes = np.array(rows, dtype=np.int64).reshape(-1, 2)
    order = np.argsort(spikes[:, 0], kind="stable")
    return np.vstack([[[slots, -1]], spikes[order]])


def _put_waiting(pathway, table: np.ndarray) -> None:
    slots, spikes = int(table[0, 0]), np.array(table[1:], dtype=np.int64)
    if hasattr(pathway.queue, "X"):
        most = int(np.bincount(spikes[:, 0]).max()) if len(spikes) else 1
        dt = float(pathway.source.clock.dt_)
        pathway.queue.currenttime = 0
        pathway.queue._restore_from_full_state((dt, spikes, (slots, most)))
    else:
        queue = [spikes[spikes[:, 0] == n, 1].tolist() for n in range(slots)]
        pathway.queue._restore_from_full_state((0, queue))


def _turn(line, steps: int) -> None:
    """Move the values of a line that stores them by slots, so that they are as old as
    before."""
    ring, stored = np.array(line.ring[:]), np.array(line.stored_[:])
    slots = int(ring.max()) + 1
    # Brian2 makes the slots of one cell one after another
    table = stored.reshape(-1, slots)
    if not np.array_equal(
        ring.reshape(-1, slots), np.broadcast_to(np.arange(slots), table.shape)
    ):
        raise FwpError(f"the slots of {line.name!r} are in another order")
    line.stored_ = np.roll(table, steps % slots, axis=1).ravel()
