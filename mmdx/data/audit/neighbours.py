"""Studies that follow each other and look like one patient, where nobody told whose studies are.

Files of one patient are often numbered in a row. Of studies in the natural order of their ids, neighbours look like one
patient where their pictures are more alike than 99 % of the pairs of the cohort, and no sex says otherwise. One pair in
a hundred does so by chance: nothing is said unless there are more of them than chance explains.

`docs/audit.md` says how often that was right on chest x-rays whose patients are known.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Int
from natsort import natsort_keygen
from scipy.stats import binomtest

from mmdx.data.audit.identities import Pair
from mmdx.data.audit.issues import Issue, plural
from mmdx.data.audit.pixels import ImageFacts, unit_rows
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.errors import some

ALIKE = 0.99
"""The share of pairs of different patients that neighbours must be more alike than."""
BY_CHANCE = 0.001
"""The chance of so many alike neighbours from which they are called suspects."""
LEAST = 30
"""Studies with a picture below which their pairs say nothing."""
DRAWN = 20_000
"""Pairs from which the usual likeness is taken."""
_natural = natsort_keygen()


def check_neighbours(facts: StoreFacts) -> list[Issue]:
    """A warning where suspects stand in several splits, a note where they do not; nothing where patients are known."""
    if not facts.patients_unknown:
        return []
    pairs = sorted({pair for images in facts.images.values() for pair in suspects(facts, images)})
    groups = _chained(pairs)
    across = [group for group in groups if len({facts.splits[row] for row in group}) > 1]
    if not groups:
        return []
    shown = across or groups
    first = [facts.study_ids[row] for row in shown[0]]
    sentence = (
        f"{plural(len(groups), 'group')} of studies with neighbouring ids look like one patient each, {len(across)} of "
        f"them in several splits (such as {some(first)}); look at them, and give each patient one patient_id"
    )
    rows = tuple(facts.study_ids[row] for group in shown for row in group)
    named = [[facts.study_ids[row] for row in group] for group in groups]
    return [Issue("suspects", "warning" if across else "note", sentence, rows, {"groups": named})]


def suspects(facts: StoreFacts, images: ImageFacts) -> list[Pair]:
    """Rows of neighbours that look like one patient in one modality; none where chance explains as many."""
    rows, hashes = _hash_of_studies(facts, images)
    if len(rows) < LEAST:
        return []
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(rows), (2, DRAWN))
    others = facts.patients[rows[first]] != facts.patients[rows[second]]
    usual = np.einsum("nd,nd->n", hashes[first[others]], hashes[second[others]])
    threshold = float(np.quantile(usual, ALIKE))
    order = sorted(range(len(rows)), key=lambda place: _natural(facts.study_ids[rows[place]]))
    pairs = [(a, b) for a, b in pairwise(order) if _could_be_one(facts, int(rows[a]), int(rows[b]))]
    alike = [(int(rows[a]), int(rows[b])) for a, b in pairs if float(hashes[a] @ hashes[b]) > threshold]
    if not alike or binomtest(len(alike), len(pairs), 1 - ALIKE, alternative="greater").pvalue >= BY_CHANCE:
        return []
    return alike


def _hash_of_studies(facts: StoreFacts, images: ImageFacts) -> tuple[Int[np.ndarray, "m"], Float32[np.ndarray, "m d"]]:
    """The rows of studies with a picture, and the mean hash of each, without what all have in common."""
    spans = [(row, images.hashes[images.of(row)][~images.blank[images.of(row)]]) for row in range(len(facts))]
    seen = [(row, hashes.astype(np.float32).mean(axis=0)) for row, hashes in spans if hashes.any()]
    if not seen:
        return np.zeros(0, dtype=int), np.zeros((0, images.hashes.shape[1]), dtype=np.float32)
    means = np.stack([mean for _, mean in seen])
    return np.array([row for row, _ in seen]), unit_rows(means - means.mean(axis=0))


def _could_be_one(facts: StoreFacts, first: int, second: int) -> bool:
    sexes = {str(facts.traits[row]["sex"]).casefold() for row in (first, second) if facts.traits[row].get("sex")}
    return facts.patients[first] != facts.patients[second] and len(sexes) < 2


def _chained(pairs: list[Pair]) -> list[list[int]]:
    """Pairs that share a study are one group; rows in the order in which they were met."""
    groups: list[list[int]] = []
    for pair in pairs:
        met = [group for group in groups if not set(pair).isdisjoint(group)]
        groups = [group for group in groups if group not in met]
        groups.append(list(dict.fromkeys(row for group in [*met, list(pair)] for row in group)))
    return groups
