"""All-to-all plastic synapses in cpp_standalone, as fast as Brian2's extension points
allow.

Brian2 reaches each synapse through index vectors: a queue of synapse numbers, the number
of the cell before it and of the cell behind it. For all-to-all connections these numbers
can be computed. The synapses lie row by row, a row being all synapses of one presynaptic
cell. At presynaptic spikes the code of the model runs along rows, which the compiler
turns into vector instructions; at postsynaptic spikes it runs down all columns of the
step in one pass. The code itself, its order in the time step, delays and everything else
is Brian2's.

The parts that Brian2 offers for this are templates of one's own (`Templater.derive`), a
code object class and a code generator of one's own.
"""

from .group import DenseSynapses, available, synapses, view

__all__ = ["DenseSynapses", "available", "synapses", "view"]
