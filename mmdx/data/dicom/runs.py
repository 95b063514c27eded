"""Runs: the images of one series that stand at the same positions, taken apart by what each dimension of it means.

A run is one acquisition, echo, time point, cardiac phase, energy window, diffusion weight, kernel or kind of image.
Elements of the header tell runs apart (`RUN_KEYWORDS`), the vectors of nuclear medicine (PS3.3 C.8.4.8), and what the
dimensions of a multi-frame object point at (C.7.6.17) beside the place of a frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pydicom
from natsort import natsort_keygen, ns
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue

from mmdx.data.dicom.header import FRAME_VECTORS, RUN_KEYWORDS
from mmdx.data.order.geometry import SAME_PLACE_MM, along_normal, frame_number, frame_value, slice_number, slice_of
from mmdx.study import ImageRef

CROWDED = 0.2
"""Steps below this share of the usual one are two stacks that stand in each other."""
END_TO_END = 0.9
"""One of several runs reaches over at least this share of the whole."""
MOMENTS = (
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "NominalCardiacTriggerDelayTime", "TriggerTime"),
    *("FrameReferenceTime", "TimeSlotVector", "TimeSliceVector", "PhaseVector", "RRIntervalVector"),
)
"""Those that count time, from the one that says it best."""
_PLACES = (
    "ImagePositionPatient",
    "PlanePositionSequence",
    "InStackPositionNumber",
    "StackID",
    "ImageOrientationPatient",
)
"""Dimensions along which one run extends."""
_natural = natsort_keygen(alg=ns.REAL)


Frame = tuple[ImageRef, pydicom.Dataset]
"""An image, and the header of its file."""


def one_run(group: Sequence[Frame]) -> tuple[list[int], str]:
    """Indices of the largest run of a group whose runs repeat positions, and by what it was told; all where none do.

    Positions decide, since many scanners number an acquisition a slice, or the parts of a stack. Where no element tells
    runs apart but each position is taken equally often, the first image at each position makes the run.
    """
    everything = list(range(len(group)))
    places = _places(group)
    if places is None or not _crowded(places):
        return everything, ""
    values = _values(group)
    best, keyword = [], ""
    for keys in (*itertools.combinations(values, 1), *itertools.combinations(values, 2)):
        runs: dict[tuple[str, ...], list[int]] = {}
        for index, value in enumerate(zip(*(values[key] for key in keys), strict=True)):
            runs.setdefault(value, []).append(index)
        for _, run in sorted(runs.items(), key=lambda item: [_natural(value) for value in item[0]]):
            run_places = [places[index] for index in run]
            reaches = max(run_places) - min(run_places) >= END_TO_END * (max(places) - min(places))
            if len(run) > len(best) and reaches and not _crowded(run_places):
                best, keyword = run, " and ".join(keys)
    if not best:
        best, keyword = _first_at_each_place(group, places, values)
    return (best, keyword) if best else (everything, "")


def is_stack(group: Sequence[Frame]) -> bool:
    """Whether three or more images lie at positions of their own along one normal."""
    places, _ = along_normal([slice_of(ref, header) for ref, header in group])
    return places is not None and len(places) > 2 and not _crowded(places)


def moments_said(group: Sequence[Frame]) -> list[str]:
    """A sentence where all images of a group stand at one place and are told apart by time: else nothing."""
    if len(group) < 2 or not (_at_one_place(group[:2]) and _at_one_place(group)):
        return []
    by = next((key for key in _values(group) if key in MOMENTS), "")
    return [f"{len(group)} images of one place, told apart by {by}: moments, and no slices"] if by else []


def _at_one_place(group: Sequence[Frame]) -> bool:
    """Whether the positions of a group are one; frames of nuclear medicine that have none lie in one plane."""
    positions = [slice_of(ref, header).position for ref, header in group]
    known = np.array([position for position in positions if position is not None])
    if not len(known):
        return any(key in header for _, header in group[:1] for key in FRAME_VECTORS)
    return len(known) == len(group) and bool((np.ptp(known, axis=0) <= SAME_PLACE_MM).all())


def _values(group: Sequence[Frame]) -> dict[str, list[str]]:
    """Of each element that differs within a group, its value in each frame."""
    found: dict[str, list[str]] = {
        key: [str(frame_value(header, ref.frame, key)) for ref, header in group] for key in RUN_KEYWORDS
    }
    found |= {key: [str(frame_number(header, ref.frame, key)) for ref, header in group] for key in FRAME_VECTORS}
    found = {key: values for key, values in found.items() if len(set(values)) > 1}
    dimensions = [_dimensions(header, ref.frame) for ref, header in group]
    for key in dict.fromkeys(key for one in dimensions for key in one if key not in found):
        found[key] = [str(one.get(key)) for one in dimensions]
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _dimensions(header: pydicom.Dataset, frame: int) -> dict[str, int]:
    """Where a frame stands in each dimension of its object that is no place, by what the dimension points at."""
    pointers = [item.get("DimensionIndexPointer") for item in header.get("DimensionIndexSequence") or []]
    if not pointers:
        return {}
    numbers = frame_value(header, frame, "DimensionIndexValues")
    numbers = numbers if isinstance(numbers, Sequence | MultiValue) else [numbers]
    keywords = [keyword_for_tag(pointer) if pointer is not None else "" for pointer in pointers]
    named = zip(keywords, numbers, strict=False)
    return {key or f"dimension {place}": n for place, (key, n) in enumerate(named, start=1) if key not in _PLACES}


def _first_at_each_place(
    group: Sequence[Frame], places: Sequence[float], values: dict[str, list[str]]
) -> tuple[list[int], str]:
    """The first image at each position, by time or by number, where each position is taken equally often."""
    by = next((key for key in MOMENTS if key in values), "InstanceNumber")
    numbers = values.get(by) or [str(header.get(by)) for _, header in group]
    by = "frame number" if by == "InstanceNumber" and len(set(numbers)) == 1 else by
    order = sorted(range(len(group)), key=lambda i: (places[i], _natural(numbers[i]), group[i][0].frame, i))
    stands: list[list[int]] = []
    for index in order:
        if stands and places[index] - places[stands[-1][0]] <= SAME_PLACE_MM:
            stands[-1].append(index)
        else:
            stands.append([index])
    if len(stands) < 2 or len({len(stand) for stand in stands}) > 1 or len(stands) == len(group):
        return [], ""
    return sorted(min(stand, key=lambda i: (_natural(numbers[i]), group[i][0].frame, i)) for stand in stands), by


def _places(group: Sequence[Frame]) -> list[float] | None:
    """Millimetres along the normal; without positions, the places that frames count, or the InstanceNumbers of files
    of one frame."""
    slices = [slice_of(ref, header) for ref, header in group]
    places, _ = along_normal(slices)
    if places is not None or any(s.position is not None for s in slices):
        return places
    numbers = [float(s.instance) for s in slices if s.instance is not None]
    if len(numbers) == len(group) and len(set(numbers)) > 1 and not any(ref.frame for ref, _ in group):
        return numbers
    counted = [
        (slice_number(header, ref.frame), frame_value(header, ref.frame, "InStackPositionNumber"))
        for ref, header in group
    ]
    for column in zip(*counted, strict=True):
        if all(isinstance(number, int) for number in column) and len(set(column)) > 1:
            return [float(number) for number in column]
    return None


def _crowded(places: Sequence[float]) -> bool:
    steps = np.diff(np.sort(places))
    return bool(len(steps)) and float(steps.min()) < max(SAME_PLACE_MM, CROWDED * float(np.quantile(steps, 0.9)))
