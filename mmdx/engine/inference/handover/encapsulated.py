"""A PDF of an answer as a DICOM file (Encapsulated PDF Storage, PS3.3 A.45.1), beside the structured report of the same
study."""

from __future__ import annotations

import io
from datetime import datetime

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from mmdx.data.quiet import quiet
from mmdx.engine.inference.handover.coding import label
from mmdx.engine.inference.handover.identity import NEEDED, OPTIONAL, REMOVED, UTF_8

SERIES_NUMBER = 9902
"""Behind the report and the pictures of the same study."""
AUTHOR = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeviceSerialNumber")


def encapsulated(pdf: bytes, report: bytes, title: str) -> bytes:
    """The content of a DICOM file that holds `pdf`, in a series of its own.

    `report` is the content of the DICOM SR of the same answer: it says whose the study is, which model answered, and
    from which images, to which this file refers as well. The PDF itself is taken to name nobody (`BurnedInAnnotation`).
    """
    with quiet():
        told = pydicom.dcmread(io.BytesIO(report))
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
            EncapsulatedPDFStorage,
            generate_uid(prefix=None),
        )
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        file.SpecificCharacterSet = UTF_8
        file.SOPClassUID, file.SOPInstanceUID = EncapsulatedPDFStorage, meta.MediaStorageSOPInstanceUID
        for keyword in (*NEEDED, *OPTIONAL, *REMOVED, *AUTHOR):
            if keyword in told:
                setattr(file, keyword, told.get(keyword))
        file.Modality, file.ConversionType = "DOC", "WSD"
        file.SeriesInstanceUID, file.SeriesNumber, file.InstanceNumber = generate_uid(prefix=None), SERIES_NUMBER, 1
        file.SeriesDescription = file.DocumentTitle = label(title)
        file.ConceptNameCodeSequence = Items()
        now = datetime.now()
        file.ContentDate, file.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
        file.AcquisitionDateTime = ""
        file.BurnedInAnnotation = "NO"
        if sources := _sources(told):
            file.SourceInstanceSequence = Items(sources)
        file.MIMETypeOfEncapsulatedDocument = "application/pdf"
        file.EncapsulatedDocumentLength = len(pdf)
        file.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
        out = io.BytesIO()
        file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _sources(report: Dataset) -> list[Dataset]:
    """The images that a report was made from, as its evidence names them."""
    named = []
    for study in report.get("CurrentRequestedProcedureEvidenceSequence", ()):
        for series in study.get("ReferencedSeriesSequence", ()):
            for instance in series.get("ReferencedSOPSequence", ()):
                item = Dataset()
                item.ReferencedSOPClassUID = instance.ReferencedSOPClassUID
                item.ReferencedSOPInstanceUID = instance.ReferencedSOPInstanceUID
                named.append(item)
    return named
