"""Each recurrent network against NumPy loops written from its equation."""

import numpy as np
import pytest
from test_recurrent_laws import build, inputs

from fwp_neuro.artificial.recurrent import networks

BATCH, TOKENS, DIM = 2, 6, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def normalised_elu(x):
    positive = np.where(x > 0, x + 1, np.exp(x))
    return positive / positive.sum()


def layer_norm(x, gain=1.0, bias=0.0):
    return gain * (x - x.mean()) / np.sqrt(x.var() + 1e-5) + bias


FEATURES = {"softmax": softmax, "normalised_elu": normalised_elu, "identity": lambda x: x}


def delta(W, k, v, beta):
    return W + beta * np.outer(v - W @ k, k)


def heads_of(flat, heads, sizes):
    """Split the output of a slow net: rows of head 0 first, then of head 1, .."""
    per_head = flat.reshape(heads, sum(sizes))
    return [np.split(row, np.cumsum(sizes)[:-1]) for row in per_head]


# -------------------------------------------------------------- one loop for one sequence


def schmidhuber1992(net, p, xs):
    W, squash = np.zeros((DIM, DIM)), {"tanh": np.tanh, "sigmoid": sigmoid}[net.squash]
    for x in xs:
        W = squash(W + np.outer(p["value.weight"] @ x, p["key.weight"] @ x))
        yield W @ x


def recurrent_delta(net, p, xs):
    h, d, phi = net.heads, net.head_dim, FEATURES[net.feature]
    W, y = np.zeros((h, d, d)), np.zeros((h, d))
    for x in xs:
        signals = heads_of(p["slow.weight"] @ x, h, (d, d, d, 1))
        for i, (q, k, v, b) in enumerate(signals):
            R = p["recurrent"][i]
            R_q, R_k, R_v, r_b = R[:d], R[d : 2 * d], R[2 * d : 3 * d], R[3 * d]
            z = np.tanh(y[i])
            beta = sigmoid(b[0] + r_b @ z)
            W[i] = delta(W[i], phi(k + R_k @ z), v + R_v @ z, beta)
            y[i] = W[i] @ phi(q + R_q @ z)
        yield p["output.weight"] @ y.ravel()


def fast_recurrent(net, p, xs, paths, cell):
    """The Delta RNN and LSTM: cell makes y [head, d] of the pre-activations [path, head,
    d]."""
    h, d, phi = net.heads, net.head_dim, FEATURES[net.feature]
    W, R = np.zeros((paths, h, d, d)), np.zeros((paths, h, d, d))
    y = np.zeros((h, d))
    for x in xs:
        a = np.zeros((paths, h, d))
        rows = heads_of(p["slow.weight"] @ x, paths * h, (d,) * 5 + (1, 1))
        for j, (q, k, v, m, u, b, r) in enumerate(rows):
            where = divmod(j, h)
            W[where] = delta(W[where], phi(k), v, sigmoid(b[0]))
            R[where] = delta(R[where], softmax(m), u, sigmoid(r[0]))
            a[where] = W[where] @ phi(q) + R[where] @ softmax(y[where[1]])
        y = cell(a)
        yield p["output.weight"] @ y.ravel()


def delta_rnn(net, p, xs):
    return fast_recurrent(net, p, xs, 1, lambda a: a[0])


def delta_lstm(net, p, xs):
    f = {"identity": lambda x: x, "tanh": np.tanh}[net.candidate]
    cells = [0]

    def cell(a):
        i, u, o = sigmoid(a[0]), f(a[1]), sigmoid(a[2])
        cells.append(i * u + (1 - i) * cells[-1])
        return o * cells[-1]

    return fast_recurrent(net, p, xs, 3, cell)


def srwm(net, p, xs):
    h, d, phi = net.heads, net.head_dim, FEATURES[net.feature]
    W = p["start"].copy()
    for x in xs:
        y = []
        for i, part in enumerate(x.reshape(h, d)):
            now = W[i] @ FEATURES[net.input_feature](part)
            y.append(now[:d])
            q, k, b = phi(now[d : 2 * d]), phi(now[2 * d : 3 * d]), sigmoid(now[3 * d :])
            old, new = W[i] @ k, W[i] @ q
            blocks = [(0, d), (d, 2 * d), (2 * d, 3 * d), (3 * d, len(now))]
            for n, (start, end) in enumerate(blocks):
                strength = b[n] if net.strengths == 4 else b[0]
                for row in range(start, end):
                    W[i, row] = W[i, row] + strength * (new[row] - old[row]) * k
        yield np.concatenate(y)


