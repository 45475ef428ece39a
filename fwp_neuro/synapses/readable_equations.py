"""Whether Brian2 can read the equations of a synapse, said in one sentence."""

from __future__ import annotations

from brian2 import Equations as Brian2Equations
from brian2.equations.equations import EquationError

from ..errors import FwpError, shown
from .synapse_class import Synapse


def check_equations(model: Synapse) -> None:
    """Raise `FwpError` for equations that Brian2 cannot read."""
    for part in ("synapse", "pre", "post"):
        text = getattr(model.equations, part)
        try:
            Brian2Equations(text)
        except EquationError as problem:
            last = str(problem.__cause__ or problem).strip().splitlines()[-1]
            raise FwpError(
                f"synapse {model.name!r}: Brian2 cannot read equations.{part}, "
                f"{shown(text)}: {last}"
            ) from None
