"""CQ500: the majority of three radiologists, and one series a scan by a rule that is stated and recorded."""

from __future__ import annotations

import csv
import math

import numpy as np
import pydicom
import pytest
from cohorts import write_ct

from mmdx.data.dicom import exams
from mmdx.data.readers.cq500 import COLUMNS, LICENCE, read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError
from mmdx.study import READING, is_fact

QUESTIONS = (
    *("ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "BleedLocation-Left", "BleedLocation-Right", "ChronicBleed"),
    *("Fracture", "CalvarialFracture", "OtherFracture", "MassEffect", "MidlineShift"),
)


def write_reads(root, scans, **answers):
    """`answers["R1:ICH"]` has a cell a scan; all others are 0."""
    columns = ["name", "Category", *(f"R{k}:{question}" for k in (1, 2, 3) for question in QUESTIONS)]
    assert len(columns) == 44
    with (root / "reads.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row, number in enumerate(scans):
            cells = [answers[column][row] if column in answers else 0 for column in columns[2:]]
            writer.writerow([f"CQ500-CT-{number}", "B1", *cells])


def write_series(root, number, name, count, *, step=5.0, thickness=None, uid=None, **elements):
    """A series of `count` slices, `step` mm apart, in the folder of a scan."""
    folder = root / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study" / name
    for k in range(count):
        path = folder / f"CT{k:06d}.dcm"
        series = uid or f"1.2.{number}.{sum(map(ord, name))}"
        write_ct(path, np.zeros((2, 2)), instance=k, study=f"1.2.{number}", series=series, patient="x")
        ds = pydicom.dcmread(path)
        ds.ImagePositionPatient = [0, 0, step * k]
        ds.SliceThickness, ds.SeriesDescription = thickness, name.removeprefix("CT ")
        for keyword, value in elements.items():
            setattr(ds, keyword, value)
        ds.save_as(path)
    return folder


@pytest.fixture
def root(tmp_path):
    """Scan 3 with one series, and scan 12 with a thin one beside it."""
    write_reads(tmp_path, [12, 3], **{"R1:ICH": [1, 0], "R2:ICH": [1, 0], "R1:IPH": [1, 1], "R3:SDH": ["", 1]})
    write_series(tmp_path, 3, "CT Plain", 18, thickness=5)
    write_series(tmp_path, 12, "CT PLAIN THIN", 150, step=0.625, thickness=0.625)
    write_series(tmp_path, 12, "CT 5mm", 18, thickness=5)
    return tmp_path


def only(root, *, number=7, **options):
    """The one study of a root that has no other scan."""
    write_reads(root, [number])
    (study,) = studies = read(root, **options)
    check_studies(studies)
    return study


def folder_of(study):
    return study.modalities["image"].images[0].path.parent.name


def test_a_scan_is_a_study_of_a_patient_of_its_own(root):
    third, twelfth = studies = read(root)
    check_studies(studies)
    assert [(s.study_id, s.patient_id) for s in studies] == [("CQ500-CT-3",) * 2, ("CQ500-CT-12",) * 2]
    files = third.modalities["image"]
    assert (len(files.images), files.unit, files.order.source, files.order.spacing_mm) == (18, "HU", "position", 5)
    facts = {name: value for name, value in third.traits.items() if is_fact(name)}
    assert facts == {"category": "B1", "series": "CT Plain", "thickness_mm": 5.0}
    assert third.problems == ()
    assert folder_of(twelfth) == "CT 5mm"
    assert LICENCE.startswith("CC-BY-NC-SA-4.0")


def test_what_each_radiologist_said_is_kept_and_is_no_fact(root):
    (first, *_) = read(root)
    said = {name: value for name, value in first.traits.items() if name.startswith(READING)}
    assert {name.split("/")[1] for name in said} == {"R1", "R2", "R3"}
    assert set(said.values()) <= {0.0, 1.0}
    assert not any(is_fact(name) for name in said)
    for finding, label in first.labels.items():
        votes = [value for name, value in said.items() if name.endswith(f"/{finding}")]
        assert label != label or votes.count(label) >= 2


def test_the_majority_of_three_decides(root):
    third, twelfth = read(root)
    assert set(third.labels) == set(COLUMNS)
    assert {finding for finding, label in twelfth.labels.items() if label} == {"any"}
    assert set(third.labels.values()) == {0.0}


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ((1, 1, 1), 1.0),
        ((0, 1, 1), 1.0),
        ((0, 1, 0), 0.0),
        (("", 1, 1), 1.0),
        ((0, "", 0), 0.0),
        ((1, 0, ""), math.nan),
        (("", "", 1), math.nan),
    ],
)
def test_a_missing_reader_leaves_the_label_to_two_who_agree(tmp_path, votes, label):
    write_series(tmp_path, 7, "CT Plain", 2)
    write_reads(tmp_path, [7], **{f"R{k}:MidlineShift": [vote] for k, vote in enumerate(votes, start=1)})
    (study,) = read(tmp_path)
    assert study.labels["midline_shift"] == pytest.approx(label, nan_ok=True)
    said = "no two radiologists agree, labels unknown: midline_shift"
    assert (said in study.problems) == math.isnan(label)


