"""Answers that ask for no deep model: what a result must beat before it is one.

Each is fitted on the training studies of a run alone and scores the others, in the form of predictions: `constant`
(the prevalence), `metadata` (a logistic regression on the traits of a study and on how many images it has), `TF-IDF
NAME` (one on the words of a text that the run reads, as it reads it), and for slices `slice position`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from mmdx.config import Config
from mmdx.data.redaction import redacted
from mmdx.data.store import Store
from mmdx.study import Split, is_fact

RAREST_WORD = 2
"""Training reports in which a word must stand, as for the vocabulary of a text encoder."""
POSITIONS = 10
"""Tenths of a study by which `slice position` answers."""
Rows = Sequence[int]
Scores = Float[np.ndarray, "n f"]


@dataclass(frozen=True)
class Ground:
    """What the baselines of one run stand on: its studies, their split, the findings that it answers."""

    config: Config
    store: Store
    splits: Sequence[Split]
    findings: Sequence[str]

    @property
    def train(self) -> list[int]:
        return [row for row, name in enumerate(self.splits) if name == "train"]

    @property
    def labels(self) -> Scores:
        return self.store.labels[:, self.store.columns_of(self.findings)]


def study_baselines(ground: Ground, rows: Rows) -> dict[str, Scores]:
    """The scores of `rows` by each baseline, `[n f]`, by its name."""
    found = {"constant": _constant(ground.labels[ground.train], len(rows))}
    facts = pd.DataFrame([_facts(ground.store, row) for row in range(len(ground.store))])
    varied = [name for name, column in facts.iloc[ground.train].items() if len(column.dropna().unique()) > 1]
    if varied:
        found["metadata"] = _fitted(_metadata, facts[varied], ground, rows)
    for name in _texts(ground):
        told = pd.Series([_report(ground, row, name) for row in range(len(ground.store))])
        if any(told[ground.train]):
            found[f"TF-IDF {name}"] = _fitted(_words, told, ground, rows)
    return found


def position_baseline(
    labels: Float[np.ndarray, "n f"], places: Float[np.ndarray, "n"], asked: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m f"]:
    """The share of positives among training slices (`labels`, NaN unknown) in the same tenth of their study.

    `places` and `asked` are where slices stand in their study, from 0 to 1. A tenth of which nothing is known answers
    with the prevalence.
    """
    tenth, wanted = (np.minimum((at * POSITIONS).astype(int), POSITIONS - 1) for at in (places, asked))
    shares = np.tile(_shares(labels), (POSITIONS, 1))
    for part in np.unique(tenth):
        known = ~np.isnan(labels[tenth == part])
        counts = known.sum(axis=0)
        positive = np.nansum(labels[tenth == part], axis=0)
        shares[part] = np.where(counts > 0, positive / np.maximum(counts, 1), shares[part])
    return shares[wanted]


def _constant(labels: Float[np.ndarray, "n f"], rows: int) -> Float[np.ndarray, "k f"]:
    return np.tile(_shares(labels), (rows, 1))


def _shares(labels: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "f"]:
    """The prevalence of each finding; a half where no label is known."""
    known = (~np.isnan(labels)).sum(axis=0)
    return np.where(known > 0, np.nansum(labels, axis=0) / np.maximum(known, 1), 0.5)


def _facts(store: Store, row: int) -> dict[str, Any]:
    """Traits of a study that are no truth, and how many images it has."""
    traits = {name: value for name, value in store.read(row).traits().items() if is_fact(name)}
    counts = {
        f"number of {name}s": float(store.lengths(name)[row])
        for name, facts in store.modalities.items()
        if facts.kind != "text"
    }
    return traits | counts


def _texts(ground: Ground) -> list[str]:
    kinds = {name: facts.kind for name, facts in ground.store.modalities.items()}
    return [name for name in ground.config.model.inputs if kinds.get(name) == "text"]


def _report(ground: Ground, row: int, name: str) -> str:
    return redacted(ground.store.read(row).text(name) or "", ground.config.data.reports)


def _fitted(make: Callable[[Any], Any], features: Any, ground: Ground, rows: Rows) -> Scores:
    """A model of each finding, fitted on the training studies in which it is known; constant where these have one
    class."""
    scores, train = _constant(ground.labels[ground.train], len(rows)), np.array(ground.train)
    for column, label in enumerate(ground.labels.T):
        known = train[~np.isnan(label[train])]
        if len(np.unique(label[known])) == 2:
            model = make(features.iloc[known]).fit(features.iloc[known], label[known])
            scores[:, column] = model.predict_proba(features.iloc[list(rows)])[:, 1]
    return scores


def _metadata(training: pd.DataFrame) -> Any:
    """Numbers by quintile, for an effect need not rise or fall throughout; words as they are; both may be missing."""
    kinds = {str(name): pd.api.types.is_numeric_dtype(column) for name, column in training.items()}
    several = {str(name): len(column.dropna().unique()) for name, column in training.items()}
    whole = {str(name): not column.hasnans for name, column in training.items()}
    numbers = [name for name, number in kinds.items() if number and several[name] > 1]
    words = [name for name, number in kinds.items() if not number and several[name]]
    cut = KBinsDiscretizer(5, encode="onehot", quantile_method="averaged_inverted_cdf")
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    word = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="absent"),
        OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist"),
    )
    parts: Mapping[str, Any] = {"numbers": (number, numbers), "words": (word, words)}
    cuts = [name for name in numbers if whole[name] and several[name] > 5]
    columns = ColumnTransformer(
        [(name, part, chosen) for name, (part, chosen) in parts.items() if chosen]
        + ([("cut", cut, cuts)] if cuts else [])
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def _words(training: pd.Series) -> Any:
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=min(RAREST_WORD, len(training)))
    return make_pipeline(vectors, LogisticRegression(max_iter=1000, C=10))
