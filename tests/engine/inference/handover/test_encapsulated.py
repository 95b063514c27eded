"""The page of an answer as an Encapsulated PDF, filed beside the images that the answer was read from."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from handed_over import AUTHOR, NAME, SERIES, STUDY, answer, instance, sources
from pydicom.uid import EncapsulatedPDFStorage

from mmdx.engine.inference.handover.document import write_report
from mmdx.engine.inference.handover.encapsulated import encapsulated

IDENTITY = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": NAME, "PatientBirthDate": "19700131"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("report") / "a.dcm"
    found = sources(*(instance(number, **IDENTITY) for number in range(3)))
    write_report(answer(study_id="ignored"), found, AUTHOR, path)
    return path.read_bytes()


@pytest.mark.parametrize("pdf", [b"%PDF-1.4 even", b"%PDF-1.4 odd."], ids=len)
def test_the_pdf_comes_back_byte_by_byte(pdf: bytes, report: bytes) -> None:
    file = pydicom.dcmread(io.BytesIO(encapsulated(pdf, report, "mmdx mine")))
    assert file.SOPClassUID == file.file_meta.MediaStorageSOPClassUID == EncapsulatedPDFStorage
    assert file.EncapsulatedDocument[: file.EncapsulatedDocumentLength] == pdf
    assert len(file.EncapsulatedDocument) % 2 == 0
    assert (file.MIMETypeOfEncapsulatedDocument, file.DocumentTitle) == ("application/pdf", "mmdx mine")


def test_it_is_of_the_same_patient_study_and_images_and_of_the_model_that_answered(report: bytes) -> None:
    file = pydicom.dcmread(io.BytesIO(encapsulated(b"%PDF-1.4", report, "mmdx mine")))
    told = pydicom.dcmread(io.BytesIO(report))
    assert (str(file.PatientName), file.PatientBirthDate, file.StudyInstanceUID) == (NAME, "19700131", STUDY)
    assert (file.Manufacturer, file.ManufacturerModelName) == ("mmdx", "mine")
    assert file.DeviceSerialNumber == AUTHOR.digest
    assert file.SeriesInstanceUID not in (SERIES, told.SeriesInstanceUID)
    assert file.SOPInstanceUID != told.SOPInstanceUID
    named = [item.ReferencedSOPInstanceUID for item in file.SourceInstanceSequence]
    assert named == [f"{SERIES}.{number}" for number in range(3)]


def test_each_file_is_one_of_its_own(report: bytes) -> None:
    files = [pydicom.dcmread(io.BytesIO(encapsulated(b"%PDF-1.4", report, "mmdx mine"))) for _ in range(2)]
    assert len({file.SOPInstanceUID for file in files} | {file.SeriesInstanceUID for file in files}) == 4
