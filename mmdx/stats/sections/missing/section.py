"""What is left when a modality is missing: the curve from every study having it to none, one checkpoint throughout.

Beside it stands, where there is one, a model that was trained on what is left: what it reaches is what the checkpoint,
which goes without it, should be compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.cohort.showings import Withheld, withheld
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name, sample_scores
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.plots import colour, ink
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_bounds, with_interval, with_test
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.sections.missing.curve import CurvePoint, half_withheld, missing_rate_curve
from mmdx.stats.significance.difference import Difference

AUROC = METRICS["auroc"]
EVERY = "every modality"


@dataclass(frozen=True)
class Curve:
    """One modality withheld from one run: its curve, the cost of withholding it everywhere, and models trained without.

    `cost` is with it minus without it, `trained` gives each such model's value and the checkpoint's minus it.
    """

    pair: Withheld
    points: Sequence[CurvePoint]
    cost: Difference
    trained: Sequence[tuple[int, Drawn, Difference]]


def missing_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """A curve for each modality that alone was withheld from a run's fullest showing; None where none was."""
    pairs = withheld(cohort)
    if not pairs:
        return None
    included = leading(cohort)
    refused = why_no_mean(cohort, included)
    arms = list(dict.fromkeys(arm for pair in pairs for arm in (pair.full, pair.without, *pair.trained)))
    trainings = [list(cohort.scored[arm]) for arm in arms]
    trainings += [half for pair in pairs for half in _halves(cohort, pair)]
    affordable = resampler.affordable(values=cohort.labels.size * sum(map(len, trainings)))
    sampled = [
        scores.macro(included, refused=refused) for scores in sample_scores(cohort, AUROC, trainings, affordable)
    ]
    means, halves = dict(zip(arms, sampled, strict=False)), sampled[len(arms) :]
    curves = [
        _curve(pair, means, (first, second))
        for pair, first, second in zip(pairs, halves[::2], halves[1::2], strict=True)
    ]
    named = mean_name(cohort, included, AUROC)
    return Section(
        "missing",
        "Missing modalities",
        tuple(sentence for curve in curves for sentence in _sentences(cohort, curve, means, named)),
        (_sheet(cohort, curves, named),),
        (_plot(cohort, curves, named),),
        _notes(cohort, curves, affordable.resamples, resampler.resamples),
        [_record(cohort, curve) for curve in curves],
    )


def _halves(cohort: Cohort, pair: Withheld) -> list[list[Scored]]:
    """The scores by training with the modality withheld from positive rows alone, and those from the others alone."""
    shown, without = (cohort.scored[arm] for arm in (pair.full, pair.without))
    pairs = list(zip(shown, without, strict=False))
    halves = zip(*(half_withheld(cohort.labels, a.scores, b.scores) for a, b in pairs), strict=True)
    return [[replace(a, scores=scores) for (a, _), scores in zip(pairs, half, strict=True)] for half in halves]


def _curve(pair: Withheld, means: dict[int, Drawn], halves: tuple[Drawn, Drawn]) -> Curve:
    full, left = means[pair.full], means[pair.without]
    trained = [(arm, means[arm], left.minus(means[arm])) for arm in pair.trained]
    return Curve(pair, missing_rate_curve(full, left, halves), full.minus(left), trained)


def _sentences(cohort: Cohort, curve: Curve, means: dict[int, Drawn], named: str) -> list[str]:
    full, left = (means[arm].estimate for arm in (curve.pair.full, curve.pair.without))
    run, modality = _checkpoint(cohort, curve.pair), curve.pair.modality
    if np.isnan(full.value):
        return [f"The {named} of {run} is undefined, with {modality} or without."]
    moves = f"stays at {_told(full)}"
    if left.value != full.value:
        moves = f"{'falls' if left.value < full.value else 'rises'} from {_told(full)} to {_told(left)}"
    cost = f"with {modality} minus without it {_tested(curve.cost)}"
    verdict = "" if curve.cost.p is None else f": {'a' if curve.cost.shown else 'no'} difference was shown"
    sentences = [f"With {modality} missing everywhere the {named} of {run} {moves}, {cost}{verdict}."]
    for arm, value, difference in curve.trained:
        alone = f"A model trained on {cohort.arms[arm].shown} alone ({cohort.arms[arm].name})"
        against = f"the checkpoint without {modality} minus it {_tested(difference)}"
        sentences.append(f"{alone} reaches {_told(value.estimate)}; {against}{_verdict(difference)}.")
    if full.refused:
        sentences.append(f"No interval can be given ({full.refused}), and no difference was shown.")
    return sentences


def _verdict(difference: Difference) -> str:
    if difference.p is None:
        return ""
    if not difference.shown:
        return ": no difference was shown, which does not prove the two equal"
    return f": the {'checkpoint' if difference.estimate.value > 0 else 'model trained without it'} is better"


def _told(estimate: Estimate) -> str:
    """With its interval; without one the value alone, for the reason is given once at the end."""
    return number(estimate.value) if estimate.refused else with_bounds(estimate)


def _tested(difference: Difference) -> str:
    return number(difference.estimate.value) if difference.p is None else with_test(difference)


def _checkpoint(cohort: Cohort, pair: Withheld) -> str:
    """The run by name where there are several, else what it was shown."""
    arm = cohort.arms[pair.full]
    return arm.run if arm.name != arm.shown else arm.shown


