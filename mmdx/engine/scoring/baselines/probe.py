"""Logistic regression on frozen descriptors of the images: `probe NAME`.

A study is the mean and the maximum of its descriptors, side by side; a slice is its own. They are standardised and
brought to at most 120 principal components, which keep their shares of the variance and are scaled together, all fitted
on training rows. One C is chosen for all findings, by log loss in folds of the training patients: a C for each finding
was worse on 54 patients. Classes are not balanced, for that ranked no better and made the scores no probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from mmdx.data.splits.folds import make_folds
from mmdx.engine.scoring.baselines.inputs import BaselineInputs, Rows, Scores, constant, training_slices
from mmdx.files import SLICE

COMPONENTS = 120
MOST_ITEMS = 10_000
"""Training studies or slices that a probe is fitted on, spread evenly over more of them."""
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""The values of C that are tried, on components of variance 1 on average."""
UNTRIED = 1e-2
"""C where too few patients are positive to choose one."""
FOLDS = 5
_CERTAIN = 1e-6
T = TypeVar("T")
Told = Callable[[int, int], None]


def untold(done: int, total: int) -> None:
    """Nobody waits."""


def probe_name(names: Sequence[str]) -> str:
    """What a probe of these modalities is called."""
    return f"probe {'+'.join(names)}"


def study_probe(inputs: BaselineInputs, names: Sequence[str], rows: Rows) -> Scores | str:
    """The scores of `rows` by the descriptors of the modalities `names`, those of each side by side.

    A modality that a study lacks counts as the mean of the training studies; with none of them, the answer is the
    prevalence. A sentence where fewer than two training studies have one.
    """
    training = [row for row in _spread(inputs.train) if _present(inputs, names, row)]
    scores = constant(inputs.labels[inputs.train], len(rows))
    if len(training) < 2:
        return f"{len(training)} training studies have {' or '.join(names)}"
    at = [place for place, row in enumerate(rows) if _present(inputs, names, row)]
    patients = [inputs.store.patient_ids[row] for row in training]
    if at:
        learned = _of_studies(inputs, names, training)
        targets = _of_studies(inputs, names, [rows[place] for place in at])
        scores[at] = probe(learned, inputs.labels[training], patients, targets, told=inputs.told)
    return scores


def slice_probe(inputs: BaselineInputs, name: str, slices: pd.DataFrame) -> Scores | str:
    """The scores of `slices` (columns `row`, the study's, and `slice`, its place) by their descriptors.

    A sentence where fewer than two training slices are labelled.
    """
    labels = dict(zip(inputs.train, training_slices(inputs, name), strict=True))
    every = [(row, place) for row, known in labels.items() for place in np.flatnonzero(~np.isnan(known).all(axis=1))]
    training = pd.DataFrame(_spread(every), columns=["row", SLICE])
    if len(training) < 2:
        return f"{len(training)} training slices of {name} are labelled"
    known = np.stack([labels[row][place] for row, place in zip(training["row"], training[SLICE], strict=True)])
    patients = [inputs.store.patient_ids[row] for row in training["row"]]
    learned, targets = _of_slices(inputs, name, training), _of_slices(inputs, name, slices)
    return probe(learned, known, patients, targets, told=inputs.told)


def probe(
    learned: Float32[np.ndarray, "n d"],
    labels: Float[np.ndarray, "n f"],
    patients: Sequence[str],
    targets: Float32[np.ndarray, "m d"],
    *,
    told: Told = untold,
) -> Float[np.ndarray, "m f"]:
    """What a logistic regression on `learned`, whose rows are of `patients`, says of `targets`, by finding; `told` how
    many findings are done, of how many.

    Unknown labels are NaN, as are values that are lacking; of one class, the answer is its share.
    """
    scores = constant(labels, len(targets))
    both = [column for column, label in enumerate(labels.T) if len(np.unique(label[~np.isnan(label)])) == 2]
    if both:
        components = fit_components(learned)
        learned, targets = components.of(learned), components.of(targets)
        c = chosen_strength(learned, labels[:, both], patients, told)
        for column in both:
            rows = np.flatnonzero(~np.isnan(labels[:, column]))
            model = LogisticRegression(C=c, solver="newton-cholesky").fit(learned[rows], labels[rows, column])
            scores[:, column] = model.predict_proba(targets)[:, 1]
    return scores


