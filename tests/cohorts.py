"""Raw cohorts of a few bytes for the tests of everything between a folder and a store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rich.console import Console

from mmdx.data.readers import register_all
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store
from mmdx.schema import Component, SplitOptions


def write_png(path: Path, value: int, side: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), value, dtype=np.uint8)).save(path)
    return path


def write_ct(path: Path, hu: np.ndarray, *, instance: int, study: str, series: str, patient: str = "p") -> Path:
    """One axial slice with the given Hounsfield units, 5 mm above the one of the instance before."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientID = study, series, patient
    ds.Modality, ds.PhotometricInterpretation, ds.SamplesPerPixel = "CT", "MONOCHROME2", 1
    ds.Rows, ds.Columns = hu.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 5 * instance], [1, 0, 0, 0, 1, 0]
    ds.InstanceNumber, ds.PixelSpacing = instance, [1, 1]
    ds.PixelData = hu.astype(np.int16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_table(root: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(dict(row)) + "\n" for row in rows)
    (root / "metadata.jsonl").write_text(text, encoding="utf-8")
    return root


def folder_cohort(root: Path, *, studies: int = 10, per_patient: int = 1) -> Path:
    """Studies `s00` … of one to three images; slice `j` of study `i` is grey `10 * i + j`, every other study bleeds.

    Each third study has no report; the second study's `bleed` is unknown.
    """
    rows = []
    for i in range(studies):
        names = [write_png(root / f"{i:02d}_{j}.png", 10 * i + j).name for j in range(1 + i % 3)]
        bleed = None if i == 1 else i % 2
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i // per_patient:02d}", "file_names": names, "bleed": bleed}
        rows.append(row | {"report": "" if i % 3 == 0 else f"Fell {i} times.", "age": 40 + i})
    return write_table(root, rows)


def recipe(root: Path, *, reader: str = "folder", size: int = 8, **options: Any) -> Recipe:
    register_all()
    return Recipe(Component(type=reader, **options), root, size)


def prepared(root: Path, out: Path, *, size: int = 8, val: float = 0.2, test: float = 0.2) -> Store:
    """The store of a folder cohort; what was said on the way is dropped."""
    return prepare_store(recipe(root, size=size), out, SplitOptions(val=val, test=test), quiet()[0])


def quiet() -> tuple[Console, StringIO]:
    """A console that writes where a test can read."""
    said = StringIO()
    return Console(file=said, width=80), said


def first_pixel(store: Store, row: int) -> int:
    """The first pixel of a stored study, for a process that is handed the store."""
    return int(store.read(row).pixels("image")[0, 0, 0, 0])
