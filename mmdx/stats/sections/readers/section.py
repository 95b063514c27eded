"""Is the model as good as one more reader: how readers agree with each other, and the model with each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import listed, number, with_interval, with_test
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.sections.readers.files import read_readings, readings_path
from mmdx.stats.sections.readers.kappa import kappa
from mmdx.stats.significance.difference import Difference


@dataclass(frozen=True)
class Agreement:
    """Of one finding: kappa of each pair of readers and of the model with each reader, their means, and how much more
    the model agrees with the readers than they do with each other."""

    finding: str
    pairs: Mapping[tuple[str, str], Drawn]
    model: Mapping[str, Drawn]
    among: Drawn
    with_model: Drawn
    difference: Difference


def readers_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The readers of a run's store and its first model; None where fewer than two readers are known, or no threshold
    says what the model answers."""
    path = readings_path(Path(cohort.arms[0].source))
    if cohort.unit != "study" or path is None:
        return None
    readings = read_readings(path, cohort)
    found = []
    for column in leading(cohort):
        said = {
            reader: values[:, column] for reader, values in readings.items() if not np.isnan(values[:, column]).all()
        }
        answers = _answers(cohort, column)
        if len(said) > 1 and answers is not None:
            found.append(_agreement(cohort, column, said, answers, resampler))
    if not found:
        return None
    model = cohort.arms[0].name
    return Section(
        "readers",
        "Beside the readers",
        tuple(line for agreement in found for line in _sentences(agreement, model)),
        tuple(_sheet(agreement, model) for agreement in found),
        (),
        (
            "Cohen's kappa on the studies of which both say something; the model says yes at the threshold that "
            "validation chose. Its labels were made from these readings, so that it may agree with them as their "
            "majority does. Means are over pairs; p-values are not corrected for their number.",
        ),
        [_record(agreement) for agreement in found],
    )


def _answers(cohort: Cohort, column: int) -> Float[np.ndarray, "n"] | None:
    first = cohort.scored[0][0]
    if np.isnan(first.acted_on[:, column]).any():
        return None
    return (first.scores[:, column] >= first.acted_on[:, column]).astype(float)


def _agreement(
    cohort: Cohort,
    column: int,
    said: Mapping[str, Float[np.ndarray, "n"]],
    answers: Float[np.ndarray, "n"],
    resampler: Resampler,
) -> Agreement:
    refused = why_too_few(cohort.labels[:, column], cohort.patients)
    pairs = list(combinations(said, 2))

    def of(weights: Integer[np.ndarray, "r n"]) -> dict[tuple[str, ...], Float[np.ndarray, "r"]]:
        values: dict[tuple[str, ...], Float[np.ndarray, "r"]] = {
            pair: kappa(said[pair[0]], said[pair[1]], weights) for pair in pairs
        }
        values |= {(reader,): kappa(answers, label, weights) for reader, label in said.items()}
        return values

    few = resampler.affordable(values=len(cohort.patients) * (len(pairs) + len(said)))
    drawn = {key: Drawn(value.value, value.resampled, refused) for key, value in few.values(of).items()}
    among, with_model = _mean([drawn[pair] for pair in pairs]), _mean([drawn[reader,] for reader in said])
    by_pair = {pair: drawn[pair] for pair in pairs}
    by_reader = {reader: drawn[reader,] for reader in said}
    return Agreement(cohort.findings[column], by_pair, by_reader, among, with_model, with_model.minus(among))


def _mean(values: Sequence[Drawn]) -> Drawn:
    mean = float(np.mean([value.value for value in values]))
    return Drawn(mean, np.mean([value.resampled for value in values], axis=0), values[0].refused)


def _sentences(agreement: Agreement, model: str) -> list[str]:
    difference = agreement.difference
    told = (
        f"On {agreement.finding} {listed(list(agreement.model))} agree with each other with a kappa of "
        f"{number(agreement.among.value)}, and {model} with them with {number(agreement.with_model.value)}: "
        f"a difference of {with_test(difference)}"
    )
    if not difference.shown:
        return [f"{told}; that it agrees less or more than they do was not shown."]
    return [f"{told}; it agrees {'more' if difference.estimate.value > 0 else 'less'} than they do."]


def _sheet(agreement: Agreement, model: str) -> Sheet:
    rows = [(f"{a} and {b}", with_interval(value.estimate)) for (a, b), value in agreement.pairs.items()]
    rows += [(f"{model} and {reader}", with_interval(value.estimate)) for reader, value in agreement.model.items()]
    rows.append(("mean among readers", with_interval(agreement.among.estimate)))
    rows.append((f"mean of {model} with readers", with_interval(agreement.with_model.estimate)))
    return Sheet(f"Agreement on {agreement.finding}", ("who", "kappa"), tuple(rows))


def _record(agreement: Agreement) -> dict[str, Any]:
    return {
        "finding": agreement.finding,
        "readers": {f"{a}, {b}": value.estimate.to_json() for (a, b), value in agreement.pairs.items()},
        "model": {reader: value.estimate.to_json() for reader, value in agreement.model.items()},
        "among": agreement.among.estimate.to_json(),
        "with_model": agreement.with_model.estimate.to_json(),
        "difference": agreement.difference.estimate.to_json() | {"p": agreement.difference.p},
    }
