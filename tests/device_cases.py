"""Small circuits that tests run on devices."""

import brian2 as b2
import numpy as np

import fwp_neuro as fwp
from fwp_neuro import devices
from fwp_neuro.devices import Built, Size, device_choice

SMALL = Size(10, 3, 10)


def simulate(build, device="numpy", **options):
    return devices.simulate(build, SMALL, device=device, dt=1 * b2.ms, seed=0, **options)


def cells(number=2, name="cells", **options):
    return b2.NeuronGroup(number, "dv/dt = -v/(5*ms) : 1\nz : 1", method="exact",
                          name=name, **options)  # fmt: skip


def firing(**options):
    return cells(threshold="v > 1", reset="v = 0", **options)


def built(*objects, collect=dict, keep=()):
    return Built(b2.Network(*objects), collect, 3 * b2.ms, keep=(*objects, *keep))


def program(tokens=3):
    rng = np.random.default_rng(0)
    key = np.abs(rng.normal(size=(tokens, 4)))
    key *= 0.8 / np.linalg.norm(key, axis=-1, keepdims=True)
    return fwp.Program(key=key, value=rng.normal(size=(tokens, 3)), alpha=0.9, beta=0.6)


def run(**options):
    return fwp.run(program(), "gated_delta", "rate", **options)


def never_cython(monkeypatch):
    """Let the choice of a device take cython for the dearest."""
    cost = device_choice.cost

    def dear(name, *size, **options):
        return 1e9 if name == "cython" else cost(name, *size, **options)

    monkeypatch.setattr(device_choice, "cost", dear)
