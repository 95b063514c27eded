"""In which order the slices of a modality stand, and on what evidence.

Direction: images stand by increasing position along the slice normal, the axis that is perpendicular to the row and the
column direction of ImageOrientationPatient (DICOM PS3.3 C.7.6.2.1.1), taken towards the patient's head, back or left,
the nearest. For axial slices that is from feet to head, whatever the scanner's own numbering and whatever way rows and
columns run. Orders by number (InstanceNumber, file name) are increasing. No answer depends on the order in which the
files were listed.

The frames of a multi-frame object stand by their own positions (PlanePositionSequence); without these a frame's number
counts as the last place of its InstanceNumber, since DICOM stores frames in their logical order.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
import pydicom
from natsort import natsort_keygen, ns

from mmdx.data.order.display import axes_of
from mmdx.data.order.geometry import SAME_PLACE_MM, Slice, along_normal, slice_of
from mmdx.data.order.pixel_size import pixel_size_of, size_problems
from mmdx.errors import some
from mmdx.study import ImageRef, Order, OrderSource

SAME_PLACE_SHARE = 0.05
"""Positions nearer than this share of the spacing are one place, too."""
GAP_SHARE = 1.5
"""A step longer than this many spacings has lost at least one slice."""
LEAP = 10
"""File numbers that mostly step by more than this, and unevenly, count no slices: random ones, times, identifiers."""
MOST_NAMED = 5
"""Places that a sentence names."""
RUN = 3
"""So many equal long steps in a row, numbered without a break, are a second spacing and no gaps: old head CTs are cut
thinner at the base of the skull than above it."""

_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


def certify_dicom(
    headers: Sequence[tuple[ImageRef, pydicom.Dataset]],
) -> tuple[tuple[ImageRef, ...], Order, tuple[str, ...]]:
    """The images of one series in order, the certificate, and what looks wrong, a sentence each.

    The strongest source that every image has decides: position, then InstanceNumber, then natural file names. Images
    without a common axis and images that all stand at one place (see `geometry.along_normal`) go by their
    numbers. Indices in sentences count from 0.
    """
    headers = sorted(headers, key=lambda pair: ref_key(pair[0]))
    slices = [slice_of(ref, header) for ref, header in headers]
    if not slices:
        return (), Order("unknown"), ()
    numbers = _numbers(slices)
    names = _name_numbers([s.ref for s in slices])
    places, problems = along_normal(slices)
    if places is not None:
        chosen, order, more = _by_position(slices, places, numbers, names)
    elif numbers is not None:
        chosen, order, more = _by_number(slices, numbers, names)
    else:
        order = _certificate("filename", names) if names is not None else Order("unknown")
        chosen, more = slices, _number_problems(order, "file name")
    if order.source == "unknown" and len(slices) > 1:
        more = [
            *more,
            f"the order of {len(slices)} images is unknown: no positions, no instance numbers, no numbered files",
        ]
    sizes = size_problems(pixel_size_of(header, ref.frame) for ref, header in headers)
    axes = axes_of([s.plane for s in slices])
    if not axes and all(s.plane for s in slices):
        sizes.append("rows and columns do not run the same way in all images; shown as stored")
    return tuple(s.ref for s in chosen), replace(order, axes=axes), (*problems, *more, *sizes)


def certify_filenames(paths: Sequence[Path]) -> tuple[tuple[ImageRef, ...], Order]:
    """Single-frame files in natural order (2 before 10), and the certificate.

    The source is `filename` where the names are alike but for numbers that count, and `unknown` otherwise (hashes, free
    words, random numbers).
    Where one number alone varies, each missing integer is a gap and each repeated one (`7.png`, `07.jpg`) a duplicate.
    """
    refs = sorted((ImageRef(path) for path in paths), key=ref_key)
    numbers = _name_numbers(refs)
    return tuple(refs), Order("unknown") if numbers is None else _certificate("filename", numbers)


def ref_key(ref: ImageRef) -> tuple[Any, ...]:
    """Natural order of files (2 before 10), then of frames."""
    return _natural(ref.path.as_posix()), ref.path.as_posix(), ref.frame


def _numbers(slices: Sequence[Slice]) -> list[tuple[int, ...]] | None:
    """(InstanceNumber, frame) of every image; frames alone within one file; None where these tell nothing apart."""
    if len({s.ref.path for s in slices}) == 1:
        return [(0, s.ref.frame) for s in slices] if len(slices) > 1 or slices[0].instance is not None else None
    keys = [(s.instance, s.ref.frame) for s in slices if s.instance is not None]
    return keys if len(keys) == len(slices) and len({number for number, _ in keys}) > 1 else None


def _name_numbers(refs: Sequence[ImageRef]) -> list[tuple[int, ...]] | None:
    """The numbers in each name, where the names are alike but for them and these count something.

    Places that never vary are dropped. Files of several frames have no such order among their own frames.
    """
    paths = [ref.path for ref in refs]
    if not paths or any(ref.frame for ref in refs):
        return None
    base = os.path.commonpath([path.parent for path in paths])
    names = [Path(os.path.relpath(path, base)) for path in paths]
    stems = [(name.with_suffix("") if name.suffix[1:].isalpha() else name).as_posix().lower() for name in names]
    numbers = np.array([re.findall(r"\d+", stem) for stem in stems], dtype=object) if _alike(stems) else None
    if numbers is None or numbers.shape[1] == 0:
        return None
    columns = [[int(cell) for cell in column] for column in numbers.T]
    varying = [column for column in columns if len(set(column)) > 1]
    if not varying:
        return [tuple(column[0] for column in columns[-1:])] if len(refs) == 1 else None
    if len(varying) == 1 and _leaps(varying[0]):
        return None
    return list(zip(*varying, strict=True))


def _leaps(numbers: Sequence[int]) -> bool:
    ordered = sorted(set(numbers))
    steps = [b - a for a, b in itertools.pairwise(ordered)]
    return len(set(steps)) > 1 and median_low(steps) > LEAP


def _alike(stems: Sequence[str]) -> bool:
    return len({re.sub(r"\d+", "#", stem) for stem in stems}) == 1


def _certificate(source: OrderSource, numbers: Sequence[tuple[int, ...]], agrees: bool | None = None) -> Order:
    """Gaps and duplicates of ordered numbers; a gap needs a step of one number alone."""
    gaps, duplicates = [], []
    for index, (before, after) in enumerate(itertools.pairwise(numbers)):
        step = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        if not step:
            duplicates.append(index + 1)
        elif len(numbers[0]) == 1 or source == "instance":
            gaps += [index] if step[0][1] - step[0][0] > 1 else []
    return Order(source, gaps=tuple(gaps), duplicates=tuple(duplicates), agrees=agrees)


def _by_number(
    slices: Sequence[Slice], numbers: Sequence[tuple[int, ...]], names: Sequence[tuple[int, ...]] | None
) -> tuple[list[Slice], Order, list[str]]:
    rank = sorted(range(len(slices)), key=lambda i: numbers[i])
    agrees = None if names is None or len(slices) < 2 else _monotone([[names[i]] for i in rank])
    order = _certificate("instance", [numbers[i] for i in rank], agrees)
    problems = _number_problems(order, "instance number")
    if agrees is False:
        problems.append("file names disagree with the instance numbers, which decide")
    return [slices[i] for i in rank], order, problems


def _by_position(
    slices: Sequence[Slice],
    places: Sequence[float],
    numbers: Sequence[tuple[int, ...]] | None,
    names: Sequence[tuple[int, ...]] | None,
) -> tuple[list[Slice], Order, list[str]]:
    ascending = sorted(range(len(slices)), key=lambda i: places[i])
    steps = [places[b] - places[a] for a, b in itertools.pairwise(ascending)]
    apart = [step for step in steps if step > SAME_PLACE_MM]
    same = max(SAME_PLACE_MM, SAME_PLACE_SHARE * median_low(apart)) if apart else SAME_PLACE_MM
    groups: list[list[int]] = [[i] for i in ascending[:1]]
    for image, step in zip(ascending[1:], steps, strict=True):
        if step <= same:
            groups[-1].append(image)
        else:
            groups.append([image])
    # Images at one place stand by number, then by name; `slices` came sorted by name.
    groups = [sorted(group, key=lambda i: (numbers[i] if numbers else (), i)) for group in groups]
    rank = [i for group in groups for i in group]
    sources = {"instance numbers": numbers, "file names": names}
    checks = {
        label: _monotone([[keys[i] for i in group] for group in groups])
        for label, keys in sources.items()
        if keys is not None and len(groups) > 1
    }
    numbered = [numbers[i] for i in rank] if numbers and checks.get("instance numbers") else None
    long, changes = _long_steps([places[i] for i in rank], same, numbered)
    starts = np.cumsum([len(group) for group in groups])[:-1]
    duplicates = tuple(sorted(set(range(1, len(rank))) - {int(start) for start in starts}))
    apart = [places[b[0]] - places[a[0]] for a, b in itertools.pairwise(groups)]
    spacing = round(median_low(apart), 6) if apart else None
    order = Order("position", spacing, long, duplicates, all(checks.values()) if checks else None)
    problems = [f"spacing changes to {step:.4g} mm after image {index}" for index, step in changes]
    if long:
        where = [f"{k} (at about {(places[rank[k]] + places[rank[k + 1]]) / 2:.4g} mm)" for k in long]
        problems.append(f"missing slice(s) after image {some(where, most=MOST_NAMED)}; the spacing is {spacing:.4g} mm")
    if duplicates:
        problems.append(
            f"two images at one position: {some([f'{k - 1} and {k}' for k in duplicates], most=MOST_NAMED)}"
        )
    problems += [f"{label} disagree with the positions, which decide" for label, fits in checks.items() if not fits]
    return [slices[i] for i in rank], order, problems


def _long_steps(
    places: Sequence[float], same: float, numbers: Sequence[tuple[int, ...]] | None
) -> tuple[tuple[int, ...], list[tuple[int, float]]]:
    """Indices after which a slice is missing; and (index, mm) where a second spacing starts instead."""
    steps = [b - a for a, b in itertools.pairwise(places)]
    apart = [step for step in steps if step > same]
    if not apart:
        return (), []
    usual = median_low(apart)
    long = [index for index, step in enumerate(steps) if step > GAP_SHARE * usual]
    runs: list[list[int]] = []
    for index in long:
        if (
            runs
            and runs[-1][-1] == index - 1
            and abs(steps[index] - steps[index - 1]) <= SAME_PLACE_SHARE * steps[index]
        ):
            runs[-1].append(index)
        else:
            runs.append([index])
    regimes = [run for run in runs if len(run) >= RUN and numbers is not None and _unbroken(numbers, run)]
    explained = {index for run in regimes for index in run}
    return tuple(i for i in long if i not in explained), [(run[0], steps[run[0]]) for run in regimes]


def _unbroken(numbers: Sequence[tuple[int, ...]], run: Sequence[int]) -> bool:
    pairs = [(numbers[index], numbers[index + 1]) for index in run]
    return all(sum(abs(a - b) for a, b in zip(before, after, strict=True)) == 1 for before, after in pairs)


def _monotone(groups: Sequence[Sequence[tuple[int, ...]]]) -> bool:
    """Whether the keys of every group come before those of the next one, or after them throughout."""
    pairs = list(itertools.pairwise(groups))
    return all(max(a) <= min(b) for a, b in pairs) or all(min(a) >= max(b) for a, b in pairs)


def _number_problems(order: Order, number: str) -> list[str]:
    problems = []
    if order.gaps:
        problems.append(
            f"missing slice(s) after image {some([str(k) for k in order.gaps], most=MOST_NAMED)}, by {number}"
        )
    if order.duplicates:
        problems.append(
            f"one {number} twice: images {some([f'{k - 1} and {k}' for k in order.duplicates], most=MOST_NAMED)}"
        )
    return problems
