"""Variables that cells get from outside, and code that runs when a cell spikes.

A synapse model needs variables on cells that somebody else has defined: spike sources
have no equations at all, a subgroup cannot get new ones. They live in a group of their
own, a companion with as many elements, and the cells refer to them by name, as Brian2's
linked variables do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager

import brian2 as b2
from brian2.groups.group import CodeRunner

from ...errors import FwpError
from ...synapses.factorised.text import lines, text

SPIKES = "_spikespace"


def whole(group):
    """Return the group of which a group is a part, or itself."""
    if not isinstance(group, b2.Subgroup):
        return group
    # Brian2 keeps it as a weak proxy, to which nothing can be attached
    return group.source.__init__.__self__


@contextmanager
def undone_if_it_fails(groups: Iterable):
    """Take back the variables that groups were given by what then failed.

    Another attempt would take them for variables of the cells, which nobody moves.
    """
    every = {id(one): one for group in groups for one in (group, whole(group))}.values()
    before = [(one.variables, set(one.variables)) for one in every]
    try:
        yield
    except Exception:
        for variables, names in before:
            for name in set(variables) - names:
                del variables._variables[name]
                variables.indices.pop(name, None)
        raise


@contextmanager
def plain_sentences(name: str, what: str = "make the synapses of"):
    """Say what Brian2 refuses in one sentence."""
    try:
        yield
    except FwpError:
        raise
    except (NotImplementedError, MemoryError):
        raise
    except Exception as problem:
        inner: BaseException = problem
        while inner.__cause__ is not None:  # the last one says what is wrong
            inner = inner.__cause__
        said = " ".join(str(inner).split()) or type(inner).__name__
        raise FwpError(f"Brian2 cannot {what} {name!r}: {said}") from problem


def free_name(group, name: str) -> str:
    """Return a name like the one given that no variable of the cells has."""
    number, found = 1, name
    while any(found in one.variables for one in (group, whole(group))):
        number += 1
        found = f"{name}_{number}"
    return found


def companion(
    group,
    equations: str,
    names: Mapping[str, str],
    method: str,
    namespace,
    name: str,
    clock,
):
    """Give cells further variables that follow equations of their own.

    Args:
        group: cells, or a part of a group of cells (then all of them get the variables).
        equations: Brian2 text.
        names: variable of the text -> under which name the cells know it.
        method: integrator.
        namespace: values of the other names.
        name, clock: of the companion.

    Returns:
        the companion, a NeuronGroup.
    """
    cells = whole(group)
    made = b2.NeuronGroup(
        len(cells), equations, method=method, namespace=namespace, name=name, clock=clock
    )
    if SPIKES in cells.variables:  # cells that never spike may have equations too
        made.variables.add_reference(SPIKES, cells)
    for own, known in names.items():
        cells.variables.add_reference(known, made, own)
        if cells is not group:
            group.variables.add_reference(known, cells)
    return made


@contextmanager
def as_own_equations(groups: Iterable, attached: Mapping):
    """Let Brian2 find attached variables among the equations of cells, where sums look
    for them.

    Args:
        groups: Brian2 groups, the same one once or twice.
        attached: name at the cells -> equation of the companion.
    """
    every = list({id(group): group for group in groups}.values())
    before = [vars(group).get("equations", every) for group in every]
    for group in every:
        own = getattr(group, "equations", None) or {}
        shown = {
            **dict(own),
            **{n: one for n, one in attached.items() if n in group.variables},
        }
        object.__setattr__(group, "equations", shown)
    try:
        yield
    finally:
        for group, old in zip(every, before, strict=True):
            if old is every:  # there was none
                object.__delattr__(group, "equations")
            else:
                object.__setattr__(group, "equations", old)


def acquaint(made, others: Iterable, needed: Iterable[str]) -> None:
    """Let a companion refer to variables of other companions and of the cells, in this
    order."""
    for name in needed:
        for other in others:
            if (
                other is not made
                and name in other.variables
                and name not in made.variables
            ):
                made.variables.add_reference(name, other)


class AtSpikes(CodeRunner):
    """Code of a companion that runs for every cell that spikes, at its place in the time
    step.

    It runs on the clock of the cells: what has spiked is known until they look for spikes
    again.
    """

    def __init__(self, made, code: str, when: str, order: int, name: str, clock):
        super().__init__(
            made, "reset", code=code, clock=clock, when=when, order=order, name=name,
            needed_variables=[SPIKES],
            template_kwds={"eventspace_variable": made.variables[SPIKES]},
        )  # fmt: skip
        self.abstract_code = code
        self._spikes = made.variables[SPIKES]

    def run(self):
        """Run where cells spike: in most steps of a small network none does."""
        if self._spikes.get_value()[-1]:
            super().run()

    def update_abstract_code(self, run_namespace):
        """Leave the code as it was given."""


def at_spikes(group, made, code: str, order: int, name: str, delay=None, when="synapses"):
    """Return what runs code of a companion when its cells spike, after a delay if there
    is one."""
    if delay is None:
        return AtSpikes(made, code, when, order, name, whole(group).clock)
    own = {n: f"{n}_post" for n in made.variables if not n.startswith("_")}
    own = {
        n: new for n, new in own.items() if n not in ("t", "dt", "N", "t_in_timesteps")
    }
    code = text(line.renamed(own) for line in lines(code))
    line = b2.Synapses(whole(group), made, on_pre=code, delay=delay,
                       namespace=made.namespace, name=name, clock=made.clock)  # fmt: skip
    line.connect(j="i")
    line.pre.order = order
    return line
