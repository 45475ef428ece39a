"""NumPy twin of the spiking fast-weight circuit: the same equations, as slow and plain as
possible.

Time in ms, rates in kHz, potentials in mV; conductances and weights are pure numbers
(leaks).

Traces. A key dimension has ``cells`` key cells; a value dimension has an ON and an OFF
channel with ``cells`` teacher cells each. A trace of time constant tau: ``x <- x e + (1 -
e) S``, with e = exp(-dt/tau), S = spikes / (cells rate_max dt): its mean is the coded
number, at any dt. While a key is shown (settle, write) key cells fire at rate_max k_j,
teachers at rate_max (v0 +- v/2); else teachers fire at rate_max v0, and key cells at
rate_max q_j in the query window only.

Dendrites. tau_m dV/dt = E_L - V + g (E_E - V), exact for a g held over the step, with
    basal   g_b = G [v0 + (1 - cnqx) sum_j (clip(w_ij, 0, 2 w0) - w0) xA_j]   AMPA minus inhibition
    apical  g_a = G a_i                                                the teacher's trace
Write window: dw_ij/dt = eta (1 - ap5) xN_j [B(V_a) - B(V_b)]; Hebb has B(V(G v0)) for
B(V_b). B is the magnesium block of Jahr and Stevens (1990). At a token's start w <- w0 +
alpha (w - w0), the decay gate; at its end w is clipped to [0, 2 w0].

One step, from t to t + dt:
    1. everything continuous advances AT ONCE from its values at t: the weights (xN, V_a,
       V_b of t), the membranes (a, xA and the weights of t, not the new ones), the decay
       of all traces;
    2. the spikes of the step are drawn and kick the traces.
The read-out averages (g_b,ON - g_b,OFF)/G at the start of each step of the read window.
Layout "synapse": every key cell has its own xN and weights, and a spike kicks the basal
trace of channel i by clip(w, 0, 2 w0) - w0 with the w AFTER stage 1 of that step, as an
``on_pre`` event sees it.
"""  # noqa: E501

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Circuit:
    """Constants of the circuit (ms, kHz, mV, mM; conductances in units of the leak)."""

    dt: float = 0.5
    settle: float = 60.0
    write: float = 150.0
    gap: float = 120.0  # after the write window, and again after the query window
    query: float = 150.0
    read: float = 100.0  # the last part of the query window
    rate_max: float = 0.1
    tau_ampa: float = 5.0
    tau_nmda: float = 50.0
    tau_teacher: float = 5.0
    tau_m: float = 10.0
    e_leak: float = -70.0
    e_exc: float = 0.0
    magnesium: float = 1.0
    conductance: float = 0.25  # G: the number 1, in leaks; small keeps B(V(g)) straight
    v0: float = 0.5
    w0: float = 1.0

    def steps(self):  # name of a window -> slice of a token's steps
        length = [0.0, self.settle, self.write, self.gap, self.query, self.gap]
        edge = [round(end / self.dt) for end in np.cumsum(length)]
        names = dict(
            settle=(0, 1), write=(1, 2), shown=(0, 2), query=(3, 4), token=(0, 5)
        )
        window = {name: slice(edge[i], edge[j]) for name, (i, j) in names.items()}
        return window | {"read": slice(edge[4] - round(self.read / self.dt), edge[4])}

    def decay(self, tau):  # of a trace, over one step
        return float(np.exp(-self.dt / tau))

    def rest(self, g):  # mV, at conductance g (leaks)
        return (self.e_leak + g * self.e_exc) / (1 + g)

    def membrane(self, v, g):  # mV, one step on from v
        return self.rest(g) + (v - self.rest(g)) * np.exp(-(1 + g) * self.dt / self.tau_m)

    def block(self, v):  # unblocked fraction of the NMDA channels at v (mV)
        return 1 / (1 + self.magnesium / 3.57 * np.exp(-0.062 * v))

    # s0: change of the unblocked fraction per unit of the coded number, at v0
    def slope(self):
        low, high = (
            self.block(self.rest(self.conductance * (self.v0 + e))) for e in (-1e-5, 1e-5)
        )
        return (high - low) / 2e-5

    def area(self):  # T: sum of xN dt over the write window for a key of 1, ms
        n = np.arange(self.steps()["write"].start, self.steps()["write"].stop)
        return self.dt * np.sum(1 - self.decay(self.tau_nmda) ** n)


