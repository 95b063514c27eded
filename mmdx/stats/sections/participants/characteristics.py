"""Table 1: who the studies are of, by split and by the finding that leads, and how far apart these groups are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.enrolled import UNUSED, Enrolled, enrolled_of, joined
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed, number, with_bounds, with_interval
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.sections.participants.balance import (
    MOST_RESAMPLES,
    POSITIVE,
    PRESENT,
    Characteristic,
    codes_of,
    difference,
    of_numbers,
    of_shares,
    of_values,
)
from mmdx.study import modality_of, order_fact, text_fact

MOST_LEVELS = 8
"""Values of a characteristic that have a row; the others share one."""
METHOD: tuple[str, ...] = (
    "Numbers are median [lower, upper quartile] of studies, words and findings counts (share of the studies of which "
    "they are known). A standardized mean difference (SMD) is the difference of two groups in standard deviations, "
    "with its sign, or without one for words of three or more values; 0.1 is commonly called imbalanced (Austin 2009). "
    "Its 95 % interval is over resampled patients and not corrected. Of three or more values the square of the SMD is "
    "without what chance adds, which is much where values are many or rare, and the interval inverts a chi-square.",
    "No p-values: where patients were dealt by chance, a test would ask whether they were. What counts is how large a "
    "difference is, and how large it may be.",
)
TAUGHT_AND_SECOND = {"train": "taught the run", "test": "second cohort"}
Groups = Mapping[str, Bool[np.ndarray, "n"]]


@dataclass(frozen=True)
class _Table:
    """Groups of studies side by side, and which pairs of them are held against each other, as second minus first.

    `rows` are what is shown, of which the sentences weigh those that `weighed` names.
    """

    title: str
    groups: Groups
    pairs: tuple[tuple[str, str], ...]
    resampler: Resampler
    rows: tuple[Characteristic, ...]
    weighed: frozenset[str]


def characteristics_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Table 1 of the run behind the first model; None where no model lies in a run folder that says it."""
    enrolled = enrolled_of(cohort.arms)
    if enrolled is None:
        return None
    return section_of(enrolled, cohort.primary_finding, resamples=resampler.resamples, seed=resampler.seed)


def section_of(enrolled: Enrolled, finding: str | None, *, resamples: int, seed: int) -> Section:
    """Table 1 of one run, by split, and by the `finding` that leads (None: by its only one, else by none).

    Of an evaluation on a second cohort it holds this against the studies that taught the run, where they are at hand.
    """
    taught = enrolled.taught
    whole = enrolled if taught is None else joined(taught, enrolled)
    tables = [_by_split(whole, finding, resamples, seed), *_by_finding(enrolled, finding, resamples, seed)]
    sheets, record, sentences = [], [], []
    for table in tables:
        apart = {pair: _apart(table, pair) for pair in table.pairs}
        sheets.append(_sheet(table, apart))
        record.append(_record(table, apart))
        sentences += [_sentence(table, pair, found) for pair, found in apart.items()]
    compared = any(table.pairs for table in tables)
    notes = list(METHOD) if compared else [METHOD[0].partition(" A standard")[0]]
    if not len(enrolled.labels.columns):
        notes.append("The run has no labels.csv: how often its studies have the findings is not known.")
    if enrolled.second is not None and taught is None:
        notes.append("The run that was evaluated does not lie where it lay: its training studies are not beside these.")
    if min(resamples, MOST_RESAMPLES) < resamples and compared:
        notes.append(f"Intervals of this table stand on {MOST_RESAMPLES} resamples and not {resamples}.")
    title = "Characteristics of patients and studies"
    return Section("characteristics", title, tuple(sentences), tuple(sheets), (), tuple(notes), record)


