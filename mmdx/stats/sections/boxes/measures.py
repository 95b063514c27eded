"""How well boxes were found: average precision, FROC, overlap of the likeliest box, pointing game; by finding.

- `ap50`, `ap`: COCO average precision at IoU 0.5, and its mean over 0.5 to 0.95. Slices without a true box count:
  what is found there is false.
- `sensitivity_R_per_study`: the share of true *lesions* (boxes linked over slices, `metrics/lesions.py`) that are found
  at R false lesions per study, of one finding; a lesion is found when it overlaps a found one by IoU 0.5 on some slice.
  `sensitivity_R_per_image`: the same of boxes, at R false boxes per image (FROC, Bunch et al. 1977).
- `overlap`: on slices with a true box, the IoU of the likeliest box with the true one that it fits best; 0 for none.
- `pointing`: on these slices, whether the middle of the likeliest box lies in a true one (after Zhang et al. 2018).

What is found on a slice of which the finding's boxes are unknown is left out. Intervals are of a bootstrap over
patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, FEWEST_PATIENTS, Estimate, interval
from mmdx.stats.sections.boxes.files import read_found, read_truth, truth_of
from mmdx.stats.sections.boxes.matching import FindingBoxes, Hits, match_boxes

STUDY_RATES = (0.5, 1.0, 2.0, 4.0)
IMAGE_RATES = (0.05, 0.1, 0.5)
RESAMPLES = 1000
NOT_DRAWN = "it is not resampled"
RECALLS = np.linspace(0, 1, 101)
"""Where COCO reads precision."""

Measured = dict[str, dict[str, Estimate]]
"""By finding, and `mean` over those with a true box: metrics by name."""


def box_metrics(path: Path, truth: Path | None = None, *, resamples: int = RESAMPLES, seed: int = 0) -> dict:
    """By showing: the metrics of a file of boxes against its truth (beside it when None), with their intervals.

    A finding without a true box is left out. Raises `DataError` where a file is bad.
    """
    boxes, true_boxes = read_found(path), read_truth(truth or truth_of(path))
    shown = sorted(boxes["shown"].unique(), key=lambda text: -len(text.split("+")))
    return {
        name: measure(boxes.loc[boxes["shown"] == name], true_boxes, resamples=resamples, seed=seed) for name in shown
    }


def measure(boxes: pd.DataFrame, true_boxes: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> Measured:
    """The metrics of one showing, by finding, with `mean` last."""
    patients = {name: number for number, name in enumerate(true_boxes["patient_id"].unique())}
    matched = {
        str(finding): match_boxes(boxes.loc[boxes["finding"] == finding], rows, patients)
        for finding, rows in true_boxes.groupby("finding", sort=False)
        if np.isfinite(rows["x0"].to_numpy()).any()
    }
    if not matched:
        return {}

    def values(weights: Int[np.ndarray, "r p"]) -> dict[tuple[str, str], Float[np.ndarray, "r"]]:
        return {(f, name): v for f, matches in matched.items() for name, v in values_of(matches, weights).items()}

    resampled = Resampler(np.arange(len(patients)), None, resamples, seed).values(values)
    result: Measured = {}
    for finding, matches in matched.items():
        refused = _too_few(matches, FEWEST_PATIENTS)
        rows = {
            name: interval(value.value, value.resampled, refused=refused)
            for (of, name), value in resampled.items()
            if of == finding
        }
        # COCO's own numbers, of which the resampled one is the first.
        rows["ap50"] = replace(rows["ap50"], value=matches.coco[0])
        result[finding] = {"ap50": rows["ap50"], "ap": Estimate(matches.coco[1], None, None, 0, NOT_DRAWN), **rows}
    return result | {"mean": _mean(result, resampled, matched)}


def average_precision(matches: FindingBoxes, weights: Int[np.ndarray, "r p"]) -> Float[np.ndarray, "r"]:
    """COCO's at IoU 0.5, under the weights of patients."""
    counts = weights[:, matches.boxes.patients]
    hits = np.cumsum(counts * matches.boxes.true, axis=1)
    false = np.cumsum(counts * ~matches.boxes.true, axis=1)
    total = weights @ matches.true_boxes
    precision = hits / np.maximum(hits + false, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    values = np.full(len(weights), np.nan)
    for row in np.flatnonzero(total):
        at = np.searchsorted(hits[row] / total[row], RECALLS, side="left")
        values[row] = np.append(precision[row], 0.0)[at].mean()
    return values


def sensitivities(
    hits: Hits,
    truth: Int[np.ndarray, "p"],
    units: Int[np.ndarray, "p"],
    weights: Int[np.ndarray, "r p"],
    rates: Sequence[float],
) -> list[Float[np.ndarray, "r"]]:
    """By rate: the share of the true ones that is found with at most so many false ones per unit.

    `truth` and `units` count the true ones, and the studies or images, by patient.
    """
    counts = weights[:, hits.patients]
    true_hits, false_hits = np.cumsum(counts * hits.true, axis=1), np.cumsum(counts * ~hits.true, axis=1)
    # A threshold takes all of one score or none.
    ends = np.append(hits.scores[1:] != hits.scores[:-1], True)[: len(hits.scores)]
    total, allowance = weights @ truth, (weights @ units)[:, None]
    most = [np.where(ends & (false_hits <= rate * allowance), true_hits, 0).max(axis=1, initial=0) for rate in rates]
    return [np.where(total > 0, count / np.maximum(total, 1), np.nan) for count in most]


def values_of(matches: FindingBoxes, weights: Int[np.ndarray, "r p"]) -> dict[str, Float[np.ndarray, "r"]]:
    """All metrics of a finding but `ap`, under the weights of patients."""
    values = {"ap50": average_precision(matches, weights)}
    for unit, hits, truth, units, rates in (
        ("study", matches.lesions, matches.true_lesions, matches.studies, STUDY_RATES),
        ("image", matches.boxes, matches.true_boxes, matches.images, IMAGE_RATES),
    ):
        shares = sensitivities(hits, truth, units, weights, rates)
        values |= {f"sensitivity_{rate:g}_per_{unit}": share for rate, share in zip(rates, shares, strict=True)}
    tops = weights[:, matches.top_patients]
    return values | {"overlap": _weighted(matches.overlap, tops), "pointing": _weighted(matches.pointing, tops)}


def _weighted(values: Float[np.ndarray, "m"], weights: Int[np.ndarray, "r m"]) -> Float[np.ndarray, "r"]:
    total = weights.sum(axis=1)
    return np.where(total > 0, weights @ values / np.maximum(total, 1), np.nan)


def _mean(
    result: Measured, resampled: Mapping[tuple[str, str], Drawn], matched: Mapping[str, FindingBoxes]
) -> dict[str, Estimate]:
    refused = next(filter(None, (_too_few(matches, FEWEST_IN_MEAN) for matches in matched.values())), None)
    mean = {}
    for name in next(iter(result.values())):
        value = float(np.mean([estimates[name].value for estimates in result.values()]))
        if name == "ap":
            mean[name] = Estimate(value, None, None, 0, NOT_DRAWN)
        else:
            means = np.mean([resampled[f, name].resampled for f in matched], axis=0)
            mean[name] = interval(value, means, refused=refused)
    return mean


def _too_few(matches: FindingBoxes, fewest: int) -> str | None:
    count = int((matches.true_boxes > 0).sum())
    return None if count >= fewest else f"{count} patients with a box, and {fewest} are needed"
