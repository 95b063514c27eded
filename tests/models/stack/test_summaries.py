"""Fixed vectors of a modality: words as scikit-learn counts them, descriptors, rows of tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from mmdx.models.stack.summaries import MeanAndMax, Standardised, WordCounts, term_keys
from mmdx.study import Column

WORDS = ["[PAD]", "[UNK]", ".", "no", "bleed", "in", "head"]
WORDED = torch.tensor([False, False, False, True, True, True, True])


def test_the_keys_of_a_text_are_its_words_and_then_its_pairs_of_words():
    # "no bleed . head" and "head": the full stop counts nothing, and the pair reaches over it, but not over studies.
    tokens, lengths = torch.tensor([3, 4, 2, 6, 6]), torch.tensor([4, 1])
    studies, keys = term_keys(tokens, lengths, WORDED)
    assert studies.tolist() == [0, 0, 0, 1, 0, 0]
    assert keys.tolist() == [3, 4, 6, 6, 7 * 4 + 4, 7 * 5 + 6]


def test_words_and_pairs_are_weighted_as_scikit_learn_weights_them():
    texts = ["no bleed in head", "bleed in head . bleed", "no no head"]
    packed = [[WORDS.index(word) for word in text.split()] for text in texts]
    tokens, lengths = torch.tensor([at for ids in packed for at in ids]), torch.tensor([len(ids) for ids in packed])
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+")
    expected = vectors.fit_transform(texts).toarray()
    terms = {word: at for at, word in enumerate(WORDS)}
    key_of = {
        term: terms[parts[0]] if len(parts) == 1 else 7 * (terms[parts[0]] + 1) + terms[parts[1]]
        for term in vectors.vocabulary_
        if (parts := term.split())
    }
    order = sorted(key_of, key=lambda term: key_of[term])
    columns = [vectors.vocabulary_[term] for term in order]
    keys = torch.tensor([key_of[term] for term in order])
    counts = WordCounts(keys, torch.from_numpy(vectors.idf_[columns]), WORDED)
    assert counts(tokens, lengths).numpy() == pytest.approx(expected[:, columns], abs=1e-6)


def test_words_that_no_training_text_has_and_a_text_without_words_count_nothing():
    counts = WordCounts(torch.tensor([4]), torch.ones(1), WORDED)
    assert counts(torch.tensor([3, 6, 4]), torch.tensor([2, 1, 0])).tolist() == [[0.0], [1.0], [0.0]]
    none = WordCounts(torch.zeros(0, dtype=torch.long), torch.zeros(0), WORDED)
    assert none(torch.tensor([3]), torch.tensor([1])).shape == (1, 0)


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