def test_the_series_and_why_no_other_are_recorded(root):
    _, twelfth = read(root)
    assert twelfth.traits["series"] == "CT 5mm"
    assert twelfth.problems == (
        "kept out 150 image(s) of series 'CT PLAIN THIN': 0.625 mm thick; 'CT 5mm' was chosen: 5 mm thick",
    )


@pytest.mark.parametrize(
    ("better", "worse", "said"),
    [
        ({}, {"RescaleIntercept": None}, "not in Hounsfield units; 'a' was chosen: in Hounsfield units"),
        ({}, {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "not axial; 'a' was chosen: axial"),
        ({}, {"step": 0.5, "thickness": 5}, "8.5 mm from end to end; 'a' was chosen: 85 mm from end to end"),
        ({"thickness": 1}, {"ContrastBolusAgent": "Iohexol"}, "with contrast agent; 'a' was chosen: without"),
        ({"thickness": 1}, {"ConvolutionKernel": "BONE"}, "a bone reconstruction; 'a' was chosen: no bone"),
        ({"thickness": 4.5}, {"thickness": 6}, "6 mm thick; 'a' was chosen: 4.5 mm thick"),
        ({"thickness": 10}, {}, "10 mm thick; 'b' was chosen: 5 mm thick"),
        ({"count": 19}, {}, "18 images; 'a' was chosen: 19 images"),
        ({}, {}, "equal in all; 'a' was chosen: first by name"),
    ],
)
def test_the_rule_one_difference_at_a_time(tmp_path, better, worse, said):
    for name, elements in (("a", better), ("b", worse)):
        options = {"count": 18, "thickness": 5} | elements
        folder = write_series(tmp_path, 7, name, **{k: v for k, v in options.items() if v is not None})
        for path in folder.iterdir() if None in elements.values() else ():
            ds = pydicom.dcmread(path)
            del ds.RescaleIntercept
            ds.save_as(path)
    study = only(tmp_path)
    assert any(said in problem for problem in study.problems)


@pytest.mark.parametrize(
    ("plain", "enhanced"),
    [
        ("CT Plain", "CT POST CONTRAST"),
        ("CT PRE CONTRAST 5MM STD", "CT 5mm POST CONTRAST"),
        ("CT 55mm Plain-2", "CT 55mm Contrast"),
        ("CT 0.625mm", "CT 4cc sec 150cc D3D on-3"),
        ("CT PRE CONTRAST THIN", "CT POST CONTRAST THIN"),
    ],
)
def test_names_tell_contrast_agent(tmp_path, plain, enhanced):
    write_series(tmp_path, 7, enhanced, 18, thickness=5, ContrastBolusAgent="Iohexol")
    # The agent of the series that follow may stand in the headers of the plain one.
    agent = {"ContrastBolusAgent": "Iohexol"} if "Plain" in plain or "PRE" in plain else {}
    write_series(tmp_path, 7, plain, 150, step=0.625, thickness=0.625, **agent)
    study = only(tmp_path)
    assert folder_of(study) == plain
    assert "with contrast agent; " in study.problems[0]


def test_contrast_alone_is_taken(tmp_path):
    write_series(tmp_path, 7, "CT POST CONTRAST", 18, thickness=5)
    assert only(tmp_path).traits["series"] == "CT POST CONTRAST"


def test_the_thickness_is_the_spacing_where_no_header_tells(tmp_path):
    write_series(tmp_path, 7, "thin", 150, step=0.625)
    write_series(tmp_path, 7, "thick", 18)
    assert only(tmp_path).traits["thickness_mm"] == 5.0


def test_an_option_restricts_the_series(root):
    third, twelfth = read(root, series="thin")
    assert (folder_of(twelfth), third.modalities) == ("CT PLAIN THIN", {})
    assert third.problems == (
        "kept out 18 image(s) of series 'CT Plain': neither folder nor description contains 'thin'",
        "no series to use in this study",
    )
    assert twelfth.traits["series"] == "CT PLAIN THIN"


def test_scouts_and_broken_files_are_named(tmp_path):
    folder = write_series(tmp_path, 7, "CT Plain", 18, thickness=5)
    write_series(tmp_path, 7, "CT Scout", 1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    cut = folder / "CT000017.dcm"
    cut.write_bytes(cut.read_bytes()[:-2])
    (folder / "CT000016.dcm").write_bytes(b"junk")
    (folder / "notes.txt").write_text("x")
    study = only(tmp_path)
    assert len(study.modalities["image"].images) == 16
    junk = "not a DICOM file (no DICM mark after the first 128 bytes)"
    where = "Unknown Study/CT Plain"
    assert f"left out 1 file(s): {junk} ({where}/CT000016.dcm)" in study.problems
    assert f"left out 1 file(s): no DICOM file ({where}/notes.txt)" in study.problems
    assert any("truncated" in problem and "CT000017.dcm" in problem for problem in study.problems)
    assert any("localizer" in problem and "CT000000.dcm" in problem for problem in study.problems)


def test_rows_without_a_scan_and_scans_without_a_row(root):
    write_reads(root, [12, 40])
    third, twelfth, fortieth = studies = read(root)
    check_studies(studies)
    assert third.problems == ("no row in reads.csv; its labels are unknown",)
    assert all(map(math.isnan, third.labels.values()))
    assert twelfth.labels["any"] == 0.0
    assert (fortieth.modalities, fortieth.labels["any"]) == ({}, 0.0)
    assert fortieth.problems == ("no folder 'CQ500CT40 CQ500CT40'; unpack the scan there",)


def test_a_scan_of_nothing_says_so(tmp_path):
    (tmp_path / "CQ500CT7 CQ500CT7" / "Unknown Study").mkdir(parents=True)
    assert only(tmp_path).problems == ("no series to use in this study",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("CQ500-CT-12", "CQ500-CT-x", "row 2, column 'name': 'CQ500-CT-x' is no scan; write CQ500-CT-<number>"),
        ("CQ500-CT-12", "CQ500-CT-3", "row 3, column 'name': CQ500-CT-3 has a row already; keep one"),
        ("B1,1", "B1,2", "row 2, column 'R1:ICH': label is '2'"),
        ("R2:Fracture", "Fracture", "no column 'R2:Fracture'"),
    ],
)
def test_a_bad_table_is_refused_at_its_place(root, old, new, problem):
    table = root / "reads.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError) as error:
        read(root)
    assert problem in str(error.value)


def test_two_folders_of_one_scan_are_refused(root):
    (root / "CQ500CT3").mkdir()
    with pytest.raises(DataError, match="two folders carry one scan number"):
        read(root)


def test_several_processes_read_the_same(root, monkeypatch):
    alone = read(root)
    monkeypatch.setattr(exams, "FILES_PER_WORKER", 2)
    monkeypatch.setattr(exams.os, "cpu_count", lambda: 2)
    together = read(root)
    assert [(s.study_id, s.modalities, s.problems) for s in together] == [
        (s.study_id, s.modalities, s.problems) for s in alone
    ]
