"""Report leakage: does the text state the label, and what is left of that when terms or sections are withheld?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmdx.config import ReportOptions
from mmdx.data.audit.corpus import Corpus
from mmdx.data.audit.evidence import Evidence
from mmdx.data.audit.issues import Finding
from mmdx.data.audit.lexicon import Lexicon, stated
from mmdx.data.audit.negation import words
from mmdx.data.audit.probes import Area, area, enough
from mmdx.data.text.redaction import redacted
from mmdx.data.text.sections import sections

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
    """What one text modality tells of one finding; `text` and `masked` are the probe's, None with too few patients.

    `rows` are the studies whose report uses a term of the lexicon; `right` of these `spoken` ones agree with the label.
    `told` is the share of positive reports that do.
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
            "sections": {name: found.to_json() for name, found in self.sections.items()},
            "terms": [dict(term) for term in self.terms],
        }


def check_statements(evidence: Evidence, lexicon: Lexicon, options: ReportOptions | None) -> list[Finding]:
    """A warning for each finding that a text states, one note on what else it predicts, by text modality.

    `options` say what is withheld before the probe is fitted again; None masks every term of the lexicon.
    """
    findings = []
    for name, texts in evidence.reports.items():
        statements = _statements(evidence, texts, lexicon, options)
        findings += [_warning(name, one) for one in statements if one.states or _nearly(one)]
        rest = [one for one in statements if not one.states and not _nearly(one)]
        findings += _notes(name, rest)
    return findings


def default_options(findings: Sequence[str], lexicon: Lexicon) -> ReportOptions:
    """Every term of every finding, masked."""
    return ReportOptions(mask=tuple(dict.fromkeys(term for f in findings for term in lexicon.terms(f).all)))


def _statements(
    evidence: Evidence, texts: Sequence[str | None], lexicon: Lexicon, options: ReportOptions | None
) -> list[Statement]:
    rows = np.array([row for row, text in enumerate(texts) if text], dtype=int)
    if len(rows) > MOST_REPORTS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_REPORTS).round().astype(int)]
    written = [str(texts[row]) for row in rows]
    asked = options or default_options(evidence.findings, lexicon)
    withheld = [redacted(text, asked) for text in written]
    corpus, masked = Corpus(written), Corpus(withheld)
    by_section = _sections(written)
    spoken, spoken_masked = [words(text) for text in written], [words(text) for text in withheld]
    found = []
    for column, finding in enumerate(evidence.findings):
        labels, terms = evidence.labels[rows, column], lexicon.terms(finding)
        known = np.flatnonzero(~np.isnan(labels))
        studies = tuple(evidence.study_ids[row] for row in rows[known])
        here = _Labelled(studies, labels[known].astype(float), evidence.patients[rows[known]], known)
        said = [stated(spoken[i], terms) for i in known]
        after = [stated(spoken_masked[i], terms) for i in known]
        found.append(_statement(finding, here, said, after, corpus, masked, by_section))
    return found


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
    here: _Labelled,
    said: Sequence[float | None],
    after: Sequence[float | None],
    corpus: Corpus,
    masked: Corpus,
    by_section: Mapping[str, Corpus],
) -> Statement:
    right = [bool(value == label) for value, label in zip(said, here.labels, strict=True) if value is not None]
    positive = [value == 1 for value, label in zip(said, here.labels, strict=True) if label == 1]
    text = here.probe(corpus)
    probed = {name: here.probe(section) for name, section in by_section.items()}
    return Statement(
        finding=finding,
        rows=tuple(study for study, value in zip(here.studies, said, strict=True) if value is not None),
        reports=len(here.labels),
        spoken=len(right),
        right=sum(right),
        told=sum(positive) / len(positive) if positive else 0.0,
        text=text,
        masked=here.probe(masked),
        masked_spoken=sum(value is not None for value in after),
        sections={name: found for name, found in probed.items() if found is not None},
        terms=corpus.strongest(here.labels, here.rows) if text else [],
    )


def _sections(reports: Sequence[str]) -> dict[str, Corpus]:
    """A corpus for each common section, where reports have several."""
    parts = [sections(report) for report in reports]
    counts: dict[str, int] = {}
    for own in parts:
        for name in own:
            counts[name] = counts.get(name, 0) + 1
    common = [name for name, count in counts.items() if name and count >= COMMON_SECTION * len(reports)]
    return {name: Corpus([own.get(name, "") for own in parts]) for name in sorted(common)} if len(common) > 1 else {}


def _nearly(one: Statement) -> bool:
    return one.text is not None and one.text.low >= NEARLY_STATED


def _warning(name: str, one: Statement) -> Finding:
    probe = f"AUROC {one.text}, masked {one.masked}" if one.text else "too few patients for a probe"
    advice = "mask it" if one.masked is None or one.masked.low < NEARLY_STATED else "masking is not enough"
    if one.states:
        what = f"{name} states {one.finding}, rightly in {one.right} of {one.spoken} that name it; {probe}; {advice}"
    else:
        best = ", ".join(term["term"] for term in one.terms[:3])
        what = f"{name} nearly states {one.finding} ({best}): {probe}; mask its words by --lexicon"
    return Finding("report leakage", "warning", what, one.rows, {"modality": name, "statements": [one.to_json()]})


def _notes(name: str, rest: Sequence[Statement]) -> list[Finding]:
    """What a text predicts without stating it, and what could not be probed."""
    findings = []
    probed = sorted((one for one in rest if one.text and one.text.low > CHANCE), key=lambda one: -_value(one))
    if probed:
        best = probed[0]
        more = f" and {len(probed) - 1} more" if len(probed) > 1 else ""
        sentence = (
            f"{name} alone predicts {best.finding}{more} unstated: AUROC {best.text}, masked {best.masked}; hold fused "
            "models against it"
        )
        figures = {"modality": name, "statements": [one.to_json() for one in rest if one.text]}
        findings.append(Finding("report evidence", "note", sentence, (), figures))
    skipped = [one.finding for one in rest if one.text is None and one.reports]
    if skipped:
        sentence = f"{name}: too few patients with or without {', '.join(skipped)} for a probe of the text"
        findings.append(Finding("report probe", "note", sentence, (), {"modality": name, "findings": skipped}))
    return findings


def _value(one: Statement) -> float:
    return one.text.value if one.text else 0.0