def _sheet(cohort: Cohort, curves: Sequence[Curve], named: str) -> Sheet:
    titles = [f"{_checkpoint(cohort, curve.pair)} without {curve.pair.modality}" for curve in curves]
    rows = [
        (f"{points[0].rate:.0%}".replace("%", " %"), *(with_interval(point.estimate) for point in points))
        for points in zip(*(curve.points for curve in curves), strict=True)
    ]
    return Sheet(
        f"{named[0].upper()}{named[1:]} by the share of studies that lack it", ("missing", *titles), tuple(rows)
    )


def _plot(cohort: Cohort, curves: Sequence[Curve], named: str) -> Plot:
    def draw(figure: Figure) -> None:
        _draw(figure.subplots(), cohort, list(enumerate(curves)), named)
        figure.legend(loc="outside lower center", ncols=1 if len(curves) == 1 else 2)

    numbered = {
        modality: [(series, curve) for series, curve in enumerate(curves) if modality in (EVERY, curve.pair.modality)]
        for modality in (EVERY, *(curve.pair.modality for curve in curves))
    }
    alone = {name: partial(_draw_alone, cohort, of_name, named) for name, of_name in numbered.items()}
    bands = any(point.estimate.low is not None for curve in curves for point in curve.points)
    caption = f"{'One checkpoint' if len(curves) == 1 else 'One checkpoint per line'}."
    caption += " Bands: 95 % intervals over patients." if bands else " No interval can be given."
    if any(curve.trained for curve in curves):
        caption += " Dashed: a model that never had it."
    return Plot(
        "missing_rate", "When a modality is missing", caption, _numbers(cohort, curves), draw, (7.2, 4.8), alone
    )


def _draw(axes: Axes, cohort: Cohort, curves: Sequence[tuple[int, Curve]], named: str) -> None:
    for series, curve in curves:
        rates, shade = [100 * point.rate for point in curve.points], colour(series, axes)
        label = f"{_checkpoint(cohort, curve.pair)} without {curve.pair.modality}"
        axes.plot(rates, [p.estimate.value for p in curve.points], color=shade, label=label, linewidth=1.8)
        bounds = [(p.estimate.low, p.estimate.high) for p in curve.points]
        if all(low is not None for low, _ in bounds):
            axes.fill_between(rates, *np.array(bounds, dtype=float).T, color=shade, alpha=0.15, linewidth=0)
        for arm, value, _ in curve.trained:
            axes.axhline(value.value, color=shade, linestyle="--", linewidth=1.3)
            trained = f"trained on {cohort.arms[arm].shown} alone: {cohort.arms[arm].name}"
            axes.plot([], [], color=shade, linestyle="--", linewidth=1.3, label=trained)
    axes.set_xlabel("studies that lack it (%)")
    axes.set_ylabel(named)
    axes.set_xlim(0, 100)


def _draw_alone(cohort: Cohort, curves: Sequence[tuple[int, Curve]], named: str, axes: Axes) -> None:
    """The curves with names inside of the plot."""
    _draw(axes, cohort, curves, named)
    axes.legend(loc="best", fontsize=8, labelcolor=ink(axes), frameon=False)


def _numbers(cohort: Cohort, curves: Sequence[Curve]) -> pd.DataFrame:
    rows = []
    for curve in curves:
        modality = curve.pair.modality
        named = [(_checkpoint(cohort, curve.pair), point.rate, point.estimate) for point in curve.points]
        named += [(f"trained without: {cohort.arms[arm].name}", 1.0, value.estimate) for arm, value, _ in curve.trained]
        rows += [(model, modality, rate, e.value, e.low, e.high) for model, rate, e in named]
    return pd.DataFrame(rows, columns=["model", "missing", "rate", "auroc", "low", "high"])


def _notes(cohort: Cohort, curves: Sequence[Curve], affordable_count: int, resamples: int) -> tuple[str, ...]:
    sentences = [
        "Studies lose the modality by chance, each by itself. The value at a share is the AUROC to be expected over "
        "all ways of losing it, reckoned from both showings of every study; nothing was drawn but patients.",
    ]
    if sum(1 + len(curve.trained) for curve in curves) > 1:
        sentences.append(
            "The p-values of this section are not corrected for their number; those of the main table are."
        )
    if cohort.unit == "slice":
        sentences.append("On slices, two slices of one study are reckoned as if each lost it by itself.")
    if affordable_count < resamples:
        sentences.append(f"These intervals stand on {affordable_count} resamples and not {resamples}, for time.")
    return tuple(sentences)


def _record(cohort: Cohort, curve: Curve) -> dict[str, Any]:
    return {
        "checkpoint": cohort.arms[curve.pair.full].name,
        "without": cohort.arms[curve.pair.without].name,
        "modality": curve.pair.modality,
        "curve": [{"rate": point.rate} | point.estimate.to_json() for point in curve.points],
        "cost": curve.cost.estimate.to_json() | {"p": curve.cost.p, "shown": curve.cost.shown},
        "trained": [
            {"arm": cohort.arms[arm].name, "auroc": value.estimate.to_json()}
            | {"difference": difference.estimate.to_json(), "p": difference.p, "shown": difference.shown}
            for arm, value, difference in curve.trained
        ],
    }