@dataclass(frozen=True)
class Components:
    """The principal components of standardised values `[n d]`: less `mean`, by `spread`, along `axes [k d]`, all by one
    `scale`; not whitened, for the small ones are noise. A value that is lacking counts as the mean."""

    mean: Float[np.ndarray, " d"]
    spread: Float[np.ndarray, " d"]
    middle: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "k d"]
    scale: float

    def of(self, values: Float32[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """The components of each row, of variance 1 on average over the rows that they were fitted on."""
        return self._plain(values) @ self.axes.T / self.scale

    def _plain(self, values: Float32[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        return np.nan_to_num((values - self.mean) / self.spread).astype(np.float64) - self.middle


def fit_components(learned: Float32[np.ndarray, "n d"]) -> Components:
    """Up to `COMPONENTS` components of the rows of a training."""
    mean, spread = np.nanmean(learned, axis=0), np.nanstd(learned, axis=0)
    spread[spread == 0] = 1
    plain = np.nan_to_num((learned - mean) / spread)
    fitted = PCA(min(COMPONENTS, len(plain) - 1, plain.shape[1]), random_state=0).fit(plain)
    whole = Components(mean, spread, np.asarray(fitted.mean_), np.asarray(fitted.components_), 1.0)
    return replace(whole, scale=float(np.sqrt(np.square(whole.of(learned)).mean())) or 1.0)


def chosen_strength(
    learned: Float[np.ndarray, "n k"], labels: Float[np.ndarray, "n f"], patients: Sequence[str], told: Told = untold
) -> float:
    """The C of the lowest log loss out of fold, summed over findings; of equals the smallest. `told` how many findings
    are done, of how many."""
    count = len(set(patients))
    if count < 3:
        return UNTRIED
    folds = np.array(make_folds(patients, labels, count=min(FOLDS, count), seed=0))
    losses, tried = np.zeros(len(STRENGTHS)), False
    for column, label in enumerate(labels.T):
        told(column, labels.shape[1])
        known = ~np.isnan(label)
        for fold in np.unique(folds):
            train, test = np.flatnonzero(known & (folds != fold)), np.flatnonzero(known & (folds == fold))
            if len(np.unique(label[train])) == 2 and len(test):
                losses += _losses(learned, label, train, test) * len(test) / known.sum()
                tried = True
    return STRENGTHS[int(np.argmin(losses))] if tried else UNTRIED


def _losses(
    learned: Float[np.ndarray, "n k"], label: Float[np.ndarray, " n"], train: np.ndarray, test: np.ndarray
) -> Float[np.ndarray, " c"]:
    """The log loss of the rows `test` by each C, fitted on the rows `train`."""
    model = LogisticRegression(solver="newton-cholesky", warm_start=True)
    losses: list[float] = []
    for c in STRENGTHS:
        model.set_params(C=c).fit(learned[train], label[train])
        scores = np.clip(model.predict_proba(learned[test])[:, 1], _CERTAIN, 1 - _CERTAIN)
        losses.append(log_loss(label[test], scores, labels=[0, 1]))
    return np.array(losses)


def _spread(items: Sequence[T]) -> Sequence[T]:
    if len(items) <= MOST_ITEMS:
        return items
    return [items[at] for at in np.linspace(0, len(items) - 1, MOST_ITEMS).round().astype(int)]


def _present(inputs: BaselineInputs, names: Sequence[str], row: int) -> bool:
    return any(inputs.store.lengths(name)[row] for name in names)


def _of_studies(inputs: BaselineInputs, names: Sequence[str], rows: Rows) -> Float32[np.ndarray, "n d"]:
    """Mean and maximum of the descriptors of each study; NaN for those of a modality that it lacks."""
    parts: list[np.ndarray] = []
    for name in names:
        by_study: list[np.ndarray] = []
        for row in rows:
            inputs.told(len(by_study), len(rows), "studies")
            vectors = inputs.described[name](row)
            lacking = np.full(2 * vectors.shape[1], np.nan, np.float32)
            by_study.append(np.concatenate([vectors.mean(axis=0), vectors.max(axis=0)]) if len(vectors) else lacking)
        parts.append(np.stack(by_study))
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _of_slices(inputs: BaselineInputs, name: str, slices: pd.DataFrame) -> Float32[np.ndarray, "n d"]:
    """The descriptor of each slice; a study is read once where its slices stand together."""
    parts: list[np.ndarray] = []
    block = (slices["row"] != slices["row"].shift()).cumsum()
    for _, of_study in slices.groupby(block, sort=False):
        inputs.told(sum(map(len, parts)), len(slices), "slices")
        parts.append(inputs.described[name](int(of_study["row"].iloc[0]))[of_study[SLICE].to_numpy()])
    return np.concatenate(parts).astype(np.float32)
