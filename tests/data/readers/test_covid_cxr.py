from __future__ import annotations

import csv
import math

import pytest
from PIL import Image

from mmdx.data.readers.covid_cxr import FINDINGS, masked, read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError

ROW = {
    **{"patientid": "1", "offset": "", "sex": "", "age": "", "finding": "", "view": "", "modality": "X-ray"},
    **{"folder": "images", "filename": "", "url": "", "license": "", "clinical_notes": ""},
}


def collection(root, *rows: dict[str, str], absent: tuple[str, ...] = ()):
    """A collection with these rows, files numbered where a row names none."""
    (root / "images").mkdir()
    with (root / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        for number, row in enumerate(rows):
            full = ROW | {"filename": f"{number}.jpg"} | row
            writer.writerow(full)
            if full["folder"] == "images" and full["filename"] not in absent:
                Image.new("L", (8, 8)).save(root / "images" / full["filename"])
    return root


def names(study) -> list[str]:
    return [ref.path.name for ref in study.modalities["image"].images]


def test_a_study_is_a_patient_in_the_order_of_days(tmp_path):
    note = {"clinical_notes": "Cough.", "finding": "COVID-19"}
    root = collection(
        tmp_path,
        {"offset": "12", "view": "AP", "clinical_notes": "Worse."},
        {
            "patientid": "2",
            "view": "L",
            "sex": "F",
            "age": "61",
            "url": "https://www.eurorad.org/case/1",
            "license": "CC BY",
        },
        {"offset": "-3", "view": "PA"} | note,
        {"offset": "5"} | note,
    )
    first, second = studies = read(root)
    check_studies(studies)
    assert (first.study_id, first.patient_id) == ("1", "1")
    assert names(first) == ["2.jpg", "3.jpg", "0.jpg"]
    assert first.modalities["image"].order.source == "given"
    assert first.modalities["image"].channels == 1
    assert first.modalities["report"] == "Cough. Worse."
    assert first.traits == {"view": "PA"}
    assert "report" not in second.modalities
    assert second.traits == {"age": 61.0, "sex": "F", "view": "L", "license": "CC BY", "source": "www.eurorad.org"}
    assert [s.problems for s in studies] == [(), ()]


def test_without_days_the_order_is_unknown(tmp_path):
    (study,) = read(collection(tmp_path, {"offset": "3"}, {}, {"offset": "1"}))
    assert names(study) == ["0.jpg", "1.jpg", "2.jpg"]
    assert study.modalities["image"].order.source == "unknown"


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("COVID-19", "1000"),
        ("COVID-19, ARDS", "1000"),
        ("Pneumonia/Viral/COVID-19", "1000"),
        ("Pneumonia/Viral/SARS", "0100"),
        ("Influenza", "0100"),
        ("Mycoplasma Bacterial Pneumonia", "0010"),
        ("Pneumonia/Bacterial/E.Coli", "0010"),
        ("Pneumocystis", "0001"),
        ("No Finding", "0000"),
        ("Lipoid", "0000"),
        ("Pneumonia/Aspiration", "0000"),
        ("Pneumonia", "0???"),
        ("ARDS", "0???"),
        ("todo", "????"),
        ("Unknown", "????"),
        ("", "????"),
    ],
)
def test_findings_and_what_they_leave_open(tmp_path, finding, expected):
    (study,) = read(collection(tmp_path, {"finding": finding}))
    assert "".join("?" if math.isnan(study.labels[f]) else f"{study.labels[f]:.0f}" for f in FINDINGS) == expected
    assert study.problems == ()


@pytest.mark.parametrize(
    ("findings", "covid"),
    [(("No Finding", "COVID-19"), 1.0), (("todo", "COVID-19"), 1.0), (("No Finding", "Lipoid"), 0.0)],
)
def test_a_patient_is_positive_where_any_image_is(tmp_path, findings, covid):
    (study,) = read(collection(tmp_path, *({"finding": finding} for finding in findings)))
    assert study.labels["covid19"] == covid


def test_an_unlabelled_image_is_no_negative(tmp_path):
    (study,) = read(collection(tmp_path, {"finding": "No Finding"}, {"finding": "todo"}))
    assert math.isnan(study.labels["covid19"])


def test_a_strange_finding_is_named_and_unknown(tmp_path):
    (study,) = read(collection(tmp_path, {"finding": "Pneumonia/Martian"}))
    assert study.problems == ("finding 'martian' is not known; its labels are left unknown",)
    assert math.isnan(study.labels["covid19"])


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("Covid-19 positive, fever.", "[MASKED] positive, fever."),
        ("SARS-CoV-2 RNA; SARS CoV2; SARSCoV2", "[MASKED] RNA; [MASKED]; [MASKED]"),
        ("novel coronavirus (2019-nCoV)", "[MASKED] ([MASKED])"),
        ("Coronavirus disease 2019 pneumonia", "[MASKED] pneumonia"),
        ("COVID pneumonia, COVID19+", "[MASKED] pneumonia, [MASKED]+"),
        ("Pneumocystis jirovecii pneumonia (PCP)", "[MASKED] pneumonia ([MASKED])"),
        ("viral, bacterial or fungal", "[MASKED] or [MASKED]"),
        ("Influenza A, ARDS", "[MASKED]"),
        ("acute respiratory distress syndrome", "[MASKED]"),
        ("Streptococcus pneumoniae; E. coli", "[MASKED]; [MASKED]"),
        ("Discovered a covering of recovered tissue; no mass.", "Discovered a covering of recovered tissue; no mass."),
    ],
)
def test_names_of_diseases_are_masked(note, shown):
    assert masked(note) == shown


def test_masking_is_the_default(tmp_path):
    root = collection(tmp_path, {"clinical_notes": "COVID-19 pneumonia.\n Fever."})
    assert read(root)[0].modalities["report"] == "[MASKED] pneumonia. Fever."
    assert read(root, mask=False)[0].modalities["report"] == "COVID-19 pneumonia. Fever."


def test_what_is_missing_or_no_xray_is_named(tmp_path):
    root = collection(
        tmp_path,
        {"offset": "0"},
        {"offset": "1"},
        {"modality": "CT", "clinical_notes": "CT note."},
        {"patientid": "2", "folder": "..", "filename": "secret.jpg"},
        absent=("1.jpg",),
    )
    (tmp_path.parent / "secret.jpg").write_bytes(b"x")
    first, second = studies = read(root)
    check_studies(studies)
    assert names(first) == ["0.jpg"]
    assert first.problems[0] == "left out 2.jpg: modality is 'CT', no x-ray"
    assert "row 3, column 'filename': no file 'images/1.jpg'" in first.problems[1]
    assert "report" not in first.modalities
    assert second.modalities == {}
    assert "'../secret.jpg' leaves" in second.problems[0]


def test_traits_are_of_the_first_image_that_states_them(tmp_path):
    rows = [
        {"offset": "1", "age": "40"},
        {"offset": "2", "view": "PA", "sex": "F"},
        {"offset": "3", "view": "L", "sex": "M"},
    ]
    (study,) = read(collection(tmp_path, *rows))
    assert study.traits == {"age": 40.0, "sex": "F", "view": "PA"}
    assert study.problems == ("sex is F and M in different rows; the first counts",)


def test_every_image_needs_its_patient(tmp_path):
    root = collection(tmp_path, {"patientid": " "})
    with pytest.raises(DataError, match=r"row 2, column 'patientid': is empty"):
        read(root)
