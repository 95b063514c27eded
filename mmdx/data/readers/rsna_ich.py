"""RSNA 2019 intracranial hemorrhage: CT slices in one folder, each with six labels (Flanders et al. 2020).

Layout: `stage_2_train.csv` beside `stage_2_train/ID_<hex>.dcm`, `stage_2_sample_submission.csv` beside `stage_2_test/`.
Which patient, study and series a slice is of, and where it stands, is in the DICOM headers alone. All 750,000 are read,
twice: first for the study that each is of, then a study at a time, so that the headers of one study are in memory and
not those of all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmdx.data.dicom.exams import Exam, in_parallel, refuse_link_out, study_uid, walk
from mmdx.data.dicom.files import read_header
from mmdx.data.readers._rsna import FINDINGS, FOLDERS, TABLES, LabelTable, Part, read_labels, unlabelled
from mmdx.errors import DataError, refuse_lack, some
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, ImageFiles, Study

LICENCE = "RSNA terms of use: non-commercial research and education, with citation of Flanders et al. 2020"
MODALITY = "image"
_FILES_PER_TASK = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Found:
    """A study as its headers tell it, and its image files by name without suffix, those kept out included."""

    study: Study
    images: tuple[str, ...]


@READERS("rsna_ich")
def read(root: Path, *, part: Part = "train") -> list[Study]:
    """RSNA 2019 hemorrhage CTs: one study per StudyInstanceUID, its series as `image`, labels per slice and study.

    `part` is `train`, or `test`, whose labels are unknown. A study is positive where any of its images is, those that
    were kept out of the modality included, and unknown where one is unknown and none is positive. Rows that stand twice
    count once; where they contradict each other, the label is unknown and the study names it.

    A file that cannot be read, and together all rows without a file, become studies without modalities that say why.
    """
    table = read_labels(root / TABLES[part]) if part == "train" else unlabelled(root / TABLES[part])
    exams, unread = _found(root, part)
    _tell(table)
    studies = [_labelled(exam, table, has_labels=part == "train") for exam in exams]
    present = {image for exam in exams for image in exam.images} | {Path(study.study_id).stem for study in unread}
    return studies + unread + _without_file(table, present, FOLDERS[part])


def image_places(root: Path, *, part: Part = "train") -> dict[str, tuple[str, int | None]]:
    """By image (`ID_<hex>`) its study and its 0-based place among the slices of that study, None where kept out.

    These are the places that a prediction file means by `slice`. Files that cannot be read are not among them.
    """
    places: dict[str, tuple[str, int | None]] = {}
    for exam in _found(root, part)[0]:
        files = exam.study.modalities.get(MODALITY)
        refs = files.images if isinstance(files, ImageFiles) else ()
        places |= dict.fromkeys(exam.images, (exam.study.study_id, None))
        places |= {ref.path.stem: (exam.study.study_id, index) for index, ref in enumerate(refs)}
    return places


def _found(root: Path, part: Part) -> tuple[list[_Found], list[Study]]:
    """The studies by StudyInstanceUID, and the files that are none's. Raises `DataError` where there is no file."""
    folder = root / FOLDERS[part]
    files = walk(folder)
    images = [path for path in files if path.parent == folder and path.suffix.lower() == ".dcm"]
    if not images:
        raise DataError(f"{folder}: no ID_<hex>.dcm in it; unpack the images of the challenge there")
    if len(files) > len(images):
        strays = [path.relative_to(folder).as_posix() for path in sorted(set(files) - set(images))]
        log.warning("%s: %d files are no images and were left out: %s", folder, len(strays), some(strays))
    chunks = [(root, images[at : at + _FILES_PER_TASK]) for at in range(0, len(images), _FILES_PER_TASK)]
    read = in_parallel(_uids, chunks, files=len(images), saying="finding studies")
    uids = [uid for chunk in read for uid in chunk]
    studies: dict[str, list[Path]] = {}
    unread = []
    for path, (uid, problem) in zip(images, uids, strict=True):
        if problem:
            unread.append(Study(path.name, "", {}, problems=(problem,)))
        else:
            studies.setdefault(uid, []).append(path)
    tasks = sorted(studies.items())
    return in_parallel(_exam, tasks, files=len(images), saying="reading headers"), unread


def _uids(root: Path, paths: Sequence[Path]) -> list[tuple[str, str]]:
    """The StudyInstanceUID of each file, or why there is none."""
    uids = []
    for path in paths:
        try:
            refuse_link_out(path, root, path.name)
            uids.append((study_uid(path), ""))
        except (DataError, OSError, RuntimeError) as error:
            refuse_lack(error, path)
            uids.append(("", str(error).replace(str(path), path.name)))
    return uids


def _exam(uid: str, paths: Sequence[Path]) -> _Found:
    exam = Exam()
    for path in paths:
        try:
            exam.add(path, read_header(path), path.name)
        except DataError as error:
            exam.leave_out(str(error).removeprefix(f"{path}: "), path.name)
    return _Found(exam.study(uid, modality=MODALITY), tuple(path.stem for path in paths))


def _labelled(exam: _Found, table: LabelTable, *, has_labels: bool) -> Study:
    nobody = [UNKNOWN] * len(FINDINGS)
    of = {image: table.labels.get(image, nobody) for image in exam.images}
    files = exam.study.modalities.get(MODALITY)
    slices: dict[str, Mapping[str, tuple[float, ...]]] = {}
    if isinstance(files, ImageFiles):
        rows = [of[ref.path.stem] for ref in files.images]
        slices[MODALITY] = dict(zip(FINDINGS, zip(*rows, strict=True), strict=True))
    labels = dict(zip(FINDINGS, map(_overall, zip(*of.values(), strict=True)), strict=True))
    problems = [*exam.study.problems, *(_label_problems(of, table) if has_labels else [])]
    return replace(exam.study, labels=labels, slice_labels=slices, problems=tuple(problems))


def _overall(labels: Iterable[float]) -> float:
    """Positive where one is; negative where all are known to be; else unknown."""
    values = set(labels)
    return 1.0 if 1.0 in values else 0.0 if values == {0.0} else UNKNOWN


def _label_problems(of: Mapping[str, Sequence[float]], table: LabelTable) -> list[str]:
    denied = [f"{image}_{finding}" for image in of for finding in table.contradicting.get(image, ())]
    unknown = [image for image, row in of.items() if sum(x != x for x in row) > len(table.contradicting.get(image, ()))]
    problems = []
    if unknown:
        problems.append(
            f"{len(unknown)} image(s) without all six labels in {table.path.name}; what is missing is unknown "
            f"({some(unknown)})"
        )
    if denied:
        problems.append(f"rows of {table.path.name} contradict each other, labels unknown: {', '.join(denied)}")
    return problems


def _tell(table: LabelTable) -> None:
    if table.repeated:
        log.warning("%s: %d rows repeat others and count once", table.path, table.repeated)
    if table.contradicting:
        named = some(sorted(table.contradicting))
        log.warning("%s: rows contradict each other, labels unknown: %s", table.path, named)


def _without_file(table: LabelTable, present: set[str], folder: str) -> list[Study]:
    missing = [image for image in table.labels if image not in present]
    if not missing:
        return []
    problem = f"{len(missing)} image(s) have rows and no file in {folder}/: {some(missing)}"
    return [Study(f"{table.path.name}: rows without a file", "", {}, problems=(problem,))]
