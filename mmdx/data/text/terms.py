"""The terms of the training reports: words and pairs of neighbours, how rare they are, how they go together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Int64
from scipy.linalg import eigh
from scipy.sparse import csr_array

from mmdx.data.text.tokenizer import PADDING, UNKNOWN_WORD, ReportTokenizer
from mmdx.study import Terms

RAREST = 2
"""Training reports in which a term must stand, where there are so many."""
MOST_PAIRS = 16384
"""Pairs that are kept: those of most reports, among equals those of the lowest ids."""
MOST_REPORTS = 2048
"""Training reports that components are fitted on, spread evenly over more."""


def fit_terms(tokenizer: ReportTokenizer, reports: Iterable[str]) -> Terms:
    """The terms of `reports`, those of training studies alone, with scikit-learn's rarity: log((1 + n) / (1 + d)) + 1.

    d of n reports that are not blank have the term, and fewer than `RAREST` make it none. A word is a token with a
    letter or a digit; punctuation parts neighbours, as does a word that the tokenizer does not know.
    """
    vocabulary = tokenizer.words(range(tokenizer.vocabulary))
    worded = np.array([word not in (PADDING, UNKNOWN_WORD) and any(map(str.isalnum, word)) for word in vocabulary])
    total, words, pairs = 0, np.zeros(len(vocabulary), dtype=np.int64), Counter[tuple[int, int]]()
    for report in reports:
        if report.strip():
            total += 1
            ids = tokenizer(report)
            words[np.unique(ids)] += 1
            pairs.update({pair for pair in pairwise(ids.tolist()) if worded[list(pair)].all()})
    least = min(RAREST, total)
    rare = np.where(worded & (words >= max(1, least)), np.log((1 + total) / (1 + words)) + 1, 0.0)
    often = [(-count, pair) for pair, count in pairs.items() if count >= least]
    kept = sorted(pair for _, pair in sorted(often)[:MOST_PAIRS])
    rarities = tuple(math.log((1 + total) / (1 + pairs[pair])) + 1 for pair in kept)
    return Terms(tuple(rare.tolist()), tuple(kept), rarities)


def term_vectors(terms: Terms, reports: Sequence[Int64[np.ndarray, "_"]]) -> csr_array:
    """The tf-idf vectors `[n v]` of reports (ids) over their terms: words by id, then pairs; of length 1, or 0.

    A term that stands c times weighs (1 + log c) times its rarity, as scikit-learn's `sublinear_tf` has it.
    """
    rarity, places = np.array([*terms.words, *terms.rarities]), {pair: at for at, pair in enumerate(terms.pairs)}
    values, columns, ends = [], [], [0]
    for ids in reports:
        words = ids.tolist()
        counts = Counter(word for word in words if terms.words[word])
        counts.update(len(terms.words) + places[pair] for pair in pairwise(words) if pair in places)
        row = np.array([(1 + math.log(count)) * rarity[term] for term, count in counts.items()])
        values.append(row / max(float(np.linalg.norm(row)), 1e-12))
        columns.extend(counts)
        ends.append(len(columns))
    return csr_array((np.concatenate([np.empty(0), *values]), columns, ends), shape=(len(reports), len(rarity)))


def fit_components(
    terms: Terms, tokenizer: ReportTokenizer, reports: Iterable[str], *, rank: int, seed: int
) -> tuple[Float32[np.ndarray, "v"], Float32[np.ndarray, "v k"]]:
    """Mean `[v]` of the term vectors of `reports` (training), and their first `rank` principal components, rotated.

    `(x - mean) @ matrix` keeps all distances between the reports where there are no more of them than `rank`, but for
    one factor, by which the mean square of all values is 1. The rotation, drawn by `seed`, spreads what there is over
    `rank` values that are all alike, for an optimizer that makes equally large steps in each of them.
    """
    ids = [tokenizer(report) for report in reports if report.strip()]
    if len(ids) > MOST_REPORTS:
        ids = [ids[at] for at in np.linspace(0, len(ids) - 1, MOST_REPORTS).round().astype(int)]
    vectors = term_vectors(terms, ids)
    mean = np.asarray(vectors.mean(axis=0)).ravel()
    shift = vectors @ mean
    likeness = (vectors @ vectors.T).toarray() - shift[:, None] - shift[None] + mean @ mean
    spreads, axes = eigh(likeness, subset_by_index=[max(0, len(ids) - rank), len(ids) - 1])
    real = spreads > 1e-9
    axes = axes[:, real] / np.sqrt(spreads[real])
    components = vectors.T @ axes - np.outer(mean, axes.sum(axis=0))
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(rank, int(real.sum()))))
    scale = math.sqrt(len(ids) * rank / max(float(spreads[real].sum()), 1e-9))
    return mean.astype(np.float32), (scale * components @ rotation.T).astype(np.float32)
