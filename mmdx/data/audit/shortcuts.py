"""Shortcuts: what facts that are no evidence of disease (scanner, source, age, file names) predict by themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from mmdx.data.audit.evidence import Evidence
from mmdx.data.audit.issues import Finding
from mmdx.data.audit.pixels import FACTS
from mmdx.data.audit.probes import Area, area, cross_validated, enough

CHANCE = 0.6
"""A shortcut is warned of where the lower bound of the interval of its AUROC passes this."""
BINS = 5
"""Numbers are cut into so many groups of equal size, so that an effect need not rise or fall throughout."""
MOST_ROWS = 20_000
"""Studies that probes are fitted on, spread evenly over a larger store."""
_ABSENT = "absent"

Fact = tuple[str | float | None, ...]


def check_shortcuts(evidence: Evidence) -> list[Finding]:
    """A warning for each fact that predicts a finding, and one note with the rest of what was tried."""
    rows = np.arange(len(evidence))
    if len(rows) > MOST_ROWS:
        rows = np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(int)
    findings, tried = [], {}
    for name, values in known_facts(evidence).items():
        groups = grouped([values[row] for row in rows])
        if len(set(groups)) < 2:
            continue
        areas = _areas(evidence, groups, rows)
        tried[name] = {finding: found.to_json() for finding, found in areas.items()}
        shown = {finding: found for finding, found in areas.items() if found.low > CHANCE}
        if shown:
            findings.append((max(found.value for found in shown.values()), _warning(name, shown)))
    ranked = [finding for _, finding in sorted(findings, key=lambda pair: -pair[0])]
    skipped = [
        finding
        for column, finding in enumerate(evidence.findings)
        if not enough(evidence.labels[rows, column], evidence.patients[rows])
    ]
    untested = f"; {', '.join(skipped)}: too few patients" if skipped else ""
    sentence = (
        f"{len(tried)} facts were tried as predictors of {len(evidence.findings) - len(skipped)} findings{untested}"
    )
    return [*ranked, Finding("shortcuts tried", "note", sentence, (), {"facts": tried, "skipped": skipped})]


def known_facts(evidence: Evidence) -> dict[str, Fact]:
    """Every fact by name, a value a study: traits, what is there, its images and their order, the study's id."""
    names = dict.fromkeys(name for facts in evidence.traits for name in facts)
    found: dict[str, Fact] = {name: tuple(facts.get(name) for facts in evidence.traits) for name in names}
    for name, texts in evidence.reports.items():
        found[f"having a {name}"] = tuple("yes" if text else "no" for text in texts)
    for name, facts in evidence.images.items():
        found[f"number of {name}s"] = tuple(float(length) for length in evidence.lengths[name])
        found[f"order source of {name}"] = evidence.sources[name]
        spans = [facts.facts[facts.of(row)] for row in range(len(evidence))]
        for column, fact in enumerate(FACTS):
            found[f"{fact} of {name}"] = tuple(float(np.median(own[:, column])) if len(own) else None for own in spans)
    found["words of the study_id"] = tuple(re.sub(r"\d+", "#", study_id) for study_id in evidence.study_ids)
    found["number in the study_id"] = tuple(_first_number(study_id) for study_id in evidence.study_ids)
    return found


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


def _areas(evidence: Evidence, groups: Sequence[str], rows: Int[np.ndarray, "n"]) -> dict[str, Area]:
    found = {}
    encoder = OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist")
    table = csr_matrix(encoder.fit_transform(np.array(groups, dtype=object)[:, None]))
    for column, finding in enumerate(evidence.findings):
        labels = evidence.labels[rows, column]
        known = np.flatnonzero(~np.isnan(labels))
        told, patients = labels[known].astype(float), evidence.patients[rows[known]]
        if enough(told, patients):
            found[finding] = area(told, _scores(table[known], told, patients), patients)
    return found


def _scores(
    table: csr_matrix, labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    def fitted(train: Int[np.ndarray, "a"], held: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b"]:
        probe = LogisticRegression(class_weight="balanced", max_iter=200, solver="liblinear")
        return probe.fit(table[train], labels[train].astype(int)).decision_function(table[held])

    return cross_validated(labels, patients, fitted)


def _warning(name: str, shown: Mapping[str, Area]) -> Finding:
    best = max(shown, key=lambda finding: shown[finding].value)
    more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
    sentence = (
        f"'{name}' alone predicts {best}{more}: AUROC {shown[best]}; hold models against it, or score within its groups"
    )
    figures = {"fact": name, "findings": {finding: found.to_json() for finding, found in shown.items()}}
    return Finding("shortcut", "warning", sentence, (), figures)


def _first_number(study_id: str) -> float | None:
    found = re.search(r"\d{1,15}", study_id)
    return float(found.group()) if found else None
