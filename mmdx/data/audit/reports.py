"""Reports that stand under several patients' names: word for word, or nearly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from mmdx.data.audit.identities import Pair, crosses, pairs_in_words
from mmdx.data.audit.issues import Issue, plural
from mmdx.data.audit.negation import words
from mmdx.data.audit.store_facts import StoreFacts

LONG = 20
"""Words from which a report is the account of one patient; shorter ones (`Normal CT.`) repeat by themselves."""
SHINGLE = 3
"""Words in a row that are compared."""
NEAR = 0.6
"""The share of shingles that two reports must have in common (Jaccard)."""
RARE = 20
"""Reports that may hold a shingle that proposes a pair: phrases that more of them use are templates."""
BLOCK = 1000


def check_reports(facts: StoreFacts) -> list[Issue]:
    """Warnings for long reports that are alike across splits, notes for the rest.

    A report is no proof of identity, templates being what they are, so that none of this is a leak by itself; a text
    model can learn such a pair by heart all the same.
    """
    return [issue for name, texts in facts.reports.items() for issue in _of_modality(facts, name, texts)]


def _of_modality(facts: StoreFacts, name: str, texts: Sequence[str | None]) -> list[Issue]:
    texts_words = [[word.text for word in words(text)] if text else [] for text in texts]
    same = _identical(facts, texts_words)
    short = [pair for pair in same if len(texts_words[pair[0]]) < LONG]
    long_same = {pair for pair in same if pair not in set(short)}
    near = [pair for pair in _near(facts, texts_words) if pair not in long_same]
    issues = [
        *_pairs(facts, f"identical {name}s", f"have the same {name}", sorted(long_same)),
        *_pairs(facts, f"near-identical {name}s", f"have nearly the same {name}", near),
    ]
    if short:
        rows = tuple(dict.fromkeys(facts.study_ids[row] for pair in short for row in pair))
        sentence = (
            f"{plural(len(rows), 'study', 'studies')} share a {name} of fewer than {LONG} words with another patient; "
            "fixed phrases, as a rule"
        )
        issues.append(Issue(f"short {name}s", "note", sentence, rows))
    return issues


def _pairs(facts: StoreFacts, kind: str, what: str, pairs: Sequence[Pair]) -> list[Issue]:
    across = [pair for pair in pairs if crosses(facts, pair)]
    chosen = across or list(pairs)
    if not chosen:
        return []
    where = "across splits; is it one exam? then give both one patient_id" if across else "within a split"
    rows = tuple(dict.fromkeys(facts.study_ids[row] for pair in chosen for row in pair))
    study_pairs = [[facts.study_ids[row] for row in pair] for pair in chosen]
    sentence = f"{pairs_in_words(facts, chosen, what)} {where}"
    return [Issue(kind, "warning" if across else "note", sentence, rows, {"pairs": study_pairs})]


def _identical(facts: StoreFacts, words_by_row: Sequence[Sequence[str]]) -> list[Pair]:
    """Each further study with a text, paired with the first of another patient that has it, in another split if any."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, members in enumerate(words_by_row):
        if members:
            rows.setdefault(tuple(members), []).append(row)
    pairs = []
    for members in rows.values():
        for row in members[1:]:
            earlier = [other for other in members if other < row and facts.patients[other] != facts.patients[row]]
            earlier.sort(key=lambda other, row=row: (not crosses(facts, (other, row)), other))
            pairs += [(other, row) for other in earlier[:1]]
    return pairs


def _near(facts: StoreFacts, words_by_row: Sequence[Sequence[str]]) -> list[Pair]:
    """Pairs of long reports of different patients with `NEAR` of their shingles in common, some of them rare ones.

    Products of sparse blocks; memory follows the pairs that share rare shingles.
    """
    long = np.array([row for row, words_of_row in enumerate(words_by_row) if len(words_of_row) >= LONG], dtype=int)
    if len(long) < 2:
        return []
    vectorizer = CountVectorizer(analyzer=_shingles, binary=True)  # pyright: ignore[reportArgumentType]
    table = csr_matrix(vectorizer.fit_transform([words_by_row[row] for row in long]))
    holders = np.asarray(table.sum(axis=0)).ravel()
    rare = csr_matrix(table[:, np.flatnonzero((holders >= 2) & (holders <= RARE))])
    sizes = np.asarray(table.sum(axis=1)).ravel()
    pairs = []
    for start in range(0, len(long), BLOCK):
        shared = (rare[start : start + BLOCK] @ rare.T).tocoo()
        first, second = shared.coords[0] + start, shared.coords[1]
        chosen = (first < second) & (facts.patients[long[first]] != facts.patients[long[second]])
        for a, b in zip(first[chosen], second[chosen], strict=True):
            common = (
                int(table[a].multiply(table[b]).sum())
                if min(sizes[a], sizes[b]) >= NEAR * max(sizes[a], sizes[b])
                else 0
            )
            if common >= NEAR * (sizes[a] + sizes[b] - common):
                pairs.append((int(long[a]), int(long[b])))
    return pairs


def _shingles(report: Sequence[str]) -> list[str]:
    return [" ".join(report[i : i + SHINGLE]) for i in range(len(report) - SHINGLE + 1)]
