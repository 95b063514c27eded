"""How well boxes were found: average precision, FROC, overlap of the likeliest box, pointing game; by finding.

- `ap50`, `ap`: COCO average precision at IoU 0.5, and its mean over 0.5 to 0.95. Slices without a true box count:
  what is found there is false.
- `sensitivity_R_per_study`: the share of true *lesions* (boxes linked over slices, `metrics/lesions.py`) that are found
  at R false lesions a study, of one finding; a lesion is found when it overlaps a found one by IoU 0.5 on some slice.
  `sensitivity_R_per_image`: the same of boxes, at R false boxes an image (FROC, Bunch et al. 1977).
- `overlap`: on slices with a true box, the IoU of the likeliest box with the true one that it fits best; 0 for none.
- `pointing`: on these slices, whether the middle of the likeliest box lies in a true one (after Zhang et al. 2018).

What is found on a slice of which the finding's boxes are unknown is left out. Intervals are of a bootstrap over
patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from faster_coco_eval import COCO, COCOeval_faster
from jaxtyping import Bool, Float, Int

from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.lesions import link, overlaps
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, FEWEST_PATIENTS, Estimate, interval
from mmdx.stats.sections.boxes.files import CORNERS, read_found, read_truth, truth_of

OVERLAP = 0.5
"""The intersection over union from which a box is found."""
STUDY_RATES = (0.5, 1.0, 2.0, 4.0)
IMAGE_RATES = (0.05, 0.1, 0.5)
RESAMPLES = 1000
NOT_DRAWN = "it is not resampled"
RECALLS = np.linspace(0, 1, 101)
"""Where COCO reads precision."""

_NONE = (np.empty((0, 4)), np.empty(0))
"""Corners and scores of a slice without a box."""

Measured = dict[str, dict[str, Estimate]]
"""By finding, and `mean` over those with a true box: metrics by name."""


@dataclass(frozen=True)
class Hits:
    """What was found, from the likeliest on: score, whether it is true, patient."""

    scores: Float[np.ndarray, "k"]
    true: Bool[np.ndarray, "k"]
    patients: Int[np.ndarray, "k"]


@dataclass(frozen=True)
class Evidence:
    """One finding under one showing; counts are by patient, `tops` are of slices with a true box."""

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


def box_metrics(path: Path, truth: Path | None = None, *, resamples: int = RESAMPLES, seed: int = 0) -> dict:
    """By showing: the metrics of a file of boxes against its truth (beside it when None), with their intervals.

    A finding without a true box is left out. Raises `DataError` where a file is bad.
    """
    found, known = read_found(path), read_truth(truth or truth_of(path))
    shown = sorted(found["shown"].unique(), key=lambda text: -len(text.split("+")))
    return {name: measure(found.loc[found["shown"] == name], known, resamples=resamples, seed=seed) for name in shown}


def measure(found: pd.DataFrame, known: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> Measured:
    """The metrics of one showing, by finding, with `mean` last."""
    patients = {name: number for number, name in enumerate(known["patient_id"].unique())}
    evidence = {
        str(finding): gather(found.loc[found["finding"] == finding], rows, patients)
        for finding, rows in known.groupby("finding", sort=False)
        if np.isfinite(rows["x0"].to_numpy()).any()
    }
    if not evidence:
        return {}

    def values(weights: Int[np.ndarray, "r p"]) -> dict[tuple[str, str], Float[np.ndarray, "r"]]:
        return {(f, name): v for f, facts in evidence.items() for name, v in values_of(facts, weights).items()}

    drawn = Resampler(np.arange(len(patients)), None, resamples, seed).values(values)
    result: Measured = {}
    for finding, facts in evidence.items():
        refused = _too_few(facts, FEWEST_PATIENTS)
        rows = {
            name: interval(value.value, value.resampled, refused=refused)
            for (of, name), value in drawn.items()
            if of == finding
        }
        # COCO's own numbers, of which the resampled one is the first.
        rows["ap50"] = replace(rows["ap50"], value=facts.coco[0])
        result[finding] = {"ap50": rows["ap50"], "ap": Estimate(facts.coco[1], None, None, 0, NOT_DRAWN), **rows}
    return result | {"mean": _mean(result, drawn, evidence)}


def gather(found: pd.DataFrame, known: pd.DataFrame, patients: Mapping[str, int]) -> Evidence:
    """What one finding's boxes amount to, slice by slice and study by study."""
    places = list(dict.fromkeys(zip(known["study_id"], known["slice"], strict=True)))
    owner = dict(zip(known["study_id"], known["patient_id"], strict=True))
    truth, guesses = _by_slice(known.dropna(subset=["x0"])), _by_slice(found)
    boxes: list[tuple[float, bool, int]] = []
    tops: list[tuple[int, float, float]] = []
    for place in places:
        patient = patients[owner[place[0]]]
        real, (corners, scores) = truth.get(place, _NONE)[0], guesses.get(place, _NONE)
        shared = overlaps(corners, real)
        hits = match(scores, shared)
        boxes += [(score, hit, patient) for score, hit in zip(scores.tolist(), hits.tolist(), strict=True)]
        if len(real):
            best = int(scores.argmax()) if len(scores) else None
            inside = best is not None and _holds(real, (corners[best, :2] + corners[best, 2:]) / 2)
            tops.append((patient, 0.0 if best is None else float(shared[best].max()), float(inside)))
    lesions, true_lesions = _lesions(places, truth, guesses, owner, patients)
    count = len(patients)
    studies = list(dict.fromkeys(study for study, _ in places))
    return Evidence(
        boxes=_sorted(boxes),
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
    """Which found ones are true: from the likeliest on, each takes the free true one that it overlaps most."""
    free, true = np.ones(shared.shape[1], dtype=bool), np.zeros(len(scores), dtype=bool)
    for guess in np.argsort(-scores, kind="stable") if shared.shape[1] else ():
        best = int(np.where(free, shared[guess], -1).argmax())
        if free[best] and shared[guess, best] >= OVERLAP:
            free[best], true[guess] = False, True
    return true


def coco_ap(places: list, truth: Mapping, guesses: Mapping) -> tuple[float, float]:
    """Average precision at IoU 0.5, and its mean over 0.5 to 0.95, of faster-coco-eval, over these slices."""
    real, found = [], []
    for image, place in enumerate(places, start=1):
        for x0, y0, x1, y1 in truth.get(place, _NONE)[0].tolist():
            shape = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
            real.append({"id": len(real) + 1, "image_id": image, "category_id": 1, **shape})
        corners, scores = guesses.get(place, _NONE)
        for (x0, y0, x1, y1), score in zip(corners.tolist(), scores.tolist(), strict=True):
            box = [x0, y0, x1 - x0, y1 - y0]
            found.append({"image_id": image, "category_id": 1, "bbox": box, "score": score})
    if not found:
        return 0.0, 0.0
    images = [{"id": image} for image in range(1, len(places) + 1)]
    known = COCO({"images": images, "annotations": real, "categories": [{"id": 1, "name": "finding"}]})
    judged = COCOeval_faster(known, known.loadRes(found), "bbox", print_function=lambda *_: None)
    judged.evaluate()
    judged.accumulate()
    precision = np.asarray(judged.eval["precision"])[:, :, 0, 0, -1]
    return float(precision[0].mean()), float(precision.mean())


def average_precision(facts: Evidence, weights: Int[np.ndarray, "r p"]) -> Float[np.ndarray, "r"]:
    """COCO's at IoU 0.5, under the weights of patients."""
    drawn = weights[:, facts.boxes.patients]
    found = np.cumsum(drawn * facts.boxes.true, axis=1)
    false = np.cumsum(drawn * ~facts.boxes.true, axis=1)
    total = weights @ facts.true_boxes
    precision = found / np.maximum(found + false, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    values = np.full(len(weights), np.nan)
    for row in np.flatnonzero(total):
        at = np.searchsorted(found[row] / total[row], RECALLS, side="left")
        values[row] = np.append(precision[row], 0.0)[at].mean()
    return values


def sensitivities(
    hits: Hits,
    truth: Int[np.ndarray, "p"],
    units: Int[np.ndarray, "p"],
    weights: Int[np.ndarray, "r p"],
    rates: Sequence[float],
) -> list[Float[np.ndarray, "r"]]:
    """The share of the true ones that is found at the lowest threshold with at most so many false ones a unit."""
    drawn = weights[:, hits.patients]
    found, false = np.cumsum(drawn * hits.true, axis=1), np.cumsum(drawn * ~hits.true, axis=1)
    # A threshold takes all of one score or none.
    ends = np.append(hits.scores[1:] != hits.scores[:-1], True)[: len(hits.scores)]
    total, allowance = weights @ truth, (weights @ units)[:, None]
    most = [np.where(ends & (false <= rate * allowance), found, 0).max(axis=1, initial=0) for rate in rates]
    return [np.where(total > 0, each / np.maximum(total, 1), np.nan) for each in most]


def values_of(facts: Evidence, weights: Int[np.ndarray, "r p"]) -> dict[str, Float[np.ndarray, "r"]]:
    """All metrics of a finding but `ap`, under the weights of patients."""
    values = {"ap50": average_precision(facts, weights)}
    for what, hits, truth, units, rates in (
        ("study", facts.lesions, facts.true_lesions, facts.studies, STUDY_RATES),
        ("image", facts.boxes, facts.true_boxes, facts.images, IMAGE_RATES),
    ):
        found = sensitivities(hits, truth, units, weights, rates)
        values |= {f"sensitivity_{rate:g}_per_{what}": each for rate, each in zip(rates, found, strict=True)}
    tops = weights[:, facts.top_patients]
    return values | {"overlap": _weighted(facts.overlap, tops), "pointing": _weighted(facts.pointing, tops)}


def _weighted(values: Float[np.ndarray, "m"], weights: Int[np.ndarray, "r m"]) -> Float[np.ndarray, "r"]:
    total = weights.sum(axis=1)
    return np.where(total > 0, weights @ values / np.maximum(total, 1), np.nan)


def _mean(
    result: Measured, drawn: Mapping[tuple[str, str], Drawn], evidence: Mapping[str, Evidence]
) -> dict[str, Estimate]:
    refused = next(filter(None, (_too_few(facts, FEWEST_IN_MEAN) for facts in evidence.values())), None)
    mean = {}
    for name in next(iter(result.values())):
        value = float(np.mean([estimates[name].value for estimates in result.values()]))
        if name == "ap":
            mean[name] = Estimate(value, None, None, 0, NOT_DRAWN)
        else:
            mean[name] = interval(value, np.mean([drawn[f, name].resampled for f in evidence], axis=0), refused=refused)
    return mean


def _too_few(facts: Evidence, fewest: int) -> str | None:
    count = int((facts.true_boxes > 0).sum())
    return None if count >= fewest else f"{count} patients with a box, and {fewest} are needed"


def _by_slice(frame: pd.DataFrame) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Corners and scores (1 for true boxes) by study and slice."""
    scores = frame["score"] if "score" in frame else pd.Series(1.0, index=frame.index)
    keys = pd.MultiIndex.from_frame(frame.loc[:, ["study_id", "slice"]])
    corners, values = frame[CORNERS].to_numpy(np.float64), scores.to_numpy(np.float64)
    rows: dict[tuple[str, int], list[int]] = {}
    for row, (study, place) in enumerate(keys.tolist()):
        rows.setdefault((study, place), []).append(row)
    return {key: (corners[chosen], values[chosen]) for key, chosen in rows.items()}


def _lesions(
    places: list, truth: Mapping, guesses: Mapping, owner: Mapping[str, str], patients: Mapping[str, int]
) -> tuple[list[tuple[float, bool, int]], list[int]]:
    """Of all studies: the lesions that were found (score, whether true, patient), and the patients of the true ones."""
    slices: dict[str, list[int]] = {}
    for study, place in places:
        slices.setdefault(study, []).append(place)
    found: list[tuple[float, bool, int]] = []
    true: list[int] = []
    for study, here in slices.items():
        patient = patients[owner[study]]
        real, real_of, _ = _linked(study, here, truth)
        boxes, lesion_of, scores = _linked(study, here, guesses)
        shared = overlaps(boxes[:, 1:], real[:, 1:]) * (boxes[:, :1] == real[:, 0])
        whole = np.zeros((int(lesion_of.max(initial=-1)) + 1, int(real_of.max(initial=-1)) + 1))
        np.maximum.at(whole, (lesion_of[:, None], real_of[None, :]), shared)
        best = np.zeros(len(whole))
        np.maximum.at(best, lesion_of, scores)
        found += [(score, hit, patient) for score, hit in zip(best.tolist(), match(best, whole).tolist(), strict=True)]
        true += [patient] * whole.shape[1]
    return found, true


def _linked(study: str, slices: list[int], boxes: Mapping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The boxes of a study as slice and corners, the lesion that each belongs to, and its score."""
    rows = [(place, *boxes.get((study, place), _NONE)) for place in slices]
    corners = np.concatenate([_NONE[0], *(each for _, each, _ in rows)])
    scores = np.concatenate([_NONE[1], *(each for _, _, each in rows)])
    places = np.array([place for place, each, _ in rows for _ in each], dtype=np.int64)
    return np.column_stack([places, corners]), link(places, corners), scores


def _sorted(rows: list[tuple[float, bool, int]]) -> Hits:
    scores, true, patients = (np.array([row[i] for row in rows]) for i in range(3))
    order = np.argsort(-scores, kind="stable")
    return Hits(scores[order].astype(float), true[order].astype(bool), patients[order].astype(np.int64))


def _count(patients: list[int], count: int) -> Int[np.ndarray, "p"]:
    return np.bincount(np.array(patients, dtype=np.int64), minlength=count)


def _holds(boxes: Float[np.ndarray, "m 4"], point: Float[np.ndarray, "2"]) -> bool:
    return bool(((boxes[:, :2] <= point) & (point <= boxes[:, 2:])).all(axis=1).any())
