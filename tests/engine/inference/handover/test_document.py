"""The report as a file: whose it is, what it refers to, and that its library's words name nobody."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
import pytest
from handed_over import AUTHOR, NAME, SERIES, STUDY, answer, instance, sources
from highdicom.sr import srread
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ComprehensiveSRStorage
from raw_dicom import file_bytes, slice_elements

from mmdx.data.dicom.files import read_header
from mmdx.data.quiet import quiet
from mmdx.engine.inference.handover.document import write_report
from mmdx.engine.inference.handover.identity import NEEDED, OPTIONAL, REMOVED
from mmdx.engine.inference.handover.sources import Instance
from mmdx.errors import DataError, MmdxError

IDENTITY = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": NAME, "PatientBirthDate": "19700131"}


def test_a_report_lies_beside_its_images_in_a_series_of_its_own(tmp_path: Path) -> None:
    found = sources(*(instance(number, **IDENTITY) for number in range(3)))
    write_report(answer(study_id="ignored"), found, AUTHOR, tmp_path / "a.dcm")
    report = srread(tmp_path / "a.dcm")
    assert (report.SOPClassUID, report.StudyInstanceUID) == (ComprehensiveSRStorage, STUDY)
    assert report.SeriesInstanceUID not in (SERIES, STUDY)
    assert (str(report.PatientName), report.PatientID, report.PatientBirthDate) == (NAME, "p 7", "19700131")
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert (report.Manufacturer, report.ManufacturerModelName, report.SoftwareVersions) == (
        "mmdx",
        "mine",
        AUTHOR.version,
    )
    evidence = report.get_evidence()
    assert [(study, series, one) for study, series, one, _ in evidence] == [
        (STUDY, SERIES, f"{SERIES}.{number}") for number in range(3)
    ]


def test_two_reports_are_two_documents(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_report(answer(), sources(), AUTHOR, tmp_path / name)
    one, other = (pydicom.dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID


def test_a_class_of_images_that_highdicom_does_not_know_is_told_without_a_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = sources(instance(0, SOPClassUID="1.2.3.4", **IDENTITY))
    with pytest.raises(DataError, match=r"highdicom cannot refer to its images, of 1.2.3.4 \(KeyError\)") as told:
        write_report(answer(), found, AUTHOR, tmp_path / "a.dcm")
    assert NAME not in f"{told.value}{capfd.readouterr()}"
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_one_word_is_not_said_aloud(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_report(answer(), sources(instance(0, PatientName="Geheim")), AUTHOR, tmp_path / "a.dcm")
    captured = capfd.readouterr()
    assert "Geheim" not in captured.out + captured.err
    assert pydicom.dcmread(tmp_path / "a.dcm").PatientName == "Geheim"


@given(
    st.dictionaries(
        st.sampled_from([one for one in (*NEEDED, *OPTIONAL, *REMOVED) if one != "StudyInstanceUID"]),
        st.tuples(st.sampled_from(["PN", "LO", "DA", "TM", "SH", "CS", "UN", "SQ", "US"]), st.binary(max_size=70)),
    ),
    st.sampled_from([b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"ISO_IR 6", b"nonsense", b"GB18030"]),
)
def test_whatever_a_header_says_of_the_patient_a_report_can_be_read_back(odd, characters) -> None:
    with TemporaryDirectory() as name:
        place = Path(name) / "a.dcm"
        place.write_bytes(
            file_bytes(slice_elements(1, study="1.2.9") | odd | {"SpecificCharacterSet": ("CS", characters)})
        )
        write_report(answer(), sources(Instance(read_header(place))), AUTHOR, place)
        with quiet(), pydicom.config.disable_value_validation():
            report = pydicom.dcmread(place)
            report.decode()
        assert report.StudyInstanceUID == "1.2.9"
        told = "".join(str(report[keyword].value or "") for keyword in NEEDED)
        assert not any(unicodedata.category(character) == "Cc" for character in told)


def test_a_long_name_of_a_run_is_cut_where_dicom_has_no_room(tmp_path: Path) -> None:
    write_report(answer(), sources(), replace(AUTHOR, model="x" * 100), tmp_path / "a.dcm")
    assert pydicom.dcmread(tmp_path / "a.dcm").ManufacturerModelName == "x" * 64


def test_a_place_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(MmdxError, match="cannot be written"):
        write_report(answer(), sources(), AUTHOR, tmp_path / "taken" / "a.dcm")
