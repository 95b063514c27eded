"""Which images of a DICOM study belong together: one series, one plane, one size; all others are named.

The rule: localizers, segmentations and dose maps never count. Secondary captures (screenshots) count only in a study
that has nothing else. In each series the largest group alike in size, colour, unit and plane stands for it. Where its
images, or its frames, share positions, the largest run of them that does not, and still reaches from end to end, stands
for the group: one acquisition, echo, time point, diffusion weight, kernel or kind of image, the lowest among equals.
The series with the most images is chosen, the lowest SeriesNumber among equals. No answer depends on the listing.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from natsort import natsort_keygen, ns

from mmdx.data.dicom.display import Display, display_problems
from mmdx.data.dicom.files import check_complete, header_displays, is_localizer, pixel_facts
from mmdx.data.dicom.header import RUN_KEYWORDS
from mmdx.data.order.certificate import certify_dicom, ref_key
from mmdx.data.order.geometry import SAME_PLACE_MM, along_normal, frame_value, orientation_of, slice_of
from mmdx.data.privacy.privacy import SECONDARY_CAPTURE, burned_in
from mmdx.data.quiet import quiet
from mmdx.errors import one_line, some
from mmdx.study import ImageFiles, ImageRef, Unit

SAME_PLANE = 0.03
"""Direction cosines nearer than this, about two degrees, are one plane."""
CROWDED = 0.2
"""Steps below this share of the usual one are two stacks that stand in each other."""
END_TO_END = 0.9
"""One of several runs reaches over at least this share of the whole."""
_NO_PICTURES = ("SEG", "RTDOSE")
_SCREENSHOT = ("SCREEN SAVE", "DOSE_INFO")
_natural = natsort_keygen(alg=ns.REAL)


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A readable DICOM image: its file, its header without the pixels, and what the header says of them."""

    path: Path
    header: pydicom.Dataset
    unit: Unit
    channels: Literal[1, 3]
    frames: int
    localizer: bool
    displays: tuple[Display, ...] = ()
    """What each frame says of black and white; nothing of colour and of Hounsfield units."""

    @classmethod
    def of(cls, path: Path, header: pydicom.Dataset) -> SourceImage:
        """The image of a file whose whole `header` was read; no pixel is decoded.

        Raises `DataError` where the file holds no image, or fewer pixels than it says.
        """
        unit, channels, frames = pixel_facts(header)
        check_complete(path, header)
        shown = unit == "intensity" and channels == 1
        displays = header_displays(path, header, range(frames)) if shown else ()
        return cls(path, header, unit, channels, frames, is_localizer(header), displays)


_Frame = tuple[SourceImage, int]


@quiet()
def choose_series(
    images: Sequence[SourceImage], *, description: str | None = None
) -> tuple[ImageFiles | None, list[str]]:
    """The images of a study's one series, certified, and a sentence for everything kept out or suspect.

    Images of that series which may show a name are suspect, too (`privacy.burned_in`). `description` restricts the
    choice to series whose SeriesDescription contains it, whatever the case. None where no series qualifies.
    """
    images = sorted(images, key=lambda image: ref_key(ImageRef(image.path)))
    problems: list[str] = []
    series: dict[str, list[SourceImage]] = {}
    pictures = [image for image in images if not image.localizer and image.header.get("Modality") not in _NO_PICTURES]
    captures_only = all(_is_capture(image) for image in pictures)
    for image in images:
        series.setdefault(str(image.header.get("SeriesInstanceUID") or ""), []).append(image)
    candidates: list[list[_Frame]] = []
    for members in sorted(series.values(), key=_number_and_uid):
        pictures_of_series = [i for i in members if i in pictures]
        used = [i for i in pictures_of_series if captures_only or not _is_capture(i)]
        not_pictures = [i for i in members if not i.localizer and i not in pictures_of_series]
        problems += _left(members, _frames([i for i in members if i.localizer]), "localizer")
        problems += _left(members, _frames(not_pictures), "no picture of the patient")
        problems += _left(members, _frames([i for i in pictures_of_series if i not in used]), "secondary capture")
        if used and description is not None and description.lower() not in _description(used).lower():
            problems += _left(members, _frames(used), f"its description does not contain '{description}'")
        elif used:
            group = max(_alike(used), key=lambda alike: len(_frames(alike)))
            out = [i for i in used if i not in group]
            problems += _left(members, _frames(out), "differs in size, colour or plane")
            run, by = _one_run(_frames(group))
            chosen = set(map(_identity, run))
            out = [frame for frame in _frames(group) if _identity(frame) not in chosen]
            problems += _left(members, out, f"another acquisition at the same positions, by {by}")
            candidates.append(run)
    if not candidates:
        return None, problems
    best = max(candidates, key=len)
    first = best[0][0]
    for other in candidates:
        if other is not best:
            image = other[0][0]
            kinds = (image.header.get("Modality"), first.header.get("Modality"))
            why = "fewer or equally many images" if kinds[0] == kinds[1] else f"Modality {kinds[0]}, not {kinds[1]}"
            problems += _left([image], other, f"{why}; series {_name([first])} was chosen")
    refs, order, more = certify_dicom([(ImageRef(image.path, frame), image.header) for image, frame in best])
    pictures_of_series = {ref.path for ref in refs}
    problems += [*more, *burned_in([image.header for image in images if image.path in pictures_of_series])]
    problems += display_problems([display for image, frame in best for display in image.displays[frame : frame + 1]])
    return ImageFiles(refs, order, first.unit, first.channels), problems


