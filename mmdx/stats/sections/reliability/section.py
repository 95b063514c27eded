"""Whether a score of 0.8 means eight in ten: calibration of the models before and after temperature scaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import mean_columns
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.calibration import BINS, COOLEST, HOTTEST, on_bound
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import with_interval
from mmdx.stats.sections.reliability.measures import (
    MEASURES,
    Calibration,
    RowScores,
    labelled_rows,
    mean_calibrations,
    measure_all,
    scaled_scores,
    scores_of,
)
from mmdx.stats.sections.reliability.plot import reliability_plot

MOST_RESAMPLES = 1000
MOST_TOLD = 3
"""Models that have a sentence; the tables hold all."""


def reliability_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Curves and measures of calibration of every model; where validation chose temperatures, before and after them."""
    findings = [
        f for f in range(len(cohort.findings)) if len(np.unique(cohort.labels[labelled_rows(cohort, f), f])) == 2
    ]
    if not findings or not cohort.models:
        return None
    fewer = resampler.at_most(MOST_RESAMPLES)
    plain, scaled = cohort.scores, scaled_scores(cohort)
    after = [f for f in findings if not np.isnan(scaled[cohort.models][:, labelled_rows(cohort, f), f]).any()]
    every = [
        scores_of(cohort, scores, f, arm, scaled=scores is scaled)
        for f in findings
        for arm in cohort.models
        for scores in ([plain, scaled] if f in after else [plain])
    ]
    measured = measure_all(cohort, every, fewer)
    groups = {f: [entry for entry in measured if entry.finding == cohort.findings[f]] for f in findings}
    by_finding, in_mean, primary = list(groups.values()), mean_columns(cohort), cohort.primary_finding
    if len(in_mean) > 1:
        mean = mean_calibrations(cohort, [groups[f] for f in in_mean], in_mean, scaled=after == findings)
        by_finding = [mean, *by_finding]
    by_finding.sort(key=lambda group: primary is None or group[0].finding != primary)
    plots = [reliability_plot(cohort, findings, plain, resampler, scaled=False)]
    if after:
        plots.append(reliability_plot(cohort, after, scaled, resampler, scaled=True))
    return Section(
        "reliability",
        "Calibration",
        sentences=_sentences(cohort, by_finding[0][: 2 * MOST_TOLD]) if after == findings else (),
        sheets=tuple(_sheet(cohort, of_finding) for of_finding in by_finding),
        plots=tuple(plots),
        notes=(
            *_bounded(cohort, every),
            *_notes([cohort.findings[f] for f in findings if f not in after], bool(after), resamples=fewer.resamples),
        ),
        record=[_record(cohort, entry) for of_finding in by_finding for entry in of_finding],
    )


def _sentences(cohort: Cohort, group: list[Calibration]) -> tuple[str, ...]:
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


def _sheet(cohort: Cohort, group: list[Calibration]) -> Sheet:
    rows = []
    for measured in group:
        name = cohort.arms[measured.arm].name + (", scaled" if measured.scaled else "")
        rows.append((name, *(with_interval(measured.estimate(measure)) for measure in MEASURES), measured.temperature))
    scaled = any(measured.scaled for measured in group)
    header = ("model", *MEASURES.values(), *(["temperature"] if scaled else []))
    title = group[0].finding if group[0].finding is not None else "Mean over findings"
    return Sheet(f"Calibration: {title}", header, tuple(row[: len(header)] for row in rows))


def _bounded(cohort: Cohort, every: list[RowScores]) -> list[str]:
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
            "Temperatures are fitted on validation studies alone, one per model and finding (Guo et al. 2017). They do "
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


def _record(cohort: Cohort, measured: Calibration) -> dict[str, Any]:
    head = {"arm": cohort.arms[measured.arm].name, "finding": measured.finding, "scaled": measured.scaled}
    record = {}
    for measure in MEASURES:
        estimate = measured.estimate(measure)
        record[measure] = estimate.to_json()
    return head | {"temperature": measured.temperature if measured.scaled else None} | record
