"""Other names for variables and parameters of a synapse model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from .factorised.text import renamed
from .synapse_class import Equations, Synapse

_NOT_CODE = ("method", "delay", "delay_post")


def with_names(model: Synapse, names: Mapping[str, str]) -> Synapse:
    """Return a model with other names for some of its variables and parameters.

    Args:
        model: in the textbook layout.
        names: old name -> new one, of a variable of the synapse or of a cell, of a
            parameter, or of a value that the code of spikes keeps meanwhile.
    """
    names = {own: new for own, new in names.items() if own != new}
    if not names:
        return model
    every = dict(names)
    for side in ("pre", "post"):
        every |= {f"{own}_{side}": f"{new}_{side}" for own, new in names.items()}
    every |= {f"d{own}": f"d{new}" for own, new in names.items()}

    def keys(mapping: Mapping) -> dict:
        return {names.get(key, key): value for key, value in mapping.items()}

    old = model.equations
    code: dict[str, Any] = {
        one.name: renamed(getattr(old, one.name), every) for one in fields(Equations)
        if isinstance(getattr(old, one.name), str) and one.name not in _NOT_CODE
    }  # fmt: skip
    equations = replace(
        old,
        **code,
        delay=names.get(old.delay, old.delay),
        delay_post=names.get(old.delay_post, old.delay_post),
        delayed={names.get(n, n): (names.get(of, of), names.get(by, by))
                 for n, (of, by) in old.delayed.items()},
        exact=tuple(names.get(name, name) for name in old.exact),
        methods=keys(old.methods),
        alone=tuple(names.get(name, name) for name in old.alone),
        adds={names.get(n, n): names.get(of, of) for n, of in old.adds.items()},
    )  # fmt: skip
    initial = {n: renamed(v, every) if isinstance(v, str) else v
               for n, v in keys(model.initial).items()}  # fmt: skip
    derived = model.derived
    if derived is not None:
        back = {new: own for own, new in names.items()}

        def derived(values: Mapping, of=model.derived) -> dict:
            return keys(of({back.get(n, n): value for n, value in values.items()}))

    return replace(
        model,
        equations=equations,
        parameters=keys(model.parameters),
        sources=keys(model.sources),
        weight=renamed(model.weight, every),
        sends=renamed(model.sends, every),
        signed=tuple(names.get(name, name) for name in model.signed),
        learned=tuple(names.get(name, name) for name in model.learned),
        transmits=tuple(names.get(name, name) for name in model.transmits),
        ports={port: names.get(own, own) for port, own in model.ports.items()},
        initial=initial,
        derived=derived,
    )
