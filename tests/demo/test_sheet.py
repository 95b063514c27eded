"""The answer as a PDF: one page for each study, without a name or a date."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handed_over import NAME, STUDY

from mmdx.demo.answer import Answer
from mmdx.demo.sheet import sheet_of

pytestmark = pytest.mark.usefixtures("figures_as_pdf")


def test_each_study_is_a_page_that_names_nobody(of_ct: Answer) -> None:
    pdf = sheet_of(of_ct)
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    assert not [word for word in (NAME, STUDY, "p 7", "CreationDate") if word.encode("latin-1") in pdf]
    assert sheet_of(replace(of_ct, studies=of_ct.studies * 2)).count(b"/Type /Pages") == 1


def test_the_pictures_of_the_likeliest_slices_stand_in_it(of_pictures: Answer) -> None:
    (study,) = of_pictures.studies
    with_pictures, without = (
        sheet_of(of_pictures),
        sheet_of(replace(of_pictures, studies=(replace(study, pictures={}),))),
    )
    assert with_pictures.count(b"/Subtype /Image") == len(study.pictures) == 2
    assert without.count(b"/Subtype /Image") == 0
