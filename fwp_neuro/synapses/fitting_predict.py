"""What a model predicts for the rows of a table, for many parameter sets at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import brian2 as b2
import numpy as np

from ..errors import FwpError
from .fitting_data import Table
from .fitting_ranges import like
from .registered_synapses import MeasuredByText
from .synapse_class import Synapse

SCALES = ("first", "free", "each")
#: after so many evaluations a fit counts as half done: nobody knows how many it needs
_HALF = 50


@dataclass(frozen=True)
class _Many:
    """What a protocol needs of a model, with some parameters as arrays [set, 1]."""

    model: Synapse
    values: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def equations(self):
        return self.model.equations

    def numbers(self, *names: str) -> tuple:
        parameters = self.model.parameters
        return tuple(
            self.values[name] if name in self.values else float(parameters[name])
            for name in names
        )


@dataclass(frozen=True)
class Predictor:
    """Predictions of a model whose parameters ``names`` vary.

    Attributes:
        model: with the parameters that stay.
        names: of those that vary.
        table: the measurements.
        how: the protocol of the model.
        scale: see `fwp_neuro.synapses.fit`.
        options: of the protocol.
        progress: called with (fraction, note) at the start of each evaluation, and after
            each protocol of each parameter set where they run one by one. The fraction is
            a guess that stays below 1.
        runs: how many evaluations there were [one number], shared by the predictors of a
            fit.
    """

    model: Synapse
    names: Sequence[str]
    table: Table
    how: MeasuredByText
    scale: str
    options: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[float, str], None] | None = None
    runs: list[int] = field(default_factory=lambda: [0])

    @property
    def many(self) -> bool:
        """Whether many parameter sets cost hardly more than one."""
        return self.how.many or self.how.of_sets is not None

    @cached_property
    def counted(self) -> np.ndarray:
        """Whether a row is a datum [row]: the first response of a train is none if it is
        1."""
        found = np.ones(len(self.table.measured), dtype=bool)
        if self.table.kind == "trains" and self.scale == "first":
            found[[rows[0] for rows in self.table.groups]] = False
        return found

    @cached_property
    def factors(self) -> list[np.ndarray]:
        """Rows that share one fitted factor, for each factor."""
        if self.table.kind != "trains" or self.scale == "first":
            return []
        whole = np.concatenate(self.table.groups)
        return [whole] if self.scale == "free" else list(self.table.groups)

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Return predictions [set, row] for parameters in SI units [set, parameter].

        NaN where the model has no answer.
        """
        numbers = np.asarray(numbers, dtype=float)
        if not len(numbers):
            return np.empty((0, len(self.table.measured)))
        self.runs[0] += 1
        self._tell(0.0, len(numbers))
        with np.errstate(all="ignore"):
            if self.how.of_sets is not None:
                return self._by_text(self.how.of_sets, numbers)
            if self.how.many:
                values = {
                    n: numbers[:, place, None] for place, n in enumerate(self.names)
                }
                found = np.empty((len(numbers), len(self.table.measured)))
                for rows, response in self._responses(_Many(self.model, values)):
                    found[:, rows] = response
                return found
            return self._one_by_one(numbers)

    def _tell(self, done: float, sets: int) -> None:
        """Report which share is done of an evaluation of so many parameter sets."""
        if self.progress is None:
            return
        what = f"{sets} parameter set{'s' * (sets != 1)}"
        if self.how.of_sets is not None:  # a network
            what = f"{sets * len(self.table.measured)} synapses"
        note = f"run {self.runs[0]}: {what} of {self.model.name}"
        evaluations = self.runs[0] - 1 + done
        self.progress(evaluations / (evaluations + _HALF), note)

    def _by_text(self, of_sets: Callable, numbers: np.ndarray) -> np.ndarray:
        """Return predictions [set, row], all of them from one network where the text
        allows it."""
        groups, columns = self.table.groups, self.table.columns
        trains = self.table.kind == "trains"
        if trains:
            events = [columns["time"][rows] for rows in groups]
        else:
            events = [(columns["lag"][rows], *self._pairs(rows[0])) for rows in groups]
        try:
            parts = of_sets(self.model, self.names, numbers, events, **self.options)
        except FwpError:
            # a set without an answer, or a parameter that cannot vary over synapses
            return self._one_by_one(numbers)
        found = np.empty((len(numbers), len(self.table.measured)))
        for rows, part in zip(groups, parts, strict=True):
            found[:, rows] = (
                part / part[:, :1] if trains and self.scale == "first" else part
            )
        return found

    def _one_by_one(self, numbers: np.ndarray) -> np.ndarray:
        sets = len(numbers)
        return np.stack([self._one(one, n, sets) for n, one in enumerate(numbers)])

    def _one(self, numbers, before=0, sets=1, strict: bool = False) -> np.ndarray:
        """Return predictions [row] for one parameter set, number ``before`` of ``sets``;
        errors of the model if ``strict``."""
        found = np.full(len(self.table.measured), np.nan)
        old = self.model.parameters
        values = {n: like(old[n], x) for n, x in zip(self.names, numbers, strict=True)}
        try:
            responses = self._responses(self.model.changed(**values))
            for group, (rows, response) in enumerate(responses, 1):
                found[rows] = response
                self._tell((before + group / len(self.table.groups)) / sets, sets)
        except FwpError:  # far from the start a model may have no answer
            if strict:
                raise
            found[:] = np.nan
        return found

    def check(self, numbers) -> None:
        """Raise `FwpError` if the model has no finite prediction for parameters
        [parameter]."""
        if self.how.many:
            found = self(np.asarray(numbers)[None])
        else:
            self.runs[0] += 1
            found = self._one(numbers, strict=True)
        if not np.isfinite(found).all():
            raise FwpError(
                f"{self.model.name!r} has no finite prediction for these data at its "
                "start: give another parameter set"
            )

    def _responses(self, model):
        """Yield rows, and what a model predicts for them [..., row]."""
        columns = self.table.columns
        if self.table.kind == "plasticity":
            for rows in self.table.groups:
                yield (
                    rows,
                    self.how.run(model, columns["lag"][rows], **self._protocol(rows[0])),
                )
            return
        for rows in self._trains():
            # a train that starts at a negative time or late is the same train
            times = columns["time"][rows]
            response = self.how.run(model, times - times[0], **self.options)
            if self.scale == "first":
                response = response / response[0]
            yield rows.T.ravel(), _row(response)

    def _trains(self) -> list[np.ndarray]:
        """Return rows [spike, train] of trains with as many spikes; one by one if need
        be."""
        if not self.how.many:
            return self.table.groups
        found: dict[int, list] = {}
        for rows in self.table.groups:
            found.setdefault(len(rows), []).append(rows)
        return [np.stack(group, axis=1) for group in found.values()]

    def _protocol(self, row: int) -> dict:
        columns, given = self.table.columns, dict(self.options)
        if "groups" in columns:
            given["groups"] = int(columns["groups"][row])
        if "interval" in columns:
            given["interval"] = columns["interval"][row] * b2.second
        pairs, frequency = self._pairs(row)
        return {**given, "pairs": pairs, "frequency": frequency}

    def _pairs(self, row: int) -> tuple[int, float]:
        """Return how many pairs a row is about, and how many in a second."""
        columns = self.table.columns
        pairs = int(columns["pairs"][row]) if "pairs" in columns else 60
        return pairs, float(columns["frequency"][row]) if "frequency" in columns else 1.0

    def scaled(
        self, found: np.ndarray, measured: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return predictions times the factors that fit the measurements best [set, row].

        Args:
            found: predictions [set, row].
            measured: [set, row] or [row].
            weights: of the rows, 1/sem^2 [row].
        """
        if not self.factors:
            return found
        found, measured = np.broadcast_arrays(found, measured)
        scaled = np.array(found)
        with np.errstate(all="ignore"):
            for rows in self.factors:
                part, weight = found[:, rows], weights[rows]
                factor = (weight * part * measured[:, rows]).sum(1) / (
                    weight * part**2
                ).sum(1)
                scaled[:, rows] = factor[:, None] * part
        return scaled


def _row(response) -> np.ndarray:
    """Return releases [spike, set, train] as [set, row], train after train; [spike] as
    is."""
    response = np.asarray(response)
    if response.ndim == 1:
        return response
    return response.transpose(1, 2, 0).reshape(response.shape[1], -1)
