from __future__ import annotations

import pytest

from mmdx.data.text.sections import sections


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ("", {}),
        ("Only prose.", {"": "Only prose."}),
        ("INDICATION: Fell.\nFINDINGS: None.", {"indication": "Fell.", "findings": "None."}),
        ("Head CT.\nFINDINGS:\nOne.\n\nTwo.", {"": "Head CT.", "findings": "One.\n\nTwo."}),
        ("NOTE: a\nNOTE: b", {"note": "a b"}),
        ("The CLINICAL HISTORY: is inside a line", {"": "The CLINICAL HISTORY: is inside a line"}),
        ("CHEST PA/LAT: clear\r\nIMPRESSION: normal", {"chest pa/lat": "clear", "impression": "normal"}),
    ],
)
def test_sections(report: str, found: dict[str, str]) -> None:
    assert sections(report) == found
