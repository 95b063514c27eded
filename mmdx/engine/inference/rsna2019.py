"""Slice predictions become a submission to the RSNA 2019 hemorrhage challenge: `ID,Label`, six rows an image.

A prediction file knows a slice by its study and its place; which file that is, the reader tells again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.data.readers._rsna import COLUMNS, FINDINGS, TABLES, Part, label_rows
from mmdx.data.readers.rsna_ich import image_places
from mmdx.errors import DataError, UsageError, did_you_mean, some
from mmdx.files import SLICE, written
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.strangers.bounded import read_json


@dataclass(frozen=True)
class Coverage:
    """From what the `rows` of a submission come, by images.

    `scored` have scores of their own. `by_study` were kept out of their study's slices, and take the mean of its slice
    scores, finding by finding; `by_all` are of no scored study, and take the mean over all scored slices. `strangers`
    are scored studies that the images are not of.
    """

    rows: int
    scored: int
    by_study: tuple[str, ...]
    by_all: tuple[str, ...]
    strangers: tuple[str, ...]

    def lines(self) -> list[str]:
        """What a person should know, one sentence per item."""
        images = self.scored + len(self.by_study) + len(self.by_all)
        lines = [f"{images} images, {self.rows} rows; {self.scored} images have scores of their own"]
        kinds = {
            "images were kept out of their study and take the mean of its slices": self.by_study,
            "images are unreadable or of no scored study and take the mean of all slices": self.by_all,
            "scored studies are not among the images and were left out": self.strangers,
        }
        return lines + [f"{len(names)} {what} ({some(names)})" for what, names in kinds.items() if names]


def write_submission(
    predictions: Path, root: Path, out: Path, *, part: Part = "test", shown: str | None = None
) -> Coverage:
    """Writes `out`, one row for every ID of the sample submission (`part` train: of the training table), in its order.

    `predictions` is a `*_slices.csv` of a run, or the `predictions.json` of `mmdx predict`; `root` the folder of the
    reader `rsna_ich`; `shown` names the showing where the file holds several. IDs that stand twice come once. Raises
    `DataError` where the file scores no slice of these images, or not all slices of a study, and `UsageError` for a
    showing that is not there.
    """
    scores = _slice_scores(predictions, shown)
    ids = dict.fromkeys((row.image, row.finding) for row in label_rows(root / TABLES[part]))
    places = image_places(root, part=part)
    _check_slices(predictions, scores, places)
    means = {study: values.mean(axis=0) for study, values in scores.items()}
    studies = {study for study, _ in places.values()}
    overall = np.concatenate([values for study, values in scores.items() if study in studies]).mean(axis=0)
    by_study, by_all, rows = [], [], {}
    for image in dict.fromkeys(image for image, _ in ids):
        study, index = places.get(image, ("", None))
        if study not in scores:
            by_all.append(image)
            rows[image] = overall
        elif index is None:
            by_study.append(image)
            rows[image] = means[study]
        else:
            rows[image] = scores[study][index]
    _write(out, ((f"{image}_{FINDINGS[finding]}", rows[image][finding]) for image, finding in ids))
    strangers = tuple(study for study in scores if study not in studies)
    return Coverage(len(ids), len(rows) - len(by_study) - len(by_all), tuple(by_study), tuple(by_all), strangers)


def _slice_scores(path: Path, shown: str | None) -> dict[str, Float[np.ndarray, "n 6"]]:
    """By study, one row per slice in the order of their places, and one column per finding."""
    frame = _from_json(path) if path.suffix.lower() == ".json" else read_predictions(path)
    if SLICE not in frame.columns:
        raise DataError(f"{path}: has no column '{SLICE}'; a submission needs slices: take the file *_slices.csv")
    names = sorted(set(frame["shown"]))
    if shown is None and len(names) > 1:
        raise UsageError(f"{path}: scores of {len(names)} showings; choose one with --shown: {', '.join(names)}")
    if shown is not None and shown not in names:
        raise UsageError(f"--shown {shown}: not in {path}; {did_you_mean(shown, names)}")
    frame = frame[frame["shown"] == (shown or names[0])]
    missing = [finding for finding in FINDINGS if finding not in set(frame["finding"])]
    if missing:
        raise DataError(f"{path}: no scores of '{missing[0]}'; the model must answer all of {', '.join(FINDINGS)}")
    by_study: dict[str, dict[tuple[str, str], float]] = {}
    columns = (frame[name].tolist() for name in ("study_id", "finding", SLICE, "score"))
    for study, finding, place, score in zip(*columns, strict=True):
        by_study.setdefault(study, {})[finding, str(place)] = score
    return {study: _array(path, study, cells) for study, cells in by_study.items()}


def _array(path: Path, study: str, cells: Mapping[tuple[str, str], float]) -> Float[np.ndarray, "n 6"]:
    """The scores of one study. Raises `DataError` where a slice, or a finding of one, is missing."""
    count = len({place for _, place in cells})
    rows = [[cells.get((finding, str(place)), np.nan) for finding in FINDINGS] for place in range(count)]
    if not np.isfinite(rows).all():
        raise DataError(
            f"{path}: study '{study}' lacks slices from 0 to {count - 1}, or findings; score all its images"
        )
    return np.array(rows)


def _from_json(path: Path) -> pd.DataFrame:
    """The slices of a `predictions.json` as a prediction file has them."""
    try:
        results: list[dict[str, Any]] = read_json(path, "write it again")
        rows = [
            (result["study_id"], result["shown"], finding, index, float(score))
            for result in results
            for finding, scores in result.get("slices", {}).items()
            for index, score in enumerate(scores)
        ]
    except FileNotFoundError:
        raise DataError(f"{path}: no such prediction file; 'mmdx predict RUN INPUT --out FOLDER' writes one") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is no predictions.json of mmdx predict ({error}); write it again") from None
    if not rows:
        raise DataError(f"{path}: no scores of slices; the model needs a head 'slice'")
    return pd.DataFrame(rows, columns=["study_id", "shown", "finding", SLICE, "score"])


def _check_slices(
    path: Path, scores: Mapping[str, Float[np.ndarray, "n 6"]], places: Mapping[str, tuple[str, int | None]]
) -> None:
    """Raises `DataError` where slices were counted otherwise than now: a place would name another file."""
    counts: dict[str, int] = {}
    for study, index in places.values():
        counts[study] = counts.get(study, 0) + (index is not None)
    met = [study for study in scores if study in counts]
    if not met:
        raise DataError(f"{path}: none of its {len(scores)} studies is among the images; is it the right part?")
    odd = [study for study in met if len(scores[study]) != counts[study]]
    if odd:
        raise DataError(
            f"{path}: {len(scores[odd[0]])} slices of study '{odd[0]}', which has {counts[odd[0]]} "
            f"({len(odd)} such studies); score the same images again, with data.max_images left out"
        )


def _write(out: Path, rows: Iterator[tuple[str, float]]) -> None:
    try:
        with written(out) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((name, f"{score:.7g}") for name, score in rows)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror}); choose another file") from None
