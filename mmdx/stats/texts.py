"""Descriptions against reports: overlap of words, and the findings that a reader of reports finds in either.

Texts are compared as lower-case words and punctuation marks (`plain`), since a model that was taught words gives words
back. BLEU-4 is sacrebleu's of the whole corpus (Papineni et al. 2002), here from 0 to 1; ROUGE-L the mean F1 of
rouge-score (Lin 2004). Overlap rewards style: a text that says what most reports say scores without any image. The
findings read back ask whether it says the right things, as far as the reports do.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mmdx.extras import needed_by
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import auroc
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import with_interval
from mmdx.stats.resampling.intervals import (
    FEWEST_IN_MEAN,
    FEWEST_PATIENTS,
    Estimate,
    interval,
    why_too_few,
)

TEXT_COLUMNS = ("study_id", "patient_id", "shown", "method", "reference", "generated")
THEMSELVES = "the reports themselves"
_WORD = re.compile(r"\w+|[^\w\s]+")
_Scores = Callable[[Int[np.ndarray, "r n"]], Float[np.ndarray, "r"]]


@dataclass(frozen=True)
class Descriptions:
    """How good each method's texts are: one estimate per method and metric (`bleu4`, `rouge_l`, `read_auroc`).

    All stand on the same studies: those with a report and a text of every method; `left_out` counts the others.
    `reader` says what the reader of findings was made for, `findings` which of them its mean is over.
    """

    estimates: Mapping[tuple[str, str], Estimate]
    studies: int
    patients: int
    left_out: int
    reader: str
    findings: tuple[str, ...]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file, NaN as null."""
        estimates = [
            {"method": method, "metric": metric} | estimate.to_json()
            for (method, metric), estimate in self.estimates.items()
        ]
        counts = {"studies": self.studies, "patients": self.patients, "left_out": self.left_out}
        reader = {"reader": self.reader, "findings": list(self.findings)}
        return {"estimates": estimates, **counts, **reader, "resamples": self.resamples, "seed": self.seed}

    def sheet(self) -> Sheet:
        """One row per method."""
        metrics = ("bleu4", "rouge_l", "read_auroc")
        rows = []
        for method in dict.fromkeys(method for method, _ in self.estimates):
            estimates = [self.estimates.get((method, metric)) for metric in metrics]
            rows.append((method, *("–" if estimate is None else with_interval(estimate) for estimate in estimates)))
        title = f"Descriptions of {self.studies} studies of {self.patients} patients"
        return Sheet(title, ("text", "BLEU-4", "ROUGE-L", "AUROC read back"), tuple(rows))

    def notes(self) -> list[str]:
        """What the numbers stand on."""
        read = f"AUROC read back: mean over {len(self.findings)} findings ({', '.join(self.findings) or 'none'}), by "
        lines = [f"{read}{self.reader}; it knows reports of that kind alone"]
        if self.left_out:
            lines.append(f"{self.left_out} studies without a report, or without anything to write from, are left out")
        return lines


class ReportReader:
    """A classifier of reports, TF-IDF and logistic regression by finding, that reads findings back from any text."""

    def __init__(
        self, reports: Sequence[str], labels: Float[np.ndarray, "n f"], findings: Sequence[str], made_for: str
    ) -> None:
        self.findings = tuple(findings)
        self.name = f"TF-IDF and logistic regression on {len(reports)} training reports of {made_for}"
        self._words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2))
        vectors = self._words.fit_transform([plain(report) for report in reports])
        self._models: list[LogisticRegression | None] = []
        for column in labels.T:
            labelled = ~np.isnan(column)
            both = len(np.unique(column[labelled])) == 2
            self._models.append(
                LogisticRegression(max_iter=1000).fit(vectors[labelled], column[labelled]) if both else None
            )

    def read(self, texts: Sequence[str]) -> Float[np.ndarray, "n f"]:
        """The probability of each finding; NaN for one that had a single class in training."""
        vectors = self._words.transform([plain(text) for text in texts])
        unknown = np.full(len(texts), np.nan)
        return np.stack([unknown if m is None else m.predict_proba(vectors)[:, 1] for m in self._models], axis=1)


