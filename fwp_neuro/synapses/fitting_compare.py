"""Models that were fitted to the same data, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import inside, takes
from .fitting import fit
from .fitting_result import Fit, named_fits

if TYPE_CHECKING:
    import pandas as pd


def _example() -> list[Fit]:
    return [fit("tsodyks_markram", fit.__arguments__["data"].example(), free=["U"])]


@takes(fits=inside("a list of Fit, or a dict from name to Fit", _example))
def compare_fits(fits: Sequence[Fit] | Mapping[str, Fit]) -> pd.DataFrame:
    """Rank fits of several models to the same data.

    Args:
        fits: results of `fit`, in a list or by name; their data, errors and scale must be
            the same.

    Returns:
        pandas DataFrame, the best model first, with a row a model and the columns
        ``parameters`` (how many the criteria count, see `Fit.count`), ``chi2`` (the sum
        of squares if the data have no errors), ``dof``, ``chi2/dof``, ``AICc``, ``BIC``,
        ``dAICc`` (above the best one) and ``weight``: Akaike weights, exp(-dAICc/2) over
        their sum (burnham2002model, section 2.9), the share of the evidence for each
        model if one of these is the best.

    Raises:
        FwpError: nothing to compare, or fits to different data.

    Example:
        >>> import fwp_neuro as fwp, brian2 as b2
        >>> table = {"time": [0, 50, 100, 150, 700]*b2.ms, "amplitude": [1, .8, .6, .5, .9]}
        >>> names = ["tsodyks_markram", "tsodyks_markram_to_zero"]
        >>> fits = [fwp.synapses.fit(name, table, free=["U", "tau_D"]) for name in names]
        >>> fwp.synapses.compare_fits(fits)["weight"].sum().round(9)
        np.float64(1.0)
    """  # noqa: E501
    # xarray needs pandas too; half a second that nothing else here needs
    import pandas as pd  # noqa: PLC0415

    named = named_fits(fits)
    best = min(found.aicc for found in named.values())
    rows = []
    for name, found in named.items():
        above = found.aicc - best if np.isfinite(found.aicc) else np.inf
        rows.append(
            {
                "model": name, "parameters": found.count, "chi2": found.chi_square,
                "dof": found.freedom, "chi2/dof": found.reduced_chi_square,
                "AICc": found.aicc, "BIC": found.bic, "dAICc": above,
                "weight": np.exp(-above / 2),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows).set_index("model")
    # where no model has an AICc, no weight is known
    table["weight"] = table["weight"] / (table["weight"].sum() or np.nan)
    return table.sort_values(["AICc", "BIC"])
