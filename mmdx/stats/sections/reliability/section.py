"""Whether a score of 0.8 means eight in ten: calibration of the models before and after temperature scaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.counts import refusals
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import sum_by_patient
from mmdx.stats.metrics.calibration import BINS, COOLEST, HOTTEST, apply_temperature, calibration_error, gaps, on_bound
from mmdx.stats.metrics.recalibration import expand
from mmdx.stats.metrics.registry import brier, log_loss, surprises
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_interval
from mmdx.stats.resampling.intervals import Estimate, interval, raised, why_too_few
from mmdx.stats.resampling.weights import share
from mmdx.stats.sections.reliability.plot import reliability_plot

MEASURES = {"log_loss": "Log loss", "brier": "Brier", "ece": "ECE", "slope": "Slope"}
MOST_RESAMPLES = 1000
MOST_TOLD = 3
"""Models that have a sentence; the tables hold all."""


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
            resampled = raised(value, resampled)
        return interval(value, resampled, refused=self.refused)


def reliability_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Curves and measures of calibration of every model; where validation chose temperatures, before and after them."""
    findings = [f for f in range(len(cohort.findings)) if len(np.unique(cohort.labels[_known(cohort, f), f])) == 2]
    if not findings or not cohort.models:
        return None
    fewer = resampler.at_most(MOST_RESAMPLES)
    plain, scaled = cohort.scores, scaled_scores(cohort)
    after = [f for f in findings if not np.isnan(scaled[cohort.models][:, _known(cohort, f), f]).any()]
    every = [
        _scores(cohort, scores, f, arm, scaled=scores is scaled)
        for f in findings
        for arm in cohort.models
        for scores in ([plain, scaled] if f in after else [plain])
    ]
    measured = _measure(cohort, every, fewer)
    groups = [[entry for entry in measured if entry.finding == cohort.findings[f]] for f in findings]
    if len(findings) > 1:
        groups = [_means(cohort, groups, findings, scaled=after == findings), *groups]
    plots = [reliability_plot(cohort, findings, plain, resampler, scaled=False)]
    if after:
        plots.append(reliability_plot(cohort, after, scaled, resampler, scaled=True))
    return Section(
        "reliability",
        "Calibration",
        sentences=_sentences(cohort, groups[0][: 2 * MOST_TOLD]) if after == findings else (),
        sheets=tuple(_sheet(cohort, group) for group in groups),
        plots=tuple(plots),
        notes=(
            *_bounded(cohort, every),
            *_notes([cohort.findings[f] for f in findings if f not in after], bool(after), resamples=fewer.resamples),
        ),
        record=[_record(cohort, entry) for group in groups for entry in group],
    )


def scaled_scores(cohort: Cohort) -> Float[np.ndarray, "a n f"]:
    """The models' scores with their log-odds divided by the temperatures of their rows; NaN where there is none."""
    scores = cohort.scores
    scaled = np.full_like(scores, np.nan)
    for arm in cohort.models:
        temperatures = np.where(np.isnan(cohort.labels), np.nan, cohort.scored[arm][0].temperatures)
        for temperature in np.unique(temperatures[~np.isnan(temperatures)]):
            rows = temperatures == temperature
            scaled[arm][rows] = apply_temperature(scores[arm][rows], float(temperature))
    return scaled


def _scores(cohort: Cohort, scores: Float[np.ndarray, "a n f"], finding: int, arm: int, *, scaled: bool) -> _Scores:
    labelled = _known(cohort, finding)
    labels, patients = cohort.labels[labelled, finding], cohort.patients[labelled]
    temperatures = cohort.scored[arm][0].temperatures[labelled, finding] if scaled else np.array([])
    ends = tuple(dict.fromkeys((float(temperatures.min()), float(temperatures.max())))) if scaled else ()
    return _Scores(finding, arm, scaled, labels, scores[arm, labelled, finding], patients, ends)


def _measure(cohort: Cohort, every: list[_Scores], resampler: Resampler) -> list[_Measured]:
    """All of them over the same resamples, which are drawn once; each value is made of sums over rows."""
    count = int(cohort.patients.max()) + 1
    curves = [expand(model_scores.labels, model_scores.scores) for model_scores in every]
    columns = [
        np.hstack([_columns(model_scores), curve.columns]) for model_scores, curve in zip(every, curves, strict=True)
    ]
    sums = np.hstack(
        [
            sum_by_patient(own_columns, model_scores.patients, count)
            for own_columns, model_scores in zip(columns, every, strict=True)
        ]
    )
    drawn = resampler.sums(sums).reshape(resampler.resamples, len(every), -1)
    measured = []
    for index, (model_scores, curve) in enumerate(zip(every, curves, strict=True)):
        total, loss, square = drawn[:, index, :3].T
        resampled = {
            "log_loss": share(loss, total),
            "brier": share(square, total),
            "ece": share(np.abs(drawn[:, index, 3 : 3 + BINS]).sum(axis=1), total),
            "slope": curve.slopes(drawn[:, index, 3 + BINS :]),
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
            _Measured(finding, model_scores.arm, model_scores.scaled, temperature, values, resampled, refused)
        )
    return measured


