"""One row of the validation report, and how rows are gathered and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module

from ..errors import pick

#: where a target comes from: a number of a paper or of measurements; algebra or quadrature of the
#: published equations; a run of another simulator or of the authors' code; a bound that this
#: package sets; or the number that was put in, so that a row shows only that nothing loses it
BASES = ("published", "closed form", "other simulator", "own bound", "definition")
#: model -> the module that has its rows
MODULES: dict[str, str] = {
    "tsodyks_markram": "tsodyks_markram",
    "mongillo_2008_working_memory": "mongillo",
    "fit": "fitting",
    "short_term_potentiation": "potentiation",
    "use_dependent_potentiation": "potentiation",
    "magnesium_block": "magnesium",
    "clopath_2010": "clopath_2010",
    "urbanczik_senn_2014": "urbanczik_senn_2014",
    "urbanczik_senn_2014_delta_memory": "delta_memory",
    "payeur_2021": "payeur_2021",
    "ampa": "receptors",
    "gaba_a": "receptors",
    "ampa_kinetic": "receptors",
    "gaba_a_kinetic": "receptors",
    "nmda_kinetic": "receptors",
    "nmda_per_cell": "receptors",
    "nmda_per_synapse": "receptors",
    "nmda_jump": "receptors",
    "point_spine": "point_spine",
    "match_and_control": "match_and_control",
    "ellwood_2024_match_and_control": "ellwood_2024",
    "pair_stdp": "pair",
    "triplet_stdp": "triplet",
    "graupner_brunel": "graupner_brunel",
    "shouval_2002": "shouval_2002",
    "bcpnn": "bcpnn",
    "limbacher_2022": "limbacher_2022",
    "limbacher_2022_key_value_memory": "limbacher_2022",
    "fiebig_lansner_2017_working_memory": "fiebig_lansner_2017",
    "wang_2002_decision": "wang_2002",
    "behavioural_time_scale": "behavioural_time_scale",
    "milstein_2021_one_shot_memory": "one_shot_memory",
    "oja": "oja",
    "bcm": "bcm",
    "vogels_2011": "vogels_2011",
    "homeostatic_scaling": "homeostatic_scaling",
}


@dataclass(frozen=True)
class Row:
    """A number of a model beside its target.

    Attributes:
        model: as in the registry or in ``models/``.
        quantity: what is compared, with its unit.
        value: what the package gives.
        target: the value it should have; for a bound, the bound.
        tolerance: how far off passes, absolute; for a bound, what may be added to it.
        source: paper with its table or figure, or the independent simulator.
        kind: "value", "at least" or "at most".
        reason: why a row that fails cannot pass, else empty.
        curve: name of the curve in the figure that the row is a point of, or empty.
        x: place on that curve.
        axes: labels of that curve's axes, with units.
        basis: where the target comes from, see `BASES`.
        known_miss: how far off, absolute, a row with a reason is known to be; more is a fault.
    """

    model: str
    quantity: str
    value: float
    target: float
    tolerance: float
    source: str
    kind: str = "value"
    reason: str = ""
    curve: str = ""
    x: float = 0.0
    axes: tuple[str, str] = ("", "")
    basis: str = "published"
    known_miss: float = 0.0

    @property
    def off(self) -> float:
        """How far the value is on the wrong side of a bound, or from a target."""
        off = self.value - self.target
        return {"at least": -off, "at most": off}.get(self.kind, abs(off))

    @property
    def passed(self) -> bool:
        """Whether the value is as near to its target as it must be."""
        return self.off <= self.tolerance

    @property
    def expected(self) -> bool:
        """Whether the row passes, or misses for its reason by no more than is known."""
        return self.passed or bool(self.reason) and self.off <= self.known_miss

    def record(self) -> dict:
        """Return the row as plain values, which JSON takes."""
        numbers = {
            name: float(getattr(self, name))
            for name in ("value", "target", "tolerance", "x", "known_miss")
        }
        return {**asdict(self), **numbers, "passed": bool(self.passed)}


def models() -> list[str]:
    """Return the names of the models that have published numbers."""
    return list(MODULES)


def collect(
    chosen: list[str] | None = None,
    quick: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Iterator[Row]:
    """Compute the rows of some models, all by default.

    Args:
        chosen: names of models.
        quick: small simulations; every model in seconds.
        progress: called with (fraction done, model).

    Raises:
        FwpError: a model without published numbers.
    """
    names = [pick(name, MODULES, "model with published numbers") for name in chosen or MODULES]
    modules: dict[str, list[str]] = {}  # one that has rows of several models runs once
    for name in names:
        modules.setdefault(MODULES[name], []).append(name)
    for number, (module, members) in enumerate(modules.items()):
        if progress is not None:
            progress(number / len(modules), members[0])
        for row in import_module(f"{__package__}.{module}").rows(quick):
            if row.model in members:
                yield row


def report(rows: list[Row]) -> str:
    """Return the rows as a table, and how many pass."""
    width = max([len(row.quantity) for row in rows], default=0)
    model = max([len(row.model) for row in rows], default=0)
    sign = {"value": " ", "at least": ">", "at most": "<"}
    basis = max(map(len, BASES))
    lines = [
        f"{'model':{model}}  {'quantity':{width}}  {'value':>10} {'target':>11} {'within':>9}  "
        f"{'basis':{basis}}"
    ]
    for row in rows:
        verdict = "pass" if row.passed else "FAIL"
        reason = f" [{row.reason}]" if row.reason and not row.passed else ""
        lines.append(
            f"{row.model:{model}}  {row.quantity:{width}}  {row.value:10.5g} "
            f"{sign[row.kind]}{row.target:10.5g} {row.tolerance:9.2g}  {row.basis:{basis}}  "
            f"{verdict}  {row.source}{reason}"
        )
    failed = [row for row in rows if not row.passed]
    count = {basis: sum(row.basis == basis for row in rows) for basis in BASES}
    said = ", ".join(f"{number} {basis}" for basis, number in count.items() if number)
    lines.append(f"targets: {said}")
    lines.append(f"{len(rows) - len(failed)} of {len(rows)} rows pass")
    return "\n".join(lines)
