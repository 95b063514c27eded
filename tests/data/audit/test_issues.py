"""The verdict over findings."""

from __future__ import annotations

import pytest

from mmdx.data.audit.issues import Issue, by_severity, verdict

LEAK = Issue("identical images", "leak", "x")
WARNING = Issue("shortcut", "warning", "x")
NOTE = Issue("prevalence", "note", "x")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], "no leak between the splits; no warning"),
        ([NOTE], "no leak between the splits; no warning"),
        ([WARNING, WARNING], "no leak between the splits; 2 warnings (2 x shortcut)"),
        ([LEAK], "the splits leak (identical images): no score on them can be trusted"),
        (
            [LEAK, WARNING],
            "the splits leak (identical images): no score on them can be trusted; 1 warning (shortcut)",
        ),
    ],
)
def test_the_verdict_counts_what_is_worse_than_a_note(findings: list[Issue], said: str) -> None:
    assert verdict(findings) == said


def test_the_worst_comes_first() -> None:
    assert by_severity([NOTE, LEAK, WARNING]) == [LEAK, WARNING, NOTE]
