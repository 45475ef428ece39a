"""A function for the tests of sweeps that draws from every global generator, without a
seed."""

SOURCE = '''
"""Points that draw from every generator of a process."""

import random

import numpy as np


def draw(a, with_brian2=False, with_torch=False):
    """Return numbers of each generator; PyTorch and Brian2 may be imported here first."""
    found = {"numpy": np.random.standard_normal(3), "python": [random.random() for _ in range(2)]}
    if with_torch:
        import torch

        found["torch"] = torch.rand(3, dtype=torch.float64)
    if with_brian2:
        import brian2 as b2

        b2.prefs.codegen.target = "numpy"
        cells = b2.NeuronGroup(3, "x : 1")
        b2.Network(cells)
        cells.x = "rand()"
        found["brian2"] = cells.x[:]
    found["again"] = np.random.random(2)
    return found
'''  # noqa: E501
GENERATORS = ("numpy", "python", "torch", "brian2", "again")


def write(folder):
    """Write the module; return the name of the function."""
    (folder / "points_that_draw.py").write_text(SOURCE)
    return "points_that_draw:draw"
