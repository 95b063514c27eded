"""What a notebook shows of a store adds up to what is in it."""

from __future__ import annotations

import re
from pathlib import Path

import cohorts

from mmdx.data.store.cards.notebook import in_notebook


def test_each_split_has_its_studies_patients_images_and_labels(tmp_path: Path) -> None:
    raw = cohorts.folder_cohort(tmp_path / "raw")
    (raw / "09_0.png").write_bytes(b"no image")
    store = cohorts.prepared(raw, tmp_path / "a<b>")
    html = store._repr_html_()
    assert html == in_notebook(store)
    assert "a&lt;b&gt;</b>: 9 studies of 9 patients; image, report; 1 quarantined" in html
    rows = [re.findall(r">([^<>]*)</t[hd]>", row) for row in html.split("<tr>")[1:]]
    counts = store.splits.counts()
    assert rows[0] == ["", *counts]
    for name in ("studies", "patients", "with image"):
        assert [row[1:] for row in rows if row[0] == name] == [[str(count) for count in counts.values()]]
    (bleed,) = [row[1:] for row in rows if row[0] == "bleed"]
    pairs = [tuple(map(int, cell.split(" of "))) for cell in bleed]
    assert (sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)) == (3, 8)
    assert repr(store).endswith("9 studies of 9 patients; image, report; 1 quarantined)")
