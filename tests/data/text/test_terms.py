"""The terms of training reports: which words and pairs are kept, and how rare they are."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from mmdx.data.text.terms import fit_components, fit_terms, term_vectors
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.study import Terms

REPORTS = ["No acute bleed. The head.", "no acute bleed, no fall", "Acute fall; the head", "  "]


def named(terms: Terms, reports: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """The rarities of words and pairs by their words."""
    tokenizer = fit_tokenizer(reports, max_tokens=64)
    words = {tokenizer.words([at])[0]: rarity for at, rarity in enumerate(terms.words) if rarity}
    pairs = {" ".join(tokenizer.words(pair)): rarity for pair, rarity in zip(terms.pairs, terms.rarities, strict=True)}
    return words, pairs


def test_words_and_neighbours_of_two_reports_are_terms() -> None:
    terms = fit_terms(fit_tokenizer(REPORTS, max_tokens=64), REPORTS)
    words, pairs = named(terms, REPORTS)
    two = log(4 / 3) + 1  # in two of three reports that are not blank
    # "acute" stands in all three; punctuation is no word, parts "bleed" from "the", and is a pair with a word.
    assert words == pytest.approx({"acute": 1.0, "bleed": two, "fall": two, "head": two, "no": two, "the": two})
    assert pairs == pytest.approx({"no acute": two, "acute bleed": two, "the head": two})
    assert list(terms.pairs) == sorted(terms.pairs)


def test_a_word_twice_in_one_report_is_no_term() -> None:
    reports = ["again and again the fall", "the fall"]
    words, pairs = named(fit_terms(fit_tokenizer(reports, max_tokens=64), reports), reports)
    assert (set(words), set(pairs)) == ({"the", "fall"}, {"the fall"})


def test_a_word_behind_a_heading_is_a_term_of_its_own() -> None:
    reports = ["mass: none. Impression: mass.", "Impression: mass. No fall"]
    pairs = named(fit_terms(fit_tokenizer(reports, max_tokens=64), reports), reports)[1]
    assert set(pairs) == {"impression :", ": mass", "mass ."}


def test_terms_of_a_lone_patient_are_none() -> None:
    reports, patients = ["a fall", "a fall", "fall a"], ["p", "p", "q"]
    tokenizer = fit_tokenizer(reports, max_tokens=64)
    terms = fit_terms(tokenizer, reports, patients)
    assert terms.pairs == ()
    assert sum(map(bool, terms.words)) == 2
    assert not any(fit_terms(tokenizer, reports[:1]).words)


def test_a_vector_weighs_how_often_and_how_rare() -> None:
    terms = Terms((0.0, 0.0, 1.0, 2.0), pairs=((2, 3),), rarities=(3.0,))
    vectors = term_vectors(terms, [np.array([2, 3, 1, 2]), np.array([1, 1]), np.array([], dtype=np.int64)]).toarray()
    expected = np.array([0, 0, 1 + log(2), 2, 3])
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected))
    assert vectors[1:].tolist() == [[0] * 5] * 2


def test_components_keep_all_distances_where_there_are_enough() -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    terms = fit_terms(tokenizer, REPORTS)
    vectors = term_vectors(terms, [tokenizer(report) for report in REPORTS[:3]]).toarray()
    mean, matrix = fit_components(terms, tokenizer, REPORTS, rank=6, seed=0)
    np.testing.assert_allclose(mean, vectors.mean(axis=0), atol=1e-6)
    components = (vectors - mean) @ matrix
    assert components.shape == (3, 6)
    assert (components**2).mean() == pytest.approx(1, rel=1e-5)
    between = [np.linalg.norm(points[:, None] - points[None], axis=-1) for points in (vectors, components)]
    factor = between[1].max() / between[0].max()
    np.testing.assert_allclose(between[1], factor * between[0], atol=1e-5)
    # One component is the one of the largest spread.
    alone = (vectors - mean) @ fit_components(terms, tokenizer, REPORTS, rank=1, seed=0)[1]
    first = np.linalg.svd(vectors - mean)[0][:, 0]
    assert abs(first @ alone[:, 0]) == pytest.approx(np.linalg.norm(alone), rel=1e-5)


def test_reports_that_are_all_alike_have_no_component() -> None:
    tokenizer = fit_tokenizer(["a fall"] * 2, max_tokens=64)
    terms = fit_terms(tokenizer, ["a fall"] * 2)
    assert any(terms.words)
    assert not fit_components(terms, tokenizer, ["a fall"] * 2, rank=3, seed=0)[1].any()
