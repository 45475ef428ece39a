"""Every memory once more, by hand, for one head: written from the papers' equations in
NumPy.

An oracle takes the options of the memory, one head's signals ``s`` (attributes [token(,
dim)] and constants) and its state before the first token (name -> array); it returns the
read-outs [token, value_dim] and the final fast weights under the names of the state, as
far as they have an independent meaning.
"""

import math

import numpy as np
import torch
from numpy import diag, exp, eye, outer, zeros

ORACLES = {}


def oracle(function):
    ORACLES[function.__name__] = function
    return function


def softmax(x):
    e = exp(x - x.max())
    return e / e.sum()


def silu(x):
    return x / (1 + exp(-x))


def elu1(x):
    return np.where(x > 0, x + 1, exp(np.minimum(x, 0)))


def dpfp(x, nu):
    r = np.maximum(np.concatenate([x, -x]), 0)
    n = len(r)
    return np.array(
        [r[i] * r[(i - shift) % n] for shift in range(1, nu + 1) for i in range(n)]
    )


FEATURES = {"identity": lambda x: x, "elu": elu1, "silu": silu, "softmax": softmax}
NORMS = {
    "none": lambda x: x,
    "sum": lambda x: x / x.sum(),
    "l2": lambda x: x / math.sqrt(x @ x),
}


@oracle
def normalised_linear_attention(options, s, state):
    phi = FEATURES[options.get("feature_map", "elu")]
    norm = NORMS[options.get("key_norm", "none")]
    W, z, reads = state["w"], 0, []
    for q, k, v in zip(s.q, s.k, s.v, strict=True):
        W, z = W + outer(v, norm(phi(k))), z + norm(phi(k))
        f = norm(phi(q))
        reads.append(W @ f / (z @ f + 1e-6) if options.get("normalise", True) else W @ f)
    return reads, {"w": W}


@oracle
def mlstm(options, s, state):  # unstabilised: exp of the gates as they are
    C, n, reads = state["w"], zeros(s.k.shape[1]), []
    for t, (q, k, v) in enumerate(zip(s.q, s.k, s.v, strict=True)):
        k = k * options.get("key_scale", len(k) ** -0.5)
        raw = s.forget[t]
        f = exp(raw) if options.get("forget_gate") == "exp" else 1 / (1 + exp(-raw))
        i = exp(s.input[t])
        C, n = f * C + i * outer(v, k), f * n + i * k
        reads.append(C @ q / max(abs(n @ q), 1))
    return reads, {}  # the state is scaled by exp(-m); see the test of it


@oracle
def rwkv6(options, s, state):
    W, reads = state["w"], []
    for q, k, v, decay in zip(s.q, s.k, s.v, s.decay, strict=True):
        reads.append((W + outer(v, s.u * k)) @ q)
        W = W @ diag(decay) + outer(v, k)
    return reads, {"w": W}


@oracle
def mesa(options, s, state):
    softplus = options.get("ridge_map", "softplus") == "softplus"
    ridge = np.log1p(exp(s.ridge)) + options.get("floor", 0.25) if softplus else s.ridge
    G, H, reads = state["w"], state["h"], []
    for t, (q, k, v) in enumerate(zip(s.q, s.k, s.v, strict=True)):
        G = s.gamma[t] * G + s.beta[t] * outer(v, k)
        H = s.gamma[t] * H + s.beta[t] * outer(k, k)
        reads.append(G @ np.linalg.inv(H + diag(ridge)) @ q)
    return reads, {"w": G, "h": H}


