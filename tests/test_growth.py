"""The cost of what users call grows no faster than its input.

The parallel form is left out: it holds a number for every pair of tokens, as it says.
"""

import gc
import statistics
import time

import brian2 as b2
import numpy as np
import pytest
import torch

import fwp_neuro as fwp
from fwp_neuro.circuits import Timeline

pytestmark = pytest.mark.slow
ms = b2.ms
SHORT = Timeline(**dict.fromkeys(("settle", "write", "gap", "query", "rest"), 20 * ms),
                 read=10 * ms)  # fmt: skip
#: most that twice the input may cost
MOST = 2.3
ROUNDS = 5


def programme(tokens=8, heads=1, dim=8):
    rng = np.random.default_rng(0)
    key = rng.random((tokens, heads, dim))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    value = rng.uniform(-1, 1, (tokens, heads, dim))
    return fwp.Program(key, value, alpha=0.9, beta=0.5)


def artificial(form, **sizes):
    program = programme(**sizes)
    return lambda: fwp.run(program, "gated_delta", form=form, record_weights="last")


def circuit(realisation, sizes, **options):
    program = programme(**sizes)
    given = {"timeline": SHORT} if realisation == "spiking" else {}
    return lambda: fwp.run(program, "gated_delta", realisation, device="numpy",
                           **given, **options)  # fmt: skip


def applied(tokens):
    rng = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, tokens, 4, 32, generator=rng) for _ in range(3))
    k = torch.nn.functional.normalize(k, dim=-1)
    return lambda: fwp.artificial.apply("delta", q, k, v, beta=0.5)


def compared(tokens):
    program = programme(tokens=tokens, dim=16)
    first, second = (fwp.run(program, name) for name in ("gated_delta", "decayed_hebb"))
    return lambda: fwp.compare(first, second).table()


def saved(tokens, folder):
    recording = fwp.run(programme(tokens=tokens, dim=32), "gated_delta")

    def both():
        recording.save(folder / "growth.nc")
        fwp.load(folder / "growth.nc").dataset.load()

    return both


def swept(points, folder):
    calls = iter(range(1000))
    return lambda: fwp.sweep("textwrap:dedent", {"text": [str(n) for n in range(points)]},
                             folder / f"{points}_{next(calls)}", workers=1)  # fmt: skip


def statements(many, what):
    text = "\n".join(f"w += b{n}*(v - read(k*a{n}))*k*a{n}" for n in range(many))
    gates = {f"b{n}": "shared" for n in range(many)} | {
        f"a{n}": "pre" for n in range(many)
    }
    calls = iter(range(1000))

    def derive():
        rule = fwp.Rule(f"r{many}_{next(calls)}", text, gates)
        return getattr(rule, what)

    return derive


def connected(cells):
    source = b2.SpikeGeneratorGroup(cells, [0], [0] * ms)
    target = b2.NeuronGroup(cells, "dg/dt = -g/(5*ms) : 1")

    def connect():
        fwp.circuits.connect("pair_stdp", source, target, through="g")

    return connect


def spike_trains(spikes):
    times = np.arange(spikes) * 20 * ms
    return lambda: fwp.synapses.short_term("tsodyks_markram", spike_times=times)


def spikes_of(tokens):
    options = {"timeline": SHORT, "cells": 200, "record_spikes": True, "device": "numpy"}
    made = [fwp.run(programme(tokens=tokens), "gated_delta", "spiking", **options)
            for _ in range(ROUNDS + 1)]  # fmt: skip
    return lambda: made.pop().spikes("teacher")


#: name -> (size, what makes a call of a size)
CASES = {
    "tokens, chunk": (8192, lambda n, _: artificial("chunk", tokens=n, dim=16)),
    "tokens, step": (2048, lambda n, _: artificial("step", tokens=n)),
    "tokens, apply": (8192, lambda n, _: applied(n)),
    "heads": (64, lambda n, _: artificial("auto", tokens=512, heads=n, dim=16)),
    "tokens, compare": (8192, lambda n, _: compared(n)),
    "tokens, save and load": (8192, saved),
    "tokens, rate": (32, lambda n, _: circuit("rate", {"tokens": n})),
    "heads, rate": (64, lambda n, _: circuit("rate", {"tokens": 4, "heads": n})),
    "tokens, spiking": (8, lambda n, _: circuit("spiking", {"tokens": n})),
    "heads, spiking": (64, lambda n, _: circuit("spiking", {"tokens": 1, "heads": n})),
    "cells, spiking": (
        200, lambda n, _: circuit("spiking", {"tokens": 1}, cells=n, layout="synapse")
    ),
    "repeats": (64, lambda n, _: circuit("spiking", {"tokens": 1}, repeats=n)),
    "spikes": (16, lambda n, _: spikes_of(n)),
    "sweep points": (40, swept),
    "statements, locality": (32, lambda n, _: statements(n, "locality")),
    "statements, latex": (32, lambda n, _: statements(n, "latex")),
    "statements, transition": (32, lambda n, _: statements(n, "transition")),
    "statements, eigenvalues": (32, lambda n, _: statements(n, "eigenvalues")),
    "statements, forms": (16, lambda n, _: statements(n, "forms")),
    "spikes, short_term": (2000, lambda n, _: spike_trains(n)),
}  # fmt: skip


def seconds(call) -> float:
    gc.collect()
    begun = time.process_time()
    call()
    return time.process_time() - begun


@pytest.mark.parametrize("name", CASES)
def test_twice_the_input_costs_at_most_a_little_more_than_twice(name, tmp_path):
    size, make = CASES[name]
    calls = [make(many, tmp_path) for many in (size, 2 * size)]
    for call in calls:
        call()
    rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
    ratio = statistics.median(twice / once for once, twice in rounds)
    assert ratio < MOST, rounds