def characteristics_of(enrolled: Enrolled, finding: str | None) -> list[Characteristic]:
    """Every trait, count of images, modality and finding of a run, in this order, `finding` before the others."""
    facts, names = enrolled.facts, list(map(str, enrolled.facts))
    texts = {text_fact(modality) for modality in enrolled.having()}
    known = [name for name in names if name not in texts and facts[name].notna().any()]
    ordered = sorted(known, key=lambda name: modality_of(name, names) is not None)
    found = [
        (of_values if modality_of(name, names) is None or name.startswith(order_fact("")) else of_numbers)(
            name, pd.Series(facts[name])
        )
        for name in ordered
    ]
    found += [of_shares(f"with {name}", PRESENT, has.astype(float)) for name, has in enrolled.having().items()]
    labels = [of_shares(str(name), POSITIVE, enrolled.labels[name].to_numpy()) for name in enrolled.labels]
    return found + sorted(labels, key=lambda one: one.name != finding)


def _by_split(enrolled: Enrolled, finding: str | None, resamples: int, seed: int) -> _Table:
    """All studies, and those of each split; of folds, of which each is tested once, the whole alone."""
    everyone = np.ones(len(enrolled.parts), dtype=bool)
    split = (
        {} if enrolled.folds and enrolled.second is None else {name: enrolled.inside(name) for name in enrolled.names}
    )
    groups = {
        TAUGHT_AND_SECOND.get(name, name) if enrolled.second is not None else name: rows for name, rows in split.items()
    }
    first, *others = groups or [""]
    pairs = tuple((first, name) for name in others if "train" in split and name != UNUSED)
    whole = {} if len(groups) == 1 or enrolled.second is not None else {"all": everyone}
    resampler = Resampler(enrolled.patients, codes_of(enrolled.parts) if groups else None, resamples, seed)
    rows = tuple(characteristics_of(enrolled, finding))
    title = (
        "Table 1" if len(groups) < 2 else "Table 1: by cohort" if enrolled.second is not None else "Table 1: by split"
    )
    return _Table(title, {**whole, **groups}, pairs, resampler, rows, frozenset(one.name for one in rows))


def _by_finding(enrolled: Enrolled, finding: str | None, resamples: int, seed: int) -> list[_Table]:
    """Studies with and without a finding, unused ones aside; none where no finding leads, or a class is empty."""
    columns = list(map(str, enrolled.labels))
    leading = finding if finding in columns else columns[0] if len(columns) == 1 else None
    if leading is None:
        return []
    labels, used = enrolled.labels[leading].to_numpy(), ~enrolled.inside(UNUSED)
    groups = {f"{leading} absent": used & (labels == 0), f"{leading} present": used & (labels == 1)}
    if not all(group.any() for group in groups.values()):
        return []
    absent, present = groups
    rows = tuple(one for one in characteristics_of(enrolled, leading) if one.name != leading)
    weighed = frozenset(one.name for one in rows if one.name not in columns)
    resampler = Resampler(enrolled.patients, None, resamples, seed)
    return [_Table(f"Table 1: by {leading}", groups, ((absent, present),), resampler, rows, weighed)]


def _apart(table: _Table, pair: tuple[str, str]) -> dict[str, Estimate]:
    groups = table.groups[pair[0]], table.groups[pair[1]]
    return {one.name: difference(one, groups, table.resampler) for one in table.rows}


def _sentence(table: _Table, pair: tuple[str, str], found: Mapping[str, Estimate]) -> str:
    """How far apart two groups are at most, and where that was shown to be more than chance."""
    values = {name: one for name, one in found.items() if name in table.weighed and not np.isnan(one.value)}
    head = f"{pair[1]} and {pair[0]}"
    if not values:
        return f"{head} cannot be compared: nothing is known of both."
    most = max(values, key=lambda name: abs(values[name].value))
    beyond = [name for name, one in values.items() if _beyond(one)]
    text = f"{head} differ most in {most}: SMD {with_bounds(values[most])}"
    if not beyond:
        return f"{text}. No difference beyond chance was shown, which does not prove the groups alike."
    bounded = counted(sum(one.low is not None for one in values.values()), "characteristic")
    named = listed([f"{name} ({number(values[name].value)})" for name in beyond])
    return f"{text}. Intervals leave out 0 for {named}; of {bounded}, one in twenty would by chance."


def _beyond(one: Estimate) -> bool:
    return one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)


