"""What a comparison shows in a terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from run_by_hand import write_run

from mmdx.errors import UsageError
from mmdx.stats.comparison.compare import compare
from mmdx.stats.evidence import Evidence
from mmdx.terminal.comparison import show_comparison, show_report


def test_one_finding_or_none_that_there_is(tmp_path: Path) -> None:
    evidence, text = Evidence(compare([write_run(tmp_path)], resamples=100)), StringIO()
    show_comparison(evidence, Console(file=text, width=200), finding="bleed")
    assert "bleed" in text.getvalue()
    with pytest.raises(UsageError, match="bled"):
        show_comparison(evidence, Console(quiet=True), finding="bled")


def test_the_report_is_named_last() -> None:
    text = StringIO()
    show_report(Path("[out]"), Console(file=text))
    assert text.getvalue() == "report:  [out]/compare.html\n"
