"""One table of scores over classes: what is measured on which rows of which models, and its estimates in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_bounds, with_interval
from mmdx.stats.resampling.intervals import Estimate, interval
from mmdx.stats.sections.classes.measures import true_class

Values = dict[str, Float[np.ndarray, "r"]]
"""Measures by name, over resamples."""
Estimates = dict[str, dict[str, Estimate]]
"""By model (or whatever else has a row of its own), and by measure."""


@dataclass(frozen=True)
class Part:
    """A table before it is computed.

    `measures` gives the titles of the columns by name. `models` gives, by the name of its row, a function from integer
    weights of `rows` `[r n]` to the measures. `refused` says why there are no intervals, None where there are.
    """

    title: str
    measures: Mapping[str, str]
    rows: Int[np.ndarray, "n"]
    models: Mapping[str, Callable[[Int[np.ndarray, "r n"]], Values]]
    refused: str | None
    notes: tuple[str, ...] = ()


def columns_of(cohort: Cohort, members: Sequence[str]) -> list[int]:
    """The columns of some findings."""
    return [cohort.findings.index(member) for member in members]


def known_rows(cohort: Cohort, members: Sequence[str]) -> Int[np.ndarray, "n"]:
    """The rows whose class is known, of a group of findings."""
    return np.flatnonzero(true_class(cohort.labels[:, columns_of(cohort, members)]) >= 0)


def estimate_parts(parts: Mapping[str, Part], resampler: Resampler) -> dict[str, Estimates]:
    """All measures of all parts, over the same resamples."""

    def values(weights: Int[np.ndarray, "r n"]) -> dict[tuple[str, str, str], Float[np.ndarray, "r"]]:
        return {
            (name, model, measure): measured
            for name, part in parts.items()
            for model, function in part.models.items()
            for measure, measured in function(weights[:, part.rows]).items()
        }

    estimates: dict[str, Estimates] = {name: {model: {} for model in part.models} for name, part in parts.items()}
    for (name, model, measure), value in resampler.values(values).items():
        estimates[name][model][measure] = interval(value.value, value.resampled, refused=parts[name].refused)
    return estimates


def part_sheet(part: Part, estimates: Estimates) -> Sheet:
    """One row per model, one column per measure."""
    rows = tuple(
        (
            model,
            *("–" if _not_measured(estimate) else with_interval(estimate) for estimate in row.values()),
            str(len(part.rows)),
        )
        for model, row in estimates.items()
    )
    return Sheet(part.title, ("model", *part.measures.values(), "rows"), rows)


def part_sentence(cohort: Cohort, name: str, part: Part, estimates: Estimates) -> str:
    """The first measure of each model that is no baseline."""
    measure, title = next(iter(part.measures.items()))
    models = [cohort.arms[arm].name for arm in cohort.models]
    values = [f"{model} {_value(estimates[model][measure])}" for model in models]
    patients = len(np.unique(cohort.patients[part.rows]))
    why = f" No intervals: {part.refused}." if part.refused else ""
    return f"{name}, {title} over {patients} patients: {'; '.join(values)}.{why}"


def part_record(part: Part, estimates: Estimates) -> dict[str, Any]:
    """For `compare.json`."""
    models = {
        model: {measure: _record(estimate) for measure, estimate in row.items()} for model, row in estimates.items()
    }
    return {"rows": len(part.rows), "models": models}


def _not_measured(estimate: Estimate) -> bool:
    """Whether something was not measured at all, such as the AUROC of the labels themselves."""
    return math.isnan(estimate.value) and estimate.usable == 0


def _value(estimate: Estimate) -> str:
    """With its interval; without one the value alone, for the sentence gives the reason once at its end."""
    if math.isnan(estimate.value) or estimate.low is not None:
        return with_bounds(estimate)
    return number(estimate.value)


def _record(estimate: Estimate) -> dict[str, Any]:
    record = estimate.to_json()
    return {key: record[key] for key in ("value", "low", "high", "refused")}
