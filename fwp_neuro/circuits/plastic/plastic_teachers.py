"""Groups that teach a rule in `connect`, one cell for each postsynaptic one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import brian2 as b2
from brian2.core.spikesource import SpikeSource

from ...errors import FwpError, shown
from ...synapses import rule_receptors
from .attached_variables import SPIKES, whole
from .plastic_cells import tables, variable
from .plastic_steps import ARRIVES


def by_variable(model, teacher, name, groups: Mapping, own: str) -> Callable:
    """Return what copies a variable of a teaching group to the cells, one to one.

    Args:
        model: of the rule.
        teacher: Brian2 group; name: of its variable.
        groups: side -> cells.
        own: what the cells call the copy.
    """
    _teaches(teacher, groups)
    theirs = variable(model, "v", name, teacher, 1)
    place = ("end", ARRIVES) if model.dynamics == "event" else ("groups", -3)

    def finish(made):
        target = made.where[own][0]
        line = b2.Synapses(
            teacher,
            target,
            f"{own}_post = {theirs}_pre : 1 (summed)",
            namespace=tables([theirs], teacher),
            name=f"{made.synapses.name}_teacher",
        )
        line.connect(j=f"i + {getattr(groups['post'], 'start', 0)}")
        updater = line.summed_updaters[f"{own}_post"]
        updater.when, updater.order = place
        made.objects.append(line)
        return made

    return finish


def _teaches(teacher, groups) -> None:
    post = groups["post"]
    if not isinstance(teacher, SpikeSource):
        raise FwpError(
            "teacher must be a Brian2 group or the name of a variable of the "
            f"postsynaptic cells, got {shown(teacher)}"
        )
    if len(teacher) != len(post):
        raise FwpError(
            f"teacher: the cells {teacher.name!r} are {len(teacher)} and teach one "
            f"cell each, but {post.name!r} has {len(post)}"
        )


def by_spikes(teacher, groups: Mapping) -> Callable:
    """Return what lets spikes of a teaching group drive apical compartments."""
    _teaches(teacher, groups)
    if SPIKES not in whole(teacher).variables:
        raise FwpError(
            f"teacher: the cells {teacher.name!r} never spike: give them a threshold"
        )

    def finish(made):
        target = made.where["teacher"][0]
        line = b2.Synapses(
            teacher,
            target,
            on_pre=f"teacher_post += {rule_receptors.kick('teacher')}",
            delay=0 * b2.second,
            namespace=made.synapses.namespace,
            clock=target.clock,
            name=f"{made.synapses.name}_teacher",
        )
        line.connect(j=f"i + {getattr(groups['post'], 'start', 0)}")
        made.objects.append(line)
        return made

    return finish
