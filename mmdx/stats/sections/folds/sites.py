"""Models that were tested site by site, each by a model that saw none of it: values by site, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdx.files import SITE, RunLayout
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.metrics.registry import PRIMARY
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import capitalised, number, p_value, with_interval
from mmdx.stats.sections.folds.heterogeneity import Pooled, pool
from mmdx.stats.significance.difference import ALPHA

MOST_ARMS = 3
"""Models side by side in a table by site."""


@dataclass(frozen=True)
class Sites:
    """Of each site its patients; by model, its value on each site, what it is over sites, and the same of the reference
    minus it (None for the reference)."""

    named: str
    patients: Mapping[str, int]
    values: Mapping[str, list[Drawn]]
    pooled: Mapping[str, Pooled | None]
    differences: Mapping[str, list[Drawn]]
    pooled_differences: Mapping[str, Pooled | None]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file, by model."""
        return {
            "patients": dict(self.patients),
            "models": {
                name: {
                    "sites": [drawn.estimate.to_json() for drawn in drawns],
                    "pooled": None if (over := self.pooled[name]) is None else over.to_json(),
                }
                for name, drawns in self.values.items()
            },
            "differences": {
                name: {
                    "sites": [drawn.estimate.to_json() for drawn in drawns],
                    "pooled": None if (over := self.pooled_differences[name]) is None else over.to_json(),
                }
                for name, drawns in self.differences.items()
            },
        }


def read_sites(run: Path) -> list[str] | None:
    """What the site of each fold of a run is called, folds in the order of a cohort's: that of their numbers as text;
    None where its folds are no sites."""
    path = RunLayout(run).folds
    if not path.is_file() or SITE not in read_text(path, ("fold",)).columns:
        return None
    table = read_text(path, ("fold", SITE))
    return list(dict(sorted(zip(table["fold"].astype(str), table[SITE].astype(str), strict=True))).values())


def over_sites(cohort: Cohort, arms: list[int], names: list[str], resampler: Resampler) -> Sites:
    """The primary finding, or the macro mean, of each arm on each site, over resamples of all patients."""
    folds, included = cohort.scored[arms[0]][0].folds, leading(cohort)
    assert folds is not None
    masks = [folds == place for place in range(len(names))]
    scored = [training for arm in arms for training in cohort.scored[arm]]
    ends = np.cumsum([0, *(len(cohort.scored[arm]) for arm in arms)])
    affordable = resampler.affordable(values=cohort.labels.size * len(scored))
    scores = np.stack([training.scores for training in scored])
    sampled = affordable.over(PRIMARY, cohort.labels, scores, subsets=masks)
    values: dict[str, list[Drawn]] = {cohort.arms[arm].name: [] for arm in arms}
    for mask, of_site in zip(masks, sampled, strict=True):
        refused = why_no_mean(cohort, included, mask)
        for place, arm in enumerate(arms):
            of_arm = of_site.trainings(slice(ends[place], ends[place + 1]))
            values[cohort.arms[arm].name].append(of_arm.macro(included, refused=refused))
    reference = cohort.arms[arms[0]].name
    differences = {
        name: [
            Drawn(ours.value - other.value, ours.resampled - other.resampled, ours.refused)
            for ours, other in zip(values[reference], drawns, strict=True)
        ]
        for name, drawns in values.items()
        if name != reference
    }
    patients = {name: len(np.unique(cohort.patients[mask])) for name, mask in zip(names, masks, strict=True)}
    pooled = {name: _pooled(each, least=0.0) for name, each in values.items()}
    apart = {name: _pooled(each, least=-1.0) for name, each in differences.items()}
    return Sites(mean_name(cohort, included, PRIMARY), patients, values, pooled, differences, apart)


