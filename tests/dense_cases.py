"""Networks of dense and of ordinary synapses, for the tests of dense ones."""

from __future__ import annotations

import brian2 as b2
import numpy as np

from fwp_neuro.benchmarks.circuits import hand_written
from fwp_neuro.devices import Built, dense

DT = 0.1 * b2.ms
TRACES = """
w : 1
dapre/dt = -apre/(20*ms) : 1 (event-driven)
dapost/dt = -apost/(15*ms) : 1 (event-driven)
"""
PAIR = {
    "model": TRACES,
    "on_pre": "apre += 0.02\nw = clip(w + apost, 0, 1)",
    "on_post": "apost -= 0.021\nw = clip(w + apre, 0, 1)",
}
#: name -> arguments of Synapses
RULES = {
    "pair": PAIR,
    "triplet": {
        "model": TRACES + "dslow/dt = -slow/(100*ms) : 1 (event-driven)",
        "on_pre": "apre += 1\nw = clip(w - 0.003*apost, 0, 1)",
        "on_post": "w = clip(w + apre*(0.002 + 0.006*slow), 0, 1)\napost += 1\nslow += 1",
    },
    "vogels": {
        "model": TRACES,
        "on_pre": "apre += 1\nw = clip(w + (apost - 0.2)*0.02, 0, 1)",
        "on_post": "apost += 1\nw = clip(w + apre*0.02, 0, 1)",
    },
    "late": {**PAIR, "delay": {"pre": 0.7 * b2.ms, "post": 2.3 * b2.ms}},
    "adds": {
        "model": "dw/dt = (0.5 - w)/(50*ms) : 1 (event-driven)",
        "on_pre": "g_post += w\nx_post += 0.5*w\nw = clip(w - 0.1, 0, 1)",
        "on_post": "w = clip(w + 0.12, 0, 1)",
    },
    # reads what other synapses have written to the cells
    "feeds": {
        "model": "w : 1",
        "on_pre": "h_post += w\nw = clip(w - 0.001*h_post, 0, 1)",
        "on_post": "h_pre += 0.1*w\nw = clip(w + 0.002*h_pre, 0, 1)",
    },
    "clocked": {
        "model": "dw/dt = (x_pre - w + 0.1*x_post)/(20*ms) : 1 (clock-driven)\n"
        "s_post = w*x_pre : 1 (summed)\nq_pre = 0.1*w*x_post : 1 (summed)",
        "method": "euler",
    },
    "draws": {"model": "w : 1", "on_post": "w = 0.5*w + 0.5*rand()"},
    "places": {"model": "w : 1", "on_pre": "w = (w + 0.01*i + 0.001*j) % 1"},
}
ROWS, COLUMNS, STEPS = 23, 37, 1500
VARIABLES = "ghxsq"


def spikes(seed: int, cells: int) -> np.ndarray:
    """Return a table [step, cell] of about 30 spikes a second."""
    return (np.random.default_rng(seed).random((STEPS, cells)) < 0.003).astype(float)


def world(make, name: str, rules=tuple(RULES)):
    """Return groups and synapses of rules, between cells that spike when they are told
    to."""

    def cells(side: str, count: int, seed: int):
        table = b2.TimedArray(spikes(seed, count), dt=DT)
        return b2.NeuronGroup(
            count, "\n".join(f"{v} : 1" for v in VARIABLES),
            threshold="table(t, i) > 0.5", reset="", namespace={"table": table},
            name=f"{name}_{side}",
        )  # fmt: skip

    pre, post = cells("before", ROWS, 1), cells("after", COLUMNS, 2)
    pre.x = post.x = "0.1*i"
    made = {}
    for rule in rules:
        made[rule] = make(pre, post, **RULES[rule], name=f"{name}_{rule}")
    if rules == tuple(RULES):
        made["part"] = make(pre[4:17], post[9:30], **PAIR, name=f"{name}_part")
        made["loop"] = make(pre, pre, **PAIR, name=f"{name}_loop")
    for synapses in made.values():
        synapses.w = "((7*i + 3*j) % 11)/11.0"
    return [pre, post], made


def plain(*args, **options):
    made = b2.Synapses(*args, **options)
    made.connect()
    return made


def worlds(*makes) -> Built:
    parts = [world(make, f"world{n}") for n, make in enumerate(makes)]
    groups = [group for part, _ in parts for group in part]
    synapses = [each for _, made in parts for each in made.values()]

    def collect():
        found = []
        for part, made in parts:
            one = {rule: np.array(each.w[:]) for rule, each in made.items()}
            one |= {
                f"{n} {v}": np.array(getattr(part[n], v))
                for n in (0, 1)
                for v in VARIABLES
            }
            one["indices"] = np.array([made["part"].i[:], made["part"].j[:]])
            one["picked"] = np.array(made["pair"].w[3, 5:9])
            found.append(one)
        return {
            "worlds": found,
            "kinds": [type(made["pair"]).__name__ for _, made in parts],
        }

    return Built(b2.Network(groups, synapses), collect, STEPS * DT, (parts,))


def reference(cells: int, table: np.ndarray, steps: int):
    """Return a function that builds the benchmark's network in the textbook layout."""
    values = hand_written.parameters(cells)
    volts, numbers = ("v_rest", "v_reset"), ("w0", "a_pre", "a_post", "magnesium")
    namespace = {
        name: value if name in numbers or "unit" in name else
        value * (b2.volt if name in volts else b2.second)
        for name, value in values.items()
        if name not in ("dt", "v_threshold", "v_spread", "golden")
    }  # fmt: skip

    def build() -> Built:
        pre = b2.SpikeGeneratorGroup(cells, table[:, 1], table[:, 0] * DT, name="given")
        post = b2.NeuronGroup(
            cells, hand_written.CELLS, threshold="v > v_threshold", reset="v = v_reset",
            refractory=values["refractory"] * b2.second, method="euler",
            namespace=namespace, name="cells",
        )  # fmt: skip
        post.v = namespace["v_rest"]
        post.v_threshold = hand_written.thresholds(cells) * b2.volt
        synapses = dense.synapses(
            pre, post, hand_written.SYNAPSES, on_pre=hand_written.ON_PRE,
            on_post=hand_written.ON_POST, namespace=namespace, name="all_to_all",
        )  # fmt: skip
        synapses.w = "((7*i + 3*j) % 11)/11.0"
        monitor = b2.SpikeMonitor(post, name="fired")

        def collect():
            step = np.rint(np.array(monitor.t / DT)).astype(int)
            gap = (steps - 1) * float(DT) - np.array(synapses.lastupdate_[:])
            w = values["w0"] + (np.array(synapses.w[:]) - values["w0"]) * np.exp(
                -gap / values["tau_w"]
            )
            order = np.lexsort((monitor.i, step))
            fired = np.stack([step, np.array(monitor.i)], 1)[order]
            return {
                "w": w.reshape(cells, cells),
                "spikes": fired,
                "dense": type(synapses),
            }

        return Built(b2.Network(pre, post, synapses, monitor), collect, steps * DT)

    return build


CELLS, TIME = 30, 1500
GIVEN = hand_written.poisson(CELLS, TIME, rate=60.0, seed=3)
FIRST = (np.add.outer(7 * np.arange(CELLS), 3 * np.arange(CELLS)) % 11) / 11.0
