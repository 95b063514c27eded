"""What baselines are made of, and the logistic regression that most of them are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from sklearn.linear_model import LogisticRegression

from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.schema import Config

MOST_TRAINING = 20_000
"""Training studies that a baseline is fitted on, spread evenly over a larger store."""
Rows = Sequence[int]
Scores = Float[np.ndarray, "n f"]


@dataclass(frozen=True)
class BaselineInputs:
    """What the baselines of one run are made of: its studies, their split, the findings that it answers.

    `described` gives, by the modalities of which they are at hand, the frozen descriptors `[n d]` of a row's images.
    `count` is told how far the baseline `name` is.
    """

    config: Config
    store: Store
    splits: Splits
    findings: Sequence[str]
    described: Mapping[str, Callable[[int], Float32[np.ndarray, "_ _"]]] = field(default_factory=dict)
    count: Count = uncounted
    name: str = ""

    def told(self, done: int, total: int, unit: str = "findings") -> None:
        """Tells whoever waits how far the baseline is."""
        self.count(f"baseline {self.name}", done, total, unit)

    @cached_property
    def train(self) -> list[int]:
        rows = self.splits.rows("train")
        if len(rows) > MOST_TRAINING:
            rows = [rows[at] for at in np.linspace(0, len(rows) - 1, MOST_TRAINING).round().astype(int)]
        return rows

    @cached_property
    def labels(self) -> Scores:
        return self.store.labels[:, self.store.columns_of(self.findings)]


def training_slices(inputs: BaselineInputs, modality: str) -> list[Float[np.ndarray, "_ f"]]:
    """The labels of the slices of each training study; none of one whose slices nobody labelled."""
    columns = inputs.store.columns_of(inputs.findings)
    labels: list[np.ndarray] = []
    for row in inputs.train:
        inputs.told(len(labels), len(inputs.train), "studies")
        labels.append(inputs.store.read(row).slice_labels(modality)[:, columns])
    return labels


def all_slices(labels: Sequence[Float[np.ndarray, "_ f"]], findings: Sequence[str]) -> Float[np.ndarray, "n f"]:
    """The labels of the slices of several studies, one below the other."""
    return np.concatenate([np.empty((0, len(findings))), *labels])


def fitted(learned: Any, targets: Any, inputs: BaselineInputs, *, c: float) -> Scores:
    """What a logistic regression of each finding, on the training studies in which it is known, says of `targets`;
    constant where these studies have one class."""
    labels = inputs.labels[inputs.train]
    scores = constant(labels, targets.shape[0])
    for column, label in enumerate(labels.T):
        inputs.told(column, len(inputs.findings))
        rows = np.flatnonzero(~np.isnan(label))
        if len(np.unique(label[rows])) == 2:
            model = LogisticRegression(max_iter=1000, C=c).fit(learned[rows], label[rows])
            scores[:, column] = model.predict_proba(targets)[:, 1]
    return scores


def constant(labels: Float[np.ndarray, "n f"], rows: int) -> Float[np.ndarray, "k f"]:
    """The prevalence among `labels`, for so many rows."""
    return np.tile(shares(labels), (rows, 1))


def shares(labels: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "f"]:
    """The prevalence of each finding; a half where no label is known."""
    counts = (~np.isnan(labels)).sum(axis=0)
    return np.where(counts > 0, np.nansum(labels, axis=0) / np.maximum(counts, 1), 0.5)
