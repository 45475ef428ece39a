"""How calcium becomes a weight: readouts R(ca), scaled by the peaks that the cell itself
makes.

    p_pre   peak of the calcium of one presynaptic spike at rest
    p_pair  peak of the calcium of one pair, the postsynaptic spike 4 ms after the presynaptic one

Scaling thresholds by a synapse's own peaks is the device of Chindemi et al. 2022 (Nat.
Commun. 13:3038); with fixed ones a few millivolts of rest change what a readout does.
`fourth_power` is Ellwood 2024 (PLoS Comput. Biol. 20:e1011843), `step` one threshold of
Graupner & Brunel 2012 (PNAS 109:3991). The Hill readouts are this package's inference:
calmodulin binds four calcium ions, but that a spine uses it so is not established.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arithmetic import evaluate


@dataclass(frozen=True)
class Readout:
    """One readout.

    Attributes:
        code: Brian2 expression in ca, p_pre, p_pair and ``factor``; 1 at most for the
            saturating ones, about 1 at p_pair for the others.
        factor: threshold in p_pre or half-saturation in p_pair; None if there is none.
        summary: a few words.
        source: paper.
    """

    code: str
    factor: float | None
    summary: str
    source: str

    def __call__(self, ca: np.ndarray, p_pre, p_pair, factor=None) -> np.ndarray:
        """Return R of calcium, elementwise; the peaks may be arrays that broadcast."""
        names = {"ca": ca, "p_pre": p_pre, "p_pair": p_pair}
        names["factor"] = self.factor if factor is None else factor
        return np.asarray(evaluate(self.code, names, "the readout"), dtype=float)


_OWN = "this package's inference"
_SQUARE = "(ca*ca)"
_FOURTH = f"({_SQUARE}*{_SQUARE})"
READOUTS = {
    "linear": Readout("ca/p_pair", None, "calcium itself",
                      "this package, the reference case"),
    "square": Readout("(ca/p_pair)*(ca/p_pair)", None, "calcium squared", _OWN),
    "fourth_power": Readout(
        "(ca/p_pair)*(ca/p_pair)*(ca/p_pair)*(ca/p_pair)", None,
        "fourth power of calcium", "ellwood2024short",
    ),
    "soft_threshold": Readout(
        "clip(ca - factor*p_pre, 0, inf)/p_pair", 1.5, "calcium above 1.5 presynaptic "
                                                       "peaks", _OWN
    ),
    "step": Readout(
        "int(ca > factor*p_pre)", 2.5, "1 above 2.5 presynaptic peaks, else 0",
        "one threshold as in graupner2012calcium; its height: " + _OWN,
    ),
    "hill_2": Readout(
        f"{_SQUARE}/({_SQUARE} + (factor*p_pair)*(factor*p_pair))", 1.0,
        "Hill function of order 2, half at the peak of a pair", _OWN,
    ),
    "hill_4": Readout(
        f"{_FOURTH}/({_FOURTH} + "
        "(factor*p_pair)*(factor*p_pair)*(factor*p_pair)*(factor*p_pair))",
        1.0, "Hill function of order 4, half at the peak of a pair", _OWN,
    ),
}  # fmt: skip
