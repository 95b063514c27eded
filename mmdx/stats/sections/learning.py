"""The learning curve: how good each model is by the number of patients that it was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mmdx.errors import DataError
from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Cohort, Unit, read_cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.drawn import Drawn, Sampled
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name, sample_scores
from mmdx.stats.metrics.registry import PRIMARY
from mmdx.stats.report.plots import colour, dash, mark, names_above
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, with_bounds, with_interval, with_test


@dataclass(frozen=True)
class Curve:
    """One arm by number of training patients, from the fewest; `trainings` counts what each value is the mean of."""

    arm: str
    sizes: tuple[int, ...]
    values: tuple[Drawn, ...]
    trainings: tuple[int, ...]


def learning_section(
    points: Mapping[str, Mapping[int, Sequence[Path]]],
    *,
    resamples: int,
    seed: int,
    split: str = "test",
    unit: Unit | None = None,
    primary: str | None = None,
) -> Section | None:
    """The curve of each arm, from its prediction files by number of training patients; None without any.

    Several files of one number are trainings of the same config. Each counts by its fullest showing. `primary` is the
    primary finding (None: the one that the runs name). Raises `DataError`
    where a file is bad, or does not stand on the rows and labels of the first.
    """
    trainings = [
        (arm, size, source) for arm, sizes in points.items() for size in sorted(sizes) for source in sizes[size]
    ]
    if not trainings:
        return None
    cohorts = [read_cohort([source], split=split, unit=unit, primary=primary) for _, _, source in trainings]
    ground = cohorts[0]
    scores = [_scored(cohort, ground, source) for cohort, (_, _, source) in zip(cohorts, trainings, strict=True)]
    included = leading(ground)
    resampler = Resampler.of(ground, resamples=resamples, seed=seed)
    sampled = sample_scores(ground, ground.primary, [[of_training] for of_training in scores], resampler)
    named, refused = mean_name(ground, included, ground.primary), why_no_mean(ground, included)
    curves = []
    for arm in points:
        by_size: dict[int, list[Sampled]] = {}
        for (name, size, _), of_training in zip(trainings, sampled, strict=True):
            if name == arm:
                by_size.setdefault(size, []).append(of_training)
        if by_size:
            values = tuple(_mean(of_size).macro(included, refused=refused) for of_size in by_size.values())
            curves.append(Curve(arm, tuple(by_size), values, tuple(map(len, by_size.values()))))
    return Section(
        "learning",
        "Learning curve",
        tuple(_sentence(curve, named) for curve in curves),
        (_sheet(curves, named),),
        (_plot(curves, named),),
        ("Each value is the mean over trainings; intervals are over the patients of the test, drawn alike for all.",),
        [_record(curve) for curve in curves],
    )


def _scored(cohort: Cohort, ground: Cohort, source: Path) -> Scored:
    """The scores of the fullest showing, in the order of the rows of `ground`."""
    place = {name: row for row, name in enumerate(cohort.names)}
    if set(cohort.names) != set(ground.names) or cohort.findings != ground.findings:
        raise DataError(f"{source}: scores other rows or findings than the first file; score every training alike")
    order = np.array([place[name] for name in ground.names])
    if not np.array_equal(cohort.labels[order], ground.labels, equal_nan=True):
        raise DataError(f"{source}: holds other labels than the first file; score every training against the same ones")
    scored = cohort.scored[cohort.models[0]][0]
    return Scored(scored.scores[order], scored.thresholds[order], scored.temperatures[order], scored.folds_at(order))


def _mean(trainings: Sequence[Sampled]) -> Sampled:
    return Sampled(
        np.concatenate([training.points for training in trainings]),
        np.concatenate([training.resampled for training in trainings]),
    )


def _sentence(curve: Curve, named: str) -> str:
    first, last = curve.values[0].estimate, curve.values[-1].estimate
    if math.isnan(last.value):
        return f"The {named} of {curve.arm} is undefined at every number of training patients."
    if len(curve.sizes) == 1:
        return (
            f"{curve.arm}, trained on {counted(curve.sizes[0], 'patient')}, reaches a {named} of {with_bounds(last)}."
        )
    step = curve.values[-1].minus(curve.values[-2])
    verdict = "whether it still rises was not shown"
    if step.shown:
        verdict = "it still rises" if step.estimate.value > 0 else "it falls"
    return (
        f"{curve.arm}: from {curve.sizes[0]} to {counted(curve.sizes[-1], 'training patient')} the {named} goes from "
        f"{with_bounds(first)} to {with_bounds(last)}; from {curve.sizes[-2]} to {curve.sizes[-1]} it changes by "
        f"{with_test(step)}: {verdict}."
    )


def _sheet(curves: Sequence[Curve], named: str) -> Sheet:
    sizes = sorted({size for curve in curves for size in curve.sizes})
    values = {
        (curve.arm, size): value for curve in curves for size, value in zip(curve.sizes, curve.values, strict=True)
    }
    rows = [
        (str(size), *(with_interval(values[c.arm, size].estimate) if (c.arm, size) in values else "–" for c in curves))
        for size in sizes
    ]
    title = f"{named[0].upper()}{named[1:]} by number of training patients"
    return Sheet(title, ("training patients", *(curve.arm for curve in curves)), tuple(rows))


def _plot(curves: Sequence[Curve], named: str) -> Plot:
    sizes = sorted({size for curve in curves for size in curve.sizes})

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, curve in enumerate(curves):
            estimates = [value.estimate for value in curve.values]
            style = {"color": colour(number), "linestyle": dash(number)}
            axes.plot(curve.sizes, [e.value for e in estimates], marker=mark(number), **style)
            if all(e.low is not None for e in estimates):
                low, high = np.array([(e.low, e.high) for e in estimates], dtype=float).T
                axes.fill_between(curve.sizes, low, high, color=colour(number), alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("training patients")
        axes.set_ylabel(named)
        if len(curves) > 1:
            names_above(figure, [curve.arm for curve in curves], range(len(curves)))

    rows = [
        (curve.arm, size, trainings, e.value, e.low, e.high)
        for curve in curves
        for size, trainings, e in zip(curve.sizes, curve.trainings, [v.estimate for v in curve.values], strict=True)
    ]
    numbers = pd.DataFrame(rows, columns=["model", "training patients", "trainings", PRIMARY.name, "low", "high"])
    banded = any(all(value.estimate.low is not None for value in curve.values) for curve in curves)
    caption = "Bands are 95 % intervals over the patients of the test, not over trainings." if banded else ""
    return Plot("learning", "Learning curve", caption, numbers, draw)


def _record(curve: Curve) -> dict[str, Any]:
    steps = [value.minus(before) for before, value in zip(curve.values, curve.values[1:], strict=False)]
    return {
        "arm": curve.arm,
        "points": [
            {"patients": size, "trainings": trainings} | value.estimate.to_json()
            for size, trainings, value in zip(curve.sizes, curve.trainings, curve.values, strict=True)
        ],
        "steps": [step.estimate.to_json() | {"p": step.p, "shown": step.shown} for step in steps],
    }
