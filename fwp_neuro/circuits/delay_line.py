"""A variable of cells that repeats another one later."""

from __future__ import annotations

import brian2 as b2


def delay_line(cells, name: str, of: str, delay, dt, namespace):
    """Return a ring of stored values a cell, by which one variable repeats another one
    later.

    Args:
        cells: the group that has both variables.
        name, of: the variable, and the one that it repeats.
        delay, dt: Brian2 times.
        namespace: values of other names.
    """
    slots = int(round(float(delay / dt))) + 1
    now = f"int(ring == timestep(t, dt) % {slots})"
    oldest = f"int(ring == (timestep(t, dt) + 1) % {slots})"
    dim = cells.variables[of].dim
    unit = "1" if dim.is_dimensionless else repr(b2.get_unit(dim))
    line = b2.Synapses(
        cells, cells, f"stored : {unit}\n{name}_post = stored*{oldest} : {unit} (summed)",
        namespace=namespace, name=f"{cells.name}_line_of_{name}",
        multisynaptic_index="ring", clock=cells.clock,
    )  # fmt: skip
    line.connect(j="i", n=slots)
    line.stored = f"{of}_pre"
    slot = "after_groups"  # a spike then finds the variables of one and the same time
    line.run_regularly(
        f"stored = {now}*{of}_pre + (1 - {now})*stored", when=slot, order=-2
    )
    # at order -1: after what is stored now
    line.summed_updaters[f"{name}_post"].when = slot
    return line
