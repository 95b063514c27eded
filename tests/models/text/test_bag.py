"""A bag of words and pairs beside a sequence: scikit-learn's vectors, a linear answer, weights, long reports."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mmdx.batch import Features
from mmdx.data.text.terms import fit_components, fit_terms
from mmdx.data.text.tokenizer import ReportTokenizer, fit_tokenizer
from mmdx.models.text.bag import Bag, BagAndSequence
from mmdx.registry import TEXT_ENCODERS
from mmdx.schema import Component
from mmdx.study import Terms

REPORTS = ["Fall on the head then a second fall", "Headache since the fall", "Headache no fall", "The head again"]
ASKED = ["A fall on the head and the fall again", "The head", "Nothing of this was ever read"]


def encoder_of(tokenizer: ReportTokenizer, reports: list[str], **options: float) -> BagAndSequence:
    torch.manual_seed(0)
    component = Component(type="bag_and_sequence", embedding=4, hidden=3, **options)
    terms = fit_terms(tokenizer, reports)
    encoder = TEXT_ENCODERS.build(component, vocabulary=tokenizer.vocabulary, architecture=None, terms=terms)
    mean, matrix = fit_components(terms, tokenizer, reports, rank=encoder.select.matrix.shape[1], seed=0)
    encoder.select.load_state_dict({"mean": torch.from_numpy(mean), "matrix": torch.from_numpy(matrix)})
    return encoder


def read(encoder: BagAndSequence, tokenizer: ReportTokenizer, reports: list[str]) -> Features:
    tokens = [torch.tensor(tokenizer(report)) for report in reports]
    return encoder(torch.cat(tokens), torch.tensor([len(ids) for ids in tokens]))


def test_the_bag_is_that_of_scikit_learn():
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    encoder = encoder_of(tokenizer, REPORTS, rank=5).eval()
    reference = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit(REPORTS)
    expected = np.sort(reference.transform(ASKED).toarray(), axis=1)
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(tokenizer(report)) for report in ASKED], batch_first=True)
    vectors = encoder.bag(ids, ids > 0)[0]
    assert {"the head", "the fall"} & set(reference.get_feature_names_out())
    np.testing.assert_allclose(np.sort(vectors.numpy(), axis=1)[:, -expected.shape[1] :], expected, atol=1e-6)
    assert vectors[-1].norm() == 0
    # As many components as there are reports keep what lies between them.
    pooled = read(encoder, tokenizer, REPORTS).pooled[:, :5].detach()
    known = torch.from_numpy(reference.transform(REPORTS).toarray()).float()
    between, expected = torch.pdist(pooled), torch.pdist(known)
    torch.testing.assert_close(between / between.max(), expected / expected.max(), atol=1e-5, rtol=1e-5)


def test_both_words_of_a_pair_have_half_of_its_share():
    bag = Bag(Terms((0.0, 0.0, 1.0, 1.0), pairs=((2, 3),), rarities=(2.0,)))
    ids, shown = torch.tensor([[2, 3, 1, 3], [3, 2, 0, 0]]), torch.tensor([[True] * 4, [True, True, False, False]])
    vectors, shares = bag(ids, shown)
    twice = 1 + np.log(2)
    length = 1 + twice**2 + 4
    assert vectors[0].square().tolist() == pytest.approx([0, 0, 1 / length, twice**2 / length, 4 / length], abs=1e-6)
    pair, second = 2 / length, twice**2 / 2 / length
    assert shares[0].tolist() == pytest.approx([1 / length + pair, second + pair, 0, second], abs=1e-6)
    assert shares[1].tolist() == pytest.approx([0.5, 0.5, 0, 0])  # the other way round they are no pair
    hidden = bag(ids, torch.tensor([[True, False, True, True], [True, True, False, False]]))[0]
    assert hidden[0].square().tolist() == pytest.approx([0, 0, 0.5, 0.5, 0])


def test_weights_are_mixed_of_bag_and_attention():
    encoder = encoder_of(fit_tokenizer(REPORTS, max_tokens=64), REPORTS, share=0.25).eval()
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    features = read(encoder, tokenizer, ["The fall", "", "never read"])
    assert features.weights is not None
    # Of a report without any term the sequence alone has weights.
    assert features.weights.sum(dim=1).tolist() == pytest.approx([1.0, 0.0, 0.25])
    assert features.items.shape == (3, 2, 6)
    assert features.pooled.shape == (3, encoder.dim)


def test_words_are_hidden_in_training_alone():
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    encoder = encoder_of(tokenizer, REPORTS, word_dropout=0.5, dropout=0.0)
    shown = [read(encoder.eval(), tokenizer, REPORTS).pooled for _ in range(2)]
    hidden = [read(encoder.train(), tokenizer, REPORTS).pooled for _ in range(2)]
    assert torch.equal(*shown)
    assert not torch.equal(*hidden)


def made(count: int, seed: int, *, filler: int) -> tuple[list[str], np.ndarray]:
    """Reports of which the last three words, behind `filler` others, tell the label."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    ends = ["no bleed today" if label == 0 else "bleed no doubt" for label in labels]
    words = [" ".join(f"w{word}" for word in rng.integers(0, 40, filler)) for _ in range(count)]
    return [f"{start} {end}" for start, end in zip(words, ends, strict=True)], labels


def trained(encoder: BagAndSequence, tokenizer: ReportTokenizer, reports: list[str], labels: np.ndarray):
    torch.manual_seed(0)
    answer = torch.nn.Linear(encoder.dim, 1)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *answer.parameters()], lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        logits = answer(read(encoder.train(), tokenizer, reports).pooled).squeeze(1)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(labels).float()).backward()
        optimizer.step()
    return answer


def test_a_linear_answer_is_as_good_as_logistic_regression_and_reads_to_the_end():
    (reports, labels), (asked, truth) = made(60, 0, filler=100), made(60, 1, filler=100)
    tokenizer = fit_tokenizer(reports, max_tokens=4096)
    encoder = encoder_of(tokenizer, reports, window=16)
    answer = trained(encoder, tokenizer, reports, labels)
    with torch.no_grad():
        scores = answer(read(encoder.eval(), tokenizer, asked).pooled).squeeze(1).numpy()
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    regression = LogisticRegression(C=10).fit(vectors.fit_transform(reports), labels)
    reference = roc_auc_score(truth, regression.decision_function(vectors.transform(asked)))
    assert roc_auc_score(truth, scores) >= reference - 0.01
    assert reference > 0.9
