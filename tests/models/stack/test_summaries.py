"""Fixed vectors of a modality: words as scikit-learn counts them, descriptors, rows of tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmdx.models.stack.summaries import MeanAndMax, Standardised, Words
from mmdx.study import Column, Terms


def test_words_and_pairs_of_a_text_are_weighted_and_brought_to_length_1():
    # Of five tokens 3 and 4 are words, both of rarity 1, and so is the pair of them.
    words = Words(Terms((0.0, 0.0, 0.0, 1.0, 1.0), ((3, 4),), (1.0,)))
    vectors = words(torch.tensor([3, 4, 3, 2]), torch.tensor([2, 0, 2]))
    assert vectors.shape == (3, words.width)
    assert vectors[:, 3:].tolist() == [pytest.approx([3**-0.5] * 3), [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_descriptors_of_a_study_are_their_mean_and_their_maximum():
    values = torch.tensor([[1.0, 8.0], [3.0, 4.0], [5.0, 5.0]])
    summary = MeanAndMax(2)(values, torch.tensor([2, 0, 1]))
    assert summary[[0, 2]].tolist() == [[2.0, 6.0, 3.0, 8.0], [5.0, 5.0, 5.0, 5.0]]
    assert summary[1].isfinite().all()


def test_a_row_of_a_table_is_standardised_and_one_that_is_lacking_is_finite():
    summary = Standardised([Column("age", mean=50.0, sd=10.0), Column("sex", words=("F", "M"), shares=(0.5, 0.5))])
    rows = summary(torch.tensor([[70.0, 1.0]]), torch.tensor([0, 1]))
    assert rows[1].tolist() == [2.0, -0.5, 0.5]
    assert np.isfinite(rows.numpy()).all()
