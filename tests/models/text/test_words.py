"""Encoders over the words of the training reports: tf-idf against scikit-learn, attention by hand, empty reports."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from mmdx.batch import Features
from mmdx.data.text.tokenizer import ReportTokenizer, fit_tokenizer, inverse_document_frequencies
from mmdx.models.text.words import BiLstmAttention, TfIdf
from mmdx.registry import TEXT_ENCODERS
from mmdx.schema import Component

REPORTS = [
    "Fall on the head, then a second fall.",
    "Headache since the fall.",
    "Headache, no fall.",
    "The head, again.",
]
ASKED = ["A fall, a FALL and a headache.", "The head.", "Nothing of this was ever read"]


def tfidf(tokenizer: ReportTokenizer) -> TfIdf:
    idf = inverse_document_frequencies(tokenizer, REPORTS)
    return TEXT_ENCODERS.build(
        Component(type="tfidf"), vocabulary=tokenizer.vocabulary, architecture=None, idf=idf
    ).eval()


def read(encoder: TfIdf, tokenizer: ReportTokenizer, reports: list[str]) -> Features:
    tokens = [torch.from_numpy(tokenizer(report)) for report in reports]
    return encoder(torch.cat(tokens), torch.tensor([len(ids) for ids in tokens]))


def test_tfidf_is_that_of_scikit_learn():
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    words = tokenizer.words(range(2, tokenizer.vocabulary))
    reference = TfidfVectorizer(
        analyzer=lambda report: tokenizer.words(tokenizer(report).tolist()), vocabulary=words, sublinear_tf=True
    ).fit(REPORTS)
    expected = torch.from_numpy(reference.transform(REPORTS + ASKED).toarray()).float()
    pooled = read(tfidf(tokenizer), tokenizer, REPORTS + ASKED).pooled
    assert {"fall", "the", "headache", ","} <= set(words)
    torch.testing.assert_close(pooled[:, 2:], expected)
    assert pooled[:, :2].abs().max() == 0
    assert pooled[0].norm() == pytest.approx(1)
    assert pooled[-1].norm() == 0


def test_word_weights_are_shares_of_the_squared_vector():
    # Words 2 and 3 weigh alike; 2 stands twice, so 1 + log 2 against 1.
    encoder = TfIdf(4, None, idf=(0.0, 0.0, 1.0, 1.0))
    seen = encoder(torch.tensor([2, 3, 2, 1, 1]), torch.tensor([3, 0, 2]))
    twice = (1 + math.log(2)) ** 2
    assert seen.weights is not None
    assert seen.weights[0].tolist() == pytest.approx(
        [twice / 2 / (twice + 1), 1 / (twice + 1), twice / 2 / (twice + 1)]
    )
    assert seen.weights[1].tolist() == [0, 0, 0]
    assert seen.weights[2].tolist() == [0, 0, 0]
    assert seen.items[0].sum() == pytest.approx(seen.pooled[0].sum())
    assert seen.mask.sum(dim=1).tolist() == [3, 0, 2]


def test_attention_weighs_the_words_of_a_report_and_of_no_other():
    torch.manual_seed(0)
    encoder = BiLstmAttention(8, None, embedding=4, hidden=3).eval()
    features = encoder(torch.tensor([2, 3, 4, 5]), torch.tensor([3, 0, 1]))
    assert (encoder.dim, encoder.item_dim) == (6, 6)
    assert features.items.shape == (3, 3, 6)
    assert features.weights is not None
    assert features.weights.sum(dim=1).tolist() == pytest.approx([1.0, 0.0, 1.0])
    torch.testing.assert_close(features.pooled[2], features.items[2, 0])
    assert features.pooled[1].tolist() == [0.0] * 6


def test_words_that_score_alike_weigh_alike():
    encoder = BiLstmAttention(8, None, embedding=4, hidden=3).eval()
    torch.nn.init.zeros_(encoder.score.weight)
    features = encoder(torch.tensor([2, 3, 4, 5]), torch.tensor([4]))
    assert features.weights is not None
    assert features.weights.tolist() == [[0.25] * 4]
    torch.testing.assert_close(features.pooled, features.items.mean(dim=1))
