"""Cells that several tests of rules between Brian2 cells share; runs without a
compiler."""

import brian2 as b2
import numpy as np
import pytest

ms = b2.ms


@pytest.fixture(autouse=True)
def plain_brian(monkeypatch):
    monkeypatch.setitem(b2.prefs, "codegen.target", "numpy")
    before = b2.defaultclock.dt
    b2.defaultclock.dt = 1 * ms
    yield
    b2.defaultclock.dt = before


def rate_cells(name, size, rows="", seed=0, **options):
    made = b2.NeuronGroup(size, f"x : 1\nz : 1\n{rows}", name=f"{name}*", **options)
    draws = np.random.default_rng(seed).normal(size=(2, size))
    made.x, made.z = draws
    return made
