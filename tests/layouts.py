"""A tiny copy of the layout of each reader, with enough patients of both classes to plan a training on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import nibabel
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from challenge import write_challenge
from cohorts import write_ct, write_png
from PIL import Image
from tiny import write_cohort

from mmdx.data.phantom.folder import make_cohort
from mmdx.data.phantom.recipe import Recipe
from mmdx.data.readers.derm7pt import TASKS

PATIENTS = 12


def folder(root: Path) -> Path:
    return write_cohort(root, patients=PATIENTS)


def phantom(root: Path) -> Path:
    make_cohort(root, Recipe(patients=PATIENTS, matrix=64, prevalence=0.4))
    return root


def covid_cxr(root: Path) -> Path:
    """Every other patient has COVID-19; two of three have notes."""
    columns = (
        "patientid",
        "offset",
        "sex",
        "age",
        "finding",
        "view",
        "modality",
        "folder",
        "filename",
        "clinical_notes",
    )
    rows = []
    for number in range(PATIENTS):
        write_png(root / "images" / f"{number}.png", 10 * number, 40)
        finding = "COVID-19" if number % 2 else "Pneumonia/Bacterial"
        row = dict.fromkeys(columns, "") | {"patientid": str(number), "finding": finding, "modality": "X-ray"}
        note = "" if number % 3 == 0 else "Fever and cough for a week."
        rows.append(
            row | {"folder": "images", "filename": f"{number}.png", "age": str(40 + number), "clinical_notes": note}
        )
    return _table(root, "metadata.csv", [*columns, "url", "license"], rows)


def ct_ich(root: Path) -> Path:
    """Brain and bone windows of three slices; the second slice of every other patient bleeds, and has a box."""
    kinds = ("Intraventricular", "Intraparenchymal", "Subarachnoid", "Epidural", "Subdural")
    columns = ["PatientNumber", "SliceNumber", *kinds, "No_Hemorrhage", "Fracture_Yes_No"]
    rows, boxes = [], []
    for patient in range(50, 50 + PATIENTS):
        for window in ("brain", "bone"):
            for number in (1, 2, 3):
                write_png(root / "Patients_CT" / f"{patient:03d}" / window / f"{number}.jpg", 60 + number, 40)
        for number in (1, 2, 3):
            bleed = int(number == 2 and patient % 2)
            labels = dict.fromkeys(kinds, 0) | {"Epidural": bleed, "No_Hemorrhage": 1 - bleed, "Fracture_Yes_No": 0}
            rows.append({"PatientNumber": patient, "SliceNumber": number, **labels})
            if bleed:
                box = {"label": "EDH", "x0": 1, "y0": 1, "x1": 9, "y1": 9}
                boxes.append({"PatientNumber": patient, "SliceNumber": number, **box})
    people = ["Patient Number", "Age\n(years)", "Gender", "Fracture (Yes/No)", "Condition on file", "Note"]
    ages = [{"Patient Number": patient, "Age\n(years)": 40} for patient in range(50, 50 + PATIENTS)]
    _table(root, "patient_demographics.csv", people, ages)
    _table(root, "boxes.csv", ["PatientNumber", "SliceNumber", "label", "x0", "y0", "x1", "y1"], boxes)
    return _table(root, "hemorrhage_diagnosis.csv", columns, rows)


def cpm_radpath(root: Path) -> Path:
    """Four sequences of three slices per case, and descriptors of two tiles; classes take turns."""
    rows = []
    for number in range(PATIENTS):
        case = f"CPM19_CBICA_A{number:02d}_1"
        place = root / "Radiology" / case
        place.mkdir(parents=True)
        for index, sequence in enumerate(("t1", "t1ce", "t2", "flair")):
            values = np.arange(40 * 40 * 3, dtype=np.int16).reshape(40, 40, 3) + index
            nibabel.save(nibabel.Nifti1Image(values, np.diag([-1, -1, 1, 1])), place / f"{case}_{sequence}.nii.gz")
        (root / "Pathology").mkdir(exist_ok=True)
        np.save(root / "Pathology" / f"{case}.npy", np.full((2, 4), number, np.float32))
        rows.append({"CPM_RadPath_2019_ID": case, "class": "GAO"[number % 3]})
    return _table(root, "training_data_classification_labels.csv", ["CPM_RadPath_2019_ID", "class"], rows)


def cq500(root: Path) -> Path:
    """Scans of eighteen slices; every other one bleeds, as all three radiologists say."""
    questions = (
        *("ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "BleedLocation-Left", "BleedLocation-Right", "ChronicBleed"),
        *("Fracture", "CalvarialFracture", "OtherFracture", "MassEffect", "MidlineShift"),
    )
    columns = ["name", "Category", *(f"R{k}:{question}" for k in (1, 2, 3) for question in questions)]
    rows = []
    for number in range(PATIENTS):
        answers = {column: int(column.endswith(":ICH") and number % 2) for column in columns[2:]}
        rows.append({"name": f"CQ500-CT-{number}", "Category": "B1", **answers})
        scan = root / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study" / "CT Plain"
        for k in range(18):
            place = {"instance": k, "study": f"1.2.{number}", "series": f"1.2.{number}.1", "patient": "x"}
            write_ct(scan / f"CT{k:06d}.dcm", np.full((32, 32), 40), **place)
    return _table(root, "reads.csv", columns, rows)


def derm7pt(root: Path) -> Path:
    """Lesions in the official split; melanoma and nevus take turns."""
    columns = [column for column, _ in TASKS.values()]
    rows = []
    for number in range(PATIENTS):
        words = dict.fromkeys(columns[1:], "absent") | {"diagnosis": "melanoma" if number % 2 else "clark nevus"}
        images = {"clinic": f"N/{number}c.png", "derm": f"N/{number}d.png"}
        for name in images.values():
            (root / "images" / "N").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (number, 90, 200)).save(root / "images" / name)
        rows.append({"case_num": number + 1, "seven_point_score": 0, **words, **images})
    for split, first, last in (("train", 0, 8), ("valid", 8, 10), ("test", 10, 12)):
        _table(root / "meta", f"{split}_indexes.csv", ["indexes"], [{"indexes": k} for k in range(first, last)])
    _table(root / "meta", "meta.csv", ["case_num", "seven_point_score", *columns, "clinic", "derm"], rows)
    return root


def dicom(root: Path) -> Path:
    """Studies of three CT slices, and a table of labels beside them."""
    rows = []
    for number in range(PATIENTS):
        for k in range(3):
            place = {"study": f"1.2.{number}", "series": f"1.2.{number}.1", "patient": f"p{number}"}
            write_ct(root / f"{number}" / f"{k}.dcm", np.full((32, 32), 40), instance=k, **place)
        rows.append({"study_id": f"1.2.{number}", "bleed": number % 2, "report": f"Fell {number} times."})
    return _table(root, "labels.csv", ["study_id", "bleed", "report"], rows)


def huggingface(root: Path) -> Path:
    """Parquet files of images with a column of 0 and 1, notes and patients."""
    images = []
    for number in range(PATIENTS):
        file = io.BytesIO()
        Image.new("L", (40, 40), 10 * number).save(file, "PNG")
        images.append({"bytes": file.getvalue(), "path": f"{number}.png"})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    (root / "data").mkdir(parents=True)
    table = pa.table(
        {
            "image": pa.array(images, kind),
            "bleed": [number % 2 for number in range(PATIENTS)],
            "note": [f"Fell {number} times." for number in range(PATIENTS)],
        }
    )
    pq.write_table(table, root / "data" / "train-00000-of-00001.parquet")
    return root


def medmnist(root: Path) -> Path:
    """One archive in its official split; the classes take turns."""
    arrays = {}
    for split, count in (("train", 8), ("val", 4), ("test", 4)):
        arrays[f"{split}_images"] = np.zeros((count, 28, 28), np.uint8)
        arrays[f"{split}_labels"] = np.array([[k % 2] for k in range(count)], np.uint8)
    root.mkdir(parents=True)
    np.savez_compressed(root / "pneumoniamnist.npz", **arrays)
    return root / "pneumoniamnist.npz"


def openi(root: Path) -> Path:
    """One x-ray and one report per study; every other heart is large."""
    (root / "ecgen-radiology").mkdir(parents=True)
    for number in range(1, PATIENTS + 1):
        write_png(root / "NLMCXR_png" / f"CXR{number}.png", 10 * number, 40)
        term = "Cardiomegaly/mild" if number % 2 else "normal"
        sections = '<AbstractText Label="INDICATION">Chest pain.</AbstractText>'
        text = (
            f'<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR{number}"/><MedlineCitation><Article>'
            f"<Abstract>{sections}</Abstract></Article></MedlineCitation><MeSH><major>{term}</major></MeSH>"
            f'<parentImage id="CXR{number}"/></eCitation>'
        )
        (root / "ecgen-radiology" / f"{number}.xml").write_text(text, encoding="utf-8")
    return root


def rsna_ich(root: Path) -> Path:
    """Studies of two slices; in every other one the first slice has a subdural bleed."""
    studies = {f"1.2.{10 + n}": [f"ID_{n:02x}{'1' if n % 2 else '2'}", f"ID_{n:02x}3"] for n in range(PATIENTS)}
    return write_challenge(root, studies)


LAYOUTS: Mapping[str, Callable[[Path], Path]] = {
    made.__name__: made
    for made in (
        *(folder, phantom, covid_cxr, ct_ich, cpm_radpath, cq500, derm7pt, dicom),
        *(huggingface, medmnist, openi, rsna_ich),
    )
}
"""By reader: what writes its layout below a folder, and returns the source that the reader takes."""
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "phantom": {"patients": PATIENTS, "matrix": 64, "prevalence": 0.4},
    "dicom": {"table": "labels.csv"},
    "huggingface": {"images": {"image": "image"}, "texts": {"report": "note"}, "findings": ["bleed"]},
}
"""By reader: the options that its layout asks for."""


def _table(root: Path, name: str, columns: list[str], rows: list[dict]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    with (root / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return root
