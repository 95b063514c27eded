"""One series as a folder of DICOM files, as a PACS would export it: CT Image Storage, explicit VR little endian.

File names are drawn from the UIDs and tell nothing about the order. Patient coordinates (DICOM PS3.3 C.7.6.2): the head
lies supine, +x to its left, +y to its back, +z to its top; instance numbers count from the feet.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from jaxtyping import Int16
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from mmdx.data.phantom.cohort import Exam
from mmdx.data.phantom.head import FIELD_MM, SLAB_MM
from mmdx.data.phantom.recipe import IMAGES, Recipe

INTERCEPT = -1024
_DESCRIPTIONS = {"image": "CT HEAD PLAIN", "enhanced": "CT HEAD ENHANCED"}


def write_series(
    folder: Path, recipe: Recipe, exam: Exam, modality: str, hu: Int16[np.ndarray, "n m m"]
) -> tuple[str, ...]:
    """Writes one file per slice into `folder`, which it makes; the file names, from the feet to the head."""
    folder.mkdir()
    header = _series_header(recipe, exam, modality, hu.shape)
    spacing = round(SLAB_MM / len(hu), 3)
    corner = round(-FIELD_MM / 2 + FIELD_MM / hu.shape[1] / 2, 4)
    names = []
    for index, plane in enumerate(hu):
        uid = _uid(recipe, exam.study_id, modality, str(index))
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
        header.InstanceNumber = index + 1
        header.ImagePositionPatient = [corner, corner, round((index + 0.5) * spacing, 3)]
        header.SliceThickness = spacing
        header.PixelData = (plane - INTERCEPT).astype("<u2").tobytes()
        names.append(f"{hashlib.sha256(uid.encode()).hexdigest()[:12].upper()}.dcm")
        header.save_as(folder / names[-1], enforce_file_format=True)
    return tuple(names)


def _uid(recipe: Recipe, *words: str) -> UID:
    """The same for the same words and options; a smaller cohort of the same options has the same UIDs."""
    options = {name: value for name, value in recipe.as_json().items() if name != "patients"}
    return generate_uid(entropy_srcs=[json.dumps(options), *words])


def _series_header(recipe: Recipe, exam: Exam, modality: str, shape: tuple[int, ...]) -> Dataset:
    """All that the slices of a series have in common, in the modules of the CT Image IOD (PS3.3 A.3)."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = CTImageStorage
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.PatientName = header.PatientID = exam.patient_id
    header.PatientBirthDate = ""
    header.PatientSex = exam.sex
    header.PatientAge = f"{int(exam.age):03d}Y"
    header.StudyInstanceUID = _uid(recipe, exam.study_id)
    header.StudyID = str(exam.number)
    header.StudyDate = header.StudyTime = header.AccessionNumber = header.ReferringPhysicianName = ""
    header.SeriesInstanceUID = _uid(recipe, exam.study_id, modality)
    header.FrameOfReferenceUID = _uid(recipe, exam.study_id, "frame of reference")
    header.PositionReferenceIndicator = ""
    header.Modality = "CT"
    header.SeriesNumber = IMAGES.index(modality) + 2
    header.SeriesDescription = _DESCRIPTIONS[modality]
    header.PatientPosition = "HFS"
    header.Manufacturer = "mmdx phantom"
    header.StationName = f"SCANNER {exam.scanner}"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.KVP = header.AcquisitionNumber = None
    if modality == "enhanced":
        header.ContrastBolusAgent = "simulated"
    header.Rows, header.Columns = shape[1:]
    header.PixelSpacing = [round(FIELD_MM / shape[1], 5)] * 2
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = INTERCEPT, 1, "HU"
    header.WindowCenter, header.WindowWidth = 40, 80
    return header
