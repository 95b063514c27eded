"""Answers that ask for no deep model: what a result must beat before it is one.

Each is fitted on the training studies of a run alone and scores the others, in the form of predictions: `constant`
(the prevalence), `metadata` (a logistic regression on the facts of a study: traits, how many images it has and on what
evidence they stand in order, which texts it has), `image shape` (one on the margins that letter-boxing left, which tell
an upright source from a wide one; a store keeps no other trace of its size), `TF-IDF NAME` (one on the words of a text
that the run reads, as it reads it; C is 10, not searched for), and for slices `constant` and `slice position`. Their
files, such as `test_baselines.csv`, lie beside the predictions of a run and have the same rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
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
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import study_facts
from mmdx.engine.scoring.score import write_rows
from mmdx.files import BASELINES, SLICE, SLICES, scores_name
from mmdx.kinds import KINDS
from mmdx.schema import Config
from mmdx.study import Split

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
class BaselineInputs:
    """What the baselines of one run are made of: its studies, their split, the findings that it answers."""

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


def write_baselines(setting: Setting, saved: SavedModel, scored: Sequence[Split], folder: Path) -> list[str]:
    """Writes the baselines of every split in `scored` that has predictions in `folder`; returns one line per baseline
    that was left out.

    They answer for the rows, patients and labels of these files, whatever was shown, and are fitted once.
    """
    inputs = BaselineInputs(saved.config, setting.store, setting.splits, saved.facts.findings)
    row_of = {study: row for row, study in enumerate(setting.store.study_ids)}
    tables = {split: rows for split in scored if len(rows := _scored(folder / scores_name(split)))}
    studies = {split: list(dict.fromkeys(rows["study_id"])) for split, rows in tables.items()}
    targets = [row_of[study] for names in studies.values() for study in names]
    by_name, lines = study_baselines(inputs, targets) if targets else ({}, [])
    start = 0
    for split, names in studies.items():
        place = {study: start + at for at, study in enumerate(names)}
        start += len(names)
        at = np.array([place[study] for study in tables[split]["study_id"]])
        _write(folder / scores_name(split, BASELINES), tables[split], by_name, at, inputs.findings)
    modality = next((head.modality for head in saved.model.heads_of("slice").values()), None)
    for split in scored:
        rows = _scored(folder / scores_name(split, SLICES))
        if len(rows) and modality is not None:
            owners = [row_of[study] for study in rows["study_id"]]
            slices = pd.DataFrame({"row": owners, SLICE: rows[SLICE].astype(int)})
            path = folder / scores_name(split, SLICES, BASELINES)
            _write(path, rows, slice_baselines(inputs, modality, slices), np.arange(len(rows)), inputs.findings)
    return lines


def study_baselines(inputs: BaselineInputs, rows: Rows) -> tuple[dict[str, Scores], list[str]]:
    """The scores of `rows` by each baseline, `[n f]`, by its name; and one line per baseline that is left out.

    Where all images have one shape there is no `image shape`.
    """
    by_name, lines = {CONSTANT: _constant(inputs.labels[inputs.train], len(rows))}, []
    makers: dict[str, Callable[[], Scores | str]] = {
        "metadata": lambda: _by_facts(study_facts(inputs.store), inputs, rows)
    }
    margins = _margins(inputs.store)
    if _varied(margins.iloc[inputs.train]):
        makers["image shape"] = lambda: _by_facts(margins, inputs, rows)
    makers |= {f"TF-IDF {name}": lambda name=name: _by_words(name, inputs, rows) for name in _texts(inputs)}
    for name, make in makers.items():
        scores = make()
        if isinstance(scores, str):
            lines.append(f"baseline '{name}' left out: {scores}")
        else:
            by_name[name] = scores
    return by_name, lines


def slice_baselines(inputs: BaselineInputs, modality: str, slices: pd.DataFrame) -> dict[str, Scores]:
    """The scores of `slices` (columns `row`, the study's, and `slice`, its place) by each baseline.

    Fitted on every training slice of the modality, whatever of them the run reads.
    """
    columns, by_study, places = inputs.store.columns_of(inputs.findings), [], []
    for row in inputs.train:
        of_study = inputs.store.read(row).slice_labels(modality)[:, columns]
        by_study.append(of_study)
        places.append(_places(np.arange(len(of_study)), np.full(len(of_study), len(of_study))))
    labels, at = np.concatenate([np.empty((0, len(columns))), *by_study]), np.concatenate([np.empty(0), *places])
    lengths = inputs.store.lengths(modality)[slices["row"].to_numpy()]
    targets = _places(slices[SLICE].to_numpy(), lengths)
    return {CONSTANT: _constant(labels, len(slices)), POSITION: position_baseline(labels, at, targets)}


def position_baseline(
    labels: Float[np.ndarray, "n f"], places: Float[np.ndarray, "n"], targets: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m f"]:
    """The share of positives among training slices (`labels`, NaN unknown) in the same tenth of their study.

    `places` and `targets` say where the training slices and those to be scored stand in their study, from 0 to 1. A
    tenth of which nothing is known answers with the prevalence.
    """
    tenth, target = (np.minimum((at * POSITIONS).astype(int), POSITIONS - 1) for at in (places, targets))
    shares = np.tile(_shares(labels), (POSITIONS, 1))
    for part in np.unique(tenth):
        counts = (~np.isnan(labels[tenth == part])).sum(axis=0)
        positive = np.nansum(labels[tenth == part], axis=0)
        shares[part] = np.where(counts > 0, positive / np.maximum(counts, 1), shares[part])
    return shares[target]


def _places(numbers: np.ndarray, lengths: np.ndarray) -> Float[np.ndarray, "n"]:
    """The middle of each slice in its study, from 0 to 1."""
    return (numbers + 0.5) / lengths


def _constant(labels: Float[np.ndarray, "n f"], rows: int) -> Float[np.ndarray, "k f"]:
    return np.tile(_shares(labels), (rows, 1))


def _shares(labels: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "f"]:
    """The prevalence of each finding; a half where no label is known."""
    counts = (~np.isnan(labels)).sum(axis=0)
    return np.where(counts > 0, np.nansum(labels, axis=0) / np.maximum(counts, 1), 0.5)


def _margins(store: Store) -> pd.DataFrame:
    """The margins of the middle image of each image modality (`visible_margins`), one row per study."""
    pictures = {name: facts for name, facts in store.stored.items() if KINDS[facts.kind].pictured}
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


def _texts(inputs: BaselineInputs) -> list[str]:
    worded = [name for name, facts in inputs.store.modalities.items() if KINDS[facts.kind].worded]
    return [name for name in inputs.config.model.inputs if name in worded]


def _by_words(name: str, inputs: BaselineInputs, rows: Rows) -> Scores | str:
    reports = Reports(inputs.store, inputs.config.data.reports)
    training = list(reports.over(inputs.train, name))
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=min(RAREST_WORD, len(training)))
    try:
        learned = vectors.fit_transform(training)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return f"no word stands in {RAREST_WORD} training texts"
    return _fitted(learned, vectors.transform(list(reports.over(rows, name))), inputs, c=10.0)


def _by_facts(facts: pd.DataFrame, inputs: BaselineInputs, rows: Rows) -> Scores | str:
    varied = _varied(facts.iloc[inputs.train])
    if not varied:
        return "nothing varies over the training studies"
    frame = facts[varied].infer_objects()
    mixed = [name for name, column in frame.items() if not pd.api.types.is_numeric_dtype(column)]
    frame = frame.astype(dict.fromkeys(mixed, object))
    for name in mixed:
        frame[name] = ["absent" if pd.isna(value) else str(value) for value in frame[name]]
    columns = _columns(frame.iloc[inputs.train])
    with warnings.catch_warnings():  # a number that many share has fewer quintiles than five, as it should
        warnings.filterwarnings("ignore", message="Bins whose width are too small")
        learned = columns.fit_transform(frame.iloc[inputs.train])
    return _fitted(learned, columns.transform(frame.iloc[list(rows)]), inputs, c=1.0)


def _varied(training: pd.DataFrame) -> list[str]:
    """The facts that are not the same in all studies; to be known of some and not of others may tell by itself."""
    several = {str(name): len(column.dropna().unique()) + column.hasnans for name, column in training.items()}
    stated = {str(name): column.notna().any() for name, column in training.items()}
    return [name for name, count in several.items() if count > 1 and stated[name]]


def _fitted(learned: Any, targets: Any, inputs: BaselineInputs, *, c: float) -> Scores:
    """What a logistic regression of each finding, on the training studies in which it is known, says of `targets`;
    constant where these studies have one class."""
    labels = inputs.labels[inputs.train]
    scores = _constant(labels, targets.shape[0])
    for column, label in enumerate(labels.T):
        rows = np.flatnonzero(~np.isnan(label))
        if len(np.unique(label[rows])) == 2:
            model = LogisticRegression(max_iter=1000, C=c).fit(learned[rows], label[rows])
            scores[:, column] = model.predict_proba(targets)[:, 1]
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


def _scored(path: Path) -> pd.DataFrame:
    """The rows of a prediction file under what was shown first, as text; none where there is no such file."""
    if not path.is_file():
        return pd.DataFrame()
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return rows.loc[rows["shown"] == rows["shown"].iloc[0]].reset_index(drop=True) if len(rows) else rows


def _write(
    path: Path,
    rows: pd.DataFrame,
    by_name: Mapping[str, Scores],
    at: np.ndarray,
    findings: Sequence[str],
) -> None:
    """`rows` once per baseline; row i takes the scores of line `at[i]`."""
    column = pd.Index(findings).get_indexer(pd.Index(rows["finding"]))
    write_rows(path, [rows.assign(shown=name, score=scores[at, column]) for name, scores in by_name.items()])
