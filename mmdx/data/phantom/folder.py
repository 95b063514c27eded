"""The folder of a cohort: one folder per study, and a manifest that names the options once all of them are whole.

A study is written under a name of its own and renamed when done, and the manifest is `phantom.partial.json` until the
last study stands: a killed run leaves nothing that could be taken for whole, and the next one goes on.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import joblib
import numpy as np
from jaxtyping import Bool
from rich.progress import track

from mmdx.data.phantom.cohort import Exam, cohort, log_odds
from mmdx.data.phantom.recipe import FINDINGS, IMAGES, REPORT, Recipe
from mmdx.data.phantom.render import Rendered, render
from mmdx.data.phantom.series import write_series
from mmdx.errors import DataError
from mmdx.strangers.bounded import read_json
from mmdx.strangers.screen import screen

FORMAT = 1
"""Raised whenever the same options make other files."""
WHOLE, PARTIAL = "phantom.json", "phantom.partial.json"
STUDY = "study.json"
_FEW = 25
"""So few studies are faster written than workers are started."""


def make_cohort(root: Path, recipe: Recipe) -> list[Path]:
    """The study folders of the cohort in `root`, which is generated, or finished, where it is not there yet.

    Raises `DataError` where `root` holds anything else, another cohort included, or has lost a study.
    """
    manifest = _manifest(root)
    if manifest is None:
        _refuse_other_files(root)
    else:
        _refuse_other_options(root, manifest, recipe)
    if manifest is None or not (root / WHOLE).is_file():
        try:
            _generate(root, recipe)
        except OSError as error:
            raise DataError(
                f"{root}: the phantom cannot be written: {error}; make room or choose another source"
            ) from None
    folders = sorted(path.parent for path in root.glob(f"[!.]*/{STUDY}"))
    expected = read_json(root / WHOLE)["studies"]
    if len(folders) != expected:
        raise DataError(
            f"{root}: {len(folders)} studies where {WHOLE} counts {expected}; delete the folder and it is made anew"
        )
    return folders


def _manifest(root: Path) -> dict | None:
    for path in (root / WHOLE, root / PARTIAL):
        if path.is_file():
            manifest = read_json(path, "choose another source folder")
            if not isinstance(manifest, dict) or not isinstance(manifest.get("options"), dict):
                raise DataError(f"{path}: not a phantom's manifest: it has no options; choose another source folder")
            return manifest
    return None


def _refuse_other_files(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: a file, where the phantom needs a folder; choose another source folder")
    strangers = sorted(path.name for path in root.iterdir() if path.name != _draft(PARTIAL)) if root.exists() else []
    if strangers:
        raise DataError(f"{root}: holds {strangers[0]} and no phantom; choose another source folder, empty or new")


def _refuse_other_options(root: Path, manifest: dict, recipe: Recipe) -> None:
    if manifest.get("format") != FORMAT:
        raise DataError(
            f"{root}: a phantom of format {manifest.get('format')}, not {FORMAT}; choose another source folder"
        )
    differences = recipe.differences(manifest["options"])
    if differences:
        raise DataError(f"{root}: holds a phantom with {'; '.join(differences)}; choose another source folder")


def _generate(root: Path, recipe: Recipe) -> None:
    """Writes every study that is not there yet, on all processors, and then the manifest."""
    exams = cohort(recipe)
    root.mkdir(parents=True, exist_ok=True)
    draft = root / _draft(PARTIAL)
    manifest = {"format": FORMAT, "studies": len(exams), "options": recipe.as_json()}
    draft.write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    draft.replace(root / PARTIAL)
    missing = [exam for exam in exams if not (root / exam.study_id / STUDY).is_file()]
    workers = joblib.Parallel(
        n_jobs=(os.cpu_count() or 1) if len(missing) > _FEW else 1, return_as="generator_unordered"
    )
    written = workers(joblib.delayed(_write_study)(root.absolute(), recipe, exam) for exam in missing)
    bar = screen(stderr=True)
    for _ in track(written, "phantom", total=len(missing), console=bar, transient=True, disable=len(missing) <= _FEW):
        pass
    (root / PARTIAL).replace(root / WHOLE)


def _draft(name: str) -> str:
    return f".{name}.draft"


def _write_study(root: Path, recipe: Recipe, exam: Exam) -> None:
    draft = root / _draft(exam.study_id)
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir()
    series = {}
    for modality in (name for name in IMAGES if name in exam.modalities):
        rendered = render(recipe, exam, modality)
        files = write_series(draft / modality, recipe, exam, modality, rendered.hu)
        boxes = _boxes(exam, rendered)
        series[modality] = [
            {"file": name, "boxes": boxes_of_slice} for name, boxes_of_slice in zip(files, boxes, strict=True)
        ]
    study = {
        "study_id": exam.study_id,
        "patient_id": exam.patient_id,
        "age": exam.age,
        "sex": exam.sex,
        "scanner": exam.scanner,
        "labels": dict(exam.labels),
        "report": exam.report if REPORT in exam.modalities else None,
        "series": series,
        "log_odds": log_odds(recipe, exam),
    }
    (draft / STUDY).write_text(json.dumps(study), encoding="utf-8")
    draft.replace(root / exam.study_id)


def _boxes(exam: Exam, rendered: Rendered) -> list[dict[str, list[int]]]:
    """The bleeds on each slice: finding to x0, y0, x1, y1 around its patch. Mimics have no box."""
    bleeds = [finding for finding in FINDINGS if exam.labels[finding]]
    return [
        {k: _box(rendered.patches[k][index]) for k in bleeds if rendered.patches[k][index].any()}
        for index in range(len(rendered.hu))
    ]


def _box(mask: Bool[np.ndarray, "m m"]) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
