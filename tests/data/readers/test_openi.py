from __future__ import annotations

import math

import pytest
from PIL import Image

from mmdx.data.readers.openi import TERMS, read
from mmdx.data.store.check import check_studies
from mmdx.data.text.sections import sections
from mmdx.errors import DataError

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
   <meta type="rr"/>
   <uId id="CXR{number}"/>
   <docSource>CXR</docSource>
   <MedlineCitation Owner="Indiana University" Status="supplied by publisher">
      <Article PubModel="Electronic">
         <Abstract>
            <AbstractText Label="COMPARISON">None.</AbstractText>
            <AbstractText Label="INDICATION">Positive   TB
test &amp; cough</AbstractText>
            <AbstractText Label="FINDINGS"/>
            <AbstractText Label="IMPRESSION">Mild XXXX.</AbstractText>
         </Abstract>
      </Article>
   </MedlineCitation>
   <MeSH>
      {mesh}
   </MeSH>
   {views}
</eCitation>
"""


def xml(number: int, *terms: str, views: tuple[str, ...] = ()) -> str:
    mesh = "".join(f"<major>{term}</major>" for term in terms) + "<automatic>cardiomegaly</automatic>"
    images = "".join(f'<parentImage id="{view}"><figureId>F1</figureId></parentImage>' for view in views)
    return REPORT.format(number=number, mesh=mesh, views=images)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "ecgen-radiology").mkdir()
    (tmp_path / "NLMCXR_png").mkdir()
    return tmp_path


def write(root, name: str, text: str, *images: str):
    (root / "ecgen-radiology" / name).write_text(text, encoding="utf-8")
    for image in images:
        Image.new("L", (8, 8)).save(root / "NLMCXR_png" / f"{image}.png")


def positive(study) -> set[str]:
    return {finding for finding, value in study.labels.items() if value == 1.0}


def test_a_study_is_a_report_with_its_views(root):
    views = ("CXR1_1_IM-0001-4001", "CXR1_1_IM-0001-3001")
    write(root, "1.xml", xml(1, "normal", views=(*views, views[0])), *views)
    write(root, "2.xml", xml(2, "Cardiomegaly/mild"))
    first, second = studies = read(root)
    check_studies(studies)
    assert [(s.study_id, s.patient_id, s.split) for s in studies] == [("CXR1", "CXR1", None), ("CXR2", "CXR2", None)]
    image = first.modalities["image"]
    assert [ref.path.stem for ref in image.images] == list(views)
    assert (image.order.source, image.channels, image.unit) == ("given", 1, "intensity")
    assert list(second.modalities) == ["report"]
    assert [s.problems for s in studies] == [(), ()]


def test_sections_stand_on_lines_that_split_again(root):
    write(root, "1.xml", xml(1, "normal"))
    (study,) = read(root)
    report = study.modalities["report"]
    assert report == "COMPARISON: None.\nINDICATION: Positive TB test & cough\nIMPRESSION: Mild XXXX."
    assert sections(report) == {
        "comparison": "None.",
        "indication": "Positive TB test & cough",
        "impression": "Mild XXXX.",
    }


def test_text_without_a_heading_comes_first(root):
    loose = "<AbstractText>Portable.</AbstractText></Abstract>"
    write(root, "1.xml", xml(1, "normal").replace("</Abstract>", loose))
    (study,) = read(root)
    assert sections(study.modalities["report"])[""] == "Portable."


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (("normal",), {"normal"}),
        (("Cardiomegaly/mild", "Pulmonary Atelectasis/base/left"), {"cardiomegaly", "atelectasis"}),
        (("Pleural Effusion/right", "Pneumothorax"), {"effusion", "pneumothorax"}),
        (("Calcified Granuloma/lung/upper lobe/right", "Nodule "), {"calcified_granuloma", "nodule"}),
        (("Emphysema", "Fractures, Bone/ribs"), {"emphysema", "fracture"}),
        (("Subcutaneous Emphysema", "Scoliosis"), set()),
        (("Technical Quality of Image Unsatisfactory ", "Opacity/lung"), {"opacity"}),
    ],
)
def test_findings_are_the_heads_of_major_terms(root, terms, expected):
    write(root, "1.xml", xml(1, *terms))
    (study,) = read(root)
    assert positive(study) == expected
    assert set(study.labels) == set(TERMS)
    assert not any(math.isnan(value) for value in study.labels.values())


@pytest.mark.parametrize("terms", [(), ("",), ("No Indexing",), ("Technical Quality of Image Unsatisfactory ",)])
def test_without_terms_all_is_unknown(root, terms):
    write(root, "1.xml", xml(1, *terms))
    (study,) = read(root)
    assert all(math.isnan(value) for value in study.labels.values())


def test_a_missing_or_broken_xray_is_named(root):
    write(root, "1.xml", xml(1, "normal", views=("a", "b")), "b")
    write(root, "2.xml", xml(2, "normal", views=("../ecgen-radiology/1",)))
    write(root, "3.xml", xml(3, "normal", views=("c",)))
    (root / "NLMCXR_png" / "c.png").write_bytes(b"x")
    first, second, third = studies = read(root)
    check_studies(studies)
    assert [ref.path.name for ref in first.modalities["image"].images] == ["b.png"]
    assert "1.xml, parentImage: no x-ray 'a' (.png or .dcm); read without it" in first.problems[0]
    assert list(second.modalities) == ["report"]
    assert len(second.problems) == 1
    assert list(third.modalities) == ["report"]
    assert "c.png: neither DICOM nor an image" in third.problems[0]


BOMB = '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY c "&a;&a;&a;">]><eCitation><uId id="&c;"/></eCitation>'
OUTSIDE = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><eCitation>&a;</eCitation>'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "declares entities, which no report needs; refused"),
        (OUTSIDE, "declares entities, which no report needs; refused"),
        ("<eCitation><uId></eCitation>", "not XML: mismatched tag: line 1"),
        ("", "not XML: no element found"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "not XML: "),
    ],
)
def test_what_is_no_safe_xml_is_a_study_that_cannot_be_read(root, text, problem):
    write(root, "1.xml", xml(1, "normal"))
    write(root, "9.xml", text)
    good, bad = studies = read(root)
    check_studies(studies)
    assert list(good.modalities) == ["report"]
    assert (bad.study_id, bad.modalities) == ("9", {})
    (line,) = bad.problems
    assert problem in line
    assert "\n" not in line


def test_a_report_with_nothing_in_it_is_named(root):
    write(root, "4.xml", "<eCitation/>")
    (study,) = studies = read(root)
    check_studies(studies)
    assert (study.study_id, study.modalities) == ("4", {})
    assert study.problems == (f"{root / 'ecgen-radiology' / '4.xml'}: neither x-rays nor text",)


def test_reports_right_in_the_folder_and_another_folder_of_images(tmp_path):
    (tmp_path / "png").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "png" / "a.png")
    (tmp_path / "1.xml").write_text(xml(1, "normal", views=("a",)))
    (study,) = read(tmp_path, images="png")
    assert list(study.modalities) == ["image", "report"]
    with pytest.raises(DataError, match=r"option images: no file 'NLMCXR_png'"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"option images: '\.\.' leaves"):
        read(tmp_path, images="..")


def test_the_wrong_folder_is_told(tmp_path):
    with pytest.raises(DataError, match=r"holds no report \(ecgen-radiology/\*.xml\)"):
        read(tmp_path)