def predict(parts, weights, x, layers, s):
    """f(x) of a fast network; ``parts`` says whether it has layer_norm and residual."""
    weights = {n: torch.as_tensor(w) for n, w in weights.items()}
    z = x = torch.as_tensor(x)
    for n, (w, b) in enumerate(layers):
        z = weights[w] @ z + (weights[b] if b in weights else 0)
        if n < len(layers) - 1:
            normal = (1 + torch.erf(z / math.sqrt(2))) / 2
            z = (
                z * normal
                if parts.get("activation", "gelu") == "gelu"
                else z / (1 + (-z).exp())
            )
    if parts["layer_norm"]:
        z = (z - z.mean()) / (z.var(unbiased=False) + 1e-6).sqrt()
        z = z * torch.as_tensor(s.gain) + torch.as_tensor(s.shift)
    return z + x if parts["residual"] else z


def slope(error, weights, half):
    """The gradient of half |error(weights)|^2 by automatic differentiation."""
    leaves = {n: torch.tensor(w, requires_grad=True) for n, w in weights.items()}
    loss = half * (error(leaves) ** 2).sum()
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return {n: g.numpy() for n, g in zip(leaves, gradients, strict=True)}


def test_time_training(options, s, state, layers):
    parts = {"layer_norm": True, "residual": True, **options}
    names = [n for layer in layers for n in layer if n in state]
    start, sums, size = {n: state[n] for n in names}, None, options.get("batch", 16)
    reads = []
    for t, (q, k, v) in enumerate(zip(s.q, s.k, s.v, strict=True)):

        def error(weights, k=k, v=v):
            return predict(parts, weights, k, layers, s) - torch.as_tensor(v)

        here = slope(error, start, 1 / 2)
        sums = {n: (sums[n] if sums else 0) + s.eta[t] * here[n] for n in names}
        scale = 1 / (t % size + 1) if options.get("token_scale") else 1
        now = {n: start[n] - scale * sums[n] for n in names}
        reads.append(predict(parts, now, q, layers, s).numpy())
        if (t + 1) % size == 0:
            start, sums = now, None
    return reads, start


@oracle
def ttt_linear(options, s, state):
    return test_time_training(options, s, state, [("w", "b")])


@oracle
def ttt_mlp(options, s, state):
    return test_time_training(options, s, state, [("w1", "b1"), ("w2", "b2")])


@oracle
def titans(options, s, state):
    depth = options.get("depth", 2)
    names = ["w"] if depth == 1 else [f"w{n + 1}" for n in range(depth)]
    layers = [(n, None) for n in names]
    parts = {"layer_norm": False, "residual": False, **options}
    M, S, reads = {n: state[n] for n in names}, dict.fromkeys(names, 0), []
    for t, (q, k, v) in enumerate(zip(s.q, s.k, s.v, strict=True)):

        def error(weights, k=k, v=v):
            return predict(parts, weights, k, layers, s) - torch.as_tensor(v)

        g = slope(error, M, 1)  # the loss has no 1/2
        S = {n: s.eta[t] * S[n] - s.theta[t] * g[n] for n in names}
        M = {n: (1 - s.alpha[t]) * M[n] + S[n] for n in names}
        reads.append(predict(parts, M, q, layers, s).numpy())
    return reads, M


@oracle
def log_linear_attention(options, s, state):
    """Greedy buckets: of the t tokens before token t, the largest power of two first."""
    reads = []
    for t in range(len(s.q)):
        total = s.lambda0[t] * outer(s.v[t], s.k[t])
        begin = 0
        for power in reversed(range(12)):
            if t - begin >= 2**power:
                bucket = sum(
                    np.prod(s.alpha[j + 1 : t + 1]) * outer(s.v[j], s.k[j])
                    for j in range(begin, begin + 2**power)
                )
                total = total + getattr(s, f"lambda{power + 1}")[t] * bucket
                begin += 2**power
        reads.append(total @ s.q[t])
    return reads, {}


def attention(q, keys, values, scale=None):
    if not len(keys):
        return zeros(values.shape[1])
    return softmax(keys @ q * (len(q) ** -0.5 if scale is None else scale)) @ values


@oracle
def softmax_attention(options, s, state):
    reads = [
        attention(q, s.k[: t + 1], s.v[: t + 1], options.get("scale"))
        for t, q in enumerate(s.q)
    ]
    return reads, {"keys": s.k, "values": s.v}


