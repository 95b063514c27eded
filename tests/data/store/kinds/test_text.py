"""Text lies in a store as the reader gave it."""

from __future__ import annotations

from pathlib import Path

from raw_studies import study, written

from mmdx.data.store.kinds import STORED


def test_blank_text_is_absent(tmp_path: Path) -> None:
    rows, _ = written(tmp_path / "s.arrow", [study("a", {"report": " Fell. "}), study("b", {"report": " "})])
    assert [row["report"] for row in rows] == [" Fell. ", None]
    assert STORED["text"].problems("report", " ") == [
        "modality 'report' is empty text; leave it out where there is none"
    ]
    assert STORED["text"].problems("report", "Fell.") == []