def site_sentences(sites: Sites) -> list[str]:
    """How far the sites are apart for the reference, and how its differences to other models vary over them."""
    (reference, drawns), *_ = sites.values.items()
    known = {name: drawn.value for name, drawn in zip(sites.patients, drawns, strict=True) if not np.isnan(drawn.value)}
    if len(known) < 2:
        return [f"{reference}: fewer than two sites have patients with and without what the {sites.named} is of."]
    worst, best = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    head = (
        f"Site by site, by models that saw none of it, the {sites.named} of {reference} is from {number(known[worst])} "
        f"({worst}) to {number(known[best])} ({best})"
    )
    sentences = [f"{head}{_heterogeneity(sites.pooled[reference])}."]
    apart = {name: over for name, over in sites.pooled_differences.items() if over is not None}
    shown = {name: over for name, over in apart.items() if over.low > 0 or over.high < 0}
    for name, over in shown.items():
        sentences.append(
            f"{reference} minus {name} over sites: {_told(over)}, a difference was shown{_heterogeneity(over)}."
        )
    alike = [f"{name} ({_told(over)}; I² {100 * over.i2:.0f} %)" for name, over in apart.items() if name not in shown]
    if alike:
        sentences.append(f"Over sites no difference was shown of {reference} to {'; '.join(alike)}.")
    return sentences


def _told(over: Pooled) -> str:
    return f"{number(over.value)}, 95 % interval {number(over.low)} to {number(over.high)}"


def site_sheets(sites: Sites) -> list[Sheet]:
    """Values by site, and the reference minus each other model; the last row is over sites."""
    names, (reference, *others) = list(sites.values), sites.values
    parts = [names[start : start + MOST_ARMS] for start in range(0, len(names), MOST_ARMS)]
    sheets = [_sheet(f"{capitalised(sites.named)} by site", sites, sites.values, sites.pooled, part) for part in parts]
    parts = [others[start : start + MOST_ARMS] for start in range(0, len(others), MOST_ARMS)]
    title = f"{capitalised(sites.named)} by site: {reference} minus"
    return sheets + [_sheet(title, sites, sites.differences, sites.pooled_differences, part) for part in parts]


def _sheet(
    title: str,
    sites: Sites,
    drawns: Mapping[str, list[Drawn]],
    pooled: Mapping[str, Pooled | None],
    names: list[str],
) -> Sheet:
    rows = [
        (site, str(patients), *(with_interval(drawns[name][place].estimate) for name in names))
        for place, (site, patients) in enumerate(sites.patients.items())
    ]
    over = [pooled[name] for name in names]
    cells = [
        "–" if each is None else f"{number(each.value)} [{number(each.low)}, {number(each.high)}]" for each in over
    ]
    between = ["–" if each is None else f"{100 * each.i2:.0f} %, {number(each.tau)}" for each in over]
    rows.append(("over sites", str(sum(sites.patients.values())), *cells))
    rows.append(("I², SD between sites", "", *between))
    return Sheet(title, ("site", "patients", *names), tuple(rows))


def _pooled(drawns: list[Drawn], *, least: float) -> Pooled | None:
    """Over the sites that have an interval: the variance of each is that of its resamples."""
    held = [drawn for drawn in drawns if drawn.estimate.low is not None]
    variances = [float(np.nanvar(drawn.resampled)) for drawn in held]
    return pool(np.array([drawn.value for drawn in held]), np.array(variances), least=least) if held else None


def _heterogeneity(over: Pooled | None) -> str:
    if over is None:
        return "; fewer than two sites have an interval, so that nothing is said of how they differ"
    test = f"I² {100 * over.i2:.0f} %, {p_value(over.p)}"
    if over.p < ALPHA:
        text = f"; sites differ by more than their patients explain ({test})"
    else:
        text = f"; that the {over.sites} sites differ by more than their patients explain was not shown ({test})"
    if over.lowest is None or over.highest is None:
        return text
    return f"{text}; at a further site it may be from {number(over.lowest)} to {number(over.highest)} (95 % prediction)"