def _sheet(table: _Table, apart: Mapping[tuple[str, str], Mapping[str, Estimate]]) -> Sheet:
    """The rows of every characteristic; how far groups are apart stands in the first of them."""
    groups = list(table.groups.values())
    blank = ("",) * len(apart)
    rows = [
        ("patients", *(str(len(np.unique(table.resampler.patients[group]))) for group in groups), *blank),
        ("studies", *(str(int(group.sum())) for group in groups), *blank),
    ]
    for one in table.rows:
        cells = tuple(_cell(found[one.name]) for found in apart.values())
        for place, (name, columns) in enumerate(_rows(one)):
            rows.append((name, *(columns(group) for group in groups), *(cells if place == 0 else blank)))
    header = ("", *table.groups, *(f"SMD, {second} − {first}" for first, second in apart))
    return Sheet(table.title, header, tuple(rows))


def _cell(estimate: Estimate) -> str:
    """A standardized mean difference; a dash where it is undefined, 0 alone where nothing varies."""
    if np.isnan(estimate.value):
        return "–"
    return "0" if estimate.low == estimate.high == estimate.value == 0 else with_interval(estimate)


def _rows(one: Characteristic) -> list[tuple[str, Callable[[np.ndarray], str]]]:
    """The rows of a characteristic: what each is called, and its cell as a function of a group."""
    known, levels = one.known, one.levels
    rows: list[tuple[str, Callable[[np.ndarray], str]]] = []
    if not levels:
        rows.append((one.name, lambda group: _quartiles(one.columns[group & known, 0])))
    shown = len(levels) if len(levels) <= MOST_LEVELS + 1 else MOST_LEVELS
    for place in range(1 if one.complement else shown):
        name = f"… {levels[place]}" if place else one.name if levels[0] == PRESENT else f"{one.name}, {levels[0]}"
        rows.append((name, partial(_share, one.columns[:, place], known)))
    if len(levels) > shown:
        rest = one.columns[:, shown:].sum(axis=1)
        rows.append((f"… {len(levels) - shown} others", partial(_share, rest, known)))
    if not known.all():
        word = "unknown" if one.complement else "missing"
        rows.append((f"… {word}", partial(_share, (~known).astype(float), np.ones_like(known))))
    return rows


def _quartiles(values: np.ndarray) -> str:
    """`61 [52, 70]`, of three digits; a dash without any value."""
    if not len(values):
        return "–"
    low, middle, high = (
        f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}" for value in np.percentile(values, [25, 50, 75])
    )
    return f"{middle} [{low}, {high}]"


def _share(column: np.ndarray, known: np.ndarray, group: np.ndarray) -> str:
    """`12 (14.1 %)` of the known studies of a group; a dash where it has none."""
    rows = known & group
    total, count = int(rows.sum()), int(column[rows].sum())
    return f"{count} ({100 * count / total:.1f} %)" if total else "–"


def _record(table: _Table, apart: Mapping[tuple[str, str], Mapping[str, Estimate]]) -> dict[str, Any]:
    """The numbers behind a table: of each group and characteristic its quartiles, or the count of each level."""
    groups = {}
    for name, group in table.groups.items():
        groups[name] = {"studies": int(group.sum()), "patients": len(np.unique(table.resampler.patients[group]))}
        groups[name]["characteristics"] = {one.name: _numbers(one, group) for one in table.rows}
    differences = [
        {"group": second, "minus": first, "characteristic": name, "smd": estimate.to_json()}
        for (first, second), found in apart.items()
        for name, estimate in found.items()
    ]
    return {"table": table.title, "groups": groups, "differences": differences}


def _numbers(one: Characteristic, group: np.ndarray) -> dict[str, Any]:
    rows = group & one.known
    record: dict[str, Any] = {"known": int(rows.sum()), "missing": int((group & ~one.known).sum())}
    if one.levels:
        counts = one.columns[rows].sum(axis=0).astype(int).tolist()
        return record | {"counts": dict(zip(one.levels, counts, strict=True))}
    quartiles = np.percentile(one.columns[rows, 0], [25, 50, 75]).tolist() if rows.any() else [None] * 3
    return record | dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True))
