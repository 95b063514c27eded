"""Answers that ask for no deep model: what a result must beat before it is one.

Each is fitted on the training studies of a run alone and scores the others, in the form of predictions: `constant`
(the prevalence), `metadata` (a logistic regression on the facts of a study: traits, how many images it has and on what
evidence they stand in order, which texts it has), `image shape` (one on the margins that letter-boxing left, which tell
an upright source from a wide one; a store keeps no other trace of its size), `TF-IDF NAME` (one on the words of a text
that the run reads, as it reads it; C is 10, not searched for), and for slices `constant` and `slice position`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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

from mmdx.data.images.decode import HU_RANGE
from mmdx.data.images.letterbox import visible_margins
from mmdx.data.loading.reports import Reports
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.runs.studies import study_facts
from mmdx.kinds import KINDS
from mmdx.schema import Config

RAREST_WORD = 2
"""Training reports in which a word must stand, as for the vocabulary of a text encoder."""
MOST_TRAINING = 20_000
"""Training studies that a baseline is fitted on, spread evenly over a larger store."""
POSITIONS = 10
"""Tenths of a study by which `slice position` answers."""
CONSTANT, POSITION = "constant", "slice position"
Rows = Sequence[int]
Scores = Float[np.ndarray, "n f"]


@dataclass(frozen=True)
class Ground:
    """What the baselines of one run stand on: its studies, their split, the findings that it answers."""

    config: Config
    store: Store
    splits: Splits
    findings: Sequence[str]

    @cached_property
    def train(self) -> list[int]:
        rows = self.splits.rows("train")
        if len(rows) > MOST_TRAINING:
            rows = [rows[at] for at in np.linspace(0, len(rows) - 1, MOST_TRAINING).round().astype(int)]
        return rows

    @cached_property
    def labels(self) -> Scores:
        return self.store.labels[:, self.store.columns_of(self.findings)]


def study_baselines(ground: Ground, rows: Rows) -> tuple[dict[str, Scores], list[str]]:
    """The scores of `rows` by each baseline, `[n f]`, by its name; and what could not be made, a sentence each.

    Where all images have one shape there is no `image shape`.
    """
    found, said = {CONSTANT: _constant(ground.labels[ground.train], len(rows))}, []
    told: dict[str, Callable[[], Scores | str]] = {
        "metadata": lambda: _by_facts(study_facts(ground.store), ground, rows)
    }
    margins = _margins(ground.store)
    if _varied(margins.iloc[ground.train]):
        told["image shape"] = lambda: _by_facts(margins, ground, rows)
    told |= {f"TF-IDF {name}": lambda name=name: _by_words(name, ground, rows) for name in _texts(ground)}
    for name, score in told.items():
        scores = score()
        if isinstance(scores, str):
            said.append(f"baseline '{name}' left out: {scores}")
        else:
            found[name] = scores
    return found, said


def slice_baselines(ground: Ground, modality: str, asked: pd.DataFrame) -> dict[str, Scores]:
    """The scores of the slices `asked` (columns `row`, the study's, and `slice`, its place) by each baseline.

    Fitted on every training slice of the modality, whatever of them the run reads.
    """
    columns, labels, places = ground.store.columns_of(ground.findings), [], []
    for row in ground.train:
        known = ground.store.read(row).slice_labels(modality)[:, columns]
        labels.append(known)
        places.append(_places(np.arange(len(known)), np.full(len(known), len(known))))
    known, at = np.concatenate([np.empty((0, len(columns))), *labels]), np.concatenate([np.empty(0), *places])
    lengths = ground.store.lengths(modality)[asked["row"].to_numpy()]
    wanted = _places(asked["slice"].to_numpy(), lengths)
    return {CONSTANT: _constant(known, len(asked)), POSITION: position_baseline(known, at, wanted)}


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


def _places(numbers: np.ndarray, lengths: np.ndarray) -> Float[np.ndarray, "n"]:
    """The middle of each slice in its study, from 0 to 1."""
    return (numbers + 0.5) / lengths


def _constant(labels: Float[np.ndarray, "n f"], rows: int) -> Float[np.ndarray, "k f"]:
    return np.tile(_shares(labels), (rows, 1))


def _shares(labels: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "f"]:
    """The prevalence of each finding; a half where no label is known."""
    known = (~np.isnan(labels)).sum(axis=0)
    return np.where(known > 0, np.nansum(labels, axis=0) / np.maximum(known, 1), 0.5)


def _margins(store: Store) -> pd.DataFrame:
    """The margins of the middle image of each image modality (`visible_margins`), one row per study."""
    pictures = {name: facts for name, facts in store.modalities.items() if KINDS[facts.kind].pictured}
    rows: list[dict[str, float]] = []
    for row in range(len(store)) if pictures else ():
        study, margins = store.read(row), {}
        for name, facts in pictures.items():
            pixels = study.pixels(name)
            if len(pixels):
                background = HU_RANGE[0] if facts.unit == "HU" else 0
                above, beside = visible_margins((pixels[len(pixels) // 2] > background).any(axis=0))
                margins |= {f"{name} above": above, f"{name} beside": beside}
        rows.append(margins)
    return pd.DataFrame(rows, index=range(len(store)), dtype=float)


def _texts(ground: Ground) -> list[str]:
    kinds = {name: facts.kind for name, facts in ground.store.modalities.items()}
    return [name for name in ground.config.model.inputs if kinds.get(name) == "text"]


def _by_words(name: str, ground: Ground, rows: Rows) -> Scores | str:
    reports = Reports(ground.store, ground.config.data.reports)
    training = list(reports.over(ground.train, name))
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=min(RAREST_WORD, len(training)))
    try:
        learned = vectors.fit_transform(training)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return f"no word stands in {RAREST_WORD} training texts"
    return _fitted(learned, vectors.transform(list(reports.over(rows, name))), ground, c=10.0)


def _by_facts(facts: pd.DataFrame, ground: Ground, rows: Rows) -> Scores | str:
    varied = _varied(facts.iloc[ground.train])
    if not varied:
        return "nothing varies over the training studies"
    frame = facts[varied].infer_objects()
    mixed = [name for name, column in frame.items() if not pd.api.types.is_numeric_dtype(column)]
    frame = frame.astype(dict.fromkeys(mixed, object))
    for name in mixed:
        frame[name] = ["absent" if pd.isna(value) else str(value) for value in frame[name]]
    columns = _columns(frame.iloc[ground.train])
    with warnings.catch_warnings():  # a number that many share has fewer quintiles than five, as it should
        warnings.filterwarnings("ignore", message="Bins whose width are too small")
        learned = columns.fit_transform(frame.iloc[ground.train])
    return _fitted(learned, columns.transform(frame.iloc[list(rows)]), ground, c=1.0)


def _varied(training: pd.DataFrame) -> list[str]:
    """The facts that are not the same in all studies; to be known of some and not of others may tell by itself."""
    several = {str(name): len(column.dropna().unique()) + column.hasnans for name, column in training.items()}
    known = {str(name): column.notna().any() for name, column in training.items()}
    return [name for name, count in several.items() if count > 1 and known[name]]


def _fitted(learned: Any, asked: Any, ground: Ground, *, c: float) -> Scores:
    """A logistic regression of each finding, on the training studies in which it is known; constant where these have
    one class."""
    labels = ground.labels[ground.train]
    scores = _constant(labels, asked.shape[0])
    for column, label in enumerate(labels.T):
        known = np.flatnonzero(~np.isnan(label))
        if len(np.unique(label[known])) == 2:
            model = LogisticRegression(max_iter=1000, C=c).fit(learned[known], label[known])
            scores[:, column] = model.predict_proba(asked)[:, 1]
    return scores


def _columns(training: pd.DataFrame) -> ColumnTransformer:
    """Numbers also by quintile, for an effect need not rise or fall throughout, and may be missing; words as they
    are."""
    kinds = {str(name): pd.api.types.is_numeric_dtype(column) for name, column in training.items()}
    several = {str(name): len(column.dropna().unique()) for name, column in training.items()}
    numbers = [name for name, number in kinds.items() if number]
    words = [name for name, number in kinds.items() if not number]
    cuts = [name for name in numbers if several[name] > 5 and not training[name].hasnans]
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    word = OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist")
    cut = KBinsDiscretizer(5, encode="onehot", quantile_method="averaged_inverted_cdf")
    parts: Mapping[str, Any] = {"numbers": (number, numbers), "words": (word, words), "cut": (cut, cuts)}
    return ColumnTransformer([(name, part, chosen) for name, (part, chosen) in parts.items() if chosen])
