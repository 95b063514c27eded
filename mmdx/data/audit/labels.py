"""Labels that cannot be learnt or do not fit together, and how often a finding is there in each split and group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import fisher_exact

from mmdx.data.audit.issues import Issue, plural
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.errors import some
from mmdx.study import SPLITS

UNLIKELY = 0.001
"""A difference between a split and the rest is reported below this p-value (Fisher's exact test)."""
APART = 0.15
"""The smallest difference of prevalences that is reported."""
MOST_GROUPS, FEWEST_IN_GROUP = 8, 10
"""Traits with more values than this, and values of fewer studies, are not tabulated."""
MOSTLY_MISSING = 0.5


def check_labels(facts: StoreFacts) -> list[Issue]:
    """Constant, missing and contradictory labels; differences between splits; a note with all prevalences."""
    return [
        *_unusable(facts),
        *_contradictions(facts),
        *_splits(facts),
        Issue(
            "prevalence",
            "note",
            f"prevalences of {plural(len(facts.findings), 'finding')} by split and by trait are in audit.json",
            (),
            {"splits": _by_split(facts), "groups": _by_group(facts)},
        ),
    ]


def _unusable(facts: StoreFacts) -> list[Issue]:
    if not facts.findings:
        return [Issue("no labels", "warning", "the store has no finding; there is nothing to learn from it")]
    issues = []
    is_known = ~np.isnan(facts.labels)
    missing = [f for f, column in zip(facts.findings, is_known.T, strict=True) if not column.any()]
    constant = [
        f"{f} (always {column[has_label][0]:g})"
        for f, column, has_label in zip(facts.findings, facts.labels.T, is_known.T, strict=True)
        if has_label.any() and len(set(column[has_label].tolist())) == 1
    ]
    rare = [
        f"{f} ({1 - column.mean():.0%})"
        for f, column in zip(facts.findings, is_known.T, strict=True)
        if column.any() and column.mean() < 1 - MOSTLY_MISSING
    ]
    if missing:
        issues.append(Issue("missing labels", "warning", f"no study has a label for {some(missing)}; leave it out"))
    if constant:
        issues.append(Issue("constant labels", "warning", f"one class only: {some(constant)}; leave it out"))
    if rare:
        issues.append(
            Issue("missing labels", "note", f"mostly unlabelled: {some(rare)}; unlabelled studies count nowhere")
        )
    return issues


def _contradictions(facts: StoreFacts) -> list[Issue]:
    wrong = (
        ("positive on an image, negative as a study", facts.slice_positive & (facts.labels == 0)),
        ("positive as a study, negative on every image", facts.slice_negative & (facts.labels == 1)),
    )
    issues = []
    for what, where in wrong:
        names = [f for f, column in zip(facts.findings, where.T, strict=True) if column.any()]
        rows = _ids(facts, where.any(axis=1))
        if rows:
            sentence = (
                f"{some(names)} {what}: {plural(len(rows), 'study', 'studies')} ({some(rows)}); correct the table"
            )
            figures = {
                f: list(_ids(facts, column)) for f, column in zip(facts.findings, where.T, strict=True) if column.any()
            }
            issues.append(Issue("contradictory labels", "warning", sentence, rows, figures))
    return issues


def _splits(facts: StoreFacts) -> list[Issue]:
    """Splits without anybody, with one class alone, or unlike the rest."""
    issues = []
    for split in SPLITS:
        inside = facts.in_split(split)
        if not inside.any():
            issues.append(Issue("empty split", "warning", f"no study in {split}; deal the patients anew"))
            continue
        single, unlike = [], []
        for finding, labels in zip(facts.findings, facts.labels.T, strict=True):
            if len(set(labels[~np.isnan(labels)].tolist())) < 2:
                continue
            in_split = labels[inside]
            if len(set(in_split[~np.isnan(in_split)].tolist())) < 2:
                single.append(finding)
            elif _differ(in_split, labels[~inside]):
                unlike.append(f"{finding} {np.nanmean(in_split):.0%}, else {np.nanmean(labels[~inside]):.0%}")
        if single:
            sentence = (
                f"{split} has one class only of {some(single)}; it cannot be scored there: deal the patients anew"
            )
            issues.append(Issue("one-class split", "warning", sentence, _ids(facts, inside)))
        if unlike:
            sentence = f"{split} is unlike the other splits: {some(unlike)}; was it meant to be?"
            issues.append(Issue("prevalence", "warning", sentence, _ids(facts, inside)))
    return issues


def _differ(inside: Float[np.ndarray, "n"], outside: Float[np.ndarray, "m"]) -> bool:
    table = [[int((side == kind).sum()) for kind in (1, 0)] for side in (inside, outside)]
    if min(map(sum, table)) == 0 or abs(float(np.nanmean(inside)) - float(np.nanmean(outside))) < APART:
        return False
    return bool(fisher_exact(table)[1] < UNLIKELY)  # pyright: ignore[reportOperatorIssue]


def _by_split(facts: StoreFacts) -> dict[str, Any]:
    return {split: _prevalences(facts, facts.in_split(split)) for split in SPLITS}


def _by_group(facts: StoreFacts) -> dict[str, Any]:
    """For traits of a few words, the prevalences among the studies with each."""
    tables = {}
    for name in dict.fromkeys(name for traits in facts.traits for name in traits):
        values = [traits.get(name) for traits in facts.traits]
        counts = Counter(value for value in values if isinstance(value, str))
        groups = [value for value, count in counts.most_common(MOST_GROUPS) if count >= FEWEST_IN_GROUP]
        if len(counts) <= MOST_GROUPS and len(groups) > 1:
            tables[name] = {g: _prevalences(facts, np.array([value == g for value in values])) for g in groups}
    return tables


def _prevalences(facts: StoreFacts, chosen: Bool[np.ndarray, "n"]) -> dict[str, Any]:
    labels = facts.labels[chosen]
    counts: dict[str, Any] = {"studies": int(chosen.sum())}
    for finding, column in zip(facts.findings, labels.T, strict=True):
        positive, labelled = int((column == 1).sum()), int((~np.isnan(column)).sum())
        counts[finding] = {"positive": positive, "labelled": labelled}
    return counts


def _ids(facts: StoreFacts, chosen: Sequence[bool] | Bool[np.ndarray, "n"]) -> tuple[str, ...]:
    return tuple(study for study, is_chosen in zip(facts.study_ids, chosen, strict=True) if is_chosen)