@oracle
def path_attention(options, s, state):
    norm, tokens = NORMS[options.get("direction_norm", "l2")], len(s.q)
    H = [
        eye(len(w)) - b * outer(norm(w), norm(w))
        for w, b in zip(s.w, s.beta, strict=True)
    ]
    reads = []
    for t in range(tokens):
        keys = np.array(s.k[: t + 1])
        for j in range(t + 1):
            for later in range(j + 1, t + 1):
                keys[j] = H[later] @ keys[j]
        reads.append(attention(s.q[t], keys, s.v[: t + 1], options.get("scale")))
    return reads, {"keys": keys, "values": s.v}


def fading(forget, j, t):
    """What pair j has kept at token t: the product of the gates after it."""
    return np.prod(forget[j + 1 : t + 1])


@oracle
def forgetting_attention(options, s, state, keys_at=None):
    reads, scale = [], options.get("scale", len(s.q[0]) ** -0.5)
    keys_at = keys_at or (lambda t: s.k[: t + 1])
    for t, q in enumerate(s.q):
        e = exp(scale * keys_at(t) @ q) * [fading(s.forget, j, t) for j in range(t + 1)]
        reads.append(e / e.sum() @ s.v[: t + 1])
    last = len(s.q) - 1
    kept = np.log([fading(s.forget, j, last) for j in range(last + 1)])
    return reads, {"keys": keys_at(last), "values": s.v, "faded": kept}


@oracle
def path_fox(options, s, state):
    _, whole = path_attention(options, s, state)
    norm = NORMS[options.get("direction_norm", "l2")]
    H = [
        eye(len(w)) - b * outer(norm(w), norm(w))
        for w, b in zip(s.w, s.beta, strict=True)
    ]

    def keys_at(t):
        keys = np.array(s.k[: t + 1])
        for j in range(t + 1):
            for later in range(j + 1, t + 1):
                keys[j] = H[later] @ keys[j]
        return keys

    assert np.allclose(keys_at(len(s.q) - 1), whole["keys"])
    return forgetting_attention(options, s, state, keys_at)


@oracle
def deltaformer(options, s, state):
    scale, u, reads = options.get("scale", len(s.q[0]) ** -0.5), [], []
    linear = options.get("kernel") == "linear"
    for q, k, v, beta in zip(s.q, s.k, s.v, s.beta, strict=True):
        x = q if options.get("correction") == "query" else k
        weigh = (lambda x: x) if linear else softmax
        n = len(u)
        old = weigh(scale * s.k[:n] @ x) @ np.array(u) if n else 0
        u.append(v - beta * old)
        reads.append(weigh(scale * s.k[: n + 1] @ q) @ np.array(u))
    return reads, {"keys": s.k, "values": np.array(u)}


def slot_attention(options, s, state, keeps):
    K, V, reads = state["slot_keys"], state["slot_values"], []
    for q, k, v, a in zip(s.q, s.k, s.v, keeps, strict=True):
        K = diag(a) @ K + outer(1 - a, k)
        V = diag(a) @ V + outer(1 - a, v)
        reads.append(V.T @ softmax(options.get("scale", len(q) ** -0.5) * K @ q))
    return reads, {"slot_keys": K, "slot_values": V}


def slot_gates(options, s, name):
    return np.stack(
        [getattr(s, f"{name}{n}") for n in range(options.get("slots", 16))], -1
    )


@oracle
def gated_slot_attention(options, s, state):
    return slot_attention(options, s, state, slot_gates(options, s, "alpha"))


@oracle
def bounded_memory_attention(options, s, state):  # by sums over all tokens, not by gates
    e, reads = exp(slot_gates(options, s, "control")), []
    for t, q in enumerate(s.q):
        share = e[: t + 1] / e[: t + 1].sum(0)  # [token, slot]
        K, V = share.T @ s.k[: t + 1], share.T @ s.v[: t + 1]
        reads.append(V.T @ softmax(options.get("scale", len(q) ** -0.5) * K @ q))
    return reads, {"slot_keys": K, "slot_values": V, "log_total": np.log(e.sum(0))}


