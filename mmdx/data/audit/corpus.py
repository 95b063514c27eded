"""Reports as weighted words and pairs of words, and a linear probe on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mmdx.data.audit.negation import marked_tokens
from mmdx.data.audit.probes import cross_validated
from mmdx.data.text.sections import sections
from mmdx.data.text.words import fewest_patients, shared

STRONGEST = 8
VOCABULARY = 50_000
_NEGATED = "no_"


class Corpus:
    """TF-IDF over words and pairs of words, negated ones apart; the inverse document frequencies see no label."""

    def __init__(self, reports: Sequence[str]) -> None:
        self._reports = list(reports)
        self._tokens = [marked_tokens(report) for report in reports]
        self._terms: list[str] = []
        self._matrix: csr_matrix | None = None
        if any(self._tokens):
            vectorizer = TfidfVectorizer(
                analyzer=_terms_of,  # pyright: ignore[reportArgumentType]
                sublinear_tf=True,
                max_features=VOCABULARY,
            )
            self._matrix = csr_matrix(vectorizer.fit_transform(self._tokens))
            self._terms = [str(term) for term in vectorizer.get_feature_names_out()]

    def scores(
        self, labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"], rows: Int[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        """Out-of-fold scores of the reports `rows`; all alike where no report has a word."""
        if self._matrix is None:
            return np.zeros(len(rows))
        chosen = csr_matrix(self._matrix[rows])

        def fitted(train: Int[np.ndarray, "a"], held: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b"]:
            return _probe().fit(chosen[train], labels[train].astype(int)).decision_function(chosen[held])

        return cross_validated(labels, patients, fitted)

    def strongest(
        self, labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"], rows: Int[np.ndarray, "n"]
    ) -> list[dict[str, Any]]:
        """The terms that carry a probe fitted on all of `rows`: weight, in how many reports of each class, in which
        sections. `negated` ones stand in reach of a negation. Terms and sections of reports of fewer `patients` than
        `fewest_patients` are not named.
        """
        if self._matrix is None:
            return []
        chosen = csr_matrix(self._matrix[rows])
        weights = _probe().fit(chosen, labels.astype(int)).coef_[0]
        there = csr_matrix(chosen > 0).tocsc()
        least = fewest_patients(patients.tolist())
        terms: list[dict[str, Any]] = []
        for column in np.argsort(-np.abs(weights), kind="stable"):
            holding = there[:, [column]].toarray().ravel()
            if len(terms) == STRONGEST or not weights[column]:
                break
            if len(np.unique(patients[holding])) < least:
                continue
            text = self._terms[column]
            terms.append(
                {
                    "term": text.replace(_NEGATED, "no "),
                    "negated": _NEGATED in text,
                    "weight": round(float(weights[column]), 3),
                    "positive": int((holding & (labels == 1)).sum()),
                    "negative": int((holding & (labels == 0)).sum()),
                    "sections": self._places(text, rows[holding], patients[holding]),
                }
            )
        return terms

    def _places(self, term: str, rows: Int[np.ndarray, "m"], patients: Int[np.ndarray, "m"]) -> dict[str, int]:
        """In how many reports a term stands in each section; text before any heading is under ""."""
        places = [
            [name for name, text in sections(self._reports[row]).items() if term in _terms_of(marked_tokens(text))]
            for row in rows
        ]
        named = shared(places, patients.tolist())
        return dict(Counter(name for own in places for name in own if name in named))


def _probe() -> LogisticRegression:
    return LogisticRegression(C=10.0, class_weight="balanced", max_iter=500, solver="liblinear")


def _terms_of(tokens: Sequence[str]) -> list[str]:
    return [*tokens, *(f"{first} {second}" for first, second in pairwise(tokens))]
