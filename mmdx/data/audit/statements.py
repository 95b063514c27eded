"""Report leakage: does the text state the label, and does it still do so when terms or sections are withheld?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmdx.data.audit.corpus import Corpus
from mmdx.data.audit.issues import Issue
from mmdx.data.audit.lexicon import Lexicon, stated
from mmdx.data.audit.negation import words
from mmdx.data.audit.probes import Area, area, enough
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.data.text.redaction import redacted
from mmdx.data.text.sections import sections
from mmdx.data.text.words import shared
from mmdx.schema import ReportOptions

AGREEING = 0.8
"""The share of reports that speak of a finding which must agree with its label for the text to state it."""
TOLD = 0.2
"""The share of the positive reports that must speak, too."""
NEARLY_STATED = 0.9
"""The AUROC, at its lower bound, from which a text is taken to state the label in words that no lexicon has."""
CHANCE = 0.6
"""The AUROC that the lower bound of an interval must pass for a probe to have learnt something."""
MOST_REPORTS = 20_000
"""Reports that probes are fitted on, spread evenly over a larger store."""
COMMON_SECTION = 0.2
"""The share of reports that must have a section for a probe of its own."""


@dataclass(frozen=True)
class Statement:
    """What one text modality says about one finding.

    `reports` have a label. `spoken` of them use a term of the lexicon, in the studies `rows`; `right` of these agree
    with the label. `told` is the share of the positive reports that state it. `text` and `masked` are the AUROC of the
    probe before and after terms are withheld, None with too few patients; `masked_spoken` still use a term then.
    """

    finding: str
    rows: tuple[str, ...]
    reports: int
    spoken: int
    right: int
    told: float
    text: Area | None
    masked: Area | None
    masked_spoken: int
    sections: Mapping[str, Area]
    terms: Sequence[Mapping[str, Any]]

    @property
    def states(self) -> bool:
        return self.told >= TOLD and self.right >= AGREEING * self.spoken

    def to_json(self) -> dict[str, Any]:
        return {
            "finding": self.finding,
            "reports": self.reports,
            "lexicon": {"spoken": self.spoken, "right": self.right, "positives_told": round(self.told, 4)},
            "text": self.text.to_json() if self.text else None,
            "masked": self.masked.to_json() if self.masked else None,
            "masked_spoken": self.masked_spoken,
            "sections": {name: interval.to_json() for name, interval in self.sections.items()},
            "terms": [dict(term) for term in self.terms],
        }


def check_statements(facts: StoreFacts, lexicon: Lexicon, options: ReportOptions | None) -> list[Issue]:
    """A warning for each finding that a text states, one note on what else it predicts, by text modality.

    `options` say what is withheld before the probe is fitted again; None masks every term of the lexicon.
    """
    issues = []
    for name, texts in facts.reports.items():
        statements = _statements(facts, texts, lexicon, options)
        issues += [_warning(name, statement) for statement in statements if statement.states or _nearly(statement)]
        rest = [statement for statement in statements if not statement.states and not _nearly(statement)]
        issues += _notes(name, rest)
    return issues


def default_options(findings: Sequence[str], lexicon: Lexicon) -> ReportOptions:
    """Every term of every finding, masked."""
    return ReportOptions(mask=tuple(dict.fromkeys(term for f in findings for term in lexicon.terms(f).all)))


def _statements(
    facts: StoreFacts, texts: Sequence[str | None], lexicon: Lexicon, options: ReportOptions | None
) -> list[Statement]:
    rows = np.array([row for row, text in enumerate(texts) if text], dtype=int)
    if len(rows) > MOST_REPORTS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_REPORTS).round().astype(int)]
    written = [str(texts[row]) for row in rows]
    withholding = options or default_options(facts.findings, lexicon)
    withheld = [redacted(text, withholding) for text in written]
    corpus, masked = Corpus(written), Corpus(withheld)
    by_section = _sections(written, facts.patients[rows])
    spoken, spoken_masked = [words(text) for text in written], [words(text) for text in withheld]
    statements = []
    for column, finding in enumerate(facts.findings):
        labels, terms = facts.labels[rows, column], lexicon.terms(finding)
        labelled = np.flatnonzero(~np.isnan(labels))
        studies = tuple(facts.study_ids[row] for row in rows[labelled])
        reports_with_label = _Labelled(
            studies, labels[labelled].astype(float), facts.patients[rows[labelled]], labelled
        )
        statements_before = [stated(spoken[i], terms) for i in labelled]
        statements_after = [stated(spoken_masked[i], terms) for i in labelled]
        statements.append(
            _statement(finding, reports_with_label, statements_before, statements_after, corpus, masked, by_section)
        )
    return statements


@dataclass(frozen=True)
class _Labelled:
    """The reports whose label is known: labels, patients, and where they stand in the corpus."""

    studies: tuple[str, ...]
    labels: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]
    rows: Int[np.ndarray, "n"]

    def probe(self, corpus: Corpus) -> Area | None:
        if not enough(self.labels, self.patients):
            return None
        return area(self.labels, corpus.scores(self.labels, self.patients, self.rows), self.patients)


def _statement(
    finding: str,
    reports: _Labelled,
    before: Sequence[float | None],
    after: Sequence[float | None],
    corpus: Corpus,
    masked: Corpus,
    by_section: Mapping[str, Corpus],
) -> Statement:
    right = [bool(value == label) for value, label in zip(before, reports.labels, strict=True) if value is not None]
    positive = [value == 1 for value, label in zip(before, reports.labels, strict=True) if label == 1]
    text = reports.probe(corpus)
    probed = {name: reports.probe(section) for name, section in by_section.items()}
    return Statement(
        finding=finding,
        rows=tuple(study for study, value in zip(reports.studies, before, strict=True) if value is not None),
        reports=len(reports.labels),
        spoken=len(right),
        right=sum(right),
        told=sum(positive) / len(positive) if positive else 0.0,
        text=text,
        masked=reports.probe(masked),
        masked_spoken=sum(value is not None for value in after),
        sections={name: interval for name, interval in probed.items() if interval is not None},
        terms=corpus.strongest(reports.labels, reports.patients, reports.rows) if text else [],
    )


def _sections(reports: Sequence[str], patients: Int[np.ndarray, "n"]) -> dict[str, Corpus]:
    """A corpus for each common section, where reports have several."""
    parts = [sections(report) for report in reports]
    several = shared(parts, patients.tolist())
    counts: dict[str, int] = {}
    for part in parts:
        for name in part:
            counts[name] = counts.get(name, 0) + 1
    common = [
        name for name, count in counts.items() if name in several and name and count >= COMMON_SECTION * len(reports)
    ]
    return {name: Corpus([part.get(name, "") for part in parts]) for name in sorted(common)} if len(common) > 1 else {}


def _nearly(statement: Statement) -> bool:
    return statement.text is not None and statement.text.low >= NEARLY_STATED


def _warning(name: str, statement: Statement) -> Issue:
    probe = f"AUROC {statement.text}, masked {statement.masked}" if statement.text else "too few patients for a probe"
    advice = "mask it" if statement.masked is None or statement.masked.low < NEARLY_STATED else "masking is not enough"
    if statement.states:
        share = f"{statement.right} of {statement.spoken}"
        what = f"{name} states {statement.finding}, rightly in {share} that name it; {probe}; {advice}"
    else:
        best = ", ".join(term["term"] for term in statement.terms[:3])
        what = f"{name} nearly states {statement.finding} ({best}): {probe}; mask its words by --lexicon"
    return Issue(
        "report leakage", "warning", what, statement.rows, {"modality": name, "statements": [statement.to_json()]}
    )


def _notes(name: str, rest: Sequence[Statement]) -> list[Issue]:
    """What a text predicts without stating it, and what could not be probed."""
    issues = []
    statements = [statement for statement in rest if statement.text and statement.text.low > CHANCE]
    probed = sorted(statements, key=lambda statement: -_value(statement))
    if probed:
        best = probed[0]
        more = f" and {len(probed) - 1} more" if len(probed) > 1 else ""
        sentence = (
            f"{name} alone predicts {best.finding}{more} unstated: AUROC {best.text}, masked {best.masked}; hold fused "
            "models against it"
        )
        figures = {"modality": name, "statements": [statement.to_json() for statement in rest if statement.text]}
        issues.append(Issue("report evidence", "note", sentence, (), figures))
    skipped = [statement.finding for statement in rest if statement.text is None and statement.reports]
    if skipped:
        sentence = f"{name}: too few patients with or without {', '.join(skipped)} for a probe of the text"
        issues.append(Issue("report probe", "note", sentence, (), {"modality": name, "findings": skipped}))
    return issues


def _value(statement: Statement) -> float:
    return statement.text.value if statement.text else 0.0
