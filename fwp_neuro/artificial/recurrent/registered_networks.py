"""The registry of recurrent networks."""

from __future__ import annotations

import inspect
from importlib import import_module

import numpy as np
import torch

from ...arguments import inside, takes, text
from ...errors import FwpError, shown
from ...registry import Registry, modules_in
from ...validation import affordable, flag, whole
from .recurrent_class import Recurrent


def _load() -> None:
    for module in modules_in(__package__):
        import_module(module)


NETWORKS = Registry("network", load=_load, hidden=("model_dim",))
register = NETWORKS.register


def networks() -> list[str]:
    """Return the names of all registered recurrent networks."""
    return NETWORKS.names()


@takes(
    name=text("elman"),
    model_dim=inside("a whole number of at least 1", lambda: 8),
    options=inside("an option of the network"),
)
def network(name: str, model_dim: int, **options) -> Recurrent:
    """Build a recurrent network by name.

    Args:
        name: of a registered network, see `networks`.
        model_dim: size of its inputs and outputs.
        options: of the network, by name (``fwp-neuro show NAME`` lists them).

    Raises:
        FwpError: unknown name or option, with the nearest legal one; or a size that does
            not fit into memory.
    """
    model_dim = whole(model_dim, f"{name}: model_dim")
    options = {n: _plain(name, n, value) for n, value in options.items()}
    sizes = {"model_dim": model_dim, **options}
    sizes = {n: x for n, x in sizes.items() if isinstance(x, int) and x > _LARGE}
    if sizes:
        _affordable(
            name,
            model_dim,
            options,
            ", ".join(f"{n}={shown(x)}" for n, x in sizes.items()),
        )
    return NETWORKS.make(name, model_dim, **options)


#: sizes up to which a network is small whatever it is made of
_LARGE = 256


def _affordable(name: str, model_dim, options: dict, sizes: str) -> None:
    """Build a network without its numbers, and refuse it if they do not fit into
    memory."""
    what = f"{name}: a network of {sizes}"
    try:
        with torch.device("meta"):
            built = NETWORKS.make(name, model_dim, **options)
            parts = [*built.parameters(), *built.buffers(), *built.initial(1).values()]
        count = sum(part.numel() for part in parts)
    except FwpError:
        raise
    except (RuntimeError, TypeError, OverflowError, NotImplementedError):
        # more numbers than can be counted, or a part that is not built without numbers
        count = (
            max(whole(model_dim, f"{name}: model_dim"), *map(_size, options.values()), 1)
            ** 2
        )
    affordable(count, what, 4)


def _plain(network: str, option: str, value):
    """Return whole numbers of NumPy as Python's; refuse what is no flag for an option
    that is."""
    parameters = inspect.signature(NETWORKS.get(network).__init__).parameters
    if option in parameters and isinstance(parameters[option].default, bool):
        switch = isinstance(value, int) and value in (0, 1)
        return bool(value) if switch else flag(value, f"{network}: {option}")
    return int(value) if isinstance(value, np.integer) else value


def _size(value) -> int:
    return value if isinstance(value, int) else 0
