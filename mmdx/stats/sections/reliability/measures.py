"""How well calibrated the scores of a model are on each finding: measures and their resamples, from sums over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import refusals
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import sum_by_patient
from mmdx.stats.metrics.calibration import BINS, calibration_error, expand, gaps
from mmdx.stats.metrics.registry import brier, log_loss, surprises
from mmdx.stats.report.words import number
from mmdx.stats.resampling.intervals import Estimate, interval, raised, why_too_few
from mmdx.stats.resampling.weights import share

MEASURES = {"log_loss": "Log loss", "brier": "Brier", "ece": "ECE", "slope": "Slope"}
"""By key: what a column of the table is called."""


@dataclass(frozen=True)
class RowScores:
    """The scores of one model for the rows of one finding that have a label, as they are or scaled.

    `temperatures` are the least and the greatest of these rows, one where they are the same, none where not scaled.
    """

    finding: int
    arm: int
    scaled: bool
    labels: Float[np.ndarray, "m"]
    scores: Float[np.ndarray, "m"]
    patients: Int[np.ndarray, "m"]
    temperatures: tuple[float, ...]


@dataclass(frozen=True)
class Calibration:
    """The measures of one model, of a finding or (None) of the mean over them, by the keys of `MEASURES`."""

    finding: str | None
    arm: int
    scaled: bool
    temperature: str
    values: dict[str, float]
    resampled: dict[str, Float[np.ndarray, "r"]]
    refused: str | None

    def estimate(self, measure: str) -> Estimate:
        value, resampled = self.values[measure], self.resampled[measure]
        if measure == "ece":
            resampled = raised(value, resampled)
        return interval(value, resampled, refused=self.refused)


def scaled_scores(cohort: Cohort) -> Float[np.ndarray, "a n f"]:
    """The models' scores with their log-odds divided by the temperatures of their rows; NaN where there is none."""
    scaled = np.full_like(cohort.scores, np.nan)
    for arm in cohort.models:
        scaled[arm] = np.where(np.isnan(cohort.labels), np.nan, cohort.scored[arm][0].calibrated)
    return scaled


def scores_of(cohort: Cohort, scores: Float[np.ndarray, "a n f"], finding: int, arm: int, *, scaled: bool) -> RowScores:
    labelled = labelled_rows(cohort, finding)
    labels, patients = cohort.labels[labelled, finding], cohort.patients[labelled]
    temperatures = cohort.scored[arm][0].temperatures[labelled, finding] if scaled else np.array([])
    ends = tuple(dict.fromkeys((float(temperatures.min()), float(temperatures.max())))) if scaled else ()
    return RowScores(finding, arm, scaled, labels, scores[arm, labelled, finding], patients, ends)


def measure_all(cohort: Cohort, every: list[RowScores], resampler: Resampler) -> list[Calibration]:
    """All of them over the same resamples, which are drawn once; each value is made of sums over rows."""
    count = int(cohort.patients.max()) + 1
    curves = [expand(model_scores.labels, model_scores.scores) for model_scores in every]
    columns = [
        np.hstack([row_columns(model_scores), curve.columns]) for model_scores, curve in zip(every, curves, strict=True)
    ]
    sums = np.hstack(
        [
            sum_by_patient(own_columns, model_scores.patients, count)
            for own_columns, model_scores in zip(columns, every, strict=True)
        ]
    )
    resampled_sums = resampler.sums(sums).reshape(resampler.resamples, len(every), -1)
    measured = []
    for index, (model_scores, curve) in enumerate(zip(every, curves, strict=True)):
        total, loss, square = resampled_sums[:, index, :3].T
        resampled = {
            "log_loss": share(loss, total),
            "brier": share(square, total),
            "ece": share(np.abs(resampled_sums[:, index, 3 : 3 + BINS]).sum(axis=1), total),
            "slope": curve.slopes(resampled_sums[:, index, 3 + BINS :]),
        }
        once = np.ones((1, len(model_scores.labels)), dtype=np.int32)
        functions = {"log_loss": log_loss, "brier": brier, "ece": calibration_error}
        values = {
            name: float(function(model_scores.labels, model_scores.scores, once)[0])
            for name, function in functions.items()
        }
        temperature = "–".join(map(number, model_scores.temperatures)) or "–"
        refused = why_too_few(model_scores.labels, model_scores.patients)
        finding = cohort.findings[model_scores.finding]
        values["slope"] = curve.slope
        measured.append(
            Calibration(finding, model_scores.arm, model_scores.scaled, temperature, values, resampled, refused)
        )
    return measured


def row_columns(model_scores: RowScores) -> Float[np.ndarray, "m k"]:
    """What is summed of each row for its measures but the slope: 1, log loss, squared distance, distance by bin."""
    parts = [
        np.ones_like(model_scores.labels),
        surprises(model_scores.labels, model_scores.scores),
        (model_scores.scores - model_scores.labels) ** 2,
    ]
    return np.hstack([np.stack(parts, axis=1), gaps(model_scores.labels, model_scores.scores)])


def mean_calibrations(
    cohort: Cohort, by_finding: list[list[Calibration]], findings: list[int], *, scaled: bool
) -> list[Calibration]:
    """The mean over some `findings` of each model, as it is and, where all findings are, scaled."""
    refused = refusals(cohort, findings)[-1]
    compared = [[measured for measured in of_finding if scaled or not measured.scaled] for of_finding in by_finding]
    means = []
    for alike in zip(*compared, strict=True):
        values = {name: float(np.mean([measured.values[name] for measured in alike])) for name in MEASURES}
        resampled = {name: np.mean([measured.resampled[name] for measured in alike], axis=0) for name in MEASURES}
        temperature = "by finding" if alike[0].scaled else "–"
        means.append(Calibration(None, alike[0].arm, alike[0].scaled, temperature, values, resampled, refused))
    return means


def labelled_rows(cohort: Cohort, finding: int) -> np.ndarray:
    return ~np.isnan(cohort.labels[:, finding])
