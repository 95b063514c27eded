"""Baselines on the facts of a study: `metadata`, and `image shape` by the margins of its images.

A store keeps images of one size; the margins that letter-boxing left tell an upright source from a wide one, and no
other trace of its size is left.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from mmdx.data.counting import Count, uncounted
from mmdx.data.images.decode import HU_RANGE
from mmdx.data.images.letterbox import visible_margins
from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines.inputs import BaselineInputs, Rows, Scores, fitted
from mmdx.kinds import KINDS


def margins(store: Store, count: Count = uncounted) -> pd.DataFrame:
    """The margins of the middle image of each image modality (`visible_margins`), one row per study; `count` is told
    how many studies are done."""
    pictures = {name: facts for name, facts in store.stored.items() if KINDS[facts.kind].pictured}
    rows: list[dict[str, float]] = []
    for row in range(len(store)) if pictures else ():
        count("baseline image shape", row, len(store), "studies")
        study, of_study = store.read(row), {}
        for name, facts in pictures.items():
            pixels = study.pixels(name)
            if len(pixels):
                background = HU_RANGE[0] if facts.unit == "HU" else 0
                above, beside = visible_margins((pixels[len(pixels) // 2] > background).any(axis=0))
                of_study |= {f"{name} above": above, f"{name} beside": beside}
        rows.append(of_study)
    return pd.DataFrame(rows, index=range(len(store)), dtype=float)


def by_facts(facts: pd.DataFrame, inputs: BaselineInputs, rows: Rows) -> Scores | str:
    """The scores of `rows` by a logistic regression on `facts`, one row per study; a sentence where it cannot be."""
    varied = varied_facts(facts.iloc[inputs.train])
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
    return fitted(learned, columns.transform(frame.iloc[list(rows)]), inputs, c=1.0)


def varied_facts(training: pd.DataFrame) -> list[str]:
    """The facts that are not the same in all studies; to be known of some and not of others may tell by itself."""
    several = {str(name): len(column.dropna().unique()) + column.hasnans for name, column in training.items()}
    stated = {str(name): column.notna().any() for name, column in training.items()}
    return [name for name, count in several.items() if count > 1 and stated[name]]


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