def fast_weights_rnn(net, p, xs):
    """In the form without a matrix: attention over all past states."""
    f = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[net.activation]
    past, h = [], np.zeros(net.hidden_dim)
    for x in xs:
        past.append(h)
        z = p["recurrent.weight"] @ h + p["input.weight"] @ x + p["input.bias"]
        h = f(z)
        for _ in range(net.steps):
            ages = range(len(past) - 1, -1, -1)
            trace = sum(
                net.rate * net.decay**a * s * (s @ h)
                for a, s in zip(ages, past, strict=True)
            )
            h = z + trace
            if "norm.weight" in p:
                h = layer_norm(h, p["norm.weight"], p["norm.bias"])
            h = f(h)
        yield read_out(p, h)


def read_out(p, h, name="readout"):
    return p[f"{name}.weight"] @ h + p[f"{name}.bias"] if f"{name}.weight" in p else h


def lstm_cell(p, prefix, suffix, x, h, c):
    a = p[f"{prefix}.weight_ih{suffix}"] @ x + p[f"{prefix}.bias_ih{suffix}"]
    a = a + p[f"{prefix}.weight_hh{suffix}"] @ h + p[f"{prefix}.bias_hh{suffix}"]
    i, f, g, o = np.split(a, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def fast_weight_memory(net, p, xs):
    m, n = net.memory_dim, net.hidden_dim
    F, h, c = np.zeros((m, m, m)), np.zeros(n), np.zeros(n)
    for x in xs:
        z = x
        if net.lstm is not None:
            h, c = lstm_cell(p, "lstm", "", x, h, c)
            z = h
        write = p["write.weight"] @ z + p["write.bias"]
        s, r, v = (
            np.tanh(write[:m]),
            np.tanh(write[m : 2 * m]),
            np.tanh(write[2 * m : 3 * m]),
        )
        beta = sigmoid(write[3 * m] + 1)
        flat = F.reshape(m * m, m)  # a matrix over the pairs of keys
        pair = np.kron(s, r)
        flat = flat + np.outer(pair, beta * (v - flat.T @ pair)) / m
        flat = flat / max(1, np.linalg.norm(flat))
        F = flat.reshape(m, m, m)
        reads = (p["query.weight"] @ z + p["query.bias"]).reshape(-1, m)
        q = reads[0]
        for e in reads[1:]:
            q = layer_norm(flat.T @ np.kron(q, e))
        y = p["output.weight"] @ q + p["output.bias"]
        yield read_out(p, y + h if net.lstm is not None else y)


def plastic(net, p, xs, update):
    n = net.hidden_dim
    h, H, E = np.zeros(n), np.zeros((n, n)), np.zeros((n, n))
    for x in xs:
        a = p["input.weight"] @ x + p["input.bias"]
        new = np.zeros(n)
        for post in range(n):
            for pre in range(n):
                a[post] += (p["w"][post, pre] + p["alpha"][post, pre] * H[post, pre]) * h[
                    pre
                ]
            new[post] = np.tanh(a[post])
        H, E = update(H, E, new, h)
        h = new
        yield read_out(p, h)


def differentiable_plasticity(net, p, xs):
    eta = p["eta"]

    def update(H, E, post, pre):
        if net.trace == "decay":
            return (1 - eta) * H + eta * np.outer(post, pre), E
        return H + eta * post[:, None] * (pre[None, :] - post[:, None] * H), E

    return plastic(net, p, xs, update)


def backpropamine(net, p, xs):
    def update(H, E, post, pre):
        M = np.tanh(p["modulator.weight"] @ post + p["modulator.bias"])
        gate = read_out(p, M, "fan_out")[:, None]
        product = np.outer(post, pre)
        if not net.retroactive:
            return np.clip(H + gate * product, -net.clip, net.clip), E
        new = (1 - p["eta"]) * E + p["eta"] * product
        return np.clip(H + gate * E, -net.clip, net.clip), new

    return plastic(net, p, xs, update)


def elman(net, p, xs):
    h = np.zeros(net.hidden_dim)
    for x in xs:
        a = p["core.weight_ih_l0"] @ x + p["core.bias_ih_l0"]
        h = np.tanh(a + p["core.weight_hh_l0"] @ h + p["core.bias_hh_l0"])
        yield read_out(p, h)


def lstm(net, p, xs):
    h = c = np.zeros(net.hidden_dim)
    for x in xs:
        h, c = lstm_cell(p, "core", "_l0", x, h, c)
        yield read_out(p, h)


def elstm(net, p, xs):
    c = np.zeros(net.hidden_dim)
    for x in xs:
        f = sigmoid(p["forget.weight"] @ x + p["forget_again"] * c + p["forget.bias"])
        z = np.tanh(
            p["candidate.weight"] @ x + p["candidate_again"] * c + p["candidate.bias"]
        )
        c = f * c + (1 - f) * z
        y = c
        if net.gate is not None:
            o = sigmoid(p["gate.weight"] @ np.concatenate([x, c]) + p["gate.bias"])
            y = o * c
        yield read_out(p, y, "projection")


def s4d(net, p, xs):
    """As a convolution, without a state."""
    A, dt = -np.exp(p["log_rate"]), np.exp(p["log_step"])[:, None]
    gain = dt if net.write == "euler" else (np.exp(dt * A) - 1) / A
    for t, x in enumerate(xs):
        y = p["skip"] * x
        for lag in range(t + 1):
            kernel = p["weights_out"] * gain * p["weights_in"] * np.exp(lag * dt * A)
            y = y + kernel.sum(1) * xs[t - lag]
        yield y


def s6(net, p, xs):
    A = -np.exp(p["log_rate"])
    c = np.zeros_like(A)
    for x in xs:
        dt = np.log1p(np.exp(p["step_size.weight"] @ x + p["step_size.bias"]))
        B, C = p["weights_in.weight"] @ x, p["weights_out.weight"] @ x
        y = np.zeros(DIM)
        for d in range(DIM):
            for n in range(net.modes):
                decay = np.exp(dt[d] * A[d, n])
                gain = dt[d] if net.write == "euler" else (decay - 1) / A[d, n]
                c[d, n] = decay * c[d, n] + gain * B[n] * x[d]
                y[d] += C[n] * c[d, n]
        yield y + p["skip"] * x


def hopfield(net, p, xs):
    """Without a matrix: the field of a cell is the sum of its overlaps with the
    patterns."""
    patterns = []
    for x in xs:
        y = s = np.where(x >= 0, 1.0, -1.0)
        for _ in range(net.sweeps):
            seen = y.copy()
            y = y.copy()
            for i in range(DIM):
                now = y if net.update == "asynchronous" else seen
                field = sum(m[i] * (m @ now - m[i] * now[i]) for m in patterns)
                y[i] = y[i] if field == 0 else np.sign(field)
        patterns.append(s)
        yield y


ORACLES = [
    (schmidhuber1992, {}),
    (schmidhuber1992, {"squash": "sigmoid"}),
    (recurrent_delta, {}),
    (recurrent_delta, {"heads": 2, "feature": "normalised_elu"}),
    (delta_rnn, {}),
    (delta_rnn, {"heads": 2, "feature": "softmax"}),
    (delta_lstm, {}),
    (delta_lstm, {"heads": 2, "candidate": "tanh"}),
    (srwm, {}),
    (srwm, {"heads": 2, "input_feature": "identity"}),
    (srwm, {"strengths": 1}),
    (fast_weights_rnn, {}),
    (fast_weights_rnn, {"steps": 3, "hidden_dim": 5, "decay": 0.8, "rate": 0.3}),
    (fast_weights_rnn, {"activation": "tanh", "layer_norm": False}),
    (fast_weight_memory, {"memory_dim": 3}),
    (fast_weight_memory, {"memory_dim": 4, "controller": "none", "reads": 2}),
    (fast_weight_memory, {"memory_dim": 3, "hidden_dim": 5}),
    (differentiable_plasticity, {}),
    (differentiable_plasticity, {"trace": "oja", "hidden_dim": 5}),
    (backpropamine, {}),
    (backpropamine, {"clip": 0.05}),
    (backpropamine, {"retroactive": True, "hidden_dim": 3}),
    (backpropamine, {"fan_out": False}),
    (elman, {"hidden_dim": 5}),
    (lstm, {"hidden_dim": 5}),
    (elstm, {}),
    (elstm, {"output_gate": False, "hidden_dim": 5}),
    (s4d, {"modes": 3}),
    (s4d, {"modes": 3, "write": "euler"}),
    (s6, {"modes": 3}),
    (s6, {"modes": 3, "write": "zoh"}),
    (hopfield, {}),
    (hopfield, {"update": "synchronous"}),
]


def test_every_network_has_an_oracle():
    for name in networks():
        new = (
            f"add to tests/test_recurrent_oracles.py 'def {name}(net, p, inputs)', which "
            f"yields what the network does by hand, and '({name}, {{}}),' to ORACLES"
        )
        assert name in {function.__name__ for function, _ in ORACLES}, new


@pytest.mark.parametrize(
    ("oracle", "options"), ORACLES, ids=[f"{f.__name__}-{o}" for f, o in ORACLES]
)
def test_each_network_equals_its_equation(oracle, options):
    net, x = build(oracle.__name__, options, DIM), inputs(BATCH, TOKENS, DIM)
    p = {name: tensor.detach().numpy() for name, tensor in net.named_parameters()}
    y = net(x).detach().numpy()
    for sequence, result in zip(x.numpy(), y, strict=True):
        expected = np.array(list(oracle(net, p, list(sequence))))
        assert np.abs(result - expected).max() < 1e-12
