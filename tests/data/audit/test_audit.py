"""An audit as a value: its verdict, its table, its file."""

from __future__ import annotations

import json
from pathlib import Path

from mmdx.data.audit.audit import Audit
from mmdx.data.audit.issues import Issue
from mmdx.schema import ReportOptions

ISSUES = (
    Issue("patients", "leak", "1 patient is in two splits (p1)", ("a", "b"), {}),
    Issue("prevalence", "note", "<rare> labels", (), {}),
)


def test_an_audit_says_what_leaks_and_saves_itself(tmp_path: Path) -> None:
    audit = Audit("f" * 32, "digest", ReportOptions(), ISSUES)
    assert audit.leaks
    assert audit.frame()[["severity", "studies"]].to_numpy().tolist() == [["leak", 2], ["note", 0]]
    audit.save(str(tmp_path / "audit.json"))
    saved = json.loads((tmp_path / "audit.json").read_text())
    assert saved["counts"]["leak"] == 1
    assert [found["sentence"] for found in saved["findings"]] == [issue.sentence for issue in ISSUES]
    assert "&lt;rare&gt;" in audit._repr_html_()


def test_notes_alone_are_no_leak() -> None:
    assert not Audit("f" * 32, "digest", ReportOptions(), ISSUES[1:]).leaks
