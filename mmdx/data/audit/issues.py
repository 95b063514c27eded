"""A finding of an audit, and the verdict over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["leak", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")
"""From the worst: what is known of the test split in training; what may explain a good score; what is worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing found: `kind` in a word or two, a sentence that says what and then what to do, the studies concerned.

    No `rows` means that it concerns the store as a whole.
    `figures` are the numbers behind the sentence, fit for JSON.
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


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; as they came among equals."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence over all findings."""
    kinds = {
        s: [_counted(k, n) for k, n in Counter(f.kind for f in findings if f.severity == s).items()] for s in SEVERITIES
    }
    counts = {s: sum(f.severity == s for f in findings) for s in SEVERITIES}
    warned = f"{plural(counts['warning'], 'warning')} ({', '.join(kinds['warning'])})" if counts["warning"] else ""
    if counts["leak"]:
        also = f"; {warned}" if warned else ""
        return f"the splits leak ({', '.join(kinds['leak'])}): no score on them can be trusted{also}"
    return f"no leak between the splits; {warned or 'no warning'}"


def _counted(kind: str, count: int) -> str:
    return kind if count == 1 else f"{count} x {kind}"


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 study`, `2 studies`."""
    return f"{count} {noun if count == 1 else many or f'{noun}s'}"
