"""An answer as HTML: all that was asked for stands there, and nothing of it acts."""

from __future__ import annotations

import html
import json
import re

from handed_over import NAME
from pages import text_of

from mmdx.demo.answer import Answer
from mmdx.demo.shown import answer_html, drop_html, problems_html
from mmdx.errors import DataError


def test_both_answers_stand_side_by_side(of_ct: Answer) -> None:
    page = answer_html(of_ct, "token")
    (study,) = of_ct.studies
    text = text_of(page)
    assert "with report probability" in text
    assert "without report score" in text
    assert study.with_text is not None
    assert f"{study.with_text.findings['bleed']:.2f}" in text
    assert "without report: answered from image alone" not in text
    assert "answered from image: scores are not calibrated" in text
    assert "3 slices stand by their positions" in text
    assert 'href="/answers/token/study-001.dcm"' in page
    assert "less likely ones stand in the JSON" in text or len(study.main.lesions) <= 5
    assert NAME.split("^")[0] not in page


def test_the_script_is_told_where_slices_lie(of_pictures: Answer) -> None:
    page = answer_html(of_pictures, "token")
    facts = json.loads(html.unescape(re.search(r'data-facts="([^"]*)"', page)[1]))  # type: ignore[index]
    assert facts["places"] == ["slice 1 of 2", "slice 2 of 2"]
    assert set(facts["likeliest"]) == {"bleed", "fracture"}
    assert 'data-base="/answers/token/1/image"' in page
    text = text_of(page)
    assert "2 models answer together" in text
    assert " ± " in text
    assert "no SR: pictures: its images are no DICOM files" in text
    assert "How much each slice counted" in text


def test_words_are_shaded_and_none_of_them_is_markup(of_pictures: Answer) -> None:
    page = answer_html(of_pictures, "token")
    assert re.search(r'<mark style="--dark: (0\.\d\d|1\.00)" title="0\.\d{3}">history</mark>', page)
    assert "Most counted:" in page
    assert "<b>" not in page


def test_lines_of_an_error_are_told_as_they_are() -> None:
    page = problems_html(DataError(["a: <script>", "b: bad"]))
    assert 'role="alert"' in page
    assert "<p>a: &lt;script&gt;</p>" in page
    assert "<p>b: bad</p>" in page


def test_files_are_dropped_with_the_token_of_the_tab() -> None:
    assert 'data-token="abc"' in drop_html("abc")
    assert "Nothing chosen yet." in drop_html("abc")
    assert "removed" in drop_html("abc", "removed")
