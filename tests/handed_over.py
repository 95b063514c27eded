"""Exams of a named patient as DICOM files, and a model with heads for studies, slices and boxes that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import torch
from cohorts import write_ct
from jaxtyping import Float
from pydicom.uid import CTImageStorage
from torch import Tensor

from mmdx.batch import Boxes
from mmdx.config_file import parse_config
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import write_calibration, write_description, write_weights
from mmdx.engine.inference.handover.author import Author
from mmdx.engine.inference.handover.sources import Instance, Sources
from mmdx.engine.inference.prediction import Prediction
from mmdx.models.facts import InputFacts
from mmdx.models.heads.boxes import BoxHead
from mmdx.models.heads.calibration import Calibration
from mmdx.study import Order

STUDY, SERIES, FRAME = "1.2.826.0.1.7", "1.2.826.0.1.7.1", "1.2.826.0.1.7.2"
NAME = "Müller^Änne"
BRIGHT = 1000
"""Hounsfield units of what the model of `seeing_brightness` draws a box around."""


def write_exam(folder: Path, hu: Float[np.ndarray, "n h w"] | None = None, **elements: Any) -> list[Path]:
    """One axial CT slice per image, 5 mm apart, of a patient with a name; elements are set in every file, and left out
    where they are None."""
    paths = []
    for number, image in enumerate(np.zeros((3, 16, 16)) if hu is None else hu, start=1):
        path = write_ct(folder / f"{number}.dcm", image, instance=number, study=STUDY, series=SERIES, patient="p 7")
        file = pydicom.dcmread(path)
        known = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": NAME, "PatientBirthDate": "19700131"}
        known |= {"PatientSex": "F", "StudyDate": "20200102", "StudyTime": "120000", "AccessionNumber": "A1"}
        known |= {"StudyID": "3", "ReferringPhysicianName": "House^Gregory", "FrameOfReferenceUID": FRAME}
        set_elements(file, **known, **elements)
        file.save_as(path)
        paths.append(path)
    return paths


def set_elements(file: pydicom.Dataset, **elements: Any) -> None:
    for keyword, value in elements.items():
        if value is None:
            file.pop(keyword, None)
        else:
            setattr(file, keyword, value)


def write_model(folder: Path, *, unit: str = "HU", size: int = 64, heads: tuple[str, ...] = ("study", "boxes")) -> Path:
    """An untrained model of images and a report, whose answers to studies are calibrated where both are shown."""
    parts: dict[str, Any] = {"study": "study", "slice": "slice"}
    parts["boxes"] = {"type": "boxes", "levels": 1, "hidden": 8, "least": 0.0, "most": 2}
    inputs = {
        "image": {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}},
        "report": {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}},
    }
    model = {"inputs": inputs, "dim": 8, "heads": {name: parts[name] for name in heads}}
    raw: dict[str, Any] = {
        "data": {"reader": "dicom", "source": "somewhere/chest_2024"},
        "model": model,
        "plugins": ["patches"],
    }
    raw["train"] = {"judge": "studies" if "study" in heads else "slices"}
    config = resolve(parse_config(raw, "test"))
    tokenizer = fit_tokenizer(["fall on the head, no blood is seen"] * 2, max_tokens=16)
    known = {"image": InputFacts("images", unit=unit), "report": InputFacts("text", vocabulary=tokenizer.vocabulary)}
    torch.manual_seed(0)
    shares = {"study": (0.5, 0.25), "image": (0.5, 0.25)}
    built, facts = build_model(config, ModelFacts(("bleed", "a fracture of the base"), size, known, shares))
    write_description(folder, config, facts, {"report": tokenizer})
    write_weights(folder, built)
    if "study" in heads:
        write_calibration(folder, {"study": Calibration(torch.ones(2), torch.zeros(2))}, facts)
    return folder


def seeing_brightness(monkeypatch) -> None:
    """Box heads answer with a box of the first finding around what is bright in the very image that they are shown."""

    def forward(head: BoxHead, _encoded: object, _fused: Tensor, batch: Any) -> Tensor:
        return batch.inputs[head.images].values.float()

    def boxes(_head: BoxHead, seen: Tensor, _height: int, _width: int) -> tuple[Boxes, Tensor]:
        corners, images = [], []
        for image, pixels in enumerate(seen[:, 0]):
            rows, columns = (pixels > BRIGHT / 2).nonzero(as_tuple=True)
            if len(rows):
                corners.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
                images.append(image)
        found = Boxes(
            torch.tensor(corners).float().reshape(-1, 4), torch.tensor(images), torch.zeros(len(images)).long()
        )
        return found, torch.full((len(images),), 0.75)

    monkeypatch.setattr(BoxHead, "forward", forward)
    monkeypatch.setattr(BoxHead, "boxes", boxes)


def instance(number: int, **elements: Any) -> Instance:
    """One CT slice of 16 rows and 12 columns, as far as a report refers to it."""
    header = pydicom.Dataset()
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, f"{SERIES}.{number}"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.PatientID = STUDY, SERIES, "p 7"
    header.Rows, header.Columns, header.PixelSpacing = 16, 12, [0.5, 2]
    set_elements(header, **elements)
    return Instance(header)


def sources(*instances: Instance) -> Sources:
    """Three slices, or the files that are given, as those of the one image input."""
    found = instances or tuple(instance(number) for number in range(3))
    places = tuple((one, frame) for one in found for frame in one.frames)
    return Sources(
        found, {"image": places}, {"image": Order("position", 5.0, agrees=True)}, boxed="image", sliced="image"
    )


AUTHOR = Author("mine", "dicom: chest_2024", "0123456789abcdef" * 2)


def answer(**facts: Any) -> Prediction:
    """An answer of three images of an exam, without its report."""
    known: dict[str, Any] = {
        "study_id": STUDY,
        "patient_id": "p 7",
        "shown": "image",
        "missing": ("report",),
        "images": {"image": 3},
        "order_source": {"image": "position"},
        "problems": (),
        "reports_without": "",
        "findings": {"bleed": 0.25},
    }
    return Prediction(**(known | facts))
