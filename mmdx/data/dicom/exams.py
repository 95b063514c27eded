"""Exams: the DICOM files of a study, of whose headers only what the study is assembled from is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import pydicom
from rich.progress import track

from mmdx.data.dicom.files import read_header
from mmdx.data.dicom.header import FRAME_VECTORS, OF_DETECTOR, RUN_KEYWORDS
from mmdx.data.dicom.inflated import readable
from mmdx.data.dicom.rules import SeriesRule, choose_each
from mmdx.data.dicom.series import SourceImage, choose_series
from mmdx.data.files import walked
from mmdx.data.order.pixel_size import SPACINGS
from mmdx.data.quiet import quiet
from mmdx.data.tables.dates import age_in_years
from mmdx.data.workers import in_folder
from mmdx.errors import DataError, some
from mmdx.strangers.screen import screen
from mmdx.study import SERIES_DIGEST, ImageFiles, Study

FILES_PER_WORKER = 1000
"""A process more is started for so many files; fewer are read before it would be up."""
_KEPT = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "PatientID", "AccessionNumber"),
    *("Modality", "ImageType", "SeriesNumber", "SeriesDescription", "InstanceNumber", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns", "SliceThickness"),
    *(*SPACINGS, "PixelAspectRatio", "PatientOrientation"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
    *("FrameOfReferenceUID", "DimensionIndexSequence", *RUN_KEYWORDS, *FRAME_VECTORS, *OF_DETECTOR),
    *("PatientAge", "PatientSex", "Manufacturer", "ManufacturerModelName", "ContrastBolusAgent"),
    *("BurnedInAnnotation", "StudyDate"),
)


@dataclass
class Exam:
    """What was found of one study so far; `left_out` has the names of files without a usable image, by reason."""

    images: list[SourceImage] = field(default_factory=list)
    headers: list[pydicom.Dataset] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def add(self, path: Path, full: pydicom.Dataset, name: str) -> None:
        """One more file, by its whole header and the name that problems give it."""
        header = _slim(full)
        self.headers.append(header)
        try:
            self.images.append(replace(SourceImage.of(path, full), header=header))
        except DataError as error:
            self.leave_out(str(error).removeprefix(f"{path}: "), name)

    def leave_out(self, reason: str, name: str) -> None:
        self.left_out.setdefault(reason, []).append(name)

    def first(self, keyword: str) -> str:
        """The first value that any file has, as text; empty where none has one."""
        return next((str(h.get(keyword)).strip() for h in self.headers if h.get(keyword)), "")

    def problems(self) -> list[str]:
        """A sentence a reason for which files were left out."""
        return [f"left out {len(names)} file(s): {why} ({some(names)})" for why, names in self.left_out.items()]

    def traits(self) -> dict[str, str | float]:
        """Age in years, sex, manufacturer, model: never a name or a date."""
        keywords = {"sex": "PatientSex", "manufacturer": "Manufacturer", "model": "ManufacturerModelName"}
        traits: dict[str, str | float] = {name: v for name, tag in keywords.items() if (v := self.first(tag))}
        age = age_in_years(self.first("PatientAge"))
        return traits if age is None else {**traits, "age": age}

    def study(
        self,
        study_id: str,
        *,
        series: str | None = None,
        modality: str = "image",
        rules: Mapping[str, SeriesRule] | None = None,
    ) -> Study:
        """The study of its one series, chosen by `dicom/series.py`, or with `rules` of one for each modality; the
        patient is the PatientID of its headers."""
        if rules is None:
            files, kept_out = choose_series(self.images, description=series)
            chosen = {} if files is None else {modality: files}
        else:
            chosen, kept_out = choose_each(self.images, rules)
        problems = self.problems() + kept_out
        patients = sorted({str(h.get("PatientID") or "").strip() for h in self.headers} - {""})
        if not patients:
            problems.append("no PatientID; the study counts as a patient of its own")
        if len(patients) > 1:
            problems.append(f"{len(patients)} different PatientIDs in one study; the first in the alphabet counts")
        if not chosen:
            problems.append("no image to use in this study")
        patient = patients[0] if patients else study_id
        traits = self.traits() | self._series(next(iter(chosen.values()), None))
        known = bool(patients)
        return Study(study_id, patient, dict(chosen), traits=traits, problems=tuple(problems), patient_known=known)

    def _series(self, files: ImageFiles | None) -> dict[str, str | float]:
        """A digest of the SeriesInstanceUID of the images, of several modalities that of the first: it tells the same
        series twice, and names nobody's files."""
        first = files.images[0].path if files else None
        uid = next((str(i.header.get("SeriesInstanceUID") or "") for i in self.images if i.path == first), "")
        return {SERIES_DIGEST: hashlib.blake2b(uid.encode()).hexdigest()[:16]} if uid else {}


def study_uid(path: Path) -> str:
    """The StudyInstanceUID alone, at a third of the cost of a whole header. Raises `DataError`: broken, or none."""
    try:
        with quiet(), readable(path) as source:
            header = pydicom.dcmread(source, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
            uid = str(header.get("StudyInstanceUID") or "").strip()
    except Exception:  # pydicom raises whatever broken bytes make it stumble over; read_header says it in a line
        uid = str(read_header(path).get("StudyInstanceUID") or "").strip()
    if not uid:
        raise DataError(f"{path}: no StudyInstanceUID, so nothing says whose it is")
    return uid


def refuse_link_out(path: Path, base: Path, name: str) -> None:
    """Raises `DataError` where `path` is a link out of `base`, and `OSError` where it leads nowhere."""
    if not path.resolve(strict=True).is_relative_to(base.resolve()):
        raise DataError(f"{name}: a link out of {base}; copy the file in")


def walk(root: Path) -> list[Path]:
    """All files under `root`, and links to folders, by path; hidden and DICOMDIR files are passed over."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise DataError(f"{root}: no such file or folder; correct the path")
    paths: list[Path] = []
    for entry in walked(root):
        path = Path(entry.path)
        # A link to a folder inside is passed over: what it holds is found where it stands.
        if entry.is_symlink() and path.is_dir():
            paths += [path] if not path.resolve().is_relative_to(root.resolve()) else []
        elif entry.name.lower() != "dicomdir":
            paths.append(path)
    return sorted(paths)


def in_parallel(work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], *, files: int, saying: str) -> list[Any]:
    """`work` on the arguments of each task, in their order, on more cores the more `files` it reads in all."""
    workers = max(1, min(len(tasks), files // FILES_PER_WORKER, os.cpu_count() or 1))
    calls = (joblib.delayed(in_folder)(Path.cwd(), work, *task) for task in tasks)
    done = joblib.Parallel(n_jobs=workers, return_as="generator")(calls)
    console = screen(stderr=True)
    silent = workers == 1 or not console.is_terminal
    try:
        return list(track(done, saying, total=len(tasks), console=console, disable=silent, transient=True))
    except BrokenProcessPool:
        raise DataError(
            f"{saying}: a worker was killed, for want of memory most likely; free some and try again"
        ) from None


def _slim(header: pydicom.Dataset) -> pydicom.Dataset:
    """What a study is assembled from; a tree's full headers would not fit in memory. A malformed element is absent."""
    slim = pydicom.Dataset()
    with quiet():
        for keyword in _KEPT:
            try:
                if header.get(keyword) not in (None, ""):
                    slim[keyword] = header[keyword]
            except (TypeError, ValueError, KeyError):
                continue
    return slim
