"""What an audit finds, one issue at a time, and the verdict over all of them.

They are not called findings: a finding is a label everywhere else. `audit.json` alone keeps the key `findings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmdx.study import PATIENTS_UNKNOWN

PATIENTS = "patients"
"""The kind of the issue that nothing says whose studies are."""
Severity = Literal["leak", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")
"""From the worst: what is known of the test split in training; what may explain a good score; what is worth knowing."""


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong or worth knowing.

    `kind` names it in a word or two; `sentence` says what it is and then what to do. `rows` are the ids of the studies
    concerned, empty where it concerns the store as a whole; `figures` the numbers behind the sentence, fit for JSON.
    """

    kind: str
    severity: Severity
    sentence: str
    rows: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "rows": list(self.rows),
            "figures": dict(self.figures),
        }


def by_severity(issues: Iterable[Issue]) -> list[Issue]:
    """The worst first; as they came among equals."""
    return sorted(issues, key=lambda issue: SEVERITIES.index(issue.severity))


def verdict(issues: Sequence[Issue]) -> str:
    """One sentence over all issues."""
    kinds = {
        s: [_counted(k, n) for k, n in Counter(issue.kind for issue in issues if issue.severity == s).items()]
        for s in SEVERITIES
    }
    counts = {s: sum(issue.severity == s for issue in issues) for s in SEVERITIES}
    warned = f"{plural(counts['warning'], 'warning')} ({', '.join(kinds['warning'])})" if counts["warning"] else ""
    if counts["leak"]:
        also = f"; {warned}" if warned else ""
        return f"the splits leak ({', '.join(kinds['leak'])}): no score on them can be trusted{also}"
    if any(issue.kind == PATIENTS for issue in issues):
        return f"{PATIENTS_UNKNOWN}; {warned}"
    return f"no leak between the splits; {warned or 'no warning'}"


def _counted(kind: str, count: int) -> str:
    return kind if count == 1 else f"{count} x {kind}"


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 study`, `2 studies`."""
    return f"{count} {noun if count == 1 else many or f'{noun}s'}"
