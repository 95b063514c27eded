"""Whether a score of 0.8 means eight in ten: calibration of the models before and after temperature scaling."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, logit

from mmdx.stats.calibration import BINS, CLIP, apply_temperature, calibration_error, calibration_slope
from mmdx.stats.claims import number
from mmdx.stats.cohort import Cohort
from mmdx.stats.intervals import FEWEST_IN_MEAN, Estimate, interval, why_too_few
from mmdx.stats.metrics import LOG_LOSS_CLIP, brier, log_loss
from mmdx.stats.section import Section
from mmdx.stats.sections.reliability_plot import reliability_plot
from mmdx.stats.shares import group_weights, patient_weights, resampled_sums, sum_by_patient
from mmdx.stats.tables import Sheet, with_interval

MEASURES = {"log_loss": "Log loss", "brier": "Brier", "ece": "ECE", "slope": "Slope"}
MOST_RESAMPLES, SLOPE_RESAMPLES = 1000, 200
"""A slope is fitted anew in each resample, so that fewer are taken."""
MOST_TOLD = 3
"""Models that have a sentence; the tables hold all."""
SLOPE_GROUPS = 60
"""For the resampled slopes, the rows of a class are taken in so many groups of alike scores."""


@dataclass(frozen=True)
class _Scores:
    """What one model says of the rows of one finding that have a label, as it is or scaled by its `temperatures`: the
    least and the greatest of these rows, or one where they are the same."""

    finding: int
    arm: int
    scaled: bool
    labels: Float[np.ndarray, "m"]
    scores: Float[np.ndarray, "m"]
    patients: Int[np.ndarray, "m"]
    temperatures: tuple[float, ...]


@dataclass(frozen=True)
class _Measured:
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
            # Rows drawn twice look less calibrated than they are: the percentiles alone may leave out the value.
            resampled = np.clip(resampled - (np.nanmedian(resampled) - value), 0, 1)
        return interval(value, resampled, refused=self.refused)


def reliability_section(cohort: Cohort, *, resamples: int, seed: int) -> Section | None:
    """Curves and measures of calibration of every model; with temperatures from validation, before and after them."""
    findings = [f for f in range(len(cohort.findings)) if len(np.unique(cohort.labels[_known(cohort, f), f])) == 2]
    if not findings or not cohort.models:
        return None
    drawn = min(resamples, MOST_RESAMPLES)
    scaled = scaled_scores(cohort)
    versions = [cohort.scores] if scaled is None else [cohort.scores, scaled]
    every = [
        _scores(cohort, scores, f, arm, scaled=bool(version))
        for f in findings
        for arm in cohort.models
        for version, scores in enumerate(versions)
    ]
    measured = _measure(cohort, every, resamples=drawn, seed=seed)
    groups = [[each for each in measured if each.finding == cohort.findings[f]] for f in findings]
    groups = [_means(cohort, groups, findings), *groups] if len(findings) > 1 else groups
    plots = [
        reliability_plot(cohort, findings, scores, scaled=bool(version), resamples=drawn, seed=seed)
        for version, scores in enumerate(versions)
    ]
    return Section(
        "reliability",
        "Calibration",
        sentences=_sentences(cohort, groups[0][: 2 * MOST_TOLD]) if scaled is not None else (),
        sheets=tuple(_sheet(cohort, group) for group in groups),
        plots=tuple(plots),
        notes=_notes(scaled is not None, resamples=drawn),
        record=[_record(cohort, each) for group in groups for each in group],
    )


def scaled_scores(cohort: Cohort) -> Float[np.ndarray, "a n f"] | None:
    """Scores with their log-odds divided by the temperatures of their rows; None where a model has none of them."""
    known = ~np.isnan(cohort.labels)
    if np.isnan(cohort.temperatures[cohort.models][:, known]).any():
        return None
    scaled = cohort.scores.copy()
    for arm in cohort.models:
        for temperature in np.unique(cohort.temperatures[arm][known]):
            rows = known & (cohort.temperatures[arm] == temperature)
            scaled[arm][rows] = apply_temperature(cohort.scores[arm][rows], float(temperature))
    return scaled


def _scores(cohort: Cohort, scores: Float[np.ndarray, "a n f"], finding: int, arm: int, *, scaled: bool) -> _Scores:
    known = _known(cohort, finding)
    labels, patients = cohort.labels[known, finding], cohort.patients[known]
    temperatures = cohort.temperatures[arm, known, finding] if scaled else np.array([])
    ends = tuple(dict.fromkeys((float(temperatures.min()), float(temperatures.max())))) if scaled else ()
    return _Scores(finding, arm, scaled, labels, scores[arm, known, finding], patients, ends)


def _measure(cohort: Cohort, every: list[_Scores], *, resamples: int, seed: int) -> list[_Measured]:
    """All of them over the same resamples, which are drawn once."""
    count = int(cohort.patients.max()) + 1
    sums = [sum_by_patient(_columns(each), each.patients, count) for each in every]
    drawn = resampled_sums(np.hstack(sums), resamples=resamples, seed=seed).reshape(resamples, len(every), -1)
    weights = patient_weights(cohort.patients, resamples=min(resamples, SLOPE_RESAMPLES), seed=seed)
    measured: list[_Measured] = []
    for index, each in enumerate(every):
        total, loss, square, gaps = drawn[:, index, 0], drawn[:, index, 1], drawn[:, index, 2], drawn[:, index, 3:]
        tops = {"log_loss": loss, "brier": square, "ece": np.abs(gaps).sum(axis=1)}
        resampled = {
            name: np.divide(top, total, out=np.full(resamples, np.nan), where=total > 0) for name, top in tops.items()
        }
        once = np.ones((1, len(each.labels)), dtype=np.int32)
        functions = {"log_loss": log_loss, "brier": brier, "ece": calibration_error}
        values = {name: float(function(each.labels, each.scores, once)[0]) for name, function in functions.items()}
        if len(each.temperatures) == 1:
            # Log-odds divided by one temperature have a slope that is greater by it than that of the scores before.
            values["slope"] = measured[-1].values["slope"] * each.temperatures[0]
            resampled["slope"] = measured[-1].resampled["slope"] * each.temperatures[0]
        else:
            values["slope"] = float(calibration_slope(each.labels, each.scores, once)[0])
            resampled["slope"] = _slopes(each, weights)
        told = "–".join(map(number, each.temperatures)) or "–"
        refused = why_too_few(each.labels, each.patients)
        finding = cohort.findings[each.finding]
        measured.append(_Measured(finding, each.arm, each.scaled, told, values, resampled, refused))
    return measured


def _columns(each: _Scores) -> Float[np.ndarray, "m k"]:
    """Of each row 1, log loss, squared distance, and the distance of score and label in the column of its bin: the
    sums of which `log_loss`, `brier` and `calibration_error` are made."""
    sure = np.clip(each.scores, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    place = np.minimum((each.scores * BINS).astype(int), BINS - 1)
    columns = np.zeros((len(each.labels), 3 + BINS))
    columns[:, 0] = 1
    columns[:, 1] = -np.log(np.where(each.labels > 0, sure, 1 - sure))
    columns[:, 2] = (each.scores - each.labels) ** 2
    columns[np.arange(len(columns)), 3 + place] = each.scores - each.labels
    return columns


def _slopes(each: _Scores, weights: np.ndarray) -> Float[np.ndarray, "r"]:
    """The slope in each resample, alike scores of one class counting as so many rows of their mean log-odds."""
    odds = logit(np.clip(each.scores, CLIP, 1 - CLIP))
    group, labels, means = np.zeros(len(odds), dtype=int), [], []
    for kind in (0.0, 1.0):
        rows = np.flatnonzero(each.labels == kind)
        rows = rows[np.argsort(odds[rows], kind="stable")]
        for part in np.array_split(rows, min(SLOPE_GROUPS, len(rows))):
            group[part] = len(labels)
            labels.append(kind)
            means.append(odds[part].mean())
    counts = group_weights(group, each.patients, weights, len(labels)).astype(np.int64)
    return calibration_slope(np.array(labels), expit(np.array(means)), counts)


def _means(cohort: Cohort, groups: list[list[_Measured]], findings: list[int]) -> list[_Measured]:
    """The mean over findings of each model, as it is and scaled."""
    reasons = [why_too_few(cohort.labels[:, f], cohort.patients, fewest=FEWEST_IN_MEAN) for f in findings]
    refused = next((f"{cohort.findings[f]}: {why}" for f, why in zip(findings, reasons, strict=True) if why), None)
    made = []
    for alike in zip(*groups, strict=True):
        values = {name: float(np.mean([each.values[name] for each in alike])) for name in MEASURES}
        resampled = {name: np.mean([each.resampled[name] for each in alike], axis=0) for name in MEASURES}
        told = "by finding" if alike[0].scaled else "–"
        made.append(_Measured(None, alike[0].arm, alike[0].scaled, told, values, resampled, refused))
    return made


def _sentences(cohort: Cohort, group: list[_Measured]) -> tuple[str, ...]:
    """What scaling does to the calibration error of each model."""
    of = f"for {group[0].finding}" if group[0].finding is not None else "on average over the findings"
    told = []
    for before, after in zip(group[::2], group[1::2], strict=True):
        values = [with_interval(each.estimate("ece")) for each in (before, after)]
        name = cohort.arms[before.arm].name
        told.append(f"The scores of {name} miss the share of positives by {values[0]} {of}; scaled, by {values[1]}.")
    return tuple(told)


def _sheet(cohort: Cohort, group: list[_Measured]) -> Sheet:
    rows = []
    for each in group:
        name = cohort.arms[each.arm].name + (", scaled" if each.scaled else "")
        rows.append((name, *(with_interval(each.estimate(measure)) for measure in MEASURES), each.temperature))
    scaled = any(each.scaled for each in group)
    header = ("model", *MEASURES.values(), *(["temperature"] if scaled else []))
    title = group[0].finding if group[0].finding is not None else "Mean over findings"
    return Sheet(f"Calibration: {title}", header, tuple(row[: len(header)] for row in rows))


def _notes(scaled: bool, *, resamples: int) -> tuple[str, ...]:
    lines = []
    if scaled:
        lines.append(
            "Temperatures are fitted on validation studies alone, one a model and finding (Guo et al. 2017). They do "
            "not change the order of scores: an AUROC or AP is the same before and after."
        )
    else:
        lines.append(
            "No validation predictions were found for every model, so that no temperature could be fitted: the scores "
            "stand as they are. Predictions of the validation split beside those of the test split fill this in."
        )
    slopes = min(resamples, SLOPE_RESAMPLES)
    lines.append(
        f"ECE: the mean distance of score and share of positives over {BINS} bins of equal width; 0 is right. Slope: 1 "
        "is right, below 1 the scores are too sure."
    )
    lines.append(
        f"Intervals are over {resamples} resamples of patients, of slopes over {slopes}. Resampling raises an ECE, "
        "whose interval is moved back by as much."
    )
    return tuple(lines)


def _record(cohort: Cohort, each: _Measured) -> dict[str, Any]:
    head = {"arm": cohort.arms[each.arm].name, "finding": each.finding, "scaled": each.scaled}
    found = {}
    for measure in MEASURES:
        estimate = each.estimate(measure)
        found[measure] = asdict(estimate) | {"value": None if math.isnan(estimate.value) else estimate.value}
    return head | {"temperature": each.temperature if each.scaled else None} | found


def _known(cohort: Cohort, finding: int) -> np.ndarray:
    return ~np.isnan(cohort.labels[:, finding])
