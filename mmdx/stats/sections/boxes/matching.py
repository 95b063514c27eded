"""Which found boxes and lesions are true: one finding of one showing, slice by slice and study by study.

A found box is true when it overlaps a true one by IoU 0.5. A lesion is made of boxes that are linked over slices
(`metrics/lesions.py`); a found lesion is true when it overlaps a true one by IoU 0.5 on some slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from mmdx.extras import needed_by
from mmdx.files import CORNERS
from mmdx.stats.metrics.lesions import link, overlaps

OVERLAP = 0.5
"""The intersection over union from which a box is found."""
_NONE = (np.empty((0, 4)), np.empty(0))
"""Corners and scores of a slice without a box."""


@dataclass(frozen=True)
class Hits:
    """Found boxes or lesions, the likeliest first: their scores, whether each is true, and its patient."""

    scores: Float[np.ndarray, "k"]
    true: Bool[np.ndarray, "k"]
    patients: Int[np.ndarray, "k"]


@dataclass(frozen=True)
class FindingBoxes:
    """One finding under one showing: hits, and counts by patient.

    `top_patients`, `overlap` and `pointing` have one row per slice with a true box: its patient, the IoU of the
    likeliest box with the true one that it fits best, and whether its middle lies in a true one. `coco` is `coco_ap`.
    """

    boxes: Hits
    lesions: Hits
    true_boxes: Int[np.ndarray, "p"]
    true_lesions: Int[np.ndarray, "p"]
    images: Int[np.ndarray, "p"]
    studies: Int[np.ndarray, "p"]
    top_patients: Int[np.ndarray, "m"]
    overlap: Float[np.ndarray, "m"]
    pointing: Float[np.ndarray, "m"]
    coco: tuple[float, float]


def match_boxes(boxes: pd.DataFrame, true_boxes: pd.DataFrame, patients: Mapping[str, int]) -> FindingBoxes:
    """The found boxes of one finding against the true ones, on the slices that `true_boxes` names.

    `patients` numbers the patients from 0.
    """
    places = list(dict.fromkeys(zip(true_boxes["study_id"], true_boxes["slice"], strict=True)))
    owner = dict(zip(true_boxes["study_id"], true_boxes["patient_id"], strict=True))
    truth, guesses = _by_slice(true_boxes.dropna(subset=["x0"])), _by_slice(boxes)
    box_hits: list[tuple[float, bool, int]] = []
    tops: list[tuple[int, float, float]] = []
    for place in places:
        patient = patients[owner[place[0]]]
        real, (corners, scores) = truth.get(place, _NONE)[0], guesses.get(place, _NONE)
        shared = overlaps(corners, real)
        hits = match(scores, shared)
        box_hits += [(score, hit, patient) for score, hit in zip(scores.tolist(), hits.tolist(), strict=True)]
        if len(real):
            best = int(scores.argmax()) if len(scores) else None
            inside = best is not None and _holds(real, (corners[best, :2] + corners[best, 2:]) / 2)
            tops.append((patient, 0.0 if best is None else float(shared[best].max()), float(inside)))
    lesions, true_lesions = _lesions(places, truth, guesses, owner, patients)
    count = len(patients)
    studies = list(dict.fromkeys(study for study, _ in places))
    return FindingBoxes(
        boxes=_sorted(box_hits),
        lesions=_sorted(lesions),
        true_boxes=_count([patients[owner[place[0]]] for place in places for _ in truth.get(place, _NONE)[0]], count),
        true_lesions=_count(true_lesions, count),
        images=_count([patients[owner[study]] for study, _ in places], count),
        studies=_count([patients[owner[study]] for study in studies], count),
        top_patients=np.array([patient for patient, _, _ in tops], dtype=np.int64),
        overlap=np.array([overlap for _, overlap, _ in tops], dtype=np.float64),
        pointing=np.array([inside for _, _, inside in tops], dtype=np.float64),
        coco=coco_ap(places, truth, guesses),
    )


def match(scores: Float[np.ndarray, "k"], shared: Float[np.ndarray, "k m"]) -> Bool[np.ndarray, "k"]:
    """Which of `k` found boxes are true: from the likeliest on, each takes the free true one that it overlaps most."""
    free, true = np.ones(shared.shape[1], dtype=bool), np.zeros(len(scores), dtype=bool)
    for guess in np.argsort(-scores, kind="stable") if shared.shape[1] else ():
        best = int(np.where(free, shared[guess], -1).argmax())
        if free[best] and shared[guess, best] >= OVERLAP:
            free[best], true[guess] = False, True
    return true


def coco_ap(places: list, truth: Mapping, guesses: Mapping) -> tuple[float, float]:
    """Average precision at IoU 0.5, and its mean over 0.5 to 0.95, of faster-coco-eval, over these slices."""
    true_boxes, boxes = [], []
    for image, place in enumerate(places, start=1):
        for x0, y0, x1, y1 in truth.get(place, _NONE)[0].tolist():
            shape = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
            true_boxes.append({"id": len(true_boxes) + 1, "image_id": image, "category_id": 1, **shape})
        corners, scores = guesses.get(place, _NONE)
        for (x0, y0, x1, y1), score in zip(corners.tolist(), scores.tolist(), strict=True):
            box = [x0, y0, x1 - x0, y1 - y0]
            boxes.append({"image_id": image, "category_id": 1, "bbox": box, "score": score})
    if not boxes:
        return 0.0, 0.0
    images = [{"id": image} for image in range(1, len(places) + 1)]
    with needed_by("measuring boxes", "faster-coco-eval", "boxes"):
        from faster_coco_eval import COCO, COCOeval_faster

    reference = COCO({"images": images, "annotations": true_boxes, "categories": [{"id": 1, "name": "finding"}]})
    evaluation = COCOeval_faster(reference, reference.loadRes(boxes), "bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"])[:, :, 0, 0, -1]
    return float(precision[0].mean()), float(precision.mean())


def _by_slice(frame: pd.DataFrame) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Corners and scores (1 for true boxes) by study and slice."""
    scores = frame["score"] if "score" in frame else pd.Series(1.0, index=frame.index)
    keys = pd.MultiIndex.from_frame(frame.loc[:, ["study_id", "slice"]])
    corners, values = frame[list(CORNERS)].to_numpy(np.float64), scores.to_numpy(np.float64)
    rows: dict[tuple[str, int], list[int]] = {}
    for row, (study, place) in enumerate(keys.tolist()):
        rows.setdefault((study, place), []).append(row)
    return {key: (corners[chosen], values[chosen]) for key, chosen in rows.items()}


