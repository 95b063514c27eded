"""The whole audit of a store, and its result as a file keyed by what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from mmdx.data.audit.identities import check_identities
from mmdx.data.audit.issues import SEVERITIES, Issue, by_severity, verdict
from mmdx.data.audit.labels import check_labels
from mmdx.data.audit.lexicon import Lexicon
from mmdx.data.audit.lookalikes import check_lookalikes
from mmdx.data.audit.neighbours import check_neighbours
from mmdx.data.audit.reports import check_reports
from mmdx.data.audit.shortcuts import check_shortcuts
from mmdx.data.audit.statements import check_statements, default_options
from mmdx.data.audit.store_facts import gather
from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.files import write_json
from mmdx.schema import ReportOptions
from mmdx.study import Split

AUDIT_FORMAT = 3
"""Rises whenever the same store would be judged otherwise."""


@dataclass(frozen=True)
class Audit:
    """The issues of one store under one split, the worst first.

    `report` is what was withheld from reports before the second probe.
    """

    fingerprint: str
    splits: str
    report: ReportOptions
    issues: tuple[Issue, ...]

    @property
    def verdict(self) -> str:
        return verdict(self.issues)

    @property
    def leaks(self) -> bool:
        return any(issue.severity == "leak" for issue in self.issues)

    def to_json(self) -> dict[str, Any]:
        counts = {severity: sum(issue.severity == severity for issue in self.issues) for severity in SEVERITIES}
        return {
            "format": AUDIT_FORMAT,
            "fingerprint": self.fingerprint,
            "splits": self.splits,
            "verdict": self.verdict,
            "counts": counts,
            "report": self.report.model_dump(mode="json"),
            "findings": [issue.to_json() for issue in self.issues],
        }

    def frame(self) -> pd.DataFrame:
        """One row per issue, the worst first: `severity`, `kind`, `sentence`, and `studies`, how many it concerns."""
        columns = ["severity", "kind", "sentence", "studies"]
        rows = [(issue.severity, issue.kind, issue.sentence, len(issue.rows)) for issue in self.issues]
        return pd.DataFrame(rows, columns=columns)

    def save(self, path: str | Path) -> None:
        """Writes `to_json` to a file, whole or not at all."""
        write_json(Path(path), self.to_json())

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, then the issues."""
        table = self.frame().to_html(index=False)  # whose texts are escaped: a tag in them is none
        for tag in ("<th>", "<td>"):
            table = table.replace(tag, f'{tag[:-1]} style="text-align: left">')
        return f"<p>Verdict: {escape(self.verdict)}.</p>{table}"


def audit(
    store: Store, splits: Splits, *, lexicon: Lexicon, report: ReportOptions | None = None, count: Count = uncounted
) -> Audit:
    """Looks for leaks between `splits`, for reports that state labels, for shortcuts and for labels that are wrong.

    `report` says what is withheld from reports before they are probed again; None masks the terms of the lexicon. The
    result depends on the store and the arguments alone; `count` is told how far it is.
    """
    facts = gather(store, splits, count)
    issues = [
        *check_identities(facts),
        *check_lookalikes(store, facts, count),
        *check_neighbours(facts),
        *check_reports(facts),
        *check_statements(facts, lexicon, report),
        *check_shortcuts(facts),
        *check_labels(facts),
    ]
    withheld = report or default_options(facts.findings, lexicon)
    key = store.fingerprint
    return Audit(key, splits_digest(store.study_ids, splits), withheld, tuple(by_severity(issues)))


def splits_digest(study_ids: Sequence[str], splits: Sequence[Split]) -> str:
    """32 hex digits over who is where, whatever the order of the rows."""
    text = json.dumps(sorted(zip(study_ids, splits, strict=True)))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
