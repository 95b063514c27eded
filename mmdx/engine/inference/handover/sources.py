"""The DICOM images that an answer was read from, by their headers: which file and frame each image is, and whether they
are of one study of one patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.uid import UID

from mmdx.data.dicom.files import is_dicom, read_header
from mmdx.data.quiet import quiet
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.raw import images_of
from mmdx.engine.inference.study import image_input
from mmdx.engine.scoring.boxes import box_head
from mmdx.errors import DataError, some
from mmdx.study import ImageFiles, Order, Study

UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


@dataclass(frozen=True, eq=False)
class Instance:
    """One file: its `header`, which names the patient and is shown nowhere, and the 0-based `frames` that were read."""

    header: pydicom.Dataset = field(repr=False)
    frames: tuple[int, ...] = (0,)

    def uid(self, keyword: str) -> UID:
        """One of `UIDS`."""
        return UID(str(self.header.get(keyword)))

    def numbers(self, frames: Sequence[int]) -> list[int] | None:
        """The numbers from 1 by which these frames are referred to; None where they are the whole file."""
        count = int(self.header.get("NumberOfFrames") or 1)
        return None if len(set(frames)) == count else [frame + 1 for frame in sorted(set(frames))]


@dataclass(frozen=True)
class Sources:
    """The files that an answer was read from; by image input where each image lies, in certified order: in which file,
    and in which frame of it. `orders` are the certificates of the inputs. The boxes are on images of the input `boxed`,
    the scores by slice are of those of `sliced`."""

    instances: tuple[Instance, ...]
    places: Mapping[str, tuple[tuple[Instance, int], ...]]
    orders: Mapping[str, Order]
    boxed: str = ""
    sliced: str = ""


def sources_of(saved: SavedModel, study: Study | ArrayStudy, modality: str | None) -> Sources:
    """The files from which a model read the images of a study.

    Raises `DataError` where nothing can refer to them: they are no DICOM files, lack an identifier, or are not of one
    study of one patient.
    """
    inputs = images_of(saved, study, image_input(saved, modality))
    files = {name: _dicom(parts.values()) for name, parts in inputs.items()}
    if not files:
        raise DataError("no image of it was read, to which a report could refer")
    refs = [ref for parts in files.values() for part in parts for ref in part.images]
    frames: dict[Path, set[int]] = {}
    for ref in refs:
        frames.setdefault(ref.path, set()).add(ref.frame)
    found = {path: Instance(_header(path), tuple(sorted(numbers))) for path, numbers in frames.items()}
    _check_identifiers(found)
    for part in [part for parts in files.values() for part in parts]:
        _check_frame_of_reference(part, found)
    head = box_head(saved.model)
    return Sources(
        tuple(found.values()),
        {name: tuple((found[ref.path], ref.frame) for ref in parts[0].images) for name, parts in files.items()},
        {name: parts[0].order for name, parts in files.items()},
        "" if head is None else head[1].images,
        next((head.modality or "" for head in saved.model.heads_of("slice").values()), ""),
    )


def _dicom(parts: Iterable[ImageFiles | ImageArrays]) -> list[ImageFiles]:
    """The images that an input is made of. Raises `DataError` where some are no DICOM files."""
    files = []
    for part in parts:
        if isinstance(part, ImageArrays):
            raise DataError("its images are arrays, and an SR refers to DICOM files")
        strange = list(dict.fromkeys(path.name for path in part.paths if not is_dicom(path)))
        if strange:
            raise DataError(f"its images are no DICOM files, to which an SR could refer ({some(strange)})")
        files.append(part)
    return files


def _header(path: Path) -> pydicom.Dataset:
    try:
        return read_header(path)
    except DataError as error:
        raise DataError(f"{path.name}: {str(error).removeprefix(f'{path}: ')}") from None


def _check_identifiers(found: Mapping[Path, Instance]) -> None:
    with quiet():
        for path, instance in found.items():
            for keyword in UIDS:
                if not instance.header.get(keyword) or not instance.uid(keyword).is_valid:
                    raise DataError(f"{path.name} has no {keyword} by which a report could refer to it")
        patients = {str(instance.header.get("PatientID") or "").strip() for instance in found.values()}
    studies = {instance.uid("StudyInstanceUID") for instance in found.values()}
    if "" in patients:
        raise DataError("no PatientID, so no archive could tell whose report it is")
    if len(patients) > 1:
        raise DataError(f"its files have {len(patients)} different PatientIDs")
    if len(studies) > 1:
        raise DataError(f"its files are of {len(studies)} studies, by StudyInstanceUID")
    if len({instance.uid("SOPInstanceUID") for instance in found.values()}) < len(found):
        raise DataError("several of its files have one SOPInstanceUID, so nothing tells which is meant")


def _check_frame_of_reference(images: ImageFiles, found: Mapping[Path, Instance]) -> None:
    """Raises `DataError` where slices stand in order by positions that are not measured from one origin."""
    headers = [found[path].header for path in dict.fromkeys(images.paths)]
    references = {str(header.get("FrameOfReferenceUID") or "").strip() for header in headers} - {""}
    if images.order.source == "position" and len(references) > 1:
        raise DataError(f"its slices have {len(references)} frames of reference, so their positions are not comparable")
