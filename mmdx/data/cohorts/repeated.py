"""Who of those that taught a run stands in a second cohort: by patient, by series and by stored image.

The identifiers of two stores name the same patients where one key of pseudonyms made both. Without one, equal ids may
be chance (many cohorts count from 1), so they are named and no more. The series of DICOM files and images, pixel for
pixel, are the same whoever names them: of each study that taught, the middle image is looked for among all images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmdx.data.store.store import Store
from mmdx.errors import some
from mmdx.kinds import KINDS
from mmdx.study import SERIES_DIGEST


@dataclass(frozen=True)
class Repeated:
    """The `rows` of a second cohort that show patients who taught a run; `lines` say how many, how they were found and
    what cannot be seen. `named` names them, for whoever asks: that is not for files that are passed on."""

    rows: frozenset[int] = frozenset()
    lines: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


def find_repeated(first: Store, learned: Sequence[int], second: Store, pictured: Mapping[str, str]) -> Repeated:
    """Who among the rows `learned` of the first store stands in the second, with all studies of such a patient there.

    `pictured` names the modalities of images that both hold alike, by the name of the first that of the second.
    """
    one, other = (store.description.get("privacy", {}).get("pseudonym_key") for store in (first, second))
    patients = {first.patient_ids[row] for row in learned}
    equal = {row for row, patient in enumerate(second.patient_ids) if patient in patients}
    ways = {"patient": equal if one is not None and one == other else set()}
    ways["series"] = _same_series(first, learned, second) if one == other else set()
    ways["image"] = _same_images(first, learned, second, pictured)
    whole = {second.patient_ids[row] for rows in ways.values() for row in rows}
    every = frozenset(row for row, patient in enumerate(second.patient_ids) if patient in whole)
    lines, named = [], []
    if every:
        found = " and ".join(way for way, rows in ways.items() if rows)
        counts = f"{len(every)} studies of {len(whole)} patients"
        lines.append(f"left out: {counts} who also taught the run, found by {found}")
        named.append(f"left out: {some([second.study_ids[row] for row in sorted(every)], most=12)}")
    if equal and one is None and other is None:
        ids = sorted({second.patient_ids[row] for row in equal})
        lines.append(
            f"{len(ids)} patient ids stand in both cohorts: chance, or the same patients; prepared with one "
            "pseudonym_key, both would tell"
        )
        named.append(f"ids in both cohorts: {some(ids, most=12)}")
    if one != other:
        lines.append(
            "whether patients of the training are in it cannot be seen by their ids, which are not of one key of "
            "pseudonyms"
        )
    if not pictured:
        lines.append("no images that both hold alike, so none were compared with those of the training")
    return Repeated(every, tuple(lines), tuple(named))


def _same_series(first: Store, learned: Sequence[int], second: Store) -> set[int]:
    digests = {first.read(row).traits().get(SERIES_DIGEST) for row in learned} - {None}
    if not digests:
        return set()
    return {row for row in range(len(second)) if second.read(row).traits().get(SERIES_DIGEST) in digests}


def _same_images(first: Store, learned: Sequence[int], second: Store, pictured: Mapping[str, str]) -> set[int]:
    same: set[int] = set()
    for ours, theirs in pictured.items():
        lengths = first.lengths(ours)
        middles = (first.read(row).pixels(ours)[lengths[row] // 2] for row in learned if lengths[row])
        known = set(_digests(middles))
        if known:
            rows = [row for row, length in enumerate(second.lengths(theirs)) if length]
            same |= {row for row in rows if not known.isdisjoint(_digests(second.read(row).pixels(theirs)))}
    return same


def _digests(images: Iterable[np.ndarray]) -> Iterator[bytes]:
    """A digest of each image that is not of one grey throughout."""
    for image in images:
        if image.min() != image.max():
            yield hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def pictured_alike(first: Store, names: Mapping[str, str]) -> dict[str, str]:
    """Of `names`, by the name of the first store that of a second, those that are images."""
    held = first.modalities
    return {ours: theirs for ours, theirs in names.items() if ours in held and KINDS[held[ours].kind].pictured}
