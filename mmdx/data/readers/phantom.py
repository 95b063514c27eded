"""The built-in phantom: studies of which it is known how much each modality can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from mmdx.data.order.certificate import certify_dicom
from mmdx.data.phantom.folder import STUDY, make_cohort
from mmdx.data.phantom.recipe import ANY, FINDINGS, Recipe, Strength
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.strangers.bounded import read_json
from mmdx.study import TRUE_ODDS, Box, ImageFiles, ImageRef, Study

LICENCE = "Apache-2.0"
MAKES_SOURCE = True
"""Whether the reader writes what it reads: nothing can be looked at before."""
_TAGS = ["ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber"]


@READERS("phantom")
def read(
    root: Path,
    *,
    patients: int = Recipe.patients,
    seed: int = Recipe.seed,
    prevalence: float = Recipe.prevalence,
    image_separation: float = Recipe.image_separation,
    enhanced_separation: float = Recipe.enhanced_separation,
    report_likelihood_ratio: float = Recipe.report_likelihood_ratio,
    matrix: int = Recipe.matrix,
    noise: float = Recipe.noise,
    strength: Strength = Recipe.strength,
    image_contrast: float = Recipe.image_contrast,
    leak: bool = Recipe.leak,
    shortcut: bool = Recipe.shortcut,
    duplicates: float = Recipe.duplicates,
    missing_image: float = Recipe.missing_image,
    missing_enhanced: float = Recipe.missing_enhanced,
    missing_report: float = Recipe.missing_report,
) -> list[Study]:
    """Head CTs with and without contrast agent, and reports that give history: a cohort made in `root` on first use.

    `mmdx.data.phantom.recipe` says what the options mean and how well the best reader of each modality can do.
    Modalities are `image`, `enhanced` (both HU) and `report`; findings the five kinds of bleed and `any`. Traits are
    age, sex, scanner, and the true log-odds as `log_odds/<modalities shown, joined by +>/<finding>`, for every set of
    modalities that the study has.

    Raises `DataError` where `root` holds anything but this very cohort, and `UsageError` for impossible options.
    """
    recipe = Recipe(
        patients=patients,
        seed=seed,
        prevalence=prevalence,
        image_separation=image_separation,
        enhanced_separation=enhanced_separation,
        report_likelihood_ratio=report_likelihood_ratio,
        matrix=matrix,
        noise=noise,
        strength=strength,
        image_contrast=image_contrast,
        leak=leak,
        shortcut=shortcut,
        duplicates=duplicates,
        missing_image=missing_image,
        missing_enhanced=missing_enhanced,
        missing_report=missing_report,
    )
    return [_study(folder) for folder in make_cohort(root, recipe)]


def _study(folder: Path) -> Study:
    truth = read_json(folder / STUDY)
    modalities: dict[str, ImageFiles | str] = {} if truth["report"] is None else {"report": truth["report"]}
    slice_labels: dict[str, dict[str, tuple[float, ...]]] = {}
    boxes: list[Box] = []
    problems: list[str] = []
    for modality, slices in truth["series"].items():
        headers = [_header(folder / modality / entry["file"]) for entry in slices]
        images, order, sentences = certify_dicom(headers)
        # The order is the headers' to tell; labels and boxes follow their files.
        boxes_of_file = {entry["file"]: entry["boxes"] for entry in slices}
        bleeds: list[dict[str, list[int]]] = [boxes_of_file[image.path.name] for image in images]
        modalities[modality] = ImageFiles(images, order, unit="HU", channels=1)
        slice_labels[modality] = {k: tuple(float(k in bleed) for bleed in bleeds) for k in FINDINGS}
        slice_labels[modality][ANY] = tuple(float(bool(bleed)) for bleed in bleeds)
        boxes += [
            Box(modality, index, finding, *(float(corner) for corner in corners))
            for index, bleed in enumerate(bleeds)
            for finding, corners in bleed.items()
        ]
        problems += [f"{modality}: {sentence}" for sentence in sentences]
    traits: dict[str, Any] = {name: truth[name] for name in ("age", "sex", "scanner")}
    traits |= {f"{TRUE_ODDS}{key}": value for key, value in truth["log_odds"].items()}
    return Study(
        study_id=truth["study_id"],
        patient_id=truth["patient_id"],
        modalities=modalities,
        labels=truth["labels"],
        slice_labels=slice_labels,
        boxes=tuple(boxes),
        traits=traits,
        problems=tuple(problems),
    )


def _header(path: Path) -> tuple[ImageRef, pydicom.Dataset]:
    try:
        return ImageRef(path), pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except (OSError, InvalidDicomError) as error:
        raise DataError(f"{path}: not to be read: {error}; delete the cohort's folder and it is made anew") from None