def describe(
    table: pd.DataFrame,
    labels: Mapping[str, Float[np.ndarray, "f"]],
    reader: ReportReader,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Descriptions | None:
    """Scores a table of texts (`TEXT_COLUMNS`), with the labels of each study; None where no study can be compared.

    Patients are drawn for the intervals, the same ones for every method. The row `THEMSELVES` says what the reader
    finds in the reports: what texts could reach at most.
    """
    rows = {(str(row["study_id"]), str(row["method"])): row for row in table.to_dict("records")}
    methods = list(dict.fromkeys(method for _, method in rows))
    everybody = sorted({study for study, _ in rows})
    studies = [study for study in everybody if all(_whole(rows.get((study, method))) for method in methods)]
    if not studies:
        return None
    texts = {method: [str(rows[study, method]["generated"]) for study in studies] for method in methods}
    references = [str(rows[study, methods[0]]["reference"]) for study in studies]
    patients = np.unique([str(rows[study, methods[0]]["patient_id"]) for study in studies], return_inverse=True)[1]
    truth = np.stack([labels[study] for study in studies])
    included = _included(truth, reader, patients)
    scores: dict[tuple[str, str], _Scores] = {}
    for method, generated in texts.items():
        scores[method, "bleu4"] = bleu4(generated, references)
        scores[method, "rouge_l"] = rouge_l(generated, references)
        scores[method, "read_auroc"] = _mean_auroc(truth, reader.read(generated), included)
    scores[THEMSELVES, "read_auroc"] = _mean_auroc(truth, reader.read(references), included)
    return Descriptions(
        estimates=_estimates(scores, patients, resamples=resamples, seed=seed),
        studies=len(studies),
        patients=int(patients.max()) + 1,
        left_out=len(everybody) - len(studies),
        reader=reader.name,
        findings=tuple(reader.findings[column] for column in included),
        resamples=resamples,
        seed=seed,
    )


def plain(text: str) -> str:
    """Words and punctuation marks, lower-cased, a space between any two."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def commonest(reports: Sequence[str]) -> str:
    """The report that stands there most often, word for word; of several, the one most like all reports.

    Alike by the cosine of TF-IDF vectors. Where no report repeats, this is their medoid.
    """
    counts = Counter(reports)
    often = sorted(report for report, count in counts.items() if count == max(counts.values()))
    if len(often) == 1:
        return often[0]
    words = TfidfVectorizer(token_pattern=r"\S+")
    middle = np.asarray(words.fit_transform([plain(report) for report in reports]).mean(axis=0)).ravel()
    return often[int(np.argmax(words.transform([plain(report) for report in often]) @ middle))]


def bleu4(texts: Sequence[str], references: Sequence[str]) -> _Scores:
    """Corpus BLEU-4 of weighted rows."""
    with needed_by("comparing descriptions", "sacrebleu", "text"):
        from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize="none", force=True, effective_order=True)
    counted = []
    for text, reference in zip(texts, references, strict=True):
        overlap = bleu.sentence_score(plain(text), [plain(reference)])
        counted.append([*overlap.counts, *overlap.totals, overlap.sys_len, overlap.ref_len])
    table = np.array(counted, dtype=np.int64)

    def scores(weights: Int[np.ndarray, "r n"]) -> Float[np.ndarray, "r"]:
        sums = (weights.astype(np.int64) @ table).tolist()
        return np.array([BLEU.compute_bleu(row[:4], row[4:8], row[8], row[9]).score / 100 for row in sums])

    return scores


def rouge_l(texts: Sequence[str], references: Sequence[str]) -> _Scores:
    """The mean F1 of the longest common subsequence, of weighted rows."""
    with needed_by("comparing descriptions", "rouge-score", "text"):
        from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    pairs = zip(texts, references, strict=True)
    values = np.array([scorer.score(plain(reference), plain(text))["rougeL"].fmeasure for text, reference in pairs])
    return lambda weights: weights @ values / weights.sum(axis=1)


def _mean_auroc(labels: Float[np.ndarray, "n f"], scores: Float[np.ndarray, "n f"], columns: Sequence[int]) -> _Scores:
    labelled = {column: ~np.isnan(labels[:, column]) for column in columns}

    def mean(weights: Int[np.ndarray, "r n"]) -> Float[np.ndarray, "r"]:
        values = [
            auroc(labels[rows, column], scores[rows, column], weights[:, rows]) for column, rows in labelled.items()
        ]
        return np.mean(values, axis=0) if values else np.full(len(weights), np.nan)

    return mean


def _included(labels: Float[np.ndarray, "n f"], reader: ReportReader, patients: Int[np.ndarray, "n"]) -> list[int]:
    """The findings that the reader learned, and that enough patients have and have not."""
    readable = ~np.isnan(reader.read([""])[0])
    return [
        column
        for column, truth in enumerate(labels.T)
        if readable[column] and why_too_few(truth, patients, fewest=FEWEST_IN_MEAN) is None
    ]


def _estimates(
    scores: Mapping[tuple[str, str], _Scores], patients: Int[np.ndarray, "n"], *, resamples: int, seed: int
) -> dict[tuple[str, str], Estimate]:
    count = int(patients.max()) + 1
    refused = f"{count} patients, and {FEWEST_PATIENTS} are needed" if count < FEWEST_PATIENTS else None
    resampler = Resampler(patients, None, resamples, seed)
    values = resampler.values(lambda weights: {key: function(weights) for key, function in scores.items()})
    return {key: interval(value.value, value.resampled, refused=refused) for key, value in values.items()}


def _whole(row: Mapping[Any, Any] | None) -> bool:
    return row is not None and row["reference"] != "" and row["generated"] != ""