def _frames(images: Sequence[SourceImage]) -> list[_Frame]:
    return [(image, frame) for image in images for frame in range(image.frames)]


def _identity(frame: _Frame) -> tuple[Path, int]:
    return frame[0].path, frame[1]


def _alike(images: Sequence[SourceImage]) -> list[list[SourceImage]]:
    groups: list[tuple[tuple[Hashable, ...], tuple[float, ...] | None, list[SourceImage]]] = []
    for image in images:
        header = image.header
        kind = (header.Rows, header.Columns, image.channels, image.unit, image.frames > 1, header.get("Modality"))
        plane = orientation_of(header, 0)
        for other_kind, other_plane, members in groups:
            if kind == other_kind and _same_plane(plane, other_plane):
                members.append(image)
                break
        else:
            groups.append((kind, plane, [image]))
    return [members for _, _, members in groups]


def _same_plane(first: tuple[float, ...] | None, second: tuple[float, ...] | None) -> bool:
    if first is None or second is None:
        return first is second
    return all(abs(a - b) < SAME_PLANE for a, b in zip(first, second, strict=True))


def _one_run(group: list[_Frame]) -> tuple[list[_Frame], str]:
    """The largest run of a group whose runs repeat positions, and by what it was told; the group where none do.

    Positions decide, since many scanners number an acquisition a slice, or the parts of a stack.
    """
    places = _places(group)
    if places is None or not _crowded(places):
        return group, ""
    values = {key: [str(frame_value(image.header, frame, key)) for image, frame in group] for key in RUN_KEYWORDS}
    varying = [key for key in RUN_KEYWORDS if len(set(values[key])) > 1]
    best, keyword = [], ""
    for keys in (*itertools.combinations(varying, 1), *itertools.combinations(varying, 2)):
        runs: dict[tuple[str, ...], list[int]] = {}
        for index, value in enumerate(zip(*(values[key] for key in keys), strict=True)):
            runs.setdefault(value, []).append(index)
        for _, run in sorted(runs.items(), key=lambda item: [_natural(value) for value in item[0]]):
            run_places = [places[index] for index in run]
            reaches = max(run_places) - min(run_places) >= END_TO_END * (max(places) - min(places))
            if len(run) > len(best) and reaches and not _crowded(run_places):
                best, keyword = run, " and ".join(keys)
    return ([group[index] for index in best], keyword) if best else (group, "")


def _places(group: Sequence[_Frame]) -> list[float] | None:
    """Millimetres along the normal; the InstanceNumbers of single frames where there are no positions."""
    slices = [slice_of(ImageRef(image.path, frame), image.header) for image, frame in group]
    places, _ = along_normal(slices)
    numbers = [float(s.instance) for s in slices if s.instance is not None]
    if places is None and len(numbers) == len(group) and len(set(numbers)) > 1 and group[0][0].frames == 1:
        unplaced = all(s.position is None for s in slices)
        return numbers if unplaced else None
    return places


def _crowded(places: Sequence[float]) -> bool:
    steps = np.diff(np.sort(places))
    return bool(len(steps)) and float(steps.min()) < max(SAME_PLACE_MM, CROWDED * float(np.quantile(steps, 0.9)))


def _is_capture(image: SourceImage) -> bool:
    words = image.header.get("ImageType")
    kinds = [words] if isinstance(words, str) else list(words or [])
    capture = str(image.header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE)
    return capture or any(str(word).strip().upper() in _SCREENSHOT for word in kinds)


def _number_and_uid(members: Sequence[SourceImage]) -> tuple[float, str]:
    try:
        number = float(members[0].header.get("SeriesNumber"))
    except (TypeError, ValueError):
        number = float("inf")
    return number, str(members[0].header.get("SeriesInstanceUID"))


def _description(members: Sequence[SourceImage]) -> str:
    return str(members[0].header.get("SeriesDescription") or "")


def _name(members: Sequence[SourceImage]) -> str:
    number = members[0].header.get("SeriesNumber")
    words = [str(number) if number is not None else "without number"]
    return " ".join(words + ([f"'{_description(members)}'"] if _description(members) else []))


def _left(members: Sequence[SourceImage], out: Sequence[_Frame], why: str) -> list[str]:
    if not out:
        return []
    files = sorted({image.path.name for image, _ in out})
    return [one_line(f"kept out {len(out)} image(s) of series {_name(members)}: {why} ({some(files)})")]
