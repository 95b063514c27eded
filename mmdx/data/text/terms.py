"""The terms of the training reports: words and pairs of neighbours, how rare they are, how they go together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Int64
from scipy.sparse import csr_array

from mmdx.data.text.tokenizer import PADDING, UNKNOWN_WORD, ReportTokenizer
from mmdx.data.text.words import shared
from mmdx.study import Terms

MOST_PAIRS = 16384
"""Pairs that are kept: those of most reports, among equals those of the lowest ids."""
MOST_REPORTS = 2048
"""Training reports that components are fitted on, spread evenly over more."""


def fit_terms(tokenizer: ReportTokenizer, reports: Iterable[str], patients: Sequence[str] | None = None) -> Terms:
    """The terms of `reports`, those of training studies alone, with scikit-learn's rarity: log((1 + n) / (1 + d)) + 1.

    d of n reports that are not blank have the term; `patients` are whose each report is (None: of a patient each), and
    what stands in the reports of fewer than `fewest_patients` is no term. A word is a token with a letter or a digit.
    Punctuation is no term, but with a word beside it: what follows a heading tells more than the same word elsewhere. A
    word that the tokenizer does not know is in no pair.
    """
    vocabulary = tokenizer.words(range(tokenizer.vocabulary))
    known = np.array([word not in (PADDING, UNKNOWN_WORD) for word in vocabulary])
    worded = known & [any(map(str.isalnum, word)) for word in vocabulary]
    written = [(at, report) for at, report in enumerate(reports) if report.strip()]
    owners = [str(at) if patients is None else patients[at] for at, _ in written]
    ids = [tokenizer(report) for _, report in written]
    words, total = np.zeros(len(vocabulary), dtype=np.int64), len(ids)
    pairs: Counter[tuple[int, int]] = Counter()
    for report in ids:
        words[np.unique(report)] += 1
        pairs.update(_pairs(report, known, worded))
    several = shared((np.unique(report).tolist() for report in ids), owners)
    rare = np.where(worded & np.isin(np.arange(len(words)), list(several)), np.log((1 + total) / (1 + words)) + 1, 0.0)
    often = [(-pairs[pair], pair) for pair in shared((_pairs(report, known, worded) for report in ids), owners)]
    kept = sorted(pair for _, pair in sorted(often)[:MOST_PAIRS])
    rarities = tuple(math.log((1 + total) / (1 + pairs[pair])) + 1 for pair in kept)
    return Terms(tuple(rare.tolist()), tuple(kept), rarities)


def _pairs(
    ids: Int64[np.ndarray, "n"], known: Bool[np.ndarray, "v"], worded: Bool[np.ndarray, "v"]
) -> set[tuple[int, int]]:
    neighbours = pairwise(ids.tolist())
    return {(a, b) for a, b in neighbours if known[a] and known[b] and (worded[a] or worded[b])}


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
    from scipy.linalg import eigh  # imported here, since a model that is only read has no use for it

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