def learned(h, c, feedback=True, layout="population"):
    """Part of the error that one write removes in the small-signal circuit without noise.

    h = eta s0 |k|^2 (1/ms), any shape. Exact for the scheme above: trace onsets, and
    membranes with time constant tau_m / (1 + G v0); the old memory answers the key as
    fast as the teacher does.
    """
    write, y = c.steps()["write"], np.zeros_like(np.asarray(h, float))
    lag = np.exp(-(1 + c.conductance * c.v0) * c.dt / c.tau_m)
    e_a, e_n, e_t = (c.decay(tau) for tau in (c.tau_ampa, c.tau_nmda, c.tau_teacher))
    a = x_a = x_n = u_a = 0.0
    basal, u_b = np.zeros_like(y), np.zeros_like(y)
    for n in range(write.stop):
        gate = n >= write.start
        new = y + c.dt * h * x_n * (u_a - u_b if feedback else u_a) * gate
        u_b = u_b * lag + (1 - lag) * (basal if layout == "synapse" else x_a * y)
        u_a = u_a * lag + (1 - lag) * a
        a, x_a, x_n = 1 + (a - 1) * e_t, 1 + (x_a - 1) * e_a, 1 + (x_n - 1) * e_n
        basal, y = basal * e_a + (1 - e_a) * new, new
    return y


def learning_rate(beta, k2, rule, calibration, c, layout="population"):
    """eta (1/ms) for the write gate beta and k2 = |k|^2, both [B, T]; no fitted number.

    "closed": -ln(1 - beta k2) / (k2 T s0) for delta, beta / (T s0) for Hebb, T =
    ``area``. "propagator": the eta for which ``learned`` is beta k2 (delta), or the gain
    is beta (Hebb).
    """
    k2 = np.maximum(k2, 1e-9)
    if rule == "hebb":
        gain = c.area() if calibration == "closed" else learned(1.0, c, feedback=False)
        return beta / (gain * c.slope())
    if calibration == "closed":
        return -np.log1p(-beta * k2) / (k2 * c.area() * c.slope())
    grid, wanted = np.linspace(0, 20 / c.area(), 4001), beta * k2
    table = learned(grid, c, layout=layout)
    top = int(np.argmax(np.diff(table) <= 0)) or len(grid) - 1  # the first maximum
    if np.any(wanted > table[top]):
        raise ValueError(
            f"beta |k|^2 = {np.max(wanted):.6g}, at most {table[top]:.6g} is possible"
        )
    low, high = 0 * wanted, 0 * wanted + grid[top]
    for _ in range(60):  # bisection
        middle = (low + high) / 2
        less = learned(middle, c, layout=layout) < wanted
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return (low + high) / 2 / (k2 * c.slope())


def drug(value, c):
    """Blocked fraction [steps], from a number, (number, window name) or [steps]."""
    fraction, window = value if isinstance(value, tuple) else (value, "token")
    out = np.zeros(c.steps()["token"].stop)
    out[c.steps()[window]] = fraction
    return out


def draw(p, cells, kind, rng, phase):
    """Spikes per cell of one step [B, units] from the cells' spike probability p [B,
    units]."""
    if np.isinf(cells):
        return p
    if kind == "poisson":
        return rng.binomial(int(cells), p) / cells
    phase += p[..., None]  # [B, units, cells]
    phase -= (fired := phase >= 1)
    return fired.sum(-1) / cells


