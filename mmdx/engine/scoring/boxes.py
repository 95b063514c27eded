"""Boxes as files: what a box head found in a split, what is known of it, and both for one raw study.

`<split>_boxes.csv` has one row per box: `study_id, patient_id, shown, finding, slice, x0, y0, x1, y1, score`, corners
in pixels of the stored images. `<split>_boxes_truth.csv` has one row per true box, and one without corners for each
slice that is known to have none of the finding; a slice and finding without a row are unknown. `slice` is the 0-based
place of an image in its study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from accelerate.utils import gather_object
from jaxtyping import Float, Int
from torch import Tensor

from mmdx.batch import Batch, Boxes, Output
from mmdx.files import BOXES, BOXES_TRUTH, CORNERS, SIDES_MM, SLICE, scores_name, written
from mmdx.models.heads.boxes import BoxHead, known_boxes
from mmdx.models.model import MultimodalModel
from mmdx.stats.metrics.lesions import link, overlaps


def box_head(model: MultimodalModel) -> tuple[str, BoxHead] | None:
    """The first head that gives boxes, with its name."""
    return next(((name, head) for name, head in model.answering.items() if isinstance(head, BoxHead)), None)


class BoxRows:
    """Collects boxes and their truth, batch by batch, while a split is scored with `shown` modalities."""

    def __init__(self, model: MultimodalModel, findings: Sequence[str], shown: str) -> None:
        self._model, self._findings, self._shown = model, list(findings), shown
        self._boxes: list[dict[str, Any]] = []
        self._truth: list[dict[str, Any]] = []

    def __call__(self, batch: Batch, output: Output) -> None:
        named = box_head(self._model)
        if named is not None:
            name, head = named
            height, width = batch.inputs[head.images].values.shape[-2:]
            self.add(batch, head.images, *head.boxes(output.logits[name], height, width))

    def add(self, batch: Batch, modality: str, boxes: Boxes, scores: Float[Tensor, "k"]) -> None:
        """Adds boxes of a batch with their scores, whatever found them, and what is known of its images."""
        owner, place = slices_of(batch, modality)
        for row, score in zip(self._rows(batch, owner, place, boxes), scores.tolist(), strict=True):
            self._boxes.append(row | {"score": score})
        self._truth += truth_rows(batch, modality, self._findings)

    def _rows(self, batch: Batch, owner: list[int], place: list[int], boxes: Boxes) -> Iterator[dict[str, Any]]:
        for corners, image, finding in zip(
            boxes.corners.tolist(), boxes.images.tolist(), boxes.findings.tolist(), strict=True
        ):
            study = owner[image]
            row = {"study_id": batch.study_ids[study], "patient_id": batch.patient_ids[study], "shown": self._shown}
            row |= {"finding": self._findings[finding], SLICE: place[image]}
            yield row | dict(zip(CORNERS, corners, strict=True))

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Boxes and truth of all processes, in an order that does not depend on how many there were."""
        keys = ["study_id", "patient_id", "finding", SLICE, *CORNERS]
        boxes = pd.DataFrame(gather_object(self._boxes), columns=[*keys[:2], "shown", *keys[2:], "score"])
        truth = pd.DataFrame(gather_object(self._truth), columns=keys)
        boxes, truth = (table.astype(dict.fromkeys(CORNERS, float)) for table in (boxes, truth))
        boxes["score"] = boxes["score"].astype(float)
        by = ["study_id", SLICE, "finding"]
        boxes = boxes.sort_values([*by, "score"], ascending=[True, True, True, False], kind="stable")
        return boxes.reset_index(drop=True), truth.sort_values(by, kind="stable", ignore_index=True)


