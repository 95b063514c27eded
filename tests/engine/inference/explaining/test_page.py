"""The page of explanations."""

from __future__ import annotations

import re

from mmdx.engine.inference.explaining.page import explain_page

SLICE = {
    "number": 118,
    "slice": 117,
    "file": "DOE_JANE_20170314.dcm",
    "frame": None,
    "instance_number": 123,
    "sop_instance_uid": "1.2.840.20170314",
    "position_mm": 13.125,
    "score": 0.756,
    "picture": "a_b-slice118.png",
}
ENTRY = {
    "study_id": "DOE^JANE",
    "modality": "ct",
    "scores_of": "slices",
    "calibrated": False,
    "prevalence": {"<a/b>": 0.25},
    "findings": {"<a/b>": {"slices": [SLICE]}},
    "slice_weights": [{"number": 1, "slice": 0, "weight": 0.25}, {"number": 2, "slice": 1, "weight": 0.75}],
    "word_weights": {"report": [{"item": word, "weight": weight} for word, weight in (("a<b", 0.25), ("fall", 0.5))]},
    "folder": "study-001",
}


def test_a_slice_is_named_and_its_picture_lies_beside_the_page() -> None:
    page = explain_page([ENTRY])
    assert '<img alt="&lt;a/b&gt;, slice 118, InstanceNumber 123, 13.1 mm' in page
    assert 'src="study-001/a_b-slice118.png"' in page
    assert "1 study, 1 finding, 1 picture" in page
    assert "&lt;a/b&gt;, score 0.76: slice 118, InstanceNumber 123, 13.1 mm" in page


def test_a_score_is_a_probability_only_where_it_is_calibrated() -> None:
    page = explain_page([ENTRY])
    assert '<th scope="col">score</th><th scope="col">prevalence</th>' in page
    assert "<td>0.76</td><td>0.25</td>" in page
    assert "scores are not calibrated" in page
    assert "probability" not in page
    page = explain_page([{**ENTRY, "calibrated": True, "thresholds": {"<a/b>": 0.125}}])
    assert '<th scope="col">probability</th><th scope="col">threshold</th><th scope="col">prevalence</th>' in page
    assert "<td>0.76</td><td>0.12</td><td>0.25</td>" in page
    assert "threshold: a probability at or above it is a yes (Youden&#39;s J on validation slices)" in page


def test_images_unlike_those_of_training_are_warned_of() -> None:
    page = explain_page([{**ENTRY, "apart": {"ct": 3.0, "mr": 0.5}}])
    assert page.count("<p><strong>warning: ct is unlike the training images (3.0 times as far") == 1
    assert "mr is" not in page


def test_it_needs_nothing_of_elsewhere() -> None:
    page = explain_page([ENTRY])
    assert re.findall(r"https?:|<script|<link|@import|url\(", page) == []


def test_it_names_no_patient_no_file_and_no_uid() -> None:
    page = explain_page([ENTRY])
    assert [word for word in ("DOE", "JANE", "2017", "1.2.840", ".dcm") if word in page] == []


def test_the_words_that_counted_most_come_first_and_escaped() -> None:
    page = explain_page([ENTRY])
    assert page.index("<td>fall</td><td>0.500</td>") < page.index("<td>a&lt;b</td><td>0.250</td>")
    assert "width: 50.0%" in page


def test_the_shares_of_slices_are_drawn_in_order() -> None:
    page = explain_page([ENTRY])
    assert '<rect x="0" width="1" y="0.6667" height="0.3333"/>' in page
    assert "most counted slice 2 (0.750), slice 1 (0.250)" in page


def test_several_studies_have_contents_and_none_is_a_page_too() -> None:
    page = explain_page([ENTRY, {**ENTRY, "folder": "study-002", "slice_weights": None, "findings": {}}])
    assert '<a href="#study-002">' in page
    assert '<section id="study-002">' in page
    assert "2 studies" in page
    assert "0 studies, 0 findings, 0 pictures" in explain_page([])


def test_each_row_leads_to_the_pictures_of_its_finding() -> None:
    page = explain_page([{**ENTRY, "findings": {"a b": {"slices": [SLICE]}, "c": {"slices": [SLICE]}}}])
    assert (
        re.findall(r'href="#(study-001-\d)"', page)
        == re.findall(r'<h3 id="([^"]+)"', page)
        == ["study-001-1", "study-001-2"]
    )
