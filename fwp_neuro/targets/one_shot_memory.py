"""One-shot place fields: a plateau writes one, a second one moves it, and each is
recalled.

The paper gives these as pictures, so that signs are its own and sizes are bounds of this
package.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model_scripts import load_model
from .rows import Row

MODEL = "milstein_2021_one_shot_memory"
_SIGN = "Milstein et al. 2021, eLife 10:e73046 (sign only): "
_OURS = "this package: no published number; chance is a share of 1 / cells"


def rows(quick: bool) -> Iterator[Row]:
    """Compare what the two plateaus write with the signs of the paper and with bounds."""
    script = load_model(MODEL)
    parameters = script.Parameters(**({"inputs": 60} if quick else {}))
    found = script.measures(script.run(parameters))
    up, down = "at least", "at most"
    for quantity, name, target, source, kind, strength in (
        ("field's peak after the first plateau, from its place (cm)", "first peak", 0.0,
         _SIGN + "fields lie before the plateau that makes them", down,
         "qualitative published"),
        ("change of silent inputs by the first plateau", "weak inputs", 0.0,
         _SIGN + "weak inputs potentiate", up, "qualitative published"),
        ("change of the inputs of the first field by the second plateau", "strong inputs",
         0.0, _SIGN + "strong inputs depress", down, "qualitative published"),
        ("share of first plateaus whose cell has the largest ramp there", "recall first",
         0.8, _OURS, up, "own bound"),
        ("share of second plateaus whose cell has the largest ramp there",
         "recall second", 0.8, _OURS, up, "own bound"),
    ):  # fmt: skip
        yield Row(MODEL, quantity, found[name], target, 0.0, source, kind,
                  strength=strength, set_after=strength == "own bound")  # fmt: skip
    yield Row(MODEL, "the second plateau, 60 cm on, moves the peak by (cm)",
              found["moved"],
              parameters.shift / 2, 0.0, "nearer to where it belongs than to where it "
              "was: our bound; fields move to a new plateau (Milstein et al. 2021)",
              "at least", strength="own bound", set_after=True)  # fmt: skip