def twin(key, value, query, beta, alpha=1.0, rule="delta", *, cells=100, kind="poisson",
         layout="population", seed=0, ap5=0.0, cnqx=0.0, calibration="propagator",
         circuit=Circuit(), spikes=None, initial=0.0, tonic=False):  # fmt: skip
    """Run B memories: key, query [B,T,d] >= 0, value [B,T,m], beta, alpha [B,T] or a
    number.

    kind: "poisson", "integrate_and_fire"; cells: a number, or inf for rates. spikes:
    counts to use, (key [T*steps,B,units], teacher [T*steps,B,2m], ON before OFF); units:
    d, or d*cells in layout "synapse" (cells of a dimension adjacent). initial: fast
    weights [B,m,d]. tonic: v0 is a steady input, and |v|/2 alone spikes, with the sign
    of the channel's number. Returns readout [B,T,m], weights [B,T,m,d] (ON - OFF, mean of
    cells), w_on, w_off [B,T,m,units], eta [B,T] (1/ms), clipped (fraction).
    """
    c, window, (B, T, d), m = circuit, circuit.steps(), key.shape, value.shape[2]
    beta, alpha = (np.broadcast_to(gate, (B, T)) for gate in (beta, alpha))
    eta = learning_rate(beta, np.sum(key**2, -1), rule, calibration, c, layout)
    own, G, unit = layout == "synapse", c.conductance, c.rate_max * c.dt
    # units per dimension, cells per unit
    per, size = (int(cells), 1) if own else (1, cells)
    rng, many = np.random.default_rng(seed), 1 if np.isinf(cells) else int(cells)
    phase_k, phase_v = rng.random((B, d * per, many // per)), rng.random((B, 2 * m, many))
    ap5, cnqx, steps = drug(ap5, c), drug(cnqx, c), window["token"].stop
    e_a, e_n, e_t = (c.decay(tau) for tau in (c.tau_ampa, c.tau_nmda, c.tau_teacher))
    half = np.repeat(np.broadcast_to(initial, (B, m, d)), per, axis=2) / 2
    w, basal = c.w0 + np.concatenate([half, -half], axis=1), np.zeros((B, 2 * m))
    x_a, x_n, a = (
        np.zeros((B, d * per)),
        np.zeros((B, d * per)),
        np.full((B, 2 * m), c.v0),
    )
    v_a = v_b = c.rest(G * a)
    y, history, clipped = np.zeros((B, T, m)), np.zeros((B, T, 2 * m, d * per)), 0.0
    for t in range(T):
        w = c.w0 + alpha[:, t, None, None] * (w - c.w0)
        signal = np.concatenate([value[:, t], -value[:, t]], -1) / 2
        for n in range(steps):
            inside = {name: s.start <= n < s.stop for name, s in window.items()}
            if not own:
                basal = np.einsum("bij,bj->bi", np.clip(w, 0, 2 * c.w0) - c.w0, x_a)
            g_b = (1 - cnqx[n]) * basal
            if inside["read"]:
                y[:, t] += (g_b[:, :m] - g_b[:, m:]) * c.dt / c.read
            if inside["write"]:
                other = c.block(v_b if rule == "delta" else c.rest(G * c.v0))
                post = c.dt * eta[:, t, None] * (1 - ap5[n]) * (c.block(v_a) - other)
                w = w + post[:, :, None] * x_n[:, None, :]
            v_a, v_b = c.membrane(v_a, G * a), c.membrane(v_b, G * (c.v0 + g_b))
            rate = key[:, t] * inside["shown"] + query[:, t] * inside["query"]
            taught = signal * inside["shown"] + (0 if tonic else c.v0)
            sign = np.sign(taught)
            if spikes is None:
                s_k = (
                    draw(np.repeat(rate, per, axis=1) * unit, size, kind, rng, phase_k)
                    / unit
                )
                s_v = draw(np.abs(taught) * unit, cells, kind, rng, phase_v) / unit
            else:
                s_k = spikes[0][t * steps + n] / size / unit
                s_v = spikes[1][t * steps + n] / cells / unit
            s_v = sign * s_v + (c.v0 if tonic else 0)
            basal, a = basal * e_a, a * e_t + (1 - e_t) * s_v
            if own and s_k.any():
                basal += (
                    (1 - e_a)
                    / per
                    * np.einsum("bij,bj->bi", np.clip(w, 0, 2 * c.w0) - c.w0, s_k)
                )
            x_a, x_n = x_a * e_a + (1 - e_a) * s_k, x_n * e_n + (1 - e_n) * s_k
        clipped += np.mean((w < 0) | (w > 2 * c.w0)) / T
        history[:, t] = w = np.clip(w, 0, 2 * c.w0)
    on, off = np.split(history, 2, axis=2)
    out = {"readout": y, "weights": (on - off).reshape(B, T, m, d, per).mean(-1)}
    return out | {"w_on": on, "w_off": off, "eta": eta, "clipped": clipped}
