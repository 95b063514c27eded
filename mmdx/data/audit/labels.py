"""Labels that cannot be learnt or do not fit together, and how often a finding is there in each split and group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import fisher_exact

from mmdx.data.audit.evidence import Evidence
from mmdx.data.audit.issues import Finding, plural
from mmdx.errors import some
from mmdx.study import SPLITS

UNLIKELY = 0.001
"""The p-value (Fisher's exact test) below which a difference between a split and the rest is told."""
APART = 0.15
"""The least such difference of prevalences."""
MOST_GROUPS, FEWEST_IN_GROUP = 8, 10
"""Traits with more values than this, and values of fewer studies, are not tabulated."""
MOSTLY_MISSING = 0.5


def check_labels(evidence: Evidence) -> list[Finding]:
    """Constant, missing and contradictory labels; differences between splits; a note with all prevalences."""
    return [
        *_unusable(evidence),
        *_contradictions(evidence),
        *_splits(evidence),
        Finding(
            "prevalence",
            "note",
            f"prevalences of {plural(len(evidence.findings), 'finding')} by split and by trait are in audit.json",
            (),
            {"splits": _by_split(evidence), "groups": _by_group(evidence)},
        ),
    ]


def _unusable(evidence: Evidence) -> list[Finding]:
    if not evidence.findings:
        return [Finding("no labels", "warning", "the store has no finding; there is nothing to learn from it")]
    found = []
    known = ~np.isnan(evidence.labels)
    missing = [f for f, own in zip(evidence.findings, known.T, strict=True) if not own.any()]
    constant = [
        f"{f} (always {own[is_known][0]:g})"
        for f, own, is_known in zip(evidence.findings, evidence.labels.T, known.T, strict=True)
        if is_known.any() and len(set(own[is_known].tolist())) == 1
    ]
    rare = [
        f"{f} ({1 - own.mean():.0%})"
        for f, own in zip(evidence.findings, known.T, strict=True)
        if own.any() and own.mean() < 1 - MOSTLY_MISSING
    ]
    if missing:
        found.append(Finding("missing labels", "warning", f"no study has a label for {some(missing)}; leave it out"))
    if constant:
        found.append(Finding("constant labels", "warning", f"one class only: {some(constant)}; leave it out"))
    if rare:
        found.append(
            Finding("missing labels", "note", f"mostly unlabelled: {some(rare)}; unlabelled studies count nowhere")
        )
    return found


def _contradictions(evidence: Evidence) -> list[Finding]:
    wrong = (
        ("positive on an image, negative as a study", evidence.slice_positive & (evidence.labels == 0)),
        ("positive as a study, negative on every image", evidence.slice_negative & (evidence.labels == 1)),
    )
    found = []
    for what, where in wrong:
        columns = [f for f, own in zip(evidence.findings, where.T, strict=True) if own.any()]
        rows = _ids(evidence, where.any(axis=1))
        if rows:
            sentence = (
                f"{some(columns)} {what}: {plural(len(rows), 'study', 'studies')} ({some(rows)}); correct the table"
            )
            figures = {
                f: list(_ids(evidence, own)) for f, own in zip(evidence.findings, where.T, strict=True) if own.any()
            }
            found.append(Finding("contradictory labels", "warning", sentence, rows, figures))
    return found


def _splits(evidence: Evidence) -> list[Finding]:
    """Splits without anybody, with one class alone, or unlike the rest."""
    findings = []
    for split in SPLITS:
        inside = evidence.in_split(split)
        if not inside.any():
            findings.append(Finding("empty split", "warning", f"no study in {split}; deal the patients anew"))
            continue
        single, unlike = [], []
        for finding, labels in zip(evidence.findings, evidence.labels.T, strict=True):
            if len(set(labels[~np.isnan(labels)].tolist())) < 2:
                continue
            here = labels[inside]
            if len(set(here[~np.isnan(here)].tolist())) < 2:
                single.append(finding)
            elif _differ(here, labels[~inside]):
                unlike.append(f"{finding} {np.nanmean(here):.0%}, else {np.nanmean(labels[~inside]):.0%}")
        if single:
            sentence = (
                f"{split} has one class only of {some(single)}; it cannot be scored there: deal the patients anew"
            )
            findings.append(Finding("one-class split", "warning", sentence, _ids(evidence, inside)))
        if unlike:
            sentence = f"{split} is unlike the other splits: {some(unlike)}; was it meant to be?"
            findings.append(Finding("prevalence", "warning", sentence, _ids(evidence, inside)))
    return findings


def _differ(here: Float[np.ndarray, "n"], there: Float[np.ndarray, "m"]) -> bool:
    table = [[int((own == kind).sum()) for kind in (1, 0)] for own in (here, there)]
    if min(map(sum, table)) == 0 or abs(float(np.nanmean(here)) - float(np.nanmean(there))) < APART:
        return False
    return bool(fisher_exact(table)[1] < UNLIKELY)  # pyright: ignore[reportOperatorIssue]


def _by_split(evidence: Evidence) -> dict[str, Any]:
    return {split: _prevalences(evidence, evidence.in_split(split)) for split in SPLITS}


def _by_group(evidence: Evidence) -> dict[str, Any]:
    """For traits of a few words, the prevalences among the studies with each."""
    tables = {}
    for name in dict.fromkeys(name for facts in evidence.traits for name in facts):
        values = [facts.get(name) for facts in evidence.traits]
        counts = Counter(value for value in values if isinstance(value, str))
        groups = [value for value, count in counts.most_common(MOST_GROUPS) if count >= FEWEST_IN_GROUP]
        if len(counts) <= MOST_GROUPS and len(groups) > 1:
            tables[name] = {g: _prevalences(evidence, np.array([value == g for value in values])) for g in groups}
    return tables


def _prevalences(evidence: Evidence, chosen: Bool[np.ndarray, "n"]) -> dict[str, Any]:
    labels = evidence.labels[chosen]
    found: dict[str, Any] = {"studies": int(chosen.sum())}
    for finding, own in zip(evidence.findings, labels.T, strict=True):
        positive, known = int((own == 1).sum()), int((~np.isnan(own)).sum())
        found[finding] = {"positive": positive, "labelled": known}
    return found


def _ids(evidence: Evidence, chosen: Sequence[bool] | Bool[np.ndarray, "n"]) -> tuple[str, ...]:
    return tuple(study for study, is_chosen in zip(evidence.study_ids, chosen, strict=True) if is_chosen)