def _columns(model_scores: _Scores) -> Float[np.ndarray, "m k"]:
    """What is summed of each row for its measures but the slope: 1, log loss, squared distance, distance by bin."""
    parts = [
        np.ones_like(model_scores.labels),
        surprises(model_scores.labels, model_scores.scores),
        (model_scores.scores - model_scores.labels) ** 2,
    ]
    return np.hstack([np.stack(parts, axis=1), gaps(model_scores.labels, model_scores.scores)])


def _means(cohort: Cohort, groups: list[list[_Measured]], findings: list[int], *, scaled: bool) -> list[_Measured]:
    """The mean over findings of each model, as it is and, where all findings are, scaled."""
    refused = refusals(cohort, findings)[-1]
    compared = [[measured for measured in group if scaled or not measured.scaled] for group in groups]
    means = []
    for alike in zip(*compared, strict=True):
        values = {name: float(np.mean([measured.values[name] for measured in alike])) for name in MEASURES}
        resampled = {name: np.mean([measured.resampled[name] for measured in alike], axis=0) for name in MEASURES}
        temperature = "by finding" if alike[0].scaled else "–"
        means.append(_Measured(None, alike[0].arm, alike[0].scaled, temperature, values, resampled, refused))
    return means


def _sentences(cohort: Cohort, group: list[_Measured]) -> tuple[str, ...]:
    """What scaling does to the calibration error of each model."""
    of = f"for {group[0].finding}" if group[0].finding is not None else "on average over the findings"
    sentences = []
    for before, after in zip(group[::2], group[1::2], strict=True):
        values = [with_interval(measured.estimate("ece")) for measured in (before, after)]
        name = cohort.arms[before.arm].name
        sentences.append(
            f"The scores of {name} miss the share of positives by {values[0]} {of}; scaled, by {values[1]}."
        )
    return tuple(sentences)


def _sheet(cohort: Cohort, group: list[_Measured]) -> Sheet:
    rows = []
    for measured in group:
        name = cohort.arms[measured.arm].name + (", scaled" if measured.scaled else "")
        rows.append((name, *(with_interval(measured.estimate(measure)) for measure in MEASURES), measured.temperature))
    scaled = any(measured.scaled for measured in group)
    header = ("model", *MEASURES.values(), *(["temperature"] if scaled else []))
    title = group[0].finding if group[0].finding is not None else "Mean over findings"
    return Sheet(f"Calibration: {title}", header, tuple(row[: len(header)] for row in rows))


def _bounded(cohort: Cohort, every: list[_Scores]) -> list[str]:
    """The fits that ended on the bounds of a temperature."""
    ended = [model_scores for model_scores in every if any(map(on_bound, model_scores.temperatures))]
    named = ", ".join(
        f"{cohort.arms[model_scores.arm].name} on {cohort.findings[model_scores.finding]}" for model_scores in ended
    )
    head = (
        f"Temperatures ended on a bound ({COOLEST:g}, {HOTTEST:g}): validation scores part the classes, or tell nothing"
    )
    return [f"{head}: {named}."] if ended else []


def _notes(without: list[str], scaled: bool, *, resamples: int) -> tuple[str, ...]:
    lines = []
    if scaled:
        lines.append(
            "Temperatures are fitted on validation studies alone, one a model and finding (Guo et al. 2017). They do "
            "not change the order of scores: an AUROC or AP is the same before and after."
        )
    if without:
        lines.append(
            f"No temperature could be fitted for {', '.join(without)}: that takes validation predictions of both "
            "classes beside the test predictions of every model. These scores stand as they are."
        )
    lines.append(
        f"ECE: the mean distance of score and share of positives over {BINS} bins of equal width; 0 is right. Slope: 1 "
        "is right, below 1 the scores are too sure."
    )
    lines.append(
        f"Intervals are over {resamples} resamples of patients. Resampling raises an ECE, whose interval is moved back "
        "by as much."
    )
    return tuple(lines)


def _record(cohort: Cohort, measured: _Measured) -> dict[str, Any]:
    head = {"arm": cohort.arms[measured.arm].name, "finding": measured.finding, "scaled": measured.scaled}
    record = {}
    for measure in MEASURES:
        estimate = measured.estimate(measure)
        record[measure] = estimate.to_json()
    return head | {"temperature": measured.temperature if measured.scaled else None} | record


def _known(cohort: Cohort, finding: int) -> np.ndarray:
    return ~np.isnan(cohort.labels[:, finding])
