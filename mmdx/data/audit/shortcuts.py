"""Shortcuts: findings that a fact without evidence of disease (scanner, source, age, file names) predicts by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from mmdx.data.audit.issues import Issue
from mmdx.data.audit.pixels import FACTS
from mmdx.data.audit.probes import Area, area, cross_validated, enough
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.study import count_fact, order_fact, text_fact

CHANCE = 0.6
"""A shortcut is warned of where the lower bound of the interval of its AUROC passes this."""
BINS = 5
"""Numbers are cut into this many groups of equal size, so that an effect may rise and then fall."""
MOST_ROWS = 20_000
"""Studies that probes are fitted on, spread evenly over a larger store."""
_ABSENT = "absent"

Fact = tuple[str | float | None, ...]


def check_shortcuts(facts: StoreFacts) -> list[Issue]:
    """A warning for each fact that predicts a finding, and one note with the rest of what was tried."""
    rows = np.arange(len(facts))
    if len(rows) > MOST_ROWS:
        rows = np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(int)
    warnings, tried = [], {}
    for name, values in known_facts(facts).items():
        groups = grouped([values[row] for row in rows])
        if len(set(groups)) < 2:
            continue
        areas = _areas(facts, groups, rows)
        tried[name] = {finding: interval.to_json() for finding, interval in areas.items()}
        predicted = {finding: interval for finding, interval in areas.items() if interval.low > CHANCE}
        if predicted:
            warnings.append((max(interval.value for interval in predicted.values()), _warning(name, predicted)))
    ranked = [warning for _, warning in sorted(warnings, key=lambda pair: -pair[0])]
    skipped = [
        finding
        for column, finding in enumerate(facts.findings)
        if not enough(facts.labels[rows, column], facts.patients[rows])
    ]
    untested = f"; {', '.join(skipped)}: too few patients" if skipped else ""
    sentence = f"{len(tried)} facts were tried as predictors of {len(facts.findings) - len(skipped)} findings{untested}"
    return [*ranked, Issue("shortcuts tried", "note", sentence, (), {"facts": tried, "skipped": skipped})]


def known_facts(facts: StoreFacts) -> dict[str, Fact]:
    """Every fact by name, one value per study: traits, which modalities it has, its images and their order, its id."""
    names = dict.fromkeys(name for traits in facts.traits for name in traits)
    values: dict[str, Fact] = {name: tuple(traits.get(name) for traits in facts.traits) for name in names}
    for name, texts in facts.reports.items():
        values[text_fact(name)] = tuple("yes" if text else "no" for text in texts)
    for name, images in facts.images.items():
        values[count_fact(name)] = tuple(float(length) for length in facts.lengths[name])
        values[order_fact(name)] = facts.sources[name]
        spans = [images.facts[images.of(row)] for row in range(len(facts))]
        for column, fact in enumerate(FACTS):
            values[f"{fact} of {name}"] = tuple(
                float(np.median(span[:, column])) if len(span) else None for span in spans
            )
    values["words of the study_id"] = tuple(re.sub(r"\d+", "#", study_id) for study_id in facts.study_ids)
    values["number in the study_id"] = tuple(_first_number(study_id) for study_id in facts.study_ids)
    return values


def grouped(values: Sequence[str | float | None]) -> list[str]:
    """Values as groups: words as they are, numbers by quintile (their own values where there are few), `absent`."""
    numbers = np.array([value for value in values if isinstance(value, float) and math.isfinite(value)])
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1])) if len(numbers) else np.zeros(0)
    distinct = set(numbers.tolist())
    return [_group(value, edges, few=len(distinct) <= BINS) for value in values]


def _group(value: str | float | None, edges: Float[np.ndarray, "e"], *, few: bool) -> str:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return _ABSENT
    if isinstance(value, str):
        return f"={value}"
    return f"{value:g}" if few else f"group {int(np.searchsorted(edges, value, side='left'))}"


def _areas(facts: StoreFacts, groups: Sequence[str], rows: Int[np.ndarray, "n"]) -> dict[str, Area]:
    areas = {}
    encoder = OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist")
    table = csr_matrix(encoder.fit_transform(np.array(groups, dtype=object)[:, None]))
    for column, finding in enumerate(facts.findings):
        labels = facts.labels[rows, column]
        labelled = np.flatnonzero(~np.isnan(labels))
        labels_known, patients = labels[labelled].astype(float), facts.patients[rows[labelled]]
        if enough(labels_known, patients):
            areas[finding] = area(labels_known, _scores(table[labelled], labels_known, patients), patients)
    return areas


def _scores(
    table: csr_matrix, labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    def fitted(train: Int[np.ndarray, "a"], held: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b"]:
        probe = LogisticRegression(class_weight="balanced", max_iter=200, solver="liblinear")
        return probe.fit(table[train], labels[train].astype(int)).decision_function(table[held])

    return cross_validated(labels, patients, fitted)


def _warning(name: str, predicted: Mapping[str, Area]) -> Issue:
    best = max(predicted, key=lambda finding: predicted[finding].value)
    more = f" (and {len(predicted) - 1} more)" if len(predicted) > 1 else ""
    sentence = (
        f"'{name}' alone predicts {best}{more}: AUROC {predicted[best]}; hold models against it, or score within its "
        "groups"
    )
    figures = {"fact": name, "findings": {finding: interval.to_json() for finding, interval in predicted.items()}}
    return Issue("shortcut", "warning", sentence, (), figures)


def _first_number(study_id: str) -> float | None:
    match = re.search(r"\d{1,15}", study_id)
    return float(match.group()) if match else None
