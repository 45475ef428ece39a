"""The spiking circuit as one C++ loop: what a run would cost without a simulator.

It is the circuit of `numpy_twin` in the population layout, delta rule, Poisson cells, one
memory: a limit for the benchmark, which no user needs.
"""

from __future__ import annotations

import ctypes

import numpy as np
from brian2 import ms

from ..artificial.kernels.compiler import library
from ..circuits.head_layout import COUNTS_IN_C
from ..circuits.spiking.calibration import learning_rate
from ..circuits.token_schedule import Timeline, make
from ..synapses import get
from .numpy_twin import Circuit

_SOURCE = """
#include <cmath>
#include <cstdint>
#include <vector>
using namespace std;
%s
struct Random
{
    uint64_t state;
    double next()
    {
        state ^= state << 13; state ^= state >> 7; state ^= state << 17;
        return (state >> 11)*0x1.0p-53;
    }
};
static double spikes(Random& random, int cells, double p, int counts)
{
    if (p <= 0) return 0;
    if (counts) return fired_cells(random.next(), cells, p);
    int fired = 0;
    for (int n = 0; n < cells; n++) fired += random.next() < p;
    return fired;
}
extern "C" void run(int tokens, int pre, int post, const int* edges, const double* c,
                    const double* key, const double* value, const double* query,
                    const double* eta, int cells, uint64_t seed, int counts, double* y)
{
    const double dt = c[0], unit = c[1]*dt, leak = c[2], top = c[3], tau = c[4],
        gain = c[5], v0 = c[6], w0 = c[7], ampa = c[8], nmda = c[9], teacher = c[10];
    Random random{seed*2654435761u + 88172645463325252u};
    for (int n = 0; n < 20; n++) random.next();
    const int channels = 2*post;
    vector<double> w(channels*pre, w0), fast(pre, 0), slow(pre, 0), taught(channels, v0),
        basal(channels), apical(channels), drive(channels), write(channels);
    auto rest = [&](double g) { return (leak + g*top)/(1 + g); };
    auto block = [](double v) { return 1/(1 + exp(-.062*v)/3.57); };
    auto relax = [&](double v, double g)
        { return rest(g) + (v - rest(g))*exp(-(1 + g)*dt/tau); };
    for (int i = 0; i < channels; i++) basal[i] = apical[i] = rest(gain*v0);
    for (int t = 0; t < tokens; t++)
    {
        for (int n = 0; n < edges[5]; n++)
        {
            const bool shown = n < edges[1], open = n >= edges[0] && shown,
                asked = n >= edges[2] && n < edges[4];
            for (int i = 0; i < channels; i++)
            {
                drive[i] = 0;
                for (int j = 0; j < pre; j++)
                    drive[i] += (fmin(fmax(w[i*pre + j], 0), 2*w0) - w0)*fast[j];
            }
            if (n >= edges[3] && asked)
                for (int i = 0; i < post; i++)
                    y[t*post + i] += (drive[i] - drive[post + i])/(edges[4] - edges[3]);
            if (open)
                for (int i = 0; i < channels; i++)
                {
                    write[i] = dt*eta[t]*(block(apical[i]) - block(basal[i]));
                    for (int j = 0; j < pre; j++) w[i*pre + j] += write[i]*slow[j];
                }
            for (int i = 0; i < channels; i++)
            {
                apical[i] = relax(apical[i], gain*taught[i]);
                basal[i] = relax(basal[i], gain*(v0 + drive[i]));
            }
            for (int j = 0; j < pre; j++)
            {
                const double rate = shown ? key[t*pre + j] : asked ? query[t*pre + j] : 0;
                const double s = spikes(random, cells, rate*unit, counts)/(cells*unit);
                fast[j] = fast[j]*ampa + (1 - ampa)*s;
                slow[j] = slow[j]*nmda + (1 - nmda)*s;
            }
            for (int i = 0; i < channels; i++)
            {
                const double half = shown ? value[t*post + i%%post]/2 : 0;
                const double p = (v0 + (i < post ? half : -half))*unit;
                const double s = spikes(random, cells, p, counts)/(cells*unit);
                taught[i] = taught[i]*teacher + (1 - teacher)*s;
            }
        }
        for (double& each : w) each = fmin(fmax(each, 0), 2*w0);
    }
}
"""


class MinimalCircuit:
    """The compiled loop.

    Example:
        >>> readout = MinimalCircuit().run(program, cells=100, seed=0)  # doctest: +SKIP

    Raises:
        Cannot: there is no C++ compiler, or it fails.
    """

    def __init__(self):
        text = _SOURCE % COUNTS_IN_C.format(qualifiers="static inline")
        self._library = library(text, "the circuit as one loop")

    def run(self, program, cells: int = 100, seed: int = 0, counts: bool = True):
        """Return the read-out [token, post] of a programme without heads or decay.

        Args:
            counts: draw how many cells of a number fire; else draw for every cell.
        """
        c, windows = Circuit(), Circuit().steps()
        key, value, query = (np.ascontiguousarray(program[n])
                             for n in ("key", "value", "query"))  # fmt: skip
        beta = np.broadcast_to(program["beta"], key.shape[:1])[None]
        norm = (key**2).sum(-1)[None]
        # in 1/ms; the twin's own calibration takes longer than the loop
        model, schedule = (
            get("two_compartment_nmda"),
            make(Timeline(), c.dt * ms, len(key)),
        )
        eta = learning_rate(beta, norm, True, model, schedule, "propagator", False)
        eta = np.ascontiguousarray(eta[0] / 1000)
        edges = np.array([windows["write"].start, windows["shown"].stop,
                          windows["query"].start, windows["read"].start,
                          windows["read"].stop, windows["token"].stop],
                         np.int32)  # fmt: skip
        decays = [c.decay(tau) for tau in (c.tau_ampa, c.tau_nmda, c.tau_teacher)]
        constants = np.array([c.dt, c.rate_max, c.e_leak, c.e_exc, c.tau_m, c.conductance,
                              c.v0, c.w0, *decays])  # fmt: skip
        y = np.zeros((len(key), value.shape[1]))

        def at(array):
            kind = ctypes.c_int if array.dtype == np.int32 else ctypes.c_double
            return array.ctypes.data_as(ctypes.POINTER(kind))

        self._library.run(
            len(key), key.shape[1], value.shape[1], at(edges), at(constants), at(key),
            at(value), at(query), at(eta), int(cells), ctypes.c_uint64(seed), int(counts),
            at(y),
        )  # fmt: skip
        return y
