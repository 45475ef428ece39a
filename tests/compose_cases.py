"""Cells and spikes on which composed synapses are tried."""

import brian2 as b2
import numpy as np

ms = b2.ms


def cells(rows="g_in : siemens", count=2):
    return b2.NeuronGroup(count, f"v : volt\n{rows}", threshold="t > 1*second", reset="")


def source(times=(1, 3, 6), count=1):
    at = np.tile(np.array(times), count)
    return b2.SpikeGeneratorGroup(count, np.repeat(np.arange(count), len(times)), at * ms)


def course(post, variable, *made, others=(), duration=30, when="after_groups"):
    """What the cells see; a sum is as of the middle of a time step."""
    watch = b2.StateMonitor(post, variable, record=True, when=when)
    network = b2.Network(post, watch, *others, *(o for one in made for o in one.objects))
    network.run(duration * ms, namespace={})
    return np.array(watch.t_), np.array(getattr(watch, f"{variable}_"))


def expected(times, at, tau, jump):
    """Conductance that the cells see in a time step of .1 ms: a spike acts in the next
    one."""
    since = at[:, None] - np.asarray(times) * 1e-3 - 1e-4
    return jump * (np.where(since > -1e-9, np.exp(-since / tau), 0)).sum(1)
