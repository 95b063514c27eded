"""Reports that stand under several patients' names: word for word, or nearly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from mmdx.data.audit.evidence import Evidence
from mmdx.data.audit.identities import Pair, crosses, told
from mmdx.data.audit.issues import Finding, plural
from mmdx.data.audit.negation import words

LONG = 20
"""Words from which a report is the account of one patient; shorter ones (`Normal CT.`) repeat by themselves."""
SHINGLE = 3
"""Words in a row that are compared."""
NEAR = 0.6
"""The share of shingles that two reports must have in common (Jaccard)."""
RARE = 20
"""Reports that may hold a shingle that proposes a pair: phrases that more of them use are templates."""
BLOCK = 1000


def check_reports(evidence: Evidence) -> list[Finding]:
    """Warnings for long reports that are alike across splits, notes for the rest.

    A report is no proof of identity, templates being what they are, so that none of this is a leak by itself; a text
    model can learn such a pair by heart all the same.
    """
    return [found for name, texts in evidence.reports.items() for found in _of_modality(evidence, name, texts)]


def _of_modality(evidence: Evidence, name: str, texts: Sequence[str | None]) -> list[Finding]:
    said = [[word.text for word in words(text)] if text else [] for text in texts]
    same = _identical(evidence, said)
    short = [pair for pair in same if len(said[pair[0]]) < LONG]
    known = {pair for pair in same if pair not in set(short)}
    near = [pair for pair in _near(evidence, said) if pair not in known]
    findings = [
        *_pairs(evidence, f"identical {name}s", f"have the same {name}", sorted(known)),
        *_pairs(evidence, f"near-identical {name}s", f"have nearly the same {name}", near),
    ]
    if short:
        rows = tuple(dict.fromkeys(evidence.study_ids[row] for pair in short for row in pair))
        sentence = (
            f"{plural(len(rows), 'study', 'studies')} share a {name} of fewer than {LONG} words with another patient; "
            "fixed phrases, as a rule"
        )
        findings.append(Finding(f"short {name}s", "note", sentence, rows))
    return findings


def _pairs(evidence: Evidence, kind: str, what: str, pairs: Sequence[Pair]) -> list[Finding]:
    across = [pair for pair in pairs if crosses(evidence, pair)]
    chosen = across or list(pairs)
    if not chosen:
        return []
    where = "across splits; is it one exam? then give both one patient_id" if across else "within a split"
    rows = tuple(dict.fromkeys(evidence.study_ids[row] for pair in chosen for row in pair))
    named = [[evidence.study_ids[row] for row in pair] for pair in chosen]
    sentence = f"{told(evidence, chosen, what)} {where}"
    return [Finding(kind, "warning" if across else "note", sentence, rows, {"pairs": named})]


def _identical(evidence: Evidence, said: Sequence[Sequence[str]]) -> list[Pair]:
    """Each further study with a text, paired with the first of another patient that has it, in another split if any."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, own in enumerate(said):
        if own:
            rows.setdefault(tuple(own), []).append(row)
    found = []
    for own in rows.values():
        for row in own[1:]:
            others = [other for other in own if other < row and evidence.patients[other] != evidence.patients[row]]
            others.sort(key=lambda other, row=row: (not crosses(evidence, (other, row)), other))
            found += [(other, row) for other in others[:1]]
    return found


def _near(evidence: Evidence, said: Sequence[Sequence[str]]) -> list[Pair]:
    """Pairs of long reports of different patients with `NEAR` of their shingles in common, some of them rare ones.

    Products of sparse blocks; memory follows the pairs that share rare shingles.
    """
    long = np.array([row for row, own in enumerate(said) if len(own) >= LONG], dtype=int)
    if len(long) < 2:
        return []
    vectorizer = CountVectorizer(analyzer=_shingles, binary=True)  # pyright: ignore[reportArgumentType]
    table = csr_matrix(vectorizer.fit_transform([said[row] for row in long]))
    held = np.asarray(table.sum(axis=0)).ravel()
    rare = csr_matrix(table[:, np.flatnonzero((held >= 2) & (held <= RARE))])
    sizes = np.asarray(table.sum(axis=1)).ravel()
    found = []
    for start in range(0, len(long), BLOCK):
        shared = (rare[start : start + BLOCK] @ rare.T).tocoo()
        left, right = shared.coords[0] + start, shared.coords[1]
        chosen = (left < right) & (evidence.patients[long[left]] != evidence.patients[long[right]])
        for a, b in zip(left[chosen], right[chosen], strict=True):
            common = (
                int(table[a].multiply(table[b]).sum())
                if min(sizes[a], sizes[b]) >= NEAR * max(sizes[a], sizes[b])
                else 0
            )
            if common >= NEAR * (sizes[a] + sizes[b] - common):
                found.append((int(long[a]), int(long[b])))
    return found


def _shingles(own: Sequence[str]) -> list[str]:
    return [" ".join(own[i : i + SHINGLE]) for i in range(len(own) - SHINGLE + 1)]
