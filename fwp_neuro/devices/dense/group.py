"""All-to-all synapses that keep no index vectors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager, nullcontext

import brian2 as b2
import numpy as np
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.core.variables import VariableView
from brian2.devices import get_device
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from ...errors import FwpError
from ..lock import brian2_lock
from .codegen import CREATE, DenseCodeObject, Rectangle

LARGEST = 2**31 - 1  # Brian2 numbers synapses by int32


class DenseSynapses(b2.Synapses):
    """Brian2's Synapses for all-to-all connections on the device cpp_standalone.

    Everything that a user does with Synapses works (``syn.w[:]``, ``syn.w[i, j]``,
    ``syn.i``, expressions, monitors, several pathways, one delay a pathway); `connect`
    takes no arguments.
    """

    def __init__(
        self, pre, post, model=None, on_pre=None, on_post=None, delay=None, **options
    ):
        delay = _delays(on_pre, on_post, delay)
        super().__init__(
            pre, post, model, on_pre=on_pre, on_post=on_post, delay=delay,
            codeobj_class=DenseCodeObject, **options,
        )  # fmt: skip
        self.add_attribute("rectangle")
        self.rectangle = Rectangle(
            int(pre.start), int(pre.stop), int(self.target.start), int(self.target.stop)
        )
        for name, number in (
            ("_synaptic_pre", self._rows),
            ("_synaptic_post", self._columns),
        ):
            self.unregister_variable(self.variables[name])
            # read by Brian2 wherever it looks up synapses, before a run as after it
            self.variables[name].get_value = number

    def connect(self, *args, **options):
        """Connect all to all."""
        if args or options:
            raise FwpError(
                f"dense synapses {self.name!r} connect all to all: connect() takes no "
                "arguments; use brian2.Synapses for other connections"
            )
        if self._connect_called:
            raise FwpError(f"dense synapses {self.name!r} are connected already")
        count = self.rectangle.rows * self.rectangle.columns
        if count > LARGEST:
            raise FwpError(
                f"{count} synapses are too many: Brian2 numbers at most {LARGEST}"
            )
        self._connect_called = True
        create_runner_codeobj(
            self,
            "",
            CREATE,
            run_namespace={},
        )()
        get_device().array_cache[self.variables["N"]] = np.array([count], np.int32)

    def __setattr__(self, name, value, level=0):
        """Set a variable; expressions for all synapses compute i and j too."""
        text = isinstance(value, str) and name in getattr(self, "variables", {})
        with _computed_indices() if text else nullcontext():
            super().__setattr__(name, value, level=level + 1)

    def state(self, name, use_units=True, level=0):
        """Return a view of a variable, by which expressions compute i and j too."""
        return _computing(super().state(name, use_units, level + 1))

    def _rows(self) -> np.ndarray:
        r = self.rectangle
        return np.repeat(np.arange(r.pre_start, r.pre_stop, dtype=np.int32), r.columns)

    def _columns(self) -> np.ndarray:
        r = self.rectangle
        return np.tile(np.arange(r.post_start, r.post_stop, dtype=np.int32), r.rows)


@brian2_lock()
def synapses(
    pre,
    post,
    model=None,
    on_pre=None,
    on_post=None,
    delay=None,
    kind=lambda own: own,
    **options,
):
    """Make all-to-all synapses, connected, in the fastest form that the active device
    has.

    On cpp_standalone these are `DenseSynapses`; elsewhere brian2.Synapses with the same
    meaning.

    Args:
        pre, post: NeuronGroup, PoissonGroup or SpikeGeneratorGroup, or a subgroup of one.
        model, on_pre, on_post, options: as for brian2.Synapses.
        delay: one time for the presynaptic pathway, or {pathway: time}; 0 where not
            given.
        kind: class of the device -> the class to make, one derived from it.

    Raises:
        FwpError: pre or post are synapses, a delay for each synapse, a multisynaptic
            index.
    """
    for side in (pre, post):
        if not (hasattr(side, "start") and hasattr(side, "stop")):
            raise FwpError(
                f"dense synapses connect cells, but {getattr(side, 'name', side)!r} is "
                f"{type(side).__name__}"
            )
    if options.get("multisynaptic_index"):
        raise FwpError(
            "dense synapses are one a pair of cells: multisynaptic_index has no meaning"
        )
    delay = _delays(on_pre, on_post, delay)
    make = kind(DenseSynapses if available() else b2.Synapses)
    made = make(pre, post, model, on_pre=on_pre, on_post=on_post, delay=delay, **options)
    made.connect()
    return made


def available() -> bool:
    """Return whether the active device has dense synapses (cpp_standalone, without
    OpenMP)."""
    device = get_device()
    threads = b2.prefs["devices.cpp_standalone.openmp_threads"]
    return device.code_object_class() is CPPStandaloneCodeObject and not threads


def view(group, name: str) -> VariableView:
    """Return a view of a variable of a group, as Brian2 does; of dense synapses one that
    needs no index vectors."""
    made = group.variables[name].get_addressable_value_with_unit(name, group)
    return _computing(made) if isinstance(group, DenseSynapses) else made


class _ComputingView(VariableView):
    """What a user gets for a variable of dense synapses."""

    def set_item(self, item, value, level=0, namespace=None):
        text = isinstance(item, str) or isinstance(value, str)
        with _computed_indices() if text else nullcontext():
            super().set_item(item, value, level=level + 1, namespace=namespace)


def _computing(made):
    if type(made) is VariableView:
        made.__class__ = _ComputingView
    return made


@contextmanager
def _computed_indices():
    """Let Brian2 generate code as for pathways: for expressions it asks the device
    alone."""
    device = get_device()
    before = vars(device).get("code_object_class")
    device.code_object_class = lambda codeobj_class=None, **_: (
        codeobj_class or DenseCodeObject
    )
    try:
        yield
    finally:
        del device.code_object_class
        if before is not None:
            device.code_object_class = before


def _delays(on_pre, on_post, delay) -> dict:
    """Return one delay a pathway: without it, Brian2 keeps one a synapse (8 bytes)."""
    names = []
    for side, code in (("pre", on_pre), ("post", on_post)):
        names += list(code) if isinstance(code, Mapping) else [side] if code else []
    given = (
        delay if isinstance(delay, Mapping) else {} if delay is None else {"pre": delay}
    )
    for name, value in given.items():
        if np.size(value) != 1:
            raise FwpError(
                f"dense synapses have one delay a pathway, but {name!r} was given "
                f"{np.size(value)}"
            )
    return {name: 0 * b2.second for name in names} | dict(given)