def _lesions(
    slices_of_all: list, truth: Mapping, guesses: Mapping, owner: Mapping[str, str], patients: Mapping[str, int]
) -> tuple[list[tuple[float, bool, int]], list[int]]:
    """Of all studies: the lesions that were found (score, whether true, patient), and the patients of the true ones."""
    slices: dict[str, list[int]] = {}
    for study, place in slices_of_all:
        slices.setdefault(study, []).append(place)
    hits: list[tuple[float, bool, int]] = []
    owners: list[int] = []
    for study, places in slices.items():
        patient = patients[owner[study]]
        true_corners, true_lesion_of, _ = _linked(study, places, truth)
        boxes, lesion_of, scores = _linked(study, places, guesses)
        shared = overlaps(boxes[:, 1:], true_corners[:, 1:]) * (boxes[:, :1] == true_corners[:, 0])
        best_overlap = np.zeros((int(lesion_of.max(initial=-1)) + 1, int(true_lesion_of.max(initial=-1)) + 1))
        np.maximum.at(best_overlap, (lesion_of[:, None], true_lesion_of[None, :]), shared)
        best = np.zeros(len(best_overlap))
        np.maximum.at(best, lesion_of, scores)
        hits += [
            (score, hit, patient) for score, hit in zip(best.tolist(), match(best, best_overlap).tolist(), strict=True)
        ]
        owners += [patient] * best_overlap.shape[1]
    return hits, owners


def _linked(study: str, slices: list[int], boxes: Mapping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The boxes of a study as slice and corners, the lesion that each belongs to, and its score."""
    rows = [(place, *boxes.get((study, place), _NONE)) for place in slices]
    corners = np.concatenate([_NONE[0], *(slice_corners for _, slice_corners, _ in rows)])
    scores = np.concatenate([_NONE[1], *(slice_corners for _, _, slice_corners in rows)])
    places = np.array([place for place, slice_corners, _ in rows for _ in slice_corners], dtype=np.int64)
    return np.column_stack([places, corners]), link(places, corners), scores


def _sorted(rows: list[tuple[float, bool, int]]) -> Hits:
    scores, true, patients = (np.array([row[i] for row in rows]) for i in range(3))
    order = np.argsort(-scores, kind="stable")
    return Hits(scores[order].astype(float), true[order].astype(bool), patients[order].astype(np.int64))


def _count(patients: list[int], count: int) -> Int[np.ndarray, "p"]:
    return np.bincount(np.array(patients, dtype=np.int64), minlength=count)


def _holds(boxes: Float[np.ndarray, "m 4"], point: Float[np.ndarray, "2"]) -> bool:
    return bool(((boxes[:, :2] <= point) & (point <= boxes[:, 2:])).all(axis=1).any())
