"""How far mmdx is from other software, over random cases: a Markdown table of the largest absolute differences.

    python scripts/agreement.py [--cases 200] [--seed 0]

What is compared is what mmdx counts by itself: DeLong's test with MLstatkit, one study per patient; every metric that
scikit-learn has too, with weights; McNemar's test with statsmodels; the permutation test with scipy, which tries every
swap, so that the p-values of mmdx, of 20,000 random swaps, may be off by Monte Carlo error; FROC with MONAI, from boxes
that are true or false already; box average precision with pycocotools, on images of which some have no true box and
some no found one. BLEU and ROUGE-L are sacrebleu's and rouge-score's own inside mmdx, and box average precision is
faster-coco-eval's, from which only the resampled one differs. A reference that is not installed is named as not
compared; none is a dependency of mmdx.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import sklearn.linear_model
import sklearn.metrics as sk
from jaxtyping import Float
from scipy.special import logit
from scipy.stats import permutation_test, rankdata

from mmdx.stats.metrics.calibration import CLIP
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.sections.boxes.matching import Hits, match_boxes
from mmdx.stats.sections.boxes.measures import average_precision, sensitivities
from mmdx.stats.sections.classes.measures import group_measures
from mmdx.stats.sections.classes.rsna2019 import WEIGHTS, rsna_log_loss
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.mcnemar import mcnemar_test
from mmdx.stats.significance.permutation import permutation_p

Found = Iterator[tuple[str, float]]
"""What was compared in one case, and the absolute difference."""
SWAPS = 20_000
FALSE_PER_IMAGE = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def delong(rng: np.random.Generator) -> Found:
    theirs = importlib.import_module("MLstatkit").Delong_test
    labels, first, second = scored(rng, 2)
    z, p, _, _, second_area, first_area, told = theirs(labels, second, first)
    if told["method"] != "delong":
        return
    found = delong_test(labels, first, second, np.arange(len(labels)))
    yield "DeLong: difference of AUROCs", abs(found.difference - (first_area - second_area))
    yield "DeLong: z", abs(found.z - z)
    yield "DeLong: p", abs(found.p - p)


def scikit_learn(rng: np.random.Generator) -> Found:
    labels, scores = scored(rng, 1)
    weights = rng.integers(0, 4, len(labels))
    if len(np.unique(labels[weights > 0])) < 2:
        return
    yes = (scores >= 0.5).astype(float)
    theirs: dict[str, Callable[..., float]] = {
        "auroc": sk.roc_auc_score,
        "ap": sk.average_precision_score,
        "log_loss": sk.log_loss,
        "brier": sk.brier_score_loss,
        "balanced_accuracy": sk.balanced_accuracy_score,
        "f1": sk.f1_score,
        "mcc": sk.matthews_corrcoef,
        "kappa": sk.cohen_kappa_score,
        "sensitivity": sk.recall_score,
        "precision": sk.precision_score,
    }
    for name, function in theirs.items():
        answers = yes if METRICS[name].family == "threshold" else scores
        ours = METRICS[name].function(labels, answers, weights[None])[0]
        if not np.isnan(ours):
            yield f"metrics: {name}", abs(ours - function(labels, answers, sample_weight=weights))
    specificity = sk.recall_score(1 - labels, 1 - yes, sample_weight=weights)
    yield "metrics: specificity", abs(METRICS["specificity"].function(labels, yes, weights[None])[0] - specificity)
    high, found, _ = sk.roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    ours = METRICS["sensitivity_at_specificity"].function(labels, scores, weights[None])[0]
    yield "metrics: sensitivity_at_specificity", abs(ours - found[high <= 0.1 + 1e-12].max())


def recalibration(rng: np.random.Generator) -> Found:
    labels, scores = scored(rng, 1)
    odds = logit(np.clip(scores, CLIP, 1 - CLIP))
    ours = METRICS["calibration_slope"].function(labels, scores, np.ones((1, len(labels)), dtype=np.int64))[0]
    if not np.isnan(ours):
        fitted = sklearn.linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(
            odds[:, None], labels
        )
        yield "metrics: calibration_slope", abs(ours - fitted.coef_[0, 0]) / max(1.0, abs(ours))


def groups(rng: np.random.Generator) -> Found:
    count, classes = int(rng.integers(20, 200)), int(rng.integers(2, 6))
    true, scores = rng.integers(0, classes, count), rng.dirichlet(np.ones(classes), count)
    weights = rng.integers(0, 3, count)
    here = np.repeat(np.arange(count), weights)
    t, p, c = true[here], scores[here], scores[here].argmax(axis=1)
    if len(np.unique(t)) < classes:
        return
    ours = group_measures(true, scores, weights[None])
    p = p[:, 1] if classes == 2 else p
    theirs = {
        "balanced_accuracy": sk.balanced_accuracy_score(t, c),
        "kappa": sk.cohen_kappa_score(t, c),
        "accuracy": sk.f1_score(t, c, average="micro"),
        "macro_f1": sk.f1_score(t, c, average="macro"),
        "auroc": sk.roc_auc_score(t, p, multi_class="ovr"),
        "log_loss": sk.log_loss(t, scores[here]),
    }
    for name, value in theirs.items():
        yield f"groups: {name}", abs(ours[name][0] - value)


def rsna(rng: np.random.Generator) -> Found:
    labels, scores = rng.integers(0, 2, (50, 6)).astype(float), rng.random((50, 6))
    weigh = np.tile(list(WEIGHTS.values()), 50)
    ours = rsna_log_loss(labels, scores, np.ones((1, 50), dtype=np.int64), tuple(WEIGHTS))[0]
    yield "RSNA weighted log loss", abs(ours - sk.log_loss(labels.ravel(), scores.ravel(), sample_weight=weigh))


def mcnemar(rng: np.random.Generator) -> Found:
    theirs = importlib.import_module("statsmodels.stats.contingency_tables").mcnemar
    count = int(rng.integers(10, 300))
    first, second = rng.random(count) < 0.7, rng.random(count) < 0.75
    table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
    found = mcnemar_test(first, second, np.arange(count))
    p = theirs(table, exact=found.form == "exact", correction=False).pvalue
    yield f"McNemar: p, {found.form}", abs(found.p - p)


def permutation(rng: np.random.Generator) -> Found:
    labels = np.tile([0.0, 1.0], 5)
    pair = [labels * strength + rng.normal(size=10) for strength in (1.5, 0.5)]
    first, second = (rankdata(scores) / 10 for scores in pair)

    def area(scores: np.ndarray) -> np.ndarray:
        above = scores[..., 1::2, None] - scores[..., None, ::2]
        return ((above > 0) + 0.5 * (above == 0)).mean(axis=(-2, -1))

    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
        # Rounded, for a tie that differs in the sixteenth digit is no tie to scipy.
        return np.round(area(np.moveaxis(one, axis, -1)) - area(np.moveaxis(other, axis, -1)), 12)

    tried = permutation_test((first, second), difference, permutation_type="samples", n_resamples=2**10)
    seed = int(rng.integers(1 << 30))
    ours = permutation_p(METRICS["auroc"], labels, (pair[0], pair[1]), np.arange(10), swaps=SWAPS, seed=seed)
    yield f"permutation: p of {SWAPS:,} swaps", abs(ours - float(tried.pvalue))


def froc(rng: np.random.Generator) -> Found:
    monai = importlib.import_module("monai.metrics")
    images, targets = int(rng.integers(5, 40)), int(rng.integers(5, 30))
    found = int(rng.integers(1, targets + 1))
    true = np.append(np.ones(found, dtype=bool), np.zeros(int(rng.integers(5, 60)), dtype=bool))
    scores = np.round(rng.random(len(true)) + 0.3 * true, 2)
    order = np.argsort(-scores, kind="stable")
    hits = Hits(scores[order], true[order], np.zeros(len(true), dtype=np.int64))
    rates, shares = monai.compute_froc_curve_data(
        # MONAI never takes its lowest threshold, all that was found: one more false one takes that place.
        np.append(scores[~true], -1.0),
        scores[true],
        targets,
        images,
    )
    once = np.ones((1, 1), dtype=np.int64)
    ours = sensitivities(hits, np.array([targets]), np.array([images]), once, FALSE_PER_IMAGE)
    for rate, share in zip(FALSE_PER_IMAGE, ours, strict=True):
        # The curve as a staircase; MONAI's score draws straight lines between the points of the same curve.
        yield "FROC: sensitivity at a rate", abs(share[0] - shares[rates <= rate].max())


def boxes(rng: np.random.Generator) -> Found:
    coco, judge = (importlib.import_module(f"pycocotools.{n}") for n in ("coco", "cocoeval"))
    known, found = random_boxes(rng)
    patients = {name: number for number, name in enumerate(known["patient_id"].unique())}
    if not np.isfinite(known["x0"]).any():
        return
    facts = match_boxes(found, known, patients)
    places = {study: number for number, study in enumerate(known["study_id"].unique(), start=1)}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        real = known.dropna(subset=["x0"])
        truth.dataset = {
            "images": [{"id": number} for number in places.values()],
            "categories": [{"id": 1}],
            "annotations": [
                {**shape, "id": number, "area": shape["bbox"][2] * shape["bbox"][3], "iscrowd": 0}
                for number, shape in enumerate(shapes(real, places), start=1)
            ],
        }
        truth.createIndex()
        guesses = [{**s, "score": v} for s, v in zip(shapes(found, places), found["score"].tolist(), strict=True)]
        judged = judge.COCOeval(truth, truth.loadRes(guesses), "bbox")
        judged.evaluate()
        judged.accumulate()
    precision = judged.eval["precision"][:, :, 0, 0, -1]
    yield "boxes: ap50", abs(facts.coco[0] - precision[0].mean())
    yield "boxes: ap", abs(facts.coco[1] - precision.mean())
    once = np.ones((1, len(patients)), dtype=np.int64)
    yield "boxes: ap50 that is resampled", abs(average_precision(facts, once)[0] - precision[0].mean())


COMPARED: dict[str, Callable[[np.random.Generator], Found]] = {
    "MLstatkit": delong,
    "scikit-learn": scikit_learn,
    "scikit-learn, logistic regression": recalibration,
    "scikit-learn, rows repeated": groups,
    "scikit-learn, all entries": rsna,
    "statsmodels": mcnemar,
    "scipy, all swaps": permutation,
    "MONAI": froc,
    "pycocotools": boxes,
}


def scored(rng: np.random.Generator, models: int) -> tuple[Float[np.ndarray, "n"], ...]:
    """Labels of both classes, and scores in 0..1 of some models, with ties in half of the cases."""
    count = int(rng.integers(10, 300))
    labels = (rng.random(count) < rng.uniform(0.1, 0.9)).astype(float)
    labels[:2] = 0, 1
    scores = 1 / (1 + np.exp(-(labels * rng.uniform(0, 2) - 0.5 + rng.normal(size=(models, count)))))
    return labels, *(np.round(scores, 2) if rng.random() < 0.5 else scores)


def random_boxes(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """True and found boxes on up to 30 images, each of a study of its own; a fifth of the images have no true one."""
    known, found = [], []
    for image in range(int(rng.integers(3, 31))):
        names = (f"s{image}", f"p{image}", "bleed", 0)
        real = [(x, y, x + w, y + h) for x, y, w, h in rng.uniform(5, 60, (rng.choice([0, 1, 1, 2, 4]), 4))]
        known += [(*names, *corners) for corners in real] or [(*names, *[np.nan] * 4)]
        guesses = [np.array(corners) + rng.normal(0, 4, 4) for corners in real if rng.random() < 0.8]
        guesses += [np.array([x, y, x + w, y + h]) for x, y, w, h in rng.uniform(5, 60, (rng.integers(0, 3), 4))]
        for x0, y0, x1, y1 in guesses:
            found.append((*names, x0, y0, max(x1, x0 + 1), max(y1, y0 + 1), np.round(rng.random(), 2)))
    columns = ["study_id", "patient_id", "finding", "slice", "x0", "y0", "x1", "y1"]
    return pd.DataFrame(known, columns=columns), pd.DataFrame(found, columns=[*columns, "score"])


def shapes(boxes: pd.DataFrame, places: dict[str, int]) -> list[dict]:
    return [
        {"image_id": places[row["study_id"]], "category_id": 1}
        | {"bbox": [row["x0"], row["y0"], row["x1"] - row["x0"], row["y1"] - row["y0"]]}
        for row in boxes.to_dict("records")
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print("| what | reference | comparisons | largest difference |\n|---|---|---|---|")
    missing = []
    for number, (reference, compare) in enumerate(COMPARED.items()):
        worst: dict[str, list[float]] = {}
        try:
            for case in range(given.cases):
                for what, off in compare(np.random.default_rng([given.seed, number, case])):
                    worst.setdefault(what, []).append(off)
        except ModuleNotFoundError as error:
            missing.append(f"{reference}: not compared, {error.name} is not installed")
        for what, offs in worst.items():
            print(f"| {what} | {reference} | {len(offs)} | {np.max(offs):.1e} |")
    print("\n".join(["", *missing]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
