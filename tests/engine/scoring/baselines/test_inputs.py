"""A logistic regression of each finding on the training studies in which it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from grounds import ground, reported

from mmdx.engine.scoring.baselines import inputs
from mmdx.engine.scoring.baselines.inputs import constant, fitted


def test_what_tells_is_learned_and_one_class_is_its_share(tmp_path: Path) -> None:
    of = ground(reported(tmp_path))
    told = of.labels[of.train]
    scores = fitted(told, np.array([[0.0], [1.0]]), of, c=1.0)
    assert scores[0, 0] < 0.5 < scores[1, 0]
    of.labels[of.train] = 1.0
    assert fitted(told, np.array([[0.0], [1.0]]), of, c=1.0).tolist() == [[1.0], [1.0]]


def test_of_many_training_studies_an_even_selection_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_TRAINING", 3)
    of = ground(reported(tmp_path))
    rows = of.splits.rows("train")
    assert (of.train[0], len(of.train), of.train[-1]) == (rows[0], 3, rows[-1])


def test_the_constant_is_the_share_of_what_is_known() -> None:
    labels = np.array([[1.0, np.nan], [0.0, np.nan], [np.nan, np.nan]])
    assert constant(labels, 2).tolist() == [[0.5, 0.5], [0.5, 0.5]]
