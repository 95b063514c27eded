"""Which images of a DICOM study belong together: one series, one plane, one size of image and pixel; others are named.

The rule: localizers, segmentations, dose maps, mosaics and second copies of a file never count. Secondary captures
(screenshots) count only in a study that has nothing else. Series of one image each that make one stack are one. In each
series the largest group alike in size, colour, unit, plane and size of pixels stands for it, of the smallest pixels
among equals. Where its images, or its frames, share positions, the largest run of them that does not, and still reaches
from end to end, stands for the group, the lowest among equals (`runs.py`). The series with the most images is chosen,
the lowest SeriesNumber among equals. No answer depends on the listing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydicom

from mmdx.data.dicom.display import Display, display_problems
from mmdx.data.dicom.files import check_complete, header_displays, is_localizer, pixel_facts
from mmdx.data.dicom.runs import is_stack, moments_said, one_run
from mmdx.data.order.certificate import certify_dicom, ref_key
from mmdx.data.order.display import oddly_hung
from mmdx.data.order.geometry import orientation_of
from mmdx.data.order.pixel_size import PixelSize, pixel_size_of
from mmdx.data.privacy.privacy import SECONDARY_CAPTURE, burned_in
from mmdx.data.quiet import quiet
from mmdx.errors import one_line, some
from mmdx.study import ImageFiles, ImageRef, Unit

SAME_PLANE = 0.03
"""Direction cosines nearer than this, about two degrees, are one plane."""
_NO_PICTURES = ("SEG", "RTDOSE")
_SCREENSHOT = ("SCREEN SAVE", "DOSE_INFO")
MOSAIC = "a mosaic, with many slices in one image; export an image per slice"
"""Why a mosaic is no image to use."""


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
    pictures = [image for image in images if not image.localizer and image.header.get("Modality") not in _NO_PICTURES]
    captures_only = all(_is_capture(image) for image in pictures)
    by_series, problems = _series(images, pictures)
    candidates: list[list[_Frame]] = []
    for members in by_series:
        used, more = _usable(members, captures_only=captures_only)
        problems += more
        if used and description is not None and description.lower() not in _description(used).lower():
            problems += _left(members, _frames(used), f"its description does not contain '{description}'")
        elif used:
            run, more = _one_group(members, used)
            problems += more
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
    refs, order, more = certify_dicom(_with_headers(best))
    pictures_of_series = {ref.path for ref in refs}
    headers = [image.header for image in images if image.path in pictures_of_series]
    problems += [*more, *oddly_hung(headers), *burned_in(headers), *moments_said(_with_headers(best))]
    problems += display_problems([display for image, frame in best for display in image.displays[frame : frame + 1]])
    return ImageFiles(refs, order, first.unit, first.channels), problems


def _one_group(members: Sequence[SourceImage], used: Sequence[SourceImage]) -> tuple[list[_Frame], list[str]]:
    """The images that stand for a series, and a sentence for the others of those that may be `used`."""
    parts = [(alike, part) for alike in _alike(used) for part in _of_one_size(_frames(alike))]
    alike, group = max(parts, key=lambda pair: len(pair[1]))
    problems = _left(members, _frames([i for i in used if i not in alike]), "differs in size, colour or plane")
    size = _size(group)
    for other, part in parts:
        if other is alike and part is not group:
            problems += _left(members, part, f"another field of view: pixels measure {_size(part)}, not {size}")
    run, more = _run_of(members, group)
    return run, problems + more


def _of_one_size(frames: Sequence[_Frame]) -> list[list[_Frame]]:
    """The frames by the size of their pixels, the smallest first; those that do not say it go with the most."""
    sizes = [pixel_size_of(image.header, frame) for image, frame in frames]
    kinds: list[PixelSize] = []
    for size in sorted({size for size in sizes if size is not None}, key=lambda one: (one.across, one.down)):
        kinds += [] if any(size.is_like(kind) for kind in kinds) else [size]
    if not kinds:
        return [list(frames)]
    kind_of = [next((i for i, kind in enumerate(kinds) if size and size.is_like(kind)), None) for size in sizes]
    most = max(range(len(kinds)), key=kind_of.count)
    owner = [most if kind is None else kind for kind in kind_of]
    return [[frame for frame, kind in zip(frames, owner, strict=True) if kind == i] for i in range(len(kinds))]


def _size(frames: Sequence[_Frame]) -> PixelSize | None:
    return next((size for image, frame in frames if (size := pixel_size_of(image.header, frame)) is not None), None)


def _frames(images: Sequence[SourceImage]) -> list[_Frame]:
    return [(image, frame) for image in images for frame in range(image.frames)]


def _with_headers(frames: Sequence[_Frame]) -> list[tuple[ImageRef, pydicom.Dataset]]:
    return [(ImageRef(image.path, frame), image.header) for image, frame in frames]


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


def _run_of(members: Sequence[SourceImage], group: Sequence[_Frame]) -> tuple[list[_Frame], list[str]]:
    """The one run of a group of frames of a series, and a sentence for the others."""
    kept, by = one_run(_with_headers(group))
    run, out = [group[i] for i in kept], [group[i] for i in sorted(set(range(len(group))) - set(kept))]
    return run, _left(members, out, f"another acquisition at the same positions, by {by}")


def _usable(members: Sequence[SourceImage], *, captures_only: bool) -> tuple[list[SourceImage], list[str]]:
    """The images of a series that may count, and a sentence for those that do not."""
    copies = set(map(id, _copies(members)))
    reasons: dict[str, Callable[[SourceImage], bool]] = {
        "localizer": lambda image: image.localizer,
        "no picture of the patient": lambda image: image.header.get("Modality") in _NO_PICTURES,
        MOSAIC: lambda image: is_mosaic(image.header),
        "secondary capture": lambda image: not captures_only and _is_capture(image),
        "a copy, of the same SOPInstanceUID as another file": lambda image: id(image) in copies,
    }
    used, problems = list(members), []
    for why, applies in reasons.items():
        out = [image for image in used if applies(image)]
        used = [image for image in used if not applies(image)]
        problems += _left(members, _frames(out), why)
    return used, problems


def _series(
    images: Sequence[SourceImage], pictures: Sequence[SourceImage]
) -> tuple[list[list[SourceImage]], list[str]]:
    """The images by series, the lowest number first. Series of one image each that make one stack count as one, and a
    sentence says so."""
    series: dict[str, list[SourceImage]] = {}
    for image in images:
        series.setdefault(str(image.header.get("SeriesInstanceUID") or ""), []).append(image)
    lone: dict[tuple[Hashable, ...], list[SourceImage]] = {}
    for image in pictures:
        header, reference = image.header, str(image.header.get("FrameOfReferenceUID") or "")
        if reference and image.frames == 1 and len(series[str(header.get("SeriesInstanceUID") or "")]) == 1:
            lone.setdefault((reference, _description([image]), *_image_type(header)), []).append(image)
    stacks = [stack for found in lone.values() for stack in _alike(found) if is_stack(_with_headers(_frames(stack)))]
    joined = {id(image) for stack in stacks for image in stack}
    apart = [members for members in series.values() if id(members[0]) not in joined]
    said = [
        f"series {_name(stack)} and {len(stack) - 1} more of one image each are read as one: the same description and "
        "frame of reference, a position each"
        for stack in stacks
    ]
    return sorted([*apart, *stacks], key=_number_and_uid), list(map(one_line, said))


def _copies(images: Sequence[SourceImage]) -> list[SourceImage]:
    """Images that were read before: of the same UIDs, number and place. UIDs alone do not tell where a program that
    removes names writes the same one everywhere."""
    seen: set[tuple[Hashable, ...]] = set()
    copies = []
    for image in images:
        header = image.header
        keywords = ("SOPInstanceUID", "SeriesInstanceUID", "InstanceNumber", "ImagePositionPatient", "NumberOfFrames")
        key = tuple(str(header.get(keyword)) for keyword in keywords)
        if key in seen and header.get("SOPInstanceUID"):
            copies.append(image)
        seen.add(key)
    return copies


def is_mosaic(header: pydicom.Dataset) -> bool:
    """Whether many slices are tiled in one image, as Siemens writes functional and diffusion MR."""
    return "MOSAIC" in _image_type(header)


def _image_type(header: pydicom.Dataset) -> list[str]:
    words = header.get("ImageType")
    return [str(word).strip().upper() for word in ([words] if isinstance(words, str) else list(words or []))]


def _is_capture(image: SourceImage) -> bool:
    capture = str(image.header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE)
    return capture or any(word in _SCREENSHOT for word in _image_type(image.header))


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