def truth_rows(batch: Batch, modality: str, findings: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row per true box, and one without corners for each image and finding that is known to have none."""
    owner, place = slices_of(batch, modality)
    answers, boxes = known_boxes(batch, modality).tolist(), batch.boxes.get(modality)

    def row(image: int, finding: int, corners: Sequence[float]) -> dict[str, Any]:
        study = owner[image]
        row = {"study_id": batch.study_ids[study], "patient_id": batch.patient_ids[study]}
        return row | {"finding": findings[finding], SLICE: place[image]} | dict(zip(CORNERS, corners, strict=True))

    for image, of_image in enumerate(answers):
        for finding, answer in enumerate(of_image):
            if answer == 0:
                yield row(image, finding, [np.nan] * 4)
    if boxes is not None:
        for corners, image, finding in zip(
            boxes.corners.tolist(), boxes.images.tolist(), boxes.findings.tolist(), strict=True
        ):
            yield row(image, finding, corners)


def slices_of(batch: Batch, modality: str) -> tuple[list[int], list[int]]:
    """Of each packed image of a batch: its study, and its place among all of the study's images."""
    lengths = batch.inputs[modality].lengths.tolist()
    owner = [study for study, count in enumerate(lengths) for _ in range(count)]
    return owner, batch.slice_numbers[modality].tolist()


def write_boxes(
    folder: Path, split: str, frames: Sequence[tuple[pd.DataFrame, pd.DataFrame]], *, kind: str = BOXES
) -> None:
    """The boxes of all showings in `<split><kind>.csv`, and their truth once."""
    boxes = pd.concat([rows for rows, _ in frames], ignore_index=True)
    truth = pd.concat([rows for _, rows in frames], ignore_index=True).drop_duplicates(ignore_index=True)
    for name, table in ((kind, boxes), (BOXES_TRUTH, truth)):
        with written(folder / scores_name(split, name)) as partial:
            table.to_csv(partial, index=False, float_format="%.7g")


def merged_boxes(by_member: Sequence[Sequence[dict[str, Any]]], head: BoxHead) -> list[dict[str, Any]]:
    """The boxes (`finding`, `slice`, corners, `score`; of several studies also `study_id`) that members of an ensemble
    found, as one set, the likeliest first; those of a model alone as they are.

    Of boxes that overlap by more than the head's `overlap` the likeliest stays. Its score is the mean over all members
    of the best score that each has among them, 0 where it has none. Boxes below the head's `least` are dropped, and
    those beyond the `most` likeliest of an image.
    """
    if len(by_member) == 1:
        return list(by_member[0])
    groups: dict[tuple[Any, ...], list[tuple[int, dict[str, Any]]]] = {}
    for member, boxes in enumerate(by_member):
        for box in boxes:
            groups.setdefault((box.get("study_id"), box[SLICE], box["finding"]), []).append((member, box))
    merged = []
    for group in groups.values():
        left = sorted(group, key=lambda entry: -entry[1]["score"])
        while left:
            corners = np.array([[box[corner] for corner in CORNERS] for _, box in left], dtype=np.float64)
            shared = overlaps(corners[:1], corners)[0] > head.overlap
            shared[0] = True
            best: dict[int, float] = {}
            for (member, box), same in zip(left, shared, strict=True):
                if same:
                    best[member] = max(best.get(member, 0.0), box["score"])
            merged.append(left[0][1] | {"score": sum(best.values()) / len(by_member)})
            left = [entry for entry, same in zip(left, shared, strict=True) if not same]
    counts: Counter[tuple[Any, int]] = Counter()
    likeliest = []
    for box in sorted((box for box in merged if box["score"] > head.least), key=lambda box: -box["score"]):
        image = (box.get("study_id"), box[SLICE])
        counts[image] += 1
        likeliest += [box] if counts[image] <= head.most else []
    return likeliest


def lesions_of(boxes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Boxes (`finding`, `slice`, corners, `score`) linked over slices, the likeliest lesion first.

    Each says its finding, the score of its likeliest box, its first and last slice, its boxes by number and, where all
    of these have sides in mm, the largest of each side.
    """
    lesions = []
    for finding in sorted({box["finding"] for box in boxes}):
        numbers = np.array([n for n, box in enumerate(boxes) if box["finding"] == finding], dtype=np.int64)
        slices: Int[np.ndarray, "k"] = np.array([boxes[n]["slice"] for n in numbers], dtype=np.int64)
        corners = np.array([[boxes[n][corner] for corner in CORNERS] for n in numbers], dtype=np.float64)
        linked = link(slices, corners)
        for lesion in range(int(linked.max()) + 1):
            members = numbers[linked == lesion]
            places = slices[linked == lesion]
            score = max(boxes[n]["score"] for n in members)
            span = {"first": int(places.min()), "last": int(places.max())}
            known = all(side in boxes[n] for n in members for side in SIDES_MM)
            sides = {side: max(boxes[n][side] for n in members) for side in SIDES_MM} if known else {}
            lesions.append({"finding": finding, "score": score, **span, **sides, "boxes": members.tolist()})
    return sorted(lesions, key=lambda lesion: -lesion["score"])
