"""Where images lie in the patient, as their headers say: positions, planes, millimetres along the slice normal.

Frames of a multi-frame object answer for themselves, through their functional groups (DICOM PS3.3 C.7.6.16): its
top-level position is that of one frame at best. Malformed elements are no evidence. Vectors are patient coordinates in
mm; highdicom makes the normal. It points to the patient's left, back or head, whichever is nearest: rows or columns
that are stored backwards do not turn the order of slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue

from mmdx.study import ImageRef

SAME_PLACE_MM = 1e-3
"""Positions nearer than this are one place: DICOM writes them as decimal strings, rounded at will."""
_ONE_AXIS = np.cos(np.radians(1))
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True)
class Slice:
    """What one image says about its own place; None where it says nothing usable."""

    ref: ImageRef
    position: tuple[float, ...] | None
    normal: tuple[float, ...] | None
    instance: int | None
    plane: tuple[float, ...] | None = None


def slice_of(ref: ImageRef, header: pydicom.Dataset) -> Slice:
    """The place of one image, from the header of its file."""
    position = vector(frame_value(header, ref.frame, "ImagePositionPatient", "PlanePositionSequence"), 3)
    plane = orientation_of(header, ref.frame)
    normal = _unit(None if plane is None else _normal_of(plane))
    plane = None if normal is None else plane
    return Slice(ref, position, _upward(normal), _integer(_get(header, "InstanceNumber")), plane)


def _normal_of(plane: tuple[float, ...]) -> tuple[float, ...]:
    from highdicom.spatial import get_normal_vector  # imported here: it takes long, and many images have no plane

    return tuple(float(x) for x in get_normal_vector(plane))


def orientation_of(header: pydicom.Dataset, frame: int) -> tuple[float, ...] | None:
    """The row and the column direction of a frame, six cosines."""
    return vector(frame_value(header, frame, "ImageOrientationPatient", "PlaneOrientationSequence"), 6)


def frame_value(header: pydicom.Dataset, frame: int, keyword: str, group: str | None = None) -> Any:
    """An element of one frame, None without it: its own groups before the shared ones before the object.

    `group` names the functional group that holds it: then the top level of a multi-frame object does not count. None
    looks through all groups.
    """
    multi = (_integer(_get(header, "NumberOfFrames")) or 1) > 1 or _GROUPS[1] in header
    element = None if multi and group else _get(header, keyword)
    for name, index in zip(_GROUPS, (0, frame), strict=True):
        for item in (_items(header, name) if multi else [])[index : index + 1]:
            names = [group] if group else list(filter(None, map(keyword_for_tag, item.keys())))
            values = [_get(inner, keyword) for name in names for inner in _items(item, name)[:1]]
            element = next((value for value in values if value is not None), element)
    return _of_detector(header, frame, keyword) if element is None and multi else element


def _of_detector(header: pydicom.Dataset, frame: int, keyword: str) -> Any:
    """Position or plane of a frame of nuclear medicine, None without it: they stand with its detector (PS3.3 C.8.4.11).

    Slices are stacked from the first one along the normal, or against it where SpacingBetweenSlices is negative
    (C.8.4.15).
    """
    if keyword not in ("ImagePositionPatient", "ImageOrientationPatient"):
        return None
    detector = next(iter(_items(header, "DetectorInformationSequence")), pydicom.Dataset())
    plane, first = (
        vector(_get(detector, "ImageOrientationPatient"), 6),
        vector(_get(detector, "ImagePositionPatient"), 3),
    )
    if keyword == "ImageOrientationPatient" or plane is None or first is None:
        return plane if keyword == "ImageOrientationPatient" else None
    number, spacing = slice_number(header, frame), vector([_get(header, "SpacingBetweenSlices")], 1)
    if number is None or spacing is None:
        return None
    return [x + (number - 1) * spacing[0] * n for x, n in zip(first, _normal_of(plane), strict=True)]


def slice_number(header: pydicom.Dataset, frame: int) -> int | None:
    """The number of a frame's slice from 1, as nuclear medicine counts; None where nothing tells.

    Without a SliceVector, slices are counted fastest (PS3.3 C.8.4.8), where NumberOfSlices divides the frames.
    """
    slices, frames = (_integer(_get(header, keyword)) or 0 for keyword in ("NumberOfSlices", "NumberOfFrames"))
    if _get(header, "SliceVector") is None and slices > 0 and frames % slices == 0:
        return frame % slices + 1
    return frame_number(header, frame, "SliceVector")


def frame_number(header: pydicom.Dataset, frame: int, keyword: str) -> int | None:
    """The number of one frame in a vector that has one for each; None without it."""
    numbers = _get(header, keyword)
    numbers = numbers if isinstance(numbers, MultiValue | list) else [numbers]
    return _integer(numbers[frame]) if frame < len(numbers) else None


def along_normal(slices: Sequence[Slice]) -> tuple[list[float] | None, list[str]]:
    """Millimetres along the common normal, None where there are none to order by; and what speaks against them.

    Normals that differ by more than a degree have no common axis; images that all stand at one place (a cine loop)
    have no order along it.
    """
    positions = [s.position for s in slices if s.position is not None and s.normal is not None]
    if not positions:
        return None, []
    if len(positions) < len(slices):
        lost = len(slices) - len(positions)
        return None, [f"{lost} of {len(slices)} images have no position; ordered by weaker evidence"]
    normals = np.array([s.normal for s in slices])
    normals[normals @ normals[0] < 0] *= -1  # between two axes, rounding decides which way one is turned
    axis = normals.mean(axis=0)
    axis = np.array(_upward(tuple(axis)))
    length = float(np.linalg.norm(axis))
    if length < 0.5 or float((normals @ (axis / length)).min()) < _ONE_AXIS:
        return None, ["the images lie in planes of different orientation; ordered by weaker evidence"]
    places = [float(p) for p in np.array(positions) @ (axis / length)]
    return (None, []) if len(places) > 1 and max(places) - min(places) <= SAME_PLACE_MM else (places, [])


def _unit(normal: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """At length 1; None far from it, where the directions are no orthogonal unit vectors and so no evidence."""
    length = 0.0 if normal is None else float(np.linalg.norm(normal))
    return tuple(x / length for x in normal) if normal is not None and 0.9 < length < 1.1 else None


def _upward(normal: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The same axis, by its largest part, to the patient's left (x), back (y) or head (z), the last among equals."""
    if normal is None:
        return None
    largest = max(range(3), key=lambda i: (round(abs(normal[i]), 3), i))
    return normal if normal[largest] > 0 else tuple(-x for x in normal)


def _get(group: pydicom.Dataset, keyword: str) -> Any:
    try:
        return group.get(keyword)
    except Exception:  # pydicom raises whatever a broken element makes it stumble over
        return None


def _items(group: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    value = _get(group, keyword)
    return list(value) if isinstance(value, pydicom.Sequence) else []


def vector(value: Any, length: int) -> tuple[float, ...] | None:
    """So many finite numbers, None where `value` is anything else."""
    try:
        values = tuple(float(v) for v in value or ())
    except (TypeError, ValueError):
        return None
    return values if len(values) == length and bool(np.isfinite(values).all()) else None


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
