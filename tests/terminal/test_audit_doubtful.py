"""What `mmdx doubtful` shows."""

from __future__ import annotations

import io
from pathlib import Path

from doubted import write_doubted
from rich.console import Console

from mmdx.engine.reporting.doubtful import Written
from mmdx.stats.doubtful import find_doubtful
from mmdx.terminal.audit import show_doubtful


def test_sentences_and_places_are_shown_as_they_are(tmp_path: Path):
    out = io.StringIO()
    found = find_doubtful(write_doubted(tmp_path / "run"))
    show_doubtful(found, Written(Path("[a]/doubtful.csv"), Path("[a]/doubtful.html"), 0), Console(file=out, width=200))
    said = out.getvalue().splitlines()
    assert said[-2:] == ["table: [a]/doubtful.csv", "page:  [a]/doubtful.html"]
    assert any(line.startswith("Rare (study): 2 patients") for line in said)
