"""One row of the validation report, and how rows are gathered and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from ..errors import pick
from ..registry import PATTERNS

#: what a row is evidence of, the strongest first: a number of a paper or of measurements;
#: a sign or an order that a paper gives; a run of another simulator or of the authors'
#: code; a number that something here was fitted to; algebra or quadrature of the
#: published equations; the number that was put in, so that a row shows only that nothing
#: loses it; two forms of one model in this package; a bound that this package sets
STRENGTHS = (
    "quantitative published", "qualitative published", "other simulator", "fitted by us",
    "closed form", "definition", "two own forms", "own bound",
)  # fmt: skip
#: strengths that count as strong evidence
STRONG = ("quantitative published", "other simulator")
_SYNAPSES = Path(__file__).parent.parent / "synapses"
PATTERNS.add("fwp_neuro/synapses/*/targets.py")
#: model -> the module that has its rows; a synapse has them in its own folder
MODULES: dict[str, str] = {
    path.parent.name: f"fwp_neuro.synapses.{path.parent.name}.targets"
    for path in sorted(_SYNAPSES.glob("*/targets.py"))
    if path.parent.name != "potentiation"  # two models
} | {
    "short_term_potentiation": "fwp_neuro.synapses.potentiation.targets",
    "use_dependent_potentiation": "fwp_neuro.synapses.potentiation.targets",
    "two_compartment_nmda": "fwp_neuro.targets.compartments",
    "linear_difference": "fwp_neuro.targets.compartments",
    "ampa": "fwp_neuro.targets.receptor_kinetics",
    "gaba_a": "fwp_neuro.targets.receptor_kinetics",
    "ampa_kinetic": "fwp_neuro.targets.receptor_kinetics",
    "gaba_a_kinetic": "fwp_neuro.targets.receptor_kinetics",
    "nmda_kinetic": "fwp_neuro.targets.receptor_kinetics",
    "nmda_per_cell": "fwp_neuro.targets.receptor_kinetics",
    "nmda_per_synapse": "fwp_neuro.targets.receptor_kinetics",
    "nmda_jump": "fwp_neuro.targets.receptor_kinetics",
    "magnesium_block": "fwp_neuro.targets.magnesium_block",
    "physiological_preset": "fwp_neuro.targets.physiological_preset",
    "fit": "fwp_neuro.targets.fitted_models",
    "mongillo_2008_working_memory": "fwp_neuro.targets.mongillo_2008",
    "urbanczik_senn_2014_delta_memory": "fwp_neuro.targets.delta_memory",
    "ellwood_2024_match_and_control": "fwp_neuro.targets.ellwood_2024",
    "limbacher_2022_key_value_memory": "fwp_neuro.synapses.limbacher_2022.targets",
    "fiebig_lansner_2017_working_memory": "fwp_neuro.targets.fiebig_lansner_2017",
    "wang_2002_decision": "fwp_neuro.targets.wang_2002",
    "milstein_2021_one_shot_memory": "fwp_neuro.targets.one_shot_memory",
}
#: modules with ``rows(model)``: what is compared for every model
COMMON = ("fwp_neuro.targets.constants_table", "fwp_neuro.targets.two_forms")


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
        strength: what the row is evidence of, see `STRENGTHS`.
        set_after: whether the bound was set after the value was measured; then it is no
            evidence.
        known_miss: how far off, absolute, a row with a reason is known to be; more is a
            fault.
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
    strength: str = "quantitative published"
    set_after: bool = False
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

    @property
    def strong(self) -> bool:
        """Whether the row is strong evidence: a published number or another
        simulator's."""
        return self.strength in STRONG and not self.set_after

    def record(self) -> dict:
        """Return the row as plain values, which JSON takes."""
        numbers = {
            name: float(getattr(self, name))
            for name in ("value", "target", "tolerance", "x", "known_miss")
        }
        verdicts = {
            name: bool(getattr(self, name)) for name in ("passed", "expected", "strong")
        }
        return {**asdict(self), **numbers, **verdicts}


def _own():
    """Return the module of what users have registered, which needs Brian2."""
    return import_module(f"{__package__}.own")


def models() -> list[str]:
    """Return the names of models that have published numbers, and of users' registered
    synapses."""
    return [*MODULES, *_own().names()]


def chosen(names: list[str] | None = None) -> list[str]:
    """Return the names, each once, or all models if None.

    Raises:
        FwpError: a model without published numbers.
    """
    what = "model with published numbers"
    if names is not None and all(name in MODULES for name in names):
        return list(dict.fromkeys(names))
    legal = models()
    return list(dict.fromkeys(pick(name, legal, what) for name in names or legal))


def collect(
    names: list[str] | None = None,
    quick: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Iterator[Row]:
    """Compute the rows of some models, all by default.

    After the rows of a model's own module come those that every model has: whether its
    constants are those of the table of published constants, and whether its Brian2 text
    does what its NumPy form does. A synapse that a user registered has its own targets,
    and its two layouts compared.

    Args:
        names: names of models, also of registered synapses of your own.
        quick: small simulations; every model in seconds.
        progress: called with (fraction done, model).

    Raises:
        FwpError: a model without published numbers, or targets of your own that are no
            rows.
    """
    modules: dict[str, list[str]] = {}  # one that has rows of several models runs once
    for name in chosen(names):
        modules.setdefault(MODULES.get(name, f"own {name}"), []).append(name)
    for number, (module, members) in enumerate(modules.items()):
        if progress is not None:
            progress(number / len(modules), members[0])
        if module not in MODULES.values():
            yield from _own().rows(members[0], quick)
            continue
        own = import_module(module).rows(quick)
        yield from (row for row in own if row.model in members)
        for common in COMMON:
            rows = import_module(common).rows
            for name in members:
                yield from rows(name)