def pairs(x):
    """All products of two entries; those of two different ones once, times sqrt(2)."""
    d = range(len(x))
    return np.array(
        [x[i] * x[j] * (1 if i == j else math.sqrt(2)) for i in d for j in d[i:]]
    )


def kernel_attention(options, s, old, kernel):
    """sum_j kernel(q, k_j) v_j, over their sum; ``old(q)`` is what the first weights
    give."""
    reads = []
    for t, q in enumerate(s.q):
        weights = np.array([kernel(q, k) for k in s.k[: t + 1]])
        total = weights.sum() + 1e-6 if options.get("normalise", True) else 1
        reads.append((old(q) + weights @ s.v[: t + 1]) / total)
    return reads, {}


@oracle
def based(options, s, state):
    def taylor(q):
        d = len(q)
        return np.concatenate([[1], q * d**-0.25, pairs(q) / math.sqrt(2 * d)])

    def kernel(q, k):
        x = q @ k / math.sqrt(len(k))
        return 1 + x + x**2 / 2

    return kernel_attention(options, s, lambda q: state["w"] @ taylor(q), kernel)


@oracle
def rebased(options, s, state):
    def norm(x, gain, shift):
        if options.get("layer_norm", True):
            x = (x - x.mean()) / math.sqrt(x.var() + 1e-5)
        return gain * x + shift

    def query(q):
        return norm(q, s.query_gain, s.query_shift)

    def kernel(q, k):
        return (query(q) @ norm(k, s.key_gain, s.key_shift)) ** 2 / len(k)

    def old(q):
        return state["w"] @ pairs(query(q)) / math.sqrt(len(q))

    return kernel_attention(options, s, old, kernel)


def hybrid(options, s, W, written, window):
    """Blend; ``written(t)`` lists the (pair, beta) that W gets before the read of token
    t."""
    phi, norm = (
        FEATURES[options.get("feature_map", "silu")],
        NORMS[options.get("key_norm", "l2")],
    )
    reads, mixing = [], options.get("mixing", "vector")
    for t in range(len(s.q)):
        for j, beta in written(t):
            k = norm(phi(s.k[j]))
            W = W + beta * outer(s.v[j] - W @ k, k)
        fast = W @ norm(phi(s.q[t]))
        first = window(t)
        kept = attention(
            s.q[t], s.k[first : t + 1], s.v[first : t + 1], options.get("scale")
        )
        reads.append(
            fast + kept
            if mixing == "sum"
            else s.mix_fast[t] * fast + s.mix_window[t] * kept
            if mixing == "scalar"
            else s.mix[t] * fast + (1 - s.mix[t]) * kept
        )
    return reads, W


@oracle
def hybrid_synchronous(options, s, state):
    size = options.get("window", 64)
    reads, W = hybrid(
        options, s, state["w"], lambda t: [(t, s.beta[t])], lambda t: max(0, t - size + 1)
    )
    return reads, {"w": W}


@oracle
def hybrid_delayed_streaming(options, s, state):
    size = options.get("window", 64)
    reads, W = hybrid(
        options,
        s,
        state["w"],
        lambda t: [(t - size, s.beta[t])] if t >= size else [],
        lambda t: max(0, t - size + 1),
    )
    return reads, {"w": W}


@oracle
def hybrid_delayed_chunk(options, s, state):
    size = options.get("window", 64)

    def written(t):
        if not size:
            return [(t, s.beta[t])]
        if t == 0 or t % size:
            return []
        return [(j, s.beta[j]) for j in range(t - size, t)]

    reads, _ = hybrid(
        options, s, state["w"], written, lambda t: t // size * size if size else t + 1
    )
    return reads, {}
