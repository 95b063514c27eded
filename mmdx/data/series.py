"""Which images of a DICOM study belong together: one series, one plane, one size; all others are named.

The rule: localizers, segmentations and dose maps never count. Secondary captures (screenshots) count only in a study
that has nothing else. In each series the largest group alike in size, colour, unit and plane stands for it; where the
images of such a group share positions, it falls apart by acquisition, echo, time point and kernel. The series with the
most images is chosen, the lowest SeriesNumber among equals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydicom

from mmdx.data.order import certify_dicom
from mmdx.study import ImageFiles, ImageRef, Unit

SAME_PLANE = 0.03
"""Direction cosines nearer than this, about two degrees, are one plane."""
_RUNS = ("AcquisitionNumber", "EchoNumbers", "EchoTime", "TemporalPositionIdentifier", "ConvolutionKernel")
_NO_PICTURES = ("SEG", "RTDOSE")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A readable DICOM image: its file, its header without the pixels, and what the header says of them."""

    path: Path
    header: pydicom.Dataset
    unit: Unit
    channels: Literal[1, 3]
    frames: int
    localizer: bool


def choose_series(
    images: Sequence[SourceImage], *, description: str | None = None
) -> tuple[ImageFiles | None, list[str]]:
    """The images of a study's one series, certified, and a sentence for everything kept out or suspect.

    `description` restricts the choice to series whose SeriesDescription contains it, whatever the case. None where no
    series qualifies.
    """
    problems: list[str] = []
    series: dict[str, list[SourceImage]] = {}
    pictures = [image for image in images if not image.localizer and image.header.get("Modality") not in _NO_PICTURES]
    captures_only = all(_is_capture(image) for image in pictures)
    for image in images:
        series.setdefault(str(image.header.get("SeriesInstanceUID") or ""), []).append(image)
    candidates: list[list[SourceImage]] = []
    for members in sorted(series.values(), key=_number_and_uid):
        shown = [i for i in members if i in pictures]
        kept = [i for i in shown if captures_only or not _is_capture(i)]
        problems += _left(members, [i for i in members if i.localizer], "localizer")
        problems += _left(
            members, [i for i in members if not i.localizer and i not in shown], "no picture of the patient"
        )
        problems += _left(members, [i for i in shown if i not in kept], "secondary capture")
        if kept and description is not None and description.lower() not in _description(kept).lower():
            problems += _left(members, kept, f"its description does not contain '{description}'")
        elif kept:
            group = _largest(_alike(kept))
            problems += _left(members, [i for i in kept if i not in group], "differs in size, colour or plane")
            run = _one_run(group)
            problems += _left(members, [i for i in group if i not in run], "another acquisition at the same positions")
            candidates.append(run)
    if not candidates:
        return None, problems
    chosen = _largest(candidates)
    for other in candidates:
        if other is not chosen:
            kinds = (other[0].header.get("Modality"), chosen[0].header.get("Modality"))
            why = "fewer or equally many images" if kinds[0] == kinds[1] else f"Modality {kinds[0]}, not {kinds[1]}"
            problems += _left(other, other, f"{why}; series {_name(chosen)} was chosen")
    files, more = _certified(chosen)
    return files, problems + more


def _certified(chosen: Sequence[SourceImage]) -> tuple[ImageFiles, list[str]]:
    headers = [(ImageRef(image.path, frame), image.header) for image in chosen for frame in range(image.frames)]
    refs, order, problems = certify_dicom(headers)
    return ImageFiles(refs, order, chosen[0].unit, chosen[0].channels), list(problems)


def _largest(groups: Sequence[list[SourceImage]]) -> list[SourceImage]:
    """The group with the most images; the first among equals."""
    return max(groups, key=_count)


def _count(group: Sequence[SourceImage]) -> int:
    return sum(image.frames for image in group)


def _alike(images: Sequence[SourceImage]) -> list[list[SourceImage]]:
    groups: list[tuple[tuple[Hashable, ...], list[float] | None, list[SourceImage]]] = []
    for image in images:
        header = image.header
        kind = (header.Rows, header.Columns, image.channels, image.unit, image.frames > 1, header.get("Modality"))
        plane = [float(x) for x in header.get("ImageOrientationPatient") or []] or None
        for other_kind, other_plane, members in groups:
            if kind == other_kind and _same_plane(plane, other_plane):
                members.append(image)
                break
        else:
            groups.append((kind, plane, [image]))
    return [members for _, _, members in groups]


def _same_plane(one: list[float] | None, other: list[float] | None) -> bool:
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(abs(a - b) < SAME_PLANE for a, b in zip(one, other, strict=True))


def _one_run(group: list[SourceImage]) -> list[SourceImage]:
    """The largest run of a group in which runs repeat positions; the group itself where they do not.

    Positions decide, since many scanners number an acquisition a slice.
    """
    if not _repeats(group):
        return group
    runs: dict[tuple[str, ...], list[SourceImage]] = {}
    for image in group:
        runs.setdefault(tuple(str(image.header.get(keyword)) for keyword in _RUNS), []).append(image)
    largest = _largest(list(runs.values()))
    return largest if len(largest) > 1 and not _repeats(largest) else group


def _repeats(group: Sequence[SourceImage]) -> bool:
    places = Counter(str(image.header.get("ImagePositionPatient")) for image in group if image.frames == 1)
    return any(count > 1 and place != "None" for place, count in places.items())


def _is_capture(image: SourceImage) -> bool:
    return str(image.header.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)


def _number_and_uid(members: Sequence[SourceImage]) -> tuple[float, str]:
    number: Any = members[0].header.get("SeriesNumber")
    return float("inf") if number is None else float(number), str(members[0].header.get("SeriesInstanceUID"))


def _description(members: Sequence[SourceImage]) -> str:
    return str(members[0].header.get("SeriesDescription") or "")


def _name(members: Sequence[SourceImage]) -> str:
    number = members[0].header.get("SeriesNumber")
    words = [str(number) if number is not None else "without number"]
    return " ".join(words + ([f"'{_description(members)}'"] if _description(members) else []))


def _left(members: Sequence[SourceImage], out: Sequence[SourceImage], why: str) -> list[str]:
    if not out:
        return []
    files = sorted(image.path.name for image in out)
    which = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    return [f"kept out {_count(out)} image(s) of series {_name(members)}: {why} ({which})"]
